/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the oracles share: the guest's memory (guest.c), its chains and requests (track.c),
 * the host that reaches it (host.c).
 */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include <virtback/device.h>
#include <virtback/mmio.h>

#include "core.h"
#include "fuzz.h"

#define FZ_RANGES	32768
#define FZ_PENDING	1024
#define FZ_CHAINS	(VIRTBACK_COPY_BATCH + 1)

struct range {
	u64 addr;
	u32 len;
	bool write;
};

/* What is known of a request: from its chain on until it has ended. */
struct track {
	bool taken;
	bool orphan;
	u32 first;
	u32 nr;
	u64 in_len;
	u32 borrowed;
};

/* Buffers of a chain that was taken and may not be a request yet. */
struct pending {
	const struct virtback_chain *chain;
	u32 nr;
	struct range range[FZ_PENDING];
};

/* What is known of a queue. */
struct queue {
	struct pending pending[FZ_CHAINS];
	struct track reqs[FZ_QUEUE_SIZE];
	u16 used_idx;
	u32 used_id;
	bool blurred;			/* its rings lie over others' */
	u16 waiting[65536];		/* chains of this id that have no answer */
	u64 broken;			/* requests that ended in resume(), unanswered */
	u32 top;			/* requests behind this one were not taken yet */
};

/* What is mapped. */
struct area {
	bool used;
	u32 off;
	u32 len;
	bool write;
	struct virtback_vq *vq;
	const struct virtback_area *of;
};

extern struct queue fz_queues[FZ_QUEUES];

static inline u32 fz_offset_of(const volatile void *p)
{
	return (const volatile u8 *)p - fz_arena;
}

static inline fz_own bool fz_present(u32 off, u64 len)
{
	u32 page;

	if (!fz_guest.absent)
		return true;
	for (page = off / PAGE_SIZE; page * PAGE_SIZE < off + len; page++) {
		if (fz_guest.absent >> page & 1)
			return false;
	}
	return true;
}

static inline bool fz_to_offset(u64 addr, u64 len, u32 *off)
{
	if (addr < FZ_BASE || addr - FZ_BASE >= FZ_GUEST_LEN ||
	    len > FZ_GUEST_LEN - (addr - FZ_BASE))
		return false;
	*off = addr - FZ_BASE;
	return true;
}

/* Words are most of what is copied. */
static inline fz_own void fz_move_some(void *to, const void *from, size_t len)
{
	u64 word64;
	u32 word32;
	u16 word16;

	switch (len) {
	case 2:
		__builtin_memcpy(&word16, from, 2);
		__builtin_memcpy(to, &word16, 2);
		break;
	case 4:
		__builtin_memcpy(&word32, from, 4);
		__builtin_memcpy(to, &word32, 4);
		break;
	case 8:
		__builtin_memcpy(&word64, from, 8);
		__builtin_memcpy(to, &word64, 8);
		break;
	default:
		fz_move(to, from, len);
		break;
	}
}

static inline bool fz_fail(u32 *count)
{
	return *count && !--*count;
}

/* guest.c */
void fz_mirror_put(u32 off, const void *val, u32 len);
void fz_flip_now(u32 off, u32 len);

/* The word that was just read changes, if the input says so. */
static inline void fz_flip(u32 off, u32 len)
{
	if (unlikely(fz_guest.flip_after) && fz_fail(&fz_guest.flip_after))
		fz_flip_now(off, len);
}

/* track.c */
void fz_track_begin(struct virtback_device *vd);
u64 fz_track_broken(unsigned int q);
struct track *fz_track_of(const struct virtback_req *req);
void fz_forget_ids(u32 qi);
void fz_check_range(u64 addr, u32 len, bool write);
u32 fz_check_pin(u64 addr, u32 len, bool write);
void fz_check_store(const struct area *a, u32 off, u32 val, u32 len);

/* host.c */
void fz_host_begin(void);
struct area *fz_area_at(u32 off, u32 len, bool write);
bool fz_areas_used(void);
bool fz_queue_pinned(const struct virtback_vq *vq);
bool fz_queue_mapped(const struct virtback_vq *vq);
bool fz_pinned(u32 off, u32 len, bool write);

#endif
