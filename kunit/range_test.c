// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that name ranges of the disk: DISCARD, WRITE_ZEROES and SECURE_ERASE
 * (drivers/blk/range.c).
 */
#include <linux/blkdev.h>

#include "blk_fixture.h"

#define DISCARD		BIT_ULL(VIRTIO_BLK_F_DISCARD)
#define ZEROES		BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES)
#define ERASE		BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE)
#define ALL		(DISCARD | ZEROES | ERASE)
#define UNMAP		VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP

#define SEG		16U
#define MAX_SEGS	256

/* What the disk of this suite takes at once. */
#define MAX_DISCARD	1024
#define MAX_ZEROES	2048
#define MAX_ERASE	512

static const struct virtback_test_ranges can = {
	.discard = MAX_DISCARD,
	.granularity = 4096,
	.zeroes = MAX_ZEROES,
	.erase = MAX_ERASE,
};

static const u32 types[] = {
	VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_SECURE_ERASE,
};

static const u32 maxima[] = { MAX_DISCARD, MAX_ZEROES, MAX_ERASE };

static struct fake *start(struct blk_test *b, u32 block_size, bool cache, u64 features)
{
	blk_test_disk_ranges(b, block_size, cache, &can);
	return blk_start(b, features);
}

static void segment(struct fake *f, unsigned int i, u64 sector, u32 sectors, u32 flags)
{
	struct virtio_blk_discard_write_zeroes *r = fake_va(f, BUF + i * SEG);

	r->sector = cpu_to_le64(sector);
	r->num_sectors = cpu_to_le32(sectors);
	r->flags = cpu_to_le32(flags);
}

static u8 request(struct fake *f, u32 type, unsigned int nr)
{
	return blk_request(f, type, 0, BUF, nr * SEG);
}

/* Are all bytes of these sectors the same one? */
static bool all(struct blk_test *b, u64 sector, u32 sectors, u8 val)
{
	return !memchr_inv(b->disk->data + sector * 512, val, sectors * 512);
}

/* One segment is refused, and the disk sees nothing of it. */
static void expect_refused(struct blk_test *b, u32 type, u64 sector, u32 sectors, u32 flags,
			   u8 status)
{
	struct kunit *test = b->test;
	u16 i = fake_used_idx(b->f);

	/* A good one before it does not make it better. */
	segment(b->f, 0, 0, 8, 0);
	segment(b->f, 1, sector, sectors, flags);
	KUNIT_EXPECT_EQ_MSG(test, request(b->f, type, 2), status,
			    "type %u, sector %llu, %u sectors, flags %#x", type, sector, sectors,
			    flags);
	KUNIT_EXPECT_EQ(test, fake_used_len(b->f, i), 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, b->f->vd.vqs[0].pages.nr, b->f->vd.vqs[0].pages.size);
}

/* --- what is done --- */

static void discard_reaches_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	u8 before = b->disk->data[9 * 512 - 1], after = b->disk->data[17 * 512];

	segment(f, 0, 9, 8, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, all(b, 9, 8, TEST_DISK_DISCARDED));
	KUNIT_EXPECT_EQ(test, b->disk->data[9 * 512 - 1], before);
	KUNIT_EXPECT_EQ(test, b->disk->data[17 * 512], after);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, b->disk->discards, 1);
}

static void zeroes_reach_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 100, MAX_ZEROES, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, all(b, 100, MAX_ZEROES, 0));
	KUNIT_EXPECT_FALSE(test, all(b, 99, 1, 0));
	KUNIT_EXPECT_FALSE(test, all(b, 100 + MAX_ZEROES, 1, 0));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, b->disk->zeroes, 1);
}

static void erase_reaches_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 0, 3, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_SECURE_ERASE, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, all(b, 0, 3, TEST_DISK_ERASED));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, b->disk->erases, 1);
}

/* The flag is the segment's own, not the request's. */
static void blocks_stay_unless_unmap_is_set(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 0, 8, UNMAP);
	segment(f, 1, 8, 8, 0);
	segment(f, 2, 16, 8, UNMAP);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 3), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, all(b, 0, 24, 0));
	KUNIT_ASSERT_EQ(test, b->disk->zeroes, 3);
	KUNIT_EXPECT_FALSE(test, b->disk->seen[0].opf & REQ_NOUNMAP);
	KUNIT_EXPECT_TRUE(test, b->disk->seen[1].opf & REQ_NOUNMAP);
	KUNIT_EXPECT_FALSE(test, b->disk->seen[2].opf & REQ_NOUNMAP);
}

