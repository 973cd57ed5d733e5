// SPDX-License-Identifier: GPL-2.0
/*
 * A virtqueue at work: notified by its driver, served by a thread of its own.
 *
 * The worker alternates between two steps. In the first it holds ring_lock,
 * reads the ring and copies from the guest, but never waits for a disk. In the
 * second it submits, holding nothing. So whoever needs the worker out of the
 * guest's memory takes ring_lock and waits for a short time only, whatever the
 * disk does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include <virtback/device.h>

#include <trace/events/virtback.h>

#include "core.h"

/*
 * Requests between two looks at ring_lock, and the time after which no further one is
 * begun: both bound how long a stop waits.
 */
#define VIRTBACK_BATCH		32
#define VIRTBACK_HOLD_NS	NSEC_PER_MSEC

/* For each buffer, which may have to be mapped however short it is: as if so many bytes more. */
#define VIRTBACK_BUFFER_COST	SZ_1K

/* Between two looks at borrowed pages that are still in use. */
#define VIRTBACK_LOOK_AGAIN	msecs_to_jiffies(10)

/**
 * virtback_vq_wake() - let the worker look at the queue
 * @vq: queue
 *
 * Any context.
 */
void virtback_vq_wake(struct virtback_vq *vq)
{
	kthread_queue_work(vq->worker, &vq->work);
}

/**
 * virtback_vq_kick() - the driver wrote QueueNotify
 * @vq: queue
 * @now: virtback_latency_now()
 *
 * Any context. A queue that is not ready is left alone: its driver has broken
 * the rules or is gone.
 */
void virtback_vq_kick(struct virtback_vq *vq, u64 now)
{
	trace_virtback_kick(vq);
	atomic_long_inc(&vq->kicks);
	if (!READ_ONCE(vq->ready))
		return;
	/* Pairs with virtback_vq_kicked(). */
	if (!READ_ONCE(vq->kicked))
		WRITE_ONCE(vq->kicked, now);
	virtback_place_kicked(vq);
	virtback_vq_wake(vq);
}

/**
 * virtback_vq_runnable() - may chains be taken?
 * @vq: queue
 *
 * Called with ring_lock held, so that a stop is seen.
 *
 * Return: true when its driver runs it and nobody has to wait for it to rest
 */
bool virtback_vq_runnable(const struct virtback_vq *vq)
{
	return READ_ONCE(vq->ready) && virtback_device_running(vq->vd) &&
	       /* Pairs with virtback_device_unpause(). */
	       !smp_load_acquire(&vq->vd->paused) && !atomic_read(&vq->vd->orphans);
}

/*
 * Called when a request or pages ran out. The first time it arms the wake-up by
 * the next completion and asks for another try, since one may have come before.
 */
static bool virtback_vq_stall(struct virtback_vq *vq)
{
	bool again;

	spin_lock_irq(&vq->lock);
	again = !vq->stalled;
	vq->stalled = true;
	if (again)
		vq->stats.stalls++;
	spin_unlock_irq(&vq->lock);
	return again;
}

/*
 * All that are idle, for the worker, and those first that were used last: what they are
 * is in its caches. Called with ring_lock and vq->lock held.
 */
static void virtback_vq_take_idle(struct virtback_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	if (!vq->idle)
		return;
	vq->idle_tail->idle = vq->spare;
	vq->spare = vq->idle;
	vq->idle = NULL;
}

/**
 * virtback_vq_get_req() - take an idle request
 * @vq: queue
 *
 * Called with ring_lock held.
 *
 * Return: a request, or NULL when all are in flight.
 */
struct virtback_req *virtback_vq_get_req(struct virtback_vq *vq)
{
	struct virtback_req *req;

	if (!vq->spare) {
		spin_lock_irq(&vq->lock);
		virtback_vq_take_idle(vq);
		spin_unlock_irq(&vq->lock);
	}
	req = vq->spare;
	lockdep_assert_held(&vq->ring_lock);
	if (!req)
		return NULL;
	vq->spare = req->idle;
	virtback_add_once(vq->nr_taken, 1);
	/* Only changed with ring_lock held. */
	req->epoch = vq->epoch;
	req->done = false;
	req->head = NULL;
	req->submitted = 0;
	if (vq->in_order) {
		spin_lock_irq(&vq->lock);
		list_add_tail(&req->inflight, &vq->inflight);
		spin_unlock_irq(&vq->lock);
	}
	return req;
}

