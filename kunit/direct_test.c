// SPDX-License-Identifier: GPL-2.0
/*
 * dma=direct: the backing device gets the guest's memory itself
 * (drivers/blk/data.c), and a reset waits for it (drivers/core/device.c).
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <virtback/compat.h>

#include "blk_fixture.h"

static int direct_init(struct kunit *test)
{
	struct blk_test *b;

	blk_test_init(test);
	b = test->priv;
	b->cfg.dma = VIRTBACK_DMA_DIRECT;
	b->cfg.reset_timeout_ms = 50;
	return 0;
}

static struct fake *direct_start(struct kunit *test)
{
	struct fake *f = blk_start(test->priv, 0);

	/* What is given to a disk must be pages of the linear map. */
	KUNIT_ASSERT_FALSE(test, is_vmalloc_addr(f->mem));
	return f;
}

/* The page that a held request of 4 KiB at @buf gives to the disk. */
static struct page *page_given(struct blk_test *b, struct fake *f, u32 type, u64 buf)
{
	struct page *page;

	b->disk->hold = true;
	blk_chain(f, type, 8, buf, SZ_4K);
	blk_go(f);
	KUNIT_EXPECT_EQ(b->test, test_disk_held(b->disk), 1);
	page = test_disk_page(b->disk);
	b->disk->hold = false;
	test_disk_end(b->disk, false);
	KUNIT_EXPECT_EQ(b->test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(b->test, blk_same(b, buf, 8, SZ_4K));
	KUNIT_EXPECT_EQ(b->test, atomic_read(&f->pins), 0);
	return page;
}

static void disk_gets_the_pages_of_the_guest(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = direct_start(test);
	struct page *page = virt_to_page(fake_va(f, BUF));

	KUNIT_EXPECT_PTR_EQ(test, page_given(b, f, VIRTIO_BLK_T_IN, BUF), page);
	blk_fill(f, BUF, SZ_4K, 1);
	KUNIT_EXPECT_PTR_EQ(test, page_given(b, f, VIRTIO_BLK_T_OUT, BUF), page);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.direct, 2 * SZ_4K);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.bounced, 0);
}

static void bounce_keeps_them_from_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	struct page *page;

	b->cfg.dma = VIRTBACK_DMA_BOUNCE;
	f = direct_start(test);
	page = virt_to_page(fake_va(f, BUF));
	KUNIT_EXPECT_PTR_NE(test, page_given(b, f, VIRTIO_BLK_T_IN, BUF), page);
	KUNIT_EXPECT_PTR_NE(test, page_given(b, f, VIRTIO_BLK_T_OUT, BUF), page);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.direct, 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.bounced, 2 * SZ_4K);
}

static void odd_buffers_are_bounced(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = direct_start(test);
	struct page *page = virt_to_page(fake_va(f, BUF));

	KUNIT_EXPECT_PTR_NE(test, page_given(b, f, VIRTIO_BLK_T_IN, BUF + 4), page);
	blk_fill(f, BUF + 4, SZ_4K, 2);
	KUNIT_EXPECT_PTR_NE(test, page_given(b, f, VIRTIO_BLK_T_OUT, BUF + 4), page);
	KUNIT_EXPECT_PTR_EQ(test, page_given(b, f, VIRTIO_BLK_T_IN, BUF + 512), page);
}

static void disk_that_wants_stable_data_is_bounced(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct page *page;
	struct fake *f;

	blk_test_disk(b, 512, false);
	virtback_test_stable(b->disk->gd);
	f = direct_start(test);
	page = virt_to_page(fake_va(f, BUF));
	KUNIT_EXPECT_PTR_NE(test, page_given(b, f, VIRTIO_BLK_T_OUT, BUF), page);
}

static void long_requests_go_in_passes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = direct_start(test);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 2 * MIB + SZ_4K),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 2 * MIB + SZ_4K));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
	blk_fill(f, BUF, 2 * MIB, 3);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 16, BUF, 2 * MIB), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 16, 2 * MIB));
	/* Half a page at each end makes one part more than a bio has. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF + SZ_2K, MIB),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + SZ_2K, 0, MIB));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void error_of_the_disk_is_told(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = direct_start(test);

	b->disk->fail = 1;
	b->disk->error = BLK_STS_IOERR;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_4K), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void buffer_outside_memory_is_an_error(struct kunit *test)
{
	struct fake *f = direct_start(test);

	const u64 end = FAKE_BASE + BLK_MEM;

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, end - SZ_2K, SZ_4K),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void reset_does_not_wait_for_ever(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = direct_start(test);
	unsigned long start;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_4K);
	blk_go(f);
	start = jiffies;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 40);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_STATUS), 0);
	/* The disk still has the buffer, nobody has the status byte. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 1);
	KUNIT_EXPECT_TRUE(test, virtback_device_exposed(&f->vd));

	/* The next driver's requests wait, then go on. */
	fake_start(f, 0);
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_4K);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	b->disk->hold = false;
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_FALSE(test, virtback_device_exposed(&f->vd));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
}

/**
 * struct later - end the disk's request after a while
 * @work: when
 * @disk: whose
 * @vd: device; not before somebody waits for it, unless NULL
 * @who: who that is, NULL when he is yet to come
 * @state: how
 */
struct later {
	struct delayed_work work;
	struct test_disk *disk;
	struct virtback_device *vd;
	struct task_struct *who;
	unsigned int state;
};

