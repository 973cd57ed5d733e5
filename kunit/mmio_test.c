// SPDX-License-Identifier: GPL-2.0
/*
 * The register file (drivers/core/mmio.c) and the status machine
 * (drivers/core/device.c) as any driver may use or misuse them.
 */
#include <linux/jiffies.h>
#include <linux/prandom.h>

#include "fake.h"

#define ACK		VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER		VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK	VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK	VIRTIO_CONFIG_S_DRIVER_OK
#define NEEDS_RESET	VIRTIO_CONFIG_S_NEEDS_RESET
#define VERSION_1	BIT_ULL(VIRTIO_F_VERSION_1)
#define PLATFORM	BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)
#define CORE_FEATURES	(VERSION_1 |					\
			 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |		\
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |		\
			 BIT_ULL(VIRTIO_F_RING_PACKED) |		\
			 BIT_ULL(VIRTIO_F_IN_ORDER) |			\
			 BIT_ULL(VIRTIO_F_ORDER_PLATFORM) |		\
			 BIT_ULL(VIRTIO_F_NOTIFICATION_DATA) |		\
			 BIT_ULL(VIRTIO_F_RING_RESET))
#define VRING		VIRTIO_MMIO_INT_VRING
#define CONFIG		VIRTIO_MMIO_INT_CONFIG

static int bad(struct fake *f)
{
	return atomic_read(&f->vd.bad_accesses);
}

static u32 status(struct fake *f)
{
	return fake_read(f, VIRTIO_MMIO_STATUS);
}

/* --- identity and features --- */

static void identity_registers(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_VERSION), 2);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_ID), FAKE_TYPE_ID);
	KUNIT_EXPECT_NE(test, fake_read(f, VIRTIO_MMIO_VENDOR_ID), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

static void features_are_read_in_words(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 want = CORE_FEATURES | FAKE_F_LOW | FAKE_F_HIGH;

	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_FEATURES), (u32)want);
	fake_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_FEATURES), (u32)(want >> 32));
	fake_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	fake_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0xffffffff);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

static void offered_features_are_accepted(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | FAKE_F_LOW | FAKE_F_HIGH);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER | FEATURES_OK);
	KUNIT_EXPECT_EQ(test, f->vd.features, VERSION_1 | FAKE_F_LOW | FAKE_F_HIGH);
}

static void withheld_features_are_not_offered(struct kunit *test)
{
	struct fake *f = test->priv;
	u64 all = CORE_FEATURES | FAKE_F_LOW | FAKE_F_HIGH;

	f->vd.features_off = BIT_ULL(VIRTIO_F_RING_PACKED) | FAKE_F_LOW;
	KUNIT_EXPECT_EQ(test, virtback_device_offered(&f->vd), all & ~f->vd.features_off);
	fake_negotiate(f, VERSION_1 | FAKE_F_LOW);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	/* A modern device without this is none. */
	f->vd.features_off = ~0ULL;
	KUNIT_EXPECT_EQ(test, virtback_device_offered(&f->vd), VERSION_1);
}

static void host_offers_features(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | PLATFORM);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	f->vd.host_features = PLATFORM;
	fake_negotiate(f, VERSION_1 | PLATFORM);
	KUNIT_EXPECT_EQ(test, f->vd.features, VERSION_1 | PLATFORM);
	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_EQ(test, f->vd.features, VERSION_1);
}

static void required_features_are_demanded(struct kunit *test)
{
	struct fake *f = test->priv;

	f->vd.host_features = PLATFORM;
	f->vd.required = PLATFORM;
	f->vd.features_off = PLATFORM;
	KUNIT_EXPECT_TRUE(test, virtback_device_offered(&f->vd) & PLATFORM);
	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	KUNIT_EXPECT_EQ(test, f->vd.features, 0);
	fake_negotiate(f, VERSION_1 | PLATFORM);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER | FEATURES_OK);
}

static void feature_not_offered_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | BIT_ULL(7));
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	fake_negotiate(f, VERSION_1 | BIT_ULL(41));
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	KUNIT_EXPECT_EQ(test, f->vd.features, 0);
}

