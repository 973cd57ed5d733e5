// SPDX-License-Identifier: GPL-2.0
/*
 * The image files of the fuzzer, and files as such; see vfs.h.
 */
#include "shim.h"
#include "fuzz.h"
#undef memcpy

#define PATH_LEN	3		/* "/b0", "/f1" and so on */

struct fz_image fz_images[FZ_DISKS];

static struct inode bdev_inode = { .i_mode = S_IFBLK };
static struct inode other_inode = { .i_mode = 0040000 };
static struct dentry found;
static LIST_HEAD(aios);
static unsigned int nr_aios;
static wait_queue_head_t thawed;

static bool path_index(const char *name, char kind, unsigned int *n)
{
	if (strlen(name) != PATH_LEN || name[0] != '/' || name[1] != kind)
		return false;
	*n = name[2] - '0';
	return *n < FZ_DISKS;
}

int kern_path(const char *name, unsigned int flags, struct path *path)
{
	unsigned int n;

	path->dentry = &found;
	if (path_index(name, 'b', &n))
		found.inode = &bdev_inode;
	else if (path_index(name, 'f', &n))
		found.inode = &fz_images[n].inode;
	else if (path_index(name, 'd', &n))
		found.inode = &other_inode;
	else
		return -ENOENT;
	return 0;
}

void path_put(const struct path *path)
{
}

static struct file *file_new(void)
{
	struct file *f = fz_alloc(1, sizeof(*f), true);

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->refs = 1;
	f->f_mapping = &f->mapping;
	f->f_path.dentry = &f->dentry;
	return f;
}

/* --- block devices --- */

struct file *bdev_file_open_by_path(const char *path, unsigned int mode, void *holder,
				    const void *hops)
{
	struct block_device *b;
	struct file *f;
	unsigned int n;

	if (!path_index(path, 'b', &n))
		return ERR_PTR(-ENOENT);
	b = &fz_disks[n];
	if (holder && b->holder && b->holder != holder)
		return ERR_PTR(-EBUSY);
	f = file_new();
	if (IS_ERR(f))
		return f;
	f->bdev = b;
	f->holder = holder;
	f->write = mode & BLK_OPEN_WRITE;
	b->opens++;
	if (holder)
		b->holder = holder;
	if (f->write)
		fz_bdev_set_writable(b, true);
	return f;
}

struct block_device *file_bdev(struct file *f)
{
	return f->bdev;
}

/* --- image files --- */

struct file *get_file(struct file *f)
{
	f->refs++;
	return f;
}

void fput(struct file *f)
{
	if (--f->refs)
		return;
	if (f->bdev) {
		f->bdev->opens--;
		if (f->holder)
			f->bdev->holder = NULL;
		if (f->write)
			fz_bdev_set_writable(f->bdev, false);
		if (f->bdev->nr && !f->bdev->opens)
			fz_bug("a disk is closed while bios are on their way");
	} else if (f->write) {
		fz_images[f->index].inode.i_writecount.counter--;
	}
	fz_free(f);
}

void __fput_sync(struct file *f)
{
	fz_may_sleep("__fput_sync()");
	fput(f);
}

int vfs_getattr(const struct path *path, struct kstat *st, u32 mask, unsigned int flags)
{
	struct inode *inode = path->dentry->inode;

	st->result_mask = inode->i_sb->s_bdev ? 0 : STATX_DIOALIGN;
	st->dio_offset_align = 1U << inode->i_blkbits;
	return 0;
}

int vfs_statfs(const struct path *path, struct kstatfs *st)
{
	st->f_bsize = PAGE_SIZE;
	return 0;
}

int vfs_fsync(struct file *f, int datasync)
{
	fz_may_sleep("vfs_fsync()");
	fz_point();
	if (!fz_chance(fz_io_error))
		return 0;
	fz_images[f->index].lost = true;
	/* Said here, or to whoever asks the file's pages, or to both. */
	if (fz_chance(128))
		f->mapping.wb_err++;
	return fz_chance(128) ? -EIO : 0;
}

int vfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	fz_may_sleep("vfs_fallocate()");
	fz_point();
	if (!f->write)
		fz_bug("a hole in a file that is not open for writing");
	if (off < 0 || len <= 0 || off + len < 0)
		fz_bug("a hole at %lld of %lld bytes", (long long)off, (long long)len);
	if (fz_chance(fz_io_error))
		return fz_chance(128) ? -EOPNOTSUPP : -EIO;
	return 0;
}

static long image_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	return vfs_fallocate(f, mode, off, len);
}

int deny_write_access(struct file *f)
{
	atomic_t *count = &file_inode(f)->i_writecount;

	if (count->counter > 0)
		return -ETXTBSY;
	count->counter--;
	return 0;
}

void allow_write_access(struct file *f)
{
	if (file_inode(f)->i_writecount.counter++ >= 0)
		fz_bug("write access is allowed that was not denied");
}

static struct fz_image *image_of(const struct file *f)
{
	return &fz_images[f->index];
}

void kiocb_start_write(struct kiocb *iocb)
{
	struct fz_image *im = image_of(iocb->ki_filp);

	wait_event(thawed, !READ_ONCE(im->frozen));
	im->writers++;
}

void kiocb_end_write(struct kiocb *iocb)
{
	if (!image_of(iocb->ki_filp)->writers--)
		fz_bug("a write ends that did not start");
}

bool sb_start_write_trylock(struct super_block *sb)
{
	struct fz_image *im = container_of(sb, struct fz_image, sb);

	fz_point();
	if (im->frozen)
		return false;
	im->writers++;
	return true;
}

/**
 * fz_thaw() - writers go on
 */
void fz_thaw(void)
{
	int i;

	for (i = 0; i < FZ_DISKS; i++)
		fz_images[i].frozen = false;
	wake_up(&thawed);
}

/**
 * fz_vfs_lost() - has any image file lost data?
 */
bool fz_vfs_lost(void)
{
	int i;

	for (i = 0; i < FZ_DISKS; i++) {
		if (fz_images[i].lost)
			return true;
	}
	return false;
}

static long aio_result(const struct fz_aio *aio, u8 how)
{
	bool write = aio->it.source;
	u64 size = fz_images[aio->iocb->ki_filp->index].inode.i_size;
	u32 len = aio->it.count;

	switch (how % 6) {
	case 1:
		return -EIO;
	case 2:
		return -EAGAIN;
	case 3:
		return -EOPNOTSUPP;
	case 4:
		return 0;
	case 5:
		len = max_t(u32, len / 2 & ~(SECTOR_SIZE - 1), min_t(u32, len, SECTOR_SIZE));
		break;
	default:
		break;
	}
	if (!write)
		len = aio->pos >= size ? 0 : min_t(u64, len, size - aio->pos);
	fz_store_move(FZ_DISKS + aio->iocb->ki_filp->index, write, aio->pos, aio->it.bvec,
		      aio->it.nr, aio->it.skip, len);
	return len;
}

static void image_check(const struct fz_aio *aio)
{
	const struct file *f = aio->iocb->ki_filp;
	struct fz_image *im = image_of(f);
	unsigned int i;

	if (aio->it.source && !f->write)
		fz_bug("a write to a file that is open for reading");
	if (!aio->it.source != !(aio->iocb->ki_flags & IOCB_WRITE))
		fz_bug("a write that is not marked as one, or a read that is");
	if (aio->it.source && !im->writers)
		fz_bug("a write without its start");
	if (aio->it.source && aio->pos + aio->it.count > fz_image_top(im))
		fz_bug("a write makes a file longer");
	if (fz_bytes(aio->it.bvec, aio->it.nr) != aio->it.count + aio->it.skip)
		fz_bug("an iov_iter of another length than its parts");
	for (i = 0; i < aio->it.nr; i++) {
		if (fz_is_guest(bvec_virt(&aio->it.bvec[i])))
			fz_bug("a file system gets memory of the guest");
	}
}

