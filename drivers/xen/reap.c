// SPDX-License-Identifier: GPL-2.0
/*
 * The end of what is mapped of a guest: chunks that are dead, which nobody finds or uses
 * any more, are unmapped, by a reaper for each guest and by whoever wants their room.
 *
 * What unmaps allocates nothing, waits for nothing but who maps for the same guest, and its
 * work queue has a thread of its own for when none can be made.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "cache.h"

#include <trace/events/virtback_xen.h>

/* How soon to look again for pages that someone else still uses. */
#define VIRTBACK_REAP_AGAIN		(HZ / 20)

/* Chunks of a guest that the reaper unmaps before it is the next one's turn. */
#define VIRTBACK_REAP_BATCH		64

/* Sweeps, reapers, servers that are taken down later, and the look at all domains. */
struct workqueue_struct *virtback_xen_wq;

/* Caches with a reaper that is to come. */
static atomic_t virtback_xen_reapers = ATOMIC_INIT(0);
/* They come for the last time. */
static bool virtback_xen_stopping;

/*
 * The reaper is to come, at once if there is something @new for it, and not only what it has
 * found in use elsewhere. One at work looks at the lists again before it goes.
 */
static void virtback_cache_call_reaper(struct virtback_xen_cache *cache, bool new)
{
	lockdep_assert_held(&cache->lock);
	if (!cache->reaping) {
		cache->reaping = true;
		virtback_xen_cache_get(cache);
		atomic_inc(&virtback_xen_reapers);
		queue_delayed_work(virtback_xen_wq, &cache->reaper, 0);
	} else if (new && cache->reap_later) {
		cache->reap_later = false;
		mod_delayed_work(virtback_xen_wq, &cache->reaper, 0);
	}
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
	virtback_cache_call_reaper(chunk->cache, true);
}

/**
 * virtback_cache_put_back() - dead chunks that are in use elsewhere
 * @cache: guest
 * @busy: chunks from virtback_cache_pop_dead() or virtback_cache_take()
 *
 * They are looked at again. Process context.
 */
void virtback_cache_put_back(struct virtback_xen_cache *cache, struct list_head *busy)
{
	if (list_empty(busy))
		return;
	spin_lock_irq(&cache->lock);
	list_splice_tail(busy, &cache->dead);
	virtback_cache_call_reaper(cache, false);
	spin_unlock_irq(&cache->lock);
}

/**
 * virtback_cache_lose() - address space that is never used again
 * @cache: guest
 * @pages: where Xen refused to unmap something
 *
 * Any context.
 */
void virtback_cache_lose(struct virtback_xen_cache *cache, struct virtback_xen_pages *pages)
{
	pr_err_ratelimited("dom%u: Xen refused to unmap pages; they are lost\n", cache->domid);
	kfree(pages);
}

/**
 * virtback_cache_unmap() - unmap pages and pool their address space
 * @cache: guest
 * @pages: pages
 * @mapped: bit n: page n of @pages is mapped
 *
 * Process context.
 *
 * Return: false when Xen does not, then the address space is lost.
 */
bool virtback_cache_unmap(struct virtback_xen_cache *cache, struct virtback_xen_pages *pages,
			  u32 mapped)
{
	bool ok = virtback_xen_unmap(pages->page, pages->nr, mapped);

	if (ok)
		virtback_xen_pages_free(pages);
	else
		virtback_cache_lose(cache, pages);
	return ok;
}

/**
 * virtback_chunk_reap() - unmap and free a chunk
 * @chunk: chunk; not hashed, not pinned, on no list
 *
 * Called with map_lock held. Process context.
 *
 * Return: how many pages of room that made, none when Xen does not unmap them, which then
 * count on; -EBUSY, and nothing is changed, when they are still in use elsewhere.
 */
int virtback_chunk_reap(struct virtback_chunk *chunk)
{
	struct virtback_xen_cache *cache = chunk->cache;
	struct virtback_xen_pages *pages = chunk->pages;
	unsigned int room = pages->nr;

	lockdep_assert_held(&cache->map_lock);
	if (virtback_xen_pages_busy(pages))
		return -EBUSY;
	if (!virtback_chunk_single(chunk))
		virtback_sub_once(cache->nr_chunks, 1);
	/* Nothing is once virtback_chunk_drop() has unmapped, and traced, all of it. */
	if (chunk->mapped)
		trace_virtback_xen_unmap(cache->domid, chunk->gfn, pages->nr, chunk->mapped);
	if (!virtback_cache_unmap(cache, pages, chunk->mapped))
		room = 0;
	virtback_sub_once(cache->nr_pages, room);
	kfree(chunk);
	virtback_xen_cache_put(cache);
	return room;
}

/**
 * virtback_cache_pop_dead() - take a dead chunk
 * @cache: guest
 *
 * Process context.
 *
 * Return: the chunk, on no list any more, or NULL.
 */
struct virtback_chunk *virtback_cache_pop_dead(struct virtback_xen_cache *cache)
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

