// SPDX-License-Identifier: GPL-2.0
/*
 * Room for what is mapped of a guest: the limit, and what goes when it is reached.
 *
 * Never more than the limit is mapped, and no pin ever waits for another one. Both
 * hold because the limit contains a reserve: as many pages as the queues of the
 * guest can pin at once. A chunk is pinned only if those pinned and the reserve
 * stay within the limit together. A pin that would break this gets its page alone,
 * mapped for it and not kept. There is room for it always: all that is mapped
 * beside pinned chunks, of which there are few enough, and other pages of the
 * reserve, can be unmapped there and then.
 *
 * When this domain is short of memory: no allocation here waits for a disk, be it
 * the one that the request is for, and no pin for one that does. (The kernel finds the few
 * bytes for a chunk without, or waits until others let go of some.) Address
 * space that cannot be had is another chunk's, and only without any does one request fail.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "cache.h"
#include "check.h"

#include <trace/events/virtback_xen.h>

/* Chunks that may get lost for room, in case that Xen unmaps nothing any more. */
#define VIRTBACK_SHED_LOST		16

/* Chunks that go for a lower limit before whoever waits for map_lock gets it. */
#define VIRTBACK_ROOM_BATCH		16

/**
 * virtback_cache_count() - account for address space of which something is mapped
 * @cache: guest
 * @nr: pages
 *
 * Called with map_lock held.
 */
void virtback_cache_count(struct virtback_xen_cache *cache, unsigned int nr)
{
	lockdep_assert_held(&cache->map_lock);
	virtback_add_once(cache->nr_pages, nr);
	WRITE_ONCE(cache->max_pages, max(cache->max_pages, cache->nr_pages));
}

/**
 * virtback_cache_hold() - account for one more pinned chunk of 16 pages
 * @cache: guest
 *
 * Any context, with cache->lock held. Undone by counting @cache->nr_held down.
 *
 * Return: false, and nothing is changed, when it would take from the reserve.
 */
bool virtback_cache_hold(struct virtback_xen_cache *cache)
{
	unsigned long held = cache->nr_held + 1;

	lockdep_assert_held(&cache->lock);
	if (held * VIRTBACK_CHUNK_PAGES + cache->reserve > cache->limit)
		return false;
	cache->nr_held = held;
	return true;
}

/* A chunk that may be unmapped, taken from all lists: a dead one, or the oldest. */
static struct virtback_chunk *virtback_cache_victim(struct virtback_xen_cache *cache)
{
	struct virtback_chunk *chunk = virtback_cache_pop_dead(cache);

	if (chunk)
		return chunk;
	chunk = virtback_cache_take(cache);
	if (chunk) {
		virtback_add_once(cache->stats.evictions, 1);
		trace_virtback_xen_evict(cache->domid, chunk->gfn, chunk->pages->nr,
					 chunk->mapped);
	}
	return chunk;
}

/* Unmap something that nobody uses. Returns of how many pages it is, 0 when there is nothing. */
static unsigned int virtback_cache_shed(struct virtback_xen_cache *cache)
{
	struct virtback_chunk *chunk;
	unsigned int lost = 0;
	LIST_HEAD(busy);
	int room = 0;

	lockdep_assert_held(&cache->map_lock);
	while (room <= 0 && lost < VIRTBACK_SHED_LOST && (chunk = virtback_cache_victim(cache))) {
		room = virtback_chunk_reap(chunk);
		if (room < 0)
			list_add_tail(&chunk->link, &busy);
		lost += !room;
		cond_resched();
	}
	virtback_cache_put_back(cache, &busy);
	return max(room, 0);
}

/* Unmap until no more than @max pages are mapped: for one mapping, so that is little. */
static bool virtback_cache_trim(struct virtback_xen_cache *cache, unsigned long max)
{
	while (cache->nr_pages > max) {
		if (!virtback_cache_shed(cache))
			return false;
	}
	return true;
}

