// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that name ranges of the disk instead of bringing data: DISCARD,
 * WRITE_ZEROES and SECURE_ERASE (VIRTIO 1.2 sections 5.2.6 and 5.2.6.2).
 *
 * The segments are copied from the guest once, to a page of the queue's pool, and
 * all of them are checked before the first is served. Then each is a pass of its
 * own, one after the other: between two of them the request may become an orphan,
 * and then the rest does not happen. A segment is no longer than the backing store
 * takes at once, since the driver was told that limit. A request that holds its
 * page never waits for another, so the page comes back whatever the pool is like.
 */
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/mm.h>

#include "blk.h"

/* Segments of a request; no stock driver has a use for more. */
#define BLK_RANGES	256

static_assert(BLK_RANGES * sizeof(struct virtio_blk_discard_write_zeroes) <= PAGE_SIZE);

#define BLK_UNMAP	VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP

static struct virtio_blk_discard_write_zeroes *range_at(const struct virtback_blk_req *br,
							unsigned int i)
{
	return (struct virtio_blk_discard_write_zeroes *)page_address(br->ranges) + i;
}

static bool range_negotiated(const struct virtback_req *req, blk_opf_t op)
{
	u64 features = req->vq->vd->features;

	switch (op) {
	case REQ_OP_DISCARD:
		return features & BIT_ULL(VIRTIO_BLK_F_DISCARD);
	case REQ_OP_WRITE_ZEROES:
		return features & BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
	default:
		return features & BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE);
	}
}

static u32 range_max(const struct virtback_blk *blk, blk_opf_t op)
{
	switch (op) {
	case REQ_OP_DISCARD:
		return blk->max_discard;
	case REQ_OP_WRITE_ZEROES:
		return blk->max_write_zeroes;
	default:
		return blk->max_secure_erase;
	}
}

/*
 * Flags come before all else: one that is not known, in any segment, makes the
 * request unsupported whatever else is wrong with it.
 */
static bool range_flags_ok(const struct virtback_blk_req *br)
{
	u32 known = br->opf == REQ_OP_WRITE_ZEROES ? BLK_UNMAP : 0;
	unsigned int i;

	for (i = 0; i < br->nr_ranges; i++) {
		if (le32_to_cpu(range_at(br, i)->flags) & ~known)
			return false;
	}
	return true;
}

static bool range_places_ok(const struct virtback_blk *blk, const struct virtback_blk_req *br)
{
	u32 max = range_max(blk, br->opf);
	unsigned int i;

	for (i = 0; i < br->nr_ranges; i++) {
		const struct virtio_blk_discard_write_zeroes *r = range_at(br, i);
		u32 sectors = le32_to_cpu(r->num_sectors);

		if (sectors > max ||
		    !virtback_blk_range_ok(blk, le64_to_cpu(r->sector),
					   (u64)sectors << SECTOR_SHIFT))
			return false;
	}
	return true;
}

/* The next segment becomes the next pass. Empty ones are done already. */
static bool range_load(struct virtback_blk_req *br)
{
	while (br->next_range < br->nr_ranges) {
		const struct virtio_blk_discard_write_zeroes *r = range_at(br, br->next_range++);

		br->sector = le64_to_cpu(r->sector);
		br->len = le32_to_cpu(r->num_sectors) << SECTOR_SHIFT;
		br->opf &= REQ_OP_MASK;
		if (br->opf == REQ_OP_WRITE_ZEROES && !(le32_to_cpu(r->flags) & BLK_UNMAP))
			br->opf |= REQ_NOUNMAP;
		if (br->len)
			return true;
	}
	return false;
}

/**
 * virtback_range_next() - a pass over a segment, or the flush after them, went well
 * @req: live request with segments
 *
 * What was zeroed or erased is on stable storage where a write would be. Only a
 * write can be FUA, so there a flush follows. A discard promises nothing about the
 * contents that could be lost. Any context.
 *
 * Return: true when the next pass is ready for submit(), false when all is done.
 */
