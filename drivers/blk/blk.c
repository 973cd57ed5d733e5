// SPDX-License-Identifier: GPL-2.0
/*
 * The block device type: virtio-blk (VIRTIO 1.2 section 5.2).
 *
 * This part parses requests, answers those that need no disk and tells the
 * driver about the disk. What reads or writes goes on in data.c, what discards or
 * zeroes in range.c. The core calls it through virtback_blk_type and knows nothing
 * of what is in here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include <virtback/config.h>

#include "blk.h"
#include "zoned.h"

#include <trace/events/virtback_blk.h>

static const char *const blk_counters[BLK_COUNTERS] = {
	[BLK_SECTORS_READ]	= "sectors_read",
	[BLK_SECTORS_WRITTEN]	= "sectors_written",
	[BLK_SECTORS_DISCARDED]	= "sectors_discarded",
	[BLK_SECTORS_ZEROED]	= "sectors_zeroed",
	[BLK_FLUSHES]		= "flushes",
	[BLK_ERRORS_IO]		= "errors_io",
	[BLK_ERRORS_REFUSED]	= "errors_refused",
	[BLK_ERRORS_UNSUPP]	= "errors_unsupp",
	[BLK_ERRORS_ZONE]	= "errors_zone",
};

static_assert(BLK_COUNTERS <= VIRTBACK_TYPE_COUNTERS);

/* What the driver is told of a failure, and so not of an orphan's. */
static void blk_count_error(struct virtback_req *req, u8 status)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	enum virtback_blk_counter i = BLK_ERRORS_ZONE;

	if (status == VIRTIO_BLK_S_OK || !virtback_req_live(req))
		return;
	if (status == VIRTIO_BLK_S_IOERR)
		i = br->failed ? BLK_ERRORS_IO : BLK_ERRORS_REFUSED;
	else if (status == VIRTIO_BLK_S_UNSUPP)
		i = BLK_ERRORS_UNSUPP;
	virtback_vq_count(req->vq, i, 1);
}

/* The status byte, which the host copies. */
static noinline int blk_tell_copied(struct virtback_req *req, u8 status)
{
	const struct virtback_piece *p = req->status.head;
	struct virtback_copier c;
	int err;

	virtback_copier_init(&c, req->vq);
	err = virtback_copier_piece(&c, p, p->len - 1, &status, sizeof(status), true);
	return err ?: virtback_copier_flush(&c);
}

/* The status byte; nothing of an orphan, whose memory is the driver's again. */
static int blk_tell(struct virtback_req *req, u8 status)
{
	const struct virtback_piece *p;

	/* Who stops the queue unpins the status when this is over, not before. */
	if (!virtback_req_live(req))
		return 0;
	p = req->status.head;
	if (!p->va)
		return blk_tell_copied(req, status);
	/* The header may be before it. */
	memcpy(p->va + p->len - 1, &status, sizeof(status));
	return 0;
}

/**
 * virtback_blk_finish() - end a request: status byte first, then the core
 * @req: request without bounce pages
 * @status: VIRTIO_BLK_S_*
 * @written: bytes of data that were written to the driver's memory
 *
 * Nothing is written for an orphan, and the core drops it. Any context; the worker,
 * if the device copies.
 *
 * Return: VIRTBACK_DONE; or VIRTBACK_BROKEN when the status byte cannot be copied,
 * so that there is no way to tell the driver. The request has then not ended.
 */
enum virtback_prepare virtback_blk_finish(struct virtback_req *req, u8 status, u32 written)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	trace_virtback_blk_complete(req, status);
	blk_count_error(req, status);
	/* Before the completion, which may hand the pages to a waiter. */
	virtback_range_put(req);
	virtback_blk_drop_ahead(req);
	/*
	 * The used length counts from the first device-writable byte on, without
	 * a gap (VIRTIO 1.2 section 2.7.8.2): the status byte is in it only when
	 * all that lies before it was written.
	 */
	if (written == br->in_len)
		written += sizeof(status);
	if (req->vq->vd->copies) {
		/* In prepare() and resume() no stop comes between. */
		if (!br->told && blk_tell(req, status))
			return VIRTBACK_BROKEN;
		virtback_req_complete(req, written);
		return VIRTBACK_DONE;
	}
	/* Pairs with synchronize_rcu_expedited() in virtback_vq_stop(). */
	rcu_read_lock();
	blk_tell(req, status);
	virtback_req_complete(req, written);
	rcu_read_unlock();
	return VIRTBACK_DONE;
}

