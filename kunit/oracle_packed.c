// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle's packed virtqueue, driver side: VIRTIO 1.2 section 2.8. Positions count
 * descriptors from the start.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "oracle.h"
#include "oracle_layout.h"

static u64 desc_at(const struct oracle *o, u64 pos)
{
	return o->area[0] + pos % o->num * ORACLE_DESC;
}

static void packed_sizes(const struct oracle *o, u32 sizes[3])
{
	sizes[0] = ORACLE_DESC * o->num;
	sizes[1] = 4;
	sizes[2] = 4;
}

static void packed_start(struct oracle *o)
{
	o->mode = ORACLE_EVENT_ENABLE;
	o->event = 0;
}

/* Any number will do that no other request has now. */
static u16 packed_id(struct oracle *o)
{
	u32 id, n;

	do {
		id = oracle_below(o, oracle_chance(o, 80) ? o->num : 65536);
		for (n = 0; n < ORACLE_NUM; n++) {
			if (o->reqs[n].busy && o->reqs[n].id == id)
				break;
		}
	} while (n < ORACLE_NUM);
	return id;
}

/* All of a descriptor but its flags, which make it available. */
static void packed_put(struct oracle *o, u64 at, u64 addr, u32 len, u16 id)
{
	struct oracle_packed_desc d = {
		.addr = cpu_to_le64(addr),
		.len = cpu_to_le32(len),
		.id = cpu_to_le16(id),
	};

	oracle_put(o, at, &d, offsetof(struct oracle_packed_desc, flags));
}

static void packed_put_flags(struct oracle *o, u64 at, u16 flags)
{
	oracle_put16(o, at + offsetof(struct oracle_packed_desc, flags), flags);
}

static u16 avail_flags(const struct oracle *o, u64 pos)
{
	return oracle_lap_bit(pos, o->num) ? ORACLE_D_AVAIL : ORACLE_D_USED;
}

static bool packed_table(struct oracle *o, struct oracle_req *r)
{
	u16 i;

	r->table_len = r->nseg * ORACLE_DESC;
	r->table = oracle_alloc(o, r->table_len, ORACLE_DESC);
	if (!r->table) {
		r->table_len = 0;
		return false;
	}
	/* The write flag is the only one, and the id is reserved (section 2.8.7). */
	for (i = 0; i < r->nseg; i++) {
		u64 at = r->table + i * ORACLE_DESC;

		packed_put(o, at, r->seg[i].addr, r->seg[i].len, oracle_below(o, 65536));
		packed_put_flags(o, at, r->seg[i].write ? ORACLE_D_WRITE : 0);
	}
	return true;
}

/* The last descriptor has the id (section 2.8.6); the first becomes available last. */
static void packed_chain(struct oracle *o, struct oracle_req *r)
{
	u16 i = r->nseg;

	while (i--) {
		const struct oracle_seg *s = &r->seg[i];
		bool last = i == r->nseg - 1;
		u16 flags = avail_flags(o, o->avail + i);

		if (s->write)
			flags |= ORACLE_D_WRITE;
		if (!last)
			flags |= ORACLE_D_NEXT;
		packed_put(o, desc_at(o, o->avail + i), s->addr, s->len,
			   last || oracle_chance(o, 50) ? r->id : oracle_below(o, 65536));
		packed_put_flags(o, desc_at(o, o->avail + i), flags);
	}
}

static bool packed_add(struct oracle *o, struct oracle_req *r)
{
	bool table = oracle_has(o, ORACLE_F_INDIRECT) && oracle_chance(o, 60);

	r->slots = table ? 1 : r->nseg;
	r->ndesc = r->slots;
	if (r->slots > o->room || (table && !packed_table(o, r)))
		return false;
	r->id = packed_id(o);
	if (table) {
		packed_put(o, desc_at(o, o->avail), r->table, r->table_len, r->id);
		packed_put_flags(o, desc_at(o, o->avail),
				 ORACLE_D_INDIRECT | avail_flags(o, o->avail));
	} else {
		packed_chain(o, r);
	}
	o->room -= r->slots;
	o->avail += r->slots;
	return true;
}

