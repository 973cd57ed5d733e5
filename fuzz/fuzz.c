// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: an input is a machine (16 bytes, see head.c) and a program for it, of
 * operations of 8 bytes: what, flags, two small arguments and a large one. Each means
 * something whatever it is, and most programs make a driver that does useful work
 * between what it should not do.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "machine.h"
#include "mutate.h"
#undef memcpy

#define MAX_SEGS	48

/* In the flags of what writes to a ring: a descriptor gets a next one that is there. */
#define F_LINK		16

struct op {
	u8 what;
	u8 flags;
	u8 a;
	u8 b;
	u32 c;
};

static_assert(sizeof(struct op) == FZ_OP);

static const u16 registers[] = {
	VIRTIO_MMIO_MAGIC_VALUE, VIRTIO_MMIO_VERSION, VIRTIO_MMIO_DEVICE_ID,
	VIRTIO_MMIO_VENDOR_ID, VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES_SEL,
	VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_QUEUE_SEL,
	VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_READY,
	VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_INTERRUPT_ACK,
	VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
	VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW,
	VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_SHM_SEL, VIRTIO_MMIO_SHM_LEN_LOW,
	VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_CONFIG_GENERATION, 0x0c0, 0x104, 0x0,
};

static const u32 types[] = {
	VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID,
	VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_SECURE_ERASE,
	VIRTIO_BLK_T_ZONE_APPEND, VIRTIO_BLK_T_ZONE_REPORT, VIRTIO_BLK_T_ZONE_OPEN,
	VIRTIO_BLK_T_ZONE_CLOSE, VIRTIO_BLK_T_ZONE_FINISH, VIRTIO_BLK_T_ZONE_RESET,
	VIRTIO_BLK_T_ZONE_RESET_ALL, 10, 0x1234,
};

static const u32 lengths[] = {
	4096, 512, 1024, 8192, 16384, 65536, 0, 1, 511, 16, 20, 4095, 64, 128, 1536, 0xffff0000,
};

/* --- requests --- */

static u64 sector_of(u32 c)
{
	u32 n = c & 0x1fff;

	switch (c >> 13 & 7) {
	case 0:
	case 1:
		return n & ~7;
	case 2:
		return (n & 15) * 256;			/* the start of a zone */
	case 3:
		return 8192 - (n & 31);
	case 4:
		return (n & 15) * 256 + fz_disks[0].zones[n & 15].wp % 256;
	case 5:
		return ~0ULL - n;
	default:
		return n;
	}
}

static bool writes_to_us(u32 type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID ||
	       type == VIRTIO_BLK_T_ZONE_REPORT;
}

static bool has_ranges(u32 type)
{
	return type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES ||
	       type == VIRTIO_BLK_T_SECURE_ERASE;
}

static bool has_data(u32 type)
{
	return writes_to_us(type) || has_ranges(type) || type == VIRTIO_BLK_T_OUT ||
	       type == VIRTIO_BLK_T_ZONE_APPEND;
}

/* Segments to discard, and how long the buffer is. */
static u32 put_ranges(u32 at, const struct op *op)
{
	u32 n = 1 + (op->b & 7), i;

	for (i = 0; i < n; i++) {
		struct virtio_blk_discard_write_zeroes r = {
			.sector = sector_of(op->c) + 16 * i,
			.num_sectors = op->c >> 24 & 0xf8,
			.flags = op->c >> 22 & 1,
		};

		fz_guest_put(at + 16 * i, &r, sizeof(r));
	}
	return 16 * n + (op->c >> 23 & 1);
}

/* The data of a request in as many buffers as the operation says. */
static unsigned int add_data(struct fz_seg *segs, unsigned int nr, u32 type, const struct op *op,
			     u32 data)
{
	unsigned int n = op->b & 7, i;

	if (has_ranges(type)) {
		segs[nr++] = (struct fz_seg){ FZ_BASE + data, put_ranges(data, op), false };
		return nr;
	}
	if (!has_data(type))
		return nr;
	n = n == 7 ? 40 : n == 6 ? 18 : n + 1;
	for (i = 0; i < n; i++) {
		u32 len = lengths[(op->c >> 16 >> 4 * (i & 3)) & 15];
		u32 off = (data - FZ_DATA + i * 4096) % FZ_DATA_LEN;

		if (len >= FZ_DATA_LEN)
			off = 0;
		else if (off + len > FZ_DATA_LEN)
			off = FZ_DATA_LEN - len;
		segs[nr++] = (struct fz_seg){ FZ_BASE + FZ_DATA + off, len, writes_to_us(type) };
	}
	return nr;
}

