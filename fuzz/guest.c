// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's memory, the host that reaches it, and the oracles: what the device
 * touches must be what a driver gave it, for as long as it did.
 *
 * Everything that the device writes to the guest goes through fz_memcpy() or
 * WRITE_ONCE(), is checked there and done in a second copy of the memory as well. A
 * write that came another way makes the two differ.
 */
#include <linux/virtio_ring.h>

#include <virtback/device.h>
#include <virtback/mmio.h>

#include "core.h"
#include "fuzz.h"
#undef memcpy

#define PINS		(FZ_QUEUES * 4096)
#define AREAS		(FZ_QUEUES * 3)
#define RANGES		32768
#define PENDING		1024
#define CHAINS		(VIRTBACK_COPY_BATCH + 1)

/* What a pin is good for. */
struct pin {
	struct pin *next;
	struct pin **at;		/* what leads to it, NULL when it is not pinned */
	u32 off;
	u32 len;
	bool write;
	u32 head;			/* bytes of it that are the device's to read alone */
	bool borrowed;
	u8 busy;			/* looks that find it in use */
	struct virtback_req *req;
};

struct area {
	bool used;
	u32 off;
	u32 len;
	bool write;
	struct virtback_vq *vq;
	const struct virtback_area *of;
};

struct range {
	u64 addr;
	u32 len;
	bool write;
};

/* What is known of a request: from its chain on until it has ended. */
struct track {
	bool taken;
	bool orphan;
	u32 first;
	u32 nr;
	u64 in_len;
	u32 borrowed;
};

/* Buffers of a chain that was taken and may not be a request yet. */
struct pending {
	const struct virtback_chain *chain;
	u32 nr;
	struct range range[PENDING];
};

struct queue {
	struct pending pending[CHAINS];
	struct track reqs[FZ_QUEUE_SIZE];
	u16 used_idx;
	u32 used_id;
	bool blurred;			/* its rings lie over others' */
	u16 waiting[65536];		/* chains of this id that have no answer */
	u64 broken;			/* requests that ended in resume(), unanswered */
	u32 top;			/* requests behind this one were not taken yet */
};

struct fz_guest fz_guest;
struct virtback_type_ops fz_type;

static u8 mirror[FZ_GUEST_LEN];
static u32 dirty;		/* pages of it that were written to */
static_assert(FZ_GUEST_PAGES <= 32);
static struct virtback_device *dev;
static struct pin pins[PINS];
static struct pin *free_pin;
static u32 new_pin;
static struct pin *by_page[FZ_GUEST_PAGES];
static struct area areas[AREAS];
static struct range ranges[RANGES];
static u32 nr_ranges;
static struct queue queues[FZ_QUEUES];
static u32 touched[RANGES];
static u32 nr_touched;
static bool storing;		/* since a store(), and not since a resume() */

static u32 offset_of(const volatile void *p)
{
	return (const volatile u8 *)p - fz_arena;
}

static fz_own bool present(u32 off, u64 len)
{
	u32 page;

	if (!fz_guest.absent)
		return true;
	for (page = off / PAGE_SIZE; page * PAGE_SIZE < off + len; page++) {
		if (fz_guest.absent >> page & 1)
			return false;
	}
	return true;
}

static bool to_offset(u64 addr, u64 len, u32 *off)
{
	if (addr < FZ_BASE || addr - FZ_BASE >= FZ_GUEST_LEN ||
	    len > FZ_GUEST_LEN - (addr - FZ_BASE))
		return false;
	*off = addr - FZ_BASE;
	return true;
}

/* Words are most of what is copied. */
static inline fz_own void move(void *to, const void *from, size_t len)
{
	u64 word64;
	u32 word32;
	u16 word16;

	switch (len) {
	case 2:
		memcpy(&word16, from, 2);
		memcpy(to, &word16, 2);
		break;
	case 4:
		memcpy(&word32, from, 4);
		memcpy(to, &word32, 4);
		break;
	case 8:
		memcpy(&word64, from, 8);
		memcpy(to, &word64, 8);
		break;
	default:
		fz_move(to, from, len);
		break;
	}
}

