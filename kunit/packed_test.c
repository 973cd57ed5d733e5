// SPDX-License-Identifier: GPL-2.0
/*
 * Packed rings (drivers/core/packed.c): chains, laps, and what drivers must not do.
 */
#include "packed_fixture.h"

/* --- chains and laps --- */

static void used_descriptors_name_id_and_length(struct kunit *test)
{
	struct fake *f = started(test, 0);

	add(f, 5);
	add(f, 2);
	fake_kick(f);
	expect_used(f, 1, 5, 8 + 5);
	expect_used(f, 1, 2, 8 + 2);
	expect_none_used(f);
}

static void chain_arrives_and_is_skipped_as_a_whole(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_packed_add(f, FAKE_DATA, 16, F_NEXT, 3);
	fake_packed_add(f, FAKE_DATA + 0x100, 5, F_NEXT, 3);
	fake_packed_add(f, FAKE_DATA + 0x200, 512, F_NEXT | F_WRITE, 3);
	fake_packed_add(f, FAKE_DATA + 0x400, 1, F_WRITE, 3);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->last.id, 3);
	KUNIT_EXPECT_EQ(test, f->last.ndesc, 4);
	KUNIT_EXPECT_EQ(test, f->last.out.nr, 2);
	KUNIT_EXPECT_EQ(test, f->last.out.left, 21);
	KUNIT_EXPECT_EQ(test, f->last.in.nr, 2);
	KUNIT_EXPECT_EQ(test, f->last.in.left, 513);
	KUNIT_EXPECT_EQ(test, f->sg[1].addr, FAKE_DATA + 0x100);
	KUNIT_EXPECT_EQ(test, f->sg[3].addr, FAKE_DATA + 0x400);
	expect_used(f, 4, 3, 513);
	add(f, 1);
	fake_kick(f);
	expect_used(f, 1, 1, 9);
}

static void id_is_that_of_the_last_descriptor(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_packed_add(f, FAKE_DATA, 16, F_NEXT, 0xffff);
	fake_packed_add(f, FAKE_DATA, 16, F_NEXT, 4);
	fake_packed_add(f, FAKE_DATA, 16, 0, 9);
	fake_kick(f);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	expect_used(f, 3, 9, 0);
}

/* The specification sets no bound; stock drivers keep to the queue's size. */
static void id_may_be_any_number(struct kunit *test)
{
	static const u16 ids[] = { NUM, 0x7fff, 0x8000, 0xffff };
	struct fake *f = started(test, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		fake_packed_add(f, FAKE_DATA, 16, F_WRITE, ids[i]);
		fake_kick(f);
		expect_used(f, 1, ids[i], 16);
	}
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void chains_are_used_in_order_of_completion(struct kunit *test)
{
	struct fake *f = started(test, 0);

	f->hold = true;
	add_chain(f, 7, 3);
	add_chain(f, 8, 2);
	fake_kick(f);
	f->hold = false;
	add(f, 1);
	fake_kick(f);
	/* Each leaves a gap as long as its own chain, wherever it is written. */
	expect_used(f, 1, 1, 9);
	expect_none_used(f);
	fake_release(f);
	expect_used(f, 3, 7, 0);
	fake_release(f);
	expect_used(f, 2, 8, 0);
	add(f, 2);
	fake_kick(f);
	expect_used(f, 1, 2, 10);
}

static void full_ring_is_served_by_one_kick(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int lap, i;

	for (lap = 0; lap < 3; lap++) {
		for (i = 0; i < NUM; i++)
			add(f, i);
		fake_kick(f);
		for (i = 0; i < NUM; i++)
			expect_used(f, 1, i, 8 + i);
		expect_none_used(f);
	}
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* Chains of all lengths, again and again: each crosses the ring's end somewhere. */
static void laps(struct fake *f, u16 num, unsigned int rounds)
{
	unsigned int i, n;

	fake_packed_start(f, EVENT_IDX, num);
	for (i = 0; i < rounds; i++) {
		n = 1 + i % num;
		f->prepared = 0;
		add_chain(f, i % num, n);
		fake_kick(f);
		KUNIT_ASSERT_EQ_MSG(f->test, f->prepared, 1, "size %u, round %u", num, i);
		KUNIT_ASSERT_EQ(f->test, f->last.out.nr, n);
		expect_used(f, n, i % num, 0);
		expect_none_used(f);
	}
	KUNIT_EXPECT_FALSE(f->test, fake_broken(f));
}

static void any_size_wraps(struct kunit *test)
{
	u16 num;

	for (num = 1; num <= NUM; num++)
		laps(test->priv, num, 5 * num + 3);
}

static void largest_ring_wraps(struct kunit *test)
{
	u32 num = 32768, i, done = 0;
	struct fake *f;
	u16 id;
	u32 len;

	fake_exit(test);
	f = fake_create(test, &fake_type, NULL, FAKE_MEM + num * DSIZE, num);
	test->priv = f;
	f->answer_now = true;
	fake_packed_start(f, EVENT_IDX, num);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].desc.len, num * DSIZE);
	while (done < 2 * num + 5) {
		for (i = 0; i < 777; i++)
			fake_packed_add(f, FAKE_DATA, 8, F_WRITE, (done + i) % num);
		fake_kick(f);
		for (i = 0; i < 777; i++, done++) {
			if (!fake_packed_used(f, 1, &id, &len))
				break;
			KUNIT_ASSERT_EQ(test, id, done % num);
		}
		KUNIT_ASSERT_EQ(test, i, 777);
		KUNIT_ASSERT_EQ(test, fake_packed_asked(f),
				DESC << 16 | f->packed.wrap << 15 | f->packed.next);
	}
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void more_chains_than_requests_wait(struct kunit *test)
{
	struct fake *f;
	u32 i, num = 2 * VIRTBACK_REQS_MAX;

	fake_exit(test);
	f = fake_create(test, &fake_type, NULL, FAKE_MEM + num * DSIZE, num);
	test->priv = f;
	f->hold = true;
	fake_packed_start(f, 0, num);
	for (i = 0; i < VIRTBACK_REQS_MAX + 1; i++)
		fake_packed_add(f, FAKE_DATA, 8, 0, i);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), VIRTBACK_REQS_MAX);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), VIRTBACK_REQS_MAX);
	KUNIT_EXPECT_EQ(test, f->last.id, VIRTBACK_REQS_MAX);
}