/**
 * virtback_vq_put_req() - undo virtback_vq_get_req(): no chain came of it
 * @vq: queue
 * @req: request; what it has pinned and keeps is given back
 *
 * Called with ring_lock held.
 */
void virtback_vq_put_req(struct virtback_vq *vq, struct virtback_req *req)
{
	virtback_req_unkeep(req);
	req->dma = false;
	virtback_req_unpin(req, &req->data);
	virtback_req_unpin(req, &req->status);
	spin_lock_irq(&vq->lock);
	virtback_req_retire(req);
	spin_unlock_irq(&vq->lock);
}

/* A request that cannot be answered, and with it those that waited for its turn. */
static void virtback_vq_break(struct virtback_vq *vq, struct virtback_req *req)
{
	virtback_vq_put_req(vq, req);
	spin_lock_irq(&vq->lock);
	virtback_vq_drop_done(vq);
	spin_unlock_irq(&vq->lock);
	virtback_device_break(vq->vd, "broken request");
}

/*
 * Take resumed requests that can go on now, at most a batch, and give back what they
 * borrowed, all at once. Returns how many were looked at.
 */
static unsigned int virtback_vq_take_resumed(struct virtback_vq *vq, struct list_head *reqs)
{
	struct virtback_req *req, *next;
	unsigned int n = 0;

	spin_lock_irq(&vq->lock);
	list_for_each_entry_safe(req, next, &vq->resume, batch) {
		if (n++ == VIRTBACK_BATCH)
			break;
		list_move_tail(&req->batch, reqs);
	}
	spin_unlock_irq(&vq->lock);

	list_for_each_entry_safe(req, next, reqs, batch) {
		if (virtback_req_busy(req))
			list_move_tail(&req->batch, &vq->busy);
	}
	/* Not put off by those that come later. */
	if (!list_empty(&vq->busy))
		timer_reduce(&vq->look_again, jiffies + VIRTBACK_LOOK_AGAIN);
	virtback_give_back(vq, reqs);
	return n;
}

/* Those that are not tried now come first the next time. */
static bool virtback_vq_put_off(struct virtback_vq *vq, struct list_head *reqs)
{
	if (list_empty(reqs))
		return false;
	spin_lock_irq(&vq->lock);
	list_splice_init(reqs, &vq->resume);
	spin_unlock_irq(&vq->lock);
	return true;
}

/*
 * Go on with resumed requests, at least one, for as long as others may wait; those that have
 * to wait are put on @stalled. Also with those behind one that broke the device: they have
 * nobody else to end them, and who pauses the device waits for them. True when there are more.
 */
static bool virtback_vq_resume_some(struct virtback_vq *vq, struct list_head *batch,
				    struct list_head *stalled, u64 end)
{
	struct virtback_req *req;
	LIST_HEAD(reqs);
	LIST_HEAD(rest);
	bool more, together;

	more = virtback_vq_take_resumed(vq, &reqs) > VIRTBACK_BATCH;
	if (list_empty(&reqs))
		return more;
	together = vq->vd->copies && virtback_together_store(vq, &reqs, &rest);
	if (together)
		virtback_vq_collect(vq);
	while (!list_empty(&reqs)) {
		enum virtback_prepare what = VIRTBACK_SUBMIT;
		bool copied;

		req = list_first_entry(&reqs, struct virtback_req, batch);
		copied = req->stored;
		list_del(&req->batch);
		if (virtback_req_live(req))
			what = vq->vd->type->resume(req);
		switch (what) {
		case VIRTBACK_SUBMIT:
			list_add_tail(&req->batch, batch);
			break;
		case VIRTBACK_STALL:
			list_add_tail(&req->batch, stalled);
			break;
		case VIRTBACK_BROKEN:
			/* Those that ended before it do not wait for its turn. */
			virtback_vq_publish(vq);
			virtback_vq_break(vq, req);
			break;
		case VIRTBACK_DONE:
			break;
		}
		/* As with chains. What was copied before and has ended took no time. */
		if (!list_empty(&reqs) &&
		    (virtback_turn_over(vq) ||
		     (!(copied && what == VIRTBACK_DONE) && ktime_get_ns() > end)))
			break;
	}
	if (together)
		virtback_vq_publish(vq);
	list_splice_init(&reqs, &rest);
	return virtback_vq_put_off(vq, &rest) || more;
}

