// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory, mapped in chunks at the first touch and kept: in steady state a
 * request costs no hypercall.
 *
 * A chunk is hashed (pins find it), pinned (in use), both, or neither: then it is
 * dead, and the reaper unmaps it. INVALIDATE makes a new generation: chunks of
 * an older one are never found again and die as soon as nobody uses them, those
 * that are pinned in their last unpin.
 *
 * A mapping holds the page in Xen. A guest that gives a page away while it is in
 * use here harms only itself.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "cache.h"

#include <trace/events/virtback_xen.h>

/* Chunks that a sweep lets go of before it lets interrupts in, and pieces that are unpinned. */
#define VIRTBACK_SWEEP_BATCH		64
#define VIRTBACK_UNPIN_BATCH		64

/* Address spaces that are tried for a chunk: of what went for it not all may have been mapped. */
#define VIRTBACK_FILL_TRIES		4

/* Nobody has it pinned any more. */
static noinline void virtback_chunk_rest(struct virtback_chunk *chunk)
{
	struct virtback_xen_cache *cache = chunk->cache;

	lockdep_assert_held(&cache->lock);
	if (!virtback_chunk_single(chunk))
		cache->nr_held--;
	if (!hlist_unhashed(&chunk->hash) && chunk->gen != cache->gen)
		virtback_chunk_unhash(chunk);
	if (hlist_unhashed(&chunk->hash))
		virtback_chunk_die(chunk);
	else
		list_add_tail(&chunk->link, &cache->lru);
}

/**
 * virtback_chunk_put() - unpin a chunk
 * @chunk: chunk
 *
 * Any context, vq->lock may be held.
 */
void virtback_chunk_put(struct virtback_chunk *chunk)
{
	struct virtback_xen_cache *cache = chunk->cache;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	if (!--chunk->refs)
		virtback_chunk_rest(chunk);
	spin_unlock_irqrestore(&cache->lock, flags);
}

/**
 * virtback_xen_cache_unpin_list() - undo virtback_xen_cache_pin() of several pieces
 * @cache: guest
 * @p: the first of them, which are linked by their next
 *
 * Any context, vq->lock may be held.
 */
void virtback_xen_cache_unpin_list(struct virtback_xen_cache *cache, struct virtback_piece *p)
{
	unsigned long flags;
	unsigned int n;

	while (p) {
		spin_lock_irqsave(&cache->lock, flags);
		for (n = 0; p && n < VIRTBACK_UNPIN_BATCH; n++, p = p->next) {
			struct virtback_chunk *chunk = p->pin;

			if (!--chunk->refs)
				virtback_chunk_rest(chunk);
		}
		spin_unlock_irqrestore(&cache->lock, flags);
	}
}

/*
 * A pinned chunk of the current generation; NULL when there is none, or no more may
 * be pinned. Each buffer of each request comes by here.
 */
static __always_inline struct virtback_chunk *
virtback_chunk_find(struct virtback_xen_cache *cache, u64 nr)
{
	struct virtback_chunk *chunk;

	spin_lock_irq(&cache->lock);
	hash_for_each_possible(cache->chunks, chunk, hash, nr) {
		/* One of an old generation waits for its sweep or its last unpin. */
		if (chunk->nr != nr || chunk->gen != cache->gen)
			continue;
		if (!chunk->refs) {
			if (!virtback_cache_hold(cache))
				break;
			list_del_init(&chunk->link);
		}
		chunk->refs++;
		virtback_add_once(cache->stats.hits, 1);
		spin_unlock_irq(&cache->lock);
		return chunk;
	}
	spin_unlock_irq(&cache->lock);
	return NULL;
}

/*
 * Which of the chunk's pages is @gfn? Within the chunk even where a processor has guessed
 * that the wrong one was found: the driver chose the number.
 */
static unsigned int virtback_chunk_index(const struct virtback_chunk *chunk, u64 gfn)
{
	return gfn & (chunk->pages->nr - 1);
}

/* Has the bucket of a chunk room for it? Called with cache->lock held. */
static bool virtback_chunk_fits(const struct virtback_chunk *chunk)
{
	struct virtback_xen_cache *cache = chunk->cache;
	struct virtback_chunk *other;
	unsigned int n = 0;

	hash_for_each_possible(cache->chunks, other, hash, chunk->nr)
		n++;
	return n < VIRTBACK_BUCKET_MAX;
}

