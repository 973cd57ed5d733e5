// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the fuzzer: what was allocated has to be given back, and an input can have
 * the n-th allocation fail.
 *
 * What an input allocates lies one behind the other in the heap, with poison between, and
 * is poisoned when it is freed; none of it is used again by the same input. That is much
 * faster than malloc(), and nothing else ever lies where something was freed. Who allocated
 * it is only known of malloc(), which replays use (FUZZ_VERBOSE), and inputs for which the
 * heap is too small.
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

#define HEAP_LEN	(64UL << 20)
#define HEAP_ALIGN	64		/* and so at least that much poison between */
#define HEAP_FILL	4096		/* bytes of what is not zeroed that look like nothing */

/* In front of what was allocated. */
struct heap_block {
	size_t len;
	u64 magic;
};

#define HEAP_MAGIC	0xa110ca7eda110ca7ULL

static u8 heap[HEAP_LEN] __attribute__((aligned(4096)));
static size_t heap_base, heap_used;	/* where an input begins, and has come to */

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

static void *heap_alloc(size_t len, bool zero)
{
	size_t end = heap_used + HEAP_ALIGN + ALIGN(len + 1, HEAP_ALIGN);
	struct heap_block *block;
	u8 *p;

	if (end > HEAP_LEN)
		return zero ? calloc(1, len) : malloc(len);
	p = heap + heap_used + HEAP_ALIGN;
	heap_used = end;
	block = (struct heap_block *)p - 1;
	ASAN_UNPOISON_MEMORY_REGION(block, sizeof(*block));
	*block = (struct heap_block){ len, HEAP_MAGIC };
	ASAN_POISON_MEMORY_REGION(block, sizeof(*block));
	ASAN_UNPOISON_MEMORY_REGION(p, len);
	if (zero)
		memset(p, 0, len);
	else
		memset(p, 0xbe, min_t(size_t, len, HEAP_FILL));
	return p;
}

static void heap_free(u8 *p)
{
	struct heap_block *block = (struct heap_block *)p - 1, was;

	if (p < heap || p >= heap + HEAP_LEN) {
		free(p);
		return;
	}
	if (p < heap + HEAP_ALIGN || p >= heap + heap_used)
		fz_bug("what is freed was not allocated");
	ASAN_UNPOISON_MEMORY_REGION(block, sizeof(*block));
	was = *block;
	block->magic = 0;
	if (was.magic != HEAP_MAGIC)
		fz_bug("freed twice, or not from its start");
	ASAN_POISON_MEMORY_REGION(block, sizeof(*block) + was.len);
}

void *fz_alloc(size_t n, size_t size, bool zero)
{
	void *p;

	if (fail())
		return NULL;
	if (fz_verbose)
		p = zero ? calloc(n, size) : malloc(n * size);
	else
		p = heap_alloc(n * size, zero);
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
	if (fz_verbose)
		free((void *)p);
	else
		heap_free((u8 *)p);
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
	ASAN_POISON_MEMORY_REGION(heap, HEAP_LEN);
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
	/* All that an input allocated is freed, so poisoned. */
	if (!heap_base)
		heap_base = max_t(size_t, heap_used, HEAP_ALIGN);
	heap_used = heap_base;
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
