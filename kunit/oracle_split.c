// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle's split virtqueue, driver side: VIRTIO 1.2 section 2.7. Positions count
 * chains.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "oracle.h"
#include "oracle_layout.h"

#define NO_INTERRUPT	1	/* section 2.7.7 */
#define NO_NOTIFY	1	/* section 2.7.10 */

static u64 avail_at(const struct oracle *o, u32 off)
{
	return o->area[1] + off;
}

static u64 used_at(const struct oracle *o, u32 off)
{
	return o->area[2] + off;
}

static void split_sizes(const struct oracle *o, u32 sizes[3])
{
	sizes[0] = ORACLE_DESC * o->num;
	sizes[1] = ORACLE_AVAIL_RING(o->num) + 2;
	sizes[2] = ORACLE_USED_RING(o->num) + 2;
}

static void split_start(struct oracle *o)
{
	o->busy_desc = 0;
	o->mode = 0;
	o->event = 0;
	/* The table may hold anything. */
	oracle_scribble(o, o->area[0], o->area_len[0]);
}

/* In order, descriptors are taken one after the other (section 2.7.9). */
static u16 split_take(struct oracle *o)
{
	u16 i;

	if (oracle_has(o, ORACLE_F_IN_ORDER)) {
		i = o->next_desc;
		o->next_desc = (i + 1) % o->num;
	} else {
		do {
			i = oracle_below(o, o->num);
		} while (test_bit(i, &o->busy_desc));
		__set_bit(i, &o->busy_desc);
	}
	o->room--;
	return i;
}

static void split_put(struct oracle *o, u64 table, u16 i, u64 addr, u32 len, u16 flags, u16 next)
{
	struct oracle_split_desc d = {
		.addr = cpu_to_le64(addr),
		.len = cpu_to_le32(len),
		.flags = cpu_to_le16(flags),
		.next = cpu_to_le16(next),
	};

	oracle_put(o, table + i * ORACLE_DESC, &d, sizeof(d));
}

static u16 write_flag(const struct oracle_seg *s)
{
	return s->write ? ORACLE_D_WRITE : 0;
}

/* The order of a table's entries: the first is first, the others anyhow. */
static void split_shuffle(struct oracle *o, u16 *at, u16 n)
{
	u16 i, j;

	for (i = 0; i < n; i++)
		at[i] = i;
	if (oracle_has(o, ORACLE_F_IN_ORDER))
		return;
	for (i = n - 1; n && i > 1; i--) {
		j = 1 + oracle_below(o, i);
		swap(at[i], at[j]);
	}
}

/* Buffers from @first on go to a table of their own. */
static bool split_table(struct oracle *o, struct oracle_req *r, u16 first)
{
	u16 n = r->nseg - first, at[ORACLE_NUM], i;

	r->table_len = n * ORACLE_DESC;
	/* No alignment is asked of a table. */
	r->table = oracle_alloc(o, r->table_len, oracle_chance(o, 75) ? ORACLE_DESC : 1);
	if (!r->table) {
		r->table_len = 0;
		return false;
	}
	split_shuffle(o, at, n);
	for (i = 0; i < n; i++) {
		const struct oracle_seg *s = &r->seg[first + i];
		bool last = i == n - 1;

		split_put(o, r->table, at[i], s->addr, s->len,
			  write_flag(s) | (last ? 0 : ORACLE_D_NEXT),
			  last ? oracle_below(o, 65536) : at[i + 1]);
	}
	return true;
}

static void split_chain(struct oracle *o, struct oracle_req *r, u16 direct)
{
	u16 i;

	for (i = 0; i < r->ndesc; i++)
		r->desc[i] = split_take(o);
	for (i = 0; i < direct; i++) {
		const struct oracle_seg *s = &r->seg[i];
		bool last = i == r->ndesc - 1;

		split_put(o, o->area[0], r->desc[i], s->addr, s->len,
			  write_flag(s) | (last ? 0 : ORACLE_D_NEXT),
			  last ? oracle_below(o, 65536) : r->desc[i + 1]);
	}
	/* The write flag of such a descriptor means nothing (section 2.7.5.3.2). */
	if (r->table_len)
		split_put(o, o->area[0], r->desc[direct], r->table, r->table_len,
			  ORACLE_D_INDIRECT | (oracle_chance(o, 50) ? ORACLE_D_WRITE : 0),
			  oracle_below(o, 65536));
}

