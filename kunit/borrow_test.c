// SPDX-License-Identifier: GPL-2.0
/*
 * Devices whose host maps the data of long requests (drivers/core/borrow.c): what the
 * disk gets, when it is given back, and what becomes of requests when it cannot be had.
 */
#include <linux/delay.h>
#include <linux/mm.h>

#include "blk_fixture.h"

#define BORROW_MIN	SZ_8K

static int borrow_init(struct kunit *test)
{
	struct blk_test *b;

	blk_test_init(test);
	b = test->priv;
	b->cfg.reset_timeout_ms = 50;
	return 0;
}

static struct fake *borrowing(struct kunit *test)
{
	struct fake *f = blk_device(test->priv);

	KUNIT_ASSERT_FALSE(test, is_vmalloc_addr(f->mem));
	f->vd.copies = true;
	f->vd.borrow_min = BORROW_MIN;
	fake_start(f, 0);
	return f;
}

/* The n-th request, at descriptors 3 n and up, with buffers of its own. */
static void offer_nth(struct fake *f, unsigned int n, u32 type, u32 len)
{
	u16 d = 3 * n;
	struct virtio_blk_outhdr *hdr = fake_va(f, HDR + n * 0x20);

	hdr->type = (__force __virtio32)cpu_to_le32(type);
	hdr->ioprio = 0;
	hdr->sector = (__force __virtio64)cpu_to_le64(n * 256);
	fake_desc(f, d, HDR + n * 0x20, HDR_LEN, F_NEXT, d + 1);
	fake_desc(f, d + 1, BUF + n * SZ_128K, len,
		  F_NEXT | (type == VIRTIO_BLK_T_IN ? F_WRITE : 0), d + 2);
	fake_desc(f, d + 2, STATUS + n, 1, F_WRITE, 0);
	fake_offer(f, d);
}

static void disk_gets_what_is_mapped(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 8, BUF, BORROW_MIN);
	blk_go(f);
	KUNIT_EXPECT_PTR_EQ(test, test_disk_page(b->disk), virt_to_page(fake_va(f, BUF)));
	KUNIT_EXPECT_TRUE(test, f->borrowed_write);
	KUNIT_EXPECT_EQ(test, f->borrowed, 2U);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), BORROW_MIN + 1);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 8, BORROW_MIN));

	blk_fill(f, BUF, BORROW_MIN, 1);
	blk_chain(f, VIRTIO_BLK_T_OUT, 8, BUF, BORROW_MIN);
	blk_go(f);
	KUNIT_EXPECT_PTR_EQ(test, test_disk_page(b->disk), virt_to_page(fake_va(f, BUF)));
	/* What the device only reads may be granted for that alone. */
	KUNIT_EXPECT_FALSE(test, f->borrowed_write);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 8, BORROW_MIN));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.direct, 2 * BORROW_MIN);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.bounced, 0);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
}

static void short_data_is_copied(struct kunit *test)
{
	struct fake *f = borrowing(test);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, BORROW_MIN - 512),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, BORROW_MIN - 512),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 0U);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.bounced, 2 * (BORROW_MIN - 512));
}

static void all_is_given_back_before_it_is_used(struct kunit *test)
{
	struct fake *f = borrowing(test);

	f->used_at_give_back = 77;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, BORROW_MIN),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, f->used_at_give_back, 0);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, BORROW_MIN),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, f->used_at_give_back, 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].nr_borrowed, 0U);
}

/* As one call does for the pages of a request, one does for several requests. */
static void several_are_given_back_at_once(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);
	unsigned int n;

	b->disk->hold = true;
	for (n = 0; n < 4; n++)
		offer_nth(f, n, n == 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
			  n == 2 ? 4096 : SZ_64K);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 3U);
	KUNIT_EXPECT_EQ(test, f->borrowed, 48U);
	/* None can go on while the worker is out. */
	mutex_lock(&f->vd.vqs[0].ring_lock);
	while (test_disk_end(b->disk, false))
		;
	mutex_unlock(&f->vd.vqs[0].ring_lock);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 4);
	/* The worker may have begun with the first. */
	KUNIT_EXPECT_LE(test, f->give_back_calls, 2U);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	for (n = 0; n < 4; n++)
		KUNIT_EXPECT_EQ(test, *(u8 *)fake_va(f, STATUS + n), VIRTIO_BLK_S_OK);
}

static void long_requests_go_in_passes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 2 * MIB + SZ_4K),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 2 * MIB + SZ_4K));
	/* The rest is short. */
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 2U);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
	blk_fill(f, BUF, 2 * MIB, 3);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 16, BUF, 2 * MIB), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 16, 2 * MIB));
	KUNIT_EXPECT_EQ(test, f->give_back_calls, 4U);
}

