// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle's random numbers and its guest memory. Of the memory there are two
 * copies: what is in it and what has to be. The driver writes to both, and what the
 * device has to write goes to the second when it was found in the first; so whatever
 * the device writes elsewhere shows, wherever it is.
 */
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "oracle.h"

/**
 * oracle_destroy() - the end of an oracle
 * @o: oracle, or NULL
 */
void oracle_destroy(struct oracle *o)
{
	if (!o)
		return;
	kvfree(o->want);
	kvfree(o->taken);
	kvfree(o->disk);
	kvfree(o->alt);
	kvfree(o->limbo);
	kvfree(o);
}

/**
 * oracle_create() - an oracle that has seen the memory and the disk
 * @world: the device
 * @priv: for the world
 * @mem: guest memory
 * @mem_len: bytes of it
 * @disk: what is on the disk
 * @sectors: its size
 *
 * Return: it, or NULL.
 */
struct oracle *oracle_create(const struct oracle_world *world, void *priv, void *mem, u32 mem_len,
			     const void *disk, u64 sectors)
{
	struct oracle *o = kvzalloc(sizeof(*o), GFP_KERNEL);

	if (!o)
		return NULL;
	o->world = world;
	o->priv = priv;
	o->real = mem;
	o->mem_len = mem_len;
	o->sectors = sectors;
	o->want = kvmalloc(mem_len, GFP_KERNEL);
	o->taken = kvcalloc(BITS_TO_LONGS(mem_len / ORACLE_GRAIN), sizeof(long), GFP_KERNEL);
	o->disk = kvmalloc(sectors * ORACLE_SECTOR, GFP_KERNEL);
	o->alt = kvmalloc(sectors * ORACLE_SECTOR, GFP_KERNEL);
	o->limbo = kvcalloc(BITS_TO_LONGS(sectors), sizeof(long), GFP_KERNEL);
	if (!o->want || !o->taken || !o->disk || !o->alt || !o->limbo) {
		oracle_destroy(o);
		return NULL;
	}
	memcpy(o->want, mem, mem_len);
	memcpy(o->disk, disk, sectors * ORACLE_SECTOR);
	return o;
}

/**
 * oracle_fail() - the device is wrong
 * @o: oracle
 * @fmt: how; only the first is kept
 *
 * Return: false.
 */
bool oracle_fail(struct oracle *o, const char *fmt, ...)
{
	va_list args;

	if (o->failed)
		return false;
	o->failed = true;
	va_start(args, fmt);
	vsnprintf(o->why, sizeof(o->why), fmt, args);
	va_end(args);
	return false;
}

/* xorshift64*: the same numbers in every kernel. */
static u32 oracle_rand(struct oracle *o)
{
	o->rng ^= o->rng >> 12;
	o->rng ^= o->rng << 25;
	o->rng ^= o->rng >> 27;
	return (o->rng * 2685821657736338717ULL) >> 32;
}

/**
 * oracle_below() - a random number
 * @o: oracle
 * @n: more than 0
 *
 * Return: 0 to @n - 1.
 */
u32 oracle_below(struct oracle *o, u32 n)
{
	return (u64)oracle_rand(o) * n >> 32;
}

/**
 * oracle_chance() - true in so many cases of 100
 * @o: oracle
 * @percent: how many
 */
bool oracle_chance(struct oracle *o, u32 percent)
{
	return oracle_below(o, 100) < percent;
}

/**
 * oracle_real() - guest memory as it is
 * @o: oracle
 * @addr: guest address, inside
 * @len: bytes, inside
 */
void *oracle_real(struct oracle *o, u64 addr, u32 len)
{
	return o->real + (addr - o->base);
}

/**
 * oracle_want() - guest memory as it has to be
 * @o: oracle
 * @addr: guest address, inside
 * @len: bytes, inside
 */
void *oracle_want(struct oracle *o, u64 addr, u32 len)
{
	return o->want + (addr - o->base);
}

/**
 * oracle_put() - the driver writes
 * @o: oracle
 * @addr: where
 * @from: what
 * @len: bytes
 */
void oracle_put(struct oracle *o, u64 addr, const void *from, u32 len)
{
	memcpy(oracle_real(o, addr, len), from, len);
	memcpy(oracle_want(o, addr, len), from, len);
}

