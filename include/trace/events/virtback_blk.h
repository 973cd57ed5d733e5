/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of the block device type. Fields that the block layer's events have, too, are
 * named and printed as there: dev is the backing device (0,0 for a file).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtback
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE virtback_blk

#if !defined(_TRACE_VIRTBACK_BLK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VIRTBACK_BLK_H

#include <linux/blkdev.h>
#include <linux/blktrace_api.h>
#include <linux/kdev_t.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include <virtback/blk_trace.h>
#include <virtback/device.h>

/* A pass of a request goes to the backing store; a long request has several. */
TRACE_EVENT(virtback_blk_submit,
	TP_PROTO(const struct virtback_req *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u16, queue)
		__field(u16, head)
		__field(dev_t, dev)
		__field(sector_t, sector)
		__field(unsigned int, nr_sector)
		__array(char, rwbs, VIRTBACK_RWBS_LEN)
	),
	TP_fast_assign(
		struct virtback_blk_trace t;

		virtback_blk_trace_pass(req, &t);
		memcpy(__entry->device, req->vq->vd->name, VIRTBACK_NAME_LEN);
		__entry->queue = req->vq->index;
		__entry->head = req->id;
		__entry->dev = t.dev;
		__entry->sector = t.sector;
		__entry->nr_sector = t.nr_sector;
		memcpy(__entry->rwbs, t.rwbs, VIRTBACK_RWBS_LEN);
	),
	TP_printk("%s queue=%u head=%u %d,%d %s %llu + %u", __entry->device, __entry->queue,
		  __entry->head, MAJOR(__entry->dev), MINOR(__entry->dev), __entry->rwbs,
		  (unsigned long long)__entry->sector, __entry->nr_sector)
);

/* A request has ended: all of it, or as far as it got. */
TRACE_EVENT(virtback_blk_complete,
	TP_PROTO(const struct virtback_req *req, u8 status),
	TP_ARGS(req, status),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u16, queue)
		__field(u16, head)
		__field(dev_t, dev)
		__field(sector_t, sector)
		__field(unsigned int, nr_sector)
		__array(char, rwbs, VIRTBACK_RWBS_LEN)
		__field(u8, status)
		__field(int, error)
	),
	TP_fast_assign(
		struct virtback_blk_trace t;

		virtback_blk_trace_whole(req, &t);
		memcpy(__entry->device, req->vq->vd->name, VIRTBACK_NAME_LEN);
		__entry->queue = req->vq->index;
		__entry->head = req->id;
		__entry->dev = t.dev;
		__entry->sector = t.sector;
		__entry->nr_sector = t.nr_sector;
		memcpy(__entry->rwbs, t.rwbs, VIRTBACK_RWBS_LEN);
		__entry->status = status;
		__entry->error = virtback_blk_errno(status);
	),
	TP_printk("%s queue=%u head=%u %d,%d %s %llu + %u [%d] status=%u", __entry->device,
		  __entry->queue, __entry->head, MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->rwbs, (unsigned long long)__entry->sector, __entry->nr_sector,
		  __entry->error, __entry->status)
);

#endif

#include <trace/define_trace.h>
