// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a worker goes where its kicks come to (drivers/core/place.c). UML has one
 * processor, so cases say where the worker and the kicks are.
 */
#include <linux/jiffies.h>
#include <linux/smp.h>

#include "../drivers/core/core.h"
#include "fake.h"

#define HERE		0
#define THERE		1
/* The first one says where. */
#define ENOUGH		9

static struct virtback_vq *queue(struct kunit *test)
{
	struct fake *f = test->priv;

	return &f->vd.vqs[0];
}

static int kicked(struct kunit *test, int cpu, bool idle)
{
	struct virtback_vq *vq = queue(test);

	vq->kick_cpu = cpu;
	vq->place.idle = idle;
	return virtback_place_where(vq, HERE);
}

static void kicked_to_stay(struct kunit *test, int cpu, bool idle, unsigned int n)
{
	while (n--)
		KUNIT_EXPECT_EQ(test, kicked(test, cpu, idle), -1);
}

static void worker_goes_where_the_kicks_are(struct kunit *test)
{
	kicked_to_stay(test, HERE, true, 1);
	kicked_to_stay(test, THERE, true, ENOUGH - 1);
	KUNIT_EXPECT_EQ(test, kicked(test, THERE, true), THERE);
}

/* As if it could not, or as if the driver had it go round and round. */
static void worker_goes_once_in_a_while(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);

	kicked_to_stay(test, THERE, true, ENOUGH - 1);
	KUNIT_EXPECT_EQ(test, kicked(test, THERE, true), THERE);
	vq->place.next = jiffies + 60 * HZ;
	kicked_to_stay(test, THERE, true, 2 * ENOUGH);
	vq->place.next = jiffies;
	KUNIT_EXPECT_EQ(test, kicked(test, THERE, true), THERE);
	KUNIT_EXPECT_TRUE(test, time_after(vq->place.next, jiffies));
}

static void worker_stays_where_it_is_kicked(struct kunit *test)
{
	kicked_to_stay(test, HERE, true, 2 * ENOUGH);
}

static void kicks_from_everywhere_move_nobody(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ENOUGH; i++) {
		kicked_to_stay(test, THERE, true, 4);
		kicked_to_stay(test, THERE + 1 + i % 2, true, 4);
	}
	for (i = 0; i < ENOUGH; i++) {
		kicked_to_stay(test, THERE, true, 4);
		kicked_to_stay(test, HERE, true, 1);
	}
}

static void worker_does_not_go_where_others_run(struct kunit *test)
{
	kicked_to_stay(test, THERE, false, 4 * ENOUGH);
}

/* A worker that copies is woken by each completion, long after the kick. */
static void kick_counts_once(struct kunit *test)
{
	unsigned int i;

	kicked_to_stay(test, THERE, true, 2);
	for (i = 0; i < 2 * ENOUGH; i++)
		KUNIT_EXPECT_EQ(test, virtback_place_where(queue(test), HERE), -1);
	kicked_to_stay(test, THERE, true, ENOUGH - 3);
	KUNIT_EXPECT_EQ(test, kicked(test, THERE, true), THERE);
}

/* This thread is none that has nothing to do. */
static void kick_says_where(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);

	vq->kick_cpu = -1;
	vq->place.idle = true;
	virtback_place_kicked(vq);
	KUNIT_EXPECT_EQ(test, vq->kick_cpu, raw_smp_processor_id());
	KUNIT_EXPECT_FALSE(test, vq->place.idle);
}

/* Its driver is gone, or never was: who is interrupted for nothing says nothing. */
static void kick_of_a_stopped_queue_says_nothing(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);

	vq->kick_cpu = -1;
	virtback_vq_kick(vq, 7);
	KUNIT_EXPECT_EQ(test, vq->kick_cpu, -1);
	KUNIT_EXPECT_EQ(test, vq->kicked, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&vq->kicks), 1);
}

static struct kunit_case place_cases[] = {
	KUNIT_CASE(worker_goes_where_the_kicks_are),
	KUNIT_CASE(worker_goes_once_in_a_while),
	KUNIT_CASE(worker_stays_where_it_is_kicked),
	KUNIT_CASE(kicks_from_everywhere_move_nobody),
	KUNIT_CASE(worker_does_not_go_where_others_run),
	KUNIT_CASE(kick_counts_once),
	KUNIT_CASE(kick_says_where),
	KUNIT_CASE(kick_of_a_stopped_queue_says_nothing),
	{}
};

static struct kunit_suite place_suite = {
	.name = "virtback_place",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = place_cases,
};

kunit_test_suite(place_suite);
