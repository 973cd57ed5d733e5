// SPDX-License-Identifier: GPL-2.0
/*
 * Register accesses: what happens between a vCPU's trap and its answer. The vCPU
 * stops until its slot is answered, so an answer comes before any work that the
 * access sets off.
 */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/rt.h>
#include <linux/virtio_mmio.h>

#include <virtback/count.h>
#include <virtback/mmio.h>

#include "event.h"
#include "xen.h"

/* A tenth of what others weigh (sched(7)), for all vCPUs of a guest together. */
#define VIRTBACK_TRAP_NICE	10

/**
 * virtback_xen_dev_put() - drop a use of an attached device
 * @xd: device
 *
 * Any context.
 */
void virtback_xen_dev_put(struct virtback_xen_dev *xd)
{
	if (refcount_dec_and_test(&xd->users))
		complete(&xd->idle);
}

/* The device with the address, within one RCU read-side section. */
static struct virtback_xen_dev *virtback_xen_dev_find(struct virtback_xen_guest *guest, u64 addr)
{
	struct virtback_xen_dev *xd;

	list_for_each_entry_rcu(xd, &guest->devs, link) {
		if (addr - xd->base < VIRTBACK_WINDOW_SIZE)
			return xd;
	}
	return NULL;
}

static struct virtback_access virtback_xen_access(const struct virtback_xen_dev *xd,
						  const struct virtback_xen_vcpu *vcpu)
{
	const struct virtback_slot_req *req = &vcpu->req;

	return (struct virtback_access){
		.data = req->data,
		.offset = req->addr - xd->base,
		.size = req->size,
		.write = req->write,
		.start = vcpu->start,
	};
}

/*
 * Answer the request, ask for the next event, let the vCPU go, in this order: it
 * may trap again at once, and then the event must find its channel unmasked.
 * Nothing of @vcpu may be used afterwards but what never changes.
 */
static void virtback_xen_answer(struct virtback_xen_vcpu *vcpu)
{
	bool event = vcpu->event;

	/* Pairs with virtback_xen_trap_look(). Before the vCPU may trap again. */
	WRITE_ONCE(vcpu->left, false);
	virtback_slot_finish(vcpu->slot, &vcpu->req);
	if (event)
		xen_irq_lateeoi(vcpu->irq, 0);
	notify_remote_via_evtchn(vcpu->port);
}

/* Has the guest had its share of this processor's interrupt context in this tick? */
static bool virtback_xen_over_budget(struct virtback_xen_guest *guest)
{
	/*
	 * With PREEMPT_RT handlers are threads: a wrong processor's share does no harm, and
	 * nobody is idle, so the smaller budget holds.
	 */
	return virtback_budget_over(raw_cpu_ptr(guest->budget), jiffies, is_idle_task(current));
}

/* An access to a window: true when it was answered, false when the thread is to. */
static bool virtback_xen_trap_access(struct virtback_xen_vcpu *vcpu)
{
	struct virtback_slot_req *req = &vcpu->req;
	struct virtback_access access;
	struct virtback_xen_dev *xd;
	bool done = true;

	rcu_read_lock();
	xd = virtback_xen_dev_find(vcpu->guest, req->addr);
	if (xd) {
		access = virtback_xen_access(xd, vcpu);
		/* Pairs with virtback_xen_trap_watch(). */
		if (access.offset == VIRTIO_MMIO_INTERRUPT_ACK &&
		    READ_ONCE(xd->acks) != vcpu)
			WRITE_ONCE(xd->acks, vcpu);
		if (virtback_mmio_fast(xd->vd, &access)) {
			req->data = access.data;
			virtback_xen_answer(vcpu);
			virtback_mmio_finish(xd->vd, &access);
			goto unlock;
		}
		/* Being detached counts as no device. */
		if (refcount_inc_not_zero(&xd->users)) {
			virtback_add_once(vcpu->slow_traps, 1);
			vcpu->slow = xd;
			done = false;
			goto unlock;
		}
	}
	virtback_add_once(vcpu->strays, 1);
	req->data = ~0ULL;
	virtback_xen_answer(vcpu);
unlock:
	rcu_read_unlock();
	return done;
}

/* Do what the vCPU asked for: true when that is done, false when the thread is to. */
static bool virtback_xen_serve(struct virtback_xen_vcpu *vcpu, bool event)
{
	vcpu->event = event;
	vcpu->start = virtback_latency_now();
	virtback_add_once(vcpu->traps, 1);
	virtback_add_once(vcpu->watched, !event);
	switch (vcpu->req.kind) {
	case VIRTBACK_SLOT_ACCESS:
		return virtback_xen_trap_access(vcpu);
	case VIRTBACK_SLOT_INVALIDATE:
		virtback_add_once(vcpu->invalidations, 1);
		virtback_xen_cache_invalidate(&vcpu->guest->cache);
		break;
	case VIRTBACK_SLOT_BAD:
		virtback_add_once(vcpu->bad, 1);
		break;
	}
	virtback_xen_answer(vcpu);
	return true;
}

/* The thread is to answer. Who watches should know, or it would wait for the watch's end. */
static irqreturn_t virtback_xen_leave(struct virtback_xen_vcpu *vcpu)
{
	/* Pairs with virtback_xen_trap_look(). */
	WRITE_ONCE(vcpu->left, true);
	return IRQ_WAKE_THREAD;
}

/**
 * virtback_xen_trap() - a vCPU has trapped: the handler of its interrupt
 * @irq: interrupt
 * @data: &struct virtback_xen_vcpu
 *
 * Hard interrupt context; a thread with PREEMPT_RT, see VIRTBACK_XEN_TRAP_FLAGS.
 *
 * Return: IRQ_WAKE_THREAD when virtback_xen_trap_thread() is to answer
 */
