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
#include <linux/sched.h>
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

/**
 * virtback_ack_wait() - stay until the driver has acknowledged its interrupt, if one is
 *			 expected to do so soon
 * @vq: queue
 *
 * Called by the worker without locks. Lets others run that want the processor, and ends
 * when there is something to do.
 */
void virtback_ack_wait(struct virtback_vq *vq)
{
	struct virtback_ack *a = &vq->ack;
	unsigned int n = 0;
	u64 end;

	/* Pairs with virtback_ack_expect(). */
	if (!READ_ONCE(a->expected))
		return;
	WRITE_ONCE(a->expected, false);
	/* A guess, as is where the driver's next access will be handled. */
	if (READ_ONCE(vq->kick_cpu) != raw_smp_processor_id())
		return;
	end = ktime_get_ns() + a->limit;
	while (virtback_ack_due(vq)) {
		if (!list_empty(&vq->work.node))
			return;
		cpu_relax();
		if (++n % VIRTBACK_ACK_SPIN)
			continue;
		cond_resched();
		if (ktime_get_ns() < end)
			continue;
		a->missed = min(2 * a->missed + 1, VIRTBACK_ACK_SKIP_MAX);
		WRITE_ONCE(a->skip, a->missed);
		return;
	}
	a->missed = 0;
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
