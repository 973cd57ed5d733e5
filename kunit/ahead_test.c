// SPDX-License-Identifier: GPL-2.0
/*
 * Requests whose beginnings and answers a host copies together (drivers/core/ahead.c,
 * together.c): how many calls that takes, and that it changes nothing else.
 */
#include <linux/slab.h>

#include "blk_fixture.h"
#include "other.h"

#define LEN		4096
#define PLACE(i)	(FAKE_DATA + 0x10000 + (i) * 0x80)
#define PLACE_TABLE(i)	(FAKE_DATA + 0x11000 + (i) * 0x80)
#define PLACE_BUF(i)	(FAKE_DATA + 0x20000 + (i) * LEN)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)

/* The block type, started, with a host that copies. */
static struct fake *copying(struct kunit *test, u64 features)
{
	struct fake *f = blk_device(test->priv);

	f->vd.copies = true;
	fake_start(f, features);
	return f;
}

static u64 place_of_status(unsigned int i)
{
	return PLACE(i) + HDR_LEN;
}

static u8 status_of(struct fake *f, unsigned int i)
{
	return *(u8 *)fake_va(f, place_of_status(i));
}

/* Offer request @i, of sector 8 * @i, in a table of its own; no kick. */
static void offer_bytes(struct fake *f, u32 type, unsigned int i, u64 buf, u32 len)
{
	struct virtio_blk_outhdr *hdr = fake_va(f, PLACE(i));
	u16 in = type == VIRTIO_BLK_T_IN ? F_WRITE : 0;
	u64 table = PLACE_TABLE(i);

	hdr->type = (__force __virtio32)cpu_to_le32(type);
	hdr->ioprio = 0;
	hdr->sector = (__force __virtio64)cpu_to_le64(8 * i);
	*(u8 *)fake_va(f, place_of_status(i)) = NO_STATUS;
	fake_indirect(f, table, 0, PLACE(i), HDR_LEN, F_NEXT, 1);
	fake_indirect(f, table, 1, buf, len, F_NEXT | in, 2);
	fake_indirect(f, table, 2, place_of_status(i), 1, F_WRITE, 0);
	fake_desc(f, i, table, 3 * 16, F_INDIRECT, 0);
	fake_offer(f, i);
}

static void offer(struct fake *f, u32 type, unsigned int i)
{
	offer_bytes(f, type, i, PLACE_BUF(i), LEN);
}

static void expect_done(struct kunit *test, struct fake *f, unsigned int i)
{
	KUNIT_EXPECT_EQ(test, status_of(f, i), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(test->priv, PLACE_BUF(i), 8 * i, LEN));
}

static void expect_all_back(struct kunit *test, struct fake *f)
{
	struct virtback_vq *vq = &f->vd.vqs[0];

	KUNIT_EXPECT_EQ(test, vq->pages.nr, vq->pages.size);
	KUNIT_EXPECT_EQ(test, vq->pieces.nr, vq->pieces.size);
	KUNIT_EXPECT_EQ(test, vq->keep.nr, vq->keep.size);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(vq), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->bad_pins), 0);
}

/* Tables, headers, and data with status bytes. */
static void reads_share_three_calls(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	for (i = 0; i < 8; i++)
		offer(f, VIRTIO_BLK_T_IN, i);
	fake_kick(f);
	for (i = 0; i < 8; i++)
		expect_done(test, f, i);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copy_calls), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copies), 8 * 4);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 8);
	expect_all_back(test, f);
}

static void writes_share_three_calls(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	for (i = 0; i < 8; i++) {
		blk_fill(f, PLACE_BUF(i), LEN, 100 + i);
		offer(f, VIRTIO_BLK_T_OUT, i);
	}
	fake_kick(f);
	for (i = 0; i < 8; i++)
		expect_done(test, f, i);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copy_calls), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copy_pages), 3 + 8);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->writes, 8);
	expect_all_back(test, f);
}

/* What cannot be copied is the matter of one request. */
static void bad_buffer_fails_alone(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	f->copy_error = PLACE_BUF(2) + 7;
	for (i = 0; i < 4; i++)
		offer(f, VIRTIO_BLK_T_IN, i);
	offer(f, VIRTIO_BLK_T_OUT, 4);
	fake_kick(f);
	for (i = 0; i < 5; i++) {
		if (i == 2)
			KUNIT_EXPECT_EQ(test, status_of(f, i), VIRTIO_BLK_S_IOERR);
		else
			expect_done(test, f, i);
	}
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	expect_all_back(test, f);
}

