// SPDX-License-Identifier: GPL-2.0
/*
 * Zoned disks: what takes long, and how requests ended.
 *
 * A report of zones sleeps, and on a real disk for seconds, so it is not done by
 * the worker, which other requests need: the disk has a workqueue for it. Its
 * result goes into bounce pages and from there to the driver as a read's data does,
 * so that a reset need not wait for it.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/virtio_byteorder.h>
#include <linux/workqueue.h>

#include "zoned.h"

#define ZONED_DESC		sizeof(struct virtio_blk_zone_descriptor)
#define ZONED_DESCS_A_PAGE	(PAGE_SIZE / ZONED_DESC)

/* The report's head is as long as a descriptor, and none crosses pages. */
static_assert(sizeof(struct virtio_blk_zone_report) == ZONED_DESC);
static_assert(PAGE_SIZE % ZONED_DESC == 0);

/* Types and states have the same values on both sides. */
static_assert((int)VIRTIO_BLK_ZT_CONV == BLK_ZONE_TYPE_CONVENTIONAL);
static_assert((int)VIRTIO_BLK_ZT_SWR == BLK_ZONE_TYPE_SEQWRITE_REQ);
static_assert((int)VIRTIO_BLK_ZT_SWP == BLK_ZONE_TYPE_SEQWRITE_PREF);
static_assert((int)VIRTIO_BLK_ZS_NOT_WP == BLK_ZONE_COND_NOT_WP);
static_assert((int)VIRTIO_BLK_ZS_EMPTY == BLK_ZONE_COND_EMPTY);
static_assert((int)VIRTIO_BLK_ZS_IOPEN == BLK_ZONE_COND_IMP_OPEN);
static_assert((int)VIRTIO_BLK_ZS_EOPEN == BLK_ZONE_COND_EXP_OPEN);
static_assert((int)VIRTIO_BLK_ZS_CLOSED == BLK_ZONE_COND_CLOSED);
static_assert((int)VIRTIO_BLK_ZS_RDONLY == BLK_ZONE_COND_READONLY);
static_assert((int)VIRTIO_BLK_ZS_FULL == BLK_ZONE_COND_FULL);
static_assert((int)VIRTIO_BLK_ZS_OFFLINE == BLK_ZONE_COND_OFFLINE);

/**
 * struct zoned_fill - a report being written into bounce pages
 * @page: page of the slot written last
 * @nr: descriptors written
 * @max: descriptors that there is room for
 */
struct zoned_fill {
	struct page *page;
	unsigned int nr;
	unsigned int max;
};

static struct virtback_req *zoned_req(struct work_struct *work)
{
	struct virtback_blk_req *br = container_of(work, struct virtback_blk_req, work);

	return (struct virtback_req *)br - 1;
}

static int zoned_fill_one(struct blk_zone *zone, unsigned int idx, void *data)
{
	struct virtio_blk_zone_descriptor *d;
	struct zoned_fill *fill = data;
	unsigned int slot = fill->nr + 1;	/* the head is slot 0 */

	if (fill->nr == fill->max)
		return -ERANGE;
	if (slot % ZONED_DESCS_A_PAGE == 0)
		fill->page = list_next_entry(fill->page, lru);
	d = page_address(fill->page) + slot % ZONED_DESCS_A_PAGE * ZONED_DESC;
	/* All of it: a bounce page may hold the data of another request. */
	*d = (struct virtio_blk_zone_descriptor) {
		.z_cap = __cpu_to_virtio64(true, zone->capacity),
		.z_start = __cpu_to_virtio64(true, zone->start),
		.z_wp = __cpu_to_virtio64(true, zone->wp),
		.z_type = zone->type,
		.z_state = zone->cond,
	};
	fill->nr++;
	return 0;
}

static u8 zoned_report(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_backing *b = virtback_blk_of(req)->backing;
	struct zoned_fill fill = {
		.page = list_first_entry(&br->pages, struct page, lru),
		.max = br->len / ZONED_DESC - 1,
	};
	struct virtio_blk_zone_report *head = page_address(fill.page);

	/* Room for the head alone: no zone is asked for. */
	if (fill.max && b->ops->report_zones(b, br->sector, fill.max, zoned_fill_one, &fill) < 0)
		return VIRTIO_BLK_S_IOERR;
	memset(head, 0, sizeof(*head));
	head->nr_zones = __cpu_to_virtio64(true, fill.nr);
	br->len = (1 + fill.nr) * ZONED_DESC;
	br->total = br->len;
	return VIRTIO_BLK_S_OK;
}

/* A context whose allocations do not wait for a disk, which may be this one. */
static void zoned_report_work(struct work_struct *work)
{
	struct virtback_req *req = zoned_req(work);
	unsigned int noio = memalloc_noio_save();
	u8 status = VIRTIO_BLK_S_IOERR;

	/* Nobody waits for that of an orphan. */
	if (virtback_req_live(req))
		status = zoned_report(req);
	memalloc_noio_restore(noio);
	virtback_blk_pass_done(req, status);
}

