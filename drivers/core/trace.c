// SPDX-License-Identifier: GPL-2.0
/* The storage of the core's events. */
#define CREATE_TRACE_POINTS
#include <trace/events/virtback.h>
