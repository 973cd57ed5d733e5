// SPDX-License-Identifier: GPL-2.0
/*
 * For dom0 of the test machine: lets one chosen call of virtback fail, and counts what
 * virtback holds of a guest. The calls are hypercalls, and functions of the kernel that
 * give event channels, address space or memory; kprobes at their entry see who called.
 * So what is tested is the module as it is.
 *
 * Parameters: "guest", then "nth" to let that call fail, "failed" to see which it was,
 * "held" to see what is held. Must be loaded before virtback.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <trace/events/kmem.h>

#include <xen/interface/xen.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/grant_table.h>
#include <xen/interface/hvm/dm_op.h>
#include <xen/interface/memory.h>
#include <asm/xen/hypercall.h>

#define FAILING_HELD		32768
#define FAILING_CHANNELS	1024
#define FAILING_SERVERS		64
/* How long vCPUs have for their next hypercall. */
#define FAILING_WAIT_MS		100

/* What kinds of calls are counted. */
#define FAILING_DM		1
#define FAILING_MEMORY		2
#define FAILING_CHANNEL		4
#define FAILING_GRANT		8
#define FAILING_KERNEL		16	/* event channels, address space, interrupts */
#define FAILING_ALLOC		32
#define FAILING_WITHIN		64	/* what the kernel's functions above call themselves */

enum failing_returns {
	FAILING_ERRNO,
	FAILING_NULL,
};

/**
 * struct failing_point - a function that may fail
 * @probe: its symbol
 * @kind: FAILING_...
 * @returns: how it says that it failed
 */
struct failing_point {
	struct kprobe probe;
	unsigned int kind;
	enum failing_returns returns;
};

/**
 * struct failing_set - things that exist now, by number
 * @nr: how many
 * @key: the numbers, 0 for none
 */
struct failing_set {
	unsigned int nr;
	unsigned long key[FAILING_HELD];
};

/* Protects all that follows. */
static DEFINE_RAW_SPINLOCK(failing_lock);
static struct failing_set failing_objects, failing_pages, failing_grants;
static unsigned int failing_strays;
static int failing_nth;
static struct task_struct *failing_task;
static char failing_what[64] = "nothing";

static struct module *failing_module;
static unsigned int failing_guest;
static unsigned int failing_kinds = 63;
static bool failing_any, failing_after, failing_one, failing_whole;
static int failing_command = -1;
static int failing_status = GNTST_general_error;
static unsigned int failing_times = 1, failing_least;
static unsigned long failing_gfn;
/* How many of the calls to come fail after the chosen one. */
static unsigned int failing_more;

/* The set has no tombstones: what follows a hole is put in again. */
static void failing_add(struct failing_set *set, unsigned long key)
{
	unsigned int i = hash_long(key, ilog2(FAILING_HELD));

	while (set->key[i] && set->key[i] != key)
		i = (i + 1) % FAILING_HELD;
	if (set->key[i] || set->nr > FAILING_HELD / 2)
		return;
	set->key[i] = key;
	set->nr++;
}

static bool failing_del(struct failing_set *set, unsigned long key)
{
	unsigned int i = hash_long(key, ilog2(FAILING_HELD));
	unsigned long again;

	while (set->key[i] != key) {
		if (!set->key[i])
			return false;
		i = (i + 1) % FAILING_HELD;
	}
	set->key[i] = 0;
	set->nr--;
	for (i = (i + 1) % FAILING_HELD; set->key[i]; i = (i + 1) % FAILING_HELD) {
		again = set->key[i];
		set->key[i] = 0;
		set->nr--;
		failing_add(set, again);
	}
	return true;
}

/* The stub of the function would come by the probe again. */
static long failing_hypercall(unsigned long nr, unsigned long a0, unsigned long a1,
			      unsigned long a2)
{
	register unsigned long x0 asm("x0") = a0;
	register unsigned long x1 asm("x1") = a1;
	register unsigned long x2 asm("x2") = a2;
	register unsigned long x16 asm("x16") = nr;

	asm volatile("hvc #0xea1"
		     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x16) : : "memory", "x3", "x4");
	return x0;
}

static bool failing_is_virtback(unsigned long addr)
{
	struct module *mod = READ_ONCE(failing_module);

	return mod && within_module(addr, mod);
}

