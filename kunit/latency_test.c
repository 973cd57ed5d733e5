// SPDX-License-Identifier: GPL-2.0
/*
 * How long requests take (drivers/core/latency.c, drivers/control/debugfs.c): what is
 * counted where, and the text that tools read.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/seq_file.h>

#include <virtback/latency.h>

#include "../drivers/control/control.h"
#include "fake.h"

/* So long a stage is made to last, and so the least of its bucket. */
#define LATENCY_MS	5
#define LATENCY_BOUND	BIT_ULL(22)

/* How often a stage was counted that took @min ns or longer. */
static u64 counted(const struct virtback_latency *l, u64 min)
{
	u64 count[VIRTBACK_LATENCY_BUCKETS], sum = 0;
	unsigned int i;

	virtback_latency_read(l, count);
	for (i = 0; i < VIRTBACK_LATENCY_BUCKETS; i++)
		sum += virtback_latency_bound(i) >= min ? count[i] : 0;
	return sum;
}

static u64 stage(struct fake *f, enum virtback_latency_stage s, u64 min)
{
	return counted(&f->vd.vqs[0].latency[s], min);
}

static void offer(struct fake *f, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		fake_desc(f, i, FAKE_DATA, 16, 0, 0);
		fake_offer(f, i);
	}
}

static void buckets_are_powers_of_two(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, virtback_latency_bucket(0), 0);
	KUNIT_EXPECT_EQ(test, virtback_latency_bound(0), 0);
	for (i = 1; i < VIRTBACK_LATENCY_BUCKETS; i++) {
		u64 bound = virtback_latency_bound(i);

		KUNIT_EXPECT_EQ(test, bound, 1ULL << (i - 1));
		KUNIT_EXPECT_EQ(test, virtback_latency_bucket(bound), i);
		KUNIT_EXPECT_EQ(test, virtback_latency_bucket(bound - 1), i - 1);
	}
	KUNIT_EXPECT_EQ(test, virtback_latency_bucket(U64_MAX), VIRTBACK_LATENCY_BUCKETS - 1);
}

static void stages_that_did_not_begin_are_not_counted(struct kunit *test)
{
	struct fake *f = test->priv;
	struct virtback_latency *l = &f->vd.vqs[0].latency[VIRTBACK_LATENCY_COMPLETE];

	virtback_latency_add(l, 0, 1000);
	virtback_latency_add(l, 1000, 999);
	virtback_latency_add(l, 1000, 0);
	KUNIT_EXPECT_EQ(test, counted(l, 0), 0);
	virtback_latency_add(l, 1000, 1000);
	virtback_latency_add(l, 1000, 1004);
	KUNIT_EXPECT_EQ(test, counted(l, 0), 2);
	KUNIT_EXPECT_EQ(test, counted(l, 4), 1);
}

static void each_access_is_a_trap(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 before = counted(&f->vd.traps, 0);

	fake_read(f, VIRTIO_MMIO_MAGIC_VALUE);
	fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 1);
	KUNIT_EXPECT_EQ(test, counted(&f->vd.traps, 0) - before, 3);
	/* One that the host did not take the time of. */
	virtback_mmio_finish(&f->vd, &(struct virtback_access){});
	KUNIT_EXPECT_EQ(test, counted(&f->vd.traps, 0) - before, 3);
}

/**
 * struct blocker - keeps a worker from looking at its queue
 * @work: what it does instead
 * @go: completed when it may go on
 */
struct blocker {
	struct kthread_work work;
	struct completion go;
};

static void block(struct kthread_work *work)
{
	wait_for_completion(&container_of(work, struct blocker, work)->go);
}

static void batch_counts_once_from_its_kick(struct kunit *test)
{
	struct fake *f = test->priv;
	struct blocker b;

	fake_start(f, 0);
	offer(f, 3);
	kthread_init_work(&b.work, block);
	init_completion(&b.go);
	kthread_queue_work(f->vd.vqs[0].worker, &b.work);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	msleep(LATENCY_MS);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	complete(&b.go);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 3);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_SUBMIT, 0), 1);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_SUBMIT, LATENCY_BOUND), 1);
}

static void kick_for_nothing_leaves_nothing_behind(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_kick(f);
	msleep(LATENCY_MS);
	offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_SUBMIT, 0), 1);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_SUBMIT, LATENCY_BOUND), 0);
}

static void request_counts_from_submission_to_end(struct kunit *test)
{
	struct fake *f = test->priv;

	f->hold = true;
	fake_start(f, 0);
	offer(f, 2);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 1);
	msleep(LATENCY_MS);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 2);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, LATENCY_BOUND), 1);
	/* The place of the one that took long is used again. */
	f->hold = false;
	fake_offer(f, 0);
	fake_offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 4);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, LATENCY_BOUND), 1);
}

