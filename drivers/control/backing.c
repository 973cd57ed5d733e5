// SPDX-License-Identifier: GPL-2.0
/*
 * Another backing store for a device that exists: what a write to its attribute
 * "backing" does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kobject.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "control.h"

/* Called with backing_lock held; @cfg then has the old path. */
static int virtback_backing_change(struct virtback_entry *entry, struct virtback_config *cfg)
{
	struct virtback_device *vd = &entry->vd;
	int err;

	/* One that is gone may have come back by its old name. */
	if (!strcmp(cfg->backing, entry->cfg.backing) &&
	    (!vd->type->check_size || vd->type->check_size(vd)))
		return 0;
	if (virtback_config_no_backing(cfg) || !vd->type->set_backing) {
		pr_err("%s: backing=%s: a device keeps what it has\n", vd->name, cfg->backing);
		return -EINVAL;
	}
	err = vd->type->set_backing(vd, cfg);
	if (err)
		return err;
	pr_info("%s: backing: now %s, was %s\n", vd->name, cfg->backing, entry->cfg.backing);
	virtback_backing_record(entry, cfg);
	kobject_uevent(&vd->dev.kobj, KOBJ_CHANGE);
	/* A placeholder is one no more. */
	virtback_state_look(entry);
	return 0;
}

/**
 * virtback_backing_store() - give a running device another backing store
 * @entry: the device, in sysfs until this returns
 * @val: path; the path that it has means to look at its size again, or to open it anew
 *	 when what was there is gone
 *
 * May sleep for as long as the disks take, killable while it waits for the old one.
 *
 * Return: 0, or -errno after a line in the log; then nothing has changed.
 */
int virtback_backing_store(struct virtback_entry *entry, const char *val)
{
	struct virtback_config path = {}, cfg = entry->cfg;
	const char *why = NULL;
	int err;

	err = virtback_option_set(&path, VIRTBACK_OPT_BACKING, val, &why);
	if (err) {
		pr_err("%s: backing=" VIRTBACK_LOG_TEXT ": %s\n", entry->vd.name,
		       virtback_log_len(val), val, why);
		return err;
	}
	cfg.backing = path.backing;
	err = mutex_lock_killable(&entry->backing_lock);
	if (!err) {
		err = virtback_backing_change(entry, &cfg);
		mutex_unlock(&entry->backing_lock);
	}
	kfree(cfg.backing);
	return err;
}
