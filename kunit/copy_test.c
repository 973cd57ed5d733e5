// SPDX-License-Identifier: GPL-2.0
/*
 * Devices whose host copies (drivers/core/copy.c): what is asked of the host, and
 * what becomes of a request when it fails. That they behave as others do is shown by
 * the suites whose cases are FAKE_CASE().
 */
#include <linux/delay.h>
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
	/* Header, the pages and the status. */
	KUNIT_EXPECT_LE(test, atomic_read(&f->copy_calls), 2 + 256 / VIRTBACK_COPY_BATCH);
}

/* The status byte goes with what was read, what is written comes with the header. */
static void short_requests_take_two_calls(struct kunit *test)
{
	struct fake *f = copying(test, 0);
	int calls;

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 8, BUF, SZ_64K), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(test->priv, BUF, 8, SZ_64K));
	calls = atomic_read(&f->copy_calls);
	KUNIT_EXPECT_EQ(test, calls, 2);
	blk_fill(f, BUF, SZ_64K, 9);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 16, BUF, SZ_64K), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(test->priv, BUF, 16, SZ_64K));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copy_calls) - calls, 2);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.bounced, 2 * SZ_64K);
}

/* What came with a header that wants none of it, or is refused, is given back. */
static void data_that_came_along_is_dropped(struct kunit *test)
{
	struct fake *f = copying(test, 0);
	struct virtback_pool *pages = &f->vd.vqs[0].pages;

	/* A chain with data to read for a type that has none, or does not exist. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, pages->nr, pages->size);
	KUNIT_EXPECT_EQ(test, blk_request(f, 77, 0, BUF, 4096), VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, pages->nr, pages->size);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, TEST_DISK_SECTORS, BUF, 4096),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, pages->nr, pages->size);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->writes, 0);
}

/* Without pages for it nothing comes along, nor is it taken for data of the request. */
static void data_that_cannot_come_along_is_none(struct kunit *test)
{
	struct virtback_pool *pages;
	LIST_HEAD(taken);
	struct fake *f;

	blk_test_disk(test->priv, 512, true);
	f = copying(test, 0);
	pages = &f->vd.vqs[0].pages;
	KUNIT_ASSERT_TRUE(test, virtback_pool_get_pages(pages, &taken, pages->size));
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, BUF, 4096), VIRTIO_BLK_S_OK);
	virtback_pool_put_pages(pages, &taken);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->writes, 0);
}

/* Pages of a table that a chain may have need one copy, whatever its order is. */
static void jumping_table_is_read_once(struct kunit *test)
{
	struct fake *f;
	unsigned int i, n = 600;

	((struct blk_test *)test->priv)->queue_size = 1024;
	f = copying(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	blk_header(f, VIRTIO_BLK_T_IN, 0);
	fake_desc(f, 0, BUF + MIB, n * 16, F_INDIRECT, 0);
	/* Header, then from the middle of one half to that of the other and back. */
	fake_indirect(f, BUF + MIB, 0, HDR, HDR_LEN, F_NEXT, 1);
	for (i = 1; i < n - 1; i++)
		fake_indirect(f, BUF + MIB, i, BUF + i * 512, 512, F_NEXT | F_WRITE,
			      i == n - 2 ? n - 1 : i < n / 2 ? i + n / 2 - 1 : i - n / 2 + 2);
	fake_indirect(f, BUF + MIB, n / 2 - 1, BUF, 512, F_NEXT | F_WRITE, n - 1);
	fake_indirect(f, BUF + MIB, n - 1, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	/* Its table, its header, and its data in calls of VIRTBACK_COPY_BATCH. */
	KUNIT_EXPECT_LE(test, atomic_read(&f->copy_calls), 2 + n / VIRTBACK_COPY_BATCH + 1);
}

/* One that is longer than a chain may be, and jumped about in, is refused. */
static void long_table_costs_few_reads(struct kunit *test)
{
	struct fake *f = copying(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	unsigned int i, far = SZ_64K / 16;

	blk_header(f, VIRTIO_BLK_T_IN, 0);
	fake_desc(f, 0, BUF, SZ_128K, F_INDIRECT, 0);
	fake_indirect(f, BUF, 0, HDR, HDR_LEN, F_NEXT, far);
	for (i = 1; i < FAKE_QUEUE_SIZE - 1; i++)
		fake_indirect(f, BUF, i % 2 ? far + i / 2 : i / 2, BUF + MIB, 512,
			      F_NEXT | F_WRITE, i % 2 ? i / 2 + 1 : far + i / 2);
	blk_go(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_LE(test, atomic_read(&f->copy_calls), 10);
}

static void slow_copy(struct fake *f)
{
	/* Longer than ring_lock may be held for more. */
	msleep(20);
}

/* Whoever needs the worker out of the guest's memory waits for one request. */
static void slow_requests_are_taken_one_by_one(struct kunit *test)
{
	struct fake *f = fake_create(test, &fake_type, NULL, FAKE_MEM, FAKE_QUEUE_SIZE);
	unsigned int i;

	f->vd.copies = true;
	fake_start(f, 0);
	for (i = 0; i < 8; i++) {
		fake_desc(f, i, FAKE_DATA, 16, 0, 0);
		fake_offer(f, i);
	}
	f->on_copy = slow_copy;
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->submitted, 8U);
	KUNIT_EXPECT_EQ(test, f->most_submitted, 1U);
	fake_destroy(f);
}

static unsigned int most_passes;

static void count_passes(struct virtback_vq *vq, struct list_head *reqs)
{
	most_passes = max_t(unsigned int, most_passes, list_count_nodes(reqs));
	virtback_blk_type.submit(vq, reqs);
}

/* Nor are the next passes of what ended together, each of which has as much to copy. */
static void slow_passes_are_taken_one_by_one(struct kunit *test)
{
	struct virtback_type_ops type = virtback_blk_type;
	struct blk_test *b = test->priv;
	struct fake *f = copying(test, 0);
	unsigned int n;

	type.submit = count_passes;
	f->vd.type = &type;
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, MIB + SZ_64K);
	for (n = 0; n < 4; n++) {
		fake_desc(f, 3 * n, HDR, HDR_LEN, F_NEXT, 3 * n + 1);
		fake_desc(f, 3 * n + 1, BUF, MIB + SZ_64K, F_NEXT, 3 * n + 2);
		fake_desc(f, 3 * n + 2, STATUS + n, 1, F_WRITE, 0);
		fake_offer(f, 3 * n);
	}
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, test_disk_held(b->disk), 4U);
	/* Those that are ended now come to the worker at once. */
	b->disk->hold = false;
	f->on_copy = slow_copy;
	most_passes = 0;
	while (test_disk_end(b->disk, false))
		;
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, most_passes, 1U);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 4);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	f->vd.type = &virtback_blk_type;
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

