// SPDX-License-Identifier: GPL-2.0
/*
 * Discards and zeroes of a disk on a file (drivers/blk/file.c): what becomes of the
 * file, and of file systems that cannot do it.
 */
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/falloc.h>

#include "blk_fixture.h"
#include "file_fixture.h"

#define DISCARD		BIT_ULL(VIRTIO_BLK_F_DISCARD)
#define ZEROES		BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES)
#define ERASE		BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE)
#define ALL		(FLUSH | DISCARD | ZEROES)
#define UNMAP		VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP
#define SEG		16U

#define SIZE		(2 * MIB)
/* Sectors of a block of the file system, and how i_blocks counts one. */
#define BLOCK		8

static void segment(struct fake *f, unsigned int i, u64 sector, u32 sectors, u32 flags)
{
	struct virtio_blk_discard_write_zeroes *r = fake_va(f, BUF + i * SEG);

	r->sector = cpu_to_le64(sector);
	r->num_sectors = cpu_to_le32(sectors);
	r->flags = cpu_to_le32(flags);
}

static u8 range(struct fake *f, u32 type, u64 sector, u32 sectors, u32 flags)
{
	segment(f, 0, sector, sectors, flags);
	return file_request(f, type, 0, BUF, SEG);
}

static u64 blocks(struct blk_test *b, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	u64 nr;

	KUNIT_ASSERT_FALSE(b->test, IS_ERR(file));
	nr = file_inode(file)->i_blocks;
	__fput_sync(file);
	return nr;
}

/* These sectors of the file are 0; the one before and the one after are not. */
static void expect_zeroed(struct blk_test *b, const char *path, u64 sector, u32 sectors)
{
	struct kunit *test = b->test;
	u64 buf = BUF + MIB;

	memset(fake_va(b->f, buf), 0, sectors * 512);
	KUNIT_EXPECT_TRUE(test, file_has(b, path, buf, sector * 512, sectors * 512));
	KUNIT_EXPECT_FALSE(test, file_has(b, path, buf, (sector - 1) * 512, 512));
	KUNIT_EXPECT_FALSE(test, file_has(b, path, buf, (sector + sectors) * 512, 512));
	/* What the guest sees of it. */
	memset(fake_va(b->f, buf), 0xff, sectors * 512);
	KUNIT_EXPECT_EQ(test, file_request(b->f, VIRTIO_BLK_T_IN, sector, buf, sectors * 512),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_NULL(test, memchr_inv(fake_va(b->f, buf), 0, sectors * 512));
}

/* --- what ends up in the file --- */

static void discard_makes_a_hole(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);
	u64 before = blocks(b, EXT4_FILE);

	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_DISCARD, 2 * BLOCK, 10 * BLOCK, 0),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
	KUNIT_EXPECT_EQ(test, blocks(b, EXT4_FILE), before - 10 * BLOCK);
	expect_zeroed(b, EXT4_FILE, 2 * BLOCK, 10 * BLOCK);
}

static void zeroes_that_may_unmap_make_a_hole(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);
	u64 before = blocks(b, EXT4_FILE);

	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 2 * BLOCK, 10 * BLOCK, UNMAP),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blocks(b, EXT4_FILE), before - 10 * BLOCK);
	expect_zeroed(b, EXT4_FILE, 2 * BLOCK, 10 * BLOCK);
}

/* They are kept, and a hole gets some: a later write finds room. */
static void other_zeroes_have_blocks(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);
	u64 before = blocks(b, EXT4_FILE);

	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 2 * BLOCK, 10 * BLOCK, 0),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blocks(b, EXT4_FILE), before);
	expect_zeroed(b, EXT4_FILE, 2 * BLOCK, 10 * BLOCK);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_DISCARD, 2 * BLOCK, 4 * BLOCK, 0),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blocks(b, EXT4_FILE), before - 4 * BLOCK);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 2 * BLOCK, 10 * BLOCK, 0),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blocks(b, EXT4_FILE), before);
}

static void parts_of_blocks_are_zeroed(struct kunit *test)
{
	static const u32 flags[] = { 0, UNMAP };
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 100 * i + 3, 21,
					    flags[i]), VIRTIO_BLK_S_OK);
		expect_zeroed(b, EXT4_FILE, 100 * i + 3, 21);
	}
}

static void every_segment_is_served(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);
	unsigned int i;

	for (i = 0; i < 3; i++)
		segment(f, i, BLOCK + i * 100 * BLOCK, BLOCK, i == 1 ? 0 : UNMAP);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BUF, 3 * SEG),
			VIRTIO_BLK_S_OK);
	for (i = 0; i < 3; i++)
		expect_zeroed(b, EXT4_FILE, BLOCK + i * 100 * BLOCK, BLOCK);
}

static void size_stays(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);

	/* What lies behind the end is refused, and does not bring it back. */
	file_truncate(b, EXT4_FILE, SIZE - 2 * BLOCK * 512);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, SIZE / 512 - BLOCK, BLOCK, 0),
			VIRTIO_BLK_S_IOERR);
	virtback_blk_type.check_size(&f->vd);
	KUNIT_EXPECT_EQ(test, file_sectors(f), SIZE / 512 - 2 * BLOCK);
}