/* Count a new mapping, and let others find it when it is good for more than its pin. */
static void virtback_chunk_insert(struct virtback_chunk *chunk)
{
	struct virtback_xen_cache *cache = chunk->cache;

	virtback_cache_count(cache, chunk->pages->nr);
	if (virtback_chunk_single(chunk)) {
		virtback_add_once(cache->stats.singles, 1);
		return;
	}
	virtback_add_once(cache->nr_chunks, 1);
	spin_lock_irq(&cache->lock);
	/* Else it is for this pin alone: an INVALIDATE came meanwhile, or the bucket is full. */
	if (!cache->closed && chunk->gen == cache->gen && virtback_chunk_fits(chunk))
		hash_add(cache->chunks, &chunk->hash, chunk->nr);
	spin_unlock_irq(&cache->lock);
}

/*
 * Map what the guest has of a new chunk, if need be at the expense of others: when Xen has no
 * memory for page tables of page @i, which is wanted now. Any other page has its turn in
 * virtback_chunk_retry().
 */
static void virtback_chunk_fill(struct virtback_chunk *chunk, unsigned int i)
{
	struct virtback_xen_cache *cache = chunk->cache;
	unsigned int nr = chunk->pages->nr, tries = VIRTBACK_FILL_TRIES;
	struct virtback_xen_pages *other;
	bool full;

	for (;;) {
		full = false;
		chunk->mapped = virtback_xen_map_foreign(cache->domid, chunk->gfn,
							 chunk->pages->page, nr, &full);
		trace_virtback_xen_map(cache->domid, chunk->gfn, nr, chunk->mapped);
		if (!full || (chunk->mapped & BIT(i)) || !--tries)
			return;
		other = virtback_cache_other_space(cache, chunk->pages, chunk->mapped);
		if (!other)
			return;
		if (chunk->mapped)
			trace_virtback_xen_unmap(cache->domid, chunk->gfn, nr, chunk->mapped);
		chunk->pages = other;
	}
}

/*
 * Map the chunk with the page @gfn. Called with map_lock held. Returns it pinned,
 * or NULL.
 */
static struct virtback_chunk *virtback_chunk_map(struct virtback_xen_cache *cache, u64 gfn)
{
	struct virtback_chunk *chunk;
	unsigned int nr;

	lockdep_assert_held(&cache->map_lock);
	/* Whoever waits for the lock may be who a disk waits for. */
	chunk = kzalloc(sizeof(*chunk), GFP_NOIO);
	if (chunk)
		chunk->pages = virtback_cache_space(cache);
	if (!chunk || !chunk->pages) {
		virtback_add_once(cache->stats.refused, 1);
		kfree(chunk);
		return NULL;
	}
	nr = chunk->pages->nr;
	INIT_HLIST_NODE(&chunk->hash);
	INIT_LIST_HEAD(&chunk->link);
	chunk->refs = 1;
	chunk->nr = gfn >> VIRTBACK_CHUNK_SHIFT;
	chunk->gfn = round_down(gfn, nr);
	chunk->cache = cache;
	spin_lock_irq(&cache->lock);
	chunk->gen = cache->gen;
	spin_unlock_irq(&cache->lock);
	virtback_add_once(cache->stats.maps, 1);
	virtback_chunk_fill(chunk, virtback_chunk_index(chunk, gfn));
	/* Keep nothing for an address where the guest has no memory at all. */
	if (!chunk->mapped)
		goto free;
	virtback_xen_cache_get(cache);
	virtback_chunk_insert(chunk);
	return chunk;

free:
	if (!virtback_chunk_single(chunk)) {
		spin_lock_irq(&cache->lock);
		cache->nr_held--;
		spin_unlock_irq(&cache->lock);
	}
	virtback_xen_pages_free(chunk->pages);
	kfree(chunk);
	return NULL;
}

/* The chunk with the page @gfn, pinned, or NULL: it was not found before. */
static noinline struct virtback_chunk *virtback_chunk_get_new(struct virtback_xen_cache *cache,
							      u64 gfn)
{
	struct virtback_chunk *chunk;

	if (READ_ONCE(cache->closed))
		return NULL;
	mutex_lock(&cache->map_lock);
	chunk = virtback_chunk_find(cache, gfn >> VIRTBACK_CHUNK_SHIFT);
	if (!chunk)
		chunk = virtback_chunk_map(cache, gfn);
	mutex_unlock(&cache->map_lock);
	/* A chain may come here for each of its buffers; a kernel may not preempt by itself. */
	cond_resched();
	return chunk;
}

