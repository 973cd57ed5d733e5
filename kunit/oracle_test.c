// SPDX-License-Identifier: GPL-2.0
/*
 * The block type under the eyes of the oracle (oracle.h), one case for each set of
 * ring features and kind of disk. A failure names the seed; it comes again with
 *
 *	KARGS=MODARGS=virtback_oracle=<seed>,<steps> FILTER=virtback_oracle* make kunit
 *
 * which also serves to look longer than a build has time for.
 */
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include <virtback/compat.h>

#include "blk_fixture.h"
#include "oracle.h"

#define SEED	20120

static ulong oracle_args[2];
module_param_array_named(virtback_oracle, oracle_args, ulong, NULL, 0444);
MODULE_PARM_DESC(virtback_oracle, "tests: seed and number of steps of the oracle");

#define B(feature)	BIT_ULL(ORACLE_F_##feature)
#define ALL		(B(INDIRECT) | B(EVENT_IDX) | B(PACKED) | B(IN_ORDER) | \
			 B(NOTIF_DATA) | B(RING_RESET))
/* Of the same range of bits, but not of rings. */
#define OTHERS		(B(VERSION_1) | B(ORDER_PLATFORM))

/**
 * struct oracle_case - what is negotiated, and with whom
 * @name: for people
 * @features: ring features that are accepted
 * @steps: how long the sequence is
 * @cache: the disk has a volatile cache
 * @readonly: the disk is read-only
 * @zeroes: the disk can zero ranges
 * @pages: pages of guest memory
 * @max_data: longest data in sectors
 */
struct oracle_case {
	const char *name;
	u64 features;
	unsigned int steps;
	bool cache;
	bool readonly;
	bool zeroes;
	unsigned int pages;
	u32 max_data;
};

#define SHORT	.steps = 300, .pages = 64, .max_data = 64
#define LONG	.steps = 50, .pages = 1024, .max_data = 3000

static const struct oracle_case oracle_params[] = {
	{ "split", 0, SHORT },
	{ "split, event index", B(EVENT_IDX), SHORT, .cache = true },
	{ "split, indirect", B(INDIRECT), SHORT },
	{ "split, indirect, event index", B(INDIRECT) | B(EVENT_IDX), SHORT, .cache = true },
	{ "split, read-only", B(INDIRECT) | B(EVENT_IDX), SHORT, .readonly = true },
	{ "split, in order", B(IN_ORDER), SHORT },
	{ "split, in order, event index", B(IN_ORDER) | B(EVENT_IDX), SHORT, .cache = true },
	{ "split, all", ALL & ~B(PACKED), SHORT },
	{ "packed", B(PACKED), SHORT },
	{ "packed, event index", B(PACKED) | B(EVENT_IDX), SHORT, .cache = true },
	{ "packed, indirect", B(PACKED) | B(INDIRECT), SHORT },
	{ "packed, indirect, event index", B(PACKED) | B(INDIRECT) | B(EVENT_IDX), SHORT },
	{ "packed, in order", B(PACKED) | B(IN_ORDER), SHORT },
	{ "packed, in order, event index", B(PACKED) | B(IN_ORDER) | B(EVENT_IDX), SHORT },
	{ "packed, all", ALL, SHORT, .cache = true },
	{ "split, queue reset", B(RING_RESET) | B(INDIRECT), SHORT },
	{ "packed, queue reset", B(PACKED) | B(RING_RESET) | B(EVENT_IDX), SHORT },
	{ "packed, long requests", B(PACKED) | B(INDIRECT), LONG },
	{ "split, write zeroes", B(INDIRECT) | B(WRITE_ZEROES), SHORT, .zeroes = true },
	{ "packed, write zeroes", B(PACKED) | B(WRITE_ZEROES), SHORT, .zeroes = true },
	{ "split, long requests", B(INDIRECT), LONG },
	{ "split, long requests, event index", B(EVENT_IDX), LONG },
};

