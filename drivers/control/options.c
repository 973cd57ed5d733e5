// SPDX-License-Identifier: GPL-2.0
/*
 * What each option of a device is: its name, what it may be, how it is shown. config.c
 * reads texts of several options with this; the toolstack calls virtback_option_set()
 * itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched/prio.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/time64.h>

#include "control.h"

/* Xen's first domid that is not a guest (xen/interface/xen.h, absent without Xen). */
#define VIRTBACK_DOMID_END	0x7FF0

/* 16 GiB: what is mapped is found by a hash of a fixed size. */
#define VIRTBACK_MAP_LIMIT_MB_MAX	16384

/* As much of a text as helps in a log line. */
#define VIRTBACK_LOG_TEXT_MAX	80

/*
 * The one list of names: what a string, a parameter of the module and an
 * attribute of a device call an option. (drivers/main.c declares a parameter for
 * each, which C wants spelt out.)
 */
static const char *const virtback_option_names[VIRTBACK_OPT_NR] = {
	[VIRTBACK_OPT_DOMID]	= "domid",
	[VIRTBACK_OPT_BASE]	= "base",
	[VIRTBACK_OPT_IRQ]	= "irq",
	[VIRTBACK_OPT_BACKING]	= "backing",
	[VIRTBACK_OPT_DIRECT_IO] = "direct_io",
	[VIRTBACK_OPT_READONLY]	= "readonly",
	[VIRTBACK_OPT_SERIAL]	= "serial",
	[VIRTBACK_OPT_QUEUES]	= "queues",
	[VIRTBACK_OPT_QUEUE_SIZE] = "queue_size",
	[VIRTBACK_OPT_FEATURES_OFF] = "features_off",
	[VIRTBACK_OPT_DMA]	= "dma",
	[VIRTBACK_OPT_RESET_TIMEOUT_MS] = "reset_timeout_ms",
	[VIRTBACK_OPT_MAP_LIMIT_MB] = "map_limit_mb",
	[VIRTBACK_OPT_MAPPING]	= "mapping",
	[VIRTBACK_OPT_POLL_US]	= "poll_us",
	[VIRTBACK_OPT_CPUS]	= "cpus",
	[VIRTBACK_OPT_PRIORITY]	= "priority",
};

static const char *const virtback_dma_names[] = {
	[VIRTBACK_DMA_BOUNCE]	= "bounce",
	[VIRTBACK_DMA_DIRECT]	= "direct",
};

static const char *const virtback_mapping_names[] = {
	[VIRTBACK_MAPPING_FOREIGN]	= "foreign",
	[VIRTBACK_MAPPING_GRANT]	= "grant",
};

/* Longer than this is not a short while, and a disk takes less. */
#define VIRTBACK_POLL_US_MAX		1000

/* A vCPU waits so long at worst. */
#define VIRTBACK_RESET_TIMEOUT_MAX	(600 * MSEC_PER_SEC)

/**
 * virtback_option_name() - the name that an option has everywhere
 * @opt: the option
 *
 * Return: the name that users write.
 */
const char *virtback_option_name(enum virtback_opt opt)
{
	return virtback_option_names[opt];
}

/**
 * virtback_log_len() - how much of a text goes into a line of the log
 * @text: the text
 *
 * The newline that echo writes is not in it: it would cut the line before the reason.
 *
 * Return: bytes, for VIRTBACK_LOG_TEXT
 */
int virtback_log_len(const char *text)
{
	int len = strnlen(text, VIRTBACK_LOG_TEXT_MAX);

	while (len && isspace(text[len - 1]))
		len--;
	return len;
}

/* @range: what to say about a number that is not from @min to @max */
static int virtback_parse_number(const char *val, u64 min, u64 max, u64 *res,
				 const char *range, const char **why)
{
	bool hex = val[0] == '0' && (val[1] == 'x' || val[1] == 'X');
	int err;

	/* No octal: 010 is ten, as a person means it. */
	err = isdigit(val[0]) ? kstrtoull(val, hex ? 16 : 10, res) : -EINVAL;
	if (err == -ERANGE || (!err && (*res < min || *res > max))) {
		*why = range;
		return -EINVAL;
	}
	if (err)
		*why = "not a number (decimal or 0x hex)";
	return err;
}

