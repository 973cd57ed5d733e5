// SPDX-License-Identifier: GPL-2.0
/*
 * How much is mapped of a guest. What must hold: never more than the limit; whoever
 * keeps to the reserve is never refused, be it for pins or for rings; what cannot
 * be had fails one pin and leaves nothing.
 */
#include "hv.h"

#ifndef CONFIG_XEN_BACKEND

#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#include <trace/events/virtback_xen.h>

static void room_page_alone_beyond_pinned_chunks(struct kunit *test)
{
	struct virtback_piece p[HV_HELD], q;
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_fill(test, p);
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, GFN(30) + 7, CHUNK_BYTES, &q), 0);
	KUNIT_EXPECT_TRUE(test, hv_shows(q.va, 0, GFN(30) + 7, 0));
	KUNIT_EXPECT_EQ(test, q.len, (u32)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 1ULL);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, HV_HELD * VIRTBACK_CHUNK_PAGES + 1);
	/* A chunk in use serves further pins as before. */
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(0) + 9));
	virtback_xen_cache_unpin(&q);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, HV_HELD * VIRTBACK_CHUNK_PAGES);
	/* Room again: a whole chunk. */
	virtback_xen_cache_unpin(&p[0]);
	q = hv_pin_page(test, GFN(31));
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 1ULL);
	virtback_xen_cache_unpin(&q);
	hv_drain(p + 1, HV_HELD - 1);
	hv_end(test);
}

/* A chunk that is kept but may not be pinned any more is of no use: a page alone. */
static void room_kept_chunk_beyond_pinned_chunks(struct kunit *test)
{
	struct virtback_piece p[HV_HELD], q;
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, GFN(40));
	hv_fill(test, p);
	q = hv_pin_page(test, GFN(40));
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_held, (unsigned long)HV_HELD);
	virtback_xen_cache_unpin(&q);
	hv_drain(p, HV_HELD);
	KUNIT_EXPECT_EQ(test, hv->errors, 0U);
	hv_end(test);
}

/* The whole reserve finds room, page by page, at the expense of what is not in use. */
static void room_reserve_is_never_refused(struct kunit *test)
{
	static struct virtback_piece p[HV_HELD], q[HV_RESERVE];
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	unsigned int i;

	hv_touch(test, GFN(50));
	hv_touch(test, GFN(51));
	hv_fill(test, p);
	for (i = 0; i < HV_RESERVE; i++)
		q[i] = hv_pin_page(test, GFN(20) + i);
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 256UL);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 256U);
	/* Whoever breaks the promise of the reserve does not break the limit. */
	hv_refused(test, GFN(60));
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 1ULL);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 256U);
	virtback_xen_cache_unpin(&q[0]);
	hv_touch(test, GFN(60));
	hv_drain(q + 1, HV_RESERVE - 1);
	hv_drain(p, HV_HELD);
	hv_end(test);
}

/* Pages alone that wait to be unmapped make room at once, in whatever number. */
static void room_dead_make_room(struct kunit *test)
{
	static struct virtback_piece p[HV_HELD], q[HV_RESERVE];
	struct virtback_xen_cache *cache = hv_cache(test);
	unsigned int i, n;

	hv_join(test, HV_RESERVE);
	hv_fill(test, p);
	for (n = 0; n < 20; n++) {
		for (i = 0; i < HV_RESERVE; i++)
			q[i] = hv_pin_page(test, GFN(20) + (i * 37 + n) % 500);
		hv_drain(q, HV_RESERVE);
	}
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 20ULL * HV_RESERVE);
	hv_drain(p, HV_HELD);
	hv_end(test);
}

static void room_unmap_fails(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	unsigned int i;

	hv_touch(test, 0);
	hv->unmap_fails = 4;
	virtback_xen_cache_invalidate(cache);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv->lost, VIRTBACK_CHUNK_PAGES);
	/* It is mapped, so it counts; its place is never used again. */
	KUNIT_EXPECT_EQ(test, cache->nr_pages, (unsigned long)VIRTBACK_CHUNK_PAGES);
	for (i = 0; i < 60; i++)
		hv_touch(test, GFN(i));
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, HV_CHUNKS - 1UL);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 256UL);
	hv_end(test);
}

