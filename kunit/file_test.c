// SPDX-License-Identifier: GPL-2.0
/*
 * A file as the backing store of a disk (drivers/blk/file.c), on the file systems of
 * the UML tests: ramfs, ext4 on a RAM disk, which can do direct I/O, and an overlay of both.
 */
#include <linux/file.h>
#include <linux/fs.h>

#include "../drivers/blk/blk.h"
#include "blk_fixture.h"
#include "file_fixture.h"

#define SIZE	(2 * MIB)

static void data_is_in_the_file(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, FLUSH);

	blk_fill(f, BUF, 8192, 1);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 5, BUF, 8192), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
	KUNIT_EXPECT_TRUE(test, file_has(b, EXT4_FILE, BUF, 5 * 512, 8192));
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 5, BUF + MIB, 8192),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 1), 8193);
	KUNIT_EXPECT_EQ(test, memcmp(fake_va(f, BUF), fake_va(f, BUF + MIB), 8192), 0);
	/* The neighbours are as they were. */
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 4, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, EXT4_FILE, BUF, 4 * 512, 512));
}

static void direct_io_leaves_the_page_cache_alone(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, FLUSH);

	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 0, BUF, 65536), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, file_cached(b, EXT4_FILE), 0);
}

static void buffered_io_uses_the_page_cache(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, EXT4_FILE, SIZE, FLUSH);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 0, BUF, 65536), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, EXT4_FILE, BUF, 0, 65536));
	KUNIT_EXPECT_GE(test, file_cached(b, EXT4_FILE), 16);
}

static void buffered_data_is_in_the_file(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, RAMFS_FILE, SIZE, FLUSH);
	blk_fill(f, BUF, 70000 & ~511, 2);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 9, BUF, 70000 & ~511),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, RAMFS_FILE, BUF, 9 * 512, 70000 & ~511));
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 9, BUF + MIB, 70000 & ~511),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, memcmp(fake_va(f, BUF), fake_va(f, BUF + MIB), 70000 & ~511), 0);
}

static void long_requests_go_in_passes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, FLUSH);
	u32 len = SIZE - 512;

	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 1, BUF + 3, len), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, EXT4_FILE, BUF + 3, 512, len));
	blk_fill(f, BUF + 3, len, 3);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 1, BUF + 3, len), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(b, EXT4_FILE, BUF + 3, 512, len));
}

static void flush_makes_writes_durable(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, EXT4_FILE, SIZE, FLUSH);
	KUNIT_EXPECT_TRUE(test, f->vd.features & FLUSH);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_dirty(b, EXT4_FILE));
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_FALSE(test, file_dirty(b, EXT4_FILE));
}

static void driver_without_flush_gets_durable_writes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	file_buffered(b);
	f = file_start(b, EXT4_FILE, SIZE, 0);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_FALSE(test, file_dirty(b, EXT4_FILE));
}

static u64 size_of_before(struct virtback_backing *b)
{
	return SIZE / 512;
}

static ssize_t (*real_write)(struct kiocb *iocb, struct iov_iter *from);
static int write_flags;

static ssize_t note_flags(struct kiocb *iocb, struct iov_iter *from)
{
	write_flags |= iocb->ki_flags;
	return real_write(iocb, from);
}

static void watch_writes(struct file_operations *fops)
{
	real_write = fops->write_iter;
	fops->write_iter = note_flags;
}

static void expect_write_flag(struct blk_test *b)
{
	struct kunit *test = b->test;
	struct fake *f = file_start_odd(b, EXT4_FILE, SIZE, FLUSH, watch_writes);

	write_flags = 0;
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, write_flags & IOCB_WRITE);
}

static void direct_writes_are_marked(struct kunit *test)
{
	expect_write_flag(test->priv);
	KUNIT_EXPECT_TRUE(test, write_flags & IOCB_DIRECT);
}

static void buffered_writes_are_marked(struct kunit *test)
{
	file_buffered(test->priv);
	expect_write_flag(test->priv);
	KUNIT_EXPECT_FALSE(test, write_flags & IOCB_DIRECT);
}

