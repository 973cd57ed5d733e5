// SPDX-License-Identifier: GPL-2.0
/*
 * What a hostile driver does; see hostile.h.
 *
 * Pure noise would be refused at the first look, so most of what it does is right:
 * it sets the device up, sends requests that a disk answers, and then breaks a rule
 * here and there, each time the device is set up with another zeal.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "hostile.h"

/* Registers that older headers lack. */
#define R_QUEUE_RESET		0x0c0
#define F_RING_RESET		40

#define STATUS_ALL	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			 VIRTIO_CONFIG_S_FEATURES_OK)

/* Its memory: for each queue its rings, then tables and headers, then data. */
#define QUEUE_LEN	0x10000
#define DESC_OFF	0x0
#define AVAIL_OFF	0x4000
#define USED_OFF	0x8000
#define TABLE_OFF	0xc000
#define HEADERS		(HOSTILE_QUEUES * QUEUE_LEN)
#define HEADERS_LEN	0x8000
#define DATA		(HEADERS + HEADERS_LEN)

#define HEADER_LEN	32
#define STATUS_BYTE	16		/* of a header's place */

#define RING_MAX	256		/* its rings are no longer */
#define CHAIN_MAX	40

#define NO_ANSWER	0xee
#define CANARY		0xc5

#define PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	BIT(VRING_PACKED_DESC_F_USED)

static u32 rnd(u64 *rng)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return *rng >> 16;
}

static u32 below(u64 *rng, u32 n)
{
	return rnd(rng) % n;
}

static bool evil(struct hostile *h, u64 *rng)
{
	return below(rng, 256) < h->evil;
}

static u32 get(struct hostile *h, u32 offset)
{
	return h->ops->access(h, offset, 4, false, 0);
}

static void set(struct hostile *h, u32 offset, u32 val)
{
	h->ops->access(h, offset, 4, true, val);
}

static bool has(const struct hostile *h, unsigned int bit)
{
	return h->features & BIT_ULL(bit);
}

/* Guest addresses that are the driver's; others are NULL. */
static void *at(struct hostile *h, u64 addr, u64 len)
{
	if (addr < h->base || addr - h->base > h->len || len > h->len - (addr - h->base))
		return NULL;
	return h->mem + (addr - h->base);
}

static void put16(struct hostile *h, u64 addr, u16 val)
{
	__le16 *p = at(h, addr, 2);

	/* A ring may be at an odd address; such a one is left alone. */
	if (p && !(addr & 1))
		WRITE_ONCE(*p, cpu_to_le16(val));
}

/* --- what it chooses from --- */

/* No address of memory of the guest that is not its own. */
static u64 odd_address(struct hostile *h, u64 *rng)
{
	switch (below(rng, 12)) {
	case 0:
		return h->window + below(rng, 0x200);
	case 1:
		return 0;
	case 2:
		return h->base + h->len - below(rng, 64);
	case 3:
		return ~0ULL - below(rng, 8192);
	case 4:
		return BIT_ULL(63) | (u64)below(rng, 64) << 12 | below(rng, 4096);
	case 5:
		return 1ULL << (40 + below(rng, 23));
	case 6:
		return h->window & ~0xfffULL;
	case 7:		/* a ring, as a buffer */
		return h->base + below(rng, HEADERS);
	default:
		break;
	}
	if (h->holes_len)
		return h->holes + below(rng, h->holes_len);
	return (u64)rnd(rng) << 32 | BIT_ULL(62);
}

static u64 address(struct hostile *h, u64 *rng)
{
	u64 off;

	if (evil(h, rng) || !below(rng, 32))
		return odd_address(h, rng);
	if (h->holes_len && !below(rng, 16))
		return h->holes + below(rng, h->holes_len);
	off = DATA + below(rng, h->len - DATA);
	return h->base + (below(rng, 4) ? off & ~511ULL : off);
}

