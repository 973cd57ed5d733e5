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
#include <linux/sizes.h>
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

/* Bytes of a table that are pinned at once, if the host can; a guest decides how long it is. */
#define VIRTBACK_WINDOW_MAX	SZ_64K

static_assert(sizeof(struct virtback_raw) == VIRTBACK_DESC_SIZE);
static_assert(sizeof(struct vring_desc) == VIRTBACK_DESC_SIZE);
static_assert(sizeof(struct vring_packed_desc) == VIRTBACK_DESC_SIZE);

/**
 * virtback_window_close() - let go of where tables were found
 * @vq: queue; nothing happens when nothing is pinned
 *
 * Called with ring_lock held.
 */
void virtback_window_close(struct virtback_vq *vq)
{
	struct virtback_window *w = &vq->window;

	if (w->piece.len)
		virtback_piece_unpin(vq->vd, &w->piece);
	w->piece.len = 0;
}

/* Pin memory from @addr on; 0 or -errno, then nothing is pinned. */
static int virtback_window_open(struct virtback_vq *vq, u64 addr, u32 len)
{
	struct virtback_window *w = &vq->window;
	int ret;

	w->addr = addr;
	ret = vq->vd->host->pin(vq->vd, addr, len, false, &w->piece);
	if (ret)
		w->piece.len = 0;
	return ret;
}

/*
 * Pin @len bytes from @addr on, or what of them can be had at once, with the page that
 * they begin in, for the next tables are most often there.
 */
static int virtback_window_move(struct virtback_vq *vq, u64 addr, u32 len)
{
	struct virtback_window *w = &vq->window;
	const u64 *gen = vq->vd->mem_gen;
	u32 before = offset_in_page(addr);

	virtback_window_close(vq);
	/* Before the memory is looked for. */
	w->gen = gen ? READ_ONCE(*gen) : 0;
	if (!virtback_window_open(vq, addr - before, max_t(u32, before + len, PAGE_SIZE)) &&
	    w->piece.len > before)
		return 0;
	virtback_window_close(vq);
	return virtback_window_open(vq, addr, len);
}

/* Copy a part of the table, from byte @off on. Returns how many bytes of it, or -errno. */
static int virtback_table_load(struct virtback_vq *vq, struct virtback_table *t, u64 off)
{
	struct virtback_sg sg = {
		.addr = t->addr + off,
		.len = min_t(u64, t->nr * VIRTBACK_DESC_SIZE - off, vq->table_len),
	};
	struct virtback_iter it = { .sg = &sg, .nr = 1, .left = sg.len };
	int ret;

	if (!off && virtback_ahead_table(vq, t))
		return sg.len;
	if (t->reads++ == VIRTBACK_TABLE_READS)
		return -EINVAL;
	t->va = vq->table;
	ret = virtback_iter_read(vq, &it, vq->table, sg.len);
	return ret ? ret : sg.len;
}

/* Pin a part of it, from there on, in the same way. */
static int virtback_table_pin(struct virtback_vq *vq, struct virtback_table *t, u64 off)
{
	u32 len = min_t(u64, t->nr * VIRTBACK_DESC_SIZE - off, VIRTBACK_WINDOW_MAX);
	u64 addr = t->addr + off;
	int ret;

	ret = virtback_window_has(vq, addr) ? 0 : virtback_window_move(vq, addr, len);
	if (ret)
		return ret;
	t->va = virtback_window_at(vq, addr);
	return min(len, virtback_window_rest(vq, addr));
}

/* A descriptor that crosses the end of what can be pinned at once is copied. */
static int virtback_table_copy_split(struct virtback_vq *vq, struct virtback_table *t, u64 off)
{
	struct virtback_sg sg = { .addr = t->addr + off, .len = VIRTBACK_DESC_SIZE };
	struct virtback_iter it = { .sg = &sg, .nr = 1, .left = sg.len };

	t->va = vq->table;
	return virtback_iter_read(vq, &it, vq->table, VIRTBACK_DESC_SIZE);
}

/**
 * virtback_table_fetch() - bring a descriptor within reach
 * @vq: queue
 * @t: table that was entered; the descriptor is the first within reach
 * @i: which one, any number
 *
 * Worker context, may sleep.
 *
 * Return: 0, -EINVAL when it is outside of the table, or what the host says of
 * its memory.
 */
int virtback_table_fetch(struct virtback_vq *vq, struct virtback_table *t, u32 i)
{
	u64 off = (u64)i * VIRTBACK_DESC_SIZE;
	int len, ret;

	if (i >= t->nr)
		return -EINVAL;
	t->reach = 0;
	len = vq->vd->copies ? virtback_table_load(vq, t, off) : virtback_table_pin(vq, t, off);
	if (len < 0)
		return len;
	t->from = i;
	t->reach = len / VIRTBACK_DESC_SIZE;
	if (t->reach)
		return 0;
	ret = virtback_table_copy_split(vq, t, off);
	if (!ret)
		t->reach = 1;
	return ret;
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
