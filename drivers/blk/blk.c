// SPDX-License-Identifier: GPL-2.0
/*
 * The block device type: virtio-blk (VIRTIO 1.2 section 5.2).
 *
 * This part parses requests, answers those that need no disk and tells the
 * driver about the disk. What reads or writes goes on in data.c. The core calls
 * it through virtback_blk_type and knows nothing of what is in here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include <virtback/config.h>

#include "blk.h"

/* VIRTIO_F_VERSION_1 is always negotiated, so all fields are little endian. */
#define vb16(x)	__cpu_to_virtio16(true, x)
#define vb32(x)	__cpu_to_virtio32(true, x)
#define vb64(x)	__cpu_to_virtio64(true, x)

/**
 * virtback_blk_finish() - end a request: status byte first, then the core
 * @req: request without bounce pages
 * @status: VIRTIO_BLK_S_*
 * @written: bytes of data that were written to the driver's memory
 *
 * Nothing is written for an orphan: its memory belongs to the driver again, and
 * the core drops it. Any context.
 */
void virtback_blk_finish(struct virtback_req *req, u8 status, u32 written)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	/* Pairs with synchronize_rcu_expedited() in virtback_vq_stop(). */
	rcu_read_lock();
	if (virtback_req_live(req))
		virtback_pieces_write(&req->status, &status, sizeof(status));
	/*
	 * The used length counts from the first device-writable byte on, without
	 * a gap (VIRTIO 1.2 section 2.7.8.2): the status byte is in it only when
	 * all that lies before it was written.
	 */
	virtback_req_complete(req, written == br->in_len ? written + sizeof(status) : written);
	rcu_read_unlock();
}

static enum virtback_prepare blk_answer(struct virtback_req *req, u8 status, u32 written)
{
	virtback_blk_finish(req, status, written);
	return VIRTBACK_DONE;
}

/*
 * The driver sees a read-only or too small disk in its configuration, so a
 * request that ignores this is its error and must not reach the disk: the block
 * layer only warns about a write to a read-only device, and one past the end
 * would be cut short.
 */
static bool blk_range_ok(const struct virtback_blk *blk, u64 sector, u64 bytes)
{
	u64 sectors = bytes >> SECTOR_SHIFT;
	/* Once; pairs with blk_set_capacity(). */
	u64 capacity = READ_ONCE(blk->capacity);

	/* Nearly free, and sooner than the next look. */
	if (unlikely(capacity != blk->backing->ops->capacity(blk->backing)))
		virtback_blk_look_soon();
	if (bytes & (SECTOR_SIZE - 1) || bytes & blk->block_mask)
		return false;
	if (sector & (blk->block_mask >> SECTOR_SHIFT))
		return false;
	/* In this order nothing can overflow. */
	return sectors <= capacity && sector <= capacity - sectors;
}

/* May change while we run: the administrator can switch a disk's cache. */
static bool blk_has_cache(const struct virtback_blk *blk)
{
	return blk->backing->ops->has_cache(blk->backing);
}

static enum virtback_prepare blk_rw(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_blk *blk = virtback_blk_of(req);
	bool write = op_is_write(br->opf);

	/* The used ring could not say how much of more than this was read. */
	if (data->left >= U32_MAX || !blk_range_ok(blk, br->sector, data->left))
		return blk_answer(req, VIRTIO_BLK_S_IOERR, 0);
	if (write && !blk->backing->write)
		return blk_answer(req, VIRTIO_BLK_S_IOERR, 0);
	if (!data->left)
		return blk_answer(req, VIRTIO_BLK_S_OK, 0);

	br->total = data->left;
	/*
	 * A driver that did not accept FLUSH takes a completed write for a
	 * durable one. Looked at for each request, since the administrator may
	 * switch the cache of the backing device on at any time.
	 */
	if (write && blk_has_cache(blk) &&
	    !(req->vq->vd->features & BIT_ULL(VIRTIO_BLK_F_FLUSH)))
		br->opf |= REQ_FUA;
	return virtback_blk_first_pass(req, data);
}

