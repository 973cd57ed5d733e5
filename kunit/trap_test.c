// SPDX-License-Identifier: GPL-2.0
/*
 * Who answers a trap (drivers/xen/trap.c): the handler of the vCPU's interrupt, its thread,
 * or a worker that watches. Cases fill the slot as Xen does; the interrupt is one that
 * nothing raises, with the module's thread. Where Xen is real there is no such guest.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/virtio_mmio.h>

#include "fake.h"

#ifndef CONFIG_XEN_BACKEND

#include "../drivers/xen/event.h"
#include "../drivers/xen/xen.h"

#define BASE	0x2000000ULL
#define PORT	23

/* A guest of one vCPU and one device; @vd is what the host was given. */
static struct {
	struct kunit *test;
	struct virtback_xen_guest guest;
	struct virtback_xen_vcpu vcpu;
	struct virtback_slot slot;
	struct virtback_xen_dev xd;
	struct virtback_device vd;
	unsigned int eois;
	unsigned int notified;
	unsigned int cleared;
	/* The vCPU traps once more just before pending events are cleared. */
	bool late;
} trap;

static void fill(u32 offset, bool write, u64 data)
{
	trap.slot.addr = BASE + offset;
	trap.slot.data = data;
	trap.slot.size = 4;
	trap.slot.count = 1;
	trap.slot.type = VIRTBACK_SLOT_TYPE_COPY;
	trap.slot.state = VIRTBACK_SLOT_READY | (write ? 0 : VIRTBACK_SLOT_READ);
}

static u8 state(void)
{
	return READ_ONCE(trap.slot.state) & VIRTBACK_SLOT_STATE;
}

void xen_irq_lateeoi(unsigned int irq, unsigned int eoi_flags)
{
	KUNIT_EXPECT_EQ(trap.test, irq, trap.vcpu.irq);
	KUNIT_EXPECT_EQ(trap.test, eoi_flags, 0);
	trap.eois++;
}

/* An answer comes with it, and whoever watched the access is over. */
void notify_remote_via_evtchn(evtchn_port_t port)
{
	KUNIT_EXPECT_EQ(trap.test, port, PORT);
	KUNIT_EXPECT_EQ(trap.test, state(), VIRTBACK_SLOT_RESP_READY);
	KUNIT_EXPECT_FALSE(trap.test, trap.vcpu.left);
	trap.notified++;
}

void xen_clear_irq_pending(int irq)
{
	if (trap.late)
		fill(VIRTIO_MMIO_INTERRUPT_STATUS, false, 0);
	trap.late = false;
	trap.cleared++;
}

static irqreturn_t interrupt(void)
{
	irqreturn_t ret;

	local_irq_disable();
	ret = virtback_xen_trap(trap.vcpu.irq, &trap.vcpu);
	local_irq_enable();
	return ret;
}

/* As if its vCPUs had been at it for the whole tick. */
static irqreturn_t interrupt_once_more(void)
{
	struct virtback_xen_budget *budget;
	irqreturn_t ret;

	local_irq_disable();
	budget = this_cpu_ptr(trap.guest.budget);
	budget->tick = jiffies;
	budget->used = NSEC_PER_SEC;
	ret = virtback_xen_trap(trap.vcpu.irq, &trap.vcpu);
	budget->used = 0;
	local_irq_enable();
	return ret;
}

/* As a worker does: the thread gets no processor in between. */
static bool look(void)
{
	bool others;

	preempt_disable();
	others = virtback_xen_trap_look(&trap.vd, &trap.vcpu);
	preempt_enable();
	return others;
}

static void thread(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, virtback_xen_trap_thread(trap.vcpu.irq, &trap.vcpu), IRQ_HANDLED);
}

static void expect_answer(struct kunit *test, u64 data, unsigned int eois)
{
	KUNIT_EXPECT_EQ(test, state(), VIRTBACK_SLOT_RESP_READY);
	KUNIT_EXPECT_EQ(test, trap.slot.data, data);
	KUNIT_EXPECT_EQ(test, trap.notified, 1);
	KUNIT_EXPECT_EQ(test, trap.eois, eois);
}

static void nothing_is_asked(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, trap.eois, 1);
	KUNIT_EXPECT_EQ(test, trap.notified, 0);
	KUNIT_EXPECT_EQ(test, trap.vcpu.traps, 0);
}

