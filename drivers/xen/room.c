// SPDX-License-Identifier: GPL-2.0
/*
 * Room for what is mapped of a guest: the limit, what goes when it is reached, and
 * the unmapping of all that is not used any more.
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
 * the one that the request is for, and no pin for one that does. An
 * allocation that fails takes the place of another chunk, and only without any
 * fails its one request. What unmaps allocates nothing, and its work queue has a
 * thread of its own for when none can be made.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>

#include "cache.h"
#include "check.h"

#include <trace/events/virtback_xen.h>

/* How soon to look again for pages that someone else still uses. */
#define VIRTBACK_REAP_AGAIN		(HZ / 20)

/* Chunks of a guest that the reaper unmaps before it is the next one's turn. */
#define VIRTBACK_REAP_BATCH		64

/* Chunks that go for a lower limit before whoever waits for map_lock gets it. */
#define VIRTBACK_ROOM_BATCH		16

/* Caches with dead chunks. */
static LIST_HEAD(virtback_xen_dead);
/* Protects the list; inside cache->lock. */
static DEFINE_SPINLOCK(virtback_xen_dead_lock);

static void virtback_xen_reap_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(virtback_xen_reaper, virtback_xen_reap_work);
/* Reaper, sweeps, servers that are taken down later, and the look at all domains. */
struct workqueue_struct *virtback_xen_wq;

/* The reaper is to look at the cache; true when it is not on its way. */
static bool virtback_cache_enlist(struct virtback_xen_cache *cache)
{
	bool first;

	lockdep_assert_held(&cache->lock);
	spin_lock(&virtback_xen_dead_lock);
	first = list_empty(&virtback_xen_dead);
	if (list_empty(&cache->dead_link)) {
		virtback_xen_cache_get(cache);
		list_add_tail(&cache->dead_link, &virtback_xen_dead);
	}
	spin_unlock(&virtback_xen_dead_lock);
	return first;
}

/**
 * virtback_chunk_die() - nobody finds a chunk or uses it any more
 * @chunk: chunk; not hashed, not pinned, on no list
 *
 * It is unmapped soon, or when its room is wanted. Any context, with cache->lock
 * held.
 */
void virtback_chunk_die(struct virtback_chunk *chunk)
{
	lockdep_assert_held(&chunk->cache->lock);
	list_add_tail(&chunk->link, &chunk->cache->dead);
	/* Else the reaper has yet to come, or comes again soon. */
	if (virtback_cache_enlist(chunk->cache))
		mod_delayed_work(virtback_xen_wq, &virtback_xen_reaper, 0);
}

/* Address space that is never used again. */
static void virtback_cache_lose(struct virtback_xen_cache *cache, struct virtback_xen_pages *pages)
{
	pr_err_ratelimited("dom%u: Xen refused to unmap pages; they are lost\n", cache->domid);
	kfree(pages);
}

/* Unmap pages and pool their address space; false when Xen does not, then that is lost. */
static bool virtback_cache_unmap(struct virtback_xen_cache *cache,
				 struct virtback_xen_pages *pages, u32 mapped)
{
	bool ok = virtback_xen_unmap(pages->page, pages->nr, mapped);

	if (ok)
		virtback_xen_pages_free(pages);
	else
		virtback_cache_lose(cache, pages);
	return ok;
}

/*
 * Unmap and free a chunk that is neither hashed nor pinned nor on a list; false
 * when its pages are still in use elsewhere. What Xen does not unmap counts on.
 */
static bool virtback_chunk_reap(struct virtback_chunk *chunk)
{
	struct virtback_xen_cache *cache = chunk->cache;
	struct virtback_xen_pages *pages = chunk->pages;
	unsigned int nr = pages->nr;

	lockdep_assert_held(&cache->map_lock);
	if (virtback_xen_pages_busy(pages))
		return false;
	if (!virtback_chunk_single(chunk))
		virtback_sub_once(cache->nr_chunks, 1);
	trace_virtback_xen_unmap(cache->domid, chunk->gfn, nr, chunk->mapped);
	if (virtback_cache_unmap(cache, pages, chunk->mapped))
		virtback_sub_once(cache->nr_pages, nr);
	kfree(chunk);
	virtback_xen_cache_put(cache);
	return true;
}

static struct virtback_chunk *virtback_cache_pop_dead(struct virtback_xen_cache *cache)
{
	struct virtback_chunk *chunk;

