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
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "xen.h"

/*
 * Chunks of a guest that are kept mapped: 512 MiB, for which this kernel spends
 * 8 MiB on page structures; 64 MiB where mapping takes memory from this domain.
 * When so many are pinned, pages are mapped one by one on top, each for its pin
 * alone. To refuse them instead could stop a queue for ever: what would make room
 * are the requests of other queues, or rings, and no completion wakes it for those.
 * The queues' pools bound the number, and a page costs a 16th of a chunk.
 */
#define VIRTBACK_CHUNKS_MAX		((512UL << 20) / PAGE_SIZE / VIRTBACK_CHUNK_PAGES)
#define VIRTBACK_CHUNKS_MAX_SCARCE	((64UL << 20) / PAGE_SIZE / VIRTBACK_CHUNK_PAGES)

/* The largest ring area: 32768 descriptors of 16 bytes. */
#define VIRTBACK_AREA_MAX		(512UL << 10)

/* How soon to look again for pages that someone else still uses. */
#define VIRTBACK_REAP_AGAIN		(HZ / 20)

/* Chunks that a sweep lets go of before it lets interrupts in. */
#define VIRTBACK_SWEEP_BATCH		64

/**
 * struct virtback_chunk - consecutive pages of a guest, mapped
 * @hash: in guest->chunks; cache_lock, as what follows
 * @link: in guest->lru while hashed and not pinned, in virtback_xen_dead when dead
 * @refs: pins
 * @gen: guest->gen when it was mapped
 * @mapped: bit n: page n is mapped. Only ever gains bits. Written under map_lock
 *	    and cache_lock.
 * @nr: number of the chunk: guest frame number >> VIRTBACK_CHUNK_SHIFT
 * @gfn: guest frame number of the first page; of a single page on top of the
 *	 limit, which is never hashed, that of the page
 * @guest: guest, with a reference
 * @pages: where it is mapped
 */
struct virtback_chunk {
	struct hlist_node hash;
	struct list_head link;
	unsigned int refs;
	u32 gen;
	u32 mapped;
	u64 nr;
	u64 gfn;
	struct virtback_xen_guest *guest;
	struct virtback_xen_pages *pages;
};

/**
 * struct virtback_xen_area - what virtback_area.pin points to
 * @vmap: start of the mapping, or NULL when the pages follow each other
 * @nr: chunks
 * @chunk: the chunks, pinned
 */
struct virtback_xen_area {
	void *vmap;
	unsigned int nr;
	struct virtback_chunk *chunk[];
};

static LIST_HEAD(virtback_xen_dead);
/* Protects the list of dead chunks; inside cache_lock. */
static DEFINE_SPINLOCK(virtback_xen_dead_lock);
/* Held while chunks are unmapped. */
static DEFINE_MUTEX(virtback_xen_reap_lock);

static void virtback_xen_reap_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(virtback_xen_reaper, virtback_xen_reap_work);
static struct workqueue_struct *virtback_xen_wq;

/* A page on top of the limit, not a chunk that counts. */
static bool virtback_chunk_single(const struct virtback_chunk *chunk)
{
	return chunk->pages->nr == 1;
}

/* Unmap and free a dead chunk; false when its pages are still in use elsewhere. */
static bool virtback_chunk_reap(struct virtback_chunk *chunk)
{
	struct virtback_xen_guest *guest = chunk->guest;
	struct virtback_xen_pages *pages = chunk->pages;
	bool single = virtback_chunk_single(chunk);
	unsigned long flags;

	if (virtback_xen_pages_busy(pages))
		return false;
	if (virtback_xen_unmap(pages->page, pages->nr, chunk->mapped))
		virtback_xen_pages_free(pages);
	else
		pr_err("dom%u: Xen refused to unmap pages; they are lost\n", guest->domid);

	spin_lock_irqsave(&guest->cache_lock, flags);
	if (!single)
		guest->nr_chunks--;
	spin_unlock_irqrestore(&guest->cache_lock, flags);
	kfree(chunk);
	virtback_xen_guest_put(guest);
	return true;
}

