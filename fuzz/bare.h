/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fuzz/shim.h has of words that others may change, as the kernel has it on arm64:
 * nothing is looked at and nobody is preempted, so that what is left is the module.
 * With FZ_BARE, for the program that counts its instructions (scripts/bench/core).
 */
#ifndef FUZZ_BARE_H
#define FUZZ_BARE_H

static inline void fz_point(void)
{
}

void *fz_memcpy(void *to, const void *from, size_t len);

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)	((void)(*(volatile __typeof__(x) *)&(x) = (val)))
#define cmpxchg(p, old, new)	__sync_val_compare_and_swap(p, old, new)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_mb()		smp_mb()
#define virt_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)

typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;

#define atomic_read(a)		READ_ONCE((a)->counter)
#define atomic_set(a, v)	WRITE_ONCE((a)->counter, v)
#define atomic_add(n, a)	((void)__atomic_fetch_add(&(a)->counter, n, __ATOMIC_RELAXED))
#define atomic_inc(a)		atomic_add(1, a)
#define atomic_long_inc(a)	atomic_add(1, a)
#define atomic_or(n, a)		((void)__atomic_fetch_or(&(a)->counter, n, __ATOMIC_RELAXED))
#define atomic_dec_and_test(a)	(__atomic_sub_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic_fetch_or(n, a)	__atomic_fetch_or(&(a)->counter, n, __ATOMIC_SEQ_CST)
#define atomic_fetch_andnot(n, a) __atomic_fetch_and(&(a)->counter, ~(n), __ATOMIC_SEQ_CST)

/* A trace event that is off. */
#define fz_trace_point()	__asm__ volatile("nop")
#endif
