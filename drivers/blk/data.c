// SPDX-License-Identifier: GPL-2.0
/*
 * How the data of a request gets to the backing store and back.
 *
 * A request is served in passes of at most VIRTBACK_ROUND_PAGES pages.
 *
 * dma=bounce: the data goes through bounce pages of the queue. The guest's memory
 * is never given to a driver of this kernel, which might do DMA to an address that
 * is none (foreign memory) or read pages again after it said that it was done. So
 * a reset need not wait for the disk: nothing on its way refers to guest memory.
 *
 * dma=direct: the backing store accesses the guest's memory, on the word of the
 * administrator. Passes whose buffers it could not access (alignment, too many
 * parts) or that must not change meanwhile go through bounce pages as well.
 *
 * A device that copies, and whose host can map for a pass (vd->borrow_min): from that
 * length on as with dma=direct; what is shorter, or cannot be mapped, is copied.
 *
 *	first_pass()/next_pass()  worker: take pages, copy or pin the guest's side
 *	submit()		  worker: the backing store starts each pass
 *	pass_done()		  any context: copy to the guest, finish or go on;
 *				  of a device that copies next_pass() does that
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>

#include "blk.h"

#include <trace/events/virtback_blk.h>

#define BLK_PASS_BYTES	((u32)VIRTBACK_ROUND_PAGES << PAGE_SHIFT)

/*
 * Requests whose tags are taken at once. The block layer keeps its map of tags in words,
 * of 16 for a disk that has 64 tags, and finds so many in one of them or gives up.
 */
#define BLK_TAGS	8U

/* Most data that is copied before the header has said what it is for. */
#define BLK_AHEAD_BYTES	SZ_64K

/* Most data of a pass that is copied together with that of others. */
#define BLK_TOGETHER	SZ_64K

/* The guest's own memory, a page at a time: pieces may lie anywhere. */
static void blk_next_of_piece(struct virtback_req *req, struct virtback_blk_pos *pos,
			      struct bio_vec *bv)
{
	void *va;

	if (!pos->piece) {
		pos->piece = req->data.head;
	} else if (pos->off == pos->piece->len) {
		pos->piece = pos->piece->next;
		pos->off = 0;
	}
	va = pos->piece->va + pos->off;
	bvec_set_page(bv, virt_to_page(va), min_t(u32, pos->piece->len - pos->off,
						  PAGE_SIZE - offset_in_page(va)),
		      offset_in_page(va));
	pos->off += bv->bv_len;
	pos->done += bv->bv_len;
}

/**
 * virtback_blk_next_bvec() - the next part of a pass's data
 * @req: request that is being submitted
 * @pos: all zero at the start of a pass
 * @bv: filled; at most one page
 *
 * Any context.
 *
 * Return: false when there is no more.
 */
bool virtback_blk_next_bvec(struct virtback_req *req, struct virtback_blk_pos *pos,
			    struct bio_vec *bv)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	if (pos->done == br->len)
		return false;
	if (req->dma) {
		blk_next_of_piece(req, pos, bv);
		return true;
	}
	pos->page = pos->page ? list_next_entry(pos->page, lru) :
				list_first_entry(&br->pages, struct page, lru);
	bvec_set_page(bv, pos->page, min_t(u32, br->len - pos->done, PAGE_SIZE), 0);
	pos->done += bv->bv_len;
	return true;
}

static bool blk_get_pages(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	br->nr_vecs = DIV_ROUND_UP(br->len, PAGE_SIZE);
	return virtback_pool_get_pages(&req->vq->pages, &br->pages, br->nr_vecs);
}

static void blk_put_pages(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	virtback_pool_put_pages(&req->vq->pages, &br->pages);
}

/* Name the copies of what a pass writes, if the host makes them: driver to bounce pages. */
static int blk_name_in(struct virtback_req *req, struct virtback_copier *c,
		       struct virtback_iter *it)
{
	struct virtback_blk_pos pos = {};
	struct bio_vec bv;
	int err = 0;

	while (!err && virtback_blk_next_bvec(req, &pos, &bv))
		err = virtback_copier_iter(c, it, bvec_virt(&bv), bv.bv_len, false);
	return err;
}

static noinline int blk_bounce_in(struct virtback_req *req, struct virtback_iter *it)
{
	struct virtback_copier c;
	int err;

	virtback_copier_init(&c, req->vq);
	err = blk_name_in(req, &c, it);
	return err ?: virtback_copier_flush(&c);
}

