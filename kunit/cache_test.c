// SPDX-License-Identifier: GPL-2.0
/*
 * What is mapped of a guest, and for how long, against a hypervisor that remembers
 * it. What must hold: a pin shows the page asked for as it is now; what is in use
 * stays; what is not can go; in the end nothing is left.
 */
#include "hv.h"

#ifndef CONFIG_XEN_BACKEND

#include <linux/completion.h>
#include <linux/delay.h>

static void cache_first_touch_maps(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_xen_cache *cache = hv_cache(test);

	hv_touch(test, 5);
	KUNIT_EXPECT_EQ(test, cache->stats.maps, 1ULL);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	hv_touch(test, 5);
	hv_touch(test, 15);
	KUNIT_EXPECT_EQ(test, cache->stats.maps, 1ULL);
	KUNIT_EXPECT_EQ(test, cache->stats.hits, 2ULL);
	hv_touch(test, 16);
	KUNIT_EXPECT_EQ(test, cache->stats.maps, 2ULL);
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 2UL);
	KUNIT_EXPECT_EQ(test, cache->nr_pages, 2UL * VIRTBACK_CHUNK_PAGES);
	hv_end(test);
}

static void cache_offset_in_page(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p;

	KUNIT_ASSERT_EQ(test, virtback_xen_cache_pin(hv_cache(test), (7 << PAGE_SHIFT) + 100,
						     50, &p), 0);
	KUNIT_EXPECT_EQ(test, offset_in_page(p.va), 100UL);
	KUNIT_EXPECT_EQ(test, p.len, 50U);
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va - 100, 0, 7, 0));
	virtback_xen_cache_unpin(&p);
	hv_end(test);
	KUNIT_EXPECT_EQ(test, hv->errors, 0U);
}

/* As far as pages follow each other here, and never over the end of the chunk. */
static void cache_pin_runs_on(struct kunit *test)
{
	struct virtback_piece p;
	unsigned int i;

	hv_join(test, HV_RESERVE);
	KUNIT_ASSERT_EQ(test, hv_pin(test->priv, 0, 3, ~0U, &p), 0);
	KUNIT_EXPECT_EQ(test, p.len, 13U * (u32)PAGE_SIZE);
	for (i = 0; i < 13; i++)
		KUNIT_EXPECT_TRUE(test, hv_shows(p.va + i * PAGE_SIZE, 0, 3 + i, 0));
	virtback_xen_cache_unpin(&p);
	KUNIT_ASSERT_EQ(test, hv_pin(test->priv, 0, 3, 2 * PAGE_SIZE + 1, &p), 0);
	KUNIT_EXPECT_EQ(test, p.len, 2U * (u32)PAGE_SIZE + 1);
	virtback_xen_cache_unpin(&p);
	hv_end(test);
}

static void cache_pin_ends_where_pages_do_not_follow(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p;

	hv->scattered = true;
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, 3, CHUNK_BYTES, &p), 0);
	KUNIT_EXPECT_EQ(test, p.len, (u32)PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, 3, 0));
	virtback_xen_cache_unpin(&p);
	hv_end(test);
}

/* More than are unpinned under the lock at a time, of chunks that others still have pinned. */
static void cache_unpins_a_list(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_xen_cache *cache = hv_cache(test);
	struct virtback_piece *p;
	unsigned int i;

	p = kunit_kcalloc(test, 150, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 150; i++) {
		KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, i % 3 * VIRTBACK_CHUNK_PAGES, 1, &p[i]), 0);
		p[i].next = i ? &p[i - 1] : NULL;
	}
	KUNIT_EXPECT_EQ(test, cache->nr_held, 3UL);
	virtback_xen_cache_unpin_list(cache, &p[148]);
	KUNIT_EXPECT_EQ(test, cache->nr_held, 1UL);
	virtback_xen_cache_unpin_list(cache, NULL);
	p[149].next = NULL;
	virtback_xen_cache_unpin_list(cache, &p[149]);
	KUNIT_EXPECT_EQ(test, cache->nr_held, 0UL);
	hv_end(test);
}

