// SPDX-License-Identifier: GPL-2.0
/*
 * What the workers of a guest have of a processor (drivers/core/worker.c). The workers
 * themselves sleep; cases say how busy they were.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/time64.h>

#include "../drivers/core/core.h"
#include "fake.h"
#include "other.h"

#define DEVICES		4
#define GUEST		7

static struct {
	struct fake *fakes[DEVICES];
} share;

static struct virtback_vq *queue(unsigned int dev, unsigned int q)
{
	return &share.fakes[dev]->vd.vqs[q];
}

static int nice(unsigned int dev, unsigned int q)
{
	return task_nice(queue(dev, q)->worker->task);
}

static void busy(unsigned int dev, unsigned int q, u32 use)
{
	queue(dev, q)->share.use = use;
	queue(dev, q)->share.looked = jiffies;
}

static void belongs(unsigned int dev, u32 guest)
{
	struct virtback_device *vd = &share.fakes[dev]->vd;

	virtback_share_leave(vd);
	vd->guest = guest;
	virtback_share_join(vd);
}

/* As the worker of device 0's queue 0 does, which has used its processor all the time. */
static void look(void)
{
	struct virtback_share *s = &queue(0, 0)->share;

	s->looked = jiffies - 4;
	s->wanted = current->se.sum_exec_runtime - 4 * TICK_NSEC;
#ifdef CONFIG_SCHED_INFO
	s->wanted += current->sched_info.run_delay;
#endif
	virtback_share_look(queue(0, 0), jiffies);
}

static void one_that_works_alone_is_not_nice(struct kunit *test)
{
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 0);
	KUNIT_EXPECT_EQ(test, queue(0, 0)->share.turn, 200 * NSEC_PER_USEC);
	KUNIT_EXPECT_TRUE(test, time_after(queue(0, 0)->share.next, jiffies));
}

static void several_weigh_what_one_does(struct kunit *test)
{
	/* Weights of kernel/sched/core.c: 1024, 526 twice, 335 three times and so on. */
	static const int want[] = { 3, 5, 6, 7, 8, 9, 9 };
	unsigned int i;

	for (i = 1; i <= ARRAY_SIZE(want); i++) {
		busy(i / 2, i % 2, TICK_NSEC);
		look();
		KUNIT_EXPECT_EQ(test, nice(0, 0), want[i - 1]);
		KUNIT_EXPECT_EQ(test, queue(0, 0)->share.turn, 200 * NSEC_PER_USEC / (i + 1));
	}
	KUNIT_EXPECT_EQ(test, nice(0, 1), 0);
}

static void queues_of_no_guest_count_alone(struct kunit *test)
{
	belongs(0, 0);
	belongs(1, 0);
	busy(1, 0, TICK_NSEC);
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 0);
	busy(0, 1, TICK_NSEC);
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 3);
}

static void other_guests_do_not_count(struct kunit *test)
{
	belongs(1, GUEST + 1);
	busy(1, 0, TICK_NSEC);
	busy(1, 1, TICK_NSEC);
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 0);
}

static void those_with_little_to_do_do_not_count(struct kunit *test)
{
	busy(0, 1, TICK_NSEC / 10);
	busy(1, 0, TICK_NSEC / 10);
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 0);
}

static void those_that_rest_do_not_count(struct kunit *test)
{
	busy(0, 1, TICK_NSEC);
	look();
	KUNIT_ASSERT_EQ(test, nice(0, 0), 3);
	queue(0, 1)->share.looked = jiffies - HZ;
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 0);
}

static void it_is_added_to_the_priority(struct kunit *test)
{
	struct virtback_device *vd = &share.fakes[0]->vd;

	busy(0, 1, TICK_NSEC);
	look();
	virtback_device_set_nice(vd, -10);
	KUNIT_EXPECT_EQ(test, nice(0, 0), -7);
	KUNIT_EXPECT_EQ(test, nice(0, 1), -10);
	KUNIT_EXPECT_EQ(test, virtback_device_nice(vd), -10);
	virtback_device_set_nice(vd, MAX_NICE);
	KUNIT_EXPECT_EQ(test, nice(0, 0), MAX_NICE);
	virtback_device_set_nice(vd, 0);
	queue(0, 1)->share.looked = jiffies - HZ;
	look();
	KUNIT_EXPECT_EQ(test, nice(0, 0), 0);
}