static void legacy_driver_is_refused(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, FAKE_F_LOW);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	fake_negotiate(f, 0);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
}

static void type_can_veto_features(struct kunit *test)
{
	struct fake *f = test->priv;

	f->veto = FAKE_F_HIGH;
	fake_negotiate(f, VERSION_1 | FAKE_F_HIGH);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	fake_negotiate(f, VERSION_1);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER | FEATURES_OK);
}

static void refused_features_can_be_corrected(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | BIT_ULL(7));
	fake_accept(f, VERSION_1);
	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER | FEATURES_OK);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER | FEATURES_OK);
}

static void features_are_frozen_by_features_ok(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | FAKE_F_LOW);
	fake_accept(f, VERSION_1 | FAKE_F_LOW | FAKE_F_HIGH | BIT_ULL(7));
	KUNIT_EXPECT_EQ(test, f->vd.accepted, VERSION_1 | FAKE_F_LOW);
	KUNIT_EXPECT_EQ(test, f->vd.features, VERSION_1 | FAKE_F_LOW);
	KUNIT_EXPECT_EQ(test, bad(f), 2);
	/* Said again, the bit does not take the later words. */
	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER | FEATURES_OK);
	KUNIT_EXPECT_EQ(test, f->vd.features, VERSION_1 | FAKE_F_LOW);
}

static void features_beyond_64_bits_are_ignored(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_accept(f, VERSION_1);
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES, 0xff);
	KUNIT_EXPECT_EQ(test, bad(f), 1);
	KUNIT_EXPECT_EQ(test, f->vd.accepted, VERSION_1);
}

/* --- Status --- */

static void status_bits_stay_until_reset(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, status(f), 0);
	fake_write(f, VIRTIO_MMIO_STATUS, ACK);
	fake_write(f, VIRTIO_MMIO_STATUS, DRIVER);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	KUNIT_EXPECT_EQ(test, status(f), 0);
}

static void driver_cannot_set_needs_reset(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_write(f, VIRTIO_MMIO_STATUS, ACK | NEEDS_RESET);
	KUNIT_EXPECT_EQ(test, status(f), ACK);
}

static void driver_ok_wants_features_ok(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER);
	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER | DRIVER_OK);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER | NEEDS_RESET);
	KUNIT_EXPECT_FALSE(test, virtback_device_running(&f->vd));
	/* It is not running, so there is nobody to interrupt. */
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
}

static void driver_ok_with_refused_features_needs_reset(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_negotiate(f, VERSION_1 | BIT_ULL(7));
	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	KUNIT_EXPECT_EQ(test, status(f), ACK | DRIVER | NEEDS_RESET);
}

static void failed_driver_is_not_served(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_write(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FAILED);
	fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_TRUE(test, status(f) & VIRTIO_CONFIG_S_FAILED);
}

/* --- shapes of accesses --- */

static void write_only_registers_read_as_zero(struct kunit *test)
{
	static const u32 regs[] = {
		VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DRIVER_FEATURES,
		VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_NUM,
		VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_QUEUE_DESC_LOW,
		VIRTIO_MMIO_QUEUE_DESC_HIGH, VIRTIO_MMIO_QUEUE_AVAIL_LOW,
		VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW,
		VIRTIO_MMIO_QUEUE_USED_HIGH,
	};
	struct fake *f = test->priv;
	int i;

	fake_start(f, 0);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		KUNIT_EXPECT_EQ_MSG(test, fake_read(f, regs[i]), 0, "register %#x", regs[i]);
		KUNIT_EXPECT_EQ_MSG(test, bad(f), i + 1, "register %#x", regs[i]);
	}
}

