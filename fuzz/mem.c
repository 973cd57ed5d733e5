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
#include <virtback/mem.h>

#include "fuzz.h"
#undef memcpy

#if __has_feature(address_sanitizer)
#include <dlfcn.h>
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

/* Pages of the pools up to here have no poison. */
static ptrdiff_t unpoisoned = FZ_GUEST_PAGES;
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

/*
 * An input takes pages in their order, so if one has no poison those before it have none.
 * Poisoning what an input gave back is dear, and done where it says so.
 */
static void unpoison_to(const struct page *p)
{
	ptrdiff_t n = p - fz_pages;

	if (n <= unpoisoned)
		return;
	ASAN_UNPOISON_MEMORY_REGION(page_address(&fz_pages[unpoisoned + 1]),
				    (n - unpoisoned) * PAGE_SIZE);
	unpoisoned = n;
}

fz_own struct page *fz_page_alloc(void)
{
	struct page *p;

	if (fail())
		return NULL;
	if (!nr_free)
		fz_bug("more pages than all queues need");
	p = free_pages[--nr_free];
	if (fz_poison)
		ASAN_UNPOISON_MEMORY_REGION(page_address(p), PAGE_SIZE);
	else
		unpoison_to(p);
	return p;
}

fz_own void fz_page_free(struct page *p)
{
	if (fz_poison)
		ASAN_POISON_MEMORY_REGION(page_address(p), PAGE_SIZE);
	if (nr_free == POOL_PAGES)
		fz_bug("more pages are freed than were there");
	free_pages[nr_free++] = p;
}

#ifndef FZ_BARE
/*
 * A queue has a thousand pages and two thousand pieces, and to watch the module count them
 * takes longer than many an input. So that is done for it, to the same end, but where an
 * allocation is to fail, or pages are poisoned; and in replays.
 */
int __real_virtback_pool_init_pages(struct virtback_pool *pool, unsigned int size);
int __wrap_virtback_pool_init_pages(struct virtback_pool *pool, unsigned int size);
void __real_virtback_pool_destroy_pages(struct virtback_pool *pool);
void __wrap_virtback_pool_destroy_pages(struct virtback_pool *pool);
int __real_virtback_pool_init_objects(struct virtback_pool *pool, unsigned int size,
				      size_t bytes);
int __wrap_virtback_pool_init_objects(struct virtback_pool *pool, unsigned int size,
				      size_t bytes);

static bool watched(void)
{
	return fz_poison || fz_verbose || fz_fail_alloc;
}

static void pool_begin(struct virtback_pool *pool, unsigned int size)
{
	/* Each member is set here, as pool.c would set it. */
	static_assert(sizeof(*pool) == ALIGN(sizeof(pool->lock) + 2 * sizeof(unsigned int), 8) +
				       2 * sizeof(void *));
	spin_lock_init(&pool->lock);
	pool->free = fz_alloc(size, sizeof(*pool->free), false);
	pool->slab = NULL;
	pool->size = size;
	pool->nr = size;
}

static fz_own void take_pages(void **list, unsigned int size)
{
	unsigned int i;

	if (nr_free < size)
		fz_bug("more pages than all queues need");
	nr_free -= size;
	for (i = 0; i < size; i++)
		list[i] = free_pages[nr_free + size - 1 - i];
	unpoison_to(list[size - 1]);
}

int __wrap_virtback_pool_init_pages(struct virtback_pool *pool, unsigned int size)
{
	if (watched())
		return __real_virtback_pool_init_pages(pool, size);
	pool_begin(pool, size);
	take_pages(pool->free, size);
	return 0;
}

static fz_own void return_pages(void **list, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		free_pages[nr_free + i] = list[size - 1 - i];
	nr_free += size;
}

void __wrap_virtback_pool_destroy_pages(struct virtback_pool *pool)
{
	if (watched() || pool->nr > POOL_PAGES - nr_free) {
		__real_virtback_pool_destroy_pages(pool);
		return;
	}
	return_pages(pool->free, pool->nr);
	fz_free(pool->free);
	pool->nr = 0;
	pool->free = NULL;
	pool->size = 0;
}

static fz_own void list_objects(void **list, unsigned int size, u8 *slab, size_t bytes)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		list[i] = slab + i * bytes;
}

int __wrap_virtback_pool_init_objects(struct virtback_pool *pool, unsigned int size, size_t bytes)
{
	if (watched())
		return __real_virtback_pool_init_objects(pool, size, bytes);
	pool_begin(pool, size);
	pool->slab = fz_alloc(size, bytes, true);
	list_objects(pool->free, size, pool->slab, bytes);
	return 0;
}
#endif

/* The head of a block is always poisoned, and for us alone. */
static fz_own void *heap_alloc(size_t len, bool zero)
{
	size_t end = heap_used + HEAP_ALIGN + ALIGN(len + 1, HEAP_ALIGN);
	struct heap_block *block;
	u8 *p;

	if (end > HEAP_LEN)
		return zero ? calloc(1, len) : malloc(len);
	p = heap + heap_used + HEAP_ALIGN;
	heap_used = end;
	block = (struct heap_block *)p - 1;
	block->len = len;
	block->magic = HEAP_MAGIC;
	ASAN_UNPOISON_MEMORY_REGION(p, len);
	fz_fill(p, zero ? 0 : 0xbe, zero ? len : min_t(size_t, len, HEAP_FILL));
	return p;
}

static fz_own void heap_free(u8 *p)
{
	struct heap_block *block = (struct heap_block *)p - 1;

	if (p < heap || p >= heap + HEAP_LEN) {
		free(p);
		return;
	}
	if (p < heap + HEAP_ALIGN || p >= heap + heap_used)
		fz_bug("what is freed was not allocated");
	if (block->magic != HEAP_MAGIC)
		fz_bug("freed twice, or not from its start");
	block->magic = 0;
	ASAN_POISON_MEMORY_REGION(p, block->len);
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
static fz_own void sort_pages(void)
{
	unsigned int i;

	for (i = 0; i < POOL_PAGES; i++)
		free_pages[i] = &fz_pages[ALL_PAGES - 1 - i];
}

/* The C library's own, which no sanitizer looks at: for memory that need not be looked at. */
void *(*fz_move)(void *to, const void *from, size_t len) = memmove;
void *(*fz_fill)(void *to, int val, size_t len) = memset;
int (*fz_compare)(const void *a, const void *b, size_t len) = memcmp;

/**
 * fz_poisoned() - is there a byte that nobody may touch?
 * @p: memory
 * @len: of it
 */
bool fz_poisoned(const void *p, size_t len)
{
#if __has_feature(address_sanitizer)
	return __asan_region_is_poisoned((void *)p, len);
#else
	return false;
#endif
}

static void raw_init(void)
{
#if __has_feature(address_sanitizer)
	fz_move = dlsym(RTLD_NEXT, "memmove");
	fz_fill = dlsym(RTLD_NEXT, "memset");
	fz_compare = dlsym(RTLD_NEXT, "memcmp");
	if (!fz_move || !fz_fill || !fz_compare)
		abort();
#endif
}

/**
 * fz_mem_init() - once for the process
 */
void fz_mem_init(void)
{
	raw_init();
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
	unpoisoned = FZ_GUEST_PAGES;
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
