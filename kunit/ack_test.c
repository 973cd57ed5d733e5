// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for the acknowledgment of an interrupt (drivers/core/ack.c). As with the
 * suite of polling no case depends on how fast the machine is: the worker stays for
 * minutes or for no time at all.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/string.h>
#include <linux/virtio_mmio.h>

#include "fake.h"

/* Far longer than a case takes, so that the worker is still there. */
#define FOREVER_NS	(300ULL * NSEC_PER_SEC)

static struct virtback_vq *queue(struct kunit *test)
{
	struct fake *f = test->priv;

	return &f->vd.vqs[0];
}

/* A started device whose every descriptor is a whole request of 8 bytes. */
static struct fake *started(struct kunit *test, u64 limit)
{
	struct fake *f = test->priv;
	int i;

	fake_start(f, 0);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 8, F_WRITE, 0);
	queue(test)->ack.limit = limit;
	return f;
}

static void acknowledge(struct fake *f)
{
	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
}

static bool stays(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);

	/* Time enough to go. */
	usleep_range(20000, 30000);
	return READ_ONCE(vq->worker->current_work);
}

static bool gone(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);
	int i;

	for (i = 0; i < 10000 && READ_ONCE(vq->worker->current_work); i++)
		usleep_range(100, 200);
	return !READ_ONCE(vq->worker->current_work);
}

static bool used(struct fake *f, u16 n)
{
	int i;

	for (i = 0; i < 10000 && fake_used_idx(f) != n; i++)
		usleep_range(100, 200);
	return fake_used_idx(f) == n;
}

static void worker_stays_until_it_comes(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	fake_offer(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	KUNIT_ASSERT_TRUE(test, used(f, 1));
	KUNIT_EXPECT_TRUE(test, stays(test));
	acknowledge(f);
	KUNIT_EXPECT_TRUE(test, gone(test));
	KUNIT_EXPECT_EQ(test, queue(test)->ack.missed, 0);
}

static void worker_comes_for_a_completion(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	f->hold = true;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, fake_held(f), 1);
	f->hold = false;
	fake_end(f);
	KUNIT_ASSERT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_TRUE(test, stays(test));
	acknowledge(f);
	KUNIT_EXPECT_TRUE(test, gone(test));
}

static void next_chain_is_not_kept_waiting(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	fake_offer(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	KUNIT_ASSERT_TRUE(test, used(f, 1));
	KUNIT_ASSERT_TRUE(test, stays(test));
	fake_offer(f, 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	KUNIT_EXPECT_TRUE(test, used(f, 2));
	acknowledge(f);
	KUNIT_EXPECT_TRUE(test, gone(test));
}

static void reset_ends_it(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	fake_offer(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	KUNIT_ASSERT_TRUE(test, used(f, 1));
	KUNIT_ASSERT_TRUE(test, stays(test));
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_TRUE(test, gone(test));
}

/*
 * A host that can be watched. The device's accesses come from another processor, so
 * that nothing but the watching makes the worker stay.
 */
static struct {
	struct virtback_host_ops ops;
	bool refuse;
	bool access;
	unsigned int watches;
	int watching;
} host;

static void *host_watch(struct virtback_device *vd)
{
	host.watches++;
	if (host.refuse)
		return NULL;
	host.watching++;
	return &host;
}

static void host_look(struct virtback_device *vd, void *watch)
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
}

static void host_unwatch(struct virtback_device *vd, void *watch)
{
	if (watch == &host)
		host.watching--;
}

/* A request has ended whose interrupt is not acknowledged. */
static struct fake *watched(struct kunit *test, bool refuse)
{
	struct fake *f = started(test, FOREVER_NS);

	memset(&host, 0, sizeof(host));
	host.ops = *f->vd.host;
	host.ops.watch = host_watch;
	host.ops.look = host_look;
	host.ops.unwatch = host_unwatch;
	host.refuse = refuse;
	f->vd.host = &host.ops;
	f->hold = true;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, fake_held(f), 1);
	queue(test)->kick_cpu = -1;
	f->hold = false;
	fake_end(f);
	return f;
}

static void worker_answers_what_it_watches(struct kunit *test)
{
	struct fake *f = watched(test, false);

	KUNIT_EXPECT_TRUE(test, stays(test));
	WRITE_ONCE(host.access, true);
	KUNIT_EXPECT_TRUE(test, gone(test));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.isr), 0);
	KUNIT_EXPECT_EQ(test, host.watching, 0);
	KUNIT_EXPECT_EQ(test, queue(test)->ack.missed, 0);
}

static void nobody_watches_who_does_not_run(struct kunit *test)
{
	struct fake *f = watched(test, false);
	unsigned int before;

	if (num_online_cpus() > 1)
		kunit_skip(test, "the worker need not make way for this thread");
	KUNIT_EXPECT_TRUE(test, stays(test));
	before = host.watches;
	/* We run, so the worker does not. */
	KUNIT_EXPECT_EQ(test, host.watching, 0);
	KUNIT_EXPECT_TRUE(test, stays(test));
	KUNIT_EXPECT_GT(test, host.watches, before);
	acknowledge(f);
	KUNIT_EXPECT_TRUE(test, gone(test));
	KUNIT_EXPECT_EQ(test, host.watching, 0);
}

static void worker_goes_when_nobody_can_be_watched(struct kunit *test)
{
	watched(test, true);
	KUNIT_EXPECT_FALSE(test, stays(test));
	KUNIT_EXPECT_EQ(test, host.watches, 1);
	KUNIT_EXPECT_EQ(test, host.watching, 0);
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

static void chain_without_a_kick_is_not_kept_waiting(struct kunit *test)
{
	struct virtback_vq *vq = queue(test);
	struct fake *f = watched(test, false);
	u16 i;

	WRITE_ONCE(f->vd.poll_us, FOREVER_NS / NSEC_PER_USEC);
	vq->poll.gap[false] = 0;
	vq->poll.gap[true] = 0;
	acknowledge(f);
	KUNIT_ASSERT_TRUE(test, gone(test));
	fake_offer(f, 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	for (i = 2; i < 6; i += 2) {
		/* The second chain comes while the first one's interrupt is waited for. */
		KUNIT_ASSERT_TRUE(test, used(f, i));
		KUNIT_EXPECT_TRUE(test, stays(test));
		KUNIT_EXPECT_FALSE(test, queue(test)->ack.expected);
		fake_offer(f, i);
		KUNIT_ASSERT_TRUE(test, used(f, i + 1));
		acknowledge(f);
		KUNIT_EXPECT_TRUE(test, stays(test));
		fake_offer(f, i + 1);
	}
	KUNIT_EXPECT_TRUE(test, used(f, 6));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&vq->kicks), 2);
	WRITE_ONCE(f->vd.poll_us, 0);
	acknowledge(f);
	KUNIT_EXPECT_TRUE(test, gone(test));
	KUNIT_EXPECT_EQ(test, host.watching, 0);
}

static void other_processor_does_not_stay(struct kunit *test)
{
	struct fake *f = started(test, FOREVER_NS);

	f->hold = true;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, fake_held(f), 1);
	queue(test)->kick_cpu = -1;
	f->hold = false;
	fake_end(f);
	KUNIT_EXPECT_FALSE(test, stays(test));
	KUNIT_EXPECT_FALSE(test, queue(test)->ack.expected);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
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
	KUNIT_CASE(nobody_watches_who_does_not_run),
	KUNIT_CASE(worker_goes_when_nobody_can_be_watched),
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
