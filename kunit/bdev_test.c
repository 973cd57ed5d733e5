// SPDX-License-Identifier: GPL-2.0
/*
 * Block requests on their way to the disk and back (drivers/blk/bdev.c), and the
 * backing device itself.
 */
#include <linux/blkdev.h>

#include "blk_fixture.h"

/* --- caches and flushes --- */

static void flush_is_an_empty_write(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, FLUSH);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->flushes, 1);
	KUNIT_EXPECT_EQ(test, b->disk->empty, 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
}

static void failed_flush_is_reported(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, FLUSH);
	b->disk->fail = 1;
	b->disk->error = BLK_STS_IOERR;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_IOERR);
}

static void flush_ends_after_the_disks(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, FLUSH);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
}

static void flush_without_a_cache_is_answered(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

static void driver_with_flush_gets_plain_writes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, FLUSH);
	blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512);
	KUNIT_EXPECT_EQ(test, b->disk->writes, 1);
	KUNIT_EXPECT_EQ(test, b->disk->fuas, 0);
}

static void driver_without_flush_gets_durable_writes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, 0);
	blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512);
	KUNIT_EXPECT_EQ(test, b->disk->fuas, 1);
	blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512);
	KUNIT_EXPECT_EQ(test, b->disk->fuas, 1);
}

/* --- passes --- */

static void long_read_comes_in_passes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u32 len = 5 * MIB / 2;

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 11, BUF, len), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 11, len));
	KUNIT_EXPECT_EQ(test, ((u8 *)fake_va(f, BUF))[len], 0);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), len + 1);
}

static void long_write_goes_in_passes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u32 len = 2 * MIB + 512;

	blk_fill(f, BUF + 1, len, 4);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 9, BUF + 1, len),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + 1, 9, len));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
}

static void pass_may_end_within_any_buffer(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	/* 3 MiB + 512, and no boundary of a pass is one of a buffer. */
	static const u32 lens[] = { 700001, 1, 800000, 123456, 900000, 621766 + 1016 };
	u64 addr = BUF + 5;
	u32 i, len = 0;

	blk_header(f, VIRTIO_BLK_T_OUT, 100);
	fake_desc(f, 0, TABLE, 8 * 16, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, HDR, HDR_LEN, F_NEXT, 1);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		fake_indirect(f, TABLE, i + 1, addr + len, lens[i], F_NEXT, i + 2);
		len += lens[i];
	}
	fake_indirect(f, TABLE, i + 1, STATUS, 1, F_WRITE, 0);
	KUNIT_ASSERT_EQ(test, len, 3 * MIB + 512);
	blk_fill(f, addr, len, 5);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, addr, 100, len));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 4);
}

static void next_chain_leaves_a_long_request_alone(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u32 len = 2 * MIB;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, len);
	fake_offer(f, 0);
	fake_kick(f);
	/* Taken while the first waits for its disk; where chains are kept is used again. */
	fake_desc(f, 3, HDR, HDR_LEN, F_NEXT, 4);
	fake_desc(f, 4, BUF + len, 512, F_NEXT | F_WRITE, 5);
	fake_desc(f, 5, STATUS + 1, 1, F_WRITE, 0);
	fake_offer(f, 3);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 2);
	b->disk->hold = false;
	while (test_disk_end(b->disk, false))
		;
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, len));
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + len, 0, 512));
}

static void pieces_may_be_odd(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	f->piece = 1000;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 3, BUF + 7, 16384),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + 7, 3, 16384));
	blk_fill(f, BUF + 7, 16384, 10);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 5, BUF + 7, 16384),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + 7, 5, 16384));
}

static void exactly_one_pass(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, MIB), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, MIB));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
}

static void failing_pass_ends_the_request(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	b->disk->fail = 2;
	b->disk->error = BLK_STS_MEDIUM;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 3 * MIB),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 2);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, MIB));
	KUNIT_EXPECT_EQ(test, ((u8 *)fake_va(f, BUF))[MIB], 0);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), MIB);
}