static void room_no_memory_takes_anothers_place(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, GFN(0));
	hv_touch(test, GFN(1));
	hv->alloc_fails = -1;
	hv_touch(test, GFN(2));
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 2UL);
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 1ULL);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(1)));
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 0ULL);
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	hv_end(test);
}

/* The first one stays mapped: it was no place to take. */
static void room_no_memory_takes_the_next_ones_place(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, GFN(0));
	hv_touch(test, GFN(1));
	hv->alloc_fails = -1;
	hv->unmap_fails = 4;
	hv_touch(test, GFN(2));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 2ULL);
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 0ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 2UL * VIRTBACK_CHUNK_PAGES);
	hv_end(test);
}

/* If none makes any, not all that is mapped goes for nothing. */
static void room_xen_unmaps_nothing(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 4, 0, 10, &need), 0);
	for (i = 0; i < 63; i++)
		hv_touch(test, GFN(i));
	hv->alloc_fails = -1;
	hv->unmap_fails = -1;
	hv_refused(test, GFN(63));
	/* For a chunk, and for a page alone. */
	KUNIT_EXPECT_EQ(test, hv->lost, 2U * 16 * VIRTBACK_CHUNK_PAGES);
	hv->alloc_fails = 0;
	hv->unmap_fails = 0;
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(62)));
	hv_end(test);
}

/* Nor has Xen any for page tables, where nothing was mapped before. */
static void room_xen_has_no_memory(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p, q;

	hv->full = true;
	hv_refused(test, GFN(0));
	hv->full = false;
	hv_touch(test, GFN(0));
	p = hv_pin_page(test, GFN(1));
	hv->full = true;
	q = hv_pin_page(test, GFN(2));
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 2UL);
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 1ULL);
	/* Both are in use. */
	hv_refused(test, GFN(3));
	virtback_xen_cache_unpin(&q);
	hv_touch(test, GFN(3));
	/* A hole is none for want of memory: nothing goes for it. */
	bitmap_set(hv->guest[0].absent, GFN(4), VIRTBACK_CHUNK_PAGES);
	hv_refused(test, GFN(4));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 2ULL);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(3)));
	virtback_xen_cache_unpin(&p);
	hv_end(test);
}

/* It has some for the last page of the next chunk, to which something was mapped before. */
static void room_xen_has_memory_for_a_part(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, GFN(0)), q;

	set_bit(page_private(hv->free[hv->nr_free - 1]), hv->tables);
	hv->full = true;
	q = hv_pin_page(test, GFN(2) - 1);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(2) - 1));
	hv_refused(test, GFN(1));
	KUNIT_EXPECT_TRUE(test, hv_shows(q.va, 0, GFN(2) - 1, 0));
	virtback_xen_cache_unpin(&q);
	virtback_xen_cache_unpin(&p);
	/* Nothing goes for pages that nobody wants. */
	hv_touch(test, GFN(2) - 1);
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 0ULL);
	/* Now there is another one to take the place of, and all of it moves there. */
	q = hv_pin_page(test, GFN(2) - 1);
	p = hv_pin_page(test, GFN(1));
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 2UL);
	KUNIT_EXPECT_TRUE(test, hv_shows(q.va, 0, GFN(2) - 1, 0));
	virtback_xen_cache_unpin(&q);
	virtback_xen_cache_unpin(&p);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(2) - 1));
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(1)));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 1ULL);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 1UL);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, (unsigned long)VIRTBACK_CHUNK_PAGES);
	hv_end(test);
}

