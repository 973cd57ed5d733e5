// SPDX-License-Identifier: GPL-2.0
/*
 * The fake host and the fake device type; see fake.h.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <virtback/config.h>

#include "fake.h"

/* The type's part of a request. */
struct fake_req {
	struct list_head held;
	unsigned int pass;
	u32 len;
	bool ended;
};

/**
 * struct fake_mode - a kind of host
 * @name: for people
 * @copies: it copies
 * @borrow_min: but maps what is longer
 */
struct fake_mode {
	const char *name;
	bool copies;
	u32 borrow_min;
};

static const struct fake_mode fake_mode_list[] = {
	{ .name = "pins" },
	{ .name = "copies", .copies = true },
	{ .name = "borrows", .copies = true, .borrow_min = SZ_1K },
};

/**
 * fake_modes() - the kinds of host, as the parameters of a test
 * @prev: the parameter before, NULL at first
 * @desc: receives its name
 *
 * Return: the next parameter, NULL at the end
 */
const void *fake_modes(const void *prev, char *desc)
{
	const struct fake_mode *mode = prev;

	mode = mode ? mode + 1 : fake_mode_list;
	if (mode == fake_mode_list + ARRAY_SIZE(fake_mode_list))
		return NULL;
	strscpy(desc, mode->name, KUNIT_PARAM_DESC_SIZE);
	return mode;
}

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

/**
 * fake_modes_bounce() - those kinds with which a disk never gets the guest's memory
 * @prev: the parameter before, NULL at first
 * @desc: receives its name
 *
 * Return: the next parameter, NULL at the end
 */
const void *fake_modes_bounce(const void *prev, char *desc)
{
	const struct fake_mode *mode = fake_modes(prev, desc);

	return mode && mode->borrow_min ? NULL : mode;
}

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

static int fake_type_create(struct virtback_device *vd, const struct virtback_config *cfg)
{
	struct fake *f = vd->host_priv;
	unsigned int i;

	for (i = 0; i < FAKE_CONFIG; i++)
		f->config[i] = 0x10 + i;
	vd->config = f->config;
	vd->config_len = FAKE_CONFIG;
	vd->type_features = FAKE_F_LOW | FAKE_F_HIGH;
	return 0;
}

static void fake_type_destroy(struct virtback_device *vd)
{
	vd->config = NULL;
}

/* What prepare() was given, for the test to look at. */
static void fake_record(struct fake *f, struct virtback_vq *vq, const struct virtback_chain *chain)
{
	unsigned int n = min_t(unsigned int, chain->out.nr + chain->in.nr, FAKE_SG);
	struct virtback_iter it = chain->out;

	f->last = *chain;
	memcpy(f->sg, chain->out.sg, n * sizeof(f->sg[0]));
	memset(f->out, 0, sizeof(f->out));
	if (it.left && virtback_iter_read(vq, &it, f->out, min_t(u64, it.left, sizeof(f->out))))
		memset(f->out, 0xee, sizeof(f->out));
	f->flags_seen = le16_to_cpu((__force __le16)READ_ONCE(fake_used(f)->flags));
	f->asked_seen = fake_packed_asked(f);
}

/* Write what the pass reads. Under RCU, or in the worker. */
static int fake_fill(struct virtback_req *req)
{
	static u8 fill[PAGE_SIZE];
	struct virtback_copier c;
	struct virtback_piece *p;
	int err = 0;
	u32 off, n;

	memset(fill, FAKE_FILL, sizeof(fill));
	virtback_copier_init(&c, req->vq);
	for (p = req->data.head; p; p = p->next) {
		for (off = 0; off < p->len && !err; off += n) {
			n = min_t(u32, p->len - off, sizeof(fill));
			err = virtback_copier_piece(&c, p, off, fill, n, true);
		}
	}
	return err ?: virtback_copier_flush(&c);
}

/* End a pass, and with the last one the request. Any context. */
static void fake_finish(struct fake *f, struct virtback_req *req)
{
	struct fake_req *fr = virtback_req_priv(req);

	if (f->vd.copies) {
		fr->ended = true;
		virtback_req_resume(req);
		return;
	}
	rcu_read_lock();
	if (virtback_req_live(req))
		fake_fill(req);
	if (++fr->pass < f->passes)
		virtback_req_resume(req);
	else
		virtback_req_complete(req, fr->len);
	rcu_read_unlock();
}