/**
 * enum virtback_resumed - what became of the resumed requests
 * @VIRTBACK_RESUMED_ALL: none is left
 * @VIRTBACK_RESUMED_SOME: there are more than may be served at once
 * @VIRTBACK_RESUMED_WAIT: some have to wait for a completion
 */
enum virtback_resumed {
	VIRTBACK_RESUMED_ALL,
	VIRTBACK_RESUMED_SOME,
	VIRTBACK_RESUMED_WAIT,
};

/*
 * Next passes first: they hold resources, and those behind one that has to wait may
 * hold what it waits for. So @stalled is kept until all were tried. Most requests have
 * one pass, and this on its own leaves the way of these more registers.
 */
static noinline enum virtback_resumed virtback_vq_gather_resumed(struct virtback_vq *vq,
								 struct list_head *batch,
								 struct list_head *stalled, u64 end)
{
	for (;;) {
		if (virtback_vq_resume_some(vq, batch, stalled, end))
			return VIRTBACK_RESUMED_SOME;
		if (list_empty(stalled))
			return VIRTBACK_RESUMED_ALL;
		spin_lock_irq(&vq->lock);
		list_splice_init(stalled, &vq->resume);
		spin_unlock_irq(&vq->lock);
		if (!virtback_vq_stall(vq))
			return VIRTBACK_RESUMED_WAIT;
	}
}

/* What @chain takes, as VIRTBACK_UNTIMED counts it. Of one that nobody has used yet. */
static u64 virtback_chain_cost(const struct virtback_chain *chain)
{
	return chain->out.left + chain->in.left +
	       (u64)(chain->out.nr + chain->in.nr) * VIRTBACK_BUFFER_COST;
}

/*
 * One chain, whose cost is added to @cost: true when another may follow, false when the
 * worker can rest.
 */
static bool virtback_vq_gather_one(struct virtback_vq *vq, struct list_head *batch, u64 *cost)
{
	struct virtback_chain *chain = &vq->chain;
	struct virtback_req *req = NULL;
	int ret;

	if (vq->ahead)
		ret = virtback_ahead_next(vq, &chain, &req, cost);
	else
		ret = vq->ring->pop(vq, chain);
	if (ret < 0) {
		virtback_device_break(vq->vd, "broken ring");
		return false;
	}
	if (!ret) {
		if (virtback_poll_empty(vq, !list_empty(batch)) || !vq->ring->notify_on(vq))
			return false;
		vq->ring->notify_off(vq);
		return true;
	}
	if (vq->poll.since)
		virtback_poll_chain(vq);
	*cost += virtback_chain_cost(chain);

	if (!req)
		req = virtback_vq_get_req(vq);
	if (!req) {
		vq->ring->unpop(vq, chain);
		return virtback_vq_stall(vq);
	}
	req->id = chain->id;
	req->ndesc = chain->ndesc;
	trace_virtback_request_start(req, chain);
	switch (vq->vd->type->prepare(req, chain)) {
	case VIRTBACK_SUBMIT:
		list_add_tail(&req->batch, batch);
		fallthrough;
	case VIRTBACK_DONE:
		virtback_add_once(vq->stats.requests, 1);
		return true;
	case VIRTBACK_STALL:
		/* The last one first. */
		if (vq->ahead)
			virtback_ahead_drop(vq);
		vq->ring->unpop(vq, chain);
		virtback_vq_put_req(vq, req);
		return virtback_vq_stall(vq);
	case VIRTBACK_BROKEN:
		break;
	}
	virtback_vq_break(vq, req);
	return false;
}

/* Chains, for as long as others may wait. True when there may be more. */
static bool virtback_vq_gather_chains(struct virtback_vq *vq, struct list_head *batch, u64 end)
{
	unsigned int n;
	u64 cost = 0;

	for (n = 0; n < VIRTBACK_BATCH; n++) {
		if (!virtback_vq_gather_one(vq, batch, &cost))
			return false;
		/* Other guests' workers wait for no more than a request of this one. */
		if (virtback_turn_over(vq))
			break;
		/* The clock costs as much as to find a buffer. */
		if (cost < VIRTBACK_UNTIMED)
			continue;
		cost = 0;
		if (ktime_get_ns() > end)
			break;
	}
	return true;
}

/*
 * What came from completions since the worker looked. True when some requests are to be
 * resumed; others that are, later, wake the worker.
 */
