// SPDX-License-Identifier: GPL-2.0
/*
 * Backing stores that change their size (drivers/blk/store.c).
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "blk_fixture.h"
#include "file_fixture.h"

#define CONFIG		VIRTIO_MMIO_INT_CONFIG
#define HALF		(TEST_DISK_SECTORS / 2)

static struct fake *start_half(struct blk_test *b)
{
	blk_test_disk(b, 512, false);
	set_capacity(b->disk->gd, HALF);
	return blk_start(b, 0);
}

static void look(struct fake *f)
{
	f->vd.type->check_size(&f->vd);
}

static u32 generation(struct fake *f)
{
	return fake_read(f, VIRTIO_MMIO_CONFIG_GENERATION);
}

static u32 isr(struct fake *f)
{
	return fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS);
}

/* Wait until the driver is told of @sectors; true when that takes less than @ms. */
static bool told_within(struct fake *f, u64 sectors, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	while (file_sectors(f) != sectors) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(500, 1000);
	}
	return true;
}

static void growth_reaches_the_driver(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start_half(b);
	u32 gen = generation(f);

	KUNIT_EXPECT_EQ(test, file_sectors(f), HALF);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, 0);
	set_capacity(b->disk->gd, TEST_DISK_SECTORS);
	look(f);
	KUNIT_EXPECT_EQ(test, file_sectors(f), TEST_DISK_SECTORS);
	KUNIT_EXPECT_NE(test, generation(f), gen);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, CONFIG);
}

static void same_size_is_no_news(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start_half(b);
	u32 gen = generation(f);

	look(f);
	KUNIT_EXPECT_EQ(test, generation(f), gen);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, 0);
}

static void new_space_can_be_used(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start_half(b);

	set_capacity(b->disk->gd, TEST_DISK_SECTORS);
	look(f);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS - 8, BUF, 4096),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, TEST_DISK_SECTORS - 8, 4096));
}

static void lost_space_cannot_be_used(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, false);
	f = blk_start(b, 0);
	set_capacity(b->disk->gd, HALF);
	look(f);
	KUNIT_EXPECT_EQ(test, file_sectors(f), HALF);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, CONFIG);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, HALF, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, HALF - 1, BUF, 512),
			VIRTIO_BLK_S_OK);
}

/* Nobody has looked, so the driver's request is the first to see it. */
static void lost_space_is_seen_at_once(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, false);
	f = blk_start(b, 0);
	set_capacity(b->disk->gd, HALF);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, HALF, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_TRUE(test, told_within(f, HALF, 300));
}

static void file_that_shrank_stays_short(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, RAMFS_FILE, 2 * MIB, FLUSH);
	file_truncate(b, RAMFS_FILE, MIB);
	blk_fill(f, BUF, 512, 3);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 2 * MIB / 512 - 1, BUF, 512),
			VIRTIO_BLK_S_IOERR);
	look(f);
	KUNIT_EXPECT_EQ(test, file_sectors(f), MIB / 512);
}

static void lost_medium_is_kept_from_the_driver(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start_half(b);

	set_capacity(b->disk->gd, 0);
	look(f);
	KUNIT_EXPECT_EQ(test, file_sectors(f), HALF);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	set_capacity(b->disk->gd, HALF);
	look(f);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_OK);
}

static void request_sees_the_new_size(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start_half(b);

	set_capacity(b->disk->gd, TEST_DISK_SECTORS);
	blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512);
	KUNIT_EXPECT_TRUE(test, told_within(f, TEST_DISK_SECTORS, 300));
}

static void idle_disk_is_looked_at(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start_half(b);

	set_capacity(b->disk->gd, TEST_DISK_SECTORS);
	KUNIT_EXPECT_TRUE(test, told_within(f, TEST_DISK_SECTORS, 3000));
	/* And again. */
	set_capacity(b->disk->gd, HALF);
	KUNIT_EXPECT_TRUE(test, told_within(f, HALF, 3000));
}

static void driver_that_is_not_there_is_not_interrupted(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, false);
	f = blk_device(b);
	set_capacity(b->disk->gd, HALF);
	look(f);
	KUNIT_EXPECT_EQ(test, isr(f), 0);
	KUNIT_EXPECT_EQ(test, file_sectors(f), HALF);
}

static void file_grows(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, RAMFS_FILE, MIB, FLUSH);
	file_truncate(b, RAMFS_FILE, 2 * MIB + 600);
	look(f);
	KUNIT_EXPECT_EQ(test, file_sectors(f), 2 * MIB / 512 + 1);
	KUNIT_EXPECT_EQ(test, isr(f) & CONFIG, CONFIG);
	blk_fill(f, BUF, 512, 3);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 2 * MIB / 512, BUF, 512),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, RAMFS_FILE, BUF, 2 * MIB, 512));
}

static struct kunit_case resize_cases[] = {
	KUNIT_CASE(growth_reaches_the_driver),
	KUNIT_CASE(same_size_is_no_news),
	KUNIT_CASE(new_space_can_be_used),
	KUNIT_CASE(lost_space_cannot_be_used),
	KUNIT_CASE(lost_space_is_seen_at_once),
	KUNIT_CASE(file_that_shrank_stays_short),
	KUNIT_CASE(lost_medium_is_kept_from_the_driver),
	KUNIT_CASE(request_sees_the_new_size),
	KUNIT_CASE(idle_disk_is_looked_at),
	KUNIT_CASE(driver_that_is_not_there_is_not_interrupted),
	KUNIT_CASE(file_grows),
	{}
};

static struct kunit_suite resize_suite = {
	.name = "virtback_resize",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = resize_cases,
};

kunit_test_suite(resize_suite);
