// SPDX-License-Identifier: GPL-2.0
/*
 * The loop host's way in under UML: an emulated register window (logic_iomem)
 * and an interrupt of our own, to which the stock, unmodified virtio_mmio driver
 * binds as it would on any machine.
 *
 * Every access of the driver is a call into virtback_mmio() in the driver's own
 * context. It makes only the three fast accesses in atomic context.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/logic_iomem.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include <virtback/device.h>
#include <virtback/loop.h>
#include <virtback/mmio.h>

/* Free in UML's physical address space: above RAM, below its emulated PCI. */
#define WINDOW_BASE	0xe0000000UL
#define WINDOW_STRIDE	0x1000UL
#define WINDOW_SLOTS	64

/* UML's own interrupts lie below and are not marked as taken. */
#define WINDOW_FIRST_IRQ	100

/**
 * struct window - one device's place in the region
 * @vd: the device
 * @slot: index of the window
 * @irq: its interrupt
 * @pdev: what virtio_mmio binds to; NULL once detached
 */
struct window {
	struct virtback_device *vd;
	unsigned int slot;
	int irq;
	struct platform_device *pdev;
};

/**
 * struct window_region - what logic_iomem keeps of us for ever
 * @res: the addresses; empty and outside the resource tree while no device exists
 * @ops: how to map them
 * @name: of @res
 *
 * A region cannot be unregistered: each later ioremap() in the kernel looks at
 * @res, and calls @ops if its addresses match. So this is memory that is never
 * freed, outside of the module, and with the last device @res becomes an empty
 * range, which nothing can match. The module can then be removed; what stays of
 * it is this structure (once for each time it was loaded and used).
 */
struct window_region {
	struct resource res;
	struct logic_iomem_region_ops ops;
	char name[sizeof("virtback")];
};

/* Protects everything below but the reads in window_map(), see there. */
static DEFINE_MUTEX(window_lock);
static struct window_region *window_region;
static struct window *window_slots[WINDOW_SLOTS];
static unsigned int window_used;

static unsigned long window_read(void *priv, unsigned int offset, int size)
{
	struct window *w = priv;
	struct virtback_access a = { .offset = offset % WINDOW_STRIDE, .size = size };

	virtback_mmio(w->vd, &a);
	return a.data;
}

static void window_write(void *priv, unsigned int offset, int size, unsigned long val)
{
	struct window *w = priv;
	struct virtback_access a = {
		.data = val,
		.offset = offset % WINDOW_STRIDE,
		.size = size,
		.write = true,
	};

	virtback_mmio(w->vd, &a);
}

static const struct logic_iomem_ops window_ops = {
	.read = window_read,
	.write = window_write,
};

/*
 * ioremap() of a window. A slot is filled before its platform device exists and
 * emptied when that is gone, so whoever maps it need not take window_lock.
 */
static long window_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
		       void **priv)
{
	unsigned int slot = offset / WINDOW_STRIDE;
	struct window *w;

	if (slot >= WINDOW_SLOTS || offset % WINDOW_STRIDE + size > VIRTBACK_WINDOW_SIZE)
		return -EINVAL;
	w = READ_ONCE(window_slots[slot]);
	if (!w)
		return -ENODEV;
	*ops = &window_ops;
	*priv = w;
	return offset % WINDOW_STRIDE;
}

static void window_range(struct resource *res, bool open)
{
	res->start = open ? WINDOW_BASE : 1;
	res->end = open ? WINDOW_BASE + WINDOW_SLOTS * WINDOW_STRIDE - 1 : 0;
}

static int window_region_add(void)
{
	struct window_region *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	if (!r)
		return -ENOMEM;
	strscpy(r->name, "virtback", sizeof(r->name));
	r->res.name = r->name;
	r->res.flags = IORESOURCE_MEM;
	r->ops.map = window_map;
	window_range(&r->res, true);
	err = logic_iomem_add_region(&r->res, &r->ops);
	if (err) {
		kfree(r);
		return err;
	}
	window_region = r;
	return 0;
}

/* Before the first device. */
static int window_region_open(void)
{
	int err;

	lockdep_assert_held(&window_lock);
	if (!window_region)
		return window_region_add();
	window_range(&window_region->res, true);
	err = request_resource(&iomem_resource, &window_region->res);
	if (err)
		window_range(&window_region->res, false);
	return err;
}

