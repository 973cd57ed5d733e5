// SPDX-License-Identifier: GPL-2.0
/*
 * Xen as a host: which configurations are possible, devices joining and leaving
 * their guest's IOREQ server, interrupts, and the death of domains.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/workqueue.h>

#include <xen/xen.h>
#include <xen/xenbus.h>

#include <virtback/config.h>
#include <virtback/xen.h>

#include "check.h"
#include "dmop.h"
#include "xen.h"

/* Shared peripheral interrupts of a GIC. */
#define VIRTBACK_SPI_FIRST	32
#define VIRTBACK_SPI_LAST	1019

static void virtback_xen_bury(struct work_struct *work);
static DECLARE_WORK(virtback_xen_undertaker, virtback_xen_bury);

static LIST_HEAD(virtback_xen_guests);
/* Protects the list of guests and their number of devices. */
static DEFINE_MUTEX(virtback_xen_guests_lock);

/**
 * virtback_xen_possible() - can this kernel serve guests of a Xen at all?
 *
 * Return: false without Xen, and on x86.
 */
bool virtback_xen_possible(void)
{
	return IS_ENABLED(CONFIG_ARM64) && xen_domain();
}

static int virtback_xen_refuse(const struct virtback_device *vd, const char *option, int err,
			       const char *why)
{
	pr_err("%s: %s: %s (%d)\n", vd->name, option, why, err);
	return err;
}

/* Can this kernel serve any Xen guest? */
static int virtback_xen_check_here(struct virtback_device *vd)
{
	int err;
	const char *why = virtback_xen_why_not(xen_domain(), IS_ENABLED(CONFIG_ARM64), PAGE_SIZE,
					       &err);

	return why ? virtback_xen_refuse(vd, "domid", err, why) : 0;
}

/* Does the domain exist, and may we serve it? */
static int virtback_xen_check_domain(struct virtback_device *vd, domid_t domid)
{
	u32 nr_vcpus;
	int ret = virtback_dmop_nr_vcpus(domid, &nr_vcpus);

	switch (ret) {
	case 0:
		return 0;
	case -ESRCH:
		return virtback_xen_refuse(vd, "domid", ret, "no such domain");
	case -EPERM:
	case -EACCES:
		return virtback_xen_refuse(vd, "domid", -EPERM,
					   "this domain has no device model rights over it");
	case -ENOSYS:
	case -EOPNOTSUPP:
		/* What Xen says without IOREQ servers depends on its version. */
		return virtback_xen_refuse(vd, "domid", -EOPNOTSUPP,
					   "Xen does no device model operations; it must be built with IOREQ servers");
	default:
		return virtback_xen_refuse(vd, "domid", ret,
					   "Xen refused to tell the number of its vCPUs");
	}
}

static int virtback_xen_check_grants(struct virtback_device *vd,
				     const struct virtback_config *cfg)
{
	if (cfg->mapping != VIRTBACK_MAPPING_GRANT)
		return 0;
	if (cfg->dma == VIRTBACK_DMA_DIRECT)
		return virtback_xen_refuse(vd, "dma", -EINVAL,
					   "direct needs mapping=foreign: what is granted is copied");
	if (test_bit(VIRTBACK_OPT_MAP_LIMIT_MB, &cfg->set))
		return virtback_xen_refuse(vd, "map_limit_mb", -EINVAL,
					   "needs mapping=foreign: only what is granted is mapped");
	if (cfg->features_off & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))
		return virtback_xen_refuse(vd, "features_off", -EINVAL,
					   "access_platform cannot be withheld: mapping=grant needs it");
	return 0;
}

