/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to the Xen host.
 *
 * Locks, outermost first. With the core's (vd->lock, vq->ring_lock, vq->lock):
 *
 *	virtback_xen_guests_lock (host.c)
 *		guest->lock
 *		virtback_xen_pool_lock (pages.c)
 *	vd->lock: ring areas are mapped and unmapped
 *		vq->ring_lock: buffers are pinned
 *			guest->map_lock
 *				virtback_xen_pool_lock
 *	virtback_xen_reap_lock (chunk.c)
 *		virtback_xen_pool_lock
 *
 * guest->cache_lock is taken under any of them but the pool's, with interrupts
 * off, also in interrupt context, and under vq->lock, where a completion unpins;
 * virtback_xen_dead_lock (chunk.c) in it. Nothing else is taken there, so that
 * INVALIDATE waits for no one who waits for the guest.
 */
#ifndef VIRTBACK_XEN_PRIVATE_H
#define VIRTBACK_XEN_PRIVATE_H

#include <linux/completion.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <xen/interface/event_channel.h>
#include <xen/interface/xen.h>

#include <virtback/device.h>

#include "slot.h"

/*
 * Pages mapped at once. One hypercall maps a chunk, with its arguments on the
 * stack. Larger chunks would save first touches; but each page in flight may pin
 * a chunk of its own, and on some kernels a chunk costs this domain real memory.
 */
#define VIRTBACK_CHUNK_PAGES	16
#define VIRTBACK_CHUNK_SHIFT	4

#define VIRTBACK_CACHE_BITS	10

/**
 * struct virtback_xen_pages - address space for foreign pages
 * @link: in the pool, or free for the owner's use
 * @nr: number of pages
 * @contig: bit n: page n + 1 directly follows page n
 * @page: pages that have no memory of their own, sorted by frame number
 */
struct virtback_xen_pages {
	struct list_head link;
	unsigned int nr;
	u32 contig;
	struct page *page[];
};

/**
 * struct virtback_xen_cache_stats - counts of the chunk cache, under cache_lock
 * @hits: pins that found their chunk mapped
 * @maps: pins that had to map it
 * @evictions: chunks let go to stay within the limit
 */
struct virtback_xen_cache_stats {
	u64 hits;
	u64 maps;
	u64 evictions;
};

/**
 * struct virtback_xen_vcpu - a vCPU of a guest: its slot and its event channel
 * @guest: guest
 * @slot: slot in the ioreq page
 * @port: local event channel, 0 when not connected
 * @bound: Linux has an interrupt for @port, which closes with it
 * @irq: that interrupt's number, 0 when it has no handler
 * @name: of the interrupt
 * @req: the request taken; the interrupt's handler and thread alone
 * @slow: the device whose access the thread is to do; as @req
 * @tick: jiffies when @burst was last reset; the interrupt's handler alone
 * @burst: accesses since then; as @tick
 * @traps: requests taken
 * @slow_traps: those that the thread did
 * @throttled: those that came too fast for interrupt context
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
	struct virtback_xen_dev *slow;
	unsigned long tick;
	unsigned int burst;
	u64 traps;
	u64 slow_traps;
	u64 throttled;
	u64 invalidations;
	u64 bad;
	u64 strays;
};

/**
 * struct virtback_xen_guest - a domain with at least one device
 * @ref: held by devices until they are released and by chunks; keeps the structure
 *	 and the mapping of @ioreq, and so @domid
 * @link: in the list of guests while @nr_devs is not 0
 * @domid: domain. While @ioreq is mapped Xen cannot give the number to another
 *	   domain: a mapped page keeps even a dead one from being freed. So whoever
 *	   holds a reference may use it.
 * @id: IOREQ server
 * @enabled: the server was enabled
 * @nr_devs: devices between attach and detach; virtback_xen_guests_lock
 * @dead: the domain is being destroyed; set once
 * @lock: protects @devs
 * @devs: devices, read under RCU
 * @ioreq: address space of the ioreq page
 * @nr_vcpus: number of vCPUs
 * @vcpus: the vCPUs
 * @map_lock: held while a chunk is mapped, so that none is mapped twice
 * @cache_lock: protects what follows and the fields of chunks; taken in
 *		interrupt context
 * @closed: no new chunk is kept
 * @gen: bumped by INVALIDATE; chunks of another generation are not used any more
 * @nr_chunks: chunks mapped
 * @lru: hashed chunks that are not pinned, the longest unused one first; those
 *	 of old generations come before all others
 * @chunks: hashed chunks by number
 * @stats: counters
 * @sweep: lets go of chunks of old generations
 */
