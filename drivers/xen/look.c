// SPDX-License-Identifier: GPL-2.0
/*
 * A look at each guest's domain, now and then: is it being destroyed?
 *
 * @releaseDomain comes when Xen has taken the domain's memory, which what is mapped of it here
 * delays: after each interrupt of the CPU that asked for it, Xen begins anew with the pages
 * that are still in use, so with many of them it may never come to the end
 * (relinquish_memory()). That CPU does nothing else meanwhile but interrupts: no thread, not
 * even RCU, and on kernels before 6.5 no softirq either once ksoftirqd has been woken. It may
 * be the only CPU. So the memory goes before the devices, and in a timer's interrupt.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>
#include <linux/time64.h>

#include <virtback/compat.h>

#include "xen.h"

/* How often to look whether a domain lives. */
#define VIRTBACK_LOOK_EVERY	NSEC_PER_SEC

/* How long to unmap at a time, with interrupts off, and how often. */
#define VIRTBACK_DROP_NS	(NSEC_PER_MSEC / 4)
#define VIRTBACK_DROP_EVERY	NSEC_PER_MSEC

/* Sent to the CPU that the timer is to go to. */
static void virtback_xen_look_here(void *data)
{
	struct virtback_xen_guest *guest = data;

	if (!READ_ONCE(guest->look_stop))
		hrtimer_start(&guest->look, ns_to_ktime(VIRTBACK_DROP_EVERY),
			      HRTIMER_MODE_REL_PINNED);
	/* Pairs with virtback_xen_look_stop(). */
	smp_store_release(&guest->look_moves, false);
}

/* To the next CPU; false when there is none. The timer must not be touched any more then. */
static bool virtback_xen_look_move(struct virtback_xen_guest *guest)
{
	unsigned int here = smp_processor_id(), cpu = cpumask_next(here, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	if (cpu == here)
		return false;
	WRITE_ONCE(guest->look_moves, true);
	if (!smp_call_function_single_async(cpu, &guest->look_move))
		return true;
	WRITE_ONCE(guest->look_moves, false);
	return false;
}

static enum hrtimer_restart virtback_xen_look(struct hrtimer *timer)
{
	struct virtback_xen_guest *guest = container_of(timer, struct virtback_xen_guest, look);
	u64 start = local_clock();
	bool more;

	if (virtback_xen_guest_alive(guest)) {
		hrtimer_forward_now(timer, ns_to_ktime(VIRTBACK_LOOK_EVERY));
		return HRTIMER_RESTART;
	}
	if (!READ_ONCE(guest->dead))
		virtback_xen_bury();
	more = virtback_xen_cache_drop(&guest->cache, start + VIRTBACK_DROP_NS);
	hrtimer_forward_now(timer, ns_to_ktime(more ? VIRTBACK_DROP_EVERY : VIRTBACK_LOOK_EVERY));
	/*
	 * Each page waits for Xen's lock of the domain's pages, which the CPU that destroys the
	 * domain has but for when it is interrupted: there this takes no time.
	 */
	if (local_clock() - start > 2 * VIRTBACK_DROP_NS && virtback_xen_look_move(guest))
		return HRTIMER_NORESTART;
	return HRTIMER_RESTART;
}

/**
 * virtback_xen_look_start() - look at a guest from now on
 * @guest: guest, connected
 *
 * Process context. Until virtback_xen_look_stop().
 */
void virtback_xen_look_start(struct virtback_xen_guest *guest)
{
	INIT_CSD(&guest->look_move, virtback_xen_look_here, guest);
	hrtimer_setup(&guest->look, virtback_xen_look, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&guest->look, ns_to_ktime(VIRTBACK_LOOK_EVERY), HRTIMER_MODE_REL_PINNED);
}

/**
 * virtback_xen_look_stop() - look at a guest no more
 * @guest: guest
 *
 * May sleep.
 */
void virtback_xen_look_stop(struct virtback_xen_guest *guest)
{
	/* Read in virtback_xen_look_here(), which may be on its way. */
	WRITE_ONCE(guest->look_stop, true);
	hrtimer_cancel(&guest->look);
	/* Pairs with the release there: what it started is seen, and is the last. */
	smp_cond_load_acquire(&guest->look_moves, !VAL);
	hrtimer_cancel(&guest->look);
}