static void do_chain(const struct op *op)
{
	unsigned int q = op->flags >> 1 & 3, nr = 0, vcpu = op->flags & FZ_VCPU;
	struct fz_ring *r = &fz_rings[q];
	u32 type = types[op->a & 15], place = FZ_RING(q) + FZ_TABLES, hdr, status, table = 0;
	struct virtio_blk_outhdr h = { .type = type, .sector = sector_of(op->c) };
	struct fz_seg segs[MAX_SEGS];
	u8 none = 0xee;

	if (!r->num)
		return;
	r->slot = (r->slot + 1) % 32;
	hdr = place + 0xc00 + 16 * r->slot;
	status = place + 0xe00 + r->slot;
	fz_guest_put(hdr, &h, sizeof(h));
	fz_guest_put(status, &none, 1);
	if (op->a & 0x10) {
		segs[nr++] = (struct fz_seg){ FZ_BASE + hdr, 5, false };
		segs[nr++] = (struct fz_seg){ FZ_BASE + hdr + 5, 11, false };
	} else {
		segs[nr++] = (struct fz_seg){ FZ_BASE + hdr, sizeof(h), false };
	}
	nr = add_data(segs, nr, type, op, FZ_DATA + (r->slot * 3 % 16) * PAGE_SIZE);
	if (type == VIRTIO_BLK_T_ZONE_APPEND)
		segs[nr++] = (struct fz_seg){ FZ_BASE + hdr + 0x180, 8, true };
	if (op->a & 0x20 && segs[nr - 1].write)
		segs[nr - 1].len++;		/* the status byte is behind the data */
	else
		segs[nr++] = (struct fz_seg){ FZ_BASE + status, 1, true };
	if (op->a & 0x40)
		segs[op->b >> 5 & 1 ? nr - 1 : nr / 2].write ^= true;
	if (op->b & 8 || nr > r->num)
		table = place + (r->slot & 3) * 0x300 + (op->a & 0x80 ? 9 : 0);
	if (op->b & 16 && nr > 2)
		table = FZ_DATA + 5 * PAGE_SIZE - 24;		/* across pages */
	fz_ring_offer(q, segs, nr, table);
	if (!(op->b & 0x80))
		fz_access(vcpu, VIRTIO_MMIO_QUEUE_NOTIFY, 4, true, q);
}

/* --- what a driver should not do --- */

static void do_ring(const struct op *op)
{
	unsigned int q = op->flags >> 1 & 3;
	u32 ring = FZ_RING(q), desc = ring + 16 * (op->b % FZ_QUEUE_SIZE);
	u32 num = fz_rings[q].num;
	/* Flags, then next: a loop, say. */
	u32 link = VRING_DESC_F_NEXT | (op->c & VRING_DESC_F_WRITE) |
		   (op->c >> 16) % (num ?: 1) << 16;

	switch (op->a & 15) {
	case 0:
		fz_guest_put(desc, &op->c, 4);
		break;
	case 1:
		fz_guest_put(desc + 4, &op->c, 4);
		break;
	case 2:
		fz_guest_put(desc + 8, &op->c, 4);
		break;
	case 3:
		if (op->flags & F_LINK)
			fz_guest_put(desc + 12, &link, 4);
		else
			fz_guest_put(desc + 12, &op->c, 2);
		break;
	case 4:
		fz_guest_put(desc + 14, &op->c, 2);
		break;
	case 5:
		fz_guest_put(ring + FZ_AVAIL, &op->c, 2);
		break;
	case 6:
		fz_guest_put(ring + FZ_AVAIL + 2, &op->c, 2);
		break;
	case 7:
		fz_guest_put(ring + FZ_AVAIL + 4 + 2 * op->b, &op->c, 2);
		break;
	case 8:
		fz_guest_put(ring + FZ_AVAIL + 4 + 2 * num, &op->c, 2);	/* used_event */
		break;
	case 9:
		fz_guest_put(ring + FZ_USED + op->b, &op->c, 4);
		break;
	case 10:
		fz_guest_put(ring + FZ_TABLES + 16 * op->b, &op->c, 4);
		break;
	case 11:
		fz_guest_put(ring + FZ_TABLES + 16 * op->b + 12,
			     op->flags & F_LINK ? &link : &op->c, 4);
		break;
	case 12:
		fz_guest_put(ring + FZ_TABLES + 16 * op->b + 8, &op->c, 4);
		break;
	case 13:
		fz_rings[q].idx += op->b & 7;		/* chains again that were there */
		fz_guest_put(ring + FZ_AVAIL + 2, &fz_rings[q].idx, 2);
		break;
	case 14:
		fz_guest_put(ring + FZ_AVAIL, &op->c, 4);	/* packed: the driver's events */
		break;
	default:
		fz_guest_put(op->c % FZ_GUEST_LEN, &op->b, 1);
		break;
	}
}