static void cache_hole_fails_its_page_alone(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p;

	set_bit(5, hv->guest[0].absent);
	hv_touch(test, 4);
	hv_refused(test, 5);
	hv_touch(test, 6);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->stats.maps, 1ULL);
	/* A pin ends before the hole. */
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, 2, CHUNK_BYTES, &p), 0);
	KUNIT_EXPECT_EQ(test, p.len, 3U * (u32)PAGE_SIZE);
	virtback_xen_cache_unpin(&p);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, 0UL);
	/* The guest gets a page there: nobody needs to say so. */
	clear_bit(5, hv->guest[0].absent);
	hv_touch(test, 5);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	hv_end(test);
}

/* One page of a batch fails, be it the first, one between, or the last. */
static void cache_batch_fails_in_part(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	unsigned int n;

	for (n = 1; n <= VIRTBACK_CHUNK_PAGES; n++) {
		u64 gfn = GFN(n);

		hv->map_fails = n;
		hv_touch(test, gfn + (n == 1 ? 1 : 0));
		KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, n * VIRTBACK_CHUNK_PAGES - 1);
		/* Only this page is tried again. */
		hv_touch(test, gfn + n - 1);
		KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, n * VIRTBACK_CHUNK_PAGES);
		KUNIT_EXPECT_EQ(test, hv_cache(test)->stats.maps, (u64)n);
	}
	hv_end(test);
}

static void cache_keeps_nothing_of_no_memory(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_refused(test, HV_GFNS + 3);
	bitmap_fill(hv->guest[0].absent, HV_GFNS);
	hv_refused(test, 7);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_pages, 0UL);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_chunks, 0UL);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, 0UL);
	/* Nor did it take room or memory. */
	KUNIT_EXPECT_EQ(test, hv_cache(test)->stats.refused, 0ULL);
	hv_end(test);
}

static void cache_evicts_the_longest_unused(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	unsigned int i;

	for (i = 0; i < HV_CHUNKS; i++)
		hv_touch(test, GFN(i));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 0ULL);
	hv_touch(test, GFN(0));
	hv_touch(test, GFN(20));
	KUNIT_EXPECT_EQ(test, cache->stats.evictions, 1ULL);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, HV_CHUNKS * VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(0)));
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(20)));
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(2)));
	KUNIT_EXPECT_FALSE(test, hv_mapped(test, GFN(1)));
	hv_end(test);
}

static void cache_never_evicts_what_is_in_use(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, GFN(0) + 3);
	unsigned int i;

	for (i = 1; i < 60; i++)
		hv_touch(test, GFN(i));
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, 3, 0));
	KUNIT_EXPECT_EQ(test, hv_cache(test)->stats.evictions, 60ULL - HV_CHUNKS);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(0)));
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, 3, 0));
	virtback_xen_cache_unpin(&p);
	KUNIT_EXPECT_EQ(test, hv->errors, 0U);
	hv_end(test);
}

/* Two pins of a chunk: it is in use until the second is undone. */
static void cache_counts_pins(struct kunit *test)
{
	struct virtback_piece a, b;
	unsigned int i;

	hv_join(test, HV_RESERVE);
	a = hv_pin_page(test, 1);
	b = hv_pin_page(test, 2);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, 1UL);
	virtback_xen_cache_unpin(&a);
	for (i = 1; i < 60; i++)
		hv_touch(test, GFN(i));
	KUNIT_EXPECT_TRUE(test, hv_shows(b.va, 0, 2, 0));
	virtback_xen_cache_unpin(&b);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_held, 0UL);
	hv_end(test);
}