static struct virtback_xen_pages *virtback_cache_alloc(struct virtback_xen_cache *cache,
						       unsigned int nr)
{
	struct virtback_xen_pages *pages;

	if (cache->limit < nr || !virtback_cache_trim(cache, cache->limit - nr))
		return NULL;
	pages = virtback_xen_pages_alloc(nr);
	/* No memory: something has to give up its own. */
	if (!pages && virtback_cache_shed(cache))
		pages = virtback_xen_pages_alloc(nr);
	return pages;
}

/**
 * virtback_cache_space() - address space for one more mapping, within the limit
 * @cache: guest
 *
 * Called with map_lock held. May sleep, never for another pin.
 *
 * Return: that of a chunk, which then counts as pinned (virtback_cache_hold());
 * or of one page; or NULL. The caller counts the pages.
 */
struct virtback_xen_pages *virtback_cache_space(struct virtback_xen_cache *cache)
{
	struct virtback_xen_pages *pages;
	bool hold;

	spin_lock_irq(&cache->lock);
	hold = virtback_cache_hold(cache);
	spin_unlock_irq(&cache->lock);
	if (hold) {
		pages = virtback_cache_alloc(cache, VIRTBACK_CHUNK_PAGES);
		if (pages)
			return pages;
		spin_lock_irq(&cache->lock);
		cache->nr_held--;
		spin_unlock_irq(&cache->lock);
	}
	return virtback_cache_alloc(cache, 1);
}

/**
 * virtback_cache_other_space() - address space that Xen has page tables for
 * @cache: guest
 * @pages: from virtback_cache_space(), for some of which it has none and no memory to make some
 * @mapped: bit n: page n of @pages is mapped
 *
 * That of a chunk that is let go, which was mapped before. Called with map_lock held. May
 * sleep, never for another pin.
 *
 * Return: as many pages of it as @pages has, and those are gone; or NULL, and they are not.
 */
struct virtback_xen_pages *virtback_cache_other_space(struct virtback_xen_cache *cache,
						      struct virtback_xen_pages *pages, u32 mapped)
{
	struct virtback_xen_pages *other;
	unsigned int nr;

	/* A page alone makes no room for a chunk. */
	do {
		nr = virtback_cache_shed(cache);
		if (!nr)
			return NULL;
	} while (nr < pages->nr);
	/*
	 * Both the pool and the kernel hand out first what came last. Memory of this domain
	 * has page tables anyhow, and might not come back.
	 */
	if (nr > pages->nr && !virtback_xen_pages_scarce())
		virtback_xen_pages_trim();
	other = virtback_xen_pages_alloc(pages->nr);
	if (!other)
		return NULL;
	if (virtback_xen_unmap(pages->page, pages->nr, mapped)) {
		virtback_xen_pages_drop(pages);
	} else {
		virtback_cache_count(cache, pages->nr);
		virtback_cache_lose(cache, pages);
	}
	return other;
}

/**
 * virtback_xen_cache_probe() - has the guest memory at an address?
 * @cache: guest
 * @addr: guest physical address
 *
 * One page is mapped to find out, and not kept. It is beside the limit: there is none
 * before a device joins, and none may join before this was asked. May sleep.
 *
 * Return: false also when that cannot be found out.
 */
bool virtback_xen_cache_probe(struct virtback_xen_cache *cache, u64 addr)
{
	struct virtback_xen_pages *pages;
	bool full;
	u32 mapped;

	pages = virtback_xen_pages_alloc(1);
	if (!pages)
		return false;
	mapped = virtback_xen_map_foreign(cache->domid, addr >> PAGE_SHIFT, pages->page, 1,
					  &full);
	virtback_cache_unmap(cache, pages, mapped);
	return mapped;
}

/* The largest map_limit_mb of the guest's devices and of one that joins, or 0. */
static unsigned int virtback_cache_given(const struct virtback_xen_cache *cache, unsigned int given)
{
	const struct virtback_xen_room *room;

	list_for_each_entry(room, &cache->rooms, link)
		given = max(given, room->given);
	return given;
}

