// SPDX-License-Identifier: GPL-2.0
/*
 * The machine; see machine.h. The first bytes of an input say what it is like.
 */
#include <stdarg.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "machine.h"
#undef memcpy

/*
 * What ends an input that has no end. A queue full of long requests takes several million,
 * where the host has no more than a few bytes in a piece.
 */
#define STEPS		32000000
#define ZONE_SECTORS	256

struct fz_machine fz_machine;
bool fz_verbose;

static u32 rng;
static u64 tops[FZ_DISKS];
static int writers[FZ_DISKS];
static unsigned int warnings;
static long allocated;

/* --- chance, and the log --- */

u32 fz_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 17;
	rng ^= rng << 5;
	return rng;
}

bool fz_chance(u8 of_256)
{
	return of_256 && (fz_random() & 255) < of_256;
}

void fz_log(const char *fmt, ...)
{
	va_list args;

	/* Ten lines, then silence: that is what the limit of a device says. */
	if (fmt[0] == 'W' && ++warnings > DEFAULT_RATELIMIT_BURST)
		fz_bug("the guest fills the log");
	if (!fz_verbose)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
}

void fz_bug(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "\nFUZZ: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (task %s)\n", fz_current ? fz_current->name : "main");
	abort();
}

/* --- stores --- */

u64 fz_image_top(const struct fz_image *im)
{
	return tops[im - fz_images];
}

bool fz_bdev_writable(const struct block_device *b)
{
	return writers[b - fz_disks];
}

void fz_bdev_set_writable(struct block_device *b, bool on)
{
	writers[b - fz_disks] += on ? 1 : -1;
}

static void disk_begin(struct block_device *b, const u8 *head, bool zoned)
{
	static const u32 blocks[] = { 512, 512, 4096, 1024 };
	u8 like = head[6], limits = head[7];
	int i;

	*b = (struct block_device){
		.capacity = 8192,
		.block_size = blocks[like & 3],
		.physical = 4096,
		.cache = !(like & 4),
		.stable = like & 8,
		.dma_mask = like & 16 ? 4095 : like & 32 ? 3 : 511,
		.read_only = (like & 0xc0) == 0xc0,
		.offset = limits & 1 ? -1 : 0,
		.discard = limits & 2 ? 0 : limits & 4 ? 100 : 4096,
		.granularity = limits & 8 ? 0 : 4096,
		.zeroes = limits & 16 ? 0 : 1024,
		.erase = limits & 32 ? 512 : 0,
	};
	INIT_LIST_HEAD(&b->bios);
	if (zoned) {
		b->zone_sectors = limits & 64 ? 100 : ZONE_SECTORS;
		b->append = limits & 128 ? 8 : 128;
		b->capacity = FZ_ZONES * ZONE_SECTORS - (limits & 1) * 64;
	}
	b->top = b->capacity;
	for (i = 0; zoned && i < FZ_ZONES; i++) {
		struct blk_zone *z = &b->zones[i];

		z->start = (u64)i * b->zone_sectors;
		z->len = b->zone_sectors;
		z->capacity = b->zone_sectors - (i == 5 ? 64 : 0);
		z->type = i < 2 ? BLK_ZONE_TYPE_CONVENTIONAL : BLK_ZONE_TYPE_SEQWRITE_REQ;
		z->cond = i < 2 ? BLK_ZONE_COND_NOT_WP : i == 14 ? BLK_ZONE_COND_OFFLINE :
			  i == 15 ? BLK_ZONE_COND_READONLY : BLK_ZONE_COND_EMPTY;
		z->wp = z->start;
	}
}

static void image_begin(struct fz_image *im, const u8 *head)
{
	u8 like = head[6], limits = head[7];

	*im = (struct fz_image){
		.inode = {
			.i_mode = S_IFREG,
			.i_sb = &im->sb,
			.i_size = 4096 * 1024 + (like & 4 ? 100 : 0),
			.i_blkbits = (like & 3) == 2 ? 12 : 9,
			.swap = (limits & 0xf0) == 0xf0,
		},
		.index = im - fz_images,
		.nowait = !(like & 8),
		.no_direct = (like & 0x30) == 0x30,
		.no_write = (like & 0xc0) == 0xc0,
		.no_fallocate = limits & 2,
	};
	im->sb.s_bdev = limits & 4 ? &fz_disks[0] : NULL;
	tops[im->index] = im->inode.i_size;
}