/* Name the copies of what a pass read: bounce pages to the driver. */
static int blk_name_out(struct virtback_req *req, struct virtback_copier *c)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_piece *p = req->data.head;
	u32 off = 0, left = br->len;
	struct page *page;
	int err;

	list_for_each_entry(page, &br->pages, lru) {
		u32 len = min_t(u32, left, PAGE_SIZE);
		void *from = page_address(page);

		left -= len;
		while (len && p) {
			u32 n = min(p->len - off, len);

			err = virtback_copier_piece(c, p, off, from, n, true);
			if (err)
				return err;
			from += n;
			len -= n;
			off += n;
			if (off == p->len) {
				p = p->next;
				off = 0;
			}
		}
	}
	return 0;
}

/* Is the pass that has ended the last one? Not of a request with ranges. */
static bool blk_is_last(const struct virtback_blk_req *br)
{
	return br->done + br->len == br->total;
}

/*
 * Name the copy of the status byte of a request that ends well with this pass; it is
 * written once more if not all is copied.
 */
static int blk_name_ok(struct virtback_req *req, struct virtback_copier *c)
{
	const struct virtback_piece *p = req->status.head;

	return virtback_copier_piece(c, p, p->len - 1, &virtback_blk_of(req)->ok, 1, true);
}

/* As blk_copy_out(), of any number of parts. */
static noinline int blk_copy_out_parts(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	bool tell = req->vq->vd->copies && blk_is_last(br);
	struct virtback_copier c;
	int err;

	virtback_copier_init(&c, req->vq);
	err = blk_name_out(req, &c);
	if (!err && tell)
		err = blk_name_ok(req, &c);
	if (!err)
		err = virtback_copier_flush(&c);
	if (!err)
		br->told = tell;
	return err;
}

/*
 * Bounce pages to the driver, for a read. The status byte of its last pass goes with them,
 * where one call can copy both. Under RCU or in the worker; it is live.
 */
static int blk_copy_out(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	const struct virtback_piece *p = req->data.head;

	/* One piece within reach and one page: most of all requests. */
	if (p && p->va && p->len == br->len && br->len <= PAGE_SIZE) {
		memcpy(p->va, page_address(list_first_entry(&br->pages, struct page, lru)),
		       br->len);
		return 0;
	}
	return blk_copy_out_parts(req);
}

/* Is what the pass has for the driver copied together with that of others? */
static bool blk_is_together(const struct virtback_blk_req *br)
{
	return br->ended && br->status == VIRTIO_BLK_S_OK && !br->ranges && br->len <= BLK_TOGETHER;
}

/**
 * virtback_blk_store() - see &virtback_type_ops.store
 * @req: request given to virtback_req_resume()
 * @c: copier
 * @last: the status byte, not the data
 *
 * Of short passes that went well; the others make their own copies.
 *
 * Return: 0 or -EFAULT.
 */
int virtback_blk_store(struct virtback_req *req, struct virtback_copier *c, bool last)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	if (!blk_is_together(br))
		return 0;
	if (last)
		return blk_is_last(br) ? blk_name_ok(req, c) : 0;
	return op_is_write(br->opf) || list_empty(&br->pages) ? 0 : blk_name_out(req, c);
}

/* Shall the host map a pass of @len bytes for the store? */
static bool blk_want_borrow(struct virtback_req *req, u32 len)
{
	const struct virtback_blk *blk = virtback_blk_of(req);
	u32 min = req->vq->vd->borrow_min;

	return min && len >= min && !blk->stable;
}

/* Of a device that copies: is what it may read after the header the data of a write? */
static bool blk_want_ahead(struct virtback_req *req, u64 len)
{
	const struct virtback_blk *blk = virtback_blk_of(req);

	if (!blk->backing || !blk->backing->write || blk->zones)
		return false;
	return len && len <= BLK_AHEAD_BYTES && !(len & blk->block_mask) &&
	       !blk_want_borrow(req, len);
}

/**
 * virtback_blk_fetch() - name the copies of a request's header
 * @req: request whose type's part is initialised, of a device that copies
 * @it: what the device reads, at least the header
 * @hdr: receives the header
 * @c: copier
 *
 * Return: 0 or -EFAULT.
 */
