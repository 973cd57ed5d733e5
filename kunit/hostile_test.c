// SPDX-License-Identifier: GPL-2.0
/*
 * The block type and a hostile driver (hostile.h): several vCPUs do what they like with
 * registers, rings and memory, while a disk ends requests when it likes. What is wrong
 * shows in the sanitizers of the debug kernel, in pins and maps that are left, in a
 * worker that never comes to rest, and in memory that changes after a reset.
 *
 * Not with the loop host: its guest is this kernel, and all addresses are good ones. The
 * fake host has an array for a guest's memory and knows its ends.
 *
 *	KARGS=MODARGS=virtback_hostile=<seed>,<steps> FILTER=virtback_hostile* make kunit-debug
 *
 * runs another sequence, or a longer one.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>

#include "blk_fixture.h"
#include "hostile.h"

#define SEED		20260
#define STEPS		10000	/* of each vCPU */
#define VCPUS		4
#define CANARIES	60
#define REMOVALS	20

static ulong hostile_args[2];
module_param_array_named(virtback_hostile, hostile_args, ulong, NULL, 0444);
MODULE_PARM_DESC(virtback_hostile, "tests: seed and number of steps of the hostile driver");

/**
 * struct hostile_vcpu - a vCPU
 * @h: driver
 * @id: number
 * @steps: to do
 * @done: they are done
 */
struct hostile_vcpu {
	struct hostile *h;
	unsigned int id;
	unsigned long steps;
	struct completion done;
};

static u64 hostile_access(struct hostile *h, u32 offset, u32 size, bool write, u64 val)
{
	struct blk_test *b = h->priv;
	struct virtback_access a = {
		.data = val, .offset = offset, .size = size, .write = write,
	};

	virtback_mmio(&b->f->vd, &a);
	return a.data;
}

/* The disk ends what it held, or holds what comes. */
static void hostile_pass(struct hostile *h)
{
	struct blk_test *b = h->priv;

	WRITE_ONCE(b->disk->hold, !b->disk->hold);
	test_disk_end(b->disk, true);
	while (!b->disk->hold && test_disk_end(b->disk, false))
		;
	usleep_range(10, 50);
}

static void hostile_end_all(struct blk_test *b)
{
	b->disk->hold = false;
	/* Requests of several passes come back. */
	do {
		while (test_disk_end(b->disk, false))
			;
		fake_settle(b->f);
	} while (test_disk_held(b->disk));
}

static void hostile_wait(struct hostile *h)
{
	hostile_end_all(h->priv);
}

static void hostile_canary_pass(struct hostile *h)
{
	struct blk_test *b = h->priv;

	usleep_range(10, 50);
	test_disk_end(b->disk, true);
}

static const struct hostile_ops hostile_flood_ops = {
	.access = hostile_access,
	.pass = hostile_pass,
	.wait = hostile_wait,
};

static const struct hostile_ops hostile_canary_ops = {
	.access = hostile_access,
	.pass = hostile_canary_pass,
	.wait = hostile_wait,
};

/* As drivers/control has it; the disk has not ended what it has. */
static void hostile_remove(struct hostile *h)
{
	struct blk_test *b = h->priv;

	virtback_device_leave(&b->f->vd);
	virtback_device_quiesce(&b->f->vd);
}

static void hostile_renew(struct hostile *h)
{
	struct blk_test *b = h->priv;

	fake_destroy(b->f);
	blk_device(b);
	h->mem = b->f->mem;
	hostile_init(h);
}

static const struct hostile_ops hostile_removal_ops = {
	.access = hostile_access,
	.pass = hostile_canary_pass,
	.wait = hostile_wait,
	.remove = hostile_remove,
	.renew = hostile_renew,
};

static int hostile_vcpu(void *data)
{
	struct hostile_vcpu *v = data;
	u64 rng = hostile_seed(hostile_args[0] ?: SEED, v->id);
	unsigned long i;

	for (i = 0; i < v->steps; i++)
		hostile_step(v->h, v->id, &rng);
	complete(&v->done);
	return 0;
}

static void hostile_make(struct blk_test *b, struct hostile *h, const struct hostile_ops *ops)
{
	const struct virtback_test_ranges can = {
		.discard = 1024, .granularity = 4096, .zeroes = 2048, .erase = 512,
	};

	blk_test_disk_ranges(b, 512, true, &can);
	b->queue_size = 256;
	blk_device(b);
	h->ops = ops;
	h->priv = b;
	h->mem = b->f->mem;
	h->base = FAKE_BASE;
	h->len = BLK_MEM;
	h->window = 0x2000000;
	h->sectors = TEST_DISK_SECTORS;
	hostile_init(h);
}

