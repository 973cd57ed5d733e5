// SPDX-License-Identifier: GPL-2.0
/*
 * Packed virtqueues, device side (VIRTIO 1.2 section 2.8).
 *
 * One ring of descriptors that both sides write. A descriptor is available when
 * its AVAIL bit is the driver's wrap counter and its USED bit is not; it is used
 * when both are the device's. So the flags of a descriptor are read first and
 * written last, and positions are an offset and a wrap counter, kept here and
 * nowhere else. The counter is kept as what AVAIL and USED are in this lap.
 *
 * Every word of the driver's is read once, checked, and used from the copy; but the
 * flags of a chain's first descriptor twice, once to see that it is available, which
 * is all that they are asked, and once with the rest of it. The format is little
 * endian throughout.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/virtio_ring.h>
#include <asm/barrier.h>

#include <virtback/device.h>

#include "core.h"

#define PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	BIT(VRING_PACKED_DESC_F_USED)
#define PACKED_BOTH	(PACKED_AVAIL | PACKED_USED)

/* An offset has 15 bits, its wrap counter is the last. */
#define PACKED_WRAP	BIT(VRING_PACKED_EVENT_F_WRAP_CTR)

static struct vring_packed_desc *virtback_packed_ring(const struct virtback_vq *vq, u16 i)
{
	struct vring_packed_desc *ring = vq->desc.va;

	return &ring[array_index_nospec(i, vq->num)];
}

/* The driver's event suppression: when does it want interrupts? */
static const struct vring_packed_desc_event *virtback_packed_driver(const struct virtback_vq *vq)
{
	return vq->avail.va;
}

/*
 * The device's: when does it want kicks? Offset and flags in one store, so that
 * the driver never sees one without the other. The area is aligned to 4 bytes.
 */
static void virtback_packed_event(struct virtback_vq *vq, u16 off_wrap, u16 flags)
{
	WRITE_ONCE(*(__le32 *)vq->used.va, cpu_to_le32((u32)flags << 16 | off_wrap));
}

/* The wrap counter as an event has it, of the two bits in this lap. */
static u16 virtback_packed_wrap(u16 flags)
{
	return flags & PACKED_AVAIL ? PACKED_WRAP : 0;
}

/* Pass @n descriptors, at most vq->num. */
static void virtback_packed_forward(const struct virtback_vq *vq, u16 *pos, u16 *flags, u16 n)
{
	u32 next = (u32)*pos + n;

	if (next >= vq->num) {
		next -= vq->num;
		*flags ^= PACKED_BOTH;
	}
	*pos = next;
}

static int virtback_packed_map(struct virtback_vq *vq)
{
	u32 num = vq->num;
	int ret;

	if (!num)
		return -EINVAL;
	/* VIRTIO 1.2 section 2.8.10 gives sizes and alignments. */
	ret = virtback_ring_map(vq, &vq->desc, vq->desc_addr, VIRTBACK_DESC_SIZE * num, 16, true);
	if (ret)
		return ret;
	ret = virtback_ring_map(vq, &vq->avail, vq->driver_addr, 4, 4, false);
	if (ret)
		goto unmap_desc;
	ret = virtback_ring_map(vq, &vq->used, vq->device_addr, 4, 4, true);
	if (ret)
		goto unmap_driver;
	vq->last_avail = 0;
	vq->avail_flags = PACKED_AVAIL;
	vq->used_idx = 0;
	vq->used_flags = PACKED_BOTH;
	vq->signalled_valid = false;
	return 0;

unmap_driver:
	vq->vd->host->unmap(vq->vd, &vq->avail);
unmap_desc:
	vq->vd->host->unmap(vq->vd, &vq->desc);
	return ret;
}

/* Has the driver made a descriptor available? @flags is what it was read as. */
static bool virtback_packed_available(const struct vring_packed_desc *desc, u16 lap, u16 *flags)
{
	*flags = le16_to_cpu(READ_ONCE(desc->flags));
	return (*flags & PACKED_BOTH) == lap;
}

