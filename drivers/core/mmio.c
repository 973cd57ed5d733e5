// SPDX-License-Identifier: GPL-2.0
/*
 * The virtio-mmio version 2 register file (VIRTIO 1.2 section 4.2.2).
 *
 * A request costs the driver three accesses: QueueNotify, InterruptStatus and
 * InterruptACK. virtback_mmio_fast() answers these in any context, with a few
 * atomics. The rest is for process context and may sleep: a reset waits for the
 * worker, QueueReady maps memory.
 *
 * An access that the specification does not allow reads as zero or is ignored,
 * and is counted; it never stops the driver.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include <virtback/compat.h>
#include <virtback/device.h>
#include <virtback/mmio.h>

#include <trace/events/virtback.h>

#include "core.h"

#define VIRTBACK_MAGIC		0x74726976	/* "virt" */
#define VIRTBACK_MMIO_VERSION	2
#define VIRTBACK_VENDOR		0x6b636276	/* "vbck" */

static void virtback_mmio_bad(struct virtback_device *vd)
{
	atomic_inc(&vd->bad_accesses);
}

/*
 * What a write to QueueNotify names: the queue, and with NOTIFICATION_DATA in the
 * high half how far the driver got, which the worker sees in the ring anyway.
 *
 * The features are looked at without a lock; pairs with the stores in
 * virtback_device_set_status() and virtback_device_reset(). They are constant while
 * a queue is ready; a driver that negotiates and notifies at the same time reaches
 * another queue of its own, or none, whose worker looks at vq->ready under ring_lock.
 */
static u32 virtback_mmio_notified(const struct virtback_device *vd, u32 val)
{
	return READ_ONCE(vd->features) & BIT_ULL(VIRTIO_F_NOTIFICATION_DATA) ? (u16)val : val;
}

/**
 * virtback_mmio_fast() - answer an access if that needs no sleep
 * @vd: device
 * @a: access; a->data is the answer of a read, a->kick the queue to wake
 *
 * Any context.
 *
 * Return: false when it is for virtback_mmio_slow(). After true the
 * caller replies to the driver, then calls virtback_mmio_finish().
 */
bool virtback_mmio_fast(struct virtback_device *vd, struct virtback_access *a)
{
	u32 bits, old, q;

	a->kick = NULL;
	if (a->size != 4)
		return false;

	if (a->write) {
		switch (a->offset) {
		case VIRTIO_MMIO_QUEUE_NOTIFY:
			q = virtback_mmio_notified(vd, a->data);
			if (q < vd->nvqs)
				a->kick = &vd->vqs[array_index_nospec(q, vd->nvqs)];
			else
				virtback_mmio_bad(vd);
			return true;
		case VIRTIO_MMIO_INTERRUPT_ACK:
			bits = a->data & (VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
			/* Pairs with virtback_device_interrupt(). */
			old = atomic_fetch_andnot(bits, &vd->isr);
			/* The driver may name more bits than were set. */
			if (old && !(old & ~bits) && vd->host->lower_irq)
				vd->host->lower_irq(vd);
			return true;
		default:
			return false;
		}
	}
	if (a->offset != VIRTIO_MMIO_INTERRUPT_STATUS)
		return false;
	a->data = atomic_read(&vd->isr);
	return true;
}

static enum virtback_reg virtback_reg_of(u32 offset)
{
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		return VIRTBACK_REG_QUEUE_NOTIFY;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return VIRTBACK_REG_INTERRUPT_STATUS;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		return VIRTBACK_REG_INTERRUPT_ACK;
	case VIRTIO_MMIO_STATUS:
		return VIRTBACK_REG_STATUS;
	case VIRTIO_MMIO_DEVICE_FEATURES:
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
	case VIRTIO_MMIO_DRIVER_FEATURES:
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		return VIRTBACK_REG_FEATURES;
	case VIRTIO_MMIO_QUEUE_SEL:
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
	case VIRTIO_MMIO_QUEUE_RESET:
		return VIRTBACK_REG_QUEUE;
	case VIRTIO_MMIO_CONFIG_GENERATION:
	case VIRTIO_MMIO_CONFIG ... VIRTBACK_WINDOW_SIZE - 1:
		return VIRTBACK_REG_CONFIG;
	default:
		return VIRTBACK_REG_OTHER;
	}
}

