/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loop host: this kernel is its own guest. Memory and checks are in loop.c;
 * how the stock driver gets at the registers depends on the kernel: an emulated
 * window (window.c) or calls (direct.c).
 */
#ifndef VIRTBACK_LOOP_H
#define VIRTBACK_LOOP_H

#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct device;
struct virtback_device;

/* The same condition as in Kbuild: is there a way for a stock driver? */
#if IS_ENABLED(CONFIG_UML)
#define VIRTBACK_LOOP	IS_ENABLED(CONFIG_INDIRECT_IOMEM)
#else
#define VIRTBACK_LOOP	IS_ENABLED(CONFIG_VIRTIO)
#endif

#if VIRTBACK_LOOP
/* drivers/loop/window.c or drivers/loop/direct.c */
int virtback_loop_attach(struct virtback_device *vd);
void virtback_loop_detach(struct virtback_device *vd);
void virtback_loop_release(struct virtback_device *vd);
void virtback_loop_raise_irq(struct virtback_device *vd);
struct device *virtback_loop_bus(struct virtback_device *vd);
#else
static inline int virtback_loop_attach(struct virtback_device *vd)
{
	return -EOPNOTSUPP;
}

static inline void virtback_loop_detach(struct virtback_device *vd)
{
}

static inline void virtback_loop_release(struct virtback_device *vd)
{
}

static inline void virtback_loop_raise_irq(struct virtback_device *vd)
{
}

static inline struct device *virtback_loop_bus(struct virtback_device *vd)
{
	return NULL;
}
#endif

/* drivers/loop/loop.c */
dev_t virtback_loop_disk(struct virtback_device *vd);

#endif
