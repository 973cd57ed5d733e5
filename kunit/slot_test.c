// SPDX-License-Identifier: GPL-2.0
/*
 * The slot protocol against a slot that plays Xen's part. What must hold: a
 * request is taken once, always answered, and nothing but the answer and the
 * state is ever written.
 */
#include <kunit/test.h>

#include "../drivers/xen/slot.h"

static struct virtback_slot virtback_test_slot(u8 flags)
{
	return (struct virtback_slot){
		.addr = 0x2000070,
		.data = 0x1122334455667788,
		.count = 1,
		.size = 4,
		.vp_eport = 17,
		.state = VIRTBACK_SLOT_READY | flags,
		.type = VIRTBACK_SLOT_TYPE_COPY,
	};
}

static enum virtback_slot_kind virtback_test_kind(struct kunit *test, struct virtback_slot slot)
{
	struct virtback_slot_req req;

	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	return req.kind;
}

static void virtback_slot_test_write(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(0);
	struct virtback_slot_req req;

	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	KUNIT_EXPECT_EQ(test, (int)req.kind, (int)VIRTBACK_SLOT_ACCESS);
	KUNIT_EXPECT_EQ(test, req.addr, 0x2000070ULL);
	KUNIT_EXPECT_EQ(test, req.data, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, req.size, 4U);
	KUNIT_EXPECT_TRUE(test, req.write);
	KUNIT_EXPECT_EQ(test, slot.state, VIRTBACK_SLOT_INPROCESS);
}

static void virtback_slot_test_read(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);
	struct virtback_slot_req req;

	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	KUNIT_EXPECT_FALSE(test, req.write);
	/* What the guest's register held is not passed on as an answer. */
	KUNIT_EXPECT_EQ(test, req.data, 0ULL);
	KUNIT_EXPECT_EQ(test, slot.state, VIRTBACK_SLOT_INPROCESS | VIRTBACK_SLOT_READ);
}

/* Xen's own states, and a request that someone else has taken. */
static void virtback_slot_test_not_ready(struct kunit *test)
{
	static const u8 states[] = {
		VIRTBACK_SLOT_NONE, VIRTBACK_SLOT_INPROCESS, VIRTBACK_SLOT_RESP_READY, 9,
	};
	struct virtback_slot_req req = { .size = 99 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);
		struct virtback_slot before;

		slot.state = states[i] | VIRTBACK_SLOT_READ;
		before = slot;
		KUNIT_EXPECT_FALSE(test, virtback_slot_take(&slot, &req));
		KUNIT_EXPECT_EQ(test, memcmp(&slot, &before, sizeof(slot)), 0);
		KUNIT_EXPECT_EQ(test, req.size, 99U);
	}
}

static void virtback_slot_test_take_once(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(0);
	struct virtback_slot_req req;

	KUNIT_EXPECT_TRUE(test, virtback_slot_take(&slot, &req));
	KUNIT_EXPECT_FALSE(test, virtback_slot_take(&slot, &req));
	virtback_slot_finish(&slot, &req);
	KUNIT_EXPECT_FALSE(test, virtback_slot_take(&slot, &req));
}

/* The flags stay, the port stays: Xen crashes a guest whose slot has another. */
static void virtback_slot_test_finish_write(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(0), want = slot;
	struct virtback_slot_req req;

	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	req.data = 0xdead;
	virtback_slot_finish(&slot, &req);
	want.state = VIRTBACK_SLOT_RESP_READY;
	KUNIT_EXPECT_EQ(test, memcmp(&slot, &want, sizeof(slot)), 0);
}

static void virtback_slot_test_finish_read(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ), want = slot;
	struct virtback_slot_req req;

	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	req.data = 0x74726976;
	virtback_slot_finish(&slot, &req);
	want.state = VIRTBACK_SLOT_RESP_READY | VIRTBACK_SLOT_READ;
	want.data = 0x74726976;
	KUNIT_EXPECT_EQ(test, memcmp(&slot, &want, sizeof(slot)), 0);
}

/* All 64 bits reach the guest's register, so an answer has no more than asked for. */
static void virtback_slot_test_finish_width(struct kunit *test)
{
	static const struct {
		u32 size;
		u64 want;
	} cases[] = {
		{ 1, 0xff }, { 2, 0xffff }, { 4, 0xffffffff }, { 8, ~0ULL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);
		struct virtback_slot_req req;

		slot.size = cases[i].size;
		KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
		KUNIT_EXPECT_EQ(test, (int)req.kind, (int)VIRTBACK_SLOT_ACCESS);
		req.data = ~0ULL;
		virtback_slot_finish(&slot, &req);
		KUNIT_EXPECT_EQ(test, slot.data, cases[i].want);
	}
}

static void virtback_slot_test_invalidate(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(0);

	/* As Xen sends it. */
	slot.addr = 0;
	slot.data = ~0ULL;
	slot.count = 0;
	slot.type = VIRTBACK_SLOT_TYPE_INVALIDATE;
	KUNIT_EXPECT_EQ(test, (int)virtback_test_kind(test, slot),
			(int)VIRTBACK_SLOT_INVALIDATE);
}