/**
 * virtback_mmio_finish() - do what an access set off, after the driver's reply
 * @vd: device
 * @a: access that virtback_mmio_fast() or virtback_mmio_slow() answered
 *
 * Any context. The caller keeps the device from going away.
 */
void virtback_mmio_finish(struct virtback_device *vd, struct virtback_access *a)
{
	u64 now = virtback_latency_now();

	if (a->write)
		trace_virtback_mmio_write(vd, a);
	else
		trace_virtback_mmio_read(vd, a);
	if (a->kick)
		virtback_vq_kick(a->kick, now);
	this_cpu_inc(vd->regs[virtback_reg_of(a->offset)]);
	virtback_latency_add(&vd->traps, a->start, now);
}

/* The queue that QueueSel names, NULL when there is none. */
static struct virtback_vq *virtback_mmio_vq(struct virtback_device *vd)
{
	u32 sel = vd->queue_sel;

	return sel < vd->nvqs ? &vd->vqs[array_index_nospec(sel, vd->nvqs)] : NULL;
}

/*
 * QueueNumMax: the features, which say whether the size of a ring is a power of 2,
 * are negotiated by then.
 */
static u32 virtback_mmio_num_max(const struct virtback_vq *vq)
{
	if (vq->vd->features & BIT_ULL(VIRTIO_F_RING_PACKED))
		return vq->num_max;
	return rounddown_pow_of_two(vq->num_max);
}

/* QueueReset: a reset is complete when the write is answered, so it reads as 0. */
static u32 virtback_mmio_read_queue_reset(struct virtback_device *vd)
{
	if (!(vd->features & BIT_ULL(VIRTIO_F_RING_RESET)))
		virtback_mmio_bad(vd);
	return 0;
}

static u32 virtback_mmio_read(struct virtback_device *vd, u32 offset)
{
	struct virtback_vq *vq = virtback_mmio_vq(vd);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return VIRTBACK_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VIRTBACK_MMIO_VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return vd->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VIRTBACK_VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		if (vd->device_features_sel > 1)
			return 0;
		return virtback_device_offered(vd) >> (32 * vd->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? virtback_mmio_num_max(vq) : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return vq && vq->ready;
	case VIRTIO_MMIO_QUEUE_RESET:
		return virtback_mmio_read_queue_reset(vd);
	case VIRTIO_MMIO_STATUS:
		return atomic_read(&vd->status);
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return ~0;		/* there is no shared memory region */
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return vd->config_generation;
	default:
		virtback_mmio_bad(vd);
		return 0;
	}
}

static void virtback_set_low(u64 *reg, u32 val)
{
	*reg = (*reg & ~(u64)U32_MAX) | val;
}

static void virtback_set_high(u64 *reg, u32 val)
{
	*reg = (*reg & U32_MAX) | (u64)val << 32;
}

