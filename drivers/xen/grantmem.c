// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercalls that map and unmap what lender.c says, and the address space for it.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <xen/grant_table.h>
#include <xen/page.h>

#include "lender.h"

/**
 * struct virtback_grant_space - address space, and operations of one hypercall
 * @nr: pages
 * @page: all pages
 * @some: those of a call
 * @map: its operations, if it maps
 * @unmap: its operations, if it unmaps
 */
struct virtback_grant_space {
	unsigned int nr;
	struct page **page;
	struct page **some;
	struct gnttab_map_grant_ref *map;
	struct gnttab_unmap_grant_ref *unmap;
};

/* As virtback_xen_pages_alloc(), with the same lock of the kernel's. */
static int virtback_grant_space_pages(struct virtback_grant_space *gs)
{
	unsigned int noio = memalloc_noio_save();
	int err = gnttab_alloc_pages(gs->nr, gs->page);

	memalloc_noio_restore(noio);
	return err;
}

static void virtback_grant_space_free_arrays(struct virtback_grant_space *gs)
{
	kvfree(gs->page);
	kvfree(gs->some);
	kvfree(gs->map);
	kvfree(gs->unmap);
	kfree(gs);
}

/**
 * virtback_grant_space_alloc() - get address space for granted pages
 * @loans: places, of each the page is set
 * @nr: number of @loans
 *
 * May sleep.
 *
 * Return: a handle, or NULL.
 */
void *virtback_grant_space_alloc(struct virtback_loan *loans, unsigned int nr)
{
	struct virtback_grant_space *gs = kzalloc(sizeof(*gs), GFP_KERNEL);
	unsigned int i;

	if (!gs)
		return NULL;
	gs->nr = nr;
	gs->page = kvcalloc(nr, sizeof(*gs->page), GFP_KERNEL);
	gs->some = kvcalloc(nr, sizeof(*gs->some), GFP_KERNEL);
	gs->map = kvcalloc(nr, sizeof(*gs->map), GFP_KERNEL);
	gs->unmap = kvcalloc(nr, sizeof(*gs->unmap), GFP_KERNEL);
	if (!gs->page || !gs->some || !gs->map || !gs->unmap ||
	    virtback_grant_space_pages(gs)) {
		virtback_grant_space_free_arrays(gs);
		return NULL;
	}
	for (i = 0; i < nr; i++)
		loans[i].page = gs->page[i];
	return gs;
}

/**
 * virtback_grant_space_free() - undo virtback_grant_space_alloc()
 * @space: its handle; nothing is mapped there
 *
 * May sleep.
 */
void virtback_grant_space_free(void *space)
{
	struct virtback_grant_space *gs = space;

	gnttab_free_pages(gs->nr, gs->page);
	virtback_grant_space_free_arrays(gs);
}

/**
 * virtback_grant_map_loans() - map granted pages
 * @space: the handle of their places
 * @domid: guest
 * @loans: places, with their references; of those that were mapped the handle and
 *	   mapped are set
 * @nr: number of @loans
 * @write: for writing as well
 *
 * Process context, may sleep. The kernel takes a little memory for each page and does
 * not wait for it, so some may fail that would not another time.
 */
void virtback_grant_map_loans(void *space, u16 domid, struct virtback_loan **loans,
			      unsigned int nr, bool write)
{
	u32 flags = GNTMAP_host_map | (write ? 0 : GNTMAP_readonly);
	struct virtback_grant_space *gs = space;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		gs->some[i] = loans[i]->page;
		gnttab_set_map_op(&gs->map[i], (unsigned long)page_address(loans[i]->page), flags,
				  loans[i]->ref, domid);
		/* What the call as a whole does not come to has failed. */
		gs->map[i].status = GNTST_general_error;
	}
	if (gnttab_map_refs(gs->map, NULL, gs->some, nr))
		return;
	for (i = 0; i < nr; i++) {
		loans[i]->handle = gs->map[i].handle;
		loans[i]->mapped = gs->map[i].status == GNTST_okay;
	}
}

/**
 * virtback_grant_unmap_loans() - unmap granted pages
 * @space: the handle of their places
 * @loans: places that are mapped; mapped is cleared if they are not any more
 * @nr: number of @loans
 *
 * Process context, may sleep.
 */
void virtback_grant_unmap_loans(void *space, struct virtback_loan **loans, unsigned int nr)
{
	struct virtback_grant_space *gs = space;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		gs->some[i] = loans[i]->page;
		gnttab_set_unmap_op(&gs->unmap[i], (unsigned long)page_address(loans[i]->page),
				    GNTMAP_host_map, loans[i]->handle);
		gs->unmap[i].status = GNTST_general_error;
	}
	if (gnttab_unmap_refs(gs->unmap, NULL, gs->some, nr))
		return;
	for (i = 0; i < nr; i++)
		loans[i]->mapped = gs->unmap[i].status != GNTST_okay;
}
