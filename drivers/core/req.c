// SPDX-License-Identifier: GPL-2.0
/*
 * What a device type does with a request: pin the guest's buffers, complete it,
 * or ask for another pass.
 *
 * A request is live until its queue is stopped (reset, QueueReady = 0, removal);
 * from then on it is an orphan: its disk I/O may still run, on the module's own
 * pages, but nothing of the guest is touched any more. Who owns the pins at that
 * moment is settled by RCU: a completion looks at the epoch and uses the pins in
 * one read-side section, the stop changes the epoch and waits for all sections
 * to end before it unpins.
 */
#include <linux/bug.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <virtback/device.h>

#include <trace/events/virtback.h>

#include "core.h"

/**
 * virtback_req_unpin() - unpin the pieces of a list and empty it
 * @req: live request, or an orphan with vq->lock held
 * @list: its @data or @status
 *
 * Any context.
 */
void virtback_req_unpin(struct virtback_req *req, struct virtback_pieces *list)
{
	struct virtback_vq *vq = req->vq;
	struct virtback_piece *p = list->head;

	if (!p)
		return;
	list->head = NULL;
	virtback_pieces_unpin(vq->vd, p);
	/* Most have one. */
	if (unlikely(p->next))
		virtback_pool_put_pieces(&vq->pieces, p->next);
}

/* A piece for the end of a list. Most have one, and nobody to share it with. */
static struct virtback_piece *virtback_req_piece(struct virtback_req *req,
						 const struct virtback_pieces *list)
{
	if (list->head)
		return virtback_pool_get(&req->vq->pieces);
	return list == &req->data ? &req->first_data : &req->first_status;
}

/**
 * virtback_req_pin() - pin the next @len bytes of a buffer list
 * @req: request being prepared or resumed
 * @list: its @data or @status; the pieces are added at the end
 * @it: position, passes the bytes
 * @len: bytes, at most it->left
 * @write: the device will write them
 *
 * Context of prepare(), may sleep.
 *
 * Return: 0, -ENOSPC when the queue has no
 * more pieces (VIRTBACK_STALL), -EFAULT when it is not guest memory. What was
 * pinned before an error stays on @list.
 */
int virtback_req_pin(struct virtback_req *req, struct virtback_pieces *list,
		     struct virtback_iter *it, u32 len, bool write)
{
	struct virtback_vq *vq = req->vq;
	struct virtback_piece *p;
	int ret;

	lockdep_assert_held(&vq->ring_lock);
	while (len) {
		p = virtback_req_piece(req, list);
		if (!p)
			return -ENOSPC;
		ret = virtback_iter_pin(vq, it, len, write, p);
		if (ret) {
			if (list->head)
				virtback_pool_put(&vq->pieces, p);
			return ret;
		}
		p->next = NULL;
		if (list->head)
			list->tail->next = p;
		else
			list->head = p;
		list->tail = p;
		len -= p->len;
	}
	return 0;
}

/**
 * virtback_req_pin_both() - pin a byte, and by the way what is right before it
 * @req: request being prepared
 * @list: its @data or @status, empty; receives one piece, of which the byte is the last
 * @last: position of the byte, which the device will write
 * @it: position of what is to be read, passes it
 * @len: bytes, at most it->left
 *
 * Drivers have a request's header and its status byte in one structure, so that one pin
 * does for both. Where that is not so nothing is changed, and the caller does one after
 * the other. Context of prepare(), may sleep.
 *
 * Return: where the @len bytes are, to be copied once; NULL when nothing was done.
 */
const void *virtback_req_pin_both(struct virtback_req *req, struct virtback_pieces *list,
				  const struct virtback_iter *last, struct virtback_iter *it,
				  u32 len)
{
	struct virtback_piece *p = virtback_req_piece(req, list);
	u64 addr = it->sg->addr + it->off;
	struct virtback_vq *vq = req->vq;

	lockdep_assert_held(&vq->ring_lock);
	if (vq->vd->copies || it->sg->len - it->off < len ||
	    last->sg->addr + last->off != addr + len)
		return NULL;
	if (vq->vd->host->pin(vq->vd, addr, len + 1, true, p))
		return NULL;
	if (p->len <= len) {
		virtback_piece_unpin(vq->vd, p);
		return NULL;
	}
	p->next = NULL;
	list->head = p;
	list->tail = p;
	virtback_iter_step(it, len);
	return p->va;
}

/**
 * virtback_req_keep() - keep a buffer list beyond prepare()
 * @req: request being prepared, keeps nothing yet
 * @it: position; points into storage of the request afterwards
 *
 * The chain given to prepare() is in storage of the queue that serves the next
 * chain; this copies what is left of it. The copy lives until the request is
 * completed, or given back by virtback_req_unkeep().
 *
 * Context of prepare().
 *
 * Return: 0, or -ENOSPC when the queue has no more such storage (VIRTBACK_STALL).
 */