static void read_only_registers_ignore_writes(struct kunit *test)
{
	static const u32 regs[] = {
		VIRTIO_MMIO_MAGIC_VALUE, VIRTIO_MMIO_VERSION, VIRTIO_MMIO_DEVICE_ID,
		VIRTIO_MMIO_VENDOR_ID, VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_QUEUE_NUM_MAX,
		VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_CONFIG_GENERATION,
		VIRTIO_MMIO_SHM_LEN_LOW, VIRTIO_MMIO_SHM_BASE_HIGH,
	};
	struct fake *f = test->priv;
	u32 before;
	int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		before = fake_read(f, regs[i]);
		fake_write(f, regs[i], ~before);
		KUNIT_EXPECT_EQ_MSG(test, fake_read(f, regs[i]), before, "register %#x", regs[i]);
		KUNIT_EXPECT_EQ_MSG(test, bad(f), i + 1, "register %#x", regs[i]);
	}
}

static void holes_read_as_zero(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_read(f, 0x018), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, 0x0f8), 0);
	fake_write(f, 0x018, 1);
	KUNIT_EXPECT_EQ(test, bad(f), 3);
}

/* Which registers can be read (VIRTIO 1.2 table 4.1). */
static bool readable(struct fake *f, u32 offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
	case VIRTIO_MMIO_VERSION:
	case VIRTIO_MMIO_DEVICE_ID:
	case VIRTIO_MMIO_VENDOR_ID:
	case VIRTIO_MMIO_DEVICE_FEATURES:
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_INTERRUPT_STATUS:
	case VIRTIO_MMIO_STATUS:
	case VIRTIO_MMIO_SHM_LEN_LOW ... VIRTIO_MMIO_SHM_BASE_HIGH:
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return true;
	case VIRTIO_MMIO_QUEUE_RESET:
		return f->vd.features & BIT_ULL(VIRTIO_F_RING_RESET);
	default:
		return offset >= VIRTIO_MMIO_CONFIG && offset < VIRTIO_MMIO_CONFIG + FAKE_CONFIG;
	}
}

static void read_all(struct fake *f)
{
	u32 offset, before = status(f), val;
	int count;

	for (offset = 0; offset < VIRTBACK_WINDOW_SIZE; offset += 4) {
		count = bad(f);
		val = fake_read(f, offset);
		KUNIT_EXPECT_EQ_MSG(f->test, bad(f), count + !readable(f, offset),
				    "register %#x, status %#x", offset, before);
		if (!readable(f, offset))
			KUNIT_EXPECT_EQ_MSG(f->test, val, 0, "register %#x", offset);
	}
	KUNIT_EXPECT_EQ(f->test, status(f), before);
}

static void registers_are_read_in_every_state(struct kunit *test)
{
	struct fake *f = test->priv;

	read_all(f);
	fake_write(f, VIRTIO_MMIO_STATUS, ACK | DRIVER);
	read_all(f);
	fake_negotiate(f, VERSION_1 | BIT_ULL(VIRTIO_F_RING_RESET));
	read_all(f);
	fake_start(f, 0);
	read_all(f);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, FAKE_QUEUES);
	read_all(f);
	virtback_device_break(&f->vd, "test");
	read_all(f);
	fake_write(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FAILED);
	read_all(f);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	read_all(f);
}

/* Whatever a driver writes, a reset and a good driver find the device as new. */
static void random_accesses_leave_no_trace(struct kunit *test)
{
	static const u32 vals[] = {
		0, 1, 2, 4, 7, 8, 15, 16, 0x80, 0x8f, 0xffff, 0xffffffff, (u32)FAKE_DESC(0),
		(u32)FAKE_AVAIL(0), (u32)FAKE_USED(0), (u32)CORE_FEATURES,
		(u32)(CORE_FEATURES >> 32),
	};
	struct fake *f = test->priv;
	struct rnd_state rnd;
	u32 i, offset, size, val;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 20000; i++) {
		offset = prandom_u32_state(&rnd) % (VIRTIO_MMIO_CONFIG + 8);
		if (prandom_u32_state(&rnd) % 16)
			offset &= ~3;
		size = prandom_u32_state(&rnd) % 16 ? 4 : prandom_u32_state(&rnd) % 10;
		val = vals[prandom_u32_state(&rnd) % ARRAY_SIZE(vals)];
		fake_access(f, offset, size, prandom_u32_state(&rnd) % 4, val);
	}
	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, F_WRITE, 0);
	f->prepared = 0;
	fake_offer(f, 0);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static void there_is_no_shared_memory(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_write(f, VIRTIO_MMIO_SHM_SEL, 3);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_SHM_LEN_LOW), U32_MAX);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_SHM_LEN_HIGH), U32_MAX);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_SHM_BASE_LOW), U32_MAX);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_SHM_BASE_HIGH), U32_MAX);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

