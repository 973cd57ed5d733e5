// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for the acknowledgment of an interrupt. A driver answers each with two
 * accesses, one soon after the other. A processor that has gone idle in between has to
 * be woken for both, which costs more than to stay awake, and the driver waits for it.
 *
 * So the worker of the queue that interrupted stays for a moment, unless its processor
 * is not the one that the driver's accesses wake. If no acknowledgment comes in that
 * time (the vCPU may be waiting for this very processor), as many interrupts go by
 * without as it takes to make that cheap. A driver that never acknowledges costs next
 * to nothing.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/smp.h>
#include <linux/virtio_mmio.h>

#include <virtback/device.h>

#include "core.h"

/* Enough for the bench, where guest and dom0 take turns; a board has to be measured. */
#define VIRTBACK_ACK_NS		(100 * NSEC_PER_USEC)

/* Looks between two calls of cond_resched() and of the clock. */
#define VIRTBACK_ACK_SPIN	16

/* Interrupts at most that go by after one for which it waited in vain. */
#define VIRTBACK_ACK_SKIP_MAX	63

static bool virtback_ack_due(const struct virtback_vq *vq)
{
	return atomic_read(&vq->vd->isr) & VIRTIO_MMIO_INT_VRING;
}

/**
 * virtback_ack_expect() - the driver was interrupted
 * @vq: queue that it was for
 *
 * Any context. Several at once may count as one.
 */
void virtback_ack_expect(struct virtback_vq *vq)
{
	struct virtback_ack *a = &vq->ack;
	unsigned int skip = READ_ONCE(a->skip);

	if (skip) {
		WRITE_ONCE(a->skip, skip - 1);
		return;
	}
	/* Pairs with virtback_ack_wait(). */
	WRITE_ONCE(a->expected, true);
	/* A worker that is on its way out misses it, and nothing else. */
	if (!READ_ONCE(vq->poll.running))
		kthread_queue_work(vq->worker, &a->work);
}

/* A chain that came without a notification, or somebody who wants the ring. */
static bool virtback_ack_chain(struct virtback_vq *vq)
{
	bool chain;

	if (!vq->poll.wait)
		return false;
	if (!mutex_trylock(&vq->ring_lock))
		return true;
	chain = !virtback_vq_runnable(vq) || vq->ring->pending(vq);
	mutex_unlock(&vq->ring_lock);
	return chain;
}

/**
 * enum virtback_ack_end - why the worker stops looking
 * @VIRTBACK_ACK_CAME: the driver has acknowledged its interrupt
 * @VIRTBACK_ACK_BUSY: there is something else to do
 * @VIRTBACK_ACK_LATE: it took too long
 * @VIRTBACK_ACK_OTHERS: somebody else wants the processor, or is to answer
 * @VIRTBACK_ACK_RESCHED: the scheduler wants to be called, nobody else to run
 */
enum virtback_ack_end {
	VIRTBACK_ACK_CAME,
	VIRTBACK_ACK_BUSY,
	VIRTBACK_ACK_LATE,
	VIRTBACK_ACK_OTHERS,
	VIRTBACK_ACK_RESCHED,
};

static enum virtback_ack_end virtback_ack_look(struct virtback_vq *vq, void *watch, u64 end)
{
	struct virtback_device *vd = vq->vd;
	unsigned int n = 0;

	while (virtback_ack_due(vq)) {
		if (!list_empty(&vq->work.node))
			return VIRTBACK_ACK_BUSY;
		/* A thread that is to answer may weigh less, and would wait until this ends. */
		if (watch && vd->host->look(vd, watch))
			return VIRTBACK_ACK_OTHERS;
		cpu_relax();
		if (++n % VIRTBACK_ACK_SPIN)
			continue;
		if (virtback_ack_chain(vq))
			return VIRTBACK_ACK_BUSY;
		if (ktime_get_ns() >= end)
			return VIRTBACK_ACK_LATE;
		/* Asked here: once preemption is enabled others may have come and gone. */
		if (need_resched())
			return single_task_running() ? VIRTBACK_ACK_RESCHED : VIRTBACK_ACK_OTHERS;
	}
	return VIRTBACK_ACK_CAME;
}

/*
 * Who watches must not be put off the processor, so this ends when somebody else wants it.
 * Nor may the host have gone: a removal stops the queue, and then waits for RCU, as which
 * disabled preemption counts, before the host lets go of what it watches with.
 */
static enum virtback_ack_end virtback_ack_stay(struct virtback_vq *vq, u64 end)
{
	enum virtback_ack_end why = VIRTBACK_ACK_BUSY;
	struct virtback_device *vd = vq->vd;
	void *watch = NULL;

	preempt_disable();
	/* Pairs with virtback_vq_stop_begin(). */
	if (!READ_ONCE(vq->ready))
		goto out;
	if (vd->host->watch)
		watch = vd->host->watch(vd);
	/* If not, where the driver's accesses are handled is a guess. */
	if (watch || READ_ONCE(vq->kick_cpu) == smp_processor_id())
		why = virtback_ack_look(vq, watch, end);
	if (watch)
		vd->host->unwatch(vd, watch);
out:
	preempt_enable();
	return why;
}

/**
 * virtback_ack_wait() - stay until the driver has acknowledged its interrupt, if one is
 *			 expected to do so soon
 * @vq: queue
 *
 * Called by the worker without locks. Ends when there is something to do, and when others
 * want the processor: a worker that lets them have it while it looks on has no claim to it
 * when the driver's answer comes, one that sleeps is woken with one. Who only waits in line
 * is not seen: what single_task_running() says includes tasks that have gone to sleep
 * (EEVDF's delayed dequeue). They wait for a->limit at most.
 */
void virtback_ack_wait(struct virtback_vq *vq)
{
	struct virtback_ack *a = &vq->ack;
	enum virtback_ack_end why;
	u64 end;

	/* Pairs with virtback_ack_expect(). */
	if (!READ_ONCE(a->expected))
		return;
	WRITE_ONCE(a->expected, false);
	end = ktime_get_ns() + a->limit;
	/* RCU may want that. */
	while ((why = virtback_ack_stay(vq, end)) == VIRTBACK_ACK_RESCHED)
		cond_resched();
	switch (why) {
	case VIRTBACK_ACK_CAME:
		a->missed = 0;
		break;
	case VIRTBACK_ACK_LATE:
		a->missed = min(2 * a->missed + 1, VIRTBACK_ACK_SKIP_MAX);
		WRITE_ONCE(a->skip, a->missed);
		break;
	default:
		break;
	}
}

static void virtback_ack_work(struct kthread_work *work)
{
	virtback_ack_wait(container_of(work, struct virtback_vq, ack.work));
}

/**
 * virtback_ack_init() - expect nothing
 * @vq: queue that is being made
 */
void virtback_ack_init(struct virtback_vq *vq)
{
	kthread_init_work(&vq->ack.work, virtback_ack_work);
	vq->ack.limit = VIRTBACK_ACK_NS;
}
