// SPDX-License-Identifier: GPL-2.0
/*
 * Where and how the workers of a device run: on which processors, and how nice they
 * are to others.
 *
 * No real-time policy is offered: a guest decides how much a worker has to do, and
 * nobody else of this machine may starve for it. Nor may a guest have more of a processor
 * than another because it has more disks or queues: each of the workers it keeps busy at a
 * time is so much nicer that all of them together weigh what one does. Only where somebody
 * else wants the same processor does that make a difference.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/spinlock.h>

#include <virtback/device.h>

#include "core.h"

/* How often a worker that is at work looks what the others of its guest do. */
#define VIRTBACK_SHARE_LOOK	msecs_to_jiffies(5)
/* For how long one that has not run counts as busy. */
#define VIRTBACK_SHARE_BUSY	msecs_to_jiffies(20)

/* How long the workers of a guest go on, one after the other, while others wait for a processor. */
#define VIRTBACK_TURN_NS	(200 * NSEC_PER_USEC)

/*
 * Protects virtback_devices, all of &virtback_device.peers, &virtback_device.nice and
 * &virtback_share.extra.
 */
static DEFINE_SPINLOCK(virtback_peers_lock);
/* All devices, by &virtback_device.all: only to find the first of a guest. */
static LIST_HEAD(virtback_devices);

/**
 * virtback_device_set_cpus() - let the workers run on these processors alone
 * @vd: device
 * @mask: processors
 *
 * May sleep.
 *
 * Return: 0, or -EINVAL when none of them is online; nothing has changed then.
 */
int virtback_device_set_cpus(struct virtback_device *vd, const struct cpumask *mask)
{
	int err = 0;
	u16 i;

	/* The scheduler would put a thread on a processor that is going, and leave it there. */
	cpus_read_lock();
	mutex_lock(&virtback_cpus_lock);
	for (i = 0; i < vd->nvqs && !err; i++)
		err = set_cpus_allowed_ptr(vd->vqs[i].worker->task, mask);
	mutex_unlock(&virtback_cpus_lock);
	cpus_read_unlock();
	return err;
}

/**
 * virtback_device_cpus() - where the workers may run
 * @vd: device
 *
 * Return: the processors of the first worker; whoever moved another by hand knows.
 */
const struct cpumask *virtback_device_cpus(const struct virtback_device *vd)
{
	return vd->vqs[0].worker->task->cpus_ptr;
}

/* Called with virtback_peers_lock held. */
static void virtback_vq_set_nice(struct virtback_vq *vq)
{
	lockdep_assert_held(&virtback_peers_lock);
	set_user_nice(vq->worker->task, clamp(vq->vd->nice + vq->share.extra, MIN_NICE, MAX_NICE));
}

/**
 * virtback_device_set_nice() - give the workers a priority
 * @vd: device
 * @nice: MIN_NICE to MAX_NICE, less is more
 *
 * Process context.
 */
void virtback_device_set_nice(struct virtback_device *vd, int nice)
{
	u16 i;

	spin_lock(&virtback_peers_lock);
	/* Pairs with virtback_device_nice(). */
	WRITE_ONCE(vd->nice, nice);
	for (i = 0; i < vd->nvqs; i++)
		virtback_vq_set_nice(&vd->vqs[i]);
	spin_unlock(&virtback_peers_lock);
}

/**
 * virtback_device_nice() - the priority of the workers
 * @vd: device
 *
 * Return: what virtback_device_set_nice() was told. Workers of a guest that keeps several
 * busy are nicer than that.
 */
int virtback_device_nice(const struct virtback_device *vd)
{
	/* Pairs with virtback_device_set_nice(). */
	return READ_ONCE(vd->nice);
}

static void virtback_share_add(const struct virtback_device *vd, unsigned long now, u64 *sum,
			       u32 *most)
{
	u16 i;

	for (i = 0; i < vd->nvqs; i++) {
		const struct virtback_share *share = &vd->vqs[i].share;
		/* Both pair with virtback_share_look(). */
		u32 use = READ_ONCE(share->use);

		if (time_after(now, READ_ONCE(share->looked) + VIRTBACK_SHARE_BUSY))
			continue;
		*most = max(*most, use);
		*sum += use;
	}
}

/*
 * How many workers that are as busy as the busiest one would do what those of the guest
 * do; one that has little to do hardly counts.
 */
