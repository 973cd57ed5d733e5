// SPDX-License-Identifier: GPL-2.0
/*
 * The loop host's way in on kernels that cannot trap register accesses: a virtio
 * transport whose config ops call the register file.
 *
 * Each op makes the accesses that virtio_mmio would make, in the same order, so
 * that the register file sees what it sees from a guest. Calls come from the
 * stock driver on any CPU, which makes this the place where races show.
 *
 * An interrupt is an irq_work: it comes from any context, runs in interrupt
 * context, and is done before the driver's queues go away.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include <virtback/compat.h>
#include <virtback/device.h>
#include <virtback/loop.h>
#include <virtback/mmio.h>

/**
 * struct direct - the driver's side of a device
 * @vdev: what the stock driver binds to
 * @vd: the device
 * @bus: parent of @vdev, there for its place in sysfs only; NULL once detached
 * @irq: the interrupt "line"
 * @lock: a line has one handler at a time, and it runs only while the queues are
 *	  there; protects @live
 * @live: the queues exist
 * @released: the last reference to @vdev is gone
 */
struct direct {
	struct virtio_device vdev;
	struct virtback_device *vd;
	struct platform_device *bus;
	struct irq_work irq;
	spinlock_t lock;	/* see above */
	bool live;
	struct completion released;
};

static struct direct *direct_of(struct virtio_device *vdev)
{
	return container_of(vdev, struct direct, vdev);
}

static u64 direct_access(struct direct *d, u32 offset, u32 size, bool write, u64 data)
{
	struct virtback_access a = {
		.data = data,
		.offset = offset,
		.size = size,
		.write = write,
	};

	virtback_mmio(d->vd, &a);
	return a.data;
}

static u32 direct_read(struct direct *d, u32 offset)
{
	return direct_access(d, offset, 4, false, 0);
}

static void direct_write(struct direct *d, u32 offset, u32 val)
{
	direct_access(d, offset, 4, true, val);
}

/* Configuration space is little endian, and so are the buffers of get and set. */
static void direct_get(struct virtio_device *vdev, unsigned int offset, void *buf,
		       unsigned int len)
{
	struct direct *d = direct_of(vdev);

	while (len) {
		u32 n = min(len, 4U) & 4 ?: min(len, 2U) & 2 ?: 1;
		__le32 val = cpu_to_le32(direct_access(d, VIRTIO_MMIO_CONFIG + offset, n,
						       false, 0));

		memcpy(buf, &val, n);
		buf += n;
		offset += n;
		len -= n;
	}
}

static void direct_set(struct virtio_device *vdev, unsigned int offset, const void *buf,
		       unsigned int len)
{
	struct direct *d = direct_of(vdev);

	while (len) {
		u32 n = min(len, 4U) & 4 ?: min(len, 2U) & 2 ?: 1;
		__le32 val = 0;

		memcpy(&val, buf, n);
		direct_access(d, VIRTIO_MMIO_CONFIG + offset, n, true, le32_to_cpu(val));
		buf += n;
		offset += n;
		len -= n;
	}
}

static u32 direct_generation(struct virtio_device *vdev)
{
	return direct_read(direct_of(vdev), VIRTIO_MMIO_CONFIG_GENERATION);
}

static u8 direct_get_status(struct virtio_device *vdev)
{
	return direct_read(direct_of(vdev), VIRTIO_MMIO_STATUS);
}

static void direct_set_status(struct virtio_device *vdev, u8 status)
{
	direct_write(direct_of(vdev), VIRTIO_MMIO_STATUS, status);
}

static void direct_reset(struct virtio_device *vdev)
{
	direct_write(direct_of(vdev), VIRTIO_MMIO_STATUS, 0);
}