/**
 * virtback_blk_range_ok() - are these whole blocks of the disk?
 * @blk: disk
 * @sector: first 512-byte sector
 * @bytes: how many, at most 2^63
 *
 * The driver sees a read-only or too small disk in its configuration, so a
 * request that ignores this is its error and must not reach the disk: the block
 * layer only warns about a write to a read-only device, and one past the end
 * would be cut short. Any context.
 *
 * Return: false when the request is to be refused.
 */
bool virtback_blk_range_ok(const struct virtback_blk *blk, u64 sector, u64 bytes)
{
	u64 sectors = bytes >> SECTOR_SHIFT;
	/* Once; pairs with blk_set_capacity(). */
	u64 capacity = READ_ONCE(blk->capacity);
	u64 now = blk->backing->ops->capacity(blk->backing);

	/* Nearly free, and sooner than the next look. */
	if (unlikely(capacity != now)) {
		virtback_blk_look_soon();
		/* Above all a file, which a write past its end would make longer again. */
		capacity = min(capacity, now);
	}
	if (bytes & (SECTOR_SIZE - 1) || bytes & blk->block_mask)
		return false;
	if (sector & (blk->block_mask >> SECTOR_SHIFT))
		return false;
	/* In this order nothing can overflow. */
	return sectors <= capacity && sector <= capacity - sectors;
}

/* May change while we run: the administrator can switch a disk's cache. */
bool virtback_blk_has_cache(const struct virtback_blk *blk)
{
	return blk->backing->ops->has_cache(blk->backing);
}

/**
 * virtback_blk_write_through() - is a write to be on stable storage when it ends?
 * @req: request that writes
 *
 * A driver that did not accept FLUSH, or set the writeback byte to 0, takes a
 * completed write for a durable one (VIRTIO 1.2 section 5.2.6.2). To be asked for
 * each request: the driver may switch at any time, and so may the administrator
 * the cache of the backing device. Any context.
 *
 * Return: false when the driver will flush, or nothing can be lost.
 */
bool virtback_blk_write_through(const struct virtback_req *req)
{
	const struct virtback_blk *blk = virtback_blk_of(req);

	if (!virtback_blk_has_cache(blk))
		return false;
	/* Pairs with blk_set_write_back(). */
	return !(req->vq->vd->features & BIT_ULL(VIRTIO_BLK_F_FLUSH)) ||
	       !READ_ONCE(blk->write_back);
}

static enum virtback_prepare blk_rw(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_blk *blk = virtback_blk_of(req);
	bool write = op_is_write(br->opf);
	u8 status;

	/* The used ring could not say how much of more than this was read. */
	if (data->left >= U32_MAX || !virtback_blk_range_ok(blk, br->sector, data->left))
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	if (write && !blk->backing->write)
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	if (!data->left)
		return virtback_blk_finish(req, VIRTIO_BLK_S_OK, 0);
	status = virtback_zoned_check(blk, write, br->sector, data->left);
	if (status != VIRTIO_BLK_S_OK)
		return virtback_blk_finish(req, status, 0);
	return virtback_blk_move(req, data);
}

/**
 * virtback_blk_move() - begin to move the data of a request
 * @req: request, found valid
 * @data: all its data, less than U32_MAX bytes; what is written is in its buffers
 *
 * Return: what prepare() returns
 */
enum virtback_prepare virtback_blk_move(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	br->total = data->left;
	if (op_is_write(br->opf) && virtback_blk_write_through(req))
		br->opf |= REQ_FUA;
	return virtback_blk_first_pass(req, data);
}

static enum virtback_prepare blk_flush(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk *blk = virtback_blk_of(req);

	/* Every completed write is durable already, or there was none. */
	if (!blk->backing->write || !virtback_blk_has_cache(blk))
		return virtback_blk_finish(req, VIRTIO_BLK_S_OK, 0);
	return VIRTBACK_SUBMIT;
}