static ssize_t image_rw(struct kiocb *iocb, struct iov_iter *it)
{
	struct fz_aio aio = { .iocb = iocb, .it = *it, .pos = iocb->ki_pos }, *keep;
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	u32 fail = fz_fail_alloc;

	fz_may_sleep("read_iter() or write_iter()");
	fz_point();
	image_check(&aio);
	fz_submitted(NULL);
	if (nowait && fz_chance(fz_io_error))
		return fz_chance(128) ? -EAGAIN : -EOPNOTSUPP;
	if (fz_chance(fz_io_now))
		return aio_result(&aio, fz_chance(fz_io_error) ? 1 + (fz_random() % 5) : 0);
	fz_fail_alloc = 0;
	keep = fz_alloc(1, sizeof(*keep), false);
	fz_fail_alloc = fail;
	*keep = aio;
	list_add_tail(&keep->link, &aios);
	nr_aios++;
	return -EIOCBQUEUED;
}

static const struct file_operations image_ops = {
	.read_iter = image_rw,
	.write_iter = image_rw,
	.fallocate = image_fallocate,
};

static const struct file_operations image_ops_plain = {
	.read_iter = image_rw,
	.write_iter = image_rw,
};

struct file *filp_open(const char *name, int flags, umode_t mode)
{
	struct fz_image *im;
	struct file *f;
	unsigned int n;

	if (!path_index(name, 'f', &n))
		return ERR_PTR(-ENOENT);
	im = &fz_images[n];
	if (flags & O_DIRECT && im->no_direct)
		return ERR_PTR(-EINVAL);
	if (flags & O_RDWR && im->no_write)
		return ERR_PTR(-EROFS);
	if (flags & O_RDWR && im->inode.i_writecount.counter < 0)
		return ERR_PTR(-ETXTBSY);
	f = file_new();
	if (IS_ERR(f))
		return f;
	f->index = n;
	f->write = flags & O_RDWR;
	f->f_op = im->no_fallocate ? &image_ops_plain : &image_ops;
	f->f_mode = im->nowait ? FMODE_NOWAIT : 0;
	f->mapping.host = &im->inode;
	f->dentry.inode = &im->inode;
	if (f->write)
		im->inode.i_writecount.counter++;
	return f;
}

/**
 * fz_aio_take() - take a read or write of a file that is on its way
 * @n: which one, modulo those that are
 *
 * Return: NULL when there is none
 */
struct fz_aio *fz_aio_take(unsigned int n)
{
	struct fz_aio *aio;

	if (!nr_aios)
		return NULL;
	n %= nr_aios;
	list_for_each_entry(aio, &aios, link) {
		if (!n--)
			break;
	}
	list_del(&aio->link);
	nr_aios--;
	return aio;
}

/**
 * fz_aio_end() - a read or write of a file ends
 * @aio: which one
 * @how: 0: well; else with an error or in part
 */
void fz_aio_end(struct fz_aio *aio, u8 how)
{
	struct kiocb *iocb = aio->iocb;
	long ret = aio_result(aio, how);

	fz_free(aio);
	iocb->ki_complete(iocb, ret);
}

/**
 * fz_vfs_check() - nothing may be left of an input
 */
void fz_vfs_check(void)
{
	int i;

	for (i = 0; i < FZ_DISKS; i++) {
		if (fz_images[i].inode.i_writecount.counter || fz_images[i].writers)
			fz_bug("a file is left open, or a write in it");
		if (fz_disks[i].opens || fz_disks[i].holder || fz_disks[i].nr)
			fz_bug("a disk is left open, or a bio for it");
	}
}

/* --- stocks --- */

int mempool_init_kmalloc_pool(mempool_t *pool, int nr, size_t size)
{
	void *p = fz_alloc(1, 1, false);

	if (!p)
		return -ENOMEM;
	fz_free(p);
	pool->size = size;
	pool->out = 0;
	return 0;
}

void mempool_exit(mempool_t *pool)
{
	if (pool->out)
		fz_bug("a stock is freed while something of it is in use");
	pool->size = 0;
}

void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	u32 fail = fz_fail_alloc;
	void *p;

	fz_may_sleep("mempool_alloc()");
	if (!pool->size)
		fz_bug("from a stock that was not made");
	fz_fail_alloc = 0;
	p = fz_alloc(1, pool->size, false);
	fz_fail_alloc = fail;
	pool->out++;
	return p;
}

void mempool_free(void *p, mempool_t *pool)
{
	pool->out--;
	fz_free(p);
}