struct virtback_xen_guest {
	struct kref ref;
	struct list_head link;
	domid_t domid;
	u16 id;
	bool enabled;
	unsigned int nr_devs;
	bool dead;
	struct mutex lock;		/* devs */
	struct list_head devs;
	struct virtback_xen_pages *ioreq;
	u32 nr_vcpus;
	struct virtback_xen_vcpu *vcpus;

	struct mutex map_lock;		/* mapping of chunks */
	spinlock_t cache_lock;		/* the rest */
	bool closed;
	u32 gen;
	unsigned int nr_chunks;
	struct list_head lru;
	DECLARE_HASHTABLE(chunks, VIRTBACK_CACHE_BITS);
	struct virtback_xen_cache_stats stats;
	struct work_struct sweep;
};

/**
 * struct virtback_xen_dev - the host's part of a device
 * @link: in @guest->devs
 * @vd: device
 * @guest: guest
 * @base: guest physical address of the window
 * @irq: INTID
 * @users: 1 for being attached, 1 for each slow access
 * @idle: completed when @users falls to 0
 */
struct virtback_xen_dev {
	struct list_head link;
	struct virtback_device *vd;
	struct virtback_xen_guest *guest;
	u64 base;
	u32 irq;
	refcount_t users;
	struct completion idle;
};

/* pages.c: address space for foreign pages, and what maps them */
struct virtback_xen_pages *virtback_xen_pages_alloc(unsigned int nr);
void virtback_xen_pages_free(struct virtback_xen_pages *pages);
bool virtback_xen_pages_busy(const struct virtback_xen_pages *pages);
bool virtback_xen_pages_scarce(void);
void virtback_xen_pages_exit(void);
u32 virtback_xen_map_foreign(domid_t domid, u64 gfn, struct page **page, unsigned int nr);
int virtback_xen_map_ioreq(domid_t domid, u16 id, struct page *page);
bool virtback_xen_unmap(struct page **page, unsigned int nr, u32 mapped);

/* chunk.c: guest memory, kept mapped */
int virtback_xen_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
		     struct virtback_piece *p);
void virtback_xen_unpin(struct virtback_device *vd, struct virtback_piece *p);
int virtback_xen_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		     struct virtback_area *area);
void virtback_xen_unmap_area(struct virtback_device *vd, struct virtback_area *area);
void virtback_xen_cache_init(struct virtback_xen_guest *guest);
void virtback_xen_cache_invalidate(struct virtback_xen_guest *guest);
void virtback_xen_cache_close(struct virtback_xen_guest *guest);
void virtback_xen_cache_flush(void);
int virtback_xen_chunk_init(void);
void virtback_xen_chunk_exit(void);

/* server.c: the IOREQ server of a guest */
struct virtback_xen_guest *virtback_xen_guest_create(domid_t domid, const char *who);
void virtback_xen_guest_destroy(struct virtback_xen_guest *guest);
void virtback_xen_guest_put(struct virtback_xen_guest *guest);
bool virtback_xen_guest_alive(struct virtback_xen_guest *guest);
void virtback_xen_dev_put(struct virtback_xen_dev *xd);

/* stats.c: what can be read of a guest */
extern const struct attribute_group virtback_xen_group;

/* host.c: where it all begins */
bool virtback_xen_possible(void);

#endif
