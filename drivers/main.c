// SPDX-License-Identifier: GPL-2.0
/*
 * The module: its parameters, and the order in which its parts come and go.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <virtback/xen.h>

#include "control/control.h"

/*
 * All parameters as one text, in the order given: a plain "irq=33" is what it
 * would be inside devices=. insmod passes no quotes on, so that
 *	insmod virtback.ko devices="irq=33 backing=/dev/a; irq=34 backing=/dev/b"
 * arrives here as four parameters. Put together again they mean the same.
 */
static char *given;

/* @given has been read: what a parameter is set to from now on does not add to it. */
static bool given_used;

static int given_add(const char *key, const char *val)
{
	char *longer;

	longer = kasprintf(GFP_KERNEL, "%s%s%s%s", given ?: "", given ? " " : "", key, val);
	if (!longer)
		return -ENOMEM;
	kfree(given);
	given = longer;
	return 0;
}

static int devices_set(const char *val, const struct kernel_param *kp)
{
	return given_add("", val);
}

static int option_set(const char *val, const struct kernel_param *kp)
{
	return given_add(kp->arg, val);
}

static int given_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", given ?: "");
}

static void given_free(void *arg)
{
	kfree(given);
	given = NULL;
}

static const struct kernel_param_ops devices_ops = {
	.set = devices_set,
	.get = given_get,
	.free = given_free,
};

static const struct kernel_param_ops option_ops = {
	.set = option_set,
};

module_param_cb(devices, &devices_ops, NULL, 0444);
MODULE_PARM_DESC(devices, "devices to make, separated by ';'; each is key=value pairs separated by blanks, with the keys below; if one cannot be made none is, and the module does not load (default: none)");
module_param_cb(domid, &option_ops, "domid=", 0);
MODULE_PARM_DESC(domid, "guest, 1 to 32751 (default: this kernel itself)");
module_param_cb(base, &option_ops, "base=", 0);
MODULE_PARM_DESC(base, "guest physical address of the register window (512 bytes), a multiple of 4 (default: none)");
module_param_cb(irq, &option_ops, "irq=", 0);
MODULE_PARM_DESC(irq, "interrupt of the guest, an INTID from 32 to 1019, 33 is SPI 1 (default: none)");
module_param_cb(backing, &option_ops, "backing=", 0);
MODULE_PARM_DESC(backing, "absolute path of a block device or a file; or none, for a device that gets one later (no default)");
module_param_cb(direct_io, &option_ops, "direct_io=", 0);
MODULE_PARM_DESC(direct_io, "past the page cache of a file, 0 or 1 (default: 1)");
module_param_cb(readonly, &option_ops, "readonly=", 0);
MODULE_PARM_DESC(readonly, "offer a read-only disk, 0 or 1 (default: 0, or as the backing device is)");
module_param_cb(serial, &option_ops, "serial=", 0);
MODULE_PARM_DESC(serial, "serial number of the disk, 1 to 20 characters (default: the device's name)");

module_param_cb(queues, &option_ops, "queues=", 0);
MODULE_PARM_DESC(queues, "number of virtqueues, 1 to 64, 4 MiB each in use (default: as many as the guest has CPUs, but at most 4)");
module_param_cb(queue_size, &option_ops, "queue_size=", 0);
MODULE_PARM_DESC(queue_size, "most entries of a virtqueue, 1 to 32768; a split ring gets the power of 2 below (default: 256)");
module_param_cb(features_off, &option_ops, "features_off=", 0);
MODULE_PARM_DESC(features_off, "virtio features that are not offered, names separated by commas, or none (default: in_order,order_platform,notification_data)");
module_param_cb(dma, &option_ops, "dma=", 0);
MODULE_PARM_DESC(dma, "what the backing device accesses: bounce (a copy) or direct (the guest's memory; only where its DMA is translated, or where it does none) (default: bounce)");
module_param_cb(reset_timeout_ms, &option_ops, "reset_timeout_ms=", 0);
MODULE_PARM_DESC(reset_timeout_ms, "milliseconds that a reset waits for a disk that has pages of the guest (dma=direct, or long data with mapping=grant), 1 to 600000 (default: 30000)");
module_param_cb(poll_us, &option_ops, "poll_us=", 0);
MODULE_PARM_DESC(poll_us, "microseconds that a queue's worker looks on for the guest's next request when requests come that soon, 0 to 1000; saves the guest a trap and costs this domain the time (default: 0)");
module_param_cb(mapping, &option_ops, "mapping=", 0);
MODULE_PARM_DESC(mapping, "how a Xen guest's memory is reached: foreign (mapped when needed) or grant (what its driver grants) (default: foreign)");

