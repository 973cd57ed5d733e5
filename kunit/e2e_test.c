// SPDX-License-Identifier: GPL-2.0
/*
 * From end to end with stock drivers: virtback_create() makes a device for this
 * kernel itself (the loop host), virtio_mmio and virtio_blk probe it, and what is
 * written to their disk is found on the backing device.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "e2e.h"

static void stock_driver_makes_a_disk(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_EXPECT_EQ(test, bdev_nr_sectors(e->bdev), TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, bdev_logical_block_size(e->bdev), 512);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(e->bdev));
	KUNIT_EXPECT_FALSE(test, bdev_read_only(e->bdev));
}

static void written_data_is_on_the_backing_device(struct kunit *test)
{
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	unsigned int i, n;

	e2e_start(test);
	for (i = 0; i < 200; i++) {
		u64 sector = (i * 37 % 512) * 8;

		n = 1 + i % PAGES;
		memset(buf, i + 1, n * PAGE_SIZE);
		if (sector + n * 8 > TEST_DISK_SECTORS)
			continue;
		KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, sector, buf, n), 0);
		KUNIT_ASSERT_EQ(test, memcmp(e->disk->data + sector * 512, buf, n * PAGE_SIZE), 0);
		memset(buf, 0, n * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_READ, sector, buf, n), 0);
		KUNIT_ASSERT_EQ(test, memcmp(e->disk->data + sector * 512, buf, n * PAGE_SIZE), 0);
	}
}

static void flush_reaches_the_backing_device(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, e->disk->flushes, 1);
}

/* Are all bytes of these sectors of the backing device the same one? */
static bool e2e_all(struct e2e *e, u64 sector, u32 sectors, u8 val)
{
	return !memchr_inv(e->disk->data + sector * 512, val, sectors * 512);
}

static void discard_reaches_the_backing_device(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_EXPECT_EQ(test, bdev_max_discard_sectors(e->bdev), 1024);
	KUNIT_EXPECT_EQ(test, bdev_discard_granularity(e->bdev), 4096);
	KUNIT_EXPECT_EQ(test, blkdev_issue_discard(e->bdev, 80, 3000, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, e2e_all(e, 80, 3000, TEST_DISK_DISCARDED));
	KUNIT_EXPECT_FALSE(test, e2e_all(e, 79, 1, TEST_DISK_DISCARDED));
	KUNIT_EXPECT_FALSE(test, e2e_all(e, 3080, 1, TEST_DISK_DISCARDED));
	KUNIT_EXPECT_EQ(test, e->disk->discards, 3);
}

static void zeroes_reach_the_backing_device(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_EXPECT_EQ(test, bdev_write_zeroes_sectors(e->bdev), 2048);
	KUNIT_EXPECT_EQ(test, blkdev_issue_zeroout(e->bdev, 5, 4100, GFP_KERNEL,
						   BLKDEV_ZERO_NOUNMAP), 0);
	KUNIT_EXPECT_TRUE(test, e2e_all(e, 5, 4100, 0));
	KUNIT_EXPECT_FALSE(test, e2e_all(e, 4, 1, 0));
	KUNIT_EXPECT_EQ(test, e->disk->zeroes, 3);
	KUNIT_EXPECT_EQ(test, e->disk->writes, 0);
}

static void erase_reaches_the_backing_device(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_EXPECT_EQ(test, bdev_max_secure_erase_sectors(e->bdev), 512);
	KUNIT_EXPECT_EQ(test, blkdev_issue_secure_erase(e->bdev, 16, 64, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, e2e_all(e, 16, 64, TEST_DISK_ERASED));
	KUNIT_EXPECT_EQ(test, e->disk->erases, 1);
}

/* A device that turns out unable: the stock driver's disk zeroes with data. */
static void driver_falls_back_to_writing_zeroes(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	e->disk->error = BLK_STS_NOTSUPP;
	e->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, blkdev_issue_zeroout(e->bdev, 8, 64, GFP_KERNEL, 0), 0);
	KUNIT_EXPECT_TRUE(test, e2e_all(e, 8, 64, 0));
	KUNIT_EXPECT_EQ(test, e->disk->zeroes, 1);
	KUNIT_EXPECT_GE(test, e->disk->writes, 1);
}

/* What "echo ... > /sys/block/vda/cache_type" does. */
static int e2e_cache_type(struct e2e *e, const char *type)
{
	struct device *dev = disk_to_dev(e->bdev->bd_disk);
	const struct attribute_group **group = dev->groups;
	struct attribute **attr;

	for (; group && *group; group++) {
		for (attr = (*group)->attrs; attr && *attr; attr++) {
			struct device_attribute *a;

			if (strcmp((*attr)->name, "cache_type"))
				continue;
			a = container_of(*attr, struct device_attribute, attr);
			return a->store(dev, a, type, strlen(type));
		}
	}
	return -ENOENT;
}

static void cache_type_decides_who_makes_writes_durable(struct kunit *test)
{
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);

	e2e_start(test);
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, 0, buf, 1), 0);
	KUNIT_EXPECT_EQ(test, e->disk->fuas, 0);

	KUNIT_ASSERT_GT(test, e2e_cache_type(e, "write through"), 0);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(e->bdev));
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, 0, buf, 1), 0);
	KUNIT_EXPECT_EQ(test, e->disk->fuas, 1);

	KUNIT_ASSERT_GT(test, e2e_cache_type(e, "write back"), 0);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(e->bdev));
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, 0, buf, 1), 0);
	KUNIT_EXPECT_EQ(test, e->disk->fuas, 1);
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, e->disk->flushes, 1);
}

