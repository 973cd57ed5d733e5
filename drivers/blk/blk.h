/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block device type, shared by its parts: blk.c speaks virtio-blk, data.c
 * moves data in passes, store.c looks after what is behind a disk (a block device:
 * bdev.c, a file: file.c), which is reached through struct virtback_backing_ops alone.
 */
#ifndef VIRTBACK_BLK_H
#define VIRTBACK_BLK_H

#include <linux/bvec.h>
#include <linux/virtio_blk.h>

#include <virtback/compat.h>
#include <virtback/device.h>

struct virtback_config;
struct virtback_backing;

/**
 * struct virtback_blk_limits - what a backing store is like, in bytes
 * @block_size: what every request is a multiple of; a power of 2, at least 512
 * @physical_block_size: what it can write without reading; a multiple of @block_size
 * @alignment_offset: of the first physical block
 * @io_min: smallest good size of a request
 * @io_opt: best size of a request, 0 when not known
 * @mem_mask: where memory may begin and end that the store accesses itself: bits
 *	      that must be 0 in addresses and lengths
 * @stable: data must not change while it is being written
 */
struct virtback_blk_limits {
	u32 block_size;
	u32 physical_block_size;
	u32 alignment_offset;
	u32 io_min;
	u32 io_opt;
	u32 mem_mask;
	bool stable;
};

/**
 * struct virtback_backing_ops - a kind of backing store
 * @name: for people
 * @open: open what cfg->backing names, for writing unless that is not wanted or
 *	  not possible. Logs one line when it fails, that begins with @who. Returns
 *	  ERR_PTR(), then nothing is open. May sleep for long.
 * @close: undo @open; no request is in flight. May sleep for long.
 * @limits: fill in what the store is like. May sleep.
 * @capacity: its size now, in 512-byte sectors. Any context.
 * @has_cache: can completed writes be lost with the power, so that a flush is of
 *	       use? May change while the store is open. Any context.
 * @sync: make completed writes durable. May sleep for long.
 * @submit: start the current pass of a request: operation and flags are br->opf,
 *	    the first sector br->sector plus br->done bytes, the data what
 *	    virtback_blk_next_bvec() gives. Ends in virtback_blk_pass_done(), in any
 *	    context. Called by a worker with no lock held, under a plug; may wait.
 */
struct virtback_backing_ops {
	const char *name;
	struct virtback_backing *(*open)(const char *who, const struct virtback_config *cfg);
	void (*close)(struct virtback_backing *b);
	void (*limits)(struct virtback_backing *b, struct virtback_blk_limits *lim);
	u64 (*capacity)(struct virtback_backing *b);
	bool (*has_cache)(struct virtback_backing *b);
	int (*sync)(struct virtback_backing *b);
	void (*submit)(struct virtback_backing *b, struct virtback_req *req);
};

/**
 * struct virtback_backing - an open backing store; the first part of its kind's own
 * @ops: its kind
 * @write: it was opened for writing; the disk is read-only otherwise
 */
struct virtback_backing {
	const struct virtback_backing_ops *ops;
	bool write;
};

/**
 * struct virtback_blk - a disk
 * @vd: the device it belongs to
 * @backing: what is behind it, NULL for a placeholder. Changed with @lock held and
 *	     the device paused; workers read it without a lock while it is not.
 * @capacity: 512-byte sectors that can be reached. Changed with @lock and vd->lock
 *	      held; workers read it with READ_ONCE(). What the driver was told is in
 *	      @config.
 * @block_mask: logical block size - 1
 * @mem_mask: see &struct virtback_blk_limits
 * @direct: the guest's memory may be given to the store (dma=direct)
 * @config: configuration space
 * @id: what GET_ID returns, zero padded, without a terminator when full
 * @lock: who changes @backing or @capacity. Outside vd->lock; held across waiting
 *	  for the disk, so only who may wait for it takes it, others try
 * @link: in the list of disks whose size is watched
 */