static void every_segment_is_served(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	unsigned int i;

	for (i = 0; i < MAX_SEGS; i++)
		segment(f, i, i * 4, 1 + i % 3, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, MAX_SEGS), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->discards, MAX_SEGS);
	for (i = 0; i < MAX_SEGS; i++) {
		KUNIT_EXPECT_TRUE(test, all(b, i * 4, 1 + i % 3, TEST_DISK_DISCARDED));
		KUNIT_EXPECT_FALSE(test, all(b, i * 4 + 1 + i % 3, 1, TEST_DISK_DISCARDED));
	}
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
}

static void segments_go_one_after_the_other(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	int i;

	for (i = 0; i < 3; i++)
		segment(f, i, i * 8, 8, 0);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_DISCARD, 0, BUF, 3 * SEG);
	blk_go(f);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, b->disk->bios, i + 1);
		KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
		KUNIT_EXPECT_TRUE(test, test_disk_end(b->disk, false));
		fake_settle(f);
	}
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
	KUNIT_EXPECT_EQ(test, b->disk->seen[1].sector, 8);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
}

static void longest_segments_are_served(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		segment(f, 0, TEST_DISK_SECTORS - maxima[i], maxima[i], 0);
		KUNIT_EXPECT_EQ(test, request(f, types[i], 1), VIRTIO_BLK_S_OK);
		KUNIT_EXPECT_EQ(test, b->disk->seen[i].sectors, maxima[i]);
	}
}

/* The alignment is advice (VIRTIO 1.2 section 5.2.5). */
static void discard_need_not_be_aligned(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 3, 2, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, all(b, 3, 2, TEST_DISK_DISCARDED));
}

static void empty_segments_need_no_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);

	segment(f, 0, 5, 0, 0);
	segment(f, 1, 5, 1, 0);
	segment(f, 2, 7, 0, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, 3), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_TRUE(test, all(b, 5, 1, TEST_DISK_DISCARDED));
}

/* --- layout --- */

static void segments_may_be_split(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 10, 2, 0);
	segment(f, 1, 20, 3, 0);
	/* The header's end, the segments in three parts, one empty buffer. */
	blk_header(f, VIRTIO_BLK_T_DISCARD, 0);
	memcpy(fake_va(f, HDR + HDR_LEN), fake_va(f, BUF), 5);
	fake_desc(f, 0, HDR, HDR_LEN + 5, F_NEXT, 1);
	fake_desc(f, 1, BUF + 5, 0, F_NEXT, 2);
	fake_desc(f, 2, BUF + 5, 12, F_NEXT, 3);
	fake_desc(f, 3, BUF + 17, 15, F_NEXT, 4);
	fake_desc(f, 4, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, all(b, 10, 2, TEST_DISK_DISCARDED));
	KUNIT_EXPECT_TRUE(test, all(b, 20, 3, TEST_DISK_DISCARDED));
	KUNIT_EXPECT_EQ(test, b->disk->discards, 2);
}

/* Linux has them so, since the type's number is even (drivers/block/virtio_blk.c). */
static void erased_segments_may_be_in_a_writable_buffer(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		bool erase = types[i] == VIRTIO_BLK_T_SECURE_ERASE;

		segment(f, 0, 10, 2, 0);
		segment(f, 1, 20, 3, 0);
		blk_chain(f, types[i], 0, BUF, 2 * SEG);
		fake_desc(f, 1, BUF, 2 * SEG, F_NEXT | F_WRITE, 2);
		blk_go(f);
		KUNIT_EXPECT_EQ(test, blk_status_of(f),
				erase ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
		/* They are read and not written. */
		KUNIT_EXPECT_EQ(test, fake_used_len(f, i), 0);
		KUNIT_EXPECT_EQ(test, b->disk->bios, erase ? 2 : 0);
	}
	KUNIT_EXPECT_TRUE(test, all(b, 10, 2, TEST_DISK_ERASED));
	KUNIT_EXPECT_TRUE(test, all(b, 20, 3, TEST_DISK_ERASED));
}

