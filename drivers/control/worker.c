// SPDX-License-Identifier: GPL-2.0
/*
 * The attributes "cpus", "priority" and "poll_us": where and how the workers of a
 * device run.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/slab.h>

#include "control.h"

/**
 * virtback_cpus_store() - move the workers of a device
 * @entry: the device; its queues exist
 * @val: list of processors
 *
 * May sleep.
 *
 * Return: 0, or -errno after a line in the log; then nothing has changed.
 */
int virtback_cpus_store(struct virtback_entry *entry, const char *val)
{
	const char *why = "out of memory";
	cpumask_var_t mask;
	int err = -ENOMEM;

	if (alloc_cpumask_var(&mask, GFP_KERNEL)) {
		err = virtback_parse_cpus(val, mask, &why);
		if (!err) {
			/* The last of them may have gone just now. */
			why = "the scheduler refuses them";
			err = virtback_device_set_cpus(&entry->vd, mask);
		}
		free_cpumask_var(mask);
	}
	if (err)
		pr_err("%s: cpus=" VIRTBACK_LOG_TEXT ": %s (%d)\n", entry->vd.name,
		       virtback_log_len(val), val, why, err);
	return err;
}

/**
 * virtback_priority_store() - give the workers of a device a nice value
 * @entry: the device; its queues exist
 * @val: the value
 *
 * May sleep.
 *
 * Return: 0, or -errno after a line in the log; then nothing has changed.
 */
int virtback_priority_store(struct virtback_entry *entry, const char *val)
{
	const char *why = NULL;
	int nice, err;

	err = virtback_parse_priority(val, &nice, &why);
	if (err)
		pr_err("%s: priority=" VIRTBACK_LOG_TEXT ": %s (%d)\n", entry->vd.name,
		       virtback_log_len(val), val, why, err);
	else
		virtback_device_set_nice(&entry->vd, nice);
	return err;
}

/**
 * virtback_poll_us_store() - change how long the workers of a device look on
 * @entry: the device
 * @val: microseconds, as in the option
 *
 * Return: 0, or -EINVAL after a line in the log
 */
int virtback_poll_us_store(struct virtback_entry *entry, const char *val)
{
	struct virtback_config cfg = {};
	const char *why = NULL;
	int err;

	err = virtback_option_set(&cfg, VIRTBACK_OPT_POLL_US, val, &why);
	if (err)
		pr_err("%s: poll_us=" VIRTBACK_LOG_TEXT ": %s\n", entry->vd.name,
		       virtback_log_len(val), val, why);
	else
		WRITE_ONCE(entry->vd.poll_us, cfg.poll_us);
	return err;
}

/**
 * virtback_workers_place() - do what the options say about the workers
 * @entry: a device that is being made; its queues exist
 *
 * May sleep.
 *
 * Return: 0, or -errno after a line in the log.
 */
int virtback_workers_place(struct virtback_entry *entry)
{
	const struct virtback_config *cfg = &entry->cfg;

	virtback_device_set_nice(&entry->vd, cfg->priority);
	return cfg->cpus ? virtback_cpus_store(entry, cfg->cpus) : 0;
}
