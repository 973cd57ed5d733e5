// SPDX-License-Identifier: GPL-2.0
/*
 * Options of a device: what a string means, and what is refused. A refusal must
 * leave nothing behind and say why.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <virtback/config.h>
#include <virtback/device.h>

#include "../drivers/control/control.h"

static void options_refused(struct kunit *test, const char *str)
{
	struct virtback_config cfg;

	KUNIT_EXPECT_EQ_MSG(test, virtback_config_parse(&cfg, str), -EINVAL, "\"%s\"", str);
	KUNIT_EXPECT_EQ_MSG(test, cfg.set, 0, "\"%s\"", str);
	KUNIT_EXPECT_NULL(test, cfg.backing);
}

static void options_whole_line(struct kunit *test)
{
	const char *host = "domid=3 base=0x2000000 irq=33";
	const char *type = "backing=/dev/vdb readonly=1 serial=abc direct_io=1";
	const char *queues = "queues=2 queue_size=64 features_off=mq,in_order poll_us=50";
	const char *memory = "dma=direct reset_timeout_ms=5000 map_limit_mb=64 mapping=grant";
	struct virtback_config cfg;
	const char *workers = "cpus=0 priority=-5";
	char *line = kasprintf(GFP_KERNEL, "%s %s %s %s %s", host, type, queues, memory, workers);

	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, line));
	kfree(line);
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_NR) - 1);
	KUNIT_EXPECT_EQ(test, cfg.domid, 3);
	KUNIT_EXPECT_EQ(test, cfg.base, 0x2000000);
	KUNIT_EXPECT_EQ(test, cfg.irq, 33);
	KUNIT_EXPECT_STREQ(test, cfg.backing, "/dev/vdb");
	KUNIT_EXPECT_TRUE(test, cfg.readonly);
	KUNIT_EXPECT_TRUE(test, cfg.direct_io);
	KUNIT_EXPECT_STREQ(test, cfg.serial, "abc");
	KUNIT_EXPECT_EQ(test, cfg.queues, 2);
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 64);
	KUNIT_EXPECT_EQ(test, cfg.features_off,
			BIT_ULL(VIRTIO_BLK_F_MQ) | BIT_ULL(VIRTIO_F_IN_ORDER));
	KUNIT_EXPECT_EQ(test, cfg.dma, VIRTBACK_DMA_DIRECT);
	KUNIT_EXPECT_EQ(test, cfg.reset_timeout_ms, 5000);
	KUNIT_EXPECT_EQ(test, cfg.map_limit_mb, 64);
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_GRANT);
	KUNIT_EXPECT_EQ(test, cfg.poll_us, 50);
	KUNIT_EXPECT_STREQ(test, cfg.cpus, "0");
	KUNIT_EXPECT_EQ(test, cfg.priority, -5);
	virtback_config_free(&cfg);
	KUNIT_EXPECT_NULL(test, cfg.backing);
	KUNIT_EXPECT_NULL(test, cfg.cpus);
}

static void options_grant_map_kb(struct kunit *test)
{
	static const char * const bad[] = { "", "-1", "1025", "64k", "18446744073709551617" };
	const char *why = NULL;
	unsigned int kb = 7, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, virtback_parse_grant_map_kb(bad[i], &kb, &why), -EINVAL,
				    "\"%s\"", bad[i]);
		KUNIT_EXPECT_NOT_NULL(test, why);
		KUNIT_EXPECT_EQ(test, kb, 7U);
	}
	KUNIT_EXPECT_EQ(test, virtback_parse_grant_map_kb("0\n", &kb, &why), 0);
	KUNIT_EXPECT_EQ(test, kb, 0U);
	KUNIT_EXPECT_EQ(test, virtback_parse_grant_map_kb("1024", &kb, &why), 0);
	KUNIT_EXPECT_EQ(test, kb, 1024U);
}

/* The parameter of the module, which has a value that stands for the default. */
static void options_map_limit_of_the_module(struct kunit *test)
{
	static const char * const bad[] = { "", "-1", "16385", "64M", "18446744073709551617" };
	const char *why = NULL;
	unsigned int mb = 7, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, virtback_parse_map_limit_mb(bad[i], &mb, &why), -EINVAL,
				    "\"%s\"", bad[i]);
		KUNIT_EXPECT_NOT_NULL(test, why);
		KUNIT_EXPECT_EQ(test, mb, 7U);
	}
	KUNIT_EXPECT_EQ(test, virtback_parse_map_limit_mb("0\n", &mb, &why), 0);
	KUNIT_EXPECT_EQ(test, mb, 0U);
	KUNIT_EXPECT_EQ(test, virtback_parse_map_limit_mb("16384", &mb, &why), 0);
	KUNIT_EXPECT_EQ(test, mb, 16384U);
}