/* A request makes the worker look, and how much it ran is what the scheduler says. */
static void worker_looks_itself(struct kunit *test)
{
	struct fake *f = share.fakes[0];
	struct virtback_share *s = &f->vd.vqs[0].share;
	unsigned long before = s->looked;

	s->use = U32_MAX;
	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, F_WRITE, 0);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, time_after(s->looked, before));
	KUNIT_EXPECT_LT(test, s->use, 2 * TICK_NSEC);
	KUNIT_EXPECT_TRUE(test, time_after(s->next, s->looked));
	/* Not sooner. */
	s->next = jiffies + HZ;
	before = s->looked;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, s->looked, before);
}

static int share_init(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		int err = fake_init(test);

		if (err)
			return err;
		share.fakes[i] = test->priv;
		belongs(i, GUEST);
	}
	return 0;
}

static void share_exit(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		if (!share.fakes[i])
			continue;
		test->priv = share.fakes[i];
		fake_exit(test);
		share.fakes[i] = NULL;
	}
}

/* A turn that has just begun is over only when the scheduler or the host takes its time. */
static bool over_at_once(struct virtback_vq *vq)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		/* Who woke the other one is told to let it run, at once. */
		clear_tsk_need_resched(current);
		vq->turn = local_clock();
		if (!virtback_turn_over(vq))
			return false;
	}
	return true;
}

/* With others of the kernel about, it may take a while until nobody else wants to run. */
static bool over_when_alone(struct virtback_vq *vq)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		/* Those that have gone to sleep may count until somebody else sleeps, too. */
		msleep(20);
		vq->turn = local_clock() - NSEC_PER_SEC;
		if (!virtback_turn_over(vq))
			return false;
	}
	return true;
}

static void turn_ends_when_others_wait(struct kunit *test)
{
	struct virtback_vq *vq = queue(0, 0);
	bool at_once, late, ran;
	struct other other = {};
	unsigned int i;

	other_begin(test, &other);
	other.stop = true;
	/* For as long as one likes when nobody waits. */
	KUNIT_EXPECT_FALSE(test, over_when_alone(vq));

	preempt_disable();
	kthread_queue_work(other.worker, &other.work);
	at_once = over_at_once(vq);
	clear_tsk_need_resched(current);
	vq->turn = local_clock() - NSEC_PER_SEC;
	late = virtback_turn_over(vq);
	ran = READ_ONCE(other.ran);
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, at_once);
	KUNIT_EXPECT_TRUE(test, late);
	KUNIT_EXPECT_FALSE(test, ran);

	/* The scheduler has a say in that, too. */
	i = 0;
	do {
		virtback_turn_end(vq);
	} while (++i < 1000000 && !READ_ONCE(other.ran));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(other.ran));
	KUNIT_EXPECT_LT(test, local_clock() - vq->turn, NSEC_PER_SEC / 2);
	other_end(&other);
}

static bool turn_begun_anew(struct fake *f)
{
	return local_clock() - READ_ONCE(f->vd.vqs[0].turn) < NSEC_PER_SEC / 2;
}

/* Who waits has the processor after the request that took too long, not after all of them. */
static void request_is_the_last_of_a_turn(struct kunit *test)
{
	struct fake *f = share.fakes[0];
	struct other other = {};
	unsigned int i;

	fake_start(f, 0);
	f->on_prepare = other_has_waited;
	for (i = 0; i < 4; i++) {
		fake_desc(f, i, FAKE_DATA + i * 64, 8, F_WRITE, 0);
		fake_offer(f, i);
	}
	other_waits(test, &other);
	fake_kick(f);
	other_end(&other);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 4);
	KUNIT_EXPECT_EQ(test, f->most_submitted, 1);
	KUNIT_EXPECT_TRUE(test, turn_begun_anew(f));
}

/* One of several workers of a guest: what all have is one turn. */
static void turn_is_as_long_as_its_part(struct kunit *test)
{
	struct virtback_vq *vq = queue(0, 0);

	other_has_waited(share.fakes[0]);
	vq->share.turn = 3 * NSEC_PER_SEC;
	KUNIT_EXPECT_FALSE(test, virtback_turn_long(vq));
	vq->share.turn = NSEC_PER_SEC / 2;
	KUNIT_EXPECT_TRUE(test, virtback_turn_long(vq));
}