/* Which guest a hypercall is about, or -1. */
static int failing_domid(unsigned int kind, struct pt_regs *regs)
{
	const void *arg = (const void *)regs->regs[1];
	const struct xen_remove_from_physmap *rm = arg;

	switch (kind) {
	case FAILING_DM:
		return (domid_t)regs->regs[0];
	case FAILING_MEMORY:
		if (regs->regs[0] == XENMEM_acquire_resource)
			return ((const struct xen_mem_acquire_resource *)arg)->domid;
		if (regs->regs[0] == XENMEM_add_to_physmap_range)
			return ((const struct xen_add_to_physmap_range *)arg)->foreign_domid;
		if (regs->regs[0] == XENMEM_remove_from_physmap) {
			bool ours = failing_del(&failing_pages, rm->gpfn + 1);

			if (ours)
				failing_add(&failing_pages, rm->gpfn + 1);
			return ours ? failing_guest : -1;
		}
		return -1;
	case FAILING_GRANT:
		if (regs->regs[0] == GNTTABOP_map_grant_ref)
			return ((const struct gnttab_map_grant_ref *)arg)->dom;
		if (regs->regs[0] == GNTTABOP_copy) {
			const struct gnttab_copy *op = arg;

			return op->flags & GNTCOPY_dest_gref ? op->dest.domid : op->source.domid;
		}
		if (regs->regs[0] == GNTTABOP_unmap_grant_ref) {
			unsigned long va = ((const struct gnttab_unmap_grant_ref *)arg)->host_addr;
			bool ours = failing_del(&failing_grants, va);

			if (ours)
				failing_add(&failing_grants, va);
			return ours ? failing_guest : -1;
		}
		return -1;
	case FAILING_CHANNEL:
		if (regs->regs[0] == EVTCHNOP_bind_interdomain)
			return ((const struct evtchn_bind_interdomain *)arg)->remote_dom;
		return -1;
	default:
		return -1;
	}
}

/* Does it copy that much in one piece, or is it something else? */
static bool failing_is_long(unsigned long cmd, const void *arg, unsigned int count)
{
	const struct gnttab_copy *op = arg;
	unsigned int i;

	for (i = 0; cmd == GNTTABOP_copy && i < count; i++) {
		if (op[i].len >= READ_ONCE(failing_least))
			return true;
	}
	return cmd != GNTTABOP_copy;
}

/* Is it this call? failing_lock is held. */
static bool failing_now(struct failing_point *point, struct pt_regs *regs)
{
	unsigned int kinds = READ_ONCE(failing_kinds);

	if ((failing_nth <= 0 && !failing_more) || !(kinds & point->kind))
		return false;
	if (READ_ONCE(failing_command) >= 0 && regs->regs[0] != READ_ONCE(failing_command))
		return false;
	if (READ_ONCE(failing_any)) {
		if (failing_domid(point->kind, regs) != READ_ONCE(failing_guest))
			return false;
	} else {
		if (!in_task() || current != failing_task)
			return false;
		/* Those for grants are in the kernel. */
		if (point->kind != FAILING_GRANT && point->kind != FAILING_WITHIN &&
		    !failing_is_virtback(regs->regs[30]))
			return false;
		/* Not whether there is a channel, which has no way to fail. */
		if (point->kind == FAILING_CHANNEL && regs->regs[0] == EVTCHNOP_send)
			return false;
	}
	if (point->kind == FAILING_GRANT &&
	    !failing_is_long(regs->regs[0], (const void *)regs->regs[1], regs->regs[2]))
		return false;
	if (failing_nth > 0 && --failing_nth)
		return false;
	failing_more = failing_more ? failing_more - 1 : max(failing_times, 1U) - 1;
	snprintf(failing_what, sizeof(failing_what), "%s %lu", point->probe.symbol_name,
		 point->kind == FAILING_DM ?
		 /* its first buffer starts with the operation */
		 (unsigned long)**(u32 **)regs->regs[2] : (unsigned long)regs->regs[0] & 0xffff);
	return true;
}

