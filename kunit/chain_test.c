// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptor chains (drivers/core/split.c): the ones that are allowed arrive whole
 * at the device type, all others break the device and reach nobody.
 */
#include "fake.h"

#define INDIRECT_DESC	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)

#define TABLE		(FAKE_DATA + 0x8000)
#define DSIZE		((u32)sizeof(struct vring_desc))

/* Offer the chain at descriptor 0: it must arrive with so many buffers. */
static void expect_chain(struct fake *f, u32 out_nr, u64 out, u32 in_nr, u64 in)
{
	struct kunit *test = f->test;

	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, f->last.id, 0);
	KUNIT_EXPECT_EQ(test, f->last.out.nr, out_nr);
	KUNIT_EXPECT_EQ(test, f->last.out.left, out);
	KUNIT_EXPECT_EQ(test, f->last.in.nr, in_nr);
	KUNIT_EXPECT_EQ(test, f->last.in.left, in);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), in);
}

/* Offer the chain at @head: it must be refused. */
static void expect_refused(struct fake *f, u16 head)
{
	struct kunit *test = f->test;

	fake_offer(f, head);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
}

static void expect_sg(struct fake *f, unsigned int i, u64 addr, u32 len)
{
	KUNIT_EXPECT_EQ_MSG(f->test, f->sg[i].addr, addr, "buffer %u", i);
	KUNIT_EXPECT_EQ_MSG(f->test, f->sg[i].len, len, "buffer %u", i);
}

static void direct_chain_arrives(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 16, F_NEXT, 7);
	fake_desc(f, 7, FAKE_DATA + 0x100, 5, F_NEXT, 3);
	fake_desc(f, 3, FAKE_DATA + 0x200, 512, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, FAKE_DATA + 0x400, 1, F_WRITE, 0);
	expect_chain(f, 2, 21, 2, 513);
	expect_sg(f, 0, FAKE_DATA, 16);
	expect_sg(f, 1, FAKE_DATA + 0x100, 5);
	expect_sg(f, 2, FAKE_DATA + 0x200, 512);
	expect_sg(f, 3, FAKE_DATA + 0x400, 1);
}

static void buffers_carry_the_data(struct kunit *test)
{
	struct fake *f = test->priv;
	u8 *in;
	int i;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA + 1, 7, F_NEXT, 1);
	fake_desc(f, 1, FAKE_DATA + 0x102, 5, F_NEXT, 2);
	fake_desc(f, 2, FAKE_DATA + 0x203, 9, F_WRITE, 0);
	memcpy(fake_va(f, FAKE_DATA + 1), "virtual", 7);
	memcpy(fake_va(f, FAKE_DATA + 0x102), "queue", 5);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_STREQ(test, (char *)f->out, "virtualqueue");
	in = fake_va(f, FAKE_DATA + 0x203);
	for (i = -1; i <= 9; i++)
		KUNIT_EXPECT_EQ(test, in[i], i < 0 || i == 9 ? 0 : FAKE_FILL);
}

static void indirect_chain_arrives(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, 3 * DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 16, F_NEXT, 2);
	fake_indirect(f, TABLE, 2, FAKE_DATA + 0x1000, 4096, F_NEXT | F_WRITE, 1);
	fake_indirect(f, TABLE, 1, FAKE_DATA + 0x3000, 1, F_WRITE, 0);
	expect_chain(f, 1, 16, 2, 4097);
	expect_sg(f, 1, FAKE_DATA + 0x1000, 4096);
	expect_sg(f, 2, FAKE_DATA + 0x3000, 1);
}

static void chain_may_end_in_a_table(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, FAKE_DATA, 16, F_NEXT, 1);
	fake_desc(f, 1, TABLE, 2 * DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA + 0x1000, 512, F_NEXT | F_WRITE, 1);
	fake_indirect(f, TABLE, 1, FAKE_DATA + 0x3000, 1, F_WRITE, 0);
	expect_chain(f, 1, 16, 2, 513);
}