/* What goes first for the next page is that chunk, which has no place for it either. */
static void room_xen_has_memory_behind_a_part(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, GFN(0));
	set_bit(page_private(hv->free[hv->nr_free - 1]), hv->tables);
	hv->full = true;
	hv_touch(test, GFN(2) - 1);
	hv_touch(test, GFN(1));
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(2) - 1));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 1UL);
	hv_end(test);
}

/* And then Xen does not unmap that page: it counts on. */
static void room_part_stays_mapped(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, GFN(0));
	set_bit(page_private(hv->free[hv->nr_free - 1]), hv->tables);
	hv->full = true;
	hv->unmap_fails = VIRTBACK_CHUNK_PAGES + 1;
	hv_touch(test, GFN(1));
	KUNIT_EXPECT_EQ(test, hv->lost, VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 2UL * VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_EQ(test, cache->max_pages, 2UL * VIRTBACK_CHUNK_PAGES);
	hv_end(test);
}

/* What it has some for is of another size. */
static void room_xen_has_memory_for_another_size(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece alone[6];
	unsigned int i;

	/* A chunk makes room for a page. */
	hv_touch(test, GFN(0));
	cache->reserve = cache->limit;
	hv->full = true;
	hv_touch(test, GFN(1));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 0UL);
	hv->full = false;
	for (i = 0; i < ARRAY_SIZE(alone); i++)
		alone[i] = hv_pin_page(test, GFN(2) + i);
	cache->reserve = HV_RESERVE;
	hv_touch(test, GFN(3));
	/* Pages that wait to be unmapped make none for a chunk. */
	for (i = 0; i < ARRAY_SIZE(alone); i++)
		get_page(hv_page_of(&alone[i]));
	hv_drain(alone, ARRAY_SIZE(alone));
	hv_settle(hv);
	for (i = 0; i < ARRAY_SIZE(alone); i++)
		put_page(hv_page_of(&alone[i]));
	hv->full = true;
	hv_touch(test, GFN(4));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 2ULL);
	hv_end(test);
}

static void room_count_unmapped(void *pages, u16 domid, u64 gfn, unsigned int nr, u32 mapped)
{
	*(unsigned int *)pages += hweight32(mapped);
}

/* The domain is being destroyed, and the reaper does not run meanwhile. */
static void room_dropped_without_a_thread(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, GFN(0));
	struct virtback_piece q = hv_pin_page(test, GFN(1));
	unsigned int n, traced = 0;

	register_trace_virtback_xen_unmap(room_count_unmapped, &traced);
	for (n = 2; n < 6; n++)
		hv_touch(test, GFN(n));
	/* The reaper waits for it. */
	mutex_lock(&cache->map_lock);
	/* However late it is, each call gets on. */
	for (n = 0; n < 20; n++)
		KUNIT_EXPECT_TRUE(test, virtback_xen_cache_drop(cache, 0));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 6U * VIRTBACK_CHUNK_PAGES - 20);
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_drop(cache, U64_MAX));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 2U * VIRTBACK_CHUNK_PAGES);
	/* One that is dead before. */
	virtback_xen_cache_invalidate(cache);
	virtback_xen_cache_unpin(&q);
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_drop(cache, U64_MAX));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 6UL * VIRTBACK_CHUNK_PAGES);
	mutex_unlock(&cache->map_lock);
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, GFN(0), 0));
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, (unsigned long)VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_drop(cache, U64_MAX));
	unregister_trace_virtback_xen_unmap(room_count_unmapped, &traced);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, traced, 5U * VIRTBACK_CHUNK_PAGES);
	virtback_xen_cache_unpin(&p);
	hv_end(test);
}

static void room_drop_leaves_what_is_busy(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, 9);
	struct page *page = hv_page_of(&p);

	get_page(page);
	virtback_xen_cache_unpin(&p);
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_drop(cache, U64_MAX));
	KUNIT_EXPECT_TRUE(test, hv_shows(page_address(page), 0, 9, 0));
	put_page(page);
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_drop(cache, U64_MAX));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	hv_end(test);
}