/* The second copy. */
static fz_own void mirror_put(u32 off, const void *val, u32 len)
{
	u32 page;

	for (page = off / PAGE_SIZE; len && page <= (off + len - 1) / PAGE_SIZE; page++)
		dirty |= 1U << page;
	move(mirror + off, val, len);
}

/* --- what the driver in the guest does --- */

fz_own void fz_guest_put(u32 off, const void *val, u32 len)
{
	if (off >= FZ_GUEST_LEN)
		return;
	len = min_t(u32, len, FZ_GUEST_LEN - off);
	move(fz_arena + off, val, len);
	mirror_put(off, val, len);
}

fz_own void fz_guest_get(u32 off, void *val, u32 len)
{
	move(val, fz_arena + off, len);
}

/* --- chains and requests --- */

static struct track *track_of(const struct virtback_req *req)
{
	struct virtback_vq *vq = req->vq;
	size_t size = ALIGN(sizeof(*req) + dev->type->req_size, sizeof(u64));

	return &queues[vq->index].reqs[((const u8 *)req - (const u8 *)vq->reqs) / size];
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

	for (i = 0; i < CHAINS; i++) {
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
 * @chain: what was read before
 * @d: the descriptor
 */
void fz_chain_seen(struct virtback_vq *vq, const struct virtback_chain *chain,
		   const struct virtback_desc *d)
{
	struct pending *p = pending_of(&queues[vq->index], chain);

	if (!chain->out.nr && !chain->in.nr)
		p->nr = 0;
	if (p->nr == PENDING)
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

	if (nr_ranges + p->nr > RANGES)
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

static int fetch(struct virtback_req *req, struct virtback_chain *chain, struct virtback_copier *c)
{
	struct queue *q = &queues[req->vq->index];
	u32 n = c->nr;
	int err;

	if (track_of(req)->taken)
		fz_bug("a request is used twice at once");
	note_chain(q, chain);
	err = virtback_blk_type.fetch(req, chain, c);
	check_named(c, n, pending_of(q, chain)->range, pending_of(q, chain)->nr, false);
	return err;
}

static int store(struct virtback_req *req, struct virtback_copier *c, bool last)
{
	struct track *t = track_of(req);
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
	struct queue *q = &queues[qi];
	struct track *t = track_of(req);
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
	if (nr_touched < RANGES)
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
	struct track *t = track_of(req);
	enum virtback_prepare what;

	if (!t->taken || t->orphan)
		fz_bug("a pass of a request that has ended");
	storing = false;
	fz_current->req = req;
	what = virtback_blk_type.resume(req);
	fz_current->req = NULL;
	if (what == VIRTBACK_BROKEN) {
		t->taken = false;
		queues[req->vq->index].broken++;
	}
	return what;
}

void __wrap_virtback_req_complete(struct virtback_req *req, u32 written)
{
	struct track *t = track_of(req);

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
	if (req && !track_of(req)->taken)
		fz_bug("I/O of a request that has ended");
}

/* The queue is stopped, its driver may do with its memory what it likes. */
static void stopped(struct virtback_vq *vq)
{
	struct queue *q = &queues[vq->index];
	u32 i, page;
	struct pin *p;

	for (i = 0; i < q->top; i++)
		q->reqs[i].orphan = q->reqs[i].taken;
	for (i = 0; i < AREAS; i++) {
		if (areas[i].used && areas[i].vq == vq)
			fz_bug("a ring is mapped after its queue was stopped");
	}
	for (page = 0; page < FZ_GUEST_PAGES && fz_guest.pins; page++) {
		for (p = by_page[page]; p; p = p->next) {
			if (p->req && p->req->vq == vq && !p->req->dma)
				fz_bug("a buffer is pinned after its queue was stopped");
		}
	}
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

/* --- the host --- */

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
	t = track_of(req);
	if (!t->taken || t->orphan)
		fz_bug("memory of a request that has ended");
	return in_ranges(&ranges[t->first], t->nr, addr, len, write);
}

static void check_range(u64 addr, u32 len, bool write)
{
	if (!in_buffer(addr, len, write))
		fz_bug("%s %#llx, %u bytes: in no buffer", write ? "write" : "read", addr,
		       len);
}

/*
 * As check_range(), of what the device asked for, however much of it is one piece. It may
 * pin a byte to write together with what it reads before it. Returns how much of it may
 * only be read.
 */
static u32 check_pin(u64 addr, u32 len, bool write)
{
	if (write && len > 1 && !in_buffer(addr, len, true) && in_buffer(addr, len - 1, false) &&
	    in_buffer(addr + len - 1, 1, true))
		return len - 1;
	check_range(addr, len, write);
	return 0;
}

static bool fail(u32 *count)
{
	return *count && !--*count;
}

static fz_own struct pin *pin_add(u32 off, u32 len, bool write)
{
	struct pin *pin = free_pin;

	if (pin)
		free_pin = pin->next;
	else if (new_pin < PINS)
		pin = &pins[new_pin++];
	else
		fz_bug("more pins than all queues have pieces");
	*pin = (struct pin){ .next = by_page[off / PAGE_SIZE], .off = off, .len = len,
			     .write = write, .req = fz_current->req };
	pin->at = &by_page[off / PAGE_SIZE];
	if (pin->next)
		pin->next->at = &pin->next;
	by_page[off / PAGE_SIZE] = pin;
	fz_guest.pins++;
	return pin;
}

static fz_own void pin_del(struct pin *pin)
{
	if (!pin->at || *pin->at != pin)
		fz_bug("unpinned, and was not pinned");
	*pin->at = pin->next;
	if (pin->next)
		pin->next->at = pin->at;
	pin->at = NULL;
	pin->next = free_pin;
	free_pin = pin;
	fz_guest.pins--;
}

static int host_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
		    struct virtback_piece *p)
{
	struct pin *pin;
	u32 off, edge, head;

	fz_may_sleep("pin()");
	fz_point();
	if (!len || vd->copies)
		fz_bug("a pin of nothing, or of a device that copies");
	if (fail(&fz_guest.fail_reach) || !to_offset(addr, 1, &off) || !present(off, 1))
		return -EFAULT;
	head = check_pin(addr, len, write);
	edge = min_t(u64, (off / fz_guest.piece + 1) * fz_guest.piece, FZ_GUEST_LEN);
	len = min_t(u32, len, edge - off);
	while (!present(off, len))
		len = min_t(u32, len - 1, (off + len - 1) / PAGE_SIZE * PAGE_SIZE - off);
	pin = pin_add(off, len, write);
	pin->head = min(head, len);
	p->va = fz_arena + off;
	p->len = len;
	p->pin = pin;
	return 0;
}

static void host_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	fz_point();
	if (!p->pin)
		fz_bug("unpinned twice");
	pin_del(p->pin);
	p->pin = NULL;
	p->va = NULL;
}

/* Is that within a page that is granted? */
static bool can_borrow(const struct virtback_piece *p, u32 *off)
{
	if (!p->len || p->va || p->pin || offset_in_page(p->addr) + p->len > PAGE_SIZE)
		fz_bug("a piece is to be borrowed that cannot be");
	return !fail(&fz_guest.fail_reach) && to_offset(p->addr, p->len, off) &&
	       present(*off, p->len);
}

static int host_borrow(struct virtback_vq *vq, struct virtback_piece *list, bool write)
{
	struct virtback_req *req = fz_current->req;
	struct virtback_piece *p;
	u32 off, n = 0;

	fz_may_sleep("borrow()");
	fz_point();
	if (!vq->vd->borrow_min || !list || !req || track_of(req)->borrowed)
		fz_bug("nothing is borrowed, or twice at once");
	lockdep_assert_held(&vq->ring_lock);
	for (p = list; p; p = p->next, n++) {
		if (!can_borrow(p, &off))
			return -EFAULT;
	}
	if (n > VIRTBACK_ROUND_PAGES)
		fz_bug("more is borrowed than a pass has");
	if (n > fz_guest.places - fz_guest.borrowed)
		return -ENOSPC;
	for (p = list; p; p = p->next) {
		struct pin *pin;

		check_range(p->addr, p->len, write);
		pin = pin_add(p->addr - FZ_BASE, p->len, write);
		pin->borrowed = true;
		pin->busy = fz_guest.busy;
		p->va = fz_arena + pin->off;
		p->pin = pin;
	}
	fz_guest.borrowed += n;
	track_of(req)->borrowed = n;
	return 0;
}

static bool host_borrow_busy(struct virtback_vq *vq, const struct virtback_piece *list)
{
	const struct virtback_piece *p;
	bool busy = false;

	fz_point();
	for (p = list; p; p = p->next) {
		struct pin *pin = p->pin;

		if (!pin || !pin->borrowed)
			fz_bug("a look at a page that is not borrowed");
		if (pin->busy) {
			pin->busy--;
			busy = true;
		}
	}
	return busy;
}

static void host_give_back(struct virtback_vq *vq, struct virtback_piece *list)
{
	struct virtback_piece *p;

	fz_may_sleep("give_back()");
	fz_point();
	for (p = list; p; p = p->next) {
		struct pin *pin = p->pin;

		if (!pin || !pin->borrowed)
			fz_bug("given back, and was not borrowed");
		if (pin->busy)
			fz_bug("given back, and is in use");
		track_of(pin->req)->borrowed--;
		fz_guest.borrowed--;
		pin_del(pin);
		p->pin = NULL;
		p->va = NULL;
	}
}

static fz_own void flip_now(u32 off, u32 len)
{
	u64 val = 0;

	len = min_t(u32, len, sizeof(val));
	fz_guest_get(off, &val, len);
	val += fz_guest.flip_to;
	fz_guest_put(off, &val, len);
}

static inline void flip(u32 off, u32 len)
{
	if (unlikely(fz_guest.flip_after) && fail(&fz_guest.flip_after))
		flip_now(off, len);
}

/* The other end of a copy is the guest's, which is never poisoned. */
static void check_buf(const struct virtback_copy *op)
{
	if (unlikely(fz_poisoned(op->buf, op->len)))
		memmove(op->buf, op->buf, op->len);	/* and the sanitizer says where */
}

static int host_copy(struct virtback_device *vd, struct virtback_copy *ops, unsigned int nr)
{
	unsigned int i;
	u32 off;

	fz_may_sleep("copy()");
	fz_point();
	if (!vd->copies || !nr)
		fz_bug("a copy of nothing, or of a device that pins");
	for (i = 0; i < nr; i++) {
		struct virtback_copy *op = &ops[i];

		if (!op->len || offset_in_page(op->buf) + op->len > PAGE_SIZE)
			fz_bug("a copy across pages of ours");
		if (fail(&fz_guest.fail_reach) || !to_offset(op->addr, op->len, &off) ||
		    !present(off, op->len))
			return -EFAULT;
		check_range(op->addr, op->len, op->write);
		if (op->write) {
			check_buf(op);
			move(fz_arena + off, op->buf, op->len);
			mirror_put(off, op->buf, op->len);
		} else {
			check_buf(op);
			move(op->buf, fz_arena + off, op->len);
			flip(off, op->len);
		}
	}
	return 0;
}

static struct virtback_vq *vq_of_area(struct virtback_device *vd, const struct virtback_area *a)
{
	u16 i;

