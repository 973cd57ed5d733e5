// SPDX-License-Identifier: GPL-2.0
/*
 * What both ring formats do with a chain: limits, the order of its buffers, and
 * indirect tables (VIRTIO 1.2 sections 2.7.5.3 and 2.8.7).
 *
 * A table is 16 bytes a descriptor in either format; which of these bytes mean
 * what is the format's business.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/virtio_ring.h>

#include <virtback/device.h>

#include "core.h"

/*
 * How often a table is copied from a guest whose host copies. One copy holds all
 * descriptors that a chain may have, so more are needed only for a table that is
 * longer, and then only by a driver that jumps about in it to cost us time.
 */
#define VIRTBACK_TABLE_READS	8

static_assert(sizeof(struct vring_desc) == VIRTBACK_DESC_SIZE);
static_assert(sizeof(struct vring_packed_desc) == VIRTBACK_DESC_SIZE);

/**
 * virtback_table_enter() - go from a descriptor of the ring to its table
 * @vq: queue
 * @t: left, or all zero
 * @d: descriptor with VRING_DESC_F_INDIRECT
 *
 * Return: 0, or -EINVAL when the driver may not do this.
 */
int virtback_table_enter(struct virtback_vq *vq, struct virtback_table *t,
			 const struct virtback_desc *d)
{
	if (!vq->indirect || t->nr || (d->flags & VRING_DESC_F_NEXT))
		return -EINVAL;
	if (!d->len || d->len % VIRTBACK_DESC_SIZE || d->addr + d->len < d->addr)
		return -EINVAL;
	t->nr = d->len / VIRTBACK_DESC_SIZE;
	t->addr = d->addr;
	t->first = 0;
	t->reads = 0;
	return 0;
}

/* Let go of the part that is pinned, if one is. */
static void virtback_table_unpin(struct virtback_vq *vq, struct virtback_table *t)
{
	if (t->piece.len)
		virtback_piece_unpin(vq->vd, &t->piece);
	t->piece.len = 0;
}

/**
 * virtback_table_leave() - let go of a table
 * @vq: queue
 * @t: table; nothing happens when none was entered
 */
void virtback_table_leave(struct virtback_vq *vq, struct virtback_table *t)
{
	virtback_table_unpin(vq, t);
	t->nr = 0;
}

/* Make a part of the table, from byte @off on, readable. */
static int virtback_table_pin(struct virtback_vq *vq, struct virtback_table *t, u64 off)
{
	struct virtback_sg sg = {
		.addr = t->addr + off,
		.len = t->nr * VIRTBACK_DESC_SIZE - off,
	};
	struct virtback_iter it = { .sg = &sg, .nr = 1 };
	int ret;

	if (!vq->vd->copies)
		return vq->vd->host->pin(vq->vd, sg.addr, sg.len, false, &t->piece);
	if (t->reads++ == VIRTBACK_TABLE_READS)
		return -EINVAL;
	sg.len = min(sg.len, vq->table_len);
	it.left = sg.len;
	ret = virtback_iter_read(vq, &it, vq->table, sg.len);
	t->piece = (struct virtback_piece){ .va = vq->table, .len = sg.len };
	return ret;
}

/* A descriptor that crosses the end of what can be pinned at once. */
static int virtback_table_read_split(struct virtback_vq *vq, const struct virtback_table *t,
				     u64 off, void *raw)
{
	struct virtback_sg sg = { .addr = t->addr + off, .len = VIRTBACK_DESC_SIZE };
	struct virtback_iter it = { .sg = &sg, .nr = 1, .left = sg.len };

	return virtback_iter_read(vq, &it, raw, VIRTBACK_DESC_SIZE);
}

/**
 * virtback_table_fetch() - copy a descriptor of a part that is not pinned
 * @vq: queue
 * @t: table that was entered
 * @i: which one, any number
 * @raw: receives the descriptor, VIRTBACK_DESC_SIZE bytes
 *
 * Worker context, may sleep.
 *
 * Return: 0, -EINVAL when it is outside of the table, or what the host says of
 * its memory.
 */
int virtback_table_fetch(struct virtback_vq *vq, struct virtback_table *t, u32 i, void *raw)
{
	u64 off = (u64)i * VIRTBACK_DESC_SIZE;
	int ret;

	if (i >= t->nr)
		return -EINVAL;
	virtback_table_unpin(vq, t);
	ret = virtback_table_pin(vq, t, off);
	if (ret) {
		t->piece.len = 0;
		return ret;
	}
	t->first = off;
	if (t->piece.len < VIRTBACK_DESC_SIZE) {
		virtback_table_unpin(vq, t);
		return virtback_table_read_split(vq, t, off, raw);
	}
	virtback_table_copy(t, off, raw);
	return 0;
}

/**
 * virtback_chain_add() - the next buffer of a chain
 * @vq: queue; the buffer goes into vq->sg
 * @chain: chain so far
 * @d: descriptor of the buffer, a copy
 * @max: buffers that a chain may have
 *
 * Return: 0, or -EINVAL when the driver may not do this.
 */
int virtback_chain_add(struct virtback_vq *vq, struct virtback_chain *chain,
		       const struct virtback_desc *d, u32 max)
{
	u32 n = chain->out.nr + chain->in.nr;
	struct virtback_iter *part;

	if (n >= min_t(u32, max, vq->chain_max) || d->addr + d->len < d->addr)
		return -EINVAL;
	vq->sg[n] = (struct virtback_sg){ .addr = d->addr, .len = d->len };
	if (!(d->flags & VRING_DESC_F_WRITE) && chain->in.nr)
		return -EINVAL;		/* what the device reads comes first */
	part = d->flags & VRING_DESC_F_WRITE ? &chain->in : &chain->out;
	part->nr++;
	part->left += d->len;
	return 0;
}

/**
 * virtback_chain_end() - the chain is complete
 * @vq: queue
 * @chain: chain
 */
void virtback_chain_end(struct virtback_vq *vq, struct virtback_chain *chain)
{
	chain->out.sg = vq->sg;
	chain->in.sg = vq->sg + chain->out.nr;
}

/**
 * virtback_ring_map() - map one of the three areas of a ring
 * @vq: queue
 * @area: receives the mapping
 * @addr: guest address
 * @len: bytes
 * @align: what the format demands of @addr, a power of 2
 * @write: the device writes there
 *
 * vd->lock is held, may sleep.
 *
 * Return: 0 or -errno.
 */
int virtback_ring_map(struct virtback_vq *vq, struct virtback_area *area, u64 addr, u32 len,
		      u32 align, bool write)
{
	struct virtback_device *vd = vq->vd;

	if (!IS_ALIGNED(addr, align) || addr + len < addr)
		return -EINVAL;
	return vd->host->map(vd, addr, len, write, area);
}

/**
 * virtback_ring_unmap() - unmap all areas of a ring
 * @vq: queue
 *
 * vd->lock is held, nobody uses the ring. May sleep.
 */
void virtback_ring_unmap(struct virtback_vq *vq)
{
	struct virtback_device *vd = vq->vd;

	vd->host->unmap(vd, &vq->used);
	vd->host->unmap(vd, &vq->avail);
	vd->host->unmap(vd, &vq->desc);
}
