// SPDX-License-Identifier: GPL-2.0
/*
 * Granted pages that are mapped for a pass (drivers/xen/lender.c), on a hypervisor of
 * this suite's own: what drivers/xen/grantmem.c is with a real one. Where Xen is real
 * there is none.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <virtback/mem.h>

#include "../drivers/xen/gref.h"
#include "../drivers/xen/lender.h"

#ifndef CONFIG_XEN_BACKEND

#define PLACES	24
#define DOMID	5

#define GRANT(ref, off)	(VIRTBACK_GREF_BIT | (u64)(ref) << 12 | (off))

/**
 * struct granter - a guest that grants all, and its hypervisor
 * @lender: what is tested
 * @va: address space
 * @ref: what is mapped at each page of it, 0 for nothing
 * @readonly: and for reading alone
 * @mapped: pages mapped
 * @calls: hypercalls
 * @most: pages of the longest
 * @alloc_fails: there is no address space
 * @fail_from: mappings fail from this one of a call on, -1 for none
 * @fail_one: this one of a call fails, -1 for none
 * @keep: the unmapping of this one of a call fails, -1 for none
 * @errors: what no hypervisor stands
 */
struct granter {
	struct virtback_lender lender;
	void *va;
	u32 ref[PLACES];
	bool readonly[PLACES];
	unsigned int mapped;
	unsigned int calls;
	unsigned int most;
	bool alloc_fails;
	int fail_from;
	int fail_one;
	int keep;
	unsigned int errors;
};

/* The functions of grantmem.c have no argument to find it by before there is a space. */
static struct granter *granter_now;

void *virtback_grant_space_alloc(struct virtback_loan *loans, unsigned int nr)
{
	struct granter *g = granter_now;
	unsigned int i;

	if (g->alloc_fails || nr > PLACES)
		return NULL;
	for (i = 0; i < nr; i++)
		loans[i].page = virt_to_page(g->va + i * PAGE_SIZE);
	return g;
}

void virtback_grant_space_free(void *space)
{
	struct granter *g = space;

	if (g->mapped)
		g->errors++;
}

static unsigned int place_of(const struct granter *g, const struct virtback_loan *loan)
{
	return (page_address(loan->page) - g->va) >> PAGE_SHIFT;
}

void virtback_grant_map_loans(void *space, u16 domid, struct virtback_loan **loans,
			      unsigned int nr, bool write)
{
	struct granter *g = space;
	unsigned int i;

	g->calls++;
	g->most = max(g->most, nr);
	for (i = 0; i < nr; i++) {
		unsigned int at = place_of(g, loans[i]);

		if (g->ref[at] || loans[i]->mapped || domid != DOMID)
			g->errors++;
		if ((g->fail_from >= 0 && i >= g->fail_from) || i == g->fail_one)
			continue;
		g->ref[at] = loans[i]->ref;
		g->readonly[at] = !write;
		g->mapped++;
		loans[i]->handle = 100 + at;
		loans[i]->mapped = true;
	}
}

void virtback_grant_unmap_loans(void *space, struct virtback_loan **loans, unsigned int nr)
{
	struct granter *g = space;
	unsigned int i;

	g->calls++;
	g->most = max(g->most, nr);
	for (i = 0; i < nr; i++) {
		unsigned int at = place_of(g, loans[i]);

		if (!g->ref[at] || loans[i]->handle != 100 + at ||
		    page_count(loans[i]->page) > 1)
			g->errors++;
		if (i == g->keep)
			continue;
		g->ref[at] = 0;
		g->mapped--;
		loans[i]->mapped = false;
	}
}

static int lender_init(struct kunit *test)
{
	struct granter *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->va = alloc_pages_exact(PLACES * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, g->va);
	g->fail_from = -1;
	g->fail_one = -1;
	g->keep = -1;
	granter_now = g;
	test->priv = g;
	return virtback_lender_init(&g->lender, "test", DOMID, PLACES);
}

static void lender_exit(struct kunit *test)
{
	struct granter *g = test->priv;

	virtback_lender_fini(&g->lender);
	KUNIT_EXPECT_EQ(test, g->errors, 0U);
	free_pages_exact(g->va, PLACES * PAGE_SIZE);
	granter_now = NULL;
}

