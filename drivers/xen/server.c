// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a guest's IOREQ server: one for all its devices, with an event channel
 * a vCPU. What it answers is in trap.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <xen/events.h>

#include "dmop.h"
#include "xen.h"

#define VIRTBACK_SLOTS	(PAGE_SIZE / sizeof(struct virtback_slot))

/* How often, at 1 to 2 ms, to look whether all vCPUs have taken their answers. */
#define VIRTBACK_TAKEN_TRIES	100

/* How long until all that is tried again, at first and at most. */
#define VIRTBACK_RETRY_MIN	(HZ / 10)
#define VIRTBACK_RETRY_MAX	(8 * HZ)

/* Guests that are tried again. */
static atomic_t virtback_xen_stuck = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(virtback_xen_none_stuck);

/*
 * Is the vCPU's event channel still connected to the domain's end? Once it is closed its
 * number may be another channel's, even one to the same domain, but not to the same end.
 */
static bool virtback_xen_vcpu_connected(const struct virtback_xen_vcpu *vcpu)
{
	struct evtchn_status status = {
		.dom = DOMID_SELF,
		.port = vcpu->port,
	};

	return !HYPERVISOR_event_channel_op(EVTCHNOP_status, &status) &&
	       status.status == EVTCHNSTAT_interdomain &&
	       status.u.interdomain.dom == vcpu->guest->domid &&
	       status.u.interdomain.port == READ_ONCE(vcpu->slot->vp_eport);
}

/**
 * virtback_xen_guest_alive() - is the domain still there?
 * @guest: guest
 *
 * Xen disconnects the event channels of an IOREQ server when it begins to
 * destroy the domain. Unlike a domid, a channel is never connected to another
 * domain. Not for guests without devices, which may have no channel. Any context.
 *
 * Return: false when the domain is being destroyed, and from then on.
 */
bool virtback_xen_guest_alive(struct virtback_xen_guest *guest)
{
	return !READ_ONCE(guest->dead) && virtback_xen_vcpu_connected(&guest->vcpus[0]);
}

static void virtback_xen_guest_free(struct kref *ref)
{
	struct virtback_xen_guest *guest = container_of(ref, struct virtback_xen_guest, ref);

	/* From here on the domid can become another domain's. */
	if (guest->ioreq) {
		if (virtback_xen_unmap(guest->ioreq->page, 1, BIT(0)))
			virtback_xen_pages_free(guest->ioreq);
		else
			pr_err("dom%u: Xen refused to unmap the ioreq page; it is lost\n",
			       guest->domid);
	}
	free_percpu(guest->budget);
	kfree(guest->vcpus);
	kvfree(guest);
}

/**
 * virtback_xen_guest_put() - let go of the structure, and of the domid
 * @guest: guest
 *
 * The last one unmaps the ioreq page. Process context.
 */
void virtback_xen_guest_put(struct virtback_xen_guest *guest)
{
	kref_put(&guest->ref, virtback_xen_guest_free);
}

/**
 * virtback_xen_cache_get() - hold the guest that a cache is part of
 * @cache: cache
 *
 * Any context.
 */
void virtback_xen_cache_get(struct virtback_xen_cache *cache)
{
	kref_get(&container_of(cache, struct virtback_xen_guest, cache)->ref);
}

/**
 * virtback_xen_cache_put() - undo virtback_xen_cache_get()
 * @cache: cache
 *
 * Process context.
 */
void virtback_xen_cache_put(struct virtback_xen_cache *cache)
{
	virtback_xen_guest_put(container_of(cache, struct virtback_xen_guest, cache));
}

static void virtback_xen_port_close(evtchn_port_t port)
{
	struct evtchn_close close = { .port = port };

	HYPERVISOR_event_channel_op(EVTCHNOP_close, &close);
}

/* The vCPU's channel: from here on it can be told that it was answered. */
static int virtback_xen_vcpu_connect(struct virtback_xen_vcpu *vcpu)
{
	struct evtchn_bind_interdomain bind = {
		.remote_dom = vcpu->guest->domid,
		.remote_port = READ_ONCE(vcpu->slot->vp_eport),
	};
	int ret;

	ret = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &bind);
	if (!ret)
		vcpu->port = bind.local_port;
	return ret;
}