/* Nor does it look at that for ever. */
static void room_drop_passes_the_busy_by(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, 9);
	struct page *page = hv_page_of(&p);
	unsigned int i;

	get_page(page);
	virtback_xen_cache_unpin(&p);
	virtback_xen_cache_invalidate(cache);
	hv_settle(hv);
	hv_touch(test, GFN(1));
	mutex_lock(&cache->map_lock);
	/* In turn with what is left of the other. */
	for (i = 0; i < 2 * VIRTBACK_CHUNK_PAGES; i++)
		virtback_xen_cache_drop(cache, 0);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	mutex_unlock(&cache->map_lock);
	put_page(page);
	hv_settle(hv);
	hv_end(test);
}

static void room_no_memory_at_all(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p;

	hv->alloc_fails = -1;
	hv_refused(test, 0);
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_held, 0UL);
	/* Not enough for a chunk is enough for a page. */
	hv->alloc_fails = 1;
	p = hv_pin_page(test, 0);
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_held, 0UL);
	hv->alloc_fails = -1;
	hv_refused(test, 1);
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, 0, 0));
	hv->alloc_fails = 0;
	hv_touch(test, 1);
	virtback_xen_cache_unpin(&p);
	hv_end(test);
}

/* What is pooled in sets of one size serves for the other. */
static void room_pool_is_broken_up(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv->hidden = hv->nr_free - VIRTBACK_CHUNK_PAGES;
	hv->nr_free = VIRTBACK_CHUNK_PAGES;
	hv_touch(test, 0);
	virtback_xen_cache_invalidate(cache);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv->nr_free, 0U);
	/* No chunk may be pinned. */
	cache->reserve = cache->limit;
	hv_touch(test, 0);
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	hv_end(test);
}

static void room_nothing_before_a_device(struct kunit *test)
{
	hv_refused(test, 0);
	hv_end(test);
}

/* Whether a device may come is asked before it has any room, or takes others' room. */
static void room_probe_takes_no_room(struct kunit *test)
{
	static struct virtback_piece p[HV_HELD], q[HV_RESERVE];
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	unsigned int i;

	hv->beside = 1;
	hv->alloc_fails = 1;
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_probe(cache, 5 << PAGE_SHIFT));
	KUNIT_EXPECT_TRUE(test, virtback_xen_cache_probe(cache, (5 << PAGE_SHIFT) + 8));
	set_bit(6, hv->guest[0].absent);
	KUNIT_EXPECT_FALSE(test, virtback_xen_cache_probe(cache, 6 << PAGE_SHIFT));
	clear_bit(6, hv->guest[0].absent);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	hv_join(test, HV_RESERVE);
	hv_fill(test, p);
	for (i = 0; i < HV_RESERVE; i++)
		q[i] = hv_pin_page(test, GFN(20) + i);
	KUNIT_EXPECT_TRUE(test, virtback_xen_cache_probe(cache, 5 << PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 256U);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 256UL);
	hv_drain(q, HV_RESERVE);
	hv_drain(p, HV_HELD);
	hv_end(test);
}

/* Whoever asks for it: of a page for a guest's slots, too, the kernel's lock is the pins'. */
static void room_address_space_waits_for_no_disk(struct kunit *test)
{
	struct virtback_xen_pages *pages = virtback_xen_pages_alloc(1);
	struct hv *hv = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_EXPECT_EQ(test, hv->allocs, 1U);
	KUNIT_EXPECT_EQ(test, hv->patient, 0U);
	virtback_xen_pages_free(pages);
	hv_end(test);
}

