// SPDX-License-Identifier: GPL-2.0
/*
 * From end to end with stock drivers: virtback_create() makes a device for this
 * kernel itself (the loop host), virtio_mmio and virtio_blk probe it, and what is
 * written to their disk is found on the backing device.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <virtback/compat.h>
#include <virtback/config.h>
#include <virtback/loop.h>

#include "../drivers/control/control.h"
#include "disk.h"

#define DEVICE	"loop.0"
#define PAGES	64

/**
 * struct e2e - a backing device and what the stock driver made of it
 * @disk: backing device
 * @cfg: of the device
 * @made: the device exists
 * @handle: the stock driver's disk, open
 * @bdev: the same
 */
struct e2e {
	struct test_disk *disk;
	struct virtback_config cfg;
	bool made;
	virtback_bdev_handle handle;
	struct block_device *bdev;
};

static const struct virtback_test_ranges e2e_can = {
	.discard = 1024,
	.granularity = 4096,
	.zeroes = 2048,
	.erase = 512,
};

static int e2e_init(struct kunit *test)
{
	struct e2e *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	test->priv = e;
	if (!VIRTBACK_LOOP)
		kunit_skip(test, "this kernel has no virtio drivers");
	if (THIS_MODULE->state != MODULE_STATE_LIVE)
		kunit_skip(test, "this kernel runs suites before the module's init");
	e->disk = test_disk_create_ranges(test, 512, true, &e2e_can);
	e->cfg.backing = e->disk->path;
	set_bit(VIRTBACK_OPT_BACKING, &e->cfg.set);
	return 0;
}

static void e2e_close(struct e2e *e)
{
	if (e->bdev)
		virtback_bdev_close(e->handle, true, e);
	e->bdev = NULL;
}

static void e2e_exit(struct kunit *test)
{
	struct e2e *e = test->priv;

	if (!e)
		return;
	e2e_close(e);
	if (e->made)
		KUNIT_EXPECT_EQ(test, virtback_remove(DEVICE, true), 0);
	if (e->disk)
		test_disk_destroy(e->disk);
}

/* The number of the disk that the stock driver made, 0 when there is none. */
static dev_t e2e_devt(void)
{
	struct device *dev = class_find_device_by_name(&virtback_class, DEVICE);
	dev_t devt;

	if (!dev)
		return 0;
	devt = virtback_loop_disk(virtback_dev_of(dev));
	put_device(dev);
	return devt;
}

/* Open that disk and no other: a machine may have virtio disks of its own. */
static int e2e_open(struct e2e *e)
{
	dev_t want = e2e_devt(), devt;
	char path[] = "/dev/vda";
	virtback_bdev_handle handle;

	for (; want && path[7] <= 'z'; path[7]++) {
		if (lookup_bdev(path, &devt) || devt != want)
			continue;
		handle = virtback_bdev_open(path, true, e);
		if (IS_ERR(handle))
			return PTR_ERR(handle);
		e->handle = handle;
		e->bdev = virtback_bdev(handle);
		return 0;
	}
	return -ENOENT;
}

static void e2e_make(struct kunit *test)
{
	struct e2e *e = test->priv;

	KUNIT_ASSERT_EQ(test, virtback_create(&e->cfg), 0);
	e->made = true;
	/* The search for partitions has it open until this thread's files are closed. */
	flush_delayed_fput();
}

static void e2e_start(struct kunit *test)
{
	e2e_make(test);
	KUNIT_ASSERT_EQ(test, e2e_open(test->priv), 0);
}

static int e2e_remove(struct e2e *e, bool force)
{
	int err = virtback_remove(DEVICE, force);

	if (!err)
		e->made = false;
	return err;
}

/* One bio of @nr pages of the stock driver's disk, waited for. */
static int e2e_io(struct e2e *e, blk_opf_t opf, u64 sector, void *buf, unsigned int nr)
{
	struct bio *bio = bio_alloc(e->bdev, max(nr, 1U), opf, GFP_KERNEL);
	unsigned int i;
	int err;

	bio->bi_iter.bi_sector = sector;
	for (i = 0; i < nr; i++)
		__bio_add_page(bio, virt_to_page(buf + i * PAGE_SIZE), PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

static void *e2e_pages(struct kunit *test)
{
	void *buf = kunit_kmalloc(test, PAGES * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

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

/* Give an option as an administrator would. */
static void e2e_option(struct kunit *test, enum virtback_opt opt, const char *val)
{
	struct e2e *e = test->priv;
	const char *why = NULL;

	clear_bit(opt, &e->cfg.set);
	KUNIT_ASSERT_EQ(test, virtback_option_set(&e->cfg, opt, val, &why), 0);
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
	KUNIT_EXPECT_EQ(test, e2e_set(test, e->disk->path), 0);
	entry = e2e_entry(test);
	/* The driver's next probe. */
	KUNIT_EXPECT_EQ(test, device_attach(virtback_loop_bus(&entry->vd)), 1);
	put_device(&entry->vd.dev);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, e2e_open(e), 0);
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
	KUNIT_CASE(stock_driver_makes_a_zoned_disk),
	KUNIT_CASE(zone_is_written_appended_to_and_reset),
	KUNIT_CASE(zones_are_not_withheld),
	KUNIT_CASE(stock_driver_sees_the_disk_grow),
	KUNIT_CASE(stock_driver_does_not_notice_replacements),
	KUNIT_CASE(attribute_follows_the_backing_store),
	KUNIT_CASE(placeholder_is_bound_when_it_has_a_disk),
	{}
};

static struct kunit_suite e2e_suite = {
	.name = "virtback_e2e",
	.init = e2e_init,
	.exit = e2e_exit,
	.test_cases = e2e_cases,
};

kunit_test_suite(e2e_suite);
