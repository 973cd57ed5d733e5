// SPDX-License-Identifier: GPL-2.0
/*
 * A regular file as the backing store of a disk: each pass is one kiocb, past the
 * page cache unless direct_io=0 was given.
 *
 * What can be started without waiting is started by the queue's worker. The rest
 * (buffered writes, flushes, discards and zeroes, what the file system could not do at
 * once) goes to a workqueue of the file, so that one slow request does not hold up those
 * behind it.
 *
 * A discard makes a hole, and so do zeroes that may give blocks back; other zeroes keep
 * the blocks, or get some. The size stays. Which of this a file system can is seen by
 * trying, as the loop driver does: what it refuses is unsupported, and the driver of the
 * guest does without.
 *
 * The kernel's means against others who use the file are write counts. A read-only
 * disk denies writing to all, as a running program does. A writable one is refused
 * while anybody else has the file open for writing (a loop device, an emulator,
 * another disk); somebody who opens it later cannot be kept out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dcache.h>
#include <linux/errseq.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/statfs.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include <virtback/config.h>

#include "blk.h"

/* Requests that always have room, so that one can always make progress. */
#define FILE_CMDS	64
/* Of these, long ones. */
#define FILE_LONG_CMDS	8
/* Parts of a request that is not long: 64 KiB. */
#define FILE_SHORT_VECS	16

/**
 * struct file_backing - an open file
 * @b: what the disk sees
 * @who: name of the device, for the log
 * @file: the file
 * @direct: no page cache
 * @nowait: the file system takes IOCB_NOWAIT
 * @block_size: what direct I/O must be aligned to, 512 without
 * @pages: where the file's pages are, and the errors of their write-back
 * @since: errors from here on are ours
 * @lost: -errno with which data was lost that the page cache had; stays. 0: none was.
 *	  Written with cmpxchg(), read without a lock
 * @cmds: stock of struct file_cmd
 * @vecs: stock of bio_vec arrays for the longest pass
 * @wq: for what waits
 */
struct file_backing {
	struct virtback_backing b;
	const char *who;
	struct file *file;
	bool direct;
	bool nowait;
	u32 block_size;
	struct address_space *pages;
	errseq_t since;
	int lost;
	mempool_t cmds;
	mempool_t vecs;
	struct workqueue_struct *wq;
};

/**
 * struct file_cmd - one pass on its way
 * @iocb: for the file system
 * @work: on the workqueue of the file
 * @fb: the file
 * @req: whose pass it is
 * @vecs: its data: @few, or from the stock
 * @done: bytes of the pass that are done
 * @nowait: this attempt may not wait
 * @few: data of a short pass
 */
struct file_cmd {
	struct kiocb iocb;
	struct work_struct work;
	struct file_backing *fb;
	struct virtback_req *req;
	struct bio_vec *vecs;
	u32 done;
	bool nowait;
	struct bio_vec few[FILE_SHORT_VECS];
};

static struct file_backing *file_of(struct virtback_backing *b)
{
	return container_of(b, struct file_backing, b);
}

/* --- data that was lost --- */

static void file_set_lost(struct file_backing *fb, int err)
{
	if (!cmpxchg(&fb->lost, 0, err))
		pr_err("%s: the file has lost what was written to it (%d), no flush of it succeeds any more\n",
		       fb->who, err);
}

/*
 * Pages that could not be written count as clean, and the kernel tells of them once for
 * each open file: not to all who write and flush, all of whom have the same one here,
 * and not again to who tries again. So the file's own mark is not what is asked.
 *
 * Past the page cache each write has an answer of its own. What is noted there besides
 * is not for ever: a page that somebody else read, and that a direct write could not
 * throw away, is an error, too.
 */
static int file_lost(struct file_backing *fb)
{
	int err;

	if (fb->direct)
		return 0;
	err = filemap_check_wb_err(fb->pages, fb->since);
	if (err)
		file_set_lost(fb, err);
	return READ_ONCE(fb->lost);
}

/* Sleeps. */
static int file_flush(struct file_backing *fb)
{
	int err = vfs_fsync(fb->file, 1);

	/*
	 * Not all file systems note what they could not write. When they had no memory,
	 * or whoever changes the backing store was killed, the pages are dirty still.
	 */
	if (err && !fb->direct && err != -ENOMEM && err != -EINTR && err != -ERESTARTSYS)
		file_set_lost(fb, err);
	return err ?: file_lost(fb);
}

/* --- requests --- */

