// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio device: status machine, feature negotiation, reset, interrupts
 * (VIRTIO 1.2 sections 2.1, 2.2, 3.1 and 4.2).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <virtback/compat.h>
#include <virtback/device.h>

#include <trace/events/virtback.h>

#include "core.h"

#define VIRTBACK_CORE_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) |		\
				 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |	\
				 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |	\
				 BIT_ULL(VIRTIO_F_RING_PACKED) |	\
				 BIT_ULL(VIRTIO_F_IN_ORDER) |		\
				 BIT_ULL(VIRTIO_F_ORDER_PLATFORM) |	\
				 BIT_ULL(VIRTIO_F_NOTIFICATION_DATA) |	\
				 BIT_ULL(VIRTIO_F_RING_RESET))

/*
 * How long an interrupt may stay unacknowledged before it is repeated. Long
 * against any interrupt latency, short against a person's patience.
 */
#define VIRTBACK_REINJECT	HZ

/**
 * virtback_device_lock() - take vd->lock
 * @vd: device
 *
 * A reset that has it may wait for reset_timeout_ms, and one comes after the other if a
 * guest wants that with all its vCPUs: longer than what the kernel takes for a hung task.
 * It does not take those for one that can be killed. Nobody can but processes of this
 * domain, and they wait on. May sleep.
 */
void virtback_device_lock(struct virtback_device *vd)
{
	if (mutex_lock_killable(&vd->lock))
		mutex_lock(&vd->lock);
}

/**
 * virtback_device_offered() - all features that the device offers
 * @vd: device
 *
 * Any context.
 *
 * Return: the bits; VERSION_1 is always among them.
 */
u64 virtback_device_offered(const struct virtback_device *vd)
{
	u64 off = vd->features_off & ~(BIT_ULL(VIRTIO_F_VERSION_1) | vd->required);

	return (VIRTBACK_CORE_FEATURES | READ_ONCE(vd->type_features) |
		vd->host_features) & ~off;
}

/**
 * virtback_device_running() - did the driver start the device?
 * @vd: device
 *
 * Any context.
 *
 * Return: DRIVER_OK is set and nothing is broken.
 */
bool virtback_device_running(const struct virtback_device *vd)
{
	u32 status = atomic_read(&vd->status);

	return (status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED));
}

/**
 * virtback_device_wake() - let the workers of all queues look at them
 * @vd: device
 *
 * Any context.
 */
void virtback_device_wake(struct virtback_device *vd)
{
	u16 i;

	for (i = 0; i < vd->nvqs; i++)
		virtback_vq_wake(&vd->vqs[i]);
}

/**
 * virtback_device_interrupt() - set bits of InterruptStatus and tell the driver
 * @vd: device
 * @bit: VIRTIO_MMIO_INT_VRING or VIRTIO_MMIO_INT_CONFIG
 *
 * Any context. While the bit is set and not acknowledged, the driver has not yet
 * looked, so no second interrupt is sent: the atomic is fully ordered after the
 * store of the used index and pairs with the one of InterruptACK, after whose
 * reply the driver scans its queues.
 *
 * Return: true when the host was asked for an interrupt.
 */
bool virtback_device_interrupt(struct virtback_device *vd, u32 bit)
{
	if (atomic_fetch_or(bit, &vd->isr) & bit)
		return false;
	trace_virtback_interrupt(vd, false);
	vd->host->raise_irq(vd);
	if (vd->host->reinject && !timer_pending(&vd->reinject))
		mod_timer(&vd->reinject, jiffies + VIRTBACK_REINJECT);
	return true;
}

static void virtback_device_reinject(struct timer_list *t)
{
	struct virtback_device *vd = container_of(t, struct virtback_device, reinject);

	/*
	 * The timer is off, then look; pairs with the atomic in
	 * virtback_device_interrupt(), which sets the bit and then looks at the
	 * timer. One of the two sees the other.
	 */
	smp_mb();
	if (!atomic_read(&vd->isr))
		return;		/* idle devices have no timer running */
	trace_virtback_interrupt(vd, true);
	vd->host->raise_irq(vd);
	mod_timer(&vd->reinject, jiffies + VIRTBACK_REINJECT);
}