static bool split_add(struct oracle *o, struct oracle_req *r)
{
	u16 direct = r->nseg;

	/* All in a table, or the first buffers in the ring and the rest in one. */
	if (oracle_has(o, ORACLE_F_INDIRECT) && oracle_chance(o, 60))
		direct = oracle_chance(o, 70) ? 0 : oracle_below(o, r->nseg);
	r->ndesc = direct < r->nseg ? direct + 1 : direct;
	r->slots = 1;
	if (r->ndesc > o->room || (direct < r->nseg && !split_table(o, r, direct)))
		return false;
	split_chain(o, r, direct);
	r->id = r->desc[0];
	oracle_put16(o, avail_at(o, ORACLE_AVAIL_RING(o->avail % o->num)), r->id);
	o->avail++;
	oracle_put16(o, avail_at(o, ORACLE_AVAIL_IDX), o->avail);
	return true;
}

static bool split_wants_kick(struct oracle *o, u64 old, u64 new)
{
	if (oracle_has(o, ORACLE_F_EVENT_IDX))
		return oracle_split_crossed(oracle_get16(o, used_at(o, ORACLE_USED_RING(o->num))),
					    old, new);
	return !(oracle_get16(o, used_at(o, ORACLE_USED_FLAGS)) & NO_NOTIFY);
}

static int split_next(struct oracle *o, struct oracle_used *u)
{
	u16 ahead = oracle_get16(o, used_at(o, ORACLE_USED_IDX)) - (u16)o->used;
	u64 at = used_at(o, ORACLE_USED_RING(o->used % o->num));

	if (!ahead)
		return 0;
	if (ahead > o->nr_busy) {
		oracle_fail(o, "the used index is %u ahead, %u are outstanding", ahead, o->nr_busy);
		return -1;
	}
	u->id = oracle_get32(o, at);
	u->len = oracle_get32(o, at + 4);
	oracle_accept(o, at, 8);
	oracle_accept(o, used_at(o, ORACLE_USED_IDX), 2);
	return 1;
}

static bool split_wants_irq(struct oracle *o, u64 old, u64 new)
{
	if (oracle_has(o, ORACLE_F_EVENT_IDX))
		return oracle_split_crossed(o->event, old, new);
	return !(o->mode & NO_INTERRUPT);
}

static void split_suppress(struct oracle *o)
{
	if (!oracle_has(o, ORACLE_F_EVENT_IDX)) {
		o->mode = oracle_chance(o, 50) ? NO_INTERRUPT : 0;
		oracle_put16(o, avail_at(o, ORACLE_AVAIL_FLAGS), o->mode);
		return;
	}
	/* Mostly ahead, sometimes just behind, sometimes anywhere. */
	if (oracle_chance(o, 10))
		o->event = oracle_below(o, 65536);
	else
		o->event = o->used + oracle_below(o, 6) - 1;
	oracle_put16(o, avail_at(o, ORACLE_AVAIL_RING(o->num)), o->event);
}

static bool split_audit(struct oracle *o)
{
	u16 flags = oracle_get16(o, used_at(o, ORACLE_USED_FLAGS));

	if (flags & ~NO_NOTIFY || (flags && oracle_has(o, ORACLE_F_EVENT_IDX)))
		return oracle_fail(o, "the used ring's flags are %#x", flags);
	oracle_accept(o, used_at(o, ORACLE_USED_FLAGS), 2);
	if (oracle_has(o, ORACLE_F_EVENT_IDX))
		oracle_accept(o, used_at(o, ORACLE_USED_RING(o->num)), 2);
	return true;
}

const struct oracle_format oracle_split = {
	.name = "split",
	.sizes = split_sizes,
	.aligns = { 16, 2, 4 },
	.start = split_start,
	.add = split_add,
	.wants_kick = split_wants_kick,
	.next = split_next,
	.wants_irq = split_wants_irq,
	.suppress = split_suppress,
	.audit = split_audit,
};