static void registers_want_32_bits(struct kunit *test)
{
	static const u32 sizes[] = { 0, 1, 2, 3, 8, 5, 16 };
	struct fake *f = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, fake_access(f, VIRTIO_MMIO_MAGIC_VALUE, sizes[i], false, ~0),
				0);
		fake_access(f, VIRTIO_MMIO_STATUS, sizes[i], true, ACK);
		KUNIT_EXPECT_EQ(test, status(f), 0);
		KUNIT_EXPECT_EQ(test, bad(f), 2 * i + 2);
	}
}

static void fast_registers_want_32_bits(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 8, 0, 0);
	fake_offer(f, 0);
	fake_access(f, VIRTIO_MMIO_QUEUE_NOTIFY, 2, true, 0);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	virtback_device_interrupt(&f->vd, VRING);
	fake_access(f, VIRTIO_MMIO_INTERRUPT_ACK, 1, true, VRING);
	KUNIT_EXPECT_EQ(test, fake_access(f, VIRTIO_MMIO_INTERRUPT_STATUS, 1, false, ~0), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), VRING);
	KUNIT_EXPECT_EQ(test, bad(f), 3);
}

static void accesses_want_alignment(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_access(f, 2, 4, false, ~0), 0);
	KUNIT_EXPECT_EQ(test, fake_access(f, VIRTIO_MMIO_CONFIG + 1, 2, false, ~0), 0);
	KUNIT_EXPECT_EQ(test, fake_access(f, VIRTIO_MMIO_CONFIG + 4, 8, false, ~0), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 3);
}

static void accesses_end_with_the_window(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTBACK_WINDOW_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, 0xfffffffc), 0);
	fake_write(f, VIRTBACK_WINDOW_SIZE + VIRTIO_MMIO_STATUS, ACK);
	KUNIT_EXPECT_EQ(test, status(f), 0);
	KUNIT_EXPECT_EQ(test, bad(f), 3);
}

/* --- configuration space --- */

static void config_is_read_in_all_widths(struct kunit *test)
{
	struct fake *f = test->priv;
	u32 c = VIRTIO_MMIO_CONFIG;

	KUNIT_EXPECT_EQ(test, fake_access(f, c + 3, 1, false, ~0ULL), 0x13);
	KUNIT_EXPECT_EQ(test, fake_access(f, c + 2, 2, false, ~0ULL), 0x1312);
	KUNIT_EXPECT_EQ(test, fake_access(f, c + 4, 4, false, ~0ULL), 0x17161514);
	KUNIT_EXPECT_EQ(test, fake_access(f, c + 8, 8, false, ~0ULL), 0x1f1e1d1c1b1a1918ULL);
	KUNIT_EXPECT_EQ(test, fake_access(f, c + FAKE_CONFIG - 1, 1, false, ~0ULL), 0x23);
	KUNIT_EXPECT_EQ(test, bad(f), 0);
}

static void config_ends_where_it_ends(struct kunit *test)
{
	struct fake *f = test->priv;
	u32 end = VIRTIO_MMIO_CONFIG + FAKE_CONFIG;

	KUNIT_EXPECT_EQ(test, fake_access(f, end, 1, false, ~0ULL), 0);
	KUNIT_EXPECT_EQ(test, fake_access(f, end, 4, false, ~0ULL), 0);
	/* 20 bytes: this one begins inside and ends outside. */
	KUNIT_EXPECT_EQ(test, fake_access(f, end - 4, 8, false, ~0ULL), 0);
	KUNIT_EXPECT_EQ(test, fake_access(f, VIRTBACK_WINDOW_SIZE - 8, 8, false, ~0ULL), 0);
	fake_access(f, end - 4, 8, true, 1);
	KUNIT_EXPECT_EQ(test, f->config_len, 0);
	KUNIT_EXPECT_EQ(test, bad(f), 5);
}

