// SPDX-License-Identifier: GPL-2.0
/*
 * Block requests as they are parsed and answered (drivers/blk/blk.c).
 */
#include "blk_fixture.h"

/*
 * Refused without a bio: IOERR, nothing but the status written. The block layer
 * refuses some bios itself; that the data was not looked at shows that none was
 * made.
 */
static void expect_ioerr(struct blk_test *b, u32 type, u64 sector, u32 len)
{
	struct kunit *test = b->test;
	u16 i = fake_used_idx(b->f);
	unsigned int pinned = b->f->pinned;

	KUNIT_EXPECT_EQ_MSG(test, blk_request(b->f, type, sector, BUF, len), VIRTIO_BLK_S_IOERR,
			    "type %u, sector %llu, %u bytes", type, sector, len);
	/* Nothing before the status byte was written, unless nothing is before it. */
	KUNIT_EXPECT_EQ(test, fake_used_len(b->f, i), type == VIRTIO_BLK_T_IN && len ? 0 : 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	/* Header and status; what is written may have come with the header. */
	pinned = b->f->pinned - pinned;
	if (!b->f->vd.copies || type != VIRTIO_BLK_T_OUT)
		KUNIT_EXPECT_EQ(test, pinned, 2);
	else
		KUNIT_EXPECT_LE(test, pinned, 2 + DIV_ROUND_UP(min_t(u32, len, SZ_64K), PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, fake_broken(b->f));
}

/* The chain at descriptor 0 breaks the device and does not reach the disk. */
static void expect_broken(struct blk_test *b)
{
	blk_go(b->f);
	KUNIT_EXPECT_TRUE(b->test, fake_broken(b->f));
	KUNIT_EXPECT_EQ(b->test, fake_used_idx(b->f), 0);
	KUNIT_EXPECT_EQ(b->test, blk_status_of(b->f), NO_STATUS);
	KUNIT_EXPECT_EQ(b->test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(b->test, atomic_read(&b->f->pins), 0);
}

static void read_returns_the_disks_data(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 5, BUF, 1024), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 5, 1024));
	KUNIT_EXPECT_EQ(test, ((u8 *)fake_va(f, BUF))[1024], 0);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1024 + 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
}

/* As Linux lays a request out: the status byte is right behind the header. */
static void header_and_status_share_a_pin(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u8 *status = fake_va(f, HDR + HDR_LEN);
	unsigned int pinned;

	blk_chain(f, VIRTIO_BLK_T_IN, 5, BUF, 512);
	fake_desc(f, 2, HDR + HDR_LEN, 1, F_WRITE, 0);
	*status = NO_STATUS;
	pinned = f->pinned;
	blk_go(f);
	KUNIT_EXPECT_EQ(test, *status, VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 5, 512));
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 512 + 1);
	if (!f->vd.copies)
		KUNIT_EXPECT_EQ(test, f->pinned - pinned, 2);

	/* No pin reaches from the one to the other. */
	f->piece = HDR_LEN;
	blk_chain(f, VIRTIO_BLK_T_IN, 7, BUF, 512);
	fake_desc(f, 2, HDR + HDR_LEN, 1, F_WRITE, 0);
	*status = NO_STATUS;
	blk_go(f);
	KUNIT_EXPECT_EQ(test, *status, VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 7, 512));
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void write_reaches_the_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u32 before = *(u32 *)(b->disk->data + 9 * 512);

	blk_fill(f, BUF, 1024, 1);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 7, BUF, 1024), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 7, 1024));
	KUNIT_EXPECT_EQ(test, *(u32 *)(b->disk->data + 9 * 512), before);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
	KUNIT_EXPECT_EQ(test, b->disk->writes, 1);
}

/* --- layout --- */

static void header_may_be_split(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_header(f, VIRTIO_BLK_T_IN, 3);
	fake_desc(f, 0, HDR, 1, F_NEXT, 1);
	fake_desc(f, 1, HDR + 1, 8, F_NEXT, 2);
	fake_desc(f, 2, HDR + 9, 7, F_NEXT, 3);
	fake_desc(f, 3, BUF, 512, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 3, 512));
}