static void virtback_mmio_accept(struct virtback_device *vd, u32 val)
{
	/* Frozen by FEATURES_OK; bits that do not exist yet cannot be accepted. */
	if ((atomic_read(&vd->status) & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    vd->driver_features_sel > 1) {
		if (val)
			virtback_mmio_bad(vd);
		return;
	}
	if (vd->driver_features_sel)
		virtback_set_high(&vd->accepted, val);
	else
		virtback_set_low(&vd->accepted, val);
}

static void virtback_mmio_queue_ready(struct virtback_vq *vq)
{
	int ret;

	if (vq->ready)
		return;
	ret = virtback_vq_start(vq);
	if (!ret) {
		/* The driver may have started the device before this queue. */
		virtback_vq_wake(vq);
		return;
	}
	virtback_guest_err(vq->vd, "queue %u: size %u, rings %#llx %#llx %#llx refused (%d)\n",
			   vq->index, vq->num, vq->desc_addr, vq->driver_addr, vq->device_addr,
			   ret);
	virtback_device_break(vq->vd, "queue set-up failed");
}

static void virtback_mmio_queue_num(struct virtback_vq *vq, u32 val)
{
	if (val && val <= virtback_mmio_num_max(vq))
		vq->num = val;
	else
		virtback_mmio_bad(vq->vd);
}

/* One queue back to what it was before its set-up (VIRTIO 1.2 section 2.6.1). */
static void virtback_mmio_queue_reset(struct virtback_vq *vq, u32 val)
{
	if (!(vq->vd->features & BIT_ULL(VIRTIO_F_RING_RESET)) || val != 1) {
		virtback_mmio_bad(vq->vd);
		return;
	}
	virtback_vq_stop(vq);
	virtback_vq_forget(vq);
}

/* Registers of the queue that QueueSel names. */
static void virtback_mmio_write_queue(struct virtback_device *vd, u32 offset, u32 val)
{
	u32 status = atomic_read(&vd->status);
	struct virtback_vq *vq = virtback_mmio_vq(vd);

	/* Stock drivers reset the device first and then take their queues back. */
	if (vq && offset == VIRTIO_MMIO_QUEUE_READY && !(val & 1)) {
		virtback_vq_stop(vq);
		return;
	}
	/* A queue is set up after the features, which decide its layout. */
	if (!vq || !(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		virtback_mmio_bad(vd);
		return;
	}
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		virtback_mmio_queue_ready(vq);
		return;
	}
	if (offset == VIRTIO_MMIO_QUEUE_RESET) {
		virtback_mmio_queue_reset(vq, val);
		return;
	}
	if (vq->ready) {
		virtback_mmio_bad(vd);
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		virtback_mmio_queue_num(vq, val);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		virtback_set_low(&vq->desc_addr, val);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		virtback_set_high(&vq->desc_addr, val);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		virtback_set_low(&vq->driver_addr, val);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		virtback_set_high(&vq->driver_addr, val);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		virtback_set_low(&vq->device_addr, val);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		virtback_set_high(&vq->device_addr, val);
		break;
	}
}

static void virtback_mmio_write(struct virtback_device *vd, u32 offset, u32 val)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		vd->device_features_sel = val;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		vd->driver_features_sel = val;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		virtback_mmio_accept(vd, val);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		vd->queue_sel = val;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET:
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		virtback_mmio_write_queue(vd, offset, val);
		break;
	case VIRTIO_MMIO_STATUS:
		virtback_device_set_status(vd, val);
		break;
	case VIRTIO_MMIO_SHM_SEL:
		break;			/* all selections are equally empty */
	default:
		virtback_mmio_bad(vd);
	}
}

/* Device-specific configuration: any width that stays inside (section 4.2.2.2). */
static void virtback_mmio_config(struct virtback_device *vd, struct virtback_access *a)
{
	u32 off = a->offset - VIRTIO_MMIO_CONFIG;
	__le64 val = 0;

	if (off >= vd->config_len || a->size > vd->config_len - off) {
		virtback_mmio_bad(vd);
		return;
	}
	if (!a->write) {
		memcpy(&val, vd->config + off, a->size);
		a->data = le64_to_cpu(val);
	} else if (vd->type->write_config) {
		/* Above what the driver wrote is whatever its register held. */
		vd->type->write_config(vd, off, a->size,
				       a->data & GENMASK_ULL(8 * a->size - 1, 0));
	} else {
		virtback_mmio_bad(vd);
	}
}

/**
 * virtback_mmio_slow() - do an access that virtback_mmio_fast() did not answer
 * @vd: device
 * @a: access; a->data is the answer of a read
 *
 * Process context, may sleep; takes vd->lock.
 */
void virtback_mmio_slow(struct virtback_device *vd, struct virtback_access *a)
{
	bool shape_ok = (a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8) &&
			IS_ALIGNED(a->offset, a->size) && a->offset < VIRTBACK_WINDOW_SIZE;

	if (!a->write)
		a->data = 0;
	virtback_device_lock(vd);
	if (shape_ok && a->offset >= VIRTIO_MMIO_CONFIG)
		virtback_mmio_config(vd, a);
	else if (!shape_ok || a->size != 4)
		virtback_mmio_bad(vd);
	else if (a->write)
		virtback_mmio_write(vd, a->offset, a->data);
	else
		a->data = virtback_mmio_read(vd, a->offset);
	mutex_unlock(&vd->lock);
}

/**
 * virtback_mmio() - do an access, whatever it takes
 * @vd: device
 * @a: access
 *
 * Process context, may sleep; but a fast access in any context.
 */
void virtback_mmio(struct virtback_device *vd, struct virtback_access *a)
{
	a->start = virtback_latency_now();
	if (!virtback_mmio_fast(vd, a))
		virtback_mmio_slow(vd, a);
	virtback_mmio_finish(vd, a);
}