static int virtback_xen_check(struct virtback_device *vd, const struct virtback_config *cfg)
{
	int ret = virtback_xen_check_here(vd);

	if (ret)
		return ret;
	if (!cfg->domid || cfg->domid >= DOMID_FIRST_RESERVED)
		return virtback_xen_refuse(vd, "domid", -EINVAL, "not the number of a guest");
	if (!test_bit(VIRTBACK_OPT_BASE, &cfg->set))
		return virtback_xen_refuse(vd, "base", -EINVAL, "missing");
	if (!IS_ALIGNED(cfg->base, sizeof(u32)))
		return virtback_xen_refuse(vd, "base", -EINVAL, "not a multiple of 4");
	if (cfg->base + VIRTBACK_WINDOW_SIZE - 1 < cfg->base)
		return virtback_xen_refuse(vd, "base", -EINVAL,
					   "the window would not end within 64 bits");
	if (!test_bit(VIRTBACK_OPT_IRQ, &cfg->set))
		return virtback_xen_refuse(vd, "irq", -EINVAL, "missing");
	if (cfg->irq < VIRTBACK_SPI_FIRST || cfg->irq > VIRTBACK_SPI_LAST)
		return virtback_xen_refuse(vd, "irq", -EINVAL, "must be 32 to 1019");
	ret = virtback_xen_check_grants(vd, cfg);
	if (ret)
		return ret;
	return virtback_xen_check_domain(vd, cfg->domid);
}

/* A guest of this domid whose domain lives. Called with guests_lock held. */
static struct virtback_xen_guest *virtback_xen_guest_find(domid_t domid)
{
	struct virtback_xen_guest *guest;

	lockdep_assert_held(&virtback_xen_guests_lock);
	list_for_each_entry(guest, &virtback_xen_guests, link) {
		if (guest->domid == domid && virtback_xen_guest_alive(guest))
			return guest;
	}
	return NULL;
}

/* Join the server of the domain, which the first device creates. */
static struct virtback_xen_guest *virtback_xen_guest_join(domid_t domid, const char *who)
{
	struct virtback_xen_guest *guest;

	mutex_lock(&virtback_xen_guests_lock);
	guest = virtback_xen_guest_find(domid);
	if (!guest) {
		guest = virtback_xen_guest_create(domid, who);
		if (IS_ERR(guest))
			goto unlock;
		list_add_tail(&guest->link, &virtback_xen_guests);
		virtback_xen_look_start(guest);
	}
	guest->nr_devs++;
unlock:
	mutex_unlock(&virtback_xen_guests_lock);
	return guest;
}

static void virtback_xen_guest_leave(struct virtback_xen_guest *guest)
{
	bool last;

	mutex_lock(&virtback_xen_guests_lock);
	last = !--guest->nr_devs;
	if (last)
		list_del(&guest->link);
	mutex_unlock(&virtback_xen_guests_lock);
	if (!last)
		return;
	/* A device that comes now gets a server of its own. */
	virtback_xen_look_stop(guest);
	virtback_xen_guest_destroy(guest);
}

/* Another device with the interrupt, NULL when there is none. guest->lock is held. */
static struct virtback_xen_dev *virtback_xen_irq_user(struct virtback_xen_guest *guest, u32 irq)
{
	struct virtback_xen_dev *xd;

	lockdep_assert_held(&guest->lock);
	list_for_each_entry(xd, &guest->devs, link) {
		if (xd->irq == irq)
			return xd;
	}
	return NULL;
}

/*
 * Two devices with one interrupt would work with drivers that share interrupts, but that
 * is always a slip of who made the device or its node, and the driver of one of them would
 * wait in vain.
 */
static int virtback_xen_dev_check_irq(struct virtback_xen_dev *xd)
{
	struct virtback_xen_guest *guest = xd->guest;
	struct virtback_xen_dev *other;
	int ret;

	/* Does nothing to an edge interrupt, but says whether it is one of ours. */
	ret = virtback_dmop_set_irq_level(guest->domid, xd->irq, false);
	if (ret)
		return virtback_xen_refuse(xd->vd, "irq", ret,
					   "Xen has no such interrupt for us to raise");
	mutex_lock(&guest->lock);
	other = virtback_xen_irq_user(guest, xd->irq);
	if (other)
		pr_err("%s: irq: %u is that of %s (%d)\n", xd->vd->name, xd->irq,
		       other->vd->name, -EEXIST);
	mutex_unlock(&guest->lock);
	return other ? -EEXIST : 0;
}

