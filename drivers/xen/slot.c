// SPDX-License-Identifier: GPL-2.0
/*
 * The slot protocol. READY -> INPROCESS -> RESP_READY, never back: Xen crashes
 * the guest of a server that does anything else. A taken slot is always
 * finished, whatever is in it, because a vCPU is stopped until then.
 */
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/stddef.h>
#include <asm/barrier.h>

#include "slot.h"

static_assert(sizeof(struct virtback_slot) == 32);
static_assert(offsetof(struct virtback_slot, vp_eport) == 24);
static_assert(offsetof(struct virtback_slot, state) == 30);

static bool virtback_slot_size_ok(u32 size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* Xen fills the slots, but a guest decides much of what is in them. */
static enum virtback_slot_kind virtback_slot_classify(const struct virtback_slot_req *req,
						      u8 type, u8 flags, u32 count)
{
	if (type == VIRTBACK_SLOT_TYPE_INVALIDATE)
		return VIRTBACK_SLOT_INVALIDATE;
	if (type != VIRTBACK_SLOT_TYPE_COPY)
		return VIRTBACK_SLOT_BAD;
	/* String instructions of x86 never concern virtio-mmio. */
	if (count != 1 || (flags & (VIRTBACK_SLOT_DATA_IS_PTR | VIRTBACK_SLOT_DF)))
		return VIRTBACK_SLOT_BAD;
	if (!virtback_slot_size_ok(req->size) || req->addr + req->size < req->addr)
		return VIRTBACK_SLOT_BAD;
	return VIRTBACK_SLOT_ACCESS;
}

/**
 * virtback_slot_take() - take the request of a slot, if there is one
 * @slot: slot
 * @req: receives the request
 *
 * Any context. Of several callers at once exactly one gets the request.
 *
 * Return: true when the caller now owns the slot and must finish it.
 */
bool virtback_slot_take(struct virtback_slot *slot, struct virtback_slot_req *req)
{
	/* The request after its state; pairs with Xen's barrier before READY. */
	u8 state = virt_load_acquire(&slot->state);

	if ((state & VIRTBACK_SLOT_STATE) != VIRTBACK_SLOT_READY)
		return false;
	if (cmpxchg(&slot->state, state,
		    (state & ~VIRTBACK_SLOT_STATE) | VIRTBACK_SLOT_INPROCESS) != state)
		return false;

	req->addr = READ_ONCE(slot->addr);
	req->size = READ_ONCE(slot->size);
	req->write = !(state & VIRTBACK_SLOT_READ);
	req->data = req->write ? READ_ONCE(slot->data) : 0;
	req->kind = virtback_slot_classify(req, READ_ONCE(slot->type), state,
					   READ_ONCE(slot->count));
	return true;
}

/**
 * virtback_slot_finish() - answer a request
 * @slot: slot taken by virtback_slot_take()
 * @req: its request; @req->data is the answer of a read
 *
 * Any context. The vCPU goes on once Xen is notified.
 */
void virtback_slot_finish(struct virtback_slot *slot, const struct virtback_slot_req *req)
{
	u8 flags = READ_ONCE(slot->state) & ~VIRTBACK_SLOT_STATE;
	u64 mask = req->size < sizeof(u64) ? (1ULL << (8 * req->size)) - 1 : ~0ULL;

	/* Xen on Arm puts all 64 bits into the guest's register. */
	if (!req->write)
		WRITE_ONCE(slot->data, req->data & mask);
	/* The answer before the state; pairs with Xen's barrier after its read. */
	virt_store_release(&slot->state, flags | VIRTBACK_SLOT_RESP_READY);
}

/**
 * virtback_slot_busy() - does a vCPU wait for an answer?
 * @slot: slot
 *
 * Any context.
 *
 * Return: true for a request, taken or not.
 */
bool virtback_slot_busy(const struct virtback_slot *slot)
{
	u8 state = READ_ONCE(slot->state) & VIRTBACK_SLOT_STATE;

	return state == VIRTBACK_SLOT_READY || state == VIRTBACK_SLOT_INPROCESS;
}

/**
 * virtback_slot_empty() - has the vCPU taken its answer?
 * @slot: slot
 *
 * Any context. Until then the vCPU, which may be paused, goes on using what Xen
 * keeps for the slot.
 *
 * Return: true when the slot has neither a request nor an answer.
 */
bool virtback_slot_empty(const struct virtback_slot *slot)
{
	return (READ_ONCE(slot->state) & VIRTBACK_SLOT_STATE) == VIRTBACK_SLOT_NONE;
}