/* --- stable storage; zeroes in a part of a page stay in it when buffered --- */

static void zeroes_are_durable_where_a_write_is(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, EXT4_FILE, SIZE, DISCARD | ZEROES);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 3, 2, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_FALSE(test, file_dirty(b, EXT4_FILE));
}

static void driver_that_flushes_is_left_to_it(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, EXT4_FILE, SIZE, ALL);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 3, 2, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_dirty(b, EXT4_FILE));
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_FALSE(test, file_dirty(b, EXT4_FILE));
}

/* --- what is offered --- */

static void limits_are_told(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, ALL);
	u32 most = rounddown(U32_MAX / 512, BLOCK);

	KUNIT_EXPECT_EQ(test, f->vd.type_features & (DISCARD | ZEROES | ERASE), DISCARD | ZEROES);
	KUNIT_EXPECT_EQ(test, blk_config(f, offsetof(struct virtio_blk_config,
						     max_discard_sectors), 4), most);
	KUNIT_EXPECT_EQ(test, blk_config(f, offsetof(struct virtio_blk_config,
						     discard_sector_alignment), 4), BLOCK);
	KUNIT_EXPECT_EQ(test, blk_config(f, offsetof(struct virtio_blk_config,
						     max_write_zeroes_sectors), 4), U32_MAX / 512);
	KUNIT_EXPECT_EQ(test, blk_config(f, offsetof(struct virtio_blk_config,
						     write_zeroes_may_unmap), 1), 1);
}

static void read_only_file_is_offered_none(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	b->cfg.readonly = true;
	f = file_start(b, EXT4_FILE, SIZE, RO);
	KUNIT_EXPECT_EQ(test, f->vd.type_features & (DISCARD | ZEROES | ERASE), 0);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_DISCARD, 0, BLOCK, 0), VIRTIO_BLK_S_IOERR);
}

/* --- file systems that cannot --- */

static int odd_mode;
static int odd_error;

static long odd_fallocate(struct file *file, int mode, loff_t pos, loff_t len)
{
	odd_mode = mode;
	return odd_error;
}

static void other_fallocate(struct file_operations *fops)
{
	fops->fallocate = odd_fallocate;
}

static void no_fallocate(struct file_operations *fops)
{
	fops->fallocate = NULL;
}

static void file_system_without_fallocate_is_offered_none(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start_odd(b, EXT4_FILE, SIZE, FLUSH, no_fallocate);

	KUNIT_EXPECT_EQ(test, f->vd.type_features & (DISCARD | ZEROES | ERASE), 0);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_DISCARD, 0, BLOCK, 0), VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, range(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BLOCK, 0),
			VIRTIO_BLK_S_UNSUPP);
}

static void what_the_file_system_refuses_is_unsupported(struct kunit *test)
{
	static const struct {
		u32 type;
		u32 flags;
		int mode;
	} requests[] = {
		{ VIRTIO_BLK_T_DISCARD, 0, FALLOC_FL_PUNCH_HOLE },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, FALLOC_FL_ZERO_RANGE },
		{ VIRTIO_BLK_T_WRITE_ZEROES, UNMAP, FALLOC_FL_PUNCH_HOLE },
	};
	struct blk_test *b = test->priv;
	struct fake *f = file_start_odd(b, EXT4_FILE, SIZE, ALL, other_fallocate);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		odd_error = -EOPNOTSUPP;
		KUNIT_EXPECT_EQ(test, range(f, requests[i].type, BLOCK, BLOCK, requests[i].flags),
				VIRTIO_BLK_S_UNSUPP);
		KUNIT_EXPECT_EQ(test, odd_mode, requests[i].mode | FALLOC_FL_KEEP_SIZE);
		odd_error = -ENOSPC;
		KUNIT_EXPECT_EQ(test, range(f, requests[i].type, BLOCK, BLOCK, requests[i].flags),
				VIRTIO_BLK_S_IOERR);
	}
}

static struct kunit_case file_range_cases[] = {
	KUNIT_CASE(discard_makes_a_hole),
	KUNIT_CASE(zeroes_that_may_unmap_make_a_hole),
	KUNIT_CASE(other_zeroes_have_blocks),
	KUNIT_CASE(parts_of_blocks_are_zeroed),
	KUNIT_CASE(every_segment_is_served),
	KUNIT_CASE(size_stays),
	KUNIT_CASE(zeroes_are_durable_where_a_write_is),
	KUNIT_CASE(driver_that_flushes_is_left_to_it),
	KUNIT_CASE(limits_are_told),
	KUNIT_CASE(read_only_file_is_offered_none),
	KUNIT_CASE(file_system_without_fallocate_is_offered_none),
	KUNIT_CASE(what_the_file_system_refuses_is_unsupported),
	{}
};

static int file_range_test_init(struct kunit *test)
{
	int err = blk_test_init(test);

	if (!err && !file_can(EXT4_FILE))
		kunit_skip(test, "no ext4 to write to");
	return err;
}

static struct kunit_suite file_range_suite = {
	.name = "virtback_file_range",
	.init = file_range_test_init,
	.exit = blk_test_exit,
	.test_cases = file_range_cases,
};

kunit_test_suite(file_range_suite);
