// SPDX-License-Identifier: GPL-2.0
/* What the events of the block type say of a request; for nothing but them. */
#include <linux/blktrace_api.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "blk.h"

#define CREATE_TRACE_POINTS
#include <trace/events/virtback_blk.h>

static void blk_trace_fill(const struct virtback_req *req, struct virtback_blk_trace *t,
			   u64 sector, u64 bytes)
{
	const struct virtback_blk_req *br = virtback_req_priv((struct virtback_req *)req);
	const struct virtback_backing *b = virtback_blk_of(req)->backing;

	t->dev = b ? b->dev : 0;
	t->sector = sector;
	t->nr_sector = bytes >> SECTOR_SHIFT;
	memset(t->rwbs, 0, sizeof(t->rwbs));
	/* Exported by kernels that have events, and called where there are some. */
	if (IS_ENABLED(CONFIG_EVENT_TRACING))
		blk_fill_rwbs(t->rwbs, br->opf);
}

/**
 * virtback_blk_trace_pass() - describe what is about to be submitted
 * @req: request with a pass that is ready
 * @t: filled
 *
 * Any context.
 */
void virtback_blk_trace_pass(const struct virtback_req *req, struct virtback_blk_trace *t)
{
	const struct virtback_blk_req *br = virtback_req_priv((struct virtback_req *)req);

	blk_trace_fill(req, t, br->sector + (br->done >> SECTOR_SHIFT), br->len);
}

/**
 * virtback_blk_trace_whole() - describe a request that ends
 * @req: request
 * @t: filled; of ranges to discard and the like the last one is named
 *
 * Any context.
 */
void virtback_blk_trace_whole(const struct virtback_req *req, struct virtback_blk_trace *t)
{
	const struct virtback_blk_req *br = virtback_req_priv((struct virtback_req *)req);

	blk_trace_fill(req, t, br->sector, br->total ?: br->len);
}

/**
 * virtback_blk_errno() - a status byte as the block layer would say it
 * @status: VIRTIO_BLK_S_*
 *
 * Return: 0 or -errno.
 */
int virtback_blk_errno(u8 status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return 0;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	case VIRTIO_BLK_S_ZONE_OPEN_RESOURCE:
		return -ETOOMANYREFS;
	case VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE:
		return -EOVERFLOW;
	default:
		return -EIO;
	}
}
