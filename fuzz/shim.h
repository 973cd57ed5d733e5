/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel's API as drivers/core and drivers/blk use, in user space and
 * for one thread. scripts/fuzz makes a <linux/...> of each header that they include,
 * which is this file. Words that other CPUs could change are places where the
 * scheduler (sched.h) may go on with another task; words of the guest are looked at by
 * the oracles (oracle.h).
 */
#ifndef FUZZ_SHIM_H
#define FUZZ_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <asm/types.h>
#include <linux/errno.h>

#ifndef __has_feature			/* gcc */
#define __has_feature(x)	0
#endif

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef unsigned int gfp_t;
typedef unsigned int fmode_t;
typedef unsigned short umode_t;
typedef __u32 blk_opf_t;
typedef u8 blk_status_t;
typedef u64 sector_t;

#define __bitwise
#define __force
#define __user
#define __packed		__attribute__((packed))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define __must_check		__attribute__((warn_unused_result))
#define fallthrough		__attribute__((fallthrough))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define noinline		__attribute__((noinline))
#define barrier()		__asm__ __volatile__("" ::: "memory")
#define OPTIMIZER_HIDE_VAR(x)	__asm__("" : "=r"(x) : "0"(x))
#define KBUILD_MODNAME		"virtback"
#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE	KERNEL_VERSION(6, 12, 0)
#define CONFIG_BLK_DEV_ZONED	1
#define CONFIG_EVENT_TRACING	1
#define IS_ENABLED(option)	(option)
#define ERESTARTSYS		512
#define EIOCBQUEUED		529

#define U8_MAX			((u8)~0U)
#define U16_MAX			((u16)~0U)
#define U32_MAX			((u32)~0U)
#define U64_MAX			((u64)~0ULL)
#define SZ_1K			0x400
#define SZ_4K			0x1000
#define SZ_16K			0x4000
#define SZ_64K			0x10000
#define SZ_256K			0x40000
#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define SECTOR_SHIFT		9
#define SECTOR_SIZE		(1 << SECTOR_SHIFT)
#define PAGE_SECTORS		(1 << (PAGE_SHIFT - SECTOR_SHIFT))
#define NUMA_NO_NODE		(-1)
#define HZ			250
#define NSEC_PER_USEC		1000ULL
#define NSEC_PER_MSEC		1000000ULL
#define NSEC_PER_SEC		1000000000ULL
#define MAJOR(dev)		major(dev)
#define MINOR(dev)		minor(dev)

#ifndef offsetofend
#define offsetofend(t, m)	(offsetof(t, m) + sizeof(((t *)0)->m))
#endif
#define static_assert(e, ...)	_Static_assert(e, #e)
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define ALIGN(x, a)		(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d)	DIV_ROUND_UP((unsigned long long)(n), d)
#define PFN_UP(x)		(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define offset_in_page(p)	((unsigned long)(p) & (PAGE_SIZE - 1))
#define round_down(x, y)	((x) & ~((__typeof__(x))((y) - 1)))
#define rounddown(x, y)		((x) - (x) % (y))
#define is_power_of_2(n)	((n) != 0 && ((n) & ((n) - 1)) == 0)
#define ilog2(n)		(63 - __builtin_clzll((u64)(n)))
#define fls64(n)		((n) ? ilog2(n) + 1 : 0)
#define rounddown_pow_of_two(n)	(1UL << ilog2(n))
#define div_u64(a, b)		((u64)(a) / (u32)(b))
#define div64_ul(a, b)		((u64)(a) / (unsigned long)(b))
#define DIV_ROUND_CLOSEST_ULL(a, b)	(((u64)(a) + (b) / 2) / (b))
#define array_index_nospec(i, n) (i)

#define fz_min(x, y) ({ __auto_type _a = (x); __auto_type _b = (y); _a < _b ? _a : _b; })
#define fz_max(x, y) ({ __auto_type _a = (x); __auto_type _b = (y); _a > _b ? _a : _b; })
#define min(x, y)		fz_min(x, y)
#define max(x, y)		fz_max(x, y)
#define min3(x, y, z)		fz_min(fz_min(x, y), z)
#define min_t(t, x, y)		fz_min((t)(x), (t)(y))
#define max_t(t, x, y)		fz_max((t)(x), (t)(y))
#define clamp(v, lo, hi)	clamp_t(__typeof__(v), v, lo, hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define swap(a, b) do { __auto_type _t = (a); (a) = (b); (b) = _t; } while (0)

#define cpu_to_le16(x)		((__le16)(x))
#define cpu_to_le32(x)		((__le32)(x))
#define cpu_to_le64(x)		((__le64)(x))
#define le16_to_cpu(x)		((u16)(x))
#define le32_to_cpu(x)		((u32)(x))
#define le64_to_cpu(x)		((u64)(x))
#define __cpu_to_virtio16(l, x)	cpu_to_le16(x)
#define __cpu_to_virtio32(l, x)	cpu_to_le32(x)
#define __cpu_to_virtio64(l, x)	cpu_to_le64(x)
#define __virtio16_to_cpu(l, x)	le16_to_cpu(x)
#define __virtio32_to_cpu(l, x)	le32_to_cpu(x)
#define __virtio64_to_cpu(l, x)	le64_to_cpu(x)

