/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile driver: from a seed, all that a driver can do and must not, in no
 * order, from several vCPUs at once. It knows nothing of the module, so that suite
 * virtback_hostile and the kernel of a guest on Xen (scripts/xen/guest/hostile) run the
 * same one.
 */
#ifndef VIRTBACK_HOSTILE_H
#define VIRTBACK_HOSTILE_H

#include <linux/atomic.h>
#include <linux/types.h>

/* Queues that it has rings for; it writes to the registers of others as well. */
#define HOSTILE_QUEUES		4

/* What the memory of the driver has at least. */
#define HOSTILE_MEM		(2 << 20)

/* Requests of a canary's round, of each queue. */
#define HOSTILE_CANARY_REQS	8

struct hostile;

/**
 * struct hostile_ops - how the device and the world are reached
 * @access: a register access of 1, 2, 4 or 8 bytes at any offset; returns what was read
 * @hole: make the page at an offset of the holes go away, or come back; optional
 * @pass: let others run, may sleep
 * @wait: until the disk has ended all that it had; of a canary's round
 * @remove: if not NULL a canary's round ends with this instead of a reset: when it
 *	    returns the device has been taken away
 * @renew: goes with @remove: there is a device again
 */
struct hostile_ops {
	u64 (*access)(struct hostile *h, u32 offset, u32 size, bool write, u64 val);
	void (*hole)(struct hostile *h, u64 offset, bool gone);
	void (*pass)(struct hostile *h);
	void (*wait)(struct hostile *h);
	void (*remove)(struct hostile *h);
	void (*renew)(struct hostile *h);
};

/**
 * struct hostile_ring - where a queue was put
 * @desc: guest address of the descriptors
 * @avail: of the driver's area
 * @used: of the device's area
 * @num: entries
 * @idx: split: available index. Packed: position of the next descriptor
 * @wrap: packed: the driver's wrap counter
 */
struct hostile_ring {
	u64 desc;
	u64 avail;
	u64 used;
	u16 num;
	u16 idx;
	bool wrap;
};

/**
 * struct hostile - a driver; but for @busy, vCPUs share it without a lock, on purpose
 * @ops: how to reach the device
 * @priv: of @ops
 * @mem: its memory
 * @base: guest address of it. No memory that must not be written to may lie behind it
 *	  before the next hole in the guest's address space.
 * @len: bytes, at least HOSTILE_MEM
 * @holes: guest address of pages that @ops->hole may take away, never touched
 * @holes_len: bytes of them, 0 for none
 * @window: guest address of the device's registers
 * @sectors: of the disk
 * @must: features that it always accepts, where they are offered
 * @read_len: of hostile_read_all(), 0 for a page
 * @busy: one vCPU sets the device up at a time, or hardly ever would it run
 * @features: accepted
 * @evil: of 256 things that it does, so many are forbidden
 * @rings: its queues
 * @steps: that it did
 * @starts: times that the device was told DRIVER_OK
 * @needs_reset: times that it said that it needs a reset
 */
struct hostile {
	const struct hostile_ops *ops;
	void *priv;
	u8 *mem;
	u64 base;
	u64 len;
	u64 holes;
	u64 holes_len;
	u64 window;
	u64 sectors;
	u64 must;
	u32 read_len;
	atomic_t busy;
	u64 features;
	unsigned int evil;
	struct hostile_ring rings[HOSTILE_QUEUES];
	atomic64_t steps;
	atomic64_t starts;
	atomic64_t needs_reset;
};

/**
 * struct hostile_canary - what rounds of hostile_canary_round() found
 * @rounds: how many
 * @posted: requests
 * @in_flight: those without an answer when the reset was acknowledged
 * @bad_acks: resets after which the register did not read as 0
 * @dirty: rounds after which memory was written to
 * @where: offset of the first such byte of the last
 */
struct hostile_canary {
	u64 rounds;
	u64 posted;
	u64 in_flight;
	u64 bad_acks;
	u64 dirty;
	u64 where;
};

void hostile_init(struct hostile *h);
u64 hostile_seed(u64 seed, unsigned int vcpu);
void hostile_step(struct hostile *h, unsigned int vcpu, u64 *rng);
void hostile_reset(struct hostile *h);
void hostile_canary_round(struct hostile *h, u64 *rng, struct hostile_canary *c);
void hostile_run(struct hostile *h, u64 features);
unsigned int hostile_read_all(struct hostile *h, unsigned int queue, u16 used);
u16 hostile_used_idx(struct hostile *h, unsigned int queue);
void hostile_kick(struct hostile *h, u32 val);

#endif