static void data_outside_memory_ends_a_later_pass(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u64 addr = FAKE_BASE + BLK_MEM - 3 * MIB / 2;

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, addr, 2 * MIB),
			VIRTIO_BLK_S_IOERR);
	/* That it cannot be copied shows when it has been read. */
	KUNIT_EXPECT_EQ(test, b->disk->bios, f->vd.copies ? 2 : 1);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), MIB);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, addr, 2 * MIB),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 1), 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void pages_are_shared_out(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	int i;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, MIB);
	for (i = 0; i < 5; i++)
		fake_offer(f, 0);
	fake_kick(f);
	/* The stock is four of the longest passes; the fifth waits. */
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 4);
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 4);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	b->disk->hold = false;
	while (test_disk_end(b->disk, false))
		fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 5);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, MIB));
}

static void take_from(struct virtback_pool *pool, void **taken, unsigned int n)
{
	while (n--)
		*taken++ = virtback_pool_get(pool);
}

static void give_back(struct virtback_pool *pool, void **taken, unsigned int n)
{
	while (n--)
		virtback_pool_put(pool, *taken++);
}

static void long_requests_wait_for_storage_of_their_lists(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	struct virtback_pool *keep = &f->vd.vqs[0].keep;
	void *taken[VIRTBACK_KEEP_REQS];

	take_from(keep, taken, VIRTBACK_KEEP_REQS - 1);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 2 * MIB);
	fake_offer(f, 0);
	blk_go(f);
	/* One has the last storage, the other one waits. */
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	KUNIT_EXPECT_EQ(test, keep->nr, 0);
	b->disk->hold = false;
	while (test_disk_end(b->disk, false))
		fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_EQ(test, keep->nr, 1);
	give_back(keep, taken, VIRTBACK_KEEP_REQS - 1);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 2 * MIB));
}

static void stalled_pass_keeps_its_place(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	struct virtback_pool *pieces = &f->vd.vqs[0].pieces;
	unsigned int n;
	void **taken;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 2 * MIB);
	blk_go(f);
	/* The first pass gives 256 back; for the second they are too few. */
	n = pieces->nr;
	taken = kunit_kzalloc(test, (n + 100) * sizeof(*taken), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	take_from(pieces, taken, n);
	mutex_lock(&f->vd.vqs[0].ring_lock);
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	take_from(pieces, taken + n, 100);
	mutex_unlock(&f->vd.vqs[0].ring_lock);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 0);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	give_back(pieces, taken, n + 100);
	b->disk->hold = false;
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 2 * MIB));
}

/* --- the disk's answers --- */

static void disk_error_is_reported(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	b->disk->fail = 1;
	b->disk->error = BLK_STS_MEDIUM;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 0);
	KUNIT_EXPECT_EQ(test, *(u32 *)fake_va(f, BUF), 0);
	b->disk->fail = 1;
	b->disk->error = BLK_STS_NOTSUPP;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512),
			VIRTIO_BLK_S_UNSUPP);
}

static void requests_end_in_any_order(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	int i;

	b->disk->hold = true;
	for (i = 0; i < 8; i++) {
		u64 at = BUF + i * 0x2000;
		u64 table = at + 0x1800;
		struct virtio_blk_outhdr *hdr = fake_va(f, at + 0x1000);

		hdr->type = (__force __virtio32)cpu_to_le32(VIRTIO_BLK_T_IN);
		hdr->sector = (__force __virtio64)cpu_to_le64(i * 16);
		fake_indirect(f, table, 0, at + 0x1000, HDR_LEN, F_NEXT, 1);
		fake_indirect(f, table, 1, at + i, 2048, F_NEXT | F_WRITE, 2);
		fake_indirect(f, table, 2, at + 0x1100, 1, F_WRITE, 0);
		*(u8 *)fake_va(f, at + 0x1100) = NO_STATUS;
		fake_desc(f, i, table, 3 * 16, F_INDIRECT, 0);
		fake_offer(f, i);
	}
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 8);
	for (i = 0; i < 8; i++)
		test_disk_end(b->disk, i % 2);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 8);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 0);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 1), 7);
	for (i = 0; i < 8; i++) {
		u64 at = BUF + i * 0x2000;

		KUNIT_EXPECT_TRUE_MSG(test, blk_same(b, at + i, i * 16, 2048), "request %d", i);
		KUNIT_EXPECT_EQ(test, *(u8 *)fake_va(f, at + 0x1100), VIRTIO_BLK_S_OK);
	}
}

