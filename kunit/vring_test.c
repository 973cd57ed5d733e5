// SPDX-License-Identifier: GPL-2.0
/*
 * The rings around the chains (drivers/core/split.c): indexes, used elements, and
 * when each side asks for notifications.
 */
#include "fake.h"

#define EVENT_IDX	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define VRING		VIRTIO_MMIO_INT_VRING

static int irqs(struct fake *f)
{
	return atomic_read(&f->irqs);
}

/* A started device whose every descriptor is a whole request of 8 bytes. */
static struct fake *started(struct kunit *test, u64 features)
{
	struct fake *f = test->priv;
	int i;

	fake_start(f, features);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 8 + i, F_WRITE, 0);
	return f;
}

/* One request from the kick to the driver's ACK. */
static void one_request(struct fake *f)
{
	fake_offer(f, 0);
	fake_kick(f);
	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VRING);
}

static void used_elements_name_chain_and_length(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_offer(f, 5);
	fake_offer(f, 2);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 5);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 8 + 5);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 1), 2);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 1), 8 + 2);
}

static void used_elements_come_in_order_of_completion(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i;

	f->hold = true;
	for (i = 0; i < 3; i++)
		fake_offer(f, i);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 3);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	f->hold = false;
	fake_offer(f, 9);
	fake_kick(f);
	for (i = 0; i < 3; i++)
		fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 4);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 9);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 1), 0);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 3), 2);
}

static void full_ring_is_served_by_one_kick(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i;

	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_offer(f, i);
	fake_kick(f);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), FAKE_QUEUE_SIZE);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		KUNIT_EXPECT_EQ(test, fake_used_id(f, i), i);
}

static void index_too_far_ahead_breaks_the_device(struct kunit *test)
{
	struct fake *f = started(test, 0);

	f->avail_idx[0] = FAKE_QUEUE_SIZE;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
}

static void index_behind_breaks_the_device(struct kunit *test)
{
	struct fake *f = started(test, 0);

	one_request(f);
	f->avail_idx[0] = 0xffff;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
}

static void indexes_wrap(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);
	unsigned int i, round;

	f->answer_now = true;
	for (round = 0; round < 65536 / FAKE_QUEUE_SIZE + 3; round++) {
		for (i = 0; i < FAKE_QUEUE_SIZE; i++)
			fake_offer(f, (round + i) % FAKE_QUEUE_SIZE);
		fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		kthread_flush_worker(f->vd.vqs[0].worker);
		KUNIT_ASSERT_EQ(test, fake_used_idx(f), f->avail_idx[0]);
		KUNIT_ASSERT_EQ(test, fake_avail_event(f), f->avail_idx[0]);
	}
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 3 * FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_EQ(test, f->prepared, 65536 + 3 * FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 2 * FAKE_QUEUE_SIZE), (round - 1) % FAKE_QUEUE_SIZE);
}

static void same_head_twice_is_two_requests(struct kunit *test)
{
	struct fake *f = started(test, 0);

	f->hold = true;
	fake_offer(f, 4);
	fake_offer(f, 4);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 2);
	fake_release(f);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 4);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 1), 4);
}

static void empty_kick_does_nothing(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_EQ(test, irqs(f), 0);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* --- interrupts without EVENT_IDX --- */

static void completion_interrupts(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), VRING);
}

static void no_interrupt_flag_is_heeded(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_avail(f)->flags = (__force __virtio16)cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 0);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.irqs_saved, 1);
	fake_avail(f)->flags = 0;
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.irqs, 1);
}

static void completions_share_an_unacked_interrupt(struct kunit *test)
{
	struct fake *f = started(test, 0);

	fake_offer(f, 0);
	fake_kick(f);
	fake_offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VRING);
	fake_offer(f, 2);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 2);
}

/* --- interrupts with EVENT_IDX --- */

static void first_completion_interrupts(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	/* Far from what will be used: only the start decides. */
	fake_set_used_event(f, 100);
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
}

static void used_event_is_the_index_to_pass(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	one_request(f);			/* the first always interrupts */
	fake_set_used_event(f, 3);
	one_request(f);			/* used index 2 */
	one_request(f);			/* 3: the element 3 is not there yet */
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
	one_request(f);			/* 4: it is */
	KUNIT_EXPECT_EQ(test, irqs(f), 2);
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 2);
}

static void used_event_just_behind_is_too_late(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	one_request(f);
	one_request(f);
	fake_set_used_event(f, 1);	/* passed when the index became 2 */
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 1);
}