/* --- what goes wrong --- */

void fz_bug(const char *fmt, ...) __printf(1, 2) __attribute__((noreturn));
void fz_log(const char *fmt, ...) __printf(1, 2);

#define pr_err(fmt, ...)	fz_log("E " fmt, ##__VA_ARGS__)
#define pr_warn(fmt, ...)	fz_log("W " fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...)	fz_log("I " fmt, ##__VA_ARGS__)
#define WARN_ON_ONCE(c) ({						\
	bool _c = (c);							\
	if (_c)								\
		fz_bug("WARN_ON_ONCE(%s) at %s:%d", #c, __FILE__, __LINE__); \
	_c;								\
})

#define IS_ERR_VALUE(x)		((unsigned long)(x) >= (unsigned long)-4095)
#define ERR_PTR(e)		((void *)(long)(e))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		IS_ERR_VALUE((unsigned long)(p))
#define PTR_ERR_OR_ZERO(p)	(IS_ERR(p) ? (int)PTR_ERR(p) : 0)

/* --- words that somebody else may change --- */

extern u8 fz_arena[];			/* guest memory, then pages of the pools */
#define FZ_GUEST_PAGES	32
#define FZ_GUEST_LEN	(FZ_GUEST_PAGES * PAGE_SIZE)

static inline bool fz_is_guest(const volatile void *p)
{
	return (uintptr_t)p - (uintptr_t)fz_arena < FZ_GUEST_LEN;
}

#ifdef FZ_BARE
#include "bare.h"
#else
extern u32 fz_countdown;
void fz_countdown_end(void);

/* Another task may go on here, if the input says so. */
static inline void fz_point(void)
{
	if (unlikely(--fz_countdown == 0))
		fz_countdown_end();
}

void fz_guest_read(const volatile void *p, size_t len);
void fz_guest_was_read(const volatile void *p, size_t len);
void fz_guest_store(volatile void *p, const void *val, size_t len);
void *fz_memcpy(void *to, const void *from, size_t len);

#define READ_ONCE(x) ({							\
	const volatile __typeof__(x) *_p = &(x);			\
	fz_point();							\
	if (fz_is_guest(_p))						\
		fz_guest_read(_p, sizeof(*_p));				\
	__typeof__(*_p) _v = *_p;					\
	if (fz_is_guest(_p))						\
		fz_guest_was_read(_p, sizeof(*_p));			\
	_v;								\
})

#define WRITE_ONCE(x, val) do {						\
	volatile __typeof__(x) *_p = &(x);				\
	__typeof__(x) _v = (val);					\
	fz_point();							\
	if (fz_is_guest(_p))						\
		fz_guest_store(_p, &_v, sizeof(_v));			\
	else								\
		*_p = _v;						\
} while (0)

#define cmpxchg(p, old, new) ({						\
	__typeof__(p) _at = (p);					\
	__typeof__(*_at) _was;						\
	fz_point();							\
	_was = *_at;							\
	if (_was == (old))						\
		*_at = (new);						\
	_was;								\
})

#define memcpy(to, from, len)	fz_memcpy(to, from, len)

struct virtback_chain;
struct virtback_desc;
struct virtback_vq;
void fz_chain_seen(struct virtback_vq *vq, const struct virtback_chain *chain, u32 nr,
		   const struct virtback_desc *d);
#define virtback_chain_seen(vq, chain, nr, d)	fz_chain_seen(vq, chain, nr, d)

#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#define smp_mb()		fz_point()
#define virt_mb()		fz_point()
#define virt_rmb()		fz_point()
#define virt_wmb()		fz_point()

typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;

#define atomic_read(a)		({ fz_point(); (a)->counter; })
#define atomic_set(a, v)	do { fz_point(); (a)->counter = (v); } while (0)
#define atomic_inc(a)		do { fz_point(); (a)->counter++; } while (0)
#define atomic_long_inc(a)	atomic_inc(a)
#define atomic_add(n, a)	do { fz_point(); (a)->counter += (n); } while (0)
#define atomic_or(n, a)		do { fz_point(); (a)->counter |= (n); } while (0)
#define atomic_dec_and_test(a)	({ fz_point(); --(a)->counter == 0; })
#define atomic_fetch_or(n, a) ({ fz_point(); int _o = (a)->counter; (a)->counter |= (n); _o; })
#define atomic_fetch_andnot(n, a) \
	({ fz_point(); int _o = (a)->counter; (a)->counter &= ~(n); _o; })
#endif

/* --- bitmaps --- */

