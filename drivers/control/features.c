// SPDX-License-Identifier: GPL-2.0
/*
 * Names of virtio's features, for the option features_off and for people who look
 * at a device in sysfs: as in the specification, in lower case, without VIRTIO_F_
 * or VIRTIO_BLK_F_.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/virtio_config.h>

#include "control.h"

/*
 * Numbers rather than macros: the headers of the oldest kernels lack some. Bits 0
 * to 23 mean something else to each type of device (VIRTIO 1.2 section 2.2); these
 * are a block device's (5.2.3), the rest is for all (section 6).
 */
static const struct {
	u8 bit;
	const char *name;
} virtback_features[] = {
	{  1, "size_max" },
	{  2, "seg_max" },
	{  4, "geometry" },
	{  5, "ro" },
	{  6, "blk_size" },
	{  9, "flush" },
	{ 10, "topology" },
	{ 11, "config_wce" },
	{ 12, "mq" },
	{ 13, "discard" },
	{ 14, "write_zeroes" },
	{ 15, "lifetime" },
	{ 16, "secure_erase" },
	{ 17, "zoned" },
	{ 28, "indirect_desc" },
	{ 29, "event_idx" },
	{ 32, "version_1" },
	{ 33, "access_platform" },
	{ 34, "ring_packed" },
	{ 35, "in_order" },
	{ 36, "order_platform" },
	{ 38, "notification_data" },
	{ 40, "ring_reset" },
};

/* The bit of a name of @len characters, 0 when there is no such feature. */
static u64 virtback_feature_find(const char *name, size_t len)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(virtback_features); i++) {
		const char *known = virtback_features[i].name;

		if (strlen(known) == len && !memcmp(known, name, len))
			return BIT_ULL(virtback_features[i].bit);
	}
	return 0;
}

/**
 * virtback_features_parse() - read a list of features
 * @val: names separated by commas, or "none"
 * @res: their bits, changed only on success
 * @why: set to the reason on error
 *
 * Return: 0 or -EINVAL
 */
int virtback_features_parse(const char *val, u64 *res, const char **why)
{
	u64 all = 0, bit;
	size_t len;

	if (!strcmp(val, "none")) {
		*res = 0;
		return 0;
	}
	for (;; val += len + 1) {
		len = strcspn(val, ",");
		bit = virtback_feature_find(val, len);
		if (!bit) {
			*why = "not the names of features, separated by commas, or none";
			return -EINVAL;
		}
		if (bit & all) {
			*why = "a feature is named twice";
			return -EINVAL;
		}
		if (bit == BIT_ULL(VIRTIO_F_VERSION_1)) {
			*why = "version_1 cannot be withheld, there is no legacy device";
			return -EINVAL;
		}
		all |= bit;
		if (!val[len])
			break;
	}
	*res = all;
	return 0;
}

/**
 * virtback_features_show() - print the names of features
 * @features: bits
 * @sep: what separates two names
 * @buf: a page, as sysfs gives it
 *
 * A bit without a name is printed as "bit<n>". The lowest bit comes first.
 *
 * Return: bytes, without a newline; 0 for no features.
 */
int virtback_features_show(u64 features, char sep, char *buf)
{
	int i = 0, bit, len = 0;

	for (bit = 0; bit < 64; bit++) {
		while (i < ARRAY_SIZE(virtback_features) && virtback_features[i].bit < bit)
			i++;
		if (!(features & BIT_ULL(bit)))
			continue;
		if (len)
			len += sysfs_emit_at(buf, len, "%c", sep);
		if (i < ARRAY_SIZE(virtback_features) && virtback_features[i].bit == bit)
			len += sysfs_emit_at(buf, len, "%s", virtback_features[i].name);
		else
			len += sysfs_emit_at(buf, len, "bit%d", bit);
	}
	return len;
}
