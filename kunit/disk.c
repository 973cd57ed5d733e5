// SPDX-License-Identifier: GPL-2.0
/*
 * The disk of the suites; see disk.h. A bio-based driver, so that the block layer
 * checks bios as it does for any disk and hands them over as they were made.
 */
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include <virtback/compat.h>

#include "disk.h"

/**
 * test_disk_copy() - do what a bio asks for
 * @disk: disk
 * @bio: read or write, at its sector
 */
void test_disk_copy(struct test_disk *disk, struct bio *bio)
{
	u64 pos = (u64)bio->bi_iter.bi_sector << SECTOR_SHIFT;
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		if (op_is_write(bio_op(bio)))
			memcpy_from_bvec(disk->data + pos, &bv);
		else
			memcpy_to_bvec(&bv, disk->data + pos);
		pos += bv.bv_len;
	}
}

static void disk_fill(struct test_disk *disk, struct bio *bio, u8 val)
{
	memset(disk->data + ((u64)bio->bi_iter.bi_sector << SECTOR_SHIFT), val,
	       bio->bi_iter.bi_size);
}

static void disk_do(struct test_disk *disk, struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_DISCARD:
		disk_fill(disk, bio, TEST_DISK_DISCARDED);
		break;
	case REQ_OP_WRITE_ZEROES:
		disk_fill(disk, bio, 0);
		break;
	case REQ_OP_SECURE_ERASE:
		disk_fill(disk, bio, TEST_DISK_ERASED);
		break;
	default:
		test_disk_copy(disk, bio);
	}
}

static void disk_end(struct test_disk *disk, struct bio *bio)
{
	if (disk->fail && !--disk->fail)
		bio->bi_status = disk->error;
	else if (disk->zones)
		bio->bi_status = test_zones_bio(disk, bio);
	else
		disk_do(disk, bio);
	bio_endio(bio);
}

static void disk_note(struct test_disk *disk, struct bio *bio)
{
	if (disk->bios < TEST_DISK_SEEN) {
		struct test_bio *seen = &disk->seen[disk->bios];

		seen->opf = bio->bi_opf;
		seen->sector = bio->bi_iter.bi_sector;
		seen->sectors = bio_sectors(bio);
	}
	disk->bios++;
}

static void disk_submit_bio(struct bio *bio)
{
	struct test_disk *disk = bio->bi_bdev->bd_disk->private_data;
	bool held;

	disk_note(disk, bio);
	disk->reads += bio_op(bio) == REQ_OP_READ;
	disk->writes += bio_op(bio) == REQ_OP_WRITE && bio_sectors(bio);
	disk->flushes += !!(bio->bi_opf & REQ_PREFLUSH);
	disk->fuas += !!(bio->bi_opf & REQ_FUA);
	disk->empty += !bio_sectors(bio);
	disk->discards += bio_op(bio) == REQ_OP_DISCARD;
	disk->zeroes += bio_op(bio) == REQ_OP_WRITE_ZEROES;
	disk->erases += bio_op(bio) == REQ_OP_SECURE_ERASE;

	spin_lock_irq(&disk->lock);
	held = disk->hold;
	if (held)
		bio_list_add(&disk->held, bio);
	spin_unlock_irq(&disk->lock);
	if (!held)
		disk_end(disk, bio);
}

static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
	.submit_bio = disk_submit_bio,
};

#ifdef CONFIG_BLK_DEV_ZONED
static const struct block_device_operations disk_zoned_ops = {
	.owner = THIS_MODULE,
	.submit_bio = disk_submit_bio,
	.report_zones = test_zones_report,
};
#endif

/**
 * test_disk_held() - how many bios does the disk hold?
 * @disk: disk
 */
unsigned int test_disk_held(struct test_disk *disk)
{
	unsigned int n;

	spin_lock_irq(&disk->lock);
	n = bio_list_size(&disk->held);
	spin_unlock_irq(&disk->lock);
	return n;
}

/**
 * test_disk_page() - where the bio that came first has its data
 * @disk: disk that holds a bio
 *
 * Return: the page of its first part
 */
struct page *test_disk_page(struct test_disk *disk)
{
	struct bio *bio;

	spin_lock_irq(&disk->lock);
	bio = bio_list_peek(&disk->held);
	spin_unlock_irq(&disk->lock);
	return bio ? bio_page(bio) : NULL;
}

/**
 * test_disk_end() - end a bio that the disk holds
 * @disk: disk
 * @last: the one that came last, else the one that came first
 *
 * Return: false when it holds none
 */
