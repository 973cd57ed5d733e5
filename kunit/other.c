// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody else who wants the processor; see other.h. UML has one, so the worker of a case
 * has it only by turns then.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>

#include "fake.h"
#include "other.h"

static void other_runs(struct kthread_work *work)
{
	struct other *other = container_of(work, struct other, work);

	WRITE_ONCE(other->ran, true);
	while (!READ_ONCE(other->stop))
		schedule();
}

/**
 * other_begin() - make somebody who sleeps, for other_end()
 * @test: the running test, which is skipped where there are more processors
 * @other: who
 */
void other_begin(struct kunit *test, struct other *other)
{
	if (num_online_cpus() > 1)
		kunit_skip(test, "others need not wait for this processor");
	other->worker = kthread_create_worker(0, "other");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other->worker));
	kthread_init_work(&other->work, other_runs);
}

/**
 * other_waits() - from now on somebody wants the processor all the time
 * @test: the running test, as above
 * @other: who, until other_end()
 */
void other_waits(struct kunit *test, struct other *other)
{
	unsigned int i;

	other_begin(test, other);
	kthread_queue_work(other->worker, &other->work);
	for (i = 0; i < 10000 && !READ_ONCE(other->ran); i++)
		usleep_range(100, 200);
}

/**
 * other_has_waited() - the turn of queue 0's worker began long ago
 * @f: device
 */
void other_has_waited(struct fake *f)
{
	WRITE_ONCE(f->vd.vqs[0].turn, local_clock() - NSEC_PER_SEC);
}

/**
 * other_end() - let go of the processor
 * @other: who
 */
void other_end(struct other *other)
{
	WRITE_ONCE(other->stop, true);
	kthread_destroy_worker(other->worker);
}