/* As virtback_cache_fit(); -EAGAIN when there is more to unmap than a batch. */
static int virtback_cache_fit_some(struct virtback_xen_cache *cache,
				   struct virtback_xen_room *joins, unsigned int fallback,
				   unsigned long *need)
{
	unsigned int n, given = virtback_cache_given(cache, joins ? joins->given : 0);
	unsigned long limit, reserve = cache->reserve + (joins ? joins->reserve : 0);
	int ret = -EBUSY;

	lockdep_assert_held(&cache->map_lock);
	limit = virtback_xen_limit(given ?: fallback, reserve, virtback_xen_pages_scarce());
	if (!limit) {
		*need = virtback_xen_limit_need(reserve);
		return -ENOSPC;
	}
	/* It may be lower than before: nobody had asked for one, or who had is gone. */
	for (n = 0; cache->nr_pages > limit; n++) {
		if (n == VIRTBACK_ROOM_BATCH)
			return -EAGAIN;
		if (!virtback_cache_shed(cache))
			return -EBUSY;
		cond_resched();
	}
	spin_lock_irq(&cache->lock);
	if (cache->nr_held * VIRTBACK_CHUNK_PAGES + reserve <= limit) {
		/* Pairs with the attribute map_limit_mb. */
		WRITE_ONCE(cache->limit, limit);
		cache->reserve = reserve;
		ret = 0;
	}
	spin_unlock_irq(&cache->lock);
	if (!ret && joins)
		list_add_tail(&joins->link, &cache->rooms);
	return ret;
}

/*
 * Make the limit what the guest's devices, and one that @joins, ask for. Until all is
 * unmapped that does not fit into a lower one the old one holds, for pins go on meanwhile.
 */
static int virtback_cache_fit(struct virtback_xen_cache *cache, struct virtback_xen_room *joins,
			      unsigned int fallback, unsigned long *need)
{
	/* A chunk has a page at least, so this is enough for all that is mapped now. */
	unsigned long rounds = READ_ONCE(cache->nr_pages) / VIRTBACK_ROOM_BATCH + 1;
	int ret;

	do {
		mutex_lock(&cache->map_lock);
		ret = virtback_cache_fit_some(cache, joins, fallback, need);
		mutex_unlock(&cache->map_lock);
		cond_resched();
	} while (ret == -EAGAIN && rounds--);
	return ret == -EAGAIN ? -EBUSY : ret;
}

/**
 * virtback_xen_cache_join() - a device comes: fit what its queues can pin
 * @cache: guest
 * @room: of the device; stays until virtback_xen_cache_leave()
 * @fallback: what holds when no device of the guest gave any, or 0
 * @need: receives, with -ENOSPC, the MiB that would do
 *
 * Of the values that devices give the largest counts. May sleep.
 *
 * Return: 0; -ENOSPC when the limit is too low; -EBUSY when requests in flight
 * hold too much of the guest just now, or map it as fast as it is unmapped.
 */
int virtback_xen_cache_join(struct virtback_xen_cache *cache, struct virtback_xen_room *room,
			    unsigned int fallback, unsigned long *need)
{
	return virtback_cache_fit(cache, room, fallback, need);
}

/**
 * virtback_xen_cache_leave() - a device is gone, or is not made after all
 * @cache: guest
 * @room: as given to virtback_xen_cache_join(), or one that never joined; all pins of
 *	  the device are undone
 * @fallback: as virtback_xen_cache_join()
 *
 * What it gave counts no more. The limit stays as it is where the other devices' requests
 * hold more than what they gave, or need more; and for the last one. May sleep.
 */
void virtback_xen_cache_leave(struct virtback_xen_cache *cache, struct virtback_xen_room *room,
			      unsigned int fallback)
{
	unsigned long need;
	bool last;

	if (list_empty(&room->link))
		return;
	mutex_lock(&cache->map_lock);
	list_del_init(&room->link);
	last = list_empty(&cache->rooms);
	spin_lock_irq(&cache->lock);
	cache->reserve -= room->reserve;
	spin_unlock_irq(&cache->lock);
	mutex_unlock(&cache->map_lock);
	if (!last)
		virtback_cache_fit(cache, NULL, fallback, &need);
}
