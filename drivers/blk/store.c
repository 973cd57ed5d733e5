// SPDX-License-Identifier: GPL-2.0
/*
 * What is behind a disk, while the disk is there: its size is watched, and it can
 * be replaced under a running guest.
 *
 * Nobody tells who has a block device or a file open that its size has changed. So
 * one work item looks at all disks each second, when the machine is awake anyway,
 * and each request looks for itself (blk.c) and calls the work item if need be.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>
#include <linux/workqueue.h>

#include <virtback/config.h>

#include "blk.h"
#include "zoned.h"

static LIST_HEAD(blk_disks);
/* Protects the list. Inside no lock; a disk's lock is only tried within. */
static DEFINE_MUTEX(blk_disks_lock);

static void blk_look(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(blk_look_work, blk_look);

/*
 * A disk of size 0 (the medium is gone) fails all its requests, but is not shown to
 * the driver: some cannot live with it, and the medium may come back.
 */
static void blk_set_capacity(struct virtback_blk *blk, u64 sectors)
{
	struct virtback_device *vd = blk->vd;
	__virtio64 told = __cpu_to_virtio64(true, sectors);

	lockdep_assert_held(&vd->lock);
	/* Pairs with virtback_blk_range_ok(). */
	WRITE_ONCE(blk->capacity, sectors);
	if (sectors && told != blk->config.capacity) {
		blk->config.capacity = told;
		virtback_device_config_changed(vd);
	}
}

static bool blk_gone(struct virtback_backing *b)
{
	return b && b->ops->gone && b->ops->gone(b);
}

/*
 * Called with blk->lock held. Without @wait a device whose registers are busy, with
 * a reset that waits for the disk for instance, is left for the next time.
 */
static void blk_check_size(struct virtback_blk *blk, bool wait)
{
	struct virtback_backing *b = blk->backing;
	u64 sectors = b ? b->ops->capacity(b) : 0;
	struct virtback_device *vd = blk->vd;

	lockdep_assert_held(&blk->lock);
	if (sectors == blk->capacity)
		return;
	if (wait)
		virtback_device_lock(vd);
	else if (!mutex_trylock(&vd->lock))
		return;
	pr_info("%s: the backing store has %llu sectors now (%llu before)\n", vd->name, sectors,
		blk->capacity);
	blk_set_capacity(blk, sectors);
	mutex_unlock(&vd->lock);
}

static void blk_look(struct work_struct *work)
{
	struct virtback_blk *blk;

	mutex_lock(&blk_disks_lock);
	list_for_each_entry(blk, &blk_disks, link) {
		/* Else it is being replaced, which may wait for the disk. */
		if (mutex_trylock(&blk->lock)) {
			blk_check_size(blk, false);
			mutex_unlock(&blk->lock);
		}
	}
	if (!list_empty(&blk_disks))
		schedule_delayed_work(&blk_look_work, HZ);
	mutex_unlock(&blk_disks_lock);
}

/**
 * virtback_blk_look_soon() - a request saw that its disk has another size
 *
 * Any context; while a disk exists.
 */
void virtback_blk_look_soon(void)
{
	mod_delayed_work(system_wq, &blk_look_work, 0);
}

/**
 * virtback_blk_check_size() - look at the size of a disk now
 * @vd: device
 *
 * See &virtback_type_ops.check_size.
 *
 * Return: false when the disk's store is gone for good
 */
bool virtback_blk_check_size(struct virtback_device *vd)
{
	struct virtback_blk *blk = vd->type_priv;
	bool there;

	mutex_lock(&blk->lock);
	blk_check_size(blk, true);
	there = !blk_gone(blk->backing);
	mutex_unlock(&blk->lock);
	return there;
}

static void blk_watch(struct virtback_blk *blk)
{
	mutex_lock(&blk_disks_lock);
	if (list_empty(&blk_disks))
		schedule_delayed_work(&blk_look_work, HZ);
	list_add_tail(&blk->link, &blk_disks);
	mutex_unlock(&blk_disks_lock);
}

static void blk_unwatch(struct virtback_blk *blk)
{
	bool last;

	mutex_lock(&blk_disks_lock);
	list_del(&blk->link);
	last = list_empty(&blk_disks);
	mutex_unlock(&blk_disks_lock);
	if (!last)
		return;
	cancel_delayed_work_sync(&blk_look_work);
	/* It may have been started anew for a new disk meanwhile. */
	mutex_lock(&blk_disks_lock);
	if (!list_empty(&blk_disks))
		schedule_delayed_work(&blk_look_work, HZ);
	mutex_unlock(&blk_disks_lock);
}

/**
 * virtback_blk_open() - open what is behind a new disk
 * @blk: disk; @vd and @id are set
 * @cfg: configuration of the device
 *
 * May sleep for long.
 *
 * Return: 0, then virtback_blk_close() is due; or -errno after one line in the log.
 */
int virtback_blk_open(struct virtback_blk *blk, const struct virtback_config *cfg)
{
	struct virtback_device *vd = blk->vd;
	struct virtback_backing *b;
	u64 features;
	int err;

	mutex_init(&blk->lock);
	if (virtback_config_no_backing(cfg)) {
		/* VIRTIO 1.2 section 4.2.2: a driver must ignore it. */
		vd->id = 0;
		vd->type_features = 0;
	} else {
		b = virtback_backing_open(vd->name, cfg);
		if (IS_ERR(b))
			return PTR_ERR(b);
		blk->backing = b;
		err = virtback_blk_describe(blk, cfg, &features);
		if (err) {
			virtback_zoned_destroy(blk);
			b->ops->close(b);
			return err;
		}
		virtback_device_lock(vd);
		virtback_blk_show(blk, features);
		mutex_unlock(&vd->lock);
	}
	blk_watch(blk);
	return 0;
}

/**
 * virtback_blk_close() - undo virtback_blk_open()
 * @blk: disk without requests
 *
 * May sleep for long.
 */
void virtback_blk_close(struct virtback_blk *blk)
{
	blk_unwatch(blk);
	virtback_zoned_destroy(blk);
	if (blk->backing)
		blk->backing->ops->close(blk->backing);
	mutex_destroy(&blk->lock);
}

/* Why a disk that is @next cannot take the place of @blk, NULL when it can. */
static const char *blk_unfit(const struct virtback_blk *blk, const struct virtback_blk *next,
			     u64 features)
{
	const size_t tail = offsetof(struct virtio_blk_config, num_queues);

	if (next->zones || blk->zones)
		return "is zoned, or the disk is: no two of them are in the same state";
	/* As the driver knows it: what was behind the disk may be gone. */
	if (next->config.capacity != blk->config.capacity)
		return "has another size";
	if (next->block_mask != blk->block_mask)
		return "has another block size";
	if (next->backing->write != blk->backing->write)
		return blk->backing->write ? "is read-only" : "the disk is read-only, this is not";
	if (features != blk->vd->type_features)
		return "has other abilities (a write cache, for instance)";
	/* The topology is advice, wce the driver's; what follows are limits. */
	if (memcmp((u8 *)&next->config + tail, (u8 *)&blk->config + tail,
		   sizeof(blk->config) - tail))
		return "has other limits";
	return NULL;
}

static int blk_check_fit(struct virtback_blk *blk, struct virtback_blk *next,
			 const struct virtback_config *cfg, u64 *features)
{
	const char *why;
	int err;

	err = virtback_blk_describe(next, cfg, features);
	if (err || !blk->backing)
		return err;
	why = blk_unfit(blk, next, *features);
	return why ? virtback_backing_refuse(blk->vd->name, cfg, why, -EINVAL) : 0;
}

/* A placeholder becomes a disk. Called with vd->lock held. */
static void blk_adopt(struct virtback_blk *blk, struct virtback_blk *next, u64 features)
{
	blk->block_mask = next->block_mask;
	blk->max_discard = next->max_discard;
	blk->max_write_zeroes = next->max_write_zeroes;
	blk->max_secure_erase = next->max_secure_erase;
	blk->zones = next->zones;
	next->zones = NULL;
	blk->config = next->config;
	blk->zoned = next->zoned;
	virtback_blk_show(blk, features);
	/* Pairs with virtback_state_name(). */
	WRITE_ONCE(blk->vd->id, blk->vd->type->id);
}

/*
 * The driver's next flush will not reach the old one any more. Nothing of one that is gone
 * can be saved by keeping it, nor what one has lost; but that has to be known before: who
 * finds it out here is refused, and the driver's next flush is told.
 */
static int blk_sync_old(struct virtback_device *vd, struct virtback_backing *old)
{
	bool lost = old->ops->known_lost && old->ops->known_lost(old);
	int err = old->ops->sync(old);

	if (err && blk_gone(old))
		pr_warn("%s: the old backing store is gone, with what it had not flushed\n",
			vd->name);
	else if (err && lost)
		pr_warn("%s: the old backing store is given up, with what it had lost\n", vd->name);
	else
		return err;
	return 0;
}

/* The exchange itself. The device is paused, nothing is in flight. */
static int blk_exchange(struct virtback_blk *blk, struct virtback_blk *next, u64 features)
{
	struct virtback_backing *old = blk->backing;
	struct virtback_device *vd = blk->vd;
	int err;

	if (old && old->write && old->ops->has_cache(old)) {
		err = blk_sync_old(vd, old);
		if (err)
			return err;
	}
	virtback_device_lock(vd);
	blk->backing = next->backing;
	WRITE_ONCE(blk->capacity, next->capacity);
	/* What the driver is not told. */
	blk->mem_mask = next->mem_mask;
	blk->direct = next->direct;
	blk->stable = next->stable;
	if (!old)
		blk_adopt(blk, next, features);
	mutex_unlock(&vd->lock);
	return 0;
}

/* Called with blk->lock held. */
static int blk_replace(struct virtback_blk *blk, struct virtback_blk *next,
		       const struct virtback_config *cfg)
{
	struct virtback_device *vd = blk->vd;
	u64 features;
	int err;

	next->vd = vd;
	err = blk_check_fit(blk, next, cfg, &features);
	if (err)
		return err;
	err = virtback_device_pause(vd);
	if (err)
		return virtback_backing_refuse(vd->name, cfg, err == -ENODEV ?
					       "the device is being removed" :
					       "interrupted while it waited for the old one", err);
	err = blk_exchange(blk, next, features);
	virtback_device_unpause(vd);
	if (err)
		virtback_backing_refuse(vd->name, cfg, "the old one cannot be flushed", err);
	return err;
}

/**
 * virtback_blk_set_backing() - put something else behind a disk
 * @vd: device, running or not
 * @cfg: its configuration with the new path
 *
 * See &virtback_type_ops.set_backing. A placeholder takes anything; else it must be
 * such that the driver cannot tell the difference.
 *
 * Return: 0; or after one line in the log: -EINVAL when it does not fit, what opening
 * it failed with, what flushing the old one failed with, -ERESTARTSYS when killed,
 * -ENODEV when the device is being removed. Then nothing has changed.
 */
int virtback_blk_set_backing(struct virtback_device *vd, const struct virtback_config *cfg)
{
	struct virtback_blk *blk = vd->type_priv;
	struct virtback_backing *b, *old;
	struct virtback_blk *next;
	int err;

	next = kzalloc(sizeof(*next), GFP_KERNEL);
	if (!next)
		return virtback_backing_refuse(vd->name, cfg, "no memory", -ENOMEM);
	b = virtback_backing_open(vd->name, cfg);
	if (IS_ERR(b)) {
		kfree(next);
		return PTR_ERR(b);
	}
	next->backing = b;
	mutex_lock(&blk->lock);
	old = blk->backing;
	err = blk_replace(blk, next, cfg);
	mutex_unlock(&blk->lock);
	virtback_zoned_destroy(next);
	kfree(next);
	/* Of the two the one that is not behind the disk. */
	if (err)
		old = b;
	if (old)
		old->ops->close(old);
	return err;
}