	for (i = 0; i < vd->nvqs; i++) {
		struct virtback_vq *vq = &vd->vqs[i];

		if (a == &vq->desc || a == &vq->avail || a == &vq->used)
			return vq;
	}
	fz_bug("an area of no queue");
}

/* No chain of this queue waits for an answer. */
static fz_own void forget_ids(u32 qi)
{
	u32 i;

	if (nr_touched == RANGES)
		memset(queues[qi].waiting, 0, sizeof(queues[qi].waiting));
	for (i = 0; i < nr_touched; i++) {
		if (touched[i] >> 16 == qi)
			queues[qi].waiting[touched[i] & U16_MAX] = 0;
	}
}

/* A hostile driver may put one ring over another: whose a word is cannot be told. */
static fz_own void find_overlap(const struct area *a)
{
	int i;

	for (i = 0; i < AREAS; i++) {
		const struct area *b = &areas[i];

		if (b == a || !b->used || !(a->write || b->write) || a->off >= b->off + b->len ||
		    b->off >= a->off + a->len)
			continue;
		queues[a->vq->index].blurred = true;
		queues[b->vq->index].blurred = true;
	}
}

static int host_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		    struct virtback_area *area)
{
	struct virtback_vq *vq = vq_of_area(vd, area);
	u32 off, i;

	fz_may_sleep("map()");
	fz_point();
	if (fail(&fz_guest.fail_map) || !to_offset(addr, len, &off) || !present(off, len))
		return -EFAULT;
	for (i = 0; i < AREAS && areas[i].used; i++) {
		if (areas[i].of == area)
			fz_bug("an area is mapped twice");
	}
	if (i == AREAS)
		fz_bug("more areas than queues have");
	areas[i] = (struct area){ .used = true, .off = off, .len = len, .write = write,
				  .vq = vq, .of = area };
	area->va = fz_arena + off;
	area->len = len;
	area->pin = &areas[i];
	if (area == &vq->desc) {
		queues[vq->index].used_idx = 0;
		queues[vq->index].blurred = false;
		forget_ids(vq->index);
	}
	find_overlap(&areas[i]);
	return 0;
}