/* Accesses to memory do not trap: where the guest has some there can be no window. */
static int virtback_xen_dev_check_base(struct virtback_xen_dev *xd)
{
	/* With grants nothing can be mapped to find out. */
	if (xd->grants || !virtback_xen_cache_probe(&xd->guest->cache, xd->base))
		return 0;
	return virtback_xen_refuse(xd->vd, "base", -EBUSY,
				   "the guest has memory there, its accesses would not arrive");
}

static void virtback_xen_dev_del(struct virtback_xen_dev *xd)
{
	struct virtback_xen_guest *guest = xd->guest;

	mutex_lock(&guest->lock);
	if (!list_empty(&xd->link))
		list_del_rcu(&xd->link);
	mutex_unlock(&guest->lock);
	/* Handlers that found it have answered, or count as users. */
	synchronize_rcu_expedited();
	virtback_xen_dev_put(xd);
	/* Idle: one of them may be a reset, or wait for one, see virtback_device_lock(). */
	wait_for_completion_state(&xd->idle, TASK_IDLE);
}

/*
 * A driver that did not accept the feature would put other addresses into its rings
 * than those that it granted.
 */
static void virtback_xen_dev_grants(struct virtback_xen_dev *xd)
{
	struct virtback_device *vd = xd->vd;

	xd->grants = true;
	vd->copies = true;
	vd->host_features |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	vd->required |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	virtback_grant_start(xd, READ_ONCE(virtback_grant_map_kb));
}

/* Within the limit of what may be mapped of the guest there is to be room for all. */
static int virtback_xen_dev_fit(struct virtback_xen_dev *xd, const struct virtback_config *cfg)
{
	unsigned long need;
	int ret;

	xd->room.given = cfg->map_limit_mb;
	xd->room.reserve = virtback_xen_reserve(xd->vd);
	ret = virtback_xen_cache_join(&xd->guest->cache, &xd->room,
				      READ_ONCE(virtback_map_limit_mb), &need);
	switch (ret) {
	case 0:
		xd->vd->mem_gen = &xd->guest->cache.gen;
		return 0;
	case -ENOSPC:
		pr_err("%s: map_limit_mb: too low, the queues of the guest's disks need %lu MiB (%d)\n",
		       xd->vd->name, need, ret);
		return ret;
	default:
		return virtback_xen_refuse(xd->vd, "map_limit_mb", ret,
					   "requests in flight hold too much of the guest");
	}
}

/*
 * From here on accesses of the guest find the device. What it takes of others' room it
 * takes last: that it is refused must not be seen by those that run.
 */
static int virtback_xen_dev_add(struct virtback_xen_dev *xd, const struct virtback_config *cfg)
{
	struct virtback_xen_guest *guest = xd->guest;
	int ret;

	ret = virtback_xen_dev_check_irq(xd);
	if (!ret)
		ret = virtback_xen_dev_check_base(xd);
	if (ret)
		return ret;
	ret = virtback_dmop_map_range(guest->domid, guest->id, xd->base, VIRTBACK_WINDOW_SIZE);
	if (ret)
		return virtback_xen_refuse(xd->vd, "base", ret,
					   ret == -EEXIST ? "another device's window is there" :
							    "Xen refused the window");
	if (!xd->grants)
		ret = virtback_xen_dev_fit(xd, cfg);
	if (ret) {
		virtback_dmop_unmap_range(guest->domid, guest->id, xd->base, VIRTBACK_WINDOW_SIZE);
		return ret;
	}
	mutex_lock(&guest->lock);
	list_add_tail_rcu(&xd->link, &guest->devs);
	mutex_unlock(&guest->lock);
	/* The domain may have died before the device was on the list. */
	if (!virtback_xen_guest_alive(guest))
		virtback_xen_bury_soon();
	return 0;
}

static void virtback_xen_dev_free(struct virtback_xen_dev *xd)
{
	virtback_grant_stop(xd);
	virtback_xen_cache_leave(&xd->guest->cache, &xd->room, READ_ONCE(virtback_map_limit_mb));
	virtback_xen_guest_put(xd->guest);
	kfree(xd);
}

