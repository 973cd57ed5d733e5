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
#include <linux/string.h>
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

static int virtback_split_map_area(struct virtback_vq *vq, struct virtback_area *area, u64 addr,
				   size_t len, u32 align, bool write)
{
	struct virtback_device *vd = vq->vd;

	if (!IS_ALIGNED(addr, align) || addr + len < addr)
		return -EINVAL;
	return vd->host->map(vd, addr, len, write, area);
}

static int virtback_split_map(struct virtback_vq *vq)
{
	struct virtback_device *vd = vq->vd;
	u16 num = vq->num;
	int ret;

	if (!is_power_of_2(num))
		return -EINVAL;
	/* VIRTIO 1.2 section 2.7 gives sizes and alignments. */
	ret = virtback_split_map_area(vq, &vq->desc, vq->desc_addr, 16 * num, 16, false);
	if (ret)
		return ret;
	ret = virtback_split_map_area(vq, &vq->avail, vq->driver_addr, 6 + 2 * num, 2, false);
	if (ret)
		goto unmap_desc;
	ret = virtback_split_map_area(vq, &vq->used, vq->device_addr, 6 + 8 * num, 4, true);
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

static void virtback_split_unmap(struct virtback_vq *vq)
{
	struct virtback_device *vd = vq->vd;

	vd->host->unmap(vd, &vq->used);
	vd->host->unmap(vd, &vq->avail);
	vd->host->unmap(vd, &vq->desc);
}

/* A descriptor in this kernel's byte order: the one copy that is looked at. */
struct virtback_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

static void virtback_split_read_desc(struct virtback_desc *to, const struct vring_desc *from)
{
	to->addr = __virtio64_to_cpu(true, READ_ONCE(from->addr));
	to->len = __virtio32_to_cpu(true, READ_ONCE(from->len));
	to->flags = rd16(&from->flags);
	to->next = rd16(&from->next);
}

/**
 * struct virtback_table - where descriptors come from
 * @desc: the ring's own table, or NULL for an indirect one
 * @nr: descriptors in it
 * @addr: guest address of an indirect table
 * @piece: the part of an indirect table that is pinned; len 0 when none is
 * @first: byte offset of @piece in the table
 * @copy: what @piece is when the device copies
 */
struct virtback_table {
	const struct vring_desc *desc;
	u32 nr;
	u64 addr;
	struct virtback_piece piece;
	u64 first;
	u8 copy[32 * sizeof(struct vring_desc)];
};

static void virtback_table_unpin(struct virtback_vq *vq, struct virtback_table *t)
{
	if (t->piece.len)
		virtback_piece_unpin(vq->vd, &t->piece);
	t->piece.len = 0;
}

/* A descriptor that crosses the end of what can be pinned at once. */
static int virtback_table_read_split(struct virtback_vq *vq, const struct virtback_table *t,
				     u64 off, struct virtback_desc *to)
{
	struct virtback_sg sg = { .addr = t->addr + off, .len = sizeof(struct vring_desc) };
	struct virtback_iter it = { .sg = &sg, .nr = 1, .left = sg.len };
	struct vring_desc raw;
	int ret;

	ret = virtback_iter_read(vq, &it, &raw, sizeof(raw));
	if (!ret)
		virtback_split_read_desc(to, &raw);
	return ret;
}

/* Make a part of the table from byte @off on readable. */
static int virtback_table_pin(struct virtback_vq *vq, struct virtback_table *t, u64 off)
{
	struct virtback_sg sg = {
		.addr = t->addr + off,
		.len = t->nr * sizeof(struct vring_desc) - off,
	};
	struct virtback_iter it = { .sg = &sg, .nr = 1 };
	int ret;

	if (!vq->vd->copies)
		return vq->vd->host->pin(vq->vd, sg.addr, sg.len, false, &t->piece);
	sg.len = min_t(u32, sg.len, sizeof(t->copy));
	it.left = sg.len;
	ret = virtback_iter_read(vq, &it, t->copy, sg.len);
	t->piece = (struct virtback_piece){ .va = t->copy, .len = sg.len };
	return ret;
}

static int virtback_table_read(struct virtback_vq *vq, struct virtback_table *t, u32 i,
			       struct virtback_desc *to)
{
	u64 off = (u64)i * sizeof(struct vring_desc);
	struct vring_desc raw;
	int ret;

	if (i >= t->nr)
		return -EINVAL;
	if (t->desc) {
		virtback_split_read_desc(to, &t->desc[array_index_nospec(i, t->nr)]);
		return 0;
	}
	if (off < t->first || off + sizeof(struct vring_desc) > t->first + t->piece.len) {
		virtback_table_unpin(vq, t);
		ret = virtback_table_pin(vq, t, off);
		if (ret) {
			t->piece.len = 0;
			return ret;
		}
		t->first = off;
		if (t->piece.len < sizeof(struct vring_desc)) {
			virtback_table_unpin(vq, t);
			return virtback_table_read_split(vq, t, off, to);
		}
	}
	/* An indirect table may lie at any address, so no word of it is atomic. */
	memcpy(&raw, t->piece.va + (off - t->first), sizeof(raw));
	barrier();
	virtback_split_read_desc(to, &raw);
	return 0;
}

/* Leave the ring's table for an indirect one (VIRTIO 1.2 section 2.7.5.3). */
static int virtback_table_enter(struct virtback_vq *vq, struct virtback_table *t,
				const struct virtback_desc *d)
{
	if (!vq->indirect || !t->desc || (d->flags & VRING_DESC_F_NEXT))
		return -EINVAL;
	if (!d->len || d->len % sizeof(struct vring_desc) || d->addr + d->len < d->addr)
		return -EINVAL;
	t->desc = NULL;
	t->nr = d->len / sizeof(struct vring_desc);
	t->addr = d->addr;
	t->first = 0;
	return 0;
}

/*
 * Copy the chain that starts at @head to vq->sg. The limit of buffers ends a loop.
 */
static int virtback_split_walk(struct virtback_vq *vq, u16 head, struct virtback_chain *chain)
{
	struct virtback_table t = { .desc = vq->desc.va, .nr = vq->num };
	struct virtback_iter *part;
	struct virtback_desc d;
	u32 n = 0, i = head;
	int ret;

	*chain = (struct virtback_chain){ .id = head };
	for (;;) {
		ret = virtback_table_read(vq, &t, i, &d);
		if (ret)
			break;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			ret = virtback_table_enter(vq, &t, &d);
			if (ret)
				break;
			i = 0;
			continue;
		}
		ret = -EINVAL;
		/*
		 * A driver may make the ring smaller than we offered and still
		 * send indirect chains of the length that our limits promise.
		 */
		if (n == (t.desc ? vq->num : vq->num_max) || d.addr + d.len < d.addr)
			break;
		vq->sg[n++] = (struct virtback_sg){ .addr = d.addr, .len = d.len };
		if (!(d.flags & VRING_DESC_F_WRITE) && chain->in.nr)
			break;		/* what the device reads comes first */
		part = d.flags & VRING_DESC_F_WRITE ? &chain->in : &chain->out;
		part->nr++;
		part->left += d.len;
		if (!(d.flags & VRING_DESC_F_NEXT)) {
			ret = 0;
			break;
		}
		i = d.next;
	}
	virtback_table_unpin(vq, &t);
	chain->out.sg = vq->sg;
	chain->in.sg = vq->sg + chain->out.nr;
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

static void virtback_split_unpop(struct virtback_vq *vq)
{
	vq->last_avail--;
}

static void virtback_split_push(struct virtback_vq *vq, u16 id, u32 len)
{
	struct vring_used *used = virtback_split_used(vq);
	vring_used_elem_t *elem = &used->ring[vq->used_idx & (vq->num - 1)];

	WRITE_ONCE(elem->id, __cpu_to_virtio32(true, id));
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
	.unmap = virtback_split_unmap,
	.pop = virtback_split_pop,
	.unpop = virtback_split_unpop,
	.push = virtback_split_push,
	.notify_off = virtback_split_notify_off,
	.notify_on = virtback_split_notify_on,
	.want_irq = virtback_split_want_irq,
};
