// SPDX-License-Identifier: GPL-2.0
/*
 * Zoned disks: what the driver is told, and its requests for zones
 * (drivers/blk/zoned.c and drivers/blk/zonework.c).
 */
#include <linux/workqueue.h>

#include "../drivers/blk/zoned.h"
#include "blk_fixture.h"

#define ZONED		BIT_ULL(VIRTIO_BLK_F_ZONED)
#define UNTOUCHED	0xcc
#define REPORT_LEN(n)	(64 * (1 + (n)))

#define INVALID		VIRTIO_BLK_S_ZONE_INVALID_CMD
#define UNALIGNED	VIRTIO_BLK_S_ZONE_UNALIGNED_WP
#define OK		VIRTIO_BLK_S_OK

#define FIRST		TEST_ZONES_CONV		/* sequential zone */
#define LAST		(TEST_ZONES - 1)	/* the short one */

#define ZONE(n)		((n) * TEST_ZONE_SECTORS)

static struct fake *zoned_device(struct blk_test *b)
{
	b->disk = test_disk_create_zoned(b->test);
	b->cfg.backing = b->disk->path;
	return blk_device(b);
}

static struct fake *zoned_start(struct blk_test *b)
{
	fake_start(zoned_device(b), ZONED);
	b->disk->reports = 0;
	return b->f;
}

/* Offer the chain at descriptor 0 and wait for all that it starts. */
static u8 zoned_go(struct blk_test *b)
{
	struct virtback_blk *blk = b->f->vd.type_priv;
	u16 used = fake_used_idx(b->f);

	blk_go(b->f);
	if (blk->zones)
		flush_workqueue(blk->zones->wq);
	fake_settle(b->f);
	KUNIT_EXPECT_EQ(b->test, fake_used_idx(b->f), (u16)(used + 1));
	return blk_status_of(b->f);
}

static u8 zoned_request(struct blk_test *b, u32 type, u64 sector, u64 buf, u32 len)
{
	blk_chain(b->f, type, sector, buf, len);
	return zoned_go(b);
}

static u8 zoned_manage(struct blk_test *b, u32 type, unsigned int zone)
{
	return zoned_request(b, type, ZONE(zone), 0, 0);
}

static u32 zoned_last_len(struct blk_test *b)
{
	return fake_used_len(b->f, fake_used_idx(b->f) - 1);
}

/* As the specification lays it out: the sector and the status are all. */
static u8 zoned_append(struct blk_test *b, u64 sector, u64 buf, u32 len, u64 *where)
{
	struct fake *f = b->f;
	__le64 at;

	blk_header(f, VIRTIO_BLK_T_ZONE_APPEND, sector);
	memset(fake_va(f, STATUS - 8), UNTOUCHED, 8);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, len ? 1 : 2);
	fake_desc(f, 1, buf, len, F_NEXT, 2);
	fake_desc(f, 2, STATUS - 8, 9, F_WRITE, 0);
	zoned_go(b);
	memcpy(&at, fake_va(f, STATUS - 8), sizeof(at));
	if (where)
		*where = le64_to_cpu(at);
	return blk_status_of(f);
}

static u8 zoned_report(struct blk_test *b, u64 sector, u32 len)
{
	struct fake *f = b->f;

	blk_header(f, VIRTIO_BLK_T_ZONE_REPORT, sector);
	memset(fake_va(f, BUF), UNTOUCHED, len + 64);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, len, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, STATUS, 1, F_WRITE, 0);
	return zoned_go(b);
}

/* The report at BUF has @nr zones from @first on, and nothing was written behind. */
static void expect_zones(struct blk_test *b, unsigned int first, unsigned int nr)
{
	struct virtio_blk_zone_report *r = fake_va(b->f, BUF);
	struct virtio_blk_zone_report head = { .nr_zones = __cpu_to_virtio64(true, nr) };
	unsigned int i;

	KUNIT_EXPECT_EQ(b->test, memcmp(r, &head, sizeof(head)), 0);
	for (i = 0; i < nr; i++) {
		const struct blk_zone *z = &b->disk->zones[first + i];
		struct virtio_blk_zone_descriptor d = {
			.z_cap = __cpu_to_virtio64(true, z->capacity),
			.z_start = __cpu_to_virtio64(true, z->start),
			.z_wp = __cpu_to_virtio64(true, z->wp),
			.z_type = z->type,
			.z_state = z->cond,
		};

		KUNIT_EXPECT_EQ_MSG(b->test, memcmp(&r->zones[i], &d, sizeof(d)), 0,
				    "zone %u", first + i);
	}
	KUNIT_EXPECT_EQ(b->test, *((u8 *)fake_va(b->f, BUF) + REPORT_LEN(nr)), UNTOUCHED);
}

