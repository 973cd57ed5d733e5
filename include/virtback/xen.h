/* SPDX-License-Identifier: GPL-2.0 */
/* The Xen host as the module's init and exit see it. */
#ifndef VIRTBACK_XEN_H
#define VIRTBACK_XEN_H

#ifdef CONFIG_XEN_BACKEND
int virtback_xen_init(void);
void virtback_xen_exit(void);
#else
static inline int virtback_xen_init(void)
{
	return 0;
}

static inline void virtback_xen_exit(void)
{
}
#endif

#endif
