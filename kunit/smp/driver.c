// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that trusts nothing: registers, ring and data of one device, and the
 * host in between. After a reset nothing may be pinned or mapped, and whatever
 * the device could write to is poisoned: it must not change any more. What was
 * unpinned has no address, so that a use after it faults. Each sector holds its
 * number and the generation of its last write, so that lost, torn and late writes
 * show.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": torture " fmt

#include <linux/delay.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/string.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include <virtback/mmio.h>

#include "driver.h"

/* Pieces as short as a host may have them, so that a request has many. */
#define PIECE		(4 * PAGE_SIZE)

#define POISON		0x5a
#define LOST_SECONDS	60

/* The host. */

static struct torture *torture_of(struct virtback_device *vd)
{
	return container_of(vd, struct torture, vd);
}

static int torture_pin(struct virtback_device *vd, u64 addr, u32 len, bool write,
		       struct virtback_piece *p)
{
	if (!pfn_valid(PHYS_PFN(addr)))
		return -EFAULT;
	atomic_inc(&torture_of(vd)->pins);
	p->va = phys_to_virt(addr);
	p->len = min_t(u32, len, PIECE - addr % PIECE);
	p->pin = p;
	return 0;
}

static void torture_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	for (; p; p = p->next) {
		if (p->pin != p)
			fault(torture_of(vd), "unpinned twice");
		atomic_dec(&torture_of(vd)->pins);
		p->pin = NULL;
		p->va = LIST_POISON1;
	}
}

static int torture_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		       struct virtback_area *area)
{
	if (!pfn_valid(PHYS_PFN(addr)))
		return -EFAULT;
	atomic_inc(&torture_of(vd)->maps);
	area->va = phys_to_virt(addr);
	area->len = len;
	return 0;
}

static void torture_unmap(struct virtback_device *vd, struct virtback_area *area)
{
	atomic_dec(&torture_of(vd)->maps);
	area->va = LIST_POISON1;
}

static void torture_raise_irq(struct virtback_device *vd)
{
	struct torture *t = torture_of(vd);

	if (!READ_ONCE(t->live))
		fault(t, "interrupt after the reset");
	WRITE_ONCE(t->irq, true);
	wake_up(&t->irq_wait);
}

const struct virtback_host_ops torture_host = {
	.name = "torture",
	.pin = torture_pin,
	.unpin = torture_unpin,
	.map = torture_map,
	.unmap = torture_unmap,
	.raise_irq = torture_raise_irq,
};

/* The driver: registers. */

u32 reg_read(struct torture *t, u32 offset)
{
	struct virtback_access a = { .offset = offset, .size = 4 };

	virtback_mmio(&t->vd, &a);
	return a.data;
}

void reg_write(struct torture *t, u32 offset, u32 val)
{
	struct virtback_access a = { .data = val, .offset = offset, .size = 4, .write = true };

	virtback_mmio(&t->vd, &a);
}

static void reg_write_addr(struct torture *t, u32 low, u32 high, void *va)
{
	reg_write(t, low, lower_32_bits(virt_to_phys(va)));
	reg_write(t, high, upper_32_bits(virt_to_phys(va)));
}

