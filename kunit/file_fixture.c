// SPDX-License-Identifier: GPL-2.0
/*
 * Files for the suites, and disks on them.
 */
#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "file_fixture.h"

/* More than any request takes. */
#define PATIENCE	(10 * HZ)

/**
 * file_can() - can a file be made there?
 * @path: path of the file
 */
bool file_can(const char *path)
{
	struct file *file = filp_open(path, O_RDWR | O_CREAT, 0600);

	if (IS_ERR(file))
		return false;
	__fput_sync(file);
	return true;
}

static struct file *file_get(struct blk_test *b, const char *path, int flags)
{
	struct file *file = filp_open(path, flags, 0600);

	KUNIT_ASSERT_FALSE(b->test, IS_ERR(file));
	return file;
}

/**
 * file_make() - make a file in which no two sectors are alike, on the disk
 * @b: fixture
 * @path: its path
 * @size: bytes
 */
void file_make(struct blk_test *b, const char *path, loff_t size)
{
	struct file *file = file_get(b, path, O_RDWR | O_CREAT | O_TRUNC);
	u32 *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	loff_t pos = 0;
	unsigned int i;

	KUNIT_EXPECT_NOT_NULL(b->test, buf);
	while (buf && pos < size) {
		for (i = 0; i < PAGE_SIZE / sizeof(*buf); i++)
			buf[i] = (pos / sizeof(*buf) + i) * 2654435761U;
		if (kernel_write(file, buf, min_t(loff_t, size - pos, PAGE_SIZE), &pos) <= 0)
			break;
	}
	KUNIT_EXPECT_EQ(b->test, pos, size);
	KUNIT_EXPECT_EQ(b->test, vfs_fsync(file, 0), 0);
	invalidate_mapping_pages(file->f_mapping, 0, -1);
	kfree(buf);
	__fput_sync(file);
}

/**
 * file_truncate() - change the size of a file
 * @b: fixture
 * @path: its path
 * @size: bytes
 */
void file_truncate(struct blk_test *b, const char *path, loff_t size)
{
	struct file *file = file_get(b, path, O_RDWR);

	KUNIT_EXPECT_EQ(b->test, vfs_truncate(&file->f_path, size), 0);
	__fput_sync(file);
}

/**
 * file_has() - is guest memory what is in the file?
 * @b: fixture with a device
 * @path: the file
 * @buf: in guest memory
 * @pos: in the file
 * @len: bytes
 */
bool file_has(struct blk_test *b, const char *path, u64 buf, loff_t pos, u32 len)
{
	struct file *file = file_get(b, path, O_RDONLY);
	void *copy = kvmalloc(len, GFP_KERNEL);
	bool same = false;

	if (copy && kernel_read(file, copy, len, &pos) == len)
		same = !memcmp(copy, fake_va(b->f, buf), len);
	kvfree(copy);
	__fput_sync(file);
	return same;
}

/**
 * file_cached() - pages of a file in the page cache
 * @b: fixture
 * @path: the file
 */
unsigned long file_cached(struct blk_test *b, const char *path)
{
	struct file *file = file_get(b, path, O_RDONLY);
	unsigned long pages = file->f_mapping->nrpages;

	__fput_sync(file);
	return pages;
}

/**
 * file_dirty() - has a file pages that are not written yet?
 * @b: fixture
 * @path: the file
 */
bool file_dirty(struct blk_test *b, const char *path)
{
	struct file *file = file_get(b, path, O_RDONLY);
	bool dirty = mapping_tagged(file->f_mapping, PAGECACHE_TAG_DIRTY);

	__fput_sync(file);
	return dirty;
}

/**
 * file_buffered() - direct_io=0
 * @b: fixture without a device
 */
void file_buffered(struct blk_test *b)
{
	set_bit(VIRTBACK_OPT_DIRECT_IO, &b->cfg.set);
	b->cfg.direct_io = false;
}