/* The guest's memory changes, with a pin in use. */
static void cache_invalidate_in_use(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece old = hv_pin_page(test, 3), new;

	hv_touch(test, GFN(1));
	hv->guest[0].version[3]++;
	virtback_xen_cache_invalidate(cache);
	new = hv_pin_page(test, 3);
	KUNIT_EXPECT_TRUE(test, hv_shows(old.va, 0, 3, 0));
	hv_settle(hv);
	/* What nobody used is unmapped, and what is in use is not. */
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 2UL);
	KUNIT_EXPECT_TRUE(test, hv_shows(old.va, 0, 3, 0));
	virtback_xen_cache_unpin(&old);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, 1UL);
	KUNIT_EXPECT_TRUE(test, hv_shows(new.va, 0, 3, 1));
	virtback_xen_cache_unpin(&new);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, 3));
	hv_end(test);
}

static void cache_change_it(struct hv *hv)
{
	hv->guest[0].version[3]++;
	virtback_xen_cache_invalidate(&hv->guest[0].cache);
}

/* It changes while it is mapped: good for the pin that was under way, no other. */
static void cache_invalidate_while_mapped(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p;

	hv->on_map = cache_change_it;
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, 3, 8, &p), 0);
	hv_touch(test, 3);
	virtback_xen_cache_unpin(&p);
	hv_touch(test, 3);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv_cache(test)->nr_chunks, 1UL);
	hv_end(test);
}

/* A guest that balloons: what is dead counts until it is gone, and stops nobody. */
static void cache_invalidate_storm(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	unsigned int i, n;

	hv_join(test, HV_RESERVE);
	for (n = 0; n < 50; n++) {
		for (i = 0; i < HV_CHUNKS; i++)
			hv_touch(test, GFN(i));
		virtback_xen_cache_invalidate(cache);
	}
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	KUNIT_EXPECT_EQ(test, cache->stats.singles, 0ULL);
	hv_end(test);
}

#define CACHE_MANY	80	/* more than the reaper does at once */

/* Wherever a guest has its pages, no pin looks at many chunks. */
static void cache_bucket_is_bounded(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	u64 nr, last = 0;
	unsigned long need;
	unsigned int n = 0;

	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 6, 0, 10, &need), 0);
	hv->wide = true;
	for (nr = 0; n < VIRTBACK_BUCKET_MAX + 5; nr++) {
		if (hash_min(nr, VIRTBACK_CACHE_BITS) != hash_min(0ULL, VIRTBACK_CACHE_BITS))
			continue;
		hv_touch(test, GFN(nr));
		last = nr;
		n++;
	}
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, cache->nr_chunks, (unsigned long)VIRTBACK_BUCKET_MAX);
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(0)));
	KUNIT_EXPECT_FALSE(test, hv_mapped(test, GFN(last)));
	/* Another bucket has room. */
	hv_touch(test, GFN(1));
	KUNIT_EXPECT_TRUE(test, hv_mapped(test, GFN(1)));
	hv_end(test);
}

/* Someone got hold of a page and keeps it: the network, to send it again. */
static void cache_busy_page_stays_mapped(struct kunit *test)
{
	struct virtback_piece p;
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct page *page;
	unsigned int i;

	p = hv_pin_page(test, 9);
	page = hv_page_of(&p);
	get_page(page);
	virtback_xen_cache_unpin(&p);
	for (i = 1; i < 60; i++)
		hv_touch(test, GFN(i));
	hv_settle(hv);
	KUNIT_EXPECT_TRUE(test, hv_shows(page_address(page), 0, 9, 0));
	virtback_xen_cache_invalidate(cache);
	hv_settle(hv);
	KUNIT_EXPECT_TRUE(test, hv_shows(page_address(page), 0, 9, 0));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	put_page(page);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	hv_end(test);
}

/* It is looked at again without anyone asking. */
static void cache_busy_page_goes_by_itself(struct kunit *test)
{
	struct virtback_piece p;
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct page *page;

	p = hv_pin_page(test, 9);
	page = hv_page_of(&p);
	get_page(page);
	virtback_xen_cache_unpin(&p);
	virtback_xen_cache_invalidate(cache);
	msleep(120);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	put_page(page);
	msleep(120);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	hv_end(test);
}

