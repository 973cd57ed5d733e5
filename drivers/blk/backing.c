// SPDX-License-Identifier: GPL-2.0
/*
 * What is behind a disk: its kind follows from what the path is.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/namei.h>
#include <linux/stat.h>

#include <virtback/config.h>

#include "blk.h"

/**
 * virtback_backing_refuse() - the one line about a store that is no good
 * @who: name of the device
 * @cfg: its configuration
 * @why: the reason
 * @err: -errno
 *
 * Return: @err
 */
int virtback_backing_refuse(const char *who, const struct virtback_config *cfg, const char *why,
			    int err)
{
	pr_err("%s: backing=%s: %s (%d)\n", who, cfg->backing ?: "", why, err);
	return err;
}

/**
 * virtback_backing_open() - open the backing store of a disk
 * @who: name of the device, for the log
 * @cfg: its configuration
 *
 * May sleep for long.
 *
 * Return: the store, or ERR_PTR() after one line in the log.
 */
struct virtback_backing *virtback_backing_open(const char *who, const struct virtback_config *cfg)
{
	struct path path;
	umode_t mode;
	int err = -EINVAL;

	if (cfg->backing && cfg->backing[0])
		err = kern_path(cfg->backing, LOOKUP_FOLLOW, &path);
	if (err) {
		virtback_backing_refuse(who, cfg, err == -ENOENT ? "no such device or file" :
					"cannot be looked up", err);
		return ERR_PTR(err);
	}
	mode = d_backing_inode(path.dentry)->i_mode;
	path_put(&path);

	/* Each kind looks again: the path may lead elsewhere when it is opened. */
	if (S_ISBLK(mode))
		return virtback_bdev_backing.open(who, cfg);
	if (S_ISREG(mode))
		return virtback_file_backing.open(who, cfg);
	err = virtback_backing_refuse(who, cfg, "neither a block device nor a regular file",
				      -ENOTBLK);
	return ERR_PTR(err);
}
