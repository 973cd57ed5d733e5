// SPDX-License-Identifier: GPL-2.0
/*
 * The device's side of the oracle's rings; see oracle_device.h.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "oracle_device.h"
#include "oracle_layout.h"

static u16 get16(const void *p)
{
	/* The word before what it says; the driver writes the word last. */
	return le16_to_cpu(smp_load_acquire((const __le16 *)p));
}

static void put16(void *p, u16 val)
{
	/* What the word makes visible before the word; the driver reads the word first. */
	smp_store_release((__le16 *)p, cpu_to_le16(val));
}

static bool add_seg(struct oracle_chain *c, u64 addr, u32 len, u16 flags)
{
	if (c->nseg == ORACLE_NUM)
		return false;
	c->seg[c->nseg++] = (struct oracle_seg){
		.addr = addr,
		.len = len,
		.write = flags & ORACLE_D_WRITE,
	};
	return true;
}

/* Section 2.7.5. */
static int split_chain(struct oracle_device *d, struct oracle_chain *c)
{
	const struct oracle_split_desc *table = d->ring[0], *e;
	u32 i = c->id, nr = d->num;
	u16 flags;

	for (;;) {
		if (i >= nr)
			return -1;
		e = &table[i];
		flags = le16_to_cpu(e->flags);
		if (flags & ORACLE_D_INDIRECT) {
			if (flags & ORACLE_D_NEXT || table != d->ring[0])
				return -1;
			nr = le32_to_cpu(e->len) / ORACLE_DESC;
			table = d->va(le64_to_cpu(e->addr));
			i = 0;
			continue;
		}
		if (!add_seg(c, le64_to_cpu(e->addr), le32_to_cpu(e->len), flags))
			return -1;
		if (!(flags & ORACLE_D_NEXT))
			return 1;
		i = le16_to_cpu(e->next);
	}
}

static int split_pop(struct oracle_device *d, struct oracle_chain *c)
{
	if (get16(d->ring[1] + ORACLE_AVAIL_IDX) == (u16)d->avail)
		return 0;
	c->id = get16(d->ring[1] + ORACLE_AVAIL_RING(d->avail % d->num));
	c->slots = 1;
	return split_chain(d, c);
}

/* Section 2.8.7: the length of the table says how many there are. */
static int packed_table(struct oracle_device *d, struct oracle_chain *c,
			const struct oracle_packed_desc *e)
{
	const struct oracle_packed_desc *table = d->va(le64_to_cpu(e->addr));
	u32 i, n = le32_to_cpu(e->len) / ORACLE_DESC;

	c->id = le16_to_cpu(e->id);
	c->slots = 1;
	for (i = 0; i < n; i++) {
		if (!add_seg(c, le64_to_cpu(table[i].addr), le32_to_cpu(table[i].len),
			     le16_to_cpu(table[i].flags)))
			return -1;
	}
	return n ? 1 : -1;
}

static int packed_pop(struct oracle_device *d, struct oracle_chain *c)
{
	const struct oracle_packed_desc *ring = d->ring[0], *e;
	bool lap = oracle_lap_bit(d->avail, d->num);
	u64 pos = d->avail;
	u16 flags;

	e = &ring[pos % d->num];
	flags = get16(&e->flags);
	if (!!(flags & ORACLE_D_AVAIL) != lap || !!(flags & ORACLE_D_USED) == lap)
		return 0;
	if (flags & ORACLE_D_INDIRECT)
		return flags & ORACLE_D_NEXT ? -1 : packed_table(d, c, e);
	for (;;) {
		if (!add_seg(c, le64_to_cpu(e->addr), le32_to_cpu(e->len), flags))
			return -1;
		c->slots++;
		c->id = le16_to_cpu(e->id);
		if (!(flags & ORACLE_D_NEXT))
			return 1;
		e = &ring[++pos % d->num];
		flags = get16(&e->flags);
	}
}

/**
 * oracle_pop() - take the next chain
 * @d: device
 * @c: receives it
 *
 * Return: 1, or 0 when there is none, or -1 when it is none that a driver may make.
 */
