// SPDX-License-Identifier: GPL-2.0
/*
 * The backing device of a disk, and how data gets there and back.
 *
 * A request is served in passes. A pass moves at most VIRTBACK_ROUND_PAGES
 * pages in one bio, through bounce pages of the queue: the guest's memory is
 * never given to a driver of this kernel, which might do DMA to an address that
 * is none (foreign memory) or read pages again after the bio ended. So a reset
 * need not wait for the disk: nothing on its way refers to guest memory.
 *
 *	first_pass()/next_pass()  worker: take pages, copy or pin the guest's side
 *	submit()		  worker: one bio a pass, all under one plug
 *	end_io()		  any context: copy to the guest, finish or go on
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <virtback/config.h>

#include "blk.h"

#define BLK_PASS_BYTES	((u32)VIRTBACK_ROUND_PAGES << PAGE_SHIFT)

/* One pass is one bio. */
static_assert(VIRTBACK_ROUND_PAGES <= BIO_MAX_VECS);

/* The pool holds pages by their struct. */
static void *blk_page_va(const struct virtback_blk_req *br, unsigned int i)
{
	return page_address(br->pages[i]);
}

static bool blk_get_pages(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	unsigned int n = DIV_ROUND_UP(br->len, PAGE_SIZE);

	if (!virtback_pool_get(&req->vq->pages, br->pages, n))
		return false;
	br->nr_pages = n;
	return true;
}

static void blk_put_pages(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	if (br->nr_pages)
		virtback_pool_put(&req->vq->pages, br->pages, br->nr_pages);
	br->nr_pages = 0;
}

/* Driver to bounce pages, for a write. */
static int blk_copy_in(struct virtback_req *req, struct virtback_iter *it)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	u32 left = br->len;
	unsigned int i;
	int err;

	for (i = 0; left; i++) {
		u32 n = min_t(u32, left, PAGE_SIZE);

		err = virtback_iter_read(req->vq, it, blk_page_va(br, i), n);
		if (err)
			return err;
		left -= n;
	}
	return 0;
}

/* Bounce pages to the driver, for a read. Under RCU, the request is live. */
static void blk_copy_out(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_piece *p;
	u32 pos = 0, off, n;

	for (p = req->data.head; p && pos < br->len; p = p->next) {
		for (off = 0; off < p->len && pos < br->len; off += n, pos += n) {
			u32 in_page = offset_in_page(pos);

			n = min3(p->len - off, br->len - pos, (u32)PAGE_SIZE - in_page);
			memcpy(p->va + off, blk_page_va(br, pos >> PAGE_SHIFT) + in_page, n);
		}
	}
}

/*
 * Make the next pass ready: all that it needs or nothing. @it moves on only when
 * this succeeds, so that a stalled pass can be tried again from the same place.
 */
static int blk_load(struct virtback_req *req, struct virtback_iter *it)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_iter pos = *it;
	int err;

	br->len = min_t(u32, br->total - br->done, BLK_PASS_BYTES);
	if (!blk_get_pages(req))
		return -ENOSPC;
	if (op_is_write(br->opf))
		err = blk_copy_in(req, &pos);
	else
		err = virtback_req_pin(req, &req->data, &pos, br->len, true);
	if (err) {
		virtback_req_unpin(req, &req->data);
		blk_put_pages(req);
		return err;
	}
	*it = pos;
	return 0;
}

/* Undo blk_load() when the request does not go to the disk after all. */
static void blk_unload(struct virtback_req *req)
{
	virtback_req_unpin(req, &req->data);
	blk_put_pages(req);
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
	struct virtback_iter it = *data;
	int err;

	err = blk_load(req, &it);
	if (err == -ENOSPC)
		return VIRTBACK_STALL;
	if (err) {
		/* Header and status byte are good, so it can be told. */
		virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
		return VIRTBACK_DONE;
	}
	if (br->len == br->total)
		return VIRTBACK_SUBMIT;

	/* The chain's storage serves the next chain as soon as this returns. */
	if (WARN_ON_ONCE(it.nr > ARRAY_SIZE(br->rest))) {
		blk_unload(req);
		virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
		return VIRTBACK_DONE;
	}
	memcpy(br->rest, it.sg, it.nr * sizeof(*it.sg));
	it.sg = br->rest;
	br->it = it;
	return VIRTBACK_SUBMIT;
}

/**
 * virtback_blk_next_pass() - make the next pass of a read or write ready
 * @req: request whose last pass went well, given to virtback_req_resume()
 *
 * A part of the request is done, so it is answered whatever its buffers are.
 *
 * Return: what resume() returns.
 */
enum virtback_prepare virtback_blk_next_pass(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	enum virtback_prepare ret;

	ret = virtback_blk_result(blk_load(req, &br->it));
	if (ret != VIRTBACK_BROKEN)
		return ret;
	virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, op_is_write(br->opf) ? 0 : br->done);
	return VIRTBACK_DONE;
}

