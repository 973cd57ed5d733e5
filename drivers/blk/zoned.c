// SPDX-License-Identifier: GPL-2.0
/*
 * Zoned disks: what the driver is told of the zones, and which of its requests
 * may reach the backing store.
 *
 * Only host-managed stores are zoned for the driver. Their zones are equally long
 * but the last, and of each we remember whether it has a write pointer; the state
 * of a zone is the store's alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>
#include <linux/workqueue.h>

#include <virtback/config.h>

#include "zoned.h"

#define ZONED_PASS_BYTES	((u32)VIRTBACK_ROUND_PAGES << PAGE_SHIFT)
#define ZONED_DESC		sizeof(struct virtio_blk_zone_descriptor)

/* Of what the driver must not be offered with host-managed zones, or need not. */
#define ZONED_NOT_WITH	(BIT_ULL(VIRTIO_BLK_F_DISCARD) | BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) | \
			 BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))

/**
 * virtback_zoned_features() - the features of a disk, seen to its zones
 * @blk: disk
 * @features: features of the disk, as if it had none
 *
 * DISCARD must not be offered with host-managed zones (VIRTIO 1.3 section 5.2.5.2).
 * Zeroes could be written at a write pointer only, and a request of several ranges
 * cannot say which of them failed; so these are not offered either.
 *
 * Return: the features to offer
 */
u64 virtback_zoned_features(const struct virtback_blk *blk, u64 features)
{
	if (!blk->zones)
		return features;
	return (features & ~ZONED_NOT_WITH) | BIT_ULL(VIRTIO_BLK_F_ZONED);
}

static enum virtback_prepare zoned_invalid(struct virtback_req *req)
{
	return virtback_blk_finish(req, VIRTIO_BLK_S_ZONE_INVALID_CMD, 0);
}

/* What every request for one zone has to be: within the disk, at a zone's start. */
static bool zoned_start_ok(const struct virtback_blk *blk, u64 sector)
{
	const struct virtback_zones *z = blk->zones;

	return sector < z->capacity && !(sector & (z->sectors - 1)) &&
	       virtback_zone_is_seq(z, sector);
}

/**
 * virtback_zoned_check() - may a read or write be passed on?
 * @blk: disk, zoned or not
 * @write: it writes
 * @sector: first sector
 * @bytes: more than 0; the range is within the disk
 *
 * A range that touches a sequential zone ends in it. Whether a write is at the
 * write pointer the store alone knows.
 *
 * Any context.
 *
 * Return: VIRTIO_BLK_S_OK, or what to answer
 */
u8 virtback_zoned_check(const struct virtback_blk *blk, bool write, u64 sector, u64 bytes)
{
	const struct virtback_zones *z = blk->zones;
	u64 last = sector + (bytes >> SECTOR_SHIFT) - 1;
	u32 seq;

	if (!z)
		return VIRTIO_BLK_S_OK;
	if (last >= z->capacity)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	seq = find_next_bit(z->sequential, virtback_zone_no(z, last) + 1,
			    virtback_zone_no(z, sector));
	if (seq > virtback_zone_no(z, last))
		return VIRTIO_BLK_S_OK;		/* conventional zones alone */
	if (virtback_zone_no(z, sector) != virtback_zone_no(z, last))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (write && ((sector << SECTOR_SHIFT) | bytes) & (z->granularity - 1))
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	return VIRTIO_BLK_S_OK;
}

/* Open, close, finish or reset one zone. */
static enum virtback_prepare zoned_manage(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_blk *blk = virtback_blk_of(req);

	if (!blk->zones)
		return virtback_blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
	if (!blk->backing->write)
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	if (!zoned_start_ok(blk, br->sector))
		return zoned_invalid(req);
	return VIRTBACK_SUBMIT;
}

static enum virtback_prepare zoned_reset_all(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_blk *blk = virtback_blk_of(req);

	if (!blk->zones)
		return virtback_blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
	if (!blk->backing->write)
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	br->start = virtback_zoned_start_reset_all;
	return VIRTBACK_SUBMIT;
}

