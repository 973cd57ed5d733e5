// SPDX-License-Identifier: GPL-2.0
/*
 * Busy waiting of a queue's worker (drivers/core/poll.c). No case depends on how fast
 * the machine is: what must be seen in time has minutes, and what must be too late is
 * measured against a microsecond.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/limits.h>
#include <linux/rcupdate.h>

#include "fake.h"

#define EVENT_IDX	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

/* Far longer than a case takes, so that the worker is still there. */
#define FOREVER_US	(300 * USEC_PER_SEC)

static struct virtback_vq *queue(struct kunit *test)
{
	struct fake *f = test->priv;

	return &f->vd.vqs[0];
}

/* A started device whose every descriptor is a whole request of 8 bytes. */
static struct fake *started(struct kunit *test, u64 features, u32 poll_us)
{
	struct fake *f = test->priv;
	int i;

	fake_start(f, features);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 8, F_WRITE, 0);
	WRITE_ONCE(f->vd.poll_us, poll_us);
	return f;
}

static bool used(struct fake *f, u16 n)
{
	int i;

	for (i = 0; i < 10000 && fake_used_idx(f) != n; i++)
		usleep_range(100, 200);
	return fake_used_idx(f) == n;
}

static bool looks_on(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);
	int i;

	for (i = 0; i < 10000 && !READ_ONCE(vq->poll.polled); i++)
		usleep_range(100, 200);
	return READ_ONCE(vq->poll.polled);
}

static bool rests(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);
	int i;

	for (i = 0; i < 10000 && READ_ONCE(vq->poll.running); i++)
		usleep_range(100, 200);
	return !READ_ONCE(vq->poll.running);
}

/* The worker has learnt that the driver is fast. */
static void fast_driver(struct kunit *test)
{
	queue(test)->poll.gap[false] = 0;
	queue(test)->poll.gap[true] = 0;
}

static void notify(struct fake *f)
{
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static void worker_rests_when_it_is_off(struct kunit *test)
{
	struct fake *f = started(test, 0, 0);
	struct virtback_vq *vq = queue(test);

	fast_driver(test);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_FALSE(test, vq->poll.running);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_hits, 0);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_misses, 0);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_ns, 0);
	KUNIT_EXPECT_EQ(test, vq->poll.since, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(fake_used(f)->flags), 0);
}

static void chains_come_without_a_kick(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);
	struct virtback_vq *vq = queue(test);
	int i;

	fast_driver(test);
	fake_offer(f, 0);
	notify(f);
	for (i = 1; i <= 3; i++) {
		KUNIT_ASSERT_TRUE(test, used(f, i));
		KUNIT_ASSERT_TRUE(test, looks_on(test));
		KUNIT_EXPECT_EQ(test, le16_to_cpu(fake_used(f)->flags), VRING_USED_F_NO_NOTIFY);
		fake_offer(f, i);
	}
	KUNIT_ASSERT_TRUE(test, used(f, 4));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&vq->kicks), 1);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_hits, 3);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_misses, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	/* The window is checked anew while it lasts. */
	WRITE_ONCE(f->vd.poll_us, 0);
	fake_kick(f);
	KUNIT_EXPECT_GT(test, vq->stats.poll_ns, 0);
}

static void packed_chains_come_without_a_kick(struct kunit *test)
{
	struct fake *f = test->priv;
	struct virtback_vq *vq = queue(test);

	fake_packed_start(f, 0, 8);
	fast_driver(test);
	WRITE_ONCE(f->vd.poll_us, FOREVER_US);
	fake_packed_add(f, FAKE_DATA, 8, F_WRITE, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	KUNIT_EXPECT_EQ(test, vq->stats.completed, 1);
	fake_packed_add(f, FAKE_DATA, 8, F_WRITE, 1);
	WRITE_ONCE(f->vd.poll_us, 0);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, vq->stats.completed, 2);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&vq->kicks), 1);
}

static void kicks_are_wanted_after_a_miss(struct kunit *test)
{
	struct fake *f = started(test, EVENT_IDX, 1);
	struct virtback_vq *vq = queue(test);

	fast_driver(test);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_hits, 0);
	KUNIT_EXPECT_LE(test, vq->stats.poll_misses, 1);
	KUNIT_EXPECT_EQ(test, fake_avail_event(f), 1);
	KUNIT_EXPECT_FALSE(test, vq->poll.running);
	fake_offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
}

static void fast_driver_is_learnt(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);
	struct virtback_vq *vq = queue(test);
	int i;

	KUNIT_EXPECT_EQ(test, vq->poll.gap[false], U64_MAX);
	for (i = 0; i < 8 && !READ_ONCE(vq->poll.polled); i++) {
		fake_offer(f, i);
		notify(f);
		KUNIT_ASSERT_TRUE(test, used(f, i + 1));
		/* Looks on, or has gone to rest: then it did not look. */
		while (READ_ONCE(vq->poll.running) && !READ_ONCE(vq->poll.polled))
			usleep_range(100, 200);
	}
	KUNIT_EXPECT_LT(test, 1, i);
	KUNIT_EXPECT_LT(test, i, 8);
}

static void slow_driver_is_learnt(struct kunit *test)
{
	struct fake *f = started(test, 0, 1);
	struct virtback_vq *vq = queue(test);
	int i;

	fast_driver(test);
	for (i = 0; i < 8; i++) {
		fake_offer(f, i);
		fake_kick(f);
		usleep_range(1000, 2000);
	}
	KUNIT_EXPECT_GE(test, vq->poll.gap[false], NSEC_PER_USEC);
	KUNIT_EXPECT_LE(test, vq->poll.gap[false], 2 * NSEC_PER_USEC);
	i = vq->stats.poll_misses;
	KUNIT_EXPECT_LT(test, i, 8);
	fake_offer(f, 8);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, vq->stats.poll_misses, i);
}

