// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver (kunit/hostile.h) in the kernel of a guest on Xen, instead of the
 * stock one:
 *
 *	insmod hostile.ko mode=flood seed=1 seconds=10
 *
 * returns when it is done, with a line in the log that says what it did.
 *
 *	flood		all vCPUs do what they like
 *	canary		one resets the device in mid-flight, again and again, and looks
 *			whether its memory changes afterwards; fails with EIO if it does
 *	removal		the same, once, when the device is taken away: somebody says so by
 *			writing 1 to the parameter "removed", and 2 when the disk has ended
 *			everything
 *	kicks		all vCPUs notify a queue that has nothing
 *	requests	a queue for each vCPU is kept full of short reads
 *	registers	all vCPUs read a register that is not answered at once
 *	resets		all vCPUs start the device and reset it
 *	invalidates	all vCPUs give pages back to Xen and take them again
 *	revokes		with grants=1: one changes grants all the time, the others read what is
 *			granted
 *	stops		as flood, until one of them shuts the domain down (the parameter
 *			"reason", SHUTDOWN_*) while the others go on
 *	spins		all vCPUs compute and leave the device alone, to compare with
 *
 * Its memory is the end of the guest's, which "mem=" keeps from the kernel: what a
 * device writes in error, or is told to write, harms nothing of this kernel, and what is
 * longer than it ends in nothing. The last pages of it go back to Xen and come again.
 *
 * With grants=1 (a device with mapping=grant) it grants all that memory, and instead of
 * giving pages back it changes grants, in use or not: they end, become read-only, another
 * page's, those of memory that it has not, another domain's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include <asm/xen/hypercall.h>
#include <xen/grant_table.h>
#include <xen/interface/memory.h>
#include <xen/interface/sched.h>
#include <xen/interface/xen.h>

#include "hostile.h"

#define HOLES_LEN	(64 * PAGE_SIZE)

/* Any that is not dom0. */
#define OTHER_DOMID	7

static char *mode = "flood";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "flood, canary, removal, kicks, requests, registers, resets, invalidates, revokes, stops or spins");

static ulong seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of all random numbers");

static uint seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long; canary: of each round");

static uint rounds = 1;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "canary: how many");

static ulong window = 0x2000000;
module_param(window, ulong, 0444);
MODULE_PARM_DESC(window, "guest address of the device");

static ulong mem;
module_param(mem, ulong, 0444);
MODULE_PARM_DESC(mem, "guest address of its memory, behind the kernel's");

static ulong mem_len = 8 << 20;
module_param(mem_len, ulong, 0444);
MODULE_PARM_DESC(mem_len, "bytes of it");

static ulong sectors = 65536;
module_param(sectors, ulong, 0444);
MODULE_PARM_DESC(sectors, "of the disk");

static uint wait_ms = 500;
module_param(wait_ms, uint, 0444);
MODULE_PARM_DESC(wait_ms, "canary: how long it looks on");

static uint removed;
module_param(removed, uint, 0644);
MODULE_PARM_DESC(removed, "removal: 1 when the device was taken away, 2 when the disk is done");

static bool grants;
module_param(grants, bool, 0444);
MODULE_PARM_DESC(grants, "the device takes granted memory");

static uint reason = SHUTDOWN_suspend;
module_param(reason, uint, 0444);
MODULE_PARM_DESC(reason, "stops: what to tell Xen");

struct vcpu {
	struct completion done;
	unsigned int cpu;
	u64 n;
};

static struct hostile hostile;
static void __iomem *regs;
/* The same, of a kind of memory that may be accessed at any address. */
static void __iomem *regs_odd;
static unsigned long until;
/* One vCPU at a time gives pages back; @gone is of each. */
static DEFINE_MUTEX(holes_lock);
static bool gone[HOLES_LEN / PAGE_SIZE];
static u64 holes_made;

/*
 * With plain loads and stores: those of readl() and so on may become instructions that
 * no unaligned address may have.
 */
static u64 guest_read(void *p, u32 size)
{
	switch (size) {
	case 1:
		return READ_ONCE(*(u8 *)p);
	case 2:
		return READ_ONCE(*(u16 *)p);
	case 4:
		return READ_ONCE(*(u32 *)p);
	default:
		return READ_ONCE(*(u64 *)p);
	}
}