static void host_unmap(struct virtback_device *vd, struct virtback_area *area)
{
	struct area *a = area->pin;

	fz_may_sleep("unmap()");
	if (!a || !a->used || a->of != area)
		fz_bug("unmapped, and was not mapped");
	a->used = false;
	area->pin = NULL;
	area->va = NULL;
}

static void host_raise_irq(struct virtback_device *vd)
{
	fz_point();
	if (!atomic_read(&vd->status))
		fz_bug("an interrupt after a reset");
	fz_guest.irqs++;
}

static void host_lower_irq(struct virtback_device *vd)
{
	fz_point();
}

const struct virtback_host_ops fz_host = {
	.name = "fuzz",
	.pin = host_pin,
	.unpin = host_unpin,
	.copy = host_copy,
	.borrow = host_borrow,
	.borrow_busy = host_borrow_busy,
	.give_back = host_give_back,
	.map = host_map,
	.unmap = host_unmap,
	.raise_irq = host_raise_irq,
	.lower_irq = host_lower_irq,
	.reinject = true,
};

/* --- every access to it --- */

static fz_own struct area *area_at(u32 off, u32 len, bool write)
{
	int i;

	for (i = 0; i < AREAS; i++) {
		struct area *a = &areas[i];

		if (a->used && (a->write || !write) && off >= a->off &&
		    off + len <= a->off + a->len)
			return a;
	}
	return NULL;
}