static u32 length(struct hostile *h, u64 *rng)
{
	static const u32 odd[] = { 0, 1, 16, 511, 0x7fffffff, 0x80000000, 0xffffffff };

	if (evil(h, rng))
		return below(rng, 2) ? odd[below(rng, ARRAY_SIZE(odd))] : rnd(rng);
	switch (below(rng, 8)) {
	case 0:
		return 512 * (1 + below(rng, 512));
	case 1:
		return 1 + below(rng, 0x4000);
	default:
		return 512 << below(rng, 6);
	}
}

static u32 request_type(u64 *rng)
{
	static const u32 types[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN,
		VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
		14 /* erase */, 15, 16, 18, 20, 22, 24, 26 /* zones */, 2 /* SCSI */,
	};

	return below(rng, 32) ? types[below(rng, ARRAY_SIZE(types))] : rnd(rng);
}

static u64 sector(struct hostile *h, u64 *rng)
{
	if (below(rng, 16))
		return below(rng, max_t(u32, h->sectors, 1));
	return below(rng, 2) ? h->sectors - below(rng, 4) : ~0ULL - below(rng, 4096);
}

static u64 header(struct hostile *h, u64 *rng, u32 type)
{
	u64 addr = h->base + HEADERS + (u64)below(rng, HEADERS_LEN / HEADER_LEN) * HEADER_LEN;
	__le32 *p = at(h, addr, HEADER_LEN);
	u64 where = sector(h, rng);

	WRITE_ONCE(p[0], cpu_to_le32(type));
	WRITE_ONCE(p[1], 0);
	WRITE_ONCE(p[2], cpu_to_le32(where));
	WRITE_ONCE(p[3], cpu_to_le32(where >> 32));
	WRITE_ONCE(*((u8 *)p + STATUS_BYTE), NO_ANSWER);
	return addr;
}

/* --- chains --- */