/* Nor does what else dies wait until then. */
static void cache_busy_page_keeps_nothing_else(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, 9);
	struct page *page = hv_page_of(&p);

	get_page(page);
	virtback_xen_cache_unpin(&p);
	hv_touch(test, GFN(1));
	virtback_xen_cache_invalidate(cache);
	/* From here on for 50 ms. */
	hv_settle(hv);
	hv_touch(test, GFN(2));
	virtback_xen_cache_invalidate(cache);
	msleep(20);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	put_page(page);
	hv_settle(hv);
	hv_end(test);
}

/* However many there are. */
static void cache_many_busy_keep_nothing_else(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = test->priv;
	struct virtback_piece *p;
	unsigned long need;
	unsigned int i;

	p = kunit_kcalloc(test, CACHE_MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, hv_device(test, cache, 6, 0, 10, &need), 0);
	hv->wide = true;
	for (i = 0; i < CACHE_MANY; i++) {
		p[i] = hv_pin_page(test, GFN(i));
		get_page(hv_page_of(&p[i]));
		virtback_xen_cache_unpin(&p[i]);
	}
	hv_touch(test, GFN(i));
	virtback_xen_cache_invalidate(cache);
	msleep(20);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, CACHE_MANY * VIRTBACK_CHUNK_PAGES);
	/* And it rests. */
	KUNIT_EXPECT_TRUE(test, cache->reap_later);
	for (i = 0; i < CACHE_MANY; i++)
		put_page(hv_page_of(&p[i]));
	hv_settle(hv);
	hv_end(test);
}

static void cache_hurry_the_reaper(struct hv *hv, unsigned int guest)
{
	hv->on_unmap = NULL;
	mod_delayed_work(virtback_xen_wq, &hv->guest[0].cache.reaper, 0);
}

/* Who hurries it may find that it has just begun, and has queued it once more. */
static void cache_reaper_is_hurried_late(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, 2);
	hv->on_unmap = cache_hurry_the_reaper;
	virtback_xen_cache_close(cache);
	msleep(20);
	KUNIT_EXPECT_PTR_EQ(test, hv->on_unmap, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 0);
	hv_end(test);
}

/* The domain dies: all goes at once but what is in use, and that with its last pin. */
static void cache_close_lets_all_go(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, 2), q;
	unsigned int i;

	for (i = 1; i < 5; i++)
		hv_touch(test, GFN(i));
	virtback_xen_cache_close(cache);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 1);
	KUNIT_EXPECT_EQ(test, hv_pin(hv, 0, 2, 8, &q), -EFAULT);
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, 2, 0));
	virtback_xen_cache_unpin(&p);
	hv_settle(hv);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 0);
	hv_end(test);
}

static void cache_close_it(struct hv *hv)
{
	virtback_xen_cache_close(&hv->guest[0].cache);
}

static void cache_close_while_mapped(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p;

	hv->on_map = cache_close_it;
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, 2, 8, &p), 0);
	virtback_xen_cache_unpin(&p);
	virtback_xen_cache_flush(&hv->guest[0].cache);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	hv_end(test);
}

/* Without a flush: the reaper comes by itself. */
static void cache_close_needs_no_flush(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, 2);
	virtback_xen_cache_close(cache);
	msleep(50);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 0);
	hv_end(test);
}

/* While the reaper is busy with the first guest, the second one's page dies. */
static void cache_one_more_dies(struct hv *hv, unsigned int guest)
{
	if (guest) {
		hv->on_unmap = NULL;
		hv->unmaps = hv->guest[0].mapped;
	} else if (hv->piece.va) {
		virtback_xen_cache_unpin(&hv->piece);
		hv->piece.va = NULL;
	}
}