/* Reap all dead chunks that can be. Returns how many are left. */
static unsigned int virtback_xen_reap(void)
{
	struct virtback_chunk *chunk, *next;
	unsigned int left = 0;
	LIST_HEAD(dead);

	mutex_lock(&virtback_xen_reap_lock);
	spin_lock_irq(&virtback_xen_dead_lock);
	list_splice_init(&virtback_xen_dead, &dead);
	spin_unlock_irq(&virtback_xen_dead_lock);

	list_for_each_entry_safe(chunk, next, &dead, link) {
		cond_resched();
		list_del(&chunk->link);
		if (virtback_chunk_reap(chunk))
			continue;
		left++;
		spin_lock_irq(&virtback_xen_dead_lock);
		list_add_tail(&chunk->link, &virtback_xen_dead);
		spin_unlock_irq(&virtback_xen_dead_lock);
	}
	mutex_unlock(&virtback_xen_reap_lock);
	return left;
}

static void virtback_xen_reap_work(struct work_struct *work)
{
	if (virtback_xen_reap())
		queue_delayed_work(virtback_xen_wq, &virtback_xen_reaper, VIRTBACK_REAP_AGAIN);
}

/* Nobody finds it or uses it any more. Called with cache_lock held. */
static void virtback_chunk_die(struct virtback_chunk *chunk)
{
	bool first;

	lockdep_assert_held(&chunk->guest->cache_lock);
	spin_lock(&virtback_xen_dead_lock);
	first = list_empty(&virtback_xen_dead);
	list_add_tail(&chunk->link, &virtback_xen_dead);
	spin_unlock(&virtback_xen_dead_lock);
	/* Else the reaper has yet to come, or comes again soon. */
	if (first)
		mod_delayed_work(virtback_xen_wq, &virtback_xen_reaper, 0);
}

/* Let nobody find it any more: it is not pinned. Called with cache_lock held. */
static void virtback_chunk_unhash(struct virtback_chunk *chunk)
{
	lockdep_assert_held(&chunk->guest->cache_lock);
	hash_del(&chunk->hash);
	list_del_init(&chunk->link);
	virtback_chunk_die(chunk);
}

static void virtback_chunk_put(struct virtback_chunk *chunk)
{
	struct virtback_xen_guest *guest = chunk->guest;
	unsigned long flags;

	spin_lock_irqsave(&guest->cache_lock, flags);
	if (--chunk->refs)
		goto unlock;
	if (hlist_unhashed(&chunk->hash))
		virtback_chunk_die(chunk);
	else if (chunk->gen != guest->gen)
		virtback_chunk_unhash(chunk);
	else
		list_add_tail(&chunk->link, &guest->lru);
unlock:
	spin_unlock_irqrestore(&guest->cache_lock, flags);
}

/* A pinned chunk of the current generation, or NULL. */
static struct virtback_chunk *virtback_chunk_find(struct virtback_xen_guest *guest, u64 nr)
{
	struct virtback_chunk *chunk;

	spin_lock_irq(&guest->cache_lock);
	hash_for_each_possible(guest->chunks, chunk, hash, nr) {
		/* One of an old generation waits for its sweep or its last unpin. */
		if (chunk->nr != nr || chunk->gen != guest->gen)
			continue;
		if (!chunk->refs++)
			list_del_init(&chunk->link);
		guest->stats.hits++;
		spin_unlock_irq(&guest->cache_lock);
		return chunk;
	}
	spin_unlock_irq(&guest->cache_lock);
	return NULL;
}

/*
 * Is there room for one more chunk within the limit, or can it be made? The
 * victim alone is reaped, and here: whoever waits under map_lock must not pay for
 * the dead of others, and the reaper's pages would come too late. (No reap_lock:
 * this is a worker or a register access of a device, whose release follows.)
 */
static bool virtback_cache_make_room(struct virtback_xen_guest *guest)
{
	unsigned long max = virtback_xen_pages_scarce() ? VIRTBACK_CHUNKS_MAX_SCARCE :
							  VIRTBACK_CHUNKS_MAX;
	struct virtback_chunk *victim = NULL;
	bool room;

	spin_lock_irq(&guest->cache_lock);
	room = guest->nr_chunks < max;
	if (!room)
		victim = list_first_entry_or_null(&guest->lru, struct virtback_chunk, link);
	if (victim) {
		hash_del(&victim->hash);
		list_del_init(&victim->link);
		guest->stats.evictions++;
	}
	spin_unlock_irq(&guest->cache_lock);
	if (!victim)
		return room;
	if (virtback_chunk_reap(victim))
		return true;
	/* Someone else still uses its pages. */
	spin_lock_irq(&guest->cache_lock);
	virtback_chunk_die(victim);
	spin_unlock_irq(&guest->cache_lock);
	return false;
}