/* --- what the driver is told --- */

static u32 zoned_config(struct fake *f, u32 offset)
{
	return fake_read(f, VIRTIO_MMIO_CONFIG + VIRTBACK_ZONED_OFFSET + offset);
}

static void zones_are_in_configuration_space(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_device(b);

	KUNIT_EXPECT_TRUE(test, f->vd.type_features & ZONED);
	KUNIT_EXPECT_FALSE(test, f->vd.type_features & BIT_ULL(VIRTIO_BLK_F_DISCARD));
	KUNIT_EXPECT_EQ(test, zoned_config(f, 0), TEST_ZONE_SECTORS);
	KUNIT_EXPECT_EQ(test, zoned_config(f, 4), TEST_ZONES_OPEN);
	KUNIT_EXPECT_EQ(test, zoned_config(f, 8), TEST_ZONES_ACTIVE);
	/* Whole blocks of the granularity. */
	KUNIT_EXPECT_EQ(test, zoned_config(f, 12), 64);
	KUNIT_EXPECT_EQ(test, zoned_config(f, 16), TEST_ZONE_GRANULARITY);
	/* The model, and three bytes of 0. */
	KUNIT_EXPECT_EQ(test, zoned_config(f, 20), VIRTIO_BLK_Z_HM);
	KUNIT_EXPECT_EQ(test, f->vd.config_len, VIRTBACK_ZONED_OFFSET + 24);
}

static void discard_is_not_offered_with_zones(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 bits = BIT_ULL(VIRTIO_BLK_F_DISCARD) | BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) | FLUSH;
	struct fake *f = zoned_device(b);

	KUNIT_EXPECT_EQ(test, virtback_zoned_features(f->vd.type_priv, bits), FLUSH | ZONED);
}

static void driver_that_knows_no_zones_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_device(b);

	fake_negotiate(f, BIT_ULL(VIRTIO_F_VERSION_1));
	KUNIT_EXPECT_FALSE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_negotiate(f, BIT_ULL(VIRTIO_F_VERSION_1) | ZONED);
	KUNIT_EXPECT_TRUE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
}

static void plain_disk_knows_no_zones(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);
	u32 type;

	KUNIT_EXPECT_FALSE(test, f->vd.type_features & ZONED);
	for (type = VIRTIO_BLK_T_ZONE_OPEN; type <= VIRTIO_BLK_T_ZONE_RESET_ALL; type += 2)
		KUNIT_EXPECT_EQ(test, zoned_request(b, type, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, 4096), VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, zoned_append(b, 0, BUF, 4096, NULL), VIRTIO_BLK_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

/* --- reports --- */

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
	expect_zones(b, 0, TEST_ZONES);
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
	expect_zones(b, 3, 5);
	/* The rest of the buffer and so the status are behind a gap. */
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), REPORT_LEN(5));
	KUNIT_EXPECT_EQ(test, zoned_report(b, TEST_ZONES_SECTORS - 1, 4096), OK);
	expect_zones(b, LAST, 1);
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
		expect_zones(b, 0, sizes[i].nr);
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
	expect_zones(b, 0, 4);
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

/* A slow report, begun and then left alone. */
static void zoned_begin_report(struct blk_test *b, struct completion *gate)
{
	struct fake *f = b->f;

	init_completion(gate);
	b->disk->report_gate = gate;
	blk_header(f, VIRTIO_BLK_T_ZONE_REPORT, 0);
	memset(fake_va(f, BUF), UNTOUCHED, 4096);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 4096, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, STATUS, 1, F_WRITE, 0);
	blk_go(f);
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
	expect_zones(b, 0, TEST_ZONES);
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

/* --- appends --- */

static void append_says_where_the_data_went(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	u64 where;

	blk_fill(f, BUF, 12288, 1);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 12288, &where), OK);
	KUNIT_EXPECT_EQ(test, where, ZONE(3));
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), 9);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, ZONE(3), 12288));

	blk_fill(f, BUF, 4096, 2);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 4096, &where), OK);
	KUNIT_EXPECT_EQ(test, where, ZONE(3) + 24);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, ZONE(3) + 24, 4096));
	KUNIT_EXPECT_EQ(test, b->disk->zones[3].wp, ZONE(3) + 32);
	KUNIT_EXPECT_EQ(test, virtback_vq_counter(&f->vd.vqs[0], BLK_SECTORS_WRITTEN), 32);
	KUNIT_EXPECT_EQ(test, virtback_vq_counter(&f->vd.vqs[0], BLK_SECTORS_READ), 0);
}

