/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hypervisor for the suites of the Xen host's memory: what drivers/xen/memory.c is
 * with a real one. Guest memory is a version number a page; mapping a page writes
 * down which page of which guest it was, and in which version.
 */
#ifndef VIRTBACK_HV_H
#define VIRTBACK_HV_H

#include <kunit/test.h>
#include <linux/mm.h>

#include "../drivers/xen/cache.h"
#include "../drivers/xen/check.h"

#define HV_GUESTS	2
#define HV_GFNS		1024
#define HV_SETS		96	/* of 16 pages of address space */

/* 1 MiB is 16 chunks; this reserve leaves 14 of them to pins. */
#define HV_MB	1
#define HV_CHUNKS	16
#define HV_RESERVE	32
#define HV_HELD	14

#define CHUNK_BYTES	((u32)(VIRTBACK_CHUNK_PAGES * PAGE_SIZE))

/* First page of the n-th chunk of a guest. */
#define GFN(n)		((u64)(n) * VIRTBACK_CHUNK_PAGES)

/**
 * struct hv_word - what a mapped page shows at its start
 * @domid: guest
 * @gfn: page
 * @version: of its contents
 */
struct hv_word {
	u64 domid;
	u64 gfn;
	u64 version;
};

/**
 * struct hv_guest - a guest
 * @cache: what is tested
 * @refs: references to it
 * @mapped: pages mapped now
 * @version: of each page
 * @absent: pages that the guest has not got
 */
struct hv_guest {
	struct virtback_xen_cache cache;
	atomic_t refs;
	unsigned int mapped;
	u32 version[HV_GFNS];
	DECLARE_BITMAP(absent, HV_GFNS);
};

/**
 * struct hv - the hypervisor, and this domain's address space
 * @guest: guests, domid 1 and up
 * @set: address space, sets of pages that follow each other
 * @free: pages not given out, the last one goes first
 * @nr_free: how many
 * @hidden: how many are not given out at all: the last ones of @free
 * @owner: which guest a page is mapped of, 0 for none; by number of the page
 * @scattered: give out pages that do not follow each other
 * @alloc_fails: so many of the next allocations fail, -1 for all
 * @full: no memory for page tables: only what was mapped to before can be
 * @tables: pages that were mapped to
 * @wide: guests have pages beyond HV_GFNS as well
 * @map_fails: the n-th next page is not mapped, 0 for none
 * @unmap_fails: the n-th next page stays mapped, 0 for none, -1 for all
 * @on_map: called within the next mapping
 * @on_unmap: called before each unmapping, with the guest
 * @slow_put: how long a work item takes to let go of a guest, ms
 * @unmaps: for that
 * @piece: for that
 * @allocs: sets and pages given out so far
 * @room: of the device that joined last
 * @lost: pages that stayed mapped
 * @beside: pages of a guest that may be mapped beside its limit
 * @patient: allocations that may wait for a disk
 * @errors: mapped over a mapping, unmapped what is not mapped, or over the limit
 */
struct hv {
	struct hv_guest guest[HV_GUESTS];
	void *set[HV_SETS];
	struct page *free[HV_SETS * VIRTBACK_CHUNK_PAGES];
	unsigned int nr_free;
	unsigned int hidden;
	u8 owner[HV_SETS * VIRTBACK_CHUNK_PAGES];
	bool scattered;
	int alloc_fails;
	bool full;
	DECLARE_BITMAP(tables, HV_SETS * VIRTBACK_CHUNK_PAGES);
	bool wide;
	int map_fails;
	int unmap_fails;
	void (*on_map)(struct hv *hv);
	void (*on_unmap)(struct hv *hv, unsigned int guest);
	unsigned int slow_put;
	unsigned int unmaps;
	struct virtback_piece piece;
	unsigned int allocs;
	struct virtback_xen_room *room;
	unsigned int lost;
	unsigned int beside;
	unsigned int patient;
	unsigned int errors;
};

int hv_init(struct kunit *test);
void hv_exit(struct kunit *test);
void hv_settle(struct hv *hv);
void hv_end(struct kunit *test);
int hv_pin(struct hv *hv, unsigned int guest, u64 gfn, u32 len, struct virtback_piece *p);
bool hv_shows(const void *va, unsigned int guest, u64 gfn, u32 version);
struct page *hv_page_of(const struct virtback_piece *p);

/* What most tests do with the first guest. */
struct virtback_xen_cache *hv_cache(struct kunit *test);
int hv_device(struct kunit *test, struct virtback_xen_cache *cache, unsigned int given,
	      unsigned int fallback, unsigned long reserve, unsigned long *need);
struct hv *hv_join(struct kunit *test, unsigned long reserve);
struct virtback_piece hv_pin_page(struct kunit *test, u64 gfn);
void hv_refused(struct kunit *test, u64 gfn);
void hv_touch(struct kunit *test, u64 gfn);
bool hv_mapped(struct kunit *test, u64 gfn);
void hv_fill(struct kunit *test, struct virtback_piece *p);
void hv_drain(struct virtback_piece *p, unsigned int n);

#endif