static void header_and_data_may_share_a_buffer(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_header(f, VIRTIO_BLK_T_OUT, 3);
	*(u8 *)fake_va(f, BUF) = NO_STATUS;
	blk_fill(f, HDR + HDR_LEN, 512, 2);
	fake_desc(f, 0, HDR, HDR_LEN + 512, F_NEXT, 1);
	fake_desc(f, 1, BUF, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, *(u8 *)fake_va(f, BUF), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, HDR + HDR_LEN, 3, 512));
}

static void status_may_share_the_datas_buffer(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u8 *buf = fake_va(f, BUF);

	blk_header(f, VIRTIO_BLK_T_IN, 3);
	buf[512] = NO_STATUS;
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 513, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, buf[512], VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 3, 512));
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 513);
}

static void status_is_the_last_byte_of_all(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u8 *buf = fake_va(f, BUF);

	blk_header(f, VIRTIO_BLK_T_IN, 3);
	memset(buf + 510, NO_STATUS, 8);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 510, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, BUF + 510, 3, F_NEXT | F_WRITE, 3);
	fake_desc(f, 3, STATUS, 0, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, buf[512], VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, buf[513], NO_STATUS);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), NO_STATUS);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 3, 512));
}

static void data_may_lie_anywhere(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_header(f, VIRTIO_BLK_T_IN, 0);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF + 3, 4099, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, BUF + 0x5001, 5, F_NEXT | F_WRITE, 3);
	fake_desc(f, 3, BUF + 0x3ff7, 4088, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, memcmp(fake_va(f, BUF + 3), b->disk->data, 4099), 0);
	KUNIT_EXPECT_EQ(test, memcmp(fake_va(f, BUF + 0x5001), b->disk->data + 4099, 5), 0);
	KUNIT_EXPECT_EQ(test, memcmp(fake_va(f, BUF + 0x3ff7), b->disk->data + 4104, 4088), 0);

	/* And back, to another place. */
	blk_header(f, VIRTIO_BLK_T_OUT, 64);
	fake_desc(f, 1, BUF + 3, 4099, F_NEXT, 2);
	fake_desc(f, 2, BUF + 0x5001, 5, F_NEXT, 3);
	fake_desc(f, 3, BUF + 0x3ff7, 4088, F_NEXT, 4);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, memcmp(b->disk->data + 64 * 512, b->disk->data, 8192), 0);
}

static void indirect_table_may_follow_descriptors(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));

	blk_header(f, VIRTIO_BLK_T_IN, 3);
	fake_desc(f, 0, HDR, 5, F_NEXT, 1);
	fake_desc(f, 1, HDR + 5, HDR_LEN - 5, F_NEXT, 2);
	fake_desc(f, 2, TABLE, 3 * 16, F_INDIRECT, 0);
	fake_indirect(f, TABLE, 0, BUF, 1000, F_NEXT | F_WRITE, 2);
	fake_indirect(f, TABLE, 2, BUF + 1000, 24, F_NEXT | F_WRITE, 1);
	fake_indirect(f, TABLE, 1, STATUS, 1, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 3, 1024));
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1025);
}

static void empty_buffers_may_be_anywhere(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_header(f, VIRTIO_BLK_T_IN, 3);
	/* Of no length, so that it need not even be memory. */
	fake_desc(f, 0, 0, 0, F_NEXT, 1);
	fake_desc(f, 1, HDR, HDR_LEN, F_NEXT, 2);
	fake_desc(f, 2, BUF, 0, F_NEXT, 3);
	fake_desc(f, 3, 0, 0, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, BUF, 512, F_NEXT | F_WRITE, 5);
	fake_desc(f, 5, 0, 0, F_NEXT | F_WRITE, 6);
	fake_desc(f, 6, STATUS, 1, F_NEXT | F_WRITE, 7);
	fake_desc(f, 7, 0, 0, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 3, 512));
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 513);
}

/*
 * What the driver gave to write to beside the status byte stays as it is; then the
 * byte is behind a gap, and nothing counts as written.
 */
