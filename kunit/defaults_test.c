// SPDX-License-Identifier: GPL-2.0
/*
 * Options for devices that do not give them (drivers/control/defaults.c).
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "../drivers/control/control.h"

static char *shown(struct kunit *test)
{
	/* sysfs_emit() wants a page. */
	char *page = (char *)get_zeroed_page(GFP_KERNEL), *text;

	KUNIT_ASSERT_NOT_NULL(test, page);
	virtback_defaults_show(page);
	text = kunit_kzalloc(test, strlen(page) + 1, GFP_KERNEL);
	if (text)
		memcpy(text, page, strlen(page));
	free_page((unsigned long)page);
	KUNIT_ASSERT_NOT_NULL(test, text);
	return text;
}

/* What a device with these options has in the end; to be freed. */
static struct virtback_config applied(struct kunit *test, const char *options)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, virtback_config_parse(&cfg, options), 0);
	KUNIT_EXPECT_EQ(test, virtback_defaults_apply(&cfg, "test"), 0);
	return cfg;
}

static void defaults_go_to_who_gives_none(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, virtback_defaults_set(" queue_size=64 queues=2\tcpus=0\t\n"), 0);
	KUNIT_EXPECT_STREQ(test, shown(test), "queue_size=64 queues=2\tcpus=0\n");
	cfg = applied(test, "backing=/dev/a queues=3");
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 64);
	KUNIT_EXPECT_EQ(test, cfg.queues, 3);
	KUNIT_EXPECT_STREQ(test, cfg.cpus, "0");
	KUNIT_EXPECT_STREQ(test, cfg.backing, "/dev/a");
	virtback_config_free(&cfg);
	/* Others take their place; none do so, too. */
	KUNIT_ASSERT_EQ(test, virtback_defaults_set("priority=5"), 0);
	cfg = applied(test, "backing=/dev/a");
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_BACKING) | BIT(VIRTBACK_OPT_PRIORITY));
	virtback_config_free(&cfg);
	KUNIT_ASSERT_EQ(test, virtback_defaults_set("\n"), 0);
	KUNIT_EXPECT_STREQ(test, shown(test), "\n");
	cfg = applied(test, "backing=/dev/a");
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_BACKING));
	virtback_config_free(&cfg);
}

static void bad_defaults_change_nothing(struct kunit *test)
{
	static const char *const bad[] = {
		"domid=3", "base=0x2000000", "irq=33", "backing=/dev/a", "serial=abc",
		"map_limit_mb=64", "priority=5 irq=33", "nonsense=1", "queues=0", "queues",
	};
	int i;

	KUNIT_ASSERT_EQ(test, virtback_defaults_set("priority=5"), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, virtback_defaults_set(bad[i]), -EINVAL, "%s", bad[i]);
		KUNIT_EXPECT_STREQ(test, shown(test), "priority=5\n");
	}
}

static void defaults_that_do_not_fit_are_left_out(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, virtback_defaults_set("mapping=grant dma=direct"), 0);
	/* Not a guest of Xen: it grants nothing. */
	cfg = applied(test, "backing=/dev/a");
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_FOREIGN);
	KUNIT_EXPECT_EQ(test, cfg.dma, VIRTBACK_DMA_DIRECT);
	virtback_config_free(&cfg);
	cfg = applied(test, "backing=/dev/a domid=3");
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_GRANT);
	KUNIT_EXPECT_EQ(test, cfg.dma, VIRTBACK_DMA_BOUNCE);
	virtback_config_free(&cfg);
	cfg = applied(test, "backing=/dev/a domid=3 dma=direct");
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_FOREIGN);
	virtback_config_free(&cfg);
	cfg = applied(test, "backing=/dev/a domid=3 map_limit_mb=64");
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_FOREIGN);
	virtback_config_free(&cfg);

	KUNIT_ASSERT_EQ(test, virtback_defaults_set("queues=4 features_off=mq,flush"), 0);
	cfg = applied(test, "backing=/dev/a features_off=mq");
	KUNIT_EXPECT_EQ(test, cfg.queues, 0);
	virtback_config_free(&cfg);
	cfg = applied(test, "backing=/dev/a queues=2");
	KUNIT_EXPECT_EQ(test, cfg.queues, 2);
	KUNIT_EXPECT_EQ(test, cfg.features_off, BIT_ULL(VIRTIO_BLK_F_FLUSH));
	virtback_config_free(&cfg);
}

/* What is left of @defaults' features_off for a device with these options. */
static u64 off(struct kunit *test, const char *defaults, const char *options)
{
	struct virtback_config cfg;
	u64 bits;

	KUNIT_EXPECT_EQ(test, virtback_defaults_set(defaults), 0);
	cfg = applied(test, options);
	bits = cfg.features_off;
	virtback_config_free(&cfg);
	return bits;
}

static void features_that_are_needed_stay_on(struct kunit *test)
{
	u64 flush = BIT_ULL(VIRTIO_BLK_F_FLUSH), ro = BIT_ULL(VIRTIO_BLK_F_RO);
	u64 indirect = BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	u64 platform = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);

	KUNIT_EXPECT_EQ(test, off(test, "features_off=ro,flush", "readonly=1"), flush);
	KUNIT_EXPECT_EQ(test, off(test, "features_off=ro,flush", "readonly=0"), ro | flush);
	KUNIT_EXPECT_EQ(test, off(test, "features_off=access_platform,flush",
				  "domid=3 mapping=grant"), flush);
	KUNIT_EXPECT_EQ(test, off(test, "features_off=access_platform,flush", "domid=3"),
			platform | flush);
	KUNIT_EXPECT_EQ(test, off(test, "features_off=indirect_desc,flush", "queue_size=2"), flush);
	KUNIT_EXPECT_EQ(test, off(test, "features_off=indirect_desc", "queue_size=4"), indirect);
	KUNIT_EXPECT_EQ(test, off(test, "features_off=indirect_desc", "priority=1"), indirect);
}

static void what_needs_features_that_are_off_is_left_out(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, virtback_defaults_set("readonly=1 mapping=grant queue_size=2"), 0);
	cfg = applied(test, "domid=3 features_off=ro,access_platform,indirect_desc");
	KUNIT_EXPECT_FALSE(test, cfg.readonly);
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_FOREIGN);
	KUNIT_EXPECT_FALSE(test, test_bit(VIRTBACK_OPT_QUEUE_SIZE, &cfg.set));
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 0);
	virtback_config_free(&cfg);
	KUNIT_ASSERT_EQ(test, virtback_defaults_set("queue_size=1024"), 0);
	cfg = applied(test, "features_off=indirect_desc");
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 1024);
	virtback_config_free(&cfg);
	/* The first of two. */
	KUNIT_ASSERT_EQ(test, virtback_defaults_set("features_off=ro readonly=1"), 0);
	cfg = applied(test, "backing=/dev/a");
	KUNIT_EXPECT_FALSE(test, cfg.readonly);
	KUNIT_EXPECT_EQ(test, cfg.features_off, BIT_ULL(VIRTIO_BLK_F_RO));
	virtback_config_free(&cfg);
}

static void defaults_test_exit(struct kunit *test)
{
	virtback_defaults_exit();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(defaults_go_to_who_gives_none),
	KUNIT_CASE(bad_defaults_change_nothing),
	KUNIT_CASE(defaults_that_do_not_fit_are_left_out),
	KUNIT_CASE(features_that_are_needed_stay_on),
	KUNIT_CASE(what_needs_features_that_are_off_is_left_out),
	{}
};

static struct kunit_suite suite = {
	.name = "virtback_defaults",
	.exit = defaults_test_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
