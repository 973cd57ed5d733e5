/* SPDX-License-Identifier: GPL-2.0 */
/* Somebody else who wants the processor of a worker. */
#ifndef VIRTBACK_OTHER_H
#define VIRTBACK_OTHER_H

#include <kunit/test.h>
#include <linux/kthread.h>

struct fake;

/**
 * struct other - a thread
 * @worker: it
 * @work: what it does
 * @ran: it had the processor
 * @stop: and then does not want it any more
 */
struct other {
	struct kthread_worker *worker;
	struct kthread_work work;
	bool ran;
	bool stop;
};

void other_begin(struct kunit *test, struct other *other);
void other_waits(struct kunit *test, struct other *other);
void other_has_waited(struct fake *f);
void other_end(struct other *other);

#endif