static void virtback_chunk_insert(struct virtback_chunk *chunk)
{
	struct virtback_xen_guest *guest = chunk->guest;

	if (virtback_chunk_single(chunk))
		return;
	spin_lock_irq(&guest->cache_lock);
	guest->nr_chunks++;
	/* An INVALIDATE came while it was mapped: of use for this pin alone. */
	if (!guest->closed && chunk->gen == guest->gen)
		hash_add(guest->chunks, &chunk->hash, chunk->nr);
	spin_unlock_irq(&guest->cache_lock);
}

/*
 * Map the chunk with the page @gfn. Called with map_lock held. Returns it pinned,
 * or NULL.
 */
static struct virtback_chunk *virtback_chunk_map(struct virtback_xen_guest *guest, u64 gfn)
{
	unsigned int nr = VIRTBACK_CHUNK_PAGES;
	struct virtback_chunk *chunk;

	lockdep_assert_held(&guest->map_lock);
	if (!virtback_cache_make_room(guest))
		nr = 1;
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return NULL;
	chunk->pages = virtback_xen_pages_alloc(nr);
	if (!chunk->pages)
		goto free;
	INIT_HLIST_NODE(&chunk->hash);
	INIT_LIST_HEAD(&chunk->link);
	chunk->refs = 1;
	chunk->nr = gfn >> VIRTBACK_CHUNK_SHIFT;
	chunk->gfn = round_down(gfn, nr);
	chunk->guest = guest;
	spin_lock_irq(&guest->cache_lock);
	guest->stats.maps++;
	chunk->gen = guest->gen;
	spin_unlock_irq(&guest->cache_lock);
	chunk->mapped = virtback_xen_map_foreign(guest->domid, chunk->gfn,
						 chunk->pages->page, nr);
	/* Keep nothing for an address where the guest has no memory at all. */
	if (!chunk->mapped)
		goto free_pages;
	kref_get(&guest->ref);
	virtback_chunk_insert(chunk);
	return chunk;

free_pages:
	virtback_xen_pages_free(chunk->pages);
free:
	kfree(chunk);
	return NULL;
}

/* The chunk with the page @gfn, pinned, or NULL. */
static struct virtback_chunk *virtback_chunk_get(struct virtback_xen_guest *guest, u64 gfn)
{
	u64 nr = gfn >> VIRTBACK_CHUNK_SHIFT;
	struct virtback_chunk *chunk;

	chunk = virtback_chunk_find(guest, nr);
	if (chunk || READ_ONCE(guest->closed))
		return chunk;
	mutex_lock(&guest->map_lock);
	chunk = virtback_chunk_find(guest, nr);
	if (!chunk)
		chunk = virtback_chunk_map(guest, gfn);
	mutex_unlock(&guest->map_lock);
	return chunk;
}

/* One page that could not be mapped with its chunk; the guest may have it now. */
static bool virtback_chunk_retry(struct virtback_chunk *chunk, unsigned int i)
{
	struct virtback_xen_guest *guest = chunk->guest;
	bool ok;

	mutex_lock(&guest->map_lock);
	ok = (chunk->mapped & BIT(i)) ||
	     virtback_xen_map_foreign(guest->domid, chunk->gfn + i, &chunk->pages->page[i], 1);
	if (ok) {
		spin_lock_irq(&guest->cache_lock);
		WRITE_ONCE(chunk->mapped, chunk->mapped | BIT(i));
		spin_unlock_irq(&guest->cache_lock);
	}
	mutex_unlock(&guest->map_lock);
	return ok;
}

/*
 * The chunk with the page @gfn, pinned and with that page mapped, or NULL; *@i is
 * the page's index in it.
 */
static struct virtback_chunk *virtback_chunk_get_page(struct virtback_xen_guest *guest, u64 gfn,
						      unsigned int *i)
{
	struct virtback_chunk *chunk;

	chunk = virtback_chunk_get(guest, gfn);
	if (!chunk)
		return NULL;
	*i = gfn - chunk->gfn;
	if ((READ_ONCE(chunk->mapped) & BIT(*i)) || virtback_chunk_retry(chunk, *i))
		return chunk;
	virtback_chunk_put(chunk);
	return NULL;
}