/**
 * virtback_parse_grant_map_kb() - parse the module's parameter grant_map_kb
 * @val: its value
 * @kb: receives the number
 * @why: receives the reason of a refusal, a constant
 *
 * Return: 0 or -EINVAL.
 */
int virtback_parse_grant_map_kb(const char *val, unsigned int *kb, const char **why)
{
	u64 num;
	int err = virtback_parse_number(val, 0, VIRTBACK_GRANT_MAP_KB_MAX, &num,
					"out of range, 0 to 1024", why);

	if (!err)
		*kb = num;
	return err;
}

/**
 * virtback_parse_map_limit_mb() - parse the module's parameter map_limit_mb
 * @val: its value
 * @mb: receives the number, 0 for the default
 * @why: receives the reason of a refusal, a constant
 *
 * Return: 0 or -EINVAL.
 */
int virtback_parse_map_limit_mb(const char *val, unsigned int *mb, const char **why)
{
	u64 num;
	int err = virtback_parse_number(val, 0, VIRTBACK_MAP_LIMIT_MB_MAX, &num,
					"out of range, 1 to 16384, or 0 for the default", why);

	if (!err)
		*mb = num;
	return err;
}

static int virtback_parse_backing(struct virtback_config *cfg, const char *val, const char **why)
{
	const char *c;

	if (val[0] != '/' && strcmp(val, VIRTBACK_NO_BACKING)) {
		*why = "not an absolute path (or " VIRTBACK_NO_BACKING ")";
		return -EINVAL;
	}
	/* Whoever reads the attribute or the log takes it for several lines. */
	for (c = val; *c; c++) {
		if (iscntrl(*c)) {
			*why = "has a control character in it";
			return -EINVAL;
		}
	}
	if (strlen(val) >= PATH_MAX) {
		*why = "too long";
		return -EINVAL;
	}
	cfg->backing = kstrdup(val, GFP_KERNEL);
	if (!cfg->backing) {
		*why = "out of memory";
		return -ENOMEM;
	}
	return 0;
}

static int virtback_parse_serial(struct virtback_config *cfg, const char *val, const char **why)
{
	const char *c;

	if (strlen(val) > VIRTBACK_SERIAL_LEN) {
		*why = "longer than 20 characters";
		return -EINVAL;
	}
	for (c = val; *c; c++) {
		if (!isascii(*c) || !isprint(*c)) {
			*why = "not printable ASCII";
			return -EINVAL;
		}
	}
	strscpy(cfg->serial, val, sizeof(cfg->serial));
	return 0;
}

/**
 * virtback_parse_bool() - a bool, and nothing that only begins like one
 * @val: text; a newline may follow, as in what is written to sysfs
 * @res: the answer
 *
 * kstrtobool() looks at the first letters alone: to it "0x1" is false.
 *
 * Return: 0 or -EINVAL
 */
int virtback_parse_bool(const char *val, bool *res)
{
	static const char * const words[] = { "0", "1", "n", "y", "no", "yes", "off", "on" };
	int i = sysfs_match_string(words, val);

	if (i < 0)
		return -EINVAL;
	*res = i & 1;
	return 0;
}

/**
 * virtback_parse_cpus() - a list of processors
 * @val: as in "0-3,5"
 * @mask: filled; of no use after an error
 * @why: set to the reason on error
 *
 * Return: 0 or -EINVAL
 */
int virtback_parse_cpus(const char *val, struct cpumask *mask, const char **why)
{
	/* To the kernel blanks separate as well, but here they end the option. */
	int err = strpbrk(val, " \t\r\n") ? -EINVAL : cpulist_parse(val, mask);

	if (err == -ERANGE) {
		*why = "one of these processors does not exist";
		return -EINVAL;
	}
	if (err) {
		*why = "not a list of processors, as in 0-3,5";
		return -EINVAL;
	}
	if (!cpumask_intersects(mask, cpu_online_mask)) {
		*why = "none of these processors is online";
		return -EINVAL;
	}
	return 0;
}

static int virtback_parse_cpus_option(struct virtback_config *cfg, const char *val,
				      const char **why)
{
	cpumask_var_t mask;
	int err = -ENOMEM;

	*why = "out of memory";
	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return err;
	cfg->cpus = kstrdup(val, GFP_KERNEL);
	if (cfg->cpus)
		err = virtback_parse_cpus(val, mask, why);
	if (err) {
		kfree(cfg->cpus);
		cfg->cpus = NULL;
	}
	free_cpumask_var(mask);
	return err;
}

