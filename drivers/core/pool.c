// SPDX-License-Identifier: GPL-2.0
/*
 * Fixed stocks of pages and objects.
 *
 * A queue owns all the memory that its requests can take, so that a guest
 * decides neither how much that is nor whether an allocation fails, and a dom0
 * short of memory can still write through its own disk. An empty pool is
 * back-pressure: the worker waits for a completion (VIRTBACK_STALL).
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <virtback/mem.h>

#include "core.h"

static int virtback_pool_init(struct virtback_pool *pool, unsigned int size)
{
	spin_lock_init(&pool->lock);
	pool->nr = 0;
	pool->slab = NULL;
	pool->free = kvmalloc_array(size, sizeof(*pool->free), VIRTBACK_STOCK_GFP);
	pool->size = pool->free ? size : 0;
	return pool->free ? 0 : -ENOMEM;
}

/**
 * virtback_pool_init_pages() - make a pool of @size pages
 * @pool: to initialise
 * @size: pages
 *
 * They are zeroed: a store may end a read well that it has written nothing of, and the guest
 * gets to see what was there.
 *
 * Return: 0 or -ENOMEM, then nothing is left to destroy. May sleep.
 */
int virtback_pool_init_pages(struct virtback_pool *pool, unsigned int size)
{
	int ret = virtback_pool_init(pool, size);

	if (ret)
		return ret;
	while (pool->nr < size) {
		struct page *page = alloc_page(VIRTBACK_STOCK_GFP | __GFP_ZERO);

		if (!page) {
			virtback_pool_destroy_pages(pool);
			return -ENOMEM;
		}
		pool->free[pool->nr++] = page;
	}
	return 0;
}

/**
 * virtback_pool_init_objects() - make a pool of @size objects
 * @pool: to initialise
 * @size: objects
 * @bytes: size of one
 *
 * Return: 0 or -ENOMEM, then nothing is left to destroy. May sleep.
 */
int virtback_pool_init_objects(struct virtback_pool *pool, unsigned int size, size_t bytes)
{
	int ret = virtback_pool_init(pool, size);

	if (ret)
		return ret;
	pool->slab = kvcalloc(size, bytes, VIRTBACK_STOCK_GFP);
	if (!pool->slab) {
		virtback_pool_destroy_objects(pool);
		return -ENOMEM;
	}
	while (pool->nr < size) {
		pool->free[pool->nr] = pool->slab + pool->nr * bytes;
		pool->nr++;
	}
	return 0;
}

/**
 * virtback_pool_destroy_pages() - free a pool of pages
 * @pool: initialised by virtback_pool_init_pages(), or all zero; every page that
 *	  was taken has been given back
 */
void virtback_pool_destroy_pages(struct virtback_pool *pool)
{
	while (pool->nr)
		__free_page(pool->free[--pool->nr]);
	kvfree(pool->free);
	pool->free = NULL;
	pool->size = 0;
}

/**
 * virtback_pool_destroy_objects() - free a pool of objects
 * @pool: initialised by virtback_pool_init_objects(), or all zero
 */
void virtback_pool_destroy_objects(struct virtback_pool *pool)
{
	kvfree(pool->slab);
	kvfree(pool->free);
	pool->slab = NULL;
	pool->free = NULL;
	pool->size = 0;
}

/**
 * virtback_pool_get() - take an object
 * @pool: pool of objects
 *
 * Any context.
 *
 * Return: the object, or NULL when none is there.
 */
void *virtback_pool_get(struct virtback_pool *pool)
{
	unsigned long flags;
	void *obj = NULL;

	spin_lock_irqsave(&pool->lock, flags);
	if (pool->nr)
		obj = pool->free[--pool->nr];
	spin_unlock_irqrestore(&pool->lock, flags);
	return obj;
}

/**
 * virtback_pool_put() - give an object back
 * @pool: pool it came from
 * @obj: the object
 *
 * Any context.
 */
void virtback_pool_put(struct virtback_pool *pool, void *obj)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	if (!WARN_ON_ONCE(pool->nr == pool->size))
		pool->free[pool->nr++] = obj;
	spin_unlock_irqrestore(&pool->lock, flags);
}

/**
 * virtback_pool_put_pieces() - give a list of pieces back
 * @pool: pool they came from
 * @p: the first of them, or NULL
 *
 * Any context.
 */
void virtback_pool_put_pieces(struct virtback_pool *pool, struct virtback_piece *p)
{
	struct virtback_piece *next;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	for (; p; p = next) {
		/* Before it is another's. */
		next = p->next;
		if (!WARN_ON_ONCE(pool->nr == pool->size))
			pool->free[pool->nr++] = p;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
}

/**
 * virtback_pool_get_pages() - take @n pages, or none
 * @pool: pool of pages
 * @pages: the pages are added at the end, linked by their lru
 * @n: how many
 *
 * Any context.
 *
 * Return: false when fewer than @n are there.
 */
bool virtback_pool_get_pages(struct virtback_pool *pool, struct list_head *pages, unsigned int n)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&pool->lock, flags);
	ok = pool->nr >= n;
	while (ok && n--) {
		struct page *page = pool->free[--pool->nr];

		list_add_tail(&page->lru, pages);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return ok;
}

/**
 * virtback_pool_put_pages() - give pages back
 * @pool: pool they came from
 * @pages: the pages, empty afterwards
 *
 * Any context.
 */
void virtback_pool_put_pages(struct virtback_pool *pool, struct list_head *pages)
{
	struct page *page;
	unsigned long flags;

	if (list_empty(pages))
		return;
	spin_lock_irqsave(&pool->lock, flags);
	/* All of them go, so none is taken off the list. */
	list_for_each_entry(page, pages, lru) {
		if (!WARN_ON_ONCE(pool->nr == pool->size))
			pool->free[pool->nr++] = page;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	INIT_LIST_HEAD(pages);
}
