/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtio-mmio version 2 register file (VIRTIO 1.2 section 4.2.2), split by
 * what an access may do: a few registers can be answered in interrupt context.
 */
#ifndef VIRTBACK_MMIO_H
#define VIRTBACK_MMIO_H

#include <linux/types.h>

struct virtback_device;
struct virtback_vq;

/**
 * struct virtback_access - one access of the driver to the window
 * @data: value written, or the answer of a read
 * @offset: bytes from the start of the window
 * @size: bytes: 1, 2, 4 or 8; anything else is a bad access
 * @write: the driver writes
 * @start: virtback_latency_now() when the driver trapped, set by the host; 0: the
 *	   access is not measured
 * @kick: set by virtback_mmio_fast(): the queue to wake once the driver has its
 *	  reply
 */
struct virtback_access {
	u64 data;
	u32 offset;
	u32 size;
	bool write;
	u64 start;
	struct virtback_vq *kick;
};

bool virtback_mmio_fast(struct virtback_device *vd, struct virtback_access *a);
void virtback_mmio_slow(struct virtback_device *vd, struct virtback_access *a);
void virtback_mmio_finish(struct virtback_device *vd, struct virtback_access *a);
void virtback_mmio(struct virtback_device *vd, struct virtback_access *a);

#endif