/**
 * oracle_put16() - the driver writes a word; what it wrote before is there first
 * @o: oracle
 * @addr: where, a multiple of 2
 * @val: what
 */
void oracle_put16(struct oracle *o, u64 addr, u16 val)
{
	__le16 word = cpu_to_le16(val);

	/* What the word makes available before the word; the device reads the word first. */
	smp_store_release((__le16 *)oracle_real(o, addr, 2), word);
	memcpy(oracle_want(o, addr, 2), &word, 2);
}

/**
 * oracle_get16() - the driver reads a word
 * @o: oracle
 * @addr: where, a multiple of 2
 */
u16 oracle_get16(struct oracle *o, u64 addr)
{
	/* The word before what it says; the device writes the word last. */
	return le16_to_cpu(smp_load_acquire((__le16 *)oracle_real(o, addr, 2)));
}

/**
 * oracle_get32() - the driver reads two words
 * @o: oracle
 * @addr: where, a multiple of 4
 */
u32 oracle_get32(struct oracle *o, u64 addr)
{
	return le32_to_cpup(oracle_real(o, addr, 4));
}

/**
 * oracle_accept() - what the device wrote there is right
 * @o: oracle
 * @addr: where
 * @len: bytes
 */
void oracle_accept(struct oracle *o, u64 addr, u32 len)
{
	memcpy(oracle_want(o, addr, len), oracle_real(o, addr, len), len);
}

/**
 * oracle_scribble() - the driver writes something new
 * @o: oracle
 * @addr: where
 * @len: bytes
 */
void oracle_scribble(struct oracle *o, u64 addr, u32 len)
{
	u8 *p = oracle_real(o, addr, len);
	u32 i, word;

	for (i = 0; i < len; i += sizeof(word)) {
		word = oracle_rand(o);
		memcpy(p + i, &word, min_t(u32, len - i, sizeof(word)));
	}
	memcpy(oracle_want(o, addr, len), p, len);
}

/**
 * oracle_alloc() - memory that nobody uses, somewhere, with a gap on both sides
 * @o: oracle
 * @len: bytes
 * @align: a power of 2, less than a grain
 *
 * Return: its address, 0 when there is none.
 */
u64 oracle_alloc(struct oracle *o, u32 len, u32 align)
{
	u32 nr = o->mem_len / ORACLE_GRAIN;
	u32 off = max(align, ALIGN_DOWN(oracle_below(o, ORACLE_GRAIN), align));
	u32 want = DIV_ROUND_UP(off + len + 1, ORACLE_GRAIN);
	unsigned long first;

	first = bitmap_find_next_zero_area(o->taken, nr, oracle_below(o, nr), want, 0);
	if (first >= nr)
		first = bitmap_find_next_zero_area(o->taken, nr, 0, want, 0);
	if (first >= nr)
		return 0;
	bitmap_set(o->taken, first, want);
	return o->base + first * ORACLE_GRAIN + off;
}

/**
 * oracle_free() - undo oracle_alloc()
 * @o: oracle
 * @addr: where
 * @len: bytes
 */
void oracle_free(struct oracle *o, u64 addr, u32 len)
{
	u32 first = (addr - o->base) / ORACLE_GRAIN;
	u32 last = (addr - o->base + len) / ORACLE_GRAIN;

	bitmap_clear(o->taken, first, last - first + 1);
}

/**
 * oracle_check_mem() - is everything in memory as it has to be?
 * @o: oracle
 *
 * But for what the device may be writing just now.
 */
bool oracle_check_mem(struct oracle *o)
{
	struct oracle_req *r;
	u32 i, n;

	for (n = 0; n < ORACLE_NUM; n++) {
		r = &o->reqs[n];
		for (i = 0; r->busy && i < r->nseg; i++) {
			if (r->seg[i].write)
				oracle_accept(o, r->seg[i].addr, r->seg[i].len);
		}
	}
	if (!memcmp(o->real, o->want, o->mem_len))
		return true;
	for (i = 0; o->real[i] == o->want[i]; i++)
		;
	return oracle_fail(o, "wrote to %#llx, which is not its to write (%#x instead of %#x)",
			   o->base + i, o->real[i], o->want[i]);
}