/* Whoever has been woken, and comes before the worker, say; also if the turn has just begun. */
static void turn_ends_when_the_scheduler_says_so(struct kunit *test)
{
	struct virtback_vq *vq = queue(0, 0);
	bool over;

	preempt_disable();
	set_tsk_need_resched(current);
	vq->turn = local_clock();
	over = virtback_turn_over(vq);
	clear_tsk_need_resched(current);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, over);
}

static bool anew;

static void look_at_turn(struct fake *f)
{
	anew = turn_begun_anew(f);
}

/* What was before it slept does not count. */
static void turn_begins_with_the_work(struct kunit *test)
{
	struct fake *f = share.fakes[0];

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, F_WRITE, 0);
	other_has_waited(f);
	f->on_prepare = look_at_turn;
	anew = false;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_TRUE(test, anew);
}

/* Nor after all the passes that ended at once. */
static void pass_is_the_last_of_a_turn(struct kunit *test)
{
	struct fake *f = share.fakes[0];
	struct virtback_vq *vq = &f->vd.vqs[0];
	struct other other = {};
	unsigned int i;

	fake_start(f, 0);
	f->hold = true;
	f->passes = 2;
	for (i = 0; i < 4; i++) {
		fake_desc(f, i, FAKE_DATA + i * 64, 8, F_WRITE, 0);
		fake_offer(f, i);
	}
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, fake_held(f), 4);
	other_waits(test, &other);
	f->hold = false;
	f->most_submitted = 0;
	f->on_prepare = other_has_waited;
	mutex_lock(&vq->ring_lock);
	for (i = 0; i < 4; i++)
		fake_end(f);
	mutex_unlock(&vq->ring_lock);
	fake_settle(f);
	other_end(&other);
	KUNIT_EXPECT_EQ(test, f->resumed, 4);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 4);
	KUNIT_EXPECT_EQ(test, f->most_submitted, 1);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, fake_used_id(f, i), i);
}

static bool in_time(struct fake *f, bool (*what)(struct fake *f))
{
	unsigned int i;

	for (i = 0; i < 10000 && !what(f); i++)
		usleep_range(100, 200);
	return what(f);
}

static bool looks_on(struct fake *f)
{
	return READ_ONCE(f->vd.vqs[0].poll.polled);
}

/* A worker that looks on for the next request is no different. */
static void looking_on_takes_turns(struct kunit *test)
{
	struct fake *f = share.fakes[0];
	struct virtback_vq *vq = &f->vd.vqs[0];
	struct other other = {};
	bool looked, begun;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, F_WRITE, 0);
	vq->poll.gap[false] = 0;
	vq->poll.gap[true] = 0;
	WRITE_ONCE(f->vd.poll_us, 300 * USEC_PER_SEC);
	fake_offer(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	looked = in_time(f, looks_on);
	other_waits(test, &other);
	other_has_waited(f);
	begun = in_time(f, turn_begun_anew);
	WRITE_ONCE(f->vd.poll_us, 0);
	other_end(&other);
	fake_settle(f);
	KUNIT_EXPECT_TRUE(test, looked);
	KUNIT_EXPECT_TRUE(test, begun);
}

static struct kunit_case share_cases[] = {
	KUNIT_CASE(one_that_works_alone_is_not_nice),
	KUNIT_CASE(several_weigh_what_one_does),
	KUNIT_CASE(queues_of_no_guest_count_alone),
	KUNIT_CASE(other_guests_do_not_count),
	KUNIT_CASE(those_with_little_to_do_do_not_count),
	KUNIT_CASE(those_that_rest_do_not_count),
	KUNIT_CASE(it_is_added_to_the_priority),
	KUNIT_CASE(worker_looks_itself),
	KUNIT_CASE(turn_ends_when_others_wait),
	KUNIT_CASE(turn_ends_when_the_scheduler_says_so),
	KUNIT_CASE(turn_begins_with_the_work),
	KUNIT_CASE(request_is_the_last_of_a_turn),
	KUNIT_CASE(turn_is_as_long_as_its_part),
	KUNIT_CASE(pass_is_the_last_of_a_turn),
	KUNIT_CASE(looking_on_takes_turns),
	{}
};

static struct kunit_suite share_suite = {
	.name = "virtback_share",
	.init = share_init,
	.exit = share_exit,
	.test_cases = share_cases,
};

kunit_test_suite(share_suite);