static void bad_data_of_a_write_fails_alone(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	f->copy_error = PLACE_BUF(1) + 7;
	for (i = 0; i < 3; i++)
		offer(f, VIRTIO_BLK_T_OUT, i);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, status_of(f, 1), VIRTIO_BLK_S_IOERR);
	expect_done(test, f, 0);
	expect_done(test, f, 2);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->writes, 2);
	expect_all_back(test, f);
}

/* Also where that is found out before the last of them was asked. */
static void bad_data_of_long_writes_fails_alone(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i, n = FAKE_QUEUE_SIZE;

	f->copy_error = PLACE_BUF(1) + 7;
	/* Of all but that one the data is the same. */
	for (i = 0; i < n; i++)
		offer_bytes(f, VIRTIO_BLK_T_OUT, i, PLACE_BUF(i == 1 ? 1 : 8), 3 * LEN);
	fake_kick(f);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, status_of(f, i),
				i == 1 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, ((struct blk_test *)test->priv)->disk->writes, n - 1);
	expect_all_back(test, f);
}

/* A read whose header is in four parts. */
static void offer_parts(struct fake *f, unsigned int i)
{
	u64 table = PLACE_TABLE(i);
	unsigned int part, len = HDR_LEN / 4;

	offer(f, VIRTIO_BLK_T_IN, i);
	for (part = 0; part < 4; part++)
		fake_indirect(f, table, part, PLACE(i) + part * len, len, F_NEXT, part + 1);
	fake_indirect(f, table, 4, PLACE_BUF(i), LEN, F_NEXT | F_WRITE, 5);
	fake_indirect(f, table, 5, place_of_status(i), 1, F_WRITE, 0);
	fake_desc(f, i, table, 6 * 16, F_INDIRECT, 0);
}

/* Also for those that were not asked yet when some of the headers were copied, in vain. */
static void headers_that_failed_do_not_count(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i, n = FAKE_QUEUE_SIZE;

	KUNIT_ASSERT_GT(test, 4 * n, VIRTBACK_COPY_BATCH);
	/* The tables first. */
	f->copy_fails = 2;
	for (i = 0; i < n; i++)
		offer_parts(f, i);
	fake_kick(f);
	for (i = 0; i < n; i++)
		expect_done(test, f, i);
	KUNIT_EXPECT_EQ(test, f->copy_fails, 0);
	expect_all_back(test, f);
}

static void offer_four(struct fake *f, u32 type)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (type == VIRTIO_BLK_T_OUT)
			blk_fill(f, PLACE_BUF(i), LEN, 100 + i);
		offer(f, type, i);
	}
}

/* Those before one that breaks the device are served, those behind it are not. */
static void expect_first_two(struct kunit *test, struct fake *f)
{
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	expect_done(test, f, 0);
	expect_done(test, f, 1);
	KUNIT_EXPECT_EQ(test, status_of(f, 3), NO_STATUS);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	expect_all_back(test, f);
}

static void bad_header_breaks_after_those_before(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	f->copy_error = PLACE(2) + 3;
	offer_four(f, VIRTIO_BLK_T_IN);
	expect_first_two(test, f);
}

/* The one behind it has pages by then. */
static void bad_header_of_a_write_loses_no_pages(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	f->copy_error = PLACE(2) + 3;
	offer_four(f, VIRTIO_BLK_T_OUT);
	expect_first_two(test, f);
}

static void bad_table_breaks_after_those_before(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	f->copy_error = PLACE_TABLE(2) + 3;
	offer_four(f, VIRTIO_BLK_T_IN);
	expect_first_two(test, f);
}

/* A call that fails is made again for each, and nothing older is taken for their tables. */
static void tables_that_failed_do_not_count(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	offer_four(f, VIRTIO_BLK_T_IN);
	fake_kick(f);
	f->copy_fails = 1;
	for (i = 0; i < 4; i++)
		offer_bytes(f, VIRTIO_BLK_T_IN, i, PLACE_BUF(4 + i), LEN);
	fake_kick(f);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, status_of(f, i), VIRTIO_BLK_S_OK);
		KUNIT_EXPECT_TRUE(test, blk_same(test->priv, PLACE_BUF(4 + i), 8 * i, LEN));
	}
	expect_all_back(test, f);
}

/* All tables are copied together, and then one of them makes no sense. */
static void broken_table_breaks_after_those_before(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	offer_four(f, VIRTIO_BLK_T_IN);
	fake_indirect(f, PLACE_TABLE(2), 1, PLACE_BUF(2), LEN, F_NEXT | F_WRITE, 77);
	expect_first_two(test, f);
}

