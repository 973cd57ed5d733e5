// SPDX-License-Identifier: GPL-2.0
/*
 * What a reset does to requests in flight (drivers/core/vq.c, req.c): the disk goes on with
 * them, and they are nobody's any more.
 */
#include <linux/delay.h>
#include <linux/workqueue.h>

#include "req_fixture.h"

/* Requests in flight, and a reset. */
static struct fake *orphaned(struct kunit *test, int n)
{
	struct fake *f = started(test);

	f->hold = true;
	offer(f, n);
	KUNIT_ASSERT_EQ(test, fake_held(f), n);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	return f;
}

static void reset_does_not_wait_for_the_disk(struct kunit *test)
{
	struct fake *f = orphaned(test, 3);

	KUNIT_EXPECT_EQ(test, fake_held(f), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 3);
}

static void orphans_touch_nothing(struct kunit *test)
{
	struct fake *f = orphaned(test, 3);
	int i;

	canary_set(f);
	for (i = 0; i < 3; i++)
		fake_release(f);
	KUNIT_EXPECT_TRUE(test, canary_lives(f));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.dropped, 3);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.completed, 0);
}

static void queue_ready_zero_orphans_too(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	offer(f, 2);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 2);
	canary_set(f);
	fake_release(f);
	fake_release(f);
	KUNIT_EXPECT_TRUE(test, canary_lives(f));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
}

static void next_driver_waits_for_the_orphans(struct kunit *test)
{
	struct fake *f = orphaned(test, 2);

	f = started(test);
	f->hold = false;
	f->prepared = 0;
	offer(f, 1);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	/* The last orphan lets the driver's requests go, without another kick. */
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static void other_queue_waits_for_the_orphans_too(struct kunit *test)
{
	struct fake *f = orphaned(test, 1);
	struct vring_used *used = fake_va(f, FAKE_USED(1));

	fake_start(f, 0);
	fake_queue(f, 1, 8);
	f->hold = false;
	f->prepared = 0;
	fake_indirect(f, FAKE_DESC(1), 0, FAKE_DATA, 8, F_WRITE, 0);
	fake_offer_to(f, 1, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu((__force __le16)used->idx), 1);
}

/* How many queues are ready while buffers are taken back? */
static void count_ready(struct fake *f, struct virtback_piece *p)
{
	int *ready = f->priv;
	int q;

	*ready = max(*ready, 0);
	for (q = 0; q < FAKE_QUEUES; q++)
		*ready += f->vd.vqs[q].ready;
}

static void reset_stops_all_queues_before_it_lets_go(struct kunit *test)
{
	struct fake *f = started(test);
	int ready = -1;		/* not called */

	fake_queue(f, 1, 4);
	f->hold = true;
	offer(f, 1);
	KUNIT_ASSERT_EQ(test, fake_held(f), 1);
	f->priv = &ready;
	f->on_unpin = count_ready;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, ready, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	f->on_unpin = NULL;
}

static void stopped_queue_leaves_the_other_alone(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_queue(f, 1, 4);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 3);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	offer(f, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static void orphan_completes_into_no_new_ring(struct kunit *test)
{
	struct fake *f = orphaned(test, 2);

	f = started(test);
	fake_release(f);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
}

static void second_reset_counts_orphans_once(struct kunit *test)
{
	struct fake *f = orphaned(test, 2);

	f = started(test);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 2);
	fake_release(f);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
}

static void orphan_has_no_next_pass(struct kunit *test)
{
	struct fake *f = test->priv;

	f->passes = 3;
	orphaned(test, 1);
	canary_set(f);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->resumed, 0);
	KUNIT_EXPECT_EQ(test, f->dead, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_TRUE(test, canary_lives(f));
}

static void reset_ends_a_stalled_pass(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	f->passes = 2;
	offer(f, 1);
	f->stalls = 2;
	fake_release(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->dead, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
}

/* --- drain --- */

struct late_release {
	struct work_struct work;
	struct fake *f;
	bool done;
};

static void release_late(struct work_struct *work)
{
	struct late_release *late = container_of(work, struct late_release, work);

	msleep(20);
	late->done = true;
	fake_release(late->f);
}

static void drain_waits_for_the_disk(struct kunit *test)
{
	struct fake *f = orphaned(test, 1);
	struct late_release late = { .f = f };

	INIT_WORK_ONSTACK(&late.work, release_late);
	schedule_work(&late.work);
	virtback_device_drain(&f->vd);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(late.done));
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
	flush_work(&late.work);
	destroy_work_on_stack(&late.work);
}

static struct kunit_case orphan_cases[] = {
	FAKE_CASE(reset_does_not_wait_for_the_disk),
	FAKE_CASE(orphans_touch_nothing),
	FAKE_CASE(queue_ready_zero_orphans_too),
	FAKE_CASE(next_driver_waits_for_the_orphans),
	FAKE_CASE(other_queue_waits_for_the_orphans_too),
	KUNIT_CASE(reset_stops_all_queues_before_it_lets_go),
	FAKE_CASE(stopped_queue_leaves_the_other_alone),
	FAKE_CASE(orphan_completes_into_no_new_ring),
	FAKE_CASE(second_reset_counts_orphans_once),
	FAKE_CASE(orphan_has_no_next_pass),
	FAKE_CASE(reset_ends_a_stalled_pass),
	FAKE_CASE(drain_waits_for_the_disk),
	{}
};

static struct kunit_suite orphan_suite = {
	.name = "virtback_orphan",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = orphan_cases,
};

kunit_test_suite(orphan_suite);
