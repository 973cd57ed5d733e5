// SPDX-License-Identifier: GPL-2.0
/*
 * Races between completions, worker, register accesses and resets, on a machine
 * with several CPUs. Linked in with VIRTBACK_TORTURE=y only; see scripts/smp.
 *
 *	echo "/dev/ram0 /dev/nullb0" > /sys/module/virtback/parameters/torture
 *
 * makes a device of each, with a driver (and host) of its own that knows what a
 * stock driver never finds out. In every round it starts the device, does random
 * reads and writes, and resets it at a random moment, mostly with requests in
 * flight. The write ends when all are done, with an error if anything was wrong.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": torture " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_mmio.h>
#include <linux/vmalloc.h>

#include <virtback/config.h>

#include "driver.h"

#define ROUND_REQS	200
#define MAX_DEVICES	8

static unsigned int torture_rounds = 40;
module_param(torture_rounds, uint, 0644);
MODULE_PARM_DESC(torture_rounds, "rounds of each device (default: 40)");

module_param(torture_short, bool, 0644);
MODULE_PARM_DESC(torture_short, "short requests, one by one, for what makes all else slow");

static __no_kcsan void torture_round(struct torture *t)
{
	u32 reqs = below(ROUND_REQS), n = 0;
	struct slot *s;

	torture_start(t);
	while (n < reqs && !torture_broken(t)) {
		for (s = t->slots; s < t->slots + SLOTS; s++) {
			if (s->busy || !below(4))
				continue;
			slot_submit(t, s);
			n++;
			/* The worker goes to rest, and is woken with requests in flight. */
			if (READ_ONCE(torture_short))
				usleep_range(1, 2000);
		}
		torture_reap(t);
		if (torture_busy(t) == SLOTS) {
			torture_wait_irq(t);
			torture_reap(t);
		}
		cond_resched();
	}
	/* Sometimes nothing is in flight: then everything must have come back. */
	while (reqs % 4 == 0 && torture_busy(t) && !torture_broken(t)) {
		torture_wait_irq(t);
		torture_reap(t);
	}
	torture_stop(t);
	t->rounds++;
}

static int torture_driver(void *arg)
{
	struct torture *t = arg;

	while (t->rounds < torture_rounds && !torture_broken(t))
		torture_round(t);
	complete(&t->done);
	/* A thread that has returned cannot be stopped. */
	while (!kthread_should_stop())
		schedule_timeout_idle(HZ / 50);
	return 0;
}

/* Kicks that nobody needs, and reads, at any moment: during resets, too. */
static int torture_busybody(void *arg)
{
	struct torture *t = arg;

	while (!kthread_should_stop()) {
		if (!READ_ONCE(t->meddle)) {
			usleep_range(1000, 2000);
			continue;
		}
		if (below(8)) {
			reg_write(t, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		} else {
			reg_read(t, VIRTIO_MMIO_STATUS);
			reg_read(t, VIRTIO_MMIO_INTERRUPT_STATUS);
			reg_read(t, VIRTIO_MMIO_CONFIG_GENERATION);
		}
		usleep_range(1, READ_ONCE(torture_short) ? 5000 : 300);
	}
	return 0;
}

/* Life of a device. */

static void torture_free(struct torture *t)
{
	unsigned int i, b;

	for (i = 0; i < SLOTS; i++) {
		for (b = 0; b < BUFS; b++)
			free_pages((unsigned long)t->slots[i].buf[b], BUF_ORDER);
		free_page((unsigned long)t->slots[i].page);
	}
	free_page((unsigned long)t->used);
	free_page((unsigned long)t->avail);
	free_page((unsigned long)t->desc);
	vfree(t->gens);
	kfree(t);
}

static int slot_alloc(struct slot *s)
{
	unsigned int b;

	s->page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!s->page)
		return -ENOMEM;
	s->hdr = s->page;
	s->table = s->page + 1024;
	s->status = s->page + 2048;
	for (b = 0; b < BUFS; b++) {
		s->buf[b] = (void *)__get_free_pages(GFP_KERNEL, BUF_ORDER);
		if (!s->buf[b])
			return -ENOMEM;
	}
	return 0;
}

static struct torture *torture_alloc(const char *path)
{
	struct torture *t = kzalloc(sizeof(*t), GFP_KERNEL);
	size_t size = SLOTS * SLOT_SECTORS * sizeof(*t->gens);
	unsigned int i;

	if (!t)
		return NULL;
	t->path = path;
	init_completion(&t->done);
	init_waitqueue_head(&t->irq_wait);
	t->gens = vmalloc(size);
	t->desc = (void *)get_zeroed_page(GFP_KERNEL);
	t->avail = (void *)get_zeroed_page(GFP_KERNEL);
	t->used = (void *)get_zeroed_page(GFP_KERNEL);
	if (!t->gens || !t->desc || !t->avail || !t->used)
		goto free;
	memset(t->gens, 0xff, size);
	for (i = 0; i < SLOTS; i++) {
		if (slot_alloc(&t->slots[i]))
			goto free;
	}
	return t;

free:
	torture_free(t);
	return NULL;
}

