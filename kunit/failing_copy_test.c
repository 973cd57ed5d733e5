// SPDX-License-Identifier: GPL-2.0
/*
 * Requests under way while a host that copies fails to: each call in turn, until none is
 * left, alone or with those that follow, of a device that copies all and of one that has
 * long data mapped. Each request is done, with the right data, or fails, or the device is
 * broken; nothing is left of any, and the next driver's requests are as good as ever.
 */
#include "blk_fixture.h"

#define REQUESTS	5
#define MOST		100
#define TRIES		20

static const struct {
	u32 type;
	u32 len;
} requests[REQUESTS] = {
	{ VIRTIO_BLK_T_IN, 4096 },
	{ VIRTIO_BLK_T_OUT, 4096 },
	{ VIRTIO_BLK_T_IN, SZ_64K },
	{ VIRTIO_BLK_T_OUT, SZ_64K },
	{ VIRTIO_BLK_T_IN, 512 },
};

/* What came of them, of all rounds. */
struct outcome {
	unsigned int done;
	unsigned int errors;
	unsigned int broken;
};

static u64 buffer_of(unsigned int i)
{
	return BUF + i * SZ_128K;
}

/* Each at three descriptors, with a header, a buffer and a status of its own. */
static void offer_requests(struct fake *f, unsigned int round, unsigned int first)
{
	unsigned int i;

	for (i = 0; i < REQUESTS; i++) {
		struct virtio_blk_outhdr *hdr = fake_va(f, HDR + i * 0x20);
		bool read = requests[i].type == VIRTIO_BLK_T_IN;

		hdr->type = (__force __virtio32)cpu_to_le32(requests[i].type);
		hdr->ioprio = 0;
		hdr->sector = (__force __virtio64)cpu_to_le64(i * 256);
		*(u8 *)fake_va(f, STATUS + i) = NO_STATUS;
		blk_fill(f, buffer_of(i), requests[i].len, round * REQUESTS + i);
		fake_desc(f, 3 * i, HDR + i * 0x20, HDR_LEN, F_NEXT, 3 * i + 1);
		fake_desc(f, 3 * i + 1, buffer_of(i), requests[i].len,
			  F_NEXT | (read ? F_WRITE : 0), 3 * i + 2);
		fake_desc(f, 3 * i + 2, STATUS + i, 1, F_WRITE, 0);
	}
	for (i = 0; i < REQUESTS; i++)
		fake_offer(f, 3 * ((i + first) % REQUESTS));
}

static void look_at_requests(struct kunit *test, struct fake *f, unsigned int round,
			     struct outcome *out)
{
	unsigned int i, n = fake_used_idx(f);

	if (fake_broken(f))
		out->broken++;
	else
		KUNIT_EXPECT_EQ_MSG(test, n, REQUESTS, "call %u", round);
	for (i = 0; i < n; i++) {
		unsigned int r = fake_used_id(f, i) / 3;
		u8 status = *(u8 *)fake_va(f, STATUS + r);

		if (status == VIRTIO_BLK_S_OK) {
			out->done++;
			KUNIT_EXPECT_TRUE_MSG(test, blk_same(test->priv, buffer_of(r), r * 256,
							     requests[r].len),
					      "call %u, request %u", round, r);
		} else {
			out->errors++;
			KUNIT_EXPECT_EQ_MSG(test, status, VIRTIO_BLK_S_IOERR,
					    "call %u, request %u", round, r);
		}
	}
}

static void expect_nothing_held(struct kunit *test, struct fake *f, unsigned int round)
{
	struct virtback_vq *vq = &f->vd.vqs[0];

	KUNIT_EXPECT_EQ_MSG(test, virtback_vq_inflight(vq), 0, "call %u", round);
	KUNIT_EXPECT_EQ_MSG(test, vq->pages.nr, vq->pages.size, "call %u", round);
	KUNIT_EXPECT_EQ_MSG(test, vq->pieces.nr, vq->pieces.size, "call %u", round);
	KUNIT_EXPECT_EQ_MSG(test, vq->keep.nr, vq->keep.size, "call %u", round);
	KUNIT_EXPECT_EQ_MSG(test, f->borrowed, 0U, "call %u", round);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&f->vd.orphans), 0, "call %u", round);
}

/*
 * @more: how many calls behind it fail; @first: the request that comes first, whose own
 * copy fails after that of all. Returns how many calls there were at least.
 */
static unsigned int fail_each_and(struct kunit *test, struct fake *f, unsigned int more,
				  unsigned int first, struct outcome *out)
{
	unsigned int n, left = 0;

	for (n = 1; !left && n < MOST; n++) {
		fake_start(f, 0);
		offer_requests(f, n, first);
		f->copy_fails = n;
		f->copy_fails_more = more;
		fake_kick(f);
		/* One that has failed, and would go on to, is not left. */
		left = f->copy_fails_more == more ? f->copy_fails : 0;
		f->copy_fails = 0;
		look_at_requests(test, f, n, out);
		fake_write(f, VIRTIO_MMIO_STATUS, 0);
		fake_settle(f);
		expect_nothing_held(test, f, n);
	}
	KUNIT_EXPECT_NE(test, left, 0U);
	return n - 2;
}

static void fail_each_copy(struct kunit *test, u32 borrow_min)
{
	struct outcome once = {}, twice = {}, all = {};
	struct fake *f = blk_device(test->priv);
	unsigned int calls, i;

	f->vd.copies = true;
	f->vd.borrow_min = borrow_min;
	/* What was copied with that of others is had at the second try. */
	calls = fail_each_and(test, f, 0, 0, &once);
	KUNIT_EXPECT_GT(test, once.done, calls * 2);
	/*
	 * Or not: data of a read. That of a write, at the third. They end together unless
	 * somebody else wanted the processor meanwhile.
	 */
	for (i = 0; i < TRIES && !twice.errors; i++)
		fail_each_and(test, f, 1, 0, &twice);
	fail_each_and(test, f, 1, 1, &once);
	KUNIT_EXPECT_GT(test, twice.errors, 0U);
	/* A header. */
	fail_each_and(test, f, UINT_MAX, 0, &all);
	KUNIT_EXPECT_GT(test, all.broken, 0U);
}

static void each_copy_may_fail(struct kunit *test)
{
	fail_each_copy(test, 0);
}

static void each_copy_may_fail_beside_what_is_mapped(struct kunit *test)
{
	fail_each_copy(test, SZ_8K);
}

static struct kunit_case failing_copy_cases[] = {
	KUNIT_CASE(each_copy_may_fail),
	KUNIT_CASE(each_copy_may_fail_beside_what_is_mapped),
	{}
};

static struct kunit_suite failing_copy_suite = {
	.name = "virtback_failing_copy",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = failing_copy_cases,
};

kunit_test_suite(failing_copy_suite);
