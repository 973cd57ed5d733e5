// SPDX-License-Identifier: GPL-2.0
/*
 * Chains that are taken together, of a device that copies (vd->copies), so that one call
 * of the host copies the indirect tables of all, and one more what their requests begin
 * with.
 *
 * Where the tables are is a hint: pop() reads the ring itself, and takes the copy of a
 * table for that table only if it asks for just these bytes.
 *
 * Chains are taken as ever, one after the other, and then served one after the other by
 * prepare(). Those that cannot be served now (a stall, a broken request, others that
 * wait) go back to the ring, the last one first, before ring_lock is dropped: nobody
 * else ever sees them.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <virtback/device.h>

#include "core.h"

/* Buffers of all chains but the last. */
#define VIRTBACK_AHEAD_SG	256

/* What drivers may have us copy, more or less, before the first request is looked at. */
#define VIRTBACK_AHEAD_BYTES	SZ_256K

/* Room for copies of tables, 24 descriptors each if there are as many as can be. */
#define VIRTBACK_AHEAD_TABLES	(VIRTBACK_COPY_BATCH * 24 * VIRTBACK_DESC_SIZE)

/**
 * struct virtback_slot - a chain that was taken
 * @req: the request that it becomes
 * @chain: the chain
 * @addr: guest address of its table
 * @len: bytes of it that were copied
 * @table: the copy
 */
struct virtback_slot {
	struct virtback_req *req;
	struct virtback_chain chain;
	u64 addr;
	u32 len;
	const u8 *table;
};

/**
 * struct virtback_ahead - chains that were taken; all is the worker's, with ring_lock held
 * @nr: how many
 * @next: the first that was not served yet
 * @want: how many to take; fewer when those before were not all served
 * @ret: what the last pop() did, when that was no chain, or 1
 * @nr_tables: from the first chain on, how many have a copy of their table; only while
 *	       they are taken
 * @tables: room for these copies
 * @heads: VIRTBACK_HEAD_BYTES for each, in few pages: copies to one page of ours that
 *	   follow each other are cheaper
 * @sg: storage of the chains' buffers
 * @slot: the chains
 */
struct virtback_ahead {
	unsigned int nr;
	unsigned int next;
	unsigned int want;
	int ret;
	unsigned int nr_tables;
	u8 *tables;
	u8 *heads;
	struct virtback_sg *sg;
	struct virtback_slot slot[VIRTBACK_COPY_BATCH];
};

static_assert(VIRTBACK_COPY_BATCH * VIRTBACK_HEAD_BYTES <= PAGE_SIZE);

/* Begin anew, now that all was served or is to go back. */
static void virtback_ahead_empty(struct virtback_ahead *a)
{
	/* What was copied of those that were not served was for nothing. */
	if (a->nr)
		a->want = a->next < a->nr ? a->next : min(2 * a->want, VIRTBACK_COPY_BATCH);
	a->nr = 0;
	a->next = 0;
	a->ret = 1;
}

/* Name the copies of the tables of the chains that come next, and count them. */
static int virtback_ahead_name(struct virtback_vq *vq, struct virtback_copier *c, unsigned int *n)
{
	struct virtback_ahead *a = vq->ahead;
	struct virtback_desc d;
	u8 *to = a->tables;
	int err;

	for (*n = 0; *n < a->want; ++*n) {
		struct virtback_slot *slot = &a->slot[*n];
		struct virtback_piece p;

		if (!vq->ring->peek(vq, *n, &d) || !(d.flags & VRING_DESC_F_INDIRECT))
			break;
		/* What is not right will be found when it is taken. */
		if (!d.len || d.len % VIRTBACK_DESC_SIZE || d.addr + d.len < d.addr ||
		    d.len > a->tables + VIRTBACK_AHEAD_TABLES - to)
			break;
		p = (struct virtback_piece){ .addr = d.addr, .len = d.len };
		err = virtback_copier_name(c, &p, 0, to, d.len, false);
		if (err)
			return err;
		slot->addr = d.addr;
		slot->len = d.len;
		slot->table = to;
		to += d.len;
	}
	return 0;
}

