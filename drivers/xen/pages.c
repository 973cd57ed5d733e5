// SPDX-License-Identifier: GPL-2.0
/*
 * Address space of this domain without memory behind it, into which pages of
 * guests are mapped.
 *
 * The kernel hands it out page by page in any order, and page by page it would
 * come back. So sets of pages are pooled here, and stay together: the pages of
 * a set follow each other as far as the kernel had such pages.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>

#include <asm/xen/hypercall.h>
#include <xen/interface/memory.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "xen.h"

#define VIRTBACK_XENMEM_IOREQ_FRAME	1	/* frame 0 is the buffered ring's */

static LIST_HEAD(virtback_xen_pool);
/* Protects the pool. */
static DEFINE_SPINLOCK(virtback_xen_pool_lock);

/* Pages cost memory of this domain; set once, by the first allocation. */
static bool virtback_xen_ballooned;

static int virtback_xen_pages_cmp(const void *a, const void *b)
{
	unsigned long x = page_to_pfn(*(struct page **)a);
	unsigned long y = page_to_pfn(*(struct page **)b);

	return x < y ? -1 : x > y;
}

static struct virtback_xen_pages *virtback_xen_pages_pooled(unsigned int nr)
{
	struct virtback_xen_pages *pages;

	spin_lock(&virtback_xen_pool_lock);
	list_for_each_entry(pages, &virtback_xen_pool, link) {
		if (pages->nr == nr) {
			list_del_init(&pages->link);
			spin_unlock(&virtback_xen_pool_lock);
			return pages;
		}
	}
	spin_unlock(&virtback_xen_pool_lock);
	return NULL;
}

/**
 * virtback_xen_pages_alloc() - get address space
 * @nr: pages, at most VIRTBACK_CHUNK_PAGES
 *
 * May sleep.
 *
 * Return: the pages, or NULL when there are none.
 */
struct virtback_xen_pages *virtback_xen_pages_alloc(unsigned int nr)
{
	struct virtback_xen_pages *pages;
	unsigned int i;

	pages = virtback_xen_pages_pooled(nr);
	if (pages)
		return pages;
	pages = kzalloc(struct_size(pages, page, nr), GFP_KERNEL);
	if (!pages)
		return NULL;
	if (xen_alloc_unpopulated_pages(nr, pages->page)) {
		kfree(pages);
		return NULL;
	}
	INIT_LIST_HEAD(&pages->link);
	pages->nr = nr;
	sort(pages->page, nr, sizeof(pages->page[0]), virtback_xen_pages_cmp, NULL);
	for (i = 0; i + 1 < nr; i++) {
		if (page_to_pfn(pages->page[i]) + 1 == page_to_pfn(pages->page[i + 1]))
			pages->contig |= BIT(i);
	}
	if (!is_zone_device_page(pages->page[0]) && !READ_ONCE(virtback_xen_ballooned)) {
		WRITE_ONCE(virtback_xen_ballooned, true);
		pr_info("mapped guest memory takes as much memory from this domain\n");
	}
	return pages;
}

/**
 * virtback_xen_pages_free() - give address space back
 * @pages: nothing is mapped there
 *
 * Process context.
 */
void virtback_xen_pages_free(struct virtback_xen_pages *pages)
{
	spin_lock(&virtback_xen_pool_lock);
	list_add(&pages->link, &virtback_xen_pool);
	spin_unlock(&virtback_xen_pool_lock);
}

/**
 * virtback_xen_pages_busy() - does anyone else still use a page?
 * @pages: pages
 *
 * Their count says so: whoever passed a page on may have ended its request while
 * a network connection still holds the page to send it again. Any context.
 *
 * Return: true when the pages must stay mapped.
 */
bool virtback_xen_pages_busy(const struct virtback_xen_pages *pages)
{
	unsigned int i;

	for (i = 0; i < pages->nr; i++) {
		if (page_count(pages->page[i]) > 1)
			return true;
	}
	return false;
}

/**
 * virtback_xen_pages_scarce() - does mapping cost memory of this domain?
 *
 * Without CONFIG_XEN_UNPOPULATED_ALLOC, or where Xen offers no address space for
 * it, the kernel gives memory back to Xen for each page, and a domain that is
 * mapped one to one never gets it again. Any context.
 *
 * Return: true once a page was found to do so.
 */
bool virtback_xen_pages_scarce(void)
{
	return READ_ONCE(virtback_xen_ballooned);
}

/** virtback_xen_pages_exit() - give the pool back to the kernel */
void virtback_xen_pages_exit(void)
{
	struct virtback_xen_pages *pages, *next;

	list_for_each_entry_safe(pages, next, &virtback_xen_pool, link) {
		list_del(&pages->link);
		xen_free_unpopulated_pages(pages->nr, pages->page);
		kfree(pages);
	}
}

/**
 * virtback_xen_map_foreign() - map consecutive pages of a guest
 * @domid: guest
 * @gfn: its first page
 * @page: where to
 * @nr: number of pages, at most VIRTBACK_CHUNK_PAGES
 *
 * Any context, but long: a hypercall that maps @nr pages one by one.
 *
 * Return: bit n is set when page n is mapped.
 */
u32 virtback_xen_map_foreign(domid_t domid, u64 gfn, struct page **page, unsigned int nr)
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
int virtback_xen_map_ioreq(domid_t domid, u16 id, struct page *page)
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