/* Remember what a successful call maps, or does not any more. */
static void failing_note(unsigned int kind, unsigned long cmd, const void *arg, unsigned int count,
			 long ret)
{
	const struct xen_remove_from_physmap *rm = arg;
	unsigned int i;

	if (ret)
		return;
	if (kind == FAILING_MEMORY && cmd == XENMEM_acquire_resource) {
		const struct xen_mem_acquire_resource *res = arg;

		if (res->domid == failing_guest)
			failing_add(&failing_pages, *res->frame_list.p + 1);
	} else if (kind == FAILING_MEMORY && cmd == XENMEM_add_to_physmap_range) {
		const struct xen_add_to_physmap_range *range = arg;

		for (i = 0; range->foreign_domid == failing_guest && i < range->size; i++) {
			if (!range->errs.p[i])
				failing_add(&failing_pages, range->gpfns.p[i] + 1);
		}
	} else if (kind == FAILING_MEMORY && cmd == XENMEM_remove_from_physmap) {
		failing_del(&failing_pages, rm->gpfn + 1);
	} else if (kind == FAILING_GRANT && cmd == GNTTABOP_map_grant_ref) {
		const struct gnttab_map_grant_ref *op = arg;

		for (i = 0; i < count; i++) {
			if (op[i].dom == failing_guest && op[i].status == GNTST_okay)
				failing_add(&failing_grants, op[i].host_addr);
		}
	} else if (kind == FAILING_GRANT && cmd == GNTTABOP_unmap_grant_ref) {
		const struct gnttab_unmap_grant_ref *op = arg;

		for (i = 0; i < count; i++) {
			if (op[i].status == GNTST_okay)
				failing_del(&failing_grants, op[i].host_addr);
		}
	}
}

static void failing_set_status(unsigned long cmd, void *arg, unsigned int i)
{
	if (cmd == GNTTABOP_copy)
		((struct gnttab_copy *)arg)[i].status = failing_status;
	else if (cmd == GNTTABOP_map_grant_ref)
		((struct gnttab_map_grant_ref *)arg)[i].status = failing_status;
	else
		((struct gnttab_unmap_grant_ref *)arg)[i].status = failing_status;
}

/*
 * A failing hypercall for grants fails in each of its operations, or as a whole; not so a
 * copy, for which Linux knows no other way.
 */
static long failing_fail_grants(unsigned long cmd, void *arg, unsigned int count)
{
	unsigned int i;

	if (READ_ONCE(failing_whole) && cmd != GNTTABOP_copy)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		failing_set_status(cmd, arg, i);
	return 0;
}

/*
 * One operation of the call fails, and the others are done: the first long copy, or the
 * one in the middle. What is to be unmapped is, but says that it was not.
 */
static long failing_fail_one(unsigned long cmd, void *arg, unsigned int count)
{
	unsigned int i = count / 2;
	struct gnttab_copy *copy = arg;
	struct gnttab_map_grant_ref *map = arg;
	struct gnttab_unmap_grant_ref undo = {};
	unsigned long flags;
	u16 len = 0;
	long ret;

	if (cmd == GNTTABOP_copy) {
		for (i = 0; i + 1 < count && copy[i].len < READ_ONCE(failing_least); i++)
			;
		len = copy[i].len;
		copy[i].len = 0;
	}
	ret = failing_hypercall(__HYPERVISOR_grant_table_op, cmd, (unsigned long)arg, count);
	if (cmd == GNTTABOP_copy)
		copy[i].len = len;
	if (cmd == GNTTABOP_map_grant_ref && !ret && map[i].status == GNTST_okay) {
		undo.host_addr = map[i].host_addr;
		undo.handle = map[i].handle;
		failing_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref,
				  (unsigned long)&undo, 1);
		failing_set_status(cmd, arg, i);
	}
	raw_spin_lock_irqsave(&failing_lock, flags);
	failing_note(FAILING_GRANT, cmd, arg, count, ret);
	raw_spin_unlock_irqrestore(&failing_lock, flags);
	failing_set_status(cmd, arg, i);
	return ret;
}

/* Is it no channel any more that is to be closed, or not the guest's? */
static bool failing_is_stray(unsigned long cmd, const void *arg)
{
	const struct evtchn_close *close = arg;
	struct evtchn_status status = { .dom = DOMID_SELF };

	if (cmd != EVTCHNOP_close)
		return false;
	status.port = close->port;
	return failing_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_status,
				 (unsigned long)&status, 0) ||
	       status.status != EVTCHNSTAT_interdomain ||
	       status.u.interdomain.dom != READ_ONCE(failing_guest);
}

/*
 * The guest loses a page that it does not use: each of its vCPUs sends INVALIDATE with its
 * next hypercall, and waits in Xen for the answer.
 */
