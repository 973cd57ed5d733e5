// SPDX-License-Identifier: GPL-2.0
/*
 * Positions in buffer lists (drivers/core/iter.c) and stocks (pool.c).
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../drivers/core/core.h"
#include "fake.h"

static unsigned int list_count(struct list_head *list)
{
	struct list_head *pos;
	unsigned int n = 0;

	list_for_each(pos, list)
		n++;
	return n;
}

static void put(struct fake *f, u64 addr, const char *text)
{
	memcpy(fake_va(f, addr), text, strlen(text));
}

static struct virtback_iter iter_of(const struct virtback_sg *sg, unsigned int nr)
{
	struct virtback_iter it = { .sg = sg, .nr = nr };
	unsigned int i;

	for (i = 0; i < nr; i++)
		it.left += sg[i].len;
	return it;
}

static void read_gathers_buffers(struct kunit *test)
{
	struct fake *f = test->priv;
	const struct virtback_sg sg[] = {
		{ FAKE_DATA, 0 }, { FAKE_DATA, 3 }, { FAKE_DATA, 0 }, { FAKE_DATA + 0x100, 4 },
		{ FAKE_DATA, 1 },
	};
	struct virtback_iter it = iter_of(sg, ARRAY_SIZE(sg));
	char buf[9] = "";

	put(f, FAKE_DATA, "abc");
	put(f, FAKE_DATA + 0x100, "defg");
	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, buf, 5), 0);
	KUNIT_EXPECT_STREQ(test, buf, "abcde");
	KUNIT_EXPECT_EQ(test, it.left, 3);
	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, buf, 3), 0);
	KUNIT_EXPECT_STREQ(test, buf, "fgade");
	KUNIT_EXPECT_EQ(test, it.left, 0);
}

static void read_crosses_pieces(struct kunit *test)
{
	struct fake *f = test->priv;
	const struct virtback_sg sg = { FAKE_DATA + 1, 12 };
	struct virtback_iter it = iter_of(&sg, 1);
	char buf[13] = "";

	f->piece = 5;
	put(f, FAKE_DATA + 1, "abcdefghijkl");
	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, buf, 12), 0);
	KUNIT_EXPECT_STREQ(test, buf, "abcdefghijkl");
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void read_past_the_end_fails(struct kunit *test)
{
	struct fake *f = test->priv;
	const struct virtback_sg sg = { FAKE_DATA, 4 };
	struct virtback_iter it = iter_of(&sg, 1);
	char buf[8] = "";

	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, buf, 5), -ENODATA);
	KUNIT_EXPECT_EQ(test, virtback_iter_write(&f->vd.vqs[0], &it, buf, 5), -ENODATA);
	KUNIT_EXPECT_EQ(test, it.left, 4);
}

static void read_outside_memory_fails(struct kunit *test)
{
	struct fake *f = test->priv;
	const struct virtback_sg sg = { FAKE_BASE + FAKE_MEM - 2, 4 };
	struct virtback_iter it = iter_of(&sg, 1);
	char buf[8] = "";

	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, buf, 4), -EFAULT);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void write_scatters_to_buffers(struct kunit *test)
{
	struct fake *f = test->priv;
	const struct virtback_sg sg[] = { { FAKE_DATA + 7, 2 }, { FAKE_DATA + 0x200, 3 } };
	struct virtback_iter it = iter_of(sg, ARRAY_SIZE(sg));

	KUNIT_EXPECT_EQ(test, virtback_iter_write(&f->vd.vqs[0], &it, "vwxyz", 5), 0);
	KUNIT_EXPECT_STREQ(test, (char *)fake_va(f, FAKE_DATA + 7), "vw");
	KUNIT_EXPECT_STREQ(test, (char *)fake_va(f, FAKE_DATA + 0x200), "xyz");
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void skip_passes_empty_buffers(struct kunit *test)
{
	struct fake *f = test->priv;
	const struct virtback_sg sg[] = {
		{ FAKE_DATA, 0 }, { FAKE_DATA, 4 }, { FAKE_DATA, 0 }, { FAKE_DATA + 0x100, 4 },
	};
	struct virtback_iter it = iter_of(sg, ARRAY_SIZE(sg));
	char c = 0;

	put(f, FAKE_DATA + 0x100, "wxyz");
	virtback_iter_skip(&it, 6);
	KUNIT_EXPECT_EQ(test, it.left, 2);
	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, &c, 1), 0);
	KUNIT_EXPECT_EQ(test, c, 'y');
}

static void last_byte_is_found(struct kunit *test)
{
	const struct virtback_sg sg[] = {
		{ FAKE_DATA, 4 }, { FAKE_DATA + 0x100, 3 }, { FAKE_DATA, 0 }, { FAKE_DATA, 0 },
	};
	struct virtback_iter it = iter_of(sg, ARRAY_SIZE(sg));

	virtback_iter_last(&it);
	KUNIT_EXPECT_PTR_EQ(test, it.sg, &sg[1]);
	KUNIT_EXPECT_EQ(test, it.off, 2);
	KUNIT_EXPECT_EQ(test, it.nr, 3);
	KUNIT_EXPECT_EQ(test, it.left, 1);
	it = iter_of(sg, 1);
	virtback_iter_last(&it);
	KUNIT_EXPECT_PTR_EQ(test, it.sg, &sg[0]);
	KUNIT_EXPECT_EQ(test, it.off, 3);
}

/* A store may end a read well that it has written nothing of. */
static void stock_of_pages_has_nothing_of_others(struct kunit *test)
{
	struct virtback_pool pool = {};
	LIST_HEAD(pages);
	struct page *page, *next;
	unsigned int i, old = 0;

	for (i = 0; i < 64; i++) {
		page = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		memset(page_address(page), 0xa5, PAGE_SIZE);
		list_add(&page->lru, &pages);
	}
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}

	KUNIT_ASSERT_EQ(test, virtback_pool_init_pages(&pool, 64), 0);
	KUNIT_EXPECT_TRUE(test, virtback_pool_get_pages(&pool, &pages, 64));
	list_for_each_entry(page, &pages, lru) {
		if (memchr_inv(page_address(page), 0, PAGE_SIZE))
			old++;
	}
	KUNIT_EXPECT_EQ(test, old, 0);
	virtback_pool_put_pages(&pool, &pages);
	virtback_pool_destroy_pages(&pool);
}

