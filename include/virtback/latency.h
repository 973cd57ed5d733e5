/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long the stages of a request take: histograms with a bucket for each power of
 * two of nanoseconds, counted per CPU, so that no stage takes a lock or shares a line
 * of cache for them.
 */
#ifndef VIRTBACK_LATENCY_H
#define VIRTBACK_LATENCY_H

#include <linux/bitops.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/types.h>

/* Less than 1 ns, then from 2^0 ns on; the last, from 2^38 (275 s), has no end. */
#define VIRTBACK_LATENCY_BUCKETS	40

/**
 * enum virtback_latency_stage - what is measured
 * @VIRTBACK_LATENCY_TRAP: from the trap of an access to its reply; of the device
 * @VIRTBACK_LATENCY_SUBMIT: from a kick to the submission of what it announced
 * @VIRTBACK_LATENCY_COMPLETE: from a request's submission to its end
 * @VIRTBACK_LATENCY_INTERRUPT: from there to the interrupt being raised
 * @VIRTBACK_LATENCY_NR: number of stages
 */
enum virtback_latency_stage {
	VIRTBACK_LATENCY_TRAP,
	VIRTBACK_LATENCY_SUBMIT,
	VIRTBACK_LATENCY_COMPLETE,
	VIRTBACK_LATENCY_INTERRUPT,
	VIRTBACK_LATENCY_NR,
};

/**
 * struct virtback_latency_counts - one CPU's part of a histogram
 * @count: of each bucket; changed by this CPU alone, read by anyone
 */
struct virtback_latency_counts {
	u64 count[VIRTBACK_LATENCY_BUCKETS];
};

/**
 * struct virtback_latency - a histogram
 * @cpu: counts since it was made
 * @base: what to take off: the sums at the last reset. Only in the control plane, which
 *	  has a lock for it; so a reset writes to no counter that is in use.
 */
struct virtback_latency {
	struct virtback_latency_counts __percpu *cpu;
	u64 base[VIRTBACK_LATENCY_BUCKETS];
};

DECLARE_STATIC_KEY_TRUE(virtback_latency_on);

/**
 * virtback_latency_now() - when a stage begins or ends
 *
 * Any context.
 *
 * Return: nanoseconds of the monotonic clock, or 0 while nothing is measured.
 */
static inline u64 virtback_latency_now(void)
{
	return static_branch_likely(&virtback_latency_on) ? ktime_get_ns() : 0;
}

/* The bucket of so many nanoseconds. */
static inline unsigned int virtback_latency_bucket(u64 ns)
{
	return min_t(unsigned int, fls64(ns), VIRTBACK_LATENCY_BUCKETS - 1);
}

/* The least that a bucket holds. */
static inline u64 virtback_latency_bound(unsigned int bucket)
{
	return bucket ? BIT_ULL(bucket - 1) : 0;
}

/**
 * virtback_latency_add() - count a stage
 * @l: histogram
 * @begin: virtback_latency_now() at its beginning; 0 is not counted
 * @end: the same at its end
 *
 * Any context.
 */
static inline void virtback_latency_add(struct virtback_latency *l, u64 begin, u64 end)
{
	if (begin && end >= begin)
		this_cpu_inc(l->cpu->count[virtback_latency_bucket(end - begin)]);
}

/* drivers/core/latency.c */
int virtback_latency_init(struct virtback_latency *l);
void virtback_latency_destroy(struct virtback_latency *l);
void virtback_latency_read(const struct virtback_latency *l,
			   u64 count[VIRTBACK_LATENCY_BUCKETS]);
void virtback_latency_reset(struct virtback_latency *l);

#endif
