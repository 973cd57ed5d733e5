// SPDX-License-Identifier: GPL-2.0
/*
 * Busy waiting of a queue's worker. A driver that has to notify its device traps, and
 * a processor that went idle has to wake up; both cost more than most requests. So
 * a worker whose ring is empty looks on for a while, with notifications off, if it
 * learnt that the driver comes back soon.
 *
 * It learns two averages of how long the driver takes: with nothing in flight (from
 * the last completion, a driver that waits for its request cannot come before), and
 * with something in flight. Times are measured whether it looked on or slept, so
 * both can rise above the limit and come back.
 *
 * All state is the worker's own, whether it holds ring_lock or not, but for @idle_since,
 * and what others read as a hint.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include <virtback/device.h>

#include "core.h"

/* Looks between two calls of cond_resched_tasks_rcu_qs() and of the clock. */
#define VIRTBACK_POLL_SPIN	16

/* Of each new sample 1/4: three short gaps begin it, three long ones end it. */
#define VIRTBACK_POLL_WEIGHT	4

static u64 virtback_poll_limit(const struct virtback_vq *vq)
{
	return (u64)READ_ONCE(vq->vd->poll_us) * NSEC_PER_USEC;
}

/* A gap counts no more than twice the limit, so that one pause is soon forgotten. */
static void virtback_poll_learn(struct virtback_vq *vq, bool busy, u64 gap, u64 limit)
{
	u64 avg = min(vq->poll.gap[busy], 2 * limit);

	gap = min(gap, 2 * limit);
	/* Pairs with virtback_poll_completed(). */
	WRITE_ONCE(vq->poll.gap[busy],
		   (avg * (VIRTBACK_POLL_WEIGHT - 1) + gap) / VIRTBACK_POLL_WEIGHT);
}

/* Called when the ring is empty, whether for the first time or again. */
static void virtback_poll_rest(struct virtback_vq *vq, u64 now, u64 limit)
{
	struct virtback_poll *p = &vq->poll;
	bool busy = virtback_vq_inflight(vq);
	u64 idle_since;

	if (!p->since) {
		p->since = now;
		p->busy = busy;
	}
	if (!p->busy || busy)
		return;
	/* The last request ended before the driver sent another. */
	virtback_poll_learn(vq, true, U64_MAX, limit);
	/* Pairs with virtback_poll_completed(). */
	idle_since = READ_ONCE(p->idle_since);
	p->since = max(p->since, idle_since);
	p->busy = false;
}

/* Is it still worth while? */
static bool virtback_poll_on(struct virtback_vq *vq, u64 now, u64 limit)
{
	virtback_poll_rest(vq, now, limit);
	return vq->poll.gap[vq->poll.busy] < limit && now < vq->poll.since + limit;
}

/**
 * virtback_poll_empty() - the ring is empty
 * @vq: queue
 * @unsent: there are requests to submit, which may end at once: it is too early to
 *	    say what the driver waits for
 *
 * Called with ring_lock held.
 *
 * Return: true when virtback_poll_wait() is to come before notifications are
 * turned on
 */
bool virtback_poll_empty(struct virtback_vq *vq, bool unsent)
{
	u64 limit = virtback_poll_limit(vq);
	struct virtback_poll *p = &vq->poll;

	lockdep_assert_held(&vq->ring_lock);
	p->wait = limit && (unsent || virtback_poll_on(vq, ktime_get_ns(), limit));
	if (!p->wait && p->polled) {
		p->polled = false;
		virtback_add_once(vq->stats.poll_misses, 1);
	}
	return p->wait;
}

/**
 * virtback_poll_chain() - the driver has sent a chain
 * @vq: queue whose poll.since is not 0: it was waited for
 *
 * Called with ring_lock held.
 */
void virtback_poll_chain(struct virtback_vq *vq)
{
	struct virtback_poll *p = &vq->poll;
	u64 limit, now;

	lockdep_assert_held(&vq->ring_lock);
	limit = virtback_poll_limit(vq);
	now = ktime_get_ns();
	virtback_poll_rest(vq, now, limit);
	virtback_poll_learn(vq, p->busy, now - min(now, p->since), limit);
	p->since = 0;
	if (p->polled) {
		p->polled = false;
		virtback_add_once(vq->stats.poll_hits, 1);
	}
}

/* One look, true to look on. */
static bool virtback_poll_look(struct virtback_vq *vq)
{
	bool on;

	/* A pass to resume, or somebody who wants the worker. */
	if (!list_empty(&vq->work.node))
		return false;
	mutex_lock(&vq->ring_lock);
	on = virtback_vq_runnable(vq) && !vq->ring->pending(vq);
	mutex_unlock(&vq->ring_lock);
	return on;
}

/**
 * virtback_poll_wait() - look on until there is something to do, or for long enough
 * @vq: queue
 *
 * Called by the worker without locks, after virtback_poll_empty(). Lets others run
 * that want the processor.
 */
void virtback_poll_wait(struct virtback_vq *vq)
{
	u64 begin = ktime_get_ns();
	unsigned int n = 0;

	if (!virtback_poll_on(vq, begin, virtback_poll_limit(vq)))
		return;
	vq->poll.polled = true;
	while (virtback_poll_look(vq)) {
		virtback_ack_wait(vq);
		cpu_relax();
		if (++n % VIRTBACK_POLL_SPIN)
			continue;
		/* As virtback_vq_work(): a driver can keep us here for good. */
		cond_resched_tasks_rcu_qs();
		if (virtback_turn_over(vq))
			virtback_turn_end(vq);
		if (!virtback_poll_on(vq, ktime_get_ns(), virtback_poll_limit(vq)))
			break;
	}
	virtback_add_once(vq->stats.poll_ns, ktime_get_ns() - begin);
}

/**
 * virtback_poll_completed() - a request has ended
 * @vq: queue
 *
 * Called with vq->lock held, in any context.
 *
 * Return: true when the worker is to be woken: its driver is expected at once
 */
bool virtback_poll_completed(struct virtback_vq *vq)
{
	u64 limit = virtback_poll_limit(vq);

	if (!limit || virtback_vq_inflight(vq))
		return false;
	/* Pairs with virtback_poll_rest(). */
	WRITE_ONCE(vq->poll.idle_since, ktime_get_ns());
	/* A guess; the worker, which may be here itself, sees it soon enough. */
	return !READ_ONCE(vq->poll.running) && READ_ONCE(vq->poll.gap[false]) < limit;
}
