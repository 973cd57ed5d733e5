// SPDX-License-Identifier: GPL-2.0
/*
 * Is the oracle itself right? The kernel's own driver code (virtio_ring.c) makes
 * rings, the oracle's device side reads them and answers, and the driver code takes
 * the answers. So a misunderstanding of the specification in the oracle's layouts,
 * positions and notifications shows here, without the module under test.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "oracle_device.h"

#define NUM		16
#define BUFS		8	/* most buffers of a request */
#define ROUNDS		3000	/* positions wrap often, 16-bit indexes do not */
#define ALL_INDEXES	70000	/* they do */

/**
 * struct stock - a queue of the kernel's driver code, and the oracle as its device
 * @o: only for its random numbers
 * @vdev: the device that the driver code sees
 * @vq: its queue
 * @d: the device's side
 * @reqs: requests of the driver's
 * @sent: those that the device has not taken
 * @first: next of @sent that it takes
 * @added: next of @sent that is made
 * @taken: requests that it took
 * @nr_taken: how many
 * @data: where all buffers are
 */
struct stock {
	struct oracle o;
	struct virtio_device vdev;
	struct virtqueue *vq;
	struct oracle_device d;
	struct stock_req {
		bool busy;
		u32 token;
		unsigned int out;
		unsigned int in;
		struct scatterlist sg[BUFS];
	} reqs[NUM];
	struct stock_req *sent[NUM];
	unsigned int first;
	unsigned int added;
	struct stock_taken {
		struct stock_req *r;
		struct oracle_chain c;
	} taken[NUM];
	unsigned int nr_taken;
	u8 data[4096];
};

struct stock_case {
	const char *name;
	u64 features;
};

#define B(feature)	BIT_ULL(ORACLE_F_##feature)

static const struct stock_case stock_params[] = {
	{ "split", 0 },
	{ "split, event index", B(EVENT_IDX) },
	{ "split, indirect", B(INDIRECT) },
	{ "split, indirect, event index", B(INDIRECT) | B(EVENT_IDX) },
	{ "packed", B(PACKED) },
	{ "packed, event index", B(PACKED) | B(EVENT_IDX) },
	{ "packed, indirect", B(PACKED) | B(INDIRECT) },
	{ "packed, indirect, event index", B(PACKED) | B(INDIRECT) | B(EVENT_IDX) },
};

static void stock_desc(const struct stock_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(stock, stock_params, stock_desc);

static bool stock_notify(struct virtqueue *vq)
{
	return true;
}

static void stock_callback(struct virtqueue *vq)
{
}

static void *stock_va(u64 addr)
{
	return phys_to_virt(addr);
}

static struct stock *stock_start(struct kunit *test)
{
	const struct stock_case *c = test->param_value;
	struct stock *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	test->priv = s;
	s->o.rng = 20121 + (c - stock_params);
	INIT_LIST_HEAD(&s->vdev.vqs);
	spin_lock_init(&s->vdev.vqs_list_lock);
	s->vdev.features = c->features | B(VERSION_1);
	s->vq = vring_create_virtqueue(0, NUM, SMP_CACHE_BYTES, &s->vdev, true, false, false,
				       stock_notify, stock_callback, "oracle");
	KUNIT_ASSERT_NOT_NULL(test, s->vq);
	s->d = (struct oracle_device){
		.packed = c->features & B(PACKED),
		.event_idx = c->features & B(EVENT_IDX),
		.num = virtqueue_get_vring_size(s->vq),
		.ring = {
			phys_to_virt(virtqueue_get_desc_addr(s->vq)),
			phys_to_virt(virtqueue_get_avail_addr(s->vq)),
			phys_to_virt(virtqueue_get_used_addr(s->vq)),
		},
		.va = stock_va,
	};
	return s;
}

static void stock_exit(struct kunit *test)
{
	struct stock *s = test->priv;

	if (!s || !s->vq)
		return;
	while (virtqueue_detach_unused_buf(s->vq))
		;
	vring_del_virtqueue(s->vq);
}

/* The driver adds a request of random shape; false when there is no room. */
static bool stock_send(struct kunit *test, struct stock *s)
{
	struct scatterlist *sgs[BUFS];
	struct stock_req *r = s->reqs;
	unsigned int i, n;

	while (r < s->reqs + NUM && r->busy)
		r++;
	if (r == s->reqs + NUM)
		return false;
	n = 1 + oracle_below(&s->o, BUFS);
	r->out = oracle_below(&s->o, n + 1);
	r->in = n - r->out;
	for (i = 0; i < n; i++) {
		sg_init_one(&r->sg[i], s->data + oracle_below(&s->o, 2048),
			    1 + oracle_below(&s->o, 2048));
		sgs[i] = &r->sg[i];
	}
	if (virtqueue_add_sgs(s->vq, sgs, r->out, r->in, r, GFP_KERNEL))
		return false;
	r->busy = true;
	s->sent[s->added++ % NUM] = r;
	return true;
}

static void stock_compare(struct kunit *test, const struct stock_req *r,
			  const struct oracle_chain *c)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, c->nseg, r->out + r->in);
	for (i = 0; i < c->nseg; i++) {
		KUNIT_ASSERT_EQ(test, c->seg[i].addr, sg_phys((struct scatterlist *)&r->sg[i]));
		KUNIT_ASSERT_EQ(test, c->seg[i].len, r->sg[i].length);
		KUNIT_ASSERT_EQ(test, c->seg[i].write, i >= r->out);
	}
}

