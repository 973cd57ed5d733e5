// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's memory: what the device touches must be what a driver gave it, for as long
 * as it did.
 *
 * Everything that the device writes to the guest goes through fz_memcpy() or
 * WRITE_ONCE(), is checked there and done in a second copy of the memory as well. A
 * write that came another way makes the two differ.
 */
#include "oracle.h"
#undef memcpy

struct fz_guest fz_guest;

static u8 mirror[FZ_GUEST_LEN];
static u32 dirty;		/* pages of it that were written to */
static_assert(FZ_GUEST_PAGES <= 32);
static struct virtback_device *dev;

/* The second copy. */
fz_own void fz_mirror_put(u32 off, const void *val, u32 len)
{
	u32 page;

	for (page = off / PAGE_SIZE; len && page <= (off + len - 1) / PAGE_SIZE; page++)
		dirty |= 1U << page;
	fz_move_some(mirror + off, val, len);
}

/* --- what the driver in the guest does --- */

fz_own void fz_guest_put(u32 off, const void *val, u32 len)
{
	if (off >= FZ_GUEST_LEN)
		return;
	len = min_t(u32, len, FZ_GUEST_LEN - off);
	fz_move_some(fz_arena + off, val, len);
	fz_mirror_put(off, val, len);
}

fz_own void fz_guest_get(u32 off, void *val, u32 len)
{
	fz_move_some(val, fz_arena + off, len);
}

/* --- every access to it --- */

/**
 * fz_flip_now() - what was just read changes
 * @off: offset in the guest's memory
 * @len: bytes
 */
fz_own void fz_flip_now(u32 off, u32 len)
{
	u64 val = 0;

	len = min_t(u32, len, sizeof(val));
	fz_guest_get(off, &val, len);
	val += fz_guest.flip_to;
	fz_guest_put(off, &val, len);
}

fz_own void fz_guest_read(const volatile void *p, size_t len)
{
	if (!fz_area_at(fz_offset_of(p), len, false))
		fz_bug("a word is read that is in no ring");
}

fz_own void fz_guest_was_read(const volatile void *p, size_t len)
{
	fz_flip(fz_offset_of(p), len);
}

void fz_guest_store(volatile void *p, const void *val, size_t len)
{
	u32 off = fz_offset_of(p), word = 0;
	struct area *a = fz_area_at(off, len, true);

	if (!a)
		fz_bug("a word is written at %#x that is in no ring of the device's", off);
	memcpy(&word, val, min_t(size_t, len, sizeof(word)));
	fz_check_store(a, off - a->off, word, len);
	fz_move_some((void *)p, val, len);
	fz_mirror_put(off, val, len);
}

void *fz_memcpy(void *to, const void *from, size_t len)
{
	if (!len)
		return to;
	if (fz_is_guest(to) && !fz_pinned(fz_offset_of(to), len, true))
		fz_bug("written: %#x, %zu bytes that are not pinned", fz_offset_of(to), len);
	if (fz_is_guest(from) && !fz_pinned(fz_offset_of(from), len, false))
		fz_bug("read: %#x, %zu bytes that are not pinned", fz_offset_of(from), len);
	/* The guest's memory is never poisoned; what is, memmove() complains about. */
	if (unlikely((!fz_is_guest(to) && fz_poisoned(to, len)) ||
		     (!fz_is_guest(from) && fz_poisoned(from, len))))
		memmove(to, from, len);
	fz_move(to, from, len);
	if (fz_is_guest(to))
		fz_mirror_put(fz_offset_of(to), to, len);
	if (fz_is_guest(from))
		fz_flip(fz_offset_of(from), len);
	return to;
}

/* --- an input --- */

/**
 * fz_guest_begin() - a new guest with empty memory
 * @vd: its device
 */
void fz_guest_begin(struct virtback_device *vd)
{
	u32 i;

	dev = vd;
	fz_track_begin(vd);
	fz_guest = (struct fz_guest){ .piece = PAGE_SIZE };
	for (i = 0; i < FZ_GUEST_PAGES; i++) {
		if (!(dirty >> i & 1))
			continue;
		fz_fill(fz_arena + i * PAGE_SIZE, 0, PAGE_SIZE);
		fz_fill(mirror + i * PAGE_SIZE, 0, PAGE_SIZE);
	}
	dirty = 0;
	fz_host_begin();
}

/**
 * fz_guest_counts() - nothing is in flight, and the counters have to say so
 */
void fz_guest_counts(void)
{
	int i;

	for (i = 0; i < dev->nvqs; i++) {
		const struct virtback_vq_stats *s = &dev->vqs[i].stats;
		u64 ended = s->completed + s->dropped + fz_track_broken(i);

		if (s->requests != ended)
			fz_bug("of %llu requests of queue %d %llu ended", s->requests, i, ended);
		if (s->irqs + s->irqs_saved != s->completed)
			fz_bug("the interrupts of queue %d do not add up", i);
	}
}

/**
 * fz_guest_check() - the device is gone, and has let go of the guest
 */
void fz_guest_check(void)
{
	if (fz_guest.pins || fz_guest.borrowed)
		fz_bug("%u pins are left, %u of them borrowed", fz_guest.pins,
		       fz_guest.borrowed);
	if (fz_areas_used())
		fz_bug("a ring is left mapped");
	if (fz_compare(fz_arena, mirror, FZ_GUEST_LEN))
		fz_bug("guest memory was written past all checks");
}