static void write_is_copied_when_taken(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_fill(f, BUF, 512, 6);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, 512);
	blk_go(f);
	blk_fill(f, BUF, 512, 7);
	test_disk_end(b->disk, false);
	KUNIT_EXPECT_FALSE(test, blk_same(b, BUF, 0, 512));
	blk_fill(f, BUF, 512, 6);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 512));
}

/* --- reset with the disk busy --- */

static void late_read_touches_nothing(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 3 * MIB);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	memset(f->mem, 0x5c, f->mem_len);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_NULL(test, memchr_inv(f->mem, 0x5c, f->mem_len));
	/* No further pass, and all is free for the next driver. */
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
}

static void new_write_waits_for_the_old_one(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_fill(f, BUF, 512, 8);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, 512);
	blk_go(f);
	fake_start(f, 0);
	blk_fill(f, BUF, 512, 9);
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, 512);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	b->disk->hold = false;
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, b->disk->writes, 2);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 512));
}

/* --- the backing device --- */

static u64 offered(struct fake *f)
{
	return virtback_device_offered(&f->vd);
}

static void config_space_describes_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 4096, false);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	KUNIT_EXPECT_EQ(test, blk_config(f, 0, 8), TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, blk_config(f, 4, 4), 0);
	KUNIT_EXPECT_EQ(test, blk_config(f, 12, 4), FAKE_QUEUE_SIZE - 2);
	KUNIT_EXPECT_EQ(test, blk_config(f, 20, 4), 4096);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.bad_accesses), 0);
	/* What belongs to features that are not offered is not there. */
	blk_config(f, 36, 4);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.bad_accesses), 1);
	/* Nothing in it can be written. */
	fake_access(f, VIRTIO_MMIO_CONFIG, 4, true, 1);
	KUNIT_EXPECT_EQ(test, blk_config(f, 0, 8), TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.bad_accesses), 2);
}

static void plain_disk_offers_neither_flush_nor_ro(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_device(b);

	KUNIT_EXPECT_EQ(test, offered(f) & (FLUSH | RO), 0);
	KUNIT_EXPECT_TRUE(test, offered(f) & BIT_ULL(VIRTIO_BLK_F_SEG_MAX));
	KUNIT_EXPECT_TRUE(test, offered(f) & BIT_ULL(VIRTIO_BLK_F_BLK_SIZE));
	KUNIT_EXPECT_TRUE(test, offered(f) & BIT_ULL(VIRTIO_BLK_F_TOPOLOGY));
}

static void cached_disk_offers_flush(struct kunit *test)
{
	struct blk_test *b = test->priv;

	blk_test_disk(b, 512, true);
	KUNIT_EXPECT_EQ(test, offered(blk_device(b)) & (FLUSH | RO), FLUSH);
}

static void read_only_option_offers_ro(struct kunit *test)
{
	struct blk_test *b = test->priv;

	blk_test_disk(b, 512, true);
	b->cfg.readonly = true;
	KUNIT_EXPECT_EQ(test, offered(blk_device(b)) & (FLUSH | RO), RO);
}

static void read_only_device_offers_ro(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, false);
	set_disk_ro(b->disk->gd, true);
	f = blk_start(b, RO);
	KUNIT_EXPECT_EQ(test, offered(f) & RO, RO);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

static void disk_that_became_read_only_is_not_written(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, FLUSH);
	set_disk_ro(b->disk->gd, true);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_OK);
	/* For the writes that came before. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->flushes, 1);
	set_disk_ro(b->disk->gd, false);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->writes, 1);
}

/* Make a second device on the same disk. */
/* As after a format, or another table of device-mapper; not all drivers look again. */
static void disk_whose_blocks_grew_gets_no_parts_of_them(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct queue_limits *lim;
	struct fake *f;

	f = blk_start(b, 0);
	lim = &b->disk->gd->queue->limits;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 9, BUF, 512), VIRTIO_BLK_S_OK);
	lim->logical_block_size = 4096;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 8, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 9, BUF, 4096), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 8, BUF, 4096), VIRTIO_BLK_S_OK);
	lim->logical_block_size = 512;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 9, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
}

