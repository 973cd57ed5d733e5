// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of granted memory (drivers/xen/gref.h).
 */
#include <kunit/test.h>

#include "../drivers/xen/gref.h"

#define GRANT(ref, off)	(VIRTBACK_GREF_BIT | (u64)(ref) << 12 | (off))

static void reference_is_between_bit_63_and_the_offset(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_gref_of(GRANT(8, 0)), 8);
	KUNIT_EXPECT_EQ(test, virtback_gref_of(GRANT(8, 4095)), 8);
	KUNIT_EXPECT_EQ(test, virtback_gref_of(GRANT(U32_MAX, 1)), U32_MAX);
}

static void address_without_the_bit_is_none(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, virtback_gref_valid(GRANT(8, 0), 16));
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(0x40000000, 16));
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(0, 1));
	/* It ends where the bit begins. */
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(VIRTBACK_GREF_BIT - 8, 16));
}

static void reference_has_32_bits(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, virtback_gref_valid(GRANT(U32_MAX, 0), 4096));
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(GRANT(U32_MAX, 0), 4097));
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(GRANT(1ULL << 32, 0), 1));
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(U64_MAX, 1));
}

static void buffer_that_wraps_is_none(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(U64_MAX - 7, 16));
	KUNIT_EXPECT_FALSE(test, virtback_gref_valid(GRANT(8, 0), U64_MAX));
}

static void copies_end_with_a_page(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_gref_run(GRANT(8, 0), 100), 100);
	KUNIT_EXPECT_EQ(test, virtback_gref_run(GRANT(8, 0), 5000), 4096);
	KUNIT_EXPECT_EQ(test, virtback_gref_run(GRANT(8, 4095), 5000), 1);
	KUNIT_EXPECT_EQ(test, virtback_gref_run(GRANT(8, 1), U32_MAX), 4095);
}

static void area_takes_the_pages_it_touches(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_gref_pages(GRANT(8, 0), 4096), 1);
	KUNIT_EXPECT_EQ(test, virtback_gref_pages(GRANT(8, 1), 4096), 2);
	KUNIT_EXPECT_EQ(test, virtback_gref_pages(GRANT(8, 4095), 1), 1);
	KUNIT_EXPECT_EQ(test, virtback_gref_pages(GRANT(8, 4095), 4098), 3);
}

static struct kunit_case gref_cases[] = {
	KUNIT_CASE(reference_is_between_bit_63_and_the_offset),
	KUNIT_CASE(address_without_the_bit_is_none),
	KUNIT_CASE(reference_has_32_bits),
	KUNIT_CASE(buffer_that_wraps_is_none),
	KUNIT_CASE(copies_end_with_a_page),
	KUNIT_CASE(area_takes_the_pages_it_touches),
	{}
};

static struct kunit_suite gref_suite = {
	.name = "virtback_gref",
	.test_cases = gref_cases,
};

kunit_test_suite(gref_suite);
