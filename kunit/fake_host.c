// SPDX-License-Identifier: GPL-2.0
/*
 * The fake host: guest memory that is an array, see fake.h. What no host could do is counted.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fake.h"

/*
 * Memory in scattered pieces: each is a copy with poison behind it, so that
 * whoever goes on past its end does not find the guest's next bytes there.
 */
#define POISON		0xd7
#define POISON_LEN	32

struct fake_copy {
	u8 *to;
	bool write;
	u8 bytes[];
};

static int fake_pin_copy(struct fake *f, bool write, struct virtback_piece *p)
{
	struct fake_copy *copy = kmalloc(sizeof(*copy) + p->len + POISON_LEN, GFP_KERNEL);

	if (!copy)
		return -ENOMEM;
	copy->to = p->va;
	copy->write = write;
	memcpy(copy->bytes, p->va, p->len);
	memset(copy->bytes + p->len, POISON, POISON_LEN);
	p->va = copy->bytes;
	p->pin = copy;
	return 0;
}

static void fake_unpin_copy(struct fake *f, struct virtback_piece *p)
{
	struct fake_copy *copy = p->pin;

	if (memchr_inv(copy->bytes + p->len, POISON, POISON_LEN))
		atomic_inc(&f->bad_pins);
	if (copy->write)
		memcpy(copy->to, copy->bytes, p->len);
	kfree(copy);
}

static int fake_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
		    struct virtback_piece *p)
{
	struct fake *f = vd->host_priv;
	u64 off = addr - FAKE_BASE;
	int err;

	if (!len || vd->copies)
		atomic_inc(&f->bad_pins);
	if (addr < FAKE_BASE || off >= f->mem_len)
		return -EFAULT;
	p->va = f->mem + off;
	p->len = min3((u64)len, f->mem_len - off, (u64)(f->piece - (u32)off % f->piece));
	p->pin = f;
	if (f->piece != PAGE_SIZE) {
		err = fake_pin_copy(f, write, p);
		if (err)
			return err;
	}
	atomic_inc(&f->pins);
	f->pinned++;
	return 0;
}

static void fake_unpin_one(struct fake *f, struct virtback_piece *p)
{
	if (!p->pin) {
		atomic_inc(&f->bad_pins);
		return;
	}
	if (f->on_unpin)
		f->on_unpin(f, p);
	f->used_at_unpin = fake_used_idx(f);
	if (p->pin != f)
		fake_unpin_copy(f, p);
	p->pin = NULL;
	p->va = NULL;
	atomic_dec(&f->pins);
}

static void fake_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	for (; p; p = p->next)
		fake_unpin_one(vd->host_priv, p);
}

/* What no host could do: out of a worker, across pages of ours, or of nothing. */
static bool fake_copy_bad(struct virtback_device *vd, const struct virtback_copy *op)
{
	return !vd->copies || !op->len || offset_in_page(op->buf) + op->len > PAGE_SIZE;
}

static unsigned long fake_page_of(const void *buf)
{
	return (unsigned long)buf & PAGE_MASK;
}

static int fake_copy(struct virtback_device *vd, struct virtback_copy *ops, unsigned int nr)
{
	struct fake *f = vd->host_priv;
	bool fails = f->copy_fails == 1;
	unsigned int i;

	might_sleep();
	atomic_inc(&f->copy_calls);
	if (f->copy_fails && !(fails && f->copy_fails_more))
		f->copy_fails--;
	if (fails && f->copy_fails_more)
		f->copy_fails_more--;
	if (f->on_copy)
		f->on_copy(f);
	for (i = 0; i < nr; i++) {
		struct virtback_copy *op = &ops[i];
		u64 off = op->addr - FAKE_BASE;

		atomic_inc(&f->copies);
		if (!i || fake_page_of(op->buf) != fake_page_of(op[-1].buf))
			atomic_inc(&f->copy_pages);
		f->pinned++;
		if (fake_copy_bad(vd, op))
			atomic_inc(&f->bad_pins);
		if (op->addr < FAKE_BASE || off > f->mem_len || op->len > f->mem_len - off)
			return -EFAULT;
		if (f->copy_error - op->addr < op->len || (fails && i == nr - 1)) {
			/* Or what an earlier call left there might do. */
			if (!op->write)
				memset(op->buf, 0xee, op->len);
			return -EFAULT;
		}
		if (op->write) {
			memcpy(f->mem + off, op->buf, op->len);
			f->used_at_copy = fake_used_idx(f);
		} else {
			memcpy(op->buf, f->mem + off, op->len);
		}
	}
	return 0;
}