int virtback_blk_fetch(struct virtback_req *req, const struct virtback_iter *it, void *hdr,
		       struct virtback_copier *c)
{
	struct virtback_iter pos = *it;

	return virtback_copier_iter(c, &pos, hdr, sizeof(struct virtio_blk_outhdr), false);
}

/**
 * virtback_blk_fetch_data() - name the copies of a short write's data
 * @req: request, as above
 * @it: as above
 * @c: copier
 *
 * Before the header was looked at, since a call that copies both costs little more. If the
 * data cannot be had that is found out when it is wanted.
 *
 * Return: 0 or -EFAULT.
 */
int virtback_blk_fetch_data(struct virtback_req *req, const struct virtback_iter *it,
			    struct virtback_copier *c)
{
	u64 len = it->left - sizeof(struct virtio_blk_outhdr);
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_iter pos = *it;

	if (!blk_want_ahead(req, len))
		return 0;
	br->len = len;
	br->ahead = blk_get_pages(req);
	if (br->ahead) {
		virtback_iter_skip(&pos, sizeof(struct virtio_blk_outhdr));
		return blk_name_in(req, c, &pos);
	}
	/* What has no data is submitted as it is. */
	br->len = 0;
	br->nr_vecs = 0;
	return 0;
}

/* The same for a request alone. */
static int blk_fetch_alone(struct virtback_req *req, const struct virtback_iter *it,
			   struct virtio_blk_outhdr *hdr)
{
	struct virtback_copier c;
	int err;

	virtback_copier_init(&c, req->vq);
	err = virtback_blk_fetch(req, it, hdr, &c);
	if (!err)
		err = virtback_blk_fetch_data(req, it, &c);
	return err ?: virtback_copier_flush(&c);
}

/**
 * virtback_blk_read_header() - copy the header of a request
 * @req: request being prepared, its type's part initialised
 * @it: what the device reads, at least the header; passes it
 * @hdr: receives the header
 *
 * Return: 0 or -EFAULT.
 */
int virtback_blk_read_header(struct virtback_req *req, struct virtback_iter *it,
			     struct virtio_blk_outhdr *hdr)
{
	struct virtback_vq *vq = req->vq;

	if (!vq->vd->copies)
		return virtback_iter_read(vq, it, hdr, sizeof(*hdr));
	if (req->head && req->fetched) {
		memcpy(hdr, req->head, sizeof(*hdr));
	} else {
		virtback_blk_drop_ahead(req);
		if (blk_fetch_alone(req, it, hdr)) {
			virtback_blk_drop_ahead(req);
			return virtback_iter_read(vq, it, hdr, sizeof(*hdr));
		}
	}
	virtback_iter_skip(it, sizeof(*hdr));
	return 0;
}

/**
 * virtback_blk_put_ahead() - give back the data that came with the header
 * @req: request with some
 *
 * Any context.
 */
void virtback_blk_put_ahead(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	br->ahead = false;
	br->len = 0;
	br->nr_vecs = 0;
	blk_put_pages(req);
}

/* Can the store access these buffers, and with one bio? */
static bool blk_pieces_fit(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	u32 mask = virtback_blk_of(req)->mem_mask;
	const struct virtback_piece *p;

	br->nr_vecs = 0;
	for (p = req->data.head; p; p = p->next) {
		if (((unsigned long)p->va | p->len) & mask)
			return false;
		br->nr_vecs += PFN_UP(offset_in_page(p->va) + p->len);
	}
	return br->nr_vecs <= VIRTBACK_ROUND_PAGES;
}

/* As blk_load(), without a copy. -EINVAL when that is not possible. */
static int blk_load_direct(struct virtback_req *req, struct virtback_iter *it)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_iter begin = *it;
	int err;

	err = virtback_req_pin(req, &req->data, it, br->len, !op_is_write(br->opf));
	if (!err && !blk_pieces_fit(req))
		err = -EINVAL;
	if (err) {
		virtback_req_unpin(req, &req->data);
		*it = begin;
		return err;
	}
	req->dma = true;
	virtback_add_once(req->vq->stats.direct, br->len);
	return 0;
}