/* Be told of the vCPU's requests. */
static int virtback_xen_vcpu_bind(struct virtback_xen_vcpu *vcpu, unsigned int id)
{
	domid_t domid = vcpu->guest->domid;
	int irq, ret;

	irq = bind_evtchn_to_irq_lateeoi(vcpu->port);
	if (irq < 0) {
		/*
		 * Linux closes the channel or not, depending on what failed. Its number may be
		 * another driver's by now. (One of a domain that has just died stays.)
		 */
		if (!virtback_xen_vcpu_connected(vcpu))
			vcpu->port = 0;
		return irq;
	}
	vcpu->bound = true;
	/* The handler needs it. */
	vcpu->irq = irq;
	snprintf(vcpu->name, sizeof(vcpu->name), "virtback-dom%u-v%u", domid, id);
	/*
	 * They would all stay on the first CPU; neighbours start on different ones. The kernel
	 * counts the processors, then takes one by its number: none must go in between.
	 */
	cpus_read_lock();
	irq_set_affinity(irq, cpumask_of(cpumask_local_spread(domid + id, NUMA_NO_NODE)));
	cpus_read_unlock();
	ret = request_threaded_irq(irq, virtback_xen_trap, virtback_xen_trap_thread,
				   VIRTBACK_XEN_TRAP_FLAGS, vcpu->name, vcpu);
	if (ret)
		vcpu->irq = 0;
	return ret;
}

/* No more events; Xen does not miss the channel, as the vCPU was notified. */
static void virtback_xen_vcpu_disconnect(struct virtback_xen_vcpu *vcpu)
{
	/* Unbinding closes the channel. */
	if (vcpu->irq)
		unbind_from_irqhandler(vcpu->irq, vcpu);
	else if (vcpu->bound)
		evtchn_put(vcpu->port);
	else if (vcpu->port)
		virtback_xen_port_close(vcpu->port);
	vcpu->irq = 0;
	vcpu->bound = false;
	vcpu->port = 0;
}

/*
 * Answer what is left in a slot of a disabled server. A request that a handler
 * has taken is answered by that handler; there is no device any more, so soon.
 */
static void virtback_xen_vcpu_drain(struct virtback_xen_vcpu *vcpu)
{
	struct virtback_slot_req req;

	while (virtback_slot_busy(vcpu->slot)) {
		if (!virtback_slot_take(vcpu->slot, &req)) {
			if (vcpu->irq)
				synchronize_irq(vcpu->irq);
			cpu_relax();
			continue;
		}
		req.data = ~0ULL;
		virtback_slot_finish(vcpu->slot, &req);
		notify_remote_via_evtchn(vcpu->port);
	}
}

/*
 * Let the vCPU go on: 0 when it has, -EAGAIN when it may soon. Without its channel, which
 * may have been what failed, Xen would not look for an answer: the error for which there
 * is none.
 */
static int virtback_xen_vcpu_release(struct virtback_xen_vcpu *vcpu)
{
	int ret = 0;

	if (!vcpu->slot || virtback_slot_empty(vcpu->slot)) {
		/* Another vCPU may need just one channel. */
		virtback_xen_vcpu_disconnect(vcpu);
		return 0;
	}
	if (!vcpu->port)
		ret = virtback_xen_vcpu_connect(vcpu);
	if (ret)
		return ret;
	virtback_xen_vcpu_drain(vcpu);
	return -EAGAIN;
}

/* Xen has closed its end of a channel. */
static bool virtback_xen_guest_dying(struct virtback_xen_guest *guest)
{
	u32 i;

	for (i = 0; i < guest->nr_vcpus; i++) {
		if (guest->vcpus[i].port && !virtback_xen_vcpu_connected(&guest->vcpus[i]))
			return true;
	}
	return false;
}

/*
 * Let the vCPUs of a disabled server go on; may it be destroyed? A vCPU waits in Xen with
 * pointers into it, and Xen does not look before it frees it: a domain that is paused in a
 * trap would go on in freed memory. A dying domain never goes on. Returns 0, -EAGAIN when
 * all were told, or the last error for which one could not be.
 */