module_param_cb(cpus, &option_ops, "cpus=", 0);
MODULE_PARM_DESC(cpus, "processors that the threads of the queues may run on, a list as in 0-3,5 (default: all)");
module_param_cb(priority, &option_ops, "priority=", 0);
MODULE_PARM_DESC(priority, "nice value of the threads of the queues, -20 to 19 (default: 0)");

/*
 * Not an option of a device: it holds for all that give none, also for those of the
 * toolstack, and for those that come after it was changed. But behind the options of
 * a device it is one of them, as it would be had insmod passed the quotes on.
 */
unsigned int virtback_map_limit_mb;

/*
 * What is written to a parameter that is longer than a page is handed over in parts, and
 * a part may mean something. (insmod's are whole, whatever their length; such a long one
 * is no number, and could not be read again as defaults.)
 */
static int param_check(const char *name, const char *val)
{
	/* As for what is written to sysfs; who loads a module needs another capability. */
	if (given_used && !capable(CAP_SYS_ADMIN)) {
		pr_err_ratelimited("%s: needs CAP_SYS_ADMIN\n", name);
		return -EPERM;
	}
	if (strnlen(val, PAGE_SIZE) < PAGE_SIZE)
		return 0;
	pr_err("%s: longer than what fits into a page\n", name);
	return -EINVAL;
}

static int map_limit_set(const char *val, const struct kernel_param *kp)
{
	const char *why = NULL;
	unsigned int mb;
	int err;

	if (given && !given_used)
		return given_add("map_limit_mb=", val);
	err = param_check("map_limit_mb", val);
	if (err)
		return err;
	err = virtback_parse_map_limit_mb(val, &mb, &why);
	if (err)
		pr_err("map_limit_mb=" VIRTBACK_LOG_TEXT ": %s\n", virtback_log_len(val), val, why);
	else
		WRITE_ONCE(virtback_map_limit_mb, mb);
	return err;
}

static const struct kernel_param_ops map_limit_ops = {
	.set = map_limit_set,
	.get = param_get_uint,
};

module_param_cb(map_limit_mb, &map_limit_ops, &virtback_map_limit_mb, 0644);
MODULE_PARM_DESC(map_limit_mb, "MiB of a guest that may be mapped, 1 to 16384, or 0 for the default, for guests none of whose devices gives another (default: 0, which is 512, or 64 where mapping costs memory of this domain, or more if the queues need more)");

static int defaults_set(const char *val, const struct kernel_param *kp)
{
	return param_check("defaults", val) ?: virtback_defaults_set(val);
}

static int defaults_get(char *buf, const struct kernel_param *kp)
{
	return virtback_defaults_show(buf);
}

static void defaults_free(void *arg)
{
	virtback_defaults_exit();
}

static const struct kernel_param_ops defaults_ops = {
	.set = defaults_set,
	.get = defaults_get,
	.free = defaults_free,
};

module_param_cb(defaults, &defaults_ops, NULL, 0644);
MODULE_PARM_DESC(defaults, "options for devices made from now on that do not give them, those of the toolstack among them: key=value pairs separated by blanks, in quotes that reach the kernel (default: none)");