static void stores_begin(const u8 *head)
{
	int i;

	fz_disks_answer = head[11] & 2;
	for (i = 0; i < FZ_DISKS; i++) {
		writers[i] = 0;
		disk_begin(&fz_disks[i], head, (head[0] >> 1 & 3) == 2);
		image_begin(&fz_images[i], head);
	}
	/* The second, which may take the place of the first, is not quite the same. */
	if (head[1] & 0x80) {
		fz_disks[1].capacity = 4096;
		fz_disks[1].top = 4096;
	}
	if (head[1] & 0x40)
		fz_disks[1].cache = !fz_disks[1].cache;
	fz_store_reset();
}

/* --- tasks --- */

static void vcpu_run(void *arg)
{
	struct virtback_access *a = arg;

	virtback_mmio(&fz_machine.vd, a);
	fz_machine.accesses++;
	wake_up(&fz_machine.gone);
}

/**
 * fz_access() - a vCPU accesses a register
 * @vcpu: which one
 * @off: of the window
 * @size: bytes
 * @write: it writes
 * @data: what
 *
 * Return: false when the vCPU is still waiting for another one
 */
bool fz_access(unsigned int vcpu, u32 off, u32 size, bool write, u64 data)
{
	struct fz_machine *m = &fz_machine;
	struct fz_task *t = m->vcpus[vcpu];

	if (t->fn || !m->alive || m->leaving)
		return false;
	if (fz_verbose)
		fprintf(stderr, "vcpu%u: %s %#x %u bytes %#llx\n", vcpu, write ? "write" : "read",
			off, size, data);
	m->access[vcpu] = (struct virtback_access){
		.offset = off, .size = size, .write = write, .data = data,
	};
	fz_start(t, vcpu_run, &m->access[vcpu]);
	fz_run(t);
	return true;
}

struct io_end {
	struct bio *bio;
	struct fz_aio *aio;
	u8 how;
};

static struct io_end ends[2];

static void irq_run(void *arg)
{
	struct io_end *e = arg;

	if (e->bio)
		fz_bio_end(e->bio, e->how);
	else
		fz_aio_end(e->aio, e->how);
}

/**
 * fz_end_io() - the disk has done something
 * @irq: interrupt that tells
 * @which: of what is on its way
 * @how: as for fz_bio_end()
 *
 * Return: false when there is nothing, or the interrupt is being served
 */
bool fz_end_io(unsigned int irq, unsigned int which, u8 how)
{
	struct fz_task *t = fz_machine.irqs[irq];
	struct io_end *e = &ends[irq];

	if (t->fn)
		return false;
	*e = (struct io_end){ .bio = fz_bio_take(which), .how = how };
	if (!e->bio)
		e->aio = fz_aio_take(which);
	if (!e->bio && !e->aio)
		return false;
	fz_start(t, irq_run, e);
	fz_run(t);
	return true;
}

static bool vcpus_idle(void)
{
	return !fz_machine.vcpus[0]->fn && !fz_machine.vcpus[1]->fn;
}

static int create(void)
{
	struct fz_machine *m = &fz_machine;
	struct virtback_device *vd = &m->vd;
	int err;

	vd->type = &fz_type;
	vd->host = &fz_host;
	vd->features_off = m->cfg.features_off;
	vd->dma = m->cfg.dma;
	vd->reset_timeout_ms = m->cfg.reset_timeout_ms;
	vd->poll_us = m->cfg.poll_us;
	err = virtback_device_init(vd, m->cfg.queues, m->cfg.queue_size);
	if (err)
		return err;
	err = vd->type->create(vd, &m->cfg);
	if (err)
		virtback_device_fini(vd);
	else
		m->alive = true;
	return err;
}

