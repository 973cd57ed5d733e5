// SPDX-License-Identifier: GPL-2.0
/*
 * Reading what is counted per CPU: accesses by register, and what a device type counts
 * of a queue.
 */
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include <virtback/device.h>

/**
 * virtback_vq_counter() - read a counter of the device type
 * @vq: queue
 * @i: index in &virtback_type_ops.counters
 *
 * Any context.
 *
 * Return: its value since the device was made.
 */
u64 virtback_vq_counter(const struct virtback_vq *vq, unsigned int i)
{
	u64 sum = 0;
	int cpu;

	/* Pairs with this_cpu_add() of virtback_vq_count(). */
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(vq->counters, cpu)[i]);
	return sum;
}

/**
 * virtback_device_reg_count() - how often were registers of a kind accessed?
 * @vd: device
 * @reg: the kind
 *
 * Any context.
 *
 * Return: the number since the device was made.
 */
u64 virtback_device_reg_count(const struct virtback_device *vd, enum virtback_reg reg)
{
	u64 sum = 0;
	int cpu;

	/* Pairs with this_cpu_inc() of virtback_mmio_finish(). */
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(vd->regs, cpu)[reg]);
	return sum;
}