/* 0 spares the reading of clocks, for who compares. */
static int latency_set(const char *val, const struct kernel_param *kp)
{
	bool on;
	int err = param_check("latency", val);

	if (err)
		return err;
	if (virtback_parse_bool(val, &on)) {
		pr_err("latency=" VIRTBACK_LOG_TEXT ": not a bool (0, 1, n, y, no, yes, off, on)\n",
		       virtback_log_len(val), val);
		return -EINVAL;
	}
	if (on)
		static_branch_enable(&virtback_latency_on);
	else
		static_branch_disable(&virtback_latency_on);
	return 0;
}

static int latency_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", static_key_enabled(&virtback_latency_on));
}

static const struct kernel_param_ops latency_ops = {
	.set = latency_set,
	.get = latency_get,
};

module_param_cb(latency, &latency_ops, NULL, 0644);
MODULE_PARM_DESC(latency, "measure how long requests take, for latency in debugfs, 0 or 1 (default: 1)");

/* Not an option of a device either: it says what is faster here, for whatever guest. */
unsigned int virtback_grant_map_kb;

static int grant_map_set(const char *val, const struct kernel_param *kp)
{
	const char *why = NULL;
	unsigned int kb;
	int err;

	err = param_check("grant_map_kb", val);
	if (err)
		return err;
	err = virtback_parse_grant_map_kb(val, &kb, &why);
	if (err)
		pr_err("grant_map_kb=" VIRTBACK_LOG_TEXT ": %s\n", virtback_log_len(val), val, why);
	else
		WRITE_ONCE(virtback_grant_map_kb, kb);
	return err;
}

static const struct kernel_param_ops grant_map_ops = {
	.set = grant_map_set,
	.get = param_get_uint,
};

module_param_cb(grant_map_kb, &grant_map_ops, &virtback_grant_map_kb, 0644);
MODULE_PARM_DESC(grant_map_kb, "with mapping=grant: data of at least so many KiB is mapped for its request, shorter data copied, 1 to 1024, 0 to copy all (default: 0)");

/* Make the devices that the parameters name. */
static int __init virtback_make_given(void)
{
	char *copy, *rest, *str;
	int err = 0;

	kernel_param_lock(THIS_MODULE);
	given_used = true;
	kernel_param_unlock(THIS_MODULE);
	if (!given)
		return 0;
	copy = kstrdup(given, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = copy;
	while (!err && (str = virtback_config_next(&rest))) {
		struct virtback_config cfg;

		err = virtback_config_parse(&cfg, str);
		if (err)
			break;
		err = virtback_create(&cfg);
		virtback_config_free(&cfg);
	}
	kfree(copy);
	return err;
}

static int __init virtback_init(void)
{
	int err;

	err = virtback_control_init();
	if (err)
		return err;
	/* Hosts first: "add" may be written as soon as it is there. */
	err = virtback_xen_init();
	if (err)
		goto control;
	err = virtback_sysfs_init();
	if (err)
		goto xen;
	err = virtback_make_given();
	if (err)
		goto devices;
	/* Last: no guest of the toolstack may start on a module that then leaves. */
	err = virtback_toolstack_init();
	if (err)
		goto devices;
	return 0;

devices:
	/* Sysfs may have made devices as well. */
	virtback_control_stop();
	virtback_sysfs_exit();
xen:
	virtback_xen_exit();
control:
	virtback_control_exit();
	return err;
}

static void __exit virtback_exit(void)
{
	virtback_toolstack_exit();
	virtback_sysfs_exit();
	virtback_xen_exit();
	virtback_control_exit();
}

module_init(virtback_init);
module_exit(virtback_exit);

MODULE_DESCRIPTION("virtio-mmio devices for guests of a hypervisor, served by the kernel");
MODULE_VERSION(VIRTBACK_VERSION);
MODULE_LICENSE("GPL");