/* The last of three that ended together cannot be answered. */
static void bad_status_breaks_after_those_before(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT | BIT_ULL(VIRTIO_F_IN_ORDER));
	unsigned int i;

	for (i = 0; i < 3; i++)
		offer(f, VIRTIO_BLK_T_IN, i);
	f->copy_error = place_of_status(2);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	expect_done(test, f, 0);
	expect_done(test, f, 1);
	KUNIT_EXPECT_EQ(test, status_of(f, 2), NO_STATUS);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	expect_all_back(test, f);
}

/*
 * The first and the third end together, and the third cannot be answered. The second, which
 * ended long before, waits for the first alone.
 */
static void one_that_breaks_takes_no_others_along(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT | BIT_ULL(VIRTIO_F_IN_ORDER));
	struct test_disk *disk = ((struct blk_test *)test->priv)->disk;

	disk->hold = true;
	offer(f, VIRTIO_BLK_T_IN, 0);
	offer(f, VIRTIO_BLK_T_IN, 1);
	fake_kick(f);
	KUNIT_ASSERT_TRUE(test, test_disk_end(disk, true));
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	offer(f, VIRTIO_BLK_T_IN, 2);
	fake_kick(f);
	f->copy_error = place_of_status(2);
	KUNIT_ASSERT_TRUE(test, test_disk_end(disk, false));
	KUNIT_ASSERT_TRUE(test, test_disk_end(disk, false));
	fake_settle(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	expect_done(test, f, 0);
	expect_done(test, f, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	expect_all_back(test, f);
}

/* In the moment between the look at the ring and the copies. */
static void change_head(struct fake *f)
{
	f->on_copy = NULL;
	/* Chain 1 is in the table of request 5 now, which nobody has copied. */
	fake_desc(f, 1, PLACE_TABLE(5), 3 * 16, F_INDIRECT, 0);
}

static void table_of_another_address_is_not_used(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	/* Make what is at 5, without offering it. */
	offer(f, VIRTIO_BLK_T_IN, 5);
	fake_kick(f);
	*(u8 *)fake_va(f, place_of_status(5)) = NO_STATUS;
	memset(fake_va(f, PLACE_BUF(5)), 0, LEN);
	offer(f, VIRTIO_BLK_T_IN, 0);
	offer(f, VIRTIO_BLK_T_IN, 1);
	f->on_copy = change_head;
	fake_kick(f);
	expect_done(test, f, 0);
	expect_done(test, f, 5);
	KUNIT_EXPECT_EQ(test, status_of(f, 1), NO_STATUS);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 3);
	expect_all_back(test, f);
}

static void lengthen_head(struct fake *f)
{
	f->on_copy = NULL;
	fake_desc(f, 1, PLACE_TABLE(1), 3 * 16, F_INDIRECT, 0);
}

/* Nor one of another length. */
static void table_of_another_length_is_not_used(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	offer(f, VIRTIO_BLK_T_IN, 0);
	offer(f, VIRTIO_BLK_T_IN, 1);
	fake_desc(f, 1, PLACE_TABLE(1), 2 * 16, F_INDIRECT, 0);
	f->on_copy = lengthen_head;
	fake_kick(f);
	expect_done(test, f, 0);
	expect_done(test, f, 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	expect_all_back(test, f);
}

static void change_table(struct fake *f)
{
	if (atomic_read(&f->copy_calls) < 2)
		return;
	f->on_copy = NULL;
	memset(fake_va(f, PLACE_TABLE(0)), 0xff, 3 * 16);
	memset(fake_va(f, PLACE_TABLE(1)), 0xff, 3 * 16);
}

/* What was copied is what counts, whatever becomes of the table afterwards. */
static void tables_are_read_once(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);

	offer(f, VIRTIO_BLK_T_IN, 0);
	offer(f, VIRTIO_BLK_T_IN, 1);
	f->on_copy = change_table;
	fake_kick(f);
	expect_done(test, f, 0);
	expect_done(test, f, 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* Without pages for all, the rest goes back to the ring and is served later, in order. */
static void stall_gives_chains_back(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = copying(test, INDIRECT | BIT_ULL(VIRTIO_F_IN_ORDER));
	struct virtback_vq *vq = &f->vd.vqs[0];
	LIST_HEAD(taken);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, virtback_pool_get_pages(&vq->pages, &taken, vq->pages.size - 2));
	b->disk->hold = true;
	for (i = 0; i < 6; i++) {
		blk_fill(f, PLACE_BUF(i), LEN, 50 + i);
		if (i == 4)	/* refused at once, when it is its turn */
			offer_bytes(f, VIRTIO_BLK_T_GET_ID, i, PLACE_BUF(i), 20);
		else
			offer(f, VIRTIO_BLK_T_OUT, i);
	}
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(vq), 2);
	KUNIT_EXPECT_EQ(test, vq->last_avail, 2);
	KUNIT_EXPECT_EQ(test, status_of(f, 4), NO_STATUS);
	b->disk->hold = false;
	while (test_disk_end(b->disk, false))
		fake_settle(f);
	fake_settle(f);
	for (i = 0; i < 6; i++) {
		if (i != 4)
			expect_done(test, f, i);
	}
	KUNIT_EXPECT_NE(test, status_of(f, 4), NO_STATUS);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 6);
	virtback_pool_put_pages(&vq->pages, &taken);
	expect_all_back(test, f);
}