static bool virtback_vq_take_ended(struct virtback_vq *vq, bool first)
{
	bool resumed;

	spin_lock_irq(&vq->lock);
	/*
	 * Once, not in each step: what takes longer than a step may and stalls would be
	 * tried for ever.
	 */
	if (first)
		vq->stalled = false;
	/* No sooner, or more of them than a batch would have the worker look without end. */
	if (!timer_pending(&vq->look_again))
		list_splice_tail_init(&vq->busy, &vq->resume);
	virtback_vq_take_idle(vq);
	resumed = !list_empty(&vq->resume);
	spin_unlock_irq(&vq->lock);
	return resumed;
}

/*
 * The first step of the worker. True when it should come back, soon if it has not yet
 * tried all of those that have to wait, @stalled.
 */
static bool virtback_vq_gather(struct virtback_vq *vq, struct list_head *batch,
			       struct list_head *stalled, bool first)
{
	u64 end = ktime_get_ns() + VIRTBACK_HOLD_NS;
	enum virtback_resumed resumed = VIRTBACK_RESUMED_ALL;
	bool more;

	lockdep_assert_held(&vq->ring_lock);
	vq->poll.wait = false;
	if (virtback_vq_take_ended(vq, first))
		resumed = virtback_vq_gather_resumed(vq, batch, stalled, end);
	if (resumed != VIRTBACK_RESUMED_ALL)
		return resumed == VIRTBACK_RESUMED_SOME;
	if (!virtback_vq_runnable(vq))
		return false;
	vq->ring->notify_off(vq);
	more = virtback_vq_gather_chains(vq, batch, end);
	/* Those that others had to wait for. */
	if (vq->ahead)
		virtback_ahead_drop(vq);
	return more;
}

/* When the kick came that announced what is gathered next; 0 when there was none. */
static u64 virtback_vq_kicked(struct virtback_vq *vq)
{
	/* Pairs with virtback_vq_kick(). */
	u64 kicked = READ_ONCE(vq->kicked);

	if (kicked)
		WRITE_ONCE(vq->kicked, 0);
	return kicked;
}

/* A batch is about to be submitted; @kicked as above. */
static void virtback_vq_measure(struct virtback_vq *vq, struct list_head *batch, u64 kicked)
{
	u64 now = virtback_latency_now();
	struct virtback_req *req;

	if (!now)
		return;
	virtback_latency_add(&vq->latency[VIRTBACK_LATENCY_SUBMIT], kicked, now);
	list_for_each_entry(req, batch, batch) {
		if (!req->submitted)
			req->submitted = now;
	}
}

static void virtback_vq_work(struct kthread_work *work)
{
	struct virtback_vq *vq = container_of(work, struct virtback_vq, work);
	unsigned int noio = memalloc_noio_save();
	bool more, first = true;
	LIST_HEAD(stalled);
	LIST_HEAD(batch);
	u64 kicked = 0;

	WRITE_ONCE(vq->poll.running, true);
	virtback_place(vq);
	virtback_turn_begin(vq);
	do {
		if (!kicked)
			kicked = virtback_vq_kicked(vq);
		virtback_share_ran(vq);
		mutex_lock(&vq->ring_lock);
		more = virtback_vq_gather(vq, &batch, &stalled, first);
		first = false;
		virtback_window_close(vq);
		mutex_unlock(&vq->ring_lock);
		if (!list_empty(&batch)) {
			virtback_vq_measure(vq, &batch, kicked);
			kicked = 0;
			vq->vd->type->submit(vq, &batch);
			INIT_LIST_HEAD(&batch);
		}
		/*
		 * As long as its driver keeps it at work a worker never sleeps, and who
		 * takes a trampoline of ftrace or BPF away waits for all tasks to.
		 */
		cond_resched_tasks_rcu_qs();
		if (virtback_turn_over(vq))
			virtback_turn_end(vq);
		if (vq->poll.wait && list_empty(&work->node)) {
			virtback_poll_wait(vq);
			/* What comes now comes without a kick, or with one of its own. */
			kicked = 0;
			more = true;
		}
	} while (more);
	virtback_ack_wait(vq);
	WRITE_ONCE(vq->poll.running, false);
	memalloc_noio_restore(noio);
}

static void virtback_vq_look_again(struct timer_list *t)
{
	virtback_vq_wake(container_of(t, struct virtback_vq, look_again));
}

/**
 * virtback_serve_init() - a queue that has a worker to come
 * @vq: queue that is being made
 */
void virtback_serve_init(struct virtback_vq *vq)
{
	timer_setup(&vq->look_again, virtback_vq_look_again, 0);
	kthread_init_work(&vq->work, virtback_vq_work);
}