/* A guest whose memory changes all the time does not keep another's mapped. */
static void cache_guests_take_turns(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece *p;
	unsigned long need;
	unsigned int i;

	/* As when there is no memory for threads. */
	workqueue_set_max_active(virtback_xen_wq, 1);
	p = kunit_kcalloc(test, CACHE_MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, hv_device(test, &hv->guest[0].cache, 6, 0, 0, &need), 0);
	/* Those of an old generation are mapped once more. */
	for (i = 0; i < CACHE_MANY; i++) {
		if (i == CACHE_MANY / 2)
			virtback_xen_cache_invalidate(&hv->guest[0].cache);
		KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, GFN(i % (CACHE_MANY / 2)), 8, &p[i]), 0);
	}
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 1, 3, 8, &hv->piece), 0);
	virtback_xen_cache_invalidate(&hv->guest[0].cache);
	virtback_xen_cache_invalidate(&hv->guest[1].cache);
	hv->on_unmap = cache_one_more_dies;
	hv_drain(p, CACHE_MANY);
	msleep(50);
	KUNIT_EXPECT_NE(test, hv->unmaps, 0U);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	KUNIT_EXPECT_EQ(test, hv->guest[1].mapped, 0U);
	hv_end(test);
}

static struct cache_other {
	struct work_struct work;
	struct completion flushed;
	struct hv *hv;
	unsigned long left;
} cache_other;

static void cache_other_flush(struct work_struct *work)
{
	virtback_xen_cache_flush(&cache_other.hv->guest[1].cache);
	complete(&cache_other.flushed);
}

static void cache_other_wait(struct hv *hv, unsigned int guest)
{
	hv->on_unmap = NULL;
	schedule_work(&cache_other.work);
	cache_other.left = wait_for_completion_timeout(&cache_other.flushed, HZ);
}

/* However much of a guest is unmapped, another one's last device does not wait for it. */
static void cache_flush_is_of_one_guest(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, 2);

	cache_other.hv = hv;
	INIT_WORK(&cache_other.work, cache_other_flush);
	init_completion(&cache_other.flushed);
	virtback_xen_cache_close(cache);
	hv->on_unmap = cache_other_wait;
	virtback_xen_cache_unpin(&p);
	virtback_xen_cache_flush(cache);
	flush_work(&cache_other.work);
	KUNIT_EXPECT_NE(test, cache_other.left, 0UL);
	hv_end(test);
}

/* Who waits for the removal of a device finds the domain free of our mappings. */
static void cache_flush_leaves_no_reference(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);

	hv_touch(test, 2);
	hv->slow_put = 20;
	virtback_xen_cache_close(cache);
	virtback_xen_cache_flush(cache);
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 0);
	hv->slow_put = 0;
	hv_end(test);
}

static struct cache_busy {
	struct completion entered;
} cache_busy;

static void cache_takes_its_time(struct hv *hv, unsigned int guest)
{
	hv->on_unmap = NULL;
	complete(&cache_busy.entered);
	msleep(20);
}

/* The module goes while the reaper has a chunk in its hands. */
static void cache_stop_waits_for_the_reaper(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	unsigned int i;

	for (i = 0; i < 5; i++)
		hv_touch(test, GFN(i));
	init_completion(&cache_busy.entered);
	hv->on_unmap = cache_takes_its_time;
	virtback_xen_cache_close(cache);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&cache_busy.entered, HZ), 0UL);
	virtback_xen_cache_stop();
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, 0U);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 0);
	KUNIT_ASSERT_EQ(test, virtback_xen_cache_start(), 0);
	hv_end(test);
}