static void disk_error_reaches_the_driver(struct kunit *test)
{
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);

	e2e_start(test);
	e->disk->error = BLK_STS_IOERR;
	e->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_READ, 0, buf, 1), -EIO);
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_READ, 0, buf, 1), 0);
}

static void read_only_disk_cannot_be_opened_for_writing(struct kunit *test)
{
	struct e2e *e = test->priv;

	e->cfg.readonly = true;
	e2e_make(test);
	KUNIT_EXPECT_EQ(test, e2e_open(e), -EACCES);
}

static void open_disk_is_removed_by_force_only(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	KUNIT_EXPECT_EQ(test, e2e_remove(e, false), -EBUSY);
	e2e_close(e);
	KUNIT_EXPECT_EQ(test, e2e_remove(e, false), 0);
	KUNIT_EXPECT_EQ(test, e2e_remove(e, false), -ENOENT);
}

static void removed_disk_is_gone(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_start(test);
	e2e_close(e);
	KUNIT_ASSERT_EQ(test, e2e_remove(e, false), 0);
	KUNIT_EXPECT_EQ(test, e2e_open(e), -ENOENT);
}

static void device_can_be_made_again(struct kunit *test)
{
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	int i;

	for (i = 0; i < 5; i++) {
		e2e_start(test);
		KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_READ, 8, buf, 4), 0);
		KUNIT_EXPECT_EQ(test, memcmp(e->disk->data + 8 * 512, buf, 4 * PAGE_SIZE), 0);
		e2e_close(e);
		KUNIT_ASSERT_EQ(test, e2e_remove(e, false), 0);
	}
}

/* The device, alive until e2e_remove(). */
static struct virtback_device *e2e_device(struct kunit *test)
{
	struct device *dev = class_find_device_by_name(&virtback_class, DEVICE);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	put_device(dev);
	return virtback_dev_of(dev);
}

/* Write and read something that takes several requests of a small queue. */
static void e2e_exercise(struct kunit *test, u8 *buf, u8 seed)
{
	struct e2e *e = test->priv;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		memset(buf, seed + i, PAGES * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, 8 * i, buf, PAGES), 0);
		memset(buf, 0, PAGES * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_READ, 8 * i, buf, PAGES), 0);
		KUNIT_ASSERT_NULL(test, memchr_inv(buf, seed + i, PAGES * PAGE_SIZE));
		KUNIT_ASSERT_EQ(test, memcmp(e->disk->data + 8 * i * 512, buf, PAGES * PAGE_SIZE),
				0);
	}
}

