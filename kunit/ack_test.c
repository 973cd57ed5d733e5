// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for the acknowledgment of an interrupt (drivers/core/ack.c). As with the
 * suite of polling no case depends on how fast the machine is: the worker stays for
 * minutes or for no time at all.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/virtio_mmio.h>

#include "fake.h"

/* Threads of the kernel that want to run for a moment make the worker go; not so often. */
#define TRIES		50

/* Far longer than a case takes, so that the worker is still there. */
#define FOREVER_NS	(300ULL * NSEC_PER_SEC)

static struct virtback_vq *queue(struct kunit *test)
{
	struct fake *f = test->priv;

	return &f->vd.vqs[0];
}

/* How many chains were. */
static u16 offered;
/* It seems that the driver is not where the worker is. */
static bool offer_on_another_processor;

/* A started device whose every descriptor is a whole request of 8 bytes. */
static struct fake *started(struct kunit *test, u64 limit)
{
	struct fake *f = test->priv;
	int i;

	fake_start(f, 0);
	offered = 0;
	offer_on_another_processor = false;
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 8, F_WRITE, 0);
	queue(test)->ack.limit = limit;
	return f;
}

static void acknowledge(struct fake *f)
{
	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
}

static bool at_work(struct kunit *test)
{
	return READ_ONCE(queue(test)->worker->current_work);
}

static bool gone(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);
	int i;

	for (i = 0; i < 10000 && READ_ONCE(vq->worker->current_work); i++)
		usleep_range(100, 200);
	return !READ_ONCE(vq->worker->current_work);
}

/*
 * Looks on from interrupts: a thread that does would want the processor, and then nobody
 * stays. @first and @second are called one after the other while the case sleeps.
 */
static struct {
	struct timer_list timer;
	struct kunit *test;
	bool (*first)(struct kunit *test);
	bool (*second)(struct kunit *test);
	bool began;
	bool seen;
	struct completion done;
} onlooker;

static void onlooker_look(struct timer_list *timer)
{
	if (onlooker.first) {
		onlooker.began = onlooker.first(onlooker.test);
		onlooker.first = NULL;
		mod_timer(timer, jiffies + 1);
		return;
	}
	onlooker.seen = onlooker.second(onlooker.test) && onlooker.began;
	complete(&onlooker.done);
}

/*
 * Do what makes the worker stay, @begin, then sleep until both have looked. Was all as they
 * want it?
 */
static bool look_once(struct kunit *test, void (*begin)(struct kunit *test),
		      bool (*first)(struct kunit *test), bool (*second)(struct kunit *test))
{
	onlooker.test = test;
	onlooker.first = first;
	onlooker.second = second;
	init_completion(&onlooker.done);
	timer_setup(&onlooker.timer, onlooker_look, 0);
	mod_timer(&onlooker.timer, jiffies + 1);
	begin(test);
	wait_for_completion(&onlooker.done);
	timer_delete_sync(&onlooker.timer);
	return onlooker.seen;
}

static void rest(struct kunit *test)
{
	struct fake *f = test->priv;

	WRITE_ONCE(f->vd.poll_us, 0);
	acknowledge(f);
	KUNIT_ASSERT_TRUE(test, gone(test));
}

static bool look_on(struct kunit *test, void (*begin)(struct kunit *test),
		    bool (*first)(struct kunit *test), bool (*second)(struct kunit *test))
{
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		if (look_once(test, begin, first, second))
			return true;
		rest(test);
	}
	return false;
}

static bool used(struct fake *f, u16 n)
{
	int i;

	for (i = 0; i < 10000 && fake_used_idx(f) != n; i++)
		usleep_range(100, 200);
	return fake_used_idx(f) == n;
}

/*
 * A host that can be watched. The device's accesses come from another processor, so
 * that nothing but the watching makes the worker stay.
 */
static struct {
	struct virtback_host_ops ops;
	bool refuse;
	bool access;
	bool left;
	unsigned int watches;
	int watching;
} host;

static void offer(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_offer(f, offered++ % FAKE_QUEUE_SIZE);
}