static int second(struct blk_test *b, bool readonly, const char *path)
{
	struct virtback_config cfg = { .readonly = readonly, .backing = (char *)path };
	struct virtback_device *vd = kunit_kzalloc(b->test, sizeof(*vd), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(b->test, vd);
	strscpy(vd->name, "second", sizeof(vd->name));
	vd->type = &virtback_blk_type;
	vd->host = &fake_host;
	KUNIT_ASSERT_EQ(b->test, virtback_device_init(vd, 1, FAKE_QUEUE_SIZE), 0);
	err = vd->type->create(vd, &cfg);
	if (!err)
		vd->type->destroy(vd);
	virtback_device_fini(vd);
	return err;
}

static void writable_disk_has_one_owner(struct kunit *test)
{
	struct blk_test *b = test->priv;

	blk_device(b);
	KUNIT_EXPECT_EQ(test, second(b, false, b->disk->path), -EBUSY);
}

static void read_only_disks_are_shared(struct kunit *test)
{
	struct blk_test *b = test->priv;

	b->cfg.readonly = true;
	blk_device(b);
	KUNIT_EXPECT_EQ(test, second(b, true, b->disk->path), 0);
}

static void unfit_paths_are_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;

	KUNIT_EXPECT_EQ(test, second(b, false, "/dev/absent"), -ENOENT);
	KUNIT_EXPECT_EQ(test, second(b, false, "/dev/console"), -ENOTBLK);
	KUNIT_EXPECT_EQ(test, second(b, false, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, second(b, false, ""), -EINVAL);
}

static void empty_disk_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;

	blk_test_disk(b, 512, false);
	set_capacity(b->disk->gd, 0);
	KUNIT_EXPECT_EQ(test, second(b, false, b->disk->path), -ENOMEDIUM);
}

static struct kunit_case bdev_cases[] = {
	FAKE_CASE(flush_is_an_empty_write),
	FAKE_CASE(failed_flush_is_reported),
	FAKE_CASE(flush_ends_after_the_disks),
	FAKE_CASE(flush_without_a_cache_is_answered),
	FAKE_CASE(driver_with_flush_gets_plain_writes),
	FAKE_CASE(driver_without_flush_gets_durable_writes),
	FAKE_CASE(long_read_comes_in_passes),
	FAKE_CASE(long_write_goes_in_passes),
	FAKE_CASE(pass_may_end_within_any_buffer),
	FAKE_CASE(next_chain_leaves_a_long_request_alone),
	FAKE_CASE(pieces_may_be_odd),
	FAKE_CASE(exactly_one_pass),
	FAKE_CASE(failing_pass_ends_the_request),
	FAKE_CASE(data_outside_memory_ends_a_later_pass),
	FAKE_CASE_BOUNCE(pages_are_shared_out),
	FAKE_CASE(long_requests_wait_for_storage_of_their_lists),
	KUNIT_CASE(stalled_pass_keeps_its_place),
	FAKE_CASE(disk_error_is_reported),
	FAKE_CASE(requests_end_in_any_order),
	FAKE_CASE(write_is_copied_when_taken),
	FAKE_CASE_BOUNCE(late_read_touches_nothing),
	FAKE_CASE(new_write_waits_for_the_old_one),
	KUNIT_CASE(config_space_describes_the_disk),
	KUNIT_CASE(plain_disk_offers_neither_flush_nor_ro),
	KUNIT_CASE(cached_disk_offers_flush),
	KUNIT_CASE(read_only_option_offers_ro),
	KUNIT_CASE(read_only_device_offers_ro),
	FAKE_CASE(disk_that_became_read_only_is_not_written),
	FAKE_CASE(disk_whose_blocks_grew_gets_no_parts_of_them),
	KUNIT_CASE(writable_disk_has_one_owner),
	KUNIT_CASE(read_only_disks_are_shared),
	KUNIT_CASE(unfit_paths_are_refused),
	KUNIT_CASE(empty_disk_is_refused),
	{}
};

static struct kunit_suite bdev_suite = {
	.name = "virtback_bdev",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = bdev_cases,
};

kunit_test_suite(bdev_suite);
