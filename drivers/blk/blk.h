/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block device type, shared by its two halves: blk.c speaks virtio-blk,
 * bdev.c moves data to and from the backing device.
 */
#ifndef VIRTBACK_BLK_H
#define VIRTBACK_BLK_H

#include <linux/bio.h>
#include <linux/virtio_blk.h>

#include <virtback/compat.h>
#include <virtback/device.h>

struct virtback_config;

/**
 * struct virtback_blk - a disk
 * @vd: the device it belongs to
 * @handle: the open backing device
 * @holder: who claims it
 * @bdev: @handle for bios
 * @write: @handle was opened for writing; the disk is read-only otherwise
 * @bios: where bios come from, so that a request can always make progress
 * @capacity: 512-byte sectors, as told to the driver
 * @block_mask: logical block size - 1
 * @config: configuration space
 * @id: what GET_ID returns, zero padded, without a terminator when full
 */
struct virtback_blk {
	struct virtback_device *vd;
	virtback_bdev_handle handle;
	void *holder;
	struct block_device *bdev;
	bool write;
	struct bio_set bios;
	u64 capacity;
	u32 block_mask;
	struct virtio_blk_config config;
	u8 id[VIRTIO_BLK_ID_BYTES];
};

/**
 * struct virtback_blk_req - the type's part of a request
 * @execute: what the request's type asks for, chosen by the parser
 * @sector: first sector of the request; never changes, so that no pass can
 *	    start anywhere but at @sector plus what is done
 * @opf: operation and flags of every bio of the request
 * @total: bytes of data of the request
 * @done: bytes of the passes that have ended
 * @len: bytes of the current pass
 * @nr_pages: bounce pages of the current pass
 * @pages: those pages
 * @in_len: bytes that the driver gave us to write to, without the status byte
 * @it: position of the next pass in @rest
 * @rest: copy of the buffer list from the second pass on; in here, so that a long
 *	  request needs no memory that a dom0 under pressure might not have
 */
struct virtback_blk_req {
	enum virtback_prepare (*execute)(struct virtback_req *req, struct virtback_iter *data);
	u64 sector;
	blk_opf_t opf;
	u32 total;
	u32 done;
	u32 len;
	unsigned int nr_pages;
	void *pages[VIRTBACK_ROUND_PAGES];
	u64 in_len;
	struct virtback_iter it;
	struct virtback_sg rest[VIRTBACK_QUEUE_SIZE_DEFAULT];
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

/* drivers/blk/bdev.c */
int virtback_blk_open(struct virtback_blk *blk, const struct virtback_config *cfg);
void virtback_blk_close(struct virtback_blk *blk);
bool virtback_blk_has_cache(const struct virtback_blk *blk);
enum virtback_prepare virtback_blk_first_pass(struct virtback_req *req,
					      const struct virtback_iter *data);
enum virtback_prepare virtback_blk_next_pass(struct virtback_req *req);
void virtback_blk_submit(struct virtback_vq *vq, struct list_head *reqs);

/* drivers/blk/blk.c */
void virtback_blk_finish(struct virtback_req *req, u8 status, u32 written);

#endif