static void failing_invalidate(void)
{
	struct xen_remove_from_physmap rm = {
		.domid = READ_ONCE(failing_guest),
		.gpfn = READ_ONCE(failing_gfn),
	};
	long ret;

	if (!rm.gpfn)
		return;
	ret = failing_hypercall(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap,
				(unsigned long)&rm, 0);
	if (ret)
		pr_err("gfn: %ld\n", ret);
	/* Once, however many calls fail. */
	WRITE_ONCE(failing_gfn, 0);
	mdelay(FAILING_WAIT_MS);
}

static int failing_return(struct pt_regs *regs, unsigned long value)
{
	regs->regs[0] = value;
	instruction_pointer_set(regs, regs->regs[30]);
	return 1;
}

static int failing_hit(struct kprobe *p, struct pt_regs *regs)
{
	struct failing_point *point = container_of(p, struct failing_point, probe);
	unsigned long cmd = regs->regs[0], flags;
	void *arg = (void *)regs->regs[1];
	bool fails, held, after = READ_ONCE(failing_after);
	unsigned int count = 0;
	long ret = -ENOMEM;

	held = point->kind == FAILING_MEMORY ? failing_is_virtback(regs->regs[30]) :
	       point->kind == FAILING_GRANT;
	raw_spin_lock_irqsave(&failing_lock, flags);
	if (point->kind == FAILING_CHANNEL && failing_is_virtback(regs->regs[30]))
		failing_strays += failing_is_stray(cmd, arg);
	fails = failing_now(point, regs);
	raw_spin_unlock_irqrestore(&failing_lock, flags);
	if (fails)
		failing_invalidate();
	if (point->kind >= FAILING_KERNEL)
		return fails ? failing_return(regs, point->returns == FAILING_NULL ? 0 : ret) : 0;
	if (!fails && !held)
		return 0;
	if (fails && point->kind == FAILING_GRANT && READ_ONCE(failing_one))
		return failing_return(regs, failing_fail_one(cmd, arg, regs->regs[2]));
	if (!fails || after) {
		unsigned long nr = point->kind == FAILING_DM ? __HYPERVISOR_dm_op :
				   point->kind == FAILING_MEMORY ? __HYPERVISOR_memory_op :
				   point->kind == FAILING_GRANT ? __HYPERVISOR_grant_table_op :
				   __HYPERVISOR_event_channel_op;

		ret = failing_hypercall(nr, cmd, regs->regs[1], regs->regs[2]);
	}
	if (point->kind == FAILING_GRANT)
		count = regs->regs[2];
	if (held && (!fails || after)) {
		raw_spin_lock_irqsave(&failing_lock, flags);
		failing_note(point->kind, cmd, arg, count, ret);
		raw_spin_unlock_irqrestore(&failing_lock, flags);
	}
	if (fails)
		ret = point->kind == FAILING_GRANT ? failing_fail_grants(cmd, arg, count) : -ENOMEM;
	return failing_return(regs, ret);
}

#define FAILING_POINT(name, k, r) \
	{ .probe = { .symbol_name = name, .pre_handler = failing_hit }, .kind = k, .returns = r }

