// SPDX-License-Identifier: GPL-2.0
/*
 * Queue set-up, interrupts and reset through the registers (drivers/core/mmio.c,
 * device.c, and the life of a queue in vq.c).
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "../drivers/core/core.h"
#include "fake.h"

#define ACK		VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER		VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK	VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK	VIRTIO_CONFIG_S_DRIVER_OK
#define VERSION_1	BIT_ULL(VIRTIO_F_VERSION_1)
#define VRING		VIRTIO_MMIO_INT_VRING
#define CONFIG		VIRTIO_MMIO_INT_CONFIG

static int bad(struct fake *f)
{
	return atomic_read(&f->vd.bad_accesses);
}

static u32 isr(struct fake *f)
{
	return fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS);
}

static void ack(struct fake *f, u32 bits)
{
	fake_write(f, VIRTIO_MMIO_INTERRUPT_ACK, bits);
}

/* Try to make queue 0 ready; it must be refused and nothing stay mapped. */
static void expect_refused(struct fake *f, u32 num, u64 desc, u64 avail, u64 used)
{
	struct kunit *test = f->test;

	fake_negotiate(f, VERSION_1);
	if (num)
		fake_write(f, VIRTIO_MMIO_QUEUE_NUM, num);
	fake_queue_addrs(f, desc, avail, used);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ_MSG(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0,
			    "num %u, %#llx %#llx %#llx", num, desc, avail, used);
	KUNIT_EXPECT_TRUE_MSG(test, fake_broken(f), "num %u, %#llx %#llx %#llx", num, desc, avail,
			      used);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
}

/* --- queues --- */

static void queue_num_max_follows_queue_sel(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), FAKE_QUEUE_SIZE);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES - 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), FAKE_QUEUE_SIZE);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 0xffffffff);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
}

static void absent_queue_takes_no_writes(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 16);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ(test, bad(f), 2);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void queues_wait_for_features_ok(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER);
	fake_queue(f, 0, 16);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].num, 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].desc_addr, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 8);
}

static void queue_ready_reads_back(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	fake_queue(f, 1, 16);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 3);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

static void queue_ready_twice_maps_once(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 3);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
}

static void ready_queue_takes_no_writes(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 8);
	fake_queue_addrs(f, FAKE_DATA, FAKE_DATA, FAKE_DATA);
	KUNIT_EXPECT_EQ(test, bad(f), 7);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].num, FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].desc_addr, FAKE_DESC(0));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].driver_addr, FAKE_AVAIL(0));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].device_addr, FAKE_USED(0));
}

static void bad_queue_sizes_are_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	/* No size was set, one too large, not a power of 2. */
	expect_refused(f, 0, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, FAKE_QUEUE_SIZE * 2, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, 0x10000 + 4, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, 12, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0));
}

static void smaller_queues_are_accepted(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1);
	fake_queue(f, 0, 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	fake_queue(f, 0, 8);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
}

static void misaligned_rings_are_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	expect_refused(f, 16, FAKE_DESC(0) + 8, FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0) + 1, FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0) + 2);
	/* The loosest alignment of each is enough. */
	fake_negotiate(f, VERSION_1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 16);
	fake_queue_addrs(f, FAKE_DESC(0) + 16, FAKE_AVAIL(0) + 2, FAKE_USED(0) + 4);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
}

static void rings_outside_memory_are_refused(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 end = FAKE_BASE + FAKE_MEM;

	expect_refused(f, 16, end, FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), end, FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0), end);
	/* The last byte of each: 16 * 16, 6 + 2 * 16, 6 + 8 * 16 bytes. */
	expect_refused(f, 16, end - 16 * 16 + 16, FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), end - 38 + 2, FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0), end - 134 + 2);
}

static void rings_may_end_with_memory(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 end = FAKE_BASE + FAKE_MEM;

	fake_negotiate(f, VERSION_1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, 16);
	fake_queue_addrs(f, end - 16 * 16, end - 38, end - 136);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].desc.len, 16 * 16);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].avail.len, 6 + 2 * 16);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].used.len, 6 + 8 * 16);
}

static void wrapping_rings_are_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	expect_refused(f, 16, ~0ULL << 4, FAKE_AVAIL(0), FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), ~0ULL << 4, FAKE_USED(0));
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0), ~0ULL << 4);
}

static void address_high_words_count(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 high = 1ULL << 32;

	expect_refused(f, 16, FAKE_DESC(0) | high, FAKE_AVAIL(0), FAKE_USED(0));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].desc_addr, FAKE_DESC(0) | high);
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0) | high, FAKE_USED(0));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].driver_addr, FAKE_AVAIL(0) | high);
	expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0) | high);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].device_addr, FAKE_USED(0) | high);
}

