// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's side of the rings, as a good driver has it: what the input does to them
 * afterwards is its business.
 */
#include "fuzz.h"
#include <linux/virtio_ring.h>
#undef memcpy

struct fz_ring fz_rings[FZ_QUEUES];

/**
 * fz_ring_begin() - start at the beginning of a queue
 * @q: its number
 * @num: its size
 * @packed: its format
 */
void fz_ring_begin(unsigned int q, u16 num, bool packed)
{
	fz_rings[q] = (struct fz_ring){ .num = num, .packed = packed, .wrap = true };
}

static void put16(u32 off, u16 val)
{
	fz_guest_put(off, &val, sizeof(val));
}

static u16 packed_flags(const struct fz_ring *r, u16 flags)
{
	return flags | 1 << (r->wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED);
}

static void put_split(u32 off, const struct fz_seg *s, u16 flags, u16 next)
{
	struct vring_desc d = { .addr = s->addr, .len = s->len, .flags = flags, .next = next };

	fz_guest_put(off, &d, sizeof(d));
}

static void put_packed(u32 off, const struct fz_seg *s, u16 flags, u16 id)
{
	struct vring_packed_desc d = { .addr = s->addr, .len = s->len, .id = id, .flags = flags };

	fz_guest_put(off, &d, sizeof(d));
}

static void put_table(const struct fz_ring *r, u32 off, const struct fz_seg *segs,
		      unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u16 flags = segs[i].write ? VRING_DESC_F_WRITE : 0;

		if (r->packed)
			put_packed(off + 16 * i, &segs[i], flags, 0);
		else
			put_split(off + 16 * i, &segs[i],
				  flags | (i + 1 < nr ? VRING_DESC_F_NEXT : 0), i + 1);
	}
}

static u16 offer_split(unsigned int q, const struct fz_seg *segs, unsigned int nr, u16 extra)
{
	struct fz_ring *r = &fz_rings[q];
	u16 head = r->next;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u16 next = (r->next + 1) % r->num;

		put_split(FZ_RING(q) + 16 * r->next, &segs[i],
			  (segs[i].write ? VRING_DESC_F_WRITE : 0) | extra |
			  (i + 1 < nr ? VRING_DESC_F_NEXT : 0), next);
		r->next = next;
	}
	put16(FZ_RING(q) + FZ_AVAIL + 4 + 2 * (r->idx % r->num), head);
	put16(FZ_RING(q) + FZ_AVAIL + 2, ++r->idx);
	return head;
}

static u16 offer_packed(unsigned int q, const struct fz_seg *segs, unsigned int nr, u16 extra)
{
	struct fz_ring *r = &fz_rings[q];
	u16 head = r->next;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		put_packed(FZ_RING(q) + 16 * r->next, &segs[i],
			   packed_flags(r, (segs[i].write ? VRING_DESC_F_WRITE : 0) | extra |
					(i + 1 < nr ? VRING_DESC_F_NEXT : 0)), head);
		if (++r->next >= r->num) {
			r->next = 0;
			r->wrap = !r->wrap;
		}
	}
	return head;
}

/**
 * fz_ring_offer() - make a chain available
 * @q: queue
 * @segs: its buffers
 * @nr: of them
 * @table: offset of an indirect table, 0 for a chain in the ring
 *
 * Return: its head
 */
u16 fz_ring_offer(unsigned int q, const struct fz_seg *segs, unsigned int nr, u32 table)
{
	struct fz_ring *r = &fz_rings[q];
	struct fz_seg one = { .addr = FZ_BASE + table, .len = 16 * nr };
	u16 extra = 0;

	if (!r->num)
		return 0;
	if (table) {
		put_table(r, table, segs, nr);
		segs = &one;
		nr = 1;
		extra = VRING_DESC_F_INDIRECT;
	}
	return r->packed ? offer_packed(q, segs, nr, extra) : offer_split(q, segs, nr, extra);
}

static u16 get16(u32 off)
{
	u16 val;

	fz_guest_get(off, &val, sizeof(val));
	return val;
}

static bool wants_kick_split(u32 ring, const struct fz_ring *r, bool event_idx)
{
	if (!event_idx)
		return !(get16(ring + FZ_USED) & VRING_USED_F_NO_NOTIFY);
	return vring_need_event(get16(ring + FZ_USED + 4 + 8 * r->num), r->idx, r->idx - 1);
}

static bool wants_kick_packed(u32 ring, const struct fz_ring *r, u16 added)
{
	u16 event = get16(ring + FZ_USED), flags = get16(ring + FZ_USED + 2);
	bool wrap = event >> VRING_PACKED_EVENT_F_WRAP_CTR;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	event &= ~(1 << VRING_PACKED_EVENT_F_WRAP_CTR);
	if (wrap != r->wrap)
		event -= r->num;
	return vring_need_event(event, r->next, r->next - added);
}

/**
 * fz_ring_wants_kick() - does the device want to be notified of the last chain?
 * @q: queue
 * @event_idx: VIRTIO_F_EVENT_IDX was negotiated
 * @added: descriptors of the ring that the chain takes
 */
bool fz_ring_wants_kick(unsigned int q, bool event_idx, u16 added)
{
	const struct fz_ring *r = &fz_rings[q];

	return r->packed ? wants_kick_packed(FZ_RING(q), r, added) :
			   wants_kick_split(FZ_RING(q), r, event_idx);
}