static struct kiocb *late_iocb;
static ssize_t late_ret;

static void end_late_write(struct work_struct *work)
{
	late_iocb->ki_complete(late_iocb, late_ret);
}

static DECLARE_DELAYED_WORK(late_write, end_late_write);

/* A RAM disk is too fast: what it writes has been written when the call returns. */
static ssize_t write_late(struct kiocb *iocb, struct iov_iter *from)
{
	struct kiocb sync;

	init_sync_kiocb(&sync, iocb->ki_filp);
	sync.ki_pos = iocb->ki_pos;
	late_iocb = iocb;
	late_ret = real_write(&sync, from);
	schedule_delayed_work(&late_write, 1);
	return -EIOCBQUEUED;
}

static void make_writes_late(struct file_operations *fops)
{
	real_write = fops->write_iter;
	fops->write_iter = write_late;
}

/* Who freezes a file system waits for all who write to it. */
static void nothing_holds_what_is_below_an_overlay(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct percpu_rw_semaphore *writers;
	struct file *below;
	struct fake *f;

	if (!file_can(OVERLAY_FILE))
		kunit_skip(test, "this kernel has no overlayfs");
	below = filp_open("/ext4", O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(below));
	writers = &file_inode(below)->i_sb->s_writers.rw_sem[SB_FREEZE_WRITE - 1];
	/* There is room for one of the two. */
	file_make(b, EXT4_FILE, 0);
	f = file_start_odd(b, OVERLAY_FILE, SIZE, FLUSH, make_writes_late);
	KUNIT_EXPECT_FALSE(test, percpu_is_read_locked(writers));
	blk_fill(f, BUF, 8192, 1);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 8192), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_NOT_NULL(test, late_iocb);
	KUNIT_EXPECT_FALSE(test, percpu_is_read_locked(writers));
	KUNIT_EXPECT_TRUE(test, file_has(b, OVERLAY_FILE, BUF, 0, 8192));
	flush_delayed_work(&late_write);
	__fput_sync(below);
	fake_destroy(b->f);
	b->f = NULL;
	file_make(b, OVERLAY_FILE, 0);
}

/* As if the file had shrunk after the request was found to be within it. */
static void end_of_a_file_that_shrank_is_an_error(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, SIZE, FLUSH);
	struct virtback_blk *blk = f->vd.type_priv;
	struct virtback_backing_ops ops = *blk->backing->ops;

	KUNIT_EXPECT_EQ(test, file_sectors(f), SIZE / 512);
	ops.capacity = size_of_before;
	blk->backing->ops = &ops;
	file_truncate(b, EXT4_FILE, MIB + 4096);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, MIB / 512, BUF, 8192),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 0);
	/* The size's watcher may hold the disk; it calls capacity() with this. */
	mutex_lock(&blk->lock);
	blk->backing->ops = &virtback_file_backing;
	mutex_unlock(&blk->lock);
}

static void full_file_system_is_an_error(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	u64 sector;
	u8 status = VIRTIO_BLK_S_OK;

	file_make(b, EXT4_FILE, 0);
	file_truncate(b, EXT4_FILE, 64 * MIB);
	f = file_open_start(b, EXT4_FILE, FLUSH);
	for (sector = 0; status == VIRTIO_BLK_S_OK && sector < 8 * MIB / 512; sector += MIB / 512)
		status = file_request(f, VIRTIO_BLK_T_OUT, sector, BUF, MIB);
	KUNIT_EXPECT_EQ(test, status, VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_LT(test, sector, 8 * MIB / 512);
}

static void config_space_describes_the_file(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = file_start(b, EXT4_FILE, MIB + 700, FLUSH);

	KUNIT_EXPECT_EQ(test, file_sectors(f), MIB / 512 + 1);
	KUNIT_EXPECT_EQ(test, fake_access(f, VIRTIO_MMIO_CONFIG + 20, 4, false, 0), 512);
	/* Blocks of 4096: 2 to the third. */
	KUNIT_EXPECT_EQ(test, fake_access(f, VIRTIO_MMIO_CONFIG + 24, 1, false, 0), 3);
	KUNIT_EXPECT_EQ(test, f->vd.type_features & RO, 0);
}

static void read_only_option_offers_ro(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	b->cfg.readonly = true;
	f = file_start(b, EXT4_FILE, SIZE, RO);
	KUNIT_EXPECT_EQ(test, f->vd.type_features & (RO | FLUSH), RO);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_OK);
}

