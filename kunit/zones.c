// SPDX-License-Identifier: GPL-2.0
/*
 * The zones of the suites' zoned disk: states, write pointers and limits as a
 * host-managed device has them.
 */
#include <linux/blkdev.h>

#include "disk.h"

/**
 * test_zones_init() - give a disk zones
 * @test: the running test, which ends when this fails
 * @disk: disk that is not registered yet
 */
void test_zones_init(struct kunit *test, struct test_disk *disk)
{
	unsigned int i;

	disk->zones = kunit_kcalloc(test, TEST_ZONES, sizeof(*disk->zones), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, disk->zones);
	for (i = 0; i < TEST_ZONES; i++) {
		struct blk_zone *z = &disk->zones[i];

		z->start = i * TEST_ZONE_SECTORS;
		z->len = min(TEST_ZONE_SECTORS, TEST_ZONES_SECTORS - i * TEST_ZONE_SECTORS);
		z->capacity = min_t(u64, z->len, TEST_ZONE_CAPACITY);
		z->wp = z->start;
		z->type = BLK_ZONE_TYPE_SEQWRITE_REQ;
		z->cond = BLK_ZONE_COND_EMPTY;
		if (i < TEST_ZONES_CONV) {
			z->type = BLK_ZONE_TYPE_CONVENTIONAL;
			z->cond = BLK_ZONE_COND_NOT_WP;
			z->capacity = z->len;
		}
	}
}

static bool zone_is_open(const struct blk_zone *z)
{
	return z->cond == BLK_ZONE_COND_IMP_OPEN || z->cond == BLK_ZONE_COND_EXP_OPEN;
}

static blk_status_t zone_open(struct test_disk *disk, struct blk_zone *z, u8 cond)
{
	unsigned int i, open = 0, active = 0;

	if (zone_is_open(z)) {
		if (cond == BLK_ZONE_COND_EXP_OPEN)
			z->cond = cond;
		return BLK_STS_OK;
	}
	if (z->cond != BLK_ZONE_COND_EMPTY && z->cond != BLK_ZONE_COND_CLOSED)
		return BLK_STS_IOERR;
	for (i = 0; i < TEST_ZONES; i++) {
		open += zone_is_open(&disk->zones[i]);
		active += zone_is_open(&disk->zones[i]) ||
			  disk->zones[i].cond == BLK_ZONE_COND_CLOSED;
	}
	if (z->cond == BLK_ZONE_COND_EMPTY && active == TEST_ZONES_ACTIVE)
		return BLK_STS_ZONE_ACTIVE_RESOURCE;
	if (open == TEST_ZONES_OPEN)
		return BLK_STS_ZONE_OPEN_RESOURCE;
	z->cond = cond;
	return BLK_STS_OK;
}

static blk_status_t zone_write(struct test_disk *disk, struct blk_zone *z, struct bio *bio)
{
	blk_status_t sts;

	if (bio->bi_iter.bi_sector != z->wp ||
	    z->wp + bio_sectors(bio) > z->start + z->capacity)
		return BLK_STS_IOERR;
	sts = zone_open(disk, z, BLK_ZONE_COND_IMP_OPEN);
	if (sts)
		return sts;
	test_disk_copy(disk, bio);
	z->wp += bio_sectors(bio);
	if (z->wp == z->start + z->capacity) {
		z->cond = BLK_ZONE_COND_FULL;
		z->wp = z->start + z->len;
	}
	return BLK_STS_OK;
}

static blk_status_t zone_reset(struct blk_zone *z)
{
	if (z->cond == BLK_ZONE_COND_READONLY || z->cond == BLK_ZONE_COND_OFFLINE)
		return BLK_STS_IOERR;
	z->cond = BLK_ZONE_COND_EMPTY;
	z->wp = z->start;
	return BLK_STS_OK;
}

static blk_status_t zone_reset_all(struct test_disk *disk)
{
	unsigned int i;

	for (i = TEST_ZONES_CONV; i < TEST_ZONES; i++)
		zone_reset(&disk->zones[i]);
	return BLK_STS_OK;
}

/**
 * test_zones_bio() - do what a bio asks for, if the zone's state permits
 * @disk: zoned disk
 * @bio: of any operation; its sector is that of the data when it was an append
 *
 * Return: how it ended
 */
blk_status_t test_zones_bio(struct test_disk *disk, struct bio *bio)
{
	struct blk_zone *z = &disk->zones[bio->bi_iter.bi_sector / TEST_ZONE_SECTORS];

	switch (bio_op(bio)) {
	case REQ_OP_READ:
		test_disk_copy(disk, bio);
		return BLK_STS_OK;
	case REQ_OP_ZONE_APPEND:
		bio->bi_iter.bi_sector = z->wp;
		return zone_write(disk, z, bio);
	case REQ_OP_WRITE:
		/* A flush is an empty one. */
		if (bio_sectors(bio) && z->type != BLK_ZONE_TYPE_CONVENTIONAL)
			return zone_write(disk, z, bio);
		test_disk_copy(disk, bio);
		return BLK_STS_OK;
	case REQ_OP_ZONE_OPEN:
		return zone_open(disk, z, BLK_ZONE_COND_EXP_OPEN);
	case REQ_OP_ZONE_CLOSE:
		if (!zone_is_open(z))
			return BLK_STS_IOERR;
		z->cond = BLK_ZONE_COND_CLOSED;
		return BLK_STS_OK;
	case REQ_OP_ZONE_FINISH:
		z->cond = BLK_ZONE_COND_FULL;
		z->wp = z->start + z->len;
		return BLK_STS_OK;
	case REQ_OP_ZONE_RESET:
		return zone_reset(z);
	case REQ_OP_ZONE_RESET_ALL:
		return zone_reset_all(disk);
	default:
		return BLK_STS_NOTSUPP;
	}
}

/**
 * test_zones_report() - what the disk's driver answers to a report of zones
 * @gd: the disk
 * @sector: in the first zone
 * @nr: zones at most
 * @cb: called for each
 * @data: for @cb
 *
 * Return: zones reported or -errno
 */
int test_zones_report(struct gendisk *gd, sector_t sector, unsigned int nr, report_zones_cb cb,
		      void *data)
{
	struct test_disk *disk = gd->private_data;
	unsigned int first = sector / TEST_ZONE_SECTORS, i;

	WRITE_ONCE(disk->reports, disk->reports + 1);
	if (disk->report_gate)
		wait_for_completion(disk->report_gate);
	if (disk->report_error)
		return disk->report_error;
	for (i = 0; i < nr && first + i < TEST_ZONES; i++) {
		struct blk_zone zone = disk->zones[first + i];
		int err = cb(&zone, i, data);

		if (err)
			return err;
	}
	return i;
}
