// SPDX-License-Identifier: GPL-2.0
/* The storage of the events of the Xen host. */
#define CREATE_TRACE_POINTS
#include <trace/events/virtback_xen.h>