static void later_end(struct work_struct *work)
{
	struct later *later = container_of(work, struct later, work.work);
	struct task_struct *who = READ_ONCE(later->who);

	if (later->vd && (!wq_has_sleeper(&later->vd->orphans_gone) || !who ||
			  READ_ONCE(who->__state) == TASK_RUNNING)) {
		schedule_delayed_work(&later->work, 1);
		return;
	}
	if (later->vd)
		later->state = READ_ONCE(who->__state);
	test_disk_end(later->disk, false);
}

static void reset_waits_for_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct later later;
	struct fake *f;
	unsigned long start;

	b->cfg.reset_timeout_ms = 60000;
	f = direct_start(test);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_4K);
	blk_go(f);
	later.disk = b->disk;
	later.vd = &f->vd;
	later.who = current;
	INIT_DELAYED_WORK_ONSTACK(&later.work, later_end);
	start = jiffies;
	schedule_delayed_work(&later.work, msecs_to_jiffies(30));
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), 30000);
	cancel_delayed_work_sync(&later.work);
	destroy_delayed_work_on_stack(&later.work);
	/* However long that takes, it is no task that hangs. */
	KUNIT_EXPECT_EQ(test, later.state, (unsigned int)TASK_IDLE);
}

/**
 * struct neighbour - another vCPU of the guest, with an access that waits for the reset
 * @work: it
 * @f: its device
 * @later: is told who it is
 * @done: it has been answered
 */
struct neighbour {
	struct delayed_work work;
	struct fake *f;
	struct later *later;
	bool done;
};

static void neighbour_reads(struct work_struct *work)
{
	struct neighbour *n = container_of(work, struct neighbour, work.work);

	if (!wq_has_sleeper(&n->f->vd.orphans_gone)) {
		schedule_delayed_work(&n->work, 1);
		return;
	}
	WRITE_ONCE(n->later->who, current);
	fake_read(n->f, VIRTIO_MMIO_QUEUE_NUM_MAX);
	n->done = true;
}

/* Nor is whoever waits for it: with more vCPUs than one there is no bound for that. */
static void who_waits_for_a_reset_is_no_hung_task(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct neighbour n = {};
	struct later later;

	b->cfg.reset_timeout_ms = 60000;
	n.f = direct_start(test);
	n.later = &later;
	b->disk->hold = true;
	blk_chain(n.f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_4K);
	blk_go(n.f);
	later.disk = b->disk;
	later.vd = &n.f->vd;
	later.who = NULL;
	later.state = 0;
	INIT_DELAYED_WORK_ONSTACK(&n.work, neighbour_reads);
	INIT_DELAYED_WORK_ONSTACK(&later.work, later_end);
	schedule_delayed_work(&n.work, 1);
	schedule_delayed_work(&later.work, msecs_to_jiffies(30));
	fake_write(n.f, VIRTIO_MMIO_STATUS, 0);
	cancel_delayed_work_sync(&later.work);
	destroy_delayed_work_on_stack(&later.work);
	flush_delayed_work(&n.work);
	destroy_delayed_work_on_stack(&n.work);
	KUNIT_EXPECT_TRUE(test, n.done);
	KUNIT_EXPECT_EQ(test, later.state, (unsigned int)TASK_KILLABLE);
}

/* The driver takes one queue back: its buffers are its own again when that is answered. */
static void expect_queue_waits(struct kunit *test, u64 features, u32 reg, u32 val)
{
	struct blk_test *b = test->priv;
	struct later later;
	struct fake *f;

	b->cfg.reset_timeout_ms = 60000;
	f = blk_start(b, features);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_4K);
	blk_go(f);
	later.disk = b->disk;
	later.vd = NULL;
	INIT_DELAYED_WORK_ONSTACK(&later.work, later_end);
	schedule_delayed_work(&later.work, msecs_to_jiffies(30));
	fake_write(f, reg, val);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	cancel_delayed_work_sync(&later.work);
	destroy_delayed_work_on_stack(&later.work);
	if (test_disk_held(b->disk))
		test_disk_end(b->disk, false);
}

static void queue_reset_waits_for_the_disk(struct kunit *test)
{
	expect_queue_waits(test, BIT_ULL(VIRTIO_F_RING_RESET), VIRTIO_MMIO_QUEUE_RESET, 1);
}

static void queue_that_is_stopped_waits_for_the_disk(struct kunit *test)
{
	expect_queue_waits(test, 0, VIRTIO_MMIO_QUEUE_READY, 0);
}

static void bounced_reset_does_not_wait(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	unsigned long start;

	b->cfg.dma = VIRTBACK_DMA_BOUNCE;
	b->cfg.reset_timeout_ms = 60000;
	f = direct_start(test);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_4K);
	blk_go(f);
	start = jiffies;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), 30000);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(disk_gets_the_pages_of_the_guest),
	KUNIT_CASE(bounce_keeps_them_from_the_disk),
	KUNIT_CASE(odd_buffers_are_bounced),
	KUNIT_CASE(disk_that_wants_stable_data_is_bounced),
	KUNIT_CASE(long_requests_go_in_passes),
	KUNIT_CASE(error_of_the_disk_is_told),
	KUNIT_CASE(buffer_outside_memory_is_an_error),
	KUNIT_CASE(reset_does_not_wait_for_ever),
	KUNIT_CASE(reset_waits_for_the_disk),
	KUNIT_CASE(who_waits_for_a_reset_is_no_hung_task),
	KUNIT_CASE(queue_reset_waits_for_the_disk),
	KUNIT_CASE(queue_that_is_stopped_waits_for_the_disk),
	KUNIT_CASE(bounced_reset_does_not_wait),
	{}
};

static struct kunit_suite direct_suite = {
	.name = "virtback_direct",
	.init = direct_init,
	.exit = blk_test_exit,
	.test_cases = direct_cases,
};

kunit_test_suite(direct_suite);