/* Copy tables, all or none. */
static void virtback_ahead_read(struct virtback_vq *vq)
{
	struct virtback_copier c;
	unsigned int n;

	if (!vq->indirect)
		return;
	virtback_copier_init(&c, vq);
	if (!virtback_ahead_name(vq, &c, &n) && !virtback_copier_flush(&c))
		vq->ahead->nr_tables = n;
}

/**
 * virtback_ahead_table() - was this table copied together with others?
 * @vq: queue of a device that copies
 * @t: table that was entered; t->va is set if it was
 *
 * Called with ring_lock held.
 *
 * Return: true when all of it is there.
 */
bool virtback_ahead_table(struct virtback_vq *vq, struct virtback_table *t)
{
	const struct virtback_ahead *a = vq->ahead;
	const struct virtback_slot *slot;

	if (!a || a->nr >= a->nr_tables)
		return false;
	slot = &a->slot[a->nr];
	if (slot->addr != t->addr || slot->len != t->nr * VIRTBACK_DESC_SIZE)
		return false;
	t->va = slot->table;
	return true;
}

/* Take chains, as many as there are, are wanted, have requests and find place. */
static void virtback_ahead_pop(struct virtback_vq *vq)
{
	struct virtback_ahead *a = vq->ahead;
	struct virtback_sg *own = vq->sg;
	u64 bytes = 0;

	vq->sg = a->sg;
	while (a->nr < a->want && bytes < VIRTBACK_AHEAD_BYTES &&
	       vq->sg - a->sg <= VIRTBACK_AHEAD_SG) {
		struct virtback_slot *slot = &a->slot[a->nr];
		struct virtback_chain *chain = &slot->chain;

		vq->walk.reads = 0;
		a->ret = vq->ring->pop(vq, chain);
		if (a->ret <= 0)
			break;
		slot->req = virtback_vq_get_req(vq);
		if (!slot->req) {
			vq->ring->unpop(vq, chain);
			break;
		}
		a->nr++;
		bytes += chain->out.left;
		vq->sg += chain->out.nr + chain->in.nr;
		/* Its table took a call of its own: the clock is looked at between two such. */
		if (vq->walk.reads)
			break;
	}
	vq->sg = own;
	/* The next chain in this place is another one. */
	a->nr_tables = 0;
}

/*
 * Name the copies of the headers, or those of what else the requests begin with. A copier
 * that is full goes to the host, so there may be errors on the way.
 */
static int virtback_ahead_begin(struct virtback_vq *vq, struct virtback_copier *c, bool last)
{
	struct virtback_ahead *a = vq->ahead;
	unsigned int i;
	int err = 0;

	for (i = 0; i < a->nr && !err; i++) {
		struct virtback_slot *slot = &a->slot[i];

		slot->req->head = a->heads + i * VIRTBACK_HEAD_BYTES;
		err = vq->vd->type->fetch(slot->req, &slot->chain, c, last);
	}
	return err;
}

/* Copy what the requests begin with, all or nothing. */
static void virtback_ahead_fetch(struct virtback_vq *vq)
{
	struct virtback_ahead *a = vq->ahead;
	struct virtback_copier c;
	unsigned int i;
	int err;

	if (!vq->vd->type->fetch)
		return;
	virtback_copier_init(&c, vq);
	err = virtback_ahead_begin(vq, &c, false);
	if (!err)
		err = virtback_ahead_begin(vq, &c, true);
	if (!err)
		err = virtback_copier_flush(&c);
	for (i = 0; i < a->nr; i++)
		a->slot[i].req->fetched = !err;
}

/* Is there more than one chain? A hint as well. */
static bool virtback_ahead_several(const struct virtback_vq *vq)
{
	struct virtback_desc d;

	return vq->ring->peek(vq, 1, &d);
}

