/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the core share with each other only. */
#ifndef VIRTBACK_CORE_H
#define VIRTBACK_CORE_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

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

/*
 * For a queue's stocks: its driver decides when they are made, so nothing of this domain may be
 * killed to make room, and the log says already what was refused.
 */
#define VIRTBACK_STOCK_GFP	(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Pages that a queue's stocks take, with some for what is no page of its own. */
#define VIRTBACK_STOCK_PAGES	(VIRTBACK_POOL_PAGES + VIRTBACK_POOL_PAGES / 8)

/* Of the memory of this domain, what queues leave to others: 16 MiB of each GiB. */
#define VIRTBACK_STOCK_SPARE	64

/**
 * virtback_stock_fits() - is there memory for the stocks of another queue?
 * @available: pages that can be had, as si_mem_available() says
 * @total: pages of this domain
 *
 * Or the last of it went to a guest, and who wants some next is killed.
 *
 * Return: false when the queue is to be refused.
 */
static inline bool virtback_stock_fits(long available, unsigned long total)
{
	return available >= (long)(VIRTBACK_STOCK_PAGES + total / VIRTBACK_STOCK_SPARE);
}

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

/**
 * struct virtback_raw - a descriptor as it was copied from the guest, of either format
 * @addr: guest address
 * @rest: 32 bits of length, then twice 16 of what the format says
 */
struct virtback_raw {
	__le64 addr;
	__le64 rest;
};

/*
 * What chains may cost between two looks at the clock: bytes moved. A call of a host that
 * copies costs as much, or more.
 */
#define VIRTBACK_UNTIMED	SZ_16K

/* drivers/core/table.c: what the ring formats share */
int virtback_table_fetch(struct virtback_vq *vq, struct virtback_table *t, u32 i);
void virtback_window_close(struct virtback_vq *vq);
int virtback_ring_map(struct virtback_vq *vq, struct virtback_area *area, u64 addr, u32 len,
		      u32 align, bool write);
void virtback_ring_unmap(struct virtback_vq *vq);

/* Of a ring, which is aligned. Each word is read once. */
static inline void virtback_desc_read(struct virtback_raw *raw, const void *from)
{
	const struct virtback_raw *d = from;

	raw->addr = READ_ONCE(d->addr);
	raw->rest = READ_ONCE(d->rest);
}

/* Is that byte in the window, and still the same memory? */
static inline bool virtback_window_has(const struct virtback_vq *vq, u64 addr)
{
	const struct virtback_window *w = &vq->window;
	const u64 *gen = vq->vd->mem_gen;

	/*
	 * What the host has changed since it had changed before the driver put the chain
	 * into its ring, which was read before this.
	 */
	return addr - w->addr < w->piece.len && (!gen || READ_ONCE(*gen) == w->gen);
}

/*
 * How far from its beginning: the driver chose the address, and what virtback_window_has()
 * says of it may be guessed wrong by a processor that does not wait for it.
 */
static inline u32 virtback_window_off(const struct virtback_vq *vq, u64 addr)
{
	return array_index_nospec((u32)(addr - vq->window.addr), vq->window.piece.len);
}

/* Where it is, and how many bytes of the window there are from it on. */
static inline const void *virtback_window_at(const struct virtback_vq *vq, u64 addr)
{
	return vq->window.piece.va + virtback_window_off(vq, addr);
}

static inline u32 virtback_window_rest(const struct virtback_vq *vq, u64 addr)
{
	return vq->window.piece.len - virtback_window_off(vq, addr);
}

/**
 * virtback_table_enter() - go from a descriptor of the ring to its table
 * @vq: queue
 * @t: for the place in the table
 * @d: descriptor with VRING_DESC_F_INDIRECT
 *
 * Return: 0, or -EINVAL when the driver may not do this.
 */
