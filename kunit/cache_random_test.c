// SPDX-License-Identifier: GPL-2.0
/*
 * Random pins, rings, changes of memory and joins of two guests, against what must
 * come out. The seeds are fixed: a failure comes back.
 */
#include "hv.h"

#ifndef CONFIG_XEN_BACKEND

#include <linux/prandom.h>
#include <linux/slab.h>

#define RND_PINS	48
#define RND_AREAS	3
#define RND_AREA_PAGES	4
/* All of it at once, one guest. */
#define RND_RESERVE	(RND_PINS + RND_AREAS * RND_AREA_PAGES)
#define RND_STEPS	20000

/**
 * struct rnd_use - a pin or a ring, and what it must show until it is undone
 * @used: there is one
 * @gfn: its first page
 * @nr: pages
 * @version: of each, when it was made
 * @piece: the pin
 * @area: the ring
 */
struct rnd_use {
	bool used;
	u64 gfn;
	unsigned int nr;
	u32 version[VIRTBACK_CHUNK_PAGES];
	struct virtback_piece piece;
	struct virtback_area area;
};

/**
 * struct rnd - a run
 * @test: the running test
 * @hv: the hypervisor
 * @state: of the generator
 * @faults: allocations fail and pages are kept by others
 * @pin: pins of each guest
 * @area: rings of each guest
 * @busy: a page that someone keeps, or NULL
 * @pins: pins that were made
 * @failed: pins that failed without need
 */
struct rnd {
	struct kunit *test;
	struct hv *hv;
	struct rnd_state state;
	bool faults;
	struct rnd_use pin[HV_GUESTS][RND_PINS];
	struct rnd_use area[HV_GUESTS][RND_AREAS];
	struct page *busy;
	unsigned int pins;
	unsigned int failed;
};

static u32 rnd_below(struct rnd *r, u32 n)
{
	return prandom_u32_state(&r->state) % n;
}

/* Most of the time near the beginning, so that chunks are used again. */
static u64 rnd_gfn(struct rnd *r)
{
	return rnd_below(r, rnd_below(r, 2) ? HV_GFNS : HV_GFNS / 8);
}

static void rnd_remember(struct rnd *r, unsigned int guest, struct rnd_use *use)
{
	unsigned int i;

	for (i = 0; i < use->nr; i++)
		use->version[i] = r->hv->guest[guest].version[use->gfn + i];
}

static void rnd_look(struct rnd *r, unsigned int guest, const struct rnd_use *use, const void *va)
{
	unsigned int i;

	for (i = 0; i < use->nr; i++) {
		KUNIT_EXPECT_TRUE_MSG(r->test, hv_shows(va + i * PAGE_SIZE, guest, use->gfn + i,
							use->version[i]),
				      "guest %u, page %llu", guest, use->gfn + i);
	}
}

static void rnd_unpin(struct rnd *r, unsigned int guest, struct rnd_use *use)
{
	rnd_look(r, guest, use, use->piece.va);
	if (r->faults && !r->busy && !rnd_below(r, 50)) {
		r->busy = hv_page_of(&use->piece);
		get_page(r->busy);
	}
	virtback_xen_cache_unpin(&use->piece);
	use->used = false;
}

static void rnd_pin(struct rnd *r, unsigned int guest, struct rnd_use *use)
{
	const struct hv_guest *g = &r->hv->guest[guest];
	u32 len = 1 + rnd_below(r, 20 * PAGE_SIZE);
	int ret;

	use->gfn = rnd_gfn(r);
	ret = hv_pin(r->hv, guest, use->gfn, len, &use->piece);
	if (ret) {
		KUNIT_EXPECT_EQ(r->test, ret, -EFAULT);
		if (!test_bit(use->gfn, g->absent))
			r->failed++;
		return;
	}
	KUNIT_EXPECT_FALSE(r->test, test_bit(use->gfn, g->absent));
	KUNIT_EXPECT_GE(r->test, len, use->piece.len);
	r->pins++;
	use->used = true;
	use->nr = DIV_ROUND_UP(use->piece.len, PAGE_SIZE);
	/* As it is now, not as it was when someone mapped it. */
	rnd_remember(r, guest, use);
	rnd_look(r, guest, use, use->piece.va);
}

static void rnd_unmap(struct rnd *r, unsigned int guest, struct rnd_use *use)
{
	rnd_look(r, guest, use, use->area.va);
	virtback_xen_area_unmap(&use->area);
	use->used = false;
}

static void rnd_map(struct rnd *r, unsigned int guest, struct rnd_use *use)
{
	struct hv_guest *g = &r->hv->guest[guest];
	int ret;

	use->nr = 1 + rnd_below(r, RND_AREA_PAGES);
	use->gfn = rnd_below(r, HV_GFNS - RND_AREA_PAGES);
	ret = virtback_xen_area_map(&g->cache, use->gfn << PAGE_SHIFT, use->nr * PAGE_SIZE,
				    &use->area);
	if (ret) {
		if (find_next_bit(g->absent, HV_GFNS, use->gfn) >= use->gfn + use->nr)
			r->failed++;
		return;
	}
	use->used = true;
	rnd_remember(r, guest, use);
	rnd_look(r, guest, use, use->area.va);
}

