// SPDX-License-Identifier: GPL-2.0
/*
 * The module: its parameters, and the order in which its parts come and go.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <virtback/xen.h>

#include "control/control.h"

static char *devices;
module_param(devices, charp, 0444);
MODULE_PARM_DESC(devices, "devices to make, separated by ';'; each is key=value pairs separated by blanks, with the keys below (default: none)");

/* One device by plain parameters, as given; NULL: not given. */
static char *plain[VIRTBACK_OPT_NR];

static int plain_set(const char *val, const struct kernel_param *kp)
{
	char **slot = kp->arg;

	if (*slot) {
		pr_err("parameters: %s: given twice\n", kp->name);
		return -EINVAL;
	}
	*slot = kstrdup(val, GFP_KERNEL);
	return *slot ? 0 : -ENOMEM;
}

static int plain_get(char *buf, const struct kernel_param *kp)
{
	char **slot = kp->arg;

	return sysfs_emit(buf, "%s\n", *slot ?: "");
}

static void plain_free(void *arg)
{
	char **slot = arg;

	kfree(*slot);
	*slot = NULL;
}

static const struct kernel_param_ops plain_ops = {
	.set = plain_set,
	.get = plain_get,
	.free = plain_free,
};

module_param_cb(domid, &plain_ops, &plain[VIRTBACK_OPT_DOMID], 0444);
MODULE_PARM_DESC(domid, "guest, 1 to 32751 (default: this kernel itself)");
module_param_cb(base, &plain_ops, &plain[VIRTBACK_OPT_BASE], 0444);
MODULE_PARM_DESC(base, "guest physical address of the register window in bytes, 64 bits (default: none)");
module_param_cb(irq, &plain_ops, &plain[VIRTBACK_OPT_IRQ], 0444);
MODULE_PARM_DESC(irq, "interrupt of the guest, 1 to 2147483647; Arm: INTID, 33 is SPI 1 (default: none)");
module_param_cb(backing, &plain_ops, &plain[VIRTBACK_OPT_BACKING], 0444);
MODULE_PARM_DESC(backing, "path of a block device (default: none)");
module_param_cb(readonly, &plain_ops, &plain[VIRTBACK_OPT_READONLY], 0444);
MODULE_PARM_DESC(readonly, "offer a read-only disk, bool (default: 0, or as the backing device is)");
module_param_cb(serial, &plain_ops, &plain[VIRTBACK_OPT_SERIAL], 0444);
MODULE_PARM_DESC(serial, "serial number of the disk, 1 to 20 characters (default: the device's name)");

static int __init virtback_plain_config(struct virtback_config *cfg)
{
	const char *why = NULL;
	int opt, err;

	/* In the table's order, so that an error can name domid and base. */
	for (opt = 0; opt < VIRTBACK_OPT_NR; opt++) {
		if (!plain[opt])
			continue;
		err = virtback_option_set(cfg, opt, plain[opt], &why);
		if (err) {
			char text[80];

			snprintf(text, sizeof(text), "%s=%s", virtback_option_name(opt),
				 plain[opt]);
			virtback_option_log(cfg, "parameters", text, why);
			return err;
		}
	}
	return 0;
}

/* The device of the plain parameters, if one was given. */
static int __init virtback_make_plain(void)
{
	struct virtback_config cfg = {};
	int err;

	err = virtback_plain_config(&cfg);
	if (!err && cfg.set)
		err = virtback_create(&cfg);
	virtback_config_free(&cfg);
	return err;
}

/* The devices of the list. */
static int __init virtback_make_list(void)
{
	char *copy, *rest, *str;
	int err = 0;

	if (!devices)
		return 0;
	rest = kstrdup(devices, GFP_KERNEL);
	copy = rest;
	if (!copy)
		return -ENOMEM;
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
	err = virtback_sysfs_init();
	if (err)
		goto control;
	err = virtback_xen_init();
	if (err)
		goto sysfs;
	err = virtback_make_plain();
	if (err)
		goto devices;
	err = virtback_make_list();
	if (err)
		goto devices;
	return 0;

devices:
	/* Sysfs and the toolstack may have made devices as well: hosts go last. */
	virtback_control_stop();
	virtback_xen_exit();
sysfs:
	virtback_control_stop();
	virtback_sysfs_exit();
control:
	virtback_control_exit();
	return err;
}

static void __exit virtback_exit(void)
{
	virtback_xen_exit();
	virtback_sysfs_exit();
	virtback_control_exit();
}

module_init(virtback_init);
module_exit(virtback_exit);

MODULE_DESCRIPTION("virtio-mmio devices for guests of a hypervisor, served by the kernel");
MODULE_VERSION(VIRTBACK_VERSION);
MODULE_LICENSE("GPL");
