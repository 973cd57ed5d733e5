/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block device type, shared by its parts: blk.c parses requests, config.c tells
 * the driver of the disk, data.c moves data in passes, range.c discards and zeroes,
 * zoned.c knows zones, and store.c looks after what is behind a disk (a block device:
 * bdev.c, a file: file.c), which is reached through struct virtback_backing_ops alone.
 */
#ifndef VIRTBACK_BLK_H
#define VIRTBACK_BLK_H

#include <linux/bio.h>
#include <linux/bvec.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_byteorder.h>
#include <linux/workqueue.h>

#include <virtback/compat.h>
#include <virtback/device.h>

/* Parts that a pass may have for its bio to be that of the request. */
#define VIRTBACK_BLK_VECS	4

struct virtback_config;
struct virtback_backing;
struct virtback_zones;

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
 * @max_discard: most that one pass may discard, 0 when it cannot
 * @discard_granularity: what it gives back at once; less is kept. 0 when not known
 * @max_write_zeroes: most that one pass may zero, 0 when it cannot without data
 * @max_secure_erase: most that one pass may erase for good, 0 when it cannot
 * @zeroes_may_unmap: zeroing may give blocks back where that is allowed
 * @zone_sectors: 512-byte sectors of a zone, a power of 2; 0: the store is not
 *		  zoned, and what follows means nothing
 * @max_open_zones: 0 for no limit
 * @max_active_zones: 0 for no limit
 * @max_append_sectors: of one zone append, which is never split
 * @write_granularity: what writes to a sequential zone are multiples of
 */