bool test_disk_end(struct test_disk *disk, bool last)
{
	struct bio_list rest = BIO_EMPTY_LIST;
	struct bio *bio;

	spin_lock_irq(&disk->lock);
	bio = bio_list_pop(&disk->held);
	while (last && bio && !bio_list_empty(&disk->held)) {
		bio_list_add(&rest, bio);
		bio = bio_list_pop(&disk->held);
	}
	bio_list_merge(&disk->held, &rest);
	spin_unlock_irq(&disk->lock);
	if (bio)
		disk_end(disk, bio);
	return bio;
}

/* Disks made so far. */
static unsigned int disks;

static struct test_disk *disk_alloc(struct kunit *test)
{
	struct test_disk *disk = kunit_kzalloc(test, sizeof(*disk), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, disk);
	spin_lock_init(&disk->lock);
	bio_list_init(&disk->held);
	disk->data = vzalloc(TEST_DISK_BYTES);
	KUNIT_ASSERT_NOT_NULL(test, disk->data);
	/* No two sectors are alike. */
	for (i = 0; i < TEST_DISK_BYTES / sizeof(u32); i++)
		((u32 *)disk->data)[i] = i * 2654435761U;
	return disk;
}

static void disk_add(struct kunit *test, struct test_disk *disk, u64 sectors,
		     const struct block_device_operations *ops)
{
	int err = 0;

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(disk->gd));
	disk->gd->fops = ops;
	disk->gd->flags |= GENHD_FL_NO_PART;
	disk->gd->private_data = disk;
	/* Two at once are enough. */
	snprintf(disk->gd->disk_name, DISK_NAME_LEN, "vbtest%u", disks % 2);
	snprintf(disk->path, sizeof(disk->path), "/dev/%s", disk->gd->disk_name);
	set_capacity(disk->gd, sectors);
#ifdef CONFIG_BLK_DEV_ZONED
	if (disk->zones)
		err = virtback_test_zones_ready(disk->gd, TEST_ZONES_OPEN, TEST_ZONES_ACTIVE);
#endif
	if (!err)
		err = add_disk(disk->gd);
	if (err) {
		put_disk(disk->gd);
		vfree(disk->data);
	}
	KUNIT_ASSERT_EQ(test, err, 0);
	disks++;
}

/**
 * test_disk_create_ranges() - make a disk that discards and so on
 * @test: the running test, which ends when this fails
 * @block_size: its logical blocks
 * @cache: does it have a volatile cache?
 * @ranges: what it can
 */
struct test_disk *test_disk_create_ranges(struct kunit *test, u32 block_size, bool cache,
					  const struct virtback_test_ranges *ranges)
{
	struct test_disk *disk = disk_alloc(test);

	disk->gd = virtback_test_disk(block_size, cache, ranges);
	disk_add(test, disk, TEST_DISK_SECTORS, &disk_ops);
	return disk;
}

#ifdef CONFIG_BLK_DEV_ZONED
/**
 * test_disk_create_zoned() - make a disk with zones
 * @test: the running test, which ends when this fails
 */
struct test_disk *test_disk_create_zoned(struct kunit *test)
{
	struct test_disk *disk = disk_alloc(test);
	struct queue_limits lim = {
		.chunk_sectors = TEST_ZONE_SECTORS,
		.max_zone_append_sectors = TEST_ZONE_APPEND,
		.zone_write_granularity = TEST_ZONE_GRANULARITY,
	};

	virtback_test_zone_limits(&lim, TEST_ZONES_OPEN, TEST_ZONES_ACTIVE);
	test_zones_init(test, disk);
	disk->gd = virtback_test_zoned_disk(&lim);
	disk_add(test, disk, TEST_ZONES_SECTORS, &disk_zoned_ops);
	return disk;
}
#else
struct test_disk *test_disk_create_zoned(struct kunit *test)
{
	kunit_skip(test, "this kernel has no zoned block devices");
}
#endif

/**
 * test_disk_create() - make a plain disk
 * @test: the running test, which ends when this fails
 * @block_size: its logical blocks
 * @cache: does it have a volatile cache?
 */
struct test_disk *test_disk_create(struct kunit *test, u32 block_size, bool cache)
{
	static const struct virtback_test_ranges none;

	return test_disk_create_ranges(test, block_size, cache, &none);
}

/**
 * test_disk_destroy() - take a disk away that nobody has open
 * @disk: disk
 */
void test_disk_destroy(struct test_disk *disk)
{
	/* An open that failed late is undone by another thread. */
	flush_delayed_fput();
	del_gendisk(disk->gd);
	put_disk(disk->gd);
	if (!disk->shared)
		vfree(disk->data);
}

/**
 * test_disk_share() - make a disk another way to the data of a second one
 * @disk: disk that gives up its own
 * @other: the second, which is destroyed later
 */
void test_disk_share(struct test_disk *disk, struct test_disk *other)
{
	vfree(disk->data);
	disk->data = other->data;
	disk->shared = true;
}
