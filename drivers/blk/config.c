// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk tells its driver: features and configuration space (VIRTIO 1.2
 * sections 5.2.3 to 5.2.5), from the limits of what is behind it; and the one thing
 * that the driver tells, the cache mode.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/virtio_ring.h>

#include "blk.h"
#include "zoned.h"

/*
 * FLUSH is offered only where there is a volatile cache: on a plain device each
 * flush would cost the guest a trap and an interrupt for nothing. Should the
 * cache be switched on later, writes are FUA (see virtback_blk_write_through()),
 * so that a driver that was told nothing of a cache loses nothing.
 */
static u64 blk_features(struct virtback_blk *blk, const struct virtback_blk_limits *lim)
{
	u64 features = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_GEOMETRY) |
		       BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_TOPOLOGY);

	if (!blk->backing->write)
		features |= BIT_ULL(VIRTIO_BLK_F_RO);
	else if (virtback_blk_has_cache(blk))
		features |= BIT_ULL(VIRTIO_BLK_F_FLUSH) | BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE);
	if (blk->vd->nvqs > 1)
		features |= BIT_ULL(VIRTIO_BLK_F_MQ);
	if (blk->backing->write)
		features |= virtback_range_features(blk, lim);
	return virtback_zoned_features(blk, features);
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
	if (off & BIT_ULL(VIRTIO_BLK_F_ZONED) && blk->zones)
		return blk_refuse_off(blk, "zoned", "the disk's zones are host-managed");
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
	BLK_FIELDS(GEOMETRY, geometry, geometry),
	BLK_FIELDS(BLK_SIZE, blk_size, blk_size),
	BLK_FIELDS(TOPOLOGY, physical_block_exp, opt_io_size),
	BLK_FIELDS(MQ, num_queues, num_queues),
	BLK_FIELDS(DISCARD, max_discard_sectors, discard_sector_alignment),
	BLK_FIELDS(WRITE_ZEROES, max_write_zeroes_sectors, write_zeroes_may_unmap),
	BLK_FIELDS(SECURE_ERASE, max_secure_erase_sectors, secure_erase_sector_alignment),
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

/* How much of the configuration these features make exist. */
static u32 blk_config_len(u64 features)
{
	if (features & BIT_ULL(VIRTIO_BLK_F_ZONED))
		return offsetofend(struct virtback_blk, zoned) -
		       offsetof(struct virtback_blk, config);
	if (features & BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))
		return offsetofend(struct virtio_blk_config, secure_erase_sector_alignment);
	if (features & BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES))
		return offsetofend(struct virtio_blk_config, unused1);
	if (features & BIT_ULL(VIRTIO_BLK_F_DISCARD))
		return offsetofend(struct virtio_blk_config, discard_sector_alignment);
	if (features & (BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) | BIT_ULL(VIRTIO_BLK_F_MQ)))
		return offsetofend(struct virtio_blk_config, num_queues);
	return offsetofend(struct virtio_blk_config, opt_io_size);
}

/* Of the ATA kind, for those who still ask. The capacity is what counts. */
static void blk_fill_geometry(struct virtback_blk *blk)
{
	const u32 heads = 16, sectors = 63, max_cylinders = 16383;
	u64 cylinders = div_u64(blk->capacity, heads * sectors);

	blk->config.geometry.cylinders = vb16(clamp_t(u64, cylinders, 1, max_cylinders));
	blk->config.geometry.heads = heads;
	blk->config.geometry.sectors = sectors;
}

static void blk_fill_config(struct virtback_blk *blk, const struct virtback_blk_limits *lim)
{
	struct virtio_blk_config *c = &blk->config;
	u32 bs = lim->block_size;

	blk->capacity = blk->backing->ops->capacity(blk->backing);
	blk->block_mask = bs - 1;
	blk->mem_mask = lim->mem_mask;
	/* The guest may write to its buffers at any time. */
	blk->stable = lim->stable;
	blk->direct = blk->vd->dma == VIRTBACK_DMA_DIRECT && !lim->stable;
	c->capacity = vb64(blk->capacity);
	/* Two of a chain are header and status. */
	c->seg_max = vb32(blk->vd->vqs[0].chain_max - 2);
	c->blk_size = vb32(bs);
	c->num_queues = vb16(blk->vd->nvqs);
	/* Topology counts in logical blocks. */
	c->physical_block_exp = ilog2(lim->physical_block_size / bs);
	c->alignment_offset = min_t(u32, lim->alignment_offset / bs, U8_MAX);
	c->min_io_size = vb16(min_t(u32, lim->io_min / bs, U16_MAX));
	c->opt_io_size = vb32(lim->io_opt / bs);
	blk_fill_geometry(blk);
}