/* What sysfs and debugfs show, while all goes on. */
static void look(struct virtback_device *vd)
{
	u64 accesses = fz_machine.accesses, sum = 0, count[VIRTBACK_LATENCY_BUCKETS];
	unsigned int i;

	for (i = 0; i < VIRTBACK_REG_NR; i++)
		sum += virtback_device_reg_count(vd, i);
	/* Those that are just being answered, by each vCPU. */
	if (sum < accesses || sum > fz_machine.accesses + FZ_VCPUS)
		fz_bug("%llu accesses were counted of %llu", sum, accesses);
	for (i = 0; i < vd->type->nr_counters; i++)
		virtback_vq_counter(&vd->vqs[0], i);
	virtback_latency_read(&vd->traps, count);
	virtback_latency_read(&vd->vqs[0].latency[VIRTBACK_LATENCY_COMPLETE], count);
	virtback_latency_reset(&vd->vqs[0].latency[VIRTBACK_LATENCY_COMPLETE]);
}

static void move_workers(struct virtback_device *vd)
{
	virtback_device_set_cpus(vd, (const struct cpumask *)&fz_machine);
	virtback_device_set_nice(vd, 5);
	if (virtback_device_cpus(vd) != (const struct cpumask *)&fz_machine ||
	    virtback_device_nice(vd) != 5)
		fz_bug("the workers are not where they are to be");
}

/* As drivers/control does it. */
static void destroy(void)
{
	struct fz_machine *m = &fz_machine;
	struct virtback_device *vd = &m->vd;
	int i;

	if (!m->alive)
		return;
	m->leaving = true;
	virtback_device_leave(vd);
	wait_event(m->gone, vcpus_idle());
	virtback_device_quiesce(vd);
	if (fz_guest.pins && !virtback_device_exposed(vd))
		fz_bug("pins are left of a device that let go");
	virtback_device_drain(vd);
	for (i = 0; i < vd->nvqs; i++) {
		struct virtback_vq *vq = &vd->vqs[i];

		if (vq->pages.nr != vq->pages.size || vq->pieces.nr != vq->pieces.size ||
		    vq->keep.nr != vq->keep.size)
			fz_bug("queue %d has not got back all of its stocks", i);
	}
	vd->type->destroy(vd);
	virtback_device_fini(vd);
	m->alive = false;
}

static void admin_run(void *arg)
{
	struct fz_machine *m = arg;
	struct virtback_config cfg = m->cfg;

	switch (m->todo) {
	case FZ_ADMIN_CREATE:
		m->err = create();
		break;
	case FZ_ADMIN_REMOVE:
		destroy();
		break;
	case FZ_ADMIN_SWAP:
		cfg.backing = m->path;
		m->err = m->vd.type->set_backing(&m->vd, &cfg);
		break;
	case FZ_ADMIN_SIZE:
		m->vd.type->check_size(&m->vd);
		break;
	case FZ_ADMIN_LOOK:
		look(&m->vd);
		break;
	case FZ_ADMIN_WORKERS:
		move_workers(&m->vd);
		break;
	}
}

/**
 * fz_do_admin() - somebody administers the device
 * @what: what to do
 *
 * Return: false when that is not possible now
 */
bool fz_do_admin(enum fz_admin what)
{
	struct fz_machine *m = &fz_machine;

	if (m->admin->fn || (what != FZ_ADMIN_CREATE && !m->alive))
		return false;
	m->todo = what;
	fz_start(m->admin, admin_run, m);
	fz_run(m->admin);
	return true;
}

/**
 * fz_pump() - let all go on, with a disk that works, until nothing is left to do
 */
void fz_pump(void)
{
	do {
		fz_settle();
	} while (fz_end_io(0, 0, 0));
}

/* --- the driver --- */

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

/* --- an input --- */

/* Data of two kinds, made once. */
static u8 legit_pages[2][PAGE_SIZE];

static void legit_init(void)
{
	u32 i;

	for (i = 0; i < PAGE_SIZE; i++) {
		legit_pages[0][i] = 1 + i * 7;
		legit_pages[1][i] = 2 + i * 7;
	}
}

/**
 * fz_machine_init() - once for the process
 */
void fz_machine_init(void)
{
	struct fz_machine *m = &fz_machine;

	fz_verbose = getenv("FUZZ_VERBOSE");
	fz_mem_init();
	fz_sched_init();
	legit_init();
	m->vcpus[0] = fz_task_get("vcpu0");
	m->vcpus[1] = fz_task_get("vcpu1");
	m->irqs[0] = fz_task_get("irq0");
	m->irqs[1] = fz_task_get("irq1");
	m->softirq = fz_task_get("softirq");
	m->admin = fz_task_get("admin");
	m->irqs[0]->irq = true;
	m->irqs[1]->irq = true;
	m->softirq->irq = true;
	allocated = fz_mem_count();
}

