// SPDX-License-Identifier: GPL-2.0
/*
 * How much interrupt context a guest may have (drivers/xen/budget.h), with a clock of this
 * suite's own.
 */
#include <kunit/test.h>
#include <linux/limits.h>

#include "../drivers/xen/budget.h"

#define TICK	1000UL

static bool over(struct virtback_xen_budget *budget, unsigned long now)
{
	return virtback_budget_over(budget, now, true);
}

static bool over_for_others(struct virtback_xen_budget *budget, unsigned long now)
{
	return virtback_budget_over(budget, now, false);
}

static void guest_starts_with_all_of_it(struct kunit *test)
{
	struct virtback_xen_budget budget = {};

	KUNIT_EXPECT_FALSE(test, over(&budget, 0));
	KUNIT_EXPECT_FALSE(test, over_for_others(&budget, 0));
	KUNIT_EXPECT_FALSE(test, over(&budget, TICK));
}

/* One trap may be longer than what is left, the next one is the thread's. */
static void time_adds_up_within_a_tick(struct kunit *test)
{
	struct virtback_xen_budget budget = {};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_FALSE(test, over(&budget, TICK));
		virtback_budget_use(&budget, VIRTBACK_TRAP_NS / 4);
	}
	KUNIT_EXPECT_FALSE(test, over(&budget, TICK));
	virtback_budget_use(&budget, 4);
	KUNIT_EXPECT_TRUE(test, over(&budget, TICK));
	KUNIT_EXPECT_TRUE(test, over(&budget, TICK));
}

static void next_tick_starts_anew(struct kunit *test)
{
	struct virtback_xen_budget budget = {};

	KUNIT_EXPECT_FALSE(test, over(&budget, TICK));
	/* Longer than all of a tick: that is no debt. */
	virtback_budget_use(&budget, 10 * TICK_NSEC);
	KUNIT_EXPECT_TRUE(test, over(&budget, TICK));
	KUNIT_EXPECT_FALSE(test, over(&budget, TICK + 1));
	KUNIT_EXPECT_EQ(test, budget.used, 0ULL);
	virtback_budget_use(&budget, VIRTBACK_TRAP_NS + 1);
	KUNIT_EXPECT_TRUE(test, over(&budget, TICK + 1));
}

/* A guest that traps once in many ticks, and jiffies that begin again. */
static void any_other_tick_is_a_new_one(struct kunit *test)
{
	static const unsigned long ticks[] = { ULONG_MAX, 0, 1, 1000000, ULONG_MAX / 2 };
	struct virtback_xen_budget budget = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ticks); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, over(&budget, ticks[i]), "%u", i);
		virtback_budget_use(&budget, TICK_NSEC);
		KUNIT_EXPECT_TRUE_MSG(test, over(&budget, ticks[i]), "%u", i);
	}
}

static void it_is_less_where_somebody_waits(struct kunit *test)
{
	struct virtback_xen_budget budget = {};

	KUNIT_EXPECT_FALSE(test, over_for_others(&budget, TICK));
	virtback_budget_use(&budget, VIRTBACK_TRAP_NS_BUSY);
	KUNIT_EXPECT_FALSE(test, over_for_others(&budget, TICK));
	virtback_budget_use(&budget, 1);
	KUNIT_EXPECT_TRUE(test, over_for_others(&budget, TICK));
	/* Within the same tick they may rest, and want the processor again. */
	KUNIT_EXPECT_FALSE(test, over(&budget, TICK));
	virtback_budget_use(&budget, 1);
	KUNIT_EXPECT_TRUE(test, over_for_others(&budget, TICK));
}

static void most_of_a_tick_is_left_to_others(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, VIRTBACK_TRAP_NS, TICK_NSEC / 2);
	KUNIT_EXPECT_LE(test, VIRTBACK_TRAP_NS_BUSY, TICK_NSEC / 12);
	KUNIT_EXPECT_GT(test, VIRTBACK_TRAP_NS_BUSY, 0);
}

static struct kunit_case budget_cases[] = {
	KUNIT_CASE(guest_starts_with_all_of_it),
	KUNIT_CASE(time_adds_up_within_a_tick),
	KUNIT_CASE(next_tick_starts_anew),
	KUNIT_CASE(any_other_tick_is_a_new_one),
	KUNIT_CASE(it_is_less_where_somebody_waits),
	KUNIT_CASE(most_of_a_tick_is_left_to_others),
	{}
};

static struct kunit_suite budget_suite = {
	.name = "virtback_budget",
	.test_cases = budget_cases,
};

kunit_test_suite(budget_suite);