/* What went back was copied for nothing: so no more are taken than were tried before. */
static void stall_takes_fewer_next_time(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = copying(test, INDIRECT);
	struct virtback_vq *vq = &f->vd.vqs[0];
	LIST_HEAD(taken);
	unsigned int i;
	int before;

	KUNIT_ASSERT_TRUE(test, virtback_pool_get_pages(&vq->pages, &taken, vq->pages.size - 2));
	b->disk->hold = true;
	for (i = 0; i < 6; i++)
		offer(f, VIRTIO_BLK_T_IN, i);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(vq), 2);
	/* Tables and headers of all; the third finds no pages, and is tried again, with two. */
	before = atomic_read(&f->copies);
	KUNIT_EXPECT_EQ(test, before, 2 * (6 + 3));
	KUNIT_ASSERT_TRUE(test, test_disk_end(b->disk, false));
	fake_settle(f);
	/* Data and status of the first; the third alone, two more, and one of these again. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copies) - before, 2 + 2 * (1 + 2 + 1));
	while (test_disk_end(b->disk, false))
		fake_settle(f);
	for (i = 0; i < 6; i++)
		expect_done(test, f, i);
	virtback_pool_put_pages(&vq->pages, &taken);
	expect_all_back(test, f);
}

/* Chains go back to a packed ring as well, over its end. */
static void packed_stall_gives_chains_back(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_device(b);
	struct virtback_vq *vq = &f->vd.vqs[0];
	LIST_HEAD(taken);
	unsigned int i;

	f->vd.copies = true;
	fake_packed_start(f, INDIRECT, 5);
	KUNIT_ASSERT_TRUE(test, virtback_pool_get_pages(&vq->pages, &taken, vq->pages.size - 1));
	for (i = 0; i < 12; i++) {
		struct virtio_blk_outhdr *hdr = fake_va(f, PLACE(i));
		u64 table = PLACE_TABLE(i);

		hdr->type = (__force __virtio32)cpu_to_le32(VIRTIO_BLK_T_OUT);
		hdr->ioprio = 0;
		hdr->sector = (__force __virtio64)cpu_to_le64(8 * i);
		blk_fill(f, PLACE_BUF(i), LEN, 50 + i);
		fake_packed_desc(f, table, 0, PLACE(i), HDR_LEN, 0, 0);
		fake_packed_desc(f, table, 1, PLACE_BUF(i), LEN, 0, 0);
		fake_packed_desc(f, table, 2, place_of_status(i), 1, F_WRITE, 0);
		fake_packed_add(f, table, 3 * 16, F_INDIRECT, i);
		if (i % 3 == 2)
			fake_kick(f);
	}
	for (i = 0; i < 12; i++)
		expect_done(test, f, i);
	virtback_pool_put_pages(&vq->pages, &taken);
	expect_all_back(test, f);
}

/* Chains that have no request yet stay in the ring. */
static void more_than_there_are_requests(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i, n = FAKE_QUEUE_SIZE;

	for (i = 0; i < n; i++)
		offer(f, VIRTIO_BLK_T_IN, i);
	fake_kick(f);
	for (i = 0; i < n; i++)
		expect_done(test, f, i);
	expect_all_back(test, f);
}

/* So many reads of @len bytes that the disk has ended; the worker has seen none of that. */
static struct fake *ended(struct kunit *test, unsigned int n, u32 len)
{
	struct test_disk *disk;
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	disk = ((struct blk_test *)test->priv)->disk;
	disk->hold = true;
	for (i = 0; i < n; i++)
		offer_bytes(f, VIRTIO_BLK_T_IN, i, PLACE_BUF(i), len);
	fake_kick(f);
	mutex_lock(&f->vd.vqs[0].ring_lock);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_TRUE(test, test_disk_end(disk, false));
	atomic_set(&f->copies, 0);
	return f;
}

