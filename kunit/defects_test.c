// SPDX-License-Identifier: GPL-2.0
/*
 * Defects that other back ends had and for which no other suite has a case of its own.
 * Documentation/testing.rst has the whole list.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "blk_fixture.h"

static u32 last_len(struct fake *f)
{
	return fake_used_len(f, fake_used_idx(f) - 1);
}

static void used_len_counts_what_was_written(struct kunit *test)
{
	struct fake *f = blk_start(test->priv, 0);

	/* The data of a write was read, not written. */
	blk_fill(f, BUF, 4096, 1);
	blk_request(f, VIRTIO_BLK_T_OUT, 8, BUF, 4096);
	KUNIT_EXPECT_EQ(test, last_len(f), 1);
	blk_request(f, VIRTIO_BLK_T_IN, 8, BUF, 4096);
	KUNIT_EXPECT_EQ(test, last_len(f), 4096 + 1);
	/* Nothing was read, and what lies before the status is not data. */
	blk_request(f, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, BUF, 4096);
	KUNIT_EXPECT_EQ(test, last_len(f), 0);
	blk_request(f, VIRTIO_BLK_T_OUT, TEST_DISK_SECTORS, BUF, 4096);
	KUNIT_EXPECT_EQ(test, last_len(f), 1);
	blk_request(f, VIRTIO_BLK_T_FLUSH, 0, BUF, 0);
	KUNIT_EXPECT_EQ(test, last_len(f), 1);
}

/* A request of buffers of 512, 1024, 1536 ... bytes. */
static u32 several_segments(struct fake *f, u32 type, u64 sector)
{
	u16 flags = F_NEXT | (type == VIRTIO_BLK_T_IN ? F_WRITE : 0), i;
	u32 len = 0;

	blk_header(f, type, sector);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	for (i = 1; i <= 6; i++) {
		fake_desc(f, i, BUF + len, i * 512, flags, i + 1);
		len += i * 512;
	}
	fake_desc(f, i, STATUS, 1, F_WRITE, 0);
	return len;
}

static void segments_follow_the_headers_sector(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	static u8 before[SECTOR_SIZE];
	u32 len;

	memcpy(before, b->disk->data + 99 * SECTOR_SIZE, sizeof(before));
	len = several_segments(f, VIRTIO_BLK_T_OUT, 100);
	blk_fill(f, BUF, len, 3);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 100, len));
	KUNIT_EXPECT_EQ(test, memcmp(before, b->disk->data + 99 * SECTOR_SIZE, sizeof(before)), 0);
	several_segments(f, VIRTIO_BLK_T_IN, 300);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 300, len));
}

/* --- several vCPUs --- */

#define VCPUS	4
#define KICKS	400

/**
 * struct vcpus - threads that share a queue as vCPUs do
 * @f: device
 * @lock: the driver's own, for its ring
 * @sent: requests so far
 * @running: threads that have not ended
 * @ended: all have
 */
struct vcpus {
	struct fake *f;
	spinlock_t lock;		/* sent, and the available ring */
	unsigned int sent;
	atomic_t running;
	struct completion ended;
};

/* Puts a request into the ring if there is room. */
static bool vcpu_offer(struct vcpus *v)
{
	bool room;

	spin_lock(&v->lock);
	room = (u16)(v->f->avail_idx[0] - fake_used_idx(v->f)) < FAKE_QUEUE_SIZE;
	if (room) {
		fake_offer(v->f, v->sent % FAKE_QUEUE_SIZE);
		v->sent++;
	}
	spin_unlock(&v->lock);
	return room;
}

static int vcpu_thread(void *data)
{
	struct vcpus *v = data;
	unsigned int i, patience = 50000;

	for (i = 0; i < KICKS && patience; i++) {
		while (!vcpu_offer(v) && --patience)
			usleep_range(20, 100);
		fake_write(v->f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		if (i % 3 == 0)
			cond_resched();
	}
	if (atomic_dec_and_test(&v->running))
		complete(&v->ended);
	return 0;
}

/* As from another vCPU while the worker is busy with a chain. */
static void kick_from_beside(struct fake *f, struct virtback_piece *p)
{
	struct vcpus *v = f->priv;

	if (v->sent % 5 && vcpu_offer(v))
		fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static struct fake *fake_device(struct kunit *test)
{
	struct fake *f = fake_create(test, &fake_type, NULL, FAKE_MEM, FAKE_QUEUE_SIZE);
	u16 i;

	fake_start(f, 0);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 8, i % 2 ? F_WRITE : 0, 0);
	return f;
}

static void kicks_of_several_vcpus_are_served(struct kunit *test)
{
	struct fake *f = fake_device(test);
	struct vcpus v = { .f = f };
	unsigned int i;

	spin_lock_init(&v.lock);
	init_completion(&v.ended);
	f->priv = &v;
	f->on_unpin = kick_from_beside;
	atomic_set(&v.running, VCPUS);
	for (i = 0; i < VCPUS; i++)
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(vcpu_thread, &v, "vcpu/%u", i)));
	wait_for_completion(&v.ended);
	/* None asked twice, so what is not served now was lost. */
	fake_settle(f);
	KUNIT_EXPECT_GE(test, v.sent, VCPUS * KICKS);
	KUNIT_EXPECT_EQ(test, f->prepared, v.sent);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), (u16)v.sent);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	f->on_unpin = NULL;
	fake_destroy(f);
}

/* --- a host that cannot map --- */

static void one_request(struct fake *f)
{
	fake_offer(f, 0);
	fake_kick(f);
}

static void map_failure_stops_one_device_alone(struct kunit *test)
{
	struct fake *bad = fake_create(test, &fake_type, NULL, FAKE_MEM, FAKE_QUEUE_SIZE);
	struct fake *good = fake_device(test);

	bad->maps_left = 1;
	fake_negotiate(bad, BIT_ULL(VIRTIO_F_VERSION_1));
	fake_queue(bad, 0, FAKE_QUEUE_SIZE);
	KUNIT_EXPECT_TRUE(test, fake_broken(bad));
	one_request(good);
	KUNIT_EXPECT_EQ(test, fake_used_idx(good), 1);
	/* Nor is it the end of the one that it happened to. */
	bad->maps_left = -1;
	fake_start(bad, 0);
	fake_desc(bad, 0, FAKE_DATA, 8, F_WRITE, 0);
	one_request(bad);
	KUNIT_EXPECT_EQ(test, fake_used_idx(bad), 1);
	one_request(good);
	KUNIT_EXPECT_EQ(test, fake_used_idx(good), 2);
	fake_destroy(good);
	fake_destroy(bad);
}

static struct kunit_case defects_cases[] = {
	KUNIT_CASE(used_len_counts_what_was_written),
	KUNIT_CASE(segments_follow_the_headers_sector),
	KUNIT_CASE(kicks_of_several_vcpus_are_served),
	KUNIT_CASE(map_failure_stops_one_device_alone),
	{}
};

static struct kunit_suite defects_suite = {
	.name = "virtback_defects",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = defects_cases,
};

kunit_test_suite(defects_suite);