static void zoned_reset_all_work(struct work_struct *work)
{
	struct virtback_req *req = zoned_req(work);
	struct virtback_backing *b = virtback_blk_of(req)->backing;
	unsigned int noio = memalloc_noio_save();
	int err = -EIO;

	if (virtback_req_live(req))
		err = b->ops->reset_zones(b);
	memalloc_noio_restore(noio);
	virtback_blk_pass_done(req, err ? VIRTIO_BLK_S_ZONE_INVALID_CMD : VIRTIO_BLK_S_OK);
}

static int zoned_look_one(struct blk_zone *zone, unsigned int idx, void *data)
{
	*(struct blk_zone *)data = *zone;
	return 0;
}

/* Why did the store refuse a write to a sequential zone? */
static u8 zoned_write_status(struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct virtback_backing *b = virtback_blk_of(req)->backing;
	u64 sector = br->sector + (br->done >> SECTOR_SHIFT);
	struct blk_zone zone = {};

	if (b->ops->report_zones(b, sector, 1, zoned_look_one, &zone) != 1)
		return VIRTIO_BLK_S_IOERR;
	switch (zone.cond) {
	case BLK_ZONE_COND_READONLY:
	case BLK_ZONE_COND_FULL:
	case BLK_ZONE_COND_OFFLINE:
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	default:
		break;
	}
	if (sector != zone.wp)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	if (sector + (br->len >> SECTOR_SHIFT) > zone.start + zone.capacity)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return VIRTIO_BLK_S_IOERR;
}

static void zoned_write_work(struct work_struct *work)
{
	struct virtback_req *req = zoned_req(work);
	unsigned int noio = memalloc_noio_save();
	u8 status = VIRTIO_BLK_S_IOERR;

	if (virtback_req_live(req))
		status = zoned_write_status(req);
	memalloc_noio_restore(noio);
	virtback_blk_pass_done(req, status);
}

static void zoned_queue(struct virtback_req *req, work_func_t func)
{
	struct virtback_blk_req *br = virtback_req_priv(req);

	INIT_WORK(&br->work, func);
	queue_work(virtback_blk_of(req)->zones->wq, &br->work);
}

/**
 * virtback_zoned_start_report() - report zones into the bounce pages
 * @req: request with a pass for as many zones as are wanted
 *
 * A &virtback_blk_req.start.
 */
void virtback_zoned_start_report(struct virtback_req *req)
{
	zoned_queue(req, zoned_report_work);
}

/**
 * virtback_zoned_start_reset_all() - reset all zones
 * @req: request
 *
 * A &virtback_blk_req.start. Not one bio, since a disk may need one for each zone.
 */
void virtback_zoned_start_reset_all(struct virtback_req *req)
{
	zoned_queue(req, zoned_reset_all_work);
}

/*
 * An append is one pass, after which the driver is told where the data went: that
 * takes the way of what a read brings.
 */
static void zoned_append_done(struct virtback_req *req, u8 status, u64 sector)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	__le64 *where = page_address(list_first_entry(&br->pages, struct page, lru));

	if (status == VIRTIO_BLK_S_OK) {
		/* Before it looks like a read. */
		virtback_vq_count(req->vq, BLK_SECTORS_WRITTEN, br->len >> SECTOR_SHIFT);
		*where = cpu_to_le64(sector);
		br->opf = REQ_OP_READ;
		br->len = sizeof(*where);
		br->total = sizeof(*where);
	}
	virtback_blk_pass_done(req, status);
}

/**
 * virtback_zoned_pass_done() - a pass of a zoned disk's request has ended
 * @req: as for virtback_blk_pass_done()
 * @status: VIRTIO_BLK_S_*, IOERR for whatever the store did not explain
 * @sector: where the data of a zone append went
 *
 * The block layer has one error for a broken disk and for a request that the state
 * of a zone forbids; the driver has more (VIRTIO 1.3 section 5.2.6.2). For a write
 * the zone itself is asked, in the disk's workqueue. Any context.
 */
void virtback_zoned_pass_done(struct virtback_req *req, u8 status, u64 sector)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	bool refused = status == VIRTIO_BLK_S_IOERR;

	switch (br->opf & REQ_OP_MASK) {
	case REQ_OP_ZONE_APPEND:
		zoned_append_done(req, refused ? VIRTIO_BLK_S_ZONE_INVALID_CMD : status, sector);
		return;
	case REQ_OP_ZONE_OPEN:
	case REQ_OP_ZONE_CLOSE:
	case REQ_OP_ZONE_FINISH:
	case REQ_OP_ZONE_RESET:
		if (refused)
			status = VIRTIO_BLK_S_ZONE_INVALID_CMD;
		break;
	case REQ_OP_WRITE:
		if (refused && br->len &&
		    virtback_zone_is_seq(virtback_blk_of(req)->zones, br->sector)) {
			zoned_queue(req, zoned_write_work);
			return;
		}
		break;
	default:
		break;
	}
	virtback_blk_pass_done(req, status);
}
