/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of requests share. */
#ifndef VIRTBACK_REQ_FIXTURE_H
#define VIRTBACK_REQ_FIXTURE_H

#include <linux/string.h>

#include "../drivers/core/core.h"
#include "fake.h"

/* A started device whose every descriptor is a whole request. */
static inline struct fake *started(struct kunit *test)
{
	struct fake *f = test->priv;
	int i;

	fake_start(f, 0);
	for (i = 0; i < FAKE_QUEUE_SIZE; i++)
		fake_desc(f, i, FAKE_DATA + i * 64, 32, F_WRITE, 0);
	return f;
}

static inline void offer(struct fake *f, int n)
{
	int i;

	for (i = 0; i < n; i++)
		fake_offer(f, i);
	fake_kick(f);
}

/* Fill the guest's memory; true when nobody has changed it since. */
static inline void canary_set(struct fake *f)
{
	memset(f->mem, 0x5c, f->mem_len);
}

static inline bool canary_lives(struct fake *f)
{
	return !memchr_inv(f->mem, 0x5c, f->mem_len);
}

#endif