static int virtback_xen_attach(struct virtback_device *vd, const struct virtback_config *cfg)
{
	struct virtback_xen_dev *xd;
	int ret;

	xd = kzalloc(sizeof(*xd), GFP_KERNEL);
	if (!xd)
		return virtback_xen_refuse(vd, "domid", -ENOMEM, "no memory for it");
	xd->guest = virtback_xen_guest_join(cfg->domid, vd->name);
	if (IS_ERR(xd->guest)) {
		ret = PTR_ERR(xd->guest);
		kfree(xd);
		return ret;
	}
	kref_get(&xd->guest->ref);
	INIT_LIST_HEAD(&xd->link);
	INIT_LIST_HEAD(&xd->room.link);
	xd->vd = vd;
	xd->base = cfg->base;
	xd->irq = cfg->irq;
	refcount_set(&xd->users, 1);
	init_completion(&xd->idle);
	vd->host_priv = xd;
	if (cfg->mapping == VIRTBACK_MAPPING_GRANT)
		virtback_xen_dev_grants(xd);
	mutex_lock(&xd->guest->attach_lock);
	ret = virtback_xen_dev_add(xd, cfg);
	mutex_unlock(&xd->guest->attach_lock);
	if (ret) {
		virtback_xen_dev_del(xd);
		virtback_xen_guest_leave(xd->guest);
		virtback_xen_dev_free(xd);
	}
	return ret;
}

static void virtback_xen_detach(struct virtback_device *vd)
{
	struct virtback_xen_dev *xd = vd->host_priv;
	struct virtback_xen_guest *guest = xd->guest;

	virtback_dmop_unmap_range(guest->domid, guest->id, xd->base, VIRTBACK_WINDOW_SIZE);
	virtback_xen_dev_del(xd);
	virtback_xen_guest_leave(guest);
}

static void virtback_xen_release(struct virtback_device *vd)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	/*
	 * Whoever waits for the removal finds the domain free of our mappings: first
	 * those that hold the guest, then the ioreq page with the last of them.
	 */
	virtback_xen_cache_flush(&xd->guest->cache);
	virtback_xen_dev_free(xd);
}

static int virtback_xen_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
			    struct virtback_piece *p)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	return virtback_xen_cache_pin(&xd->guest->cache, addr, len, p);
}

static void virtback_xen_unpin(struct virtback_device *vd, struct virtback_piece *list)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	virtback_xen_cache_unpin_list(&xd->guest->cache, list);
}

static int virtback_xen_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
			    struct virtback_area *area)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	if (xd->grants)
		return virtback_grant_map(vd, addr, len, write, area);
	return virtback_xen_area_map(&xd->guest->cache, addr, len, area);
}

static void virtback_xen_unmap_rings(struct virtback_device *vd, struct virtback_area *area)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	if (xd->grants)
		virtback_grant_unmap(vd, area);
	else
		virtback_xen_area_unmap(area);
}

static void virtback_xen_raise_irq(struct virtback_device *vd)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	/* Xen would only refuse. The domid is the guest's while we hold that. */
	if (READ_ONCE(xd->guest->dead))
		return;
	/* The interrupt is an edge: there is nothing to lower. */
	virtback_dmop_set_irq_level(xd->guest->domid, xd->irq, true);
}

static bool virtback_xen_in_use(struct virtback_device *vd)
{
	struct virtback_xen_dev *xd = vd->host_priv;

	return virtback_xen_guest_alive(xd->guest);
}

static unsigned int virtback_xen_nr_cpus(struct virtback_device *vd,
					 const struct virtback_config *cfg)
{
	u32 nr_vcpus;

	/* The domain may be gone since check(), which attach() then finds out. */
	return virtback_dmop_nr_vcpus(cfg->domid, &nr_vcpus) ? 1 : nr_vcpus;
}

const struct virtback_host_ops virtback_xen_host = {
	.name = "xen",
	.check = virtback_xen_check,
	.attach = virtback_xen_attach,
	.detach = virtback_xen_detach,
	.release = virtback_xen_release,
	.pin = virtback_xen_pin,
	.unpin = virtback_xen_unpin,
	.copy = virtback_grant_copy,
	.borrow = virtback_grant_borrow,
	.borrow_busy = virtback_grant_busy,
	.give_back = virtback_grant_give_back,
	.map = virtback_xen_map,
	.unmap = virtback_xen_unmap_rings,
	.raise_irq = virtback_xen_raise_irq,
	.watch = virtback_xen_trap_watch,
	.look = virtback_xen_trap_look,
	.unwatch = virtback_xen_trap_unwatch,
	.in_use = virtback_xen_in_use,
	.nr_cpus = virtback_xen_nr_cpus,
	.group = &virtback_xen_group,
	.reinject = true,
};