static void room_join_too_low(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	unsigned long need = 0;

	/* 8 chunks and the reserve: 128 + 129 pages are more than a MiB. */
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 1, 0, 129, &need), -ENOSPC);
	KUNIT_EXPECT_EQ(test, need, 2UL);
	KUNIT_EXPECT_EQ(test, cache->limit, 0UL);
	KUNIT_EXPECT_EQ(test, cache->reserve, 0UL);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 1, 0, 128, &need), 0);
	/* The next device needs more than is left, and may bring it. */
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 0, 8, 128, &need), -ENOSPC);
	KUNIT_EXPECT_EQ(test, cache->reserve, 128UL);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 2, 8, 128, &need), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 512UL);
	KUNIT_EXPECT_EQ(test, cache->reserve, 256UL);
	hv_end(test);
}

/* The largest that a device gives, whoever came first. */
static void room_join_largest_counts(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	unsigned long need;

	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 0, 64, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 64UL * 256);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 3, 64, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 3UL * 256);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 5, 64, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 2, 64, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 0, 64, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 5UL * 256);
	virtback_xen_cache_leave(cache, hv->room, 64);
	KUNIT_EXPECT_EQ(test, cache->limit, 5UL * 256);
	KUNIT_EXPECT_EQ(test, cache->reserve, 40UL);
	hv_end(test);
}

/* What a device gave goes with it, be it that it was not made after all. */
static void room_leave_takes_its_limit_along(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct virtback_xen_room *room;
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 0, 2, 10, &need), 0);
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 4, 2, 10, &need), 0);
	room = hv->room;
	for (i = 0; i < 60; i++)
		hv_touch(test, GFN(i));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 960U);
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 3, 2, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 4UL * 256);
	virtback_xen_cache_leave(cache, room, 2);
	KUNIT_EXPECT_EQ(test, cache->limit, 3UL * 256);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 3U * 256);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(59)));
	virtback_xen_cache_leave(cache, hv->room, 2);
	KUNIT_EXPECT_EQ(test, cache->limit, 2UL * 256);
	KUNIT_EXPECT_EQ(test, cache->reserve, 10UL);
	/* One that gave less than nobody had asked for. */
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 1, 2, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 256UL);
	virtback_xen_cache_leave(cache, hv->room, 2);
	KUNIT_EXPECT_EQ(test, cache->limit, 2UL * 256);
	/* Nothing happens for one that was refused. */
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 1, 2, 500, &need), -ENOSPC);
	virtback_xen_cache_leave(cache, hv->room, 2);
	KUNIT_EXPECT_EQ(test, cache->limit, 2UL * 256);
	KUNIT_EXPECT_EQ(test, cache->reserve, 10UL);
	cache->max_pages = 0;	/* of the higher limit */
	hv_end(test);
}

/* What others have pinned is within the limit, whoever leaves. */
static void room_leave_with_too_much_in_use(struct kunit *test)
{
	struct virtback_piece p[20];
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 1, 0, 32, &need), 0);
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 2, 0, 32, &need), 0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = hv_pin_page(test, GFN(i));
	virtback_xen_cache_leave(cache, hv->room, 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 2UL * 256);
	KUNIT_EXPECT_EQ(test, cache->reserve, 32UL);
	hv_drain(p, ARRAY_SIZE(p));
	/* Nor is there less than the others need. */
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 4, 0, 10, &need), 0);
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 0, 0, 200, &need), 0);
	virtback_xen_cache_leave(cache, list_prev_entry(hv->room, link), 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 4UL * 256);
	KUNIT_EXPECT_EQ(test, cache->reserve, 232UL);
	virtback_xen_cache_leave(cache, hv->room, 0);
	KUNIT_EXPECT_EQ(test, cache->limit, 256UL);
	cache->max_pages = 0;	/* of the higher limit */
	hv_end(test);
}

static void room_join_with_a_lower_limit_evicts(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 0, 4, 10, &need), 0);
	for (i = 0; i < 60; i++)
		hv_touch(test, GFN(i));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 960U);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 1, 4, 10, &need), 0);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 256U);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(59)));
	cache->max_pages = 0;	/* of the higher limit */
	hv_end(test);
}

/**
 * struct room_other - a queue of a guest that has to map something
 * @work: does
 * @hv: hypervisor
 * @mapped: pages of the guest that were mapped when it was done, 0 before
 */
