/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The oracle: an independent model of a virtio-blk driver, its virtqueue (split and
 * packed) and its disk. From a seed it makes random, legal sequences of requests,
 * and it knows from the specification alone what the device has to answer.
 *
 * It is here to be right where the module is wrong, so it shares nothing with it:
 * no header of the module, and no ring layout but its own. References are to
 * VIRTIO 1.2. What connects it to a device is struct oracle_world.
 */
#ifndef VIRTBACK_ORACLE_H
#define VIRTBACK_ORACLE_H

#include <linux/types.h>

/* Bits of the feature words, sections 5.2.3 and 6. */
#define ORACLE_F_RO		5
#define ORACLE_F_FLUSH		9
#define ORACLE_F_WRITE_ZEROES	14
#define ORACLE_F_INDIRECT	28
#define ORACLE_F_EVENT_IDX	29
#define ORACLE_F_VERSION_1	32
#define ORACLE_F_PACKED		34
#define ORACLE_F_IN_ORDER	35
#define ORACLE_F_ORDER_PLATFORM	36
#define ORACLE_F_NOTIF_DATA	38
#define ORACLE_F_RING_RESET	40

/* Request types and answers, section 5.2.6. */
#define ORACLE_T_IN		0
#define ORACLE_T_OUT		1
#define ORACLE_T_FLUSH		4
#define ORACLE_T_GET_ID		8
#define ORACLE_T_WRITE_ZEROES	13
#define ORACLE_S_OK		0
#define ORACLE_S_IOERR		1
#define ORACLE_S_UNSUPP		2

#define ORACLE_SECTOR		512
#define ORACLE_HEADER		16
#define ORACLE_ID		20
#define ORACLE_NUM		32	/* largest queue that is used */
#define ORACLE_GRAIN		64	/* unit of memory that is given out */

struct oracle;

/**
 * struct oracle_world - what connects the oracle to a device
 * @read: a register of 4 bytes
 * @write: a register of 4 bytes
 * @settle: let the device do what it can do without the disk going on
 * @hold: keep what comes to the disk from now on
 * @end_one: let the disk end what it kept first, or last; false when it keeps nothing
 * @fail_next: the next operation of the disk fails
 * @raised: how many interrupts were sent so far
 * @disk: what is on the disk
 */
struct oracle_world {
	u32 (*read)(struct oracle *o, u32 off);
	void (*write)(struct oracle *o, u32 off, u32 val);
	void (*settle)(struct oracle *o);
	void (*hold)(struct oracle *o, bool on);
	bool (*end_one)(struct oracle *o, bool last);
	void (*fail_next)(struct oracle *o);
	unsigned int (*raised)(struct oracle *o);
	const u8 *(*disk)(struct oracle *o);
};

/**
 * struct oracle_seg - a buffer of a chain
 * @addr: guest address
 * @len: bytes
 * @write: the device writes it
 */
struct oracle_seg {
	u64 addr;
	u32 len;
	bool write;
};

/**
 * struct oracle_req - a request of the driver's
 * @busy: it is in use
 * @seq: its number in the order in which requests were made available
 * @type: of its header
 * @sector: of its header
 * @out_len: bytes of data that the device reads
 * @in_len: bytes of data that the device writes
 * @zeroes: sectors that are to be zero
 * @fail: the disk was told to fail it
 * @nseg: buffers
 * @seg: the buffers, those that the device reads first
 * @id: what the used entry will say: first descriptor (split), buffer id (packed)
 * @slots: steps that the used position takes for it
 * @ndesc: descriptors of the split table that it holds
 * @desc: which
 * @table: guest address of its indirect table
 * @table_len: bytes of that, 0 for none
 */
struct oracle_req {
	bool busy;
	u64 seq;
	u32 type;
	u64 sector;
	u32 out_len;
	u32 in_len;
	u32 zeroes;
	bool fail;
	u16 nseg;
	struct oracle_seg seg[ORACLE_NUM];
	u16 id;
	u16 slots;
	u16 ndesc;
	u16 desc[ORACLE_NUM];
	u64 table;
	u32 table_len;
};

/**
 * struct oracle_used - what the device said of a request
 * @id: which
 * @len: bytes that it wrote
 */
struct oracle_used {
	u32 id;
	u32 len;
};

/**
 * struct oracle_format - the driver's side of a ring format
 * @name: for people
 * @sizes: bytes of the descriptor, driver and device areas for o->num
 * @aligns: their alignments
 * @start: the areas are zero, begin
 * @add: make a request available; false when there is no room
 * @wants_kick: does the device want to be told of what was added from position @old to
 *		@new?
 * @next: the next used entry: 1, or 0 when there is none, or -1 when it is nonsense
 * @wants_irq: did the driver ask for an interrupt for used positions @old to @new?
 * @notif_data: the upper half of QueueNotify with NOTIFICATION_DATA: what is next
 * @suppress: ask for interrupts in another way
 * @audit: the words of the device's that are not used entries; false when one is nonsense
 */