static enum virtback_prepare blk_get_id(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk *blk = virtback_blk_of(req);
	u32 len = min_t(u64, data->left, sizeof(blk->id));

	if (virtback_iter_write(req->vq, data, blk->id, len))
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	return virtback_blk_finish(req, VIRTIO_BLK_S_OK, len);
}

static enum virtback_prepare blk_unsupp(struct virtback_req *req, struct virtback_iter *data)
{
	return virtback_blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
}

/* A placeholder's driver should not be there, but it gets its answers. */
static enum virtback_prepare blk_no_disk(struct virtback_req *req, struct virtback_iter *data)
{
	return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
}

/*
 * Choose what to do and where the data is: true when it is where we write. @out:
 * there is something to read behind the header.
 */
static bool blk_parse(struct virtback_blk_req *br, const struct virtio_blk_outhdr *hdr, bool out)
{
	br->sector = __virtio64_to_cpu(true, hdr->sector);

	switch (__virtio32_to_cpu(true, hdr->type)) {
	case VIRTIO_BLK_T_IN:
		br->opf = REQ_OP_READ;
		br->execute = blk_rw;
		return true;
	case VIRTIO_BLK_T_OUT:
		/* The guest's block layer has merged and waited already. */
		br->opf = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
		br->execute = blk_rw;
		return false;
	case VIRTIO_BLK_T_FLUSH:
		/* An empty write: a bare REQ_OP_FLUSH bio is refused. */
		br->opf = REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH;
		br->sector = 0;		/* reserved, and none of the disk's business */
		br->execute = blk_flush;
		return false;
	case VIRTIO_BLK_T_GET_ID:
		br->execute = blk_get_id;
		return true;
	case VIRTIO_BLK_T_DISCARD:
		br->opf = REQ_OP_DISCARD;
		br->execute = virtback_range_prepare;
		return false;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		br->opf = REQ_OP_WRITE_ZEROES;
		br->execute = virtback_range_prepare;
		return false;
	case VIRTIO_BLK_T_SECURE_ERASE:
		br->opf = REQ_OP_SECURE_ERASE;
		br->execute = virtback_range_prepare;
		/*
		 * Linux takes an even type for one that reads, and offers the
		 * segments as a buffer to write to.
		 */
		return !out;
	default:
		br->execute = blk_unsupp;
		return virtback_zoned_parse(br, __virtio32_to_cpu(true, hdr->type));
	}
}

/* Read the header and pin the status byte: 0, -EFAULT, or -ENOSPC for a stall. */
static int blk_read_header(struct virtback_req *req, struct virtback_iter *out,
			   struct virtback_iter *status, struct virtio_blk_outhdr *hdr)
{
	const void *both;
	int err;

	both = virtback_req_pin_both(req, &req->status, status, out, sizeof(*hdr));
	if (both) {
		memcpy(hdr, both, sizeof(*hdr));
		/* The driver may be writing it: nothing reads it again instead of @hdr. */
		barrier();
		return 0;
	}
	err = virtback_blk_read_header(req, out, hdr);
	return err ?: virtback_req_pin(req, &req->status, status, 1, true);
}

/* Is there room for a header and a status byte? */
static bool blk_is_whole(const struct virtback_chain *chain)
{
	return chain->out.left >= sizeof(struct virtio_blk_outhdr) && chain->in.left;
}

/* Of a whole chain nothing of which was read. */
static void blk_begin(struct virtback_req *req, const struct virtback_chain *chain)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	br->opf = REQ_OP_DRV_IN;	/* what has no operation of the block layer's */
	br->total = 0;
	br->done = 0;
	br->len = 0;
	br->ended = false;
	br->failed = false;
	br->nr_vecs = 0;
	INIT_LIST_HEAD(&br->pages);
	br->ranges = NULL;
	br->in_len = chain->in.left - 1;
	br->start = NULL;
	br->it = chain->in;
	br->told = false;
	br->ahead = false;
}