static int virtback_xen_guest_release(struct virtback_xen_guest *guest)
{
	unsigned int n;
	int ret, err;
	u32 i;

	for (n = 0; n < VIRTBACK_TAKEN_TRIES; n++) {
		ret = 0;
		for (i = 0; i < guest->nr_vcpus; i++) {
			err = virtback_xen_vcpu_release(&guest->vcpus[i]);
			if (err && (!ret || ret == -EAGAIN))
				ret = err;
		}
		if (!ret || virtback_xen_guest_dying(guest))
			return 0;
		usleep_range(1000, 2000);
	}
	return ret;
}

/* The rest of virtback_xen_guest_destroy(); @ret is that of virtback_xen_guest_release(). */
static void virtback_xen_guest_end(struct virtback_xen_guest *guest, int ret)
{
	u32 i;

	for (i = 0; i < guest->nr_vcpus; i++)
		virtback_xen_vcpu_disconnect(&guest->vcpus[i]);
	if (!ret)
		virtback_dmop_destroy_server(guest->domid, guest->id);
	else
		pr_warn("dom%u: a vCPU stopped within an access, its IOREQ server stays until the domain ends\n",
			guest->domid);
	virtback_xen_cache_close(&guest->cache);
	virtback_xen_guest_put(guest);
}

/*
 * There may be a channel later. All other errors come from the domain's end of it, which
 * Xen has closed.
 */
static bool virtback_xen_guest_is_stuck(int ret)
{
	return ret == -ENOSPC || ret == -ENOMEM;
}

static void virtback_xen_guest_retry(struct work_struct *work)
{
	struct virtback_xen_guest *guest = container_of(work, struct virtback_xen_guest,
							retry.work);
	int ret = virtback_xen_guest_release(guest);

	if (virtback_xen_guest_is_stuck(ret)) {
		guest->pause = min_t(unsigned long, guest->pause * 2, VIRTBACK_RETRY_MAX);
		queue_delayed_work(virtback_xen_wq, &guest->retry, guest->pause);
		return;
	}
	pr_info("dom%u: no vCPU waits for an event channel any more\n", guest->domid);
	virtback_xen_guest_end(guest, ret);
	if (atomic_dec_and_test(&virtback_xen_stuck))
		wake_up_all(&virtback_xen_none_stuck);
	/* The module's exit flushes this queue, so its text stays for the rest. */
	module_put(THIS_MODULE);
}

/**
 * virtback_xen_server_exit() - wait until the servers of all guests are down
 *
 * Only a module whose init fails has to wait: to others those that are not are users.
 */
void virtback_xen_server_exit(void)
{
	wait_event_idle(virtback_xen_none_stuck, !atomic_read(&virtback_xen_stuck));
}

/**
 * virtback_xen_guest_destroy() - take the server of a guest down
 * @guest: guest without devices
 *
 * In an order that leaves no vCPU waiting: no new requests, all slots answered,
 * answers taken, channels unbound, server destroyed. The server of a paused
 * domain stays, disabled, until Xen destroys it with the domain; its channels are
 * not needed any more, since the vCPU was notified. Where no channel can be had to
 * notify one, that is tried again, by a work item, until there is one or the domain
 * ends. The page stays mapped while anyone holds the guest. May sleep.
 */
void virtback_xen_guest_destroy(struct virtback_xen_guest *guest)
{
	int ret;

	/* A dead domain's server is gone already. */
	if (guest->enabled)
		virtback_dmop_enable_server(guest->domid, guest->id, false);
	ret = virtback_xen_guest_release(guest);
	if (!virtback_xen_guest_is_stuck(ret)) {
		virtback_xen_guest_end(guest, ret);
		return;
	}
	pr_warn("dom%u: no event channel to let a vCPU go on (%d), trying again\n", guest->domid,
		ret);
	__module_get(THIS_MODULE);
	atomic_inc(&virtback_xen_stuck);
	guest->pause = VIRTBACK_RETRY_MIN;
	queue_delayed_work(virtback_xen_wq, &guest->retry, guest->pause);
}

