/* SPDX-License-Identifier: GPL-2.0 */
/* The Xen host and its toolstack as the module's init and exit see them. */
#ifndef VIRTBACK_XEN_H
#define VIRTBACK_XEN_H

#include <linux/printk.h>

#ifdef CONFIG_XEN_BACKEND
int virtback_xen_init(void);
void virtback_xen_exit(void);
int virtback_toolstack_init(void);
void virtback_toolstack_exit(void);
#else
static inline int virtback_xen_init(void)
{
	pr_info("no guests of Xen can be served: this kernel is built without Xen back ends\n");
	return 0;
}

static inline void virtback_xen_exit(void)
{
}

static inline int virtback_toolstack_init(void)
{
	return 0;
}

static inline void virtback_toolstack_exit(void)
{
}
#endif

#endif