/* The same in the worker. */
static enum virtback_prepare fake_finish_here(struct fake *f, struct virtback_req *req)
{
	struct fake_req *fr = virtback_req_priv(req);

	fr->ended = false;
	if (fake_fill(req))
		return VIRTBACK_BROKEN;
	virtback_req_unpin(req, &req->data);
	if (++fr->pass < f->passes)
		return VIRTBACK_SUBMIT;
	virtback_req_complete(req, fr->len);
	return VIRTBACK_DONE;
}

static enum virtback_prepare fake_prepare(struct virtback_req *req, struct virtback_chain *chain)
{
	struct fake *f = req->vq->vd->host_priv;
	struct fake_req *fr = virtback_req_priv(req);

	if (f->slow_ms)
		msleep(f->slow_ms);
	if (f->stalls) {
		f->stalls--;
		return VIRTBACK_STALL;
	}
	f->prepared++;
	fake_record(f, req->vq, chain);
	fr->pass = 0;
	fr->len = chain->in.left;
	fr->ended = false;
	INIT_LIST_HEAD(&fr->held);
	switch (virtback_req_pin(req, &req->data, &chain->in, fr->len, true)) {
	case 0:
		break;
	case -ENOSPC:
		return VIRTBACK_STALL;
	default:
		return VIRTBACK_BROKEN;
	}
	if (f->broken)
		return VIRTBACK_BROKEN;
	if (f->answer_now) {
		if (f->vd.copies)
			return fake_finish_here(f, req);
		fake_finish(f, req);
		return VIRTBACK_DONE;
	}
	return VIRTBACK_SUBMIT;
}

static enum virtback_prepare fake_resume(struct virtback_req *req)
{
	struct fake *f = req->vq->vd->host_priv;
	struct fake_req *fr = virtback_req_priv(req);
	enum virtback_prepare what;

	if (fr->ended) {
		what = fake_finish_here(f, req);
		if (what != VIRTBACK_SUBMIT)
			return what;
	}
	if (f->stall_first && !req->id)
		return VIRTBACK_STALL;
	if (f->stalls) {
		f->stalls--;
		return VIRTBACK_STALL;
	}
	f->resumed++;
	return f->broken ? VIRTBACK_BROKEN : VIRTBACK_SUBMIT;
}

static void fake_hold(struct fake *f, struct virtback_req *req)
{
	struct fake_req *fr = virtback_req_priv(req);

	spin_lock_irq(&f->lock);
	list_add_tail(&fr->held, &f->held);
	spin_unlock_irq(&f->lock);
}

static void fake_submit(struct virtback_vq *vq, struct list_head *reqs)
{
	struct fake *f = vq->vd->host_priv;
	struct virtback_req *req, *next;

	f->most_submitted = max_t(unsigned int, f->most_submitted, list_count_nodes(reqs));
	if (f->collect)
		virtback_vq_collect(vq);
	list_for_each_entry_safe(req, next, reqs, batch) {
		list_del_init(&req->batch);
		if (!virtback_req_live(req)) {
			f->dead++;
			virtback_req_complete(req, 0);
			continue;
		}
		f->submitted++;
		if (f->hold)
			fake_hold(f, req);
		else
			fake_finish(f, req);
	}
	if (f->on_collected)
		f->on_collected(f);
	if (f->collect)
		virtback_vq_publish(vq);
}

static void fake_write_config(struct virtback_device *vd, u32 off, u32 len, u64 val)
{
	struct fake *f = vd->host_priv;

	f->config_off = off;
	f->config_len = len;
	f->config_val = val;
}

static bool fake_features_ok(struct virtback_device *vd, u64 features)
{
	struct fake *f = vd->host_priv;

	return !(features & f->veto);
}

const struct virtback_type_ops fake_type = {
	.name = "fake",
	.id = FAKE_TYPE_ID,
	.req_size = sizeof(struct fake_req),
	.create = fake_type_create,
	.destroy = fake_type_destroy,
	.prepare = fake_prepare,
	.resume = fake_resume,
	.submit = fake_submit,
	.write_config = fake_write_config,
	.features_ok = fake_features_ok,
};

static struct virtback_req *fake_first_held(struct fake *f)
{
	struct fake_req *fr;

	spin_lock_irq(&f->lock);
	fr = list_first_entry_or_null(&f->held, struct fake_req, held);
	if (fr)
		list_del_init(&fr->held);
	spin_unlock_irq(&f->lock);
	/* As virtback_req_priv() has it. */
	return fr ? (struct virtback_req *)fr - 1 : NULL;
}

