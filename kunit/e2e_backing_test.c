// SPDX-License-Identifier: GPL-2.0
/*
 * From end to end with stock drivers, as e2e_test.c: backing stores that are zoned,
 * that grow, and that are replaced while the driver uses its disk.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "e2e.h"

/* --- a zoned disk --- */

struct e2e_zones {
	struct blk_zone zone[TEST_ZONES];
	unsigned int nr;
};

static int e2e_one_zone(struct blk_zone *zone, unsigned int idx, void *data)
{
	struct e2e_zones *zones = data;

	if (idx >= TEST_ZONES)
		return -ERANGE;
	zones->zone[idx] = *zone;
	zones->nr++;
	return 0;
}

static void e2e_take_zoned(struct kunit *test)
{
	struct e2e *e = test->priv;

	test_disk_destroy(e->disk);
	e->disk = NULL;
	e->disk = test_disk_create_zoned(test);
	e->cfg.backing = e->disk->path;
}

/* What the stock driver reports is what the backing device's own driver does. */
static void e2e_same_zones(struct kunit *test)
{
	struct e2e *e = test->priv;
	struct e2e_zones *zones = kunit_kzalloc(test, sizeof(*zones), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, zones);
	KUNIT_EXPECT_EQ(test, virtback_bdev_report_zones(e->bdev, 0, TEST_ZONES, e2e_one_zone,
							 zones), TEST_ZONES);
	KUNIT_ASSERT_EQ(test, zones->nr, TEST_ZONES);
	KUNIT_EXPECT_EQ(test, memcmp(zones->zone, e->disk->zones, sizeof(zones->zone)), 0);
}

static void stock_driver_makes_a_zoned_disk(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_take_zoned(test);
	e2e_start(test);
	KUNIT_EXPECT_TRUE(test, virtback_bdev_zoned(e->bdev));
	KUNIT_EXPECT_EQ(test, bdev_nr_sectors(e->bdev), TEST_ZONES_SECTORS);
	KUNIT_EXPECT_EQ(test, bdev_zone_sectors(e->bdev), TEST_ZONE_SECTORS);
	KUNIT_EXPECT_EQ(test, bdev_nr_zones(e->bdev), TEST_ZONES);
	KUNIT_EXPECT_EQ(test, bdev_max_open_zones(e->bdev), TEST_ZONES_OPEN);
	KUNIT_EXPECT_EQ(test, bdev_max_active_zones(e->bdev), TEST_ZONES_ACTIVE);
	KUNIT_EXPECT_EQ(test, bdev_max_zone_append_sectors(e->bdev), 64);
	KUNIT_EXPECT_EQ(test, bdev_zone_write_granularity(e->bdev), TEST_ZONE_GRANULARITY);
	e2e_same_zones(test);
}

static void zone_is_written_appended_to_and_reset(struct kunit *test)
{
	u64 start = 3 * TEST_ZONE_SECTORS;
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	struct bio *bio;

	e2e_take_zoned(test);
	e2e_start(test);
	memset(buf, 1, PAGE_SIZE);
	memset(buf + PAGE_SIZE, 2, 2 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, start, buf, 1), 0);

	bio = bio_alloc(e->bdev, 2, REQ_OP_ZONE_APPEND, GFP_KERNEL);
	bio->bi_iter.bi_sector = start;
	__bio_add_page(bio, virt_to_page(buf + PAGE_SIZE), PAGE_SIZE, 0);
	__bio_add_page(bio, virt_to_page(buf + 2 * PAGE_SIZE), PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, submit_bio_wait(bio), 0);
	KUNIT_EXPECT_EQ(test, bio->bi_iter.bi_sector, start + 8);
	bio_put(bio);
	KUNIT_EXPECT_EQ(test, memcmp(e->disk->data + start * 512, buf, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, e->disk->zones[3].wp, start + 24);
	e2e_same_zones(test);

	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_ZONE_CLOSE, start, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_ZONE_OPEN, start, NULL, 0), 0);
	e2e_same_zones(test);
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_ZONE_FINISH, start, NULL, 0), 0);
	e2e_same_zones(test);
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_ZONE_RESET, start, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, e->disk->zones[3].wp, start);
	e2e_same_zones(test);

	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, start, buf, 1), 0);
	KUNIT_EXPECT_EQ(test, virtback_bdev_reset_zones(e->bdev), 0);
	KUNIT_EXPECT_EQ(test, e->disk->zones[3].wp, start);
	e2e_same_zones(test);
}

