/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to the Xen host.
 *
 * Locks, outermost first. With the core's (vd->lock, vq->ring_lock, vq->lock):
 *
 *	guest->attach_lock
 *		guest->lock, the locks of the cache
 *	virtback_xen_guests_lock (host.c)
 *		guest->lock, the locks of the cache
 *	vd->lock: ring areas are mapped and unmapped
 *		vq->ring_lock: buffers are pinned
 *			the locks of the cache, see cache.h
 */
#ifndef VIRTBACK_XEN_PRIVATE_H
#define VIRTBACK_XEN_PRIVATE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <xen/interface/event_channel.h>
#include <xen/interface/xen.h>

#include <virtback/device.h>

#include "budget.h"
#include "cache.h"
#include "lender.h"
#include "slot.h"

/**
 * struct virtback_xen_vcpu - a vCPU of a guest: its slot and its event channel
 * @guest: guest
 * @slot: slot in the ioreq page
 * @port: local event channel, 0 when not connected
 * @bound: Linux has an interrupt for @port, which closes with it
 * @irq: that interrupt's number, 0 when it has no handler
 * @name: of the interrupt
 * @req: the request taken. As what follows, it is for whoever took the request, until
 *	 the slot is finished: the interrupt's handler, its thread, or one who watches.
 * @event: it came with an event, whose EOI is due
 * @slow: the device whose access the thread is to do, NULL when the thread is to do what
 *	  the handler does
 * @left: the thread is to answer, and has not yet
 * @start: when it was taken, for the latency of its answer
 * @traps: requests taken
 * @slow_traps: those that may sleep, so the thread did them
 * @throttled: those that came when the guest's share of interrupt context was used up; one
 *	       of these that may sleep counts as both
 * @watched: those that a worker found, without an event
 * @invalidations: those that were INVALIDATE
 * @bad: those that no memory window can get
 * @strays: accesses that hit no device
 */
struct virtback_xen_vcpu {
	struct virtback_xen_guest *guest;
	struct virtback_slot *slot;
	evtchn_port_t port;
	bool bound;
	int irq;
	char name[32];
	struct virtback_slot_req req;
	bool event;
	struct virtback_xen_dev *slow;
	bool left;
	u64 start;
	u64 traps;
	u64 slow_traps;
	u64 throttled;
	u64 watched;
	u64 invalidations;
	u64 bad;
	u64 strays;
};

/**
 * struct virtback_xen_guest - a domain with at least one device
 * @ref: held by devices until they are released, by @cache's chunks and its reaper; keeps the
 *	 structure and the mapping of @ioreq, and so @domid
 * @link: in the list of guests while @nr_devs is not 0
 * @domid: domain. While @ioreq is mapped Xen cannot give the number to another
 *	   domain: a mapped page keeps even a dead one from being freed. So whoever
 *	   holds a reference may use it.
 * @id: IOREQ server
 * @enabled: the server was enabled
 * @nr_devs: devices between attach and detach; virtback_xen_guests_lock
 * @dead: the domain is being destroyed; set once
 * @attach_lock: one device is made at a time, or another one could take its interrupt
 *		 meanwhile. Held for as long as it takes to unmap what is over a new limit,
 *		 which the guest can draw out.
 * @lock: protects @devs
 * @devs: devices, read under RCU
 * @ioreq: address space of the ioreq page
 * @nr_vcpus: number of vCPUs
 * @vcpus: the vCPUs
 * @look: looks whether the domain lives, and unmaps what is mapped of it when not; while
 *	  @nr_devs is not 0 (look.c)
 * @look_move: starts @look on another CPU
 * @look_moves: such starts under way; far below 0 when there are to be no more
 * @retry: takes the server down when that could not be done at once
 * @pause: how long it has waited for that, jiffies
 * @budget: what they have had of interrupt context
 * @cache: what is mapped of its memory
 */
