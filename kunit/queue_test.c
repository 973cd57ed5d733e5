// SPDX-License-Identifier: GPL-2.0
/*
 * Queues with the less usual features (drivers/core/mmio.c, vq.c): large ones, kicks
 * with data, and the reset of a single one.
 */
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "fake.h"

#define RING_RESET	BIT_ULL(VIRTIO_F_RING_RESET)
#define VERSION_1	BIT_ULL(VIRTIO_F_VERSION_1)

static int bad(struct fake *f)
{
	return atomic_read(&f->vd.bad_accesses);
}

/* --- sizes --- */

/* A device of queues of @num_max entries, for which the rings of both formats have room. */
static struct fake *large(struct kunit *test, u16 num_max)
{
	fake_exit(test);
	test->priv = fake_create(test, &fake_type, NULL, FAKE_MEM + SZ_1M, num_max);
	return test->priv;
}

static void split_rings_are_powers_of_two(struct kunit *test)
{
	struct fake *f = large(test, 100);

	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 64);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 100);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].num, 0);
	fake_negotiate(f, VERSION_1 | BIT_ULL(VIRTIO_F_RING_PACKED));
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 100);
	fake_packed_queue(f, 100);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
}

static void largest_queue_is_mapped_whole(struct kunit *test)
{
	struct fake *f = large(test, 32768);
	u64 desc = FAKE_BASE + FAKE_MEM, avail = desc + 16 * 32768, used = avail + SZ_128K;

	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 32768);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 32769);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 32768);
	fake_queue_addrs(f, desc, avail, used);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].desc.len, 524288);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].avail.len, 65542);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].used.len, 262150);
}

static void chains_have_a_limit_of_their_own(struct kunit *test)
{
	struct fake *f = large(test, 2 * VIRTBACK_CHAIN_MAX);
	unsigned int n, i;

	for (n = VIRTBACK_CHAIN_MAX; n <= VIRTBACK_CHAIN_MAX + 1; n++) {
		fake_packed_start(f, 0, 2 * VIRTBACK_CHAIN_MAX);
		for (i = 1; i <= n; i++)
			fake_packed_add(f, FAKE_DATA, 1, i < n ? F_NEXT : 0, 0);
		f->prepared = 0;
		fake_kick(f);
		KUNIT_EXPECT_EQ(test, f->prepared, n == VIRTBACK_CHAIN_MAX);
		KUNIT_EXPECT_EQ(test, fake_broken(f), n > VIRTBACK_CHAIN_MAX);
	}
}

/* --- kicks with data --- */

static void kick_with_data_names_its_queue(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, BIT_ULL(VIRTIO_F_NOTIFICATION_DATA));
	fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
	fake_offer(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0x80010000);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0xffff0001);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->vd.vqs[1].kicks), 1);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, FAKE_QUEUES);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0xffff);
	KUNIT_EXPECT_EQ(test, bad(f), 2);
}

static void data_in_a_kick_wants_its_feature(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0x00010000);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->vd.vqs[0].kicks), 0);
}

/* --- reset of one queue --- */

/* Queue 1 of two is reset, with requests of both in flight. */
static struct fake *queue_reset(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, RING_RESET);
	fake_queue(f, 1, 8);
	f->hold = true;
	fake_desc(f, 0, FAKE_DATA, 8, F_WRITE, 0);
	fake_offer(f, 0);
	fake_kick(f);
	fake_indirect(f, FAKE_DESC(1), 0, FAKE_DATA + 64, 8, F_WRITE, 0);
	fake_offer_to(f, 1, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_ASSERT_EQ(test, fake_held(f), 2);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 1);
	return f;
}

static void queue_reset_gives_one_queue_back(struct kunit *test)
{
	struct fake *f = queue_reset(test);
	struct virtback_vq *vq = &f->vd.vqs[1];

	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_RESET), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	KUNIT_EXPECT_EQ(test, vq->num, 0);
	KUNIT_EXPECT_EQ(test, vq->desc_addr, 0);
	KUNIT_EXPECT_EQ(test, vq->driver_addr, 0);
	KUNIT_EXPECT_EQ(test, vq->device_addr, 0);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
	/* What is left is of the other queue. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static void queue_starts_again_after_its_reset(struct kunit *test)
{
	struct fake *f = queue_reset(test);
	struct vring_used *used = fake_va(f, FAKE_USED(1));

	fake_queue(f, 1, 4);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	fake_release(f);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, le16_to_cpu((__force __le16)used->idx), 0);
	f->hold = false;
	fake_indirect(f, FAKE_DESC(1), 0, FAKE_DATA + 64, 8, F_WRITE, 0);
	fake_offer_to(f, 1, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, le16_to_cpu((__force __le16)used->idx), 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void queue_reset_wants_its_feature(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_RESET), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 2);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
}

static void queue_reset_takes_one_only(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, RING_RESET);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 2);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 1);
	KUNIT_EXPECT_EQ(test, bad(f), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 3);
}

static void queue_that_is_not_ready_can_be_reset(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | RING_RESET);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 8);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].num, 0);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

/* --- what they are made of --- */

/**
 * struct pages_seen - pages that a task was given
 * @tp: the kernel's tracepoint, NULL when it has none
 * @task: the task
 * @nr: how many times
 * @io: those where room could have been made by I/O
 */
struct pages_seen {
	struct tracepoint *tp;
	const struct task_struct *task;
	unsigned int nr;
	unsigned int io;
};

static void find_page_alloc(struct tracepoint *tp, void *data)
{
	struct pages_seen *s = data;

	if (!strcmp(tp->name, "mm_page_alloc"))
		s->tp = tp;
}

static void on_page_alloc(void *data, struct page *page, unsigned int order, gfp_t gfp,
			  int migratetype)
{
	struct pages_seen *s = data;

	if (current != s->task)
		return;
	s->nr++;
	if (gfp & (__GFP_IO | __GFP_FS))
		s->io++;
}

/* A vCPU waits for them, whose guest may be what this domain's storage is on. */
static void no_io_makes_room_for_queues(struct kunit *test)
{
	struct pages_seen s = { .task = current };
	struct fake *f = test->priv;

	for_each_kernel_tracepoint(find_page_alloc, &s);
	if (!s.tp)
		kunit_skip(test, "the kernel does not tell what it allocates");
	fake_negotiate(f, VERSION_1);
	KUNIT_ASSERT_EQ(test, tracepoint_probe_register(s.tp, on_page_alloc, &s), 0);
	fake_queue(f, 0, FAKE_QUEUE_SIZE);
	tracepoint_probe_unregister(s.tp, on_page_alloc, &s);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	KUNIT_EXPECT_GE(test, s.nr, VIRTBACK_POOL_PAGES);
	KUNIT_EXPECT_EQ(test, s.io, 0U);
}

static struct kunit_case queue_cases[] = {
	FAKE_CASE(split_rings_are_powers_of_two),
	FAKE_CASE(largest_queue_is_mapped_whole),
	FAKE_CASE(chains_have_a_limit_of_their_own),
	FAKE_CASE(kick_with_data_names_its_queue),
	FAKE_CASE(data_in_a_kick_wants_its_feature),
	KUNIT_CASE(queue_reset_gives_one_queue_back),
	FAKE_CASE(queue_starts_again_after_its_reset),
	FAKE_CASE(queue_reset_wants_its_feature),
	FAKE_CASE(queue_reset_takes_one_only),
	FAKE_CASE(queue_that_is_not_ready_can_be_reset),
	KUNIT_CASE(no_io_makes_room_for_queues),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "virtback_queue",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
