// SPDX-License-Identifier: GPL-2.0
/*
 * Indirect tables of packed rings (drivers/core/packed.c).
 */
#include "packed_fixture.h"

static void indirect_chain_takes_one_descriptor(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);
	int lap;

	for (lap = 0; lap < NUM + 2; lap++) {
		fake_packed_desc(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
		fake_packed_desc(f, TABLE, 1, FAKE_DATA + 0x1000, 4096, F_WRITE, 0);
		fake_packed_desc(f, TABLE, 2, FAKE_DATA + 0x3000, 1, F_WRITE, 0);
		fake_packed_add(f, TABLE, 3 * DSIZE, F_INDIRECT, 6);
		fake_kick(f);
		KUNIT_EXPECT_EQ(test, f->last.out.nr, 1);
		KUNIT_EXPECT_EQ(test, f->last.in.nr, 2);
		KUNIT_EXPECT_EQ(test, f->sg[1].addr, FAKE_DATA + 0x1000);
		KUNIT_EXPECT_EQ(test, f->sg[2].addr, FAKE_DATA + 0x3000);
		expect_used(f, 1, 6, 4097);
	}
}

static void next_and_id_in_a_table_mean_nothing(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_desc(f, TABLE, 0, FAKE_DATA, 16, 0, 0xffff);
	fake_packed_desc(f, TABLE, 1, FAKE_DATA, 4, F_NEXT | AVAIL | USED, 0xffff);
	fake_packed_desc(f, TABLE, 2, FAKE_DATA, 1, F_WRITE | F_NEXT, 0xffff);
	fake_packed_add(f, TABLE, 3 * DSIZE, F_INDIRECT | F_WRITE, 6);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->last.out.left, 20);
	KUNIT_EXPECT_EQ(test, f->last.in.left, 1);
	expect_used(f, 1, 6, 1);
}

static void chain_may_end_in_a_table(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_desc(f, TABLE, 0, FAKE_DATA, 512, F_WRITE, 0);
	fake_packed_add(f, FAKE_DATA, 16, F_NEXT, 1);
	fake_packed_add(f, TABLE, DSIZE, F_INDIRECT, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->last.out.left, 16);
	expect_used(f, 2, 1, 512);
}

static void table_may_cross_pieces(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);
	int d;

	f->piece = 24;
	for (d = 0; d < 6; d++)
		fake_packed_desc(f, TABLE, d, FAKE_DATA + d * 64, d + 1, 0, 0);
	fake_packed_add(f, TABLE, 6 * DSIZE, F_INDIRECT, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->last.out.nr, 6);
	KUNIT_EXPECT_EQ(test, f->last.out.left, 21);
	KUNIT_EXPECT_EQ(test, f->sg[5].addr, FAKE_DATA + 5 * 64);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	expect_used(f, 1, 0, 0);
}

static void small_ring_takes_long_tables(struct kunit *test)
{
	struct fake *f = test->priv;
	int d;

	fake_packed_start(f, INDIRECT_DESC, 3);
	for (d = 0; d < NUM; d++)
		fake_packed_desc(f, TABLE, d, FAKE_DATA, 2, 0, 0);
	fake_packed_add(f, TABLE, NUM * DSIZE, F_INDIRECT, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->last.out.nr, NUM);
	expect_used(f, 1, 0, 0);
}

static void table_longer_than_the_queue_is_refused(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);
	int d;

	for (d = 0; d <= NUM; d++)
		fake_packed_desc(f, TABLE, d, FAKE_DATA, 2, 0, 0);
	fake_packed_add(f, TABLE, (NUM + 1) * DSIZE, F_INDIRECT, 0);
	expect_refused(f);
}

static void indirect_wants_its_feature(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_packed_desc(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	fake_packed_add(f, TABLE, DSIZE, F_INDIRECT, 0);
	expect_refused(f);
}

static void chain_after_a_table_is_refused(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_desc(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	fake_packed_add(f, TABLE, DSIZE, F_INDIRECT | F_NEXT, 0);
	fake_packed_add(f, FAKE_DATA, 16, 0, 0);
	expect_refused(f);
}

static void nested_table_is_refused(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_desc(f, TABLE, 0, TABLE + 0x1000, DSIZE, F_INDIRECT, 0);
	fake_packed_desc(f, TABLE + 0x1000, 0, FAKE_DATA, 16, 0, 0);
	fake_packed_add(f, TABLE, DSIZE, F_INDIRECT, 0);
	expect_refused(f);
}

static void table_of_odd_length_is_refused(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_desc(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	fake_packed_add(f, TABLE, DSIZE + 8, F_INDIRECT, 0);
	expect_refused(f);
}

static void table_of_no_descriptors_is_refused(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_add(f, TABLE, 0, F_INDIRECT, 0);
	expect_refused(f);
}

static void readable_after_writable_in_a_table_is_refused(struct kunit *test)
{
	struct fake *f = started(test, INDIRECT_DESC);

	fake_packed_desc(f, TABLE, 0, FAKE_DATA, 16, F_WRITE, 0);
	fake_packed_desc(f, TABLE, 1, FAKE_DATA, 16, 0, 0);
	fake_packed_add(f, TABLE, 2 * DSIZE, F_INDIRECT, 0);
	expect_refused(f);
}

static struct kunit_case packed_table_cases[] = {
	FAKE_CASE(indirect_chain_takes_one_descriptor),
	FAKE_CASE(next_and_id_in_a_table_mean_nothing),
	FAKE_CASE(chain_may_end_in_a_table),
	FAKE_CASE(table_may_cross_pieces),
	FAKE_CASE(small_ring_takes_long_tables),
	FAKE_CASE(table_longer_than_the_queue_is_refused),
	FAKE_CASE(indirect_wants_its_feature),
	FAKE_CASE(chain_after_a_table_is_refused),
	FAKE_CASE(nested_table_is_refused),
	FAKE_CASE(table_of_odd_length_is_refused),
	FAKE_CASE(table_of_no_descriptors_is_refused),
	FAKE_CASE(readable_after_writable_in_a_table_is_refused),
	{}
};

static struct kunit_suite packed_table_suite = {
	.name = "virtback_packed_table",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = packed_table_cases,
};

kunit_test_suite(packed_table_suite);