static void bytes_before_the_status_stay(struct kunit *test)
{
	static const struct {
		u32 type;
		u8 status;
	} all[] = {
		{ VIRTIO_BLK_T_OUT, VIRTIO_BLK_S_OK },
		{ VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_S_OK },
		{ VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_S_UNSUPP },
		{ 10 /* GET_LIFETIME */, VIRTIO_BLK_S_UNSUPP },
		{ 99, VIRTIO_BLK_S_UNSUPP },
	};
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u8 *buf = fake_va(f, BUF);
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		blk_header(f, all[i].type, 0);
		memset(buf, NO_STATUS, 8);
		fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
		fake_desc(f, 1, BUF + 0x200, 512, F_NEXT, 2);
		fake_desc(f, 2, BUF, 6, F_WRITE, 0);
		blk_go(f);
		KUNIT_EXPECT_EQ_MSG(test, buf[5], all[i].status, "type %u", all[i].type);
		KUNIT_EXPECT_EQ(test, buf[4], NO_STATUS);
		KUNIT_EXPECT_EQ(test, buf[6], NO_STATUS);
		KUNIT_EXPECT_EQ(test, fake_used_len(f, i), 0);
	}
}

/* Data that a type has no use for is not looked at, and harms nobody. */
static void useless_data_is_ignored(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u64 nowhere = FAKE_BASE + BLK_MEM;

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, nowhere, 512),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blk_request(f, 99, 0, nowhere, 512), VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_DISCARD, 0, nowhere, 512),
			VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 2), 1);
}

static void short_header_breaks_the_device(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_header(f, VIRTIO_BLK_T_FLUSH, 0);
	fake_desc(f, 0, HDR, HDR_LEN - 1, F_NEXT, 1);
	fake_desc(f, 1, STATUS, 1, F_WRITE, 0);
	expect_broken(b);
}

static void missing_status_breaks_the_device(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_header(f, VIRTIO_BLK_T_OUT, 0);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 512, F_NEXT, 2);
	fake_desc(f, 2, STATUS, 0, F_WRITE, 0);
	expect_broken(b);
}

static void header_outside_memory_breaks_the_device(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 512);
	fake_desc(f, 0, FAKE_BASE + BLK_MEM - 8, HDR_LEN, F_NEXT, 1);
	expect_broken(b);
}

static void status_outside_memory_breaks_the_device(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 512);
	fake_desc(f, 2, FAKE_BASE + BLK_MEM, 1, F_WRITE, 0);
	expect_broken(b);
}

static void data_outside_memory_is_an_error(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u64 end = FAKE_BASE + BLK_MEM;

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, end, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, end - 256, 512),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_GET_ID, 0, end, 20),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 0);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 1), 1);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 2), 0);
	/* That it cannot be copied shows when it has been read. */
	KUNIT_EXPECT_EQ(test, b->disk->bios, f->vd.copies ? 1 : 0);
	/* The device works on. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_OK);
}

/* --- what must not reach the disk --- */

static void unknown_types_are_unsupported(struct kunit *test)
{
	static const u32 types[] = {
		2, 3, 10, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
		VIRTIO_BLK_T_SECURE_ERASE, 0x1000, 0x80000000, 0xffffffff,
	};
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_EXPECT_EQ_MSG(test, blk_request(f, types[i], 0, BUF, 512),
				    VIRTIO_BLK_S_UNSUPP, "type %#x", types[i]);
		KUNIT_EXPECT_EQ(test, fake_used_len(f, i), 1);
	}
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

static void read_only_disk_is_not_written(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	b->cfg.readonly = true;
	f = blk_start(b, RO);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, 0, 512);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 0, 512));
}

static void read_only_does_not_depend_on_the_driver(struct kunit *test)
{
	struct blk_test *b = test->priv;

	b->cfg.readonly = true;
	blk_start(b, 0);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, 0, 512);
}

static void requests_past_the_end_stay_away(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 end = TEST_DISK_SECTORS;

	blk_start(b, 0);
	expect_ioerr(b, VIRTIO_BLK_T_IN, end, 512);
	expect_ioerr(b, VIRTIO_BLK_T_IN, end - 1, 1024);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, end - 1, 1024);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, U64_MAX, 512);
	expect_ioerr(b, VIRTIO_BLK_T_IN, U64_MAX, 1024);
	expect_ioerr(b, VIRTIO_BLK_T_IN, 1ULL << 55, 512);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, 0, TEST_DISK_BYTES + 512);
}

static void last_sector_can_be_used(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	blk_fill(f, BUF, 512, 3);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, TEST_DISK_SECTORS - 1, BUF, 512),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, TEST_DISK_SECTORS - 1, 512));
}

