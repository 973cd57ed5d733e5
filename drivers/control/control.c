// SPDX-License-Identifier: GPL-2.0
/*
 * Life and death of devices. Every way to make one (toolstack, sysfs, module
 * parameters) ends in virtback_create().
 *
 * The registry holds every device from the choice of its name until its disk is
 * closed. Its lock is a spinlock and covers list, stage and doom alone: opening,
 * attaching and closing may sleep for as long as a disk hangs and are done by
 * whoever moved the device to CREATING or REMOVING, with no lock held.
 *
 * A removal has two halves. The first takes the device from sysfs and from the
 * guest, and waits for no disk (but the loop host's stock driver may, a disk with
 * dma=direct is given reset_timeout_ms, and a writer of "backing" has to leave). The
 * second, virtback_entry_finish(), waits for the disk without bound and so has a work
 * item of its own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "control.h"

static LIST_HEAD(virtback_entries);
/* Protects the list and stage and doomed of what is on it. */
static DEFINE_SPINLOCK(virtback_entries_lock);
/* No new devices: the module's init failed. virtback_entries_lock */
static bool virtback_stopped;
static DECLARE_WAIT_QUEUE_HEAD(virtback_entries_empty);

/* Unbound, and each item may sleep for long: one hung disk must not hold others. */
static struct workqueue_struct *virtback_wq;
/* Nor must many of them, whose removal may not end: for &virtback_entry.finish alone. */
static struct workqueue_struct *virtback_finish_wq;

static void virtback_entry_release(struct device *dev)
{
	struct virtback_entry *entry = virtback_entry_of(virtback_dev_of(dev));

	virtback_sysfs_groups_free(entry);
	virtback_config_free(&entry->cfg);
	kfree(entry);
}

/**
 * virtback_control_queue() - have a device's work done soon, by one who may sleep
 * @work: the work
 * @delay: jiffies until then; what is queued already keeps its time
 *
 * Any context.
 */
void virtback_control_queue(struct delayed_work *work, unsigned long delay)
{
	queue_delayed_work(virtback_wq, work, delay);
}

/* Once nothing uses the guest's memory. */
static void virtback_entry_release_host(struct virtback_entry *entry)
{
	if (!entry->released)
		entry->vd.host->release(&entry->vd);
	entry->released = true;
}

/* The second half of a removal, and of a creation that failed late. */
static void virtback_entry_finish(struct work_struct *work)
{
	struct virtback_entry *entry = container_of(work, struct virtback_entry, finish);
	struct virtback_device *vd = &entry->vd;

	virtback_device_drain(vd);
	virtback_entry_release_host(entry);
	vd->type->destroy(vd);
	virtback_device_fini(vd);
	/* The host has released it: nobody can queue these again. */
	cancel_work_sync(&entry->lost);
	virtback_state_fini(entry);
	pr_info("%s: gone\n", vd->name);

	spin_lock(&virtback_entries_lock);
	list_del(&entry->link);
	spin_unlock(&virtback_entries_lock);
	wake_up_all(&virtback_entries_empty);

	/* The module's exit flushes this queue, so its text stays for the rest. */
	module_put(THIS_MODULE);
	complete_all(&entry->gone);
	put_device(&vd->dev);
}

/* Away from the guest; a running one may have requests with the disk already. */
static void virtback_entry_detach(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;

	vd->host->detach(vd);
	virtback_device_quiesce(vd);
	if (!virtback_device_exposed(vd))
		virtback_entry_release_host(entry);
	if (atomic_read(&vd->orphans))
		pr_info("%s: removed, the module stays in use until its disk has finished\n",
			vd->name);
	complete_all(&entry->detached);
	queue_work(virtback_finish_wq, &entry->finish);
}

/* The first half. The caller moved the device to REMOVING. */
static void virtback_entry_take_down(struct virtback_entry *entry)
{
	virtback_debugfs_del(entry);
	virtback_state_end(entry);
	virtback_sysfs_unhold(entry);
	/* Or a writer of "backing", for whom this waits, would wait for the disk. */
	virtback_device_leave(&entry->vd);
	device_del(&entry->vd.dev);
	virtback_entry_detach(entry);
}

