// SPDX-License-Identifier: GPL-2.0
/*
 * The machine; see machine.h.
 */
#include <stdarg.h>

#include <linux/virtio_config.h>

#include "machine.h"
#undef memcpy

/*
 * What ends an input that has no end. A queue full of long requests takes several million,
 * where the host has no more than a few bytes in a piece.
 */
#define STEPS		32000000

struct fz_machine fz_machine;
bool fz_verbose;

static u32 rng;
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

	/*
	 * Ten lines, then silence: that is what the limit of a device says. Who administers it
	 * is told of each thing that he does.
	 */
	if (fmt[0] == 'W' && fz_current != fz_machine.admin && ++warnings > DEFAULT_RATELIMIT_BURST)
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

/* --- an input --- */

/**
 * fz_machine_init() - once for the process
 */
void fz_machine_init(void)
{
	struct fz_machine *m = &fz_machine;

	fz_verbose = getenv("FUZZ_VERBOSE");
	fz_mem_init();
	fz_sched_init();
	fz_legit_init();
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
	fz_stores_begin(head);
	fz_config_begin(m, head);
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
		fz_legit_driver();
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
