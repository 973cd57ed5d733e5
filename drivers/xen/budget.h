/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest may have of a tick of a processor in interrupt context, all its vCPUs
 * together: little when that keeps somebody from running. The rest goes to their threads,
 * which the scheduler bounds: Xen's own throttle for late EOIs knows only of spurious
 * events, and these are valid. vCPUs that do nothing else can keep a processor in
 * interrupt context for good, and more of them sooner than one, so it is time that counts.
 * To be interrupted takes as much again, which is not measured. Threads of the guest itself
 * are somebody, too.
 *
 * Nothing here needs Xen, and tests build it without.
 */
#ifndef VIRTBACK_XEN_BUDGET_H
#define VIRTBACK_XEN_BUDGET_H

#include <linux/jiffies.h>
#include <linux/types.h>

#define VIRTBACK_TRAP_NS	(TICK_NSEC / 4)
#define VIRTBACK_TRAP_NS_BUSY	(TICK_NSEC / 16)

/**
 * struct virtback_xen_budget - what a guest has had of a processor's interrupt context
 * @tick: jiffies when @used was 0
 * @used: nanoseconds since then
 */
struct virtback_xen_budget {
	unsigned long tick;
	u64 used;
};

/* Has it all been used in this tick? @idle: nobody else wants the processor. */
static inline bool virtback_budget_over(struct virtback_xen_budget *budget, unsigned long now,
					bool idle)
{
	if (budget->tick != now) {
		budget->tick = now;
		budget->used = 0;
	}
	return budget->used > (idle ? VIRTBACK_TRAP_NS : VIRTBACK_TRAP_NS_BUSY);
}

/* After virtback_budget_over(): so many nanoseconds of it were used. */
static inline void virtback_budget_use(struct virtback_xen_budget *budget, u64 ns)
{
	budget->used += ns;
}

#endif