/* After the last one. */
static void window_region_close(void)
{
	lockdep_assert_held(&window_lock);
	release_resource(&window_region->res);
	window_range(&window_region->res, false);
}

/* Take a slot, and with the first one the region. */
static int window_claim(struct window *w)
{
	unsigned int slot;
	int err;

	lockdep_assert_held(&window_lock);
	for (slot = 0; slot < WINDOW_SLOTS && window_slots[slot]; slot++)
		;
	if (slot == WINDOW_SLOTS)
		return -ENOSPC;
	if (!window_used) {
		err = window_region_open();
		if (err)
			return err;
	}
	w->slot = slot;
	WRITE_ONCE(window_slots[slot], w);
	window_used++;
	return 0;
}

static void window_unclaim(struct window *w)
{
	lockdep_assert_held(&window_lock);
	WRITE_ONCE(window_slots[w->slot], NULL);
	if (!--window_used)
		window_region_close();
}

static int window_irq_get(struct window *w)
{
	int irq = irq_alloc_descs(-1, WINDOW_FIRST_IRQ, 1, NUMA_NO_NODE);

	if (irq < 0)
		return irq;
	irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_simple_irq);
	irq_clear_status_flags(irq, IRQ_NOREQUEST);
	w->irq = irq;
	return 0;
}

static void window_irq_put(struct window *w)
{
	irq_set_chip_and_handler(w->irq, NULL, NULL);
	irq_free_descs(w->irq, 1);
}

static int window_probe(struct window *w)
{
	unsigned long base = WINDOW_BASE + w->slot * WINDOW_STRIDE;
	const struct resource res[] = {
		DEFINE_RES_MEM(base, VIRTBACK_WINDOW_SIZE),
		DEFINE_RES_IRQ(w->irq),
	};

	w->pdev = platform_device_register_simple("virtio-mmio", PLATFORM_DEVID_AUTO, res,
						  ARRAY_SIZE(res));
	return PTR_ERR_OR_ZERO(w->pdev);
}

/**
 * virtback_loop_raise_irq() - InterruptStatus is not 0
 * @vd: attached device
 *
 * Any context. The handler runs at once, in the context of the completion: UML
 * has one CPU and no interrupt that it could send itself (an irq_work would wait
 * for the next tick). That is safe, because the core raises interrupts with no
 * lock held, and the driver's own locks are taken with interrupts off, so no
 * completion can come in between; nor can it come while a handler runs.
 */
void virtback_loop_raise_irq(struct virtback_device *vd)
{
	struct window *w = vd->host_priv;

	generic_handle_irq_safe(w->irq);
}

/**
 * virtback_loop_attach() - show a device to the stock driver
 * @vd: device, ready for register accesses
 *
 * The driver, if it is loaded, has probed when this returns. May sleep.
 *
 * Return: 0 or -errno, then nothing is left.
 */
int virtback_loop_attach(struct virtback_device *vd)
{
	struct window *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int err;

	if (!w)
		return -ENOMEM;
	w->vd = vd;
	mutex_lock(&window_lock);
	err = window_claim(w);
	mutex_unlock(&window_lock);
	if (err)
		goto free;
	err = window_irq_get(w);
	if (err)
		goto release;
	vd->host_priv = w;
	err = window_probe(w);
	if (err)
		goto put_irq;
	return 0;

put_irq:
	vd->host_priv = NULL;
	window_irq_put(w);
release:
	mutex_lock(&window_lock);
	window_unclaim(w);
	mutex_unlock(&window_lock);
free:
	kfree(w);
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
	struct window *w = vd->host_priv;

	platform_device_unregister(w->pdev);
	w->pdev = NULL;
	mutex_lock(&window_lock);
	window_unclaim(w);
	mutex_unlock(&window_lock);
}

/**
 * virtback_loop_release() - forget a device
 * @vd: detached device that raises no more interrupts
 *
 * May sleep.
 */
void virtback_loop_release(struct virtback_device *vd)
{
	struct window *w = vd->host_priv;

	vd->host_priv = NULL;
	window_irq_put(w);
	kfree(w);
}

/**
 * virtback_loop_bus() - the parent of the virtio device
 * @vd: device
 *
 * Return: it, or NULL when the device is not attached.
 */
struct device *virtback_loop_bus(struct virtback_device *vd)
{
	struct window *w = vd->host_priv;

	return w && w->pdev ? &w->pdev->dev : NULL;
}
