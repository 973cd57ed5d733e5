/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the core share with each other only. */
#ifndef VIRTBACK_CORE_H
#define VIRTBACK_CORE_H

#include <linux/virtio_mmio.h>

#include <virtback/device.h>

/* Undo virtback_iter_pin(). Any context, vq->lock may be held. */
static inline void virtback_piece_unpin(struct virtback_device *vd, struct virtback_piece *p)
{
	if (!vd->copies)
		vd->host->unpin(vd, p);
}

int virtback_iter_pin(struct virtback_vq *vq, struct virtback_iter *it, u32 len, bool write,
		      struct virtback_piece *p);
void virtback_vq_wake(struct virtback_vq *vq);
void virtback_device_wake(struct virtback_device *vd);

#endif
