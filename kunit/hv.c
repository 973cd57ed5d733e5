// SPDX-License-Identifier: GPL-2.0
/*
 * The hypervisor of the cache's suites; see hv.h. Where Xen is real there is none.
 */
#include "hv.h"

#ifndef CONFIG_XEN_BACKEND

#include <linux/delay.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

/* What address space shows where nothing is mapped. */
#define HV_POISON	0x6b

/* The functions of memory.c have no argument to find it by. */
static struct hv *hv_now;

/* Pages are numbered; the number is kept with the page. */
static unsigned int hv_nr(const struct page *page)
{
	return page_private((struct page *)page);
}

static struct hv_guest *hv_guest_of(u16 domid)
{
	return &hv_now->guest[domid - 1];
}

int virtback_xen_space_alloc(unsigned int nr, struct page **page, bool *scarce)
{
	struct hv *hv = hv_now;
	unsigned int step = hv->scattered ? 2 : 1;
	unsigned int i;

	if (!(current->flags & PF_MEMALLOC_NOIO))
		hv->patient++;
	if (hv->alloc_fails) {
		if (hv->alloc_fails > 0)
			hv->alloc_fails--;
		return -ENOMEM;
	}
	if (hv->nr_free < nr * step)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		unsigned int at = hv->nr_free - 1 - i * (step - 1);

		page[i] = hv->free[at];
		memmove(&hv->free[at], &hv->free[at + 1],
			(hv->nr_free - 1 - at) * sizeof(hv->free[0]));
		hv->nr_free--;
	}
	hv->allocs++;
	*scarce = false;
	return 0;
}

void virtback_xen_space_free(unsigned int nr, struct page **page)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (hv_now->owner[hv_nr(page[i])])
			hv_now->errors++;
		hv_now->free[hv_now->nr_free++] = page[i];
	}
}

static bool hv_map_one(u16 domid, u64 gfn, struct page *page, bool *full)
{
	struct hv_guest *g = hv_guest_of(domid);
	struct hv_word *word = page_address(page);
	struct hv *hv = hv_now;

	if (hv->owner[hv_nr(page)])
		hv->errors++;
	if (hv->map_fails && !--hv->map_fails)
		return false;
	if ((gfn >= HV_GFNS && !hv->wide) || test_bit(gfn % HV_GFNS, g->absent))
		return false;
	if (hv->full && !test_bit(hv_nr(page), hv->tables)) {
		*full = true;
		return false;
	}
	set_bit(hv_nr(page), hv->tables);
	hv->owner[hv_nr(page)] = domid;
	g->mapped++;
	if (g->mapped > g->cache.limit + hv->beside)
		hv->errors++;
	word->domid = domid;
	word->gfn = gfn;
	word->version = g->version[gfn % HV_GFNS];
	return true;
}

u32 virtback_xen_map_foreign(u16 domid, u64 gfn, struct page **page, unsigned int nr, bool *full)
{
	void (*on_map)(struct hv *hv) = hv_now->on_map;
	u32 mapped = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (hv_map_one(domid, gfn + i, page[i], full))
			mapped |= BIT(i);
	}
	hv_now->on_map = NULL;
	if (on_map)
		on_map(hv_now);
	return mapped;
}

bool virtback_xen_unmap(struct page **page, unsigned int nr, u32 mapped)
{
	struct hv *hv = hv_now;
	bool ok = true;
	unsigned int i;

	if (hv->on_unmap && hv->owner[hv_nr(page[0])])
		hv->on_unmap(hv, hv->owner[hv_nr(page[0])] - 1);
	for (i = 0; i < nr; i++) {
		u8 *owner = &hv->owner[hv_nr(page[i])];

		if (!(mapped & BIT(i))) {
			/* It was said that nothing is there. */
			if (*owner)
				hv->errors++;
			continue;
		}
		if (!*owner || page_count(page[i]) > 1)
			hv->errors++;
		if (hv->unmap_fails < 0 || (hv->unmap_fails && !--hv->unmap_fails)) {
			ok = false;
			continue;
		}
		if (*owner)
			hv_guest_of(*owner)->mapped--;
		*owner = 0;
		memset(page_address(page[i]), HV_POISON, sizeof(struct hv_word));
	}
	if (!ok)
		hv->lost += nr;
	return ok;
}