static void longest_append_is_one_bio(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 where;

	zoned_start(b);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF + 1, 64 * 512, &where), OK);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF + 1, ZONE(3), 64 * 512));
}

static void appended_sector_may_be_in_pieces(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	u8 *end = fake_va(f, BUF + MIB);
	u64 sector;

	b->disk->zones[4].wp += 16;
	b->disk->zones[4].cond = BLK_ZONE_COND_CLOSED;
	memset(end, UNTOUCHED, 32);
	blk_header(f, VIRTIO_BLK_T_ZONE_APPEND, ZONE(4));
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 4096, F_NEXT, 2);
	/* And as in Linux there are bytes behind it that nobody wants. */
	fake_desc(f, 2, BUF + MIB, 3, F_NEXT | F_WRITE, 3);
	fake_desc(f, 3, BUF + MIB + 3, 11, F_NEXT | F_WRITE, 4);
	fake_desc(f, 4, BUF + MIB + 14, 2, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	memcpy(&sector, end, sizeof(sector));
	KUNIT_EXPECT_EQ(test, sector, ZONE(4) + 16);
	KUNIT_EXPECT_EQ(test, end[8], UNTOUCHED);
	KUNIT_EXPECT_EQ(test, end[14], UNTOUCHED);
	KUNIT_EXPECT_EQ(test, end[15], OK);
	/* The status byte is behind a gap. */
	KUNIT_EXPECT_EQ(test, fake_used_len(f, 0), 8);
}

static void append_that_cannot_be_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);
	unsigned int pinned = f->pinned;

	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3) + 8, BUF, 4096, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(1), BUF, 4096, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(8), BUF, 4096, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, U64_MAX & ~1023ULL, BUF, 4096, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 0, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 72 * 512, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 2 * MIB, NULL), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 512, NULL), UNALIGNED);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 4097, NULL), UNALIGNED);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	/* Of each the header and the status alone were looked at. */
	KUNIT_EXPECT_EQ(test, f->pinned - pinned, 9 * 2);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void append_without_room_for_the_sector_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);

	blk_header(f, VIRTIO_BLK_T_ZONE_APPEND, ZONE(3));
	memset(fake_va(f, STATUS - 8), UNTOUCHED, 8);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 4096, F_NEXT, 2);
	fake_desc(f, 2, STATUS - 7, 8, F_WRITE, 0);
	KUNIT_EXPECT_EQ(test, zoned_go(b), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, *((u8 *)fake_va(f, STATUS - 8)), UNTOUCHED);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
}

static void append_to_a_full_zone_is_invalid(struct kunit *test)
{
	struct blk_test *b = test->priv;
	unsigned int i;

	zoned_start(b);
	for (i = 0; i < TEST_ZONE_CAPACITY / 64; i++)
		KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(FIRST), BUF, 64 * 512, NULL), OK);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(FIRST), BUF, 4096, NULL), INVALID);
}

static void append_of_before_a_reset_tells_nothing(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);

	b->disk->hold = true;
	blk_header(f, VIRTIO_BLK_T_ZONE_APPEND, ZONE(3));
	memset(fake_va(f, STATUS - 8), UNTOUCHED, 8);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, 4096, F_NEXT, 2);
	fake_desc(f, 2, STATUS - 8, 9, F_WRITE, 0);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(b->disk), 1);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	test_disk_end(b->disk, false);
	KUNIT_EXPECT_EQ(test, *((u8 *)fake_va(f, STATUS - 8)), UNTOUCHED);
	KUNIT_EXPECT_EQ(test, blk_status_of(f), NO_STATUS);
}

/* --- reads and writes --- */

static void write_goes_to_the_write_pointer(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);

	blk_fill(f, BUF, 8192, 3);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3), BUF, 4096), OK);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3) + 8, BUF + 4096, 4096),
			OK);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, ZONE(3), 8192));
	KUNIT_EXPECT_EQ(test, b->disk->reports, 0);
}