static void write_flag_of_a_table_means_nothing(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, DSIZE, F_INDIRECT | F_WRITE, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	expect_chain(f, 1, 16, 0, 0);
}

static void table_may_cross_pieces(struct kunit *test)
{
	/* In the middle of a descriptor, of all of them, between them. */
	static const u32 pieces[] = { 40, 24, 8, 16, 3 };
	struct fake *f = test->priv;
	int i, d;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		fake_start(f, INDIRECT_DESC);
		f->piece = pieces[i];
		f->prepared = 0;
		fake_desc(f, 0, TABLE, 6 * DSIZE, F_INDIRECT, 0);
		for (d = 0; d < 6; d++)
			fake_indirect(f, TABLE, d, FAKE_DATA + d * 64, d + 1,
				      d < 5 ? F_NEXT : 0, d + 1);
		expect_chain(f, 6, 21, 0, 0);
		for (d = 0; d < 6; d++)
			expect_sg(f, d, FAKE_DATA + d * 64, d + 1);
		KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	}
}

static void table_may_be_walked_backwards(struct kunit *test)
{
	struct fake *f = test->priv;
	int d;

	fake_start(f, INDIRECT_DESC);
	f->piece = 32;
	fake_desc(f, 0, TABLE + 16, 6 * DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE + 16, 0, FAKE_DATA, 1, F_NEXT, 5);
	for (d = 5; d; d--)
		fake_indirect(f, TABLE + 16, d, FAKE_DATA + d * 64, d + 1, d > 1 ? F_NEXT : 0,
			      d - 1);
	expect_chain(f, 6, 21, 0, 0);
	expect_sg(f, 1, FAKE_DATA + 5 * 64, 6);
	expect_sg(f, 5, FAKE_DATA + 64, 2);
}

static u64 memory_changes;

static void change_memory(struct fake *f, struct virtback_piece *p)
{
	memory_changes++;
}

/* Two chains in one go, with tables at these places. How often something was pinned. */
static unsigned int pins_of_two_tables(struct fake *f, u64 first, u64 second)
{
	unsigned int pinned, n = f->prepared;
	u64 tables[] = { first, second };
	int i;

	for (i = 0; i < 2; i++) {
		fake_desc(f, i, tables[i], 2 * DSIZE, F_INDIRECT, 0);
		fake_indirect(f, tables[i], 0, FAKE_DATA + 64 * i, 16 + i, F_NEXT, 1);
		fake_indirect(f, tables[i], 1, FAKE_DATA + 0x1000, 5 + i, F_WRITE, 0);
		fake_offer(f, i);
	}
	pinned = f->pinned;
	fake_kick(f);
	KUNIT_EXPECT_EQ(f->test, f->prepared, n + 2);
	KUNIT_EXPECT_EQ(f->test, f->last.out.left, 17);
	KUNIT_EXPECT_EQ(f->test, f->last.in.left, 6);
	KUNIT_EXPECT_EQ(f->test, atomic_read(&f->pins), 0);
	return f->pinned - pinned;
}

static void tables_of_a_page_are_pinned_once(struct kunit *test)
{
	struct fake *f = test->priv;
	unsigned int once;

	fake_start(f, INDIRECT_DESC);
	once = pins_of_two_tables(f, TABLE + 64, TABLE);
	KUNIT_EXPECT_EQ(test, pins_of_two_tables(f, TABLE + 64, FAKE_DATA + 0x4000), once + 1);
}

/* What an address means may change between two chains. */
static void changed_memory_is_pinned_anew(struct kunit *test)
{
	struct fake *f = test->priv;
	unsigned int once;

	f->vd.mem_gen = &memory_changes;
	fake_start(f, INDIRECT_DESC);
	f->answer_now = true;
	once = pins_of_two_tables(f, TABLE, TABLE + 64);
	f->on_unpin = change_memory;
	KUNIT_EXPECT_EQ(test, pins_of_two_tables(f, TABLE, TABLE + 64), once + 1);
	f->on_unpin = NULL;
}