static void options_are_read_whole_or_not(struct kunit *test)
{
	static const char text[] = "17\n\0 19";

	KUNIT_EXPECT_NULL(test, virtback_cut_reason(text, 3));
	KUNIT_EXPECT_NOT_NULL(test, virtback_cut_reason(text, 4));
	KUNIT_EXPECT_NOT_NULL(test, virtback_cut_reason(text, sizeof(text) - 1));
	KUNIT_EXPECT_NOT_NULL(test, virtback_cut_reason(text, PAGE_SIZE));
}

static void options_any_order_and_blanks(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, " \tbacking=/dev/a \t domid=7\n"));
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_BACKING) | BIT(VIRTBACK_OPT_DOMID));
	KUNIT_EXPECT_STREQ(test, cfg.backing, "/dev/a");
	KUNIT_EXPECT_EQ(test, cfg.domid, 7);
	virtback_config_free(&cfg);
}

static void options_not_given_is_not_set(struct kunit *test)
{
	struct virtback_config cfg;

	memset(&cfg, 0xff, sizeof(cfg));
	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "backing=/dev/a"));
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_BACKING));
	KUNIT_EXPECT_FALSE(test, cfg.readonly);
	KUNIT_EXPECT_STREQ(test, cfg.serial, "");
	virtback_config_free(&cfg);
}

static void options_numbers_decimal_or_hex(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "base=33554432 irq=0X21 domid=010"));
	KUNIT_EXPECT_EQ(test, cfg.base, 0x2000000);
	KUNIT_EXPECT_EQ(test, cfg.irq, 33);
	KUNIT_EXPECT_EQ(test, cfg.domid, 10);
	virtback_config_free(&cfg);
}

static void options_bad_numbers_refused(struct kunit *test)
{
	options_refused(test, "irq=33a");
	options_refused(test, "irq=-1");
	options_refused(test, "irq=+33");
	options_refused(test, "irq=0x");
	options_refused(test, "irq=0xg");
	options_refused(test, "base=2000000h");
	options_refused(test, "base=0x10000000000000000");
	options_refused(test, "base=18446744073709551616");
}

static void options_domid_range(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "domid=0");
	options_refused(test, "domid=0x7ff0");
	options_refused(test, "domid=4294967297");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "domid=1"));
	virtback_config_free(&cfg);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "domid=0x7fef"));
	KUNIT_EXPECT_EQ(test, cfg.domid, 0x7fef);
	virtback_config_free(&cfg);
}

static void options_irq_range(struct kunit *test)
{
	options_refused(test, "irq=0");
	options_refused(test, "irq=0x80000000");
	options_refused(test, "irq=4294967329");
}

static void options_poll_us_range(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "poll_us=1001");
	options_refused(test, "poll_us=-1");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "poll_us=0"));
	KUNIT_EXPECT_EQ(test, cfg.poll_us, 0);
	virtback_config_free(&cfg);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "poll_us=1000"));
	KUNIT_EXPECT_EQ(test, cfg.poll_us, 1000);
	virtback_config_free(&cfg);
}