/* The next one? */
static bool virtback_packed_pending(const struct virtback_vq *vq)
{
	u16 flags;

	return virtback_packed_available(virtback_packed_ring(vq, vq->last_avail),
					 vq->avail_flags, &flags);
}

static void virtback_packed_desc(struct virtback_desc *to, const struct virtback_raw *raw)
{
	u64 rest = le64_to_cpu(raw->rest);

	to->addr = le64_to_cpu(raw->addr);
	to->len = rest;
	to->next = rest >> 32;
	to->flags = rest >> 48;
}

/* All of a table is the chain: what else its flags say is reserved (section 2.8.7). */
static int virtback_packed_walk_table(struct virtback_vq *vq, const struct virtback_desc *head,
				      struct virtback_parts *parts)
{
	u32 i, nr = head->len / VIRTBACK_DESC_SIZE;
	struct virtback_table *t = &vq->walk;
	struct virtback_raw raw;
	struct virtback_desc d;
	int ret;

	ret = virtback_table_enter(vq, t, head);
	for (i = 0; !ret && i < nr; i++) {
		ret = virtback_table_read(vq, t, i, &raw);
		if (ret)
			break;
		virtback_packed_desc(&d, &raw);
		ret = d.flags & VRING_DESC_F_INDIRECT ? -EINVAL :
		      virtback_chain_add(vq, parts, &d, vq->chain_max);
	}
	return ret;
}

/*
 * Copy the chain at @pos to vq->sg. Its descriptors are the driver's once the first one was
 * available, whatever AVAIL and USED say of the others. The limit of buffers ends a loop.
 */
static int virtback_packed_walk(struct virtback_vq *vq, u16 pos,
				const struct vring_packed_desc *from,
				struct virtback_chain *chain)
{
	struct virtback_parts parts;
	u16 lap = 0, n;
	struct virtback_raw raw;
	struct virtback_desc d;
	int ret;

	virtback_chain_begin(vq, &parts, chain);
	for (;;) {
		virtback_desc_read(&raw, from);
		virtback_packed_desc(&d, &raw);
		n = parts.nr + 1;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			/* One more than the ring has: its first one became a table meanwhile. */
			ret = parts.nr && n > vq->num ? -EINVAL :
			      virtback_packed_walk_table(vq, &d, &parts);
			break;
		}
		ret = virtback_chain_add(vq, &parts, &d, vq->num);
		if (ret || !(d.flags & VRING_DESC_F_NEXT))
			break;
		virtback_packed_forward(vq, &pos, &lap, 1);
		from = virtback_packed_ring(vq, pos);
	}
	virtback_chain_end(&parts);
	/* The id of a chain is in its last descriptor (section 2.8.6); any number is one. */
	chain->id = d.next;
	chain->ndesc = n;
	return ret;
}

static int virtback_packed_pop(struct virtback_vq *vq, struct virtback_chain *chain)
{
	u16 pos = vq->last_avail, flags;
	const struct vring_packed_desc *head = virtback_packed_ring(vq, pos);
	int ret;

	if (!virtback_packed_available(head, vq->avail_flags, &flags))
		return 0;
	/* The rest after the flags; pairs with the driver's barrier before these. */
	virt_rmb();
	ret = virtback_packed_walk(vq, pos, head, chain);
	if (ret) {
		virtback_guest_err(vq->vd, "queue %u: bad descriptor chain at %u, id %u (%d)\n",
				   vq->index, pos, chain->id, ret);
		return ret;
	}
	virtback_packed_forward(vq, &pos, &vq->avail_flags, chain->ndesc);
	vq->last_avail = pos;
	return 1;
}

