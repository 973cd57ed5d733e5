/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites stand on: a host whose guest memory is an array, a device type
 * that does what a test tells it, and a driver that lays out its rings by hand
 * and so can do all that a stock driver never does.
 */
#ifndef VIRTBACK_FAKE_H
#define VIRTBACK_FAKE_H

#include <kunit/test.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include <virtback/compat.h>
#include <virtback/device.h>
#include <virtback/mmio.h>

struct virtback_config;

/* Guest memory; nothing below or above it is. */
#define FAKE_BASE	0x80000000ULL
#define FAKE_MEM	SZ_256K

/* Where the rings of a queue are, from its own start. */
#define FAKE_RING(q)	(FAKE_BASE + (q) * 0x10000ULL)
#define FAKE_DESC(q)	FAKE_RING(q)
#define FAKE_AVAIL(q)	(FAKE_RING(q) + 0x4000)
#define FAKE_USED(q)	(FAKE_RING(q) + 0x8000)

/* What lies behind the rings of two queues is for buffers. */
#define FAKE_DATA	(FAKE_BASE + 0x20000)

/* A packed ring; one that is too large for that place lies behind all else. */
#define FAKE_PACKED_RING(num)	((num) <= 0x400 ? FAKE_DESC(0) : FAKE_BASE + FAKE_MEM)

#define FAKE_QUEUES	2
#define FAKE_QUEUE_SIZE	16
#define FAKE_SG		(2 * FAKE_QUEUE_SIZE)
#define FAKE_TYPE_ID	42
#define FAKE_CONFIG	20

/* Descriptor flags. */
#define F_NEXT		VRING_DESC_F_NEXT
#define F_WRITE		VRING_DESC_F_WRITE
#define F_INDIRECT	VRING_DESC_F_INDIRECT

/* A feature of the fake type, in each word. */
#define FAKE_F_LOW	BIT_ULL(3)
#define FAKE_F_HIGH	BIT_ULL(50)

/* What the fake type writes into buffers. */
#define FAKE_FILL	0xa5

/**
 * struct fake_packed - what a driver keeps of a packed ring
 * @ring: guest address of the ring
 * @next: offset of the next descriptor to make available
 * @used: offset of the next used element
 * @wrap: the driver's wrap counter
 * @used_wrap: the device's
 */
struct fake_packed {
	u64 ring;
	u16 next;
	u16 used;
	bool wrap;
	bool used_wrap;
};

/**
 * struct fake - one device with its guest
 * @test: the running test
 * @vd: the device
 * @mem: guest memory
 * @mem_len: bytes of it
 * @piece: no pin crosses a multiple of this offset, as with chunks or pages; any
 *	   size but PAGE_SIZE also makes pieces lie apart
 * @pins: pieces pinned now
 * @pinned: pieces pinned, or copies made, so far
 * @maps: areas mapped now
 * @irqs: calls of raise_irq()
 * @lowered: calls of lower_irq()
 * @bad_pins: pieces pinned empty, unpinned twice, or written past their end; copies
 *	      that no host could make; pins of a device that copies
 * @copies: copies made for a device that copies
 * @copy_calls: times that some of them were asked for
 * @copy_pages: pages of ours that a host looks for: those of copies that follow each other
 *		in one call once
 * @copy_error: guest address of a byte that cannot be copied, 0 for none
 * @copy_fails: the n-th next call that copies fails at its last copy, 0 for none
 * @copy_fails_more: so many calls that follow it fail as well
 * @used_at_copy: used index of queue 0 when something was last copied to the guest
 * @on_copy: called within each call that copies
 * @borrow_room: pages that can be borrowed, -1 for any number
 * @borrow_error: guest address that cannot be borrowed
 * @borrow_busy: someone uses what is borrowed
 * @busy_calls: calls of borrow_busy()
 * @borrowed: pages that are borrowed now
 * @borrow_calls: calls of borrow()
 * @give_back_calls: calls of give_back()
 * @borrowed_write: the last was for writing
 * @used_at_give_back: used index at the last give_back()
 * @maps_left: maps until one fails, -1 for never
 * @on_unpin: called for each piece before it is unpinned
 * @used_at_unpin: used index of queue 0 when a piece was last unpinned
 * @before_drain: called before the device is drained at the end of a test
 * @priv: for @on_unpin and @before_drain
 * @config: configuration space
 * @config_off: last write to it: where
 * @config_len: how long
 * @config_val: what
 * @veto: features that the type refuses
 * @lock: protects @held
 * @held: requests that the type keeps in flight
 * @hold: keep requests in flight
 * @answer_now: complete in prepare()
 * @collect: submit() publishes together what ends in it
 * @on_collected: called in submit() before that is published
 * @broken: prepare() and resume() refuse
 * @slow_ms: prepare() takes so long
 * @on_prepare: called within each prepare() and resume()
 * @stalls: so many of the next prepare() and resume() calls stall
 * @stall_first: resume() of the request at descriptor 0 stalls
 * @passes: passes of a request
 * @prepared: prepare() calls that did not stall
 * @resumed: resume() calls that did not stall
 * @submitted: live requests given to submit()
 * @most_submitted: requests given to one submit(), at most
 * @dead: orphans given to submit()
 * @last: chain that prepare() saw last
 * @sg: its buffers
 * @out: the first of its readable bytes
 * @flags_seen: flags of the used ring during prepare()
 * @asked_seen: fake_packed_asked() during prepare()
 * @avail_idx: available index of each queue, as the driver counts it
 * @num: size of each queue
 * @packed: queue 0 with the packed format
 */
