// SPDX-License-Identifier: GPL-2.0
/*
 * The driver in the guest: its probe, and at the end of an input one that does all as it
 * should.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "machine.h"
#undef memcpy

/**
 * fz_reg() - write a register, and wait for the answer unless others hold it up
 * @vcpu: who
 * @off: which register
 * @val: what
 */
void fz_reg(unsigned int vcpu, u32 off, u32 val)
{
	if (fz_access(vcpu, off, 4, true, val) && fz_machine.vcpus[vcpu]->fn)
		fz_settle();
}

/**
 * fz_negotiate() - reset the device and agree on features
 * @vcpu: who
 * @drop: features that the driver does not want
 */
void fz_negotiate(unsigned int vcpu, u64 drop)
{
	u64 f = fz_machine.alive ? virtback_device_offered(&fz_machine.vd) & ~drop : 0;

	fz_reg(vcpu, VIRTIO_MMIO_STATUS, 0);
	fz_reg(vcpu, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	fz_reg(vcpu, VIRTIO_MMIO_STATUS, 3);
	fz_reg(vcpu, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	fz_reg(vcpu, VIRTIO_MMIO_DRIVER_FEATURES, f);
	fz_reg(vcpu, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	fz_reg(vcpu, VIRTIO_MMIO_DRIVER_FEATURES, f >> 32);
	fz_reg(vcpu, VIRTIO_MMIO_STATUS, 11);
}

/**
 * fz_queue_up() - set a queue up
 * @vcpu: who
 * @q: which one
 * @num: its size
 */
void fz_queue_up(unsigned int vcpu, unsigned int q, u16 num)
{
	struct virtback_device *vd = &fz_machine.vd;
	bool packed = vd->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	u64 ring = FZ_BASE + FZ_RING(q);
	u8 none[8] = {};
	unsigned int i;

	if (!fz_machine.alive || q >= vd->nvqs)
		return;
	num = min(num, vd->vqs[q].num_max);
	if (!packed)
		num = num ? rounddown_pow_of_two(num) : 1;
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_SEL, q);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_NUM, num);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_DESC_LOW, ring);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_DESC_HIGH, ring >> 32);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_AVAIL_LOW, ring + FZ_AVAIL);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, ring >> 32);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_USED_LOW, ring + FZ_USED);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_USED_HIGH, ring >> 32);
	/* As a driver gets its rings: no flags, nothing available, and used none. */
	fz_guest_put(FZ_RING(q) + FZ_AVAIL, none, 4);
	fz_guest_put(FZ_RING(q) + FZ_USED, none, 4);
	for (i = 0; packed && i < num; i++)
		fz_guest_put(FZ_RING(q) + 16 * i + 14, none, 2);
	fz_ring_begin(q, num, packed);
	fz_reg(vcpu, VIRTIO_MMIO_QUEUE_READY, 1);
}

/**
 * fz_driver_start() - all of a driver's probe
 * @vcpu: who
 */
void fz_driver_start(unsigned int vcpu)
{
	unsigned int q;

	fz_negotiate(vcpu, fz_machine.offer);
	for (q = 0; q < fz_machine.cfg.queues; q++)
		fz_queue_up(vcpu, q, fz_machine.cfg.queue_size);
	fz_reg(vcpu, VIRTIO_MMIO_STATUS, 15);
}

/* --- a driver that does all as it should --- */

/* Data of two kinds, made once. */
static u8 legit_pages[2][PAGE_SIZE];

/**
 * fz_legit_init() - once for the process
 */
void fz_legit_init(void)
{
	u32 i;

	for (i = 0; i < PAGE_SIZE; i++) {
		legit_pages[0][i] = 1 + i * 7;
		legit_pages[1][i] = 2 + i * 7;
	}
}