static u8 file_status(long err)
{
	if (!err)
		return VIRTIO_BLK_S_OK;
	return err == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

static void file_end(struct file_cmd *cmd, long err)
{
	struct virtback_req *req = cmd->req;
	struct file_backing *fb = cmd->fb;

	if (cmd->vecs != cmd->few)
		mempool_free(cmd->vecs, &fb->vecs);
	mempool_free(cmd, &fb->cmds);
	virtback_blk_pass_done(req, file_status(err));
}

/*
 * An attempt has ended, in any context. A part is continued where waiting is
 * allowed; none of it means that the file ends here.
 */
static void file_result(struct file_cmd *cmd, long ret)
{
	struct virtback_blk_req *br = virtback_req_priv(cmd->req);

	if (ret > 0)
		cmd->done += ret;
	if (ret > 0 && cmd->done >= br->len)
		file_end(cmd, br->opf & REQ_FUA ? file_lost(cmd->fb) : 0);
	else if (ret > 0 || (cmd->nowait && (ret == -EAGAIN || ret == -EOPNOTSUPP)))
		queue_work(cmd->fb->wq, &cmd->work);
	else
		file_end(cmd, ret ?: -EIO);
}

static void file_complete(struct kiocb *iocb, long ret)
{
	struct file_cmd *cmd = container_of(iocb, struct file_cmd, iocb);
	struct virtback_blk_req *br = virtback_req_priv(cmd->req);

	if (op_is_write(br->opf))
		kiocb_end_write(iocb);
	file_result(cmd, ret);
}

/* A file system can be frozen: false when that would have to be waited for. */
static bool file_may_write(struct file_cmd *cmd)
{
	struct super_block *sb = file_inode(cmd->iocb.ki_filp)->i_sb;

	if (!cmd->nowait) {
		kiocb_start_write(&cmd->iocb);
		return true;
	}
	if (!sb_start_write_trylock(sb))
		return false;
	/* As kiocb_start_write(): another thread may end it. */
	__sb_writers_release(sb, SB_FREEZE_WRITE);
	return true;
}

/* Read or write what is not done yet. The command is not the caller's any more. */
static void file_rw(struct file_cmd *cmd, bool nowait)
{
	struct virtback_blk_req *br = virtback_req_priv(cmd->req);
	/* Ours: the command's end may be the end of the disk, before we return. */
	struct file *file = get_file(cmd->fb->file);
	bool write = op_is_write(br->opf);
	struct iov_iter iter;
	ssize_t ret;

	cmd->nowait = nowait;
	init_sync_kiocb(&cmd->iocb, file);
	cmd->iocb.ki_pos = ((loff_t)br->sector << SECTOR_SHIFT) + br->done + cmd->done;
	cmd->iocb.ki_complete = file_complete;
	/* A file system on another one ends the protection of that one by this flag. */
	if (write)
		cmd->iocb.ki_flags |= IOCB_WRITE;
	if (br->opf & REQ_FUA)
		cmd->iocb.ki_flags |= IOCB_DSYNC;
	if (nowait)
		cmd->iocb.ki_flags |= IOCB_NOWAIT;
	iov_iter_bvec(&iter, write ? ITER_SOURCE : ITER_DEST, cmd->vecs, br->nr_vecs, br->len);
	iov_iter_advance(&iter, cmd->done);

	if (write && !file_may_write(cmd)) {
		file_result(cmd, -EAGAIN);
	} else {
		ret = write ? file->f_op->write_iter(&cmd->iocb, &iter) :
			      file->f_op->read_iter(&cmd->iocb, &iter);
		if (ret != -EIOCBQUEUED)
			file_complete(&cmd->iocb, ret);
	}
	fput(file);
}

/* Discard or zero; no data. Sleeps. */
static int file_range(struct file_cmd *cmd)
{
	struct virtback_blk_req *br = virtback_req_priv(cmd->req);
	int mode = br->opf & REQ_NOUNMAP ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE;

	return vfs_fallocate(cmd->fb->file, mode | FALLOC_FL_KEEP_SIZE,
			     (loff_t)br->sector << SECTOR_SHIFT, br->len);
}

static void file_work(struct work_struct *work)
{
	struct file_cmd *cmd = container_of(work, struct file_cmd, work);
	struct virtback_blk_req *br = virtback_req_priv(cmd->req);
	unsigned int throttle = current->flags & PF_LOCAL_THROTTLE;
	unsigned int noio = memalloc_noio_save();

	/*
	 * As the loop driver: a guest's write-back may be what dom0 waits for to
	 * have memory again, so it is throttled by its own device alone.
	 */
	current->flags |= PF_LOCAL_THROTTLE;
	if (br->opf & REQ_PREFLUSH)
		file_end(cmd, file_flush(cmd->fb));
	else if (!br->nr_vecs)
		file_end(cmd, file_range(cmd));
	else
		file_rw(cmd, false);
	current->flags = (current->flags & ~PF_LOCAL_THROTTLE) | throttle;
	memalloc_noio_restore(noio);
}

static void file_submit(struct virtback_backing *b, struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct file_backing *fb = file_of(b);
	struct virtback_blk_pos pos = {};
	struct file_cmd *cmd;
	unsigned int i = 0;

	/* A command waits for nothing but its own I/O: both stocks come back. */
	cmd = mempool_alloc(&fb->cmds, GFP_NOIO);
	cmd->fb = fb;
	cmd->req = req;
	cmd->done = 0;
	cmd->vecs = br->nr_vecs <= FILE_SHORT_VECS ? cmd->few :
						     mempool_alloc(&fb->vecs, GFP_NOIO);
	while (i < br->nr_vecs && virtback_blk_next_bvec(req, &pos, &cmd->vecs[i]))
		i++;
	INIT_WORK(&cmd->work, file_work);

	/* Few file systems take buffered writes that may not wait. */
	if (br->nr_vecs && fb->nowait && (fb->direct || !op_is_write(br->opf)))
		file_rw(cmd, true);
	else
		queue_work(fb->wq, &cmd->work);
}

/* --- the file --- */

static bool file_has_cache(struct virtback_backing *b)
{
	return true;
}

static int file_sync(struct virtback_backing *b)
{
	return file_flush(file_of(b));
}

static bool file_known_lost(struct virtback_backing *b)
{
	return READ_ONCE(file_of(b)->lost);
}

static u64 file_capacity(struct virtback_backing *b)
{
	struct file_backing *fb = file_of(b);
	u64 size = i_size_read(fb->file->f_mapping->host);

	return round_down(size, fb->block_size) >> SECTOR_SHIFT;
}

static void file_limits(struct virtback_backing *b, struct virtback_blk_limits *lim)
{
	struct file_backing *fb = file_of(b);
	struct kstatfs st;

	lim->block_size = fb->block_size;
	/* What the file system writes without reading. */
	lim->physical_block_size = max(fb->block_size, i_blocksize(file_inode(fb->file)));
	lim->io_min = lim->physical_block_size;
	/* It may checksum, compress or keep what it is given: no memory of a guest. */
	lim->mem_mask = SECTOR_SIZE - 1;
	lim->stable = true;
	if (!fb->file->f_op->fallocate || vfs_statfs(&fb->file->f_path, &st))
		return;
	lim->max_discard = U32_MAX;
	/* Parts of a block are zeroed instead of given back. */
	lim->discard_granularity = st.f_bsize;
	lim->max_write_zeroes = U32_MAX;
	lim->zeroes_may_unmap = true;
}

static const char *file_open_reason(int err, bool direct)
{
	switch (err) {
	case -ENOENT:
		return "no such file";
	case -ETXTBSY:
		return "in use (a running program, or a read-only disk)";
	case -EINVAL:
		if (direct)
			return "no direct I/O with this file system; direct_io=0 does without";
		fallthrough;
	default:
		return "cannot be opened";
	}
}

/* A file that cannot be written to makes a disk that cannot. */
static int file_open_file(struct file_backing *fb, const char *who,
			  const struct virtback_config *cfg)
{
	int flags = O_LARGEFILE | (fb->direct ? O_DIRECT : 0);

	fb->b.write = !cfg->readonly;
	fb->file = filp_open(cfg->backing, flags | (fb->b.write ? O_RDWR : O_RDONLY), 0);
	if (fb->b.write && (fb->file == ERR_PTR(-EROFS) || fb->file == ERR_PTR(-EACCES) ||
			    fb->file == ERR_PTR(-EPERM))) {
		fb->b.write = false;
		fb->file = filp_open(cfg->backing, flags | O_RDONLY, 0);
		if (!IS_ERR(fb->file))
			pr_info("%s: backing=%s: is read-only, so the disk is\n", who,
				cfg->backing);
	}
	return PTR_ERR_OR_ZERO(fb->file);
}

/* Keep others out, as far as the kernel can; see the top of this file. */
static int file_claim(struct file_backing *fb)
{
	if (!fb->b.write)
		return deny_write_access(fb->file);
	return atomic_read(&file_inode(fb->file)->i_writecount) > 1 ? -EBUSY : 0;
}

static void file_unclaim(struct file_backing *fb)
{
	if (!fb->b.write)
		allow_write_access(fb->file);
}

/* What direct I/O has to be aligned to; false when there can be none. */
static bool file_alignment(struct file_backing *fb)
{
	struct super_block *sb = fb->file->f_mapping->host->i_sb;
	struct kstat st;

	fb->block_size = SECTOR_SIZE;
	if (!fb->direct)
		return true;
	if (!vfs_getattr(&fb->file->f_path, &st, STATX_DIOALIGN, AT_STATX_SYNC_AS_STAT) &&
	    (st.result_mask & STATX_DIOALIGN))
		fb->block_size = st.dio_offset_align;
	else if (sb->s_bdev)
		fb->block_size = bdev_logical_block_size(sb->s_bdev);
	if (!is_power_of_2(fb->block_size) || fb->block_size > PAGE_SIZE)
		return false;
	fb->block_size = max_t(u32, fb->block_size, SECTOR_SIZE);
	return true;
}

/* Errors that nobody was told of count as well: the guest may have been saved and restored. */
static void file_watch(struct file_backing *fb)
{
	struct dentry *dentry = fb->file->f_path.dentry;

	/* A file of overlayfs has none itself. What is open for writing was copied up. */
	fb->pages = dentry->d_flags & DCACHE_OP_REAL ? d_real_inode(dentry)->i_mapping :
						       fb->file->f_mapping;
	fb->since = filemap_sample_wb_err(fb->pages);
}

/* What makes an open file unfit. */
static int file_check(struct file_backing *fb, const char *who, const struct virtback_config *cfg)
{
	struct inode *inode = fb->file->f_mapping->host;

	if (!S_ISREG(file_inode(fb->file)->i_mode))
		return virtback_backing_refuse(who, cfg, "not a regular file", -ENOTBLK);
	if (!fb->file->f_op->read_iter || (fb->b.write && !fb->file->f_op->write_iter))
		return virtback_backing_refuse(who, cfg, "its file system cannot do this",
					       -EOPNOTSUPP);
	if (IS_SWAPFILE(inode))
		return virtback_backing_refuse(who, cfg, "in use (swap space)", -EBUSY);
	if (!file_alignment(fb))
		return virtback_backing_refuse(who, cfg, "no direct I/O with this file; direct_io=0 does without",
					       -EINVAL);
	if (!file_capacity(&fb->b))
		return virtback_backing_refuse(who, cfg, "smaller than a block", -EINVAL);
	return 0;
}

static int file_stock(struct file_backing *fb, const char *who)
{
	int err;

	err = mempool_init_kmalloc_pool(&fb->cmds, FILE_CMDS, sizeof(struct file_cmd));
	if (!err)
		err = mempool_init_kmalloc_pool(&fb->vecs, FILE_LONG_CMDS,
						VIRTBACK_ROUND_PAGES * sizeof(struct bio_vec));
	if (err)
		return err;
	fb->wq = alloc_workqueue("vb-%s", WQ_UNBOUND | WQ_MEM_RECLAIM, 0, who);
	return fb->wq ? 0 : -ENOMEM;
}

/* Right for a stock that was made in part, too. */
static void file_free(struct file_backing *fb)
{
	if (fb->wq)
		destroy_workqueue(fb->wq);
	mempool_exit(&fb->vecs);
	mempool_exit(&fb->cmds);
	kfree(fb);
}

static struct virtback_backing *file_open(const char *who, const struct virtback_config *cfg)
{
	struct file_backing *fb = kzalloc(sizeof(*fb), GFP_KERNEL);
	int err;

	if (!fb)
		return ERR_PTR(virtback_backing_refuse(who, cfg, "no memory", -ENOMEM));
	fb->b.ops = &virtback_file_backing;
	fb->who = who;
	fb->direct = !test_bit(VIRTBACK_OPT_DIRECT_IO, &cfg->set) || cfg->direct_io;
	err = file_open_file(fb, who, cfg);
	if (err) {
		virtback_backing_refuse(who, cfg, file_open_reason(err, fb->direct), err);
		goto free;
	}
	fb->nowait = fb->file->f_mode & FMODE_NOWAIT;
	file_watch(fb);
	err = file_check(fb, who, cfg);
	if (err)
		goto close;
	err = file_claim(fb);
	if (err) {
		virtback_backing_refuse(who, cfg, "in use (somebody has it open for writing)", err);
		goto close;
	}
	err = file_stock(fb, who);
	if (err) {
		virtback_backing_refuse(who, cfg, "no memory for its requests", err);
		goto unclaim;
	}
	return &fb->b;

unclaim:
	file_unclaim(fb);
close:
	__fput_sync(fb->file);
free:
	file_free(fb);
	return ERR_PTR(err);
}

static void file_close(struct virtback_backing *b)
{
	struct file_backing *fb = file_of(b);

	/* Nothing is in flight, but a work item may be on its way out. */
	flush_workqueue(fb->wq);
	file_unclaim(fb);
	/* Now, and not in another thread after we said that it is closed. */
	__fput_sync(fb->file);
	file_free(fb);
}

const struct virtback_backing_ops virtback_file_backing = {
	.name = "file",
	.open = file_open,
	.close = file_close,
	.limits = file_limits,
	.capacity = file_capacity,
	.has_cache = file_has_cache,
	.sync = file_sync,
	.known_lost = file_known_lost,
	.submit = file_submit,
};