static enum virtback_prepare blk_flush(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk *blk = virtback_blk_of(req);

	/* Every completed write is durable already, or there was none. */
	if (!blk->backing->write || !blk_has_cache(blk))
		return blk_answer(req, VIRTIO_BLK_S_OK, 0);
	return VIRTBACK_SUBMIT;
}

static enum virtback_prepare blk_get_id(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk *blk = virtback_blk_of(req);
	u32 len = min_t(u64, data->left, sizeof(blk->id));

	if (virtback_iter_write(req->vq, data, blk->id, len))
		return blk_answer(req, VIRTIO_BLK_S_IOERR, 0);
	return blk_answer(req, VIRTIO_BLK_S_OK, len);
}

static enum virtback_prepare blk_unsupp(struct virtback_req *req, struct virtback_iter *data)
{
	return blk_answer(req, VIRTIO_BLK_S_UNSUPP, 0);
}

/* A placeholder's driver should not be there, but it gets its answers. */
static enum virtback_prepare blk_no_disk(struct virtback_req *req, struct virtback_iter *data)
{
	return blk_answer(req, VIRTIO_BLK_S_IOERR, 0);
}

/* Choose what to do and where the data is: true when the driver is to write it. */
static bool blk_parse(struct virtback_blk_req *br, const struct virtio_blk_outhdr *hdr)
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
	default:
		br->execute = blk_unsupp;
		return false;
	}
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

	if (chain->out.left < sizeof(hdr) || !chain->in.left) {
		virtback_guest_err(vq->vd, "request without a whole header or a status byte\n");
		return VIRTBACK_BROKEN;
	}
	/* Copied once: what the driver does to it afterwards changes nothing. */
	if (virtback_iter_read(vq, &chain->out, &hdr, sizeof(hdr)))
		return VIRTBACK_BROKEN;

	virtback_iter_skip(&status, status.left - 1);
	err = virtback_req_pin(req, &req->status, &status, 1, true);
	if (err)
		return virtback_blk_result(err);

	br->total = 0;
	br->done = 0;
	br->len = 0;
	br->nr_vecs = 0;
	INIT_LIST_HEAD(&br->pages);
	br->in_len = chain->in.left - 1;
	data = blk_parse(br, &hdr) ? &chain->in : &chain->out;
	if (data == &chain->in)
		data->left--;	/* the status byte is none of the data */

	if (!virtback_blk_of(req)->backing)
		br->execute = blk_no_disk;
	ret = br->execute(req, data);
	if (ret == VIRTBACK_STALL || ret == VIRTBACK_BROKEN)
		virtback_req_unpin(req, &req->status);
	return ret;
}

/*
 * FLUSH is offered only where there is a volatile cache: on a plain device each
 * flush would cost the guest a trap and an interrupt for nothing. Should the
 * cache be switched on later, writes are FUA (see blk_rw()), so that a driver
 * that was told nothing of a cache loses nothing.
 */
static u64 blk_features(const struct virtback_blk *blk)
{
	u64 features = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |
		       BIT_ULL(VIRTIO_BLK_F_TOPOLOGY);

	if (!blk->backing->write)
		features |= BIT_ULL(VIRTIO_BLK_F_RO);
	else if (blk_has_cache(blk))
		features |= BIT_ULL(VIRTIO_BLK_F_FLUSH);
	if (blk->vd->nvqs > 1)
		features |= BIT_ULL(VIRTIO_BLK_F_MQ);
	return features;
}

static int blk_refuse_off(const struct virtback_blk *blk, const char *name, const char *why)
{
	pr_err("%s: features_off: %s cannot be withheld: %s\n", blk->vd->name, name, why);
	return -EINVAL;
}

/* What a driver has to know, or none of its requests would succeed. */
static int blk_check_off(const struct virtback_blk *blk)
{
	u64 off = blk->vd->features_off;

	if (off & BIT_ULL(VIRTIO_BLK_F_RO) && !blk->backing->write)
		return blk_refuse_off(blk, "ro", "the disk is read-only");
	if (off & BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) && blk->block_mask >= SECTOR_SIZE)
		return blk_refuse_off(blk, "blk_size", "the disk's blocks are not 512 bytes");
	if (off & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) &&
	    blk->vd->vqs[0].num_max < VIRTBACK_CHAIN_MIN)
		return blk_refuse_off(blk, "indirect_desc",
				      "requests have more descriptors than queue_size");
	return 0;
}