/* The oracle takes all that is there, and finds what the driver put in. */
static void stock_take(struct kunit *test, struct stock *s)
{
	struct stock_taken *t;
	int ret;

	while (s->first != s->added) {
		t = &s->taken[s->nr_taken++];
		t->r = s->sent[s->first++ % NUM];
		KUNIT_ASSERT_EQ(test, oracle_pop(&s->d, &t->c), 1);
		stock_compare(test, t->r, &t->c);
	}
	t = &s->taken[s->nr_taken % NUM];
	if (s->nr_taken < NUM) {
		ret = oracle_pop(&s->d, &t->c);
		KUNIT_ASSERT_EQ(test, ret, 0);
	}
}

/* The oracle uses one of them, and the driver finds that. */
static void stock_use(struct kunit *test, struct stock *s)
{
	struct stock_taken *t = &s->taken[oracle_below(&s->o, s->nr_taken)];
	u32 len = t->r->in ? 1 + oracle_below(&s->o, 100000) : 0, got = 0;

	oracle_push(&s->d, &t->c, len);
	KUNIT_ASSERT_PTR_EQ(test, virtqueue_get_buf(s->vq, &got), (void *)t->r);
	if (len || !s->d.packed)
		KUNIT_ASSERT_EQ(test, got, len);
	KUNIT_ASSERT_NULL(test, virtqueue_get_buf(s->vq, &got));
	t->r->busy = false;
	*t = s->taken[--s->nr_taken];
}

/* --- chains and used entries --- */

static void stock_rings_are_understood(struct kunit *test)
{
	struct stock *s = stock_start(test);
	bool indexes = test->param_value == &stock_params[0];
	unsigned int round, n;

	for (round = 0; s->added < (indexes ? ALL_INDEXES : ROUNDS); round++) {
		for (n = oracle_below(&s->o, NUM); n && stock_send(test, s); n--)
			;
		stock_take(test, s);
		for (n = oracle_below(&s->o, s->nr_taken + 1); n; n--)
			stock_use(test, s);
	}
}

/* --- kicks --- */

static void stock_driver_kicks_when_asked(struct kunit *test)
{
	struct stock *s = stock_start(test);
	enum oracle_kicks when;
	unsigned int round, n;
	u64 old, at;
	bool kicks;

	for (round = 0; round < ROUNDS; round++) {
		old = s->d.avail;
		at = old + oracle_below(&s->o, 5);
		/* A split ring with event indexes has no other way. */
		when = oracle_below(&s->o, 2);
		if (s->d.event_idx && (!s->d.packed || oracle_chance(&s->o, 50)))
			when = ORACLE_KICK_AT;
		oracle_ask_kicks(&s->d, when, at);
		for (n = 1 + oracle_below(&s->o, 4); n && stock_send(test, s); n--)
			;
		kicks = virtqueue_kick_prepare(s->vq);
		stock_take(test, s);
		KUNIT_ASSERT_EQ_MSG(test, kicks,
				    oracle_kick_asked(when, at, old, s->d.avail),
				    "round %u: asked %d at %llu, position %llu to %llu",
				    round, when, at, old, s->d.avail);
		while (s->nr_taken)
			stock_use(test, s);
	}
}

