/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the scheduler share: tasks and their switching (sched.c), locks and
 * waiting (sync.c), work items, timers and the clock (work.c).
 */
#ifndef FUZZ_TASK_H
#define FUZZ_TASK_H

#include "shim.h"

/* main(), which is no task but may take locks. */
extern struct fz_task fz_boot;
/* By number: tasks that have not ended, and those with a wait queue. */
extern u32 fz_tasks_busy;
extern u32 fz_tasks_waiting;

static inline struct fz_task *fz_self(void)
{
	return fz_current ?: &fz_boot;
}

/* 0 for main() */
static inline u32 fz_task_bit(const struct fz_task *t)
{
	return t == &fz_boot ? 0 : BIT(t - fz_tasks);
}

/* The first of @mask that is no earlier than the @from-th, FZ_TASKS when there is none. */
static inline unsigned int fz_task_next(u32 mask, unsigned int from)
{
	mask = from < FZ_TASKS ? mask >> from << from : 0;
	return mask ? __builtin_ctz(mask) : FZ_TASKS;
}

/* Those of @mask, which is looked at anew for each. */
#define fz_for_each_task(i, mask)					\
	for ((i) = fz_task_next(mask, 0); (i) < FZ_TASKS; (i) = fz_task_next(mask, (i) + 1))

void fz_yield(void);
void fz_block(void);
void fz_work_init(void);
void fz_work_begin(u32 tick);
void fz_work_end(void);

#endif