/* A list of @nr pieces, each a whole page, of consecutive references. */
static void name_pages(struct virtback_piece *p, unsigned int nr, u32 ref)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		p[i] = (struct virtback_piece){
			.addr = GRANT(ref + i, 0),
			.len = PAGE_SIZE,
			.next = i + 1 < nr ? &p[i + 1] : NULL,
		};
}

static u32 shown(const struct granter *g, const struct virtback_piece *p)
{
	return g->ref[(p->va - g->va) >> PAGE_SHIFT];
}

static void list_is_mapped_with_one_call(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p[16];
	unsigned int i;

	name_pages(p, 16, 40);
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, p, true), 0);
	KUNIT_EXPECT_EQ(test, g->calls, 1U);
	KUNIT_EXPECT_EQ(test, g->lender.nr_mapped, 16ULL);
	for (i = 0; i < 16; i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i].va);
		KUNIT_EXPECT_EQ(test, shown(g, &p[i]), 40 + i);
		KUNIT_EXPECT_FALSE(test, g->readonly[(p[i].va - g->va) >> PAGE_SHIFT]);
	}
	virtback_lender_give_back(&g->lender, p);
	KUNIT_EXPECT_EQ(test, g->calls, 2U);
	KUNIT_EXPECT_EQ(test, g->mapped, 0U);
	KUNIT_EXPECT_EQ(test, g->lender.nr_mapped, 0ULL);
	KUNIT_EXPECT_EQ(test, g->lender.pages, 16ULL);
	KUNIT_EXPECT_EQ(test, g->lender.map_calls, 1ULL);
	KUNIT_EXPECT_EQ(test, g->lender.unmap_calls, 1ULL);
	KUNIT_EXPECT_NULL(test, p[7].va);
}

static void what_is_only_read_is_mapped_read_only(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p[2];

	name_pages(p, 2, 8);
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, p, false), 0);
	KUNIT_EXPECT_TRUE(test, g->readonly[(p[1].va - g->va) >> PAGE_SHIFT]);
	virtback_lender_give_back(&g->lender, p);
}

static void part_of_a_page_keeps_its_offset(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p = { .addr = GRANT(9, 512), .len = 1024 };

	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, &p, true), 0);
	KUNIT_EXPECT_EQ(test, offset_in_page(p.va), 512UL);
	KUNIT_EXPECT_EQ(test, shown(g, &p), 9U);
	virtback_lender_give_back(&g->lender, &p);
}

static void only_granted_pages_are_mapped(struct kunit *test)
{
	static const struct virtback_piece bad[] = {
		{ .addr = 0x40000000, .len = 4096 },
		{ .addr = GRANT(8, 1), .len = 4096 },
		{ .addr = GRANT(8, 0), .len = 4097 },
		{ .addr = GRANT(1ULL << 32, 0), .len = 16 },
		{ .addr = GRANT(8, 0), .len = 0 },
	};
	struct granter *g = test->priv;
	struct virtback_piece p[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		name_pages(p, 1, 8);
		p[1] = bad[i];
		p[0].next = &p[1];
		KUNIT_EXPECT_EQ_MSG(test, virtback_lender_borrow(&g->lender, p, true), -EFAULT,
				    "%u", i);
	}
	KUNIT_EXPECT_EQ(test, g->calls, 0U);
	KUNIT_EXPECT_EQ(test, g->lender.nr_free, (unsigned int)PLACES);
}

static void no_more_places_than_there_are(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece a[PLACES - 4], b[5];

	name_pages(a, ARRAY_SIZE(a), 100);
	name_pages(b, 5, 200);
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, a, true), 0);
	KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, b, true), -ENOSPC);
	KUNIT_EXPECT_EQ(test, g->calls, 1U);
	/* None of it was taken. */
	KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, &b[1], true), 0);
	virtback_lender_give_back(&g->lender, &b[1]);
	virtback_lender_give_back(&g->lender, a);
	KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, b, true), 0);
	virtback_lender_give_back(&g->lender, b);
}