static void oracle_desc(const struct oracle_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(oracle, oracle_params, oracle_desc);

/* --- the oracle's world: the module on a test disk --- */

static struct blk_test *blk_of(struct oracle *o)
{
	return o->priv;
}

static u32 world_read(struct oracle *o, u32 off)
{
	return fake_read(blk_of(o)->f, off);
}

static void world_write(struct oracle *o, u32 off, u32 val)
{
	fake_write(blk_of(o)->f, off, val);
}

static void world_settle(struct oracle *o)
{
	fake_settle(blk_of(o)->f);
}

static void world_hold(struct oracle *o, bool on)
{
	blk_of(o)->disk->hold = on;
}

static bool world_end_one(struct oracle *o, bool last)
{
	bool ended = test_disk_end(blk_of(o)->disk, last);

	/* Another pass of a long request may come of it. */
	fake_settle(blk_of(o)->f);
	return ended;
}

static void world_fail_next(struct oracle *o)
{
	blk_of(o)->disk->error = BLK_STS_IOERR;
	blk_of(o)->disk->fail = 1;
}

static unsigned int world_raised(struct oracle *o)
{
	return atomic_read(&blk_of(o)->f->irqs);
}

static const u8 *world_disk(struct oracle *o)
{
	return blk_of(o)->disk->data;
}

static const struct oracle_world world = {
	.read = world_read,
	.write = world_write,
	.settle = world_settle,
	.hold = world_hold,
	.end_one = world_end_one,
	.fail_next = world_fail_next,
	.raised = world_raised,
	.disk = world_disk,
};

/* Pins of pages, of chunks, and of what no host has. A pass of 1 MiB needs large ones. */
static u32 choose_piece(const struct oracle_case *c, u64 seed)
{
	static const u32 pieces[] = { PAGE_SIZE, SZ_64K, 5000, 8200, 1000, 600 };

	return pieces[seed % (c->max_data > 64 ? 4 : ARRAY_SIZE(pieces))];
}

static struct fake *oracle_device(struct blk_test *b, const struct oracle_case *c)
{
	const struct virtback_test_ranges can = { .zeroes = c->zeroes ? 4096 : 0 };

	blk_test_disk_ranges(b, SECTOR_SIZE, c->cache, &can);
	b->cfg.readonly = c->readonly;
	strscpy(b->cfg.serial, "oracle-7", sizeof(b->cfg.serial));
	b->f = fake_create(b->test, &virtback_blk_type, &b->cfg, c->pages * PAGE_SIZE, ORACLE_NUM);
	return b->f;
}

static void device_answers_as_the_oracle(struct kunit *test)
{
	const struct oracle_case *c = test->param_value;
	u64 seed = oracle_args[0] ?: SEED + (c - oracle_params);
	struct blk_test *b = test->priv;
	struct fake *f = oracle_device(b, c);
	struct oracle *o;

	o = oracle_create(&world, b, f->mem, f->mem_len, b->disk->data, TEST_DISK_SECTORS);
	KUNIT_ASSERT_NOT_NULL(test, o);
	o->base = FAKE_BASE;
	o->seed = seed;
	o->max_data = c->max_data;
	memcpy(o->serial, b->cfg.serial, strlen(b->cfg.serial));
	f->piece = choose_piece(c, seed);

	oracle_run(o, c->features | (c->cache ? B(FLUSH) : 0), oracle_args[1] ?: c->steps);
	kunit_info(test, "seed %llu: %u in, %u out, %u zero, %u flush, %u id, %u unknown; %u resets, %u irqs, %u kicks and %u saved\n",
		   seed, o->done[ORACLE_T_IN], o->done[ORACLE_T_OUT],
		   o->done[ORACLE_T_WRITE_ZEROES], o->done[ORACLE_T_FLUSH],
		   o->done[ORACLE_T_GET_ID], o->done[15], o->resets, o->irqs, o->kicks, o->saved);
	KUNIT_EXPECT_FALSE_MSG(test, o->failed, "%s, seed %llu, step %u: %s", c->name, seed,
			       o->step, o->why);
	/* It did look: of each type there was something. */
	KUNIT_EXPECT_GT(test, o->done[ORACLE_T_IN] * o->done[ORACLE_T_OUT] * o->done[15], 0);
	if (c->zeroes)
		KUNIT_EXPECT_GT(test, o->done[ORACLE_T_WRITE_ZEROES], 0);
	oracle_destroy(o);
	b->disk->hold = false;
	while (test_disk_end(b->disk, false))
		;
}

/* A ring feature that is offered and has no case would go unseen. */
static void every_ring_feature_has_a_case(struct kunit *test)
{
	struct fake *f = oracle_device(test->priv, &oracle_params[0]);
	u64 seen = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(oracle_params); i++)
		seen |= oracle_params[i].features;
	KUNIT_EXPECT_EQ(test, seen & GENMASK_ULL(40, 28),
			virtback_device_offered(&f->vd) & GENMASK_ULL(40, 28) & ~OTHERS);
}

static struct kunit_case oracle_cases[] = {
	KUNIT_CASE(every_ring_feature_has_a_case),
	KUNIT_CASE_PARAM(device_answers_as_the_oracle, oracle_gen_params),
	{}
};

static struct kunit_suite oracle_suite = {
	.name = "virtback_oracle",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = oracle_cases,
};

kunit_test_suite(oracle_suite);
