/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine that an input runs on: one device, two vCPUs, somebody who administers.
 */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include <virtback/config.h>
#include <virtback/device.h>
#include <virtback/mmio.h>

#include "fuzz.h"

#define FZ_VCPUS	2
#define FZ_HEAD		16		/* bytes of an input before its operations */
#define FZ_OP		8		/* bytes of an operation */

enum fz_admin {
	FZ_ADMIN_CREATE, FZ_ADMIN_REMOVE, FZ_ADMIN_SWAP, FZ_ADMIN_SIZE, FZ_ADMIN_LOOK,
	FZ_ADMIN_WORKERS,
};

/**
 * struct fz_machine - the machine
 * @vd: the device
 * @cfg: its configuration
 * @path: cfg->backing
 * @alive: it exists
 * @leaving: its window is being taken away
 * @offer: features that the driver accepts, of those offered
 * @vcpus: tasks that access registers
 * @access: what they do
 * @accesses: that were answered
 * @irqs: tasks that stand for interrupts
 * @softirq: task of timers
 * @admin: task of the administrator
 * @todo: what that one does
 * @err: what came of it
 * @gone: for who waits for the vCPUs
 */
struct fz_machine {
	struct virtback_device vd;
	struct virtback_config cfg;
	char path[8];
	bool alive;
	bool leaving;
	u64 offer;
	struct fz_task *vcpus[FZ_VCPUS];
	struct virtback_access access[FZ_VCPUS];
	u64 accesses;
	struct fz_task *irqs[2];
	struct fz_task *softirq;
	struct fz_task *admin;
	enum fz_admin todo;
	int err;
	wait_queue_head_t gone;
};

extern struct fz_machine fz_machine;

void fz_machine_init(void);
void fz_machine_begin(const u8 *head);
void fz_machine_end(void);
void fz_pump(void);
bool fz_access(unsigned int vcpu, u32 off, u32 size, bool write, u64 data);
bool fz_do_admin(enum fz_admin what);
bool fz_end_io(unsigned int irq, unsigned int which, u8 how);

/* head.c */
void fz_stores_begin(const u8 *head);
void fz_config_begin(struct fz_machine *m, const u8 *head);

/* driver.c */
void fz_reg(unsigned int vcpu, u32 off, u32 val);
void fz_negotiate(unsigned int vcpu, u64 drop);
void fz_queue_up(unsigned int vcpu, unsigned int q, u16 num);
void fz_driver_start(unsigned int vcpu);
void fz_legit_init(void);
void fz_legit_driver(void);

#endif