/* One request of a driver that does all as it should. Returns its status. */
static u8 legit_request(u32 type, u64 sector, u32 len, u8 want)
{
	u32 at = FZ_DATA, status = FZ_DATA + 64, data = FZ_DATA + PAGE_SIZE;
	struct virtio_blk_outhdr hdr = { .type = type, .sector = sector };
	const struct fz_seg segs[] = {
		{ FZ_BASE + at, sizeof(hdr), false },
		{ FZ_BASE + data, len, type == VIRTIO_BLK_T_IN },
		{ FZ_BASE + status, 1, true },
	};
	u16 used, before;
	bool packed = fz_rings[0].packed, tight = fz_rings[0].num < 3;
	u8 st = 0xaa;

	fz_guest_put(at, &hdr, sizeof(hdr));
	fz_guest_put(status, &st, 1);
	fz_guest_get(FZ_RING(0) + FZ_USED + 2, &before, 2);
	/* used_event: interrupt for the next one. A packed ring's driver area says so already. */
	if (!packed)
		fz_guest_put(FZ_RING(0) + FZ_AVAIL + 4 + 2 * fz_rings[0].num, &before, 2);
	/* A queue may be shorter than a chain. */
	fz_ring_offer(0, segs, ARRAY_SIZE(segs), tight ? FZ_RING(0) + FZ_TABLES : 0);
	/* A device that wants no notification has to look by itself. */
	if (fz_ring_wants_kick(0, fz_machine.vd.vqs[0].event_idx, tight ? 1 : ARRAY_SIZE(segs)))
		fz_reg(0, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	do {
		/* Of what ends meanwhile a worker that looks on learns when it goes on. */
		fz_disks_answered = false;
		fz_settle_but_lookers();
	} while (fz_disks_answered || fz_end_io(0, 0, 0));
	fz_guest_get(status, &st, 1);
	fz_guest_get(FZ_RING(0) + FZ_USED + 2, &used, 2);
	/* A write is durable, without a flush, or fails: so it does once a file lost some. */
	if (st != want &&
	    !(type == VIRTIO_BLK_T_OUT && st == VIRTIO_BLK_S_IOERR && fz_vfs_lost()))
		fz_bug("a good request of type %u got status %u", type, st);
	if (!packed && used != (u16)(before + 1))
		fz_bug("a good request got no used element");
	if (!(atomic_read(&fz_machine.vd.isr) & VIRTIO_MMIO_INT_VRING))
		fz_bug("a good request got no interrupt");
	fz_reg(0, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	return st;
}

/**
 * fz_legit_driver() - whatever happened, the next driver finds a disk that works
 */
void fz_legit_driver(void)
{
	struct virtback_device *vd = &fz_machine.vd;
	bool disk = vd->id, ro, written = false;
	u8 page[PAGE_SIZE];
	u32 i;

	memset(fz_rings, 0, sizeof(fz_rings));
	fz_machine.offer &= ~BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	fz_driver_start(0);
	fz_settle();
	if (!vd->vqs[0].ready || !virtback_device_running(vd)) {
		/* With so short a queue it needs what is not offered. */
		fz_bug("the next driver cannot start: status %#x", atomic_read(&vd->status));
	}
	if (vd->vqs[0].num_max < 4 && !(vd->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)))
		return;
	if (!disk) {
		legit_request(VIRTIO_BLK_T_IN, 0, PAGE_SIZE, VIRTIO_BLK_S_IOERR);
		return;
	}
	ro = vd->features & BIT_ULL(VIRTIO_BLK_F_RO);
	fz_guest_put(FZ_DATA + PAGE_SIZE, legit_pages[0], PAGE_SIZE);
	if (!ro)
		written = legit_request(VIRTIO_BLK_T_OUT, 8, PAGE_SIZE, VIRTIO_BLK_S_OK) ==
			  VIRTIO_BLK_S_OK;
	fz_guest_put(FZ_DATA + PAGE_SIZE, legit_pages[1], PAGE_SIZE);
	legit_request(VIRTIO_BLK_T_IN, 8, PAGE_SIZE, VIRTIO_BLK_S_OK);
	fz_guest_get(FZ_DATA + PAGE_SIZE, page, sizeof(page));
	if (written && memcmp(page, legit_pages[0], PAGE_SIZE))
		fz_bug("a good read got other data");
	/* So soon after each other that it may wait for them busily. */
	for (i = 0; vd->poll_us && i < 4; i++)
		legit_request(VIRTIO_BLK_T_IN, 8, PAGE_SIZE, VIRTIO_BLK_S_OK);
}
