// SPDX-License-Identifier: GPL-2.0
/*
 * Where and how the workers of a device run: on which processors, and how nice they
 * are to others. The scheduler keeps these, so nothing of it is stored here.
 *
 * No real-time policy is offered: a guest decides how much a worker has to do, and
 * nobody else of this machine may starve for it.
 */
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include <virtback/device.h>

/**
 * virtback_device_set_cpus() - let the workers run on these processors alone
 * @vd: device
 * @mask: processors
 *
 * May sleep.
 *
 * Return: 0, or -EINVAL when none of them is online; nothing has changed then.
 */
int virtback_device_set_cpus(struct virtback_device *vd, const struct cpumask *mask)
{
	int err = 0;
	u16 i;

	for (i = 0; i < vd->nvqs && !err; i++)
		err = set_cpus_allowed_ptr(vd->vqs[i].worker->task, mask);
	return err;
}

/**
 * virtback_device_cpus() - where the workers may run
 * @vd: device
 *
 * Return: the processors of the first worker; whoever moved another by hand knows.
 */
const struct cpumask *virtback_device_cpus(const struct virtback_device *vd)
{
	return vd->vqs[0].worker->task->cpus_ptr;
}

/**
 * virtback_device_set_nice() - give the workers a priority
 * @vd: device
 * @nice: MIN_NICE to MAX_NICE, less is more
 *
 * May sleep.
 */
void virtback_device_set_nice(struct virtback_device *vd, int nice)
{
	u16 i;

	for (i = 0; i < vd->nvqs; i++)
		set_user_nice(vd->vqs[i].worker->task, nice);
}

/**
 * virtback_device_nice() - the priority of the workers
 * @vd: device
 *
 * Return: that of the first one, MIN_NICE to MAX_NICE.
 */
int virtback_device_nice(const struct virtback_device *vd)
{
	return task_nice(vd->vqs[0].worker->task);
}