struct oracle_format {
	const char *name;
	void (*sizes)(const struct oracle *o, u32 sizes[3]);
	u32 aligns[3];
	void (*start)(struct oracle *o);
	bool (*add)(struct oracle *o, struct oracle_req *r);
	bool (*wants_kick)(struct oracle *o, u64 old, u64 new);
	int (*next)(struct oracle *o, struct oracle_used *u);
	bool (*wants_irq)(struct oracle *o, u64 old, u64 new);
	u16 (*notif_data)(struct oracle *o);
	void (*suppress)(struct oracle *o);
	bool (*audit)(struct oracle *o);
};

extern const struct oracle_format oracle_split;
extern const struct oracle_format oracle_packed;

/**
 * struct oracle - a driver, its memory and its idea of the disk
 * @world: the device
 * @priv: for the world
 * @seed: where the random numbers began
 * @rng: where they are
 * @step: steps done
 * @failed: something was wrong, and nothing is done any more
 * @why: what
 * @real: guest memory
 * @want: what has to be in it
 * @base: guest address of it
 * @mem_len: bytes of it
 * @taken: bit for each grain of it that is in use
 * @disk: what has to be on the disk
 * @alt: what else may be there, of the sectors of @limbo
 * @limbo: bit for each sector that a write cut off by a reset may have reached
 * @in_limbo: is there any?
 * @sectors: size of the disk
 * @max_data: longest data, in sectors
 * @serial: what GET_ID returns, zero padded
 * @features: negotiated
 * @offered: offered
 * @fmt: ring format
 * @num: queue size
 * @area: guest addresses of the descriptor, driver and device areas
 * @area_len: their bytes
 * @avail: position that was made available last: chains (split), descriptors (packed)
 * @kicked: the same when a kick was last thought about
 * @used: used position
 * @room: descriptors that are free
 * @next_desc: split, in order: next descriptor
 * @busy_desc: split: descriptors that are taken
 * @event: position of the driver's event, when it uses one
 * @mode: how the driver asks for interrupts, see the formats
 * @fresh: no used entry since the start
 * @isr: InterruptStatus as it was last seen
 * @raised: interrupts when last looked
 * @reqs: requests
 * @nr_busy: those in use
 * @next_seq: number of the next
 * @holding: the disk was told to hold
 * @done: requests that were completed and found right, by type (15: others)
 * @resets: resets
 * @irqs: interrupts
 * @kicks: kicks
 * @saved: kicks that the device did not want
 */
struct oracle {
	const struct oracle_world *world;
	void *priv;
	u64 seed;
	u64 rng;
	unsigned int step;
	bool failed;
	char why[160];

	u8 *real;
	u8 *want;
	u64 base;
	u32 mem_len;
	unsigned long *taken;

	u8 *disk;
	u8 *alt;
	unsigned long *limbo;
	bool in_limbo;
	u64 sectors;
	u32 max_data;
	u8 serial[ORACLE_ID];

	u64 features;
	u64 offered;
	const struct oracle_format *fmt;
	u16 num;
	u64 area[3];
	u32 area_len[3];
	u64 avail;
	u64 kicked;
	u64 used;
	u16 room;
	u16 next_desc;
	unsigned long busy_desc;
	u64 event;
	u16 mode;
	bool fresh;

	u32 isr;
	unsigned int raised;
	struct oracle_req reqs[ORACLE_NUM];
	unsigned int nr_busy;
	u64 next_seq;
	bool holding;

	unsigned int done[16];
	unsigned int resets;
	unsigned int irqs;
	unsigned int kicks;
	unsigned int saved;
};

static inline bool oracle_has(const struct oracle *o, unsigned int feature)
{
	return o->features >> feature & 1;
}

/* oracle_mem.c: random numbers, guest memory, failures */
struct oracle *oracle_create(const struct oracle_world *world, void *priv, void *mem, u32 mem_len,
			     const void *disk, u64 sectors);
void oracle_destroy(struct oracle *o);
__printf(2, 3) bool oracle_fail(struct oracle *o, const char *fmt, ...);
u32 oracle_below(struct oracle *o, u32 n);
bool oracle_chance(struct oracle *o, u32 percent);
void *oracle_real(struct oracle *o, u64 addr, u32 len);
void *oracle_want(struct oracle *o, u64 addr, u32 len);
void oracle_put(struct oracle *o, u64 addr, const void *from, u32 len);
void oracle_put16(struct oracle *o, u64 addr, u16 val);
u16 oracle_get16(struct oracle *o, u64 addr);
u32 oracle_get32(struct oracle *o, u64 addr);
void oracle_accept(struct oracle *o, u64 addr, u32 len);
void oracle_scribble(struct oracle *o, u64 addr, u32 len);
u64 oracle_alloc(struct oracle *o, u32 len, u32 align);
void oracle_free(struct oracle *o, u64 addr, u32 len);
bool oracle_check_mem(struct oracle *o);

/* oracle_blk.c: requests and the disk */
bool oracle_make(struct oracle *o, struct oracle_req *r);
void oracle_unmake(struct oracle *o, struct oracle_req *r);
bool oracle_judge(struct oracle *o, struct oracle_req *r, u32 len, bool len_told);
void oracle_cut_off(struct oracle *o, struct oracle_req *r);
bool oracle_check_disk(struct oracle *o);

/* oracle_run.c: sequences */
void oracle_run(struct oracle *o, u64 features, unsigned int steps);

#endif