static u64 direct_get_features(struct virtio_device *vdev)
{
	struct direct *d = direct_of(vdev);
	u64 features;

	direct_write(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (u64)direct_read(d, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	direct_write(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | direct_read(d, VIRTIO_MMIO_DEVICE_FEATURES);
}

static int direct_finalize_features(struct virtio_device *vdev)
{
	struct direct *d = direct_of(vdev);

	vring_transport_features(vdev);
	if (!__virtio_test_bit(vdev, VIRTIO_F_VERSION_1))
		return -EINVAL;
	direct_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	direct_write(d, VIRTIO_MMIO_DRIVER_FEATURES, vdev->features >> 32);
	direct_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	direct_write(d, VIRTIO_MMIO_DRIVER_FEATURES, vdev->features);
	return 0;
}

static bool direct_notify(struct virtqueue *vq)
{
	direct_write(direct_of(vq->vdev), VIRTIO_MMIO_QUEUE_NOTIFY, vq->index);
	return true;
}

static void direct_write_addr(struct direct *d, u32 low, u32 high, u64 addr)
{
	direct_write(d, low, addr);
	direct_write(d, high, addr >> 32);
}

static struct virtqueue *direct_setup_vq(struct direct *d, unsigned int index,
					 const struct virtqueue_info *info)
{
	struct virtqueue *vq;
	u32 num;

	direct_write(d, VIRTIO_MMIO_QUEUE_SEL, index);
	if (direct_read(d, VIRTIO_MMIO_QUEUE_READY))
		return ERR_PTR(-EBUSY);
	num = direct_read(d, VIRTIO_MMIO_QUEUE_NUM_MAX);
	if (!num)
		return ERR_PTR(-ENOENT);

	vq = vring_create_virtqueue(index, num, PAGE_SIZE, &d->vdev, true, true, info->ctx,
				    direct_notify, info->callback, info->name);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	vq->num_max = num;

	direct_write(d, VIRTIO_MMIO_QUEUE_NUM, virtqueue_get_vring_size(vq));
	direct_write_addr(d, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
			  virtqueue_get_desc_addr(vq));
	direct_write_addr(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
			  virtqueue_get_avail_addr(vq));
	direct_write_addr(d, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH,
			  virtqueue_get_used_addr(vq));
	direct_write(d, VIRTIO_MMIO_QUEUE_READY, 1);
	return vq;
}

static void direct_set_live(struct direct *d, bool live)
{
	spin_lock_irq(&d->lock);
	d->live = live;
	spin_unlock_irq(&d->lock);
}

static void direct_del_vqs(struct virtio_device *vdev)
{
	struct direct *d = direct_of(vdev);
	struct virtqueue *vq, *next;

	direct_set_live(d, false);
	list_for_each_entry_safe(vq, next, &vdev->vqs, list) {
		direct_write(d, VIRTIO_MMIO_QUEUE_SEL, vq->index);
		direct_write(d, VIRTIO_MMIO_QUEUE_READY, 0);
		WARN_ON(direct_read(d, VIRTIO_MMIO_QUEUE_READY));
		vring_del_virtqueue(vq);
	}
}

/* Not static, because on older kernels a function of another shape calls it. */
int virtback_loop_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
			   struct virtqueue *vqs[], struct virtqueue_info info[],
			   struct irq_affinity *desc)
{
	struct direct *d = direct_of(vdev);
	unsigned int i, index = 0;

	for (i = 0; i < nvqs; i++) {
		vqs[i] = NULL;
		if (!info[i].name)
			continue;
		vqs[i] = direct_setup_vq(d, index++, &info[i]);
		if (IS_ERR(vqs[i])) {
			int err = PTR_ERR(vqs[i]);

			direct_del_vqs(vdev);
			return err;
		}
	}
	direct_set_live(d, true);
	/* An interrupt from before was left for now. */
	irq_work_queue(&d->irq);
	return 0;
}

static void direct_synchronize_cbs(struct virtio_device *vdev)
{
	irq_work_sync(&direct_of(vdev)->irq);
}

static const char *direct_bus_name(struct virtio_device *vdev)
{
	return dev_name(&direct_of(vdev)->bus->dev);
}

static const struct virtio_config_ops direct_config_ops = {
	.get = direct_get,
	.set = direct_set,
	.generation = direct_generation,
	.get_status = direct_get_status,
	.set_status = direct_set_status,
	.reset = direct_reset,
	.find_vqs = virtback_find_vqs_op,
	.del_vqs = direct_del_vqs,
	.synchronize_cbs = direct_synchronize_cbs,
	.get_features = direct_get_features,
	.finalize_features = direct_finalize_features,
	.bus_name = direct_bus_name,
};

/* What virtio_mmio does in its interrupt handler. */
static void direct_interrupt(struct irq_work *work)
{
	struct direct *d = container_of(work, struct direct, irq);
	struct virtqueue *vq;
	unsigned long flags;
	u32 status;

	spin_lock_irqsave(&d->lock, flags);
	if (!d->live)
		goto unlock;
	status = direct_read(d, VIRTIO_MMIO_INTERRUPT_STATUS);
	direct_write(d, VIRTIO_MMIO_INTERRUPT_ACK, status);
	if (status & VIRTIO_MMIO_INT_CONFIG)
		virtio_config_changed(&d->vdev);
	if (status & VIRTIO_MMIO_INT_VRING) {
		virtio_device_for_each_vq(&d->vdev, vq)
			vring_interrupt(0, vq);
	}
unlock:
	spin_unlock_irqrestore(&d->lock, flags);
}

/**
 * virtback_loop_raise_irq() - InterruptStatus is not 0
 * @vd: attached device
 *
 * Any context.
 */
void virtback_loop_raise_irq(struct virtback_device *vd)
{
	struct direct *d = vd->host_priv;

	irq_work_queue(&d->irq);
}

static void direct_release(struct device *dev)
{
	complete(&direct_of(dev_to_virtio(dev))->released);
}

/* After the driver's side was unregistered, or was not accepted. */
static void direct_gone(struct direct *d)
{
	/* Its release is code of this module: do not leave before it ran. */
	wait_for_completion(&d->released);
	platform_device_unregister(d->bus);
	d->bus = NULL;
}

static struct direct *direct_alloc(struct virtback_device *vd)
{
	struct direct *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return ERR_PTR(-ENOMEM);
	d->bus = platform_device_register_simple("virtback-loop", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(d->bus)) {
		int err = PTR_ERR(d->bus);

		kfree(d);
		return ERR_PTR(err);
	}
	d->vd = vd;
	init_irq_work(&d->irq, direct_interrupt);
	spin_lock_init(&d->lock);
	init_completion(&d->released);
	d->vdev.dev.parent = &d->bus->dev;
	d->vdev.dev.release = direct_release;
	d->vdev.config = &direct_config_ops;
	return d;
}

/**
 * virtback_loop_release() - forget a device
 * @vd: detached device that raises no more interrupts
 *
 * May sleep.
 */
void virtback_loop_release(struct virtback_device *vd)
{
	struct direct *d = vd->host_priv;

	irq_work_sync(&d->irq);
	vd->host_priv = NULL;
	kfree(d);
}

/**
 * virtback_loop_attach() - give a device to the stock driver
 * @vd: device, ready for register accesses
 *
 * The driver, if it is loaded, has probed when this returns. May sleep.
 *
 * Return: 0 or -errno, then nothing is left.
 */
int virtback_loop_attach(struct virtback_device *vd)
{
	struct direct *d = direct_alloc(vd);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	d->vdev.id.device = direct_read(d, VIRTIO_MMIO_DEVICE_ID);
	d->vdev.id.vendor = direct_read(d, VIRTIO_MMIO_VENDOR_ID);
	vd->host_priv = d;

	err = register_virtio_device(&d->vdev);
	if (err) {
		put_device(&d->vdev.dev);
		direct_gone(d);
		virtback_loop_release(vd);
	}
	return err;
}

/**
 * virtback_loop_detach() - take a device from the stock driver
 * @vd: attached device
 *
 * The driver finishes its own requests and resets the device, so this does wait
 * for the disk: the guest is this kernel, and it lets go no faster. May sleep.
 */
void virtback_loop_detach(struct virtback_device *vd)
{
	struct direct *d = vd->host_priv;

	unregister_virtio_device(&d->vdev);
	direct_gone(d);
}

/**
 * virtback_loop_bus() - the parent of the virtio device
 * @vd: device
 *
 * Return: it, or NULL when the device is not attached.
 */
struct device *virtback_loop_bus(struct virtback_device *vd)
{
	struct direct *d = vd->host_priv;

	return d && d->bus ? &d->bus->dev : NULL;
}