static void write_elsewhere_is_unaligned(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = zoned_start(b);

	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3) + 8, BUF, 4096),
			UNALIGNED);
	KUNIT_EXPECT_EQ(test, b->disk->zones[3].wp, ZONE(3));
	/* And is seen before the disk when it is no whole block. */
	b->disk->bios = 0;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3) + 1, BUF, 4096),
			UNALIGNED);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3), BUF, 512), UNALIGNED);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void write_that_a_zone_forbids_is_invalid(struct kunit *test)
{
	struct blk_test *b = test->priv;

	zoned_start(b);
	/* More than its capacity. */
	b->disk->zones[FIRST].wp = ZONE(FIRST) + TEST_ZONE_CAPACITY - 8;
	b->disk->zones[FIRST].cond = BLK_ZONE_COND_CLOSED;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, b->disk->zones[FIRST].wp, BUF,
					    8192), INVALID);
	b->disk->zones[3].cond = BLK_ZONE_COND_FULL;
	b->disk->zones[4].cond = BLK_ZONE_COND_OFFLINE;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3), BUF, 4096), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(4), BUF, 4096), INVALID);
}

static void broken_disk_is_no_fault_of_the_zone(struct kunit *test)
{
	struct blk_test *b = test->priv;

	zoned_start(b);
	b->disk->error = BLK_STS_IOERR;
	b->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3), BUF, 4096),
			VIRTIO_BLK_S_IOERR);
	b->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_IN, ZONE(3), BUF, 4096),
			VIRTIO_BLK_S_IOERR);
	b->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, 0, BUF, 4096),
			VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->reports, 1);
}

static void range_ends_with_its_zone(struct kunit *test)
{
	struct blk_test *b = test->priv;

	zoned_start(b);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_IN, ZONE(4) - 8, BUF, 8192), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(4) - 8, BUF, 8192), INVALID);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(FIRST) - 8, BUF, 8192),
			INVALID);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_IN, ZONE(4) - 8, BUF, 4096), OK);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_IN, ZONE(4), BUF, 4096), OK);
	/* Conventional zones are as a plain disk. */
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(1) - 1, BUF, 1024), OK);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, 0, BUF, MIB), OK);
}

/* --- operations on zones --- */

static void zones_are_opened_closed_finished_and_reset(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct blk_zone *z;

	zoned_start(b);
	z = &b->disk->zones[3];
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_OPEN, 3), OK);
	KUNIT_EXPECT_EQ(test, z->cond, BLK_ZONE_COND_EXP_OPEN);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_CLOSE, 3), OK);
	KUNIT_EXPECT_EQ(test, z->cond, BLK_ZONE_COND_CLOSED);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_FINISH, 3), OK);
	KUNIT_EXPECT_EQ(test, z->cond, BLK_ZONE_COND_FULL);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_RESET, 3), OK);
	KUNIT_EXPECT_EQ(test, z->cond, BLK_ZONE_COND_EMPTY);
	KUNIT_EXPECT_EQ(test, z->wp, ZONE(3));
	KUNIT_EXPECT_EQ(test, zoned_last_len(b), 1);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 4);
}

static void all_zones_are_reset(struct kunit *test)
{
	struct blk_test *b = test->priv;
	unsigned int i;

	zoned_start(b);
	for (i = FIRST; i < TEST_ZONES; i++) {
		b->disk->zones[i].cond = BLK_ZONE_COND_CLOSED;
		b->disk->zones[i].wp += 8;
	}
	/* Its sector means nothing. */
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_ZONE_RESET_ALL, 77, 0, 0), OK);
	for (i = FIRST; i < TEST_ZONES; i++) {
		KUNIT_EXPECT_EQ(test, b->disk->zones[i].cond, BLK_ZONE_COND_EMPTY);
		KUNIT_EXPECT_EQ(test, b->disk->zones[i].wp, ZONE(i));
	}
	b->disk->error = BLK_STS_IOERR;
	b->disk->zones[FIRST].cond = BLK_ZONE_COND_CLOSED;
	b->disk->fail = 1;
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_ZONE_RESET_ALL, 0, 0, 0), INVALID);
}

static void operation_that_cannot_be_is_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u32 type;

	zoned_start(b);
	for (type = VIRTIO_BLK_T_ZONE_OPEN; type < VIRTIO_BLK_T_ZONE_RESET_ALL; type += 2) {
		KUNIT_EXPECT_EQ(test, zoned_manage(b, type, 0), INVALID);
		KUNIT_EXPECT_EQ(test, zoned_manage(b, type, 8), INVALID);
		KUNIT_EXPECT_EQ(test, zoned_request(b, type, ZONE(3) + 8, 0, 0), INVALID);
		KUNIT_EXPECT_EQ(test, zoned_request(b, type, U64_MAX, 0, 0), INVALID);
	}
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	/* What the zone's state forbids. */
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_CLOSE, 3), INVALID);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 1);
}