static void offer_and_kick(struct kunit *test)
{
	offer(test);
	fake_write(test->priv, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

/* The request is held by the disk, and ends from here. */
static void offer_and_end(struct kunit *test)
{
	struct fake *f = test->priv;

	f->hold = true;
	offer(test);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, fake_held(f), 1);
	f->hold = false;
	if (offer_on_another_processor)
		queue(test)->kick_cpu = -1;
	host.access = false;
	fake_end(f);
}

static bool stays_until_this(struct kunit *test)
{
	bool stayed = at_work(test);

	acknowledge(test->priv);
	return stayed;
}

static bool has_gone(struct kunit *test)
{
	return !at_work(test);
}

static void worker_stays_until_it_comes(struct kunit *test)
{
	started(test, FOREVER_NS);
	KUNIT_EXPECT_TRUE(test, look_on(test, offer_and_kick, stays_until_this, has_gone));
	KUNIT_EXPECT_EQ(test, queue(test)->ack.missed, 0);
}

static void worker_comes_for_a_completion(struct kunit *test)
{
	started(test, FOREVER_NS);
	KUNIT_EXPECT_TRUE(test, look_on(test, offer_and_end, stays_until_this, has_gone));
}

static bool stays_until_next(struct kunit *test)
{
	bool stayed = at_work(test);

	offer_and_kick(test);
	return stayed;
}

static bool all_is_served(struct kunit *test)
{
	return fake_used_idx(test->priv) == offered;
}

static void next_chain_is_not_kept_waiting(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	KUNIT_EXPECT_TRUE(test, look_on(test, offer_and_kick, stays_until_next, all_is_served));
	acknowledge(f);
	KUNIT_EXPECT_TRUE(test, gone(test));
}

static void reset_ends_it(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	fake_offer(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	KUNIT_ASSERT_TRUE(test, used(f, 1));
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_TRUE(test, gone(test));
}

static void *host_watch(struct virtback_device *vd)
{
	host.watches++;
	if (host.refuse)
		return NULL;
	host.watching++;
	return &host;
}

static bool host_look(struct virtback_device *vd, void *watch)
{
	struct virtback_access a = {
		.offset = VIRTIO_MMIO_INTERRUPT_ACK,
		.size = 4,
		.write = true,
		.data = VIRTIO_MMIO_INT_VRING,
	};

	if (watch == &host && READ_ONCE(host.access)) {
		WRITE_ONCE(host.access, false);
		virtback_mmio(vd, &a);
	}
	return host.left;
}

static void host_unwatch(struct virtback_device *vd, void *watch)
{
	if (watch == &host)
		host.watching--;
}

/* A device of such a host. */
static struct fake *watching(struct kunit *test, bool refuse)
{
	struct fake *f = started(test, FOREVER_NS);

	memset(&host, 0, sizeof(host));
	host.ops = *f->vd.host;
	host.ops.watch = host_watch;
	host.ops.look = host_look;
	host.ops.unwatch = host_unwatch;
	host.refuse = refuse;
	f->vd.host = &host.ops;
	offer_on_another_processor = true;
	return f;
}

/* A request of it has ended whose interrupt is not acknowledged. */
static struct fake *watched(struct kunit *test, bool refuse)
{
	struct fake *f = watching(test, refuse);

	offer_and_end(test);
	return f;
}

static bool watches_until_this(struct kunit *test)
{
	bool stayed = at_work(test) && host.watching == 1;

	WRITE_ONCE(host.access, true);
	return stayed;
}

/* Or it may have made way for somebody. */
static bool has_answered(struct kunit *test)
{
	struct fake *f = test->priv;

	return has_gone(test) && !atomic_read(&f->vd.isr);
}

static void worker_answers_what_it_watches(struct kunit *test)
{
	watching(test, false);
	KUNIT_EXPECT_TRUE(test, look_on(test, offer_and_end, watches_until_this, has_answered));
	KUNIT_EXPECT_EQ(test, host.watching, 0);
	KUNIT_EXPECT_EQ(test, queue(test)->ack.missed, 0);
}

static bool watches(struct kunit *test)
{
	return host.watching == 1;
}

static void worker_makes_way(struct kunit *test)
{
	struct fake *f = watching(test, false);

	if (num_online_cpus() > 1)
		kunit_skip(test, "the worker need not make way for this thread");
	KUNIT_EXPECT_TRUE(test, look_on(test, offer_and_end, watches, watches));
	/* We want to run, so the worker goes, and has a claim when it is needed again. */
	KUNIT_EXPECT_TRUE(test, gone(test));
	KUNIT_EXPECT_EQ(test, host.watching, 0);
	acknowledge(f);
}

/* Each time, since anybody else who wants to run makes it go as well. */
static void nobody_stays(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_TRUE(test, look_once(test, offer_and_end, has_gone, has_gone));
		KUNIT_EXPECT_FALSE(test, queue(test)->ack.expected);
		rest(test);
	}
}

static void worker_goes_when_nobody_can_be_watched(struct kunit *test)
{
	watching(test, true);
	nobody_stays(test);
	KUNIT_EXPECT_EQ(test, host.watches, 5);
	KUNIT_EXPECT_EQ(test, host.watching, 0);
}

/* The thread may weigh less than the worker, which would not notice that it waits. */
static void worker_makes_way_for_who_answers(struct kunit *test)
{
	watching(test, false);
	host.left = true;
	nobody_stays(test);
	KUNIT_EXPECT_EQ(test, host.watches, 5);
	KUNIT_EXPECT_EQ(test, host.watching, 0);
	KUNIT_EXPECT_EQ(test, queue(test)->ack.missed, 0);
}

/* A host that has let go of the device has nothing left to watch with. */
static void stopped_queue_watches_nobody(struct kunit *test)
{
	struct fake *f = watched(test, false);
	struct virtback_vq *vq = queue(test);
	unsigned int before;

	acknowledge(f);
	KUNIT_ASSERT_TRUE(test, gone(test));
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	before = host.watches;
	/* Of an interrupt before the reset. */
	WRITE_ONCE(vq->ack.expected, true);
	kthread_queue_work(vq->worker, &vq->ack.work);
	kthread_flush_work(&vq->ack.work);
	KUNIT_EXPECT_FALSE(test, vq->ack.expected);
	KUNIT_EXPECT_EQ(test, host.watches, before);
}

static void offer_and_poll(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);

	WRITE_ONCE(vq->vd->poll_us, FOREVER_NS / NSEC_PER_USEC);
	vq->poll.gap[false] = 0;
	vq->poll.gap[true] = 0;
	offer_and_kick(test);
}

