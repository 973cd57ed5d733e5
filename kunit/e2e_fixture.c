// SPDX-License-Identifier: GPL-2.0
/*
 * The fixture of the suites with stock drivers; see e2e.h.
 */
#include <linux/bio.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "e2e.h"

const struct virtback_test_ranges e2e_can = {
	.discard = 1024,
	.granularity = 4096,
	.zeroes = 2048,
	.erase = 512,
};

int e2e_init(struct kunit *test)
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

void e2e_close(struct e2e *e)
{
	if (e->bdev)
		virtback_bdev_close(e->handle, true, e);
	e->bdev = NULL;
}

void e2e_exit(struct kunit *test)
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
int e2e_open(struct e2e *e)
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

void e2e_make(struct kunit *test)
{
	struct e2e *e = test->priv;

	KUNIT_ASSERT_EQ(test, virtback_create(&e->cfg), 0);
	e->made = true;
	/* The search for partitions has it open until this thread's files are closed. */
	flush_delayed_fput();
}

void e2e_start(struct kunit *test)
{
	e2e_make(test);
	KUNIT_ASSERT_EQ(test, e2e_open(test->priv), 0);
}

int e2e_remove(struct e2e *e, bool force)
{
	int err = virtback_remove(DEVICE, force);

	if (!err)
		e->made = false;
	return err;
}

/* One bio of @nr pages of the stock driver's disk, waited for. */
int e2e_io(struct e2e *e, blk_opf_t opf, u64 sector, void *buf, unsigned int nr)
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

void *e2e_pages(struct kunit *test)
{
	void *buf = kunit_kmalloc(test, PAGES * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

/* Give an option as an administrator would. */
void e2e_option(struct kunit *test, enum virtback_opt opt, const char *val)
{
	struct e2e *e = test->priv;
	const char *why = NULL;

	clear_bit(opt, &e->cfg.set);
	KUNIT_ASSERT_EQ(test, virtback_option_set(&e->cfg, opt, val, &why), 0);
}
