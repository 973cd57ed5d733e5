// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a virtqueue: made with its device, started and stopped by the
 * driver, served by a thread of its own.
 *
 * The worker alternates between two steps. In the first it holds ring_lock,
 * reads the ring and copies from the guest, but never waits for a disk. In the
 * second it submits, holding nothing. So whoever needs the worker out of the
 * guest's memory takes ring_lock and waits for a short time only, whatever the
 * disk does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <virtback/device.h>

#include <trace/events/virtback.h>

#include "core.h"

/*
 * Requests between two looks at ring_lock, and the time after which no further one is
 * begun: both bound how long a stop waits.
 */
#define VIRTBACK_BATCH		32
#define VIRTBACK_HOLD_NS	NSEC_PER_MSEC

/*
 * What chains may cost between two looks at the clock: bytes moved, and for each buffer,
 * which may have to be mapped however short it is, as if so many more were.
 */
#define VIRTBACK_UNTIMED	SZ_16K
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
	/* Pairs with virtback_ack_wait(). */
	WRITE_ONCE(vq->kick_cpu, raw_smp_processor_id());
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

static struct virtback_req *virtback_vq_get_req(struct virtback_vq *vq)
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
	req->submitted = 0;
	if (vq->in_order) {
		spin_lock_irq(&vq->lock);
		list_add_tail(&req->inflight, &vq->inflight);
		spin_unlock_irq(&vq->lock);
	}
	return req;
}

/* Undo virtback_vq_get_req(): no chain came of it. */
static void virtback_vq_put_req(struct virtback_vq *vq, struct virtback_req *req)
{
	virtback_req_unkeep(req);
	req->dma = false;
	virtback_req_unpin(req, &req->data);
	virtback_req_unpin(req, &req->status);
	spin_lock_irq(&vq->lock);
	virtback_req_retire(req);
	spin_unlock_irq(&vq->lock);
}

/*
 * What has ended and only waits for its turn (IN_ORDER) has nobody else to end it.
 * Called with vq->lock held.
 */