/* Does this pin allow it? One that was unpinned is nowhere. */
static inline fz_own bool pin_allows(const struct pin *p, u32 off, u32 len, bool write)
{
	return (p->write || !write) && off >= p->off + (write ? p->head : 0) &&
	       off + len <= p->off + p->len;
}

static fz_own bool pinned(u32 off, u32 len, bool write)
{
	static struct pin *last = pins;
	int first = off / PAGE_SIZE, page;
	struct pin *p;

	if (last->at && pin_allows(last, off, len, write))
		return true;
	for (page = first; page >= 0 && page >= first - 16; page--) {
		for (p = by_page[page]; p; p = p->next) {
			if (pin_allows(p, off, len, write)) {
				last = p;
				return true;
			}
		}
		if (PAGE_SIZE % fz_guest.piece == 0)
			break;
	}
	return false;
}

fz_own void fz_guest_read(const volatile void *p, size_t len)
{
	if (!area_at(offset_of(p), len, false))
		fz_bug("a word is read that is in no ring");
}

fz_own void fz_guest_was_read(const volatile void *p, size_t len)
{
	flip(offset_of(p), len);
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
	struct queue *q = &queues[vq->index];

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
	struct queue *q = &queues[vq->index];

	if (len == 2 && off % 16 == 12)
		q->used_id = val;
	else if (len == 2 && off % 16 == 14)
		check_used(q);
	else if (len != 4 || off % 16 != 8)
		fz_bug("a write to the address of a descriptor");
}

void fz_guest_store(volatile void *p, const void *val, size_t len)
{
	u32 off = offset_of(p), word = 0;
	struct area *a = area_at(off, len, true);

	if (!a)
		fz_bug("a word is written at %#x that is in no ring of the device's", off);
	memcpy(&word, val, min_t(size_t, len, sizeof(word)));
	if (queues[a->vq->index].blurred)
		;
	else if (a->of == &a->vq->used && a->len > 4)
		check_split(a->vq, off - a->off, word, len);
	else if (a->of == &a->vq->desc)
		check_packed(a->vq, off - a->off, word, len);
	move((void *)p, val, len);
	mirror_put(off, val, len);
}

