/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that virtback builds for. Nothing else tests
 * LINUX_VERSION_CODE.
 */
#ifndef VIRTBACK_COMPAT_H
#define VIRTBACK_COMPAT_H

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

/* 6.4 (and 6.1 has only some): features of VIRTIO 1.2 got names. */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA	38
#endif

/* Nowhere yet: QueueReset (VIRTIO 1.2 section 4.2.2). */
#ifndef VIRTIO_MMIO_QUEUE_RESET
#define VIRTIO_MMIO_QUEUE_RESET		0x0c0
#endif

/* 6.4: an attribute of a class gets the class, and itself, as constants. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define virtback_class_const	const
#else
#define virtback_class_const
#endif

/* 6.3: the callback for uevents gets its device as a constant. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define virtback_uevent_const	const
#else
#define virtback_uevent_const
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#error "block devices open differently in 6.5 to 6.8; 6.1 to 6.4 and 6.9 to 7.3 are supported"
#endif

/*
 * What blk_start_plug_nr_ios() does, which no kernel exports: the block layer takes the
 * tags of the next @nr requests at once and not one by one. Those that are not used are
 * given back with the plug, and when its task goes to sleep.
 */
static inline void virtback_plug_expect(struct blk_plug *plug, unsigned int nr)
{
	plug->nr_ios = nr;
}

/* 6.9: an open block device is a struct file; before, a block_device and a mode. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <linux/file.h>

typedef struct file *virtback_bdev_handle;

static inline virtback_bdev_handle virtback_bdev_open(const char *path, bool write, void *holder)
{
	return bdev_file_open_by_path(path, BLK_OPEN_READ | (write ? BLK_OPEN_WRITE : 0),
				      holder, NULL);
}

static inline struct block_device *virtback_bdev(virtback_bdev_handle handle)
{
	return file_bdev(handle);
}

static inline void virtback_bdev_close(virtback_bdev_handle handle, bool write, void *holder)
{
	/*
	 * bdev_fput() would close it later, in another thread, after we said
	 * that it is closed. No lock of ours or of the caller's is held here.
	 */
	__fput_sync(handle);
}
#else
typedef struct block_device *virtback_bdev_handle;

static inline fmode_t virtback_bdev_mode(bool write, void *holder)
{
	return FMODE_READ | (write ? FMODE_WRITE : 0) | (holder ? FMODE_EXCL : 0);
}

static inline virtback_bdev_handle virtback_bdev_open(const char *path, bool write, void *holder)
{
	return blkdev_get_by_path(path, virtback_bdev_mode(write, holder), holder);
}

static inline struct block_device *virtback_bdev(virtback_bdev_handle handle)
{
	return handle;
}

static inline void virtback_bdev_close(virtback_bdev_handle handle, bool write, void *holder)
{
	blkdev_put(handle, virtback_bdev_mode(write, holder));
}
#endif

