// SPDX-License-Identifier: GPL-2.0
/*
 * Granted pages that are mapped for one pass of a request.
 *
 * A queue has a fixed number of places, so that a guest decides neither how much of it
 * is mapped nor how much address space that takes. When they are used up, or Xen does
 * not map what is asked for, the caller copies. A place whose page Xen refuses to unmap
 * is never used again: something of the guest may be there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include <virtback/count.h>
#include <virtback/mem.h>

#include "gref.h"
#include "lender.h"

/**
 * virtback_lender_init() - make the places of a queue
 * @l: zeroed
 * @who: name of the device, for the log; has to stay
 * @domid: guest
 * @nr: how many
 *
 * May sleep.
 *
 * Return: 0 or -ENOMEM, then nothing is left.
 */
int virtback_lender_init(struct virtback_lender *l, const char *who, u16 domid, unsigned int nr)
{
	l->who = who;
	l->domid = domid;
	l->loans = kvcalloc(nr, sizeof(*l->loans), GFP_KERNEL);
	l->free = kvmalloc_array(nr, sizeof(*l->free), GFP_KERNEL);
	l->batch = kvmalloc_array(nr, sizeof(*l->batch), GFP_KERNEL);
	if (l->loans && l->free && l->batch)
		l->space = virtback_grant_space_alloc(l->loans, nr);
	if (!l->space) {
		virtback_lender_fini(l);
		return -ENOMEM;
	}
	for (l->nr = 0; l->nr < nr; l->nr++)
		l->free[l->nr_free++] = &l->loans[l->nr];
	return 0;
}

/**
 * virtback_lender_fini() - undo virtback_lender_init()
 * @l: made, or all zero; everything was given back
 *
 * Address space that still holds something of the guest is left to it. May sleep.
 */
void virtback_lender_fini(struct virtback_lender *l)
{
	if (l->nr_free != l->nr)
		pr_err("%s: %u granted pages stayed mapped\n", l->who, l->nr - l->nr_free);
	else if (l->space)
		virtback_grant_space_free(l->space);
	kvfree(l->batch);
	kvfree(l->free);
	kvfree(l->loans);
	*l = (struct virtback_lender){};
}

/* Give each piece a place. */
static int virtback_lender_place(struct virtback_lender *l, struct virtback_piece *list,
				 unsigned int *nr)
{
	struct virtback_piece *p;
	unsigned int n = 0;

	for (p = list; p; p = p->next) {
		if (!p->len || !virtback_gref_valid(p->addr, p->len) ||
		    virtback_gref_run(p->addr, p->len) != p->len)
			return -EFAULT;
		n++;
	}
	if (n > l->nr_free)
		return -ENOSPC;
	*nr = n;
	for (p = list, n = 0; p; p = p->next) {
		struct virtback_loan *loan = l->free[--l->nr_free];

		loan->ref = virtback_gref_of(p->addr);
		loan->mapped = false;
		p->pin = loan;
		l->batch[n++] = loan;
	}
	return 0;
}

/**
 * virtback_lender_borrow() - see &virtback_host_ops.borrow
 * @l: places of the queue
 * @list: pieces
 * @write: they will be written; else they are mapped read-only
 *
 * One hypercall, whatever @list is.
 *
 * Return: 0, -ENOSPC when there are not as many places, -EFAULT when an address is none
 * of granted memory or not all was mapped.
 */
int virtback_lender_borrow(struct virtback_lender *l, struct virtback_piece *list, bool write)
{
	struct virtback_piece *p;
	unsigned int nr, mapped = 0;
	int err;

	err = virtback_lender_place(l, list, &nr);
	if (err)
		return err;
	virtback_grant_map_loans(l->space, l->domid, l->batch, nr, write);
	virtback_add_once(l->map_calls, 1);
	for (p = list; p; p = p->next) {
		struct virtback_loan *loan = p->pin;

		if (!loan->mapped)
			continue;
		mapped++;
		p->va = page_address(loan->page) + offset_in_page(p->addr);
	}
	virtback_add_once(l->nr_mapped, mapped);
	if (mapped < nr) {
		virtback_lender_give_back(l, list);
		return -EFAULT;
	}
	virtback_add_once(l->pages, nr);
	return 0;
}

/**
 * virtback_lender_busy() - see &virtback_host_ops.borrow_busy
 * @list: pieces that are borrowed
 *
 * The count of a page says it, as for virtback_xen_pages_busy().
 *
 * Return: true when some page must stay mapped.
 */
bool virtback_lender_busy(const struct virtback_piece *list)
{
	const struct virtback_piece *p;

	for (p = list; p; p = p->next) {
		const struct virtback_loan *loan = p->pin;

		if (page_count(loan->page) > 1)
			return true;
	}
	return false;
}

/**
 * virtback_lender_give_back() - see &virtback_host_ops.give_back
 * @l: places of the queue
 * @list: pieces that are borrowed, of any number of requests
 *
 * One hypercall at most.
 */
void virtback_lender_give_back(struct virtback_lender *l, struct virtback_piece *list)
{
	unsigned int nr = 0, lost = 0;
	struct virtback_piece *p;

	for (p = list; p; p = p->next) {
		struct virtback_loan *loan = p->pin;

		if (loan->mapped)
			l->batch[nr++] = loan;
	}
	if (nr) {
		virtback_grant_unmap_loans(l->space, l->batch, nr);
		virtback_add_once(l->unmap_calls, 1);
	}
	for (p = list; p; p = p->next) {
		struct virtback_loan *loan = p->pin;

		p->va = NULL;
		p->pin = NULL;
		if (loan->mapped)
			lost++;
		else
			l->free[l->nr_free++] = loan;
	}
	virtback_sub_once(l->nr_mapped, nr - lost);
	if (!lost)
		return;
	l->nr_lost += lost;
	pr_err_ratelimited("%s: Xen refused to unmap %u granted pages; they are lost\n",
			   l->who, lost);
}
