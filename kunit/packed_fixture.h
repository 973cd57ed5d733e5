/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of packed rings share: a started device, and chains of their own. */
#ifndef VIRTBACK_PACKED_FIXTURE_H
#define VIRTBACK_PACKED_FIXTURE_H

#include "fake.h"

#define INDIRECT_DESC	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define ENABLE		VRING_PACKED_EVENT_FLAG_ENABLE
#define DISABLE		VRING_PACKED_EVENT_FLAG_DISABLE
#define DESC		VRING_PACKED_EVENT_FLAG_DESC

#define AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define USED		BIT(VRING_PACKED_DESC_F_USED)

#define NUM		FAKE_QUEUE_SIZE
#define TABLE		(FAKE_DATA + 0x8000)
#define DSIZE		((u32)sizeof(struct vring_packed_desc))

static inline struct fake *started(struct kunit *test, u64 features)
{
	struct fake *f = test->priv;

	fake_packed_start(f, features, NUM);
	return f;
}

/* A whole request in one descriptor. */
static inline void add(struct fake *f, u16 id)
{
	fake_packed_add(f, FAKE_DATA + id * 64, 8 + id, F_WRITE, id);
}

/* A chain of @n descriptors that are read. */
static inline void add_chain(struct fake *f, u16 id, unsigned int n)
{
	while (n--)
		fake_packed_add(f, FAKE_DATA, 4, n ? F_NEXT : 0, id);
}

static inline void expect_used(struct fake *f, u16 ndesc, u16 want_id, u32 want_len)
{
	struct kunit *test = f->test;
	u16 id = 0xffff;
	u32 len = ~0;

	KUNIT_ASSERT_TRUE(test, fake_packed_used(f, ndesc, &id, &len));
	KUNIT_EXPECT_EQ(test, id, want_id);
	KUNIT_EXPECT_EQ(test, len, want_len);
}

static inline void expect_none_used(struct fake *f)
{
	u16 id;
	u32 len;

	KUNIT_EXPECT_FALSE(f->test, fake_packed_used(f, 0, &id, &len));
}

/* What was made available must be refused. */
static inline void expect_refused(struct fake *f)
{
	struct kunit *test = f->test;

	fake_kick(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
	expect_none_used(f);
}

#endif