/**
 * file_open_start() - make a device on a file, and let a driver start it
 * @b: fixture without a device
 * @path: the file
 * @features: what the driver accepts beside VERSION_1
 */
struct fake *file_open_start(struct blk_test *b, const char *path, u64 features)
{
	b->cfg.backing = (char *)path;
	b->f = fake_create(b->test, &virtback_blk_type, &b->cfg, BLK_MEM, FAKE_QUEUE_SIZE);
	fake_start(b->f, features);
	return b->f;
}

/**
 * file_start() - file_make() and file_open_start()
 * @b: fixture without a device
 * @path: the file
 * @size: bytes of it
 * @features: what the driver accepts beside VERSION_1
 */
struct fake *file_start(struct blk_test *b, const char *path, loff_t size, u64 features)
{
	file_make(b, path, size);
	return file_open_start(b, path, features);
}

/**
 * file_start_odd() - file_start() with a file system that has other operations; with
 * overlayfs the one below has them
 * @b: fixture without a device
 * @path: the file
 * @size: bytes of it
 * @features: what the driver accepts beside VERSION_1
 * @change: changes the operations. Files that are opened later have them as they were
 */
struct fake *file_start_odd(struct blk_test *b, const char *path, loff_t size, u64 features,
			    void (*change)(struct file_operations *fops))
{
	static struct file_operations odd;
	const struct file_operations *real;
	struct inode *inode;
	struct file *file;

	file_make(b, path, size);
	file = file_get(b, path, O_RDONLY);
	inode = d_real_inode(file->f_path.dentry);
	real = inode->i_fop;
	odd = *real;
	change(&odd);
	inode->i_fop = &odd;
	file_open_start(b, path, features);
	inode->i_fop = real;
	__fput_sync(file);
	return b->f;
}

/**
 * file_request() - one request of a stock driver's layout
 * @f: device
 * @type: VIRTIO_BLK_T_*
 * @sector: first sector
 * @buf: its data
 * @len: bytes of data
 *
 * Not all of a file's work is done by the queue's worker, so this waits.
 *
 * Return: the status byte
 */
u8 file_request(struct fake *f, u32 type, u64 sector, u64 buf, u32 len)
{
	unsigned long end = jiffies + PATIENCE;
	u16 used = fake_used_idx(f);

	blk_chain(f, type, sector, buf, len);
	blk_go(f);
	while (fake_used_idx(f) == used && time_before(jiffies, end))
		usleep_range(200, 1000);
	KUNIT_EXPECT_EQ(f->test, fake_used_idx(f), (u16)(used + 1));
	return blk_status_of(f);
}

/**
 * file_sectors() - the capacity that the driver sees
 * @f: device
 */
u64 file_sectors(struct fake *f)
{
	return fake_access(f, VIRTIO_MMIO_CONFIG, 8, false, 0);
}

/**
 * file_second() - make a second device, and take it away again
 * @b: fixture
 * @path: its backing store
 * @readonly: readonly=
 * @direct: direct_io=
 *
 * Return: 0 or what making it failed with
 */
int file_second(struct blk_test *b, const char *path, bool readonly, bool direct)
{
	struct virtback_config cfg = {
		.set = BIT(VIRTBACK_OPT_DIRECT_IO),
		.direct_io = direct,
		.readonly = readonly,
		.backing = (char *)path,
	};
	struct virtback_device *vd = kunit_kzalloc(b->test, sizeof(*vd), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(b->test, vd);
	strscpy(vd->name, "second", sizeof(vd->name));
	vd->type = &virtback_blk_type;
	vd->host = &fake_host;
	KUNIT_ASSERT_EQ(b->test, virtback_device_init(vd, 1, FAKE_QUEUE_SIZE), 0);
	err = vd->type->create(vd, &cfg);
	if (!err)
		vd->type->destroy(vd);
	virtback_device_fini(vd);
	return err;
}
