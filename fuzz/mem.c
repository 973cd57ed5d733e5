// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the fuzzer: what was allocated has to be given back, and an input can have
 * the n-th allocation fail.
 */
#include "shim.h"
#include "fuzz.h"
#undef memcpy

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)		((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n)	((void)0)
#endif

#define POOL_PAGES	(FZ_QUEUES * 1024 + 8)
#define ALL_PAGES	(FZ_GUEST_PAGES + 1 + POOL_PAGES)

/* The page between is nobody's. */
u8 fz_arena[ALL_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
struct page fz_pages[ALL_PAGES];
u32 fz_fail_alloc;
bool fz_poison;

static ptrdiff_t unpoisoned;	/* pages up to here have none */
static struct page *free_pages[POOL_PAGES];
static unsigned int nr_free;
static long allocated;

struct page *virt_to_page(const void *va)
{
	size_t n = ((const u8 *)va - fz_arena) / PAGE_SIZE;

	if (n >= ALL_PAGES)
		fz_bug("virt_to_page() of no page");
	return &fz_pages[n];
}

static bool fail(void)
{
	return fz_fail_alloc && !--fz_fail_alloc;
}

struct page *fz_page_alloc(void)
{
	struct page *p;

	if (fail())
		return NULL;
	if (!nr_free)
		fz_bug("more pages than all queues need");
	p = free_pages[--nr_free];
	if (fz_poison || p - fz_pages > unpoisoned)
		ASAN_UNPOISON_MEMORY_REGION(page_address(p), PAGE_SIZE);
	return p;
}

/* Poison is dear with so many pages, so the input says whether they get it. */
void fz_page_free(struct page *p)
{
	if (fz_poison)
		ASAN_POISON_MEMORY_REGION(page_address(p), PAGE_SIZE);
	free_pages[nr_free++] = p;
	if (!fz_poison && p - fz_pages > unpoisoned)
		unpoisoned = p - fz_pages;
}

void *fz_alloc(size_t n, size_t size, bool zero)
{
	void *p;

	if (fail())
		return NULL;
	p = zero ? calloc(n, size) : malloc(n * size);
	if (!p)
		abort();
	allocated++;
	return p;
}

void fz_free(const void *p)
{
	if (!p)
		return;
	allocated--;
	free((void *)p);
}

/*
 * The first ones are taken first, by each input: so it always gets the same, and those
 * that were ever taken since the last poisoning are those up to @unpoisoned.
 */
static void sort_pages(void)
{
	unsigned int i;

	for (i = 0; i < POOL_PAGES; i++)
		free_pages[i] = &fz_pages[ALL_PAGES - 1 - i];
}

/**
 * fz_mem_init() - once for the process
 */
void fz_mem_init(void)
{
	ASAN_POISON_MEMORY_REGION(fz_arena + FZ_GUEST_LEN, (1 + POOL_PAGES) * PAGE_SIZE);
	sort_pages();
	nr_free = POOL_PAGES;
	allocated = 0;
}

/**
 * fz_mem_begin() - a new input
 * @poison: free pages of the pools are poisoned, which is slow
 */
void fz_mem_begin(bool poison)
{
	sort_pages();
	fz_poison = poison;
	if (!poison)
		return;
	/* Those of inputs before have none. */
	ASAN_POISON_MEMORY_REGION(fz_arena + FZ_GUEST_LEN, (1 + POOL_PAGES) * PAGE_SIZE);
	unpoisoned = 0;
}

/**
 * fz_mem_check() - nothing may be left of an input
 * @before: what fz_mem_count() said before it
 */
void fz_mem_check(long before)
{
	if (nr_free != POOL_PAGES)
		fz_bug("%u pages are left", POOL_PAGES - nr_free);
	if (allocated != before)
		fz_bug("%ld allocations are left", allocated - before);
}

/**
 * fz_mem_count() - how many allocations are there?
 */
long fz_mem_count(void)
{
	return allocated;
}
