/* SPDX-License-Identifier: GPL-2.0 */
/* What the events of the block type say of a request. */
#ifndef VIRTBACK_BLK_TRACE_H
#define VIRTBACK_BLK_TRACE_H

#include <linux/types.h>

struct virtback_req;

/* As long as blk_fill_rwbs() of any kernel wants it. */
#define VIRTBACK_RWBS_LEN	16

/**
 * struct virtback_blk_trace - a request, or a pass of it
 * @dev: backing device, 0 for a file or none
 * @sector: its first 512-byte sector
 * @nr_sector: how many
 * @rwbs: operation and flags in letters, as blk_fill_rwbs() has them
 */
struct virtback_blk_trace {
	dev_t dev;
	sector_t sector;
	unsigned int nr_sector;
	char rwbs[VIRTBACK_RWBS_LEN];
};

/* drivers/blk/trace.c */
void virtback_blk_trace_pass(const struct virtback_req *req, struct virtback_blk_trace *t);
void virtback_blk_trace_whole(const struct virtback_req *req, struct virtback_blk_trace *t);
int virtback_blk_errno(u8 status);

#endif
