// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle's sequences: a driver that sets its queue up, sends requests in batches,
 * changes its mind about notifications, resets, and looks at everything after each
 * step. What the disk holds back ends in another order than it came.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "oracle.h"

/* Registers, section 4.2.2. */
#define R_MAGIC			0x000
#define R_VERSION		0x004
#define R_DEVICE_ID		0x008
#define R_DEVICE_FEATURES	0x010
#define R_DEVICE_SEL		0x014
#define R_DRIVER_FEATURES	0x020
#define R_DRIVER_SEL		0x024
#define R_QUEUE_SEL		0x030
#define R_QUEUE_NUM_MAX		0x034
#define R_QUEUE_NUM		0x038
#define R_QUEUE_READY		0x044
#define R_QUEUE_NOTIFY		0x050
#define R_ISR			0x060
#define R_ACK			0x064
#define R_STATUS		0x070
#define R_QUEUE_DESC		0x080
#define R_QUEUE_DRIVER		0x090
#define R_QUEUE_DEVICE		0x0a0
#define R_CONFIG		0x100

#define S_ACKNOWLEDGE		1
#define S_DRIVER		2
#define S_DRIVER_OK		4
#define S_FEATURES_OK		8
#define ISR_USED		1

/* Rounds in which a device must have finished all that it has. */
#define PATIENCE		64

static u32 get(struct oracle *o, u32 reg)
{
	return o->world->read(o, reg);
}

static void set(struct oracle *o, u32 reg, u32 val)
{
	o->world->write(o, reg, val);
}

static void set64(struct oracle *o, u32 reg, u64 val)
{
	set(o, reg, val);
	set(o, reg + 4, val >> 32);
}

/* Set a register and read it back. */
static bool must_read(struct oracle *o, u32 reg, u32 want, const char *what)
{
	u32 val = get(o, reg);

	return val == want || oracle_fail(o, "%s is %#x instead of %#x", what, val, want);
}