/* It fails at the n-th page, or at one in the middle: nothing stays mapped. */
static void part_that_fails_undoes_all(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p[8];
	int n;

	for (n = 0; n < 8; n++) {
		name_pages(p, 8, 8);
		g->fail_from = n;
		KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, p, true), -EFAULT);
		KUNIT_EXPECT_EQ(test, g->mapped, 0U);
		KUNIT_EXPECT_NULL(test, p[0].va);
		name_pages(p, 8, 8);
		g->fail_from = -1;
		g->fail_one = n;
		KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, p, true), -EFAULT);
		KUNIT_EXPECT_EQ(test, g->mapped, 0U);
		KUNIT_EXPECT_EQ(test, g->lender.nr_mapped, 0ULL);
		KUNIT_EXPECT_EQ(test, g->lender.nr_free, (unsigned int)PLACES);
		g->fail_one = -1;
	}
	KUNIT_EXPECT_EQ(test, g->lender.pages, 0ULL);
}

static void several_lists_are_given_back_at_once(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p[12];

	name_pages(p, 12, 8);
	p[4].next = NULL;
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, p, true), 0);
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, &p[5], false), 0);
	p[4].next = &p[5];
	virtback_lender_give_back(&g->lender, p);
	KUNIT_EXPECT_EQ(test, g->calls, 3U);
	KUNIT_EXPECT_EQ(test, g->most, 12U);
	KUNIT_EXPECT_EQ(test, g->mapped, 0U);
}

static void held_page_is_busy(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p[4];
	struct page *page;

	name_pages(p, 4, 8);
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, p, true), 0);
	KUNIT_EXPECT_FALSE(test, virtback_lender_busy(p));
	page = virt_to_page(p[3].va);
	get_page(page);
	KUNIT_EXPECT_TRUE(test, virtback_lender_busy(p));
	put_page(page);
	KUNIT_EXPECT_FALSE(test, virtback_lender_busy(p));
	virtback_lender_give_back(&g->lender, p);
}

/* What Xen keeps is never used again, nor freed. */
static void page_that_stays_mapped_is_lost(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_piece p[PLACES];

	name_pages(p, 4, 8);
	KUNIT_ASSERT_EQ(test, virtback_lender_borrow(&g->lender, p, true), 0);
	g->keep = 2;
	virtback_lender_give_back(&g->lender, p);
	g->keep = -1;
	KUNIT_EXPECT_EQ(test, g->lender.nr_lost, 1U);
	KUNIT_EXPECT_EQ(test, g->lender.nr_mapped, 1ULL);
	name_pages(p, PLACES, 100);
	KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, p, true), -ENOSPC);
	name_pages(p, PLACES - 1, 100);
	KUNIT_EXPECT_EQ(test, virtback_lender_borrow(&g->lender, p, true), 0);
	virtback_lender_give_back(&g->lender, p);
	KUNIT_EXPECT_EQ(test, g->mapped, 1U);
}

static void no_address_space_is_told(struct kunit *test)
{
	struct granter *g = test->priv;
	struct virtback_lender other = {};

	g->alloc_fails = true;
	KUNIT_EXPECT_EQ(test, virtback_lender_init(&other, "test", DOMID, 4), -ENOMEM);
	KUNIT_EXPECT_EQ(test, other.nr, 0U);
}

static struct kunit_case lender_cases[] = {
	KUNIT_CASE(list_is_mapped_with_one_call),
	KUNIT_CASE(what_is_only_read_is_mapped_read_only),
	KUNIT_CASE(part_of_a_page_keeps_its_offset),
	KUNIT_CASE(only_granted_pages_are_mapped),
	KUNIT_CASE(no_more_places_than_there_are),
	KUNIT_CASE(part_that_fails_undoes_all),
	KUNIT_CASE(several_lists_are_given_back_at_once),
	KUNIT_CASE(held_page_is_busy),
	KUNIT_CASE(page_that_stays_mapped_is_lost),
	KUNIT_CASE(no_address_space_is_told),
	{}
};

static struct kunit_suite lender_suite = {
	.name = "virtback_lender",
	.init = lender_init,
	.exit = lender_exit,
	.test_cases = lender_cases,
};

kunit_test_suite(lender_suite);

#endif
