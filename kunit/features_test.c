// SPDX-License-Identifier: GPL-2.0
/*
 * What a device offers when an administrator withholds some of it, and with queues
 * of unusual number and size.
 */
#include "blk_fixture.h"

#define MQ		BIT_ULL(VIRTIO_BLK_F_MQ)
#define SEG_MAX		BIT_ULL(VIRTIO_BLK_F_SEG_MAX)
#define BLK_SIZE	BIT_ULL(VIRTIO_BLK_F_BLK_SIZE)
#define TOPOLOGY	BIT_ULL(VIRTIO_BLK_F_TOPOLOGY)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define VERSION_1	BIT_ULL(VIRTIO_F_VERSION_1)

static u64 offered(struct fake *f)
{
	u64 features;

	fake_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (u64)fake_read(f, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	fake_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | fake_read(f, VIRTIO_MMIO_DEVICE_FEATURES);
}

static u64 config(struct fake *f, u32 off, u32 size)
{
	return fake_access(f, VIRTIO_MMIO_CONFIG + off, size, false, ~0ULL);
}

static u64 seg_max(struct fake *f)
{
	return config(f, offsetof(struct virtio_blk_config, seg_max), 4);
}

static u64 blk_size(struct fake *f)
{
	return config(f, offsetof(struct virtio_blk_config, blk_size), 4);
}

static u64 min_io_size(struct fake *f)
{
	return config(f, offsetof(struct virtio_blk_config, min_io_size), 2);
}

static u64 num_queues(struct fake *f)
{
	return config(f, offsetof(struct virtio_blk_config, num_queues), 2);
}

static void withheld_features_are_not_offered(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 all = offered(blk_device(b));

	KUNIT_EXPECT_TRUE(test, all & INDIRECT);
	b->f->vd.features_off = INDIRECT | SEG_MAX;
	KUNIT_EXPECT_EQ(test, offered(b->f), all & ~(INDIRECT | SEG_MAX));
	b->f->vd.features_off = ~0ULL;
	KUNIT_EXPECT_EQ(test, offered(b->f), VERSION_1);
}

static void withheld_features_cannot_be_accepted(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_device(b);

	f->vd.features_off = INDIRECT;
	fake_negotiate(f, VERSION_1 | INDIRECT);
	KUNIT_EXPECT_FALSE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_TRUE(test, fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
}

static void fields_of_withheld_features_are_zero(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;

	blk_test_disk(b, 4096, false);
	b->cfg.features_off = SEG_MAX | TOPOLOGY;
	f = blk_device(b);
	KUNIT_EXPECT_EQ(test, seg_max(f), 0);
	KUNIT_EXPECT_EQ(test, min_io_size(f), 0);
	KUNIT_EXPECT_EQ(test, blk_size(f), 4096);
	KUNIT_EXPECT_EQ(test, num_queues(f), FAKE_QUEUES);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.bad_accesses), 0);
}

static void several_queues_are_offered_with_their_number(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f = blk_device(b);

	KUNIT_EXPECT_TRUE(test, offered(f) & MQ);
	KUNIT_EXPECT_EQ(test, num_queues(f), FAKE_QUEUES);
	KUNIT_EXPECT_NE(test, min_io_size(f), 0);
}

static void number_of_queues_is_withheld_with_mq(struct kunit *test)
{
	struct blk_test *b = test->priv;

	b->cfg.features_off = MQ;
	KUNIT_EXPECT_FALSE(test, offered(blk_device(b)) & MQ);
	KUNIT_EXPECT_EQ(test, num_queues(b->f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->f->vd.bad_accesses), 0);
}

/* The chain at descriptor 0 in an indirect table, in a queue that is too short. */
static void short_queue_takes_whole_requests(struct kunit *test)
{
	struct blk_test *b = test->priv;
	struct fake *f;
	int i;

	b->queue_size = 1;
	f = blk_device(b);
	KUNIT_EXPECT_GE(test, seg_max(f), 1);
	fake_negotiate(f, VERSION_1 | INDIRECT);
	fake_queue(f, 0, 1);
	fake_write(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; i < 3; i++) {
		blk_header(f, VIRTIO_BLK_T_IN, 5);
		fake_indirect(f, TABLE, 0, HDR, HDR_LEN, F_NEXT, 1);
		fake_indirect(f, TABLE, 1, BUF, 1024, F_NEXT | F_WRITE, 2);
		fake_indirect(f, TABLE, 2, STATUS, 1, F_WRITE, 0);
		fake_desc(f, 0, TABLE, 3 * 16, F_INDIRECT, 0);
		blk_go(f);
		KUNIT_EXPECT_EQ(test, fake_used_idx(f), i + 1);
		KUNIT_EXPECT_EQ(test, blk_status_of(f), VIRTIO_BLK_S_OK);
		KUNIT_EXPECT_TRUE(test, blk_same(b, BUF, 5, 1024));
	}
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static struct kunit_case features_cases[] = {
	KUNIT_CASE(withheld_features_are_not_offered),
	KUNIT_CASE(withheld_features_cannot_be_accepted),
	KUNIT_CASE(fields_of_withheld_features_are_zero),
	KUNIT_CASE(several_queues_are_offered_with_their_number),
	KUNIT_CASE(number_of_queues_is_withheld_with_mq),
	KUNIT_CASE(short_queue_takes_whole_requests),
	{}
};

static struct kunit_suite features_suite = {
	.name = "virtback_features",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = features_cases,
};

kunit_test_suite(features_suite);