struct fake {
	struct kunit *test;
	struct virtback_device vd;

	u8 *mem;
	size_t mem_len;
	u32 piece;
	atomic_t pins;
	unsigned int pinned;
	atomic_t maps;
	atomic_t irqs;
	atomic_t lowered;
	atomic_t bad_pins;
	atomic_t copies;
	atomic_t copy_calls;
	atomic_t copy_pages;
	u64 copy_error;
	unsigned int copy_fails;
	unsigned int copy_fails_more;
	u16 used_at_copy;
	void (*on_copy)(struct fake *f);
	int borrow_room;
	u64 borrow_error;
	bool borrow_busy;
	unsigned int busy_calls;
	unsigned int borrowed;
	unsigned int borrow_calls;
	unsigned int give_back_calls;
	bool borrowed_write;
	u16 used_at_give_back;
	int maps_left;
	void (*on_unpin)(struct fake *f, struct virtback_piece *p);
	u16 used_at_unpin;
	void (*before_drain)(struct fake *f);
	void *priv;

	u8 config[FAKE_CONFIG];
	u32 config_off;
	u32 config_len;
	u64 config_val;
	u64 veto;
	spinlock_t lock;		/* held */
	struct list_head held;
	bool hold;
	bool answer_now;
	bool collect;
	void (*on_collected)(struct fake *f);
	bool broken;
	unsigned int slow_ms;
	void (*on_prepare)(struct fake *f);
	unsigned int stalls;
	bool stall_first;
	unsigned int passes;
	unsigned int prepared;
	unsigned int resumed;
	unsigned int submitted;
	unsigned int most_submitted;
	unsigned int dead;
	struct virtback_chain last;
	struct virtback_sg sg[FAKE_SG];
	u8 out[64];
	u16 flags_seen;
	u32 asked_seen;

	u16 avail_idx[FAKE_QUEUES];
	u16 num[FAKE_QUEUES];
	struct fake_packed packed;
};

extern const struct virtback_type_ops fake_type;
extern const struct virtback_host_ops fake_host;
extern const struct virtback_host_ops fake_host_reinject;

/*
 * A case that must hold for a device whose memory is pinned, for one whose host copies,
 * and for one whose host maps long data for the pass that moves it.
 */
#define FAKE_CASE(name)		KUNIT_CASE_PARAM(name, fake_modes)

/* The same where the disk has pages of ours. */
#define FAKE_CASE_BOUNCE(name)	KUNIT_CASE_PARAM(name, fake_modes_bounce)

/* fake.c: life */
struct fake *fake_create(struct kunit *test, const struct virtback_type_ops *type,
			 const struct virtback_config *cfg, size_t mem_len, u16 queue_size);
void fake_destroy(struct fake *f);
int fake_init(struct kunit *test);
const void *fake_modes(const void *prev, char *desc);
const void *fake_modes_bounce(const void *prev, char *desc);
void fake_exit(struct kunit *test);

/* fake.c: the device's requests */
unsigned int fake_held(struct fake *f);
void fake_end(struct fake *f);
void fake_release(struct fake *f);

/* fake_driver.c: registers */
u64 fake_access(struct fake *f, u32 offset, u32 size, bool write, u64 data);
u32 fake_read(struct fake *f, u32 offset);
void fake_write(struct fake *f, u32 offset, u32 val);
void fake_accept(struct fake *f, u64 features);
void fake_negotiate(struct fake *f, u64 features);
void fake_queue_addrs(struct fake *f, u64 desc, u64 avail, u64 used);
void fake_queue(struct fake *f, u16 q, u16 num);
void fake_start(struct fake *f, u64 features);
bool fake_broken(struct fake *f);

/* fake_driver.c: rings and memory */
void *fake_va(struct fake *f, u64 addr);
void fake_desc(struct fake *f, u16 i, u64 addr, u32 len, u16 flags, u16 next);
void fake_indirect(struct fake *f, u64 table, u16 i, u64 addr, u32 len, u16 flags, u16 next);
void fake_offer_to(struct fake *f, u16 q, u16 head);
void fake_offer(struct fake *f, u16 head);
void fake_kick(struct fake *f);
void fake_settle(struct fake *f);
u16 fake_used_idx(struct fake *f);
u32 fake_used_id(struct fake *f, u16 i);
u32 fake_used_len(struct fake *f, u16 i);
struct vring_avail *fake_avail(struct fake *f);
struct vring_used *fake_used(struct fake *f);
void fake_set_used_event(struct fake *f, u16 val);
u16 fake_avail_event(struct fake *f);

/* fake_packed.c: packed rings */
void fake_packed_queue(struct fake *f, u16 num);
void fake_packed_start(struct fake *f, u64 features, u16 num);
void fake_packed_desc(struct fake *f, u64 table, u16 i, u64 addr, u32 len, u16 flags, u16 id);
void fake_packed_add(struct fake *f, u64 addr, u32 len, u16 flags, u16 id);
bool fake_packed_used(struct fake *f, u16 ndesc, u16 *id, u32 *len);
void fake_packed_wish(struct fake *f, u16 flags, u16 off, bool wrap);
u32 fake_packed_asked(struct fake *f);

#endif