#define BITS_PER_LONG		64

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1UL << n % BITS_PER_LONG;
}

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> n % BITS_PER_LONG & 1;
}

static inline unsigned long find_next_bit(const unsigned long *map, unsigned long size,
					  unsigned long n)
{
	while (n < size && !test_bit(n, map))
		n++;
	return n < size ? n : size;
}

/* --- memory --- */

#define GFP_KERNEL	1
#define GFP_NOIO	2

void *fz_alloc(size_t n, size_t size, bool zero);
void fz_free(const void *p);

#define kmalloc(size, gfp)		fz_alloc(1, size, false)
#define kzalloc(size, gfp)		fz_alloc(1, size, true)
#define kcalloc(n, size, gfp)		fz_alloc(n, size, true)
#define kvcalloc(n, size, gfp)		fz_alloc(n, size, true)
#define kvmalloc_array(n, size, gfp)	fz_alloc(n, size, false)
#define kfree(p)			fz_free(p)
#define kvfree(p)			fz_free(p)
#define bitmap_zalloc(n, gfp)		fz_alloc(((n) + 63) / 64, 8, true)
#define bitmap_free(p)			fz_free(p)
#define si_mem_available()		(1L << 20)
#define totalram_pages()		(1UL << 20)

/* --- what is counted for each CPU, of which there is one --- */

#define __percpu
#define __alloc_percpu(size, align)	fz_alloc(1, size, true)
#define alloc_percpu(type)		((type *)fz_alloc(1, sizeof(type), true))
#define free_percpu(p)			fz_free(p)
#define per_cpu_ptr(p, cpu)		((void)(cpu), (p))
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define this_cpu_inc(n)			((void)(n)++)
#define this_cpu_add(n, val)		((void)((n) += (val)))

struct static_key_true { bool on; };

#define DECLARE_STATIC_KEY_TRUE(key)	extern struct static_key_true key
#define DEFINE_STATIC_KEY_TRUE(key)	struct static_key_true key = { .on = true }
#define static_branch_likely(key)	((key)->on)

/* --- lists --- */

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(l)	{ &(l), &(l) }
#define LIST_HEAD(l)		struct list_head l = LIST_HEAD_INIT(l)

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l;
	l->prev = l;
}

static inline void fz_list_insert(struct list_head *e, struct list_head *before,
				  struct list_head *after)
{
	if (before->next != after || after->prev != before)
		fz_bug("a list is corrupted");
	e->next = after;
	e->prev = before;
	before->next = e;
	after->prev = e;
}

static inline void list_add(struct list_head *e, struct list_head *l)
{
	fz_list_insert(e, l, l->next);
}

static inline void list_add_tail(struct list_head *e, struct list_head *l)
{
	fz_list_insert(e, l->prev, l);
}

static inline void fz_list_unlink(struct list_head *e)
{
	if (e->prev->next != e || e->next->prev != e)
		fz_bug("an element is taken from a list that it is not on");
	e->prev->next = e->next;
	e->next->prev = e->prev;
}

static inline void list_del(struct list_head *e)
{
	fz_list_unlink(e);
	e->next = (void *)0x100;
	e->prev = (void *)0x122;
}

static inline void list_del_init(struct list_head *e)
{
	fz_list_unlink(e);
	INIT_LIST_HEAD(e);
}

static inline void list_move(struct list_head *e, struct list_head *l)
{
	fz_list_unlink(e);
	list_add(e, l);
}

static inline void list_move_tail(struct list_head *e, struct list_head *l)
{
	fz_list_unlink(e);
	list_add_tail(e, l);
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline bool list_is_singular(const struct list_head *l)
{
	return !list_empty(l) && l->next == l->prev;
}

static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	from->next->prev = to;
	to->next = from->next;
	INIT_LIST_HEAD(from);
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	INIT_LIST_HEAD(from);
}

#define list_entry(p, t, m)	container_of(p, t, m)
#define list_first_entry(l, t, m)	list_entry((l)->next, t, m)
#define list_first_entry_or_null(l, t, m) \
	(list_empty(l) ? NULL : list_first_entry(l, t, m))
#define list_next_entry(e, m)	list_entry((e)->m.next, __typeof__(*(e)), m)
#define list_for_each_entry(e, l, m)					\
	for (e = list_first_entry(l, __typeof__(*e), m); &e->m != (l);	\
	     e = list_next_entry(e, m))
#define list_for_each_entry_safe(e, n, l, m)				\
	for (e = list_first_entry(l, __typeof__(*e), m), n = list_next_entry(e, m); \
	     &e->m != (l); e = n, n = list_next_entry(n, m))

/* --- small things --- */

struct device { int unused; };
struct attribute_group;
struct virtqueue;
struct virtqueue_info { int unused; };
struct virtio_device;
struct irq_affinity;

#include "sched.h"
#include "block.h"
#include "vfs.h"
#include "trace.h"

#endif