int oracle_pop(struct oracle_device *d, struct oracle_chain *c)
{
	int ret;

	*c = (struct oracle_chain){};
	ret = d->packed ? packed_pop(d, c) : split_pop(d, c);
	if (ret > 0)
		d->avail += c->slots;
	return ret;
}

/**
 * oracle_push() - use a chain
 * @d: device
 * @c: chain that was taken, in any order
 * @len: bytes written
 */
void oracle_push(struct oracle_device *d, const struct oracle_chain *c, u32 len)
{
	struct oracle_packed_desc *e;
	void *elem;

	if (d->packed) {
		e = d->ring[0] + d->used % d->num * ORACLE_DESC;
		e->id = cpu_to_le16(c->id);
		e->len = cpu_to_le32(len);
		put16(&e->flags, (oracle_lap_bit(d->used, d->num) ?
				  ORACLE_D_AVAIL | ORACLE_D_USED : 0) |
				 (len ? ORACLE_D_WRITE : 0));
		d->used += c->slots;
		return;
	}
	elem = d->ring[2] + ORACLE_USED_RING(d->used % d->num);
	((__le32 *)elem)[0] = cpu_to_le32(c->id);
	((__le32 *)elem)[1] = cpu_to_le32(len);
	d->used++;
	put16(d->ring[2] + ORACLE_USED_IDX, d->used);
}

/**
 * oracle_irq_wanted() - did the driver ask for an interrupt?
 * @d: device
 * @old: used position when this was asked last
 * @new: used position
 */
bool oracle_irq_wanted(struct oracle_device *d, u64 old, u64 new)
{
	u16 at;

	if (!d->packed && d->event_idx)
		return oracle_split_crossed(get16(d->ring[1] + ORACLE_AVAIL_RING(d->num)),
					    old, new);
	if (!d->packed)
		return !(get16(d->ring[1] + ORACLE_AVAIL_FLAGS) & 1);
	at = get16(d->ring[1] + ORACLE_EVENT_DESC);
	switch (get16(d->ring[1] + ORACLE_EVENT_FLAGS)) {
	case ORACLE_EVENT_DISABLE:
		return false;
	case ORACLE_EVENT_AT:
		return oracle_packed_crossed(d->num, at & 0x7fff, at >> 15, old, new);
	default:
		return true;
	}
}

/**
 * oracle_ask_kicks() - say when the driver is to kick
 * @d: device
 * @when: when
 * @at: of ORACLE_KICK_AT: when this position is made available
 */
void oracle_ask_kicks(struct oracle_device *d, enum oracle_kicks when, u64 at)
{
	static const u16 flags[] = {
		[ORACLE_KICK_NEVER] = ORACLE_EVENT_DISABLE,
		[ORACLE_KICK_ALWAYS] = ORACLE_EVENT_ENABLE,
		[ORACLE_KICK_AT] = ORACLE_EVENT_AT,
	};

	if (d->packed) {
		put16(d->ring[2] + ORACLE_EVENT_DESC,
		      (u16)(at % d->num) | (oracle_lap_bit(at, d->num) ? 0x8000 : 0));
		put16(d->ring[2] + ORACLE_EVENT_FLAGS, flags[when]);
	} else if (d->event_idx) {
		put16(d->ring[2] + ORACLE_USED_RING(d->num), at);
	} else {
		put16(d->ring[2] + ORACLE_USED_FLAGS, when == ORACLE_KICK_NEVER);
	}
}

/**
 * oracle_kick_asked() - must a driver kick that was told so?
 * @when: as in oracle_ask_kicks()
 * @at: as in oracle_ask_kicks()
 * @old: position that was available at the last decision
 * @new: position that is available
 */
bool oracle_kick_asked(enum oracle_kicks when, u64 at, u64 old, u64 new)
{
	if (when != ORACLE_KICK_AT)
		return when == ORACLE_KICK_ALWAYS;
	return at >= old && at < new;
}