/* The domain is being destroyed. Called with guests_lock held. */
static void virtback_xen_guest_lost(struct virtback_xen_guest *guest)
{
	struct virtback_xen_dev *xd;

	lockdep_assert_held(&virtback_xen_guests_lock);
	if (!READ_ONCE(guest->dead)) {
		WRITE_ONCE(guest->dead, true);
		/* Where a thread can run it does its part. */
		virtback_xen_cache_close(&guest->cache);
	}
	/* Also of one found dead before: a device may have joined since. */
	mutex_lock(&guest->lock);
	list_for_each_entry(xd, &guest->devs, link)
		virtback_device_lost(xd->vd);
	mutex_unlock(&guest->lock);
}

/*
 * @releaseDomain names no domain and also means that one has only stopped, so every guest
 * is asked.
 */
static void virtback_xen_bury(struct work_struct *work)
{
	struct virtback_xen_guest *guest;

	mutex_lock(&virtback_xen_guests_lock);
	list_for_each_entry(guest, &virtback_xen_guests, link) {
		if (!virtback_xen_guest_alive(guest))
			virtback_xen_guest_lost(guest);
	}
	mutex_unlock(&virtback_xen_guests_lock);
}

/**
 * virtback_xen_bury_soon() - find the guests whose domain is being destroyed, soon
 *
 * Their memory is let go, and their devices. Any context.
 */
void virtback_xen_bury_soon(void)
{
	queue_work(virtback_xen_wq, &virtback_xen_undertaker);
}

/* Runs in the one thread that serves all of xenstore. */
static void virtback_xen_released(struct xenbus_watch *watch, const char *path, const char *token)
{
	virtback_xen_bury_soon();
}

static struct xenbus_watch virtback_xen_watch = {
	.node = "@releaseDomain",
	.callback = virtback_xen_released,
};

/* Protected by xenstore's notifier chain, and constant once that is left. */
static bool virtback_xen_watching;

static int virtback_xen_store_ready(struct notifier_block *nb, unsigned long event, void *data)
{
	int ret;

	if (virtback_xen_watching)
		return NOTIFY_DONE;
	ret = register_xenbus_watch(&virtback_xen_watch);
	if (ret)
		pr_err("cannot watch the end of domains: %d\n", ret);
	else
		virtback_xen_watching = true;
	return NOTIFY_DONE;
}

static struct notifier_block virtback_xen_store = {
	.notifier_call = virtback_xen_store_ready,
};

/**
 * virtback_xen_init() - before any device
 *
 * Nothing where no Xen guest can be served: check() then says why.
 *
 * Return: 0 or -errno.
 */
int virtback_xen_init(void)
{
	int ret;
	const char *why = virtback_xen_why_not(xen_domain(), IS_ENABLED(CONFIG_ARM64), PAGE_SIZE,
					       &ret);

	if (why)
		pr_info("no guests of Xen can be served: %s\n", why);
	if (!virtback_xen_possible())
		return 0;
	ret = virtback_xen_cache_start();
	if (ret)
		return ret;
	/* Xenstore may start later than we do. */
	ret = register_xenstore_notifier(&virtback_xen_store);
	if (ret)
		virtback_xen_cache_stop();
	return ret;
}

/**
 * virtback_xen_exit() - after the last device
 */
void virtback_xen_exit(void)
{
	if (!virtback_xen_possible())
		return;
	unregister_xenstore_notifier(&virtback_xen_store);
	if (virtback_xen_watching)
		unregister_xenbus_watch(&virtback_xen_watch);
	cancel_work_sync(&virtback_xen_undertaker);
	virtback_xen_server_exit();
	virtback_xen_cache_stop();
}