static void go_on(struct kunit *test, struct fake *f)
{
	mutex_unlock(&f->vd.vqs[0].ring_lock);
	fake_settle(f);
}

/* Others wait for a part of the stock of pages, not for what fills all of it. */
static void much_is_not_copied_together(struct kunit *test)
{
	struct fake *f = ended(test, 8, SZ_128K);
	unsigned int i;

	go_on(test, f);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, status_of(f, i), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(test->priv, PLACE_BUF(7), 8 * 7, SZ_128K));
	/* The last are copied when others have been told. */
	KUNIT_EXPECT_GE(test, f->used_at_copy, 4);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 8);
	expect_all_back(test, f);
}

/* All that it has is given back, also what a request of one pass does not have. */
static void long_request_that_breaks_leaves_nothing(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	u64 table = PLACE_TABLE(0);

	f->copy_error = place_of_status(0);
	offer_bytes(f, VIRTIO_BLK_T_IN, 0, PLACE_BUF(0), MIB / 2);
	fake_indirect(f, table, 2, PLACE_BUF(0), MIB, F_NEXT | F_WRITE, 3);
	fake_indirect(f, table, 3, place_of_status(0), 1, F_WRITE, 0);
	fake_desc(f, 0, table, 4 * 16, F_INDIRECT, 0);
	offer(f, VIRTIO_BLK_T_IN, 1);
	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, status_of(f, 0), NO_STATUS);
	expect_all_back(test, f);
}

static u16 taken;

static void look_how_many(struct fake *f)
{
	/* The first call copies tables, the next one data. */
	if (atomic_read(&f->copy_calls) == 2)
		taken = f->vd.vqs[0].last_avail;
}

/* Before the first of them is looked at. */
static void data_that_is_taken_ahead_is_bounded(struct kunit *test)
{
	struct fake *f = copying(test, INDIRECT);
	unsigned int i;

	taken = 0;
	f->on_copy = look_how_many;
	for (i = 0; i < 8; i++)
		offer_bytes(f, VIRTIO_BLK_T_OUT, i, PLACE_BUF(0), SZ_128K);
	fake_kick(f);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, status_of(f, i), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_GE(test, taken, 2);
	KUNIT_EXPECT_LE(test, taken, 3);
	expect_all_back(test, f);
}

/* What is put off when all have been copied is only told later. */
static void turn_copies_nothing_twice(struct kunit *test)
{
	struct other other = {};
	struct fake *f;
	unsigned int i;

	other_waits(test, &other);
	f = ended(test, 4, LEN);
	f->on_copy = other_has_waited;
	go_on(test, f);
	other_end(&other);
	for (i = 0; i < 4; i++)
		expect_done(test, f, i);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 4);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->copies), 4 * 2);
	expect_all_back(test, f);
}

static struct kunit_case ahead_cases[] = {
	KUNIT_CASE(reads_share_three_calls),
	KUNIT_CASE(writes_share_three_calls),
	KUNIT_CASE(bad_buffer_fails_alone),
	KUNIT_CASE(bad_data_of_a_write_fails_alone),
	KUNIT_CASE(bad_data_of_long_writes_fails_alone),
	KUNIT_CASE(headers_that_failed_do_not_count),
	KUNIT_CASE(bad_header_breaks_after_those_before),
	KUNIT_CASE(bad_header_of_a_write_loses_no_pages),
	KUNIT_CASE(bad_table_breaks_after_those_before),
	KUNIT_CASE(tables_that_failed_do_not_count),
	KUNIT_CASE(broken_table_breaks_after_those_before),
	KUNIT_CASE(bad_status_breaks_after_those_before),
	KUNIT_CASE(one_that_breaks_takes_no_others_along),
	KUNIT_CASE(table_of_another_address_is_not_used),
	KUNIT_CASE(table_of_another_length_is_not_used),
	KUNIT_CASE(tables_are_read_once),
	KUNIT_CASE(stall_gives_chains_back),
	KUNIT_CASE(packed_stall_gives_chains_back),
	KUNIT_CASE(stall_takes_fewer_next_time),
	KUNIT_CASE(more_than_there_are_requests),
	KUNIT_CASE(long_request_that_breaks_leaves_nothing),
	KUNIT_CASE(data_that_is_taken_ahead_is_bounded),
	KUNIT_CASE(much_is_not_copied_together),
	KUNIT_CASE(turn_copies_nothing_twice),
	{}
};

static struct kunit_suite ahead_suite = {
	.name = "virtback_ahead",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = ahead_cases,
};

kunit_test_suite(ahead_suite);