struct virtback_blk {
	struct virtback_device *vd;
	struct virtback_backing *backing;
	u64 capacity;
	u32 block_mask;
	u32 mem_mask;
	bool direct;
	struct virtio_blk_config config;
	u8 id[VIRTIO_BLK_ID_BYTES];
	struct mutex lock;		/* backing, capacity */
	struct list_head link;
};

/**
 * struct virtback_blk_req - the type's part of a request
 * @execute: what the request's type asks for, chosen by the parser
 * @sector: first sector of the request; never changes, so that no pass can
 *	    start anywhere but at @sector plus what is done
 * @opf: operation and flags of every pass of the request
 * @total: bytes of data of the request
 * @done: bytes of the passes that have ended
 * @len: bytes of the current pass
 * @nr_vecs: parts that virtback_blk_next_bvec() gives for the current pass
 * @pages: bounce pages of the current pass, linked by their lru; none when the
 *	   store accesses the guest's memory itself (req->dma)
 * @in_len: bytes that the driver gave us to write to, without the status byte
 * @it: position of the next pass
 */
struct virtback_blk_req {
	enum virtback_prepare (*execute)(struct virtback_req *req, struct virtback_iter *data);
	u64 sector;
	blk_opf_t opf;
	u32 total;
	u32 done;
	u32 len;
	unsigned int nr_vecs;
	struct list_head pages;
	u64 in_len;
	struct virtback_iter it;
};

/**
 * struct virtback_blk_pos - a position in the data of a pass
 * @page: the bounce page given last, NULL at the start
 * @piece: the guest's memory that is being given, NULL at the start
 * @off: bytes of it that were given
 * @done: bytes given
 */
struct virtback_blk_pos {
	struct page *page;
	const struct virtback_piece *piece;
	u32 off;
	u32 done;
};

static inline struct virtback_blk *virtback_blk_of(const struct virtback_req *req)
{
	return req->vq->vd->type_priv;
}

/*
 * What a failure to reach the guest's buffers means. Only what comes back with
 * the next completion is worth waiting for.
 */
static inline enum virtback_prepare virtback_blk_result(int err)
{
	if (!err)
		return VIRTBACK_SUBMIT;
	return err == -ENOSPC ? VIRTBACK_STALL : VIRTBACK_BROKEN;
}

/* drivers/blk/blk.c */
int virtback_blk_describe(struct virtback_blk *blk, u64 *features);
void virtback_blk_finish(struct virtback_req *req, u8 status, u32 written);

/* drivers/blk/data.c */
enum virtback_prepare virtback_blk_first_pass(struct virtback_req *req,
					      const struct virtback_iter *data);
enum virtback_prepare virtback_blk_next_pass(struct virtback_req *req);
void virtback_blk_submit(struct virtback_vq *vq, struct list_head *reqs);
bool virtback_blk_next_bvec(struct virtback_req *req, struct virtback_blk_pos *pos,
			    struct bio_vec *bv);
void virtback_blk_pass_done(struct virtback_req *req, u8 status);

/* drivers/blk/store.c */
int virtback_blk_open(struct virtback_blk *blk, const struct virtback_config *cfg);
void virtback_blk_close(struct virtback_blk *blk);
int virtback_blk_set_backing(struct virtback_device *vd, const struct virtback_config *cfg);
void virtback_blk_check_size(struct virtback_device *vd);
void virtback_blk_look_soon(void);

/* drivers/blk/backing.c */
int virtback_backing_refuse(const char *who, const struct virtback_config *cfg, const char *why,
			    int err);
struct virtback_backing *virtback_backing_open(const char *who, const struct virtback_config *cfg);

/* drivers/blk/file.c */
extern const struct virtback_backing_ops virtback_file_backing;

/* drivers/blk/bdev.c */
extern const struct virtback_backing_ops virtback_bdev_backing;

#endif
