// SPDX-License-Identifier: GPL-2.0
/*
 * Options of a device: what a string means, and what is refused. A refusal must
 * leave nothing behind and say why.
 */
#include <kunit/test.h>
#include <linux/string.h>

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
	const char *line = "domid=3 base=0x2000000 irq=33 backing=/dev/vdb readonly=1 serial=abc "
			   "direct_io=1";
	struct virtback_config cfg;

	KUNIT_ASSERT_EQ(test, 0, virtback_config_parse(&cfg, line));
	KUNIT_EXPECT_EQ(test, cfg.set, BIT(VIRTBACK_OPT_NR) - 1);
	KUNIT_EXPECT_EQ(test, cfg.domid, 3);
	KUNIT_EXPECT_EQ(test, cfg.base, 0x2000000);
	KUNIT_EXPECT_EQ(test, cfg.irq, 33);
	KUNIT_EXPECT_STREQ(test, cfg.backing, "/dev/vdb");
	KUNIT_EXPECT_TRUE(test, cfg.readonly);
	KUNIT_EXPECT_TRUE(test, cfg.direct_io);
	KUNIT_EXPECT_STREQ(test, cfg.serial, "abc");
	virtback_config_free(&cfg);
	KUNIT_EXPECT_NULL(test, cfg.backing);
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
	KUNIT_CASE(options_any_order_and_blanks),
	KUNIT_CASE(options_not_given_is_not_set),
	KUNIT_CASE(options_numbers_decimal_or_hex),
	KUNIT_CASE(options_bad_numbers_refused),
	KUNIT_CASE(options_domid_range),
	KUNIT_CASE(options_irq_range),
	KUNIT_CASE(options_base_has_64_bits),
	KUNIT_CASE(options_unknown_refused),
	KUNIT_CASE(options_duplicate_refused),
	KUNIT_CASE(options_value_needed),
	KUNIT_CASE(options_nothing_given_refused),
	KUNIT_CASE(options_bools),
	KUNIT_CASE(options_serial_length),
	KUNIT_CASE(options_relative_path_refused),
	KUNIT_CASE(options_value_may_contain_equals),
	KUNIT_CASE(options_failed_set_changes_nothing),
	KUNIT_CASE(options_copy_owns_its_path),
	KUNIT_CASE(options_name),
	KUNIT_CASE(options_list_is_split),
	KUNIT_CASE(options_every_option_has_a_name),
	{}
};

static struct kunit_suite options_suite = {
	.name = "virtback_options",
	.test_cases = options_cases,
};

kunit_test_suite(options_suite);
