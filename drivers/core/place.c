// SPDX-License-Identifier: GPL-2.0
/*
 * Where the worker of a queue runs. A kick that comes to another processor than the
 * worker's last one wakes two of them: the one that is interrupted, and by an interrupt
 * between them the other. Where processors are virtual each is one that was given away and
 * has to be put back. The scheduler leaves a thread where it was, even then.
 *
 * So a worker whose kicks keep coming to another processor, which has nothing to do, goes
 * there, and is the scheduler's again at once.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include <virtback/device.h>

#include "core.h"

/* So many to the same one: a driver that kicks from everywhere moves nobody. */
#define VIRTBACK_PLACE_KICKS	8

/* For so long it then stays: to move takes others' time as well, and guests decide on it. */
#define VIRTBACK_PLACE_REST	msecs_to_jiffies(100)

/* Protects the processors that workers may use, and virtback_place_mask. */
DEFINE_MUTEX(virtback_cpus_lock);
/* Those of a worker that moves. */
static struct cpumask virtback_place_mask;

/*
 * What is exported moves a thread only by changing where it may run, so for some microseconds
 * that is one processor. Our own options wait for virtback_cpus_lock. What user space says
 * meanwhile (taskset) is seen by the second look, or, between that and the last step, kept by
 * the kernel itself: set_cpus_allowed_ptr() stays within what was asked for by user space
 * where both have a processor in common. Before Linux 6.2 it knows nothing of that, and what
 * comes between these two is lost; so is a taskset to just @cpu.
 */
static void virtback_place_move(int cpu)
{
	/* Of a worker whose only processor went offline the scheduler would forget the rest. */
	if (!cpus_read_trylock())
		return;
	/* Whoever says where it may run comes first. */
	if (!mutex_trylock(&virtback_cpus_lock))
		goto unlock_cpus;
	if (cpu_online(cpu) && cpumask_test_cpu(cpu, current->cpus_ptr)) {
		cpumask_copy(&virtback_place_mask, current->cpus_ptr);
		/* Somebody may have said meanwhile where it may run (taskset). */
		if (!set_cpus_allowed_ptr(current, cpumask_of(cpu)) &&
		    cpumask_equal(current->cpus_ptr, cpumask_of(cpu)))
			set_cpus_allowed_ptr(current, &virtback_place_mask);
	}
	mutex_unlock(&virtback_cpus_lock);
unlock_cpus:
	cpus_read_unlock();
}

/**
 * virtback_place_kicked() - the driver notified, here
 * @vq: queue
 *
 * Any context.
 */
void virtback_place_kicked(struct virtback_vq *vq)
{
	/* Both pair with virtback_place(), the first one also with virtback_ack_stay(). */
	WRITE_ONCE(vq->kick_cpu, raw_smp_processor_id());
	WRITE_ONCE(vq->place.idle, is_idle_task(current));
}

/**
 * virtback_place_where() - is the worker to go to another processor?
 * @vq: queue
 * @here: the worker's
 *
 * Called by the worker.
 *
 * Return: the one where it is kicked, or -1 to stay
 */
int virtback_place_where(struct virtback_vq *vq, int here)
{
	struct virtback_place *p = &vq->place;
	/* Both pair with virtback_place_kicked(); one that is of another kick does no harm. */
	int cpu = READ_ONCE(vq->kick_cpu);

	if (cpu == here || cpu != p->cpu) {
		p->cpu = cpu;
		p->kicks = 0;
		return -1;
	}
	if (!READ_ONCE(p->idle))
		return -1;
	/* Completions wake the worker as well: a kick counts once. */
	WRITE_ONCE(p->idle, false);
	if (++p->kicks < VIRTBACK_PLACE_KICKS || time_before(jiffies, p->next))
		return -1;
	p->kicks = 0;
	p->next = jiffies + VIRTBACK_PLACE_REST;
	return cpu;
}

/**
 * virtback_place() - go where the kicks are
 * @vq: queue
 *
 * Called by the worker without locks, may sleep.
 */
void virtback_place(struct virtback_vq *vq)
{
	int cpu = virtback_place_where(vq, raw_smp_processor_id());

	if (cpu >= 0)
		virtback_place_move(cpu);
}

/**
 * virtback_place_init() - a worker that may go anywhere
 * @vq: queue that is being made
 */
void virtback_place_init(struct virtback_vq *vq)
{
	vq->place.next = jiffies;
}