static void zones_are_not_withheld(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_take_zoned(test);
	e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, "zoned");
	KUNIT_EXPECT_EQ(test, virtback_create(&e->cfg), -EINVAL);
}

/* The device in the registry. Put its device. */
static struct virtback_entry *e2e_entry(struct kunit *test)
{
	struct device *dev = class_find_device_by_name(&virtback_class, DEVICE);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	return virtback_entry_of(virtback_dev_of(dev));
}

/* Write to the attribute "backing". */
static int e2e_set(struct kunit *test, const char *path)
{
	struct virtback_entry *entry = e2e_entry(test);
	int err = virtback_backing_store(entry, path);

	put_device(&entry->vd.dev);
	return err;
}

/* Is @path what the attribute says? */
static bool e2e_shows(struct kunit *test, const char *path)
{
	struct virtback_entry *entry = e2e_entry(test);
	char *buf = (char *)get_zeroed_page(GFP_KERNEL);
	bool same = buf && virtback_backing_show(entry, buf) > 0 && sysfs_streq(buf, path);

	free_page((unsigned long)buf);
	put_device(&entry->vd.dev);
	return same;
}

static void stock_driver_sees_the_disk_grow(struct kunit *test)
{
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	int i;

	set_capacity(e->disk->gd, TEST_DISK_SECTORS / 2);
	e2e_start(test);
	KUNIT_EXPECT_EQ(test, bdev_nr_sectors(e->bdev), TEST_DISK_SECTORS / 2);
	set_capacity(e->disk->gd, TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, e2e_set(test, e->disk->path), 0);
	/* The driver looks in a work item of its own. */
	for (i = 0; i < 1000 && bdev_nr_sectors(e->bdev) != TEST_DISK_SECTORS; i++)
		usleep_range(500, 1000);
	KUNIT_EXPECT_EQ(test, bdev_nr_sectors(e->bdev), TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_READ, TEST_DISK_SECTORS - 8, buf, 1), 0);
}

/**
 * struct e2e_replacer - replaces a disk until it is told to stop
 * @test: the running test
 * @paths: two ways to one disk
 * @stop: end
 * @done: has ended
 * @count: replacements
 * @err: of the one that failed
 */
struct e2e_replacer {
	struct kunit *test;
	const char *paths[2];
	bool stop;
	struct completion done;
	unsigned int count;
	int err;
};

static int e2e_replace(void *data)
{
	struct e2e_replacer *r = data;

	while (!r->err && !READ_ONCE(r->stop)) {
		r->err = e2e_set(r->test, r->paths[++r->count & 1]);
		usleep_range(100, 200);
	}
	complete(&r->done);
	return 0;
}

static void stock_driver_does_not_notice_replacements(struct kunit *test)
{
	struct e2e_replacer r = { .test = test };
	struct test_disk *other = test_disk_create_ranges(test, 512, true, &e2e_can);
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	struct task_struct *task;
	unsigned int i, n;

	test_disk_share(other, e->disk);
	e2e_start(test);
	r.paths[0] = e->disk->path;
	r.paths[1] = other->path;
	init_completion(&r.done);
	task = kthread_run(e2e_replace, &r, "e2e_replace");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < 1000 && (i < 200 || r.count < 20); i++) {
		u64 sector = (i * 37 % 448) * 8;

		n = 1 + i % PAGES;
		memset(buf, i + 1, n * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_WRITE, sector, buf, n), 0);
		memset(buf, 0, n * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_READ, sector, buf, n), 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(buf, (u8)(i + 1), n * PAGE_SIZE));
	}
	WRITE_ONCE(r.stop, true);
	wait_for_completion(&r.done);
	KUNIT_EXPECT_EQ(test, r.err, 0);
	KUNIT_EXPECT_GE(test, r.count, 20);
	KUNIT_EXPECT_GT(test, other->writes, 0);
	/* Before the other one goes. */
	e2e_close(e);
	KUNIT_EXPECT_EQ(test, e2e_remove(e, false), 0);
	test_disk_destroy(other);
}

