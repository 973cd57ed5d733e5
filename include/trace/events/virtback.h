/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of the core: what a driver does to a device, whatever its type and its host.
 * Documentation/tracing.rst has them all, with those of the block type
 * (virtback_blk.h) and of the Xen host (virtback_xen.h). Arguments are what the caller
 * has at hand, so that an event that is off costs a patched branch and no more.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtback

#if !defined(_TRACE_VIRTBACK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VIRTBACK_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include <virtback/device.h>
#include <virtback/mmio.h>

/* An access of the driver to the window, when it has been answered. */
DECLARE_EVENT_CLASS(virtback_mmio,
	TP_PROTO(const struct virtback_device *vd, const struct virtback_access *a),
	TP_ARGS(vd, a),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u32, offset)
		__field(u32, width)
		__field(u64, value)
	),
	TP_fast_assign(
		memcpy(__entry->device, vd->name, VIRTBACK_NAME_LEN);
		__entry->offset = a->offset;
		__entry->width = a->size;
		__entry->value = a->data;
	),
	TP_printk("%s offset=0x%03x value=0x%llx width=%u", __entry->device, __entry->offset,
		  __entry->value, __entry->width)
);

DEFINE_EVENT(virtback_mmio, virtback_mmio_read,
	TP_PROTO(const struct virtback_device *vd, const struct virtback_access *a),
	TP_ARGS(vd, a)
);

DEFINE_EVENT(virtback_mmio, virtback_mmio_write,
	TP_PROTO(const struct virtback_device *vd, const struct virtback_access *a),
	TP_ARGS(vd, a)
);

/* The driver has notified a queue. */
TRACE_EVENT(virtback_kick,
	TP_PROTO(const struct virtback_vq *vq),
	TP_ARGS(vq),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u16, queue)
	),
	TP_fast_assign(
		memcpy(__entry->device, vq->vd->name, VIRTBACK_NAME_LEN);
		__entry->queue = vq->index;
	),
	TP_printk("%s queue=%u", __entry->device, __entry->queue)
);

/* A chain was taken from the ring; once more when it has to wait for pages. */
TRACE_EVENT(virtback_request_start,
	TP_PROTO(const struct virtback_req *req, const struct virtback_chain *chain),
	TP_ARGS(req, chain),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u16, queue)
		__field(u16, head)
		__field(u64, out)
		__field(u64, in)
	),
	TP_fast_assign(
		memcpy(__entry->device, req->vq->vd->name, VIRTBACK_NAME_LEN);
		__entry->queue = req->vq->index;
		__entry->head = req->id;
		__entry->out = chain->out.left;
		__entry->in = chain->in.left;
	),
	TP_printk("%s queue=%u head=%u out=%llu in=%llu", __entry->device, __entry->queue,
		  __entry->head, __entry->out, __entry->in)
);

/* A request has ended; lost: a reset made it void, and the driver hears nothing. */
TRACE_EVENT(virtback_request_complete,
	TP_PROTO(const struct virtback_req *req, u32 len),
	TP_ARGS(req, len),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u16, queue)
		__field(u16, head)
		__field(u32, len)
		__field(bool, lost)
	),
	TP_fast_assign(
		memcpy(__entry->device, req->vq->vd->name, VIRTBACK_NAME_LEN);
		__entry->queue = req->vq->index;
		__entry->head = req->id;
		__entry->len = len;
		__entry->lost = !virtback_req_live(req);
	),
	TP_printk("%s queue=%u head=%u len=%u lost=%d", __entry->device, __entry->queue,
		  __entry->head, __entry->len, __entry->lost)
);

/* The host raises the device's interrupt; repeat: the driver did not answer the last. */
TRACE_EVENT(virtback_interrupt,
	TP_PROTO(const struct virtback_device *vd, bool repeat),
	TP_ARGS(vd, repeat),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u32, isr)
		__field(bool, repeat)
	),
	TP_fast_assign(
		memcpy(__entry->device, vd->name, VIRTBACK_NAME_LEN);
		__entry->isr = atomic_read(&vd->isr);
		__entry->repeat = repeat;
	),
	TP_printk("%s isr=%u repeat=%d", __entry->device, __entry->isr, __entry->repeat)
);

#endif

#include <trace/define_trace.h>
