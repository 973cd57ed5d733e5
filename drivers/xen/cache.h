/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory, kept mapped: private to the Xen host, and without a word of Xen's
 * headers, so that tests build it with a hypervisor of their own (memory.c is what
 * they replace).
 *
 * Locks, outermost first:
 *
 *	cache->map_lock: whatever is mapped or unmapped of chunks, but for
 *			 virtback_xen_cache_drop()
 *		virtback_xen_pool_lock (pages.c)
 *		cache->lock
 *
 * map_lock is taken by a queue's worker under vq->ring_lock, and under vd->lock for
 * ring areas. cache->lock is also taken in interrupt context, and under vq->lock,
 * where a completion unpins. No lock of ours is taken there, so that INVALIDATE waits
 * for no one who waits for the guest.
 */
#ifndef VIRTBACK_XEN_CACHE_H
#define VIRTBACK_XEN_CACHE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <virtback/count.h>
#include <virtback/mem.h>

struct page;

/*
 * Pages mapped at once. One hypercall maps a chunk, with its arguments on the
 * stack. Larger chunks would save first touches; but each page in flight may pin
 * a chunk of its own, and on some kernels a chunk costs this domain real memory.
 */
#define VIRTBACK_CHUNK_PAGES	16
#define VIRTBACK_CHUNK_SHIFT	4

/*
 * Each pin looks here with interrupts off, and others wait for it: 64 KiB for a chunk in each
 * bucket with the default limit, and 32 with the highest, 262144 chunks.
 */
#define VIRTBACK_CACHE_BITS	13

/*
 * Chunks in a bucket; one that comes then is not kept. A guest chooses where its pages are, and
 * could have all of them in one.
 */
#define VIRTBACK_BUCKET_MAX	64

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
 * struct virtback_xen_cache_stats - counts of what a cache did
 * @hits: pins that found their chunk mapped; cache->lock
 * @maps: pins that had to map something; map_lock, as what follows
 * @evictions: chunks let go to make room for another mapping
 * @singles: pages that were mapped alone, for one pin
 * @refused: pins for which there was no room or no memory
 */
struct virtback_xen_cache_stats {
	u64 hits;
	u64 maps;
	u64 evictions;
	u64 singles;
	u64 refused;
};

/**
 * struct virtback_xen_cache - what is mapped of a guest
 * @domid: guest
 * @map_lock: held while anything is mapped or unmapped, so that no two pins map the same
 *	      (a chunk may be there twice that could not be pinned, and then could);
 *	      protects what follows up to @lock. Statistics are read without it.
 * @rooms: what the guest's devices take of it
 * @limit: pages that may be mapped; written under @lock as well
 * @reserve: pages that the queues of the guest's devices can pin at once; as @limit
 * @nr_pages: pages mapped: address space, whether or not the guest has a page for it
 * @max_pages: the most that @nr_pages ever was
 * @nr_chunks: chunks of 16 pages in it
 * @lock: protects what follows and the fields of chunks; taken in interrupt context
 * @closed: no new chunk is kept
 * @gen: bumped by INVALIDATE; chunks of another generation are not used any more. Read
 *	 without the lock as &virtback_device.mem_gen.
 * @nr_held: chunks of 16 pages that are pinned
 * @lru: hashed chunks that are not pinned, the longest unused one first; those
 *	 of old generations come before all others
 * @dead: chunks to unmap
 * @gone: dead chunks of which nothing is mapped any more
 * @reaping: @reaper is to come, with a reference
 * @reap_later: not now, but to look again at what is in use elsewhere
 * @chunks: hashed chunks by number
 * @stats: counters
 * @sweep: lets go of chunks of old generations
 * @reaper: unmaps dead chunks. One for each guest: no other guest decides how long it takes.
 */
struct virtback_xen_cache {
	u16 domid;

	struct mutex map_lock;		/* mapping and unmapping */
	struct list_head rooms;
	unsigned long limit;
	unsigned long reserve;
	unsigned long nr_pages;
	unsigned long max_pages;
	unsigned long nr_chunks;

	spinlock_t lock;		/* the rest */
	bool closed;
	u64 gen;
	unsigned long nr_held;
	struct list_head lru;
	struct list_head dead;
	struct list_head gone;
	bool reaping;
	bool reap_later;
	DECLARE_HASHTABLE(chunks, VIRTBACK_CACHE_BITS);
	struct virtback_xen_cache_stats stats;
	struct work_struct sweep;
	struct delayed_work reaper;
};

/**
 * struct virtback_xen_room - what a device takes of the room for its guest's memory
 * @link: in cache->rooms while it does; initialised by who makes the device
 * @given: its map_limit_mb, or 0
 * @reserve: pages that its queues can pin at once
 */
struct virtback_xen_room {
	struct list_head link;
	unsigned int given;
	unsigned long reserve;
};

/**
 * struct virtback_chunk - consecutive pages of a guest, mapped
 * @hash: in cache->chunks; cache->lock, as what follows
 * @link: in cache->lru while hashed and not pinned, in cache->dead or cache->gone when dead
 * @refs: pins
 * @gen: cache->gen when it was mapped
 * @mapped: bit n: page n is mapped. Once it can be found it only ever gains bits, and is
 *	    written under map_lock and cache->lock, until virtback_xen_cache_drop(), which
 *	    has the chunk alone.
 * @nr: number of the chunk: guest frame number >> VIRTBACK_CHUNK_SHIFT
 * @gfn: guest frame number of the first page; of a page mapped alone, which is
 *	 never hashed, that of the page
 * @cache: what it is part of, with a reference
 * @pages: where it is mapped
 */