static void do_register(const struct op *op, bool write)
{
	static const u8 sizes[] = { 4, 4, 4, 4, 1, 2, 8, 3 };
	u32 off = op->a & 0x80 ? op->c >> 16 & 0x3ff : registers[op->a % ARRAY_SIZE(registers)];
	u64 val = op->a & 0x80 ? op->b : op->c;

	fz_access(op->flags & FZ_VCPU, off, sizes[op->flags >> 1 & 7], write, val);
}

static void do_config(const struct op *op)
{
	fz_access(op->flags & FZ_VCPU, VIRTIO_MMIO_CONFIG + (op->b & 127), 1 << (op->a & 3),
		  op->a & 4, op->c);
}

static void do_size(const struct op *op)
{
	u64 size = op->b & 1 ? op->c : op->b & 2 ? 0 : 8192 - (op->c & 4095);
	unsigned int i = op->a % FZ_DISKS;

	/* What is on its way may be beyond the end now, as with any disk. */
	fz_disks[i].capacity = min(size, fz_disks[i].top);
	fz_images[i].inode.i_size = min(size * 512, fz_image_top(&fz_images[i]));
	if (op->b & 4)
		fz_do_admin(FZ_ADMIN_SIZE);
}

static void do_swap(const struct op *op)
{
	static const char kinds[] = { 'b', 'f', 'b', 'f', 'd', 'x', 'b', 'f' };
	struct fz_machine *m = &fz_machine;

	if (m->admin->fn)
		return;
	snprintf(m->path, sizeof(m->path), "/%c%u", kinds[op->a & 7], op->b & 1);
	fz_do_admin(FZ_ADMIN_SWAP);
}

static void do_world(const struct op *op)
{
	switch (op->a & 15) {
	case 0:
		fz_guest.absent ^= 1ULL << op->b % FZ_GUEST_PAGES;
		break;
	case 1:
		fz_guest.fail_map = op->b;
		break;
	case 2:
		fz_guest.fail_reach = op->b;
		break;
	case 3:
		fz_io_now = op->b;
		break;
	case 4:
		fz_io_error = op->b;
		break;
	case 5:
		fz_disks[op->b & 1].cache ^= true;
		break;
	case 6:
		fz_disks[op->b & 1].discard = op->c & 4095;
		fz_disks[op->b & 1].zeroes = op->c >> 12 & 4095;
		break;
	case 7:
		fz_images[op->b & 1].frozen = true;
		break;
	case 8:
		fz_thaw();
		break;
	case 9:
		fz_machine.admin->killed = true;
		break;
	case 10:
		fz_advance(op->b * 8);
		fz_timer_fire(fz_machine.softirq);
		break;
	case 11:
		fz_next_deadline();
		break;
	case 12:
		fz_disks[op->b & 1].append = op->c & 255;
		break;
	case 13:
		if (fz_machine.alive)
			WRITE_ONCE(fz_machine.vd.poll_us, op->b * 4);
		break;
	case 14:
		fz_guest.busy = op->b & 15;
		break;
	default:
		fz_do_admin(op->b & 1 ? FZ_ADMIN_WORKERS : FZ_ADMIN_LOOK);
		break;
	}
}