/* As blk_load(), of pages that the host maps; in blk_pieces_fit()'s limits. */
static int blk_load_borrowed(struct virtback_req *req, struct virtback_iter *it)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	const struct virtback_piece *p;
	int err;

	err = virtback_req_borrow(req, it, br->len, virtback_blk_of(req)->mem_mask,
				  !op_is_write(br->opf));
	if (err)
		return err;
	br->nr_vecs = 0;
	for (p = req->data.head; p; p = p->next)
		br->nr_vecs++;
	virtback_add_once(req->vq->stats.direct, br->len);
	return 0;
}

/*
 * A report of zones is made by this kernel; and of an append the pins are in use for
 * its answer, and its parts must not be more than the store takes in one request.
 */
static bool blk_must_bounce(const struct virtback_blk_req *br)
{
	return br->start || (br->opf & REQ_OP_MASK) == REQ_OP_ZONE_APPEND;
}

/*
 * Make the next pass ready: all that it needs or nothing. @it moves on only when
 * this succeeds, so that a stalled pass can be tried again from the same place.
 */
static int blk_load(struct virtback_req *req, struct virtback_iter *it)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_iter begin = *it;
	int err;

	br->len = min_t(u32, br->total - br->done, BLK_PASS_BYTES);
	if (virtback_blk_of(req)->direct && !blk_must_bounce(br)) {
		err = blk_load_direct(req, it);
		if (err != -EINVAL)
			return err;
	}
	/* Whatever is in the way, to copy needs nothing of it. */
	if (blk_want_borrow(req, br->len) && !blk_must_bounce(br) &&
	    !blk_load_borrowed(req, it))
		return 0;
	if (br->ahead) {
		br->ahead = false;
		virtback_iter_skip(it, br->len);
		virtback_add_once(req->vq->stats.bounced, br->len);
		return 0;
	}
	if (!blk_get_pages(req))
		return -ENOSPC;
	if (op_is_write(br->opf))
		err = blk_bounce_in(req, it);
	else
		err = virtback_req_pin(req, &req->data, it, br->len, true);
	if (err) {
		virtback_req_unpin(req, &req->data);
		blk_put_pages(req);
		*it = begin;
		return err;
	}
	virtback_add_once(req->vq->stats.bounced, br->len);
	return 0;
}

/**
 * virtback_blk_first_pass() - make the first pass of a read or write ready
 * @req: request, parsed and found valid
 * @data: its data buffers
 *
 * Return: what prepare() returns.
 */
enum virtback_prepare virtback_blk_first_pass(struct virtback_req *req,
					      const struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	int err = 0;

	br->it = *data;
	if (br->total > BLK_PASS_BYTES)
		err = virtback_req_keep(req, &br->it);
	if (!err) {
		err = blk_load(req, &br->it);
		if (err)
			virtback_req_unkeep(req);
	}
	if (!err)
		return VIRTBACK_SUBMIT;
	if (err == -ENOSPC)
		return VIRTBACK_STALL;
	/* Header and status byte are good, so it can be told. */
	return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
}

/* What the backing store did, with the operation and length of the pass. */
static void blk_count_pass(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	enum virtback_blk_counter i;

	switch (br->opf & REQ_OP_MASK) {
	case REQ_OP_READ:
		/*
		 * A report of zones is none of the disk's data, nor is what an append says
		 * (which is less than a sector; its data has been counted).
		 */
		if (br->start)
			return;
		i = BLK_SECTORS_READ;
		break;
	case REQ_OP_WRITE:
		if (br->opf & REQ_PREFLUSH) {
			virtback_vq_count(req->vq, BLK_FLUSHES, 1);
			return;
		}
		i = BLK_SECTORS_WRITTEN;
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		i = BLK_SECTORS_DISCARDED;
		break;
	case REQ_OP_WRITE_ZEROES:
		i = BLK_SECTORS_ZEROED;
		break;
	default:
		return;
	}
	virtback_vq_count(req->vq, i, br->len >> SECTOR_SHIFT);
}

/*
 * The driver's side of a pass that has ended: under RCU, or in the worker. @stored: what it
 * has for the driver was copied. True when the request is live and has another pass.
 */
static bool blk_pass_end(struct virtback_req *req, u8 *status, bool stored)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	bool more = false;

	if (*status == VIRTIO_BLK_S_OK)
		blk_count_pass(req);
	else
		br->failed = true;
	if (*status != VIRTIO_BLK_S_OK || !virtback_req_live(req)) {
		;	/* no more of it */
	} else if (br->ranges) {
		more = virtback_range_next(req);
	} else if (!stored && !op_is_write(br->opf) && !list_empty(&br->pages) &&
		   blk_copy_out(req)) {
		*status = VIRTIO_BLK_S_IOERR;
	} else {
		br->done += br->len;
		more = br->done < br->total;
	}
	/* Before the completion, which may hand the pages' stock to a waiter. */
	blk_put_pages(req);
	return more;
}

