/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Zoned disks (VIRTIO 1.3 section 5.2, VIRTIO_BLK_F_ZONED): zoned.c knows the zones
 * and checks requests, zonework.c does what sleeps and says how requests ended.
 */
#ifndef VIRTBACK_ZONED_H
#define VIRTBACK_ZONED_H

#include "blk.h"

struct workqueue_struct;

/**
 * struct virtback_zones - the zones of a zoned disk; constant while it exists
 * @capacity: 512-byte sectors that they cover; a store that grows gains no zones
 * @sectors: 512-byte sectors of a zone, but the last may be shorter
 * @nr: number of zones
 * @granularity: bytes that writes to sequential zones are multiples of
 * @sequential: bit set for each zone that has a write pointer
 * @wq: for what sleeps for long; one at a time, so that a guest that asks for
 *	many reports keeps one thread busy and no more
 */
struct virtback_zones {
	u64 capacity;
	u32 sectors;
	u32 nr;
	u32 granularity;
	unsigned long *sequential;
	struct workqueue_struct *wq;
};

static inline u32 virtback_zone_no(const struct virtback_zones *z, u64 sector)
{
	return sector >> ilog2(z->sectors);
}

static inline bool virtback_zone_is_seq(const struct virtback_zones *z, u64 sector)
{
	return test_bit(virtback_zone_no(z, sector), z->sequential);
}

/* drivers/blk/zoned.c */
int virtback_zoned_create(struct virtback_blk *blk, const struct virtback_config *cfg,
			  const struct virtback_blk_limits *lim);
void virtback_zoned_destroy(struct virtback_blk *blk);
u64 virtback_zoned_features(const struct virtback_blk *blk, u64 features);
bool virtback_zoned_parse(struct virtback_blk_req *br, u32 type);
u8 virtback_zoned_check(const struct virtback_blk *blk, bool write, u64 sector, u64 bytes);

/* drivers/blk/zonework.c */
void virtback_zoned_start_report(struct virtback_req *req);
void virtback_zoned_start_reset_all(struct virtback_req *req);
void virtback_zoned_pass_done(struct virtback_req *req, u8 status, u64 sector);

#endif