/*
 * Any context reads the mode without a lock. Both writers hold vd->lock, and the
 * driver's write is answered after the store: what it makes available to a queue
 * after that is served in the new mode (pairs with virtback_blk_write_through()).
 */
static void blk_set_write_back(struct virtback_device *vd, bool on)
{
	struct virtback_blk *blk = vd->type_priv;

	lockdep_assert_held(&vd->lock);
	WRITE_ONCE(blk->write_back, on);
	if (virtback_device_offered(vd) & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE))
		blk->config.wce = on;
}

static bool blk_can_flush(const struct virtback_device *vd)
{
	return virtback_device_offered(vd) & BIT_ULL(VIRTIO_BLK_F_FLUSH);
}

/**
 * virtback_blk_reset() - see &virtback_type_ops.reset
 * @vd: device
 *
 * Write-back, where there is a cache. Before the features are known, too.
 */
void virtback_blk_reset(struct virtback_device *vd)
{
	blk_set_write_back(vd, blk_can_flush(vd));
}

/**
 * virtback_blk_features_ok() - see &virtback_type_ops.features_ok
 * @vd: device
 * @features: what the driver accepted
 *
 * A driver that cannot flush starts with write-through (VIRTIO 1.2 section 5.2.5.2).
 *
 * Return: false for a driver that would write to zones as to any disk
 */
bool virtback_blk_features_ok(struct virtback_device *vd, u64 features)
{
	struct virtback_blk *blk = vd->type_priv;

	if (blk->zones && !(features & BIT_ULL(VIRTIO_BLK_F_ZONED))) {
		virtback_guest_err(vd, "its driver knows no zones, and the disk's are host-managed\n");
		return false;
	}
	blk_set_write_back(vd, features & BIT_ULL(VIRTIO_BLK_F_FLUSH));
	return true;
}

/**
 * virtback_blk_write_config() - see &virtback_type_ops.write_config
 * @vd: device
 * @off: where
 * @len: bytes
 * @val: what
 *
 * The only field to write is the writeback byte. Nothing is flushed when it becomes
 * 0: the vCPU would wait for a disk, and the driver must not count on it (section
 * 5.2.6.1).
 */
void virtback_blk_write_config(struct virtback_device *vd, u32 off, u32 len, u64 val)
{
	if (off == offsetof(struct virtio_blk_config, wce) && len == 1 && val <= 1 &&
	    vd->features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE))
		blk_set_write_back(vd, val);
	else
		atomic_inc(&vd->bad_accesses);
}

/**
 * virtback_blk_describe() - work out what a driver is to be told of a disk
 * @blk: disk with something behind it
 * @cfg: what the user asked for
 * @features: set to the features of the type to offer
 *
 * Nothing of it is seen before virtback_blk_show(). May sleep.
 *
 * Return: 0, or -errno after one line in the log: features_off= withholds what the
 * disk cannot do without (-EINVAL), or its zones are of no use. After both, the zones
 * are due to virtback_zoned_destroy().
 */
int virtback_blk_describe(struct virtback_blk *blk, const struct virtback_config *cfg,
			  u64 *features)
{
	struct virtback_blk_limits lim = {};
	int err;

	blk->backing->ops->limits(blk->backing, &lim);
	blk_fill_config(blk, &lim);
	err = virtback_zoned_create(blk, cfg, &lim);
	if (err)
		return err;
	*features = blk_features(blk, &lim);
	blk_clear_fields(&blk->config, *features & ~blk->vd->features_off);
	return blk_check_off(blk);
}

/**
 * virtback_blk_show() - offer a disk to drivers
 * @blk: disk, described
 * @features: as virtback_blk_describe() said
 *
 * Called with vd->lock held.
 */
void virtback_blk_show(struct virtback_blk *blk, u64 features)
{
	struct virtback_device *vd = blk->vd;

	lockdep_assert_held(&vd->lock);
	WRITE_ONCE(vd->type_features, features);
	vd->config = &blk->config;
	vd->config_len = blk_config_len(virtback_device_offered(vd));
	virtback_blk_reset(vd);
}