static bool virtback_packed_peek(const struct virtback_vq *vq, u16 n, struct virtback_desc *head)
{
	u16 pos = vq->last_avail, lap = vq->avail_flags, flags;
	const struct vring_packed_desc *desc;
	struct virtback_raw raw;

	if (n >= vq->num)
		return false;
	virtback_packed_forward(vq, &pos, &lap, n);
	desc = virtback_packed_ring(vq, pos);
	if (!virtback_packed_available(desc, lap, &flags))
		return false;
	/* The rest after the flags; pairs with the driver's barrier before these. */
	virt_rmb();
	virtback_desc_read(&raw, desc);
	virtback_packed_desc(head, &raw);
	return true;
}

static void virtback_packed_unpop(struct virtback_vq *vq, const struct virtback_chain *chain)
{
	if (vq->last_avail < chain->ndesc) {
		vq->last_avail += vq->num;
		vq->avail_flags ^= PACKED_BOTH;
	}
	vq->last_avail -= chain->ndesc;
}

static void virtback_packed_push(struct virtback_vq *vq, const struct virtback_req *req, u32 len)
{
	u16 pos = vq->used_idx;
	struct vring_packed_desc *desc = virtback_packed_ring(vq, pos);
	u16 flags = vq->used_flags | (len ? VRING_DESC_F_WRITE : 0);

	WRITE_ONCE(desc->id, cpu_to_le16(req->id));
	WRITE_ONCE(desc->len, cpu_to_le32(len));
	/* Buffers and element before the flags; the driver reads the flags first. */
	virt_wmb();
	WRITE_ONCE(desc->flags, cpu_to_le16(flags));
	virtback_packed_forward(vq, &pos, &vq->used_flags, req->ndesc);
	vq->used_idx = pos;
}

static void virtback_packed_notify_off(struct virtback_vq *vq)
{
	virtback_packed_event(vq, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static bool virtback_packed_notify_on(struct virtback_vq *vq)
{
	if (vq->event_idx)
		virtback_packed_event(vq, vq->last_avail | virtback_packed_wrap(vq->avail_flags),
				      VRING_PACKED_EVENT_FLAG_DESC);
	else
		virtback_packed_event(vq, 0, VRING_PACKED_EVENT_FLAG_ENABLE);
	/*
	 * Ask, then look: the driver stores its flags, then looks whether it was
	 * asked. One of the two sees the other.
	 */
	virt_mb();
	return virtback_packed_pending(vq);
}

/*
 * Did the used position pass the driver's event on its way from @old to @new? All
 * are made offsets of the lap that @new is in, modulo 2^16.
 */
static bool virtback_packed_passed(const struct virtback_vq *vq, u16 off_wrap, u16 new, u16 old)
{
	u16 event = off_wrap & ~PACKED_WRAP;

	if (new <= old)
		old -= vq->num;
	if ((off_wrap & PACKED_WRAP) != virtback_packed_wrap(vq->used_flags))
		event -= vq->num;
	return vring_need_event(event, new, old);
}

static bool virtback_packed_want_irq(struct virtback_vq *vq)
{
	const struct vring_packed_desc_event *event = virtback_packed_driver(vq);
	u16 new = vq->used_idx, old = vq->signalled, flags;
	bool valid = vq->signalled_valid;

	vq->signalled = new;
	vq->signalled_valid = true;
	/*
	 * The used element before the driver's wish; the driver stores its wish,
	 * then looks at the element.
	 */
	virt_mb();
	flags = le16_to_cpu(READ_ONCE(event->flags));
	if (!vq->event_idx || flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	/* The driver stores the offset before the flags that give it a meaning. */
	virt_rmb();
	return !valid ||
	       virtback_packed_passed(vq, le16_to_cpu(READ_ONCE(event->off_wrap)), new, old);
}

const struct virtback_ring_ops virtback_packed_ops = {
	.map = virtback_packed_map,
	.unmap = virtback_ring_unmap,
	.pop = virtback_packed_pop,
	.peek = virtback_packed_peek,
	.unpop = virtback_packed_unpop,
	.push = virtback_packed_push,
	.notify_off = virtback_packed_notify_off,
	.notify_on = virtback_packed_notify_on,
	.pending = virtback_packed_pending,
	.want_irq = virtback_packed_want_irq,
};
