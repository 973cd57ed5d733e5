// SPDX-License-Identifier: GPL-2.0
/*
 * The writeback byte of configuration space (VIRTIO_BLK_F_CONFIG_WCE) and the
 * durability that follows from it.
 */
#include "blk_fixture.h"

#define BYTE		offsetof(struct virtio_blk_config, wce)

static struct fake *start(struct blk_test *b, u64 features)
{
	blk_test_disk(b, 512, true);
	return blk_start(b, features);
}

static u8 mode(struct fake *f)
{
	return blk_config(f, BYTE, 1);
}

static void set_mode(struct fake *f, u8 val)
{
	fake_access(f, VIRTIO_MMIO_CONFIG + BYTE, 1, true, val);
}

/* Is a write durable when it ends? */
static bool write_is_fua(struct blk_test *b)
{
	unsigned int before = b->disk->fuas;

	KUNIT_EXPECT_EQ(b->test, blk_request(b->f, VIRTIO_BLK_T_OUT, 0, BUF, 512),
			VIRTIO_BLK_S_OK);
	return b->disk->fuas > before;
}

static unsigned int bad(struct fake *f)
{
	return atomic_read(&f->vd.bad_accesses);
}

static void offered_with_flush_alone(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, 0);

	KUNIT_EXPECT_EQ(test, virtback_device_offered(&f->vd) & (WCE | FLUSH), WCE | FLUSH);
}

static void not_offered_without_a_cache(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	KUNIT_EXPECT_EQ(test, virtback_device_offered(&f->vd) & (WCE | FLUSH), 0);
	KUNIT_EXPECT_EQ(test, mode(f), 0);
	set_mode(f, 1);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	KUNIT_EXPECT_EQ(test, mode(f), 0);
}

static void not_offered_on_a_read_only_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	b->cfg.readonly = true;
	f = start(b, RO);
	KUNIT_EXPECT_EQ(test, virtback_device_offered(&f->vd) & (WCE | FLUSH), 0);
}

static void starts_as_write_back(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);

	KUNIT_EXPECT_EQ(test, mode(f), 1);
	KUNIT_EXPECT_FALSE(test, write_is_fua(b));
}

static void driver_switches_to_write_through_and_back(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);

	set_mode(f, 0);
	KUNIT_EXPECT_EQ(test, mode(f), 0);
	KUNIT_EXPECT_TRUE(test, write_is_fua(b));
	set_mode(f, 1);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
	KUNIT_EXPECT_FALSE(test, write_is_fua(b));
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

/* A host passes on a whole register of the vCPU. */
static void rest_of_the_register_does_not_count(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);

	fake_access(f, VIRTIO_MMIO_CONFIG + BYTE, 1, true, 0x1234567890abcd00);
	KUNIT_EXPECT_EQ(test, mode(f), 0);
	fake_access(f, VIRTIO_MMIO_CONFIG + BYTE, 1, true, ~0ULL << 8 | 1);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

/* The vCPU does not wait for a disk; VIRTIO 1.2 section 5.2.6.1 does not ask for it. */
static void switching_touches_no_disk(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);

	set_mode(f, 0);
	set_mode(f, 1);
	set_mode(f, 0);
	KUNIT_EXPECT_EQ(test, b->disk->bios, 0);
	/* A driver that wants more asks for more. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->flushes, 1);
}

static void zeroes_follow_the_mode(struct kunit *test)
{
	static const struct virtback_test_ranges can = { .zeroes = 1024 };
	struct virtio_blk_discard_write_zeroes *r;
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk_ranges(b, 512, true, &can);
	f = blk_start(b, FLUSH | WCE | BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES));
	r = fake_va(f, BUF);
	r->num_sectors = cpu_to_le32(8);
	blk_request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BUF, sizeof(*r));
	KUNIT_EXPECT_EQ(test, b->disk->flushes, 0);
	set_mode(f, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, BUF, sizeof(*r)),
			VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, b->disk->flushes, 1);
}

static void without_flush_it_starts_as_write_through(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, WCE);

	KUNIT_EXPECT_EQ(test, mode(f), 0);
	KUNIT_EXPECT_TRUE(test, write_is_fua(b));
	/* What this driver cannot flush is never volatile. */
	set_mode(f, 1);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
	KUNIT_EXPECT_TRUE(test, write_is_fua(b));
}