/* Kernels differ in the names of the last ones. */
static struct failing_point failing_points[] = {
	FAILING_POINT("HYPERVISOR_dm_op", FAILING_DM, FAILING_ERRNO),
	FAILING_POINT("HYPERVISOR_memory_op", FAILING_MEMORY, FAILING_ERRNO),
	FAILING_POINT("HYPERVISOR_event_channel_op", FAILING_CHANNEL, FAILING_ERRNO),
	FAILING_POINT("HYPERVISOR_grant_table_op", FAILING_GRANT, FAILING_ERRNO),
	FAILING_POINT("bind_evtchn_to_irq_lateeoi", FAILING_KERNEL, FAILING_ERRNO),
	FAILING_POINT("request_threaded_irq", FAILING_KERNEL, FAILING_ERRNO),
	FAILING_POINT("gnttab_alloc_pages", FAILING_KERNEL, FAILING_ERRNO),
	FAILING_POINT("xen_alloc_unpopulated_pages", FAILING_KERNEL, FAILING_ERRNO),
	FAILING_POINT("xen_alloc_ballooned_pages", FAILING_KERNEL, FAILING_ERRNO),
	/* The channel is closed then. */
	FAILING_POINT("evtchn_fifo_setup", FAILING_WITHIN, FAILING_ERRNO),
	FAILING_POINT("__kmalloc", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("__kmalloc_noprof", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("kmalloc_trace", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("__kmalloc_cache_noprof", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("kvmalloc_node", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("__kvmalloc_node_noprof", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("__alloc_percpu", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("pcpu_alloc_noprof", FAILING_ALLOC, FAILING_NULL),
	FAILING_POINT("kstrdup", FAILING_ALLOC, FAILING_NULL),
};

static bool failing_registered[ARRAY_SIZE(failing_points)];

/*
 * What the task that is looked at allocates. Sets of address space go to a pool, from
 * which any guest takes them; what is mapped there is counted as pages.
 */
static bool failing_is_pooled(unsigned long call_site)
{
	char name[KSYM_SYMBOL_LEN];

	snprintf(name, sizeof(name), "%ps", (void *)call_site);
	return str_has_prefix(name, "virtback_xen_pages_");
}

static void failing_kmalloc(void *data, unsigned long call_site, const void *ptr, size_t req,
			    size_t alloc, gfp_t gfp, int node)
{
	unsigned long flags;

	if (!ptr || READ_ONCE(failing_task) != current || !in_task() ||
	    !failing_is_virtback(call_site) || failing_is_pooled(call_site))
		return;
	raw_spin_lock_irqsave(&failing_lock, flags);
	failing_add(&failing_objects, (unsigned long)ptr);
	raw_spin_unlock_irqrestore(&failing_lock, flags);
}

static void failing_kfree(void *data, unsigned long call_site, const void *ptr)
{
	unsigned long flags;

	if (!READ_ONCE(failing_objects.nr) || ZERO_OR_NULL_PTR(ptr))
		return;
	raw_spin_lock_irqsave(&failing_lock, flags);
	failing_del(&failing_objects, (unsigned long)ptr);
	raw_spin_unlock_irqrestore(&failing_lock, flags);
}

static int failing_coming(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "virtback"))
		return NOTIFY_DONE;
	WRITE_ONCE(failing_module, state == MODULE_STATE_GOING ? NULL : mod);
	return NOTIFY_DONE;
}

static struct notifier_block failing_modules = { .notifier_call = failing_coming };

/* How many more IOREQ servers Xen lets the guest have: it has none that is forgotten. */
static unsigned int failing_free_servers(void)
{
	struct {
		u32 op, pad;
		struct {
			u8 bufioreq, pad[3];
			u16 id;
		} create;
		u8 rest[16];
	} op;
	struct xen_dm_op_buf buf = { .size = sizeof(op) };
	u16 id[FAILING_SERVERS];
	unsigned int i, nr = 0;

	set_xen_guest_handle(buf.h, &op);
	for (; nr < FAILING_SERVERS; nr++) {
		memset(&op, 0, sizeof(op));
		op.op = 1;
		if (failing_hypercall(__HYPERVISOR_dm_op, failing_guest, 1, (unsigned long)&buf))
			break;
		id[nr] = op.create.id;
	}
	for (i = 0; i < nr; i++) {
		memset(&op, 0, sizeof(op));
		op.op = 6;
		*(u16 *)&op.create = id[i];
		failing_hypercall(__HYPERVISOR_dm_op, failing_guest, 1, (unsigned long)&buf);
	}
	return nr;
}

static unsigned int failing_channels(domid_t domid)
{
	struct evtchn_status status;
	unsigned int port, nr = 0;

	for (port = 1; port < FAILING_CHANNELS; port++) {
		status = (struct evtchn_status){ .dom = domid, .port = port };
		if (failing_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_status,
				      (unsigned long)&status, 0))
			break;
		nr += status.status != EVTCHNSTAT_closed;
	}
	return nr;
}

/* Workers of queues, and threads of vCPUs' interrupts. */
static unsigned int failing_threads(void)
{
	struct task_struct *p;
	unsigned int nr = 0;

	rcu_read_lock();
	for_each_process(p) {
		if (str_has_prefix(p->comm, "vb-") ||
		    (str_has_prefix(p->comm, "irq/") && strstr(p->comm, "virt")))
			nr++;
	}
	rcu_read_unlock();
	return nr;
}

static int failing_get_held(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "objects %u, pages %u, grants %u, channels %u and %u, closed that were not its own %u, free servers %u, threads %u\n",
			  READ_ONCE(failing_objects.nr), READ_ONCE(failing_pages.nr),
			  READ_ONCE(failing_grants.nr), failing_channels(DOMID_SELF),
			  failing_channels(failing_guest), READ_ONCE(failing_strays),
			  failing_free_servers(), failing_threads());
}

static const struct kernel_param_ops failing_held_ops = { .get = failing_get_held };
module_param_cb(held, &failing_held_ops, NULL, 0400);
MODULE_PARM_DESC(held, "what virtback holds of the guest");

static int failing_set_nth(const char *val, const struct kernel_param *kp)
{
	int nth, err = kstrtoint(val, 0, &nth);

	if (err)
		return err;
	raw_spin_lock_irq(&failing_lock);
	WRITE_ONCE(failing_task, current);
	failing_nth = nth;
	failing_more = 0;
	if (nth)
		strscpy(failing_what, "nothing", sizeof(failing_what));
	raw_spin_unlock_irq(&failing_lock);
	return 0;
}

static int failing_get_nth(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(failing_nth));
}

static const struct kernel_param_ops failing_nth_ops = {
	.set = failing_set_nth,
	.get = failing_get_nth,
};
module_param_cb(nth, &failing_nth_ops, NULL, 0600);
MODULE_PARM_DESC(nth, "the n-th call from now on fails; how many are left to it");

static int failing_get_what(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", failing_what);
}

static const struct kernel_param_ops failing_what_ops = { .get = failing_get_what };
module_param_cb(failed, &failing_what_ops, NULL, 0400);
MODULE_PARM_DESC(failed, "which call failed");

module_param_named(guest, failing_guest, uint, 0600);
MODULE_PARM_DESC(guest, "domid of what is held, and of \"any\"");
module_param_named(kinds, failing_kinds, uint, 0600);
MODULE_PARM_DESC(kinds, "calls that count: 1 dm_op, 2 memory_op, 4 event_channel_op, 8 grant_table_op, 16 the kernel's, 32 allocations, 64 what the kernel's call");
module_param_named(command, failing_command, int, 0600);
MODULE_PARM_DESC(command, "the only one of memory_op, grant_table_op or event_channel_op that counts, -1 for all");
module_param_named(any, failing_any, bool, 0600);
MODULE_PARM_DESC(any, "count the hypercalls about the guest, and not those of the task that wrote nth");
module_param_named(after, failing_after, bool, 0600);
MODULE_PARM_DESC(after, "the hypercall is done, and says that it was not");

module_param_named(status, failing_status, int, 0600);
MODULE_PARM_DESC(status, "GNTST_... of operations of grant_table_op that fail");
module_param_named(one, failing_one, bool, 0600);
MODULE_PARM_DESC(one, "one operation of a grant_table_op fails, and not all");
module_param_named(whole, failing_whole, bool, 0600);
MODULE_PARM_DESC(whole, "a grant_table_op that maps or unmaps fails itself, and not its operations");
module_param_named(least, failing_least, uint, 0600);
MODULE_PARM_DESC(least, "only copies of grants count with so many bytes in an operation");
module_param_named(times, failing_times, uint, 0600);
MODULE_PARM_DESC(times, "so many calls in a row fail");

module_param_named(gfn, failing_gfn, ulong, 0600);
MODULE_PARM_DESC(gfn, "page of the guest that goes when the call fails, so that its vCPUs wait for an answer");

static void failing_unregister(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(failing_points); i++) {
		if (failing_registered[i])
			unregister_kprobe(&failing_points[i].probe);
	}
	unregister_trace_kmalloc(failing_kmalloc, NULL);
	unregister_trace_kfree(failing_kfree, NULL);
	tracepoint_synchronize_unregister();
	unregister_module_notifier(&failing_modules);
}

static int __init failing_init(void)
{
	int err = register_module_notifier(&failing_modules);
	unsigned int i;

	if (err)
		return err;
	register_trace_kmalloc(failing_kmalloc, NULL);
	register_trace_kfree(failing_kfree, NULL);
	for (i = 0; i < ARRAY_SIZE(failing_points); i++) {
		err = register_kprobe(&failing_points[i].probe);
		failing_registered[i] = !err;
		if (err && err != -ENOENT) {
			pr_err("%s: %d\n", failing_points[i].probe.symbol_name, err);
			failing_unregister();
			return err;
		}
	}
	return 0;
}

static void __exit failing_exit(void)
{
	failing_unregister();
}

module_init(failing_init);
module_exit(failing_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("one call of virtback fails");
