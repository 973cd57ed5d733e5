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

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#error "block devices open differently in 6.5 to 6.8; 6.1 and 6.12 are supported"
#endif

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
/*
 * A disk for the suites. 6.9: its limits are given when it is allocated; 6.11: a
 * write cache is one of them.
 */
static inline struct gendisk *virtback_test_disk(u32 block_size, bool cache)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct queue_limits lim = {
		.logical_block_size = block_size,
		.features = cache ? BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA : 0,
	};

	return blk_alloc_disk(&lim, NUMA_NO_NODE);
#else
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_logical_block_size(disk->queue, block_size);
	blk_queue_write_cache(disk->queue, cache, cache);
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
#endif

#endif