/* A dom0 of 1 GiB: 4.5 MiB, and 16 for its own. */
static void stocks_leave_memory_to_others(struct kunit *test)
{
	const unsigned long gib = SZ_1G >> PAGE_SHIFT;
	const long need = (20 * SZ_1M + SZ_512K) >> PAGE_SHIFT;

	KUNIT_EXPECT_TRUE(test, virtback_stock_fits(need, gib));
	KUNIT_EXPECT_FALSE(test, virtback_stock_fits(need - 1, gib));
	KUNIT_EXPECT_FALSE(test, virtback_stock_fits(0, 0));
	KUNIT_EXPECT_FALSE(test, virtback_stock_fits(-1, gib));
	KUNIT_EXPECT_FALSE(test, virtback_stock_fits(need, 2 * gib));
}

static void stock_gives_all_or_nothing(struct kunit *test)
{
	struct virtback_pool pool;
	LIST_HEAD(a);
	LIST_HEAD(b);

	KUNIT_ASSERT_EQ(test, virtback_pool_init_pages(&pool, 4), 0);
	KUNIT_EXPECT_TRUE(test, virtback_pool_get_pages(&pool, &a, 3));
	KUNIT_EXPECT_FALSE(test, virtback_pool_get_pages(&pool, &b, 2));
	KUNIT_EXPECT_EQ(test, pool.nr, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&b));
	KUNIT_EXPECT_TRUE(test, virtback_pool_get_pages(&pool, &b, 1));
	KUNIT_EXPECT_EQ(test, list_count(&a), 3);
	KUNIT_EXPECT_EQ(test, list_count(&b), 1);
	virtback_pool_put_pages(&pool, &a);
	virtback_pool_put_pages(&pool, &b);
	KUNIT_EXPECT_TRUE(test, list_empty(&a));
	KUNIT_EXPECT_TRUE(test, virtback_pool_get_pages(&pool, &a, 4));
	virtback_pool_put_pages(&pool, &a);
	virtback_pool_destroy_pages(&pool);
}

static void stock_of_objects_ends(struct kunit *test)
{
	struct virtback_pool pool;
	u64 *a, *b;

	KUNIT_ASSERT_EQ(test, virtback_pool_init_objects(&pool, 2, sizeof(*a)), 0);
	a = virtback_pool_get(&pool);
	b = virtback_pool_get(&pool);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_NULL(test, virtback_pool_get(&pool));
	virtback_pool_put(&pool, a);
	KUNIT_EXPECT_PTR_EQ(test, (u64 *)virtback_pool_get(&pool), a);
	virtback_pool_put(&pool, a);
	virtback_pool_put(&pool, b);
	virtback_pool_destroy_objects(&pool);
}

static struct kunit_case mem_cases[] = {
	KUNIT_CASE(read_gathers_buffers),
	KUNIT_CASE(read_crosses_pieces),
	KUNIT_CASE(read_past_the_end_fails),
	KUNIT_CASE(read_outside_memory_fails),
	KUNIT_CASE(write_scatters_to_buffers),
	KUNIT_CASE(skip_passes_empty_buffers),
	KUNIT_CASE(last_byte_is_found),
	KUNIT_CASE(stock_of_pages_has_nothing_of_others),
	KUNIT_CASE(stocks_leave_memory_to_others),
	KUNIT_CASE(stock_gives_all_or_nothing),
	KUNIT_CASE(stock_of_objects_ends),
	{}
};

static struct kunit_suite mem_suite = {
	.name = "virtback_mem",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = mem_cases,
};

kunit_test_suite(mem_suite);
