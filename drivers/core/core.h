/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the core share with each other only. */
#ifndef VIRTBACK_CORE_H
#define VIRTBACK_CORE_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/string.h>
#include <linux/virtio_mmio.h>

#include <virtback/device.h>

/*
 * Barriers. All that orders guest memory are the virt_ ones and, where the host is
 * told of news, the fully ordered atomics on InterruptStatus. They order two CPUs of
 * one coherent machine, also when this kernel was built for one CPU, and a device in
 * software is just that: a guest's vCPU and our worker or completion. So they are
 * what a driver expects, with VIRTIO_F_ORDER_PLATFORM or without; with it the driver
 * uses those for devices, which order at least as much.
 */

#define VIRTBACK_DESC_SIZE	16

/**
 * struct virtback_desc - a descriptor in this kernel's byte order: the one copy
 *			  that is looked at
 * @addr: guest address
 * @len: bytes
 * @flags: VRING_DESC_F_*
 * @next: split: index of the next descriptor; packed: the buffer's id
 */
struct virtback_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

/* drivers/core/table.c: what the ring formats share */
int virtback_table_enter(struct virtback_vq *vq, struct virtback_table *t,
			 const struct virtback_desc *d);
void virtback_table_leave(struct virtback_vq *vq, struct virtback_table *t);
int virtback_table_fetch(struct virtback_vq *vq, struct virtback_table *t, u32 i, void *raw);
int virtback_chain_add(struct virtback_vq *vq, struct virtback_chain *chain,
		       const struct virtback_desc *d, u32 max);
void virtback_chain_end(struct virtback_vq *vq, struct virtback_chain *chain);
int virtback_ring_map(struct virtback_vq *vq, struct virtback_area *area, u64 addr, u32 len,
		      u32 align, bool write);
void virtback_ring_unmap(struct virtback_vq *vq);

/* An indirect table may lie at any address, so no word of it is atomic. */
static inline void virtback_table_copy(const struct virtback_table *t, u64 off, void *raw)
{
	memcpy(raw, t->piece.va + (off - t->first), VIRTBACK_DESC_SIZE);
	barrier();
}

/**
 * virtback_table_read() - copy a descriptor of a table
 * @vq: queue
 * @t: table that was entered
 * @i: which one, any number
 * @raw: receives the descriptor, VIRTBACK_DESC_SIZE bytes
 *
 * Worker context, may sleep.
 *
 * Return: as virtback_table_fetch().
 */
static inline int virtback_table_read(struct virtback_vq *vq, struct virtback_table *t, u32 i,
				      void *raw)
{
	u64 off = (u64)i * VIRTBACK_DESC_SIZE;

	if (i >= t->nr || off < t->first ||
	    off + VIRTBACK_DESC_SIZE > t->first + t->piece.len)
		return virtback_table_fetch(vq, t, i, raw);
	virtback_table_copy(t, off, raw);
	return 0;
}

/* No buffer yet. */
static inline void virtback_chain_begin(struct virtback_chain *chain, u16 id)
{
	chain->id = id;
	chain->ndesc = 0;
	chain->out.nr = 0;
	chain->out.off = 0;
	chain->out.left = 0;
	chain->in.nr = 0;
	chain->in.off = 0;
	chain->in.left = 0;
}

/* Undo virtback_iter_pin(). Any context, vq->lock may be held. */
static inline void virtback_piece_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	if (!vd->copies)
		vd->host->unpin(vd, p);
}

int virtback_iter_pin(struct virtback_vq *vq, struct virtback_iter *it, u32 len, bool write,
		      struct virtback_piece *p);
void virtback_req_retire(struct virtback_req *req);
bool virtback_req_busy(const struct virtback_req *req);
void virtback_give_back(struct virtback_vq *vq, struct list_head *reqs);
void virtback_vq_wake(struct virtback_vq *vq);
bool virtback_vq_runnable(const struct virtback_vq *vq);
bool virtback_vq_stop_begin(struct virtback_vq *vq);
void virtback_vq_stop_finish(struct virtback_vq *vq);
bool virtback_poll_empty(struct virtback_vq *vq, bool unsent);
void virtback_poll_chain(struct virtback_vq *vq);
void virtback_poll_wait(struct virtback_vq *vq);
bool virtback_poll_completed(struct virtback_vq *vq);
void virtback_ack_expect(struct virtback_vq *vq);
void virtback_ack_wait(struct virtback_vq *vq);
void virtback_ack_init(struct virtback_vq *vq);
void virtback_share_init(struct virtback_vq *vq);
void virtback_share_look(struct virtback_vq *vq, unsigned long now);
void virtback_share_join(struct virtback_device *vd);
void virtback_share_leave(struct virtback_device *vd);
void virtback_device_wake(struct virtback_device *vd);
void virtback_device_settle(struct virtback_device *vd);

/* The worker is at work, and may have been for long. */
static inline void virtback_share_ran(struct virtback_vq *vq)
{
	unsigned long now = jiffies;

	if (time_after_eq(now, vq->share.next))
		virtback_share_look(vq, now);
}

#endif