static void odd_buffers_are_copied(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF + 4, SZ_16K),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + 4, 0, SZ_16K));
	/* Half a page at each end makes one part more than a bio has. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF + SZ_2K, MIB),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + SZ_2K, 0, MIB));
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 0U);
}

static void disk_that_wants_stable_data_gets_a_copy(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, false);
	virtback_test_stable(b->disk->gd);
	f = borrowing(test);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_64K), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 0U);
}

/* No room, or a page that is not mapped: nobody notices. */
static void what_cannot_be_mapped_is_copied(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	f->borrow_room = 15;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_64K), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, SZ_64K));
	f->borrow_room = -1;
	f->borrow_error = BUF + 7 * PAGE_SIZE;
	blk_fill(f, BUF, SZ_64K, 5);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_64K), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, SZ_64K));
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 2U);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.bounced, 2 * SZ_64K);
}

/* A guest that took its grants back before they were used hurts that request alone. */
static void revoked_buffer_is_an_error(struct kunit *test)
{
	struct fake *f = borrowing(test);

	f->borrow_error = BUF;
	f->copy_error = BUF + 1;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_64K), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_64K), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF + MIB, SZ_64K),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
}

static void error_of_the_disk_is_told(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	b->disk->fail = 1;
	b->disk->error = BLK_STS_IOERR;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_64K), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
}

/* A page that someone still holds keeps its request, and no other one. */
static void busy_pages_are_waited_for(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	b->disk->hold = true;
	offer_nth(f, 0, VIRTIO_BLK_T_OUT, SZ_64K);
	fake_kick(f);
	b->disk->hold = false;
	WRITE_ONCE(f->borrow_busy, true);
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	fake_settle(f);
	offer_nth(f, 1, VIRTIO_BLK_T_IN, 4096);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 3U);
	KUNIT_EXPECT_EQ(test, f->borrowed, 16U);
	WRITE_ONCE(f->borrow_busy, false);
	/* Nothing but its timer tells the worker. */
	msleep(100);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
}

/* More than are looked at together must not keep the worker looking without a rest. */
static void many_busy_are_waited_for(struct kunit *test)
{
	const unsigned int nr = 3 * FAKE_QUEUE_SIZE;
	struct blk_test *b = test->priv;
	unsigned long start;
	unsigned int n, ms;
	struct fake *f;

	b->queue_size = 4 * FAKE_QUEUE_SIZE;
	f = borrowing(test);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, BORROW_MIN);
	/* The same again and again, as soon as the ring has room. */
	for (n = 0; n < nr; n++) {
		if (n && n % FAKE_QUEUE_SIZE == 0)
			fake_kick(f);
		fake_offer(f, 0);
	}
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, f->vd.vqs[0].nr_borrowed, nr);
	b->disk->hold = false;
	WRITE_ONCE(f->borrow_busy, true);
	start = jiffies;
	while (test_disk_end(b->disk, false))
		;
	msleep(100);
	n = READ_ONCE(f->busy_calls);
	/* Each once when it ends, then all every 10 ms, or a tick. */
	ms = jiffies_to_msecs(jiffies - start);
	KUNIT_EXPECT_GE(test, n, 2 * nr);
	KUNIT_EXPECT_LE(test, n, nr * (ms / 10 + 3));
	WRITE_ONCE(f->borrow_busy, false);
	msleep(100);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), nr);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
}

/* A reset waits for what the disk has, for a while; then nothing of it is used. */
static void reset_in_the_middle(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);
	unsigned long start;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_64K);
	blk_go(f);
	start = jiffies;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 40U);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_STATUS), 0U);
	KUNIT_EXPECT_TRUE(test, virtback_device_exposed(&f->vd));
	KUNIT_EXPECT_EQ(test, f->borrowed, 16U);

	/* The next driver's requests wait, then go on. */
	fake_start(f, 0);
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_64K);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1U);
	b->disk->hold = false;
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_FALSE(test, virtback_device_exposed(&f->vd));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
}

/* As before, of a device that copies: what the disk has is ours. */
static void reset_does_not_wait_for_copies(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);
	unsigned long start;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 4096);
	blk_go(f);
	start = jiffies;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), 40U);
	KUNIT_EXPECT_FALSE(test, virtback_device_exposed(&f->vd));
}

static void end_one(struct work_struct *work)
{
	struct delayed_work *dw = to_delayed_work(work);
	struct blk_test *b = container_of(dw, struct blk_test, later);

	test_disk_end(b->disk, false);
}

static void end_both(struct work_struct *work)
{
	end_one(work);
	end_one(work);
}