static void options_cpus_are_a_list_of_online_ones(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "cpus=most");
	options_refused(test, "cpus=0x1");
	options_refused(test, "cpus=1-0");
	options_refused(test, "cpus=,");
	options_refused(test, "cpus=100000");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "cpus=0,0-0"));
	KUNIT_EXPECT_STREQ(test, cfg.cpus, "0,0-0");
	virtback_config_free(&cfg);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "cpus=all"));
	virtback_config_free(&cfg);
	/* One of them is enough. */
	if (nr_cpu_ids > 1) {
		KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "cpus=0-1"));
		virtback_config_free(&cfg);
	}
}

static void options_cpus_that_do_not_exist(struct kunit *test)
{
	const char *why = NULL;
	cpumask_var_t mask;
	char val[16];

	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&mask, GFP_KERNEL));
	snprintf(val, sizeof(val), "0,%u", nr_cpu_ids);
	KUNIT_EXPECT_EQ(test, virtback_parse_cpus(val, mask, &why), -EINVAL);
	KUNIT_EXPECT_STREQ(test, why, "one of these processors does not exist");
	free_cpumask_var(mask);
}

static void options_priority_is_a_nice_value(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "priority=-21");
	options_refused(test, "priority=20");
	options_refused(test, "priority=high");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "priority=-20"));
	KUNIT_EXPECT_EQ(test, cfg.priority, -20);
	virtback_config_free(&cfg);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "priority=19"));
	KUNIT_EXPECT_EQ(test, cfg.priority, 19);
	virtback_config_free(&cfg);
}

static void options_map_limit_range(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "map_limit_mb=0");
	options_refused(test, "map_limit_mb=16385");
	options_refused(test, "map_limit_mb=64M");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "map_limit_mb=1"));
	KUNIT_EXPECT_EQ(test, cfg.map_limit_mb, 1);
	virtback_config_free(&cfg);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "map_limit_mb=16384"));
	KUNIT_EXPECT_EQ(test, cfg.map_limit_mb, 16384);
	virtback_config_free(&cfg);
}

static void options_mapping_has_two_values(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "mapping=");
	options_refused(test, "mapping=grants");
	options_refused(test, "mapping=1");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "irq=33"));
	KUNIT_EXPECT_EQ(test, cfg.mapping, VIRTBACK_MAPPING_FOREIGN);
	virtback_config_free(&cfg);
}

static void options_base_has_64_bits(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "base=0xfffffffffffffe00"));
	KUNIT_EXPECT_EQ(test, cfg.base, 0xfffffffffffffe00ULL);
	virtback_config_free(&cfg);
}

static void options_unknown_refused(struct kunit *test)
{
	options_refused(test, "backing=/dev/a colour=red");
	options_refused(test, "domi=3");
	options_refused(test, "domidd=3");
	options_refused(test, "Domid=3");
	options_refused(test, "=3");
}

static void options_duplicate_refused(struct kunit *test)
{
	options_refused(test, "irq=33 irq=34");
	options_refused(test, "irq=33 irq=33");
	options_refused(test, "backing=/dev/a backing=/dev/b");
}

static void options_value_needed(struct kunit *test)
{
	options_refused(test, "irq=");
	options_refused(test, "irq");
	options_refused(test, "backing=");
	options_refused(test, "readonly");
	options_refused(test, "serial=");
}

static void options_nothing_given_refused(struct kunit *test)
{
	options_refused(test, "");
	options_refused(test, " \t\n");
}

static void options_bools(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "readonly=0"));
	KUNIT_EXPECT_FALSE(test, cfg.readonly);
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_READONLY));
	virtback_config_free(&cfg);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "readonly=y"));
	KUNIT_EXPECT_TRUE(test, cfg.readonly);
	virtback_config_free(&cfg);
	options_refused(test, "readonly=maybe");
	options_refused(test, "readonly=0x1");
	options_refused(test, "readonly=yesterday");
}

static void options_serial_length(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "serial=abcdefghijklmnopqrst"));
	KUNIT_EXPECT_STREQ(test, cfg.serial, "abcdefghijklmnopqrst");
	virtback_config_free(&cfg);
	options_refused(test, "serial=abcdefghijklmnopqrstu");
	options_refused(test, "serial=\x01");
	options_refused(test, "serial=\xc3\xa9");
}