static void flag_means_nothing_with_event_idx(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	fake_avail(f)->flags = (__force __virtio16)cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	one_request(f);
	fake_set_used_event(f, 1);
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 2);
}

static void restart_forgets_the_last_interrupt(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	one_request(f);
	f = started(test, EVENT_IDX);
	fake_set_used_event(f, 100);
	one_request(f);
	KUNIT_EXPECT_EQ(test, irqs(f), 2);
}

/* --- kicks --- */

static void flag_asks_for_kicks_when_idle_only(struct kunit *test)
{
	struct fake *f = started(test, 0);

	KUNIT_EXPECT_EQ(test, (__force u16)fake_used(f)->flags, 0);
	one_request(f);
	KUNIT_EXPECT_EQ(test, f->flags_seen, VRING_USED_F_NO_NOTIFY);
	KUNIT_EXPECT_EQ(test, (__force u16)fake_used(f)->flags, 0);
}

static void avail_event_asks_for_the_next_chain(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX);

	fake_offer(f, 0);
	fake_offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_avail_event(f), 2);
	KUNIT_EXPECT_EQ(test, f->flags_seen, 0);
	one_request(f);
	KUNIT_EXPECT_EQ(test, fake_avail_event(f), 3);
}

static void rings_are_little_endian(struct kunit *test)
{
	struct fake *f = started(test, 0);
	u8 *used = (u8 *)fake_used(f);

	one_request(f);
	KUNIT_EXPECT_EQ(test, used[2], 1);	/* idx */
	KUNIT_EXPECT_EQ(test, used[3], 0);
	KUNIT_EXPECT_EQ(test, used[8], 8);	/* ring[0].len */
	KUNIT_EXPECT_EQ(test, used[11], 0);
}

/* --- overload --- */

static void driver_that_overcommits_waits(struct kunit *test)
{
	struct fake *f = started(test, 0);
	int i;

	f->hold = true;
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_offer(f, i);
	fake_kick(f);
	/* Chains again that the device has not given back. */
	for (i = 0; i < 4; i++)
		fake_offer(f, i);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_GT(test, f->vd.vqs[0].stats.stalls, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_EQ(test, f->prepared, FAKE_QUEUE_SIZE + 1);
	while (fake_held(f))
		fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), FAKE_QUEUE_SIZE + 4);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void queues_do_not_mix(struct kunit *test)
{
	struct fake *f = started(test, 0);
	struct vring_used *other = fake_va(f, FAKE_USED(1));

	fake_queue(f, 1, 8);
	fake_indirect(f, FAKE_DESC(1), 3, FAKE_DATA, 4, F_WRITE, 0);
	fake_offer_to(f, 1, 3);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, le16_to_cpu((__force __le16)other->idx), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu((__force __le32)other->ring[0].id), 3);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
}

static struct kunit_case vring_cases[] = {
	KUNIT_CASE(used_elements_name_chain_and_length),
	KUNIT_CASE(used_elements_come_in_order_of_completion),
	KUNIT_CASE(full_ring_is_served_by_one_kick),
	KUNIT_CASE(index_too_far_ahead_breaks_the_device),
	KUNIT_CASE(index_behind_breaks_the_device),
	KUNIT_CASE(indexes_wrap),
	KUNIT_CASE(same_head_twice_is_two_requests),
	KUNIT_CASE(empty_kick_does_nothing),
	KUNIT_CASE(completion_interrupts),
	KUNIT_CASE(no_interrupt_flag_is_heeded),
	KUNIT_CASE(completions_share_an_unacked_interrupt),
	KUNIT_CASE(first_completion_interrupts),
	KUNIT_CASE(used_event_is_the_index_to_pass),
	KUNIT_CASE(used_event_just_behind_is_too_late),
	KUNIT_CASE(flag_means_nothing_with_event_idx),
	KUNIT_CASE(restart_forgets_the_last_interrupt),
	KUNIT_CASE(flag_asks_for_kicks_when_idle_only),
	KUNIT_CASE(avail_event_asks_for_the_next_chain),
	KUNIT_CASE(rings_are_little_endian),
	KUNIT_CASE(driver_that_overcommits_waits),
	KUNIT_CASE(queues_do_not_mix),
	{}
};

static struct kunit_suite vring_suite = {
	.name = "virtback_vring",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = vring_cases,
};

kunit_test_suite(vring_suite);
