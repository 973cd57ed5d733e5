// SPDX-License-Identifier: GPL-2.0
/*
 * What can be read of a guest: the directory "xen" of each of its devices. Devices
 * of one guest share its vCPUs and its memory, and so show the same numbers.
 */
#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/stddef.h>
#include <linux/sysfs.h>

#include "xen.h"

/* Of a device in sysfs, which goes before the host lets go of the guest. */
static struct virtback_xen_guest *virtback_xen_stats_guest(struct device *dev)
{
	struct virtback_xen_dev *xd = virtback_dev_of(dev)->host_priv;

	return xd->guest;
}

/* Each is counted by its vCPU's handler alone, without a lock. */
static u64 virtback_xen_stats_sum(struct virtback_xen_guest *guest, size_t offset)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < guest->nr_vcpus; i++)
		sum += READ_ONCE(*(u64 *)((void *)&guest->vcpus[i] + offset));
	return sum;
}

#define VIRTBACK_VCPU_STAT(_name)					\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{									\
	size_t offset = offsetof(struct virtback_xen_vcpu, _name);	\
									\
	return sysfs_emit(buf, "%llu\n",				\
			  virtback_xen_stats_sum(virtback_xen_stats_guest(dev), offset)); \
}

VIRTBACK_VCPU_STAT(traps)
VIRTBACK_VCPU_STAT(slow_traps)
VIRTBACK_VCPU_STAT(throttled)
VIRTBACK_VCPU_STAT(invalidations)
VIRTBACK_VCPU_STAT(bad)
VIRTBACK_VCPU_STAT(strays)

static DEVICE_ATTR_RO(traps);
static DEVICE_ATTR_RO(slow_traps);
static DEVICE_ATTR_RO(throttled);
static DEVICE_ATTR_RO(invalidations);
static DEVICE_ATTR_RO(bad);
static DEVICE_ATTR_RO(strays);

static ssize_t chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(virtback_xen_stats_guest(dev)->nr_chunks));
}
static DEVICE_ATTR_RO(chunks);

#define VIRTBACK_CACHE_STAT(_name)					\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{									\
	struct virtback_xen_guest *guest = virtback_xen_stats_guest(dev); \
	u64 val;							\
									\
	spin_lock_irq(&guest->cache_lock);				\
	val = guest->stats._name;					\
	spin_unlock_irq(&guest->cache_lock);				\
	return sysfs_emit(buf, "%llu\n", val);				\
}

VIRTBACK_CACHE_STAT(hits)
VIRTBACK_CACHE_STAT(maps)
VIRTBACK_CACHE_STAT(evictions)

static DEVICE_ATTR_RO(hits);
static DEVICE_ATTR_RO(maps);
static DEVICE_ATTR_RO(evictions);

static struct attribute *virtback_xen_attrs[] = {
	&dev_attr_traps.attr,
	&dev_attr_slow_traps.attr,
	&dev_attr_throttled.attr,
	&dev_attr_invalidations.attr,
	&dev_attr_bad.attr,
	&dev_attr_strays.attr,
	&dev_attr_chunks.attr,
	&dev_attr_hits.attr,
	&dev_attr_maps.attr,
	&dev_attr_evictions.attr,
	NULL,
};

const struct attribute_group virtback_xen_group = {
	.name = "xen",
	.attrs = virtback_xen_attrs,
};