static void handler_answers_what_does_not_sleep(struct kunit *test)
{
	atomic_set(&trap.xd.vd->isr, VIRTIO_MMIO_INT_VRING);
	fill(VIRTIO_MMIO_INTERRUPT_STATUS, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_HANDLED);
	expect_answer(test, VIRTIO_MMIO_INT_VRING, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.traps, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.watched, 0);
	KUNIT_EXPECT_EQ(test, trap.vcpu.slow_traps, 0);
}

static void handler_wakes_a_queue(struct kunit *test)
{
	fill(VIRTIO_MMIO_QUEUE_NOTIFY, true, 1);
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_HANDLED);
	expect_answer(test, 1, 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&trap.xd.vd->vqs[1].kicks), 1);
}

static void thread_answers_what_sleeps(struct kunit *test)
{
	fill(VIRTIO_MMIO_MAGIC_VALUE, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, state(), VIRTBACK_SLOT_INPROCESS);
	KUNIT_EXPECT_EQ(test, refcount_read(&trap.xd.users), 2);
	KUNIT_EXPECT_EQ(test, trap.vcpu.slow_traps, 1);
	thread(test);
	expect_answer(test, 0x74726976, 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&trap.xd.users), 1);
}

static void thread_answers_what_is_too_much(struct kunit *test)
{
	fill(VIRTIO_MMIO_INTERRUPT_STATUS, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt_once_more(), IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, state(), VIRTBACK_SLOT_INPROCESS);
	KUNIT_EXPECT_EQ(test, trap.vcpu.throttled, 1);
	thread(test);
	expect_answer(test, 0, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.traps, 1);
	/* And what sleeps as well: the device is only looked for now. */
	trap.notified = 0;
	fill(VIRTIO_MMIO_MAGIC_VALUE, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt_once_more(), IRQ_WAKE_THREAD);
	KUNIT_EXPECT_EQ(test, trap.vcpu.slow_traps, 0);
	thread(test);
	expect_answer(test, 0x74726976, 2);
	KUNIT_EXPECT_EQ(test, trap.vcpu.slow_traps, 1);
	/* That device was for that access alone. */
	trap.notified = 0;
	fill(VIRTBACK_WINDOW_SIZE, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt_once_more(), IRQ_WAKE_THREAD);
	thread(test);
	expect_answer(test, U32_MAX, 3);
	KUNIT_EXPECT_EQ(test, refcount_read(&trap.xd.users), 1);
}

/* The kernel makes such a thread a real-time one; then it learns how nice it is. */
static int nice_of_new_thread(struct kunit *test, u32 nr_vcpus)
{
	int nice;

	trap.guest.nr_vcpus = nr_vcpus;
	sched_set_fifo(current);
	thread(test);
	nice = task_nice(current);
	KUNIT_EXPECT_FALSE(test, rt_task(current));
	sched_set_normal(current, 0);
	return nice;
}

/* A tenth for all of them: a step is a fifth, and 19 is the last one. */
static void threads_weigh_a_tenth_together(struct kunit *test)
{
	unsigned int cpus = num_online_cpus();

	KUNIT_EXPECT_EQ(test, nice_of_new_thread(test, 1), 10);
	KUNIT_EXPECT_EQ(test, nice_of_new_thread(test, cpus), 10);
	KUNIT_EXPECT_EQ(test, nice_of_new_thread(test, 2 * cpus), 13);
	KUNIT_EXPECT_EQ(test, nice_of_new_thread(test, 3 * cpus), 15);
	KUNIT_EXPECT_EQ(test, nice_of_new_thread(test, 8 * cpus), 19);
	KUNIT_EXPECT_EQ(test, nice_of_new_thread(test, 128 * cpus), 19);
	trap.guest.nr_vcpus = 1;
}

static void what_hits_nothing_reads_as_ones(struct kunit *test)
{
	fill(VIRTBACK_WINDOW_SIZE, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_HANDLED);
	expect_answer(test, U32_MAX, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.strays, 1);
}

static void device_that_goes_is_none(struct kunit *test)
{
	refcount_set(&trap.xd.users, 0);
	fill(VIRTIO_MMIO_MAGIC_VALUE, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_HANDLED);
	expect_answer(test, U32_MAX, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.strays, 1);
}