static void torture_negotiate(struct torture *t)
{
	u32 status = VIRTIO_CONFIG_S_ACKNOWLEDGE;

	t->event_idx = below(2);
	t->indirect = below(2);
	reg_write(t, VIRTIO_MMIO_STATUS, status);
	status |= VIRTIO_CONFIG_S_DRIVER;
	reg_write(t, VIRTIO_MMIO_STATUS, status);
	reg_write(t, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(t, VIRTIO_MMIO_DRIVER_FEATURES, BIT(VIRTIO_F_VERSION_1 - 32));
	reg_write(t, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(t, VIRTIO_MMIO_DRIVER_FEATURES,
		  (t->event_idx ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0) |
		  (t->indirect ? BIT(VIRTIO_RING_F_INDIRECT_DESC) : 0));
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	reg_write(t, VIRTIO_MMIO_STATUS, status);
	if (reg_read(t, VIRTIO_MMIO_STATUS) != status)
		fault(t, "features refused, status %#x", reg_read(t, VIRTIO_MMIO_STATUS));
}

void torture_start(struct torture *t)
{
	memset(t->desc, 0, PAGE_SIZE);
	memset(t->avail, 0, PAGE_SIZE);
	memset(t->used, 0, PAGE_SIZE);
	t->avail_idx = 0;
	t->used_idx = 0;
	WRITE_ONCE(t->irq, false);
	WRITE_ONCE(t->live, true);
	WRITE_ONCE(t->meddle, below(2));

	torture_negotiate(t);
	reg_write(t, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(t, VIRTIO_MMIO_QUEUE_NUM, RING);
	reg_write_addr(t, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, t->desc);
	reg_write_addr(t, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, t->avail);
	reg_write_addr(t, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH, t->used);
	reg_write(t, VIRTIO_MMIO_QUEUE_READY, 1);
	reg_write(t, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
					 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

/*
 * The driver: data. KCSAN watches one access in some dozens of each processor, and has no
 * time for these words, of which there are more than of all that the module accesses.
 */

static u64 sector_word(u64 sector, u32 gen, unsigned int i)
{
	return (sector << 32 | gen) ^ (u64)i << 24;
}

static __no_kcsan void fill(u64 *p, u32 sector, u32 sectors, u32 gen)
{
	u32 i;

	for (i = 0; i < sectors * SECTOR_WORDS; i++)
		p[i] = sector_word(sector + i / SECTOR_WORDS, gen, i % SECTOR_WORDS);
}

/* A sector that was read; all zero is generation 0. */
static __no_kcsan bool sector_ok(struct torture *t, const u64 *p, u32 sector)
{
	u32 gen = lower_32_bits(p[0]), i;

	if (p[0] && p[0] >> 32 != sector) {
		fault(t, "sector %u holds %#llx", sector, p[0]);
		return false;
	}
	for (i = 0; i < SECTOR_WORDS; i++) {
		if (p[i] == (p[0] ? sector_word(sector, gen, i) : 0))
			continue;
		fault(t, "sector %u of generation %u is torn at word %u", sector, gen, i);
		return false;
	}
	if (t->gens[sector] == GEN_UNKNOWN)
		t->gens[sector] = gen;
	if (t->gens[sector] == gen)
		return true;
	fault(t, "sector %u has generation %u instead of %u", sector, gen, t->gens[sector]);
	return false;
}

static void slot_check(struct torture *t, struct slot *s)
{
	u32 sector = s->sector, b, i;

	for (b = 0; b < BUFS; b++) {
		for (i = 0; i < s->sectors[b]; i++) {
			if (!sector_ok(t, s->buf[b] + i * SECTOR_SIZE, sector++))
				return;
		}
	}
}

static __no_kcsan void slot_set_gens(struct torture *t, struct slot *s, u32 gen)
{
	u32 i;

	for (i = 0; i < s->sectors[0] + s->sectors[1]; i++)
		t->gens[s->sector + i] = gen;
}

bool torture_short;

/* Mostly short; some take several passes. */
static void slot_choose(struct torture *t, struct slot *s)
{
	bool small = READ_ONCE(torture_short), big = !below(small ? 128 : 8);

	s->write = below(2);
	s->sectors[0] = 1 + below(big ? BUF_SECTORS : small ? 8 : 128);
	s->sectors[1] = 1 + below(big ? BUF_SECTORS - 48 : small ? 4 : 32);
	s->sector = (s - t->slots) * SLOT_SECTORS +
		    below(SLOT_SECTORS - s->sectors[0] - s->sectors[1] + 1);
	s->hdr->type = __cpu_to_virtio32(true, s->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN);
	s->hdr->sector = __cpu_to_virtio64(true, s->sector);
	*s->status = 0xff;
	if (!s->write)
		return;
	s->gen = ++t->gen;
	fill(s->buf[0], s->sector, s->sectors[0], s->gen);
	fill(s->buf[1], s->sector + s->sectors[0], s->sectors[1], s->gen);
	slot_set_gens(t, s, GEN_UNKNOWN);
}

/* The driver: the ring. */

static void desc_set(struct vring_desc *d, void *va, u32 len, u16 flags, u16 next)
{
	d->addr = __cpu_to_virtio64(true, virt_to_phys(va));
	d->len = __cpu_to_virtio32(true, len);
	d->flags = __cpu_to_virtio16(true, flags);
	d->next = __cpu_to_virtio16(true, next);
}

static void slot_describe(struct torture *t, struct slot *s, u16 head)
{
	struct vring_desc *d = t->indirect ? s->table : t->desc + head;
	u16 next = t->indirect ? 0 : head, dir = s->write ? 0 : VRING_DESC_F_WRITE, b;

	desc_set(d++, s->hdr, sizeof(*s->hdr), VRING_DESC_F_NEXT, ++next);
	for (b = 0; b < BUFS; b++)
		desc_set(d++, s->buf[b], s->sectors[b] * SECTOR_SIZE, VRING_DESC_F_NEXT | dir,
			 ++next);
	desc_set(d, s->status, 1, VRING_DESC_F_WRITE, 0);
	if (t->indirect)
		desc_set(t->desc + head, s->table, SLOT_DESCS * sizeof(*d),
			 VRING_DESC_F_INDIRECT, 0);
}

static bool torture_wants_kick(struct torture *t, u16 old)
{
	__virtio16 *event = (__virtio16 *)&t->used->ring[RING];

	if (t->event_idx)
		return vring_need_event(__virtio16_to_cpu(true, READ_ONCE(*event)),
					t->avail_idx, old);
	return !(READ_ONCE(t->used->flags) & __cpu_to_virtio16(true, VRING_USED_F_NO_NOTIFY));
}

void slot_submit(struct torture *t, struct slot *s)
{
	u16 head = (s - t->slots) * SLOT_DESCS, old = t->avail_idx;

	slot_choose(t, s);
	slot_describe(t, s, head);
	s->busy = true;
	t->reqs++;
	t->avail->ring[t->avail_idx % RING] = __cpu_to_virtio16(true, head);
	/* The device may see the index once it can see the chain. */
	smp_wmb();
	WRITE_ONCE(t->avail->idx, __cpu_to_virtio16(true, ++t->avail_idx));
	/* Either we see that it wants a kick, or it sees the index. */
	smp_mb();
	if (torture_wants_kick(t, old))
		reg_write(t, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static void slot_done(struct torture *t, u32 id, u32 len)
{
	struct slot *s = &t->slots[id / SLOT_DESCS];
	u32 want = 1;

	if (id % SLOT_DESCS || id >= RING || !s->busy) {
		fault(t, "used id %u", id);
		return;
	}
	s->busy = false;
	if (*s->status != VIRTIO_BLK_S_OK) {
		fault(t, "status %u, %s of %u + %u sectors at %u", *s->status,
		      s->write ? "write" : "read", s->sectors[0], s->sectors[1], s->sector);
		return;
	}
	if (!s->write)
		want += (s->sectors[0] + s->sectors[1]) * SECTOR_SIZE;
	if (len != want)
		fault(t, "used length %u instead of %u", len, want);
	if (s->write)
		slot_set_gens(t, s, s->gen);
	else
		slot_check(t, s);
}

static bool torture_more_used(struct torture *t)
{
	return __virtio16_to_cpu(true, READ_ONCE(t->used->idx)) != t->used_idx;
}

/* Take back what is done; when this returns an interrupt comes for the next. */
void torture_reap(struct torture *t)
{
	__virtio16 *event = (__virtio16 *)&t->avail->ring[RING];

	for (;;) {
		struct vring_used_elem *e = &t->used->ring[t->used_idx % RING];

		if (!torture_more_used(t)) {
			if (!t->event_idx)
				return;
			WRITE_ONCE(*event, __cpu_to_virtio16(true, t->used_idx));
			/* Either we see the next, or the device the event index. */
			smp_mb();
			if (!torture_more_used(t))
				return;
		}
		/* The element, and what it stands for, after the index. */
		smp_rmb();
		t->used_idx++;
		slot_done(t, __virtio32_to_cpu(true, e->id), __virtio32_to_cpu(true, e->len));
	}
}

__no_kcsan unsigned int torture_busy(struct torture *t)
{
	unsigned int i, n = 0;

	for (i = 0; i < SLOTS; i++)
		n += t->slots[i].busy;
	return n;
}

void torture_wait_irq(struct torture *t)
{
	struct virtback_vq *vq = &t->vd.vqs[0];
	u32 isr;

	if (!wait_event_timeout(t->irq_wait, READ_ONCE(t->irq), LOST_SECONDS * HZ))
		fault(t, "no interrupt: %u busy, ring %u %u %u, %u in flight, %d orphans, isr %d",
		      torture_busy(t), t->avail_idx, __virtio16_to_cpu(true, t->used->idx),
		      t->used_idx, virtback_vq_inflight(vq), atomic_read(&t->vd.orphans),
		      atomic_read(&t->vd.isr));
	WRITE_ONCE(t->irq, false);
	isr = reg_read(t, VIRTIO_MMIO_INTERRUPT_STATUS);
	reg_write(t, VIRTIO_MMIO_INTERRUPT_ACK, isr);
	if (isr & VIRTIO_MMIO_INT_CONFIG)
		fault(t, "the device broke, status %#x", reg_read(t, VIRTIO_MMIO_STATUS));
}

/* The reset. */

static void torture_poison(struct torture *t)
{
	struct slot *s;
	u32 b;

	/* What the device could still read is nonsense that breaks it. */
	memset(t->desc, 0xff, PAGE_SIZE);
	memset(t->avail, 0xff, PAGE_SIZE);
	memset(t->used, POISON, PAGE_SIZE);
	for (s = t->slots; s < t->slots + SLOTS; s++) {
		if (!s->busy)
			continue;
		*s->status = POISON;
		for (b = 0; b < BUFS; b++)
			memset(s->buf[b], POISON, s->sectors[b] * SECTOR_SIZE);
	}
}

static void torture_check_poison(struct torture *t)
{
	struct slot *s;
	u32 b;

	if (memchr_inv(t->used, POISON, PAGE_SIZE))
		fault(t, "used ring written after the reset");
	for (s = t->slots; s < t->slots + SLOTS; s++) {
		if (!s->busy)
			continue;
		if (*s->status != POISON)
			fault(t, "status written after the reset");
		for (b = 0; b < BUFS; b++) {
			if (memchr_inv(s->buf[b], POISON, s->sectors[b] * SECTOR_SIZE))
				fault(t, "data written after the reset");
		}
		s->busy = false;
	}
}

void torture_stop(struct torture *t)
{
	t->orphans += torture_busy(t);
	if (below(2)) {
		reg_write(t, VIRTIO_MMIO_QUEUE_SEL, 0);
		reg_write(t, VIRTIO_MMIO_QUEUE_READY, 0);
		if (reg_read(t, VIRTIO_MMIO_QUEUE_READY))
			fault(t, "QueueReady after it was cleared");
	}
	reg_write(t, VIRTIO_MMIO_STATUS, 0);
	WRITE_ONCE(t->live, false);
	if (atomic_read(&t->pins) || atomic_read(&t->maps))
		fault(t, "%d pieces pinned and %d areas mapped after the reset",
		      atomic_read(&t->pins), atomic_read(&t->maps));
	torture_poison(t);
	if (below(2))
		usleep_range(1, 4000);
	torture_check_poison(t);
	if (reg_read(t, VIRTIO_MMIO_STATUS))
		fault(t, "status %#x after the reset", reg_read(t, VIRTIO_MMIO_STATUS));
}