/* Nothing is left of it, and a driver that keeps to the rules is served. */
static void hostile_expect_sane(struct blk_test *b, struct hostile *h)
{
	struct kunit *test = b->test;
	unsigned int n;

	hostile_reset(h);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->f->pins), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->f->maps), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->f->bad_pins), 0);
	hostile_end_all(b);
	hostile_run(h, 0);
	n = hostile_read_all(h, 0, 0);
	hostile_kick(h, 0);
	hostile_end_all(b);
	KUNIT_EXPECT_GT(test, n, 0U);
	KUNIT_EXPECT_EQ(test, (unsigned int)hostile_used_idx(h, 0), n);
	hostile_reset(h);
}

static void nothing_breaks(struct kunit *test)
{
	struct hostile_vcpu *vcpus = kunit_kcalloc(test, VCPUS, sizeof(*vcpus), GFP_KERNEL);
	struct hostile *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct blk_test *b = test->priv;
	struct task_struct *task;
	u64 requests = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, vcpus);
	KUNIT_ASSERT_NOT_NULL(test, h);
	hostile_make(b, h, &hostile_flood_ops);
	for (i = 0; i < VCPUS; i++) {
		vcpus[i].h = h;
		vcpus[i].id = i;
		vcpus[i].steps = hostile_args[1] ?: STEPS;
		init_completion(&vcpus[i].done);
		task = kthread_run(hostile_vcpu, &vcpus[i], "hostile/%u", i);
		/* Or there is nobody to complete it. */
		if (IS_ERR(task))
			complete(&vcpus[i].done);
		KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < VCPUS; i++)
		wait_for_completion(&vcpus[i].done);
	for (i = 0; i < FAKE_QUEUES; i++)
		requests += b->f->vd.vqs[i].stats.requests;
	kunit_info(test, "seed %lu: %lld steps, %lld starts, %llu requests, %lld times needs-reset, %d bad accesses",
		   hostile_args[0] ?: SEED, (s64)atomic64_read(&h->steps),
		   (s64)atomic64_read(&h->starts), requests,
		   (s64)atomic64_read(&h->needs_reset), atomic_read(&b->f->vd.bad_accesses));
	/* It got in at all. */
	KUNIT_EXPECT_GT(test, requests, 100ULL);
	KUNIT_EXPECT_GT(test, (s64)atomic64_read(&h->needs_reset), 0LL);
	hostile_expect_sane(b, h);
}

static void hostile_expect_canaries(struct kunit *test, const struct hostile_ops *ops,
				    unsigned int rounds)
{
	struct hostile *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	u64 rng = hostile_seed(hostile_args[0] ?: SEED, VCPUS);
	struct blk_test *b = test->priv;
	struct hostile_canary c = {};

	KUNIT_ASSERT_NOT_NULL(test, h);
	hostile_make(b, h, ops);
	while (c.rounds < rounds) {
		b->disk->hold = true;
		hostile_canary_round(h, &rng, &c);
	}
	kunit_info(test, "%llu rounds, %llu requests, %llu in flight", c.rounds, c.posted,
		   c.in_flight);
	KUNIT_EXPECT_EQ_MSG(test, c.dirty, 0ULL, "byte %#llx was written to", c.where);
	KUNIT_EXPECT_EQ(test, c.bad_acks, 0ULL);
	KUNIT_EXPECT_GT(test, c.in_flight, c.posted / 4);
	hostile_expect_sane(b, h);
}

static void memory_is_left_alone_after_a_reset(struct kunit *test)
{
	hostile_expect_canaries(test, &hostile_canary_ops, CANARIES);
}

static void memory_is_left_alone_after_a_removal(struct kunit *test)
{
	hostile_expect_canaries(test, &hostile_removal_ops, REMOVALS);
}

static struct kunit_case hostile_cases[] = {
	FAKE_CASE_BOUNCE(nothing_breaks),
	FAKE_CASE_BOUNCE(memory_is_left_alone_after_a_reset),
	FAKE_CASE_BOUNCE(memory_is_left_alone_after_a_removal),
	{}
};

static struct kunit_suite hostile_suite = {
	.name = "virtback_hostile",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = hostile_cases,
};

kunit_test_suite(hostile_suite);