static struct room_other {
	struct work_struct work;
	struct hv *hv;
	unsigned int mapped;
} room_other;

static void room_other_pins(struct work_struct *work)
{
	struct hv *hv = room_other.hv;

	if (hv_pin(hv, 0, GFN(0), 8, &hv->piece))
		return;
	room_other.mapped = hv->guest[0].mapped;
	virtback_xen_cache_unpin(&hv->piece);
}

/* It comes with the first chunk that goes, and has the time to wait for the lock. */
static void room_other_comes(struct hv *hv, unsigned int guest)
{
	if (!hv->unmaps)
		schedule_work(&room_other.work);
	if (!(hv->unmaps++ % 8))
		msleep(20);
}

/* However much has to go for a device, pins of others go on in between. */
static void room_join_lets_others_map(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 0, 4, 10, &need), 0);
	for (i = 0; i < 64; i++)
		hv_touch(test, GFN(i));
	room_other.hv = hv;
	room_other.mapped = 0;
	INIT_WORK(&room_other.work, room_other_pins);
	hv->on_unmap = room_other_comes;
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 1, 4, 10, &need), 0);
	hv->on_unmap = NULL;
	flush_work(&room_other.work);
	KUNIT_EXPECT_GT(test, room_other.mapped, 256U);
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 256U);
	KUNIT_EXPECT_EQ(test, cache->limit, 256UL);
	cache->max_pages = 0;	/* of the higher limit */
	hv_end(test);
}

/* A device may not come when its share is in use by requests of others. */
static void room_join_with_too_much_in_use(struct kunit *test)
{
	struct virtback_piece p[HV_HELD];
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	unsigned long need;

	hv_fill(test, p);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 0, 0, 1, &need), -EBUSY);
	KUNIT_EXPECT_EQ(test, cache->reserve, (unsigned long)HV_RESERVE);
	virtback_xen_cache_unpin(&p[0]);
	KUNIT_EXPECT_EQ(test, hv_device(test, cache, 0, 0, 1, &need), 0);
	hv_drain(p + 1, HV_HELD - 1);
	/* And what a device leaves is for the chunks of others. */
	virtback_xen_cache_leave(cache, hv->room, 0);
	hv_fill(test, p);
	hv_drain(p, HV_HELD);
	hv_end(test);
}

static int area_map(struct kunit *test, u64 gfn, u32 off, size_t len, struct virtback_area *area)
{
	return virtback_xen_area_map(hv_cache(test), (gfn << PAGE_SHIFT) + off, len, area);
}

/* Over the end of a chunk, and in pages that do not follow each other. */
static void room_area_is_in_one_piece(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_area area;
	unsigned int i;

	for (hv->scattered = false;; hv->scattered = true) {
		KUNIT_ASSERT_EQ(test, area_map(test, 14, 16, 3 * PAGE_SIZE, &area), 0);
		KUNIT_EXPECT_EQ(test, offset_in_page(area.va), 16UL);
		KUNIT_EXPECT_EQ(test, area.len, 3 * PAGE_SIZE);
		for (i = 0; i < 4; i++)
			KUNIT_EXPECT_TRUE(test, hv_shows(area.va - 16 + i * PAGE_SIZE, 0, 14 + i,
							 hv->guest[0].version[14 + i]));
		virtback_xen_area_unmap(&area);
		KUNIT_EXPECT_NULL(test, area.va);
		KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, 0UL);
		if (hv->scattered)
			break;
		virtback_xen_cache_invalidate(hv_cache(test));
		hv_settle(hv);
	}
	hv_end(test);
}

static void room_area_stays(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_area area;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, area_map(test, 2, 0, 4096, &area), 0);
	virtback_xen_cache_invalidate(hv_cache(test));
	for (i = 0; i < 60; i++)
		hv_touch(test, GFN(i));
	hv_settle(hv);
	KUNIT_EXPECT_TRUE(test, hv_shows(area.va, 0, 2, 0));
	virtback_xen_area_unmap(&area);
	hv_end(test);
}