static void fake_take_back(struct fake *f, struct virtback_piece *list)
{
	struct virtback_piece *p;

	for (p = list; p; p = p->next) {
		if (p->va)
			f->borrowed--;
		p->va = NULL;
		p->pin = NULL;
	}
}

static int fake_borrow(struct virtback_vq *vq, struct virtback_piece *list, bool write)
{
	struct fake *f = vq->vd->host_priv;
	struct virtback_piece *p;

	might_sleep();
	f->borrow_calls++;
	f->borrowed_write = write;
	for (p = list; p; p = p->next) {
		u64 off = p->addr - FAKE_BASE;

		/* What no host could do. */
		if (!vq->vd->borrow_min || !p->len || p->va ||
		    offset_in_page(p->addr) + p->len > PAGE_SIZE)
			atomic_inc(&f->bad_pins);
		if (p->addr < FAKE_BASE || off > f->mem_len || p->len > f->mem_len - off ||
		    f->borrow_error - p->addr < p->len) {
			fake_take_back(f, list);
			return -EFAULT;
		}
		if (f->borrow_room >= 0 && f->borrowed == f->borrow_room) {
			fake_take_back(f, list);
			return -ENOSPC;
		}
		p->va = f->mem + off;
		p->pin = f;
		f->borrowed++;
	}
	return 0;
}

static bool fake_borrow_busy(struct virtback_vq *vq, const struct virtback_piece *list)
{
	struct fake *f = vq->vd->host_priv;

	WRITE_ONCE(f->busy_calls, f->busy_calls + 1);
	return READ_ONCE(f->borrow_busy);
}

static void fake_give_back(struct virtback_vq *vq, struct virtback_piece *list)
{
	struct fake *f = vq->vd->host_priv;
	struct virtback_piece *p;

	might_sleep();
	if (f->borrow_busy)
		atomic_inc(&f->bad_pins);
	for (p = list; p; p = p->next) {
		if (p->pin != f)
			atomic_inc(&f->bad_pins);
	}
	f->give_back_calls++;
	f->used_at_give_back = fake_used_idx(f);
	fake_take_back(f, list);
}

static int fake_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		    struct virtback_area *area)
{
	struct fake *f = vd->host_priv;
	u64 off = addr - FAKE_BASE;

	if (addr < FAKE_BASE || off > f->mem_len || len > f->mem_len - off)
		return -EFAULT;
	if (!f->maps_left)
		return -ENOMEM;
	f->maps_left--;
	area->va = f->mem + off;
	area->len = len;
	atomic_inc(&f->maps);
	return 0;
}

static void fake_unmap(struct virtback_device *vd, struct virtback_area *area)
{
	struct fake *f = vd->host_priv;

	atomic_dec(&f->maps);
}

static void fake_raise_irq(struct virtback_device *vd)
{
	struct fake *f = vd->host_priv;

	atomic_inc(&f->irqs);
}

static void fake_lower_irq(struct virtback_device *vd)
{
	struct fake *f = vd->host_priv;

	atomic_inc(&f->lowered);
}

#define FAKE_HOST_OPS			\
	.name = "fake",			\
	.pin = fake_pin,		\
	.unpin = fake_unpin,		\
	.copy = fake_copy,		\
	.borrow = fake_borrow,		\
	.borrow_busy = fake_borrow_busy,	\
	.give_back = fake_give_back,	\
	.map = fake_map,		\
	.unmap = fake_unmap,		\
	.raise_irq = fake_raise_irq,	\
	.lower_irq = fake_lower_irq

const struct virtback_host_ops fake_host = {
	FAKE_HOST_OPS,
};

const struct virtback_host_ops fake_host_reinject = {
	FAKE_HOST_OPS,
	.reinject = true,
};
