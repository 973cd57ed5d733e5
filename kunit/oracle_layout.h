/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The oracle's own copy of the ring layouts, written from VIRTIO 1.2 sections 2.7 and
 * 2.8 and not from linux/virtio_ring.h.
 */
#ifndef VIRTBACK_ORACLE_LAYOUT_H
#define VIRTBACK_ORACLE_LAYOUT_H

#include <linux/types.h>

/* Section 2.7.5. */
struct oracle_split_desc {
	__le64 addr;
	__le32 len;
	__le16 flags;
	__le16 next;
};

/* Section 2.8.13. */
struct oracle_packed_desc {
	__le64 addr;
	__le32 len;
	__le16 id;
	__le16 flags;
};

/* Of both formats. */
#define ORACLE_D_NEXT		1
#define ORACLE_D_WRITE		2
#define ORACLE_D_INDIRECT	4
/* Section 2.8.1. */
#define ORACLE_D_AVAIL		0x80
#define ORACLE_D_USED		0x8000

#define ORACLE_DESC		16	/* bytes of a descriptor of either format */

/* Section 2.7.6: the available ring. */
#define ORACLE_AVAIL_FLAGS	0
#define ORACLE_AVAIL_IDX	2
#define ORACLE_AVAIL_RING(i)	(4 + 2 * (i))	/* used_event is behind the last */

/* Section 2.7.8: the used ring. */
#define ORACLE_USED_FLAGS	0
#define ORACLE_USED_IDX		2
#define ORACLE_USED_RING(i)	(4 + 8 * (i))	/* avail_event is behind the last */

/* Section 2.8.14: the event suppression structures of a packed ring. */
#define ORACLE_EVENT_DESC	0	/* offset, and the wrap counter in bit 15 */
#define ORACLE_EVENT_FLAGS	2
#define ORACLE_EVENT_ENABLE	0
#define ORACLE_EVENT_DISABLE	1
#define ORACLE_EVENT_AT		2

/*
 * Positions in a packed ring are counted from the start and never wrap here. The
 * driver and the device begin with wrap counters of 1, so an even lap has 1.
 */
static inline bool oracle_lap_bit(u64 pos, u16 num)
{
	return !((pos / num) & 1);
}

/* Is the place @off in a lap with @wrap among the positions @old to @new - 1? */
static inline bool oracle_packed_crossed(u16 num, u16 off, bool wrap, u64 old, u64 new)
{
	u64 pos;

	for (pos = old; pos != new; pos++) {
		if (pos % num == off && oracle_lap_bit(pos, num) == wrap)
			return true;
	}
	return false;
}

/* Is the index @event among @old to @new - 1 (sections 2.7.7.2, 2.7.10.1)? */
static inline bool oracle_split_crossed(u16 event, u64 old, u64 new)
{
	u64 pos;

	for (pos = old; pos != new; pos++) {
		if ((u16)pos == event)
			return true;
	}
	return false;
}

#endif