/* A creation that failed after the guest could reach the device. */
static void virtback_entry_abandon(struct virtback_entry *entry)
{
	spin_lock(&virtback_entries_lock);
	entry->stage = VIRTBACK_REMOVING;
	spin_unlock(&virtback_entries_lock);
	virtback_entry_detach(entry);
}

/* Give a device back, or learn that it has to go and stay its owner. */
static bool virtback_entry_settle(struct virtback_entry *entry)
{
	bool stay;

	spin_lock(&virtback_entries_lock);
	stay = !entry->doomed && !virtback_stopped;
	entry->stage = stay ? VIRTBACK_LIVE : VIRTBACK_REMOVING;
	spin_unlock(&virtback_entries_lock);
	return stay;
}

/* Become the one who removes it; false when someone else is, or makes it. */
static bool virtback_entry_claim(struct virtback_entry *entry, bool doom)
{
	bool mine;

	lockdep_assert_held(&virtback_entries_lock);
	mine = entry->stage == VIRTBACK_LIVE;
	if (mine)
		entry->stage = VIRTBACK_REMOVING;
	if (doom)
		entry->doomed = true;
	return mine;
}

static struct virtback_entry *virtback_entry_find(const char *name)
{
	struct virtback_entry *entry;

	lockdep_assert_held(&virtback_entries_lock);
	list_for_each_entry(entry, &virtback_entries, link) {
		if (!strcmp(entry->vd.name, name))
			return entry;
	}
	return NULL;
}

static void virtback_entry_lost(struct work_struct *work)
{
	struct virtback_entry *entry = container_of(work, struct virtback_entry, lost);
	bool mine;

	spin_lock(&virtback_entries_lock);
	mine = virtback_entry_claim(entry, true);
	spin_unlock(&virtback_entries_lock);
	if (mine)
		virtback_entry_take_down(entry);
}

/**
 * virtback_config_name() - the name of a device
 * @cfg: its configuration
 * @buf: where the name goes
 * @len: size of @buf; VIRTBACK_NAME_LEN is enough
 *
 * A device for this kernel itself is only "loop" here; virtback_create() appends
 * the first number that is free.
 */
void virtback_config_name(const struct virtback_config *cfg, char *buf, size_t len)
{
	if (test_bit(VIRTBACK_OPT_DOMID, &cfg->set))
		snprintf(buf, len, "dom%u.%llx", cfg->domid, cfg->base);
	else
		snprintf(buf, len, "loop");
}

/* Choose the name and take it, in one step. */
static int virtback_entry_register(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;
	unsigned int n = 0;
	int err = 0;

	virtback_config_name(&entry->cfg, vd->name, sizeof(vd->name));
	spin_lock(&virtback_entries_lock);
	if (!test_bit(VIRTBACK_OPT_DOMID, &entry->cfg.set)) {
		do {
			snprintf(vd->name, sizeof(vd->name), "loop.%u", n++);
		} while (virtback_entry_find(vd->name));
	}
	if (virtback_stopped)
		err = -ENODEV;
	else if (virtback_entry_find(vd->name))
		err = -EEXIST;
	else
		list_add_tail(&entry->link, &virtback_entries);
	spin_unlock(&virtback_entries_lock);

	if (err == -EEXIST)
		pr_err("%s: a device of this name exists, or its disk is not closed yet\n",
		       vd->name);
	return err;
}

static void virtback_entry_unregister(struct virtback_entry *entry)
{
	spin_lock(&virtback_entries_lock);
	list_del(&entry->link);
	spin_unlock(&virtback_entries_lock);
	wake_up_all(&virtback_entries_empty);
}

static struct virtback_entry *virtback_entry_alloc(const struct virtback_config *cfg)
{
	struct virtback_entry *entry;
	struct device *dev;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return NULL;
	INIT_LIST_HEAD(&entry->link);
	mutex_init(&entry->backing_lock);
	init_completion(&entry->detached);
	init_completion(&entry->gone);
	INIT_WORK(&entry->lost, virtback_entry_lost);
	INIT_WORK(&entry->finish, virtback_entry_finish);
	virtback_state_init(entry);
	dev = &entry->vd.dev;
	device_initialize(dev);
	dev->class = &virtback_class;
	dev->release = virtback_entry_release;
	if (virtback_config_copy(&entry->cfg, cfg)) {
		put_device(dev);
		return NULL;
	}
	return entry;
}