void virtback_xen_cache_get(struct virtback_xen_cache *cache)
{
	atomic_inc(&container_of(cache, struct hv_guest, cache)->refs);
}

void virtback_xen_cache_put(struct virtback_xen_cache *cache)
{
	/* Only the reaper's is the last, while who waits for it can run. */
	if (hv_now->slow_put && in_task() && current_work())
		msleep(hv_now->slow_put);
	if (atomic_dec_return(&container_of(cache, struct hv_guest, cache)->refs) < 0)
		hv_now->errors++;
}

static int hv_alloc_space(struct hv *hv)
{
	unsigned int i, nr = HV_SETS * VIRTBACK_CHUNK_PAGES;

	for (i = 0; i < HV_SETS; i++) {
		hv->set[i] = alloc_pages_exact(VIRTBACK_CHUNK_PAGES * PAGE_SIZE,
					       GFP_KERNEL | __GFP_ZERO);
		if (!hv->set[i])
			return -ENOMEM;
	}
	for (i = 0; i < nr; i++) {
		struct page *page = virt_to_page(hv->set[i / VIRTBACK_CHUNK_PAGES] +
						 i % VIRTBACK_CHUNK_PAGES * PAGE_SIZE);

		set_page_private(page, i);
		hv->free[hv->nr_free++] = page;
	}
	return 0;
}

/* hv_init() - a suite's init: guests with nothing mapped, and a limit of 0 */
int hv_init(struct kunit *test)
{
	struct hv *hv = kvzalloc(sizeof(*hv), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, hv);
	test->priv = hv;
	hv_now = hv;
	KUNIT_ASSERT_EQ(test, hv_alloc_space(hv), 0);
	KUNIT_ASSERT_EQ(test, virtback_xen_cache_start(), 0);
	for (i = 0; i < HV_GUESTS; i++)
		virtback_xen_cache_init(&hv->guest[i].cache, i + 1);
	return 0;
}

/* hv_exit() - a suite's exit */
void hv_exit(struct kunit *test)
{
	struct hv *hv = test->priv;
	unsigned int i;

	/* A test that failed half-way still has pins: leave it all. */
	for (i = 0; i < HV_GUESTS; i++) {
		if (atomic_read(&hv->guest[i].refs))
			return;
	}
	for (i = 0; i < HV_SETS; i++) {
		if (hv->set[i])
			free_pages_exact(hv->set[i], VIRTBACK_CHUNK_PAGES * PAGE_SIZE);
	}
	hv_now = NULL;
	kvfree(hv);
}

/* hv_settle() - sweeps and the reaper have done what they can */
void hv_settle(struct hv *hv)
{
	unsigned int i;

	for (i = 0; i < HV_GUESTS; i++) {
		flush_work(&hv->guest[i].cache.sweep);
		virtback_xen_cache_flush(&hv->guest[i].cache);
	}
}

/* hv_end() - the end of a test whose pins are all undone: nothing may be left */
void hv_end(struct kunit *test)
{
	struct hv *hv = test->priv;
	unsigned int i, mapped = 0;

	for (i = 0; i < HV_GUESTS; i++) {
		virtback_xen_cache_close(&hv->guest[i].cache);
		KUNIT_EXPECT_EQ(test, hv->guest[i].cache.nr_held, 0UL);
	}
	hv_settle(hv);
	for (i = 0; i < HV_GUESTS; i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[i].refs), 0);
		KUNIT_EXPECT_EQ(test, hv->guest[i].cache.nr_chunks, 0UL);
		KUNIT_EXPECT_LE(test, hv->guest[i].cache.max_pages, hv->guest[i].cache.limit);
		mapped += hv->guest[i].cache.nr_pages;
	}
	virtback_xen_cache_stop();
	KUNIT_EXPECT_EQ(test, mapped, hv->lost);
	KUNIT_EXPECT_EQ(test, hv->nr_free + hv->hidden + hv->lost, HV_SETS * VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_EQ(test, hv->patient, 0U);
	KUNIT_EXPECT_EQ(test, hv->errors, 0U);
}

