// SPDX-License-Identifier: GPL-2.0
/*
 * When each side of a packed ring asks for notifications (drivers/core/packed.c).
 */
#include <linux/prandom.h>

#include "packed_fixture.h"

#define VRING		VIRTIO_MMIO_INT_VRING

/* Interrupts since the last call, acknowledged. */
static int irqs(struct fake *f)
{
	int n = atomic_xchg(&f->irqs, 0);

	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VRING);
	return n;
}

/* --- interrupts --- */

static void enabled_events_interrupt(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i;

	for (i = 0; i < 3; i++) {
		add(f, 0);
		fake_kick(f);
		KUNIT_EXPECT_EQ(test, irqs(f), 1);
	}
}

static void disabled_events_do_not(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	fake_packed_wish(f, DISABLE, 0, true);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.irqs_saved, 1);
	fake_packed_wish(f, ENABLE, 0, true);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
}

static void offset_wants_its_feature(struct kunit *test)
{
	struct fake *f = started(test, 0);

	add(f, 0);
	fake_kick(f);
	irqs(f);
	/* Reserved without EVENT_IDX; not what says disabled. */
	fake_packed_wish(f, DESC, 9, true);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
}

static void first_completion_interrupts(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	fake_packed_wish(f, DESC, 9, true);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 0);
}

static void restart_forgets_the_last_interrupt(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	add(f, 0);
	fake_kick(f);
	irqs(f);
	fake_packed_start(f, EVENT_IDX, NUM);
	fake_packed_wish(f, DESC, 9, true);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
}

static void offset_is_the_descriptor_to_pass(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	add(f, 0);
	fake_kick(f);
	irqs(f);
	fake_packed_wish(f, DESC, 3, true);
	add_chain(f, 0, 2);		/* 1 and 2 */
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 0);
	add(f, 0);			/* 3 */
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 0);
	/* In the middle of a chain. */
	fake_packed_wish(f, DESC, 7, true);
	add_chain(f, 0, 4);		/* 5 to 8 */
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
}

/*
 * Positions counted without end are what the driver means. Each offset of the
 * next lap's worth of them must be seen when it is passed, and only then.
 */
static void events_of_a_ring(struct fake *f, u16 num, struct rnd_state *rnd)
{
	u32 pos = 0, event, n, i;

	fake_packed_start(f, EVENT_IDX, num);
	fake_packed_wish(f, DISABLE, 0, true);
	add(f, 0);
	fake_kick(f);
	pos++;
	for (i = 0; i < 12 * num; i++) {
		n = 1 + prandom_u32_state(rnd) % num;
		event = pos + prandom_u32_state(rnd) % num;
		fake_packed_wish(f, DESC, event % num, !(event / num % 2));
		add_chain(f, 0, n);
		fake_kick(f);
		KUNIT_ASSERT_EQ_MSG(f->test, irqs(f), event < pos + n,
				    "size %u, from %u by %u, event %u", num, pos, n, event);
		pos += n;
	}
}

static void events_are_seen_in_all_laps(struct kunit *test)
{
	struct rnd_state rnd;
	u16 num;

	prandom_seed_state(&rnd, 28);
	for (num = 1; num <= NUM; num++)
		events_of_a_ring(test->priv, num, &rnd);
}

/* --- kicks --- */

static void device_asks_for_kicks_when_idle_only(struct kunit *test)
{
	struct fake *f = started(test, 0);

	add(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->asked_seen >> 16, DISABLE);
	KUNIT_EXPECT_EQ(test, fake_packed_asked(f) >> 16, ENABLE);
}

static void device_asks_for_the_next_descriptor(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);
	int i;

	for (i = 0; i < 3 * NUM; i++) {
		add_chain(f, 0, 1 + i % 3);
		fake_kick(f);
		KUNIT_EXPECT_EQ(test, f->asked_seen >> 16, DISABLE);
		KUNIT_ASSERT_EQ(test, fake_packed_asked(f),
				DESC << 16 | f->packed.wrap << 15 | f->packed.next);
	}
}

static void empty_kick_does_nothing(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	expect_none_used(f);
}

static struct kunit_case packed_event_cases[] = {
	FAKE_CASE(enabled_events_interrupt),
	FAKE_CASE(disabled_events_do_not),
	FAKE_CASE(offset_wants_its_feature),
	FAKE_CASE(first_completion_interrupts),
	FAKE_CASE(restart_forgets_the_last_interrupt),
	FAKE_CASE(offset_is_the_descriptor_to_pass),
	FAKE_CASE(events_are_seen_in_all_laps),
	FAKE_CASE(device_asks_for_kicks_when_idle_only),
	FAKE_CASE(device_asks_for_the_next_descriptor),
	FAKE_CASE(empty_kick_does_nothing),
	{}
};

static struct kunit_suite packed_event_suite = {
	.name = "virtback_packed_event",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = packed_event_cases,
};

kunit_test_suite(packed_event_suite);