static void attribute_follows_the_backing_store(struct kunit *test)
{
	struct test_disk *other = test_disk_create_ranges(test, 512, true, &e2e_can);
	struct e2e *e = test->priv;

	e2e_make(test);
	KUNIT_EXPECT_TRUE(test, e2e_shows(test, e->disk->path));
	KUNIT_EXPECT_EQ(test, e2e_set(test, other->path), 0);
	KUNIT_EXPECT_TRUE(test, e2e_shows(test, other->path));
	KUNIT_EXPECT_EQ(test, e2e_set(test, "relative"), -EINVAL);
	KUNIT_EXPECT_EQ(test, e2e_set(test, ""), -EINVAL);
	KUNIT_EXPECT_EQ(test, e2e_set(test, "none"), -EINVAL);
	KUNIT_EXPECT_EQ(test, e2e_set(test, "/dev/absent"), -ENOENT);
	KUNIT_EXPECT_TRUE(test, e2e_shows(test, other->path));
	KUNIT_EXPECT_EQ(test, e2e_remove(e, true), 0);
	test_disk_destroy(other);
}

static void placeholder_is_bound_when_it_has_a_disk(struct kunit *test)
{
	struct e2e *e = test->priv;
	struct virtback_entry *entry;

	e->cfg.backing = "none";
	e2e_make(test);
	KUNIT_EXPECT_EQ(test, e2e_open(e), -ENOENT);
	KUNIT_EXPECT_TRUE(test, e2e_shows(test, "none"));
	entry = e2e_entry(test);
	KUNIT_EXPECT_STREQ(test, virtback_state_name(&entry->vd), "empty");
	put_device(&entry->vd.dev);
	KUNIT_EXPECT_EQ(test, e2e_set(test, e->disk->path), 0);
	entry = e2e_entry(test);
	KUNIT_EXPECT_STREQ(test, virtback_state_name(&entry->vd), "reset");
	/* The driver's next probe. */
	KUNIT_EXPECT_EQ(test, device_attach(virtback_loop_bus(&entry->vd)), 1);
	put_device(&entry->vd.dev);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, e2e_open(e), 0);
}

/* It is opened once more, which cannot be here: the disk is there all the time. */
static void gone_disk_may_come_back_by_its_name(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_EXPECT_EQ(test, e2e_set(test, e->disk->path), 0);
	set_bit(GD_DEAD, &e->disk->gd->state);
	KUNIT_EXPECT_EQ(test, e2e_set(test, e->disk->path), -EBUSY);
	clear_bit(GD_DEAD, &e->disk->gd->state);
	KUNIT_EXPECT_EQ(test, e2e_set(test, e->disk->path), 0);
}

static struct kunit_case e2e_backing_cases[] = {
	KUNIT_CASE(stock_driver_makes_a_zoned_disk),
	KUNIT_CASE(zone_is_written_appended_to_and_reset),
	KUNIT_CASE(zones_are_not_withheld),
	KUNIT_CASE(stock_driver_sees_the_disk_grow),
	KUNIT_CASE(stock_driver_does_not_notice_replacements),
	KUNIT_CASE(attribute_follows_the_backing_store),
	KUNIT_CASE(placeholder_is_bound_when_it_has_a_disk),
	KUNIT_CASE(gone_disk_may_come_back_by_its_name),
	{}
};

static struct kunit_suite e2e_backing_suite = {
	.name = "virtback_e2e_backing",
	.init = e2e_init,
	.exit = e2e_exit,
	.test_cases = e2e_backing_cases,
};

kunit_test_suite(e2e_backing_suite);