static void virtback_slot_test_bad_type(struct kunit *test)
{
	static const u8 types[] = { 0, 2, 7, 9, 255 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);

		slot.type = types[i];
		KUNIT_EXPECT_EQ_MSG(test, (int)virtback_test_kind(test, slot),
				    (int)VIRTBACK_SLOT_BAD, "type %u", types[i]);
	}
}

static void virtback_slot_test_bad_size(struct kunit *test)
{
	static const u32 sizes[] = { 0, 3, 5, 6, 7, 9, 16, 64, 0x80000000, ~0U };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);

		slot.size = sizes[i];
		KUNIT_EXPECT_EQ_MSG(test, (int)virtback_test_kind(test, slot),
				    (int)VIRTBACK_SLOT_BAD, "size %u", sizes[i]);
	}
}

static void virtback_slot_test_bad_addr(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);

	slot.addr = ~0ULL - 2;
	KUNIT_EXPECT_EQ(test, (int)virtback_test_kind(test, slot), (int)VIRTBACK_SLOT_BAD);
}

static void virtback_slot_test_bad_count(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(0);

	slot.count = 0;
	KUNIT_EXPECT_EQ(test, (int)virtback_test_kind(test, slot), (int)VIRTBACK_SLOT_BAD);
	slot.count = 2;
	KUNIT_EXPECT_EQ(test, (int)virtback_test_kind(test, slot), (int)VIRTBACK_SLOT_BAD);
}

static void virtback_slot_test_bad_data_is_ptr(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_DATA_IS_PTR);

	KUNIT_EXPECT_EQ(test, (int)virtback_test_kind(test, slot), (int)VIRTBACK_SLOT_BAD);
}

static void virtback_slot_test_bad_df(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_DF);

	KUNIT_EXPECT_EQ(test, (int)virtback_test_kind(test, slot), (int)VIRTBACK_SLOT_BAD);
}

/* A vCPU waits for the answer to a bad request too. */
static void virtback_slot_test_bad_is_answered(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);
	struct virtback_slot_req req;

	slot.size = 64;
	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	virtback_slot_finish(&slot, &req);
	KUNIT_EXPECT_EQ(test, slot.state, VIRTBACK_SLOT_RESP_READY | VIRTBACK_SLOT_READ);
	KUNIT_EXPECT_EQ(test, slot.data, 0ULL);
}

static void virtback_slot_test_busy(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);
	struct virtback_slot_req req;

	KUNIT_EXPECT_TRUE(test, virtback_slot_busy(&slot));
	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	KUNIT_EXPECT_TRUE(test, virtback_slot_busy(&slot));
	virtback_slot_finish(&slot, &req);
	KUNIT_EXPECT_FALSE(test, virtback_slot_busy(&slot));
	slot.state = VIRTBACK_SLOT_NONE | VIRTBACK_SLOT_READ;
	KUNIT_EXPECT_FALSE(test, virtback_slot_busy(&slot));
}

/* An answer that the vCPU has not taken yet is not the end. */
static void virtback_slot_test_empty(struct kunit *test)
{
	struct virtback_slot slot = virtback_test_slot(VIRTBACK_SLOT_READ);
	struct virtback_slot_req req;

	KUNIT_EXPECT_FALSE(test, virtback_slot_empty(&slot));
	KUNIT_ASSERT_TRUE(test, virtback_slot_take(&slot, &req));
	KUNIT_EXPECT_FALSE(test, virtback_slot_empty(&slot));
	virtback_slot_finish(&slot, &req);
	KUNIT_EXPECT_FALSE(test, virtback_slot_empty(&slot));
	slot.state = VIRTBACK_SLOT_NONE | VIRTBACK_SLOT_READ;
	KUNIT_EXPECT_TRUE(test, virtback_slot_empty(&slot));
}

static struct kunit_case virtback_slot_cases[] = {
	KUNIT_CASE(virtback_slot_test_write),
	KUNIT_CASE(virtback_slot_test_read),
	KUNIT_CASE(virtback_slot_test_not_ready),
	KUNIT_CASE(virtback_slot_test_take_once),
	KUNIT_CASE(virtback_slot_test_finish_write),
	KUNIT_CASE(virtback_slot_test_finish_read),
	KUNIT_CASE(virtback_slot_test_finish_width),
	KUNIT_CASE(virtback_slot_test_invalidate),
	KUNIT_CASE(virtback_slot_test_bad_type),
	KUNIT_CASE(virtback_slot_test_bad_size),
	KUNIT_CASE(virtback_slot_test_bad_addr),
	KUNIT_CASE(virtback_slot_test_bad_count),
	KUNIT_CASE(virtback_slot_test_bad_data_is_ptr),
	KUNIT_CASE(virtback_slot_test_bad_df),
	KUNIT_CASE(virtback_slot_test_bad_is_answered),
	KUNIT_CASE(virtback_slot_test_busy),
	KUNIT_CASE(virtback_slot_test_empty),
	{}
};

static struct kunit_suite virtback_slot_suite = {
	.name = "virtback_slot",
	.test_cases = virtback_slot_cases,
};

kunit_test_suite(virtback_slot_suite);
