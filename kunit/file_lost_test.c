// SPDX-License-Identifier: GPL-2.0
/*
 * What the page cache had of a disk's file and could not write (drivers/blk/file.c):
 * nothing that may be lost is called durable any more.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pagemap.h>

#include "blk_fixture.h"
#include "file_fixture.h"

#define SIZE		SZ_256K
#define OTHER_FILE	"/ext4/other"

/* Where the pages of a file are. The inode stays: the disk has the file open. */
static struct address_space *pages_of(struct blk_test *b, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	struct address_space *pages;

	KUNIT_ASSERT_FALSE(b->test, IS_ERR(file));
	pages = d_real_inode(file->f_path.dentry)->i_mapping;
	__fput_sync(file);
	return pages;
}

/* As write-back does that fails. */
static void lose(struct blk_test *b, const char *path)
{
	filemap_set_wb_err(pages_of(b, path), -EIO);
}

static u8 flush(struct blk_test *b)
{
	return file_request(b->f, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
}

static u8 write(struct blk_test *b)
{
	return file_request(b->f, VIRTIO_BLK_T_OUT, 0, BUF, 4096);
}

static struct fake *buffered(struct blk_test *b, u64 features)
{
	file_buffered(b);
	return file_start(b, EXT4_FILE, SIZE, features);
}

/* --- who is told --- */

static void every_flush_is_told(struct kunit *test)
{
	struct blk_test *b = test->priv;

	buffered(b, FLUSH);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_OK);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	/* These promise nothing. */
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, file_request(b->f, VIRTIO_BLK_T_IN, 0, BUF, 4096),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
}

static void every_durable_write_is_told(struct kunit *test)
{
	struct blk_test *b = test->priv;

	buffered(b, 0);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_OK);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, file_request(b->f, VIRTIO_BLK_T_IN, 0, BUF, 4096),
			VIRTIO_BLK_S_OK);
}

/* What it was promised it was promised before, too. */
static void reset_forgets_nothing(struct kunit *test)
{
	struct blk_test *b = test->priv;

	buffered(b, FLUSH);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	fake_start(b->f, FLUSH);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
}

/* A page that somebody else read is no matter of the disk's. */
static void direct_disk_is_told_once(struct kunit *test)
{
	struct blk_test *b = test->priv;

	file_start(b, EXT4_FILE, SIZE, FLUSH);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_OK);
}

static void file_of_an_overlay_is_watched(struct kunit *test)
{
	struct blk_test *b = test->priv;

	if (!file_can(OVERLAY_FILE))
		kunit_skip(test, "this kernel has no overlayfs");
	file_make(b, EXT4_FILE, 0);
	file_buffered(b);
	file_start(b, OVERLAY_FILE, SIZE, 0);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_OK);
	lose(b, OVERLAY_FILE);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_IOERR);
}

/* --- flushes that fail by themselves --- */

static int flush_error;

static int failing_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return flush_error;
}

static void fail_fsync(struct file_operations *fops)
{
	fops->fsync = failing_fsync;
}

static void flush_after_failed_flush(struct blk_test *b, int err, u8 status)
{
	struct kunit *test = b->test;

	flush_error = 0;
	file_buffered(b);
	file_start_odd(b, EXT4_FILE, SIZE, FLUSH, fail_fsync);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_OK);
	flush_error = err;
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	flush_error = 0;
	KUNIT_EXPECT_EQ(test, flush(b), status);
}

static void failed_flush_is_not_made_good(struct kunit *test)
{
	flush_after_failed_flush(test->priv, -ENOSPC, VIRTIO_BLK_S_IOERR);
}

static void flush_without_memory_is_tried_again(struct kunit *test)
{
	flush_after_failed_flush(test->priv, -ENOMEM, VIRTIO_BLK_S_OK);
}

/* --- the end of it --- */

static void reopen(struct blk_test *b, u64 features)
{
	fake_destroy(b->f);
	b->f = NULL;
	file_open_start(b, EXT4_FILE, features);
}

static void next_disk_starts_anew(struct kunit *test)
{
	struct blk_test *b = test->priv;

	buffered(b, FLUSH);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	reopen(b, FLUSH);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_OK);
}

/* A guest that was saved and restored has two devices. */
static void next_disk_is_told_what_nobody_was(struct kunit *test)
{
	struct blk_test *b = test->priv;

	buffered(b, FLUSH);
	lose(b, EXT4_FILE);
	reopen(b, 0);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_IOERR);
}

static int replace(struct blk_test *b)
{
	struct virtback_config cfg = b->cfg;
	struct virtback_device *vd = &b->f->vd;

	cfg.backing = OTHER_FILE;
	return vd->type->set_backing(vd, &cfg);
}

static void start_with_other(struct blk_test *b)
{
	/* First, for what it was before may have left no room. */
	buffered(b, FLUSH);
	file_make(b, OTHER_FILE, SIZE);
}

static void swap_takes_the_error_from_nobody(struct kunit *test)
{
	struct blk_test *b = test->priv;

	start_with_other(b);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, replace(b), -EIO);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, replace(b), 0);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_OK);
}

static void known_loss_does_not_keep_the_file(struct kunit *test)
{
	struct blk_test *b = test->priv;

	start_with_other(b);
	lose(b, EXT4_FILE);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, replace(b), 0);
	KUNIT_EXPECT_EQ(test, flush(b), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, write(b), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, OTHER_FILE, BUF, 0, 4096));
}

static struct kunit_case file_lost_cases[] = {
	KUNIT_CASE(every_flush_is_told),
	KUNIT_CASE(every_durable_write_is_told),
	KUNIT_CASE(reset_forgets_nothing),
	KUNIT_CASE(direct_disk_is_told_once),
	KUNIT_CASE(file_of_an_overlay_is_watched),
	KUNIT_CASE(failed_flush_is_not_made_good),
	KUNIT_CASE(flush_without_memory_is_tried_again),
	KUNIT_CASE(next_disk_starts_anew),
	KUNIT_CASE(next_disk_is_told_what_nobody_was),
	KUNIT_CASE(swap_takes_the_error_from_nobody),
	KUNIT_CASE(known_loss_does_not_keep_the_file),
	{}
};

/* The next test is not told what this one lost. */
static void forget(const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);

	if (IS_ERR(file))
		return;
	vfs_fsync(file, 1);
	__fput_sync(file);
}

static int file_lost_test_init(struct kunit *test)
{
	int err = blk_test_init(test);

	if (!err && !file_can(EXT4_FILE))
		kunit_skip(test, "no ext4 to write to");
	return err;
}

static void file_lost_test_exit(struct kunit *test)
{
	blk_test_exit(test);
	forget(EXT4_FILE);
	forget(OVERLAY_FILE);
}

static struct kunit_suite file_lost_suite = {
	.name = "virtback_file_lost",
	.init = file_lost_test_init,
	.exit = file_lost_test_exit,
	.test_cases = file_lost_cases,
};

kunit_test_suite(file_lost_suite);
