// SPDX-License-Identifier: GPL-2.0
/*
 * Memory, as Xen and the kernel's Xen code give it: address space that has no memory
 * behind it, and hypercalls that put pages of a guest there. What is done with it is
 * in pages.c and chunk.c, which tests build without this file.
 */
#include <linux/bits.h>
#include <linux/mm.h>

#include <asm/xen/hypercall.h>
#include <xen/interface/memory.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "cache.h"

#define VIRTBACK_XENMEM_IOREQ_FRAME	1	/* frame 0 is the buffered ring's */

/**
 * virtback_xen_space_alloc() - get address space from the kernel
 * @nr: pages, at most VIRTBACK_CHUNK_PAGES
 * @page: receives the pages, in any order
 * @scarce: set when the pages cost memory of this domain
 *
 * May sleep.
 *
 * Return: 0 or -errno.
 */
int virtback_xen_space_alloc(unsigned int nr, struct page **page, bool *scarce)
{
	int ret = xen_alloc_unpopulated_pages(nr, page);

	if (!ret)
		*scarce = !is_zone_device_page(page[0]);
	return ret;
}

/**
 * virtback_xen_space_free() - give address space back to the kernel
 * @nr: pages
 * @page: the pages; nothing is mapped there
 *
 * May sleep.
 */
void virtback_xen_space_free(unsigned int nr, struct page **page)
{
	xen_free_unpopulated_pages(nr, page);
}

/**
 * virtback_xen_map_foreign() - map consecutive pages of a guest
 * @domid: guest
 * @gfn: its first page
 * @page: where to
 * @nr: number of pages, at most VIRTBACK_CHUNK_PAGES
 * @full: set when Xen had no memory for page tables of @page; else left as it is
 *
 * Any context, but long: a hypercall that maps @nr pages one by one.
 *
 * Return: bit n is set when page n is mapped.
 */
u32 virtback_xen_map_foreign(u16 domid, u64 gfn, struct page **page, unsigned int nr, bool *full)
{
	xen_ulong_t idx[VIRTBACK_CHUNK_PAGES];
	xen_pfn_t gpfn[VIRTBACK_CHUNK_PAGES];
	int err[VIRTBACK_CHUNK_PAGES];
	struct xen_add_to_physmap_range range = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_gmfn_foreign,
		.size = nr,
		.foreign_domid = domid,
	};
	u32 mapped = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		idx[i] = gfn + i;
		gpfn[i] = page_to_xen_pfn(page[i]);
		err[i] = -EIO;
	}
	set_xen_guest_handle(range.idxs, idx);
	set_xen_guest_handle(range.gpfns, gpfn);
	set_xen_guest_handle(range.errs, err);
	/* A failure as a whole leaves err[] of those that were not tried. */
	HYPERVISOR_memory_op(XENMEM_add_to_physmap_range, &range);
	for (i = 0; i < nr; i++) {
		if (!err[i])
			mapped |= BIT(i);
		/* Depends on Xen's version; for what the guest has not got it is -EINVAL. */
		if (err[i] == -ENOENT || err[i] == -ENOMEM)
			*full = true;
	}
	return mapped;
}

/**
 * virtback_xen_map_ioreq() - map the page with the slots of an IOREQ server
 * @domid: guest
 * @id: server
 * @page: where to
 *
 * Any context.
 *
 * Return: 0 or -errno.
 */
int virtback_xen_map_ioreq(u16 domid, u16 id, struct page *page)
{
	xen_pfn_t gpfn = page_to_xen_pfn(page);
	struct xen_mem_acquire_resource res = {
		.domid = domid,
		.type = XENMEM_resource_ioreq_server,
		.id = id,
		.nr_frames = 1,
		.frame = VIRTBACK_XENMEM_IOREQ_FRAME,
	};

	set_xen_guest_handle(res.frame_list, &gpfn);
	return HYPERVISOR_memory_op(XENMEM_acquire_resource, &res);
}

/**
 * virtback_xen_unmap() - undo a mapping
 * @page: where it is
 * @nr: number of pages
 * @mapped: bit n: page n is mapped
 *
 * Any context, but long: a hypercall a page.
 *
 * Return: false when some page stayed mapped; the pages must not be used again.
 */
bool virtback_xen_unmap(struct page **page, unsigned int nr, u32 mapped)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct xen_remove_from_physmap rm = {
			.domid = DOMID_SELF,
			.gpfn = page_to_xen_pfn(page[i]),
		};

		if ((mapped & BIT(i)) && HYPERVISOR_memory_op(XENMEM_remove_from_physmap, &rm))
			ok = false;
	}
	return ok;
}
