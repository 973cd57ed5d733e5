// SPDX-License-Identifier: GPL-2.0
/*
 * How far the driver of a device is, for the attribute "state" and for uevents.
 *
 * A guest may change the state as often as it likes, so an event is sent some time
 * after a change, by a work item, if the state is then another than the one told last.
 * All devices together send no more than a udevd can do beside its other work; they take
 * turns, so that none is kept waiting by those that change all the time.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/virtio_config.h>

#include "control.h"

/* Short for people, long for a driver that is probed: its steps make one event. */
#define VIRTBACK_STATE_DELAY	(HZ / 20)

/* Protects virtback_state_full. */
static DEFINE_SPINLOCK(virtback_state_lock);
/* When as many events as VIRTBACK_STATE_BURST may come at once again. */
static u64 virtback_state_full;

/**
 * virtback_state_name() - the furthest step of the driver, unless something is wrong
 * @vd: device
 *
 * Any context.
 *
 * Return: the name, a constant.
 */
const char *virtback_state_name(const struct virtback_device *vd)
{
	int status = atomic_read(&vd->status);

	if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return "needs-reset";
	if (status & VIRTIO_CONFIG_S_FAILED)
		return "failed";
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		return "driver-ok";
	if (status & VIRTIO_CONFIG_S_FEATURES_OK)
		return "features-ok";
	if (status & VIRTIO_CONFIG_S_DRIVER)
		return "driver";
	if (status & VIRTIO_CONFIG_S_ACKNOWLEDGE)
		return "acknowledged";
	/* A device without a backing store has no ID; a write to "backing" gives it one. */
	return READ_ONCE(vd->id) ? "reset" : "empty";
}

/**
 * virtback_uevent() - what every uevent of a device says
 * @vd: device
 * @env: gets the variables
 *
 * The state is the one told last, whatever has happened since: another event will say
 * so. Were it the one of this moment, the driver could be back in the state told last
 * before the next look, and nobody would be told.
 *
 * Any process context.
 *
 * Return: 0 or -ENOMEM
 */
int virtback_uevent(const struct virtback_device *vd, struct kobj_uevent_env *env)
{
	const struct virtback_entry *entry = container_of(vd, struct virtback_entry, vd);
	/* Pairs with virtback_state_work(). */
	const char *state = READ_ONCE(entry->told);
	int err;

	err = add_uevent_var(env, "VIRTBACK_TYPE=%s", vd->type->name);
	if (!err)
		err = add_uevent_var(env, "VIRTBACK_HOST=%s", vd->host->name);
	if (!err && test_bit(VIRTBACK_OPT_DOMID, &entry->cfg.set))
		err = add_uevent_var(env, "VIRTBACK_DOMID=%u", entry->cfg.domid);
	if (!state[0])
		state = virtback_state_name(vd);
	return err ?: add_uevent_var(env, "VIRTBACK_STATE=%s", state);
}

/**
 * virtback_state_turn() - when the next event may be sent
 * @full: when as many as may come at once could come again; 0 at first
 * @now: jiffies
 *
 * Each call takes a turn. Whoever protects @full.
 *
 * Return: jiffies to wait
 */
unsigned long virtback_state_turn(u64 *full, u64 now)
{
	u64 before = (u64)(VIRTBACK_STATE_BURST - 1) * VIRTBACK_STATE_GAP;
	u64 at;

	*full = max(*full, now);
	at = *full > now + before ? *full - before : now;
	*full += VIRTBACK_STATE_GAP;
	return at - now;
}

static unsigned long virtback_state_wait(void)
{
	unsigned long wait;

	spin_lock(&virtback_state_lock);
	wait = virtback_state_turn(&virtback_state_full, get_jiffies_64());
	spin_unlock(&virtback_state_lock);
	return wait;
}

/* One at a time, as a work item; nothing else changes entry->told meanwhile. */
static void virtback_state_work(struct work_struct *work)
{
	struct virtback_entry *entry = container_of(work, struct virtback_entry, state.work);
	const char *state = virtback_state_name(&entry->vd);

	/* Pairs with virtback_state_end(). */
	if (!READ_ONCE(entry->telling) || !strcmp(state, entry->told))
		return;
	if (!entry->turn) {
		unsigned long wait = virtback_state_wait();

		entry->turn = true;
		if (wait) {
			virtback_control_queue(&entry->state, wait);
			return;
		}
	}
	entry->turn = false;
	/* Pairs with virtback_uevent(). */
	WRITE_ONCE(entry->told, state);
	entry->nr_told++;
	kobject_uevent(&entry->vd.dev.kobj, KOBJ_CHANGE);
}

/**
 * virtback_state_look() - the state may be another: tell, if it is
 * @entry: the device
 *
 * Any context.
 */
void virtback_state_look(struct virtback_entry *entry)
{
	/* Pairs with virtback_state_end(). */
	if (READ_ONCE(entry->telling))
		virtback_control_queue(&entry->state, VIRTBACK_STATE_DELAY);
}

static void virtback_state_changed(struct virtback_device *vd)
{
	virtback_state_look(virtback_entry_of(vd));
}

/**
 * virtback_state_init() - before a device can be reached
 * @entry: the device
 */
void virtback_state_init(struct virtback_entry *entry)
{
	INIT_DELAYED_WORK(&entry->state, virtback_state_work);
	entry->told = "";
	entry->vd.state_changed = virtback_state_changed;
}

/**
 * virtback_state_begin() - the device is in sysfs: tell what changes from now on
 * @entry: the device
 *
 * The event of its appearance has said something, and the driver may have gone on
 * since, so one look is due.
 */
void virtback_state_begin(struct virtback_entry *entry)
{
	WRITE_ONCE(entry->telling, true);
	virtback_control_queue(&entry->state, VIRTBACK_STATE_DELAY);
}

/**
 * virtback_state_end() - the device leaves sysfs: tell nothing more
 * @entry: the device
 *
 * May sleep. No event is being sent when it returns, nor will one be. A last look may
 * still be queued by who saw @telling before; virtback_state_fini() takes it back.
 */
void virtback_state_end(struct virtback_entry *entry)
{
	/* Pairs with virtback_state_work() and virtback_state_look(). */
	WRITE_ONCE(entry->telling, false);
	cancel_delayed_work_sync(&entry->state);
}

/**
 * virtback_state_fini() - nobody can change the state any more
 * @entry: the device, away from its guest
 *
 * May sleep.
 */
void virtback_state_fini(struct virtback_entry *entry)
{
	cancel_delayed_work_sync(&entry->state);
}
