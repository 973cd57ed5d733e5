// SPDX-License-Identifier: GPL-2.0
/*
 * Address space of this domain without memory behind it, into which pages of
 * guests are mapped.
 *
 * The kernel hands it out page by page in any order, and page by page it would
 * come back. So sets of pages are pooled here, and stay together: the pages of
 * a set follow each other as far as the kernel had such pages. The pool keeps them
 * until the module goes, as a domain that is mapped one to one and gave memory for
 * them would not get it back. It never holds more than was mapped at once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>

#include "cache.h"

/* Single pages first, then sets, so that neither is looked for among the others. */
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
	struct virtback_xen_pages *pages = NULL;
	struct list_head *link;

	spin_lock(&virtback_xen_pool_lock);
	link = nr == 1 ? virtback_xen_pool.next : virtback_xen_pool.prev;
	if (!list_empty(&virtback_xen_pool))
		pages = list_entry(link, struct virtback_xen_pages, link);
	if (pages && pages->nr == nr)
		list_del_init(&pages->link);
	else
		pages = NULL;
	spin_unlock(&virtback_xen_pool_lock);
	return pages;
}

/**
 * virtback_xen_pages_drop() - give address space back to the kernel, past the pool
 * @pages: nothing is mapped there
 *
 * Process context.
 */
void virtback_xen_pages_drop(struct virtback_xen_pages *pages)
{
	virtback_xen_space_free(pages->nr, pages->page);
	kfree(pages);
}

/**
 * virtback_xen_pages_trim() - give the set that came into the pool last back to the kernel
 *
 * Which then has pages for one of another size. Process context.
 *
 * Return: false when the pool is empty.
 */
bool virtback_xen_pages_trim(void)
{
	struct virtback_xen_pages *pages = NULL;

	spin_lock(&virtback_xen_pool_lock);
	if (!list_empty(&virtback_xen_pool)) {
		pages = list_last_entry(&virtback_xen_pool, struct virtback_xen_pages, link);
		list_del(&pages->link);
	}
	spin_unlock(&virtback_xen_pool_lock);
	if (!pages)
		return false;
	virtback_xen_pages_drop(pages);
	return true;
}

/* From the kernel, in any order. */
static struct virtback_xen_pages *virtback_xen_pages_new(unsigned int nr, bool *scarce)
{
	struct virtback_xen_pages *pages = kzalloc(struct_size(pages, page, nr), GFP_KERNEL);

	if (!pages)
		return NULL;
	while (virtback_xen_space_alloc(nr, pages->page, scarce)) {
		if (!virtback_xen_pages_trim()) {
			kfree(pages);
			return NULL;
		}
	}
	return pages;
}

/**
 * virtback_xen_pages_alloc() - get address space
 * @nr: pages, at most VIRTBACK_CHUNK_PAGES
 *
 * May sleep, but not for a disk: the kernel has one lock for all address space, and who
 * waits for it may be who that disk waits for.
 *
 * Return: the pages, or NULL when there are none.
 */
struct virtback_xen_pages *virtback_xen_pages_alloc(unsigned int nr)
{
	struct virtback_xen_pages *pages;
	bool scarce = false;
	unsigned int i, noio;

	pages = virtback_xen_pages_pooled(nr);
	if (pages)
		return pages;
	noio = memalloc_noio_save();
	pages = virtback_xen_pages_new(nr, &scarce);
	memalloc_noio_restore(noio);
	if (!pages)
		return NULL;
	INIT_LIST_HEAD(&pages->link);
	pages->nr = nr;
	sort(pages->page, nr, sizeof(pages->page[0]), virtback_xen_pages_cmp, NULL);
	for (i = 0; i + 1 < nr; i++) {
		if (page_to_pfn(pages->page[i]) + 1 == page_to_pfn(pages->page[i + 1]))
			pages->contig |= BIT(i);
	}
	if (scarce && !READ_ONCE(virtback_xen_ballooned)) {
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
	if (pages->nr == 1)
		list_add(&pages->link, &virtback_xen_pool);
	else
		list_add_tail(&pages->link, &virtback_xen_pool);
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
		virtback_xen_pages_drop(pages);
	}
}
