// SPDX-License-Identifier: GPL-2.0
/*
 * Histograms of how long stages take: their storage, and what reads them. What counts
 * is inline, in include/virtback/latency.h.
 */
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/string.h>

#include <virtback/latency.h>

/* Off: no clock is read, and nothing is counted. */
DEFINE_STATIC_KEY_TRUE(virtback_latency_on);

/**
 * virtback_latency_init() - make a histogram
 * @l: zeroed
 *
 * May sleep.
 *
 * Return: 0 or -ENOMEM; virtback_latency_destroy() is right in both cases.
 */
int virtback_latency_init(struct virtback_latency *l)
{
	l->cpu = alloc_percpu(struct virtback_latency_counts);
	return l->cpu ? 0 : -ENOMEM;
}

/**
 * virtback_latency_destroy() - undo virtback_latency_init()
 * @l: histogram that nobody counts in any more
 *
 * May sleep.
 */
void virtback_latency_destroy(struct virtback_latency *l)
{
	free_percpu(l->cpu);
	l->cpu = NULL;
}

static u64 virtback_latency_sum(const struct virtback_latency *l, unsigned int bucket)
{
	u64 sum = 0;
	int cpu;

	/* Pairs with this_cpu_inc() of virtback_latency_add(); 64 bits come whole. */
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(l->cpu, cpu)->count[bucket]);
	return sum;
}

/**
 * virtback_latency_read() - sum up a histogram
 * @l: histogram; the caller excludes virtback_latency_reset()
 * @count: filled
 *
 * Each bucket is right by itself; stages go on meanwhile. Any context.
 */
void virtback_latency_read(const struct virtback_latency *l, u64 count[VIRTBACK_LATENCY_BUCKETS])
{
	unsigned int i;

	for (i = 0; i < VIRTBACK_LATENCY_BUCKETS; i++)
		count[i] = virtback_latency_sum(l, i) - l->base[i];
}

/**
 * virtback_latency_reset() - begin again with 0
 * @l: histogram; the caller excludes others that read or reset it
 *
 * Any context.
 */
void virtback_latency_reset(struct virtback_latency *l)
{
	unsigned int i;

	for (i = 0; i < VIRTBACK_LATENCY_BUCKETS; i++)
		l->base[i] = virtback_latency_sum(l, i);
}