/* As prepare() does, which will also say what is wrong with a chain. */
static int blk_fetch(struct virtback_req *req, struct virtback_chain *chain,
		     struct virtback_copier *c, bool last)
{
	static_assert(sizeof(struct virtio_blk_outhdr) <= VIRTBACK_HEAD_BYTES);
	if (!last)
		blk_begin(req, chain);
	if (!blk_is_whole(chain))
		return 0;
	return last ? virtback_blk_fetch_data(req, &chain->out, c) :
		      virtback_blk_fetch(req, &chain->out, req->head, c);
}

/*
 * A chain without room for the status byte cannot be answered: completing it
 * would let the driver take what happens to be in its memory for our answer
 * (zero is "OK"). So the device needs a reset (VIRTIO 1.2 section 2.1.2), and
 * the same goes for a chain that is too short to say what it wants.
 */
static enum virtback_prepare blk_prepare(struct virtback_req *req, struct virtback_chain *chain)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_vq *vq = req->vq;
	struct virtio_blk_outhdr hdr;
	struct virtback_iter status = chain->in;
	struct virtback_iter *data;
	enum virtback_prepare ret;
	int err;

	if (!blk_is_whole(chain)) {
		virtback_guest_err(vq->vd, "request without a whole header or a status byte\n");
		return VIRTBACK_BROKEN;
	}
	/* Or fetch() did. */
	if (!req->head)
		blk_begin(req, chain);
	virtback_iter_last(&status);
	/* Copied once: what the driver does to it afterwards changes nothing. */
	err = blk_read_header(req, &chain->out, &status, &hdr);
	if (err) {
		virtback_blk_drop_ahead(req);
		return virtback_blk_result(err);
	}
	data = blk_parse(br, &hdr, chain->out.left) ? &chain->in : &chain->out;
	if (data == &chain->in)
		data->left--;	/* the status byte is none of the data */

	if (!virtback_blk_of(req)->backing)
		br->execute = blk_no_disk;
	/* Nobody else wants what came with the header. */
	if (br->execute != blk_rw || data == &chain->in)
		virtback_blk_drop_ahead(req);
	ret = br->execute(req, data);
	if (ret == VIRTBACK_STALL || ret == VIRTBACK_BROKEN) {
		virtback_blk_drop_ahead(req);
		virtback_req_unpin(req, &req->status);
	}
	return ret;
}

static int blk_create(struct virtback_device *vd, const struct virtback_config *cfg)
{
	const char *serial = cfg->serial[0] ? cfg->serial : vd->name;
	struct virtback_blk *blk;
	int err;

	blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	if (!blk)
		return virtback_backing_refuse(vd->name, cfg, "no memory", -ENOMEM);
	blk->vd = vd;
	blk->ok = VIRTIO_BLK_S_OK;
	memcpy(blk->id, serial, strnlen(serial, sizeof(blk->id)));
	vd->type_priv = blk;
	err = virtback_blk_open(blk, cfg);
	if (err) {
		vd->type_priv = NULL;
		kfree(blk);
	}
	return err;
}

static void blk_destroy(struct virtback_device *vd)
{
	struct virtback_blk *blk = vd->type_priv;

	vd->type_priv = NULL;
	vd->config = NULL;
	vd->config_len = 0;
	virtback_blk_close(blk);
	kfree(blk);
}

const struct virtback_type_ops virtback_blk_type = {
	.name = "blk",
	.id = VIRTIO_ID_BLOCK,
	.req_size = sizeof(struct virtback_blk_req),
	.counters = blk_counters,
	.nr_counters = BLK_COUNTERS,
	.create = blk_create,
	.destroy = blk_destroy,
	.prepare = blk_prepare,
	.fetch = blk_fetch,
	.unfetch = virtback_blk_drop_ahead,
	.resume = virtback_blk_next_pass,
	.store = virtback_blk_store,
	.submit = virtback_blk_submit,
	.write_config = virtback_blk_write_config,
	.features_ok = virtback_blk_features_ok,
	.reset = virtback_blk_reset,
	.set_backing = virtback_blk_set_backing,
	.check_size = virtback_blk_check_size,
};