/* What concerns neither the device type nor the host alone. */
static int virtback_entry_check(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;

	if (!test_bit(VIRTBACK_OPT_BACKING, &entry->cfg.set)) {
		pr_err("%s: backing: missing\n", vd->name);
		return -EINVAL;
	}
	if (!vd->host) {
		pr_err("%s: domid: this kernel is built without Xen back ends\n", vd->name);
		return -ENODEV;
	}
	return vd->host->check(vd, &entry->cfg);
}

static const struct virtback_host_ops *virtback_choose_host(const struct virtback_config *cfg)
{
	if (!test_bit(VIRTBACK_OPT_DOMID, &cfg->set))
		return &virtback_loop_host;
#ifdef CONFIG_XEN_BACKEND
	return &virtback_xen_host;
#else
	return NULL;
#endif
}

/**
 * virtback_backing_show() - print the path of a device's backing store
 * @entry: the device
 * @buf: a page, as sysfs gives it
 *
 * Return: bytes
 */
ssize_t virtback_backing_show(struct virtback_entry *entry, char *buf)
{
	ssize_t len;

	spin_lock(&virtback_entries_lock);
	len = sysfs_emit(buf, "%s\n", entry->cfg.backing);
	spin_unlock(&virtback_entries_lock);
	return len;
}

/**
 * virtback_backing_record() - a device has another backing store from now on
 * @entry: the device; its backing_lock is held
 * @cfg: @backing is the new path, and the old one afterwards
 */
void virtback_backing_record(struct virtback_entry *entry, struct virtback_config *cfg)
{
	spin_lock(&virtback_entries_lock);
	swap(cfg->backing, entry->cfg.backing);
	spin_unlock(&virtback_entries_lock);
}

/* What was not given; then the core's part of the device. */
static int virtback_entry_init(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;
	struct virtback_config *cfg = &entry->cfg;
	unsigned int nr_cpus = vd->host->nr_cpus ? vd->host->nr_cpus(vd, cfg) : 1;
	const char *why = NULL;
	int err;

	err = virtback_config_complete(cfg, nr_cpus, &why);
	if (err) {
		pr_err("%s: queues: %s\n", vd->name, why);
		return err;
	}
	vd->features_off = cfg->features_off;
	err = virtback_device_init(vd, cfg->queues, cfg->queue_size);
	if (err) {
		pr_err("%s: cannot set up the queues: %d\n", vd->name, err);
		return err;
	}
	err = virtback_workers_place(entry);
	if (err)
		virtback_device_fini(vd);
	return err;
}

/* Everything from a complete device to one that a person can see. */
static int virtback_entry_publish(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;
	int err;

	err = dev_set_name(&vd->dev, "%s", vd->name);
	if (err)
		return err;
	err = virtback_sysfs_groups(entry);
	if (err)
		return err;
	err = device_add(&vd->dev);
	if (err)
		return err;
	err = virtback_sysfs_hold(entry);
	if (err) {
		device_del(&vd->dev);
		return err;
	}
	virtback_debugfs_add(entry);
	virtback_state_begin(entry);
	return 0;
}

/**
 * virtback_create() - make a device
 * @cfg: what was asked for; copied
 *
 * May sleep for as long as the backing device takes to open.
 *
 * Return: 0, or -errno after a line in the log; then there is no device. (A name
 * stays taken while a disk that the guest used already finishes.)
 */