static void passes_are_one_request(struct kunit *test)
{
	struct fake *f = test->priv;

	f->hold = true;
	f->passes = 2;
	fake_start(f, 0);
	offer(f, 1);
	fake_kick(f);
	msleep(LATENCY_MS);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 1);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, LATENCY_BOUND), 1);
}

static void what_is_lost_or_needs_no_disk_is_not_counted(struct kunit *test)
{
	struct fake *f = test->priv;

	f->hold = true;
	fake_start(f, 0);
	offer(f, 1);
	fake_kick(f);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 0);
	f->answer_now = true;
	fake_start(f, 0);
	offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 0);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_SUBMIT, 0), 1);
}

static void interrupts_are_counted_and_what_shares_one_is_not(struct kunit *test)
{
	struct fake *f = test->priv;

	f->hold = true;
	fake_start(f, 0);
	offer(f, 3);
	fake_kick(f);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_INTERRUPT, 0), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_INTERRUPT, 0), 1);
	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	fake_avail(f)->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_INTERRUPT, 0), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->vd.vqs[0].irqs_sent), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.irqs, 2);
}

static void switched_off_counts_nothing(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 traps;

	static_branch_disable(&virtback_latency_on);
	traps = counted(&f->vd.traps, 0);
	fake_start(f, 0);
	offer(f, 1);
	fake_kick(f);
	static_branch_enable(&virtback_latency_on);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, counted(&f->vd.traps, 0), traps);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_SUBMIT, 0), 0);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_COMPLETE, 0), 0);
	KUNIT_EXPECT_EQ(test, stage(f, VIRTBACK_LATENCY_INTERRUPT, 0), 0);
}

/* As debugfs prints it. */
static const char *text(struct kunit *test)
{
	struct fake *f = test->priv;
	struct seq_file m = { .size = PAGE_SIZE, .private = &f->vd };

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	KUNIT_EXPECT_EQ(test, virtback_latency_show(&m, NULL), 0);
	return m.buf;
}

static void text_is_as_documented(struct kunit *test)
{
	struct fake *f = test->priv;
	struct virtback_vq *vqs = f->vd.vqs;

	virtback_latency_clear(&f->vd);
	KUNIT_EXPECT_STREQ(test, text(test), "# unit: ns\n");
	virtback_latency_add(&f->vd.traps, 1, 1 + 2047);
	virtback_latency_add(&vqs[1].latency[VIRTBACK_LATENCY_INTERRUPT], 1, 1);
	virtback_latency_add(&vqs[1].latency[VIRTBACK_LATENCY_SUBMIT], 1, 1 + BIT_ULL(60));
	virtback_latency_add(&vqs[0].latency[VIRTBACK_LATENCY_COMPLETE], 1, 1 + 512);
	virtback_latency_add(&vqs[0].latency[VIRTBACK_LATENCY_COMPLETE], 1, 1 + 1023);
	KUNIT_EXPECT_STREQ(test, text(test), "# unit: ns\n"
			   "- trap 1024 1\n"
			   "0 complete 512 2\n"
			   "1 submit 274877906944 1\n"
			   "1 interrupt 0 1\n");
	virtback_latency_clear(&f->vd);
	KUNIT_EXPECT_STREQ(test, text(test), "# unit: ns\n");
	virtback_latency_add(&vqs[0].latency[VIRTBACK_LATENCY_COMPLETE], 1, 1 + 1023);
	KUNIT_EXPECT_STREQ(test, text(test), "# unit: ns\n0 complete 512 1\n");
	virtback_latency_clear(&f->vd);
	KUNIT_EXPECT_STREQ(test, text(test), "# unit: ns\n");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(buckets_are_powers_of_two),
	KUNIT_CASE(stages_that_did_not_begin_are_not_counted),
	KUNIT_CASE(each_access_is_a_trap),
	KUNIT_CASE(batch_counts_once_from_its_kick),
	KUNIT_CASE(kick_for_nothing_leaves_nothing_behind),
	KUNIT_CASE(request_counts_from_submission_to_end),
	KUNIT_CASE(passes_are_one_request),
	KUNIT_CASE(what_is_lost_or_needs_no_disk_is_not_counted),
	KUNIT_CASE(interrupts_are_counted_and_what_shares_one_is_not),
	KUNIT_CASE(switched_off_counts_nothing),
	KUNIT_CASE(text_is_as_documented),
	{}
};

static struct kunit_suite suite = {
	.name = "virtback_latency",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
