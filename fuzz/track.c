// SPDX-License-Identifier: GPL-2.0
/*
 * Chains and requests as the oracles know them: what a driver offered, what the device took
 * of it, what it answered.
 */
#include <linux/virtio_ring.h>

#include "oracle.h"
#undef memcpy

struct virtback_type_ops fz_type;
struct queue fz_queues[FZ_QUEUES];

static struct virtback_device *dev;
static struct range ranges[FZ_RANGES];
static u32 nr_ranges;
static u32 touched[FZ_RANGES];
static u32 nr_touched;
static bool storing;		/* since a store(), and not since a resume() */

struct track *fz_track_of(const struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;
	size_t size = ALIGN(sizeof(*req) + dev->type->req_size, sizeof(u64));

	return &fz_queues[vq->index].reqs[((const u8 *)req - (const u8 *)vq->reqs) / size];
}

void __real_virtback_req_complete(struct virtback_req *req, u32 written);
void __wrap_virtback_req_complete(struct virtback_req *req, u32 written);
void __real_virtback_vq_stop(struct virtback_vq *vq);
void __wrap_virtback_vq_stop(struct virtback_vq *vq);
void __real_virtback_vq_forget(struct virtback_vq *vq);
void __wrap_virtback_vq_forget(struct virtback_vq *vq);

/* A chain is known by its place, of which a queue has as many as it takes at once. */
static struct pending *pending_of(struct queue *q, const struct virtback_chain *chain)
{
	u32 i;

	for (i = 0; i < FZ_CHAINS; i++) {
		if (!q->pending[i].chain)
			q->pending[i].chain = chain;
		if (q->pending[i].chain == chain)
			return &q->pending[i];
	}
	fz_bug("a queue takes more chains at once than it says");
}

#ifndef FZ_BARE
/**
 * fz_chain_seen() - a descriptor was read: these bytes are what the device may touch
 * @vq: queue
 * @chain: its chain
 * @nr: how many of them were read before
 * @d: the descriptor
 */
void fz_chain_seen(struct virtback_vq *vq, const struct virtback_chain *chain, u32 nr,
		   const struct virtback_desc *d)
{
	struct pending *p = pending_of(&fz_queues[vq->index], chain);

	if (!nr)
		p->nr = 0;
	if (p->nr == FZ_PENDING)
		fz_bug("a chain of more buffers than any queue has");
	p->range[p->nr++] = (struct range){
		.addr = d->addr, .len = d->len, .write = d->flags & VRING_DESC_F_WRITE,
	};
}

static void note_chain(struct queue *q, const struct virtback_chain *chain)
{
}
#else
/* There the module goes by what it took, and is not slowed down to be watched. */
static void note_chain(struct queue *q, const struct virtback_chain *chain)
{
	struct pending *p = pending_of(q, chain);
	u32 i;

	for (i = 0; i < chain->out.nr + chain->in.nr; i++)
		p->range[i] = (struct range){
			.addr = chain->out.sg[i].addr, .len = chain->out.sg[i].len,
			.write = i >= chain->out.nr,
		};
	p->nr = i;
}
#endif

static fz_own void track_chain(struct track *t, const struct pending *p)
{
	u32 i;

	if (nr_ranges + p->nr > FZ_RANGES)
		nr_ranges = 0;		/* those are long done */
	t->first = nr_ranges;
	t->nr = p->nr;
	t->in_len = 0;
	for (i = 0; i < t->nr; i++) {
		ranges[nr_ranges++] = p->range[i];
		t->in_len += p->range[i].write ? p->range[i].len : 0;
	}
}

/* Segments to erase may be in a buffer that is the device's to write. */
static inline fz_own bool in_range(const struct range *r, u64 addr, u32 len, bool write)
{
	return (r->write || !write) && addr >= r->addr && addr - r->addr <= r->len &&
	       len <= r->len - (addr - r->addr);
}

static fz_own bool in_ranges(const struct range *r, u32 nr, u64 addr, u32 len, bool write)
{
	static u32 last;	/* the next piece is mostly in the same one */
	u32 i;

	if (last < nr && in_range(&r[last], addr, len, write))
		return true;
	for (i = 0; i < nr; i++) {
		if (in_range(&r[i], addr, len, write)) {
			last = i;
			return true;
		}
	}
	return false;
}

/* scripts/bench/core has modules of before these calls as well. */
#ifdef VIRTBACK_HEAD_BYTES
/*
 * What a type has named for a request, after the first @n copies that waited, or after
 * those went to the host. They are made together with others', when nobody can tell
 * any more whose they are.
 */