/*
 * Reap dead chunks of a cache, no more than @max, map_lock held for one at a time since a
 * queue may wait for it. Returns true when there may be more that can be; @busy receives
 * how many cannot, which are not among these.
 */
static bool virtback_cache_reap(struct virtback_xen_cache *cache, unsigned long max,
				unsigned long *busy)
{
	struct virtback_chunk *chunk;
	unsigned long n = 0;
	LIST_HEAD(later);

	*busy = 0;
	do {
		mutex_lock(&cache->map_lock);
		chunk = virtback_cache_pop_dead(cache);
		if (chunk && virtback_chunk_reap(chunk) < 0) {
			list_add_tail(&chunk->link, &later);
			++*busy;
		} else {
			n++;
		}
		mutex_unlock(&cache->map_lock);
		cond_resched();
	} while (chunk && n < max);
	virtback_cache_put_back(cache, &later);
	return chunk;
}

/**
 * virtback_xen_reap() - unmap what is dead of a guest
 * @work: reaper of its cache, with a reference
 *
 * So much at a time: when there is no memory for threads one does it for all guests, and
 * each has its turn.
 */
void virtback_xen_reap(struct work_struct *work)
{
	struct virtback_xen_cache *cache = container_of(to_delayed_work(work),
							struct virtback_xen_cache, reaper);
	bool more, again, last = READ_ONCE(virtback_xen_stopping);
	unsigned long busy;

	spin_lock_irq(&cache->lock);
	cache->reap_later = false;
	spin_unlock_irq(&cache->lock);
	more = virtback_cache_reap(cache, last ? ULONG_MAX : VIRTBACK_REAP_BATCH, &busy);
	spin_lock_irq(&cache->lock);
	/* Who hurried it in the moment that it began has queued it: that one has the reference. */
	again = delayed_work_pending(&cache->reaper);
	/* The last time it does not come again for what is left. */
	if (!again && !last && !(list_empty(&cache->dead) && list_empty(&cache->gone))) {
		again = true;
		cache->reap_later = busy && !more;
		/* Under the lock: a flush that finds nothing any more has this one to wait for. */
		queue_delayed_work(virtback_xen_wq, &cache->reaper,
				   cache->reap_later ? VIRTBACK_REAP_AGAIN : 0);
	}
	cache->reaping = again;
	spin_unlock_irq(&cache->lock);
	if (again)
		return;
	/* Else the timer of a dying domain has them just now, and calls again. */
	if (last && busy)
		pr_warn("dom%u: %lu chunks of its memory are in use elsewhere and stay mapped\n",
			cache->domid, busy);
	virtback_xen_cache_put(cache);
	if (atomic_dec_and_test(&virtback_xen_reapers))
		wake_up_var(&virtback_xen_reapers);
}

/**
 * virtback_cache_take() - take the chunk that is unused for longest
 * @cache: guest
 *
 * Any context.
 *
 * Return: the chunk, not hashed and on no list any more, or NULL.
 */
struct virtback_chunk *virtback_cache_take(struct virtback_xen_cache *cache)
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

/**
 * virtback_xen_cache_flush() - unmap what is dead of a guest now, not soon
 * @cache: guest
 *
 * Then only what is in use elsewhere, or dies meanwhile, holds the guest. May sleep. Takes as
 * long as that is much, whatever guests do meanwhile.
 */
void virtback_xen_cache_flush(struct virtback_xen_cache *cache)
{
	unsigned long max, busy;

	/* A chunk has a page at least. What dies from here on is for the reaper. */
	mutex_lock(&cache->map_lock);
	max = cache->nr_pages + 1;
	mutex_unlock(&cache->map_lock);
	virtback_cache_reap(cache, max, &busy);
	/*
	 * It may have a chunk in its hands, and holds the guest. (So may the timer of a dying
	 * domain, but not that of one whose last device is gone.)
	 */
	flush_delayed_work(&cache->reaper);
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
	mapped &= ~chunk->mapped;
	if (mapped)
		trace_virtback_xen_unmap(chunk->cache->domid, chunk->gfn, pages->nr, mapped);
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
		/* These first: of the dead there may be a lot that are in use elsewhere. */
		chunk = virtback_cache_take(cache);
		if (!chunk) {
			chunk = list_first_entry_or_null(&dead, struct virtback_chunk, link);
			if (!chunk)
				break;
			list_del(&chunk->link);
		}
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
		virtback_cache_call_reaper(cache, !list_empty(&cache->gone));
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
	/* Tests start it again. */
	WRITE_ONCE(virtback_xen_stopping, false);
	virtback_xen_wq = alloc_workqueue("virtback_xen", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return virtback_xen_wq ? 0 : -ENOMEM;
}

/** virtback_xen_cache_stop() - after the last guest, when nothing is pinned */
void virtback_xen_cache_stop(void)
{
	/* Those that wait for who else uses pages come once more. */
	WRITE_ONCE(virtback_xen_stopping, true);
	wait_var_event(&virtback_xen_reapers, !atomic_read(&virtback_xen_reapers));
	destroy_workqueue(virtback_xen_wq);
	virtback_xen_pages_exit();
}