static void config_begin(struct fz_machine *m, const u8 *head)
{
	static const u16 sizes[] = { 16, 64, 8, 4, 3, 2, 1, 5, 33, 128, 256, 16, 32, 64, 17, 7 };
	static const u8 queues[] = { 1, 1, 2, 4 };
	static const u16 polls[] = { 0, 0, 0, 0, 5, 50, 200, 1000 };
	static const char *const paths[] = { "/b0", "/f0", "/b0", VIRTBACK_NO_BACKING };
	static const struct { u8 bit; bool off; } features[] = {
		/* a driver's habits: those with off=false it has unless told otherwise */
		{ VIRTIO_F_RING_PACKED, true }, { VIRTIO_RING_F_EVENT_IDX, false },
		{ VIRTIO_RING_F_INDIRECT_DESC, false }, { VIRTIO_F_IN_ORDER, true },
		{ VIRTIO_BLK_F_FLUSH, false }, { VIRTIO_BLK_F_CONFIG_WCE, false },
		{ VIRTIO_F_NOTIFICATION_DATA, true }, { VIRTIO_F_RING_RESET, false },
	};
	int i;

	memset(&m->cfg, 0, sizeof(m->cfg));
	snprintf(m->path, sizeof(m->path), "%s", paths[head[0] >> 1 & 3]);
	m->cfg.backing = m->path;
	m->cfg.readonly = head[0] & 8;
	/* A host that copies refuses dma=direct. */
	m->cfg.dma = (head[0] & 17) == 16 ? VIRTBACK_DMA_DIRECT : VIRTBACK_DMA_BOUNCE;
	m->cfg.direct_io = !(head[0] & 32);
	__set_bit(VIRTBACK_OPT_DIRECT_IO, &m->cfg.set);
	m->cfg.queues = queues[head[0] >> 6];
	m->cfg.queue_size = sizes[head[1] & 15];
	m->cfg.reset_timeout_ms = 1000;
	m->cfg.poll_us = polls[head[12] & 7];
	m->cfg.features_off = 0;
	m->offer = 0;
	for (i = 0; i < 8; i++) {
		if (!!(head[3] & 1 << i) != features[i].off)
			m->offer |= BIT_ULL(features[i].bit);
		if (head[2] & 1 << i)
			m->cfg.features_off |= BIT_ULL(features[i].bit);
	}
	if (head[2] == 0xff)
		m->cfg.features_off = BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_RO) |
				      BIT_ULL(VIRTIO_BLK_F_ZONED) |
				      BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
}

/* In any context, so it may not sleep. */
static void state_changed(struct virtback_device *vd)
{
	fz_point();
}

/**
 * fz_machine_begin() - power on
 * @head: first bytes of the input
 */
void fz_machine_begin(const u8 *head)
{
	static const u32 pieces[] = { PAGE_SIZE, 512, 40, 16 * PAGE_SIZE };
	static const u32 ticks[] = { 200, 1000, 30000, 2 * NSEC_PER_MSEC };
	static const u32 borrow[] = { 0, 0, 0, 0, 1, 512, 4096, 65536 };
	static const u16 places[] = { 4 * 512, 512, 16, 3 };
	struct fz_machine *m = &fz_machine;

	rng = head[10] * 2654435761U + 1;
	warnings = 0;
	fz_mem_begin(!(head[10] & 15) && head[10]);
	fz_sched_begin(STEPS, ticks[head[12] >> 6]);
	fz_guest_begin(&m->vd);
	stores_begin(head);
	config_begin(m, head);
	fz_guest.piece = pieces[head[1] >> 4 & 3];
	fz_io_now = head[8];
	fz_io_error = 0;
	m->alive = false;
	m->leaving = false;
	memset(&m->vd, 0, sizeof(m->vd));
	snprintf(m->vd.name, sizeof(m->vd.name), "fuzz");
	m->vd.copies = head[0] & 1;
	m->vd.state_changed = state_changed;
	if (m->vd.copies)
		m->vd.borrow_min = borrow[head[13] & 7];
	if (head[13] & 8) {
		m->vd.host_features = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
		m->vd.required = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	}
	fz_guest.places = places[head[13] >> 6];
	fz_tracing = head[14] & 1;
	virtback_latency_on.on = !(head[14] & 2);
	m->accesses = 0;
	/* How far a creation gets that runs out of memory. */
	fz_fail_alloc = head[4] >= 0xf0 ? 1 + head[5] * (head[4] & 1 ? 17 : 1) : 0;
	fz_do_admin(FZ_ADMIN_CREATE);
	fz_settle();
	/* Or how far its driver gets with the queues. */
	if (head[4] < 0xf8)
		fz_fail_alloc = 0;
	fz_io_error = head[9];
}