static void failing_map_leaves_nothing_mapped(struct kunit *test)
{
	struct fake *f = test->priv;
	int n;

	for (n = 0; n < 3; n++) {
		f->maps_left = n;
		expect_refused(f, 16, FAKE_DESC(0), FAKE_AVAIL(0), FAKE_USED(0));
	}
	f->maps_left = -1;
	fake_start(f, 0);
}

/* --- kicks --- */

static void kick_waits_for_the_reply(struct kunit *test)
{
	struct virtback_access a = {
		.offset = VIRTIO_MMIO_QUEUE_NOTIFY, .size = 4, .write = true,
	};
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
	fake_offer(f, 0);
	KUNIT_EXPECT_TRUE(test, virtback_mmio_fast(&f->vd, &a));
	KUNIT_EXPECT_PTR_EQ(test, a.kick, &f->vd.vqs[0]);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	virtback_mmio_finish(&f->vd, &a);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
}

static void fast_path_leaves_the_rest(struct kunit *test)
{
	struct virtback_access a = { .offset = VIRTIO_MMIO_STATUS, .size = 4, .write = true };
	struct virtback_access b = { .offset = VIRTIO_MMIO_QUEUE_NOTIFY, .size = 4 };
	struct fake *f = test->priv;

	a.kick = &f->vd.vqs[0];
	KUNIT_EXPECT_FALSE(test, virtback_mmio_fast(&f->vd, &a));
	KUNIT_EXPECT_NULL(test, a.kick);
	KUNIT_EXPECT_FALSE(test, virtback_mmio_fast(&f->vd, &b));
}

static void kick_of_an_absent_queue_is_ignored(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, FAKE_QUEUES);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0xffffffff);
	KUNIT_EXPECT_EQ(test, bad(f), 2);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void kick_before_queue_ready_is_ignored(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_kick(f);
	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->vd.vqs[1].kicks), 1);
}

static void chains_wait_for_driver_ok(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1);
	fake_queue(f, 0, FAKE_QUEUE_SIZE);
	fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	/* No second kick is needed. */
	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static void queue_may_become_ready_after_driver_ok(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_queue(f, 1, FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	fake_indirect(f, FAKE_DESC(1), 0, FAKE_DATA, 8, 0, 0);
	fake_offer_to(f, 1, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
}

/* --- interrupts --- */

static void reading_interrupt_status_changes_nothing(struct kunit *test)
{
	struct fake *f = test->priv;

	virtback_device_interrupt(&f->vd, VRING);
	KUNIT_EXPECT_EQ(test, isr(f), VRING);
	KUNIT_EXPECT_EQ(test, isr(f), VRING);
}

static void ack_clears_what_it_names(struct kunit *test)
{
	struct fake *f = test->priv;

	virtback_device_interrupt(&f->vd, VRING);
	virtback_device_interrupt(&f->vd, CONFIG);
	KUNIT_EXPECT_EQ(test, isr(f), VRING | CONFIG);
	ack(f, 0);
	ack(f, 0xfffffffc);
	KUNIT_EXPECT_EQ(test, isr(f), VRING | CONFIG);
	ack(f, VRING);
	KUNIT_EXPECT_EQ(test, isr(f), CONFIG);
	ack(f, VRING);
	KUNIT_EXPECT_EQ(test, isr(f), CONFIG);
	ack(f, CONFIG);
	KUNIT_EXPECT_EQ(test, isr(f), 0);
}

static void line_falls_with_the_last_bit(struct kunit *test)
{
	struct fake *f = test->priv;

	ack(f, VRING | CONFIG);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lowered), 0);
	virtback_device_interrupt(&f->vd, VRING);
	virtback_device_interrupt(&f->vd, CONFIG);
	ack(f, CONFIG);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lowered), 0);
	/* More bits than are set, as a driver that does not look writes them. */
	ack(f, VRING | CONFIG);
	KUNIT_EXPECT_EQ(test, isr(f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lowered), 1);
}

static void unacked_bit_interrupts_once(struct kunit *test)
{
	struct fake *f = test->priv;

	virtback_device_interrupt(&f->vd, VRING);
	virtback_device_interrupt(&f->vd, VRING);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	virtback_device_interrupt(&f->vd, CONFIG);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 2);
	ack(f, VRING);
	virtback_device_interrupt(&f->vd, VRING);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 3);
}

/* Let a timer that is pending expire now. */
static void expire(struct fake *f)
{
	mod_timer(&f->vd.reinject, jiffies);
	msleep(30);
}