/**
 * fake_held() - how many requests does the type keep in flight?
 * @f: device
 */
unsigned int fake_held(struct fake *f)
{
	unsigned int n;

	spin_lock_irq(&f->lock);
	n = list_count_nodes(&f->held);
	spin_unlock_irq(&f->lock);
	return n;
}

/**
 * fake_end() - end the pass of the request that is held longest, and wait for nobody
 * @f: device that holds one
 */
void fake_end(struct fake *f)
{
	struct virtback_req *req = fake_first_held(f);

	KUNIT_ASSERT_NOT_NULL(f->test, req);
	fake_finish(f, req);
}

/**
 * fake_release() - end the pass of the request that is held longest
 * @f: device that holds one
 */
void fake_release(struct fake *f)
{
	fake_end(f);
	fake_settle(f);
}

/**
 * fake_create() - make a device with its guest
 * @test: the running test
 * @type: its type
 * @cfg: for the type
 * @mem_len: bytes of guest memory
 * @queue_size: QueueNumMax
 *
 * Return: the device, for fake_destroy(). A failure ends the test.
 */
struct fake *fake_create(struct kunit *test, const struct virtback_type_ops *type,
			 const struct virtback_config *cfg, size_t mem_len, u16 queue_size)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	const struct fake_mode *mode = test->param_value;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->mem_len = mem_len;
	f->mem = kvzalloc(mem_len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->mem);
	f->piece = PAGE_SIZE;
	f->maps_left = -1;
	f->borrow_room = -1;
	f->passes = 1;
	spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->held);

	strscpy(f->vd.name, "fake", sizeof(f->vd.name));
	f->vd.type = type;
	f->vd.host = &fake_host;
	f->vd.host_priv = f;
	/* Other suites have parameters of their own. */
	if (mode >= fake_mode_list && mode < fake_mode_list + ARRAY_SIZE(fake_mode_list)) {
		f->vd.copies = mode->copies;
		f->vd.borrow_min = mode->borrow_min;
	}
	f->vd.features_off = cfg ? cfg->features_off : 0;
	f->vd.dma = cfg ? cfg->dma : VIRTBACK_DMA_BOUNCE;
	f->vd.reset_timeout_ms = cfg && cfg->reset_timeout_ms ? cfg->reset_timeout_ms :
				 VIRTBACK_RESET_TIMEOUT_MS;
	err = virtback_device_init(&f->vd, FAKE_QUEUES, queue_size);
	if (!err) {
		err = type->create(&f->vd, cfg);
		if (err)
			virtback_device_fini(&f->vd);
	}
	if (err)
		kvfree(f->mem);
	KUNIT_ASSERT_EQ(test, err, 0);
	return f;
}

/**
 * fake_destroy() - the end of a device, as its removal has it
 * @f: device
 *
 * Whatever a test did, nothing of the guest may be in use afterwards.
 */
void fake_destroy(struct fake *f)
{
	struct kunit *test = f->test;
	struct virtback_req *req;
	unsigned int q;

	virtback_device_quiesce(&f->vd);
	if (!virtback_device_exposed(&f->vd))
		KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->bad_pins), 0);
	f->hold = false;
	WRITE_ONCE(f->borrow_busy, false);
	if (f->before_drain)
		f->before_drain(f);
	while ((req = fake_first_held(f)))
		fake_finish(f, req);
	virtback_device_drain(&f->vd);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	for (q = 0; q < FAKE_QUEUES; q++) {
		KUNIT_EXPECT_EQ(test, f->vd.vqs[q].pages.nr, f->vd.vqs[q].pages.size);
		KUNIT_EXPECT_EQ(test, f->vd.vqs[q].pieces.nr, f->vd.vqs[q].pieces.size);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, f->borrowed, 0U);
	f->vd.type->destroy(&f->vd);
	virtback_device_fini(&f->vd);
	kvfree(f->mem);
	f->mem = NULL;
}

/**
 * fake_init() - a device of the fake type for each test of a suite
 * @test: the test, whose priv it becomes
 */
int fake_init(struct kunit *test)
{
	test->priv = fake_create(test, &fake_type, NULL, FAKE_MEM, FAKE_QUEUE_SIZE);
	return 0;
}

/**
 * fake_exit() - the counterpart of fake_init()
 * @test: the test
 */
void fake_exit(struct kunit *test)
{
	if (test->priv)
		fake_destroy(test->priv);
}
