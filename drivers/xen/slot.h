/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slot protocol: how Xen hands one trapped access of a vCPU to an IOREQ
 * server. Plain C on a structure, no hypercall, so that tests reach all of it.
 */
#ifndef VIRTBACK_XEN_SLOT_H
#define VIRTBACK_XEN_SLOT_H

#include <linux/types.h>

/* A slot's state; each side only ever moves it forward. */
#define VIRTBACK_SLOT_NONE		0	/* Xen's: empty */
#define VIRTBACK_SLOT_READY		1	/* ours: a request is waiting */
#define VIRTBACK_SLOT_INPROCESS		2	/* ours: taken */
#define VIRTBACK_SLOT_RESP_READY	3	/* Xen's: answered */
#define VIRTBACK_SLOT_STATE		0x0f

/* The other bits of the state byte. */
#define VIRTBACK_SLOT_DATA_IS_PTR	0x10
#define VIRTBACK_SLOT_READ		0x20
#define VIRTBACK_SLOT_DF		0x40

/* Request types; only these two concern a memory window. */
#define VIRTBACK_SLOT_TYPE_COPY		1
#define VIRTBACK_SLOT_TYPE_INVALIDATE	8

/**
 * struct virtback_slot - one vCPU's entry of the ioreq page, as Xen lays it out
 * @addr: guest physical address
 * @data: value written, or where the answer goes
 * @count: repetitions of a string instruction, 1 without one
 * @size: bytes of the access
 * @vp_eport: the vCPU's event channel; Xen crashes a guest whose slot has another
 * @pad: unused
 * @state: VIRTBACK_SLOT_STATE bits and flags
 * @type: VIRTBACK_SLOT_TYPE_*
 */
struct virtback_slot {
	u64 addr;
	u64 data;
	u32 count;
	u32 size;
	u32 vp_eport;
	u16 pad;
	u8 state;
	u8 type;
};

/**
 * enum virtback_slot_kind - what is to be done about a request
 * @VIRTBACK_SLOT_ACCESS: an access to a register window
 * @VIRTBACK_SLOT_INVALIDATE: forget all mappings of guest memory
 * @VIRTBACK_SLOT_BAD: nothing that a memory window can get; to be answered as
 *		       zero, since a vCPU waits
 */
enum virtback_slot_kind {
	VIRTBACK_SLOT_ACCESS,
	VIRTBACK_SLOT_INVALIDATE,
	VIRTBACK_SLOT_BAD,
};

/**
 * struct virtback_slot_req - a request, copied once from its slot
 * @kind: what is to be done
 * @addr: guest physical address of the first byte
 * @data: value written; for a read 0, to be replaced by the answer
 * @size: bytes
 * @write: the guest writes
 */
struct virtback_slot_req {
	enum virtback_slot_kind kind;
	u64 addr;
	u64 data;
	u32 size;
	bool write;
};

bool virtback_slot_take(struct virtback_slot *slot, struct virtback_slot_req *req);
void virtback_slot_finish(struct virtback_slot *slot, const struct virtback_slot_req *req);
bool virtback_slot_busy(const struct virtback_slot *slot);
bool virtback_slot_empty(const struct virtback_slot *slot);

#endif