/* --- interrupts --- */

static bool stock_irq(struct kunit *test, struct stock *s)
{
	u64 old = s->d.used;

	KUNIT_ASSERT_GT(test, s->nr_taken, 0);
	oracle_push(&s->d, &s->taken[0].c, 1);
	return oracle_irq_wanted(&s->d, old, s->d.used);
}

static void stock_got(struct kunit *test, struct stock *s)
{
	u32 len;

	KUNIT_ASSERT_PTR_EQ(test, virtqueue_get_buf(s->vq, &len), (void *)s->taken[0].r);
	s->taken[0].r->busy = false;
	s->nr_taken--;
	memmove(&s->taken[0], &s->taken[1], s->nr_taken * sizeof(s->taken[0]));
}

static void stock_fill(struct kunit *test, struct stock *s)
{
	while (stock_send(test, s))
		;
	virtqueue_kick_prepare(s->vq);
	stock_take(test, s);
}

static void stock_driver_gets_its_interrupt(struct kunit *test)
{
	struct stock *s = stock_start(test);
	unsigned int round;

	for (round = 0; round < ROUNDS / 4; round++) {
		stock_fill(test, s);
		virtqueue_disable_cb(s->vq);
		KUNIT_ASSERT_TRUE(test, virtqueue_enable_cb(s->vq));
		KUNIT_ASSERT_TRUE(test, stock_irq(test, s));
		stock_got(test, s);
		virtqueue_disable_cb(s->vq);
		/* With a split event index it can only point somewhere else. */
		while (s->nr_taken && (s->d.packed || !s->d.event_idx)) {
			KUNIT_ASSERT_FALSE(test, stock_irq(test, s));
			stock_got(test, s);
		}
		while (s->nr_taken)
			stock_use(test, s);
	}
}

/* The driver asks for one when three quarters of what it sent is used. */
static void stock_driver_may_wait_for_many(struct kunit *test)
{
	struct stock *s = stock_start(test);
	unsigned int round, irqs;
	u64 begin, quarters;

	for (round = 0; round < ROUNDS / 8; round++) {
		stock_fill(test, s);
		begin = s->d.used;
		quarters = (s->d.avail - begin) * 3 / 4;
		virtqueue_disable_cb(s->vq);
		KUNIT_ASSERT_TRUE(test, virtqueue_enable_cb_delayed(s->vq));
		for (irqs = 0; s->nr_taken;) {
			bool passed = s->d.used <= begin + quarters;
			bool irq = stock_irq(test, s);

			passed = passed && s->d.used > begin + quarters;
			irqs += irq;
			if (s->d.event_idx)
				KUNIT_ASSERT_EQ(test, irq, passed);
			/* Getting it would ask for the next one. */
			s->taken[0].r->busy = false;
			s->nr_taken--;
			memmove(&s->taken[0], &s->taken[1], s->nr_taken * sizeof(s->taken[0]));
		}
		if (s->d.event_idx)
			KUNIT_ASSERT_EQ(test, irqs, 1);
		while (virtqueue_get_buf(s->vq, &irqs))
			;
	}
}

static struct kunit_case self_cases[] = {
	KUNIT_CASE_PARAM(stock_rings_are_understood, stock_gen_params),
	KUNIT_CASE_PARAM(stock_driver_kicks_when_asked, stock_gen_params),
	KUNIT_CASE_PARAM(stock_driver_gets_its_interrupt, stock_gen_params),
	KUNIT_CASE_PARAM(stock_driver_may_wait_for_many, stock_gen_params),
	{}
};

static struct kunit_suite self_suite = {
	.name = "virtback_oracle_self",
	.exit = stock_exit,
	.test_cases = self_cases,
};

kunit_test_suite(self_suite);
