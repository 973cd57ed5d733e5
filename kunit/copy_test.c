// SPDX-License-Identifier: GPL-2.0
/*
 * Devices whose host copies (drivers/core/copy.c): what is asked of the host, and
 * what becomes of a request when it fails. That they behave as others do is shown by
 * the suites whose cases are FAKE_CASE().
 */
#include <linux/slab.h>

#include "blk_fixture.h"

/* The block type, started, with a host that copies. */
static struct fake *copying(struct kunit *test, u64 features)
{
	struct fake *f = blk_device(test->priv);

	f->vd.copies = true;
	fake_start(f, features);
	return f;
}

static void nothing_is_pinned(struct kunit *test)
{
	struct fake *f = copying(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 8, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(test->priv, BUF, 8, 4096));
	KUNIT_EXPECT_GT(test, atomic_read(&f->copies), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->bad_pins), 0);
}

static void all_is_copied_before_it_is_used(struct kunit *test)
{
	struct fake *f = copying(test, 0);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, f->used_at_copy, 0);
}

static void many_pages_are_copied_at_once(struct kunit *test)
{
	struct fake *f = copying(test, 0);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, MIB), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_GE(test, atomic_read(&f->copies), 256 + 2);
	/* Header, status, and the pages. */
	KUNIT_EXPECT_LE(test, atomic_read(&f->copy_calls), 2 + 256 / VIRTBACK_COPY_BATCH);
}

static void copies_stay_within_our_pages(struct kunit *test)
{
	struct fake *f = copying(test, 0);
	struct virtback_sg sg = { .addr = BUF + 1, .len = 3 * PAGE_SIZE };
	struct virtback_iter it = { .sg = &sg, .nr = 1, .left = sg.len };
	u8 *buf = kunit_kzalloc(test, 4 * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	blk_fill(f, BUF, 4 * PAGE_SIZE, 8);
	KUNIT_EXPECT_EQ(test, virtback_iter_read(&f->vd.vqs[0], &it, buf + 100, sg.len), 0);
	KUNIT_EXPECT_EQ(test, memcmp(buf + 100, fake_va(f, BUF + 1), sg.len), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->bad_pins), 0);
	KUNIT_EXPECT_GE(test, atomic_read(&f->copies), 4);
}

static void table_is_read_in_parts(struct kunit *test)
{
	struct fake *f = copying(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));

	blk_header(f, VIRTIO_BLK_T_IN, 3);
	fake_desc(f, 0, TABLE, 3 * 16, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_indirect(f, TABLE, 1, BUF, 512, F_NEXT | F_WRITE, 2);
	fake_indirect(f, TABLE, 2, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(test->priv, BUF, 3, 512));
	/* Table, header, data and status. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copy_calls), 4);
}

static void buffer_that_cannot_be_copied_is_an_error(struct kunit *test)
{
	struct fake *f = copying(test, 0);

	f->copy_error = BUF + 5000;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 8192), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 8192),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->writes, 0);
	/* Also when what failed was asked for before the last. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, MIB), VIRTIO_BLK_S_IOERR);
	f->copy_error = 0;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 8192), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* A request that cannot be answered is not: what is in its memory is no answer. */
static void expect_unanswered(struct kunit *test, struct fake *f, u32 type, u64 error)
{
	blk_chain(f, type, 0, BUF, 512);
	f->copy_error = error;
	blk_go(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].nr_inflight, 0);
}

static void status_that_cannot_be_copied_breaks_the_device(struct kunit *test)
{
	expect_unanswered(test, copying(test, 0), VIRTIO_BLK_T_IN, STATUS);
}

/* Also where nothing went to a disk: whoever waits for a request lost here never ends. */
static void answer_that_cannot_be_copied_breaks_the_device(struct kunit *test)
{
	expect_unanswered(test, copying(test, 0), VIRTIO_BLK_T_ZONE_REPORT, STATUS);
}

static void header_that_cannot_be_copied_breaks_the_device(struct kunit *test)
{
	struct fake *f = copying(test, 0);

	expect_unanswered(test, f, VIRTIO_BLK_T_IN, HDR + 15);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->bios, 0);
}

static void table_that_cannot_be_copied_breaks_the_device(struct kunit *test)
{
	struct fake *f = copying(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));

	fake_desc(f, 0, TABLE, 3 * 16, F_INDIRECT, 0);
	f->copy_error = TABLE + 47;
	blk_go(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
}

/* The copies of a read that a reset overtook are never made. */
static void late_read_is_not_copied(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = copying(test, 0);
	int copies;

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 512);
	blk_go(f);
	copies = atomic_read(&f->copies);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copies), copies);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
}

static void host_may_require_a_feature(struct kunit *test)
{
	struct fake *f = blk_device(test->priv);

	f->vd.host_features = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	f->vd.required = f->vd.host_features;
	KUNIT_EXPECT_TRUE(test, virtback_device_offered(&f->vd) &
				BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	fake_accept(f, BIT_ULL(VIRTIO_F_VERSION_1));
	fake_write(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FEATURES_OK);
	KUNIT_EXPECT_FALSE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_accept(f, BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	fake_write(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FEATURES_OK);
	KUNIT_EXPECT_TRUE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
}

static struct kunit_case copy_cases[] = {
	KUNIT_CASE(nothing_is_pinned),
	KUNIT_CASE(all_is_copied_before_it_is_used),
	KUNIT_CASE(many_pages_are_copied_at_once),
	KUNIT_CASE(copies_stay_within_our_pages),
	KUNIT_CASE(table_is_read_in_parts),
	KUNIT_CASE(buffer_that_cannot_be_copied_is_an_error),
	KUNIT_CASE(status_that_cannot_be_copied_breaks_the_device),
	KUNIT_CASE(answer_that_cannot_be_copied_breaks_the_device),
	KUNIT_CASE(header_that_cannot_be_copied_breaks_the_device),
	KUNIT_CASE(table_that_cannot_be_copied_breaks_the_device),
	KUNIT_CASE(late_read_is_not_copied),
	KUNIT_CASE(host_may_require_a_feature),
	{}
};

static struct kunit_suite copy_suite = {
	.name = "virtback_copy",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = copy_cases,
};

kunit_test_suite(copy_suite);