/* Or someone has a page, who may never give it back. */
static void cache_stop_waits_for_nobody_else(struct kunit *test)
{
	struct virtback_xen_cache *cache = hv_cache(test);
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p = hv_pin_page(test, 9);
	struct page *page = hv_page_of(&p);

	hv_touch(test, GFN(1));
	get_page(page);
	virtback_xen_cache_unpin(&p);
	virtback_xen_cache_close(cache);
	/* The reaper has gone, and will come again. */
	virtback_xen_cache_flush(cache);
	virtback_xen_cache_stop();
	KUNIT_EXPECT_TRUE(test, hv_shows(page_address(page), 0, 9, 0));
	KUNIT_EXPECT_EQ(test, hv->guest[0].mapped, VIRTBACK_CHUNK_PAGES);
	KUNIT_EXPECT_EQ(test, atomic_read(&hv->guest[0].refs), 1);
	put_page(page);
	KUNIT_ASSERT_EQ(test, virtback_xen_cache_start(), 0);
	hv_end(test);
}

static void cache_guests_are_apart(struct kunit *test)
{
	struct hv *hv = hv_join(test, HV_RESERVE);
	struct virtback_piece p, q;

	hv->guest[1].version[3] = 7;
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 0, 3, 8, &p), 0);
	KUNIT_ASSERT_EQ(test, hv_pin(hv, 1, 3, 8, &q), 0);
	KUNIT_EXPECT_TRUE(test, hv_shows(p.va, 0, 3, 0));
	KUNIT_EXPECT_TRUE(test, hv_shows(q.va, 1, 3, 7));
	virtback_xen_cache_close(&hv->guest[0].cache);
	virtback_xen_cache_flush(&hv->guest[0].cache);
	KUNIT_EXPECT_TRUE(test, hv_shows(q.va, 1, 3, 7));
	virtback_xen_cache_unpin(&q);
	virtback_xen_cache_unpin(&p);
	hv_end(test);
}

static struct kunit_case virtback_cache_cases[] = {
	KUNIT_CASE(cache_first_touch_maps),
	KUNIT_CASE(cache_offset_in_page),
	KUNIT_CASE(cache_pin_runs_on),
	KUNIT_CASE(cache_pin_ends_where_pages_do_not_follow),
	KUNIT_CASE(cache_unpins_a_list),
	KUNIT_CASE(cache_hole_fails_its_page_alone),
	KUNIT_CASE(cache_batch_fails_in_part),
	KUNIT_CASE(cache_keeps_nothing_of_no_memory),
	KUNIT_CASE(cache_evicts_the_longest_unused),
	KUNIT_CASE(cache_never_evicts_what_is_in_use),
	KUNIT_CASE(cache_counts_pins),
	KUNIT_CASE(cache_invalidate_in_use),
	KUNIT_CASE(cache_invalidate_while_mapped),
	KUNIT_CASE(cache_invalidate_storm),
	KUNIT_CASE(cache_bucket_is_bounded),
	KUNIT_CASE(cache_busy_page_stays_mapped),
	KUNIT_CASE(cache_busy_page_goes_by_itself),
	KUNIT_CASE(cache_busy_page_keeps_nothing_else),
	KUNIT_CASE(cache_many_busy_keep_nothing_else),
	KUNIT_CASE(cache_reaper_is_hurried_late),
	KUNIT_CASE(cache_close_lets_all_go),
	KUNIT_CASE(cache_close_while_mapped),
	KUNIT_CASE(cache_close_needs_no_flush),
	KUNIT_CASE(cache_guests_take_turns),
	KUNIT_CASE(cache_flush_is_of_one_guest),
	KUNIT_CASE(cache_flush_leaves_no_reference),
	KUNIT_CASE(cache_stop_waits_for_the_reaper),
	KUNIT_CASE(cache_stop_waits_for_nobody_else),
	KUNIT_CASE(cache_guests_are_apart),
	{}
};

static struct kunit_suite virtback_cache_suite = {
	.name = "virtback_cache",
	.init = hv_init,
	.exit = hv_exit,
	.test_cases = virtback_cache_cases,
};

kunit_test_suite(virtback_cache_suite);

#endif
