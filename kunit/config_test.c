// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk offers, and what its configuration space says of it, field by field
 * (VIRTIO 1.2 section 5.2.4).
 */
#include <linux/blkdev.h>

#include "blk_fixture.h"

static const struct virtio_blk_config layout;

#define MEMBER(f, m)								\
	((u32)blk_config(f, (const u8 *)&(m) - (const u8 *)&layout, sizeof(m)))
#define FIELD(f, name)		MEMBER(f, layout.name)
#define END(name)	offsetofend(struct virtio_blk_config, name)

static const u64 plain = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_GEOMETRY) |
			 BIT_ULL(VIRTIO_BLK_F_MQ) | BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |
			 BIT_ULL(VIRTIO_BLK_F_TOPOLOGY);

static u64 type_features(struct fake *f)
{
	return virtback_device_offered(&f->vd) & (BIT_ULL(24) - 1);
}

/* Every byte can be read, and none after the last. */
static void expect_length(struct fake *f, u32 len)
{
	u32 off;

	for (off = 0; off < len; off++)
		blk_config(f, off, 1);
	KUNIT_EXPECT_EQ(f->test, atomic_read(&f->vd.bad_accesses), 0);
	KUNIT_EXPECT_EQ(f->test, blk_config(f, len, 4), 0);
	KUNIT_EXPECT_EQ(f->test, blk_config(f, len - 4, 8), 0);
	KUNIT_EXPECT_EQ(f->test, atomic_read(&f->vd.bad_accesses), 2);
}

static void plain_disk_has_the_plain_fields(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_device(b);

	KUNIT_EXPECT_EQ(test, type_features(f), plain);
	KUNIT_EXPECT_EQ(test, blk_config(f, 0, 8), TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, FIELD(f, size_max), 0);
	KUNIT_EXPECT_EQ(test, FIELD(f, seg_max), FAKE_QUEUE_SIZE - 2);
	KUNIT_EXPECT_EQ(test, FIELD(f, blk_size), 512);
	KUNIT_EXPECT_EQ(test, FIELD(f, physical_block_exp), 0);
	KUNIT_EXPECT_EQ(test, FIELD(f, alignment_offset), 0);
	KUNIT_EXPECT_EQ(test, FIELD(f, min_io_size), 1);
	KUNIT_EXPECT_EQ(test, FIELD(f, opt_io_size), 0);
	expect_length(f, END(num_queues));
}

static void cache_adds_the_writeback_byte(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, type_features(f), plain | FLUSH | WCE);
	KUNIT_EXPECT_EQ(test, FIELD(f, wce), 1);
	KUNIT_EXPECT_EQ(test, FIELD(f, unused), 0);
	expect_length(f, END(num_queues));
}

static void geometry_is_of_the_ata_kind(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_device(b);

	KUNIT_EXPECT_EQ(test, FIELD(f, geometry.cylinders), TEST_DISK_SECTORS / (16 * 63));
	KUNIT_EXPECT_EQ(test, FIELD(f, geometry.heads), 16);
	KUNIT_EXPECT_EQ(test, FIELD(f, geometry.sectors), 63);
}

static void geometry_is_bounded(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, false);
	set_capacity(b->disk->gd, 8);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, FIELD(f, geometry.cylinders), 1);
	fake_destroy(f);
	b->f = NULL;
	set_capacity(b->disk->gd, 1ULL << 40);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, FIELD(f, geometry.cylinders), 16383);
	KUNIT_EXPECT_EQ(test, blk_config(f, 0, 8), 1ULL << 40);
}

static void discard_has_its_limits(struct kunit *test)
{
	static const struct virtback_test_ranges can = { .discard = 1001, .granularity = 4096 };
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk_ranges(b, 512, false, &can);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, type_features(f), plain | BIT_ULL(VIRTIO_BLK_F_DISCARD));
	/* Whole granules, so that one request does not spoil the next. */
	KUNIT_EXPECT_EQ(test, FIELD(f, max_discard_sectors), 1000);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_discard_seg), 256);
	KUNIT_EXPECT_EQ(test, FIELD(f, discard_sector_alignment), 8);
	/* There, but of a feature that is not. */
	KUNIT_EXPECT_EQ(test, FIELD(f, wce), 0);
	expect_length(f, END(discard_sector_alignment));
}

static void zeroes_have_their_limits(struct kunit *test)
{
	static const struct virtback_test_ranges can = { .zeroes = 1000 };
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk_ranges(b, 4096, false, &can);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, type_features(f), plain | BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES));
	KUNIT_EXPECT_EQ(test, FIELD(f, max_write_zeroes_sectors), 1000);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_write_zeroes_seg), 256);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_discard_sectors), 0);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_discard_seg), 0);
	KUNIT_EXPECT_EQ(test, FIELD(f, discard_sector_alignment), 0);
	/* Nothing is given back by a disk that cannot. */
	KUNIT_EXPECT_EQ(test, FIELD(f, write_zeroes_may_unmap), 0);
	expect_length(f, END(unused1));
}

static void erase_has_its_limits(struct kunit *test)
{
	static const struct virtback_test_ranges can = { .erase = 64 };
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk_ranges(b, 4096, false, &can);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, type_features(f), plain | BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE));
	KUNIT_EXPECT_EQ(test, FIELD(f, max_secure_erase_sectors), 64);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_secure_erase_seg), 256);
	/* Never 0: a stock driver would refuse the disk. */
	KUNIT_EXPECT_EQ(test, FIELD(f, secure_erase_sector_alignment), 8);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_write_zeroes_sectors), 0);
	expect_length(f, END(secure_erase_sector_alignment));
}

/* A segment fits into one bio, which counts bytes in 32 bits. */
static void boundless_limits_are_bounded(struct kunit *test)
{
	static const struct virtback_test_ranges can = {
		.discard = UINT_MAX, .granularity = SZ_64K, .zeroes = 1U << 23, .erase = UINT_MAX,
	};
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk_ranges(b, 4096, true, &can);
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_discard_sectors), (1U << 23) - 128);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_write_zeroes_sectors), (1U << 23) - 8);
	KUNIT_EXPECT_EQ(test, FIELD(f, max_secure_erase_sectors), (1U << 23) - 128);
	KUNIT_EXPECT_EQ(test, FIELD(f, write_zeroes_may_unmap), 1);
	KUNIT_EXPECT_EQ(test, FIELD(f, wce), 1);
	KUNIT_EXPECT_EQ(test, FIELD(f, num_queues), FAKE_QUEUES);
	expect_length(f, END(secure_erase_sector_alignment));
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE(plain_disk_has_the_plain_fields),
	KUNIT_CASE(cache_adds_the_writeback_byte),
	KUNIT_CASE(geometry_is_of_the_ata_kind),
	KUNIT_CASE(geometry_is_bounded),
	KUNIT_CASE(discard_has_its_limits),
	KUNIT_CASE(zeroes_have_their_limits),
	KUNIT_CASE(erase_has_its_limits),
	KUNIT_CASE(boundless_limits_are_bounded),
	{}
};

static struct kunit_suite config_suite = {
	.name = "virtback_blkconfig",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);