int virtback_req_keep(struct virtback_req *req, struct virtback_iter *it)
{
	req->kept = virtback_pool_get(&req->vq->keep);
	if (!req->kept)
		return -ENOSPC;
	memcpy(req->kept, it->sg, it->nr * sizeof(*it->sg));
	it->sg = req->kept;
	return 0;
}

/**
 * virtback_req_unkeep() - undo virtback_req_keep(), if it was called
 * @req: request
 *
 * Any context.
 */
void virtback_req_unkeep(struct virtback_req *req)
{
	if (req->kept)
		virtback_pool_put(&req->vq->keep, req->kept);
	req->kept = NULL;
}

/**
 * virtback_req_retire() - a request is not in flight any more
 * @req: request without pins
 *
 * Called with vq->lock held, in any context.
 */
void virtback_req_retire(struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;

	lockdep_assert_held(&vq->lock);
	/* On the list with IN_ORDER alone. */
	if (!list_empty(&req->inflight))
		list_del_init(&req->inflight);
	req->dma = false;
	if (!vq->idle)
		vq->idle_tail = req;
	req->idle = vq->idle;
	vq->idle = req;
	virtback_add_once(vq->nr_retired, 1);
	/* Nobody waits, as a rule. Pairs with wait_event(): queued, barrier, then read. */
	if (!virtback_vq_inflight(vq) && wq_has_sleeper(&vq->drained))
		wake_up(&vq->drained);
}

/*
 * An orphan has ended. Called with vq->lock held; true when it was the last of
 * the device.
 */
static bool virtback_req_drop(struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;

	/*
	 * Between the change of the epoch and virtback_vq_stop()'s walk: after
	 * this the walk does not see the request any more, and its next use must
	 * not find the pins.
	 */
	virtback_req_unpin(req, &req->data);
	virtback_req_unpin(req, &req->status);
	virtback_req_retire(req);
	vq->stats.dropped++;
	vq->nr_orphans--;
	return atomic_dec_and_test(&vq->vd->orphans);
}

static void virtback_req_push(struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;

	vq->ring->push(vq, req, req->written);
	vq->stats.completed++;
	virtback_req_retire(req);
}

/*
 * In the order in which they were taken, which is that of the inflight list: a
 * request that has ended waits for those before it. Returns how many went.
 */
static unsigned int virtback_req_push_in_order(struct virtback_vq *vq)
{
	struct virtback_req *req;
	unsigned int n = 0;

	while ((req = list_first_entry_or_null(&vq->inflight, struct virtback_req, inflight)) &&
	       req->done) {
		virtback_req_push(req);
		n++;
	}
	return n;
}

/* A live request has ended. Called with vq->lock held; returns how many were published. */
static unsigned int virtback_req_end(struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;

	req->done = true;
	if (vq->in_order)
		return virtback_req_push_in_order(vq);
	virtback_req_push(req);
	return 1;
}

/* @n requests were published. Called with vq->lock held; does the driver want an interrupt? */
static bool virtback_vq_want_irq(struct virtback_vq *vq, unsigned int n)
{
	bool irq;

	if (!n)
		return false;
	irq = vq->ring->want_irq(vq);
	vq->stats.irqs += irq;
	vq->stats.irqs_saved += n - irq;
	return irq;
}

/* Put the piece of a list in front of @all, to be unpinned with these; several are now. */
static struct virtback_piece *virtback_req_let_go(struct virtback_req *req,
						  struct virtback_pieces *list,
						  struct virtback_piece *all)
{
	struct virtback_piece *p = list->head;

	if (!p)
		return all;
	if (unlikely(p->next)) {
		virtback_req_unpin(req, list);
		return all;
	}
	list->head = NULL;
	p->next = all;
	return p;
}

/* Let go of what requests have pinned that have ended. Under RCU. */
static void virtback_vq_unpin_ended(struct virtback_vq *vq, struct virtback_req *const reqs[],
				    unsigned int nr, u64 now)
{
	struct virtback_piece *all = NULL;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct virtback_req *req = reqs[i];

		if (!virtback_req_live(req))
			continue;
		all = virtback_req_let_go(req, &req->data, all);
		all = virtback_req_let_go(req, &req->status, all);
		virtback_latency_add(&vq->latency[VIRTBACK_LATENCY_COMPLETE], req->submitted, now);
	}
	/* Before the used elements hand the buffers back to the driver. */
	if (all)
		virtback_pieces_unpin(vq->vd, all);
}

