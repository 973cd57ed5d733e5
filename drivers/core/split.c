// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues, device side (VIRTIO 1.2 section 2.7).
 *
 * Every word of the driver's is read once, checked, and used from the copy.
 * VERSION_1 is always negotiated, so all fields are little endian.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ring.h>
#include <asm/barrier.h>

#include <virtback/device.h>

#include "core.h"

static u16 rd16(const __virtio16 *p)
{
	return __virtio16_to_cpu(true, READ_ONCE(*p));
}

static void wr16(__virtio16 *p, u16 val)
{
	WRITE_ONCE(*p, __cpu_to_virtio16(true, val));
}

static struct vring_avail *virtback_split_avail(const struct virtback_vq *vq)
{
	return vq->avail.va;
}

static struct vring_used *virtback_split_used(const struct virtback_vq *vq)
{
	return vq->used.va;
}

/* The word behind the available ring: interrupt when the used index passes it. */
static __virtio16 *virtback_split_used_event(const struct virtback_vq *vq)
{
	return &virtback_split_avail(vq)->ring[vq->num];
}

/* The word behind the used ring: kick when the available index passes it. */
static __virtio16 *virtback_split_avail_event(const struct virtback_vq *vq)
{
	return (__virtio16 *)&virtback_split_used(vq)->ring[vq->num];
}

static int virtback_split_map(struct virtback_vq *vq)
{
	struct virtback_device *vd = vq->vd;
	u32 num = vq->num;
	int ret;

	if (!is_power_of_2(num))
		return -EINVAL;
	/* VIRTIO 1.2 section 2.7 gives sizes and alignments. */
	ret = virtback_ring_map(vq, &vq->desc, vq->desc_addr, 16 * num, 16, false);
	if (ret)
		return ret;
	ret = virtback_ring_map(vq, &vq->avail, vq->driver_addr, 6 + 2 * num, 2, false);
	if (ret)
		goto unmap_desc;
	ret = virtback_ring_map(vq, &vq->used, vq->device_addr, 6 + 8 * num, 4, true);
	if (ret)
		goto unmap_avail;
	vq->last_avail = 0;
	vq->used_idx = 0;
	vq->signalled_valid = false;
	return 0;

unmap_avail:
	vd->host->unmap(vd, &vq->avail);
unmap_desc:
	vd->host->unmap(vd, &vq->desc);
	return ret;
}

static void virtback_split_desc(struct virtback_desc *to, const struct virtback_raw *raw)
{
	u64 rest = le64_to_cpu(raw->rest);

	to->addr = le64_to_cpu(raw->addr);
	to->len = rest;
	to->flags = rest >> 32;
	to->next = rest >> 48;
}

/* A table may not lead to another, nor back to the ring. */
static int virtback_split_walk_table(struct virtback_vq *vq, const struct virtback_desc *head,
				     struct virtback_parts *parts)
{
	struct virtback_table *t = &vq->walk;
	struct virtback_raw raw;
	struct virtback_desc d;
	int ret;
	u32 i;

	ret = virtback_table_enter(vq, t, head);
	for (i = 0; !ret; i = d.next) {
		ret = virtback_table_read(vq, t, i, &raw);
		if (ret)
			break;
		virtback_split_desc(&d, &raw);
		/*
		 * A driver may make the ring smaller than we offered and still
		 * send indirect chains of the length that our limits promise.
		 */
		ret = d.flags & VRING_DESC_F_INDIRECT ? -EINVAL :
		      virtback_chain_add(vq, parts, &d, vq->chain_max);
		if (!(d.flags & VRING_DESC_F_NEXT))
			break;
	}
	return ret;
}

/*
 * Copy the chain that starts at @head to vq->sg. The limit of buffers ends a loop.
 */
static int virtback_split_walk(struct virtback_vq *vq, u16 head, struct virtback_chain *chain)
{
	const struct virtback_raw *ring = vq->desc.va;
	struct virtback_parts parts;
	struct virtback_raw raw;
	struct virtback_desc d;
	u32 i = head;
	int ret;

	virtback_chain_begin(vq, &parts, chain);
	chain->id = head;
	for (;;) {
		if (i >= vq->num)
			return -EINVAL;
		virtback_desc_read(&raw, &ring[array_index_nospec(i, vq->num)]);
		virtback_split_desc(&d, &raw);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			ret = virtback_split_walk_table(vq, &d, &parts);
			break;
		}
		ret = virtback_chain_add(vq, &parts, &d, vq->num);
		if (ret || !(d.flags & VRING_DESC_F_NEXT))
			break;
		i = d.next;
	}
	virtback_chain_end(&parts);
	return ret;
}