static void what_no_window_gets_is_answered(struct kunit *test)
{
	fill(VIRTIO_MMIO_MAGIC_VALUE, false, 0);
	trap.slot.count = 2;
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_HANDLED);
	expect_answer(test, 0, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.bad, 1);
}

static void watcher_answers(struct kunit *test)
{
	atomic_set(&trap.xd.vd->isr, VIRTIO_MMIO_INT_VRING);
	KUNIT_EXPECT_FALSE(test, look());
	KUNIT_EXPECT_EQ(test, trap.vcpu.traps, 0);
	fill(VIRTIO_MMIO_INTERRUPT_ACK, true, VIRTIO_MMIO_INT_VRING);
	KUNIT_EXPECT_FALSE(test, look());
	expect_answer(test, VIRTIO_MMIO_INT_VRING, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&trap.xd.vd->isr), 0);
	KUNIT_EXPECT_EQ(test, trap.vcpu.traps, 1);
	KUNIT_EXPECT_EQ(test, trap.vcpu.watched, 1);
}

/* Who looks next time as well, and no longer when the vCPU has its answer. */
static void expect_left(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, state(), VIRTBACK_SLOT_INPROCESS);
	KUNIT_EXPECT_TRUE(test, look());
	KUNIT_EXPECT_TRUE(test, look());
}

static void watcher_learns_of_what_the_thread_is_to_answer(struct kunit *test)
{
	fill(VIRTIO_MMIO_MAGIC_VALUE, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt(), IRQ_WAKE_THREAD);
	expect_left(test);
	thread(test);
	KUNIT_EXPECT_FALSE(test, look());
	fill(VIRTIO_MMIO_INTERRUPT_STATUS, false, 0);
	KUNIT_EXPECT_FALSE(test, look());

	trap.notified = 0;
	fill(VIRTIO_MMIO_INTERRUPT_STATUS, false, 0);
	KUNIT_EXPECT_EQ(test, interrupt_once_more(), IRQ_WAKE_THREAD);
	expect_left(test);
	thread(test);
	KUNIT_EXPECT_FALSE(test, look());
}

static void watcher_wakes_the_thread(struct kunit *test)
{
	unsigned int i;

	fill(VIRTIO_MMIO_MAGIC_VALUE, false, 0);
	/* From its first look on, or it would not let the thread run. */
	preempt_disable();
	KUNIT_EXPECT_TRUE(test, virtback_xen_trap_look(&trap.vd, &trap.vcpu));
	preempt_enable();
	for (i = 0; i < 10000 && state() != VIRTBACK_SLOT_RESP_READY; i++)
		usleep_range(100, 200);
	synchronize_irq(trap.vcpu.irq);
	expect_answer(test, 0x74726976, 0);
	KUNIT_EXPECT_EQ(test, trap.vcpu.watched, 1);
	KUNIT_EXPECT_FALSE(test, look());
	KUNIT_EXPECT_EQ(test, refcount_read(&trap.xd.users), 1);
}

static bool masked(void)
{
	return irqd_irq_disabled(irq_get_irq_data(trap.vcpu.irq));
}

static void who_acknowledged_is_watched(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, virtback_xen_trap_watch(&trap.vd));
	fill(VIRTIO_MMIO_INTERRUPT_STATUS, false, 0);
	interrupt();
	KUNIT_EXPECT_NULL(test, virtback_xen_trap_watch(&trap.vd));
	fill(VIRTIO_MMIO_INTERRUPT_ACK, true, 1);
	interrupt();
	KUNIT_ASSERT_PTR_EQ(test, virtback_xen_trap_watch(&trap.vd), (void *)&trap.vcpu);
	KUNIT_EXPECT_TRUE(test, masked());
	KUNIT_EXPECT_EQ(test, refcount_read(&trap.xd.users), 2);
	virtback_xen_trap_unwatch(&trap.vd, &trap.vcpu);
	KUNIT_EXPECT_FALSE(test, masked());
	KUNIT_EXPECT_EQ(test, refcount_read(&trap.xd.users), 1);
	KUNIT_EXPECT_EQ(test, trap.cleared, 1);
}

