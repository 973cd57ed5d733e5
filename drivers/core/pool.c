// SPDX-License-Identifier: GPL-2.0
/*
 * Fixed stocks of pages and pieces.
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

static int virtback_pool_init(struct virtback_pool *pool, unsigned int size)
{
	spin_lock_init(&pool->lock);
	pool->nr = 0;
	pool->size = size;
	pool->slab = NULL;
	pool->free = kvmalloc_array(size, sizeof(*pool->free), GFP_KERNEL);
	return pool->free ? 0 : -ENOMEM;
}

/**
 * virtback_pool_init_pages() - make a pool of @size pages
 * @pool: to initialise
 * @size: pages
 *
 * Return: 0 or -ENOMEM, then nothing is left to destroy. May sleep.
 */
int virtback_pool_init_pages(struct virtback_pool *pool, unsigned int size)
{
	int ret = virtback_pool_init(pool, size);

	if (ret)
		return ret;
	while (pool->nr < size) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page) {
			virtback_pool_destroy_pages(pool);
			return -ENOMEM;
		}
		pool->free[pool->nr++] = page;
	}
	return 0;
}

/**
 * virtback_pool_init_pieces() - make a pool of @size struct virtback_piece
 * @pool: to initialise
 * @size: pieces
 *
 * Return: 0 or -ENOMEM, then nothing is left to destroy. May sleep.
 */
int virtback_pool_init_pieces(struct virtback_pool *pool, unsigned int size)
{
	struct virtback_piece *slab;
	int ret = virtback_pool_init(pool, size);

	if (ret)
		return ret;
	slab = kvcalloc(size, sizeof(*slab), GFP_KERNEL);
	if (!slab) {
		virtback_pool_destroy_pieces(pool);
		return -ENOMEM;
	}
	pool->slab = slab;
	while (pool->nr < size) {
		pool->free[pool->nr] = &slab[pool->nr];
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
}

/**
 * virtback_pool_destroy_pieces() - free a pool of pieces
 * @pool: initialised by virtback_pool_init_pieces(), or all zero
 */
void virtback_pool_destroy_pieces(struct virtback_pool *pool)
{
	kvfree(pool->slab);
	kvfree(pool->free);
	pool->slab = NULL;
	pool->free = NULL;
}

/**
 * virtback_pool_get() - take @n objects, or none
 * @pool: pool
 * @objs: receives the objects
 * @n: how many
 *
 * Any context.
 *
 * Return: false when fewer than @n are there.
 */
bool virtback_pool_get(struct virtback_pool *pool, void **objs, unsigned int n)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&pool->lock, flags);
	ok = pool->nr >= n;
	if (ok) {
		pool->nr -= n;
		memcpy(objs, &pool->free[pool->nr], n * sizeof(*objs));
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return ok;
}

/**
 * virtback_pool_put() - give @n objects back
 * @pool: pool they came from
 * @objs: the objects
 * @n: how many
 *
 * Any context.
 */
void virtback_pool_put(struct virtback_pool *pool, void **objs, unsigned int n)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	if (!WARN_ON_ONCE(pool->nr + n > pool->size)) {
		memcpy(&pool->free[pool->nr], objs, n * sizeof(*objs));
		pool->nr += n;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
}