static void guest_write(void *p, u32 size, u64 val)
{
	switch (size) {
	case 1:
		WRITE_ONCE(*(u8 *)p, val);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)p, val);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)p, val);
		break;
	default:
		WRITE_ONCE(*(u64 *)p, val);
	}
}

static u64 guest_access(struct hostile *h, u32 offset, u32 size, bool write, u64 val)
{
	void *p = (__force void *)(offset % size ? regs_odd : regs) + offset;

	/* Rings before the device is told... */
	mb();
	if (write)
		guest_write(p, size, val);
	else
		val = guest_read(p, size);
	/* ...and after it said something. */
	mb();
	return val;
}

static void guest_hole(struct hostile *h, u64 offset, bool go)
{
	xen_pfn_t pfn = (h->holes + offset) >> PAGE_SHIFT;
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };
	unsigned int i = offset >> PAGE_SHIFT;

	set_xen_guest_handle(r.extent_start, &pfn);
	mutex_lock(&holes_lock);
	if (gone[i] != go &&
	    HYPERVISOR_memory_op(go ? XENMEM_decrease_reservation : XENMEM_populate_physmap,
				 &r) == 1) {
		gone[i] = go;
		holes_made += go;
	}
	mutex_unlock(&holes_lock);
}

/* Of each page of the memory and of the holes behind it, one after the other. */
static grant_ref_t first_grant;

static void grant_page(unsigned int i)
{
	gnttab_grant_foreign_access_ref(first_grant + i, 0, (mem >> PAGE_SHIFT) + i, 0);
}

/* As Xen reads grants at any time, so they may be written at any time. */
static void guest_grant(struct hostile *h, u64 offset, bool go)
{
	static atomic_t turn;
	unsigned int n = atomic_inc_return(&turn), i;
	unsigned long pfn = mem >> PAGE_SHIFT;

	/* Those of the holes, or any. */
	i = n & 1 ? (mem_len + offset) >> PAGE_SHIFT : n * 37 % (mem_len >> PAGE_SHIFT);
	if (!go) {
		/* What is all of it, so that most things work most of the time. */
		for (i = 0; i < (mem_len + HOLES_LEN) >> PAGE_SHIFT; i++)
			grant_page(i);
		return;
	}
	switch (n / 2 % 6) {
	case 0:
		gnttab_end_foreign_access_ref(first_grant + i);
		break;
	case 1:
		gnttab_grant_foreign_access_ref(first_grant + i, 0, pfn + i, 1);
		break;
	case 2:
		gnttab_grant_foreign_access_ref(first_grant + i, 0, pfn + i / 2, 0);
		break;
	case 3:
		gnttab_grant_foreign_access_ref(first_grant + i, 0, window >> PAGE_SHIFT, 0);
		break;
	case 4:
		gnttab_grant_foreign_access_ref(first_grant + i, 0, ~0U - i, 0);
		break;
	default:
		gnttab_grant_foreign_access_ref(first_grant + i, OTHER_DOMID, pfn + i, 0);
	}
	holes_made++;
}

/* Addresses of granted memory are references, see drivers/xen/grant-dma-ops.c of Linux. */
static int guest_grant_all(void)
{
	unsigned int i, nr = (mem_len + HOLES_LEN) >> PAGE_SHIFT;
	int ret = gnttab_alloc_grant_reference_seq(nr, &first_grant);

	if (ret)
		return ret;
	for (i = 0; i < nr; i++)
		grant_page(i);
	hostile.base = BIT_ULL(63) | (u64)first_grant << PAGE_SHIFT;
	hostile.holes = hostile.base + mem_len;
	hostile.must = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	hostile.read_len = SZ_32K;
	return 0;
}

static void guest_pass(struct hostile *h)
{
	cond_resched();
}

static void guest_wait(struct hostile *h)
{
	msleep(wait_ms);
}

static const struct hostile_ops guest_ops = {
	.access = guest_access,
	.hole = guest_hole,
	.pass = guest_pass,
	.wait = guest_wait,
};