/* Nor for those that are slow because of many short buffers, where it may map each. */
static void many_buffers_are_taken_one_by_one(struct kunit *test)
{
	struct fake *f = fake_create(test, &fake_type, NULL, FAKE_MEM, FAKE_QUEUE_SIZE);
	unsigned int i, n = 16;

	fake_start(f, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	/* All in one table. */
	for (i = 0; i < n; i++)
		fake_indirect(f, FAKE_DATA, i, FAKE_DATA + PAGE_SIZE + i * 64, 1,
			      F_WRITE | (i < n - 1 ? F_NEXT : 0), i + 1);
	for (i = 0; i < 4; i++) {
		fake_desc(f, i, FAKE_DATA, n * 16, F_INDIRECT, 0);
		fake_offer(f, i);
	}
	/* Longer than ring_lock may be held for more. */
	f->slow_ms = 20;
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->submitted, 4U);
	KUNIT_EXPECT_EQ(test, f->most_submitted, 1U);
	fake_destroy(f);
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
	/* Table, header, data with status. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copy_calls), 3);
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
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
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

/* Those that ended together with one that cannot be answered end as well. */
static void broken_request_strands_no_other(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = copying(test, 0);

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 512);
	fake_offer(f, 0);
	/* The header was read, the status byte is another one. */
	fake_desc(f, 3, HDR, HDR_LEN, F_NEXT, 4);
	fake_desc(f, 4, BUF + 4096, 512, F_NEXT | F_WRITE, 5);
	fake_desc(f, 5, STATUS + 64, 1, F_WRITE, 0);
	fake_offer(f, 3);
	fake_kick(f);
	KUNIT_ASSERT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 2);
	f->copy_error = STATUS;
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
	fake_settle(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
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
	KUNIT_CASE(short_requests_take_two_calls),
	KUNIT_CASE(data_that_came_along_is_dropped),
	KUNIT_CASE(data_that_cannot_come_along_is_none),
	KUNIT_CASE(jumping_table_is_read_once),
	KUNIT_CASE(long_table_costs_few_reads),
	KUNIT_CASE(slow_requests_are_taken_one_by_one),
	KUNIT_CASE(slow_passes_are_taken_one_by_one),
	KUNIT_CASE(many_buffers_are_taken_one_by_one),
	KUNIT_CASE(copies_stay_within_our_pages),
	KUNIT_CASE(table_is_read_in_parts),
	KUNIT_CASE(buffer_that_cannot_be_copied_is_an_error),
	KUNIT_CASE(status_that_cannot_be_copied_breaks_the_device),
	KUNIT_CASE(answer_that_cannot_be_copied_breaks_the_device),
	KUNIT_CASE(broken_request_strands_no_other),
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