/* Its event has come, and is not delivered. */
static void last_access_is_not_lost(struct kunit *test)
{
	trap.xd.acks = &trap.vcpu;
	KUNIT_ASSERT_NOT_NULL(test, virtback_xen_trap_watch(&trap.vd));
	trap.late = true;
	virtback_xen_trap_unwatch(&trap.vd, &trap.vcpu);
	expect_answer(test, 0, 0);
	KUNIT_EXPECT_FALSE(test, masked());
}

static void device_that_goes_is_not_watched(struct kunit *test)
{
	trap.xd.acks = &trap.vcpu;
	refcount_set(&trap.xd.users, 0);
	KUNIT_EXPECT_NULL(test, virtback_xen_trap_watch(&trap.vd));
	KUNIT_EXPECT_FALSE(test, masked());
}

static void last_use_is_told(struct kunit *test)
{
	refcount_set(&trap.xd.users, 2);
	virtback_xen_dev_put(&trap.xd);
	KUNIT_EXPECT_FALSE(test, completion_done(&trap.xd.idle));
	virtback_xen_dev_put(&trap.xd);
	KUNIT_EXPECT_TRUE(test, completion_done(&trap.xd.idle));
}

static int trap_irq(void)
{
	int err, irq = irq_alloc_desc(NUMA_NO_NODE);

	if (irq < 0)
		return irq;
	irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_simple_irq);
	err = request_threaded_irq(irq, virtback_xen_trap, virtback_xen_trap_thread,
				   VIRTBACK_XEN_TRAP_FLAGS, "virtback-test", &trap.vcpu);
	if (err)
		irq_free_desc(irq);
	return err ?: irq;
}

static int trap_init(struct kunit *test)
{
	struct fake *f;
	int err = fake_init(test);

	if (err)
		return err;
	f = test->priv;
	memset(&trap, 0, sizeof(trap));
	trap.test = test;
	trap.guest.budget = alloc_percpu(struct virtback_xen_budget);
	if (!trap.guest.budget)
		return -ENOMEM;
	INIT_LIST_HEAD(&trap.guest.devs);
	trap.vcpu.guest = &trap.guest;
	trap.vcpu.slot = &trap.slot;
	trap.vcpu.port = PORT;
	trap.xd.base = BASE;
	trap.xd.vd = &f->vd;
	trap.vd.host_priv = &trap.xd;
	init_completion(&trap.xd.idle);
	refcount_set(&trap.xd.users, 1);
	list_add_rcu(&trap.xd.link, &trap.guest.devs);
	trap.vcpu.irq = trap_irq();
	return trap.vcpu.irq < 0 ? trap.vcpu.irq : 0;
}

static void trap_exit(struct kunit *test)
{
	if (trap.vcpu.irq > 0) {
		free_irq(trap.vcpu.irq, &trap.vcpu);
		irq_free_desc(trap.vcpu.irq);
	}
	free_percpu(trap.guest.budget);
	trap.guest.budget = NULL;
	trap.vcpu.irq = 0;
	fake_exit(test);
}

static struct kunit_case trap_cases[] = {
	KUNIT_CASE(nothing_is_asked),
	KUNIT_CASE(handler_answers_what_does_not_sleep),
	KUNIT_CASE(handler_wakes_a_queue),
	KUNIT_CASE(thread_answers_what_sleeps),
	KUNIT_CASE(thread_answers_what_is_too_much),
	KUNIT_CASE(threads_weigh_a_tenth_together),
	KUNIT_CASE(what_hits_nothing_reads_as_ones),
	KUNIT_CASE(device_that_goes_is_none),
	KUNIT_CASE(what_no_window_gets_is_answered),
	KUNIT_CASE(watcher_answers),
	KUNIT_CASE(watcher_learns_of_what_the_thread_is_to_answer),
	KUNIT_CASE(watcher_wakes_the_thread),
	KUNIT_CASE(who_acknowledged_is_watched),
	KUNIT_CASE(last_access_is_not_lost),
	KUNIT_CASE(device_that_goes_is_not_watched),
	KUNIT_CASE(last_use_is_told),
	{}
};

static struct kunit_suite trap_suite = {
	.name = "virtback_trap",
	.init = trap_init,
	.exit = trap_exit,
	.test_cases = trap_cases,
};

kunit_test_suite(trap_suite);

#endif