static void change_segment(struct fake *f, struct virtback_piece *p)
{
	if (p->va != fake_va(f, BUF))
		return;
	f->on_unpin = NULL;
	segment(f, 0, TEST_DISK_SECTORS - 1, 2, 0);
}

static void segments_are_read_once(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 9, 8, 0);
	f->on_unpin = change_segment;
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_PTR_EQ(test, (void *)f->on_unpin, NULL);
	KUNIT_EXPECT_EQ(test, b->disk->seen[0].sector, 9);
	KUNIT_EXPECT_EQ(test, b->disk->seen[0].sectors, 8);
}

static void segments_outside_memory_are_an_error(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_DISCARD, 0, FAKE_BASE + BLK_MEM - SEG,
					  2 * SEG), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
}

/* --- what must not reach the disk --- */

static void unknown_flags_are_unsupported(struct kunit *test)
{
	struct blk_test *b = test->priv;
	int i;

	start(b, 512, false, ALL);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		expect_refused(b, types[i], 8, 8, 1U << 1, VIRTIO_BLK_S_UNSUPP);
		expect_refused(b, types[i], 8, 8, 1U << 31, VIRTIO_BLK_S_UNSUPP);
		expect_refused(b, types[i], 8, 8, UNMAP | 4, VIRTIO_BLK_S_UNSUPP);
		/* Whatever else is wrong. */
		expect_refused(b, types[i], TEST_DISK_SECTORS, U32_MAX, 2, VIRTIO_BLK_S_UNSUPP);
	}
}

static void unmap_is_for_zeroes_alone(struct kunit *test)
{
	struct blk_test *b = test->priv;

	start(b, 512, false, ALL);
	expect_refused(b, VIRTIO_BLK_T_DISCARD, 8, 8, UNMAP, VIRTIO_BLK_S_UNSUPP);
	expect_refused(b, VIRTIO_BLK_T_SECURE_ERASE, 8, 8, UNMAP, VIRTIO_BLK_S_UNSUPP);
}

static void ranges_past_the_end_stay_away(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 end = TEST_DISK_SECTORS;
	int i;

	start(b, 512, false, ALL);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		expect_refused(b, types[i], end, 1, 0, VIRTIO_BLK_S_IOERR);
		expect_refused(b, types[i], end - 1, 2, 0, VIRTIO_BLK_S_IOERR);
		expect_refused(b, types[i], U64_MAX, 2, 0, VIRTIO_BLK_S_IOERR);
		expect_refused(b, types[i], U64_MAX - 7, 8, 0, VIRTIO_BLK_S_IOERR);
		expect_refused(b, types[i], 1ULL << 55, 8, 0, VIRTIO_BLK_S_IOERR);
	}
}

static void too_long_segments_stay_away(struct kunit *test)
{
	struct blk_test *b = test->priv;
	int i;

	start(b, 512, false, ALL);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		expect_refused(b, types[i], 0, maxima[i] + 1, 0, VIRTIO_BLK_S_IOERR);
		/* As bytes in 32 bits this would be few. */
		expect_refused(b, types[i], 0, (1U << 23) + 8, 0, VIRTIO_BLK_S_IOERR);
		expect_refused(b, types[i], 0, U32_MAX, 0, VIRTIO_BLK_S_IOERR);
	}
}

static void ranges_of_parts_of_blocks_stay_away(struct kunit *test)
{
	struct blk_test *b = test->priv;
	int i;

	start(b, 4096, false, ALL);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		expect_refused(b, types[i], 4, 8, 0, VIRTIO_BLK_S_IOERR);
		expect_refused(b, types[i], 8, 7, 0, VIRTIO_BLK_S_IOERR);
	}
}