/*
 * A page that could not be mapped with its chunk: the guest may have it now. Called with
 * map_lock held; @full receives what virtback_xen_map_foreign() says.
 */
static bool virtback_chunk_add(struct virtback_chunk *chunk, u64 gfn, bool *full)
{
	struct virtback_xen_cache *cache = chunk->cache;
	unsigned int i = virtback_chunk_index(chunk, gfn);
	bool ok;

	lockdep_assert_held(&cache->map_lock);
	*full = false;
	if (chunk->mapped & BIT(i))
		return true;
	ok = virtback_xen_map_foreign(cache->domid, gfn, &chunk->pages->page[i], 1, full);
	trace_virtback_xen_map(cache->domid, gfn, 1, ok);
	if (ok) {
		spin_lock_irq(&cache->lock);
		/* Pairs with virtback_chunk_of_page() and virtback_chunk_run(). */
		smp_store_release(&chunk->mapped, chunk->mapped | BIT(i));
		spin_unlock_irq(&cache->lock);
	}
	return ok;
}

/* Unpin a chunk that is to be found no more. Others may have it pinned. */
static void virtback_chunk_leave(struct virtback_chunk *chunk)
{
	spin_lock_irq(&chunk->cache->lock);
	hash_del(&chunk->hash);
	spin_unlock_irq(&chunk->cache->lock);
	virtback_chunk_put(chunk);
}

/*
 * A pinned chunk in which page @gfn was not mapped: as it is now, or NULL. Or another one: where
 * Xen has no page tables for the page in the chunk's address space, which others may have
 * pinned, only another chunk can have it.
 */
static noinline struct virtback_chunk *virtback_chunk_retry(struct virtback_chunk *chunk, u64 gfn)
{
	struct virtback_xen_cache *cache = chunk->cache;
	bool ok, full;

	mutex_lock(&cache->map_lock);
	/* Each time one is found no more: there is one to find if another pin made one before. */
	while (!(ok = virtback_chunk_add(chunk, gfn, &full)) && full) {
		virtback_chunk_leave(chunk);
		chunk = virtback_chunk_find(cache, gfn >> VIRTBACK_CHUNK_SHIFT);
		if (chunk)
			continue;
		chunk = virtback_chunk_map(cache, gfn);
		ok = chunk && (chunk->mapped & BIT(virtback_chunk_index(chunk, gfn)));
		break;
	}
	mutex_unlock(&cache->map_lock);
	/* As virtback_chunk_get_new(). */
	cond_resched();
	if (ok || !chunk)
		return chunk;
	virtback_chunk_put(chunk);
	return NULL;
}

/* As virtback_chunk_get_page(). */
static __always_inline struct virtback_chunk *
virtback_chunk_of_page(struct virtback_xen_cache *cache, u64 gfn)
{
	struct virtback_chunk *chunk;
	unsigned int i;

	chunk = virtback_chunk_find(cache, gfn >> VIRTBACK_CHUNK_SHIFT);
	if (!chunk)
		chunk = virtback_chunk_get_new(cache, gfn);
	if (!chunk)
		return NULL;
	i = virtback_chunk_index(chunk, gfn);
	/* What is mapped may be touched after this; pairs with virtback_chunk_add(). */
	if (likely(smp_load_acquire(&chunk->mapped) & BIT(i)))
		return chunk;
	return virtback_chunk_retry(chunk, gfn);
}

/**
 * virtback_chunk_get_page() - pin the chunk with a page
 * @cache: guest
 * @gfn: the page
 *
 * May sleep, never for another pin.
 *
 * Return: the chunk, pinned and with that page mapped, or NULL.
 */
struct virtback_chunk *virtback_chunk_get_page(struct virtback_xen_cache *cache, u64 gfn)
{
	return virtback_chunk_of_page(cache, gfn);
}

/**
 * virtback_chunk_page() - where a page of a chunk is mapped
 * @chunk: pinned chunk
 * @gfn: the page, of the guest
 *
 * Return: the page, of this kernel.
 */
struct page *virtback_chunk_page(const struct virtback_chunk *chunk, u64 gfn)
{
	return chunk->pages->page[virtback_chunk_index(chunk, gfn)];
}

