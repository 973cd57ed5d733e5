// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints of the core and of the block type: each fires where it should, once, and
 * with what it should. (Those of the Xen host need Xen: scripts/xen.)
 */
#include <linux/tracepoint.h>

#include <trace/events/virtback.h>
#include <trace/events/virtback_blk.h>

#include "blk_fixture.h"
#include "fake.h"

/**
 * struct seen - how often events came, and what the last one said
 * @reads: of the window
 * @writes: of the window
 * @offset: of the last access
 * @value: of the last access
 * @kicks: notifications
 * @queue: that the last one named
 * @starts: chains taken
 * @head: of the last one
 * @in: bytes of it that the device may write
 * @out: bytes of it that the device reads
 * @ends: requests that ended
 * @len: bytes that the last one wrote
 * @lost: it was an orphan
 * @irqs: interrupts raised
 */
struct seen {
	unsigned int reads;
	unsigned int writes;
	u32 offset;
	u64 value;
	unsigned int kicks;
	u16 queue;
	unsigned int starts;
	u16 head;
	u64 in;
	u64 out;
	unsigned int ends;
	u32 len;
	bool lost;
	unsigned int irqs;
};

static void on_read(void *data, const struct virtback_device *vd, const struct virtback_access *a)
{
	struct seen *s = data;

	s->reads++;
	s->offset = a->offset;
	s->value = a->data;
}

static void on_write(void *data, const struct virtback_device *vd, const struct virtback_access *a)
{
	struct seen *s = data;

	s->writes++;
	s->offset = a->offset;
	s->value = a->data;
}

static void on_kick(void *data, const struct virtback_vq *vq)
{
	struct seen *s = data;

	s->kicks++;
	s->queue = vq->index;
}

static void on_start(void *data, const struct virtback_req *req,
		     const struct virtback_chain *chain)
{
	struct seen *s = data;

	s->starts++;
	s->head = req->id;
	s->in = chain->in.left;
	s->out = chain->out.left;
}

static void on_end(void *data, const struct virtback_req *req, u32 len)
{
	struct seen *s = data;

	s->ends++;
	s->len = len;
	s->lost = !virtback_req_live(req);
}

static void on_irq(void *data, const struct virtback_device *vd, bool repeat)
{
	struct seen *s = data;

	s->irqs++;
}

static struct seen *listen(struct kunit *test)
{
	struct seen *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_mmio_read(on_read, s), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_mmio_write(on_write, s), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_kick(on_kick, s), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_request_start(on_start, s), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_request_complete(on_end, s), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_interrupt(on_irq, s), 0);
	return s;
}

static void unlisten(struct seen *s)
{
	unregister_trace_virtback_mmio_read(on_read, s);
	unregister_trace_virtback_mmio_write(on_write, s);
	unregister_trace_virtback_kick(on_kick, s);
	unregister_trace_virtback_request_start(on_start, s);
	unregister_trace_virtback_request_complete(on_end, s);
	unregister_trace_virtback_interrupt(on_irq, s);
	tracepoint_synchronize_unregister();
}

static void accesses_are_seen(struct kunit *test)
{
	struct fake *f = test->priv;
	struct seen *s = listen(test);

	fake_read(f, VIRTIO_MMIO_MAGIC_VALUE);
	KUNIT_EXPECT_EQ(test, s->reads, 1);
	KUNIT_EXPECT_EQ(test, s->writes, 0);
	KUNIT_EXPECT_EQ(test, s->offset, VIRTIO_MMIO_MAGIC_VALUE);
	KUNIT_EXPECT_EQ(test, s->value, 0x74726976);
	fake_read(f, VIRTIO_MMIO_INTERRUPT_STATUS);
	KUNIT_EXPECT_EQ(test, s->reads, 2);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 1);
	KUNIT_EXPECT_EQ(test, s->reads, 2);
	KUNIT_EXPECT_EQ(test, s->writes, 1);
	KUNIT_EXPECT_EQ(test, s->offset, VIRTIO_MMIO_QUEUE_SEL);
	KUNIT_EXPECT_EQ(test, s->value, 1);
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	KUNIT_EXPECT_EQ(test, s->kicks, 1);
	KUNIT_EXPECT_EQ(test, s->queue, 1);
	unlisten(s);
	fake_read(f, VIRTIO_MMIO_MAGIC_VALUE);
	KUNIT_EXPECT_EQ(test, s->reads, 2);
}

static void requests_are_seen_from_start_to_end(struct kunit *test)
{
	struct fake *f = test->priv;
	struct seen *s;

	f->hold = true;
	fake_start(f, 0);
	s = listen(test);
	fake_desc(f, 2, FAKE_DATA, 24, F_NEXT, 3);
	fake_desc(f, 3, FAKE_DATA + 64, 40, F_WRITE, 0);
	fake_offer(f, 2);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, s->starts, 1);
	KUNIT_EXPECT_EQ(test, s->head, 2);
	KUNIT_EXPECT_EQ(test, s->out, 24);
	KUNIT_EXPECT_EQ(test, s->in, 40);
	KUNIT_EXPECT_EQ(test, s->ends, 0);
	KUNIT_EXPECT_EQ(test, s->irqs, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, s->ends, 1);
	KUNIT_EXPECT_EQ(test, s->len, fake_used_len(f, 0));
	KUNIT_EXPECT_FALSE(test, s->lost);
	KUNIT_EXPECT_EQ(test, s->irqs, 1);
	unlisten(s);
}

