/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device under torture, and the driver that uses it (driver.c); what is done
 * to it is in torture.c.
 */
#ifndef VIRTBACK_KUNIT_SMP_DRIVER_H
#define VIRTBACK_KUNIT_SMP_DRIVER_H

#include <linux/atomic.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <linux/wait.h>

#include <virtback/device.h>

/* Each slot does one request at a time, on sectors of its own. */
#define SLOTS		16
#define SLOT_SECTORS	4096U
#define SLOT_DESCS	4
#define RING		(SLOTS * SLOT_DESCS)
#define BUFS		2
#define BUF_ORDER	8
#define BUF_SECTORS	((PAGE_SIZE << BUF_ORDER) / SECTOR_SIZE)
#define SECTOR_WORDS	(SECTOR_SIZE / sizeof(u64))

#define BUSYBODIES	2
/* After these there is nothing to learn from going on. */
#define MAX_FAULTS	5

/* Of a sector whose write was overtaken by a reset: it may have happened. */
#define GEN_UNKNOWN	U32_MAX

/**
 * struct slot - a request, again and again
 * @busy: the device has it
 * @write: its direction
 * @sector: first sector
 * @sectors: length of each buffer
 * @gen: generation that it writes
 * @page: holds the next three
 * @hdr: first buffer of the chain
 * @table: indirect descriptors
 * @status: last buffer
 * @buf: the data
 */
struct slot {
	bool busy;
	bool write;
	u32 sector;
	u32 sectors[BUFS];
	u32 gen;
	void *page;
	struct virtio_blk_outhdr *hdr;
	struct vring_desc *table;
	u8 *status;
	void *buf[BUFS];
};

/**
 * struct torture - a device with its driver
 * @vd: the device
 * @path: its backing device
 * @driver: thread that does the rounds
 * @done: it did them
 * @busybodies: threads that access registers at any moment
 * @meddle: they shall do it in this round
 * @slots: the requests
 * @gens: generation of each sector
 * @gen: generation of the last write
 * @desc: descriptor table
 * @avail: available ring
 * @used: used ring
 * @avail_idx: what the driver made available
 * @used_idx: what the driver took back
 * @event_idx: VIRTIO_RING_F_EVENT_IDX in this round
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC in this round
 * @live: between the begin of a set-up and the end of a reset
 * @irq: an interrupt came
 * @irq_wait: waits for @irq
 * @pins: pinned pieces
 * @maps: mapped ring areas
 * @rounds: rounds done
 * @reqs: requests made
 * @orphans: requests that the device had at a reset
 * @faults: what was wrong
 */
struct torture {
	struct virtback_device vd;
	const char *path;
	struct task_struct *driver;
	struct completion done;
	struct task_struct *busybodies[BUSYBODIES];
	bool meddle;

	struct slot slots[SLOTS];
	u32 *gens;
	u32 gen;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 avail_idx;
	u16 used_idx;
	bool event_idx;
	bool indirect;

	bool live;
	bool irq;
	wait_queue_head_t irq_wait;
	atomic_t pins;
	atomic_t maps;

	unsigned int rounds;
	u64 reqs;
	u64 orphans;
	atomic_t faults;
};

#define fault(t, fmt, ...)						\
do {									\
	struct torture *__t = (t);					\
									\
	if (atomic_inc_return(&__t->faults) <= MAX_FAULTS)		\
		pr_err("FAULT %s: " fmt "\n", __t->path, ##__VA_ARGS__);	\
} while (0)

static inline bool torture_broken(struct torture *t)
{
	return atomic_read(&t->faults);
}

static inline u32 below(u32 n)
{
	return get_random_u32() % n;
}

extern const struct virtback_host_ops torture_host;
extern bool torture_short;

u32 reg_read(struct torture *t, u32 offset);
void reg_write(struct torture *t, u32 offset, u32 val);

void torture_start(struct torture *t);
void torture_stop(struct torture *t);
void slot_submit(struct torture *t, struct slot *s);
void torture_reap(struct torture *t);
unsigned int torture_busy(struct torture *t);
void torture_wait_irq(struct torture *t);

#endif