static void do_step(const struct op *op)
{
	struct fz_task *t = &fz_tasks[op->a % FZ_TASKS];
	int i;

	/* The next one that can go on. */
	for (i = 0; i < FZ_TASKS && !fz_runnable(t); i++)
		t = &fz_tasks[(op->a + i) % FZ_TASKS];
	if (fz_runnable(t))
		fz_run(t);
}

static void do_reset(const struct op *op)
{
	unsigned int vcpu = op->flags & FZ_VCPU, q = op->b & 3;

	switch (op->a & 3) {
	case 0:
		fz_access(vcpu, VIRTIO_MMIO_STATUS, 4, true, 0);
		break;
	case 1:
		fz_reg(vcpu, VIRTIO_MMIO_QUEUE_SEL, q);
		fz_access(vcpu, 0x0c0, 4, true, 1);
		break;
	case 2:
		fz_reg(vcpu, VIRTIO_MMIO_QUEUE_SEL, q);
		fz_access(vcpu, VIRTIO_MMIO_QUEUE_READY, 4, true, 0);
		break;
	default:
		fz_queue_up(vcpu, q, op->c & 63 ?: 16);
		break;
	}
}

static void run_op(const struct op *op)
{
	unsigned int vcpu = op->flags & FZ_VCPU;

	switch (op->what & 31) {
	case 0 ... 7:
		do_chain(op);
		break;
	case 8:
		do_register(op, true);
		break;
	case 9:
		do_register(op, false);
		break;
	case 10:
		do_config(op);
		break;
	case 11 ... 13:
		do_ring(op);
		break;
	case 14:
		fz_access(vcpu, VIRTIO_MMIO_QUEUE_NOTIFY, 4, true, op->a & 7);
		break;
	case 15 ... 17:
		fz_end_io(op->a & 1, op->c, op->b < 160 ? 0 : op->b % 6);
		break;
	case 18:
	case 19:
		do_reset(op);
		break;
	case 20:
		fz_driver_start(vcpu);
		break;
	case 21:
		fz_negotiate(vcpu, op->c | (u64)op->a << 32);
		break;
	case 22:
		do_size(op);
		break;
	case 23:
		do_swap(op);
		break;
	case 24:
	case 25:
		do_world(op);
		break;
	case 26:
	case 27:
		do_step(op);
		break;
	case 28:
	case 29:
		fz_guest.flip_after = op->a + 1;
		fz_guest.flip_to = op->b & 1 ? op->c : (u64)op->c << 32 | op->b;
		break;
	case 30:
		fz_access(vcpu, VIRTIO_MMIO_INTERRUPT_ACK, 4, true, op->a & 3);
		break;
	default:
		if (op->a == 0xff)
			fz_do_admin(FZ_ADMIN_REMOVE);
		break;
	}
}

/* From the environment: which bytes are what, for people. */
static void show_op(const struct op *op)
{
	fprintf(stderr, "op %u flags %#x a %#x b %#x c %#x\n", op->what & 31, op->flags, op->a,
		op->b, op->c);
}

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

/* A larger quarantine is slower than it is of use: an input is short. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8:detect_leaks=0:handle_abort=1";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fz_machine_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	unsigned int i, n = 0;
	u8 head[FZ_HEAD] = {};

	memcpy(head, data, min_t(size_t, len, FZ_HEAD));
	if (len > FZ_HEAD)
		n = min_t(size_t, (len - FZ_HEAD) / FZ_OP, FZ_MAX_OPS);
	fz_machine_begin(head);
	if (!(head[11] & 1))
		fz_driver_start(0);
	for (i = 0; i < n; i++) {
		struct op op;

		memcpy(&op, data + FZ_HEAD + i * FZ_OP, FZ_OP);
		if (fz_verbose)
			show_op(&op);
		if (op.flags & FZ_PREEMPT)
			fz_preempt_after(1 + (op.c >> 8 & 127));
		run_op(&op);
		fz_preempt_after(0);
		if (!(op.flags & FZ_LEAVE))
			fz_settle_but_lookers();
	}
	fz_machine_end();
	fz_note_cost(data, len, fz_points());
	return 0;
}