/**
 * virtback_parse_priority() - a nice value
 * @val: decimal, with a sign or without
 * @res: -20 to 19
 * @why: set to the reason on error
 *
 * Return: 0 or -EINVAL
 */
int virtback_parse_priority(const char *val, int *res, const char **why)
{
	int nice;

	if (kstrtoint(val, 10, &nice) || nice < MIN_NICE || nice > MAX_NICE) {
		*why = "not a nice value, -20 to 19";
		return -EINVAL;
	}
	*res = nice;
	return 0;
}

/**
 * virtback_option_set() - give one option its value
 * @cfg: configuration, changed only on success
 * @opt: the option
 * @val: its value as text
 * @why: set to the reason on error
 *
 * Return: 0 or -errno; nothing is logged.
 */
int virtback_option_set(struct virtback_config *cfg, enum virtback_opt opt, const char *val,
			const char **why)
{
	u64 num = 0;
	int err = 0;

	if (test_bit(opt, &cfg->set)) {
		*why = "given twice";
		return -EINVAL;
	}
	if (!val[0]) {
		*why = "empty";
		return -EINVAL;
	}
	switch (opt) {
	case VIRTBACK_OPT_DOMID:
		err = virtback_parse_number(val, 1, VIRTBACK_DOMID_END - 1, &num,
					    "out of range, 1 to 32751", why);
		if (!err)
			cfg->domid = num;
		break;
	case VIRTBACK_OPT_BASE:
		err = virtback_parse_number(val, 0, U64_MAX, &num,
					    "out of range, 64 bits", why);
		if (!err)
			cfg->base = num;
		break;
	case VIRTBACK_OPT_IRQ:
		err = virtback_parse_number(val, 1, INT_MAX, &num,
					    "out of range, 32 to 1019", why);
		if (!err)
			cfg->irq = num;
		break;
	case VIRTBACK_OPT_BACKING:
		err = virtback_parse_backing(cfg, val, why);
		break;
	case VIRTBACK_OPT_DIRECT_IO:
		err = virtback_parse_bool(val, &cfg->direct_io);
		if (err)
			*why = "not a bool (0, 1, n, y, no, yes, off, on)";
		break;
	case VIRTBACK_OPT_READONLY:
		err = virtback_parse_bool(val, &cfg->readonly);
		if (err)
			*why = "not a bool (0, 1, n, y, no, yes, off, on)";
		break;
	case VIRTBACK_OPT_SERIAL:
		err = virtback_parse_serial(cfg, val, why);
		break;
	case VIRTBACK_OPT_QUEUES:
		err = virtback_parse_number(val, 1, VIRTBACK_QUEUES_MAX, &num,
					    "out of range, 1 to 64", why);
		if (!err)
			cfg->queues = num;
		break;
	case VIRTBACK_OPT_QUEUE_SIZE:
		err = virtback_parse_number(val, 1, VIRTBACK_QUEUE_SIZE_MAX, &num,
					    "out of range, 1 to 32768", why);
		if (!err)
			cfg->queue_size = num;
		break;
	case VIRTBACK_OPT_FEATURES_OFF:
		err = virtback_features_parse(val, &cfg->features_off, why);
		break;
	case VIRTBACK_OPT_DMA:
		err = match_string(virtback_dma_names, ARRAY_SIZE(virtback_dma_names), val);
		if (err < 0)
			*why = "not bounce or direct";
		else
			cfg->dma = err;
		err = min(err, 0);
		break;
	case VIRTBACK_OPT_RESET_TIMEOUT_MS:
		err = virtback_parse_number(val, 1, VIRTBACK_RESET_TIMEOUT_MAX, &num,
					    "out of range, 1 to 600000", why);
		if (!err)
			cfg->reset_timeout_ms = num;
		break;
	case VIRTBACK_OPT_MAP_LIMIT_MB:
		err = virtback_parse_number(val, 1, VIRTBACK_MAP_LIMIT_MB_MAX, &num,
					    "out of range, 1 to 16384", why);
		if (!err)
			cfg->map_limit_mb = num;
		break;
	case VIRTBACK_OPT_MAPPING:
		err = match_string(virtback_mapping_names, ARRAY_SIZE(virtback_mapping_names),
				   val);
		if (err < 0)
			*why = "not foreign or grant";
		else
			cfg->mapping = err;
		err = min(err, 0);
		break;
	case VIRTBACK_OPT_POLL_US:
		err = virtback_parse_number(val, 0, VIRTBACK_POLL_US_MAX, &num,
					    "out of range, 0 to 1000", why);
		if (!err)
			cfg->poll_us = num;
		break;
	case VIRTBACK_OPT_CPUS:
		err = virtback_parse_cpus_option(cfg, val, why);
		break;
	case VIRTBACK_OPT_PRIORITY:
		err = virtback_parse_priority(val, &cfg->priority, why);
		break;
	case VIRTBACK_OPT_NR:
		err = -EINVAL;
		break;
	}
	if (!err)
		set_bit(opt, &cfg->set);
	return err;
}