static void longest_chain_arrives(struct kunit *test)
{
	struct fake *f = test->priv;
	int d;

	fake_start(f, 0);
	for (d = 0; d < FAKE_QUEUE_SIZE; d++)
		fake_desc(f, d, FAKE_DATA, 2, d < FAKE_QUEUE_SIZE - 1 ? F_NEXT : 0, d + 1);
	expect_chain(f, FAKE_QUEUE_SIZE, 2 * FAKE_QUEUE_SIZE, 0, 0);
}

/* A chain of @n buffers in an indirect table. */
static void long_table(struct fake *f, unsigned int n)
{
	unsigned int d;

	fake_desc(f, 0, TABLE, n * DSIZE, F_INDIRECT, 0);
	for (d = 0; d < n; d++)
		fake_indirect(f, TABLE, d, FAKE_DATA, 2, d < n - 1 ? F_NEXT : 0, d + 1);
}

static void longest_table_arrives(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	long_table(f, FAKE_QUEUE_SIZE);
	expect_chain(f, FAKE_QUEUE_SIZE, 2 * FAKE_QUEUE_SIZE, 0, 0);
}

/* Linux makes its ring smaller when memory is short, and keeps to seg_max. */
static void small_ring_takes_long_tables(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	fake_queue(f, 0, FAKE_QUEUE_SIZE / 2);
	long_table(f, FAKE_QUEUE_SIZE);
	expect_chain(f, FAKE_QUEUE_SIZE, 2 * FAKE_QUEUE_SIZE, 0, 0);
}

static void chain_longer_than_the_queue_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	long_table(f, FAKE_QUEUE_SIZE + 1);
	expect_refused(f, 0);
}

static void empty_buffers_are_allowed(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 0, F_NEXT, 1);
	fake_desc(f, 1, FAKE_DATA, 4, F_NEXT, 2);
	fake_desc(f, 2, FAKE_DATA + 0x100, 0, F_NEXT | F_WRITE, 3);
	fake_desc(f, 3, FAKE_DATA + 0x100, 4, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, 0, 0, F_WRITE, 0);
	expect_chain(f, 2, 4, 3, 4);
}

static void head_outside_the_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	expect_refused(f, FAKE_QUEUE_SIZE);
}

static void head_far_outside_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	expect_refused(f, 0xffff);
}

static void next_outside_the_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 16, F_NEXT, FAKE_QUEUE_SIZE);
	expect_refused(f, 0);
}

static void next_outside_an_indirect_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, 2 * DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 16, F_NEXT, 2);
	fake_indirect(f, TABLE, 2, FAKE_DATA, 16, 0, 0);
	expect_refused(f, 0);
}

static void loop_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 16, F_NEXT, 1);
	fake_desc(f, 1, FAKE_DATA, 16, F_NEXT, 0);
	expect_refused(f, 0);
}

static void loop_of_one_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 3, FAKE_DATA, 0, F_NEXT | F_WRITE, 3);
	expect_refused(f, 3);
}

static void loop_in_a_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, 2 * DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 1, F_NEXT, 1);
	fake_indirect(f, TABLE, 1, FAKE_DATA, 1, F_NEXT, 0);
	expect_refused(f, 0);
}

static void readable_after_writable_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 16, F_NEXT | F_WRITE, 1);
	fake_desc(f, 1, FAKE_DATA, 16, 0, 0);
	expect_refused(f, 0);
}

static void wrapping_buffer_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, ~0ULL - 3, 8, 0, 0);
	expect_refused(f, 0);
}

static void indirect_wants_its_feature(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, TABLE, DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	expect_refused(f, 0);
}

