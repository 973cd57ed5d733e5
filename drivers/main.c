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

/*
 * All parameters as one text, in the order given: a plain "irq=33" is what it
 * would be inside devices=. insmod passes no quotes on, so that
 *	insmod virtback.ko devices="irq=33 backing=/dev/a; irq=34 backing=/dev/b"
 * arrives here as four parameters. Put together again they mean the same.
 */
static char *given;

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

/* Make the devices that the parameters name. */
static int __init virtback_make_given(void)
{
	char *copy, *rest, *str;
	int err = 0;

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
	err = virtback_sysfs_init();
	if (err)
		goto control;
	err = virtback_xen_init();
	if (err)
		goto sysfs;
	err = virtback_make_given();
	if (err)
		goto devices;
	/* Last: no guest of the toolstack may start on a module that then leaves. */
	err = virtback_toolstack_init();
	if (err)
		goto devices;
	return 0;

devices:
	/* Sysfs may have made devices as well: hosts go last. */
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
	virtback_toolstack_exit();
	virtback_xen_exit();
	virtback_sysfs_exit();
	virtback_control_exit();
}

module_init(virtback_init);
module_exit(virtback_exit);

MODULE_DESCRIPTION("virtio-mmio devices for guests of a hypervisor, served by the kernel");
MODULE_VERSION(VIRTBACK_VERSION);
MODULE_LICENSE("GPL");
