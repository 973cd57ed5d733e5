// SPDX-License-Identifier: GPL-2.0
/*
 * What the first bytes of an input say: disks, images and options of the device.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "machine.h"
#undef memcpy

#define ZONE_SECTORS	256

static u64 tops[FZ_DISKS];
static int writers[FZ_DISKS];

u64 fz_image_top(const struct fz_image *im)
{
	return tops[im - fz_images];
}

bool fz_bdev_writable(const struct block_device *b)
{
	return writers[b - fz_disks];
}

void fz_bdev_set_writable(struct block_device *b, bool on)
{
	writers[b - fz_disks] += on ? 1 : -1;
}

static void disk_begin(struct block_device *b, const u8 *head, bool zoned)
{
	static const u32 blocks[] = { 512, 512, 4096, 1024 };
	u8 like = head[6], limits = head[7];
	int i;

	*b = (struct block_device){
		.capacity = 8192,
		.block_size = blocks[like & 3],
		.physical = 4096,
		.cache = !(like & 4),
		.stable = like & 8,
		.dma_mask = like & 16 ? 4095 : like & 32 ? 3 : 511,
		.read_only = (like & 0xc0) == 0xc0,
		.offset = limits & 1 ? -1 : 0,
		.discard = limits & 2 ? 0 : limits & 4 ? 100 : 4096,
		.granularity = limits & 8 ? 0 : 4096,
		.zeroes = limits & 16 ? 0 : 1024,
		.erase = limits & 32 ? 512 : 0,
	};
	INIT_LIST_HEAD(&b->bios);
	if (zoned) {
		b->zone_sectors = limits & 64 ? 100 : ZONE_SECTORS;
		b->append = limits & 128 ? 8 : 128;
		b->capacity = FZ_ZONES * ZONE_SECTORS - (limits & 1) * 64;
	}
	b->top = b->capacity;
	for (i = 0; zoned && i < FZ_ZONES; i++) {
		struct blk_zone *z = &b->zones[i];

		z->start = (u64)i * b->zone_sectors;
		z->len = b->zone_sectors;
		z->capacity = b->zone_sectors - (i == 5 ? 64 : 0);
		z->type = i < 2 ? BLK_ZONE_TYPE_CONVENTIONAL : BLK_ZONE_TYPE_SEQWRITE_REQ;
		z->cond = i < 2 ? BLK_ZONE_COND_NOT_WP : i == 14 ? BLK_ZONE_COND_OFFLINE :
			  i == 15 ? BLK_ZONE_COND_READONLY : BLK_ZONE_COND_EMPTY;
		z->wp = z->start;
	}
}

static void image_begin(struct fz_image *im, const u8 *head)
{
	u8 like = head[6], limits = head[7];

	*im = (struct fz_image){
		.inode = {
			.i_mode = S_IFREG,
			.i_sb = &im->sb,
			.i_size = 4096 * 1024 + (like & 4 ? 100 : 0),
			.i_blkbits = (like & 3) == 2 ? 12 : 9,
			.swap = (limits & 0xf0) == 0xf0,
		},
		.index = im - fz_images,
		.nowait = !(like & 8),
		.no_direct = (like & 0x30) == 0x30,
		.no_write = (like & 0xc0) == 0xc0,
		.no_fallocate = limits & 2,
	};
	im->sb.s_bdev = limits & 4 ? &fz_disks[0] : NULL;
	tops[im->index] = im->inode.i_size;
}

/**
 * fz_stores_begin() - make the disks and images
 * @head: first bytes of the input
 */
void fz_stores_begin(const u8 *head)
{
	int i;

	fz_disks_answer = head[11] & 2;
	for (i = 0; i < FZ_DISKS; i++) {
		writers[i] = 0;
		disk_begin(&fz_disks[i], head, (head[0] >> 1 & 3) == 2);
		image_begin(&fz_images[i], head);
	}
	/* The second, which may take the place of the first, is not quite the same. */
	if (head[1] & 0x80) {
		fz_disks[1].capacity = 4096;
		fz_disks[1].top = 4096;
	}
	if (head[1] & 0x40)
		fz_disks[1].cache = !fz_disks[1].cache;
	fz_store_reset();
}

/**
 * fz_config_begin() - what the device is made of, and what its driver wants
 * @m: the machine
 * @head: first bytes of the input
 */
void fz_config_begin(struct fz_machine *m, const u8 *head)
{
	static const u16 sizes[] = { 16, 64, 8, 4, 3, 2, 1, 5, 33, 128, 256, 16, 32, 64, 17, 7 };
	static const u8 queues[] = { 1, 1, 2, 4 };
	static const u16 polls[] = { 0, 0, 0, 0, 5, 50, 200, 1000 };
	static const char *const paths[] = { "/b0", "/f0", "/b0", VIRTBACK_NO_BACKING };
	static const struct { u8 bit; bool off; } features[] = {
		/* a driver's habits: those with off=false it has unless told otherwise */
		{ VIRTIO_F_RING_PACKED, true }, { VIRTIO_RING_F_EVENT_IDX, false },
		{ VIRTIO_RING_F_INDIRECT_DESC, false }, { VIRTIO_F_IN_ORDER, true },
		{ VIRTIO_BLK_F_FLUSH, false }, { VIRTIO_BLK_F_CONFIG_WCE, false },
		{ VIRTIO_F_NOTIFICATION_DATA, true }, { VIRTIO_F_RING_RESET, false },
	};
	int i;

	memset(&m->cfg, 0, sizeof(m->cfg));
	snprintf(m->path, sizeof(m->path), "%s", paths[head[0] >> 1 & 3]);
	m->cfg.backing = m->path;
	m->cfg.readonly = head[0] & 8;
	/* A host that copies refuses dma=direct. */
	m->cfg.dma = (head[0] & 17) == 16 ? VIRTBACK_DMA_DIRECT : VIRTBACK_DMA_BOUNCE;
	m->cfg.direct_io = !(head[0] & 32);
	__set_bit(VIRTBACK_OPT_DIRECT_IO, &m->cfg.set);
	m->cfg.queues = queues[head[0] >> 6];
	m->cfg.queue_size = sizes[head[1] & 15];
	m->cfg.reset_timeout_ms = 1000;
	m->cfg.poll_us = polls[head[12] & 7];
	m->cfg.features_off = 0;
	m->offer = 0;
	for (i = 0; i < 8; i++) {
		if (!!(head[3] & 1 << i) != features[i].off)
			m->offer |= BIT_ULL(features[i].bit);
		if (head[2] & 1 << i)
			m->cfg.features_off |= BIT_ULL(features[i].bit);
	}
	if (head[2] == 0xff)
		m->cfg.features_off = BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_RO) |
				      BIT_ULL(VIRTIO_BLK_F_ZONED) |
				      BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
}