struct virtback_chunk {
	struct hlist_node hash;
	struct list_head link;
	unsigned int refs;
	u64 gen;
	u32 mapped;
	u64 nr;
	u64 gfn;
	struct virtback_xen_cache *cache;
	struct virtback_xen_pages *pages;
};

/* A page mapped alone, for its pin. */
static inline bool virtback_chunk_single(const struct virtback_chunk *chunk)
{
	return chunk->pages->nr == 1;
}

/* Let nobody find it any more: it is not pinned. Called with cache->lock held. */
static inline void virtback_chunk_unhash(struct virtback_chunk *chunk)
{
	lockdep_assert_held(&chunk->cache->lock);
	hash_del(&chunk->hash);
	list_del_init(&chunk->link);
}

/* memory.c: what maps and unmaps; tests have their own */
int virtback_xen_space_alloc(unsigned int nr, struct page **page, bool *scarce);
void virtback_xen_space_free(unsigned int nr, struct page **page);
u32 virtback_xen_map_foreign(u16 domid, u64 gfn, struct page **page, unsigned int nr, bool *full);
int virtback_xen_map_ioreq(u16 domid, u16 id, struct page *page);
bool virtback_xen_unmap(struct page **page, unsigned int nr, u32 mapped);

/* pages.c: address space for foreign pages */
struct virtback_xen_pages *virtback_xen_pages_alloc(unsigned int nr);
void virtback_xen_pages_free(struct virtback_xen_pages *pages);
void virtback_xen_pages_drop(struct virtback_xen_pages *pages);
bool virtback_xen_pages_trim(void);
bool virtback_xen_pages_busy(const struct virtback_xen_pages *pages);
bool virtback_xen_pages_scarce(void);
void virtback_xen_pages_exit(void);

/* room.c: how much is mapped, and what has to go */
void virtback_cache_count(struct virtback_xen_cache *cache, unsigned int nr);
bool virtback_cache_hold(struct virtback_xen_cache *cache);
struct virtback_xen_pages *virtback_cache_space(struct virtback_xen_cache *cache);
struct virtback_xen_pages *virtback_cache_other_space(struct virtback_xen_cache *cache,
						      struct virtback_xen_pages *pages, u32 mapped);
bool virtback_xen_cache_probe(struct virtback_xen_cache *cache, u64 addr);
int virtback_xen_cache_join(struct virtback_xen_cache *cache, struct virtback_xen_room *room,
			    unsigned int fallback, unsigned long *need);
void virtback_xen_cache_leave(struct virtback_xen_cache *cache, struct virtback_xen_room *room,
			      unsigned int fallback);

/* reap.c: the end of chunks */
extern struct workqueue_struct *virtback_xen_wq;
void virtback_chunk_die(struct virtback_chunk *chunk);
void virtback_cache_put_back(struct virtback_xen_cache *cache, struct list_head *busy);
int virtback_chunk_reap(struct virtback_chunk *chunk);
void virtback_cache_lose(struct virtback_xen_cache *cache, struct virtback_xen_pages *pages);
bool virtback_cache_unmap(struct virtback_xen_cache *cache, struct virtback_xen_pages *pages,
			  u32 mapped);
struct virtback_chunk *virtback_cache_pop_dead(struct virtback_xen_cache *cache);
struct virtback_chunk *virtback_cache_take(struct virtback_xen_cache *cache);
void virtback_xen_reap(struct work_struct *work);
void virtback_xen_cache_flush(struct virtback_xen_cache *cache);
bool virtback_xen_cache_drop(struct virtback_xen_cache *cache, u64 end);
int virtback_xen_cache_start(void);
void virtback_xen_cache_stop(void);

/* chunk.c: what is mapped, and who uses it */
struct virtback_chunk *virtback_chunk_get_page(struct virtback_xen_cache *cache, u64 gfn);
void virtback_chunk_put(struct virtback_chunk *chunk);
struct page *virtback_chunk_page(const struct virtback_chunk *chunk, u64 gfn);
int virtback_xen_cache_pin(struct virtback_xen_cache *cache, u64 addr, u32 len,
			   struct virtback_piece *p);
void virtback_xen_cache_unpin_list(struct virtback_xen_cache *cache, struct virtback_piece *p);
void virtback_xen_cache_init(struct virtback_xen_cache *cache, u16 domid);
void virtback_xen_cache_invalidate(struct virtback_xen_cache *cache);
void virtback_xen_cache_close(struct virtback_xen_cache *cache);

/* Undo virtback_xen_cache_pin(). Any context, vq->lock may be held. */
static inline void virtback_xen_cache_unpin(struct virtback_piece *p)
{
	virtback_chunk_put(p->pin);
}

/* area.c: rings, mapped for as long as their queue is ready */
int virtback_xen_area_map(struct virtback_xen_cache *cache, u64 addr, size_t len,
			  struct virtback_area *area);
void virtback_xen_area_unmap(struct virtback_area *area);

/* server.c: the guest that a cache is part of; tests have their own */
void virtback_xen_cache_get(struct virtback_xen_cache *cache);
void virtback_xen_cache_put(struct virtback_xen_cache *cache);

#endif