/* 6.3: virtio_blk.h knows zoned disks (VIRTIO 1.3 section 5.2). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define VIRTIO_BLK_F_ZONED			17

#define VIRTIO_BLK_T_ZONE_APPEND		15
#define VIRTIO_BLK_T_ZONE_REPORT		16
#define VIRTIO_BLK_T_ZONE_OPEN			18
#define VIRTIO_BLK_T_ZONE_CLOSE			20
#define VIRTIO_BLK_T_ZONE_FINISH		22
#define VIRTIO_BLK_T_ZONE_RESET			24
#define VIRTIO_BLK_T_ZONE_RESET_ALL		26

#define VIRTIO_BLK_Z_HM				1
#define VIRTIO_BLK_ZT_CONV			1
#define VIRTIO_BLK_ZT_SWR			2
#define VIRTIO_BLK_ZT_SWP			3
#define VIRTIO_BLK_ZS_NOT_WP			0
#define VIRTIO_BLK_ZS_EMPTY			1
#define VIRTIO_BLK_ZS_IOPEN			2
#define VIRTIO_BLK_ZS_EOPEN			3
#define VIRTIO_BLK_ZS_CLOSED			4
#define VIRTIO_BLK_ZS_RDONLY			13
#define VIRTIO_BLK_ZS_FULL			14
#define VIRTIO_BLK_ZS_OFFLINE			15

#define VIRTIO_BLK_S_ZONE_INVALID_CMD		3
#define VIRTIO_BLK_S_ZONE_UNALIGNED_WP		4
#define VIRTIO_BLK_S_ZONE_OPEN_RESOURCE		5
#define VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE	6

struct virtio_blk_zoned_characteristics {
	__virtio32 zone_sectors;
	__virtio32 max_open_zones;
	__virtio32 max_active_zones;
	__virtio32 max_append_sectors;
	__virtio32 write_granularity;
	__u8 model;
	__u8 unused2[3];
} __packed;

struct virtio_blk_zone_descriptor {
	__virtio64 z_cap;
	__virtio64 z_start;
	__virtio64 z_wp;
	__u8 z_type;
	__u8 z_state;
	__u8 reserved[38];
};

struct virtio_blk_zone_report {
	__virtio64 nr_zones;
	__u8 reserved[56];
	struct virtio_blk_zone_descriptor zones[];
};
#else
static_assert(offsetof(struct virtio_blk_config, zoned) == 72);
#endif

/* Where &struct virtio_blk_zoned_characteristics is in configuration space. */
#define VIRTBACK_ZONED_OFFSET	72

/*
 * A kernel without CONFIG_BLK_DEV_ZONED has no zoned devices, and 6.1 has not even
 * the prototypes. 6.9: there are no host-aware devices any more; before, such a
 * device is served as the ordinary disk that it can be. 6.10: blkdev_zone_mgmt()
 * takes no gfp flags.
 */
#ifdef CONFIG_BLK_DEV_ZONED
static inline bool virtback_bdev_zoned(struct block_device *bdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return bdev_is_zoned(bdev);
#else
	return bdev_zoned_model(bdev) == BLK_ZONED_HM;
#endif
}

static inline int virtback_bdev_report_zones(struct block_device *bdev, u64 sector,
					     unsigned int nr, report_zones_cb cb, void *data)
{
	return blkdev_report_zones(bdev, sector, nr, cb, data);
}

static inline int virtback_bdev_reset_zones(struct block_device *bdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return blkdev_zone_mgmt(bdev, REQ_OP_ZONE_RESET, 0, bdev_nr_sectors(bdev));
#else
	return blkdev_zone_mgmt(bdev, REQ_OP_ZONE_RESET, 0, bdev_nr_sectors(bdev), GFP_NOIO);
#endif
}
#else
static inline bool virtback_bdev_zoned(struct block_device *bdev)
{
	return false;
}

static inline int virtback_bdev_report_zones(struct block_device *bdev, u64 sector,
					     unsigned int nr, report_zones_cb cb, void *data)
{
	return -EOPNOTSUPP;
}

static inline int virtback_bdev_reset_zones(struct block_device *bdev)
{
	return -EOPNOTSUPP;
}
#endif

/* 6.13, and hrtimer_init() went soon after. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup(timer, fn, clock, mode)				\
do {									\
	struct hrtimer *__timer = (timer);				\
									\
	hrtimer_init(__timer, clock, mode);				\
	__timer->function = (fn);					\
} while (0)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync(t)	del_timer_sync(t)
#endif

/*
 * 6.11: a transport's find_vqs() takes one array instead of three. The function
 * that does the work has the new shape, virtback_find_vqs_op() is what goes into
 * struct virtio_config_ops.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#include <linux/slab.h>

struct virtqueue_info {
	const char *name;
	vq_callback_t *callback;
	bool ctx;
};
#endif

/* drivers/loop/direct.c */
int virtback_loop_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
			   struct virtqueue *vqs[], struct virtqueue_info info[],
			   struct irq_affinity *desc);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
