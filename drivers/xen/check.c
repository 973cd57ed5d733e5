// SPDX-License-Identifier: GPL-2.0
/*
 * What of the Xen host's decisions is arithmetic: can this kernel serve a guest at
 * all, how much of the guest may its devices' queues hold mapped, and how much may
 * be mapped in all. No hypercall, so that tests reach all of it.
 */
#include <linux/errno.h>
#include <linux/mm.h>

#include <virtback/device.h>

#include "cache.h"
#include "check.h"

/* Xen's pages, and so those that are mapped, whatever this kernel's are. */
#define VIRTBACK_XEN_PAGE_SIZE	4096UL

#define VIRTBACK_MB_PAGES	((1UL << 20) / VIRTBACK_XEN_PAGE_SIZE)

/*
 * Without map_limit_mb. 512 MiB cost this kernel 8 MiB of page structures; 64 where
 * mapping takes as much memory from this domain.
 */
#define VIRTBACK_LIMIT_MB		512
#define VIRTBACK_LIMIT_MB_SCARCE	64

/* Chunks beside the reserve, so that there is something like a cache. */
#define VIRTBACK_KEEP_MIN	8

/*
 * Pins of a queue's worker that come from no pool: its place in an indirect table,
 * and what it copies.
 */
#define VIRTBACK_WORKER_PINS	2

/**
 * virtback_xen_why_not() - can this kernel serve Xen guests?
 * @xen: it runs on Xen
 * @arm64: it is built for 64-bit Arm
 * @page_size: bytes of its pages
 * @err: receives -errno
 *
 * With pages of 16 or 64 KiB one page of this kernel would be 4 or 16 of Xen's,
 * which would have to be mapped, and fail, together: none of this is done.
 *
 * Return: the reason why not, or NULL.
 */
const char *virtback_xen_why_not(bool xen, bool arm64, unsigned long page_size, int *err)
{
	*err = -ENODEV;
	if (!xen)
		return "not running on Xen";
	*err = -EOPNOTSUPP;
	if (!arm64)
		return "Xen guests are served on 64-bit Arm only";
	if (page_size != VIRTBACK_XEN_PAGE_SIZE)
		return "this kernel's pages are not Xen's 4 KiB";
	*err = 0;
	return NULL;
}

/**
 * virtback_xen_reserve() - pages that the queues of a device can pin at once
 * @vd: device with its queues
 *
 * Every pin of a request is a piece of the queue's pool. The rings of a queue of n
 * take 26 n + 12 bytes (VIRTIO 1.2 section 2.7) in three areas, and each may begin
 * and end within a page.
 *
 * Return: pages, if each is mapped alone.
 */
unsigned long virtback_xen_reserve(const struct virtback_device *vd)
{
	unsigned long nr = 0;
	u16 i;

	for (i = 0; i < vd->nvqs; i++) {
		const struct virtback_vq *vq = &vd->vqs[i];

		nr += vq->max_pins + VIRTBACK_WORKER_PINS;
		nr += DIV_ROUND_UP(26UL * vq->num_max + 12, VIRTBACK_XEN_PAGE_SIZE) + 2 + 3;
	}
	return nr;
}

/**
 * virtback_xen_limit_need() - the least limit
 * @reserve: of all devices of the guest
 *
 * Return: MiB.
 */
unsigned long virtback_xen_limit_need(unsigned long reserve)
{
	return DIV_ROUND_UP(reserve + VIRTBACK_KEEP_MIN * VIRTBACK_CHUNK_PAGES,
			    VIRTBACK_MB_PAGES);
}

/**
 * virtback_xen_limit() - how much of a guest may be mapped
 * @mb: MiB that someone has asked for, or 0
 * @reserve: of all devices of the guest
 * @scarce: mapping costs memory of this domain
 *
 * What someone asked for is never exceeded; what nobody asked for is made to fit.
 *
 * Return: pages, or 0 when @mb is too little for @reserve.
 */
unsigned long virtback_xen_limit(unsigned int mb, unsigned long reserve, bool scarce)
{
	unsigned long need = virtback_xen_limit_need(reserve);
	unsigned long auto_mb = scarce ? VIRTBACK_LIMIT_MB_SCARCE : VIRTBACK_LIMIT_MB;

	if (!mb)
		return max(auto_mb, need) * VIRTBACK_MB_PAGES;
	return mb < need ? 0 : mb * VIRTBACK_MB_PAGES;
}