void *fz_memcpy(void *to, const void *from, size_t len)
{
	if (!len)
		return to;
	if (fz_is_guest(to) && !pinned(offset_of(to), len, true))
		fz_bug("written: %#x, %zu bytes that are not pinned", offset_of(to), len);
	if (fz_is_guest(from) && !pinned(offset_of(from), len, false))
		fz_bug("read: %#x, %zu bytes that are not pinned", offset_of(from), len);
	/* The guest's memory is never poisoned; what is, memmove() complains about. */
	if (unlikely((!fz_is_guest(to) && fz_poisoned(to, len)) ||
		     (!fz_is_guest(from) && fz_poisoned(from, len))))
		memmove(to, from, len);
	fz_move(to, from, len);
	if (fz_is_guest(to))
		mirror_put(offset_of(to), to, len);
	if (fz_is_guest(from))
		flip(offset_of(from), len);
	return to;
}

/* --- an input --- */

/**
 * fz_guest_begin() - a new guest with empty memory
 * @vd: its device
 */
void fz_guest_begin(struct virtback_device *vd)
{
	u32 i, j, k;

	dev = vd;
	storing = false;
	for (j = 0; j < FZ_QUEUES; j++) {
		for (k = 0; k < CHAINS && queues[j].pending[k].chain; k++)
			queues[j].pending[k].chain = NULL;
	}
	if (!fz_type.name) {
		fz_type = virtback_blk_type;
		fz_type.prepare = prepare;
		fz_type.resume = resume;
		wrap_copies();
	}
	fz_guest = (struct fz_guest){ .piece = PAGE_SIZE };
	for (i = 0; i < FZ_GUEST_PAGES; i++) {
		if (!(dirty >> i & 1))
			continue;
		fz_fill(fz_arena + i * PAGE_SIZE, 0, PAGE_SIZE);
		fz_fill(mirror + i * PAGE_SIZE, 0, PAGE_SIZE);
	}
	dirty = 0;
	memset(areas, 0, sizeof(areas));
	free_pin = NULL;
	new_pin = 0;
	memset(by_page, 0, sizeof(by_page));
	nr_ranges = 0;
	for (i = 0; i < FZ_QUEUES; i++) {
		for (j = 0; j < queues[i].top; j++) {
			queues[i].reqs[j].taken = false;
			queues[i].reqs[j].borrowed = 0;
		}
		queues[i].top = 0;
		queues[i].broken = 0;
	}
	for (i = 0; i < FZ_QUEUES; i++)
		forget_ids(i);
	nr_touched = 0;
}

/**
 * fz_guest_idle() - nobody but the device uses what it borrowed
 */
void fz_guest_idle(void)
{
	struct pin *p;
	int i;

	fz_guest.busy = 0;
	for (i = 0; i < FZ_GUEST_PAGES; i++) {
		for (p = by_page[i]; p; p = p->next)
			p->busy = 0;
	}
}

/**
 * fz_guest_counts() - nothing is in flight, and the counters have to say so
 */
void fz_guest_counts(void)
{
	int i;

	for (i = 0; i < dev->nvqs; i++) {
		const struct virtback_vq_stats *s = &dev->vqs[i].stats;

		if (s->requests != s->completed + s->dropped + queues[i].broken)
			fz_bug("of %llu requests of queue %d %llu ended", s->requests, i,
			       s->completed + s->dropped + queues[i].broken);
		if (s->irqs + s->irqs_saved != s->completed)
			fz_bug("the interrupts of queue %d do not add up", i);
	}
}

/**
 * fz_guest_check() - the device is gone, and has let go of the guest
 */
void fz_guest_check(void)
{
	int i;

	if (fz_guest.pins || fz_guest.borrowed)
		fz_bug("%u pins are left, %u of them borrowed", fz_guest.pins,
		       fz_guest.borrowed);
	for (i = 0; i < AREAS; i++) {
		if (areas[i].used)
			fz_bug("a ring is left mapped");
	}
	if (fz_compare(fz_arena, mirror, FZ_GUEST_LEN))
		fz_bug("guest memory was written past all checks");
}
