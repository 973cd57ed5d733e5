// SPDX-License-Identifier: GPL-2.0
/*
 * Zoned disks: what the driver is told, and its requests for zones
 * (drivers/blk/zoned.c and drivers/blk/zonework.c).
 */
#include "../drivers/blk/zoned.h"
#include "zoned_fixture.h"

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
	zoned_expect(b, 0, TEST_ZONES);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].pages.nr, f->vd.vqs[0].pages.size);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static struct kunit_case zoned_cases[] = {
	FAKE_CASE(zones_are_in_configuration_space),
	FAKE_CASE(discard_is_not_offered_with_zones),
	FAKE_CASE(driver_that_knows_no_zones_is_refused),
	FAKE_CASE(plain_disk_knows_no_zones),
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