static void room_area_all_or_nothing(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_area area;

	set_bit(17, hv->guest[0].absent);
	KUNIT_EXPECT_EQ(test, area_map(test, 14, 0, 4 * PAGE_SIZE, &area), -EFAULT);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, 0UL);
	KUNIT_EXPECT_EQ(test, area_map(test, 14, 0, 3 * PAGE_SIZE, &area), 0);
	virtback_xen_area_unmap(&area);
	KUNIT_EXPECT_EQ(test, area_map(test, 14, 0, 0, &area), -EINVAL);
	KUNIT_EXPECT_EQ(test, area_map(test, 14, 0, (512 << 10) + 1, &area), -EINVAL);
	hv_end(test);
}

/* Beyond pinned chunks a ring gets pages alone, and still is in one piece. */
static void room_area_of_pages_alone(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p[HV_HELD];
	struct virtback_area area;
	unsigned int i;

	hv_fill(test, p);
	KUNIT_ASSERT_EQ(test, area_map(test, GFN(30), 0, 3 * PAGE_SIZE, &area), 0);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->stats.singles, 3ULL);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, hv_shows(area.va + i * PAGE_SIZE, 0, GFN(30) + i, 0));
	virtback_xen_area_unmap(&area);
	hv_drain(p, HV_HELD);
	KUNIT_EXPECT_EQ(test, hv->errors, 0U);
	hv_end(test);
}

static struct kunit_case virtback_room_cases[] = {
	KUNIT_CASE(room_page_alone_beyond_pinned_chunks),
	KUNIT_CASE(room_kept_chunk_beyond_pinned_chunks),
	KUNIT_CASE(room_reserve_is_never_refused),
	KUNIT_CASE(room_dead_make_room),
	KUNIT_CASE(room_unmap_fails),
	KUNIT_CASE(room_no_memory_takes_anothers_place),
	KUNIT_CASE(room_no_memory_takes_the_next_ones_place),
	KUNIT_CASE(room_xen_unmaps_nothing),
	KUNIT_CASE(room_xen_has_no_memory),
	KUNIT_CASE(room_xen_has_memory_for_a_part),
	KUNIT_CASE(room_xen_has_memory_behind_a_part),
	KUNIT_CASE(room_part_stays_mapped),
	KUNIT_CASE(room_xen_has_memory_for_another_size),
	KUNIT_CASE(room_dropped_without_a_thread),
	KUNIT_CASE(room_drop_leaves_what_is_busy),
	KUNIT_CASE(room_drop_passes_the_busy_by),
	KUNIT_CASE(room_no_memory_at_all),
	KUNIT_CASE(room_pool_is_broken_up),
	KUNIT_CASE(room_nothing_before_a_device),
	KUNIT_CASE(room_probe_takes_no_room),
	KUNIT_CASE(room_address_space_waits_for_no_disk),
	KUNIT_CASE(room_join_too_low),
	KUNIT_CASE(room_join_largest_counts),
	KUNIT_CASE(room_leave_takes_its_limit_along),
	KUNIT_CASE(room_leave_with_too_much_in_use),
	KUNIT_CASE(room_join_with_a_lower_limit_evicts),
	KUNIT_CASE(room_join_lets_others_map),
	KUNIT_CASE(room_join_with_too_much_in_use),
	KUNIT_CASE(room_area_is_in_one_piece),
	KUNIT_CASE(room_area_stays),
	KUNIT_CASE(room_area_all_or_nothing),
	KUNIT_CASE(room_area_of_pages_alone),
	{}
};

static struct kunit_suite virtback_room_suite = {
	.name = "virtback_room",
	.init = hv_init,
	.exit = hv_exit,
	.test_cases = virtback_room_cases,
};

kunit_test_suite(virtback_room_suite);

#endif
