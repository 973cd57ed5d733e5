// SPDX-License-Identifier: GPL-2.0
/*
 * Ring areas of a guest, each in one piece: its pages are pinned for as long as the
 * queue is ready, and mapped once more where they do not follow each other.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "cache.h"

/* The largest ring area: 32768 descriptors of 16 bytes. */
#define VIRTBACK_AREA_MAX		(512UL << 10)

/**
 * struct virtback_xen_area - what virtback_area.pin points to
 * @vmap: start of the mapping, or NULL when the pages follow each other
 * @nr: chunks
 * @chunk: the chunks, pinned once for each page of the area
 */
struct virtback_xen_area {
	void *vmap;
	unsigned int nr;
	struct virtback_chunk *chunk[];
};

static void virtback_area_free(struct virtback_xen_area *xa)
{
	if (xa->vmap)
		vunmap(xa->vmap);
	while (xa->nr)
		virtback_chunk_put(xa->chunk[--xa->nr]);
	kfree(xa);
}

/* Pin the pages, one pin a page, and list them. */
static int virtback_area_pin(struct virtback_xen_cache *cache, struct virtback_xen_area *xa,
			     u64 gfn, unsigned int nr, struct page **page)
{
	struct virtback_chunk *chunk;

	while (xa->nr < nr) {
		chunk = virtback_chunk_get_page(cache, gfn + xa->nr);
		if (!chunk)
			return -EFAULT;
		page[xa->nr] = virtback_chunk_page(chunk, gfn + xa->nr);
		xa->chunk[xa->nr++] = chunk;
	}
	return 0;
}

static bool virtback_area_contig(struct page **page, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr; i++) {
		if (page_to_pfn(page[i - 1]) + 1 != page_to_pfn(page[i]))
			return false;
	}
	return true;
}

static int virtback_area_make(struct virtback_xen_cache *cache, u64 addr, size_t len,
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
	ret = virtback_area_pin(cache, xa, addr >> PAGE_SHIFT, nr, page);
	if (ret)
		goto unpin;
	if (virtback_area_contig(page, nr)) {
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
	virtback_area_free(xa);
	xa = NULL;
free:
	kfree(xa);
	kfree(page);
	return ret;
}

/**
 * virtback_xen_area_map() - map a ring area in one piece
 * @cache: guest
 * @addr: guest physical address
 * @len: bytes
 * @area: receives the mapping
 *
 * Its pages count as pins of a queue: see virtback_xen_reserve(). May sleep, but
 * not for what a disk has to write first: a vCPU waits, and freeing memory could
 * need the disk that it waits for.
 *
 * Return: 0, -EINVAL, -EFAULT when it is not all guest memory, or -ENOMEM.
 */
int virtback_xen_area_map(struct virtback_xen_cache *cache, u64 addr, size_t len,
			  struct virtback_area *area)
{
	unsigned int noio;
	int ret;

	if (!len || len > VIRTBACK_AREA_MAX)
		return -EINVAL;
	noio = memalloc_noio_save();
	ret = virtback_area_make(cache, addr, len, area);
	memalloc_noio_restore(noio);
	return ret;
}

/**
 * virtback_xen_area_unmap() - undo virtback_xen_area_map()
 * @area: mapping
 *
 * May sleep.
 */
void virtback_xen_area_unmap(struct virtback_area *area)
{
	virtback_area_free(area->pin);
	area->va = NULL;
	area->pin = NULL;
}
