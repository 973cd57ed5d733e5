/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory as the core and the device types see it: short-lived pins of
 * buffers, long-lived mappings of ring areas, and the pools that keep the
 * request path free of allocations.
 */
#ifndef VIRTBACK_MEM_H
#define VIRTBACK_MEM_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct virtback_piece - a part of guest memory: pinned and virtually contiguous, or,
 *			   of a device that copies, only named
 * @va: where this kernel sees it, valid until the piece is unpinned; NULL when it is
 *	only named
 * @addr: guest address, where @va is NULL
 * @len: bytes
 * @pin: the host's handle, opaque to everyone else
 * @next: next piece of the same list, see struct virtback_pieces
 */
struct virtback_piece {
	void *va;
	u64 addr;
	u32 len;
	void *pin;
	struct virtback_piece *next;
};

/**
 * struct virtback_pieces - a list of pieces in the order of the guest's buffer
 * @head: first piece, NULL when empty
 * @tail: last piece, meaningless when empty
 */
struct virtback_pieces {
	struct virtback_piece *head;
	struct virtback_piece *tail;
};

/**
 * struct virtback_copy - bytes that a host is to copy from or to the guest
 * @addr: guest address
 * @buf: our side, within one page of this kernel
 * @len: bytes, not 0
 * @write: to the guest
 */
struct virtback_copy {
	u64 addr;
	void *buf;
	u32 len;
	bool write;
};

/**
 * struct virtback_area - a ring area mapped for as long as its queue is ready
 * @va: virtually contiguous mapping of the whole area
 * @len: bytes
 * @pin: the host's handle, opaque to everyone else
 */
struct virtback_area {
	void *va;
	size_t len;
	void *pin;
};

/**
 * struct virtback_pool - a fixed stock of pages, or of objects of one size
 * @lock: protects @nr and @free; taken in interrupt context
 * @nr: objects in @free
 * @size: objects that the pool owns
 * @free: the stack of free objects
 * @slab: one allocation that backs all objects, or NULL for pages
 */
struct virtback_pool {
	spinlock_t lock;		/* nr, free */
	unsigned int nr;
	unsigned int size;
	void **free;
	void *slab;
};

int virtback_pool_init_pages(struct virtback_pool *pool, unsigned int size);
int virtback_pool_init_objects(struct virtback_pool *pool, unsigned int size, size_t bytes);
void virtback_pool_destroy_pages(struct virtback_pool *pool);
void virtback_pool_destroy_objects(struct virtback_pool *pool);
void *virtback_pool_get(struct virtback_pool *pool);
void virtback_pool_put(struct virtback_pool *pool, void *obj);
void virtback_pool_put_pieces(struct virtback_pool *pool, struct virtback_piece *p);
bool virtback_pool_get_pages(struct virtback_pool *pool, struct list_head *pages, unsigned int n);
void virtback_pool_put_pages(struct virtback_pool *pool, struct list_head *pages);

#endif