/*
 * Where the data went is written to the first of the driver's bytes; Linux has seven
 * unused ones between these and the status byte. An append moves data in one
 * direction, so the pins of the other are free for it.
 */
static enum virtback_prepare zoned_append_move(struct virtback_req *req,
					       struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_iter in = br->it;
	enum virtback_prepare ret;
	int err;

	err = virtback_req_pin(req, &req->data, &in, sizeof(u64), true);
	if (!err)
		ret = virtback_blk_move(req, data);
	else if (err == -ENOSPC)
		ret = VIRTBACK_STALL;
	else
		ret = virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	if (ret == VIRTBACK_STALL)
		virtback_req_unpin(req, &req->data);
	return ret;
}

static enum virtback_prepare zoned_append(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_blk *blk = virtback_blk_of(req);
	struct virtback_blk_limits lim = {};

	if (!blk->zones)
		return virtback_blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
	if (!blk->backing->write)
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	if (br->in_len < sizeof(u64))
		return virtback_blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
	if (!data->left || !zoned_start_ok(blk, br->sector))
		return zoned_invalid(req);
	/*
	 * Looked at for each request: the administrator may lower it, and the
	 * block layer warns when it would have to split an append.
	 */
	blk->backing->ops->limits(blk->backing, &lim);
	if (data->left > (u64)lim.max_append_sectors << SECTOR_SHIFT)
		return zoned_invalid(req);
	if (data->left & (blk->zones->granularity - 1))
		return virtback_blk_finish(req, VIRTIO_BLK_S_ZONE_UNALIGNED_WP, 0);
	return zoned_append_move(req, data);
}

static enum virtback_prepare zoned_report(struct virtback_req *req, struct virtback_iter *data)
{
	struct virtback_blk *blk = virtback_blk_of(req);
	struct virtback_blk_req *br = virtback_req_priv(req);
	u32 head = sizeof(struct virtio_blk_zone_report), nr;

	if (!blk->zones)
		return virtback_blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
	if (br->sector >= blk->zones->capacity || data->left < head)
		return zoned_invalid(req);
	/* No more than one pass, than there is room for, and than there are. */
	nr = (min_t(u64, data->left, ZONED_PASS_BYTES) - head) / ZONED_DESC;
	nr = min(nr, blk->zones->nr - virtback_zone_no(blk->zones, br->sector));
	data->left = head + nr * ZONED_DESC;
	br->start = virtback_zoned_start_report;
	return virtback_blk_move(req, data);
}

/**
 * virtback_zoned_parse() - choose what to do for a request of a zoned disk
 * @br: request with the sector set; its execute and opf are set when @type is one
 *	of those
 * @type: from the request's header
 *
 * Return: true when the driver is to write the data, as for blk_parse()
 */
bool virtback_zoned_parse(struct virtback_blk_req *br, u32 type)
{
	switch (type) {
	case VIRTIO_BLK_T_ZONE_APPEND:
		br->opf = REQ_OP_ZONE_APPEND | REQ_SYNC | REQ_IDLE;
		br->execute = zoned_append;
		return false;
	case VIRTIO_BLK_T_ZONE_REPORT:
		br->opf = REQ_OP_READ;		/* data goes to the driver */
		br->execute = zoned_report;
		return true;
	case VIRTIO_BLK_T_ZONE_OPEN:
		br->opf = REQ_OP_ZONE_OPEN | REQ_SYNC;
		br->execute = zoned_manage;
		return false;
	case VIRTIO_BLK_T_ZONE_CLOSE:
		br->opf = REQ_OP_ZONE_CLOSE | REQ_SYNC;
		br->execute = zoned_manage;
		return false;
	case VIRTIO_BLK_T_ZONE_FINISH:
		br->opf = REQ_OP_ZONE_FINISH | REQ_SYNC;
		br->execute = zoned_manage;
		return false;
	case VIRTIO_BLK_T_ZONE_RESET:
		br->opf = REQ_OP_ZONE_RESET | REQ_SYNC;
		br->execute = zoned_manage;
		return false;
	case VIRTIO_BLK_T_ZONE_RESET_ALL:
		br->opf = REQ_OP_ZONE_RESET_ALL;
		br->execute = zoned_reset_all;
		return false;
	default:
		return false;
	}
}