/**
 * virtback_option_show() - print an option for its attribute
 * @entry: the device
 * @opt: the option
 * @buf: a page, as sysfs gives it
 *
 * Return: bytes, or -ENODATA when the device has no such value
 */
ssize_t virtback_option_show(struct virtback_entry *entry, enum virtback_opt opt, char *buf)
{
	const struct virtback_config *cfg = &entry->cfg;
	int len;

	switch (opt) {
	case VIRTBACK_OPT_DOMID:
		return sysfs_emit(buf, "%u\n", cfg->domid);
	case VIRTBACK_OPT_BASE:
		return sysfs_emit(buf, "0x%llx\n", cfg->base);
	case VIRTBACK_OPT_IRQ:
		return sysfs_emit(buf, "%u\n", cfg->irq);
	case VIRTBACK_OPT_BACKING:
		return virtback_backing_show(entry, buf);
	case VIRTBACK_OPT_DIRECT_IO:
		return sysfs_emit(buf, "%u\n", !test_bit(opt, &cfg->set) || cfg->direct_io);
	case VIRTBACK_OPT_READONLY:
		return sysfs_emit(buf, "%u\n", cfg->readonly);
	case VIRTBACK_OPT_SERIAL:
		return sysfs_emit(buf, "%s\n", cfg->serial[0] ? cfg->serial : entry->vd.name);
	case VIRTBACK_OPT_QUEUES:
		return sysfs_emit(buf, "%u\n", cfg->queues);
	case VIRTBACK_OPT_QUEUE_SIZE:
		return sysfs_emit(buf, "%u\n", cfg->queue_size);
	case VIRTBACK_OPT_FEATURES_OFF:
		if (!cfg->features_off)
			return sysfs_emit(buf, "none\n");
		len = virtback_features_show(cfg->features_off, ',', buf);
		return len + sysfs_emit_at(buf, len, "\n");
	case VIRTBACK_OPT_DMA:
		return sysfs_emit(buf, "%s\n", virtback_dma_names[entry->vd.dma]);
	case VIRTBACK_OPT_RESET_TIMEOUT_MS:
		return sysfs_emit(buf, "%u\n", entry->vd.reset_timeout_ms);
	case VIRTBACK_OPT_MAPPING:
		return sysfs_emit(buf, "%s\n", virtback_mapping_names[cfg->mapping]);
	case VIRTBACK_OPT_MAP_LIMIT_MB:
		return sysfs_emit(buf, "%u\n", cfg->map_limit_mb);
	case VIRTBACK_OPT_POLL_US:
		return sysfs_emit(buf, "%u\n", READ_ONCE(entry->vd.poll_us));
	case VIRTBACK_OPT_CPUS:
		return sysfs_emit(buf, "%*pbl\n",
				  cpumask_pr_args(virtback_device_cpus(&entry->vd)));
	case VIRTBACK_OPT_PRIORITY:
		return sysfs_emit(buf, "%d\n", virtback_device_nice(&entry->vd));
	case VIRTBACK_OPT_NR:
		break;
	}
	return -ENODATA;
}

/**
 * virtback_option_find() - the option of a name
 * @name: the name
 * @len: its characters; more may follow
 *
 * Return: the option, or -ENOENT.
 */
int virtback_option_find(const char *name, size_t len)
{
	int opt;

	for (opt = 0; opt < VIRTBACK_OPT_NR; opt++) {
		const char *known = virtback_option_names[opt];

		if (strlen(known) == len && !memcmp(known, name, len))
			return opt;
	}
	return -ENOENT;
}