/* The guest gives pages away and gets others. */
static void rnd_balloon(struct rnd *r, unsigned int guest)
{
	struct hv_guest *g = &r->hv->guest[guest];
	u64 gfn = rnd_gfn(r);
	unsigned int i;

	for (i = 0; i < 8 && gfn < HV_GFNS; i++, gfn++) {
		if (rnd_below(r, 4) && !test_bit(gfn, g->absent)) {
			set_bit(gfn, g->absent);
		} else {
			clear_bit(gfn, g->absent);
			g->version[gfn]++;
		}
	}
	virtback_xen_cache_invalidate(&g->cache);
}

static void rnd_fault(struct rnd *r)
{
	if (r->busy && rnd_below(r, 2)) {
		put_page(r->busy);
		r->busy = NULL;
	}
	r->hv->alloc_fails = rnd_below(r, 4) ? 0 : rnd_below(r, 5);
	r->hv->map_fails = rnd_below(r, 4) ? 0 : rnd_below(r, 40);
}

static void rnd_step(struct rnd *r)
{
	unsigned int guest = rnd_below(r, HV_GUESTS);
	struct rnd_use *pin = &r->pin[guest][rnd_below(r, RND_PINS)];
	struct rnd_use *area = &r->area[guest][rnd_below(r, RND_AREAS)];

	switch (rnd_below(r, 64)) {
	case 0:
		rnd_balloon(r, guest);
		break;
	case 1:
		area->used ? rnd_unmap(r, guest, area) : rnd_map(r, guest, area);
		break;
	case 2:
		if (!rnd_below(r, 8))
			hv_settle(r->hv);
		break;
	case 3:
		if (r->faults)
			rnd_fault(r);
		r->hv->scattered = rnd_below(r, 2);
		break;
	default:
		/* Long runs of pinning, long runs of unpinning. */
		if (pin->used)
			rnd_unpin(r, guest, pin);
		else
			rnd_pin(r, guest, pin);
	}
}

static void rnd_release_all(struct rnd *r)
{
	unsigned int g, i;

	for (g = 0; g < HV_GUESTS; g++) {
		for (i = 0; i < RND_PINS; i++) {
			if (r->pin[g][i].used)
				rnd_unpin(r, g, &r->pin[g][i]);
		}
		for (i = 0; i < RND_AREAS; i++) {
			if (r->area[g][i].used)
				rnd_unmap(r, g, &r->area[g][i]);
		}
	}
	if (r->busy)
		put_page(r->busy);
}

static struct rnd *rnd_run(struct kunit *test, u64 seed, bool faults)
{
	struct rnd *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct hv *hv = test->priv;
	unsigned long need;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->test = test;
	r->hv = hv;
	r->faults = faults;
	prandom_seed_state(&r->state, seed);
	for (i = 0; i < HV_GUESTS; i++)
		KUNIT_ASSERT_EQ(test, hv_device(test, &hv->guest[i].cache, 1, 0, RND_RESERVE,
						&need), 0);
	for (i = 0; i < RND_STEPS; i++) {
		rnd_step(r);
		if (!(i % 64))
			cond_resched();
	}
	rnd_release_all(r);
	return r;
}

/* Nothing fails here, so no pin may fail but that of a page that is absent. */
static void cache_random_all_is_well(struct kunit *test)
{
	struct hv *hv = test->priv;
	struct rnd *r = rnd_run(test, 20260, false);
	struct virtback_xen_cache *cache = &hv->guest[0].cache;

	KUNIT_EXPECT_EQ(test, r->failed, 0U);
	KUNIT_EXPECT_EQ(test, cache->stats.refused, 0ULL);
	/* It has been where it should be. */
	KUNIT_EXPECT_GT(test, r->pins, RND_STEPS / 4U);
	KUNIT_EXPECT_GT(test, cache->stats.hits, 500ULL);
	KUNIT_EXPECT_GT(test, cache->stats.evictions, 100ULL);
	KUNIT_EXPECT_GT(test, cache->stats.singles, 100ULL);
	KUNIT_EXPECT_EQ(test, cache->max_pages, cache->limit);
	hv_end(test);
}

/* What fails may fail pins; what a pin shows is right, and nothing is left. */
static void cache_random_with_faults(struct kunit *test)
{
	struct hv *hv = test->priv;
	struct rnd *r = rnd_run(test, 4711, true);

	KUNIT_EXPECT_GT(test, r->failed, 0U);
	KUNIT_EXPECT_GT(test, r->pins, RND_STEPS / 4U);
	hv->alloc_fails = 0;
	hv_end(test);
}

static struct kunit_case virtback_cache_random_cases[] = {
	KUNIT_CASE(cache_random_all_is_well),
	KUNIT_CASE(cache_random_with_faults),
	{}
};

static struct kunit_suite virtback_cache_random_suite = {
	.name = "virtback_cache_random",
	.init = hv_init,
	.exit = hv_exit,
	.test_cases = virtback_cache_random_cases,
};

kunit_test_suite(virtback_cache_random_suite);

#endif