/* Bytes from the start of page @i that are mapped and follow each other, to @len. */
static u32 virtback_chunk_run(const struct virtback_chunk *chunk, unsigned int i, u32 len)
{
	/* As virtback_chunk_of_page(), for more pages. */
	u32 next = (smp_load_acquire(&chunk->mapped) >> 1) & chunk->pages->contig;
	u32 n = PAGE_SIZE;

	while (n < len && (next & BIT(i))) {
		n += PAGE_SIZE;
		i++;
	}
	return min(n, len);
}

/**
 * virtback_xen_cache_pin() - pin guest memory, see &virtback_host_ops.pin
 * @cache: guest
 * @addr: guest physical address
 * @len: bytes wanted
 * @p: receives the piece
 *
 * May sleep, never for another pin.
 *
 * Return: 0, or -EFAULT when it is not guest memory or cannot be mapped.
 */
int virtback_xen_cache_pin(struct virtback_xen_cache *cache, u64 addr, u32 len,
			   struct virtback_piece *p)
{
	u64 gfn = addr >> PAGE_SHIFT;
	u32 off = offset_in_page(addr);
	struct virtback_chunk *chunk;
	unsigned int i;

	chunk = virtback_chunk_of_page(cache, gfn);
	if (!chunk)
		return -EFAULT;
	i = virtback_chunk_index(chunk, gfn);
	p->va = page_address(chunk->pages->page[i]) + off;
	p->pin = chunk;
	if (len > PAGE_SIZE - off) {
		/* More than a chunk is never reached, so the sum cannot overflow. */
		len = min_t(u32, len, VIRTBACK_CHUNK_PAGES * PAGE_SIZE);
		len = virtback_chunk_run(chunk, i, off + len) - off;
	}
	p->len = len;
	return 0;
}

static void virtback_xen_sweep(struct virtback_xen_cache *cache)
{
	struct virtback_chunk *chunk;
	bool more;

	do {
		unsigned int n;

		more = false;
		spin_lock_irq(&cache->lock);
		for (n = 0; n < VIRTBACK_SWEEP_BATCH; n++) {
			chunk = list_first_entry_or_null(&cache->lru, struct virtback_chunk, link);
			more = chunk && chunk->gen != cache->gen;
			if (!more)
				break;
			virtback_chunk_unhash(chunk);
			virtback_chunk_die(chunk);
		}
		spin_unlock_irq(&cache->lock);
		cond_resched();
	} while (more);
}

static void virtback_xen_sweep_work(struct work_struct *work)
{
	virtback_xen_sweep(container_of(work, struct virtback_xen_cache, sweep));
}

/**
 * virtback_xen_cache_invalidate() - INVALIDATE: the guest's memory has changed
 * @cache: guest
 *
 * Any context; waits for nothing, since a vCPU waits and whoever uses memory may
 * be waiting for that vCPU.
 */
void virtback_xen_cache_invalidate(struct virtback_xen_cache *cache)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	/* Pairs with virtback_window_has(). */
	WRITE_ONCE(cache->gen, cache->gen + 1);
	trace_virtback_xen_invalidate(cache->domid, cache->gen);
	spin_unlock_irqrestore(&cache->lock, flags);
	queue_work(virtback_xen_wq, &cache->sweep);
}

/**
 * virtback_xen_cache_close() - keep no memory of the guest mapped
 * @cache: guest whose domain is being destroyed, or that has no device any more
 *
 * What is pinned is unmapped at its last unpin, and what is mapped from now on as well.
 * May sleep; may be called again.
 */
void virtback_xen_cache_close(struct virtback_xen_cache *cache)
{
	spin_lock_irq(&cache->lock);
	WRITE_ONCE(cache->closed, true);
	WRITE_ONCE(cache->gen, cache->gen + 1);
	spin_unlock_irq(&cache->lock);
	cancel_work_sync(&cache->sweep);
	virtback_xen_sweep(cache);
}

/**
 * virtback_xen_cache_init() - start with nothing mapped, and nothing allowed
 * @cache: zeroed
 * @domid: guest
 */
void virtback_xen_cache_init(struct virtback_xen_cache *cache, u16 domid)
{
	cache->domid = domid;
	mutex_init(&cache->map_lock);
	spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->rooms);
	INIT_LIST_HEAD(&cache->lru);
	INIT_LIST_HEAD(&cache->dead);
	INIT_LIST_HEAD(&cache->gone);
	hash_init(cache->chunks);
	INIT_WORK(&cache->sweep, virtback_xen_sweep_work);
	INIT_DELAYED_WORK(&cache->reaper, virtback_xen_reap);
}
