/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file system as file.c sees it, and the image files of the fuzzer: its reads and
 * writes end when and how the input says.
 */
#ifndef FUZZ_VFS_H
#define FUZZ_VFS_H

#include <fcntl.h>
#include <linux/falloc.h>

struct kiocb;
struct iov_iter;

typedef u32 errseq_t;

struct super_block { struct block_device *s_bdev; };
struct inode {
	umode_t i_mode;
	struct super_block *i_sb;
	u64 i_size;
	unsigned int i_blkbits;
	atomic_t i_writecount;
	struct address_space *i_mapping;
	bool swap;
};

struct dentry { struct inode *inode; unsigned int d_flags; };
struct path { struct dentry *dentry; };
struct address_space { struct inode *host; errseq_t wb_err; };

struct file_operations {
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *it);
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *it);
	long (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
};

struct file {
	const struct file_operations *f_op;
	fmode_t f_mode;
	struct address_space *f_mapping;
	struct path f_path;
	struct address_space mapping;
	struct dentry dentry;
	int refs;
	bool write;
	struct block_device *bdev;
	void *holder;
	unsigned int index;
};

struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	void (*ki_complete)(struct kiocb *iocb, long ret);
	int ki_flags;
};

struct iov_iter {
	const struct bio_vec *bvec;
	unsigned long nr;
	size_t count;
	size_t skip;
	bool source;
};

struct kstat {
	u32 result_mask;
	u32 dio_offset_align;
};

struct kstatfs { long f_bsize; };

#define ITER_SOURCE		1
#define ITER_DEST		0
#define IOCB_DSYNC		1
#define IOCB_NOWAIT		2
#define IOCB_WRITE		8
#define DCACHE_OP_REAL		1
#define FMODE_NOWAIT		4
#define SB_FREEZE_WRITE		1
#define AT_STATX_SYNC_AS_STAT	0
#define STATX_DIOALIGN		0x2000U
#define LOOKUP_FOLLOW		1
#ifndef O_DIRECT
#define O_DIRECT		040000
#endif
#ifndef O_LARGEFILE
#define O_LARGEFILE		0
#endif
#ifndef S_IFMT
#define S_IFMT			00170000
#define S_IFREG			0100000
#define S_IFBLK			0060000
#endif
#undef S_ISREG
#undef S_ISBLK
#define S_ISREG(m)		(((m) & S_IFMT) == S_IFREG)
#define S_ISBLK(m)		(((m) & S_IFMT) == S_IFBLK)
#define IS_SWAPFILE(i)		((i)->swap)

#define file_inode(f)		((f)->f_mapping->host)
#define i_size_read(i)		READ_ONCE((i)->i_size)
#define i_blocksize(i)		(1U << (i)->i_blkbits)
#define d_backing_inode(d)	((d)->inode)
#define d_real_inode(d)		((d)->inode)

#define filemap_sample_wb_err(m)	((m)->wb_err)
#define filemap_check_wb_err(m, since)	((m)->wb_err == (since) ? 0 : -EIO)

int kern_path(const char *name, unsigned int flags, struct path *path);
void path_put(const struct path *path);
struct file *filp_open(const char *name, int flags, umode_t mode);
struct file *get_file(struct file *f);
void fput(struct file *f);
void __fput_sync(struct file *f);
int vfs_getattr(const struct path *path, struct kstat *st, u32 mask, unsigned int flags);
int vfs_statfs(const struct path *path, struct kstatfs *st);
int vfs_fsync(struct file *f, int datasync);
int vfs_fallocate(struct file *f, int mode, loff_t off, loff_t len);
int deny_write_access(struct file *f);
void allow_write_access(struct file *f);

void kiocb_start_write(struct kiocb *iocb);
void kiocb_end_write(struct kiocb *iocb);
bool sb_start_write_trylock(struct super_block *sb);
#define __sb_writers_release(sb, level)	((void)(sb))

static inline void init_sync_kiocb(struct kiocb *iocb, struct file *f)
{
	*iocb = (struct kiocb){ .ki_filp = f };
}

static inline void iov_iter_bvec(struct iov_iter *it, unsigned int dir, const struct bio_vec *bv,
				 unsigned long nr, size_t count)
{
	*it = (struct iov_iter){ .bvec = bv, .nr = nr, .count = count,
				 .source = dir == ITER_SOURCE };
}

static inline void iov_iter_advance(struct iov_iter *it, size_t n)
{
	if (n > it->count)
		fz_bug("an iov_iter goes past its end");
	it->skip += n;
	it->count -= n;
}

/* A stock whose reserve is never needed, since an allocation that may wait never fails. */
typedef struct mempool { size_t size; unsigned int out; } mempool_t;

int mempool_init_kmalloc_pool(mempool_t *pool, int nr, size_t size);
void mempool_exit(mempool_t *pool);
void *mempool_alloc(mempool_t *pool, gfp_t gfp);
void mempool_free(void *p, mempool_t *pool);

/* --- for the harness --- */

/**
 * struct fz_image - an image file
 * @inode: what the kernel knows of it
 * @sb: its file system
 * @index: number among the stores
 * @nowait: can start I/O without waiting
 * @no_direct: cannot be opened for direct I/O
 * @no_write: cannot be opened for writing
 * @no_fallocate: cannot make holes
 * @frozen: the file system is, so writers would wait
 * @lost: what was written to it was lost, so that it may fail from then on
 * @writers: writes between their start and their end
 */
struct fz_image {
	struct inode inode;
	struct super_block sb;
	unsigned int index;
	bool nowait;
	bool no_direct;
	bool no_write;
	bool no_fallocate;
	bool frozen;
	bool lost;
	int writers;
};

extern struct fz_image fz_images[FZ_DISKS];

/**
 * struct fz_aio - a read or write of a file that has not ended
 */
struct fz_aio {
	struct list_head link;
	struct kiocb *iocb;
	struct iov_iter it;
	u64 pos;
};

bool fz_vfs_lost(void);
struct fz_aio *fz_aio_take(unsigned int n);
void fz_aio_end(struct fz_aio *aio, u8 how);
void fz_vfs_check(void);

#endif