/* --- hostile rings --- */

static void loop_is_refused(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i;

	for (i = 0; i < NUM; i++)
		fake_packed_add(f, FAKE_DATA, 1, F_NEXT, 0);
	expect_refused(f);
}

static void ring_of_one_that_goes_on_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_packed_start(f, 0, 1);
	fake_packed_add(f, FAKE_DATA, 0, F_NEXT | F_WRITE, 0);
	expect_refused(f);
}

static void readable_after_writable_is_refused(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_packed_add(f, FAKE_DATA, 16, F_NEXT | F_WRITE, 0);
	fake_packed_add(f, FAKE_DATA, 16, 0, 0);
	expect_refused(f);
}

static void wrapping_buffer_is_refused(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_packed_add(f, ~0ULL - 3, 8, 0, 0);
	expect_refused(f);
}

static void descriptors_of_another_lap_are_not_taken(struct kunit *test)
{
	static const u16 flags[] = { 0, USED, AVAIL | USED };
	struct fake *f = started(test, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fake_packed_desc(f, f->packed.ring, 0, FAKE_DATA, 16, flags[i], 0);
		fake_kick(f);
	}
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	/* The same in the second lap. */
	for (i = 0; i < NUM; i++)
		add(f, i);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, NUM);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fake_packed_desc(f, f->packed.ring, 0, FAKE_DATA, 16, flags[i] ^ (AVAIL | USED), 0);
		fake_kick(f);
	}
	KUNIT_EXPECT_EQ(test, f->prepared, NUM);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* A driver that offers what it has not got back harms nobody but itself. */
static void id_in_flight_may_be_used_again(struct kunit *test)
{
	struct fake *f = started(test, 0);

	f->hold = true;
	add(f, 3);
	add(f, 3);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 2);
	fake_release(f);
	fake_release(f);
	expect_used(f, 1, 3, 11);
	expect_used(f, 1, 3, 11);
}