static inline int virtback_find_vqs_op(struct virtio_device *vdev, unsigned int nvqs,
				       struct virtqueue *vqs[], vq_callback_t *callbacks[],
				       const char * const names[], const bool *ctx,
				       struct irq_affinity *desc)
{
	struct virtqueue_info *info = kcalloc(nvqs, sizeof(*info), GFP_KERNEL);
	unsigned int i;
	int ret;

	if (!info)
		return -ENOMEM;
	for (i = 0; i < nvqs; i++) {
		info[i].name = names[i];
		info[i].callback = callbacks[i];
		info[i].ctx = ctx && ctx[i];
	}
	ret = virtback_loop_find_vqs(vdev, nvqs, vqs, info, desc);
	kfree(info);
	return ret;
}
#else
#define virtback_find_vqs_op	virtback_loop_find_vqs
#endif

#ifdef VIRTBACK_KUNIT
/**
 * struct virtback_test_ranges - what a disk of the suites does without data
 * @discard: sectors that it discards at once, 0 for none
 * @granularity: bytes that it discards at least
 * @zeroes: sectors that it zeroes at once, 0 for none
 * @erase: sectors that it erases at once, 0 for none
 */
struct virtback_test_ranges {
	u32 discard;
	u32 granularity;
	u32 zeroes;
	u32 erase;
};

/*
 * A disk for the suites. 6.9: its limits are given when it is allocated; 6.11: a
 * write cache is one of them.
 */
static inline struct gendisk *virtback_test_disk(u32 block_size, bool cache,
						 const struct virtback_test_ranges *r)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct queue_limits lim = {
		.logical_block_size = block_size,
		.features = cache ? BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA : 0,
		.max_hw_discard_sectors = r->discard,
		.discard_granularity = r->granularity,
		.max_write_zeroes_sectors = r->zeroes,
		.max_secure_erase_sectors = r->erase,
	};

	return blk_alloc_disk(&lim, NUMA_NO_NODE);
#else
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_logical_block_size(disk->queue, block_size);
	blk_queue_write_cache(disk->queue, cache, cache);
	blk_queue_max_discard_sectors(disk->queue, r->discard);
	disk->queue->limits.discard_granularity = r->granularity;
	blk_queue_max_write_zeroes_sectors(disk->queue, r->zeroes);
	blk_queue_max_secure_erase_sectors(disk->queue, r->erase);
	return disk;
#endif
}

/* Data must not change while it is written. Before the disk is added. */
static inline void virtback_test_stable(struct gendisk *disk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	disk->queue->limits.features |= BLK_FEAT_STABLE_WRITES;
#else
	blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, disk->queue);
#endif
}

#ifdef CONFIG_BLK_DEV_ZONED
/* The same with zones of limits->chunk_sectors. */
static inline struct gendisk *virtback_test_zoned_disk(struct queue_limits *lim)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	lim->features |= BLK_FEAT_ZONED;
	return blk_alloc_disk(lim, NUMA_NO_NODE);
#else
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk_set_zoned(disk, BLK_ZONED_HM);
	blk_queue_chunk_sectors(disk->queue, lim->chunk_sectors);
	blk_queue_max_zone_append_sectors(disk->queue, lim->max_zone_append_sectors);
	blk_queue_zone_write_granularity(disk->queue, lim->zone_write_granularity);
	return disk;
#endif
}

/* Its capacity and its report of zones are there. */
static inline int virtback_test_zones_ready(struct gendisk *disk, u32 max_open, u32 max_active)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	return blk_revalidate_disk_zones(disk);
#else
	disk_set_max_open_zones(disk, max_open);
	disk_set_max_active_zones(disk, max_active);
	disk->nr_zones = DIV_ROUND_UP(get_capacity(disk), disk->queue->limits.chunk_sectors);
	return 0;
#endif
}

/* 6.10: these limits are in struct queue_limits. */
static inline void virtback_test_zone_limits(struct queue_limits *lim, u32 max_open, u32 max_active)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	lim->max_open_zones = max_open;
	lim->max_active_zones = max_active;
#endif
}
#endif
#endif

#endif
