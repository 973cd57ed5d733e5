// SPDX-License-Identifier: GPL-2.0
/*
 * The loop host: the driver runs in this kernel, so a guest address is a
 * physical address of this machine and all guest memory is mapped already.
 *
 * It serves tests and benchmarks: the stock virtio_blk driver does its I/O
 * through the same core and device type as a guest of a hypervisor would.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <xen/xen.h>

#include <virtback/config.h>
#include <virtback/device.h>
#include <virtback/loop.h>

/*
 * Holes inside a section of the memory map have a struct page too; it is marked
 * reserved, as some real memory is (the zero page, for one), so only reserved
 * pages take the slow look. UML has no holes and does not list its memory.
 */
static bool loop_is_ram(unsigned long pfn)
{
	if (!pfn_valid(pfn))
		return false;
	if (IS_ENABLED(CONFIG_UML) || !PageReserved(pfn_to_page(pfn)))
		return true;
	return page_is_ram(pfn);
}

/* Bytes of RAM from @addr on, at most @len. The linear map has them in a row. */
static u64 loop_ram_len(u64 addr, u64 len)
{
	unsigned long pfn = PHYS_PFN(addr);
	u64 ram = 0;

	while (ram < len && loop_is_ram(pfn)) {
		ram += PAGE_SIZE - offset_in_page(addr + ram);
		pfn++;
	}
	return min(ram, len);
}

static int loop_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
		    struct virtback_piece *p)
{
	u64 ram = loop_ram_len(addr, len);

	if (!ram)
		return -EFAULT;
	p->va = phys_to_virt(addr);
	p->len = ram;
	p->pin = NULL;
	return 0;
}

static void loop_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
}

static int loop_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		    struct virtback_area *area)
{
	if (!len || loop_ram_len(addr, len) < len)
		return -EFAULT;
	area->va = phys_to_virt(addr);
	area->len = len;
	area->pin = NULL;
	return 0;
}

static void loop_unmap(struct virtback_device *vd, struct virtback_area *area)
{
}

static int loop_refuse(struct virtback_device *vd, const char *option, const char *why, int err)
{
	pr_err("%s: %s: %s (%d)\n", vd->name, option, why, err);
	return err;
}

static int loop_check(struct virtback_device *vd, const struct virtback_config *cfg)
{
	if (test_bit(VIRTBACK_OPT_BASE, &cfg->set))
		return loop_refuse(vd, "base", "needs domid: this kernel chooses its own window",
				   -EINVAL);
	if (test_bit(VIRTBACK_OPT_IRQ, &cfg->set))
		return loop_refuse(vd, "irq", "needs domid: this kernel chooses its own interrupt",
				   -EINVAL);
	if (test_bit(VIRTBACK_OPT_MAP_LIMIT_MB, &cfg->set))
		return loop_refuse(vd, "map_limit_mb", "needs domid: nothing is mapped for this kernel",
				   -EINVAL);
	if (cfg->mapping == VIRTBACK_MAPPING_GRANT)
		return loop_refuse(vd, "mapping", "needs domid: only a Xen guest grants memory",
				   -EINVAL);
	if (!VIRTBACK_LOOP)
		return loop_refuse(vd, "domid", "missing, and this kernel has no virtio drivers",
				   -EOPNOTSUPP);
	/*
	 * There the stock driver's addresses are those of the machine or come
	 * from the DMA API, and neither is what phys_to_virt() takes.
	 */
	if (xen_domain())
		return loop_refuse(vd, "domid", "missing, and a Xen domain cannot serve itself",
				   -EOPNOTSUPP);
	return 0;
}

static int loop_attach(struct virtback_device *vd, const struct virtback_config *cfg)
{
	int err = virtback_loop_attach(vd);

	if (err)
		pr_err("%s: cannot register the device with this kernel (%d)\n", vd->name, err);
	return err;
}

static int loop_visit_disk(struct device *dev, void *data)
{
	struct gendisk **disk = data;

	/* A reference for whoever asked, see loop_get_disk(). */
	if (dev->class && !strcmp(dev->class->name, "block") && get_device(dev))
		*disk = dev_to_disk(dev);
	return !!*disk;
}

static int loop_visit_vdev(struct device *dev, void *data)
{
	return device_for_each_child(dev, data, loop_visit_disk);
}

/* The disk that the stock driver made, NULL if there is none. Put its device. */
static struct gendisk *loop_get_disk(struct virtback_device *vd)
{
	struct device *bus = virtback_loop_bus(vd);
	struct gendisk *disk = NULL;

	if (bus)
		device_for_each_child(bus, &disk, loop_visit_vdev);
	return disk;
}

/**
 * virtback_loop_disk() - the disk that the stock driver made of a device
 * @vd: attached device
 *
 * Return: its number, or 0 when no driver has made one. May sleep.
 */
dev_t virtback_loop_disk(struct virtback_device *vd)
{
	struct gendisk *disk = loop_get_disk(vd);
	dev_t devt;

	if (!disk)
		return 0;
	devt = disk_devt(disk);
	put_device(disk_to_dev(disk));
	return devt;
}

/* Taking an open disk away would harm whoever has it open. */
static bool loop_in_use(struct virtback_device *vd)
{
	struct gendisk *disk = loop_get_disk(vd);
	bool in_use;

	if (!disk)
		return false;
	in_use = disk_openers(disk);
	put_device(disk_to_dev(disk));
	return in_use;
}

static unsigned int loop_nr_cpus(struct virtback_device *vd, const struct virtback_config *cfg)
{
	return num_online_cpus();
}

const struct virtback_host_ops virtback_loop_host = {
	.name = "loop",
	.check = loop_check,
	.attach = loop_attach,
	.detach = virtback_loop_detach,
	.release = virtback_loop_release,
	.pin = loop_pin,
	.unpin = loop_unpin,
	.map = loop_map,
	.unmap = loop_unmap,
	.raise_irq = virtback_loop_raise_irq,
	.in_use = loop_in_use,
	.nr_cpus = loop_nr_cpus,
};