static void options_queues_range(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "queues=0");
	options_refused(test, "queues=65");
	options_refused(test, "queues=65537");
	options_refused(test, "queues=all");
	options_refused(test, "queues=4 queues=4");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "queues=1"));
	KUNIT_EXPECT_EQ(test, cfg.queues, 1);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "queues=0x40"));
	KUNIT_EXPECT_EQ(test, cfg.queues, 64);
}

static void options_queue_size_range(struct kunit *test)
{
	struct virtback_config cfg;

	options_refused(test, "queue_size=0");
	options_refused(test, "queue_size=32769");
	options_refused(test, "queue_size=65536");
	options_refused(test, "queue_size=65537");
	options_refused(test, "queue_size=256 queue_size=128");
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "queue_size=1"));
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 1);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "queue_size=32768"));
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 32768);
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "queue_size=300"));
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 300);
}

static void options_features_by_name(struct kunit *test)
{
	/* By the macros, where the headers of all kernels have them. */
	static const struct {
		const char *name;
		u8 bit;
	} names[] = {
		{ "size_max", VIRTIO_BLK_F_SIZE_MAX },
		{ "seg_max", VIRTIO_BLK_F_SEG_MAX },
		{ "geometry", VIRTIO_BLK_F_GEOMETRY },
		{ "ro", VIRTIO_BLK_F_RO },
		{ "blk_size", VIRTIO_BLK_F_BLK_SIZE },
		{ "flush", VIRTIO_BLK_F_FLUSH },
		{ "topology", VIRTIO_BLK_F_TOPOLOGY },
		{ "config_wce", VIRTIO_BLK_F_CONFIG_WCE },
		{ "mq", VIRTIO_BLK_F_MQ },
		{ "discard", VIRTIO_BLK_F_DISCARD },
		{ "write_zeroes", VIRTIO_BLK_F_WRITE_ZEROES },
		{ "lifetime", 15 },
		{ "secure_erase", VIRTIO_BLK_F_SECURE_ERASE },
		{ "zoned", 17 },
		{ "indirect_desc", VIRTIO_RING_F_INDIRECT_DESC },
		{ "event_idx", VIRTIO_RING_F_EVENT_IDX },
		{ "access_platform", VIRTIO_F_ACCESS_PLATFORM },
		{ "ring_packed", VIRTIO_F_RING_PACKED },
		{ "in_order", VIRTIO_F_IN_ORDER },
		{ "order_platform", VIRTIO_F_ORDER_PLATFORM },
		{ "notification_data", 38 },
		{ "ring_reset", VIRTIO_F_RING_RESET },
	};
	const char *why = NULL;
	u64 all = 0, bits;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		bits = 0;
		err = virtback_features_parse(names[i].name, &bits, &why);
		KUNIT_EXPECT_EQ_MSG(test, err, 0, "%s", names[i].name);
		KUNIT_EXPECT_EQ_MSG(test, bits, BIT_ULL(names[i].bit), "%s", names[i].name);
		all |= bits;
	}
	KUNIT_EXPECT_EQ(test, hweight64(all), ARRAY_SIZE(names));
}

static void options_features_off_is_a_list(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "features_off=ring_reset,flush"));
	KUNIT_EXPECT_EQ(test, cfg.features_off,
			BIT_ULL(VIRTIO_F_RING_RESET) | BIT_ULL(VIRTIO_BLK_F_FLUSH));
	KUNIT_EXPECT_EQ(test, 0, virtback_config_parse(&cfg, "features_off=none"));
	KUNIT_EXPECT_EQ(test, cfg.features_off, 0);
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_FEATURES_OFF));
}

static void options_bad_features_refused(struct kunit *test)
{
	options_refused(test, "features_off=");
	options_refused(test, "features_off=colour");
	options_refused(test, "features_off=MQ");
	options_refused(test, "features_off=flus");
	options_refused(test, "features_off=flush2");
	options_refused(test, "features_off=0x20");
	options_refused(test, "features_off=flush,");
	options_refused(test, "features_off=,flush");
	options_refused(test, "features_off=flush,,mq");
	options_refused(test, "features_off=flush,none");
	options_refused(test, "features_off=flush,mq,flush");
	options_refused(test, "features_off=flush features_off=mq");
}

