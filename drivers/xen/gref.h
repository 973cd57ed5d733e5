/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses of granted memory, as Linux' xen-grant-dma-ops makes them:
 *
 *	bit 63 | grant reference << 12 | offset in the page
 *
 * Consecutive pages have consecutive references. Nothing here needs Xen, and tests
 * build it without.
 */
#ifndef VIRTBACK_XEN_GREF_H
#define VIRTBACK_XEN_GREF_H

#include <linux/bits.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define VIRTBACK_GREF_BIT	BIT_ULL(63)
#define VIRTBACK_GREF_SHIFT	12
#define VIRTBACK_GREF_PAGE	BIT(VIRTBACK_GREF_SHIFT)

/* Are these the addresses of granted memory, each of them? @len is not 0. */
static inline bool virtback_gref_valid(u64 addr, u64 len)
{
	u64 last = addr + (len - 1);

	return (addr & VIRTBACK_GREF_BIT) && last >= addr &&
	       (last & ~VIRTBACK_GREF_BIT) >> VIRTBACK_GREF_SHIFT <= U32_MAX;
}

/* The reference of the page that a valid address is in. */
static inline u32 virtback_gref_of(u64 addr)
{
	return (addr & ~VIRTBACK_GREF_BIT) >> VIRTBACK_GREF_SHIFT;
}

/* Bytes of @len that lie in the page that @addr is in. */
static inline u32 virtback_gref_run(u64 addr, u32 len)
{
	return min_t(u32, len, VIRTBACK_GREF_PAGE - (addr & (VIRTBACK_GREF_PAGE - 1)));
}

/* Pages that @len bytes from @addr on are in. */
static inline unsigned int virtback_gref_pages(u64 addr, u32 len)
{
	return virtback_gref_of(addr + (len - 1)) - virtback_gref_of(addr) + 1;
}

#endif