static u8 blk_status(blk_status_t sts)
{
	switch (sts) {
	case BLK_STS_OK:
		return VIRTIO_BLK_S_OK;
	case BLK_STS_NOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

static void blk_end_io(struct bio *bio)
{
	struct virtback_req *req = bio->bi_private;
	struct virtback_blk_req *br = virtback_req_priv(req);
	u8 status = blk_status(bio->bi_status);
	bool read = !op_is_write(br->opf);
	bool more = false;

	bio_put(bio);

	/* Pairs with synchronize_rcu_expedited() in virtback_vq_stop(). */
	rcu_read_lock();
	if (status == VIRTIO_BLK_S_OK && virtback_req_live(req)) {
		if (read)
			blk_copy_out(req);
		br->done += br->len;
		more = br->done < br->total;
	}
	/* Before the completion, which may hand the pages' stock to a waiter. */
	blk_put_pages(req);
	if (more)
		virtback_req_resume(req);
	else
		virtback_blk_finish(req, status, read ? br->done : 0);
	rcu_read_unlock();
}

static void blk_submit_one(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_blk *blk = virtback_blk_of(req);
	u32 left = br->len;
	struct bio *bio;
	unsigned int i;

	bio = bio_alloc_bioset(blk->bdev, br->nr_pages, br->opf, GFP_NOIO, &blk->bios);
	bio->bi_iter.bi_sector = br->sector + (br->done >> SECTOR_SHIFT);
	bio->bi_private = req;
	bio->bi_end_io = blk_end_io;
	for (i = 0; i < br->nr_pages; i++) {
		u32 n = min_t(u32, left, PAGE_SIZE);

		__bio_add_page(bio, br->pages[i], n, 0);
		left -= n;
	}
	submit_bio(bio);
}

/**
 * virtback_blk_submit() - start what prepare() or resume() made ready
 * @vq: the queue
 * @reqs: requests, linked by &virtback_req.batch
 *
 * A request that a reset orphaned meanwhile does not reach the disk: an old
 * write must not land after those of the next driver.
 */
void virtback_blk_submit(struct virtback_vq *vq, struct list_head *reqs)
{
	struct virtback_req *req, *next;
	struct blk_plug plug;

	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, reqs, batch) {
		/* The request is no longer ours once it was submitted. */
		list_del_init(&req->batch);
		if (virtback_req_live(req)) {
			blk_submit_one(req);
			continue;
		}
		blk_put_pages(req);
		virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	}
	blk_finish_plug(&plug);
}

/* May change while we run: the administrator can switch a disk's cache. */
bool virtback_blk_has_cache(const struct virtback_blk *blk)
{
	return bdev_write_cache(blk->bdev);
}

static int blk_refuse(struct virtback_blk *blk, const struct virtback_config *cfg,
		      const char *why, int err)
{
	pr_err("%s: backing=%s: %s (%d)\n", blk->vd->name, cfg->backing ?: "", why, err);
	return err;
}

static const char *blk_open_reason(int err)
{
	switch (err) {
	case -ENOENT:
		return "no such device";
	case -ENOTBLK:
		return "not a block device";
	case -EBUSY:
		return "in use (mounted, or by another disk)";
	case -ENXIO:
	case -ENODEV:
		return "no driver or no such device behind it";
	case -ENOMEDIUM:
		return "no medium";
	default:
		return "cannot be opened";
	}
}

/*
 * Every disk claims its backing device: a writable one for itself, read-only ones
 * together, so that none of them reads what another one writes.
 */
static const char blk_readers[] = "virtback readers";

/* A device that cannot be written to makes a disk that cannot. Claims nothing. */
static int blk_look(struct virtback_blk *blk, const struct virtback_config *cfg)
{
	virtback_bdev_handle handle = virtback_bdev_open(cfg->backing, false, NULL);

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	blk->write = !cfg->readonly;
	if (blk->write && bdev_read_only(virtback_bdev(handle))) {
		blk->write = false;
		pr_info("%s: backing=%s: is read-only, so the disk is\n", blk->vd->name,
			cfg->backing);
	}
	virtback_bdev_close(handle, false, NULL);
	return 0;
}

static int blk_open_handle(struct virtback_blk *blk, const struct virtback_config *cfg)
{
	int err = blk_look(blk, cfg);

	if (err)
		return err;
	blk->holder = blk->write ? (void *)blk : (void *)blk_readers;
	blk->handle = virtback_bdev_open(cfg->backing, blk->write, blk->holder);
	return PTR_ERR_OR_ZERO(blk->handle);
}

/* What makes an open block device unfit. */
static int blk_check(struct virtback_blk *blk, const struct virtback_config *cfg)
{
	if (bdev_is_zoned(blk->bdev))
		return blk_refuse(blk, cfg, "zoned devices are not supported", -EOPNOTSUPP);
	if (!bdev_nr_sectors(blk->bdev))
		return blk_refuse(blk, cfg, "has no capacity", -ENOMEDIUM);
	return 0;
}

/**
 * virtback_blk_open() - open the backing device
 * @blk: disk; @blk->vd is set
 * @cfg: what the user asked for
 *
 * A writable disk holds its backing device exclusively; read-only disks may
 * share one. Logs one line when it fails.
 *
 * Return: 0 or -errno, then nothing is open.
 */
int virtback_blk_open(struct virtback_blk *blk, const struct virtback_config *cfg)
{
	int err;

	if (!cfg->backing || !*cfg->backing)
		return blk_refuse(blk, cfg, "missing: the path of a block device", -EINVAL);

	err = blk_open_handle(blk, cfg);
	if (err)
		return blk_refuse(blk, cfg, blk_open_reason(err), err);

	blk->bdev = virtback_bdev(blk->handle);
	blk->capacity = bdev_nr_sectors(blk->bdev);
	blk->block_mask = bdev_logical_block_size(blk->bdev) - 1;
	err = blk_check(blk, cfg);
	if (err)
		goto close;

	err = bioset_init(&blk->bios, VIRTBACK_QUEUE_SIZE_DEFAULT, 0, BIOSET_NEED_BVECS);
	if (err) {
		blk_refuse(blk, cfg, "no memory for its bios", err);
		goto close;
	}
	return 0;

close:
	virtback_bdev_close(blk->handle, blk->write, blk->holder);
	return err;
}

/**
 * virtback_blk_close() - undo virtback_blk_open()
 * @blk: disk without requests in flight
 */
void virtback_blk_close(struct virtback_blk *blk)
{
	bioset_exit(&blk->bios);
	virtback_bdev_close(blk->handle, blk->write, blk->holder);
}
