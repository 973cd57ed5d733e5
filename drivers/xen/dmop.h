/* SPDX-License-Identifier: GPL-2.0 */
/* Device model operations (Xen's public/hvm/dm_op.h), as functions. */
#ifndef VIRTBACK_XEN_DMOP_H
#define VIRTBACK_XEN_DMOP_H

#include <linux/types.h>
#include <xen/interface/xen.h>

int virtback_dmop_nr_vcpus(domid_t domid, u32 *nr);
int virtback_dmop_create_server(domid_t domid, u16 *id);
int virtback_dmop_destroy_server(domid_t domid, u16 id);
int virtback_dmop_enable_server(domid_t domid, u16 id, bool enable);
int virtback_dmop_map_range(domid_t domid, u16 id, u64 start, u64 size);
int virtback_dmop_unmap_range(domid_t domid, u16 id, u64 start, u64 size);
int virtback_dmop_set_irq_level(domid_t domid, u32 irq, bool level);

#endif