static inline int virtback_table_enter(struct virtback_vq *vq, struct virtback_table *t,
				       const struct virtback_desc *d)
{
	if (!vq->indirect || (d->flags & VRING_DESC_F_NEXT))
		return -EINVAL;
	if (!d->len || d->len % VIRTBACK_DESC_SIZE || d->addr + d->len < d->addr)
		return -EINVAL;
	t->nr = d->len / VIRTBACK_DESC_SIZE;
	t->addr = d->addr;
	t->from = 0;
	t->reach = 0;
	t->reads = 0;
	/* Most often it is where the one before was. */
	if (virtback_window_has(vq, d->addr)) {
		t->va = virtback_window_at(vq, d->addr);
		t->reach = min(d->len, virtback_window_rest(vq, d->addr)) / VIRTBACK_DESC_SIZE;
	}
	return 0;
}

/* An indirect table may lie at any address, so no word of it is atomic. */
static inline void virtback_table_copy(struct virtback_raw *raw, const void *from)
{
	memcpy(raw, from, VIRTBACK_DESC_SIZE);
	/* The driver may be writing it: nothing reads it again instead of @raw. */
	OPTIMIZER_HIDE_VAR(raw->addr);
	OPTIMIZER_HIDE_VAR(raw->rest);
}

/**
 * virtback_table_read() - copy a descriptor of a table
 * @vq: queue
 * @t: table that was entered
 * @i: which one, any number
 * @raw: receives the descriptor
 *
 * Worker context, may sleep.
 *
 * Return: as virtback_table_fetch().
 */
static inline int virtback_table_read(struct virtback_vq *vq, struct virtback_table *t, u32 i,
				      struct virtback_raw *raw)
{
	u32 n = i - t->from;
	int ret;

	/* Also of one before the first, whose distance is a large number. */
	if (n >= t->reach) {
		ret = virtback_table_fetch(vq, t, i);
		if (ret)
			return ret;
		n = 0;
	}
	n = array_index_nospec(n, t->reach);
	virtback_table_copy(raw, t->va + (size_t)n * VIRTBACK_DESC_SIZE);
	return 0;
}

/**
 * struct virtback_parts - the buffers of a chain while it is parsed
 * @chain: what they are to become
 * @sg: where they go: vq->sg
 * @nr: how many there are
 * @nr_out: how many of them the device reads, which come first
 * @out: bytes in these
 * @in: bytes in the others
 *
 * A local variable of who walks the chain, so that it is in registers.
 */
struct virtback_parts {
	struct virtback_chain *chain;
	struct virtback_sg *sg;
	u32 nr;
	u32 nr_out;
	u64 out;
	u64 in;
};

/* For who looks on from outside and believes nobody, as the fuzzer does. */
#ifndef virtback_chain_seen
static inline void virtback_chain_seen(struct virtback_vq *vq, const struct virtback_chain *chain,
				       u32 nr, const struct virtback_desc *d)
{
}
#endif

/* No buffer yet. */
static inline void virtback_chain_begin(struct virtback_vq *vq, struct virtback_parts *parts,
					struct virtback_chain *chain)
{
	*parts = (struct virtback_parts){ .chain = chain, .sg = vq->sg };
}

/**
 * virtback_chain_add() - the next buffer of a chain
 * @vq: queue
 * @parts: chain so far
 * @d: descriptor of the buffer, a copy
 * @max: buffers that a chain may have
 *
 * Return: 0, or -EINVAL when the driver may not do this.
 */
static inline int virtback_chain_add(struct virtback_vq *vq, struct virtback_parts *parts,
				     const struct virtback_desc *d, u32 max)
{
	u32 n = parts->nr;

	virtback_chain_seen(vq, parts->chain, n, d);
	if (n >= min_t(u32, max, vq->chain_max) || d->addr + d->len < d->addr)
		return -EINVAL;
	parts->sg[n] = (struct virtback_sg){ .addr = d->addr, .len = d->len };
	parts->nr = n + 1;
	if (d->flags & VRING_DESC_F_WRITE) {
		parts->in += d->len;
		return 0;
	}
	if (parts->nr_out != n)
		return -EINVAL;		/* what the device reads comes first */
	parts->nr_out = n + 1;
	parts->out += d->len;
	return 0;
}