static void options_version_1_cannot_be_withheld(struct kunit *test)
{
	options_refused(test, "features_off=version_1");
	options_refused(test, "features_off=mq,version_1");
}

/* The value of an option as its attribute has it. */
static const char *options_shown(struct kunit *test, const struct virtback_config *cfg,
				 enum virtback_opt opt)
{
	struct virtback_entry *entry = kunit_kzalloc(test, sizeof(*entry), GFP_KERNEL);
	/* A whole page is what sysfs_emit() demands. */
	char *buf = (char *)get_zeroed_page(GFP_KERNEL);
	char *text = kunit_kzalloc(test, 512, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_NOT_NULL(test, text);
	entry->cfg = *cfg;
	KUNIT_EXPECT_EQ(test, virtback_option_show(entry, opt, buf), strlen(buf));
	strscpy(text, buf, 512);
	free_page((unsigned long)buf);
	return text;
}

static void options_are_shown_as_they_are_given(struct kunit *test)
{
	const char *line = "queues=64 queue_size=32768 features_off=ring_reset,size_max,mq";
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, line));
	KUNIT_EXPECT_STREQ(test, options_shown(test, &cfg, VIRTBACK_OPT_QUEUES), "64\n");
	KUNIT_EXPECT_STREQ(test, options_shown(test, &cfg, VIRTBACK_OPT_QUEUE_SIZE), "32768\n");
	KUNIT_EXPECT_STREQ(test, options_shown(test, &cfg, VIRTBACK_OPT_FEATURES_OFF),
			   "size_max,mq,ring_reset\n");
	cfg.features_off = 0;
	KUNIT_EXPECT_STREQ(test, options_shown(test, &cfg, VIRTBACK_OPT_FEATURES_OFF), "none\n");
	/* Nobody can withhold these by name, but someone may look. */
	cfg.features_off = BIT_ULL(63) | BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(0);
	KUNIT_EXPECT_STREQ(test, options_shown(test, &cfg, VIRTBACK_OPT_FEATURES_OFF),
			   "bit0,version_1,bit63\n");
}

static void options_defaults(struct kunit *test)
{
	const char *names = "in_order,notification_data,order_platform";
	struct virtback_config cfg = {};
	const char *why = NULL;
	u64 off = 0;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_complete(&cfg, 2, &why));
	KUNIT_EXPECT_EQ(test, cfg.set, 0);
	KUNIT_EXPECT_EQ(test, cfg.queues, 2);
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 256);
	KUNIT_EXPECT_EQ(test, 0, virtback_features_parse(names, &off, &why));
	KUNIT_EXPECT_EQ(test, cfg.features_off, off);
}

static void options_queues_follow_the_guests_cpus(struct kunit *test)
{
	static const struct {
		unsigned int cpus;
		u16 queues;
	} want[] = { { 0, 1 }, { 1, 1 }, { 3, 3 }, { 4, 4 }, { 5, 4 }, { 65536, 4 } };
	const char *why = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct virtback_config cfg = {};

		KUNIT_EXPECT_EQ(test, 0, virtback_config_complete(&cfg, want[i].cpus, &why));
		KUNIT_EXPECT_EQ(test, cfg.queues, want[i].queues);
	}
}

static void options_given_values_stay(struct kunit *test)
{
	const char *line = "queues=9 queue_size=8 features_off=none";
	struct virtback_config cfg;
	const char *why = NULL;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, line));
	KUNIT_EXPECT_EQ(test, 0, virtback_config_complete(&cfg, 2, &why));
	KUNIT_EXPECT_EQ(test, cfg.queues, 9);
	KUNIT_EXPECT_EQ(test, cfg.queue_size, 8);
	KUNIT_EXPECT_EQ(test, cfg.features_off, 0);
}

