// SPDX-License-Identifier: GPL-2.0
/*
 * Device model operations. Linux only passes them through from user space, so
 * their layouts are described here.
 *
 * All of them may be called in any context: the buffers are on the stack, and
 * Xen translates kernel addresses of any kind.
 */
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include <asm/xen/hypercall.h>
#include <xen/interface/xen.h>
#include <xen/interface/hvm/dm_op.h>

#include "dmop.h"

#define VIRTBACK_DMOP_CREATE_SERVER	1
#define VIRTBACK_DMOP_MAP_RANGE		3
#define VIRTBACK_DMOP_UNMAP_RANGE	4
#define VIRTBACK_DMOP_SET_SERVER_STATE	5
#define VIRTBACK_DMOP_DESTROY_SERVER	6
#define VIRTBACK_DMOP_SET_IRQ_LEVEL	19
#define VIRTBACK_DMOP_NR_VCPUS		20

#define VIRTBACK_DMOP_BUFIOREQ_OFF	0
#define VIRTBACK_DMOP_RANGE_MEMORY	1

struct virtback_dmop {
	u32 op;
	u32 pad;
	union {
		/* First: an initialiser need not zero more than the first member. */
		struct {
			u16 id;
			u16 pad;
			u32 type;
			u64 start;
			u64 end;
		} range;
		struct {
			u8 handle_bufioreq;
			u8 pad[3];
			u16 id;
		} create_server;
		struct {
			u16 id;
			u8 enabled;
			u8 pad;
		} server_state;
		struct {
			u16 id;
			u16 pad;
		} destroy_server;
		struct {
			u32 irq;
			u8 level;
			u8 pad[3];
		} irq_level;
		struct {
			u32 vcpus;
		} nr_vcpus;
	} u;
};

static_assert(sizeof_field(struct virtback_dmop, u) ==
	      sizeof_field(struct virtback_dmop, u.range));

static int virtback_dmop(domid_t domid, struct virtback_dmop *op)
{
	struct xen_dm_op_buf buf;

	memset(&buf, 0, sizeof(buf));
	set_xen_guest_handle(buf.h, op);
	buf.size = sizeof(*op);
	return HYPERVISOR_dm_op(domid, 1, &buf);
}

/**
 * virtback_dmop_nr_vcpus() - how many vCPUs, and so slots, has a domain?
 * @domid: domain
 * @nr: receives the number
 *
 * Changes nothing, so it also tells whether this domain may serve that one.
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_nr_vcpus(domid_t domid, u32 *nr)
{
	struct virtback_dmop op = { .op = VIRTBACK_DMOP_NR_VCPUS };
	int ret = virtback_dmop(domid, &op);

	*nr = op.u.nr_vcpus.vcpus;
	return ret;
}

/**
 * virtback_dmop_create_server() - make an IOREQ server without a buffered ring
 * @domid: domain
 * @id: receives its number
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_create_server(domid_t domid, u16 *id)
{
	struct virtback_dmop op = { .op = VIRTBACK_DMOP_CREATE_SERVER };
	int ret;

	op.u.create_server.handle_bufioreq = VIRTBACK_DMOP_BUFIOREQ_OFF;
	ret = virtback_dmop(domid, &op);
	*id = op.u.create_server.id;
	return ret;
}

/**
 * virtback_dmop_destroy_server() - undo virtback_dmop_create_server()
 * @domid: domain
 * @id: server
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_destroy_server(domid_t domid, u16 id)
{
	struct virtback_dmop op = { .op = VIRTBACK_DMOP_DESTROY_SERVER };

	op.u.destroy_server.id = id;
	return virtback_dmop(domid, &op);
}

/**
 * virtback_dmop_enable_server() - let a server get requests, or no more
 * @domid: domain
 * @id: server
 * @enable: get requests
 *
 * Xen pauses the domain for it, so no request is on its way when this returns.
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_enable_server(domid_t domid, u16 id, bool enable)
{
	struct virtback_dmop op = { .op = VIRTBACK_DMOP_SET_SERVER_STATE };

	op.u.server_state.id = id;
	op.u.server_state.enabled = enable;
	return virtback_dmop(domid, &op);
}

static int virtback_dmop_range(u32 cmd, domid_t domid, u16 id, u64 start, u64 size)
{
	struct virtback_dmop op = { .op = cmd };

	op.u.range.id = id;
	op.u.range.type = VIRTBACK_DMOP_RANGE_MEMORY;
	op.u.range.start = start;
	op.u.range.end = start + size - 1;
	return virtback_dmop(domid, &op);
}

/**
 * virtback_dmop_map_range() - claim guest physical addresses for a server
 * @domid: domain
 * @id: server
 * @start: first address
 * @size: bytes
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_map_range(domid_t domid, u16 id, u64 start, u64 size)
{
	return virtback_dmop_range(VIRTBACK_DMOP_MAP_RANGE, domid, id, start, size);
}

/**
 * virtback_dmop_unmap_range() - undo virtback_dmop_map_range()
 * @domid: domain
 * @id: server
 * @start: first address
 * @size: bytes
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_unmap_range(domid_t domid, u16 id, u64 start, u64 size)
{
	return virtback_dmop_range(VIRTBACK_DMOP_UNMAP_RANGE, domid, id, start, size);
}

/**
 * virtback_dmop_set_irq_level() - drive a shared peripheral interrupt (Arm)
 * @domid: domain
 * @irq: INTID, 32 and up
 * @level: 1 raises it; 0 does nothing to an edge interrupt
 *
 * Return: 0 or -errno.
 */
int virtback_dmop_set_irq_level(domid_t domid, u32 irq, bool level)
{
	struct virtback_dmop op = { .op = VIRTBACK_DMOP_SET_IRQ_LEVEL };

	op.u.irq_level.irq = irq;
	op.u.irq_level.level = level;
	return virtback_dmop(domid, &op);
}