/* The chain is complete. */
static inline void virtback_chain_end(const struct virtback_parts *parts)
{
	parts->chain->out = (struct virtback_iter){
		.sg = parts->sg, .nr = parts->nr_out, .left = parts->out,
	};
	parts->chain->in = (struct virtback_iter){
		.sg = parts->sg + parts->nr_out,
		.nr = parts->nr - parts->nr_out,
		.left = parts->in,
	};
}

/* Pass @len bytes, which lie within the current buffer, and empty buffers. */
static inline void virtback_iter_step(struct virtback_iter *it, u32 len)
{
	it->left -= len;
	it->off += len;
	while (it->nr && it->off == it->sg->len) {
		it->sg++;
		it->nr--;
		it->off = 0;
	}
}

/**
 * virtback_iter_pin() - pin the next bytes and pass them; name them, if vd->copies
 * @vq: queue whose guest it is
 * @it: position
 * @len: bytes wanted, 1 to it->left
 * @write: the device will write them
 * @p: receives the piece; its length may be less than @len
 *
 * Worker context, may sleep.
 *
 * Return: 0, or -EFAULT when it is not guest memory (which of a piece that is only
 * named shows when it is copied).
 */
static inline int virtback_iter_pin(struct virtback_vq *vq, struct virtback_iter *it, u32 len,
				    bool write, struct virtback_piece *p)
{
	struct virtback_device *vd = vq->vd;
	u64 addr;
	int ret;

	virtback_iter_step(it, 0);
	addr = it->sg->addr + it->off;
	len = min(len, it->sg->len - it->off);
	if (vd->copies) {
		*p = (struct virtback_piece){ .addr = addr, .len = len };
		ret = 0;
	} else {
		ret = vd->host->pin(vd, addr, len, write, p);
	}
	if (!ret)
		virtback_iter_step(it, p->len);
	return ret;
}

/* What tests take as well. */
extern struct mutex virtback_stock_lock;

/* What worker.c and place.c share. */
extern struct mutex virtback_cpus_lock;

/* Undo virtback_iter_pin() of a list. Any context, vq->lock may be held. */
static inline void virtback_pieces_unpin(struct virtback_device *vd, struct virtback_piece *list)
{
	if (!vd->copies)
		vd->host->unpin(vd, list);
}

/* The same of one that is on no list. */
static inline void virtback_piece_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	p->next = NULL;
	virtback_pieces_unpin(vd, p);
}

void virtback_req_retire(struct virtback_req *req);
bool virtback_req_busy(const struct virtback_req *req);
void virtback_give_back(struct virtback_vq *vq, struct list_head *reqs);
bool virtback_ahead_table(struct virtback_vq *vq, struct virtback_table *t);
int virtback_ahead_init(struct virtback_vq *vq);
void virtback_ahead_destroy(struct virtback_vq *vq);
int virtback_ahead_next(struct virtback_vq *vq, struct virtback_chain **chain,
			struct virtback_req **req, u64 *cost);
void virtback_ahead_drop(struct virtback_vq *vq);
struct virtback_req *virtback_vq_get_req(struct virtback_vq *vq);
void virtback_vq_put_req(struct virtback_vq *vq, struct virtback_req *req);
bool virtback_together_store(struct virtback_vq *vq, struct list_head *reqs,
			     struct list_head *rest);
void virtback_serve_init(struct virtback_vq *vq);
void virtback_vq_drop_done(struct virtback_vq *vq);
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
void virtback_place_kicked(struct virtback_vq *vq);
int virtback_place_where(struct virtback_vq *vq, int here);
void virtback_place(struct virtback_vq *vq);
void virtback_place_init(struct virtback_vq *vq);
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
