/* SPDX-License-Identifier: GPL-2.0 */
/*
 * With VIRTBACK_FAULTS=y this comes before every file of the module: hypercalls, event
 * channels and allocations ask virtback_fault() whether this is the one that fails.
 */
#ifndef VIRTBACK_FAULT_H
#define VIRTBACK_FAULT_H

/* As the files have it, who may no longer define another. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/xen.h>
#include <xen/xenbus.h>
#include <asm/xen/hypercall.h>

bool virtback_fault(void);

#ifndef VIRTBACK_FAULT_ITSELF

#define HYPERVISOR_dm_op(...) \
	(virtback_fault() ? -ENOMEM : HYPERVISOR_dm_op(__VA_ARGS__))
#define HYPERVISOR_memory_op(...) \
	(virtback_fault() ? -ENOMEM : HYPERVISOR_memory_op(__VA_ARGS__))
#define HYPERVISOR_event_channel_op(...) \
	(virtback_fault() ? -ENOMEM : HYPERVISOR_event_channel_op(__VA_ARGS__))
#define xen_alloc_unpopulated_pages(...) \
	(virtback_fault() ? -ENOMEM : xen_alloc_unpopulated_pages(__VA_ARGS__))
#define gnttab_alloc_pages(...) \
	(virtback_fault() ? -ENOMEM : gnttab_alloc_pages(__VA_ARGS__))
#define bind_evtchn_to_irq_lateeoi(...) \
	(virtback_fault() ? -ENOMEM : bind_evtchn_to_irq_lateeoi(__VA_ARGS__))
#define request_threaded_irq(...) \
	(virtback_fault() ? -ENOMEM : request_threaded_irq(__VA_ARGS__))
#define register_xenbus_watch(...) \
	(virtback_fault() ? -ENOMEM : register_xenbus_watch(__VA_ARGS__))

/* From 6.10 on the names are macros, and these are the functions. */
#ifdef kzalloc
#undef kzalloc
#undef kcalloc
#undef kvzalloc
#undef kvcalloc
#undef kvmalloc_array
#undef kstrdup
#define kzalloc(...)	(virtback_fault() ? NULL : kzalloc_noprof(__VA_ARGS__))
#define kcalloc(...)	(virtback_fault() ? NULL : kcalloc_noprof(__VA_ARGS__))
#define kvzalloc(...)	(virtback_fault() ? NULL : kvzalloc_noprof(__VA_ARGS__))
#define kvcalloc(...)	(virtback_fault() ? NULL : kvcalloc_noprof(__VA_ARGS__))
#define kvmalloc_array(...) (virtback_fault() ? NULL : kvmalloc_array_noprof(__VA_ARGS__))
#define kstrdup(...)	(virtback_fault() ? NULL : kstrdup_noprof(__VA_ARGS__))
#else
#define kzalloc(...)	(virtback_fault() ? NULL : kzalloc(__VA_ARGS__))
#define kcalloc(...)	(virtback_fault() ? NULL : kcalloc(__VA_ARGS__))
#define kvzalloc(...)	(virtback_fault() ? NULL : kvzalloc(__VA_ARGS__))
#define kvcalloc(...)	(virtback_fault() ? NULL : kvcalloc(__VA_ARGS__))
#define kvmalloc_array(...) (virtback_fault() ? NULL : kvmalloc_array(__VA_ARGS__))
#define kstrdup(...)	(virtback_fault() ? NULL : kstrdup(__VA_ARGS__))
#endif

#endif
#endif
