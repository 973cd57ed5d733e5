/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event channels, as trap.c uses them. Linux' header of them needs a kernel for Xen; without
 * one these are functions of a test (kunit/trap_test.c).
 */
#ifndef VIRTBACK_XEN_EVENT_H
#define VIRTBACK_XEN_EVENT_H

#ifdef CONFIG_XEN_BACKEND
#include <xen/events.h>
#else
#include <xen/interface/event_channel.h>

void xen_irq_lateeoi(unsigned int irq, unsigned int eoi_flags);
void xen_clear_irq_pending(int irq);
void notify_remote_via_evtchn(evtchn_port_t port);
#endif

#endif