static void queues_are_as_many_as_asked_for(struct kunit *test)
{
	static const char * const given[] = { NULL, "1", "3", "64" };
	unsigned int want[] = { min(num_online_cpus(), 4U), 1, 3, 64 };
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(given); i++) {
		/* One queue has 4 MiB, and this may be a very small machine. */
		if (want[i] * SZ_4M > totalram_pages() * PAGE_SIZE / 2)
			continue;
		if (given[i])
			e2e_option(test, VIRTBACK_OPT_QUEUES, given[i]);
		e2e_start(test);
		KUNIT_EXPECT_EQ(test, e2e_device(test)->nvqs, want[i]);
		e2e_exercise(test, buf, i);
		e2e_close(e);
		KUNIT_ASSERT_EQ(test, e2e_remove(e, false), 0);
	}
}

static void queues_are_as_long_as_asked_for(struct kunit *test)
{
	static const char * const given[] = { "1", "2", "3", "64", "300", "1024" };
	static const u16 want[] = { 1, 2, 3, 64, 300, 1024 };
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	u16 num;
	int i;

	for (i = 0; i < ARRAY_SIZE(given); i++) {
		e2e_option(test, VIRTBACK_OPT_QUEUE_SIZE, given[i]);
		e2e_start(test);
		KUNIT_EXPECT_EQ(test, e2e_device(test)->vqs[0].num_max, want[i]);
		/* A split ring is not as long. */
		num = e2e_device(test)->features & BIT_ULL(VIRTIO_F_RING_PACKED) ?
		      want[i] : rounddown_pow_of_two(want[i]);
		KUNIT_EXPECT_EQ(test, e2e_device(test)->vqs[0].num, num);
		e2e_exercise(test, buf, i);
		e2e_close(e);
		KUNIT_ASSERT_EQ(test, e2e_remove(e, false), 0);
	}
}

static void withheld_features_are_not_negotiated(struct kunit *test)
{
	static const char * const given[] = {
		"indirect_desc", "event_idx", "indirect_desc,event_idx,mq",
		"seg_max,blk_size,topology,flush",
	};
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(given); i++) {
		e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, given[i]);
		e2e_start(test);
		KUNIT_EXPECT_EQ(test, e2e_device(test)->features & e->cfg.features_off, 0);
		e2e_exercise(test, buf, i);
		e2e_close(e);
		KUNIT_ASSERT_EQ(test, e2e_remove(e, false), 0);
	}
}

static void writes_without_flush_are_durable(struct kunit *test)
{
	struct e2e *e = test->priv;
	u8 *buf = e2e_pages(test);

	e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, "flush");
	e2e_start(test);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(e->bdev));
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, 0, buf, 1), 0);
	KUNIT_EXPECT_EQ(test, e->disk->fuas, 1);
}

static void options_that_contradict_the_disk_are_refused(struct kunit *test)
{
	struct e2e *e = test->priv;

	e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, "ro");
	e->cfg.readonly = true;
	KUNIT_EXPECT_EQ(test, virtback_create(&e->cfg), -EINVAL);
	/* The disk was closed, and it is nothing to a writable one. */
	e->cfg.readonly = false;
	e2e_make(test);
	KUNIT_ASSERT_EQ(test, e2e_remove(e, false), 0);

	e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, "indirect_desc");
	e2e_option(test, VIRTBACK_OPT_QUEUE_SIZE, "2");
	KUNIT_EXPECT_EQ(test, virtback_create(&e->cfg), -EINVAL);

	e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, "mq");
	e2e_option(test, VIRTBACK_OPT_QUEUES, "2");
	KUNIT_EXPECT_EQ(test, virtback_create(&e->cfg), -EINVAL);
}

static void block_size_that_matters_is_not_withheld(struct kunit *test)
{
	struct e2e *e = test->priv;

	test_disk_destroy(e->disk);
	e->disk = NULL;
	e->disk = test_disk_create(test, 4096, true);
	e->cfg.backing = e->disk->path;
	e2e_option(test, VIRTBACK_OPT_FEATURES_OFF, "blk_size");
	KUNIT_EXPECT_EQ(test, virtback_create(&e->cfg), -EINVAL);
}

static int e2e_visit_child(struct device *dev, void *data)
{
	struct device **child = data;

	*child = get_device(dev);
	return 1;
}

/*
 * The stock driver lets go and probes again, with some features withheld. Returns
 * what it negotiated, 0 when it did not probe.
 */