#define BLK_FIELDS(feature, first, last) {				\
	BIT_ULL(VIRTIO_BLK_F_##feature),				\
	offsetof(struct virtio_blk_config, first),			\
	offsetofend(struct virtio_blk_config, last),			\
}

/* Which fields of configuration space mean something with which feature. */
static const struct {
	u64 feature;
	size_t begin;
	size_t end;
} blk_fields[] = {
	BLK_FIELDS(SEG_MAX, seg_max, seg_max),
	BLK_FIELDS(BLK_SIZE, blk_size, blk_size),
	BLK_FIELDS(TOPOLOGY, physical_block_exp, opt_io_size),
	BLK_FIELDS(MQ, num_queues, num_queues),
};

/* Fields of features that are not offered read as zero. */
static void blk_clear_fields(struct virtio_blk_config *c, u64 offered)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(blk_fields); i++) {
		if (!(offered & blk_fields[i].feature))
			memset((u8 *)c + blk_fields[i].begin, 0,
			       blk_fields[i].end - blk_fields[i].begin);
	}
}

static void blk_fill_config(struct virtback_blk *blk)
{
	struct virtio_blk_config *c = &blk->config;
	struct virtback_blk_limits lim = {};
	u32 bs;

	blk->backing->ops->limits(blk->backing, &lim);
	bs = lim.block_size;
	blk->capacity = blk->backing->ops->capacity(blk->backing);
	blk->block_mask = bs - 1;
	blk->mem_mask = lim.mem_mask;
	/* The guest may write to its buffers at any time. */
	blk->direct = blk->vd->dma == VIRTBACK_DMA_DIRECT && !lim.stable;
	c->capacity = vb64(blk->capacity);
	/* Two of a chain are header and status. */
	c->seg_max = vb32(blk->vd->vqs[0].chain_max - 2);
	c->blk_size = vb32(bs);
	/* Topology counts in logical blocks. */
	c->physical_block_exp = ilog2(lim.physical_block_size / bs);
	c->alignment_offset = min_t(u32, lim.alignment_offset / bs, U8_MAX);
	c->min_io_size = vb16(min_t(u32, lim.io_min / bs, U16_MAX));
	c->opt_io_size = vb32(lim.io_opt / bs);
	c->num_queues = vb16(blk->vd->nvqs);
}

/**
 * virtback_blk_describe() - fill in what the driver is told of a disk
 * @blk: disk with something behind it
 * @features: set to the features of the type to offer
 *
 * Called with vd->lock held, or when nobody knows the disk yet. May sleep.
 *
 * Return: 0, or -EINVAL after one line in the log when features_off= withholds what
 * the disk cannot do without.
 */
int virtback_blk_describe(struct virtback_blk *blk, u64 *features)
{
	int err;

	blk_fill_config(blk);
	err = blk_check_off(blk);
	*features = blk_features(blk);
	blk_clear_fields(&blk->config, *features & ~blk->vd->features_off);
	return err;
}

static int blk_create(struct virtback_device *vd, const struct virtback_config *cfg)
{
	const char *serial = cfg->serial[0] ? cfg->serial : vd->name;
	struct virtback_blk *blk;
	int err;

	blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	if (!blk)
		return -ENOMEM;
	blk->vd = vd;
	memcpy(blk->id, serial, strnlen(serial, sizeof(blk->id)));
	err = virtback_blk_open(blk, cfg);
	if (err) {
		kfree(blk);
		return err;
	}

	vd->type_priv = blk;
	vd->config = &blk->config;
	/* What follows num_queues belongs to features that are not offered. */
	vd->config_len = offsetofend(struct virtio_blk_config, num_queues);
	return 0;
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
	.create = blk_create,
	.destroy = blk_destroy,
	.prepare = blk_prepare,
	.resume = virtback_blk_next_pass,
	.submit = virtback_blk_submit,
	.set_backing = virtback_blk_set_backing,
	.check_size = virtback_blk_check_size,
};
