/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of an operation is known to those who make new ones.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "machine.h"

#define FZ_MAX_OPS	96

/* In the flags of every operation. */
#define FZ_VCPU		1	/* the second vCPU does it */
#define FZ_LEAVE	128	/* what it set off is left where it got to */
#define FZ_PREEMPT	64	/* and is preempted after a few points */

void fz_note_cost(const u8 *data, size_t size, u32 points);

#endif