	spin_lock_irq(&cache->lock);
	chunk = list_first_entry_or_null(&cache->gone, struct virtback_chunk, link);
	if (!chunk)
		chunk = list_first_entry_or_null(&cache->dead, struct virtback_chunk, link);
	if (chunk)
		list_del_init(&chunk->link);
	spin_unlock_irq(&cache->lock);
	return chunk;
}

/* The reaper has to come again; at once if it was stopped by @more, not by others. */
static void virtback_cache_reap_again(struct virtback_xen_cache *cache, bool more)
{
	bool first;

	lockdep_assert_held(&cache->lock);
	first = virtback_cache_enlist(cache);
	if (more)
		mod_delayed_work(virtback_xen_wq, &virtback_xen_reaper, 0);
	else if (first)
		queue_delayed_work(virtback_xen_wq, &virtback_xen_reaper, VIRTBACK_REAP_AGAIN);
}

/*
 * Reap dead chunks of a cache, no more than @max, map_lock held for one at a time
 * since a queue may wait for it. Returns how many could not be.
 */
static unsigned int virtback_cache_reap(struct virtback_xen_cache *cache, unsigned long max)
{
	struct virtback_chunk *chunk;
	unsigned int left = 0;
	unsigned long n = 0;
	LIST_HEAD(busy);

	do {
		mutex_lock(&cache->map_lock);
		chunk = virtback_cache_pop_dead(cache);
		if (chunk && !virtback_chunk_reap(chunk)) {
			list_add_tail(&chunk->link, &busy);
			left++;
		}
		mutex_unlock(&cache->map_lock);
		cond_resched();
	} while (chunk && ++n < max);
	if (left || chunk) {
		spin_lock_irq(&cache->lock);
		list_splice_tail(&busy, &cache->dead);
		virtback_cache_reap_again(cache, chunk && left < n);
		spin_unlock_irq(&cache->lock);
	}
	return left;
}

/* Reap dead chunks, no more than @max a guest; @last: nobody comes again for the rest. */
static void virtback_xen_reap(unsigned long max, bool last)
{
	struct virtback_xen_cache *cache;
	unsigned int left;
	LIST_HEAD(caches);

	spin_lock_irq(&virtback_xen_dead_lock);
	list_splice_init(&virtback_xen_dead, &caches);
	while ((cache = list_first_entry_or_null(&caches, struct virtback_xen_cache,
						 dead_link))) {
		list_del_init(&cache->dead_link);
		spin_unlock_irq(&virtback_xen_dead_lock);
		mutex_lock(&cache->reap_lock);
		left = virtback_cache_reap(cache, max);
		mutex_unlock(&cache->reap_lock);
		if (left && last)
			pr_warn("dom%u: %u chunks of its memory are in use elsewhere and stay mapped\n",
				cache->domid, left);
		virtback_xen_cache_put(cache);
		spin_lock_irq(&virtback_xen_dead_lock);
	}
	spin_unlock_irq(&virtback_xen_dead_lock);
}

static void virtback_xen_reap_work(struct work_struct *work)
{
	virtback_xen_reap(VIRTBACK_REAP_BATCH, false);
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
	spin_lock_irq(&cache->lock);
	chunk = list_first_entry_or_null(&cache->lru, struct virtback_chunk, link);
	if (chunk) {
		virtback_chunk_unhash(chunk);
		virtback_add_once(cache->stats.evictions, 1);
		trace_virtback_xen_evict(cache->domid, chunk->gfn, chunk->pages->nr,
					 chunk->mapped);
	}
	spin_unlock_irq(&cache->lock);
	return chunk;
}