static void options_queues_without_mq_are_refused(struct kunit *test)
{
	struct virtback_config cfg;
	const char *why = NULL;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "features_off=mq"));
	KUNIT_EXPECT_EQ(test, 0, virtback_config_complete(&cfg, 4, &why));
	KUNIT_EXPECT_EQ(test, cfg.queues, 1);
	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "features_off=mq queues=1"));
	KUNIT_EXPECT_EQ(test, 0, virtback_config_complete(&cfg, 4, &why));
	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "features_off=mq queues=2"));
	KUNIT_EXPECT_EQ(test, -EINVAL, virtback_config_complete(&cfg, 4, &why));
	KUNIT_EXPECT_NOT_NULL(test, why);
}

static void options_relative_path_refused(struct kunit *test)
{
	options_refused(test, "backing=vdb");
	options_refused(test, "backing=./vdb");
}

static void options_value_may_contain_equals(struct kunit *test)
{
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "backing=/dev/a=b"));
	KUNIT_EXPECT_STREQ(test, cfg.backing, "/dev/a=b");
	virtback_config_free(&cfg);
}

static void options_failed_set_changes_nothing(struct kunit *test)
{
	struct virtback_config cfg = {};
	const char *why = NULL;

	KUNIT_ASSERT_EQ(test, 0, virtback_option_set(&cfg, VIRTBACK_OPT_IRQ, "33", &why));
	KUNIT_EXPECT_EQ(test, -EINVAL, virtback_option_set(&cfg, VIRTBACK_OPT_IRQ, "34", &why));
	KUNIT_EXPECT_STREQ(test, why, "given twice");
	KUNIT_EXPECT_EQ(test, cfg.irq, 33);
	why = NULL;
	KUNIT_EXPECT_EQ(test, -EINVAL, virtback_option_set(&cfg, VIRTBACK_OPT_DOMID, "x", &why));
	KUNIT_EXPECT_NOT_NULL(test, why);
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_IRQ));
}

static void options_copy_owns_its_path(struct kunit *test)
{
	struct virtback_config cfg, copy;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, "backing=/dev/a irq=5"));
	KUNIT_ASSERT_EQ(test, 0, virtback_config_copy(&copy, &cfg));
	KUNIT_EXPECT_PTR_NE(test, copy.backing, cfg.backing);
	virtback_config_free(&cfg);
	KUNIT_EXPECT_STREQ(test, copy.backing, "/dev/a");
	KUNIT_EXPECT_EQ(test, copy.irq, 5);
	virtback_config_free(&copy);
}

static void options_name(struct kunit *test)
{
	struct virtback_config cfg = { .set = BIT(VIRTBACK_OPT_DOMID), .domid = 3 };
	char name[VIRTBACK_NAME_LEN];

	cfg.base = 0x2000000;
	virtback_config_name(&cfg, name, sizeof(name));
	KUNIT_EXPECT_STREQ(test, name, "dom3.2000000");
	cfg.domid = 0x7fef;
	cfg.base = U64_MAX;
	virtback_config_name(&cfg, name, sizeof(name));
	KUNIT_EXPECT_STREQ(test, name, "dom32751.ffffffffffffffff");
}

static void options_list_is_split(struct kunit *test)
{
	char text[] = ";irq=1 backing=/dev/a;\n ; irq=2 ;";
	char *rest = text;

	KUNIT_EXPECT_STREQ(test, virtback_config_next(&rest), "irq=1 backing=/dev/a");
	KUNIT_EXPECT_STREQ(test, virtback_config_next(&rest), "irq=2");
	KUNIT_EXPECT_NULL(test, virtback_config_next(&rest));
	KUNIT_EXPECT_NULL(test, virtback_config_next(&rest));
}

/* What is written to the attribute may have blanks in it, but is one line. */
static void options_path_is_one_line(struct kunit *test)
{
	struct virtback_config cfg = {};
	const char *why = NULL;

	KUNIT_EXPECT_EQ(test, virtback_option_set(&cfg, VIRTBACK_OPT_BACKING, "/dev/a\n/dev/b",
						  &why), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, why);
	KUNIT_EXPECT_NULL(test, cfg.backing);
	KUNIT_EXPECT_EQ(test, virtback_option_set(&cfg, VIRTBACK_OPT_BACKING,
						  "/dev/a b\xc3\x9c", &why), 0);
	virtback_config_free(&cfg);
}