static void without_the_feature_flush_decides(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH);

	KUNIT_EXPECT_EQ(test, mode(f), 1);
	set_mode(f, 0);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
	KUNIT_EXPECT_FALSE(test, write_is_fua(b));

	fake_start(f, 0);
	KUNIT_EXPECT_EQ(test, mode(f), 0);
	set_mode(f, 1);
	KUNIT_EXPECT_EQ(test, bad(f), 2);
	KUNIT_EXPECT_TRUE(test, write_is_fua(b));
}

static void not_written_before_features_are_ok(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_device(b);
	fake_accept(f, BIT_ULL(VIRTIO_F_VERSION_1) | FLUSH | WCE);
	set_mode(f, 0);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
}

static void reset_brings_the_initial_mode_back(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);

	set_mode(f, 0);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
	fake_start(f, FLUSH | WCE);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
	KUNIT_EXPECT_FALSE(test, write_is_fua(b));
}

static void refused_features_change_nothing(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_device(b);
	/* This disk cannot discard. */
	fake_negotiate(f, BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_BLK_F_DISCARD));
	KUNIT_EXPECT_FALSE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
}

static void other_values_are_refused(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);

	set_mode(f, 2);
	set_mode(f, 0x80);
	set_mode(f, 0xff);
	KUNIT_EXPECT_EQ(test, bad(f), 3);
	KUNIT_EXPECT_EQ(test, mode(f), 1);
}

static void nothing_else_can_be_written(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = start(b, FLUSH | WCE);
	u8 before[64];
	u32 len = f->vd.config_len, off;

	KUNIT_ASSERT_LE(test, len, sizeof(before));
	memcpy(before, f->vd.config, len);
	for (off = 0; off < len; off++) {
		if (off != BYTE)
			fake_access(f, VIRTIO_MMIO_CONFIG + off, 1, true, 0);
	}
	KUNIT_EXPECT_EQ(test, bad(f), len - 1);
	/* The byte is written as one. */
	fake_access(f, VIRTIO_MMIO_CONFIG + BYTE, 2, true, 0);
	fake_access(f, VIRTIO_MMIO_CONFIG + BYTE, 4, true, 0);
	KUNIT_EXPECT_EQ(test, bad(f), len + 1);
	KUNIT_EXPECT_EQ(test, memcmp(before, f->vd.config, len), 0);
}

static struct kunit_case wce_cases[] = {
	KUNIT_CASE(offered_with_flush_alone),
	KUNIT_CASE(not_offered_without_a_cache),
	KUNIT_CASE(not_offered_on_a_read_only_disk),
	KUNIT_CASE(starts_as_write_back),
	KUNIT_CASE(driver_switches_to_write_through_and_back),
	KUNIT_CASE(rest_of_the_register_does_not_count),
	KUNIT_CASE(switching_touches_no_disk),
	KUNIT_CASE(zeroes_follow_the_mode),
	KUNIT_CASE(without_flush_it_starts_as_write_through),
	KUNIT_CASE(without_the_feature_flush_decides),
	KUNIT_CASE(not_written_before_features_are_ok),
	KUNIT_CASE(reset_brings_the_initial_mode_back),
	KUNIT_CASE(refused_features_change_nothing),
	KUNIT_CASE(other_values_are_refused),
	KUNIT_CASE(nothing_else_can_be_written),
	{}
};

static struct kunit_suite wce_suite = {
	.name = "virtback_wce",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = wce_cases,
};

kunit_test_suite(wce_suite);