struct virtback_xen_guest {
	struct kref ref;
	struct list_head link;
	domid_t domid;
	u16 id;
	bool enabled;
	unsigned int nr_devs;
	bool dead;
	struct mutex attach_lock;	/* making devices */
	struct mutex lock;		/* devs */
	struct list_head devs;
	struct virtback_xen_pages *ioreq;
	u32 nr_vcpus;
	struct virtback_xen_vcpu *vcpus;
	struct hrtimer look;
	call_single_data_t look_move;
	atomic_t look_moves;
	struct delayed_work retry;
	unsigned long pause;
	struct virtback_xen_budget __percpu *budget;
	struct virtback_xen_cache cache;
};

/**
 * struct virtback_xen_dev - the host's part of a device
 * @link: in @guest->devs
 * @vd: device
 * @guest: guest
 * @base: guest physical address of the window
 * @irq: INTID
 * @room: what it takes of the room for the guest's memory, nothing with grants
 * @grants: mapping=grant, constant
 * @lenders: where data that is granted is mapped, for each queue; NULL when all of it
 *	     is copied. Made before and freed after anyone reads it.
 * @grant_pages: granted pages that are mapped now for rings
 * @grant_copies: copies that Xen made, each within one granted page
 * @grant_calls: hypercalls that asked for them
 * @acks: the vCPU that acknowledged an interrupt last, NULL before; a hint
 * @users: 1 for being attached, 1 for each slow access and each who watches
 * @idle: completed when @users falls to 0
 */
struct virtback_xen_dev {
	struct list_head link;
	struct virtback_device *vd;
	struct virtback_xen_guest *guest;
	u64 base;
	u32 irq;
	struct virtback_xen_room room;
	bool grants;
	struct virtback_lender *lenders;
	atomic64_t grant_pages;
	atomic64_t grant_copies;
	atomic64_t grant_calls;
	struct virtback_xen_vcpu *acks;
	refcount_t users;
	struct completion idle;
};

/* grant.c: memory that the guest grants */
int virtback_grant_copy(struct virtback_device *vd, struct virtback_copy *ops, unsigned int nr);
int virtback_grant_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		       struct virtback_area *area);
void virtback_grant_unmap(struct virtback_device *vd, struct virtback_area *area);
int virtback_grant_borrow(struct virtback_vq *vq, struct virtback_piece *list, bool write);
bool virtback_grant_busy(struct virtback_vq *vq, const struct virtback_piece *list);
void virtback_grant_give_back(struct virtback_vq *vq, struct virtback_piece *list);
void virtback_grant_start(struct virtback_xen_dev *xd, unsigned int map_kb);
void virtback_grant_stop(struct virtback_xen_dev *xd);

/* host.c */
void virtback_xen_bury_soon(void);

/* look.c: whether a guest's domain is being destroyed */
void virtback_xen_look_start(struct virtback_xen_guest *guest);
void virtback_xen_look_stop(struct virtback_xen_guest *guest);

/* server.c: the IOREQ server of a guest */
struct virtback_xen_guest *virtback_xen_guest_create(domid_t domid, const char *who);
void virtback_xen_guest_destroy(struct virtback_xen_guest *guest);
void virtback_xen_guest_put(struct virtback_xen_guest *guest);
bool virtback_xen_guest_alive(struct virtback_xen_guest *guest);
void virtback_xen_server_exit(void);

/*
 * Who watches wakes the thread of a vCPU's interrupt. With "threadirqs" that would be a
 * thread for the handler, which knows nothing of the access, so the handler must not get
 * one. With PREEMPT_RT it has to, since it takes locks that sleep there; then nobody
 * watches.
 */
#define VIRTBACK_XEN_TRAP_FLAGS	(IS_ENABLED(CONFIG_PREEMPT_RT) ? 0 : IRQF_NO_THREAD)

/* trap.c: register accesses */
irqreturn_t virtback_xen_trap(int irq, void *data);
irqreturn_t virtback_xen_trap_thread(int irq, void *data);
void virtback_xen_dev_put(struct virtback_xen_dev *xd);
void *virtback_xen_trap_watch(struct virtback_device *vd);
bool virtback_xen_trap_look(struct virtback_device *vd, void *watch);
void virtback_xen_trap_unwatch(struct virtback_device *vd, void *watch);

/* stats.c: what can be read of a guest */
extern const struct attribute_group virtback_xen_group;

/* host.c: where it all begins */
bool virtback_xen_possible(void);

#endif