int virtback_create(const struct virtback_config *cfg)
{
	struct virtback_entry *entry;
	struct virtback_device *vd;
	int err;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	entry = virtback_entry_alloc(cfg);
	if (!entry) {
		char name[VIRTBACK_NAME_LEN];

		err = -ENOMEM;
		virtback_config_name(cfg, name, sizeof(name));
		pr_err("%s: no memory for the device\n", name);
		goto put_module;
	}
	vd = &entry->vd;
	vd->type = &virtback_blk_type;
	vd->host = virtback_choose_host(cfg);
	vd->guest = cfg->domid;

	err = virtback_entry_register(entry);
	if (err)
		goto put;
	err = virtback_defaults_apply(&entry->cfg, vd->name);
	if (err)
		goto unregister;
	vd->dma = entry->cfg.dma;
	vd->poll_us = entry->cfg.poll_us;
	vd->reset_timeout_ms = entry->cfg.reset_timeout_ms ?: VIRTBACK_RESET_TIMEOUT_MS;
	err = virtback_entry_check(entry);
	if (err)
		goto unregister;
	err = virtback_entry_init(entry);
	if (err)
		goto unregister;
	err = vd->type->create(vd, &entry->cfg);
	if (err)
		goto fini;
	err = vd->host->attach(vd, &entry->cfg);
	if (err)
		goto destroy;
	err = virtback_entry_publish(entry);
	if (err)
		goto detach;

	pr_info("%s: %s on %s; the module stays in use until the device is removed\n",
		vd->name, vd->type->name, cfg->backing);
	/* The guest may be gone already, and the host said so while we were busy. */
	if (!virtback_entry_settle(entry)) {
		pr_info("%s: not needed any more\n", vd->name);
		virtback_entry_take_down(entry);
		return -ESRCH;
	}
	return 0;

detach:
	pr_err("%s: cannot add the device: %d\n", vd->name, err);
	virtback_entry_abandon(entry);
	return err;
destroy:
	vd->type->destroy(vd);
fini:
	virtback_device_fini(vd);
unregister:
	virtback_entry_unregister(entry);
put:
	put_device(&vd->dev);
put_module:
	module_put(THIS_MODULE);
	return err;
}

/* Take a device away if that is possible; *@res then carries a reference. */
static int virtback_remove_start(const char *name, bool force, struct virtback_entry **res)
{
	struct virtback_entry *entry;
	enum virtback_stage stage = VIRTBACK_LIVE;
	bool mine = false;

	spin_lock(&virtback_entries_lock);
	entry = virtback_entry_find(name);
	if (entry) {
		get_device(&entry->vd.dev);
		stage = entry->stage;
		mine = virtback_entry_claim(entry, force);
	}
	spin_unlock(&virtback_entries_lock);
	if (!entry)
		return -ENOENT;
	*res = entry;
	if (!mine) {
		pr_err("%s: remove: %s\n", name, stage == VIRTBACK_CREATING ?
		       "is still being made" : "is being removed already");
		return -EBUSY;
	}
	if (!force && entry->vd.host->in_use && entry->vd.host->in_use(&entry->vd) &&
	    virtback_entry_settle(entry)) {
		pr_err("%s: remove: a running guest uses it (force=1 removes it all the same)\n",
		       name);
		return -EBUSY;
	}
	virtback_entry_take_down(entry);
	return 0;
}

/**
 * virtback_remove() - take a device away and wait until its disk is closed
 * @name: its name
 * @force: even when that harms a running guest
 *
 * Return: 0; -ENOENT, or -EBUSY when it is in use or someone removes it already,
 * after a line in the log; -ERESTARTSYS when the caller was killed, the removal
 * then goes on by itself
 */
int virtback_remove(const char *name, bool force)
{
	struct virtback_entry *entry = NULL;
	int err = virtback_remove_start(name, force, &entry);

	if (err == -ENOENT)
		pr_err(VIRTBACK_LOG_TEXT ": remove: no such device\n",
		       virtback_log_len(name), name);
	if (!err)
		err = wait_for_completion_killable(&entry->gone);
	if (entry)
		put_device(&entry->vd.dev);
	return err;
}

/**
 * virtback_detach() - forced removal that does not care who else removes it
 * @name: its name
 * @timeout: jiffies to wait for its disk to be closed as well, 0 to wait for none
 *
 * When it returns the guest cannot reach the device any more, whoever took it
 * down.
 *
 * Return: 0, -ENOENT when there is none, -EBUSY when it is still being made (it
 * will then not come to life), -ETIMEDOUT when the disk is not closed yet
 */