static void more_in_flight_than_the_ring_has_is_bounded(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i, lap;

	f->hold = true;
	for (lap = 0; lap < 3; lap++) {
		for (i = 0; i < NUM; i++)
			add(f, 0);
		fake_kick(f);
	}
	KUNIT_EXPECT_EQ(test, fake_held(f), NUM);
	while (fake_held(f))
		fake_release(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

/* --- stalls, stops --- */

static void stalled_chain_is_taken_again(struct kunit *test)
{
	struct fake *f = test->priv;
	unsigned int n;

	/* The chain crosses the ring's end in all places. */
	for (n = 1; n < 7; n++) {
		fake_packed_start(f, 0, 7);
		add_chain(f, 0, n);
		fake_kick(f);
		expect_used(f, n, 0, 0);
		f->stalls = 1;
		f->prepared = 0;
		add_chain(f, 1, 6);
		fake_kick(f);
		KUNIT_EXPECT_EQ_MSG(test, f->prepared, 1, "after %u", n);
		KUNIT_EXPECT_EQ(test, f->last.out.nr, 6);
		expect_used(f, 6, 1, 0);
		add(f, 2);
		fake_kick(f);
		expect_used(f, 1, 2, 10);
		KUNIT_EXPECT_FALSE(test, fake_broken(f));
	}
}

static void restart_begins_a_first_lap(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i;

	for (i = 0; i < NUM + 3; i++) {
		add(f, 1);
		fake_kick(f);
	}
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	fake_packed_queue(f, 5);
	add(f, 4);
	fake_kick(f);
	expect_used(f, 1, 4, 12);
	fake_packed_start(f, 0, NUM);
	add(f, 2);
	fake_kick(f);
	expect_used(f, 1, 2, 10);
}

static void reset_drops_what_is_in_flight(struct kunit *test)
{
	struct fake *f = started(test, 0);

	f->hold = true;
	add_chain(f, 0, 3);
	add(f, 1);
	fake_kick(f);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	memset(f->mem, 0x5c, f->mem_len);
	fake_release(f);
	fake_release(f);
	KUNIT_EXPECT_NULL(test, memchr_inv(f->mem, 0x5c, f->mem_len));
	f->hold = false;
	fake_packed_start(f, 0, NUM);
	add(f, 2);
	fake_kick(f);
	expect_used(f, 1, 2, 10);
}

/* --- set-up --- */

static void try_queue(struct fake *f, u16 num, u64 ring, u64 driver, u64 device, bool good)
{
	fake_negotiate(f, BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_RING_PACKED));
	if (num)
		fake_write(f, VIRTIO_MMIO_QUEUE_NUM, num);
	fake_queue_addrs(f, ring, driver, device);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ_MSG(f->test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), good,
			    "%u, %#llx %#llx %#llx", num, ring, driver, device);
	KUNIT_EXPECT_EQ(f->test, fake_broken(f), !good);
	KUNIT_EXPECT_EQ(f->test, atomic_read(&f->maps), good ? 3 : 0);
}

static void areas_are_checked(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 end = FAKE_BASE + FAKE_MEM, desc = FAKE_DESC(0), avail = FAKE_AVAIL(0),
	    used = FAKE_USED(0);

	try_queue(f, 0, desc, avail, used, false);
	try_queue(f, 12, desc + 8, avail, used, false);
	try_queue(f, 12, desc, avail + 2, used, false);
	try_queue(f, 12, desc, avail, used + 2, false);
	try_queue(f, 12, desc + 16, avail + 4, used + 4, true);
	try_queue(f, 12, end - 12 * 16, avail, used, true);
	try_queue(f, 12, end - 11 * 16, avail, used, false);
	try_queue(f, 12, desc, end - 4, end - 4, true);
	try_queue(f, 12, desc, end, used, false);
	try_queue(f, 12, desc, avail, end, false);
	for (f->maps_left = 0; f->maps_left < 3;) {
		int n = f->maps_left;

		try_queue(f, 12, desc, avail, used, false);
		f->maps_left = n + 1;
	}
	f->maps_left = -1;
}

static struct kunit_case packed_cases[] = {
	FAKE_CASE(used_descriptors_name_id_and_length),
	FAKE_CASE(chain_arrives_and_is_skipped_as_a_whole),
	FAKE_CASE(id_is_that_of_the_last_descriptor),
	FAKE_CASE(id_may_be_any_number),
	FAKE_CASE(chains_are_used_in_order_of_completion),
	FAKE_CASE(full_ring_is_served_by_one_kick),
	FAKE_CASE(any_size_wraps),
	FAKE_CASE(largest_ring_wraps),
	FAKE_CASE(more_chains_than_requests_wait),
	FAKE_CASE(loop_is_refused),
	FAKE_CASE(ring_of_one_that_goes_on_is_refused),
	FAKE_CASE(readable_after_writable_is_refused),
	FAKE_CASE(wrapping_buffer_is_refused),
	FAKE_CASE(descriptors_of_another_lap_are_not_taken),
	FAKE_CASE(id_in_flight_may_be_used_again),
	FAKE_CASE(more_in_flight_than_the_ring_has_is_bounded),
	FAKE_CASE(stalled_chain_is_taken_again),
	FAKE_CASE(restart_begins_a_first_lap),
	FAKE_CASE(reset_drops_what_is_in_flight),
	FAKE_CASE(areas_are_checked),
	{}
};

static struct kunit_suite packed_suite = {
	.name = "virtback_packed",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = packed_cases,
};

kunit_test_suite(packed_suite);
