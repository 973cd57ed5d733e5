/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer share: the guest's memory with its oracles (oracle.h), the
 * driver's side of the rings (ring.c), the machine (machine.h), the program that the
 * input is (fuzz.c).
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "shim.h"

struct virtback_device;
struct virtback_req;
struct virtback_vq;
struct virtback_type_ops;
struct virtback_host_ops;

#define FZ_QUEUES	4
#define FZ_QUEUE_SIZE	256		/* the largest */

/* Guest memory: four pages for each queue's rings and tables, then buffers. */
#define FZ_BASE		0x80000000ULL
#define FZ_RING(q)	((q) * 4 * PAGE_SIZE)
#define FZ_AVAIL	PAGE_SIZE
#define FZ_USED		(2 * PAGE_SIZE)
#define FZ_TABLES	(3 * PAGE_SIZE)
#define FZ_DATA		(FZ_QUEUES * 4 * PAGE_SIZE)
#define FZ_DATA_LEN	(FZ_GUEST_LEN - FZ_DATA)

/*
 * What touches the harness's own memory alone, or the guest's, which is never poisoned: the
 * sanitizer need not look at it, and that is what most of its time would go into.
 */
#define fz_own	__attribute__((no_sanitize("address")))

/* mem.c */
extern void *(*fz_move)(void *to, const void *from, size_t len);
extern void *(*fz_fill)(void *to, int val, size_t len);
extern int (*fz_compare)(const void *a, const void *b, size_t len);
extern u32 fz_fail_alloc;
extern bool fz_poison;
bool fz_poisoned(const void *p, size_t len);
void fz_mem_init(void);
void fz_mem_begin(bool poison);
void fz_mem_check(long before);
long fz_mem_count(void);

/* machine.c */
extern bool fz_verbose;
u32 fz_random(void);
bool fz_chance(u8 of_256);
u64 fz_image_top(const struct fz_image *im);
bool fz_bdev_writable(const struct block_device *b);
void fz_bdev_set_writable(struct block_device *b, bool on);
void fz_submitted(struct virtback_req *req);

/* vfs.c */
void fz_thaw(void);

/* guest.c */

/**
 * struct fz_guest - the guest's memory and what goes wrong with it
 * @piece: no pin crosses a multiple of this
 * @absent: pages that are not there
 * @fail_map: maps until one fails, 0: none does
 * @fail_reach: pins or copies until one fails, 0: none does
 * @flip_after: reads of the device until the word just read changes, 0: none does
 * @flip_to: what is added to it
 * @places: for pieces that are borrowed
 * @busy: looks at a page that is borrowed now that will find it in use
 * @irqs: interrupts
 * @pins: pieces pinned or borrowed now
 * @borrowed: those that are borrowed
 */
struct fz_guest {
	u32 piece;
	u64 absent;
	u32 fail_map;
	u32 fail_reach;
	u32 flip_after;
	u64 flip_to;
	u32 places;
	u32 busy;
	u32 irqs;
	u32 pins;
	u32 borrowed;
};

extern struct fz_guest fz_guest;
extern const struct virtback_host_ops fz_host;
extern struct virtback_type_ops fz_type;

void fz_guest_begin(struct virtback_device *vd);
void fz_guest_idle(void);
void fz_guest_counts(void);
void fz_guest_check(void);
void fz_guest_put(u32 off, const void *val, u32 len);
void fz_guest_get(u32 off, void *val, u32 len);

/* ring.c */

/**
 * struct fz_seg - a buffer of a chain
 */
struct fz_seg {
	u64 addr;
	u32 len;
	bool write;
};

/**
 * struct fz_ring - what the driver keeps of a queue
 * @num: its size
 * @packed: its format
 * @next: next free descriptor
 * @idx: available index, packed: unused
 * @wrap: wrap counter, packed only
 * @slot: of the place for headers
 * @chains: offered so far
 */
struct fz_ring {
	u16 num;
	bool packed;
	u16 next;
	u16 idx;
	bool wrap;
	u16 slot;
};

extern struct fz_ring fz_rings[FZ_QUEUES];

void fz_ring_begin(unsigned int q, u16 num, bool packed);
bool fz_ring_wants_kick(unsigned int q, bool event_idx, u16 added);
u16 fz_ring_offer(unsigned int q, const struct fz_seg *segs, unsigned int nr, u32 table);

#endif