static void writable_disk_has_one_owner(struct kunit *test)
{
	struct blk_test *b = test->priv;

	file_start(b, EXT4_FILE, SIZE, FLUSH);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), -EBUSY);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, true, true), -ETXTBSY);
}

static void read_only_disks_are_shared(struct kunit *test)
{
	struct blk_test *b = test->priv;

	b->cfg.readonly = true;
	file_start(b, EXT4_FILE, SIZE, RO);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, true, true), 0);
	/* Twice: the first has given back what it took. */
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, true, true), 0);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), -ETXTBSY);
	fake_destroy(b->f);
	b->f = NULL;
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), 0);
}

static void file_of_a_writer_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct file *file;

	file_make(b, EXT4_FILE, SIZE);
	file = filp_open(EXT4_FILE, O_RDWR, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), -EBUSY);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, true, true), -ETXTBSY);
	__fput_sync(file);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), 0);
}

static void swap_space_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct file *file;

	if (!IS_ENABLED(CONFIG_SWAP))
		kunit_skip(test, "this kernel has no swap");
	file_make(b, EXT4_FILE, SIZE);
	file = filp_open(EXT4_FILE, O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	file_inode(file)->i_flags |= S_SWAPFILE;
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, true, true), -EBUSY);
	file_inode(file)->i_flags &= ~S_SWAPFILE;
	__fput_sync(file);
}

static void unfit_files_are_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;

	file_make(b, EXT4_FILE, 511);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), -EINVAL);
	file_make(b, EXT4_FILE, 512);
	KUNIT_EXPECT_EQ(test, file_second(b, EXT4_FILE, false, true), 0);
	KUNIT_EXPECT_EQ(test, file_second(b, "/ext4", false, true), -ENOTBLK);
	KUNIT_EXPECT_EQ(test, file_second(b, "/ext4/absent", false, true), -ENOENT);
	/* A file system without direct I/O. */
	KUNIT_EXPECT_EQ(test, file_second(b, "/proc/cpuinfo", true, true), -EINVAL);
}

static struct kunit_case file_cases[] = {
	KUNIT_CASE(data_is_in_the_file),
	KUNIT_CASE(direct_io_leaves_the_page_cache_alone),
	KUNIT_CASE(buffered_io_uses_the_page_cache),
	KUNIT_CASE(buffered_data_is_in_the_file),
	KUNIT_CASE(long_requests_go_in_passes),
	KUNIT_CASE(flush_makes_writes_durable),
	KUNIT_CASE(driver_without_flush_gets_durable_writes),
	KUNIT_CASE(direct_writes_are_marked),
	KUNIT_CASE(buffered_writes_are_marked),
	KUNIT_CASE(nothing_holds_what_is_below_an_overlay),
	KUNIT_CASE(end_of_a_file_that_shrank_is_an_error),
	KUNIT_CASE(full_file_system_is_an_error),
	KUNIT_CASE(config_space_describes_the_file),
	KUNIT_CASE(read_only_option_offers_ro),
	KUNIT_CASE(writable_disk_has_one_owner),
	KUNIT_CASE(read_only_disks_are_shared),
	KUNIT_CASE(file_of_a_writer_is_refused),
	KUNIT_CASE(swap_space_is_refused),
	KUNIT_CASE(unfit_files_are_refused),
	{}
};

static int file_test_init(struct kunit *test)
{
	int err = blk_test_init(test);

	if (!err && !file_can(EXT4_FILE))
		kunit_skip(test, "no ext4 to write to");
	return err;
}

static struct kunit_suite file_suite = {
	.name = "virtback_file",
	.init = file_test_init,
	.exit = blk_test_exit,
	.test_cases = file_cases,
};

kunit_test_suite(file_suite);