static void check_named(const struct virtback_copier *c, u32 n, const struct range *r, u32 nr,
			bool write)
{
	u32 i;

	for (i = c->nr < n ? 0 : n; i < c->nr; i++) {
		const struct virtback_copy *op = &c->vq->copy[i];

		if (op->write != write || !in_ranges(r, nr, op->addr, op->len, write))
			fz_bug("a copy is named of %#llx, %u bytes: in no buffer", op->addr,
			       op->len);
	}
}

static int fetch(struct virtback_req *req, struct virtback_chain *chain, struct virtback_copier *c,
		 bool last)
{
	struct queue *q = &fz_queues[req->vq->index];
	u32 n = c->nr;
	int err;

	if (fz_track_of(req)->taken)
		fz_bug("a request is used twice at once");
	if (!last)
		note_chain(q, chain);
	err = virtback_blk_type.fetch(req, chain, c, last);
	check_named(c, n, pending_of(q, chain)->range, pending_of(q, chain)->nr, false);
	return err;
}

static int store(struct virtback_req *req, struct virtback_copier *c, bool last)
{
	struct track *t = fz_track_of(req);
	u32 n = c->nr;
	int err;

	if (!t->taken || t->orphan)
		fz_bug("the answer of a request that has ended");
	storing = true;
	err = virtback_blk_type.store(req, c, last);
	check_named(c, n, &ranges[t->first], t->nr, true);
	return err;
}

static void wrap_copies(void)
{
	fz_type.fetch = fetch;
	fz_type.store = store;
}
#else
static void wrap_copies(void)
{
}
#endif

static enum virtback_prepare prepare(struct virtback_req *req, struct virtback_chain *chain)
{
	u32 qi = req->vq->index;
	struct queue *q = &fz_queues[qi];
	struct track *t = fz_track_of(req);
	enum virtback_prepare what;
	u16 id = req->id;

	if (t->taken)
		fz_bug("a request is used twice at once");
	t->taken = true;
	t->orphan = false;
	q->top = max_t(u32, q->top, t - q->reqs + 1);
	note_chain(q, chain);
	track_chain(t, pending_of(q, chain));
	q->waiting[id]++;
	if (nr_touched < FZ_RANGES)
		touched[nr_touched++] = qi << 16 | id;
	fz_current->req = req;
	what = virtback_blk_type.prepare(req, chain);
	fz_current->req = NULL;
	if (what == VIRTBACK_STALL || what == VIRTBACK_BROKEN) {
		if (!t->taken)
			fz_bug("a request was answered that is not to be");
		t->taken = false;
	}
	if (what == VIRTBACK_DONE && t->taken)
		fz_bug("a request was not answered that is done");
	if (what == VIRTBACK_STALL)
		q->waiting[id]--;
	return what;
}

static enum virtback_prepare resume(struct virtback_req *req)
{
	struct track *t = fz_track_of(req);
	enum virtback_prepare what;

	if (!t->taken || t->orphan)
		fz_bug("a pass of a request that has ended");
	storing = false;
	fz_current->req = req;
	what = virtback_blk_type.resume(req);
	fz_current->req = NULL;
	if (what == VIRTBACK_BROKEN) {
		t->taken = false;
		fz_queues[req->vq->index].broken++;
	}
	return what;
}

void __wrap_virtback_req_complete(struct virtback_req *req, u32 written)
{
	struct track *t = fz_track_of(req);

	if (!t->taken)
		fz_bug("a request is answered twice");
	if (written > t->in_len)
		fz_bug("%u bytes written to buffers of %llu", written, t->in_len);
	if (t->borrowed)
		fz_bug("a request is answered whose memory is still borrowed");
	t->taken = false;
	__real_virtback_req_complete(req, written);
}

/**
 * fz_submitted() - something reaches the disk
 * @req: of this request
 */
void fz_submitted(struct virtback_req *req)
{
	if (req && !fz_track_of(req)->taken)
		fz_bug("I/O of a request that has ended");
}

/* The queue is stopped, its driver may do with its memory what it likes. */
static void stopped(struct virtback_vq *vq)
{
	struct queue *q = &fz_queues[vq->index];
	u32 i;

	for (i = 0; i < q->top; i++)
		q->reqs[i].orphan = q->reqs[i].taken;
	if (fz_queue_mapped(vq))
		fz_bug("a ring is mapped after its queue was stopped");
	if (fz_queue_pinned(vq))
		fz_bug("a buffer is pinned after its queue was stopped");
}

void __wrap_virtback_vq_stop(struct virtback_vq *vq)
{
	__real_virtback_vq_stop(vq);
	stopped(vq);
}

void __wrap_virtback_vq_forget(struct virtback_vq *vq)
{
	__real_virtback_vq_forget(vq);
	stopped(vq);
}

/* --- what it may touch, and publish --- */