static void nested_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, TABLE + 0x1000, DSIZE, F_INDIRECT, 0);
	fake_indirect(f, TABLE + 0x1000, 0, FAKE_DATA, 16, 0, 0);
	expect_refused(f, 0);
}

static void chain_after_a_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, DSIZE, F_INDIRECT | F_NEXT, 1);
	fake_desc(f, 1, FAKE_DATA, 1, F_WRITE, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	expect_refused(f, 0);
}

static void table_of_no_descriptors_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, 0, F_INDIRECT, 0);
	expect_refused(f, 0);
}

static void table_of_odd_length_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, TABLE, DSIZE + 8, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, FAKE_DATA, 16, 0, 0);
	expect_refused(f, 0);
}

static void wrapping_table_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, ~0ULL << 4, 2 * DSIZE, F_INDIRECT, 0);
	expect_refused(f, 0);
}

static void table_outside_memory_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, FAKE_BASE + FAKE_MEM, DSIZE, F_INDIRECT, 0);
	expect_refused(f, 0);
}

static void table_that_ends_outside_memory_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 table = FAKE_BASE + FAKE_MEM - DSIZE - 8;

	fake_start(f, INDIRECT_DESC);
	fake_desc(f, 0, table, 2 * DSIZE, F_INDIRECT, 0);
	fake_indirect(f, table, 0, FAKE_DATA, 16, F_NEXT, 1);
	expect_refused(f, 0);
}

static void chain_after_a_bad_one_is_not_taken(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 16, F_NEXT, FAKE_QUEUE_SIZE);
	fake_desc(f, 1, FAKE_DATA, 16, 0, 0);
	fake_offer(f, 0);
	fake_offer(f, 1);
	fake_kick(f);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
}

static struct kunit_case chain_cases[] = {
	FAKE_CASE(direct_chain_arrives),
	FAKE_CASE(buffers_carry_the_data),
	FAKE_CASE(indirect_chain_arrives),
	FAKE_CASE(chain_may_end_in_a_table),
	FAKE_CASE(write_flag_of_a_table_means_nothing),
	FAKE_CASE(table_may_cross_pieces),
	FAKE_CASE(table_may_be_walked_backwards),
	KUNIT_CASE(tables_of_a_page_are_pinned_once),
	KUNIT_CASE(changed_memory_is_pinned_anew),
	FAKE_CASE(longest_chain_arrives),
	FAKE_CASE(longest_table_arrives),
	FAKE_CASE(small_ring_takes_long_tables),
	FAKE_CASE(chain_longer_than_the_queue_is_refused),
	FAKE_CASE(empty_buffers_are_allowed),
	FAKE_CASE(head_outside_the_table_is_refused),
	FAKE_CASE(head_far_outside_is_refused),
	FAKE_CASE(next_outside_the_table_is_refused),
	FAKE_CASE(next_outside_an_indirect_table_is_refused),
	FAKE_CASE(loop_is_refused),
	FAKE_CASE(loop_of_one_is_refused),
	FAKE_CASE(loop_in_a_table_is_refused),
	FAKE_CASE(readable_after_writable_is_refused),
	FAKE_CASE(wrapping_buffer_is_refused),
	FAKE_CASE(indirect_wants_its_feature),
	FAKE_CASE(nested_table_is_refused),
	FAKE_CASE(chain_after_a_table_is_refused),
	FAKE_CASE(table_of_no_descriptors_is_refused),
	FAKE_CASE(table_of_odd_length_is_refused),
	FAKE_CASE(wrapping_table_is_refused),
	FAKE_CASE(table_outside_memory_is_refused),
	FAKE_CASE(table_that_ends_outside_memory_is_refused),
	FAKE_CASE(chain_after_a_bad_one_is_not_taken),
	{}
};

static struct kunit_suite chain_suite = {
	.name = "virtback_chain",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = chain_cases,
};

kunit_test_suite(chain_suite);