int virtback_detach(const char *name, unsigned long timeout)
{
	struct virtback_entry *entry;
	enum virtback_stage stage = VIRTBACK_CREATING;
	bool mine = false;
	int err = 0;

	spin_lock(&virtback_entries_lock);
	entry = virtback_entry_find(name);
	if (entry) {
		get_device(&entry->vd.dev);
		stage = entry->stage;
		mine = virtback_entry_claim(entry, true);
	}
	spin_unlock(&virtback_entries_lock);
	if (!entry)
		return -ENOENT;
	if (mine)
		virtback_entry_take_down(entry);
	else if (stage == VIRTBACK_REMOVING)
		/* Idle: who detaches it may wait for a reset, see virtback_device_lock(). */
		wait_for_completion_state(&entry->detached, TASK_IDLE);
	if (stage == VIRTBACK_CREATING)
		err = -EBUSY;
	else if (timeout && !wait_for_completion_timeout(&entry->gone, timeout))
		err = -ETIMEDOUT;
	put_device(&entry->vd.dev);
	return err;
}

static struct virtback_entry *virtback_entry_closing(const char *backing)
{
	struct virtback_entry *entry;

	lockdep_assert_held(&virtback_entries_lock);
	list_for_each_entry(entry, &virtback_entries, link) {
		if (entry->stage == VIRTBACK_REMOVING && entry->cfg.backing &&
		    !strcmp(entry->cfg.backing, backing))
			return entry;
	}
	return NULL;
}

/**
 * virtback_wait_closed() - wait until devices being removed have closed a disk
 * @backing: path of the disk, as they were given it
 * @timeout: jiffies to wait at most
 *
 * For one who takes a disk over from a device that is on its way out. Devices
 * that stay are not waited for.
 */
void virtback_wait_closed(const char *backing, unsigned long timeout)
{
	struct virtback_entry *entry;

	while (timeout) {
		spin_lock(&virtback_entries_lock);
		entry = virtback_entry_closing(backing);
		if (entry)
			get_device(&entry->vd.dev);
		spin_unlock(&virtback_entries_lock);
		if (!entry)
			return;
		timeout = wait_for_completion_timeout(&entry->gone, timeout);
		put_device(&entry->vd.dev);
	}
}

/**
 * virtback_device_lost() - the guest of a device is gone for good
 * @vd: the device; the host has not returned from release() for it
 *
 * Removes it soon, from another thread. Any number of times, any process
 * context, under any mutex. It goes by the device and not by its name, so a newer
 * one of the name is safe.
 */
void virtback_device_lost(struct virtback_device *vd)
{
	struct virtback_entry *entry = virtback_entry_of(vd);

	spin_lock(&virtback_entries_lock);
	entry->doomed = true;
	if (entry->stage == VIRTBACK_LIVE)
		queue_work(virtback_wq, &entry->lost);
	spin_unlock(&virtback_entries_lock);
}

static bool virtback_entries_gone(void)
{
	bool gone;

	spin_lock(&virtback_entries_lock);
	gone = list_empty(&virtback_entries);
	spin_unlock(&virtback_entries_lock);
	return gone;
}

/**
 * virtback_control_stop() - remove every device and permit no new ones
 *
 * For a module whose init fails after some devices were made: sysfs may have
 * made others meanwhile. Waits for the disks.
 */
void virtback_control_stop(void)
{
	struct virtback_entry *entry;

	spin_lock(&virtback_entries_lock);
	virtback_stopped = true;
	list_for_each_entry(entry, &virtback_entries, link) {
		if (entry->stage == VIRTBACK_LIVE)
			queue_work(virtback_wq, &entry->lost);
	}
	spin_unlock(&virtback_entries_lock);
	/* Idle, as in virtback_vq_drain(). */
	wait_event_idle(virtback_entries_empty, virtback_entries_gone());
}

/**
 * virtback_control_init() - set up the registry
 *
 * Return: 0 or -errno
 */
int virtback_control_init(void)
{
	virtback_wq = alloc_workqueue("virtback", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!virtback_wq)
		return -ENOMEM;
	virtback_finish_wq = alloc_workqueue("virtback_finish", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!virtback_finish_wq) {
		destroy_workqueue(virtback_wq);
		return -ENOMEM;
	}
	virtback_debugfs_init();
	return 0;
}

/**
 * virtback_control_exit() - undo virtback_control_init(); no device is left
 */
void virtback_control_exit(void)
{
	virtback_debugfs_exit();
	destroy_workqueue(virtback_finish_wq);
	destroy_workqueue(virtback_wq);
}
