/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of the Xen host: what is mapped of a guest, and when it goes. gfn is a guest
 * frame number, nr_pages counts pages of 4 KiB.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtback
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE virtback_xen

#if !defined(_TRACE_VIRTBACK_XEN_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VIRTBACK_XEN_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include <virtback/device.h>

/* Pages of a guest; mapped has a bit for each that is (or was) there. */
DECLARE_EVENT_CLASS(virtback_xen_pages,
	TP_PROTO(u16 domid, u64 gfn, unsigned int nr_pages, u32 mapped),
	TP_ARGS(domid, gfn, nr_pages, mapped),
	TP_STRUCT__entry(
		__field(u16, domid)
		__field(u64, gfn)
		__field(unsigned int, nr_pages)
		__field(u32, mapped)
	),
	TP_fast_assign(
		__entry->domid = domid;
		__entry->gfn = gfn;
		__entry->nr_pages = nr_pages;
		__entry->mapped = mapped;
	),
	TP_printk("dom%u gfn=0x%llx nr_pages=%u mapped=0x%x", __entry->domid, __entry->gfn,
		  __entry->nr_pages, __entry->mapped)
);

/* Mapped at the first touch, or again where pages were missing. */
DEFINE_EVENT(virtback_xen_pages, virtback_xen_map,
	TP_PROTO(u16 domid, u64 gfn, unsigned int nr_pages, u32 mapped),
	TP_ARGS(domid, gfn, nr_pages, mapped)
);

/* Chosen to make room for another mapping; virtback_xen_unmap follows. */
DEFINE_EVENT(virtback_xen_pages, virtback_xen_evict,
	TP_PROTO(u16 domid, u64 gfn, unsigned int nr_pages, u32 mapped),
	TP_ARGS(domid, gfn, nr_pages, mapped)
);

DEFINE_EVENT(virtback_xen_pages, virtback_xen_unmap,
	TP_PROTO(u16 domid, u64 gfn, unsigned int nr_pages, u32 mapped),
	TP_ARGS(domid, gfn, nr_pages, mapped)
);

/* The guest's memory has changed: nothing that was mapped before is found again. */
TRACE_EVENT(virtback_xen_invalidate,
	TP_PROTO(u16 domid, u64 generation),
	TP_ARGS(domid, generation),
	TP_STRUCT__entry(
		__field(u16, domid)
		__field(u64, generation)
	),
	TP_fast_assign(
		__entry->domid = domid;
		__entry->generation = generation;
	),
	TP_printk("dom%u generation=%llu", __entry->domid, __entry->generation)
);

/* One hypercall that copied from or to granted pages. */
TRACE_EVENT(virtback_xen_grant_copy,
	TP_PROTO(const struct virtback_device *vd, unsigned int nr, int error),
	TP_ARGS(vd, nr, error),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(unsigned int, nr)
		__field(int, error)
	),
	TP_fast_assign(
		memcpy(__entry->device, vd->name, VIRTBACK_NAME_LEN);
		__entry->nr = nr;
		__entry->error = error;
	),
	TP_printk("%s nr=%u [%d]", __entry->device, __entry->nr, __entry->error)
);

/* Granted pages that were mapped, for a ring. */
TRACE_EVENT(virtback_xen_grant_map,
	TP_PROTO(const struct virtback_device *vd, u32 gref, unsigned int nr_pages, int error),
	TP_ARGS(vd, gref, nr_pages, error),
	TP_STRUCT__entry(
		__array(char, device, VIRTBACK_NAME_LEN)
		__field(u32, gref)
		__field(unsigned int, nr_pages)
		__field(int, error)
	),
	TP_fast_assign(
		memcpy(__entry->device, vd->name, VIRTBACK_NAME_LEN);
		__entry->gref = gref;
		__entry->nr_pages = nr_pages;
		__entry->error = error;
	),
	TP_printk("%s gref=%u nr_pages=%u [%d]", __entry->device, __entry->gref,
		  __entry->nr_pages, __entry->error)
);

#endif

#include <trace/define_trace.h>
