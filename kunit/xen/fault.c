// SPDX-License-Identifier: GPL-2.0
/*
 * Which call of the Xen host fails: the n-th of the process that wrote n to the
 * parameter fail_nth, once. Reading it gives how many are left, 0 when it has failed.
 * Linked in with VIRTBACK_FAULTS=y only; see scripts/xen/scenarios/92-failing-creation.sh.
 */
#define VIRTBACK_FAULT_ITSELF
#include <linux/module.h>
#include <linux/sched.h>

#include "fault.h"

static int fault_nth;
/* Whose calls are counted; compared, never followed. */
static struct task_struct *fault_task;

/**
 * virtback_fault() - is this call to fail?
 *
 * Any context; only calls in process context of the task that asked are counted.
 */
bool virtback_fault(void)
{
	if (!in_task() || READ_ONCE(fault_task) != current || !fault_nth)
		return false;
	return !--fault_nth;
}

static int fault_set(const char *val, const struct kernel_param *kp)
{
	int err = kstrtoint(val, 0, &fault_nth);

	WRITE_ONCE(fault_task, current);
	return err;
}

static const struct kernel_param_ops fault_ops = {
	.set = fault_set,
	.get = param_get_int,
};

module_param_cb(fail_nth, &fault_ops, &fault_nth, 0600);
MODULE_PARM_DESC(fail_nth, "the n-th call of this task from now on fails");