static bool packed_wants_kick(struct oracle *o, u64 old, u64 new)
{
	u16 at = oracle_get16(o, o->area[2] + ORACLE_EVENT_DESC);

	switch (oracle_get16(o, o->area[2] + ORACLE_EVENT_FLAGS)) {
	case ORACLE_EVENT_DISABLE:
		return false;
	case ORACLE_EVENT_AT:
		return oracle_packed_crossed(o->num, at & 0x7fff, at >> 15, old, new);
	default:
		return true;
	}
}

/* Section 2.8.2: used when both bits are the lap's. */
static int packed_next(struct oracle *o, struct oracle_used *u)
{
	u64 at = desc_at(o, o->used);
	u16 flags = oracle_get16(o, at + offsetof(struct oracle_packed_desc, flags));
	bool lap = oracle_lap_bit(o->used, o->num);

	if (!!(flags & ORACLE_D_AVAIL) != lap || !!(flags & ORACLE_D_USED) != lap)
		return 0;
	if (!o->nr_busy) {
		oracle_fail(o, "used descriptor at %llu, nothing is outstanding", o->used);
		return -1;
	}
	u->id = oracle_get16(o, at + offsetof(struct oracle_packed_desc, id));
	/* Without the flag nothing was written, and the length is reserved. */
	u->len = 0;
	if (flags & ORACLE_D_WRITE)
		u->len = oracle_get32(o, at + offsetof(struct oracle_packed_desc, len));
	oracle_accept(o, at, ORACLE_DESC);
	return 1;
}

static bool packed_wants_irq(struct oracle *o, u64 old, u64 new)
{
	switch (o->mode) {
	case ORACLE_EVENT_DISABLE:
		return false;
	case ORACLE_EVENT_AT:
		return oracle_packed_crossed(o->num, o->event % o->num,
					     oracle_lap_bit(o->event, o->num), old, new);
	default:
		return true;
	}
}

static void packed_suppress(struct oracle *o)
{
	o->mode = oracle_below(o, oracle_has(o, ORACLE_F_EVENT_IDX) ? 3 : 2);
	if (o->mode == ORACLE_EVENT_AT) {
		o->event = o->used + oracle_below(o, oracle_chance(o, 70) ? 4 : o->num);
		oracle_put16(o, o->area[1] + ORACLE_EVENT_DESC,
			     (u16)(o->event % o->num) |
			     (oracle_lap_bit(o->event, o->num) ? 1 << 15 : 0));
	}
	oracle_put16(o, o->area[1] + ORACLE_EVENT_FLAGS, o->mode);
}

static bool packed_audit(struct oracle *o)
{
	u16 at = oracle_get16(o, o->area[2] + ORACLE_EVENT_DESC);
	u16 flags = oracle_get16(o, o->area[2] + ORACLE_EVENT_FLAGS);

	if (flags > (oracle_has(o, ORACLE_F_EVENT_IDX) ? ORACLE_EVENT_AT : ORACLE_EVENT_DISABLE))
		return oracle_fail(o, "the device's event flags are %#x", flags);
	if (flags == ORACLE_EVENT_AT && (at & 0x7fff) >= o->num)
		return oracle_fail(o, "the device's event is at %#x", at);
	oracle_accept(o, o->area[2], 4);
	return true;
}

const struct oracle_format oracle_packed = {
	.name = "packed",
	.sizes = packed_sizes,
	.aligns = { 16, 4, 4 },
	.start = packed_start,
	.add = packed_add,
	.wants_kick = packed_wants_kick,
	.next = packed_next,
	.wants_irq = packed_wants_irq,
	.suppress = packed_suppress,
	.audit = packed_audit,
};
