// SPDX-License-Identifier: GPL-2.0
/*
 * What all options of a device are together: read from "key=value" pairs separated by
 * blanks, several devices separated by ";", completed with defaults, copied. Used by the
 * module's parameters and by sysfs. What one option is, is in options.c.
 *
 * A string is read to its end even after an error, so that the one line in the
 * log can name the device by its domid and base wherever they stand.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include <virtback/compat.h>

#include "control.h"

/*
 * What costs something and gives a driver nothing: IN_ORDER holds back what is done
 * behind one slow request; NOTIFICATION_DATA says what the ring says as well;
 * ORDER_PLATFORM makes a driver use the barriers that a device of real hardware
 * needs, and we are another processor.
 */
#define VIRTBACK_FEATURES_OFF_DEFAULT	(BIT_ULL(VIRTIO_F_IN_ORDER) |		\
					 BIT_ULL(VIRTIO_F_ORDER_PLATFORM) |	\
					 BIT_ULL(VIRTIO_F_NOTIFICATION_DATA))

static int virtback_parse_pair(struct virtback_config *cfg, const char *pair, const char **why)
{
	const char *val = strchr(pair, '=');
	int opt = virtback_option_find(pair, val ? val - pair : strlen(pair));

	if (opt < 0) {
		*why = "unknown option";
		return -EINVAL;
	}
	if (!val) {
		*why = "needs a value, as in key=value";
		return -EINVAL;
	}
	return virtback_option_set(cfg, opt, val + 1, why);
}

/* The line about an option that is no good; @what stands for an unknown name. */
static void virtback_option_log(const struct virtback_config *cfg, bool defaults,
				const char *what, const char *opt, const char *why)
{
	char name[VIRTBACK_NAME_LEN];

	if (defaults) {
		pr_err("defaults=" VIRTBACK_LOG_TEXT ": " VIRTBACK_LOG_TEXT ": %s\n",
		       virtback_log_len(what), what, virtback_log_len(opt), opt, why);
	} else if (test_bit(VIRTBACK_OPT_DOMID, &cfg->set) &&
		   test_bit(VIRTBACK_OPT_BASE, &cfg->set)) {
		virtback_config_name(cfg, name, sizeof(name));
		pr_err("%s: " VIRTBACK_LOG_TEXT ": %s\n", name, virtback_log_len(opt), opt, why);
	} else {
		pr_err("\"" VIRTBACK_LOG_TEXT "\": " VIRTBACK_LOG_TEXT ": %s\n",
		       virtback_log_len(what), what, virtback_log_len(opt), opt, why);
	}
}

/* @defaults: not of a device, but the module's parameter of that name */
static int virtback_config_read(struct virtback_config *cfg, const char *str, bool defaults)
{
	const char *why = NULL, *bad = NULL, *first_why = NULL;
	char *whole, *copy, *rest, *pair;
	int err = 0, ret;

	memset(cfg, 0, sizeof(*cfg));
	whole = kstrdup(skip_spaces(str), GFP_KERNEL);
	copy = kstrdup(str, GFP_KERNEL);
	if (!whole || !copy) {
		pr_err("no memory for the options of a device\n");
		err = -ENOMEM;
		goto out;
	}
	strim(whole);
	rest = copy;
	while ((pair = strsep(&rest, " \t\r\n"))) {
		if (!pair[0])
			continue;
		ret = virtback_parse_pair(cfg, pair, &why);
		if (ret && !err) {
			err = ret;
			bad = pair;
			first_why = why;
		}
	}
	if (!err && !cfg->set) {
		err = -EINVAL;
		bad = "options";
		first_why = "none given";
	}
	if (err) {
		virtback_option_log(cfg, defaults, whole, bad, first_why);
		virtback_config_free(cfg);
	}
out:
	kfree(copy);
	kfree(whole);
	return err;
}

/**
 * virtback_config_parse() - read the options of one device
 * @cfg: filled; on success virtback_config_free() is due
 * @str: "key=value" pairs separated by blanks
 *
 * Return: 0, or -errno after one line in the log; @cfg then holds nothing.
 */
int virtback_config_parse(struct virtback_config *cfg, const char *str)
{
	return virtback_config_read(cfg, str, false);
}

/**
 * virtback_defaults_parse() - read options for devices that do not give them
 * @cfg: filled; on success virtback_config_free() is due
 * @str: "key=value" pairs separated by blanks
 *
 * As virtback_config_parse(), but the line in the log names the module's parameter.
 *
 * Return: 0, or -errno after one line in the log; @cfg then holds nothing.
 */
int virtback_defaults_parse(struct virtback_config *cfg, const char *str)
{
	return virtback_config_read(cfg, str, true);
}

/**
 * virtback_config_complete() - give what was not given its default
 * @cfg: valid options; @cfg->set stays as it is
 * @nr_cpus: CPUs of the guest, more than the driver could use queues for is waste
 * @why: set to the reason on error
 *
 * Return: 0, or -EINVAL when the number of queues contradicts other options;
 * nothing is logged.
 */
int virtback_config_complete(struct virtback_config *cfg, unsigned int nr_cpus, const char **why)
{
	bool mq;

	if (!test_bit(VIRTBACK_OPT_FEATURES_OFF, &cfg->set))
		cfg->features_off = VIRTBACK_FEATURES_OFF_DEFAULT;
	if (!test_bit(VIRTBACK_OPT_QUEUE_SIZE, &cfg->set))
		cfg->queue_size = VIRTBACK_QUEUE_SIZE_DEFAULT;
	mq = !(cfg->features_off & BIT_ULL(VIRTIO_BLK_F_MQ));
	if (!test_bit(VIRTBACK_OPT_QUEUES, &cfg->set)) {
		cfg->queues = mq ? clamp(nr_cpus, 1U, VIRTBACK_QUEUES_DEFAULT) : 1;
	} else if (cfg->queues > 1 && !mq) {
		*why = "more than 1 needs mq, which features_off withholds";
		return -EINVAL;
	}
	return 0;
}

/**
 * virtback_config_free() - let go of what a configuration owns
 * @cfg: the configuration, empty afterwards
 */
void virtback_config_free(struct virtback_config *cfg)
{
	kfree(cfg->backing);
	kfree(cfg->cpus);
	memset(cfg, 0, sizeof(*cfg));
}

/**
 * virtback_config_copy() - a configuration that outlives its source
 * @to: filled; on success virtback_config_free() is due
 * @from: the source
 *
 * Return: 0 or -ENOMEM
 */
int virtback_config_copy(struct virtback_config *to, const struct virtback_config *from)
{
	*to = *from;
	/* Of NULL it makes NULL. */
	to->backing = kstrdup(from->backing, GFP_KERNEL);
	to->cpus = kstrdup(from->cpus, GFP_KERNEL);
	if (!to->backing == !from->backing && !to->cpus == !from->cpus)
		return 0;
	virtback_config_free(to);
	return -ENOMEM;
}

/**
 * virtback_config_next() - cut the next device from a list
 * @list: devices separated by ";", advanced and cut
 *
 * Return: the options of one device, never blank; NULL at the end
 */
char *virtback_config_next(char **list)
{
	char *str;

	while ((str = strsep(list, ";"))) {
		str = strim(str);
		if (str[0])
			return str;
	}
	return NULL;
}