/* Bytes from the start of page @i that are mapped and follow each other, to @len. */
static u32 virtback_chunk_run(const struct virtback_chunk *chunk, unsigned int i, u32 len)
{
	u32 next = (READ_ONCE(chunk->mapped) >> 1) & chunk->pages->contig;
	u32 n = PAGE_SIZE;

	while (n < len && (next & BIT(i))) {
		n += PAGE_SIZE;
		i++;
	}
	return min(n, len);
}

/**
 * virtback_xen_pin() - see &virtback_host_ops.pin
 * @vd: device
 * @addr: guest physical address
 * @len: bytes wanted
 * @write: they will be written
 * @p: receives the piece
 *
 * Return: 0, or -EFAULT when it is not guest memory or cannot be mapped.
 */
int virtback_xen_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
		     struct virtback_piece *p)
{
	struct virtback_xen_dev *xd = vd->host_priv;
	u32 off = offset_in_page(addr);
	struct virtback_chunk *chunk;
	unsigned int i;

	chunk = virtback_chunk_get_page(xd->guest, addr >> PAGE_SHIFT, &i);
	if (!chunk)
		return -EFAULT;
	p->va = page_address(chunk->pages->page[i]) + off;
	/* More than a chunk is never reached, so the sum cannot overflow. */
	len = min_t(u32, len, VIRTBACK_CHUNK_PAGES * PAGE_SIZE);
	p->len = virtback_chunk_run(chunk, i, off + len) - off;
	p->pin = chunk;
	return 0;
}

/**
 * virtback_xen_unpin() - see &virtback_host_ops.unpin
 * @vd: device
 * @p: piece
 */
void virtback_xen_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	virtback_chunk_put(p->pin);
}

static void virtback_xen_area_free(struct virtback_xen_area *xa)
{
	if (xa->vmap)
		vunmap(xa->vmap);
	while (xa->nr)
		virtback_chunk_put(xa->chunk[--xa->nr]);
	kfree(xa);
}

/* Pin the pages, one pin a page, and list them. */
static int virtback_xen_area_pin(struct virtback_xen_guest *guest, struct virtback_xen_area *xa,
				 u64 gfn, unsigned int nr, struct page **page)
{
	struct virtback_chunk *chunk;
	unsigned int i;

	while (xa->nr < nr) {
		chunk = virtback_chunk_get_page(guest, gfn + xa->nr, &i);
		if (!chunk)
			return -EFAULT;
		page[xa->nr] = chunk->pages->page[i];
		xa->chunk[xa->nr++] = chunk;
	}
	return 0;
}

static bool virtback_pages_contig(struct page **page, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr; i++) {
		if (page_to_pfn(page[i - 1]) + 1 != page_to_pfn(page[i]))
			return false;
	}
	return true;
}

static int virtback_xen_area_map(struct virtback_xen_guest *guest, u64 addr, size_t len,
				 struct virtback_area *area)
{
	unsigned int nr = PFN_UP(offset_in_page(addr) + len);
	struct virtback_xen_area *xa;
	struct page **page;
	void *va;
	int ret;

	page = kcalloc(nr, sizeof(*page), GFP_KERNEL);
	xa = kzalloc(struct_size(xa, chunk, nr), GFP_KERNEL);
	ret = -ENOMEM;
	if (!page || !xa)
		goto free;
	ret = virtback_xen_area_pin(guest, xa, addr >> PAGE_SHIFT, nr, page);
	if (ret)
		goto unpin;
	if (virtback_pages_contig(page, nr)) {
		va = page_address(page[0]);
	} else {
		va = vmap(page, nr, VM_MAP, PAGE_KERNEL);
		xa->vmap = va;
	}
	ret = -ENOMEM;
	if (!va)
		goto unpin;
	kfree(page);
	area->va = va + offset_in_page(addr);
	area->len = len;
	area->pin = xa;
	return 0;

unpin:
	virtback_xen_area_free(xa);
	xa = NULL;
free:
	kfree(xa);
	kfree(page);
	return ret;
}

/**
 * virtback_xen_map() - see &virtback_host_ops.map
 * @vd: device
 * @addr: guest physical address
 * @len: bytes
 * @write: they will be written
 * @area: receives the mapping
 *
 * Return: 0 or -errno.
 */
