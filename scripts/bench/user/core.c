// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of a good driver for drivers/core and drivers/blk in user space, on the machine
 * of the fuzzer (fuzz/machine.h), to count what they execute. It is the init of a kernel in
 * an emulated computer; ../profile.c records it between two marks. A line of key=value
 * for each section that is recorded.
 *
 * As Linux' drivers do: a table for each request (and for comparison none: chains in the
 * ring), a notification if it is asked for, a read of InterruptStatus and InterruptACK for
 * each interrupt. The status byte is directly behind the header, as in their struct
 * virtblk_req.
 */
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "machine.h"
#undef memcpy

#define REQUESTS	640
#define WARM		320
#define LEN		4096

/* As in ../guest/vbaio.c. */
static void recording(bool on)
{
	if (on)
		__asm__ volatile("mov x21, x21" ::: "memory");
	else
		__asm__ volatile("mov x22, x22" ::: "memory");
}

struct point {
	bool table;
	bool packed;
	bool direct;
	bool write;
	unsigned int qd;
};

static u32 place_of_header(unsigned int slot)
{
	return FZ_DATA + slot * 64;
}

static u32 place_of_status(unsigned int slot)
{
	return place_of_header(slot) + sizeof(struct virtio_blk_outhdr);
}

static void offer(const struct point *p, unsigned int slot, unsigned int n)
{
	struct virtio_blk_outhdr hdr = {
		.type = p->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
		.sector = n % 64 * 8,
	};
	u32 at = place_of_header(slot);
	const struct fz_seg segs[] = {
		{ FZ_BASE + at, sizeof(hdr), false },
		{ FZ_BASE + FZ_DATA + PAGE_SIZE * (1 + n % 8), LEN, !p->write },
		{ FZ_BASE + place_of_status(slot), 1, true },
	};
	u8 status = 0xaa;

	fz_guest_put(at, &hdr, sizeof(hdr));
	fz_guest_put(place_of_status(slot), &status, 1);
	fz_ring_offer(0, segs, ARRAY_SIZE(segs),
		      p->table ? FZ_RING(0) + FZ_TABLES + slot * sizeof(struct vring_desc) * 4 : 0);
}

/* An interrupt for the next that ends, as Linux asks for it. */
static void want_irq(const struct point *p)
{
	const struct fz_ring *r = &fz_rings[0];
	u16 event = r->idx, packed[] = {
		r->next | r->wrap << VRING_PACKED_EVENT_F_WRAP_CTR, VRING_PACKED_EVENT_FLAG_DESC,
	};

	if (p->packed)
		fz_guest_put(FZ_RING(0) + FZ_AVAIL, packed, sizeof(packed));
	else
		fz_guest_put(FZ_RING(0) + FZ_AVAIL + 4 + 2 * r->num, &event, sizeof(event));
}

static void round_of(const struct point *p, unsigned int n)
{
	bool kick = false;
	unsigned int i;
	u8 status;

	want_irq(p);
	for (i = 0; i < p->qd; i++) {
		offer(p, i, n + i);
		kick |= fz_ring_wants_kick(0, true, p->table ? 1 : 3);
	}
	if (kick)
		fz_reg(0, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	fz_settle();
	while (fz_end_io(0, 0, 0))
		;
	fz_settle();
	if (!fz_access(0, VIRTIO_MMIO_INTERRUPT_STATUS, 4, false, 0) ||
	    !(fz_machine.access[0].data & VIRTIO_MMIO_INT_VRING))
		fz_bug("no interrupt");
	fz_reg(0, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	fz_settle();
	for (i = 0; i < p->qd; i++) {
		fz_guest_get(place_of_status(i), &status, 1);
		if (status != VIRTIO_BLK_S_OK)
			fz_bug("request %u has status %u", n + i, status);
	}
}

static void measure(const struct point *p)
{
	/* See fz_config_begin() and disk_begin() in fuzz/head.c. */
	const u8 head[FZ_HEAD] = {
		[0] = p->direct ? 16 : 0,
		[1] = 10,		/* 256 entries */
		[3] = p->packed,
		[11] = 2,		/* the disk answers while it is asked, as null_blk does */
		[12] = 1 << 6,		/* a microsecond between two looks at the clock */
	};
	unsigned int n;

	fz_machine_begin(head);
	fz_driver_start(0);
	fz_settle();
	for (n = 0; n < WARM; n += p->qd)
		round_of(p, n);
	recording(true);
	for (; n < WARM + REQUESTS; n += p->qd)
		round_of(p, n);
	recording(false);
	printf("@core layout=%s ring=%s dma=%s op=%s qd=%u requests=%u\n",
	       p->table ? "table" : "chain", p->packed ? "packed" : "split",
	       p->direct ? "direct" : "bounce", p->write ? "write" : "read", p->qd, REQUESTS);
	fz_do_admin(FZ_ADMIN_REMOVE);
	fz_settle();
}

int main(void)
{
	static const unsigned int depths[] = { 1, 32 };
	unsigned int i, way;

	fz_machine_init();
	for (way = 0; way < 12; way++) {
		for (i = 0; i < ARRAY_SIZE(depths); i++) {
			const struct point p = {
				.packed = way & 1, .direct = way & 2, .write = (way & 12) == 4,
				.table = way < 8, .qd = depths[i],
			};

			measure(&p);
		}
	}
	printf("@done\n");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