static bool watches_until_silent_chain(struct kunit *test)
{
	bool stayed = watches(test);

	offer(test);
	return stayed;
}

static void chain_without_a_kick_is_not_kept_waiting(struct kunit *test)
{
	unsigned int i, n = 0;
	bool served;

	watching(test, false);
	/* The second chain comes while the first one's interrupt is waited for. */
	for (i = 0; i < TRIES && n < 3; i++) {
		served = look_once(test, offer_and_poll, watches_until_silent_chain,
				   all_is_served);
		if (onlooker.began) {
			n++;
			KUNIT_EXPECT_TRUE(test, served);
		}
		rest(test);
	}
	KUNIT_EXPECT_EQ(test, n, 3);
	KUNIT_EXPECT_EQ(test, host.watching, 0);
}

static void other_processor_does_not_stay(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);

	started(test, FOREVER_NS);
	offer_on_another_processor = true;
	nobody_stays(test);
	KUNIT_EXPECT_EQ(test, vq->ack.missed, 0);
}

/* One request and its interrupt; returns how many interrupts then go by without. */
static unsigned int request(struct kunit *test, u16 i)
{
	struct fake *f = test->priv;

	fake_offer(f, i % FAKE_QUEUE_SIZE);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, fake_used_idx(f), i + 1);
	acknowledge(f);
	return queue(test)->ack.skip;
}

static void driver_that_does_not_is_left_alone(struct kunit *test)
{
	static const unsigned int want[] = { 1, 0, 3, 2, 1, 0, 7, 6 };
	struct virtback_vq *vq = queue(test);
	unsigned int i;

	started(test, 0);
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_EQ(test, request(test, i), want[i]);
	/* Not for ever, and one that comes is forgiven. */
	vq->ack.missed = 63;
	vq->ack.skip = 0;
	KUNIT_EXPECT_EQ(test, request(test, i++), 63);
	vq->ack.skip = 0;
	vq->ack.expected = true;
	virtback_vq_kick(vq, 0);
	fake_settle(test->priv);
	KUNIT_EXPECT_EQ(test, vq->ack.missed, 0);
}

static void ack_exit(struct kunit *test)
{
	struct fake *f = test->priv;

	/* A case that failed must not leave a worker that stays for minutes. */
	if (f) {
		WRITE_ONCE(f->vd.poll_us, 0);
		acknowledge(f);
	}
	fake_exit(test);
}

static struct kunit_case ack_cases[] = {
	KUNIT_CASE(worker_stays_until_it_comes),
	KUNIT_CASE(worker_comes_for_a_completion),
	KUNIT_CASE(next_chain_is_not_kept_waiting),
	KUNIT_CASE(reset_ends_it),
	KUNIT_CASE(worker_answers_what_it_watches),
	KUNIT_CASE(worker_makes_way),
	KUNIT_CASE(worker_goes_when_nobody_can_be_watched),
	KUNIT_CASE(worker_makes_way_for_who_answers),
	KUNIT_CASE(stopped_queue_watches_nobody),
	KUNIT_CASE(chain_without_a_kick_is_not_kept_waiting),
	KUNIT_CASE(other_processor_does_not_stay),
	KUNIT_CASE(driver_that_does_not_is_left_alone),
	{}
};

static struct kunit_suite ack_suite = {
	.name = "virtback_ack",
	.init = fake_init,
	.exit = ack_exit,
	.test_cases = ack_cases,
};

kunit_test_suite(ack_suite);
