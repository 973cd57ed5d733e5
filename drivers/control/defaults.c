// SPDX-License-Identifier: GPL-2.0
/*
 * The parameter "defaults": options for devices that do not give them, above all for
 * those of the toolstack, which cannot give any.
 *
 * Kept as the text that was written, since each device reads it as if it stood behind
 * its own options.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <virtback/vq.h>

#include "control.h"

/* What is another thing for each device; and the one with a parameter of its own. */
#define VIRTBACK_NO_DEFAULT	(BIT(VIRTBACK_OPT_DOMID) | BIT(VIRTBACK_OPT_BASE) |	\
				 BIT(VIRTBACK_OPT_IRQ) | BIT(VIRTBACK_OPT_BACKING) |	\
				 BIT(VIRTBACK_OPT_SERIAL) | BIT(VIRTBACK_OPT_MAP_LIMIT_MB))

/* Protects the text. */
static DEFINE_MUTEX(virtback_defaults_lock);
static char *virtback_defaults;

/**
 * virtback_defaults_set() - have other defaults for devices made from now on
 * @val: options of a device; blank for none
 *
 * May sleep.
 *
 * Return: 0, or -errno after a line in the log; then nothing has changed.
 */
int virtback_defaults_set(const char *val)
{
	struct virtback_config cfg = {};
	char *text = kstrdup(skip_spaces(val), GFP_KERNEL);
	int opt, err = 0;

	if (!text)
		return -ENOMEM;
	strim(text);
	if (text[0])
		err = virtback_defaults_parse(&cfg, text);
	if (!err && (cfg.set & VIRTBACK_NO_DEFAULT)) {
		opt = __ffs(cfg.set & VIRTBACK_NO_DEFAULT);
		pr_err("defaults=" VIRTBACK_LOG_TEXT ": %s: has no default for all devices here\n",
		       virtback_log_len(text), text, virtback_option_name(opt));
		err = -EINVAL;
	}
	virtback_config_free(&cfg);
	if (!err) {
		mutex_lock(&virtback_defaults_lock);
		swap(text, virtback_defaults);
		mutex_unlock(&virtback_defaults_lock);
	}
	kfree(text);
	return err;
}

/**
 * virtback_defaults_show() - print them
 * @buf: a page, as sysfs gives it
 *
 * Return: bytes
 */
int virtback_defaults_show(char *buf)
{
	int len;

	mutex_lock(&virtback_defaults_lock);
	len = sysfs_emit(buf, "%s\n", virtback_defaults ?: "");
	mutex_unlock(&virtback_defaults_lock);
	return len;
}

/* Are its queues shorter than a request is without a table? */
static bool virtback_default_short(const struct virtback_config *cfg)
{
	return test_bit(VIRTBACK_OPT_QUEUE_SIZE, &cfg->set) &&
	       cfg->queue_size < VIRTBACK_CHAIN_MIN;
}

/* Would a device refuse this beside its own options? Then it is not for that one. */
static bool virtback_default_fits(const struct virtback_config *cfg, enum virtback_opt opt)
{
	switch (opt) {
	case VIRTBACK_OPT_MAPPING:
		return test_bit(VIRTBACK_OPT_DOMID, &cfg->set) &&
		       !test_bit(VIRTBACK_OPT_MAP_LIMIT_MB, &cfg->set) &&
		       cfg->dma != VIRTBACK_DMA_DIRECT &&
		       !(cfg->features_off & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	case VIRTBACK_OPT_DMA:
		return cfg->mapping != VIRTBACK_MAPPING_GRANT;
	case VIRTBACK_OPT_QUEUES:
		return !(cfg->features_off & BIT_ULL(VIRTIO_BLK_F_MQ));
	case VIRTBACK_OPT_READONLY:
		return !(cfg->features_off & BIT_ULL(VIRTIO_BLK_F_RO));
	default:
		return true;
	}
}

/* Features that a device with these options cannot do without. */
static u64 virtback_default_needed(const struct virtback_config *cfg)
{
	u64 needed = 0;

	if (cfg->queues > 1)
		needed |= BIT_ULL(VIRTIO_BLK_F_MQ);
	if (cfg->readonly)
		needed |= BIT_ULL(VIRTIO_BLK_F_RO);
	if (cfg->mapping == VIRTBACK_MAPPING_GRANT)
		needed |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	if (virtback_default_short(cfg))
		needed |= BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	return needed;
}

static char *virtback_defaults_copy(void)
{
	char *copy;

	mutex_lock(&virtback_defaults_lock);
	copy = kstrdup(virtback_defaults ?: "", GFP_KERNEL);
	mutex_unlock(&virtback_defaults_lock);
	return copy;
}

/**
 * virtback_defaults_apply() - give a device the options that it does not give itself
 * @cfg: its options
 * @who: its name, for the log
 *
 * Of two defaults that contradict each other the first one counts. May sleep.
 *
 * Return: 0, or -errno after a line in the log.
 */
int virtback_defaults_apply(struct virtback_config *cfg, const char *who)
{
	char *copy, *rest, *pair, *val;
	const char *why = NULL;
	int opt, err = 0;

	copy = virtback_defaults_copy();
	if (!copy) {
		pr_err("%s: no memory for the device\n", who);
		return -ENOMEM;
	}
	rest = copy;
	while (!err && (pair = strsep(&rest, " \t\r\n"))) {
		val = strchr(pair, '=');
		if (!val)
			continue;
		opt = virtback_option_find(pair, val - pair);
		if (opt < 0 || test_bit(opt, &cfg->set) || !virtback_default_fits(cfg, opt))
			continue;
		/* What was right when it was written need not be now: processors go. */
		err = virtback_option_set(cfg, opt, val + 1, &why);
		if (err)
			pr_err("%s: %s: %s (by the module's parameter defaults)\n", who, pair, why);
		/* The rest of it is for this one, too. */
		if (opt == VIRTBACK_OPT_FEATURES_OFF)
			cfg->features_off &= ~virtback_default_needed(cfg);
		/* Whether it fits depends on how short it is. */
		if (opt == VIRTBACK_OPT_QUEUE_SIZE && virtback_default_short(cfg) &&
		    cfg->features_off & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)) {
			cfg->queue_size = 0;
			__clear_bit(opt, &cfg->set);
		}
	}
	kfree(copy);
	return err;
}

/**
 * virtback_defaults_exit() - forget them
 */
void virtback_defaults_exit(void)
{
	kfree(virtback_defaults);
	virtback_defaults = NULL;
}