bool virtback_range_next(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	if (range_load(br))
		return true;
	if ((br->opf & REQ_OP_MASK) == REQ_OP_DISCARD || br->opf & REQ_PREFLUSH ||
	    !virtback_blk_write_through(req))
		return false;
	br->opf = REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH;
	br->sector = 0;
	br->len = 0;
	return true;
}

static enum virtback_prepare range_answer(struct virtback_req *req, u8 status)
{
	return virtback_blk_finish(req, status, 0);
}

/**
 * virtback_range_prepare() - check a request of segments and make its first pass ready
 * @req: request; its operation is in opf
 * @data: its segments
 *
 * What is wrong is answered: UNSUPP for what was not negotiated and for unknown
 * flags, IOERR for the rest. Context of prepare().
 *
 * Return: what prepare() returns.
 */
enum virtback_prepare virtback_range_prepare(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	const struct virtback_blk *blk = virtback_blk_of(req);
	const size_t size = sizeof(struct virtio_blk_discard_write_zeroes);
	u32 len = data->left;

	if (!blk->backing->write)
		return range_answer(req, VIRTIO_BLK_S_IOERR);
	if (!range_negotiated(req, br->opf))
		return range_answer(req, VIRTIO_BLK_S_UNSUPP);
	if (!data->left || data->left % size || data->left > BLK_RANGES * size)
		return range_answer(req, VIRTIO_BLK_S_IOERR);

	br->ranges = virtback_pool_get(&req->vq->pages);
	if (!br->ranges)
		return VIRTBACK_STALL;
	br->nr_ranges = len / size;
	br->next_range = 0;
	if (virtback_iter_read(req->vq, data, page_address(br->ranges), len))
		return range_answer(req, VIRTIO_BLK_S_IOERR);
	if (!range_flags_ok(br))
		return range_answer(req, VIRTIO_BLK_S_UNSUPP);
	if (!range_places_ok(blk, br))
		return range_answer(req, VIRTIO_BLK_S_IOERR);
	/* All of them empty: nothing is written that would have to be durable. */
	if (!range_load(br))
		return range_answer(req, VIRTIO_BLK_S_OK);
	return VIRTBACK_SUBMIT;
}

/* What a driver is told of a limit: 512-byte sectors, in steps of @step of them. */
static u32 range_limit(u32 bytes, u32 step)
{
	u32 sectors = bytes >> SECTOR_SHIFT;

	return sectors < step ? sectors : rounddown(sectors, step);
}

/**
 * virtback_range_features() - what a disk offers of this, and its configuration
 * @blk: writable disk; its limits and fields of the configuration are filled in
 * @lim: what its backing store is like
 *
 * Zeroing is offered where the store does it without data. Where it does not, the
 * driver's own zeroes cost the same, and can be seen in its statistics.
 * May sleep.
 *
 * Return: feature bits.
 */
u64 virtback_range_features(struct virtback_blk *blk, const struct virtback_blk_limits *lim)
{
	u32 block = lim->block_size >> SECTOR_SHIFT;
	u32 step = max(lim->discard_granularity, lim->block_size) >> SECTOR_SHIFT;
	struct virtio_blk_config *c = &blk->config;
	u64 features = 0;

	blk->max_discard = range_limit(lim->max_discard, step);
	blk->max_write_zeroes = range_limit(lim->max_write_zeroes, block);
	blk->max_secure_erase = range_limit(lim->max_secure_erase, step);
	if (blk->max_discard) {
		features |= BIT_ULL(VIRTIO_BLK_F_DISCARD);
		c->max_discard_sectors = vb32(blk->max_discard);
		c->max_discard_seg = vb32(BLK_RANGES);
		c->discard_sector_alignment = vb32(step);
	}
	if (blk->max_write_zeroes) {
		features |= BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
		c->max_write_zeroes_sectors = vb32(blk->max_write_zeroes);
		c->max_write_zeroes_seg = vb32(BLK_RANGES);
		c->write_zeroes_may_unmap = lim->zeroes_may_unmap;
	}
	if (blk->max_secure_erase) {
		features |= BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE);
		c->max_secure_erase_sectors = vb32(blk->max_secure_erase);
		c->max_secure_erase_seg = vb32(BLK_RANGES);
		c->secure_erase_sector_alignment = vb32(step);
	}
	return features;
}