static unsigned int virtback_share_workers(const struct virtback_device *vd, unsigned long now)
{
	const struct virtback_device *peer;
	u32 most = 1;
	u64 sum = 0;

	virtback_share_add(vd, now, &sum, &most);
	list_for_each_entry(peer, &vd->peers, peers)
		virtback_share_add(peer, now, &sum, &most);
	return max_t(unsigned int, DIV_ROUND_CLOSEST_ULL(sum, most), 1);
}

/*
 * What the worker that runs wants of processors, in all: what it had and, where the
 * scheduler counts that, what it waited for one. Or those that crowd on one processor would
 * count as little, just because they get little.
 */
static u64 virtback_share_wanted(void)
{
	u64 ns = current->se.sum_exec_runtime;

#ifdef CONFIG_SCHED_INFO
	ns += current->sched_info.run_delay;
#endif
	return ns;
}

/**
 * virtback_share_nice() - what makes each of several threads weigh its part of one
 * @nr: how many they are, at least 1
 *
 * A step of niceness takes a fifth (sched(7)). Any context.
 *
 * Return: by how much their nice value is to be raised, at most MAX_NICE; from about 70 on
 * they weigh more than one together.
 */
int virtback_share_nice(unsigned int nr)
{
	unsigned int weight = 1024;
	int nice = 0;

	/* A ninth too much is nearer than a step more. */
	while (weight * nr > 1024 + 1024 / 9 && nice < MAX_NICE) {
		weight -= weight / 5;
		nice++;
	}
	return nice;
}

/**
 * virtback_share_look() - the worker has run for a while: what is its share?
 * @vq: its queue
 * @now: jiffies
 *
 * Called by the worker, see virtback_share_ran().
 */
void virtback_share_look(struct virtback_vq *vq, unsigned long now)
{
	struct virtback_share *share = &vq->share;
	u64 wanted = virtback_share_wanted();
	unsigned int workers;
	int extra;

	/* Both pair with virtback_share_workers(). */
	WRITE_ONCE(share->use, min_t(u64, div64_ul(wanted - share->wanted, now - share->looked),
				     U32_MAX));
	WRITE_ONCE(share->looked, now);
	share->wanted = wanted;

	spin_lock(&virtback_peers_lock);
	workers = virtback_share_workers(vq->vd, now);
	extra = virtback_share_nice(workers);
	if (extra != share->extra) {
		share->extra = extra;
		virtback_vq_set_nice(vq);
	}
	spin_unlock(&virtback_peers_lock);
	/* Or who waits for their processor would wait for as many turns. */
	share->turn = VIRTBACK_TURN_NS / workers;
	share->next = now + VIRTBACK_SHARE_LOOK;
}

/**
 * virtback_share_init() - a queue that has done nothing yet
 * @vq: queue that is being made
 */
void virtback_share_init(struct virtback_vq *vq)
{
	vq->share.looked = jiffies - VIRTBACK_SHARE_BUSY - 1;
	vq->share.next = jiffies;
	vq->share.turn = VIRTBACK_TURN_NS;
}

/**
 * virtback_share_join() - from now on the device's workers count as those of its guest
 * @vd: device; its queues exist
 */
void virtback_share_join(struct virtback_device *vd)
{
	struct virtback_device *peer;

	spin_lock(&virtback_peers_lock);
	list_for_each_entry(peer, &virtback_devices, all) {
		if (vd->guest && peer->guest == vd->guest) {
			list_add(&vd->peers, &peer->peers);
			break;
		}
	}
	list_add(&vd->all, &virtback_devices);
	spin_unlock(&virtback_peers_lock);
}

/**
 * virtback_share_leave() - undo virtback_share_join()
 * @vd: device, also one that never joined
 */
void virtback_share_leave(struct virtback_device *vd)
{
	spin_lock(&virtback_peers_lock);
	list_del_init(&vd->peers);
	list_del_init(&vd->all);
	spin_unlock(&virtback_peers_lock);
}

/**
 * virtback_turn_begin() - the worker has just got its processor
 * @vq: its queue
 */
void virtback_turn_begin(struct virtback_vq *vq)
{
	vq->turn = local_clock();
}

/**
 * virtback_turn_long() - has the worker had its processor for long?
 * @vq: queue of the worker that runs
 *
 * Return: true when others should have it, if there are any
 */
bool virtback_turn_long(const struct virtback_vq *vq)
{
	return local_clock() - vq->turn >= vq->share.turn;
}

/**
 * virtback_turn_end() - let those have the processor that have had less
 * @vq: queue of the worker that runs
 *
 * May sleep, as far as a task does that is ready to run.
 */
void virtback_turn_end(struct virtback_vq *vq)
{
	schedule();
	virtback_turn_begin(vq);
}