static void config_writes_reach_the_type(struct kunit *test)
{
	struct fake *f = test->priv;

	fake_access(f, VIRTIO_MMIO_CONFIG + 6, 2, true, 0xbeef);
	KUNIT_EXPECT_EQ(test, f->config_off, 6);
	KUNIT_EXPECT_EQ(test, f->config_len, 2);
	KUNIT_EXPECT_EQ(test, f->config_val, 0xbeef);
	KUNIT_EXPECT_EQ(test, f->config[6], 0x16);
}

static void config_change_is_announced(struct kunit *test)
{
	struct fake *f = test->priv;
	u32 generation;

	fake_start(f, 0);
	generation = fake_read(f, VIRTIO_MMIO_CONFIG_GENERATION);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	mutex_lock(&f->vd.lock);
	virtback_device_config_changed(&f->vd);
	mutex_unlock(&f->vd.lock);
	KUNIT_EXPECT_NE(test, fake_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), CONFIG);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
}

static void config_change_before_driver_ok_is_silent(struct kunit *test)
{
	struct fake *f = test->priv;
	u32 generation = fake_read(f, VIRTIO_MMIO_CONFIG_GENERATION);

	fake_negotiate(f, VERSION_1);
	mutex_lock(&f->vd.lock);
	virtback_device_config_changed(&f->vd);
	mutex_unlock(&f->vd.lock);
	KUNIT_EXPECT_NE(test, fake_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
}

static struct kunit_case mmio_cases[] = {
	KUNIT_CASE(identity_registers),
	KUNIT_CASE(features_are_read_in_words),
	KUNIT_CASE(offered_features_are_accepted),
	KUNIT_CASE(withheld_features_are_not_offered),
	KUNIT_CASE(host_offers_features),
	KUNIT_CASE(required_features_are_demanded),
	KUNIT_CASE(feature_not_offered_is_refused),
	KUNIT_CASE(legacy_driver_is_refused),
	KUNIT_CASE(type_can_veto_features),
	KUNIT_CASE(refused_features_can_be_corrected),
	KUNIT_CASE(features_are_frozen_by_features_ok),
	KUNIT_CASE(features_beyond_64_bits_are_ignored),
	KUNIT_CASE(status_bits_stay_until_reset),
	KUNIT_CASE(driver_cannot_set_needs_reset),
	KUNIT_CASE(driver_ok_wants_features_ok),
	KUNIT_CASE(driver_ok_with_refused_features_needs_reset),
	KUNIT_CASE(failed_driver_is_not_served),
	KUNIT_CASE(write_only_registers_read_as_zero),
	KUNIT_CASE(read_only_registers_ignore_writes),
	KUNIT_CASE(holes_read_as_zero),
	KUNIT_CASE(registers_are_read_in_every_state),
	KUNIT_CASE(random_accesses_leave_no_trace),
	KUNIT_CASE(there_is_no_shared_memory),
	KUNIT_CASE(registers_want_32_bits),
	KUNIT_CASE(fast_registers_want_32_bits),
	KUNIT_CASE(accesses_want_alignment),
	KUNIT_CASE(accesses_end_with_the_window),
	KUNIT_CASE(config_is_read_in_all_widths),
	KUNIT_CASE(config_ends_where_it_ends),
	KUNIT_CASE(config_writes_reach_the_type),
	KUNIT_CASE(config_change_is_announced),
	KUNIT_CASE(config_change_before_driver_ok_is_silent),
	{}
};

static struct kunit_suite mmio_suite = {
	.name = "virtback_mmio",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = mmio_cases,
};

kunit_test_suite(mmio_suite);
