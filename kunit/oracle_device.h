/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other side of the oracle's rings: what a device reads and writes, from the same
 * layouts (oracle_layout.h). Stock driver code on the other end shows whether the
 * oracle has understood the specification.
 */
#ifndef VIRTBACK_ORACLE_DEVICE_H
#define VIRTBACK_ORACLE_DEVICE_H

#include "oracle.h"

/**
 * struct oracle_device - the device's side of a ring
 * @packed: ring format
 * @event_idx: negotiated
 * @num: queue size
 * @ring: the descriptor, driver and device areas
 * @va: where a guest address is
 * @avail: position of the next chain: chains (split), descriptors (packed)
 * @used: position of the next used entry, in the same unit
 */
struct oracle_device {
	bool packed;
	bool event_idx;
	u16 num;
	void *ring[3];
	void *(*va)(u64 addr);
	u64 avail;
	u64 used;
};

/**
 * struct oracle_chain - a chain as it was found
 * @id: what the used entry says
 * @slots: steps that the positions take for it
 * @nseg: buffers
 * @seg: the buffers
 */
struct oracle_chain {
	u16 id;
	u16 slots;
	u16 nseg;
	struct oracle_seg seg[ORACLE_NUM];
};

/* When the driver is to kick. */
enum oracle_kicks {
	ORACLE_KICK_NEVER,
	ORACLE_KICK_ALWAYS,
	ORACLE_KICK_AT,		/* wants event_idx */
};

int oracle_pop(struct oracle_device *d, struct oracle_chain *c);
void oracle_push(struct oracle_device *d, const struct oracle_chain *c, u32 len);
bool oracle_irq_wanted(struct oracle_device *d, u64 old, u64 new);
void oracle_ask_kicks(struct oracle_device *d, enum oracle_kicks when, u64 at);
bool oracle_kick_asked(enum oracle_kicks when, u64 at, u64 old, u64 new);

#endif