static int zoned_learn(struct blk_zone *zone, unsigned int idx, void *data)
{
	struct virtback_zones *z = data;

	if (idx >= z->nr)
		return -ERANGE;
	if (zone->type != BLK_ZONE_TYPE_CONVENTIONAL)
		__set_bit(idx, z->sequential);
	return 0;
}

static void zoned_fill_config(struct virtback_blk *blk, const struct virtback_blk_limits *lim)
{
	struct virtio_blk_zoned_characteristics *c = &blk->zoned;
	u32 append = round_down(lim->max_append_sectors, lim->write_granularity >> SECTOR_SHIFT);

	c->zone_sectors = __cpu_to_virtio32(true, lim->zone_sectors);
	c->max_open_zones = __cpu_to_virtio32(true, lim->max_open_zones);
	c->max_active_zones = __cpu_to_virtio32(true, lim->max_active_zones);
	c->max_append_sectors = __cpu_to_virtio32(true, append);
	c->write_granularity = __cpu_to_virtio32(true, lim->write_granularity);
	c->model = VIRTIO_BLK_Z_HM;
}

/**
 * virtback_zoned_create() - look whether a disk has zones, and learn them
 * @blk: disk with an open backing and its capacity; @zones is set
 * @cfg: what the user asked for
 * @lim: what the backing is like
 *
 * Logs one line when it fails. May sleep for long.
 *
 * Return: 0 also when it has none, or -errno, then there is nothing to undo
 */
int virtback_zoned_create(struct virtback_blk *blk, const struct virtback_config *cfg,
			  const struct virtback_blk_limits *lim)
{
	const char *who = blk->vd->name;
	struct virtback_zones *z;
	int err, nr;

	if (!lim->zone_sectors)
		return 0;
	if (!is_power_of_2(lim->zone_sectors) || !is_power_of_2(lim->write_granularity) ||
	    lim->write_granularity < SECTOR_SIZE || lim->write_granularity > ZONED_PASS_BYTES)
		return virtback_backing_refuse(who, cfg, "zones of a size that is not supported",
					       -EOPNOTSUPP);

	z = kzalloc(sizeof(*z), GFP_KERNEL);
	if (!z)
		return virtback_backing_refuse(who, cfg, "no memory", -ENOMEM);
	z->capacity = blk->capacity;
	z->sectors = lim->zone_sectors;
	z->nr = DIV_ROUND_UP_ULL(blk->capacity, z->sectors);
	z->granularity = lim->write_granularity;
	z->sequential = bitmap_zalloc(z->nr, GFP_KERNEL);
	if (!z->sequential)
		goto no_memory;

	nr = blk->backing->ops->report_zones(blk->backing, 0, z->nr, zoned_learn, z);
	if (nr != z->nr) {
		err = virtback_backing_refuse(who, cfg, "cannot report its zones",
					      nr < 0 ? nr : -EIO);
		goto free;
	}
	z->wq = alloc_workqueue("virtback-%s", WQ_UNBOUND | WQ_MEM_RECLAIM, 1, blk->vd->name);
	if (!z->wq)
		goto no_memory;
	zoned_fill_config(blk, lim);
	blk->zones = z;
	return 0;

no_memory:
	err = virtback_backing_refuse(who, cfg, "no memory", -ENOMEM);
free:
	bitmap_free(z->sequential);
	kfree(z);
	return err;
}

/**
 * virtback_zoned_destroy() - undo virtback_zoned_create()
 * @blk: disk without a request in flight, zoned or not
 *
 * May sleep.
 */
void virtback_zoned_destroy(struct virtback_blk *blk)
{
	struct virtback_zones *z = blk->zones;

	if (!z)
		return;
	blk->zones = NULL;
	destroy_workqueue(z->wq);
	bitmap_free(z->sequential);
	kfree(z);
}
