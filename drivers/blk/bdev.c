// SPDX-License-Identifier: GPL-2.0
/*
 * A block device as the backing store of a disk: opened for one disk alone when
 * it is written to, and one bio for each pass.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include <virtback/config.h>

#include "blk.h"
#include "zoned.h"

/* One pass is one bio. */
static_assert(VIRTBACK_ROUND_PAGES <= BIO_MAX_VECS);

/*
 * Bios for long passes that are always there, so that a request can always make progress:
 * for which one would do, since each is submitted when it is made and ends by itself. They
 * take 4 KiB and more each, of every disk; while there is memory others come from there.
 */
#define BDEV_BIOS	8

/**
 * struct bdev_backing - an open block device
 * @b: what the disk sees
 * @handle: the open device
 * @holder: who claims it
 * @bdev: @handle for bios
 * @bios: where bios come from
 */
struct bdev_backing {
	struct virtback_backing b;
	virtback_bdev_handle handle;
	void *holder;
	struct block_device *bdev;
	struct bio_set bios;
};

static struct bdev_backing *bdev_of(struct virtback_backing *b)
{
	return container_of(b, struct bdev_backing, b);
}

static u8 bdev_status(blk_status_t sts)
{
	switch (sts) {
	case BLK_STS_OK:
		return VIRTIO_BLK_S_OK;
	case BLK_STS_NOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	case BLK_STS_ZONE_OPEN_RESOURCE:
		return VIRTIO_BLK_S_ZONE_OPEN_RESOURCE;
	case BLK_STS_ZONE_ACTIVE_RESOURCE:
		return VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

/*
 * Some devices (SCSI) can only be tried: when they refuse, the operation fails and
 * is off from then on. The driver then does without, as it does where it was told.
 */
static bool bdev_gave_up(const struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_DISCARD:
		return !bdev_max_discard_sectors(bio->bi_bdev);
	case REQ_OP_WRITE_ZEROES:
		return !bdev_write_zeroes_sectors(bio->bi_bdev);
	default:
		return false;
	}
}

/* Most passes take what the request has; to allocate a bio costs as much as to parse one. */
static struct bio *bdev_bio(struct bdev_backing *bd, struct virtback_blk_req *br)
{
	if (br->nr_vecs > VIRTBACK_BLK_VECS)
		return bio_alloc_bioset(bd->bdev, br->nr_vecs, br->opf, GFP_NOIO, &bd->bios);
	bio_init(&br->bio, bd->bdev, br->vecs, br->nr_vecs, br->opf);
	return &br->bio;
}

static void bdev_bio_put(struct bio *bio, struct virtback_blk_req *br)
{
	if (bio == &br->bio)
		bio_uninit(bio);
	else
		bio_put(bio);
}

static void bdev_pass_done(struct virtback_req *req, u8 status, u64 sector)
{
	if (virtback_blk_of(req)->zones)
		virtback_zoned_pass_done(req, status, sector);
	else
		virtback_blk_pass_done(req, status);
}

static void bdev_end_io(struct bio *bio)
{
	struct virtback_req *req = bio->bi_private;
	u8 status = bdev_status(bio->bi_status);
	u64 sector = bio->bi_iter.bi_sector;	/* of a zone append: where it went */

	if (status == VIRTIO_BLK_S_IOERR && bdev_gave_up(bio))
		status = VIRTIO_BLK_S_UNSUPP;
	bdev_bio_put(bio, virtback_req_priv(req));
	bdev_pass_done(req, status, sector);
}

/*
 * A device's blocks may become larger while it is open (a format, another table). What is a
 * part of one now some drivers count as none, or as one less than that, and not every block
 * layer looks.
 */
static bool bdev_is_part(struct bdev_backing *bd, const struct virtback_blk_req *br)
{
	u32 begin = (u32)br->sector << SECTOR_SHIFT;

	return (begin | br->done | br->len) & (bdev_logical_block_size(bd->bdev) - 1);
}

/*
 * A device may become read-only while it is open for writing (blockdev --setro, a table
 * of device-mapper). The block layer warns once and lets writes pass; to the administrator
 * it is a promise. A flush is none: it changes nothing.
 */
static bool bdev_forbids(struct bdev_backing *bd, const struct virtback_blk_req *br)
{
	bool flush = !br->len && br->opf & REQ_PREFLUSH;

	if (bdev_is_part(bd, br))
		return true;
	return op_is_write(br->opf) && !flush && bdev_read_only(bd->bdev);
}

static void bdev_submit(struct virtback_backing *b, struct virtback_req *req)
{
	struct virtback_blk_req *br = virtback_req_priv(req);
	struct bdev_backing *bd = bdev_of(b);
	struct virtback_blk_pos pos = {};
	unsigned int nr = 0;
	struct bio *bio;

	if (unlikely(bdev_forbids(bd, br))) {
		bdev_pass_done(req, VIRTIO_BLK_S_IOERR, br->sector);
		return;
	}
	bio = bdev_bio(bd, br);
	bio->bi_iter.bi_sector = br->sector + (br->done >> SECTOR_SHIFT);
	bio->bi_private = req;
	bio->bi_end_io = bdev_end_io;
	/* There is room for so many, so nobody need look whether there is. */
	while (nr < br->nr_vecs && virtback_blk_next_bvec(req, &pos, &bio->bi_io_vec[nr]))
		nr++;
	bio->bi_vcnt = nr;
	bio->bi_iter.bi_size = nr ? pos.done : br->len;
	/* One that is too short would end well. */
	WARN_ON_ONCE(bio->bi_iter.bi_size != br->len);
	submit_bio(bio);
}

static bool bdev_has_cache(struct virtback_backing *b)
{
	return bdev_write_cache(bdev_of(b)->bdev);
}

static u64 bdev_capacity(struct virtback_backing *b)
{
	return bdev_nr_sectors(bdev_of(b)->bdev);
}

/* A limit of the block layer, which counts in sectors, in bytes. */
static u32 bdev_bytes(unsigned int sectors)
{
	return min_t(u64, (u64)sectors << SECTOR_SHIFT, U32_MAX);
}

static void bdev_get_limits(struct virtback_backing *b, struct virtback_blk_limits *lim)
{
	struct block_device *bdev = bdev_of(b)->bdev;
	int offset = bdev_alignment_offset(bdev);

	lim->block_size = bdev_logical_block_size(bdev);
	lim->physical_block_size = bdev_physical_block_size(bdev);
	/* -1: the block layer found the stack misaligned, nothing to report. */
	lim->alignment_offset = max(offset, 0);
	lim->io_min = bdev_io_min(bdev);
	lim->io_opt = bdev_io_opt(bdev);
	/* Bios are split at sectors, wherever their parts begin. */
	lim->mem_mask = bdev_dma_alignment(bdev) | (SECTOR_SIZE - 1);
	lim->stable = bdev_stable_writes(bdev);
	lim->max_discard = bdev_bytes(bdev_max_discard_sectors(bdev));
	lim->discard_granularity = bdev_discard_granularity(bdev);
	lim->max_write_zeroes = bdev_bytes(bdev_write_zeroes_sectors(bdev));
	lim->max_secure_erase = bdev_bytes(bdev_max_secure_erase_sectors(bdev));
	/* What cannot discard will hardly do so to zero. */
	lim->zeroes_may_unmap = lim->max_discard;

	if (!virtback_bdev_zoned(bdev))
		return;
	lim->zone_sectors = bdev_zone_sectors(bdev);
	lim->max_open_zones = bdev_max_open_zones(bdev);
	lim->max_active_zones = bdev_max_active_zones(bdev);
	/* In one bio, and of pages that may all lie apart. */
	lim->max_append_sectors = min3(bdev_max_zone_append_sectors(bdev),
				       bdev_max_segments(bdev) * PAGE_SECTORS,
				       (unsigned int)VIRTBACK_ROUND_PAGES * PAGE_SECTORS);
	lim->write_granularity = bdev_zone_write_granularity(bdev);
}

static int bdev_report_zones(struct virtback_backing *b, u64 sector, unsigned int nr,
			     report_zones_cb cb, void *data)
{
	return virtback_bdev_report_zones(bdev_of(b)->bdev, sector, nr, cb, data);
}

static int bdev_reset_zones(struct virtback_backing *b)
{
	return virtback_bdev_reset_zones(bdev_of(b)->bdev);
}

static int bdev_sync(struct virtback_backing *b)
{
	return blkdev_issue_flush(bdev_of(b)->bdev);
}

/* Its driver has let go of it, and if it comes back it is another device. */
static bool bdev_gone(struct virtback_backing *b)
{
	return test_bit(GD_DEAD, &bdev_of(b)->bdev->bd_disk->state);
}

static const char *bdev_open_reason(int err)
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
static const char bdev_readers[] = "virtback readers";

/* A device that cannot be written to makes a disk that cannot. Claims nothing. */
static int bdev_look(struct bdev_backing *bd, const char *who, const struct virtback_config *cfg)
{
	virtback_bdev_handle handle = virtback_bdev_open(cfg->backing, false, NULL);

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	bd->b.write = !cfg->readonly;
	if (bd->b.write && bdev_read_only(virtback_bdev(handle))) {
		bd->b.write = false;
		pr_info("%s: backing=%s: is read-only, so the disk is\n", who, cfg->backing);
	}
	virtback_bdev_close(handle, false, NULL);
	return 0;
}

static int bdev_open_handle(struct bdev_backing *bd, const char *who,
			    const struct virtback_config *cfg)
{
	int err = bdev_look(bd, who, cfg);

	if (err)
		return err;
	bd->holder = bd->b.write ? (void *)bd : (void *)bdev_readers;
	bd->handle = virtback_bdev_open(cfg->backing, bd->b.write, bd->holder);
	if (IS_ERR(bd->handle))
		return PTR_ERR(bd->handle);
	bd->bdev = virtback_bdev(bd->handle);
	bd->b.dev = bd->bdev->bd_dev;
	return 0;
}

/* What makes an open block device unfit. */
static int bdev_check(struct bdev_backing *bd, const char *who, const struct virtback_config *cfg)
{
	if (!bdev_nr_sectors(bd->bdev))
		return virtback_backing_refuse(who, cfg, "has no capacity", -ENOMEDIUM);
	return 0;
}

/* A writable disk holds its device exclusively; read-only disks may share one. */
static struct virtback_backing *bdev_open(const char *who, const struct virtback_config *cfg)
{
	struct bdev_backing *bd = kzalloc(sizeof(*bd), GFP_KERNEL);
	int err;

	if (!bd)
		return ERR_PTR(virtback_backing_refuse(who, cfg, "no memory", -ENOMEM));
	bd->b.ops = &virtback_bdev_backing;
	err = bdev_open_handle(bd, who, cfg);
	if (err) {
		virtback_backing_refuse(who, cfg, bdev_open_reason(err), err);
		goto free;
	}
	err = bdev_check(bd, who, cfg);
	if (err)
		goto close;
	err = bioset_init(&bd->bios, BDEV_BIOS, 0, BIOSET_NEED_BVECS);
	if (err) {
		virtback_backing_refuse(who, cfg, "no memory for its bios", err);
		goto close;
	}
	return &bd->b;

close:
	virtback_bdev_close(bd->handle, bd->b.write, bd->holder);
free:
	kfree(bd);
	return ERR_PTR(err);
}

static void bdev_close(struct virtback_backing *b)
{
	struct bdev_backing *bd = bdev_of(b);

	bioset_exit(&bd->bios);
	virtback_bdev_close(bd->handle, b->write, bd->holder);
	kfree(bd);
}

const struct virtback_backing_ops virtback_bdev_backing = {
	.name = "block device",
	.open = bdev_open,
	.close = bdev_close,
	.limits = bdev_get_limits,
	.capacity = bdev_capacity,
	.has_cache = bdev_has_cache,
	.sync = bdev_sync,
	.gone = bdev_gone,
	.submit = bdev_submit,
	.report_zones = bdev_report_zones,
	.reset_zones = bdev_reset_zones,
};