/* The world is well again, and everybody comes to an end. */
static void calm(void)
{
	int i;

	fz_preempt_after(0);
	fz_fail_alloc = 0;
	fz_io_error = 0;
	fz_guest.absent = 0;
	fz_guest.fail_map = 0;
	fz_guest.fail_reach = 0;
	fz_guest.flip_after = 0;
	fz_guest_idle();
	fz_thaw();
	do {
		fz_pump();
		/* Whoever would look again later does so. */
		fz_advance(HZ);
		while (fz_timer_fire(fz_machine.softirq))
			fz_settle();
		fz_pump();
	} while (fz_busy() && fz_next_deadline());
	if (fz_busy())
		fz_bug("somebody waits for ever");
	if (!fz_machine.alive)
		return;
	if (atomic_read(&fz_machine.vd.orphans))
		fz_bug("orphans are left");
	for (i = 0; i < fz_machine.vd.nvqs; i++) {
		if (virtback_vq_inflight(&fz_machine.vd.vqs[i]))
			fz_bug("a request of queue %d never ends", i);
	}
	fz_guest_counts();
}

/* One request of a driver that does all as it should. */
static void legit_request(u32 type, u64 sector, u32 len, u8 want)
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
	if (st != want)
		fz_bug("a good request of type %u got status %u", type, st);
	if (!packed && used != (u16)(before + 1))
		fz_bug("a good request got no used element");
	if (!(atomic_read(&fz_machine.vd.isr) & VIRTIO_MMIO_INT_VRING))
		fz_bug("a good request got no interrupt");
	fz_reg(0, VIRTIO_MMIO_INTERRUPT_ACK, 1);
}

/* Whatever happened, the next driver finds a disk that works. */
static void legit_driver(void)
{
	struct virtback_device *vd = &fz_machine.vd;
	bool disk = vd->id, ro;
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
		legit_request(VIRTIO_BLK_T_OUT, 8, PAGE_SIZE, VIRTIO_BLK_S_OK);
	fz_guest_put(FZ_DATA + PAGE_SIZE, legit_pages[1], PAGE_SIZE);
	legit_request(VIRTIO_BLK_T_IN, 8, PAGE_SIZE, VIRTIO_BLK_S_OK);
	fz_guest_get(FZ_DATA + PAGE_SIZE, page, sizeof(page));
	if (!ro && memcmp(page, legit_pages[0], PAGE_SIZE))
		fz_bug("a good read got other data");
	/* So soon after each other that it may wait for them busily. */
	for (i = 0; vd->poll_us && i < 4; i++)
		legit_request(VIRTIO_BLK_T_IN, 8, PAGE_SIZE, VIRTIO_BLK_S_OK);
}

/**
 * fz_machine_end() - all comes to its end, and nothing may be left
 */
void fz_machine_end(void)
{
	struct fz_machine *m = &fz_machine;
	int i;

	calm();
	for (i = 0; i < FZ_DISKS; i++) {
		/* What was resized or exchanged fits again. */
		fz_disks[i].capacity = max(fz_disks[i].capacity, 64ULL);
		fz_images[i].inode.i_size = max(fz_images[i].inode.i_size, 64ULL * 512);
	}
	if (m->alive) {
		fz_io_now = 0;
		fz_do_admin(FZ_ADMIN_SIZE);
		calm();
		legit_driver();
		calm();
		fz_do_admin(FZ_ADMIN_REMOVE);
		calm();
	}
	if (m->alive)
		fz_bug("a removal does not end");
	fz_sched_end();
	fz_guest_check();
	fz_vfs_check();
	fz_mem_check(allocated);
}