irqreturn_t virtback_xen_trap(int irq, void *data)
{
	struct virtback_xen_vcpu *vcpu = data;
	struct virtback_xen_guest *guest = vcpu->guest;
	u64 start = local_clock();
	bool done;

	/*
	 * Each binding raises its event once for nothing, and who watches may have been
	 * here first. Not a spurious one: no guest can send it, and that flag would
	 * delay the vCPU's next trap.
	 */
	if (!virtback_slot_take(vcpu->slot, &vcpu->req)) {
		xen_irq_lateeoi(irq, 0);
		return IRQ_HANDLED;
	}
	if (virtback_xen_over_budget(guest)) {
		virtback_add_once(vcpu->throttled, 1);
		vcpu->slow = NULL;
		return virtback_xen_leave(vcpu);
	}
	done = virtback_xen_serve(vcpu, true);
	virtback_budget_use(raw_cpu_ptr(guest->budget), local_clock() - start);
	return done ? IRQ_HANDLED : virtback_xen_leave(vcpu);
}

/* What the threads of @nr_vcpus get, which are spread over the processors of this domain. */
static int virtback_xen_trap_nice(u32 nr_vcpus)
{
	unsigned int nr = DIV_ROUND_UP(max(nr_vcpus, 1U), num_online_cpus());

	return min(VIRTBACK_TRAP_NICE + virtback_share_nice(nr), MAX_NICE);
}

/**
 * virtback_xen_trap_thread() - answer an access that may sleep, or one too many for
 *				interrupt context
 * @irq: interrupt
 * @data: &struct virtback_xen_vcpu
 *
 * Process context.
 *
 * Return: IRQ_HANDLED
 */
irqreturn_t virtback_xen_trap_thread(int irq, void *data)
{
	struct virtback_xen_vcpu *vcpu = data;
	struct virtback_access access;
	struct virtback_xen_dev *xd;

	/* A guest decides how much is done here, and may come with all its vCPUs. */
	if (rt_task(current))
		sched_set_normal(current, virtback_xen_trap_nice(vcpu->guest->nr_vcpus));
	if (!vcpu->slow && virtback_xen_serve(vcpu, true))
		return IRQ_HANDLED;
	xd = vcpu->slow;
	access = virtback_xen_access(xd, vcpu);
	if (!virtback_mmio_fast(xd->vd, &access))
		virtback_mmio_slow(xd->vd, &access);
	vcpu->req.data = access.data;
	virtback_xen_answer(vcpu);
	virtback_mmio_finish(xd->vd, &access);
	virtback_xen_dev_put(xd);
	return IRQ_HANDLED;
}

/**
 * virtback_xen_trap_watch() - look at a slot instead of being interrupted
 * @vd: device
 *
 * For the accesses with which the driver answers an interrupt: those of the vCPU that
 * made them last time raise no event until virtback_xen_trap_unwatch(). The caller calls
 * virtback_xen_trap_look() all the time and does not sleep. Any context but that of the
 * interrupt. Several may watch.
 *
 * Return: what to look at; NULL when no vCPU has answered one yet, the device is being
 * detached, or this is a kernel with PREEMPT_RT
 */
void *virtback_xen_trap_watch(struct virtback_device *vd)
{
	struct virtback_xen_dev *xd = vd->host_priv;
	/* Pairs with virtback_xen_trap_access(). */
	struct virtback_xen_vcpu *vcpu = READ_ONCE(xd->acks);

	/* See VIRTBACK_XEN_TRAP_FLAGS. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return NULL;
	/* A use of the device, whose end the vCPU's interrupt waits for. */
	if (!vcpu || !refcount_inc_not_zero(&xd->users))
		return NULL;
	disable_irq_nosync(vcpu->irq);
	return vcpu;
}

/**
 * virtback_xen_trap_look() - answer an access of the vCPU that is watched, if there is one
 * @vd: device
 * @watch: from virtback_xen_trap_watch()
 *
 * As virtback_xen_trap_watch().
 *
 * Return: true when the thread is to answer, which may be waiting for this processor
 */
bool virtback_xen_trap_look(struct virtback_device *vd, void *watch)
{
	struct virtback_xen_vcpu *vcpu = watch;
	unsigned long flags;

	if (!virtback_slot_busy(vcpu->slot))
		return false;
	/* What is called from here is also called by the handlers of other vCPUs. */
	local_irq_save(flags);
	if (virtback_slot_take(vcpu->slot, &vcpu->req) && !virtback_xen_serve(vcpu, false)) {
		virtback_xen_leave(vcpu);
		irq_wake_thread(vcpu->irq, vcpu);
	}
	local_irq_restore(flags);
	/* Pairs with virtback_xen_leave() and virtback_xen_answer(). */
	return READ_ONCE(vcpu->left);
}

/**
 * virtback_xen_trap_unwatch() - undo virtback_xen_trap_watch()
 * @vd: device
 * @watch: from virtback_xen_trap_watch()
 *
 * As virtback_xen_trap_watch().
 */
void virtback_xen_trap_unwatch(struct virtback_device *vd, void *watch)
{
	struct virtback_xen_vcpu *vcpu = watch;

	/*
	 * Events of what was answered are not wanted. One that comes from here on stays
	 * and is delivered; one that came since the last look is not lost, because the
	 * slot is looked at once more.
	 */
	xen_clear_irq_pending(vcpu->irq);
	/* Pairs with Xen, which fills the slot before it sends the event. */
	smp_mb();
	virtback_xen_trap_look(vd, watch);
	enable_irq(vcpu->irq);
	virtback_xen_dev_put(vd->host_priv);
}