int virtback_xen_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		     struct virtback_area *area)
{
	struct virtback_xen_dev *xd = vd->host_priv;
	unsigned int noio;
	int ret;

	if (!len || len > VIRTBACK_AREA_MAX)
		return -EINVAL;
	/* A vCPU waits, and freeing memory could need the disk that it waits for. */
	noio = memalloc_noio_save();
	ret = virtback_xen_area_map(xd->guest, addr, len, area);
	memalloc_noio_restore(noio);
	return ret;
}

/**
 * virtback_xen_unmap_area() - see &virtback_host_ops.unmap
 * @vd: device
 * @area: mapping
 */
void virtback_xen_unmap_area(struct virtback_device *vd, struct virtback_area *area)
{
	virtback_xen_area_free(area->pin);
	area->va = NULL;
	area->pin = NULL;
}

static void virtback_xen_sweep(struct virtback_xen_guest *guest)
{
	struct virtback_chunk *chunk;
	bool more;

	do {
		unsigned int n;

		more = false;
		spin_lock_irq(&guest->cache_lock);
		for (n = 0; n < VIRTBACK_SWEEP_BATCH; n++) {
			chunk = list_first_entry_or_null(&guest->lru, struct virtback_chunk, link);
			more = chunk && chunk->gen != guest->gen;
			if (!more)
				break;
			virtback_chunk_unhash(chunk);
		}
		spin_unlock_irq(&guest->cache_lock);
		cond_resched();
	} while (more);
}

static void virtback_xen_sweep_work(struct work_struct *work)
{
	virtback_xen_sweep(container_of(work, struct virtback_xen_guest, sweep));
}

/**
 * virtback_xen_cache_invalidate() - INVALIDATE: the guest's memory has changed
 * @guest: guest
 *
 * Any context; waits for nothing, since a vCPU waits and whoever uses memory may
 * be waiting for that vCPU.
 */
void virtback_xen_cache_invalidate(struct virtback_xen_guest *guest)
{
	unsigned long flags;

	spin_lock_irqsave(&guest->cache_lock, flags);
	guest->gen++;
	spin_unlock_irqrestore(&guest->cache_lock, flags);
	queue_work(virtback_xen_wq, &guest->sweep);
}

/**
 * virtback_xen_cache_close() - keep no memory of the guest mapped
 * @guest: guest that has no device any more, and whose server is gone
 *
 * What is pinned is unmapped at its last unpin. May sleep.
 */
void virtback_xen_cache_close(struct virtback_xen_guest *guest)
{
	spin_lock_irq(&guest->cache_lock);
	WRITE_ONCE(guest->closed, true);
	guest->gen++;
	spin_unlock_irq(&guest->cache_lock);
	cancel_work_sync(&guest->sweep);
	virtback_xen_sweep(guest);
}

/**
 * virtback_xen_cache_flush() - unmap what is dead now, not soon
 *
 * May sleep.
 */
void virtback_xen_cache_flush(void)
{
	virtback_xen_reap();
}

/**
 * virtback_xen_cache_init() - start with nothing mapped
 * @guest: zeroed guest
 */
void virtback_xen_cache_init(struct virtback_xen_guest *guest)
{
	mutex_init(&guest->map_lock);
	spin_lock_init(&guest->cache_lock);
	INIT_LIST_HEAD(&guest->lru);
	hash_init(guest->chunks);
	INIT_WORK(&guest->sweep, virtback_xen_sweep_work);
}

/**
 * virtback_xen_chunk_init() - before any guest
 *
 * Return: 0 or -errno.
 */
int virtback_xen_chunk_init(void)
{
	virtback_xen_wq = alloc_workqueue("virtback_xen", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return virtback_xen_wq ? 0 : -ENOMEM;
}

/** virtback_xen_chunk_exit() - after the last guest */
void virtback_xen_chunk_exit(void)
{
	unsigned int left;

	cancel_delayed_work_sync(&virtback_xen_reaper);
	left = virtback_xen_reap();
	if (left)
		pr_warn("%u chunks of guest memory are in use elsewhere and stay mapped\n", left);
	destroy_workqueue(virtback_xen_wq);
	virtback_xen_pages_exit();
}