static bool negotiate(struct oracle *o, u64 features)
{
	set(o, R_STATUS, 0);
	if (!must_read(o, R_STATUS, 0, "Status after a reset"))
		return false;
	set(o, R_STATUS, S_ACKNOWLEDGE);
	set(o, R_STATUS, S_ACKNOWLEDGE | S_DRIVER);
	set(o, R_DEVICE_SEL, 1);
	o->offered = (u64)get(o, R_DEVICE_FEATURES) << 32;
	set(o, R_DEVICE_SEL, 0);
	o->offered |= get(o, R_DEVICE_FEATURES);
	if (features & ~o->offered)
		return oracle_fail(o, "features %#llx are not offered", features & ~o->offered);
	/* What the disk is does not depend on what the driver would like. */
	features |= o->offered & 1ULL << ORACLE_F_RO;
	set(o, R_DRIVER_SEL, 0);
	set(o, R_DRIVER_FEATURES, features);
	set(o, R_DRIVER_SEL, 1);
	set(o, R_DRIVER_FEATURES, features >> 32);
	set(o, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
	o->features = features;
	o->fmt = oracle_has(o, ORACLE_F_PACKED) ? &oracle_packed : &oracle_split;
	return must_read(o, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK,
			 "Status after FEATURES_OK");
}

/* A split queue has a power of two, a packed one any size; both need room for a request. */
static void choose_num(struct oracle *o, u32 max)
{
	u32 bits;

	if (o->fmt == &oracle_packed) {
		o->num = 3 + oracle_below(o, max - 2);
		return;
	}
	for (bits = 2; (2U << bits) <= max && oracle_chance(o, 60); bits++)
		;
	o->num = 1U << bits;
}

static void free_queue(struct oracle *o)
{
	u32 i;

	for (i = 0; i < 3; i++) {
		if (o->area[i])
			oracle_free(o, o->area[i], o->area_len[i]);
		o->area[i] = 0;
	}
}

static bool queue_up(struct oracle *o)
{
	static const u8 zeros[16 * ORACLE_NUM];
	u32 max, i;

	set(o, R_QUEUE_SEL, 0);
	if (!must_read(o, R_QUEUE_READY, 0, "QueueReady of a new queue"))
		return false;
	max = get(o, R_QUEUE_NUM_MAX);
	if (max < 4)
		return oracle_fail(o, "QueueNumMax is %u", max);
	choose_num(o, min_t(u32, max, ORACLE_NUM));
	o->fmt->sizes(o, o->area_len);
	for (i = 0; i < 3; i++) {
		o->area[i] = oracle_alloc(o, o->area_len[i], o->fmt->aligns[i]);
		if (!o->area[i])
			return oracle_fail(o, "the oracle has no memory for a queue of %u", o->num);
		oracle_put(o, o->area[i], zeros, o->area_len[i]);
	}
	o->avail = 0;
	o->kicked = 0;
	o->used = 0;
	o->room = o->num;
	o->next_desc = 0;
	o->fresh = true;
	o->fmt->start(o);
	set(o, R_QUEUE_NUM, o->num);
	set64(o, R_QUEUE_DESC, o->area[0]);
	set64(o, R_QUEUE_DRIVER, o->area[1]);
	set64(o, R_QUEUE_DEVICE, o->area[2]);
	set(o, R_QUEUE_READY, 1);
	return must_read(o, R_QUEUE_READY, 1, "QueueReady");
}

static bool start(struct oracle *o, u64 features)
{
	const u32 ok = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK;

	if (!negotiate(o, features) || !queue_up(o))
		return false;
	set(o, R_STATUS, ok);
	o->isr = 0;
	o->raised = o->world->raised(o);
	return must_read(o, R_STATUS, ok, "Status after DRIVER_OK") &&
	       must_read(o, R_ISR, 0, "InterruptStatus of a new device") &&
	       must_read(o, R_CONFIG, o->sectors, "the capacity");
}

/* A request is over: what it held is free again. */
static void retire(struct oracle *o, struct oracle_req *r)
{
	u16 i;

	oracle_unmake(o, r);
	if (o->fmt == &oracle_split && !oracle_has(o, ORACLE_F_IN_ORDER)) {
		for (i = 0; i < r->ndesc; i++)
			__clear_bit(r->desc[i], &o->busy_desc);
	}
	o->room += r->ndesc;
	r->busy = false;
	o->nr_busy--;
}

static struct oracle_req *find_id(struct oracle *o, u32 id)
{
	u32 i;

	for (i = 0; i < ORACLE_NUM; i++) {
		if (o->reqs[i].busy && o->reqs[i].id == id)
			return &o->reqs[i];
	}
	return NULL;
}

static struct oracle_req *oldest(struct oracle *o)
{
	struct oracle_req *r = NULL;
	u32 i;

	for (i = 0; i < ORACLE_NUM; i++) {
		if (o->reqs[i].busy && (!r || o->reqs[i].seq < r->seq))
			r = &o->reqs[i];
	}
	return r;
}

static bool complete(struct oracle *o, struct oracle_req *r, u32 len, bool len_told)
{
	o->used += r->slots;
	if (!oracle_judge(o, r, len, len_told))
		return false;
	retire(o, r);
	return true;
}

/* One used entry. In order, it may stand for those before it as well. */
static bool take_used(struct oracle *o, const struct oracle_used *u)
{
	struct oracle_req *r = find_id(o, u->id);

	if (!r)
		return oracle_fail(o, "used entry %llu names %u, which is not outstanding",
				   o->used, u->id);
	while (oracle_has(o, ORACLE_F_IN_ORDER) && oldest(o) != r) {
		if (!complete(o, oldest(o), 0, false))
			return false;
	}
	return complete(o, r, u->len, true);
}

static void look_at_irq(struct oracle *o, u64 old)
{
	bool fresh = o->fresh && o->used != old;
	bool must = o->used != old && o->fmt->wants_irq(o, old, o->used);
	unsigned int raised = o->world->raised(o);
	u32 isr = get(o, R_ISR);

	if (fresh)
		o->fresh = false;
	if (get(o, R_ISR) != isr)
		oracle_fail(o, "reading InterruptStatus changed it");
	if (isr & ~ISR_USED)
		oracle_fail(o, "InterruptStatus is %#x", isr);
	if (must && !isr)
		oracle_fail(o, "used %llu to %llu without the interrupt asked for", old, o->used);
	/*
	 * A device that has event indexes cannot know at first what was asked for
	 * when nothing had been used; it should not, but may interrupt then.
	 */
	if (isr && !o->isr && !must && !(fresh && oracle_has(o, ORACLE_F_EVENT_IDX)))
		oracle_fail(o, "used %llu to %llu: an interrupt nobody asked for", old, o->used);
	if (isr && !o->isr && raised == o->raised)
		oracle_fail(o, "InterruptStatus without an interrupt");
	if (!isr && raised != o->raised)
		oracle_fail(o, "an interrupt without InterruptStatus");
	o->irqs += raised - o->raised;
	o->isr = isr;
	o->raised = raised;
}

/* Let the device work, then look at all that it did. */
static bool look(struct oracle *o)
{
	struct oracle_used u;
	u64 old = o->used;
	int ret;

	o->world->settle(o);
	while ((ret = o->fmt->next(o, &u)) > 0) {
		if (!take_used(o, &u))
			return false;
	}
	if (ret < 0 || !o->fmt->audit(o))
		return false;
	look_at_irq(o, old);
	return !o->failed && oracle_check_mem(o);
}

static void kick(struct oracle *o)
{
	if (o->kicked == o->avail)
		return;
	if (o->fmt->wants_kick(o, o->kicked, o->avail)) {
		set(o, R_QUEUE_NOTIFY, 0);
		o->kicks++;
	} else {
		o->saved++;
	}
	o->kicked = o->avail;
}

/* Sometimes the disk keeps what comes, to end it in another order. */
static void hold(struct oracle *o, bool on)
{
	o->holding = on;
	o->world->hold(o, on);
	while (!on && o->world->end_one(o, oracle_chance(o, 50)))
		;
}

static struct oracle_req *idle_req(struct oracle *o)
{
	u32 i;

	for (i = 0; i < ORACLE_NUM; i++) {
		if (!o->reqs[i].busy)
			return &o->reqs[i];
	}
	return NULL;
}

/* False when no more should follow. */
static bool send_one(struct oracle *o)
{
	struct oracle_req *r = idle_req(o);

	if (!r || !oracle_make(o, r))
		return false;
	r->seq = o->next_seq++;
	if (!o->fmt->add(o, r)) {
		oracle_unmake(o, r);
		/* It would hit another one. */
		if (r->fail)
			oracle_fail(o, "the oracle cannot take back a failure of the disk");
		return false;
	}
	r->busy = true;
	o->nr_busy++;
	return !r->fail;
}

static void step_send(struct oracle *o)
{
	u32 n = 1 + oracle_below(o, oracle_chance(o, 80) ? 4 : o->num);
	bool failing = false;

	while (n-- && !failing)
		failing = !send_one(o);
	if (failing || oracle_chance(o, 85))
		kick(o);
}

/* Everything comes to its end, and without a kick beyond what the device wanted. */
static bool quiesce(struct oracle *o)
{
	u32 i;

	kick(o);
	hold(o, false);
	for (i = 0; i < PATIENCE && look(o) && o->nr_busy; i++)
		;
	if (o->nr_busy)
		oracle_fail(o, "%u requests were never completed", o->nr_busy);
	return !o->failed && oracle_check_disk(o);
}

/* The driver takes all its memory back at once, and uses it. */
static bool step_reset(struct oracle *o)
{
	struct oracle_req *r;
	u32 i, n;

	if (oracle_chance(o, 25) || o->in_limbo) {
		if (!quiesce(o))
			return false;
	}
	set(o, R_STATUS, 0);
	for (n = 0; n < ORACLE_NUM; n++) {
		r = &o->reqs[n];
		if (!r->busy)
			continue;
		oracle_cut_off(o, r);
		for (i = 0; i < r->nseg; i++)
			oracle_scribble(o, r->seg[i].addr, r->seg[i].len);
		retire(o, r);
	}
	for (i = 0; i < 3; i++)
		oracle_scribble(o, o->area[i], o->area_len[i]);
	free_queue(o);
	if (o->holding && oracle_chance(o, 30))
		hold(o, false);
	o->world->settle(o);
	o->resets++;
	return must_read(o, R_ISR, 0, "InterruptStatus after a reset") &&
	       oracle_check_mem(o) && start(o, o->features & ~(1ULL << ORACLE_F_RO));
}

static void step_ack(struct oracle *o)
{
	if (!o->isr)
		return;
	set(o, R_ACK, o->isr);
	o->isr = 0;
	must_read(o, R_ISR, 0, "InterruptStatus after an ACK");
}

static void do_step(struct oracle *o)
{
	u32 dice = oracle_below(o, 100);

	if (dice < 50)
		step_send(o);
	else if (dice < 65)
		o->world->end_one(o, oracle_chance(o, 50));
	else if (dice < 75)
		hold(o, !o->holding);
	else if (dice < 82)
		o->fmt->suppress(o);
	else if (dice < 93)
		step_ack(o);
	else if (dice < 94)
		set(o, R_QUEUE_NOTIFY, 0);	/* one too many is allowed */
	else if (dice < 98)
		quiesce(o);
	else
		step_reset(o);
	if (!o->failed)
		look(o);
}

/**
 * oracle_run() - a sequence, from the first reset to an idle device
 * @o: oracle with a seed, a world, memory and a disk
 * @features: what the driver accepts of what the device offers
 * @steps: how long it is
 *
 * Afterwards o->failed says whether the device was wrong.
 */
void oracle_run(struct oracle *o, u64 features, unsigned int steps)
{
	o->rng = o->seed ?: 1;
	if (!start(o, features | 1ULL << ORACLE_F_VERSION_1))
		return;
	for (o->step = 1; o->step <= steps && !o->failed; o->step++)
		do_step(o);
	if (o->failed || !quiesce(o))
		return;
	set(o, R_STATUS, 0);
	free_queue(o);
	oracle_check_mem(o);
}
