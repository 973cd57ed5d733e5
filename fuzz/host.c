// SPDX-License-Identifier: GPL-2.0
/*
 * The host: how the device reaches the guest's memory, and for how long it may.
 */
#include "oracle.h"
#undef memcpy

#define PINS		(FZ_QUEUES * 4096)
#define AREAS		(FZ_QUEUES * 3)

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

static struct pin pins[PINS];
static struct pin *free_pin;
static u32 new_pin;
static struct pin *by_page[FZ_GUEST_PAGES];
static struct area areas[AREAS];

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
	if (fz_fail(&fz_guest.fail_reach) || !fz_to_offset(addr, 1, &off) || !fz_present(off, 1))
		return -EFAULT;
	head = fz_check_pin(addr, len, write);
	edge = min_t(u64, (off / fz_guest.piece + 1) * fz_guest.piece, FZ_GUEST_LEN);
	len = min_t(u32, len, edge - off);
	while (!fz_present(off, len))
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
	for (; p; p = p->next) {
		fz_point();
		if (!p->pin)
			fz_bug("unpinned twice");
		pin_del(p->pin);
		p->pin = NULL;
		p->va = NULL;
	}
}

/* Is that within a page that is granted? */
static bool can_borrow(const struct virtback_piece *p, u32 *off)
{
	if (!p->len || p->va || p->pin || offset_in_page(p->addr) + p->len > PAGE_SIZE)
		fz_bug("a piece is to be borrowed that cannot be");
	return !fz_fail(&fz_guest.fail_reach) && fz_to_offset(p->addr, p->len, off) &&
	       fz_present(*off, p->len);
}

static int host_borrow(struct virtback_vq *vq, struct virtback_piece *list, bool write)
{
	struct virtback_req *req = fz_current->req;
	struct virtback_piece *p;
	u32 off, n = 0;

	fz_may_sleep("borrow()");
	fz_point();
	if (!vq->vd->borrow_min || !list || !req || fz_track_of(req)->borrowed)
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

		fz_check_range(p->addr, p->len, write);
		pin = pin_add(p->addr - FZ_BASE, p->len, write);
		pin->borrowed = true;
		pin->busy = fz_guest.busy;
		p->va = fz_arena + pin->off;
		p->pin = pin;
	}
	fz_guest.borrowed += n;
	fz_track_of(req)->borrowed = n;
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
		fz_track_of(pin->req)->borrowed--;
		fz_guest.borrowed--;
		pin_del(pin);
		p->pin = NULL;
		p->va = NULL;
	}
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
		if (fz_fail(&fz_guest.fail_reach) || !fz_to_offset(op->addr, op->len, &off) ||
		    !fz_present(off, op->len))
			return -EFAULT;
		fz_check_range(op->addr, op->len, op->write);
		if (op->write) {
			check_buf(op);
			fz_move_some(fz_arena + off, op->buf, op->len);
			fz_mirror_put(off, op->buf, op->len);
		} else {
			check_buf(op);
			fz_move_some(op->buf, fz_arena + off, op->len);
			fz_flip(off, op->len);
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

/* A hostile driver may put one ring over another: whose a word is cannot be told. */
static fz_own void find_overlap(const struct area *a)
{
	int i;

	for (i = 0; i < AREAS; i++) {
		const struct area *b = &areas[i];

		if (b == a || !b->used || !(a->write || b->write) || a->off >= b->off + b->len ||
		    b->off >= a->off + a->len)
			continue;
		fz_queues[a->vq->index].blurred = true;
		fz_queues[b->vq->index].blurred = true;
	}
}

static int host_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		    struct virtback_area *area)
{
	struct virtback_vq *vq = vq_of_area(vd, area);
	u32 off, i;

	fz_may_sleep("map()");
	fz_point();
	if (fz_fail(&fz_guest.fail_map) || !fz_to_offset(addr, len, &off) || !fz_present(off, len))
		return -EFAULT;
	for (i = 0; i < AREAS && areas[i].used; i++) {
		if (areas[i].of == area)
			fz_bug("an area is mapped twice");
	}
	if (i == AREAS)
		fz_bug("more areas than fz_queues have");
	areas[i] = (struct area){ .used = true, .off = off, .len = len, .write = write,
				  .vq = vq, .of = area };
	area->va = fz_arena + off;
	area->len = len;
	area->pin = &areas[i];
	if (area == &vq->desc) {
		fz_queues[vq->index].used_idx = 0;
		fz_queues[vq->index].blurred = false;
		fz_forget_ids(vq->index);
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

/* --- what it may reach --- */

/**
 * fz_area_at() - where is that mapped?
 * @off: offset in the guest's memory
 * @len: bytes
 * @write: for the device to write
 */
fz_own struct area *fz_area_at(u32 off, u32 len, bool write)
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

/**
 * fz_pinned() - is that in a pin?
 * @off: offset in the guest's memory
 * @len: bytes
 * @write: for the device to write
 */
fz_own bool fz_pinned(u32 off, u32 len, bool write)
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

/**
 * fz_queue_pinned() - is something pinned for a queue, but for what the disk still uses?
 * @vq: queue
 */
bool fz_queue_pinned(const struct virtback_vq *vq)
{
	struct pin *p;
	u32 page;

	for (page = 0; page < FZ_GUEST_PAGES && fz_guest.pins; page++) {
		for (p = by_page[page]; p; p = p->next) {
			if (p->req && p->req->vq == vq && !p->req->dma)
				return true;
		}
	}
	return false;
}

/**
 * fz_queue_mapped() - is something of a queue mapped?
 * @vq: queue
 */
bool fz_queue_mapped(const struct virtback_vq *vq)
{
	int i;

	for (i = 0; i < AREAS; i++) {
		if (areas[i].used && areas[i].vq == vq)
			return true;
	}
	return false;
}

/**
 * fz_areas_used() - is anything mapped?
 */
bool fz_areas_used(void)
{
	int i;

	for (i = 0; i < AREAS; i++) {
		if (areas[i].used)
			return true;
	}
	return false;
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
 * fz_host_begin() - nothing is pinned, borrowed or mapped
 */
void fz_host_begin(void)
{
	memset(areas, 0, sizeof(areas));
	free_pin = NULL;
	new_pin = 0;
	memset(by_page, 0, sizeof(by_page));
}