static void segments_come_whole_and_not_too_many(struct kunit *test)
{
	static const u32 lens[] = { 0, 1, 15, 17, 2 * SEG - 1, (MAX_SEGS + 1) * SEG, SZ_1M };
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	int i, j;

	for (i = 0; i < MAX_SEGS + 1; i++)
		segment(f, i, 8, 8, 0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (j = 0; j < ARRAY_SIZE(lens); j++)
			KUNIT_EXPECT_EQ_MSG(test, blk_request(f, types[i], 0, BUF, lens[j]),
					    VIRTIO_BLK_S_IOERR, "type %u, %u bytes", types[i],
					    lens[j]);
	}
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

static void what_was_not_negotiated_is_unsupported(struct kunit *test)
{
	static const u64 others[] = { ZEROES | ERASE, DISCARD | ERASE, DISCARD | ZEROES };
	struct blk_test *b = test->priv;
	struct fake *f;
	int i, j;

	blk_test_disk_ranges(b, 512, false, &can);
	f = blk_device(b);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		b->disk->bios = 0;
		fake_start(f, others[i]);
		segment(f, 0, 8, 8, 0);
		for (j = 0; j < ARRAY_SIZE(types); j++)
			KUNIT_EXPECT_EQ(test, request(f, types[j], 1),
					i == j ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_OK);
		KUNIT_EXPECT_EQ(test, b->disk->bios, 2);
	}
}

static void read_only_disk_keeps_what_it_has(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	int i;

	b->cfg.readonly = true;
	f = start(b, 512, false, RO);
	KUNIT_EXPECT_EQ(test, virtback_device_offered(&f->vd) & ALL, 0);
	for (i = 0; i < ARRAY_SIZE(types); i++)
		expect_refused(b, types[i], 8, 8, 0, VIRTIO_BLK_S_IOERR);
}

/* --- the disk's answers --- */

static void failing_segment_ends_the_request(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);
	int i;

	for (i = 0; i < 3; i++)
		segment(f, i, i * 8, 8, 0);
	b->disk->fail = 2;
	b->disk->error = BLK_STS_MEDIUM;
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 3), VIRTIO_BLK_S_IOERR);
	/* Not the third, and no flush. */
	KUNIT_EXPECT_EQ(test, b->disk->bios, 2);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
}

/* A SCSI disk finds out by trying. */
static void disk_that_gives_up_is_unsupported(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	struct queue_limits *lim = &b->disk->gd->queue->limits;

	segment(f, 0, 8, 8, 0);
	b->disk->error = BLK_STS_TARGET;
	b->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 1), VIRTIO_BLK_S_IOERR);
	b->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, 1), VIRTIO_BLK_S_IOERR);

	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BUF, SEG);
	blk_go(f);
	lim->max_write_zeroes_sectors = 0;
	b->disk->fail = 1;
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_UNSUPP);
	blk_chain(f, VIRTIO_BLK_T_DISCARD, 0, BUF, SEG);
	blk_go(f);
	lim->max_discard_sectors = 0;
	b->disk->fail = 1;
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_UNSUPP);
	/* From then on the block layer answers so. */
	b->disk->hold = false;
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 1), VIRTIO_BLK_S_UNSUPP);
}

/* --- stable storage --- */

static void zeroes_are_durable_where_a_write_is(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);

	segment(f, 0, 0, 8, 0);
	segment(f, 1, 8, 8, UNMAP);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BUF, 2 * SEG);
	blk_go(f);
	test_disk_end(b->disk, false);
	fake_settle(f);
	test_disk_end(b->disk, false);
	fake_settle(f);
	/* One flush, after all of them and before the answer. */
	KUNIT_ASSERT_EQ(test, b->disk->bios, 3);
	KUNIT_EXPECT_TRUE(test, b->disk->seen[2].opf & REQ_PREFLUSH);
	KUNIT_EXPECT_EQ(test, b->disk->seen[2].sectors, 0);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 3);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
}

static void erase_is_durable_where_a_write_is(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);

	segment(f, 0, 0, 8, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_SECURE_ERASE, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->flushes, 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 2);
}

static void discard_is_never_flushed(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);

	segment(f, 0, 0, 8, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_DISCARD, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
}

static void driver_that_flushes_is_left_to_it(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL | FLUSH);

	segment(f, 0, 0, 8, 0);
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 1), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
}

static void failed_flush_fails_the_zeroes(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);

	segment(f, 0, 0, 8, 0);
	b->disk->fail = 2;
	b->disk->error = BLK_STS_IOERR;
	KUNIT_EXPECT_EQ(test, request(f, VIRTIO_BLK_T_WRITE_ZEROES, 1), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 2);
}

