/* SPDX-License-Identifier: GPL-2.0 */
/* The Xen host's decisions that need no Xen. */
#ifndef VIRTBACK_XEN_CHECK_H
#define VIRTBACK_XEN_CHECK_H

#include <linux/types.h>

struct virtback_device;

const char *virtback_xen_why_not(bool xen, bool arm64, unsigned long page_size, int *err);
unsigned long virtback_xen_reserve(const struct virtback_device *vd);
unsigned long virtback_xen_limit_need(unsigned long reserve);
unsigned long virtback_xen_limit(unsigned int mb, unsigned long reserve, bool scarce);

#endif