/* End @nr requests of a queue. Any context. */
static void virtback_vq_end(struct virtback_vq *vq, struct virtback_req *const reqs[],
			    unsigned int nr)
{
	struct virtback_device *vd = vq->vd;
	bool irq, last_orphan = false, again;
	u64 now = virtback_latency_now();
	unsigned int i, n = 0;
	unsigned long flags;

	/*
	 * The unlocked parts below use the queue after the waiter for its last
	 * request may have been woken; virtback_device_drain() waits for RCU.
	 */
	rcu_read_lock();
	virtback_vq_unpin_ended(vq, reqs, nr, now);

	spin_lock_irqsave(&vq->lock, flags);
	/* Those that went may be used again as soon as the lock is free. */
	for (i = 0; i < nr; i++) {
		if (reqs[i]->epoch == vq->epoch)
			n += virtback_req_end(reqs[i]);
		else
			last_orphan |= virtback_req_drop(reqs[i]);
	}
	irq = virtback_vq_want_irq(vq, n);
	again = vq->stalled;
	vq->stalled = false;
	if (READ_ONCE(vd->poll_us))
		again |= virtback_poll_completed(vq);
	spin_unlock_irqrestore(&vq->lock, flags);

	if (irq && virtback_device_interrupt(vd, VIRTIO_MMIO_INT_VRING)) {
		atomic_long_inc(&vq->irqs_sent);
		virtback_latency_add(&vq->latency[VIRTBACK_LATENCY_INTERRUPT], now,
				     virtback_latency_now());
		virtback_ack_expect(vq);
	}
	if (last_orphan) {
		wake_up(&vd->orphans_gone);
		virtback_device_wake(vd);
	} else if (again) {
		virtback_vq_wake(vq);
	}
	rcu_read_unlock();
}

/**
 * virtback_vq_collect() - publish together what ends in here
 * @vq: queue
 *
 * Until virtback_vq_publish() what this task completes waits for that, or for a few more.
 * For a disk that answers while it is asked; one that answers later does so elsewhere.
 * Called by the worker, where nothing makes it wait for long in between.
 */
void virtback_vq_collect(struct virtback_vq *vq)
{
	/* Pairs with virtback_vq_collects(), which is only interested in its own task. */
	WRITE_ONCE(vq->collector, current);
}

/* An interrupt may come to the worker's task, and has nothing to do with it. */
static bool virtback_vq_collects(const struct virtback_vq *vq)
{
	return READ_ONCE(vq->collector) == current && in_task();
}

static void virtback_vq_end_collected(struct virtback_vq *vq)
{
	unsigned int nr = vq->nr_ended;

	vq->nr_ended = 0;
	virtback_vq_end(vq, vq->ended, nr);
}

/**
 * virtback_vq_publish() - undo virtback_vq_collect()
 * @vq: queue
 *
 * Called by the worker.
 */
void virtback_vq_publish(struct virtback_vq *vq)
{
	WRITE_ONCE(vq->collector, NULL);
	if (vq->nr_ended)
		virtback_vq_end_collected(vq);
}

/**
 * virtback_req_complete() - end a request
 * @req: request, which is not the caller's any more
 * @written: bytes of the guest's memory that the device wrote
 *
 * Unpins, publishes the used element and interrupts if the driver wants it; of
 * an orphan it does none of these. With IN_ORDER what comes before it is published
 * first, so this may have to wait for the completion of that. Any context; within
 * the RCU read-side section in which the guest's memory was last used, or in the
 * worker.
 */
void virtback_req_complete(struct virtback_req *req, u32 written)
{
	struct virtback_vq *vq = req->vq;

	trace_virtback_request_complete(req, written);
	/* The driver must not get back what is mapped. */
	WARN_ON_ONCE(req->borrowed);
	virtback_req_unkeep(req);
	req->written = written;
	if (!virtback_vq_collects(vq)) {
		virtback_vq_end(vq, &req, 1);
		return;
	}
	vq->ended[vq->nr_ended++] = req;
	/* The driver may go on with some while the rest is copied. */
	if (vq->nr_ended == VIRTBACK_ENDS)
		virtback_vq_end_collected(vq);
}

/**
 * virtback_req_resume() - ask for another pass of a request
 * @req: request whose current pass has ended
 *
 * The worker will call the type's resume(), or give the request to submit() when it
 * has become an orphan. The data of the pass is unpinned; unless vd->copies, when
 * nothing is pinned and resume() may have to copy it. What was borrowed is given back
 * before. Any context; within the RCU read-side section in which the guest's memory was
 * last used.
 */
void virtback_req_resume(struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;
	unsigned long flags;

	rcu_read_lock();
	if (!vq->vd->copies && virtback_req_live(req))
		virtback_req_unpin(req, &req->data);
	spin_lock_irqsave(&vq->lock, flags);
	req->stored = false;
	if (!req->borrowed)
		req->dma = false;
	list_add_tail(&req->batch, &vq->resume);
	vq->stalled = false;
	spin_unlock_irqrestore(&vq->lock, flags);
	virtback_vq_wake(vq);
	rcu_read_unlock();
}