static void lost_interrupt_is_repeated(struct kunit *test)
{
	struct fake *f = test->priv;

	f->vd.host = &fake_host_reinject;
	virtback_device_interrupt(&f->vd, VRING);
	KUNIT_EXPECT_TRUE(test, timer_pending(&f->vd.reinject));
	expire(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 2);
	KUNIT_EXPECT_TRUE(test, timer_pending(&f->vd.reinject));
	ack(f, VRING);
	expire(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 2);
	KUNIT_EXPECT_FALSE(test, timer_pending(&f->vd.reinject));
}

static void reset_stops_the_repetition(struct kunit *test)
{
	struct fake *f = test->priv;

	f->vd.host = &fake_host_reinject;
	virtback_device_interrupt(&f->vd, VRING);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_FALSE(test, timer_pending(&f->vd.reinject));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lowered), 1);
}

static void reliable_host_needs_no_timer(struct kunit *test)
{
	struct fake *f = test->priv;

	virtback_device_interrupt(&f->vd, VRING);
	KUNIT_EXPECT_FALSE(test, timer_pending(&f->vd.reinject));
}

static void broken_ring_is_announced_once(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_offer(f, FAKE_QUEUE_SIZE);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, isr(f), CONFIG);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
	ack(f, CONFIG);
	fake_kick(f);
	virtback_device_break(&f->vd, "broken again");
	KUNIT_EXPECT_EQ(test, isr(f), 0);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
}

/* --- reset --- */

static void reset_clears_every_register(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, FAKE_F_LOW);
	fake_queue(f, 1, 8);
	fake_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	virtback_device_interrupt(&f->vd, VRING);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_STATUS), 0);
	KUNIT_EXPECT_EQ(test, isr(f), 0);
	KUNIT_EXPECT_EQ(test, f->vd.accepted, 0);
	KUNIT_EXPECT_EQ(test, f->vd.features, 0);
	KUNIT_EXPECT_EQ(test, f->vd.device_features_sel, 0);
	KUNIT_EXPECT_EQ(test, f->vd.driver_features_sel, 0);
	KUNIT_EXPECT_EQ(test, f->vd.queue_sel, 0);
	for (int q = 0; q < FAKE_QUEUES; q++) {
		struct virtback_vq *vq = &f->vd.vqs[q];

		fake_write(f, VIRTIO_MMIO_QUEUE_SEL, q);
		KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
		KUNIT_EXPECT_EQ(test, vq->num, 0);
		KUNIT_EXPECT_EQ(test, vq->desc_addr, 0);
		KUNIT_EXPECT_EQ(test, vq->driver_addr, 0);
		KUNIT_EXPECT_EQ(test, vq->device_addr, 0);
	}
}

static void reset_mends_a_broken_device(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_offer(f, FAKE_QUEUE_SIZE);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* Nothing is allocated for queues that no driver uses, and nothing twice. */
static void stocks_come_with_the_first_start(struct kunit *test)
{
	struct fake *f = test->priv;
	struct virtback_vq *vq = &f->vd.vqs[0];
	void *pages, *pieces, *keep;
	u16 q;

	for (q = 0; q < FAKE_QUEUES; q++) {
		KUNIT_EXPECT_EQ(test, f->vd.vqs[q].pages.nr, 0U);
		KUNIT_EXPECT_EQ(test, f->vd.vqs[q].pieces.nr, 0U);
		KUNIT_EXPECT_EQ(test, f->vd.vqs[q].keep.nr, 0U);
		/* A host counts them before. */
		KUNIT_EXPECT_GT(test, f->vd.vqs[q].max_pins, 2U * VIRTBACK_POOL_PAGES);
	}
	fake_start(f, 0);
	KUNIT_EXPECT_EQ(test, vq->pages.nr, (unsigned int)VIRTBACK_POOL_PAGES);
	KUNIT_EXPECT_GT(test, vq->pieces.nr, 2U * VIRTBACK_POOL_PAGES);
	KUNIT_EXPECT_EQ(test, vq->keep.nr, (unsigned int)VIRTBACK_KEEP_REQS);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[FAKE_QUEUES - 1].pages.nr, 0U);
	pages = vq->pages.free;
	pieces = vq->pieces.free;
	keep = vq->keep.free;
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, vq->pages.nr, (unsigned int)VIRTBACK_POOL_PAGES);
	fake_start(f, 0);
	KUNIT_EXPECT_TRUE(test, vq->pages.free == pages && vq->pieces.free == pieces &&
			  vq->keep.free == keep);
	KUNIT_EXPECT_EQ(test, vq->pages.nr, (unsigned int)VIRTBACK_POOL_PAGES);
}