static enum virtback_prepare blk_end(struct virtback_req *req, u8 status)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	return virtback_blk_finish(req, status, op_is_write(br->opf) ? 0 : br->done);
}

/**
 * virtback_blk_next_pass() - go on with a request
 * @req: request given to virtback_req_resume(): its last pass went well, or, of a
 *	 device that copies, has ended and what it read is still to be copied
 *
 * When a part of the request is done it is answered whatever its buffers are.
 *
 * Return: what resume() returns.
 */
enum virtback_prepare virtback_blk_next_pass(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	enum virtback_prepare ret;
	bool more, stored;

	if (br->ended) {
		stored = req->stored && blk_is_together(br);
		if (stored)
			br->told = blk_is_last(br);
		br->ended = false;
		more = blk_pass_end(req, &br->status, stored);
		virtback_req_unpin(req, &req->data);
		if (!more)
			return blk_end(req, br->status);
	}
	/* virtback_range_next() has made it ready, it needs nothing more. */
	if (br->ranges)
		return VIRTBACK_SUBMIT;
	ret = virtback_blk_result(blk_load(req, &br->it));
	if (ret != VIRTBACK_BROKEN)
		return ret;
	return blk_end(req, VIRTIO_BLK_S_IOERR);
}

/**
 * virtback_blk_pass_done() - a pass has ended
 * @req: request given to &virtback_backing_ops.submit
 * @status: VIRTIO_BLK_S_* of the pass
 *
 * Any context. The request is not the caller's any more.
 */
void virtback_blk_pass_done(struct virtback_req *req, u8 status)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	if (req->vq->vd->copies) {
		/* To copy may sleep, so the worker goes on, or submit() with an orphan. */
		br->status = status;
		br->ended = true;
		virtback_req_resume(req);
		return;
	}
	/* Pairs with synchronize_rcu_expedited() in virtback_vq_stop(). */
	rcu_read_lock();
	if (blk_pass_end(req, &status, false))
		virtback_req_resume(req);
	else
		blk_end(req, status);
	rcu_read_unlock();
}

/**
 * virtback_blk_submit() - start what prepare() or resume() made ready
 * @vq: the queue
 * @reqs: requests, linked by &virtback_req.batch; not a list any more afterwards
 *
 * A request that a reset orphaned meanwhile does not reach the disk: an old
 * write must not land after those of the next driver.
 */
void virtback_blk_submit(struct virtback_vq *vq, struct list_head *reqs)
{
	struct virtback_req *req, *next;
	struct blk_plug plug;
	unsigned int nr = 0, n = 0;

	list_for_each_entry(req, reqs, batch)
		nr++;
	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, reqs, batch) {
		/* Or nobody else would run before a whole batch was submitted. */
		if (virtback_turn_over(vq)) {
			blk_finish_plug(&plug);
			virtback_turn_end(vq);
			blk_start_plug(&plug);
			virtback_plug_expect(&plug, min(nr - n, BLK_TAGS));
		}
		if (n % BLK_TAGS == 0)
			virtback_plug_expect(&plug, min(nr - n, BLK_TAGS));
		n++;
		/*
		 * The request is no longer ours once it was submitted, and its link may
		 * be in another list: nobody looks back at it, so it stays in this one.
		 */
		if (virtback_req_live(req)) {
			struct virtback_backing *b = virtback_blk_of(req)->backing;
			struct virtback_blk_req *br = virtback_req_priv(req);

			trace_virtback_blk_submit(req);
			if (br->start)
				br->start(req);
			else
				b->ops->submit(b, req);
			continue;
		}
		/* The worker gives back what it borrowed; then it comes here once more. */
		if (req->borrowed) {
			virtback_req_resume(req);
			continue;
		}
		blk_put_pages(req);
		virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	}
	/* Here a disk whose driver answers at once (null_blk) ends all of them. */
	virtback_vq_collect(vq);
	blk_finish_plug(&plug);
	virtback_vq_publish(vq);
}