static void virtback_vq_drop_done(struct virtback_vq *vq)
{
	struct virtback_req *req, *next;

	lockdep_assert_held(&vq->lock);
	list_for_each_entry_safe(req, next, &vq->inflight, inflight) {
		if (req->done) {
			virtback_req_retire(req);
			vq->stats.dropped++;
		}
	}
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

/*
 * Go on with resumed requests; those that have to wait are put on @stalled. Also with
 * those behind one that broke the device: they have nobody else to end them, and who
 * pauses the device waits for them. True when there are more.
 */
static bool virtback_vq_resume_some(struct virtback_vq *vq, struct list_head *batch,
				    struct list_head *stalled)
{
	struct virtback_req *req, *next;
	LIST_HEAD(reqs);
	bool more;

	more = virtback_vq_take_resumed(vq, &reqs) > VIRTBACK_BATCH;
	list_for_each_entry_safe(req, next, &reqs, batch) {
		enum virtback_prepare what = VIRTBACK_SUBMIT;

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
			virtback_vq_break(vq, req);
			break;
		case VIRTBACK_DONE:
			break;
		}
	}
	return more;
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
 * hold what it waits for. So @stalled is kept until all were tried.
 */
static enum virtback_resumed virtback_vq_gather_resumed(struct virtback_vq *vq,
							struct list_head *batch,
							struct list_head *stalled)
{
	for (;;) {
		if (virtback_vq_resume_some(vq, batch, stalled))
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
	struct virtback_req *req;
	int ret;

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
		vq->ring->unpop(vq, chain);
		virtback_vq_put_req(vq, req);
		return virtback_vq_stall(vq);
	case VIRTBACK_BROKEN:
		break;
	}
	virtback_vq_break(vq, req);
	return false;
}

/*
 * The first step of the worker. True when it should come back, soon if it has not yet
 * tried all of those that have to wait, @stalled.
 */
static bool virtback_vq_gather(struct virtback_vq *vq, struct list_head *batch,
			       struct list_head *stalled)
{
	u64 end = ktime_get_ns() + VIRTBACK_HOLD_NS;
	enum virtback_resumed resumed;
	unsigned int n;
	u64 cost = 0;

	lockdep_assert_held(&vq->ring_lock);
	spin_lock_irq(&vq->lock);
	/* No sooner, or more of them than a batch would have the worker look without end. */
	if (!timer_pending(&vq->look_again))
		list_splice_tail_init(&vq->busy, &vq->resume);
	virtback_vq_take_idle(vq);
	spin_unlock_irq(&vq->lock);
	vq->poll.wait = false;

	resumed = virtback_vq_gather_resumed(vq, batch, stalled);
	if (resumed != VIRTBACK_RESUMED_ALL)
		return resumed == VIRTBACK_RESUMED_SOME;
	if (!virtback_vq_runnable(vq))
		return false;
	vq->ring->notify_off(vq);
	for (n = 0; n < VIRTBACK_BATCH; n++) {
		if (!virtback_vq_gather_one(vq, batch, &cost))
			return false;
		/* Other guests' workers wait for no more than a request of this one. */
		if (need_resched())
			break;
		/* The clock costs as much as to find a buffer, but little where hosts copy. */
		if (!vq->vd->copies && cost < VIRTBACK_UNTIMED)
			continue;
		cost = 0;
		if (ktime_get_ns() > end)
			break;
	}
	return true;
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
	LIST_HEAD(stalled);
	LIST_HEAD(batch);
	u64 kicked = 0;
	bool more;

	WRITE_ONCE(vq->poll.running, true);
	/*
	 * Once, not in each step: what takes longer than a step may and stalls would be
	 * tried for ever.
	 */
	spin_lock_irq(&vq->lock);
	vq->stalled = false;
	spin_unlock_irq(&vq->lock);
	do {
		if (!kicked)
			kicked = virtback_vq_kicked(vq);
		virtback_share_ran(vq);
		mutex_lock(&vq->ring_lock);
		more = virtback_vq_gather(vq, &batch, &stalled);
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

/* How many requests it can have in flight. */
static unsigned int virtback_vq_reqs(const struct virtback_vq *vq)
{
	return min_t(unsigned int, vq->num_max, VIRTBACK_REQS_MAX);
}

static struct virtback_req *virtback_vq_req(const struct virtback_vq *vq, unsigned int i)
{
	return vq->reqs + i * vq->req_size;
}

/*
 * The stocks that requests live on, which are nearly all of the memory that a queue takes and
 * of the time that it takes to make one: so a device, or a queue, that no driver
 * uses has none. They are kept until the queue is destroyed, since orphans may have of them,
 * and a driver that starts anew (after a suspend, say) must not depend on free memory.
 *
 * A pass has at most one piece a page and one more a buffer; requests between two passes
 * keep that of their status, which is their own. So one pass always fits when no other is
 * on its way, and a stall always ends.
 */
static int virtback_vq_stock(struct virtback_vq *vq)
{
	int ret = 0;

	if (!vq->pages.free)
		ret = virtback_pool_init_pages(&vq->pages, VIRTBACK_POOL_PAGES);
	if (!ret && !vq->pieces.free)
		/* Without those that each request brings along, its two. */
		ret = virtback_pool_init_objects(&vq->pieces,
						 vq->max_pins - 2 * virtback_vq_reqs(vq),
						 sizeof(struct virtback_piece));
	if (!ret && !vq->keep.free)
		ret = virtback_pool_init_objects(&vq->keep, VIRTBACK_KEEP_REQS,
						 vq->chain_max * sizeof(struct virtback_sg));
	return ret;
}

/**
 * virtback_vq_start() - QueueReady = 1: map the ring and serve it
 * @vq: queue; num and the addresses are set
 *
 * Called with vd->lock held, may sleep; the first time it allocates what requests need.
 *
 * Return: 0 or -errno, then the queue is
 * not ready.
 */
int virtback_vq_start(struct virtback_vq *vq)
{
	u64 features = vq->vd->features;
	int ret;

	lockdep_assert_held(&vq->vd->lock);
	ret = virtback_vq_stock(vq);
	if (ret)
		return ret;
	mutex_lock(&vq->ring_lock);
	vq->ring = features & BIT_ULL(VIRTIO_F_RING_PACKED) ? &virtback_packed_ops :
							      &virtback_split_ops;
	vq->in_order = features & BIT_ULL(VIRTIO_F_IN_ORDER);
	vq->event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	vq->indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	ret = vq->ring->map(vq);
	if (!ret)
		WRITE_ONCE(vq->ready, true);
	mutex_unlock(&vq->ring_lock);
	return ret;
}

/* Orphan everything in flight. Called with ring_lock held. */
static void virtback_vq_orphan(struct virtback_vq *vq)
{
	spin_lock_irq(&vq->lock);
	virtback_vq_drop_done(vq);
	atomic_add(virtback_vq_inflight(vq) - vq->nr_orphans, &vq->vd->orphans);
	vq->nr_orphans = virtback_vq_inflight(vq);
	/* Pairs with virtback_req_live(). */
	WRITE_ONCE(vq->epoch, vq->epoch + 1);
	spin_unlock_irq(&vq->lock);
}

/**
 * virtback_vq_stop_begin() - take no more chains and orphan what is in flight
 * @vq: queue
 *
 * Called with vd->lock held, may sleep.
 *
 * Return: true when the queue was ready: virtback_vq_stop_finish() is then due,
 * after synchronize_rcu_expedited(), which several queues may share and which lets
 * completions that saw the old epoch copy and publish.
 */
bool virtback_vq_stop_begin(struct virtback_vq *vq)
{
	lockdep_assert_held(&vq->vd->lock);
	if (!vq->ready)
		return false;

	mutex_lock(&vq->ring_lock);
	/* Pairs with virtback_ack_stay(). */
	WRITE_ONCE(vq->ready, false);
	virtback_vq_orphan(vq);
	mutex_unlock(&vq->ring_lock);
	vq->stopping = true;
	return true;
}

/**
 * virtback_vq_stop_finish() - let go of the guest's memory
 * @vq: queue; nothing happens when virtback_vq_stop_begin() did nothing
 *
 * When this returns nothing of the guest's memory is in use any more, whatever
 * the disk does. Called with vd->lock held, may sleep.
 */
void virtback_vq_stop_finish(struct virtback_vq *vq)
{
	unsigned int i;

	lockdep_assert_held(&vq->vd->lock);
	if (!vq->stopping)
		return;
	vq->stopping = false;

	spin_lock_irq(&vq->lock);
	/* What is not in flight has nothing pinned; what is, has been orphaned. */
	for (i = 0; vq->nr_orphans && i < virtback_vq_reqs(vq); i++) {
		struct virtback_req *req = virtback_vq_req(vq, i);

		if (!req->dma)
			virtback_req_unpin(req, &req->data);
		virtback_req_unpin(req, &req->status);
	}
	spin_unlock_irq(&vq->lock);
	vq->ring->unmap(vq);
	/* Orphans that wait for their next pass have only the worker to end them. */
	virtback_vq_wake(vq);
}

/**
 * virtback_vq_forget() - give a queue's registers their initial values
 * @vq: stopped queue
 *
 * Called with vd->lock held.
 */
void virtback_vq_forget(struct virtback_vq *vq)
{
	lockdep_assert_held(&vq->vd->lock);
	vq->num = 0;
	vq->desc_addr = 0;
	vq->driver_addr = 0;
	vq->device_addr = 0;
}

/**
 * virtback_vq_stop() - the driver takes its queue back
 * @vq: queue; nothing happens when it is not ready
 *
 * When this returns nothing of the guest's memory is in use any more, whatever
 * the disk does; requests in flight have become orphans. As virtback_device_reset()
 * it waits for a disk that accesses that memory (dma=direct), no longer than
 * reset_timeout_ms. Called with vd->lock held, may sleep.
 */
void virtback_vq_stop(struct virtback_vq *vq)
{
	if (!virtback_vq_stop_begin(vq))
		return;
	synchronize_rcu_expedited();
	virtback_vq_stop_finish(vq);
	virtback_device_settle(vq->vd);
}

/**
 * virtback_vq_drain() - wait until no request is in flight
 * @vq: stopped queue
 *
 * The last completion may still be on its way out of virtback_req_complete(), in
 * an RCU read-side section. Waits for the disk, without bound. May sleep.
 */
void virtback_vq_drain(struct virtback_vq *vq)
{
	wait_event(vq->drained, !virtback_vq_inflight(vq));
}

/**
 * virtback_vq_quiet() - wait until a paused queue has nothing on its way
 * @vq: queue of a device whose paused is set
 *
 * Waits for the disk, but can be killed, and ends when the device leaves. May
 * sleep; no lock that a register access needs may be held.
 *
 * Return: 0, then the worker is done with what is behind the device, and all
 * completions are after a grace period of RCU; -ERESTARTSYS when killed, -ENODEV when
 * the device is being removed
 */
int virtback_vq_quiet(struct virtback_vq *vq)
{
	int err;

	/* A worker that did not see the pause has taken its last batch. */
	mutex_lock(&vq->ring_lock);
	mutex_unlock(&vq->ring_lock);
	/* Pairs with virtback_device_leave(). */
	err = wait_event_killable(vq->drained, !virtback_vq_inflight(vq) ||
				  READ_ONCE(vq->vd->leaving));
	if (err)
		return err;
	if (virtback_vq_inflight(vq))
		return -ENODEV;
	/* It may still be on its way out of submit(). */
	kthread_flush_work(&vq->work);
	return 0;
}

/**
 * virtback_vq_init() - make a queue
 * @vq: zeroed
 * @vd: its device; vd->type is set
 * @index: its number
 * @num_max: QueueNumMax of packed rings, 1 to 32768
 *
 * May sleep.
 *
 * Return: 0 or -errno; virtback_vq_destroy() is right in both cases.
 */
int virtback_vq_init(struct virtback_vq *vq, struct virtback_device *vd, u16 index, u16 num_max)
{
	struct virtback_req *req;
	enum virtback_latency_stage stage;
	unsigned int i, nr_reqs;
	int ret;

	vq->vd = vd;
	vq->index = index;
	vq->num_max = num_max;
	vq->chain_max = clamp_t(u16, num_max, VIRTBACK_CHAIN_MIN, VIRTBACK_CHAIN_MAX);
	nr_reqs = virtback_vq_reqs(vq);
	vq->req_size = ALIGN(sizeof(struct virtback_req) + vd->type->req_size, sizeof(u64));
	/* As many pieces as there can be, those that requests bring along with them. */
	vq->max_pins = 2 * VIRTBACK_POOL_PAGES + 2 * vq->chain_max + nr_reqs;
	vq->ring = &virtback_split_ops;
	mutex_init(&vq->ring_lock);
	spin_lock_init(&vq->lock);
	INIT_LIST_HEAD(&vq->inflight);
	INIT_LIST_HEAD(&vq->resume);
	INIT_LIST_HEAD(&vq->busy);
	INIT_LIST_HEAD(&vq->ended);
	timer_setup(&vq->look_again, virtback_vq_look_again, 0);
	init_waitqueue_head(&vq->drained);
	kthread_init_work(&vq->work, virtback_vq_work);
	virtback_ack_init(vq);
	virtback_share_init(vq);
	vq->poll.gap[false] = U64_MAX;
	vq->poll.gap[true] = U64_MAX;

	vq->sg = kvcalloc(vq->chain_max, sizeof(*vq->sg), GFP_KERNEL);
	vq->reqs = kvcalloc(nr_reqs, vq->req_size, GFP_KERNEL);
	vq->table_len = max_t(u32, PAGE_SIZE, vq->chain_max * VIRTBACK_DESC_SIZE);
	vq->table = kmalloc(vq->table_len, GFP_KERNEL);
	if (!vq->sg || !vq->reqs || !vq->table)
		return -ENOMEM;
	for (i = 0; i < nr_reqs; i++) {
		req = virtback_vq_req(vq, i);
		req->vq = vq;
		INIT_LIST_HEAD(&req->inflight);
		req->idle = vq->spare;
		vq->spare = req;
	}

	if (vd->type->nr_counters) {
		vq->counters = __alloc_percpu(vd->type->nr_counters * sizeof(u64),
					      __alignof__(u64));
		if (!vq->counters)
			return -ENOMEM;
	}
	for (stage = VIRTBACK_LATENCY_SUBMIT; stage < VIRTBACK_LATENCY_NR; stage++) {
		ret = virtback_latency_init(&vq->latency[stage]);
		if (ret)
			return ret;
	}
	vq->worker = kthread_create_worker(0, "vb-%s/%u", vd->name, index);
	if (IS_ERR(vq->worker)) {
		ret = PTR_ERR(vq->worker);
		vq->worker = NULL;
		return ret;
	}
	return 0;
}

/**
 * virtback_vq_destroy() - undo virtback_vq_init()
 * @vq: drained, or never started
 *
 * May sleep.
 */
void virtback_vq_destroy(struct virtback_vq *vq)
{
	enum virtback_latency_stage stage;

	/* With nothing in flight nobody sets it again. */
	if (vq->worker)
		timer_delete_sync(&vq->look_again);
	if (vq->worker)
		kthread_destroy_worker(vq->worker);
	for (stage = VIRTBACK_LATENCY_SUBMIT; stage < VIRTBACK_LATENCY_NR; stage++)
		virtback_latency_destroy(&vq->latency[stage]);
	free_percpu(vq->counters);
	virtback_pool_destroy_objects(&vq->keep);
	virtback_pool_destroy_objects(&vq->pieces);
	virtback_pool_destroy_pages(&vq->pages);
	kvfree(vq->reqs);
	kvfree(vq->sg);
	kfree(vq->table);
}