static const struct hostile_ops guest_grant_ops = {
	.access = guest_access,
	.hole = guest_grant,
	.pass = guest_pass,
	.wait = guest_wait,
};

/* Between this and the end there are no registers. */
static void guest_remove(struct hostile *h)
{
	pr_info("removal: all is posted\n");
	while (!READ_ONCE(removed))
		msleep(20);
}

static void guest_wait_done(struct hostile *h)
{
	pr_info("removal: memory is taken back\n");
	while (READ_ONCE(removed) < 2)
		msleep(20);
}

static void guest_renew(struct hostile *h)
{
}

static const struct hostile_ops guest_removal_ops = {
	.access = guest_access,
	.pass = guest_pass,
	.wait = guest_wait_done,
	.remove = guest_remove,
	.renew = guest_renew,
};

static bool time_left(void)
{
	cond_resched();
	return time_before(jiffies, until) && !fatal_signal_pending(current);
}

static void flood(struct vcpu *v)
{
	u64 rng = hostile_seed(seed, v->cpu);

	while (time_left()) {
		hostile_step(&hostile, v->cpu, &rng);
		v->n++;
	}
}

static void stops(struct vcpu *v)
{
	struct sched_shutdown shutdown = { .reason = reason };
	u64 rng = hostile_seed(seed, v->cpu);

	while (time_left()) {
		hostile_step(&hostile, v->cpu, &rng);
		v->n++;
	}
	/* The time of the others ends when Xen has stopped them. */
	if (!v->cpu)
		HYPERVISOR_sched_op(SCHEDOP_shutdown, &shutdown);
	for (;;)
		hostile_step(&hostile, v->cpu, &rng);
}

static void kicks(struct vcpu *v)
{
	while (time_left()) {
		hostile_kick(&hostile, v->cpu % HOSTILE_QUEUES);
		v->n++;
	}
}

static void registers(struct vcpu *v)
{
	while (time_left()) {
		guest_access(&hostile, VIRTIO_MMIO_STATUS, 4, false, 0);
		v->n++;
	}
}

static void resets(struct vcpu *v)
{
	while (time_left()) {
		hostile_run(&hostile, 0);
		hostile_reset(&hostile);
		v->n++;
	}
}

static void invalidates(struct vcpu *v)
{
	u64 offset = v->cpu * PAGE_SIZE;

	while (time_left()) {
		guest_hole(&hostile, offset, true);
		guest_hole(&hostile, offset, false);
		v->n++;
	}
}

static void spins(struct vcpu *v)
{
	unsigned int i;

	/* Not cpu_relax(): an emulator may take it as a wish to run others. */
	while (time_left()) {
		for (i = 0; i < 1000; i++)
			barrier();
		v->n++;
	}
}

/* No interrupt is asked for by looking: this one polls. */
static void requests(struct vcpu *v)
{
	unsigned int q = v->cpu % HOSTILE_QUEUES, n;

	while (time_left()) {
		n = hostile_read_all(&hostile, q, hostile_used_idx(&hostile, q));
		v->n += n;
		if (n)
			hostile_kick(&hostile, q);
	}
}

/* One of them changes grants, or all are good again; the others read. */
static void revokes(struct vcpu *v)
{
	unsigned int q = v->cpu % HOSTILE_QUEUES, n;
	u64 rng = hostile_seed(seed, v->cpu);

	while (time_left()) {
		if (!v->cpu) {
			rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
			guest_grant(&hostile, rng >> 32 & (HOLES_LEN - PAGE_SIZE), rng >> 48 & 7);
			if (guest_access(&hostile, VIRTIO_MMIO_STATUS, 4, false, 0) &
			    VIRTIO_CONFIG_S_NEEDS_RESET) {
				atomic64_inc(&hostile.needs_reset);
				guest_grant(&hostile, 0, false);
				hostile_run(&hostile, 0);
			}
			v->n++;
			continue;
		}
		n = hostile_read_all(&hostile, q, hostile_used_idx(&hostile, q));
		v->n += n;
		if (n)
			hostile_kick(&hostile, q);
	}
}

