// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a virtqueue: made with its device, started and stopped by the
 * driver. What its worker does meanwhile is in serve.c.
 */
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include <virtback/device.h>

#include "core.h"

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
 * Held while the stocks of a queue are made: what is free is looked at and taken in one step,
 * or queues that are set up at the same time would take together what each alone leaves.
 */
DEFINE_MUTEX(virtback_stock_lock);

static bool virtback_vq_has_stock(const struct virtback_vq *vq)
{
	return vq->pages.free && vq->pieces.free && vq->keep.free &&
	       (vq->ahead || !vq->vd->copies);
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
static int virtback_vq_make_stock(struct virtback_vq *vq)
{
	int ret = 0;

	lockdep_assert_held(&virtback_stock_lock);
	if (!vq->pages.free && !virtback_stock_fits(si_mem_available(), totalram_pages()))
		return -ENOMEM;
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
	if (!ret && vq->vd->copies && !vq->ahead)
		ret = virtback_ahead_init(vq);
	return ret;
}

static int virtback_vq_stock(struct virtback_vq *vq)
{
	unsigned int noio;
	int ret;

	if (virtback_vq_has_stock(vq))
		return 0;
	/*
	 * A vCPU waits, and other guests for the lock: to make room by I/O could need a disk
	 * that is this guest's own.
	 */
	noio = memalloc_noio_save();
	mutex_lock(&virtback_stock_lock);
	ret = virtback_vq_make_stock(vq);
	mutex_unlock(&virtback_stock_lock);
	memalloc_noio_restore(noio);
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

/**
 * virtback_vq_drop_done() - drop what has ended and only waits for its turn (IN_ORDER)
 * @vq: queue
 *
 * It has nobody else to end it. Called with vq->lock held.
 */
void virtback_vq_drop_done(struct virtback_vq *vq)
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
	/* Idle: a disk that hangs is none of the kernel's tasks that do. */
	wait_event_idle(vq->drained, !virtback_vq_inflight(vq));
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
	init_waitqueue_head(&vq->drained);
	virtback_serve_init(vq);
	virtback_ack_init(vq);
	virtback_place_init(vq);
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
	virtback_ahead_destroy(vq);
	virtback_pool_destroy_objects(&vq->keep);
	virtback_pool_destroy_objects(&vq->pieces);
	virtback_pool_destroy_pages(&vq->pages);
	kvfree(vq->reqs);
	kvfree(vq->sg);
	kfree(vq->table);
}