/* --- reset and memory --- */

static void orphans_rest_does_not_happen(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, true, ALL);
	int i;

	for (i = 0; i < 3; i++)
		segment(f, i, i * 8, 8, 0);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BUF, 3 * SEG);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	memset(f->mem, 0x5c, f->mem_len);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_NULL(test, memchr_inv(f->mem, 0x5c, f->mem_len));
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
}

static void new_write_waits_for_an_old_discard(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);

	segment(f, 0, 0, 8, 0);
	segment(f, 1, 8, 8, 0);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_DISCARD, 0, BUF, 2 * SEG);
	blk_go(f);
	fake_start(f, 0);
	blk_fill(f, BUF, 512, 9);
	blk_chain(f, VIRTIO_BLK_T_OUT, 0, BUF, 512);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	b->disk->hold = false;
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, b->disk->discards, 1);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 512));
}

static void segments_wait_for_a_page(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	struct virtback_pool *pages = &f->vd.vqs[0].pages;
	LIST_HEAD(taken);

	segment(f, 0, 0, 8, 0);
	KUNIT_ASSERT_TRUE(test, virtback_pool_get_pages(pages, &taken, pages->size));
	blk_chain(f, VIRTIO_BLK_T_DISCARD, 0, BUF, SEG);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
	virtback_pool_put_pages(pages, &taken);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->discards, 1);
}

static void request_of_segments_takes_one_page(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 512, false, ALL);
	struct virtback_pool *pages = &f->vd.vqs[0].pages;

	segment(f, 0, 0, 8, 0);
	segment(f, 1, 8, 8, 0);
	b->disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_DISCARD, 0, BUF, 2 * SEG);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, pages->nr, pages->size - 1);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, pages->nr, pages->size - 1);
	test_disk_end(b->disk, false);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, pages->nr, pages->size);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static struct kunit_case range_cases[] = {
	FAKE_CASE(discard_reaches_the_disk),
	FAKE_CASE(zeroes_reach_the_disk),
	FAKE_CASE(erase_reaches_the_disk),
	FAKE_CASE(blocks_stay_unless_unmap_is_set),
	FAKE_CASE(every_segment_is_served),
	FAKE_CASE(segments_go_one_after_the_other),
	FAKE_CASE(longest_segments_are_served),
	FAKE_CASE(discard_need_not_be_aligned),
	FAKE_CASE(empty_segments_need_no_disk),
	FAKE_CASE(segments_may_be_split),
	FAKE_CASE(erased_segments_may_be_in_a_writable_buffer),
	KUNIT_CASE(segments_are_read_once),
	FAKE_CASE(segments_outside_memory_are_an_error),
	FAKE_CASE(unknown_flags_are_unsupported),
	FAKE_CASE(unmap_is_for_zeroes_alone),
	FAKE_CASE(ranges_past_the_end_stay_away),
	FAKE_CASE(too_long_segments_stay_away),
	FAKE_CASE(ranges_of_parts_of_blocks_stay_away),
	FAKE_CASE(segments_come_whole_and_not_too_many),
	FAKE_CASE(what_was_not_negotiated_is_unsupported),
	FAKE_CASE(read_only_disk_keeps_what_it_has),
	FAKE_CASE(failing_segment_ends_the_request),
	FAKE_CASE(disk_that_gives_up_is_unsupported),
	FAKE_CASE(zeroes_are_durable_where_a_write_is),
	FAKE_CASE(erase_is_durable_where_a_write_is),
	FAKE_CASE(discard_is_never_flushed),
	FAKE_CASE(driver_that_flushes_is_left_to_it),
	FAKE_CASE(failed_flush_fails_the_zeroes),
	FAKE_CASE(orphans_rest_does_not_happen),
	FAKE_CASE(new_write_waits_for_an_old_discard),
	FAKE_CASE(segments_wait_for_a_page),
	FAKE_CASE(request_of_segments_takes_one_page),
	{}
};

static struct kunit_suite range_suite = {
	.name = "virtback_range",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = range_cases,
};

kunit_test_suite(range_suite);