static void options_text_in_the_log(struct kunit *test)
{
	const char *text = "a\nb\033\t\n";
	char *line;

	KUNIT_EXPECT_EQ(test, virtback_log_len(""), 0);
	KUNIT_EXPECT_EQ(test, virtback_log_len("\n"), 0);
	KUNIT_EXPECT_EQ(test, virtback_log_len("99999\n"), 5);
	KUNIT_EXPECT_EQ(test, virtback_log_len("1 2"), 3);
	line = kasprintf(GFP_KERNEL, "%0200d", 1);
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_EQ(test, virtback_log_len(line), 80);
	kfree(line);
	line = kasprintf(GFP_KERNEL, VIRTBACK_LOG_TEXT ".", virtback_log_len(text), text);
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_STREQ(test, line, "a\\nb\\e.");
	kfree(line);
}

static void options_every_option_has_a_name(struct kunit *test)
{
	int i, j;

	for (i = 0; i < VIRTBACK_OPT_NR; i++) {
		KUNIT_ASSERT_NOT_NULL(test, virtback_option_name(i));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, virtback_option_name(i),
					    virtback_option_name(j));
	}
}

static struct kunit_case options_cases[] = {
	KUNIT_CASE(options_whole_line),
	KUNIT_CASE(options_grant_map_kb),
	KUNIT_CASE(options_map_limit_of_the_module),
	KUNIT_CASE(options_are_read_whole_or_not),
	KUNIT_CASE(options_any_order_and_blanks),
	KUNIT_CASE(options_not_given_is_not_set),
	KUNIT_CASE(options_numbers_decimal_or_hex),
	KUNIT_CASE(options_bad_numbers_refused),
	KUNIT_CASE(options_domid_range),
	KUNIT_CASE(options_irq_range),
	KUNIT_CASE(options_poll_us_range),
	KUNIT_CASE(options_cpus_are_a_list_of_online_ones),
	KUNIT_CASE(options_cpus_that_do_not_exist),
	KUNIT_CASE(options_priority_is_a_nice_value),
	KUNIT_CASE(options_map_limit_range),
	KUNIT_CASE(options_mapping_has_two_values),
	KUNIT_CASE(options_base_has_64_bits),
	KUNIT_CASE(options_unknown_refused),
	KUNIT_CASE(options_duplicate_refused),
	KUNIT_CASE(options_value_needed),
	KUNIT_CASE(options_nothing_given_refused),
	KUNIT_CASE(options_bools),
	KUNIT_CASE(options_serial_length),
	KUNIT_CASE(options_queues_range),
	KUNIT_CASE(options_queue_size_range),
	KUNIT_CASE(options_features_by_name),
	KUNIT_CASE(options_features_off_is_a_list),
	KUNIT_CASE(options_bad_features_refused),
	KUNIT_CASE(options_version_1_cannot_be_withheld),
	KUNIT_CASE(options_are_shown_as_they_are_given),
	KUNIT_CASE(options_defaults),
	KUNIT_CASE(options_queues_follow_the_guests_cpus),
	KUNIT_CASE(options_given_values_stay),
	KUNIT_CASE(options_queues_without_mq_are_refused),
	KUNIT_CASE(options_relative_path_refused),
	KUNIT_CASE(options_value_may_contain_equals),
	KUNIT_CASE(options_failed_set_changes_nothing),
	KUNIT_CASE(options_copy_owns_its_path),
	KUNIT_CASE(options_name),
	KUNIT_CASE(options_list_is_split),
	KUNIT_CASE(options_path_is_one_line),
	KUNIT_CASE(options_text_in_the_log),
	KUNIT_CASE(options_every_option_has_a_name),
	{}
};

static struct kunit_suite options_suite = {
	.name = "virtback_options",
	.test_cases = options_cases,
};

kunit_test_suite(options_suite);