struct buffer {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

static bool to_driver(u32 type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID || type == 16;
}

/* A request as a list of buffers; returns how many, at most CHAIN_MAX. */
static unsigned int request(struct hostile *h, u64 *rng, struct buffer *b)
{
	u32 type = request_type(rng);
	u64 hdr = header(h, rng, type);
	unsigned int n = 1, data = below(rng, 16) ? below(rng, 5) : below(rng, CHAIN_MAX - 2);

	b[0] = (struct buffer){ hdr, 16 };
	/* What is to be discarded and so on is a list of ranges in the data. */
	while (data--)
		b[n++] = (struct buffer){ address(h, rng), length(h, rng),
					  to_driver(type) ? VRING_DESC_F_WRITE : 0 };
	b[n++] = (struct buffer){ hdr + STATUS_BYTE, 1, VRING_DESC_F_WRITE };
	if (evil(h, rng)) {
		unsigned int i = below(rng, n);

		switch (below(rng, 4)) {
		case 0:
			b[i].flags ^= VRING_DESC_F_WRITE;
			break;
		case 1:
			b[i].len = length(h, rng);
			break;
		case 2:
			b[i].addr = odd_address(h, rng);
			break;
		default:
			n = i + 1;
		}
	}
	return n;
}

static void put_desc(struct hostile *h, u64 table, u32 i, const struct buffer *b, bool packed,
		     u16 flags, u16 last)
{
	__le64 *p = at(h, table + i * 16ULL, 16);
	__le16 *w = (__le16 *)p;

	if (!p || (table & 15))
		return;
	WRITE_ONCE(p[0], cpu_to_le64(b->addr));
	WRITE_ONCE(*(__le32 *)(p + 1), cpu_to_le32(b->len));
	if (packed) {
		WRITE_ONCE(w[6], cpu_to_le16(last));
		smp_wmb();		/* it is available by its flags */
		WRITE_ONCE(w[7], cpu_to_le16(flags));
	} else {
		WRITE_ONCE(w[6], cpu_to_le16(flags));
		WRITE_ONCE(w[7], cpu_to_le16(last));
	}
}

/* All buffers into a table; they become one that names it. */
static unsigned int into_table(struct hostile *h, unsigned int q, u64 *rng, struct buffer *b,
			       unsigned int n)
{
	bool packed = has(h, VIRTIO_F_RING_PACKED);
	u64 table = h->base + q * QUEUE_LEN + TABLE_OFF + below(rng, 6) * CHAIN_MAX * 16ULL;
	unsigned int i;

	for (i = 0; i < n; i++) {
		u16 flags = b[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0);

		if (evil(h, rng))
			flags |= VRING_DESC_F_INDIRECT;
		put_desc(h, table, i, &b[i], packed, flags,
			 evil(h, rng) ? below(rng, n + 1) : i + 1);
	}
	b[0] = (struct buffer){ table, n * 16, VRING_DESC_F_INDIRECT };
	if (evil(h, rng))
		b[0].len = length(h, rng);
	if (evil(h, rng))
		b[0].addr = address(h, rng);
	return 1;
}

static void post_split(struct hostile *h, struct hostile_ring *r, u64 *rng,
		       const struct buffer *b, unsigned int n)
{
	u16 head = below(rng, r->num), i;

	for (i = 0; i < n; i++) {
		u16 next = (head + i + 1) % r->num;
		u16 flags = b[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0);

		if (evil(h, rng))
			next = below(rng, 2) ? head : rnd(rng);
		if (evil(h, rng))
			flags ^= rnd(rng) & 7;
		put_desc(h, r->desc, (head + i) % r->num, &b[i], false, flags, next);
	}
	put16(h, r->avail + 4 + 2 * (r->idx % r->num), evil(h, rng) ? rnd(rng) : head);
	smp_wmb();			/* entries before the index */
	r->idx += evil(h, rng) ? below(rng, 2 * r->num) : 1;
	put16(h, r->avail + 2, r->idx);
}

static void post_packed(struct hostile *h, struct hostile_ring *r, u64 *rng,
			const struct buffer *b, unsigned int n)
{
	u16 first = r->idx, id = rnd(rng), avail = 0;
	unsigned int i;

	/* From the second one on, then the first: it makes the chain available. */
	for (i = 0; i < n; i++) {
		u16 flags = b[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
			    (r->wrap ? PACKED_AVAIL : PACKED_USED);

		if (evil(h, rng))
			flags ^= rnd(rng) & (PACKED_AVAIL | PACKED_USED | 7);
		if (i)
			put_desc(h, r->desc, r->idx, &b[i], true, flags, id);
		else
			avail = flags;
		if (++r->idx >= r->num) {
			r->idx = 0;
			r->wrap = !r->wrap;
		}
	}
	put_desc(h, r->desc, first, &b[0], true, avail, id);
}

static void post(struct hostile *h, unsigned int q, u64 *rng)
{
	/* Another vCPU may be changing it. */
	struct hostile_ring r = h->rings[q];
	struct buffer b[CHAIN_MAX];
	unsigned int n;

	r.num = READ_ONCE(h->rings[q].num);
	if (!r.num)
		return;
	n = request(h, rng, b);
	if (has(h, VIRTIO_RING_F_INDIRECT_DESC) && (below(rng, 2) || n > r.num))
		n = into_table(h, q, rng, b, n);
	n = min_t(unsigned int, n, r.num);
	r.idx %= has(h, VIRTIO_F_RING_PACKED) ? r.num : 1 << 16;
	if (has(h, VIRTIO_F_RING_PACKED))
		post_packed(h, &r, rng, b, n);
	else
		post_split(h, &r, rng, b, n);
	h->rings[q].idx = r.idx;
	h->rings[q].wrap = r.wrap;
}

/* --- the device's life --- */

static void set64(struct hostile *h, u32 offset, u64 val)
{
	set(h, offset, val);
	set(h, offset + 4, val >> 32);
}

static u64 ring_address(struct hostile *h, u64 *rng, u64 addr)
{
	return rng && evil(h, rng) ? address(h, rng) : addr;
}

/* Put a queue somewhere and start it. Without @rng as a driver has to. */
static void start_queue(struct hostile *h, unsigned int q, u64 *rng, u16 num)
{
	struct hostile_ring *r = &h->rings[q];
	u64 at_least = h->base + q * QUEUE_LEN;

	set(h, VIRTIO_MMIO_QUEUE_SEL, q);
	num = min_t(u32, num, get(h, VIRTIO_MMIO_QUEUE_NUM_MAX));
	r->desc = ring_address(h, rng, at_least + DESC_OFF);
	r->avail = ring_address(h, rng, at_least + AVAIL_OFF);
	r->used = ring_address(h, rng, at_least + USED_OFF);
	r->num = num;
	r->idx = 0;
	r->wrap = true;
	memset(h->mem + q * QUEUE_LEN, 0, TABLE_OFF);
	set(h, VIRTIO_MMIO_QUEUE_NUM, rng && evil(h, rng) ? rnd(rng) : num);
	set64(h, VIRTIO_MMIO_QUEUE_DESC_LOW, r->desc);
	set64(h, VIRTIO_MMIO_QUEUE_AVAIL_LOW, r->avail);
	set64(h, VIRTIO_MMIO_QUEUE_USED_LOW, r->used);
	set(h, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void accept(struct hostile *h, u64 features)
{
	u64 offered;

	set(h, VIRTIO_MMIO_STATUS, 0);
	set(h, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	set(h, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	offered = (u64)get(h, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	set(h, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	offered |= get(h, VIRTIO_MMIO_DEVICE_FEATURES);
	h->features = ((features | h->must) & offered) | BIT_ULL(VIRTIO_F_VERSION_1);
	set(h, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(h, VIRTIO_MMIO_DRIVER_FEATURES, h->features);
	set(h, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(h, VIRTIO_MMIO_DRIVER_FEATURES, h->features >> 32);
	set(h, VIRTIO_MMIO_STATUS, STATUS_ALL);
}

static void start(struct hostile *h, u64 *rng)
{
	static const u16 zeal[] = { 0, 1, 1, 4, 16, 64 };
	unsigned int q;
	u16 num = 1 << below(rng, 9);

	/* Hardly ever, or nothing would ever run. */
	if (atomic_xchg(&h->busy, 1) && below(rng, 64))
		return;
	h->evil = zeal[below(rng, ARRAY_SIZE(zeal))];
	accept(h, (u64)rnd(rng) << 32 | rnd(rng));
	if (evil(h, rng)) {
		set(h, VIRTIO_MMIO_DRIVER_FEATURES, rnd(rng));
		set(h, VIRTIO_MMIO_STATUS, rnd(rng));
	}
	if (has(h, VIRTIO_F_RING_PACKED) && below(rng, 2))
		num = 1 + below(rng, RING_MAX);
	for (q = 0; q < HOSTILE_QUEUES; q++)
		start_queue(h, q, rng, num);
	set(h, VIRTIO_MMIO_STATUS, STATUS_ALL | VIRTIO_CONFIG_S_DRIVER_OK);
	atomic64_inc(&h->starts);
	atomic_set(&h->busy, 0);
}

static void restart_queue(struct hostile *h, unsigned int q, u64 *rng)
{
	set(h, VIRTIO_MMIO_QUEUE_SEL, q);
	switch (below(rng, 3)) {
	case 0:
		set(h, VIRTIO_MMIO_QUEUE_READY, 0);
		break;
	case 1:
		set(h, R_QUEUE_RESET, 1);
		break;
	default:
		set(h, below(rng, 2) ? VIRTIO_MMIO_QUEUE_READY : R_QUEUE_RESET, rnd(rng));
		break;
	}
	if (below(rng, 4))
		start_queue(h, q, rng, 1 << below(rng, 9));
}

/* --- what it does --- */

static void any_register(struct hostile *h, u64 *rng)
{
	static const u32 vals[] = { 0, 1, 2, 0x80, 0xff, 0xffff, 0x80000000, 0xffffffff };
	u32 size = below(rng, 4) ? 4 : 1 << below(rng, 4);
	u32 off = below(rng, 0x200);
	u64 val = below(rng, 2) ? vals[below(rng, ARRAY_SIZE(vals))] : rnd(rng);

	if (below(rng, 8))
		off -= off % size;
	else
		off = min(off, 0x200 - size);
	/* A reset is done often enough by others. */
	if (off == VIRTIO_MMIO_STATUS && !(u8)val)
		val = 0x40;
	h->ops->access(h, off, size, below(rng, 2), val);
}

static void config(struct hostile *h, u64 *rng)
{
	u32 size = 1 << below(rng, 4), off = below(rng, 0x60);

	h->ops->access(h, VIRTIO_MMIO_CONFIG + off - off % size, size, !below(rng, 3),
		       rnd(rng));
}

/* Change a word that may be in use at this moment. */
static void scribble(struct hostile *h, unsigned int q, u64 *rng)
{
	u64 off, val = below(rng, 2) ? rnd(rng) : below(rng, 4);
	u8 *p;

	/* In the rings only if it is to break something. */
	if (evil(h, rng))
		off = q * QUEUE_LEN + (below(rng, 3) << 14) + (below(rng, 0x400) & ~3U);
	else if (below(rng, 2))
		off = HEADERS + (below(rng, HEADERS_LEN) & ~3U);
	else
		off = q * QUEUE_LEN + TABLE_OFF + (below(rng, QUEUE_LEN - TABLE_OFF) & ~3U);
	/* What lengths of a table become is no matter of zeal otherwise. */
	if (off < HEADERS && !h->evil)
		return;
	p = h->mem + off;
	WRITE_ONCE(*(u32 *)p, val);
	if (below(rng, 2)) {
		cpu_relax();
		WRITE_ONCE(*(u32 *)p, 0);
	}
}

/**
 * hostile_kick() - write QueueNotify
 * @h: driver
 * @val: to it
 */
void hostile_kick(struct hostile *h, u32 val)
{
	set(h, VIRTIO_MMIO_QUEUE_NOTIFY, val);
}

static void flood(struct hostile *h, unsigned int q, u64 *rng)
{
	unsigned int n = below(rng, 64);

	while (n--)
		hostile_kick(h, below(rng, 16) ? q : rnd(rng));
}

static void acknowledge(struct hostile *h, u64 *rng)
{
	u32 bits = get(h, VIRTIO_MMIO_INTERRUPT_STATUS);

	set(h, VIRTIO_MMIO_INTERRUPT_ACK, below(rng, 8) ? bits : rnd(rng));
}

static void hole(struct hostile *h, u64 *rng)
{
	if (h->holes_len && h->ops->hole)
		h->ops->hole(h, below(rng, h->holes_len) & ~0xfffULL, below(rng, 2));
}

/**
 * hostile_step() - do something
 * @h: driver
 * @vcpu: who does it; most of it to a queue of its own
 * @rng: state of this vCPU's numbers, from hostile_seed()
 */
void hostile_step(struct hostile *h, unsigned int vcpu, u64 *rng)
{
	unsigned int q = (below(rng, 8) ? vcpu : rnd(rng)) % HOSTILE_QUEUES, n;
	u32 what = below(rng, 100);

	atomic64_inc(&h->steps);
	if (what < 40) {
		for (n = 1 + below(rng, 4); n; n--)
			post(h, q, rng);
		if (below(rng, 8))
			hostile_kick(h, q);
	} else if (what < 58) {
		scribble(h, q, rng);
	} else if (what < 66) {
		any_register(h, rng);
	} else if (what < 74) {
		acknowledge(h, rng);
	} else if (what < 77) {
		flood(h, q, rng);
	} else if (what < 80) {
		config(h, rng);
	} else if (what < 84) {
		restart_queue(h, q, rng);
	} else if (what < 88) {
		hole(h, rng);
	} else if (what < 89) {
		start(h, rng);
	} else {
		u32 status = get(h, VIRTIO_MMIO_STATUS);

		if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
			atomic64_inc(&h->needs_reset);
		if (status != (STATUS_ALL | VIRTIO_CONFIG_S_DRIVER_OK))
			start(h, rng);
		h->ops->pass(h);
	}
}

/**
 * hostile_reset() - leave the device as a driver should
 * @h: driver, all vCPUs at rest
 */
void hostile_reset(struct hostile *h)
{
	set(h, VIRTIO_MMIO_STATUS, 0);
	memset(h->rings, 0, sizeof(h->rings));
	h->features = 0;
}

/**
 * hostile_seed() - begin the numbers of a vCPU
 * @seed: of the run
 * @vcpu: its number
 *
 * Return: its state, never 0
 */
u64 hostile_seed(u64 seed, unsigned int vcpu)
{
	u64 s = (seed + 1) * 0x9e3779b97f4a7c15ULL + (vcpu + 1) * 0xbf58476d1ce4e5b9ULL;

	return s ?: 1;
}

/**
 * hostile_init() - begin
 * @h: zeroed but for what says where it is
 */
void hostile_init(struct hostile *h)
{
	atomic_set(&h->busy, 0);
	atomic64_set(&h->steps, 0);
	atomic64_set(&h->starts, 0);
	atomic64_set(&h->needs_reset, 0);
	h->evil = 1;
}

/* --- a driver that keeps to the rules, until it resets --- */

/**
 * hostile_run() - set the device up, as a driver has to
 * @h: driver
 * @features: wanted, of those that are offered
 */
void hostile_run(struct hostile *h, u64 features)
{
	unsigned int q;

	accept(h, features);
	for (q = 0; q < HOSTILE_QUEUES; q++)
		start_queue(h, q, NULL, 64);
	set(h, VIRTIO_MMIO_STATUS, STATUS_ALL | VIRTIO_CONFIG_S_DRIVER_OK);
}

/**
 * hostile_used_idx() - how far the device got
 * @h: driver with a split ring
 * @queue: the queue
 *
 * Return: its used index
 */
u16 hostile_used_idx(struct hostile *h, unsigned int queue)
{
	__le16 *p = at(h, h->rings[queue].used + 2, 2);

	return p ? le16_to_cpu(READ_ONCE(*p)) : 0;
}

/**
 * hostile_read_all() - keep a split queue full of reads
 * @h: driver after hostile_run()
 * @queue: the queue
 * @used: hostile_used_idx()
 *
 * Return: how many requests were added; they want a kick
 */
unsigned int hostile_read_all(struct hostile *h, unsigned int queue, u16 used)
{
	struct hostile_ring *r = &h->rings[queue];
	u64 rng = hostile_seed(r->idx, queue);
	unsigned int n = 0;

	if (!r->num)
		return 0;
	while ((u16)(r->idx - used) < r->num / 4) {
		u16 i = r->idx % (r->num / 4) * 4;
		u64 hdr = header(h, &rng, VIRTIO_BLK_T_IN);
		struct buffer b[] = {
			{ hdr, 16 },
			{ h->base + DATA + i * 4096ULL, h->read_len ?: 4096, VRING_DESC_F_WRITE },
			{ hdr + STATUS_BYTE, 1, VRING_DESC_F_WRITE },
		};

		put_desc(h, r->desc, i, &b[0], false, VRING_DESC_F_NEXT, i + 1);
		put_desc(h, r->desc, i + 1, &b[1], false, b[1].flags | VRING_DESC_F_NEXT, i + 2);
		put_desc(h, r->desc, i + 2, &b[2], false, b[2].flags, 0);
		put16(h, r->avail + 4 + 2 * (r->idx % r->num), i);
		smp_wmb();		/* entries before the index */
		put16(h, r->avail + 2, ++r->idx);
		n++;
	}
	return n;
}

/* --- the canary --- */

/* A long read, or anything else that a disk takes its time for. */
static void canary_post(struct hostile *h, unsigned int q, unsigned int i, u64 *rng)
{
	static const u32 types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN,
				     VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH };
	u32 type = types[below(rng, ARRAY_SIZE(types))];
	u64 hdr = h->base + HEADERS + (q * HOSTILE_CANARY_REQS + i) * HEADER_LEN;
	u64 room = (h->len - DATA) / (HOSTILE_QUEUES * HOSTILE_CANARY_REQS);
	u32 len = 512 * (1 + below(rng, min_t(u64, room, 65536) / 512));
	__le32 *p = at(h, hdr, HEADER_LEN);
	struct buffer b[3];
	unsigned int n = 0;

	p[0] = cpu_to_le32(type);
	p[1] = 0;
	p[2] = cpu_to_le32(below(rng, h->sectors - 128));
	p[3] = 0;
	*((u8 *)p + STATUS_BYTE) = NO_ANSWER;
	b[n++] = (struct buffer){ hdr, 16 };
	if (type != VIRTIO_BLK_T_FLUSH)
		b[n++] = (struct buffer){
			h->base + DATA + (q * HOSTILE_CANARY_REQS + i) * room, len,
			to_driver(type) ? VRING_DESC_F_WRITE : 0 };
	b[n++] = (struct buffer){ hdr + STATUS_BYTE, 1, VRING_DESC_F_WRITE };
	if (has(h, VIRTIO_RING_F_INDIRECT_DESC) && below(rng, 2)) {
		u64 table = h->base + q * QUEUE_LEN + TABLE_OFF + i * 64;
		unsigned int k;

		for (k = 0; k < n; k++)
			put_desc(h, table, k, &b[k], has(h, VIRTIO_F_RING_PACKED),
				 b[k].flags | (k + 1 < n ? VRING_DESC_F_NEXT : 0), k + 1);
		b[0] = (struct buffer){ table, n * 16, VRING_DESC_F_INDIRECT };
		n = 1;
	}
	if (has(h, VIRTIO_F_RING_PACKED)) {
		post_packed(h, &h->rings[q], rng, b, n);
	} else {
		struct hostile_ring *r = &h->rings[q];
		u16 head = i * 4, k;

		for (k = 0; k < n; k++)
			put_desc(h, r->desc, head + k, &b[k], false,
				 b[k].flags | (k + 1 < n ? VRING_DESC_F_NEXT : 0), head + k + 1);
		put16(h, r->avail + 4 + 2 * (r->idx % r->num), head);
		smp_wmb();		/* entries before the index */
		put16(h, r->avail + 2, ++r->idx);
	}
}

/* Take everything back, one way or another; true when that reads as done. */
static bool canary_stop(struct hostile *h, u64 *rng)
{
	u32 how = below(rng, 3), q, left = 0;

	if (h->ops->remove) {
		h->ops->remove(h);
		return true;
	}
	if (!how || (how == 1 && !has(h, F_RING_RESET))) {
		set(h, VIRTIO_MMIO_STATUS, 0);
		return !get(h, VIRTIO_MMIO_STATUS);
	}
	for (q = 0; q < HOSTILE_QUEUES; q++) {
		u32 reg = how == 1 ? R_QUEUE_RESET : VIRTIO_MMIO_QUEUE_READY;

		set(h, VIRTIO_MMIO_QUEUE_SEL, q);
		set(h, reg, how == 1);
		left |= get(h, reg) | get(h, VIRTIO_MMIO_QUEUE_READY);
	}
	return !left;
}

/**
 * hostile_canary_round() - take memory back from a device in mid-flight: does it write
 *			    to it afterwards?
 * @h: driver, all other vCPUs at rest
 * @rng: numbers
 * @c: receives what was found
 */
void hostile_canary_round(struct hostile *h, u64 *rng, struct hostile_canary *c)
{
	unsigned int q, i, queues;
	u8 *first;

	h->evil = 0;
	hostile_run(h, (u64)rnd(rng) << 32 | rnd(rng));
	for (queues = 0; queues < HOSTILE_QUEUES && h->rings[queues].num; queues++)
		;
	for (q = 0; q < queues; q++) {
		for (i = 0; i < HOSTILE_CANARY_REQS; i++)
			canary_post(h, q, i, rng);
		c->posted += HOSTILE_CANARY_REQS;
		hostile_kick(h, q);
	}
	for (i = below(rng, 4); i; i--)
		h->ops->pass(h);

	if (!canary_stop(h, rng))
		c->bad_acks++;
	for (i = 0; i < queues * HOSTILE_CANARY_REQS; i++)
		c->in_flight += h->mem[HEADERS + i * HEADER_LEN + STATUS_BYTE] == NO_ANSWER;
	memset(h->mem, CANARY, h->len);
	h->ops->wait(h);
	first = memchr_inv(h->mem, CANARY, h->len);
	c->rounds++;
	if (first) {
		c->dirty++;
		c->where = first - h->mem;
	}
	if (h->ops->renew)
		h->ops->renew(h);
	else
		hostile_reset(h);
}
