// SPDX-License-Identifier: GPL-2.0
/*
 * A look at each guest's domain, now and then: is it being destroyed?
 *
 * @releaseDomain comes when Xen has taken the domain's memory, which what is mapped of it here
 * delays: after each interrupt of the CPU that asked for it, Xen begins anew with the pages
 * that are still in use, so with many of them it may never come to the end
 * (relinquish_memory()). That CPU does nothing else meanwhile but interrupts: no thread, not
 * even RCU, and on kernels before 6.5 no softirq either once ksoftirqd has been woken. It may
 * be the only CPU. So the memory goes before the devices, and in a timer's interrupt: of the
 * timers of all guests on a CPU no more than one does so at a time. (With PREEMPT_RT it is a
 * softirq as any, since locks that are taken there sleep: it must not become
 * HRTIMER_MODE_*_HARD.)
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/percpu.h>
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

/* How much later it is for who has had its turn than for who waits for it, on the same CPU. */
#define VIRTBACK_DROP_TURN	(10 * NSEC_PER_USEC)

/* There is no more unmapping on the CPU until then, ktime_get(). Of its timers' interrupts. */
static DEFINE_PER_CPU(ktime_t, virtback_xen_look_pause);

/* Added to look_moves, by which no more begin. */
#define VIRTBACK_LOOK_STOP	INT_MIN

/* Sent to the CPU that the timer is to go to. */
static void virtback_xen_look_here(void *data)
{
	struct virtback_xen_guest *guest = data;

	/*
	 * It stays where it is when the callback that sent this is yet to return. A CPU that goes
	 * down comes here after its timers have gone: then the reaper has to do.
	 */
	if (cpu_online(smp_processor_id()))
		hrtimer_start(&guest->look, ns_to_ktime(VIRTBACK_DROP_EVERY),
			      HRTIMER_MODE_REL_PINNED);
	/* The last access: pairs with virtback_xen_look_stop(). */
	atomic_dec_return_release(&guest->look_moves);
}

/*
 * To the next CPU, isolated or not, since any may be the one that destroys. True when the
 * timer is started there and must not be touched any more; false when it stays here.
 */
static bool virtback_xen_look_move(struct virtback_xen_guest *guest)
{
	unsigned int here, cpu;
	bool moves = false;

	/* With PREEMPT_RT: who waits for the count may run here, and for ever. */
	here = get_cpu();
	cpu = cpumask_next(here, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	/* There may be an earlier one: it has started the timer, and not come to its end. */
	if (cpu != here && atomic_inc_unless_negative(&guest->look_moves)) {
		moves = !smp_call_function_single_async(cpu, &guest->look_move);
		if (!moves)
			atomic_dec(&guest->look_moves);
	}
	put_cpu();
	return moves;
}

/*
 * So long after the end of a callback, however long that took: there is always as much time
 * for all else on the CPU.
 */
static void virtback_xen_look_in(struct hrtimer *timer, u64 ns)
{
	hrtimer_set_expires(timer, ktime_add_ns(ktime_get(), ns));
}

/* Unmap for a while, as soon as it is the guest's turn; how long until the next look? */
static u64 virtback_xen_look_drop(struct virtback_xen_guest *guest, u64 start)
{
	ktime_t *pause = this_cpu_ptr(&virtback_xen_look_pause), now = ktime_get();
	bool more;

	if (ktime_before(now, *pause))
		return ktime_to_ns(ktime_sub(*pause, now));
	more = virtback_xen_cache_drop(&guest->cache, start + VIRTBACK_DROP_NS);
	*pause = ktime_add_ns(ktime_get(), VIRTBACK_DROP_EVERY);
	return more ? VIRTBACK_DROP_EVERY + VIRTBACK_DROP_TURN : VIRTBACK_LOOK_EVERY;
}

static enum hrtimer_restart virtback_xen_look(struct hrtimer *timer)
{
	struct virtback_xen_guest *guest = container_of(timer, struct virtback_xen_guest, look);
	u64 start = local_clock();

	if (virtback_xen_guest_alive(guest)) {
		virtback_xen_look_in(timer, VIRTBACK_LOOK_EVERY);
		return HRTIMER_RESTART;
	}
	if (!READ_ONCE(guest->dead))
		virtback_xen_bury_soon();
	virtback_xen_look_in(timer, virtback_xen_look_drop(guest, start));
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
 * Process context. Waits for other CPUs, no longer than their interrupts are off.
 */
void virtback_xen_look_stop(struct virtback_xen_guest *guest)
{
	atomic_add(VIRTBACK_LOOK_STOP, &guest->look_moves);
	/* Pairs with the release in virtback_xen_look_here(): all starts are seen. */
	atomic_cond_read_acquire(&guest->look_moves, VAL == VIRTBACK_LOOK_STOP);
	hrtimer_cancel(&guest->look);
}
