// SPDX-License-Identifier: GPL-2.0
/*
 * What can be read of a guest: the directory "xen" of each of its devices. Devices
 * of one guest share its vCPUs and its memory, and so show the same numbers, but for
 * what has to do with grants.
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
VIRTBACK_VCPU_STAT(watched)
VIRTBACK_VCPU_STAT(invalidations)
VIRTBACK_VCPU_STAT(bad)
VIRTBACK_VCPU_STAT(strays)

static DEVICE_ATTR_RO(traps);
static DEVICE_ATTR_RO(slow_traps);
static DEVICE_ATTR_RO(throttled);
static DEVICE_ATTR_RO(watched);
static DEVICE_ATTR_RO(invalidations);
static DEVICE_ATTR_RO(bad);
static DEVICE_ATTR_RO(strays);

/* Written under a lock of the cache, and of use to nobody but people here. */
#define VIRTBACK_CACHE_STAT(_name, _field)				\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{									\
	struct virtback_xen_guest *guest = virtback_xen_stats_guest(dev); \
									\
	return sysfs_emit(buf, "%llu\n", (u64)READ_ONCE(guest->cache._field)); \
}									\
static DEVICE_ATTR_RO(_name)

VIRTBACK_CACHE_STAT(pages, nr_pages);
VIRTBACK_CACHE_STAT(pages_max, max_pages);
VIRTBACK_CACHE_STAT(chunks, nr_chunks);
VIRTBACK_CACHE_STAT(hits, stats.hits);
VIRTBACK_CACHE_STAT(maps, stats.maps);
VIRTBACK_CACHE_STAT(evictions, stats.evictions);
VIRTBACK_CACHE_STAT(singles, stats.singles);
VIRTBACK_CACHE_STAT(refused, stats.refused);

/* The limit in whole MiB, as virtback_xen_limit() makes it. */
static ssize_t map_limit_mb_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	unsigned long limit = READ_ONCE(virtback_xen_stats_guest(dev)->cache.limit);

	return sysfs_emit(buf, "%lu\n", limit >> (20 - PAGE_SHIFT));
}
static DEVICE_ATTR_RO(map_limit_mb);

/* These are the device's own. */
#define VIRTBACK_GRANT_STAT(_name, _field)				\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{									\
	struct virtback_xen_dev *xd = virtback_dev_of(dev)->host_priv;	\
									\
	return sysfs_emit(buf, "%lld\n", (s64)atomic64_read(&xd->_field)); \
}									\
static DEVICE_ATTR_RO(_name)

VIRTBACK_GRANT_STAT(copies, grant_copies);
VIRTBACK_GRANT_STAT(copy_calls, grant_calls);

/* Summed over the queues; each is written by its worker alone. */
static u64 virtback_xen_lenders(const struct virtback_xen_dev *xd, size_t offset)
{
	u64 sum = 0;
	u16 i;

	for (i = 0; xd->lenders && i < xd->vd->nvqs; i++)
		sum += READ_ONCE(*(u64 *)((void *)&xd->lenders[i] + offset));
	return sum;
}

#define VIRTBACK_LENDER_STAT(_name, _field)				\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{									\
	struct virtback_xen_dev *xd = virtback_dev_of(dev)->host_priv;	\
									\
	return sysfs_emit(buf, "%llu\n", virtback_xen_lenders(xd,	\
			  offsetof(struct virtback_lender, _field)));	\
}									\
static DEVICE_ATTR_RO(_name)

VIRTBACK_LENDER_STAT(data_grants, pages);
VIRTBACK_LENDER_STAT(map_calls, map_calls);
VIRTBACK_LENDER_STAT(unmap_calls, unmap_calls);

static ssize_t grants_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct virtback_xen_dev *xd = virtback_dev_of(dev)->host_priv;

	u64 data = virtback_xen_lenders(xd, offsetof(struct virtback_lender, nr_mapped));

	return sysfs_emit(buf, "%llu\n", atomic64_read(&xd->grant_pages) + data);
}
static DEVICE_ATTR_RO(grants);

static struct attribute *virtback_xen_attrs[] = {
	&dev_attr_traps.attr,
	&dev_attr_slow_traps.attr,
	&dev_attr_throttled.attr,
	&dev_attr_watched.attr,
	&dev_attr_invalidations.attr,
	&dev_attr_bad.attr,
	&dev_attr_strays.attr,
	&dev_attr_map_limit_mb.attr,
	&dev_attr_pages.attr,
	&dev_attr_pages_max.attr,
	&dev_attr_chunks.attr,
	&dev_attr_hits.attr,
	&dev_attr_maps.attr,
	&dev_attr_evictions.attr,
	&dev_attr_singles.attr,
	&dev_attr_refused.attr,
	&dev_attr_grants.attr,
	&dev_attr_copies.attr,
	&dev_attr_copy_calls.attr,
	&dev_attr_data_grants.attr,
	&dev_attr_map_calls.attr,
	&dev_attr_unmap_calls.attr,
	NULL,
};

const struct attribute_group virtback_xen_group = {
	.name = "xen",
	.attrs = virtback_xen_attrs,
};