static void parts_of_sectors_stay_away(struct kunit *test)
{
	struct blk_test *b = test->priv;

	blk_start(b, 0);
	expect_ioerr(b, VIRTIO_BLK_T_IN, 0, 511);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, 0, 513);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, 0, 1);
}

static void parts_of_blocks_stay_away(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 4096, false);
	f = blk_start(b, 0);
	expect_ioerr(b, VIRTIO_BLK_T_IN, 0, 512);
	expect_ioerr(b, VIRTIO_BLK_T_OUT, 4, 4096);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 8, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 8, 4096));
}

static void empty_requests_are_answered(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

/* Change the header as soon as the device has let go of it. */
static void change_header(struct fake *f, struct virtback_piece *p)
{
	f->on_unpin = NULL;
	blk_header(f, VIRTIO_BLK_T_OUT, TEST_DISK_SECTORS + 5);
}

static void header_is_read_once(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	f->on_unpin = change_header;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 5, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 5, 512));
	KUNIT_EXPECT_EQ(test, b->disk->writes, 0);
	KUNIT_EXPECT_EQ(test, b->disk->reads, 1);
}

/* --- GET_ID --- */

static void get_id_returns_the_serial(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	u8 *id;

	strscpy(b->cfg.serial, "0123456789abcdefghij", sizeof(b->cfg.serial));
	f = blk_start(b, 0);
	id = fake_va(f, BUF);
	id[20] = 0x77;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_GET_ID, 0, BUF, 20), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, memcmp(id, "0123456789abcdefghij", 20), 0);
	KUNIT_EXPECT_EQ(test, id[20], 0x77);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 21);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

static void get_id_defaults_to_the_name(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	memset(fake_va(f, BUF), 0xff, 20);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_GET_ID, 0, BUF, 20), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_STREQ(test, (char *)fake_va(f, BUF), "fake");
	KUNIT_EXPECT_EQ(test, ((u8 *)fake_va(f, BUF))[19], 0);
}

static void get_id_fits_the_buffer(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	u8 *id;

	strscpy(b->cfg.serial, "0123456789abcdefghij", sizeof(b->cfg.serial));
	f = blk_start(b, 0);
	id = fake_va(f, BUF);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_GET_ID, 0, BUF, 8), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, memcmp(id, "01234567", 9), 0);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 9);
	memset(id, 0x77, 100);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_GET_ID, 0, BUF, 100), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, id[20], 0x77);
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 1), 20);
}

static struct kunit_case blk_cases[] = {
	FAKE_CASE(read_returns_the_disks_data),
	FAKE_CASE(header_and_status_share_a_pin),
	FAKE_CASE(write_reaches_the_disk),
	FAKE_CASE(header_may_be_split),
	FAKE_CASE(header_and_data_may_share_a_buffer),
	FAKE_CASE(status_may_share_the_datas_buffer),
	FAKE_CASE(status_is_the_last_byte_of_all),
	FAKE_CASE(data_may_lie_anywhere),
	FAKE_CASE(indirect_table_may_follow_descriptors),
	FAKE_CASE(empty_buffers_may_be_anywhere),
	FAKE_CASE(bytes_before_the_status_stay),
	FAKE_CASE(useless_data_is_ignored),
	FAKE_CASE(short_header_breaks_the_device),
	FAKE_CASE(missing_status_breaks_the_device),
	FAKE_CASE(header_outside_memory_breaks_the_device),
	KUNIT_CASE(status_outside_memory_breaks_the_device),
	FAKE_CASE(data_outside_memory_is_an_error),
	FAKE_CASE(unknown_types_are_unsupported),
	FAKE_CASE(read_only_disk_is_not_written),
	FAKE_CASE(read_only_does_not_depend_on_the_driver),
	FAKE_CASE(requests_past_the_end_stay_away),
	FAKE_CASE(last_sector_can_be_used),
	FAKE_CASE(parts_of_sectors_stay_away),
	FAKE_CASE(parts_of_blocks_stay_away),
	FAKE_CASE(empty_requests_are_answered),
	FAKE_CASE(header_is_read_once),
	FAKE_CASE(get_id_returns_the_serial),
	FAKE_CASE(get_id_defaults_to_the_name),
	FAKE_CASE(get_id_fits_the_buffer),
	{}
};

static struct kunit_suite blk_suite = {
	.name = "virtback_blk",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = blk_cases,
};

kunit_test_suite(blk_suite);
