// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of zones (drivers/blk/zonework.c), which may take their time.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "../drivers/blk/zoned.h"
#include "zoned_fixture.h"

static void report_shows_each_zone(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	unsigned int i;

	/* So that all states are seen. */
	for (i = FIRST; i < TEST_ZONES; i++)
		b->disk->zones[i].wp += i * 8;
	b->disk->zones[3].cond = BLK_ZONE_COND_IMP_OPEN;
	b->disk->zones[4].cond = BLK_ZONE_COND_CLOSED;
	b->disk->zones[5].cond = BLK_ZONE_COND_FULL;
	b->disk->zones[6].cond = BLK_ZONE_COND_OFFLINE;
	b->disk->zones[7].cond = BLK_ZONE_COND_READONLY;
	/* Bounce pages are not empty. */
	for (i = 0; i < 8; i++)
		zoned_request(b, VIRTIO_BLK_T_IN, 0, BUF, MIB / 2);

	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, REPORT_LEN(TEST_ZONES)), OK);
	zoned_expect(b, 0, TEST_ZONES);
	/* All that was given is filled, so the status byte follows without a gap. */
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), REPORT_LEN(TEST_ZONES) + 1);
	KUNIT_EXPECT_EQ(test, b->disk->reports, 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void report_begins_with_the_zone_of_the_sector(struct kunit *test)
{
	struct blk_test *b = test->priv;

	zoned_start(b);
	KUNIT_EXPECT_EQ(test, zoned_report(b, ZONE(3) + 5, 4096), OK);
	zoned_expect(b, 3, 5);
	/* The rest of the buffer and so the status are behind a gap. */
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), REPORT_LEN(5));
	KUNIT_EXPECT_EQ(test, zoned_report(b, TEST_ZONES_SECTORS - 1, 4096), OK);
	zoned_expect(b, LAST, 1);
}

static void report_keeps_to_its_buffer(struct kunit *test)
{
	static const struct { u32 len, nr; } sizes[] = {
		{ 64, 0 }, { 127, 0 }, { 128, 1 }, { 191, 1 }, { 64 * 4 + 10, 3 },
		{ 2 * MIB, TEST_ZONES }, { MIB + 64, TEST_ZONES },
	};
	struct blk_test *b = test->priv;
	unsigned int i;

	zoned_start(b);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, zoned_report(b, 0, sizes[i].len), OK);
		zoned_expect(b, 0, sizes[i].nr);
	}
	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, 63), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_report(b, TEST_ZONES_SECTORS, 4096), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_report(b, U64_MAX, 4096), INVALID);
	KUNIT_EXPECT_EQ(test, *(u8 *)fake_va(b->f, BUF), UNTOUCHED);
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), 0);
}

static void report_buffer_may_be_in_pieces(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);

	blk_header(f, VIRTIO_BLK_T_ZONE_REPORT, 0);
	memset(fake_va(f, BUF), UNTOUCHED, 4096);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 3, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, BUF + 3, 100, F_NEXT | F_WRITE, 3);
	fake_desc(f, 3, BUF + 103, REPORT_LEN(4) - 103, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, STATUS, 1, F_WRITE, 0);
	KUNIT_EXPECT_EQ(test, zoned_go(b), OK);
	zoned_expect(b, 0, 4);
}

static void report_that_fails_writes_nothing(struct kunit *test)
{
	struct blk_test *b = test->priv;

	zoned_start(b);
	b->disk->report_error = -EIO;
	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, 4096), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, *(u8 *)fake_va(b->f, BUF), UNTOUCHED);
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), 0);
}

/*
 * A slow report, begun and then left alone. A work item makes it, whose thread may come late.
 */
static void zoned_begin_report(struct blk_test *b, struct completion *gate)
{
	unsigned long end = jiffies + 10 * HZ;
	struct fake *f = b->f;

	init_completion(gate);
	b->disk->report_gate = gate;
	blk_header(f, VIRTIO_BLK_T_ZONE_REPORT, 0);
	memset(fake_va(f, BUF), UNTOUCHED, 4096);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 4096, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	/* Pairs with nothing: the gate keeps what comes after the number. */
	while (!READ_ONCE(b->disk->reports) && time_before(jiffies, end))
		usleep_range(200, 1000);
	KUNIT_EXPECT_EQ(b->test, b->disk->reports, 1);
	KUNIT_EXPECT_EQ(b->test, fake_used_idx(f), 0);
}

static void slow_report_holds_nothing_up(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	struct completion gate;
	struct virtback_blk *blk = f->vd.type_priv;

	zoned_begin_report(b, &gate);
	blk_header(f, VIRTIO_BLK_T_IN, 0);
	fake_desc(f, 4, HDR, HDR_LEN, F_NEXT, 5);
	fake_desc(f, 5, BUF + MIB, 512, F_NEXT | F_WRITE, 6);
	fake_desc(f, 6, STATUS + 1, 1, F_WRITE, 0);
	fake_offer(f, 4);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 4);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + MIB, 0, 512));

	complete_all(&gate);
	flush_workqueue(blk->zones->wq);
	/* A host that copies ends requests in the worker. */
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	zoned_expect(b, 0, TEST_ZONES);
	b->disk->report_gate = NULL;
}

static void reset_does_not_wait_for_a_report(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	struct completion gate;
	struct virtback_blk *blk = f->vd.type_priv;

	zoned_begin_report(b, &gate);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);

	complete_all(&gate);
	flush_workqueue(blk->zones->wq);
	/* A host that copies ends requests in the worker. */
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, *(u8 *)fake_va(f, BUF), UNTOUCHED);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), NO_STATUS);
	b->disk->report_gate = NULL;
	fake_start(f, ZONED);
	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, 4096), OK);
}

static void reports_of_before_a_reset_are_dropped(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	struct completion gate;
	struct virtback_blk *blk = f->vd.type_priv;

	b->disk->zones[FIRST].cond = BLK_ZONE_COND_CLOSED;
	zoned_begin_report(b, &gate);
	/* One more of each kind behind the first. */
	fake_offer(f, 0);
	fake_kick(f);
	blk_header(f, VIRTIO_BLK_T_ZONE_RESET_ALL, 0);
	fake_desc(f, 4, HDR, HDR_LEN, F_NEXT, 5);
	fake_desc(f, 5, STATUS + 1, 1, F_WRITE, 0);
	fake_offer(f, 4);
	fake_kick(f);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);

	complete_all(&gate);
	flush_workqueue(blk->zones->wq);
	/* A host that copies ends requests in the worker. */
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, b->disk->reports, 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, b->disk->zones[FIRST].cond, BLK_ZONE_COND_CLOSED);
	b->disk->report_gate = NULL;
}

static struct kunit_case zoned_report_cases[] = {
	FAKE_CASE(report_shows_each_zone),
	FAKE_CASE(report_begins_with_the_zone_of_the_sector),
	FAKE_CASE(report_keeps_to_its_buffer),
	FAKE_CASE(report_buffer_may_be_in_pieces),
	FAKE_CASE(report_that_fails_writes_nothing),
	FAKE_CASE(slow_report_holds_nothing_up),
	FAKE_CASE(reset_does_not_wait_for_a_report),
	FAKE_CASE(reports_of_before_a_reset_are_dropped),
	{}
};

static struct kunit_suite zoned_report_suite = {
	.name = "virtback_zoned_report",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = zoned_report_cases,
};

kunit_test_suite(zoned_report_suite);