/**
 * virtback_ahead_next() - the next chain, and those after it as well
 * @vq: queue with @ahead
 * @chain: set to where the chain is
 * @req: set to its request, or to NULL when there was none left
 * @cost: what calls of the host cost is added
 *
 * The worker, may sleep. Called with ring_lock held; so is virtback_ahead_drop() before
 * that is dropped.
 *
 * Return: as &virtback_ring_ops.pop
 */
int virtback_ahead_next(struct virtback_vq *vq, struct virtback_chain **chain,
			struct virtback_req **req, u64 *cost)
{
	struct virtback_ahead *a = vq->ahead;
	struct virtback_slot *slot;

	lockdep_assert_held(&vq->ring_lock);
	/* That the ring is empty, or broken, comes after those that were taken. */
	if (a->next == a->nr && a->ret > 0) {
		virtback_ahead_empty(a);
		/* One alone shares nothing. */
		if (!virtback_ahead_several(vq)) {
			*cost += VIRTBACK_UNTIMED;
			*req = NULL;
			return vq->ring->pop(vq, *chain);
		}
		virtback_ahead_read(vq);
		virtback_ahead_pop(vq);
		virtback_ahead_fetch(vq);
		*cost += VIRTBACK_UNTIMED;
	}
	if (a->next == a->nr) {
		int ret = a->ret > 0 ? vq->ring->pop(vq, *chain) : a->ret;

		*req = NULL;
		a->ret = 1;
		return ret;
	}
	slot = &a->slot[a->next++];
	*chain = &slot->chain;
	*req = slot->req;
	if (!slot->req->head || !slot->req->fetched)
		*cost += VIRTBACK_UNTIMED;
	return 1;
}

/**
 * virtback_ahead_drop() - give the chains back that were not served
 * @vq: queue with @ahead
 *
 * Called with ring_lock held.
 */
void virtback_ahead_drop(struct virtback_vq *vq)
{
	struct virtback_ahead *a = vq->ahead;
	unsigned int i;

	for (i = a->nr; i > a->next; i--) {
		struct virtback_slot *slot = &a->slot[i - 1];

		if (slot->req->head && vq->vd->type->unfetch)
			vq->vd->type->unfetch(slot->req);
		virtback_vq_put_req(vq, slot->req);
		vq->ring->unpop(vq, &slot->chain);
	}
	virtback_ahead_empty(a);
}

/**
 * virtback_ahead_init() - let chains be taken in advance
 * @vq: queue of a device that copies, not ready
 *
 * May sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int virtback_ahead_init(struct virtback_vq *vq)
{
	struct virtback_ahead *a = kzalloc(sizeof(*a), VIRTBACK_STOCK_GFP);

	if (!a)
		return -ENOMEM;
	a->want = VIRTBACK_COPY_BATCH;
	a->ret = 1;
	a->heads = kmalloc(PAGE_SIZE, VIRTBACK_STOCK_GFP);
	a->tables = kmalloc(VIRTBACK_AHEAD_TABLES, VIRTBACK_STOCK_GFP);
	a->sg = kvcalloc(VIRTBACK_AHEAD_SG + vq->chain_max, sizeof(*a->sg), VIRTBACK_STOCK_GFP);
	vq->ahead = a;
	if (a->heads && a->tables && a->sg)
		return 0;
	virtback_ahead_destroy(vq);
	return -ENOMEM;
}

/**
 * virtback_ahead_destroy() - undo virtback_ahead_init()
 * @vq: queue without a worker; nothing happens when it was not called
 *
 * May sleep.
 */
void virtback_ahead_destroy(struct virtback_vq *vq)
{
	struct virtback_ahead *a = vq->ahead;

	if (!a)
		return;
	vq->ahead = NULL;
	kvfree(a->sg);
	kfree(a->tables);
	kfree(a->heads);
	kfree(a);
}