/**
 * struct set_up - another task that makes a queue ready
 * @work: it
 * @f: device
 * @q: queue
 * @done: it is
 */
struct set_up {
	struct work_struct work;
	struct fake *f;
	u16 q;
	struct completion done;
};

static void set_up_work(struct work_struct *work)
{
	struct set_up *s = container_of(work, struct set_up, work);

	fake_queue(s->f, s->q, FAKE_QUEUE_SIZE);
	complete(&s->done);
}

/* Is it ready after so long? */
static bool set_up_begin(struct set_up *s, struct fake *f, u16 q, unsigned int ms)
{
	s->f = f;
	s->q = q;
	init_completion(&s->done);
	INIT_WORK_ONSTACK(&s->work, set_up_work);
	schedule_work(&s->work);
	return wait_for_completion_timeout(&s->done, msecs_to_jiffies(ms));
}

static void set_up_end(struct set_up *s)
{
	flush_work(&s->work);
	destroy_work_on_stack(&s->work);
}

/* Or each would find the memory that another is about to take. Who has its own does not wait. */
static void stocks_are_made_one_after_the_other(struct kunit *test)
{
	struct fake *f = test->priv;
	struct set_up again, first;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	mutex_lock(&virtback_stock_lock);
	KUNIT_EXPECT_TRUE(test, set_up_begin(&again, f, 0, 5000));
	KUNIT_EXPECT_FALSE(test, set_up_begin(&first, f, 1, 50));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[1].pages.nr, 0U);
	mutex_unlock(&virtback_stock_lock);
	set_up_end(&again);
	set_up_end(&first);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(f->vd.vqs[0].ready));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(f->vd.vqs[1].ready));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[1].pages.nr, (unsigned int)VIRTBACK_POOL_PAGES);
}

static void restarted_queue_begins_at_its_start(struct kunit *test)
{
	struct fake *f = test->priv;
	int round;

	for (round = 1; round <= 3; round++) {
		fake_start(f, 0);
		fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
		fake_offer(f, 0);
		fake_kick(f);
		KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
		KUNIT_EXPECT_EQ(test, f->prepared, round);
	}
}

static struct kunit_case setup_cases[] = {
	KUNIT_CASE(queue_num_max_follows_queue_sel),
	KUNIT_CASE(absent_queue_takes_no_writes),
	KUNIT_CASE(queues_wait_for_features_ok),
	KUNIT_CASE(queue_ready_reads_back),
	KUNIT_CASE(queue_ready_twice_maps_once),
	KUNIT_CASE(ready_queue_takes_no_writes),
	KUNIT_CASE(bad_queue_sizes_are_refused),
	KUNIT_CASE(smaller_queues_are_accepted),
	KUNIT_CASE(misaligned_rings_are_refused),
	KUNIT_CASE(rings_outside_memory_are_refused),
	KUNIT_CASE(rings_may_end_with_memory),
	KUNIT_CASE(wrapping_rings_are_refused),
	KUNIT_CASE(address_high_words_count),
	KUNIT_CASE(failing_map_leaves_nothing_mapped),
	KUNIT_CASE(kick_waits_for_the_reply),
	KUNIT_CASE(fast_path_leaves_the_rest),
	KUNIT_CASE(kick_of_an_absent_queue_is_ignored),
	KUNIT_CASE(kick_before_queue_ready_is_ignored),
	KUNIT_CASE(chains_wait_for_driver_ok),
	KUNIT_CASE(queue_may_become_ready_after_driver_ok),
	KUNIT_CASE(reading_interrupt_status_changes_nothing),
	KUNIT_CASE(ack_clears_what_it_names),
	KUNIT_CASE(line_falls_with_the_last_bit),
	KUNIT_CASE(unacked_bit_interrupts_once),
	KUNIT_CASE(lost_interrupt_is_repeated),
	KUNIT_CASE(reset_stops_the_repetition),
	KUNIT_CASE(reliable_host_needs_no_timer),
	KUNIT_CASE(broken_ring_is_announced_once),
	KUNIT_CASE(reset_clears_every_register),
	KUNIT_CASE(reset_mends_a_broken_device),
	KUNIT_CASE(stocks_come_with_the_first_start),
	KUNIT_CASE(stocks_are_made_one_after_the_other),
	KUNIT_CASE(restarted_queue_begins_at_its_start),
	{}
};

static struct kunit_suite setup_suite = {
	.name = "virtback_setup",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = setup_cases,
};

kunit_test_suite(setup_suite);