static u64 e2e_probe_without(struct kunit *test, u64 features_off)
{
	struct device *dev = class_find_device_by_name(&virtback_class, DEVICE), *vdev = NULL;
	struct e2e *e = test->priv;
	struct virtback_device *vd;
	u64 features = 0;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	vd = virtback_dev_of(dev);
	e2e_close(e);
	device_for_each_child(virtback_loop_bus(vd), &vdev, e2e_visit_child);
	if (vdev) {
		device_release_driver(vdev);
		mutex_lock(&vd->lock);
		vd->features_off = features_off;
		mutex_unlock(&vd->lock);
		if (device_attach(vdev) == 1)
			features = READ_ONCE(vd->features);
		put_device(vdev);
	}
	put_device(dev);
	flush_delayed_fput();
	return features;
}

/* Requests of one page and of many, and a flush. */
static void e2e_exchange(struct kunit *test, u8 *buf, u8 seed)
{
	struct e2e *e = test->priv;
	unsigned int i, n;
	u8 *at;

	for (i = 0; i < 300; i++) {
		n = i % 4 ? 1 + i % 3 : PAGES;
		at = e->disk->data + i * 512;
		memset(buf, seed + i, n * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE, i, buf, n), 0);
		KUNIT_ASSERT_EQ(test, memcmp(at, buf, n * PAGE_SIZE), 0);
		memset(buf, 0, n * PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_READ, i, buf, n), 0);
		KUNIT_ASSERT_EQ(test, memcmp(at, buf, n * PAGE_SIZE), 0);
	}
	KUNIT_ASSERT_EQ(test, e2e_io(e, REQ_OP_WRITE | REQ_PREFLUSH, 0, NULL, 0), 0);
}

/* The driver takes all ring features that it knows, unless they are withheld. */
static void every_ring_format_carries_data(struct kunit *test)
{
	static const u64 bits[] = {
		BIT_ULL(VIRTIO_F_RING_PACKED), BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		BIT_ULL(VIRTIO_F_NOTIFICATION_DATA) | BIT_ULL(VIRTIO_F_ORDER_PLATFORM),
	};
	u64 off, all = bits[0] | bits[1] | bits[2] | bits[3], features;
	u8 *buf = e2e_pages(test);
	unsigned int set, i;

	e2e_make(test);
	for (set = 0; set < 1 << ARRAY_SIZE(bits); set++) {
		for (i = 0, off = 0; i < ARRAY_SIZE(bits); i++)
			off |= set & BIT(i) ? bits[i] : 0;
		features = e2e_probe_without(test, off);
		KUNIT_ASSERT_EQ(test, features & all, all & ~off);
		KUNIT_ASSERT_EQ(test, e2e_open(test->priv), 0);
		e2e_exchange(test, buf, set);
	}
}

static struct kunit_case e2e_cases[] = {
	KUNIT_CASE(stock_driver_makes_a_disk),
	KUNIT_CASE(written_data_is_on_the_backing_device),
	KUNIT_CASE(flush_reaches_the_backing_device),
	KUNIT_CASE(discard_reaches_the_backing_device),
	KUNIT_CASE(zeroes_reach_the_backing_device),
	KUNIT_CASE(erase_reaches_the_backing_device),
	KUNIT_CASE(driver_falls_back_to_writing_zeroes),
	KUNIT_CASE(cache_type_decides_who_makes_writes_durable),
	KUNIT_CASE(disk_error_reaches_the_driver),
	KUNIT_CASE(read_only_disk_cannot_be_opened_for_writing),
	KUNIT_CASE(open_disk_is_removed_by_force_only),
	KUNIT_CASE(removed_disk_is_gone),
	KUNIT_CASE(device_can_be_made_again),
	KUNIT_CASE(queues_are_as_many_as_asked_for),
	KUNIT_CASE(queues_are_as_long_as_asked_for),
	KUNIT_CASE(withheld_features_are_not_negotiated),
	KUNIT_CASE(writes_without_flush_are_durable),
	KUNIT_CASE(options_that_contradict_the_disk_are_refused),
	KUNIT_CASE(block_size_that_matters_is_not_withheld),
	KUNIT_CASE(every_ring_format_carries_data),
	{}
};

static struct kunit_suite e2e_suite = {
	.name = "virtback_e2e",
	.init = e2e_init,
	.exit = e2e_exit,
	.test_cases = e2e_cases,
};

kunit_test_suite(e2e_suite);