struct virtback_blk_limits {
	u32 block_size;
	u32 physical_block_size;
	u32 alignment_offset;
	u32 io_min;
	u32 io_opt;
	u32 mem_mask;
	bool stable;
	u32 max_discard;
	u32 discard_granularity;
	u32 max_write_zeroes;
	u32 max_secure_erase;
	bool zeroes_may_unmap;
	u32 zone_sectors;
	u32 max_open_zones;
	u32 max_active_zones;
	u32 max_append_sectors;
	u32 write_granularity;
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
 * @known_lost: was it found before that completed writes are lost, so that @sync fails
 *		for good? NULL: that is never known. Any context.
 * @gone: is it gone for good, so that all requests fail from now on? NULL: it cannot be.
 *	  May sleep.
 * @submit: start the current pass of a request: operation and flags are br->opf,
 *	    the first sector br->sector plus br->done bytes. It is br->len bytes
 *	    long, and the data is what virtback_blk_next_bvec() gives if
 *	    br->nr_vecs is not 0: REQ_OP_READ, REQ_OP_WRITE. Without data it is a
 *	    flush (an empty REQ_OP_WRITE with REQ_PREFLUSH), REQ_OP_DISCARD,
 *	    REQ_OP_WRITE_ZEROES (with REQ_NOUNMAP the blocks stay allocated) or
 *	    REQ_OP_SECURE_ERASE. Ends in virtback_blk_pass_done(), in any context.
 *	    Called by a worker with no lock held, under a plug; may wait for memory,
 *	    not for the end of the pass.
 * @report_zones: what blkdev_report_zones() is for a block device; only where a
 *		  store can be zoned, as @reset_zones. May sleep for long.
 * @reset_zones: empty all zones. May sleep for long.
 */
struct virtback_backing_ops {
	const char *name;
	struct virtback_backing *(*open)(const char *who, const struct virtback_config *cfg);
	void (*close)(struct virtback_backing *b);
	void (*limits)(struct virtback_backing *b, struct virtback_blk_limits *lim);
	u64 (*capacity)(struct virtback_backing *b);
	bool (*has_cache)(struct virtback_backing *b);
	int (*sync)(struct virtback_backing *b);
	bool (*known_lost)(struct virtback_backing *b);
	bool (*gone)(struct virtback_backing *b);
	void (*submit)(struct virtback_backing *b, struct virtback_req *req);
	int (*report_zones)(struct virtback_backing *b, u64 sector, unsigned int nr,
			    report_zones_cb cb, void *data);
	int (*reset_zones)(struct virtback_backing *b);
};

/**
 * struct virtback_backing - an open backing store; the first part of its kind's own
 * @ops: its kind
 * @write: it was opened for writing; the disk is read-only otherwise
 * @dev: the block device that it is, 0 for a file; for people
 */
struct virtback_backing {
	const struct virtback_backing_ops *ops;
	bool write;
	dev_t dev;
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
 * @stable: data must not change while it is being written
 * @ok: VIRTIO_BLK_S_OK, for hosts that copy: where all copies have the same source they
 *	are cheaper
 * @max_discard: 512-byte sectors of a segment to discard, as told to the driver
 * @max_write_zeroes: the same of one to zero
 * @max_secure_erase: the same of one to erase
 * @write_back: the cache mode, as @config says it to drivers that may change it:
 *		written under vd->lock, read by workers without a lock
 * @zones: its zones, NULL when it is not zoned
 * @config: configuration space, as far as all kernels know it
 * @before_zoned: the same, as far as a plain disk's goes
 * @zoned: the part of a zoned disk, behind it
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
	bool stable;
	u8 ok;
	u32 max_discard;
	u32 max_write_zeroes;
	u32 max_secure_erase;
	bool write_back;
	struct virtback_zones *zones;
	union {
		struct virtio_blk_config config;
		struct {
			u8 before_zoned[VIRTBACK_ZONED_OFFSET];
			struct virtio_blk_zoned_characteristics zoned;
		};
	};
	u8 id[VIRTIO_BLK_ID_BYTES];
	struct mutex lock;		/* backing, capacity */
	struct list_head link;
};

/**
 * struct virtback_blk_req - the type's part of a request
 * @execute: what the request's type asks for, chosen by the parser
 * @start: starts the request instead of &virtback_backing_ops.submit, in the same
 *	   context; NULL for most
 * @sector: first sector of the request; never changes, so that no pass can
 *	    start anywhere but at @sector plus what is done. With @ranges: of the
 *	    current pass.
 * @opf: operation and flags of every pass of the request; with @ranges only the
 *	 operation is, and the pass after the last may be a flush
 * @total: bytes of data of the request
 * @done: bytes of the passes that have ended; stays 0 with @ranges
 * @len: bytes of the current pass
 * @ended: the current pass has ended and the worker is to go on with it
 * @status: VIRTIO_BLK_S_* of a pass that has @ended
 * @failed: the backing store could not do a pass
 * @told: the status byte was written, together with data
 * @ahead: @pages have all data of a write, read together with its header
 * @nr_vecs: parts that virtback_blk_next_bvec() gives for the current pass
 * @pages: bounce pages of the current pass, linked by their lru; none when the
 *	   store accesses the guest's memory itself (req->dma)
 * @ranges: page with our copy of the request's segments, NULL when it has none
 * @nr_ranges: segments in it
 * @next_range: the first of them that was not served yet
 * @in_len: bytes that the driver gave us to write to, without the status byte
 * @work: what a request of a zoned disk does where it may sleep for long
 * @it: position of the next pass; for @execute, where these bytes are
 * @bio: the pass, for a backing store that takes bios, if it has few parts
 * @vecs: its parts
 */
struct virtback_blk_req {
	enum virtback_prepare (*execute)(struct virtback_req *req, struct virtback_iter *data);
	void (*start)(struct virtback_req *req);
	u64 sector;
	blk_opf_t opf;
	u32 total;
	u32 done;
	u32 len;
	bool ended;
	bool failed;
	u8 status;
	bool told;
	bool ahead;
	unsigned int nr_vecs;
	struct list_head pages;
	struct page *ranges;
	u16 nr_ranges;
	u16 next_range;
	u64 in_len;
	struct work_struct work;
	struct virtback_iter it;
	struct bio bio;
	struct bio_vec vecs[VIRTBACK_BLK_VECS];
};

/**
 * enum virtback_blk_counter - what is counted of each queue; names in blk.c
 * @BLK_SECTORS_READ: 512-byte sectors that the backing store read
 * @BLK_SECTORS_WRITTEN: that it wrote, or appended to zones
 * @BLK_SECTORS_DISCARDED: that it discarded or erased
 * @BLK_SECTORS_ZEROED: that it zeroed without data
 * @BLK_FLUSHES: flushes that it did
 * @BLK_ERRORS_IO: requests that it failed
 * @BLK_ERRORS_REFUSED: requests that were answered IOERR for another reason: the
 *			driver's error, as a rule
 * @BLK_ERRORS_UNSUPP: requests answered UNSUPP
 * @BLK_ERRORS_ZONE: requests answered with an error of zones
 * @BLK_COUNTERS: number of these
 */
enum virtback_blk_counter {
	BLK_SECTORS_READ,
	BLK_SECTORS_WRITTEN,
	BLK_SECTORS_DISCARDED,
	BLK_SECTORS_ZEROED,
	BLK_FLUSHES,
	BLK_ERRORS_IO,
	BLK_ERRORS_REFUSED,
	BLK_ERRORS_UNSUPP,
	BLK_ERRORS_ZONE,
	BLK_COUNTERS,
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

/* VIRTIO_F_VERSION_1 is always negotiated, so all fields are little endian. */
#define vb16(x)	__cpu_to_virtio16(true, x)
#define vb32(x)	__cpu_to_virtio32(true, x)
#define vb64(x)	__cpu_to_virtio64(true, x)

/* drivers/blk/blk.c */
bool virtback_blk_has_cache(const struct virtback_blk *blk);
bool virtback_blk_range_ok(const struct virtback_blk *blk, u64 sector, u64 bytes);
bool virtback_blk_write_through(const struct virtback_req *req);
enum virtback_prepare virtback_blk_finish(struct virtback_req *req, u8 status, u32 written);
enum virtback_prepare virtback_blk_move(struct virtback_req *req, struct virtback_iter *data);

/* drivers/blk/config.c */
int virtback_blk_describe(struct virtback_blk *blk, const struct virtback_config *cfg,
			  u64 *features);
void virtback_blk_show(struct virtback_blk *blk, u64 features);
void virtback_blk_reset(struct virtback_device *vd);
bool virtback_blk_features_ok(struct virtback_device *vd, u64 features);
void virtback_blk_write_config(struct virtback_device *vd, u32 off, u32 len, u64 val);

/* drivers/blk/data.c */
int virtback_blk_fetch(struct virtback_req *req, const struct virtback_iter *it, void *hdr,
		       struct virtback_copier *c);
int virtback_blk_fetch_data(struct virtback_req *req, const struct virtback_iter *it,
			    struct virtback_copier *c);
int virtback_blk_read_header(struct virtback_req *req, struct virtback_iter *it,
			     struct virtio_blk_outhdr *hdr);
void virtback_blk_put_ahead(struct virtback_req *req);
enum virtback_prepare virtback_blk_first_pass(struct virtback_req *req,
					      const struct virtback_iter *data);
enum virtback_prepare virtback_blk_next_pass(struct virtback_req *req);
int virtback_blk_store(struct virtback_req *req, struct virtback_copier *c, bool last);
void virtback_blk_submit(struct virtback_vq *vq, struct list_head *reqs);
bool virtback_blk_next_bvec(struct virtback_req *req, struct virtback_blk_pos *pos,
			    struct bio_vec *bv);
void virtback_blk_pass_done(struct virtback_req *req, u8 status);

/* drivers/blk/range.c */
u64 virtback_range_features(struct virtback_blk *blk, const struct virtback_blk_limits *lim);
enum virtback_prepare virtback_range_prepare(struct virtback_req *req, struct virtback_iter *data);
bool virtback_range_next(struct virtback_req *req);

/**
 * virtback_range_put() - give the copy of a request's segments back, if it has one
 * @req: request
 *
 * Any context.
 */
static inline void virtback_range_put(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	if (br->ranges)
		virtback_pool_put(&req->vq->pages, br->ranges);
	br->ranges = NULL;
}

/**
 * virtback_blk_drop_ahead() - the data that came with the header is not wanted
 * @req: request; nothing happens when none came
 *
 * Any context.
 */
static inline void virtback_blk_drop_ahead(struct virtback_req *req)
{
	const struct virtback_blk_req *br = virtback_req_priv(req);

	if (br->ahead)
		virtback_blk_put_ahead(req);
}

/* drivers/blk/store.c */
int virtback_blk_open(struct virtback_blk *blk, const struct virtback_config *cfg);
void virtback_blk_close(struct virtback_blk *blk);
int virtback_blk_set_backing(struct virtback_device *vd, const struct virtback_config *cfg);
bool virtback_blk_check_size(struct virtback_device *vd);
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