static void driver_is_expected_after_a_completion(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);
	struct virtback_vq *vq = queue(test);

	vq->poll.gap[false] = 0;
	f->hold = true;
	fake_offer(f, 0);
	notify(f);
	/* Not while its request is at the disk: that was not learnt. */
	fake_settle(f);
	KUNIT_EXPECT_FALSE(test, vq->poll.polled);
	KUNIT_ASSERT_EQ(test, fake_held(f), 1);
	f->hold = false;
	fake_end(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	fake_offer(f, 1);
	KUNIT_ASSERT_TRUE(test, used(f, 2));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&vq->kicks), 1);
}

static void completion_without_a_chain_is_learnt(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);
	struct virtback_vq *vq = queue(test);

	fast_driver(test);
	f->hold = true;
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	KUNIT_EXPECT_EQ(test, vq->poll.gap[true], 0);
	f->hold = false;
	fake_end(f);
	fake_offer(f, 1);
	KUNIT_ASSERT_TRUE(test, used(f, 2));
	KUNIT_EXPECT_GT(test, vq->poll.gap[true], 0);
	KUNIT_EXPECT_LT(test, vq->poll.gap[false], FOREVER_US * NSEC_PER_USEC / 4);
}

static void next_pass_is_not_kept_waiting(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);

	fast_driver(test);
	f->passes = 2;
	f->hold = true;
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	f->hold = false;
	fake_end(f);
	KUNIT_EXPECT_TRUE(test, used(f, 1));
	KUNIT_EXPECT_EQ(test, f->resumed, 1);
}

static void driver_with_more_in_flight_is_expected(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);
	struct virtback_vq *vq = queue(test);

	fast_driver(test);
	f->hold = true;
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	f->hold = false;
	fake_offer(f, 1);
	KUNIT_ASSERT_TRUE(test, used(f, 1));
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&vq->kicks), 1);
	fake_end(f);
	KUNIT_EXPECT_TRUE(test, used(f, 2));
}

#ifdef CONFIG_TASKS_RCU
/**
 * struct grace - a grace period of RCU tasks
 * @rcu: its callback
 * @over: completed by that
 */
struct grace {
	struct rcu_head rcu;
	struct completion over;
};

static void grace_over(struct rcu_head *rcu)
{
	complete(&container_of(rcu, struct grace, rcu)->over);
}

/* Tracers wait for every task to leave what they take away; one that looks on has. */
static void tracers_are_not_kept_waiting(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);
	struct grace grace;

	fast_driver(test);
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	init_rcu_head_on_stack(&grace.rcu);
	init_completion(&grace.over);
	call_rcu_tasks(&grace.rcu, grace_over);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&grace.over, 10 * HZ), 0UL);
	KUNIT_EXPECT_TRUE(test, queue(test)->poll.running);
	WRITE_ONCE(f->vd.poll_us, 0);
	fake_settle(f);
	/* At the latest now; it is on our stack. */
	rcu_barrier_tasks();
	destroy_rcu_head_on_stack(&grace.rcu);
}
#endif

static void reset_ends_it(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);

	fast_driver(test);
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_TRUE(test, rests(test));
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
}

static void pause_ends_it(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);

	fast_driver(test);
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	KUNIT_ASSERT_EQ(test, virtback_device_pause(&f->vd), 0);
	KUNIT_EXPECT_FALSE(test, queue(test)->poll.running);
	fake_offer(f, 1);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	virtback_device_unpause(&f->vd);
	KUNIT_EXPECT_TRUE(test, used(f, 2));
}

static void broken_ring_ends_it(struct kunit *test)
{
	struct fake *f = started(test, 0, FOREVER_US);

	fast_driver(test);
	fake_offer(f, 0);
	notify(f);
	KUNIT_ASSERT_TRUE(test, looks_on(test));
	WRITE_ONCE(fake_avail(f)->idx, cpu_to_le16(1 + FAKE_QUEUE_SIZE + 1));
	KUNIT_EXPECT_TRUE(test, rests(test));
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
}

/* A case that failed must not leave a worker that looks on for minutes. */
static void poll_exit(struct kunit *test)
{
	struct fake *f = test->priv;

	if (f)
		WRITE_ONCE(f->vd.poll_us, 0);
	fake_exit(test);
}

static struct kunit_case poll_cases[] = {
	KUNIT_CASE(worker_rests_when_it_is_off),
	KUNIT_CASE(chains_come_without_a_kick),
	KUNIT_CASE(packed_chains_come_without_a_kick),
	KUNIT_CASE(kicks_are_wanted_after_a_miss),
	KUNIT_CASE(fast_driver_is_learnt),
	KUNIT_CASE(slow_driver_is_learnt),
	KUNIT_CASE(driver_is_expected_after_a_completion),
	KUNIT_CASE(completion_without_a_chain_is_learnt),
	KUNIT_CASE(next_pass_is_not_kept_waiting),
	KUNIT_CASE(driver_with_more_in_flight_is_expected),
#ifdef CONFIG_TASKS_RCU
	KUNIT_CASE(tracers_are_not_kept_waiting),
#endif
	KUNIT_CASE(reset_ends_it),
	KUNIT_CASE(pause_ends_it),
	KUNIT_CASE(broken_ring_ends_it),
	{}
};

static struct kunit_suite poll_suite = {
	.name = "virtback_poll",
	.init = fake_init,
	.exit = poll_exit,
	.test_cases = poll_cases,
};

kunit_test_suite(poll_suite);