/* Of two requests that hang one is copied, and nobody waits for that. */
static void reset_waits_for_what_is_mapped_alone(struct kunit *test)
{
	struct blk_test *b = test->priv;
	unsigned long start;
	struct fake *f;

	b->cfg.reset_timeout_ms = 5000;
	f = borrowing(test);
	b->disk->hold = true;
	offer_nth(f, 0, VIRTIO_BLK_T_IN, SZ_64K);
	offer_nth(f, 1, VIRTIO_BLK_T_IN, 4096);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, test_disk_held(b->disk), 2U);
	INIT_DELAYED_WORK(&b->later, end_one);
	schedule_delayed_work(&b->later, HZ / 10);
	start = jiffies;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), 4000U);
	KUNIT_EXPECT_FALSE(test, virtback_device_exposed(&f->vd));
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	flush_delayed_work(&b->later);
	/* The worker gives back first, and then ends the request. */
	kthread_flush_worker(f->vd.vqs[0].worker);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 1);
}

/* Of two queues the one that is reset does not wait for what the other has mapped. */
static void queue_reset_waits_for_its_own(struct kunit *test)
{
	struct blk_test *b = test->priv;
	unsigned long start;
	struct fake *f;

	b->cfg.reset_timeout_ms = 5000;
	f = blk_device(test->priv);
	f->vd.copies = true;
	f->vd.borrow_min = BORROW_MIN;
	fake_start(f, BIT_ULL(VIRTIO_F_RING_RESET));
	fake_queue(f, 1, FAKE_QUEUE_SIZE);
	b->disk->hold = true;
	offer_nth(f, 0, VIRTIO_BLK_T_IN, 4096);
	fake_kick(f);
	/* As offer_nth(), in the ring of the other. */
	fake_indirect(f, FAKE_DESC(1), 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_indirect(f, FAKE_DESC(1), 1, BUF + SZ_128K, SZ_64K, F_NEXT | F_WRITE, 2);
	fake_indirect(f, FAKE_DESC(1), 2, STATUS + 1, 1, F_WRITE, 0);
	fake_offer_to(f, 1, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_ASSERT_EQ(test, test_disk_held(b->disk), 2U);
	KUNIT_ASSERT_GT(test, f->borrowed, 0U);
	start = jiffies;
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 1);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), 4000U);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 1);
	/* That of the other one is waited for when it is its turn. */
	KUNIT_EXPECT_FALSE(test, virtback_device_exposed(&f->vd));
	INIT_DELAYED_WORK(&b->later, end_both);
	schedule_delayed_work(&b->later, HZ / 10);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_RESET, 1);
	flush_delayed_work(&b->later);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
}

/* What comes between the worker's two steps. */
static void submit_after_reset(struct virtback_vq *vq, struct list_head *reqs)
{
	struct fake *f = vq->vd->host_priv;

	if (virtback_device_running(vq->vd))
		fake_write(f, VIRTIO_MMIO_STATUS, 0);
	virtback_blk_type.submit(vq, reqs);
}

/* Mapped, but not yet with the disk: it is given back without having been there. */
static void reset_before_the_disk_has_it(struct kunit *test)
{
	struct virtback_type_ops type = virtback_blk_type;
	struct blk_test *b = test->priv;
	struct fake *f = borrowing(test);

	type.submit = submit_after_reset;
	f->vd.type = &type;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, SZ_64K);
	blk_go(f);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, b->disk->writes, 0U);
	KUNIT_EXPECT_EQ(test, f->borrow_calls, 1U);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0U);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	f->vd.type = &virtback_blk_type;
}

static struct kunit_case borrow_cases[] = {
	KUNIT_CASE(disk_gets_what_is_mapped),
	KUNIT_CASE(short_data_is_copied),
	KUNIT_CASE(all_is_given_back_before_it_is_used),
	KUNIT_CASE(several_are_given_back_at_once),
	KUNIT_CASE(long_requests_go_in_passes),
	KUNIT_CASE(odd_buffers_are_copied),
	KUNIT_CASE(disk_that_wants_stable_data_gets_a_copy),
	KUNIT_CASE(what_cannot_be_mapped_is_copied),
	KUNIT_CASE(revoked_buffer_is_an_error),
	KUNIT_CASE(error_of_the_disk_is_told),
	KUNIT_CASE(busy_pages_are_waited_for),
	KUNIT_CASE(many_busy_are_waited_for),
	KUNIT_CASE(reset_in_the_middle),
	KUNIT_CASE(reset_does_not_wait_for_copies),
	KUNIT_CASE(reset_waits_for_what_is_mapped_alone),
	KUNIT_CASE(queue_reset_waits_for_its_own),
	KUNIT_CASE(reset_before_the_disk_has_it),
	{}
};

static struct kunit_suite borrow_suite = {
	.name = "virtback_borrow",
	.init = borrow_init,
	.exit = blk_test_exit,
	.test_cases = borrow_cases,
};

kunit_test_suite(borrow_suite);
