// SPDX-License-Identifier: GPL-2.0
/*
 * Completions in the order of the chains (VIRTIO_F_IN_ORDER; drivers/core/req.c),
 * whatever order the disk ends them in.
 */
#include "fake.h"

#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

/* A started device whose every descriptor is a whole request of 8 bytes and more. */
static struct fake *started(struct kunit *test)
{
	struct fake *f = test->priv;
	int i;

	fake_start(f, IN_ORDER);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 8 + i, F_WRITE, 0);
	return f;
}

/* Requests from @first on: @n of them, that the disk keeps or ends at once. */
static void offer(struct fake *f, u16 first, u16 n, bool hold)
{
	f->hold = hold;
	while (n--)
		fake_offer(f, first++ % FAKE_QUEUE_SIZE);
	fake_kick(f);
}

static void expect_used(struct fake *f, u16 n)
{
	u16 i;

	KUNIT_ASSERT_EQ(f->test, fake_used_idx(f), n);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_EQ(f->test, fake_used_id(f, i), i);
		KUNIT_EXPECT_EQ(f->test, fake_used_len(f, i), 8 + i);
	}
}

static void later_request_waits_for_an_earlier_one(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	offer(f, 1, 3, false);
	expect_used(f, 0);
	KUNIT_EXPECT_EQ(test, f->submitted, 4);
	fake_release(f);
	expect_used(f, 4);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
}

static void waiting_stops_at_the_next_that_runs(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	offer(f, 1, 2, false);
	offer(f, 3, 1, true);
	offer(f, 4, 2, false);
	fake_release(f);
	expect_used(f, 3);
	fake_release(f);
	expect_used(f, 6);
}

static void packed_ring_is_in_order_too(struct kunit *test)
{
	struct fake *f = test->priv;
	u16 id, i;
	u32 len;

	fake_packed_start(f, IN_ORDER, 5);
	f->hold = true;
	fake_packed_add(f, FAKE_DATA, 4, F_NEXT, 0);
	fake_packed_add(f, FAKE_DATA, 8, F_WRITE, 0);
	fake_kick(f);
	f->hold = false;
	fake_packed_add(f, FAKE_DATA, 9, F_WRITE, 1);
	fake_packed_add(f, FAKE_DATA, 10, F_WRITE, 2);
	fake_kick(f);
	KUNIT_EXPECT_FALSE(test, fake_packed_used(f, 0, &id, &len));
	fake_release(f);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, fake_packed_used(f, i ? 1 : 2, &id, &len));
		KUNIT_EXPECT_EQ(test, id, i);
		KUNIT_EXPECT_EQ(test, len, 8 + i);
	}
}

static void waiting_requests_have_no_pins(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	offer(f, 1, 5, false);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 1);
}

static void batch_has_one_interrupt(struct kunit *test)
{
	struct fake *f = started(test);
	struct virtback_vq_stats *stats = &f->vd.vqs[0].stats;

	offer(f, 0, 1, true);
	offer(f, 1, 3, false);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
	KUNIT_EXPECT_EQ(test, stats->irqs_saved, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	KUNIT_EXPECT_EQ(test, stats->completed, 4);
	KUNIT_EXPECT_EQ(test, stats->irqs, 1);
	KUNIT_EXPECT_EQ(test, stats->irqs_saved, 3);
}

static void nobody_waits_for_a_request_without_an_answer(struct kunit *test)
{
	struct fake *f = started(test);
	struct virtback_vq *vq = &f->vd.vqs[0];

	f->passes = 2;
	offer(f, 0, 1, true);
	f->passes = 1;
	offer(f, 1, 3, false);
	expect_used(f, 0);
	KUNIT_ASSERT_EQ(test, virtback_vq_inflight(vq), 4);
	f->passes = 2;
	f->broken = true;
	fake_release(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_ASSERT_EQ(test, virtback_vq_inflight(vq), 0);
	KUNIT_EXPECT_EQ(test, vq->stats.dropped, 3);
	/* Who pauses the device would wait for them. */
	KUNIT_ASSERT_EQ(test, virtback_device_pause(&f->vd), 0);
	virtback_device_unpause(&f->vd);
}

static void request_of_many_passes_is_waited_for(struct kunit *test)
{
	struct fake *f = started(test);

	f->passes = 3;
	offer(f, 0, 1, true);
	fake_release(f);
	f->passes = 1;
	offer(f, 1, 2, false);
	expect_used(f, 0);
	f->passes = 3;
	f->hold = true;
	fake_release(f);
	expect_used(f, 0);
	fake_release(f);
	expect_used(f, 3);
}

static void stalled_chain_keeps_its_place(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	f->stalls = 2;
	offer(f, 1, 2, false);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	fake_release(f);
	expect_used(f, 3);
}

static void full_queue_of_waiting_requests_goes_on(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	offer(f, 1, FAKE_QUEUE_SIZE - 1, false);
	/* All requests wait for the first; a driver that overcommits does, too. */
	offer(f, FAKE_QUEUE_SIZE, 3, false);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), FAKE_QUEUE_SIZE);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), FAKE_QUEUE_SIZE + 3);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, FAKE_QUEUE_SIZE + 2), 2);
}

static void reset_drops_what_waits(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	offer(f, 1, 4, false);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	/* Only what the disk has is an orphan. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 1);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.dropped, 4);
	memset(f->mem, 0x5c, f->mem_len);
	fake_release(f);
	KUNIT_EXPECT_NULL(test, memchr_inv(f->mem, 0x5c, f->mem_len));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.dropped, 5);
	f = started(test);
	offer(f, 0, 2, false);
	expect_used(f, 2);
}

/* A request object that waited for its turn is used again for one that runs. */
static void next_driver_waits_for_its_own(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 0, 1, true);
	offer(f, 1, FAKE_QUEUE_SIZE - 1, false);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	fake_release(f);
	f = started(test);
	offer(f, 0, 3, true);
	expect_used(f, 0);
	fake_release(f);
	expect_used(f, 1);
}

static void without_the_feature_nothing_waits(struct kunit *test)
{
	struct fake *f = started(test);

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, F_WRITE, 0);
	fake_desc(f, 1, FAKE_DATA, 8, F_WRITE, 0);
	offer(f, 0, 1, true);
	offer(f, 1, 1, false);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 1);
}

static struct kunit_case in_order_cases[] = {
	FAKE_CASE(later_request_waits_for_an_earlier_one),
	FAKE_CASE(waiting_stops_at_the_next_that_runs),
	FAKE_CASE(packed_ring_is_in_order_too),
	KUNIT_CASE(waiting_requests_have_no_pins),
	FAKE_CASE(batch_has_one_interrupt),
	FAKE_CASE(nobody_waits_for_a_request_without_an_answer),
	FAKE_CASE(request_of_many_passes_is_waited_for),
	FAKE_CASE(stalled_chain_keeps_its_place),
	FAKE_CASE(full_queue_of_waiting_requests_goes_on),
	FAKE_CASE(reset_drops_what_waits),
	FAKE_CASE(next_driver_waits_for_its_own),
	FAKE_CASE(without_the_feature_nothing_waits),
	{}
};

static struct kunit_suite in_order_suite = {
	.name = "virtback_in_order",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = in_order_cases,
};

kunit_test_suite(in_order_suite);