/* Unmap something that nobody uses. Returns of how many pages it is, 0 when there is nothing. */
static unsigned int virtback_cache_shed(struct virtback_xen_cache *cache)
{
	struct virtback_chunk *chunk, *next;
	unsigned int nr, shed = 0;
	LIST_HEAD(busy);

	lockdep_assert_held(&cache->map_lock);
	while (!shed && (chunk = virtback_cache_victim(cache))) {
		nr = chunk->pages->nr;
		if (virtback_chunk_reap(chunk))
			shed = nr;
		else
			list_add_tail(&chunk->link, &busy);
	}
	spin_lock_irq(&cache->lock);
	list_for_each_entry_safe(chunk, next, &busy, link) {
		list_del(&chunk->link);
		virtback_chunk_die(chunk);
	}
	spin_unlock_irq(&cache->lock);
	return shed;
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
 * Return: as much of it, and @pages are gone; or NULL, and they are not.
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
	/* Both the pool and the kernel hand out first what came last. */
	if (nr > pages->nr)
		virtback_xen_pages_trim();
	other = virtback_xen_pages_alloc(pages->nr);
	if (!other)
		return NULL;
	if (virtback_xen_unmap(pages->page, pages->nr, mapped)) {
		virtback_xen_pages_drop(pages);
	} else {
		virtback_add_once(cache->nr_pages, pages->nr);
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

/**
 * virtback_xen_cache_flush() - unmap what is dead of a guest now, not soon
 * @cache: guest
 *
 * May sleep. Takes as long as that is much, whatever guests do meanwhile.
 */
void virtback_xen_cache_flush(struct virtback_xen_cache *cache)
{
	unsigned long max;
	bool listed;

	mutex_lock(&cache->reap_lock);
	spin_lock_irq(&virtback_xen_dead_lock);
	listed = !list_empty(&cache->dead_link);
	list_del_init(&cache->dead_link);
	spin_unlock_irq(&virtback_xen_dead_lock);
	/* A chunk has a page at least. What dies from here on is for the reaper. */
	mutex_lock(&cache->map_lock);
	max = cache->nr_pages + 1;
	mutex_unlock(&cache->map_lock);
	virtback_cache_reap(cache, max);
	mutex_unlock(&cache->reap_lock);
	if (listed)
		virtback_xen_cache_put(cache);
}

/* The chunk that is unused for longest; it is on no list then. */
static struct virtback_chunk *virtback_cache_take(struct virtback_xen_cache *cache)
{
	struct virtback_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	chunk = list_first_entry_or_null(&cache->lru, struct virtback_chunk, link);
	if (chunk)
		virtback_chunk_unhash(chunk);
	spin_unlock_irqrestore(&cache->lock, flags);
	return chunk;
}

/* Unmap a chunk that nobody else can find, until @end; its address space stays. */
static void virtback_chunk_drop(struct virtback_chunk *chunk, u64 end)
{
	struct virtback_xen_pages *pages = chunk->pages;
	unsigned long mapped = chunk->mapped;
	unsigned int i;

	if (virtback_xen_pages_busy(pages))
		return;
	for_each_set_bit(i, &mapped, pages->nr) {
		if (virtback_xen_unmap(&pages->page[i], 1, BIT(0)))
			chunk->mapped &= ~BIT(i);
		/* After the page: each call gets on, however late it is. */
		if (local_clock() >= end)
			break;
	}
}

/**
 * virtback_xen_cache_drop() - unmap what nobody uses, without a thread
 * @cache: guest whose domain is being destroyed
 * @end: until then, of local_clock(); a page may take longer
 *
 * Without map_lock: only what can be found needs that. All but the unmapping is left to the
 * reaper. Any context.
 *
 * Return: true when there may be more.
 */
bool virtback_xen_cache_drop(struct virtback_xen_cache *cache, u64 end)
{
	struct virtback_chunk *chunk;
	unsigned long flags;
	bool more = false;
	LIST_HEAD(dead);
	LIST_HEAD(busy);
	LIST_HEAD(gone);

	spin_lock_irqsave(&cache->lock, flags);
	list_splice_init(&cache->dead, &dead);
	spin_unlock_irqrestore(&cache->lock, flags);
	while (!more) {
		chunk = list_first_entry_or_null(&dead, struct virtback_chunk, link);
		if (chunk)
			list_del(&chunk->link);
		else
			chunk = virtback_cache_take(cache);
		if (!chunk)
			break;
		virtback_chunk_drop(chunk, end);
		list_add_tail(&chunk->link, chunk->mapped ? &busy : &gone);
		more = local_clock() >= end;
	}
	spin_lock_irqsave(&cache->lock, flags);
	/* What was not looked at comes first the next time. */
	list_splice_tail(&busy, &dead);
	list_splice(&dead, &cache->dead);
	list_splice_tail(&gone, &cache->gone);
	if (!list_empty(&cache->dead) || !list_empty(&cache->gone))
		virtback_cache_reap_again(cache, true);
	spin_unlock_irqrestore(&cache->lock, flags);
	return more;
}

/**
 * virtback_xen_cache_start() - before any guest
 *
 * Return: 0 or -errno.
 */
int virtback_xen_cache_start(void)
{
	virtback_xen_wq = alloc_workqueue("virtback_xen", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return virtback_xen_wq ? 0 : -ENOMEM;
}

/** virtback_xen_cache_stop() - after the last guest */
void virtback_xen_cache_stop(void)
{
	virtback_xen_reap(ULONG_MAX, true);
	/* After the last that could ask for it. */
	cancel_delayed_work_sync(&virtback_xen_reaper);
	destroy_workqueue(virtback_xen_wq);
	virtback_xen_pages_exit();
}
