/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Granted pages that are mapped for one pass of a request: which, where and for how
 * long. Nothing here needs Xen; what does is in grantmem.c, which tests replace.
 */
#ifndef VIRTBACK_XEN_LENDER_H
#define VIRTBACK_XEN_LENDER_H

#include <linux/types.h>

struct page;
struct virtback_piece;

/*
 * Pages that a queue may have mapped at once: two of the longest passes. More is
 * copied meanwhile.
 */
#define VIRTBACK_LENDER_PAGES	512

/**
 * struct virtback_loan - a place for one page of the guest
 * @page: where it is mapped
 * @ref: the grant reference
 * @handle: Xen's name of the mapping
 * @mapped: there is one
 */
struct virtback_loan {
	struct page *page;
	u32 ref;
	u32 handle;
	bool mapped;
};

/**
 * struct virtback_lender - the places of a queue
 * @who: name of the device, for the log
 * @domid: guest
 * @nr: number of @loans
 * @nr_free: length of @free
 * @nr_lost: places that Xen did not give back
 * @nr_mapped: pages mapped now, lost ones among them; read without a lock, as what
 *	       follows
 * @pages: pages mapped so far
 * @map_calls: hypercalls that mapped some
 * @unmap_calls: hypercalls that unmapped some
 * @loans: the places
 * @free: those not in use, a stack
 * @batch: those of one call
 * @space: what grantmem.c needs
 *
 * All of it is the worker's of the queue. It is made before the queue is served and
 * goes when nothing is mapped for a request any more.
 */
struct virtback_lender {
	const char *who;
	u16 domid;
	unsigned int nr;
	unsigned int nr_free;
	unsigned int nr_lost;
	u64 nr_mapped;
	u64 pages;
	u64 map_calls;
	u64 unmap_calls;
	struct virtback_loan *loans;
	struct virtback_loan **free;
	struct virtback_loan **batch;
	void *space;
};

/* grantmem.c: tests have their own */
void *virtback_grant_space_alloc(struct virtback_loan *loans, unsigned int nr);
void virtback_grant_space_free(void *space);
void virtback_grant_map_loans(void *space, u16 domid, struct virtback_loan **loans,
			      unsigned int nr, bool write);
void virtback_grant_unmap_loans(void *space, struct virtback_loan **loans, unsigned int nr);

/* lender.c */
int virtback_lender_init(struct virtback_lender *l, const char *who, u16 domid, unsigned int nr);
void virtback_lender_fini(struct virtback_lender *l);
int virtback_lender_borrow(struct virtback_lender *l, struct virtback_piece *list, bool write);
bool virtback_lender_busy(const struct virtback_piece *list);
void virtback_lender_give_back(struct virtback_lender *l, struct virtback_piece *list);

#endif