static void orphans_are_seen_as_lost(struct kunit *test)
{
	struct fake *f = test->priv;
	struct seen *s;

	f->hold = true;
	fake_start(f, 0);
	fake_desc(f, 0, FAKE_DATA, 24, 0, 0);
	fake_offer(f, 0);
	fake_kick(f);
	s = listen(test);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, s->ends, 1);
	KUNIT_EXPECT_TRUE(test, s->lost);
	KUNIT_EXPECT_EQ(test, s->irqs, 0);
	unlisten(s);
}

/* --- the block type --- */

/**
 * struct blk_seen - what the block type's events said last
 * @submits: passes given to the disk
 * @pass: the last one
 * @ends: requests that ended
 * @whole: the last one
 * @status: of it
 */
struct blk_seen {
	unsigned int submits;
	struct virtback_blk_trace pass;
	unsigned int ends;
	struct virtback_blk_trace whole;
	u8 status;
};

static void on_submit(void *data, const struct virtback_req *req)
{
	struct blk_seen *s = data;

	s->submits++;
	virtback_blk_trace_pass(req, &s->pass);
}

static void on_blk_end(void *data, const struct virtback_req *req, u8 status)
{
	struct blk_seen *s = data;

	s->ends++;
	s->status = status;
	virtback_blk_trace_whole(req, &s->whole);
}

static void expect_seen(struct blk_test *b, const struct virtback_blk_trace *t, u64 sector,
			unsigned int nr_sector, const char *rwbs)
{
	KUNIT_EXPECT_EQ(b->test, t->dev, b->disk->gd->part0->bd_dev);
	KUNIT_EXPECT_EQ(b->test, t->sector, sector);
	KUNIT_EXPECT_EQ(b->test, t->nr_sector, nr_sector);
	KUNIT_EXPECT_STREQ(b->test, t->rwbs, rwbs);
}

static void fields_are_the_block_layers(struct kunit *test)
{
	struct blk_seen *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct blk_test *b = test->priv;
	struct fake *f = blk_start(b, 0);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_blk_submit(on_submit, s), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtback_blk_complete(on_blk_end, s), 0);
	blk_request(f, VIRTIO_BLK_T_IN, 5, BUF, 1024);
	KUNIT_EXPECT_EQ(test, s->submits, 1);
	KUNIT_EXPECT_EQ(test, s->ends, 1);
	expect_seen(b, &s->pass, 5, 2, "R");
	expect_seen(b, &s->whole, 5, 2, "R");
	/* Two passes; sync and idle are what every write of a guest is. */
	blk_request(f, VIRTIO_BLK_T_OUT, 16, BUF, MIB + 4096);
	KUNIT_EXPECT_EQ(test, s->submits, 3);
	KUNIT_EXPECT_EQ(test, s->ends, 2);
	expect_seen(b, &s->pass, 16 + MIB / 512, 8, "WS");
	expect_seen(b, &s->whole, 16, MIB / 512 + 8, "WS");
	KUNIT_EXPECT_EQ(test, s->status, VIRTIO_BLK_S_OK);
	/* One that does not reach the disk. */
	blk_request(f, VIRTIO_BLK_T_GET_ID, 0, BUF, 20);
	KUNIT_EXPECT_EQ(test, s->submits, 3);
	KUNIT_EXPECT_EQ(test, s->ends, 3);
	expect_seen(b, &s->whole, 0, 0, "N");
	blk_request(f, 4711, 0, BUF, 512);
	KUNIT_EXPECT_EQ(test, s->ends, 4);
	KUNIT_EXPECT_EQ(test, s->status, VIRTIO_BLK_S_UNSUPP);
	unregister_trace_virtback_blk_submit(on_submit, s);
	unregister_trace_virtback_blk_complete(on_blk_end, s);
	tracepoint_synchronize_unregister();
}

static void status_has_an_errno(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_blk_errno(VIRTIO_BLK_S_OK), 0);
	KUNIT_EXPECT_EQ(test, virtback_blk_errno(VIRTIO_BLK_S_IOERR), -EIO);
	KUNIT_EXPECT_EQ(test, virtback_blk_errno(VIRTIO_BLK_S_UNSUPP), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, virtback_blk_errno(VIRTIO_BLK_S_ZONE_OPEN_RESOURCE), -ETOOMANYREFS);
	KUNIT_EXPECT_EQ(test, virtback_blk_errno(VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE), -EOVERFLOW);
}

static struct kunit_case blk_cases[] = {
	KUNIT_CASE(fields_are_the_block_layers),
	KUNIT_CASE(status_has_an_errno),
	{}
};

static struct kunit_suite blk_suite = {
	.name = "virtback_trace_blk",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = blk_cases,
};

static struct kunit_case cases[] = {
	KUNIT_CASE(accesses_are_seen),
	KUNIT_CASE(requests_are_seen_from_start_to_end),
	KUNIT_CASE(orphans_are_seen_as_lost),
	{}
};

static struct kunit_suite suite = {
	.name = "virtback_trace",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = cases,
};

kunit_test_suites(&suite, &blk_suite);