/* Is that in a buffer of the chain, and one of that direction? */
static bool in_buffer(u64 addr, u32 len, bool write)
{
	struct virtback_req *req = fz_current ? fz_current->req : NULL;
	struct track *t;

	if (!req) {
		/* Or what fetch() and store() named. */
		if (write && !storing)
			fz_bug("written to without a request");
		return true;		/* an indirect table */
	}
	t = fz_track_of(req);
	if (!t->taken || t->orphan)
		fz_bug("memory of a request that has ended");
	return in_ranges(&ranges[t->first], t->nr, addr, len, write);
}

/**
 * fz_check_range() - what is not in a buffer of the chain is a finding
 * @addr: guest address
 * @len: bytes
 * @write: they are written
 */
void fz_check_range(u64 addr, u32 len, bool write)
{
	if (!in_buffer(addr, len, write))
		fz_bug("%s %#llx, %u bytes: in no buffer", write ? "write" : "read", addr,
		       len);
}

/**
 * fz_check_pin() - as fz_check_range(), of what the device asked for
 * @addr: guest address
 * @len: bytes, however many of them are one piece
 * @write: they are written
 *
 * It may pin a byte to write together with what it reads before it.
 *
 * Return: how much of it may only be read
 */
u32 fz_check_pin(u64 addr, u32 len, bool write)
{
	if (write && len > 1 && !in_buffer(addr, len, true) && in_buffer(addr, len - 1, false) &&
	    in_buffer(addr + len - 1, 1, true))
		return len - 1;
	fz_check_range(addr, len, write);
	return 0;
}

/**
 * fz_forget_ids() - no chain of a queue waits for an answer
 * @qi: its number
 */
fz_own void fz_forget_ids(u32 qi)
{
	u32 i;

	if (nr_touched == FZ_RANGES)
		memset(fz_queues[qi].waiting, 0, sizeof(fz_queues[qi].waiting));
	for (i = 0; i < nr_touched; i++) {
		if (touched[i] >> 16 == qi)
			fz_queues[qi].waiting[touched[i] & U16_MAX] = 0;
	}
}

/* An element of the used ring: does it answer a chain that waits for it? */
static void check_used(struct queue *q)
{
	if (q->used_id > U16_MAX || !q->waiting[q->used_id])
		fz_bug("a used element for chain %u, which has none to come", q->used_id);
	q->waiting[q->used_id]--;
}

static void check_split(struct virtback_vq *vq, u32 off, u32 val, u32 len)
{
	struct queue *q = &fz_queues[vq->index];

	if (len == 4 && off % 8 == 4) {
		q->used_id = val;
	} else if (len == 2 && off == 2) {
		if ((u16)val != (u16)(q->used_idx + 1))
			fz_bug("the used index went from %u to %u", q->used_idx, val);
		q->used_idx = val;
		check_used(q);
	}
}

static void check_packed(struct virtback_vq *vq, u32 off, u32 val, u32 len)
{
	struct queue *q = &fz_queues[vq->index];

	if (len == 2 && off % 16 == 12)
		q->used_id = val;
	else if (len == 2 && off % 16 == 14)
		check_used(q);
	else if (len != 4 || off % 16 != 8)
		fz_bug("a write to the address of a descriptor");
}

/**
 * fz_check_store() - the device writes a word of a ring
 * @a: what of the ring it is in
 * @off: where in that
 * @val: the word
 * @len: its length
 */
void fz_check_store(const struct area *a, u32 off, u32 val, u32 len)
{
	if (fz_queues[a->vq->index].blurred)
		;
	else if (a->of == &a->vq->used && a->len > 4)
		check_split(a->vq, off, val, len);
	else if (a->of == &a->vq->desc)
		check_packed(a->vq, off, val, len);
}

/* --- an input --- */

/**
 * fz_track_begin() - nothing was offered yet
 * @vd: the device
 */
void fz_track_begin(struct virtback_device *vd)
{
	u32 i, j;

	dev = vd;
	storing = false;
	nr_ranges = 0;
	if (!fz_type.name) {
		fz_type = virtback_blk_type;
		fz_type.prepare = prepare;
		fz_type.resume = resume;
		wrap_copies();
	}
	for (i = 0; i < FZ_QUEUES; i++) {
		struct queue *q = &fz_queues[i];

		for (j = 0; j < FZ_CHAINS && q->pending[j].chain; j++)
			q->pending[j].chain = NULL;
		for (j = 0; j < q->top; j++) {
			q->reqs[j].taken = false;
			q->reqs[j].borrowed = 0;
		}
		q->top = 0;
		q->broken = 0;
		fz_forget_ids(i);
	}
	nr_touched = 0;
}

/**
 * fz_track_broken() - how many requests of a queue broke the device?
 * @q: its number
 */
u64 fz_track_broken(unsigned int q)
{
	return fz_queues[q].broken;
}
