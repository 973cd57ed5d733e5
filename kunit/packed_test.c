// SPDX-License-Identifier: GPL-2.0
/*
 * Packed rings (drivers/core/packed.c): chains, laps, and when each side asks for
 * notifications.
 */
#include <linux/prandom.h>

#include "fake.h"

#define INDIRECT_DESC	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define VRING		VIRTIO_MMIO_INT_VRING
#define ENABLE		VRING_PACKED_EVENT_FLAG_ENABLE
#define DISABLE		VRING_PACKED_EVENT_FLAG_DISABLE
#define DESC		VRING_PACKED_EVENT_FLAG_DESC

#define AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define USED		BIT(VRING_PACKED_DESC_F_USED)

#define NUM		FAKE_QUEUE_SIZE
#define TABLE		(FAKE_DATA + 0x8000)
#define DSIZE		((u32)sizeof(struct vring_packed_desc))

static struct fake *started(struct kunit *test, u64 features)
{
	struct fake *f = test->priv;

	fake_packed_start(f, features, NUM);
	return f;
}

/* A whole request in one descriptor. */
static void add(struct fake *f, u16 id)
{
	fake_packed_add(f, FAKE_DATA + id * 64, 8 + id, F_WRITE, id);
}

/* A chain of @n descriptors that are read. */
static void add_chain(struct fake *f, u16 id, unsigned int n)
{
	while (n--)
		fake_packed_add(f, FAKE_DATA, 4, n ? F_NEXT : 0, id);
}

static void expect_used(struct fake *f, u16 ndesc, u16 want_id, u32 want_len)
{
	struct kunit *test = f->test;
	u16 id = 0xffff;
	u32 len = ~0;

	KUNIT_ASSERT_TRUE(test, fake_packed_used(f, ndesc, &id, &len));
	KUNIT_EXPECT_EQ(test, id, want_id);
	KUNIT_EXPECT_EQ(test, len, want_len);
}

static void expect_none_used(struct fake *f)
{
	u16 id;
	u32 len;

	KUNIT_EXPECT_FALSE(f->test, fake_packed_used(f, 0, &id, &len));
}

/* What was made available must be refused. */
static void expect_refused(struct fake *f)
{
	struct kunit *test = f->test;

	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
	expect_none_used(f);
}

/* Interrupts since the last call, acknowledged. */
static int irqs(struct fake *f)
{
	int n = atomic_xchg(&f->irqs, 0);

	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VRING);
	return n;
}

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

/* --- indirect tables --- */

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

static struct kunit_suite packed_suite = {
	.name = "virtback_packed",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = packed_cases,
};

kunit_test_suite(packed_suite);