static int virtback_split_pop(struct virtback_vq *vq, struct virtback_chain *chain)
{
	struct vring_avail *avail = virtback_split_avail(vq);
	u16 head, pending;
	int ret;

	pending = rd16(&avail->idx) - vq->last_avail;
	if (!pending)
		return 0;
	if (pending > vq->num) {
		virtback_guest_err(vq->vd, "queue %u: available index is %u ahead of %u entries\n",
				   vq->index, pending, vq->num);
		return -EINVAL;
	}
	/* The entry after the index; pairs with the driver's barrier before it. */
	virt_rmb();
	head = rd16(&avail->ring[vq->last_avail & (vq->num - 1)]);
	ret = virtback_split_walk(vq, head, chain);
	if (ret) {
		virtback_guest_err(vq->vd, "queue %u: bad descriptor chain at %u (%d)\n",
				   vq->index, head, ret);
		return ret;
	}
	vq->last_avail++;
	return 1;
}

static bool virtback_split_peek(const struct virtback_vq *vq, u16 n, struct virtback_desc *head)
{
	const struct vring_avail *avail = virtback_split_avail(vq);
	const struct virtback_raw *ring = vq->desc.va;
	u16 pending = rd16(&avail->idx) - vq->last_avail;
	struct virtback_raw raw;
	u16 i;

	if (n >= pending || pending > vq->num)
		return false;
	/* The entry after the index; pairs with the driver's barrier before it. */
	virt_rmb();
	i = rd16(&avail->ring[(u16)(vq->last_avail + n) & (vq->num - 1)]);
	if (i >= vq->num)
		return false;
	virtback_desc_read(&raw, &ring[array_index_nospec(i, vq->num)]);
	virtback_split_desc(head, &raw);
	return true;
}

static void virtback_split_unpop(struct virtback_vq *vq, const struct virtback_chain *chain)
{
	vq->last_avail--;
}

static void virtback_split_push(struct virtback_vq *vq, const struct virtback_req *req, u32 len)
{
	struct vring_used *used = virtback_split_used(vq);
	vring_used_elem_t *elem = &used->ring[vq->used_idx & (vq->num - 1)];

	WRITE_ONCE(elem->id, __cpu_to_virtio32(true, req->id));
	WRITE_ONCE(elem->len, __cpu_to_virtio32(true, len));
	/* Buffers and element before the index; the driver reads the index first. */
	virt_wmb();
	vq->used_idx++;
	wr16(&used->idx, vq->used_idx);
}

static void virtback_split_notify_off(struct virtback_vq *vq)
{
	/* With EVENT_IDX the stale avail_event says it already. */
	if (!vq->event_idx)
		wr16(&virtback_split_used(vq)->flags, VRING_USED_F_NO_NOTIFY);
}

static bool virtback_split_notify_on(struct virtback_vq *vq)
{
	if (vq->event_idx)
		wr16(virtback_split_avail_event(vq), vq->last_avail);
	else
		wr16(&virtback_split_used(vq)->flags, 0);
	/*
	 * Ask, then look: the driver stores its index, then looks whether it was
	 * asked. One of the two sees the other.
	 */
	virt_mb();
	return rd16(&virtback_split_avail(vq)->idx) != vq->last_avail;
}

static bool virtback_split_pending(const struct virtback_vq *vq)
{
	return rd16(&virtback_split_avail(vq)->idx) != vq->last_avail;
}

static bool virtback_split_want_irq(struct virtback_vq *vq)
{
	u16 new = vq->used_idx, old = vq->signalled;
	bool valid = vq->signalled_valid;

	vq->signalled = new;
	vq->signalled_valid = true;
	/*
	 * The used index before the driver's wish; the driver stores its wish,
	 * then looks at the index.
	 */
	virt_mb();
	if (!vq->event_idx)
		return !(rd16(&virtback_split_avail(vq)->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return !valid || vring_need_event(rd16(virtback_split_used_event(vq)), new, old);
}

const struct virtback_ring_ops virtback_split_ops = {
	.map = virtback_split_map,
	.unmap = virtback_ring_unmap,
	.pop = virtback_split_pop,
	.peek = virtback_split_peek,
	.unpop = virtback_split_unpop,
	.push = virtback_split_push,
	.notify_off = virtback_split_notify_off,
	.notify_on = virtback_split_notify_on,
	.pending = virtback_split_pending,
	.want_irq = virtback_split_want_irq,
};