/* Map the slots. */
static int virtback_xen_guest_map(struct virtback_xen_guest *guest)
{
	struct virtback_xen_pages *pages;
	struct virtback_slot *slot;
	int ret;
	u32 i;

	pages = virtback_xen_pages_alloc(1);
	if (!pages)
		return -ENOMEM;
	ret = virtback_xen_map_ioreq(guest->domid, guest->id, pages->page[0]);
	if (ret) {
		virtback_xen_pages_free(pages);
		return ret;
	}
	guest->ioreq = pages;
	slot = page_address(pages->page[0]);
	for (i = 0; i < guest->nr_vcpus; i++) {
		guest->vcpus[i].guest = guest;
		guest->vcpus[i].slot = &slot[i];
	}
	return 0;
}

/* From a new server to one that answers; returns what failed. */
static const char *virtback_xen_guest_start(struct virtback_xen_guest *guest, int *ret)
{
	u32 i;

	*ret = virtback_xen_guest_map(guest);
	if (*ret)
		return "mapping the ioreq page";
	/*
	 * Fills in the ports. There is no window yet that a vCPU could touch, but
	 * INVALIDATE may come at once, so all channels first: whatever fails later,
	 * every vCPU can be answered. See virtback_xen_vcpu_release() for one that has none.
	 */
	*ret = virtback_dmop_enable_server(guest->domid, guest->id, true);
	if (*ret)
		return "enabling the IOREQ server";
	guest->enabled = true;
	for (i = 0; i < guest->nr_vcpus; i++) {
		*ret = virtback_xen_vcpu_connect(&guest->vcpus[i]);
		if (*ret)
			return "connecting an event channel";
	}
	for (i = 0; i < guest->nr_vcpus; i++) {
		*ret = virtback_xen_vcpu_bind(&guest->vcpus[i], i);
		if (*ret)
			return "binding an event channel";
	}
	return NULL;
}

static struct virtback_xen_guest *virtback_xen_guest_alloc(domid_t domid, u32 nr_vcpus)
{
	struct virtback_xen_guest *guest;

	guest = kvzalloc(sizeof(*guest), GFP_KERNEL);
	if (!guest)
		return NULL;
	guest->vcpus = kcalloc(nr_vcpus, sizeof(*guest->vcpus), GFP_KERNEL);
	guest->budget = alloc_percpu(struct virtback_xen_budget);
	if (!guest->vcpus || !guest->budget) {
		free_percpu(guest->budget);
		kfree(guest->vcpus);
		kvfree(guest);
		return NULL;
	}
	kref_init(&guest->ref);
	INIT_LIST_HEAD(&guest->link);
	INIT_LIST_HEAD(&guest->devs);
	mutex_init(&guest->attach_lock);
	mutex_init(&guest->lock);
	INIT_DELAYED_WORK(&guest->retry, virtback_xen_guest_retry);
	virtback_xen_cache_init(&guest->cache, domid);
	guest->domid = domid;
	guest->nr_vcpus = nr_vcpus;
	return guest;
}

/**
 * virtback_xen_guest_create() - make an IOREQ server for a domain
 * @domid: domain
 * @who: device that needs it, for the log
 *
 * May sleep.
 *
 * Return: the guest, or ERR_PTR(-errno) after a line in the log.
 */
struct virtback_xen_guest *virtback_xen_guest_create(domid_t domid, const char *who)
{
	struct virtback_xen_guest *guest;
	const char *what;
	u32 nr_vcpus;
	int ret;

	ret = virtback_dmop_nr_vcpus(domid, &nr_vcpus);
	if (!ret && (!nr_vcpus || nr_vcpus > VIRTBACK_SLOTS))
		ret = -ERANGE;
	if (ret) {
		pr_err("%s: domid: asking for the number of vCPUs failed: %d\n", who, ret);
		return ERR_PTR(ret);
	}
	guest = virtback_xen_guest_alloc(domid, nr_vcpus);
	if (!guest) {
		pr_err("%s: domid: no memory for its vCPUs\n", who);
		return ERR_PTR(-ENOMEM);
	}
	ret = virtback_dmop_create_server(domid, &guest->id);
	if (ret) {
		pr_err("%s: domid: creating an IOREQ server failed: %d\n", who, ret);
		virtback_xen_guest_put(guest);
		return ERR_PTR(ret);
	}
	what = virtback_xen_guest_start(guest, &ret);
	if (what) {
		pr_err("%s: domid: %s failed: %d\n", who, what, ret);
		virtback_xen_guest_destroy(guest);
		return ERR_PTR(ret);
	}
	return guest;
}