static void driver_learns_which_limit_it_met(struct kunit *test)
{
	struct blk_test *b = test->priv;
	unsigned int i;

	zoned_start(b);
	for (i = 3; i < 3 + TEST_ZONES_OPEN; i++)
		KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_OPEN, i), OK);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_OPEN, i),
			VIRTIO_BLK_S_ZONE_OPEN_RESOURCE);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(i), BUF, 4096, NULL),
			VIRTIO_BLK_S_ZONE_OPEN_RESOURCE);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(i), BUF, 4096),
			VIRTIO_BLK_S_ZONE_OPEN_RESOURCE);

	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_CLOSE, 3), OK);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_OPEN, i), OK);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_CLOSE, 4), OK);
	KUNIT_EXPECT_EQ(test, zoned_manage(b, VIRTIO_BLK_T_ZONE_OPEN, LAST),
			VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE);
}

static void read_only_disk_keeps_its_zones(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u32 type;

	b->cfg.readonly = true;
	zoned_start(b);
	for (type = VIRTIO_BLK_T_ZONE_OPEN; type <= VIRTIO_BLK_T_ZONE_RESET_ALL; type += 2)
		KUNIT_EXPECT_EQ(test, zoned_manage(b, type, 3), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF, 4096, NULL), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, 4096), OK);
}

/* Of an append even with dma=direct: the pins are needed for its answer. */
static void direct_access_is_for_reads_and_writes_alone(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	u64 where;

	b->cfg.dma = VIRTBACK_DMA_DIRECT;
	f = zoned_start(b);
	blk_fill(f, BUF, 8192, 7);
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3), BUF, 4096), OK);
	KUNIT_EXPECT_EQ(test, zoned_append(b, ZONE(3), BUF + 4096, 4096, &where), OK);
	KUNIT_EXPECT_EQ(test, where, ZONE(3) + 8);
	KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, ZONE(3), 8192));
	KUNIT_EXPECT_EQ(test, zoned_request(b, VIRTIO_BLK_T_OUT, ZONE(3), BUF, 4096), UNALIGNED);
	KUNIT_EXPECT_EQ(test, zoned_report(b, 0, 4096), OK);
	expect_zones(b, 0, TEST_ZONES);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static struct kunit_case zoned_cases[] = {
	FAKE_CASE(zones_are_in_configuration_space),
	FAKE_CASE(discard_is_not_offered_with_zones),
	FAKE_CASE(driver_that_knows_no_zones_is_refused),
	FAKE_CASE(plain_disk_knows_no_zones),
	FAKE_CASE(report_shows_each_zone),
	FAKE_CASE(report_begins_with_the_zone_of_the_sector),
	FAKE_CASE(report_keeps_to_its_buffer),
	FAKE_CASE(report_buffer_may_be_in_pieces),
	FAKE_CASE(report_that_fails_writes_nothing),
	FAKE_CASE(slow_report_holds_nothing_up),
	FAKE_CASE(reset_does_not_wait_for_a_report),
	FAKE_CASE(reports_of_before_a_reset_are_dropped),
	FAKE_CASE(append_says_where_the_data_went),
	FAKE_CASE(longest_append_is_one_bio),
	FAKE_CASE(appended_sector_may_be_in_pieces),
	FAKE_CASE(append_that_cannot_be_is_refused),
	FAKE_CASE(append_without_room_for_the_sector_is_refused),
	FAKE_CASE(append_to_a_full_zone_is_invalid),
	FAKE_CASE(append_of_before_a_reset_tells_nothing),
	FAKE_CASE(write_goes_to_the_write_pointer),
	FAKE_CASE(write_elsewhere_is_unaligned),
	FAKE_CASE(write_that_a_zone_forbids_is_invalid),
	FAKE_CASE(broken_disk_is_no_fault_of_the_zone),
	FAKE_CASE(range_ends_with_its_zone),
	FAKE_CASE(zones_are_opened_closed_finished_and_reset),
	FAKE_CASE(all_zones_are_reset),
	FAKE_CASE(operation_that_cannot_be_is_refused),
	FAKE_CASE(driver_learns_which_limit_it_met),
	FAKE_CASE(read_only_disk_keeps_its_zones),
	KUNIT_CASE(direct_access_is_for_reads_and_writes_alone),
	{}
};

static struct kunit_suite zoned_suite = {
	.name = "virtback_zoned",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = zoned_cases,
};

kunit_test_suite(zoned_suite);