static int torture_create(struct torture *t, char *path)
{
	struct virtback_config cfg = { .backing = path };
	int err;

	snprintf(t->vd.name, sizeof(t->vd.name), "torture.%s", kbasename(path));
	t->vd.type = &virtback_blk_type;
	t->vd.host = &torture_host;
	err = virtback_device_init(&t->vd, 1, VIRTBACK_QUEUE_SIZE_DEFAULT);
	if (err)
		return err;
	err = t->vd.type->create(&t->vd, &cfg);
	if (err)
		virtback_device_fini(&t->vd);
	return err;
}

static struct task_struct *torture_thread(int (*fn)(void *), struct torture *t)
{
	struct task_struct *task = kthread_run(fn, t, "%s", t->vd.name);

	if (!IS_ERR(task))
		return task;
	fault(t, "no thread (%ld)", PTR_ERR(task));
	return NULL;
}

static struct torture *torture_begin(char *path)
{
	struct torture *t = torture_alloc(path);
	unsigned int i;
	int err;

	if (!t)
		return ERR_PTR(-ENOMEM);
	err = torture_create(t, path);
	if (err) {
		torture_free(t);
		return ERR_PTR(err);
	}
	for (i = 0; i < BUSYBODIES; i++)
		t->busybodies[i] = torture_thread(torture_busybody, t);
	t->driver = torture_thread(torture_driver, t);
	return t;
}

/* Is everything back, and did the rounds do what they are for? */
static void torture_check_end(struct torture *t)
{
	struct virtback_vq *vq = &t->vd.vqs[0];
	struct virtback_vq_stats *s = &vq->stats;

	if (t->rounds != torture_rounds)
		fault(t, "%u of %u rounds", t->rounds, torture_rounds);
	if (!s->dropped)
		fault(t, "no reset met a request in flight");
	if (s->requests != s->completed + s->dropped)
		fault(t, "%llu requests, %llu completed, %llu dropped", s->requests, s->completed,
		      s->dropped);
	if (virtback_vq_inflight(vq) || vq->nr_orphans || atomic_read(&t->vd.orphans))
		fault(t, "%u in flight, %u and %d orphans at the end", virtback_vq_inflight(vq),
		      vq->nr_orphans, atomic_read(&t->vd.orphans));
	if (vq->pages.nr != vq->pages.size || vq->pieces.nr != vq->pieces.size)
		fault(t, "%u of %u pages and %u of %u pieces are back", vq->pages.nr,
		      vq->pages.size, vq->pieces.nr, vq->pieces.size);
	pr_info("%s: %u rounds, %llu requests, %llu taken, %llu dropped, %llu stalls, %u of %u pages and %u of %u pieces back, %d faults\n",
		t->path, t->rounds, t->reqs, s->requests, s->dropped, s->stalls, vq->pages.nr,
		vq->pages.size, vq->pieces.nr, vq->pieces.size, atomic_read(&t->faults));
}

static bool torture_end(struct torture *t)
{
	bool good;
	u32 i;

	if (t->driver) {
		wait_for_completion(&t->done);
		kthread_stop(t->driver);
	}
	for (i = 0; i < BUSYBODIES; i++) {
		if (t->busybodies[i])
			kthread_stop(t->busybodies[i]);
	}
	virtback_device_quiesce(&t->vd);
	virtback_device_drain(&t->vd);
	torture_check_end(t);
	good = !torture_broken(t);
	t->vd.type->destroy(&t->vd);
	virtback_device_fini(&t->vd);
	torture_free(t);
	return good;
}

static int torture_run(char **paths)
{
	struct torture *t[MAX_DEVICES];
	unsigned int n = 0;
	int err = 0;

	while (paths[n] && n < MAX_DEVICES) {
		t[n] = torture_begin(paths[n]);
		if (IS_ERR(t[n])) {
			err = PTR_ERR(t[n]);
			break;
		}
		n++;
	}
	while (n) {
		if (!torture_end(t[--n]))
			err = -EIO;
	}
	return err;
}

static int torture_set(const char *val, const struct kernel_param *kp)
{
	char **paths;
	int n, err;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	paths = argv_split(GFP_KERNEL, val, &n);
	err = paths ? -EINVAL : -ENOMEM;
	if (paths && n && n <= MAX_DEVICES)
		err = torture_run(paths);
	argv_free(paths);
	module_put(THIS_MODULE);
	return err;
}

static const struct kernel_param_ops torture_ops = {
	.set = torture_set,
};

module_param_cb(torture, &torture_ops, NULL, 0200);
MODULE_PARM_DESC(torture, "backing devices to torture, separated by blanks; they lose their data");