static const struct {
	const char *name;
	void (*run)(struct vcpu *v);
} modes[] = {
	{ "flood", flood },
	{ "kicks", kicks },
	{ "requests", requests },
	{ "registers", registers },
	{ "resets", resets },
	{ "invalidates", invalidates },
	{ "revokes", revokes },
	{ "stops", stops },
	{ "spins", spins },
};

static void (*run)(struct vcpu *v);

static int vcpu_thread(void *data)
{
	struct vcpu *v = data;

	run(v);
	complete(&v->done);
	return 0;
}

static int run_all(void)
{
	struct vcpu *vcpus = kcalloc(nr_cpu_ids, sizeof(*vcpus), GFP_KERNEL);
	struct task_struct *task;
	unsigned int cpu;
	u64 n = 0;

	if (!vcpus)
		return -ENOMEM;
	until = jiffies + seconds * HZ;
	for_each_online_cpu(cpu) {
		struct vcpu *v = &vcpus[cpu];

		v->cpu = cpu;
		init_completion(&v->done);
		task = kthread_create(vcpu_thread, v, "hostile/%u", cpu);
		if (IS_ERR(task)) {
			complete(&v->done);
			continue;
		}
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
	for_each_online_cpu(cpu) {
		wait_for_completion(&vcpus[cpu].done);
		n += vcpus[cpu].n;
	}
	kfree(vcpus);
	pr_info("%s seed=%lu vcpus=%u done=%llu starts=%lld needs_reset=%lld holes=%llu\n", mode,
		seed, num_online_cpus(), n, (s64)atomic64_read(&hostile.starts),
		(s64)atomic64_read(&hostile.needs_reset), holes_made);
	return 0;
}

static int look_for_writes(void)
{
	u64 rng = hostile_seed(seed, 0);
	struct hostile_canary c = {};

	while (c.rounds < rounds)
		hostile_canary_round(&hostile, &rng, &c);
	pr_info("%s seed=%lu rounds=%llu posted=%llu in_flight=%llu bad_acks=%llu dirty=%llu\n",
		mode, seed, c.rounds, c.posted, c.in_flight, c.bad_acks, c.dirty);
	if (c.dirty)
		pr_err("byte %#llx of its memory was written to afterwards\n", c.where);
	return c.dirty || c.bad_acks ? -EIO : 0;
}

static int attack(void)
{
	unsigned int i;

	if (!strcmp(mode, "canary") || hostile.ops->remove)
		return look_for_writes();
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(mode, modes[i].name))
			run = modes[i].run;
	}
	if (!run)
		return -EINVAL;
	if (run != flood)
		hostile_run(&hostile, 0);
	return run_all();
}

static int __init hostile_guest_init(void)
{
	unsigned int i;
	int ret = -ENOMEM;

	if (!mem || mem_len < HOSTILE_MEM)
		return -EINVAL;
	regs = ioremap(window, 0x200);
	regs_odd = ioremap_wc(window, 0x200);
	hostile.ops = strcmp(mode, "removal") ? &guest_ops : &guest_removal_ops;
	hostile.mem = memremap(mem, mem_len, MEMREMAP_WB);
	hostile.base = mem;
	hostile.len = mem_len;
	hostile.holes = mem + mem_len;
	hostile.holes_len = HOLES_LEN;
	hostile.window = window;
	hostile.sectors = sectors;
	hostile_init(&hostile);
	if (grants) {
		hostile.ops = &guest_grant_ops;
		ret = guest_grant_all();
		if (ret)
			goto out;
		ret = -ENOMEM;
	}
	if (regs && regs_odd && hostile.mem) {
		ret = attack();
		if (!hostile.ops->remove)
			hostile_reset(&hostile);
		for (i = 0; !grants && i < ARRAY_SIZE(gone); i++)
			guest_hole(&hostile, i * PAGE_SIZE, false);
	}
out:
	if (hostile.mem)
		memunmap(hostile.mem);
	if (regs_odd)
		iounmap(regs_odd);
	if (regs)
		iounmap(regs);
	return ret;
}
module_init(hostile_guest_init);

static void __exit hostile_guest_exit(void)
{
}
module_exit(hostile_guest_exit);

MODULE_DESCRIPTION("Hostile virtio driver, a test of back ends");
MODULE_LICENSE("GPL");