static void virtback_device_tell(struct virtback_device *vd)
{
	if (vd->state_changed)
		vd->state_changed(vd);
}

/**
 * virtback_device_break() - the driver broke the rules: DEVICE_NEEDS_RESET
 * @vd: device
 * @why: for the log
 *
 * Any context. The device does nothing more until the driver resets it.
 */
void virtback_device_break(struct virtback_device *vd, const char *why)
{
	u32 old = atomic_fetch_or(VIRTIO_CONFIG_S_NEEDS_RESET, &vd->status);

	if (old & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	virtback_guest_err(vd, "%s, the device needs a reset\n", why);
	virtback_device_tell(vd);
	if (old & VIRTIO_CONFIG_S_DRIVER_OK)
		virtback_device_interrupt(vd, VIRTIO_MMIO_INT_CONFIG);
}

/**
 * virtback_device_config_changed() - configuration space has changed
 * @vd: device
 *
 * Called with vd->lock held by whoever changed it.
 */
void virtback_device_config_changed(struct virtback_device *vd)
{
	lockdep_assert_held(&vd->lock);
	vd->config_generation++;
	if (virtback_device_running(vd))
		virtback_device_interrupt(vd, VIRTIO_MMIO_INT_CONFIG);
}

/**
 * virtback_device_exposed() - may a disk be accessing the guest's memory?
 * @vd: device
 *
 * Of the queues that are stopped. Any context.
 *
 * Return: true until the last request of before the reset has ended, if the
 * memory is given to the disk at all.
 */
bool virtback_device_exposed(const struct virtback_device *vd)
{
	u16 i;

	if (!atomic_read(&vd->orphans))
		return false;
	if (vd->dma == VIRTBACK_DMA_DIRECT)
		return true;
	for (i = 0; i < vd->nvqs; i++) {
		const struct virtback_vq *vq = &vd->vqs[i];

		/* Nothing is mapped after this; pairs with virtback_give_back(). */
		if (!READ_ONCE(vq->ready) && smp_load_acquire(&vq->nr_borrowed))
			return true;
	}
	return false;
}

/**
 * virtback_device_settle() - give a disk that accesses the guest's memory the time to
 *			      end that (dma=direct, or borrowed)
 * @vd: device; the queues that its driver takes back are stopped
 *
 * For no longer than reset_timeout_ms. Called with vd->lock held, may sleep.
 */
void virtback_device_settle(struct virtback_device *vd)
{
	/*
	 * Not for those whose data is copied: virtback_give_back() wakes us, too. Idle, as in
	 * virtback_vq_drain(): that may be longer than what the kernel takes for a hung task.
	 */
	if (wait_event_idle_timeout(vd->orphans_gone, !virtback_device_exposed(vd),
				    msecs_to_jiffies(vd->reset_timeout_ms)))
		return;
	if (__ratelimit(&vd->log))
		pr_err("%s: the disk did not finish within reset_timeout_ms=%u and still accesses memory of the guest\n",
		       vd->name, vd->reset_timeout_ms);
}

/**
 * virtback_device_reset() - the driver wrote 0 to Status
 * @vd: device
 *
 * Complete when it returns (drivers do not poll): nothing of the guest's memory
 * is used any more and all registers have their initial values. It does not wait
 * for the disk, but for one that accesses the guest's memory (dma=direct), and for
 * that one no longer than reset_timeout_ms: requests in flight become orphans, and
 * the next driver's requests wait for them. Called with vd->lock held, may sleep.
 */
void virtback_device_reset(struct virtback_device *vd)
{
	bool any = false;
	u16 i;

	lockdep_assert_held(&vd->lock);
	for (i = 0; i < vd->nvqs; i++)
		any |= virtback_vq_stop_begin(&vd->vqs[i]);
	/* One for all queues: it is the dear part of a reset. */
	if (any)
		synchronize_rcu_expedited();
	for (i = 0; i < vd->nvqs; i++) {
		struct virtback_vq *vq = &vd->vqs[i];

		virtback_vq_stop_finish(vq);
		virtback_vq_forget(vq);
	}
	virtback_device_settle(vd);
	/* Nobody is left who could interrupt, or arm this again. */
	timer_delete_sync(&vd->reinject);
	atomic_set(&vd->isr, 0);
	if (vd->host->lower_irq)
		vd->host->lower_irq(vd);
	vd->accepted = 0;
	WRITE_ONCE(vd->features, 0);
	vd->device_features_sel = 0;
	vd->driver_features_sel = 0;
	vd->queue_sel = 0;
	if (vd->type->reset)
		vd->type->reset(vd);
	atomic_set(&vd->status, 0);
	virtback_device_tell(vd);
}

/* FEATURES_OK (VIRTIO 1.2 section 2.2): false leaves the bit unset. */
static bool virtback_device_features_ok(struct virtback_device *vd)
{
	u64 extra = vd->accepted & ~virtback_device_offered(vd);
	u64 missing = vd->required & ~vd->accepted;

	if (extra) {
		virtback_guest_err(vd, "features %#llx were not offered\n", extra);
		return false;
	}
	if (!(vd->accepted & BIT_ULL(VIRTIO_F_VERSION_1))) {
		virtback_guest_err(vd, "legacy driver: VERSION_1 was not accepted\n");
		return false;
	}
	if (missing) {
		virtback_guest_err(vd, "features %#llx are required and were not accepted\n",
				   missing);
		return false;
	}
	return !vd->type->features_ok || vd->type->features_ok(vd, vd->accepted);
}

/**
 * virtback_device_set_status() - the driver wrote Status
 * @vd: device
 * @val: what it wrote
 *
 * Called with vd->lock held, may sleep.
 */
void virtback_device_set_status(struct virtback_device *vd, u8 val)
{
	u32 old = atomic_read(&vd->status), new;

	lockdep_assert_held(&vd->lock);
	if (!val) {
		virtback_device_reset(vd);
		return;
	}
	/* The driver only ever adds bits, and this one is not its own. */
	new = val & ~(old | VIRTIO_CONFIG_S_NEEDS_RESET);
	if (new & VIRTIO_CONFIG_S_FEATURES_OK) {
		if (virtback_device_features_ok(vd))
			WRITE_ONCE(vd->features, vd->accepted);
		else
			new &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	}
	if ((new & VIRTIO_CONFIG_S_DRIVER_OK) &&
	    !((old | new) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		virtback_device_break(vd, "DRIVER_OK without FEATURES_OK");
		return;
	}
	atomic_or(new, &vd->status);
	virtback_device_tell(vd);
	if (new & VIRTIO_CONFIG_S_DRIVER_OK)
		virtback_device_wake(vd);
}

/**
 * virtback_device_init() - make the core's part of a device
 * @vd: zeroed but for dev, name, type and host
 * @nvqs: number of queues
 * @queue_size: QueueNumMax of each, 1 to 32768; split rings use the next lower power of 2
 *
 * Before the type's create(), which may look at the queues' sizes, and before
 * the host's attach(). May sleep.
 *
 * Return: 0 or -errno, then nothing is left.
 */
int virtback_device_init(struct virtback_device *vd, u16 nvqs, u16 queue_size)
{
	u16 i;
	int ret;

	mutex_init(&vd->lock);
	vd->id = vd->type->id;
	init_waitqueue_head(&vd->orphans_gone);
	timer_setup(&vd->reinject, virtback_device_reinject, 0);
	ratelimit_state_init(&vd->log, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	/* What it says of suppressed lines would name no device. */
	ratelimit_set_flags(&vd->log, RATELIMIT_MSG_ON_RELEASE);
	INIT_LIST_HEAD(&vd->peers);
	INIT_LIST_HEAD(&vd->all);
	vd->regs = __alloc_percpu(VIRTBACK_REG_NR * sizeof(u64), __alignof__(u64));
	vd->vqs = kvcalloc(nvqs, sizeof(*vd->vqs), GFP_KERNEL);
	if (virtback_latency_init(&vd->traps) || !vd->regs || !vd->vqs) {
		virtback_device_fini(vd);
		return -ENOMEM;
	}
	for (i = 0; i < nvqs; i++) {
		vd->nvqs = i + 1;
		ret = virtback_vq_init(&vd->vqs[i], vd, i, queue_size);
		if (ret) {
			virtback_device_fini(vd);
			return ret;
		}
	}
	virtback_share_join(vd);
	return 0;
}

/**
 * virtback_device_quiesce() - let go of the guest for good
 * @vd: device that its host has detached
 *
 * When this returns nothing of the guest's memory is used. May sleep, does not
 * wait for the disk.
 */
void virtback_device_quiesce(struct virtback_device *vd)
{
	virtback_device_lock(vd);
	virtback_device_reset(vd);
	mutex_unlock(&vd->lock);
}

/**
 * virtback_device_drain() - wait for the requests in flight
 * @vd: quiesced device
 *
 * Waits for the disk, without bound. May sleep.
 */
void virtback_device_drain(struct virtback_device *vd)
{
	u16 i;

	for (i = 0; i < vd->nvqs; i++)
		virtback_vq_drain(&vd->vqs[i]);
	/* Pairs with virtback_req_complete(), which still uses the queue. */
	synchronize_rcu();
}

/**
 * virtback_device_pause() - finish what was begun, begin nothing new
 * @vd: device, running or not; not paused
 *
 * Waits for the requests in flight, so for the disk, with no lock held: register
 * accesses go on, a reset among them. Killable, and a removal ends the wait. One
 * caller at a time. On success virtback_device_unpause() is due.
 *
 * Return: 0, -ERESTARTSYS when killed, -ENODEV when the device is being removed;
 * after an error the device runs on
 */
int virtback_device_pause(struct virtback_device *vd)
{
	int err = 0;
	u16 i;

	/* Pairs with virtback_vq_runnable(), by ring_lock in virtback_vq_quiet(). */
	WRITE_ONCE(vd->paused, true);
	for (i = 0; i < vd->nvqs && !err; i++)
		err = virtback_vq_quiet(&vd->vqs[i]);
	/* The last completions are out of virtback_req_complete(). */
	synchronize_rcu();
	if (err)
		virtback_device_unpause(vd);
	return err;
}

/**
 * virtback_device_unpause() - undo virtback_device_pause()
 * @vd: device
 *
 * Any context.
 */
void virtback_device_unpause(struct virtback_device *vd)
{
	/* What was changed meanwhile; pairs with virtback_vq_runnable(). */
	smp_store_release(&vd->paused, false);
	virtback_device_wake(vd);
}

/**
 * virtback_device_leave() - a removal begins: who waits for the disk gives up
 * @vd: device
 *
 * Any process context.
 */
void virtback_device_leave(struct virtback_device *vd)
{
	u16 i;

	/* Pairs with virtback_vq_quiet(). */
	WRITE_ONCE(vd->leaving, true);
	for (i = 0; i < vd->nvqs; i++)
		wake_up_all(&vd->vqs[i].drained);
}

/**
 * virtback_device_fini() - undo virtback_device_init()
 * @vd: drained device, or one that its host never attached
 *
 * May sleep.
 */
void virtback_device_fini(struct virtback_device *vd)
{
	virtback_share_leave(vd);
	while (vd->nvqs)
		virtback_vq_destroy(&vd->vqs[--vd->nvqs]);
	kvfree(vd->vqs);
	vd->vqs = NULL;
	virtback_latency_destroy(&vd->traps);
	free_percpu(vd->regs);
	vd->regs = NULL;
}