/* hv_pin() - pin from the start of a page of a guest */
int hv_pin(struct hv *hv, unsigned int guest, u64 gfn, u32 len, struct virtback_piece *p)
{
	return virtback_xen_cache_pin(&hv->guest[guest].cache, gfn << PAGE_SHIFT, len, p);
}

/* hv_shows() - is it that page of that guest, in that version? */
bool hv_shows(const void *va, unsigned int guest, u64 gfn, u32 version)
{
	const struct hv_word *word = va;

	return word->domid == guest + 1 && word->gfn == gfn && word->version == version;
}

struct page *hv_page_of(const struct virtback_piece *p)
{
	return virt_to_page(p->va);
}

/* hv_cache() - the guest of most tests */
struct virtback_xen_cache *hv_cache(struct kunit *test)
{
	struct hv *hv = test->priv;

	return &hv->guest[0].cache;
}

/* hv_device() - a device joins; as virtback_xen_cache_join() */
int hv_device(struct kunit *test, struct virtback_xen_cache *cache, unsigned int given,
	      unsigned int fallback, unsigned long reserve, unsigned long *need)
{
	struct virtback_xen_room *room = kunit_kzalloc(test, sizeof(*room), GFP_KERNEL);
	struct hv *hv = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, room);
	INIT_LIST_HEAD(&room->link);
	room->given = given;
	room->reserve = reserve;
	hv->room = room;
	return virtback_xen_cache_join(cache, room, fallback, need);
}

/* hv_join() - each guest has a device, a limit of 1 MiB, and this reserve */
struct hv *hv_join(struct kunit *test, unsigned long reserve)
{
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	for (i = 0; i < HV_GUESTS; i++)
		KUNIT_ASSERT_EQ(test, hv_device(test, &hv->guest[i].cache, HV_MB, 0, reserve,
						&need), 0);
	return hv;
}

/* hv_pin_page() - pin a page, see that it is the right one */
struct virtback_piece hv_pin_page(struct kunit *test, u64 gfn)
{
	struct hv *hv = test->priv;
	struct virtback_piece p = {};

	KUNIT_ASSERT_EQ_MSG(test, hv_pin(hv, 0, gfn, 8, &p), 0, "page %llu", gfn);
	KUNIT_EXPECT_TRUE_MSG(test, hv_shows(p.va, 0, gfn, hv->guest[0].version[gfn % HV_GFNS]),
			      "page %llu", gfn);
	return p;
}

/* hv_refused() - it cannot be pinned */
void hv_refused(struct kunit *test, u64 gfn)
{
	struct virtback_piece p;

	KUNIT_EXPECT_EQ_MSG(test, hv_pin(test->priv, 0, gfn, 8, &p), -EFAULT, "page %llu", gfn);
}

/* hv_touch() - pin and unpin a page */
void hv_touch(struct kunit *test, u64 gfn)
{
	struct virtback_piece p = hv_pin_page(test, gfn);

	virtback_xen_cache_unpin(&p);
}

/* hv_mapped() - does a pin find it mapped? */
bool hv_mapped(struct kunit *test, u64 gfn)
{
	u64 maps = hv_cache(test)->stats.maps;

	hv_touch(test, gfn);
	return hv_cache(test)->stats.maps == maps;
}

/* hv_fill() - pin as many chunks as may be, each with its first page */
void hv_fill(struct kunit *test, struct virtback_piece *p)
{
	unsigned int i;

	for (i = 0; i < HV_HELD; i++)
		p[i] = hv_pin_page(test, GFN(i));
	KUNIT_EXPECT_EQ(test, hv_cache(test)->stats.singles, 0ULL);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, (unsigned long)HV_HELD);
}

/* hv_drain() - undo pins */
void hv_drain(struct virtback_piece *p, unsigned int n)
{
	while (n)
		virtback_xen_cache_unpin(&p[--n]);
}

#endif
