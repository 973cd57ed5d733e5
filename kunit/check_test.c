// SPDX-License-Identifier: GPL-2.0
/*
 * The Xen host's arithmetic: where it can serve, and how much memory of a guest it
 * may map.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "fake.h"
#include "../drivers/xen/check.h"

static void check_says_why_not(struct kunit *test)
{
	int err = 1;

	KUNIT_EXPECT_NULL(test, virtback_xen_why_not(true, true, 4096, &err));
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_STREQ(test, virtback_xen_why_not(false, true, 4096, &err),
			   "not running on Xen");
	KUNIT_EXPECT_EQ(test, err, -ENODEV);
	KUNIT_EXPECT_STREQ(test, virtback_xen_why_not(true, false, 4096, &err),
			   "Xen guests are served on 64-bit Arm only");
	KUNIT_EXPECT_EQ(test, err, -EOPNOTSUPP);
}

static void check_refuses_larger_pages(struct kunit *test)
{
	static const unsigned long sizes[] = { 16384, 65536 };
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		err = 0;
		KUNIT_EXPECT_STREQ(test, virtback_xen_why_not(true, true, sizes[i], &err),
				   "this kernel's pages are not Xen's 4 KiB");
		KUNIT_EXPECT_EQ(test, err, -EOPNOTSUPP);
	}
}

/* No queue can pin more: its pieces, two of its worker, and its rings. */
static void check_reserve_covers_all_queues(struct kunit *test)
{
	static struct virtback_vq vqs[2] = {
		{ .num_max = 256, .max_pins = 1000 },
		{ .num_max = 1024, .max_pins = 3000 },
	};
	static struct virtback_device vd = { .nvqs = 1, .vqs = vqs };
	unsigned long one;

	/* 4096, 518 and 2054 bytes that begin at any byte: 2 pages each. */
	one = virtback_xen_reserve(&vd);
	KUNIT_EXPECT_GE(test, one, 1000UL + 2 + 6);
	KUNIT_EXPECT_LE(test, one, 1000UL + 2 + 8);
	vd.nvqs = 2;
	/* 16384, 2054 and 8198 bytes: 5, 2 and 4 pages. */
	KUNIT_EXPECT_GE(test, virtback_xen_reserve(&vd), one + 3000 + 2 + 11);
	KUNIT_EXPECT_LE(test, virtback_xen_reserve(&vd), one + 3000 + 2 + 13);
}

/* What is said in the README of a disk of one queue of 256. */
static void check_reserve_of_a_disk(struct kunit *test)
{
	static struct virtback_vq vq = {
		.num_max = VIRTBACK_QUEUE_SIZE_DEFAULT,
		.max_pins = 2 * VIRTBACK_POOL_PAGES + 3 * VIRTBACK_QUEUE_SIZE_DEFAULT,
	};
	static struct virtback_device vd = { .nvqs = 1, .vqs = &vq };

	KUNIT_EXPECT_EQ(test, virtback_xen_limit_need(virtback_xen_reserve(&vd)), 12UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit_need(2 * virtback_xen_reserve(&vd)), 23UL);
}

static void check_limit_asked_for(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_xen_limit_need(128), 1UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit_need(129), 2UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(1, 128, false), 256UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(1, 129, false), 0UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(1, 129, true), 0UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(2, 129, true), 512UL);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(16384, 1, false), 16384UL * 256);
}

static void check_limit_not_asked_for(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(0, 128, false), 512UL * 256);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(0, 128, true), 64UL * 256);
	/* Made to fit. */
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(0, 64 * 256, true), 65UL * 256);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(0, 64 * 256, false), 512UL * 256);
	KUNIT_EXPECT_EQ(test, virtback_xen_limit(0, 512 * 256, false), 513UL * 256);
}

static struct kunit_case virtback_check_cases[] = {
	KUNIT_CASE(check_says_why_not),
	KUNIT_CASE(check_refuses_larger_pages),
	KUNIT_CASE(check_reserve_covers_all_queues),
	KUNIT_CASE(check_reserve_of_a_disk),
	KUNIT_CASE(check_limit_asked_for),
	KUNIT_CASE(check_limit_not_asked_for),
	{}
};

static struct kunit_suite virtback_check_suite = {
	.name = "virtback_check",
	.test_cases = virtback_check_cases,
};

kunit_test_suite(virtback_check_suite);
