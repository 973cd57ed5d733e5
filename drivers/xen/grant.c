// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the guest grants, page by page and for as long as a request takes
 * (mapping=grant): the addresses in rings are those of gref.h.
 *
 * Rings are mapped while their queue is ready. Short data is copied by Xen, long data
 * mapped for the pass that moves it (lender.c). A page that is still mapped when the
 * driver takes it back makes Linux give up the whole device: what is copied has ended
 * when the used element is published, and what was mapped is unmapped.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <xen/grant_table.h>
#include <xen/page.h>

#include "gref.h"
#include "xen.h"

#include <trace/events/virtback_xen.h>

/* Operations of one hypercall, on the stack. */
#define VIRTBACK_GRANT_BATCH	VIRTBACK_COPY_BATCH

/* The largest ring area: 32768 descriptors of 16 bytes. */
#define VIRTBACK_GRANT_AREA_MAX	(512UL << 10)

/**
 * struct virtback_grant_area - what virtback_area.pin points to
 * @vmap: start of the mapping, or NULL when it is one page
 * @nr: pages
 * @page: where they are mapped
 * @handle: Xen's name of each mapping
 */
struct virtback_grant_area {
	void *vmap;
	unsigned int nr;
	struct page **page;
	grant_handle_t handle[];
};

/* Our own page @va is in, as Xen knows it; @va may be on a stack. */
static xen_pfn_t virtback_grant_local(const void *va)
{
	return xen_page_to_gfn(is_vmalloc_addr(va) ? vmalloc_to_page(va) : virt_to_page(va));
}

/* One operation within one page of the guest and one of ours. */
static void virtback_grant_op(struct gnttab_copy *op, domid_t domid, u64 addr, void *buf,
			      u32 len, bool write)
{
	*op = (struct gnttab_copy){ .len = len };
	if (write) {
		op->source.u.gmfn = virtback_grant_local(buf);
		op->source.domid = DOMID_SELF;
		op->source.offset = offset_in_page(buf);
		op->dest.u.ref = virtback_gref_of(addr);
		op->dest.domid = domid;
		op->dest.offset = offset_in_page(addr);
		op->flags = GNTCOPY_dest_gref;
	} else {
		op->source.u.ref = virtback_gref_of(addr);
		op->source.domid = domid;
		op->source.offset = offset_in_page(addr);
		op->dest.u.gmfn = virtback_grant_local(buf);
		op->dest.domid = DOMID_SELF;
		op->dest.offset = offset_in_page(buf);
		op->flags = GNTCOPY_source_gref;
	}
}

static int virtback_grant_flush(struct virtback_xen_dev *xd, struct gnttab_copy *batch,
				unsigned int nr)
{
	unsigned int i;
	int err = 0;

	if (!nr)
		return 0;
	gnttab_batch_copy(batch, nr);
	atomic64_add(nr, &xd->grant_copies);
	atomic64_inc(&xd->grant_calls);
	/* A guest decides how many calls a request takes. */
	cond_resched();
	for (i = 0; i < nr; i++) {
		if (batch[i].status != GNTST_okay)
			err = -EFAULT;
	}
	trace_virtback_xen_grant_copy(xd->vd, nr, err);
	return err;
}

/**
 * virtback_grant_copy() - see &virtback_host_ops.copy
 * @vd: device with mapping=grant
 * @ops: what to copy
 * @nr: number of @ops
 *
 * Process context, may sleep.
 *
 * Return: 0, or -EFAULT when an address is none of granted memory, or what it
 * refers to is not granted for this.
 */
int virtback_grant_copy(struct virtback_device *vd, struct virtback_copy *ops, unsigned int nr)
{
	struct virtback_xen_dev *xd = vd->host_priv;
	struct gnttab_copy batch[VIRTBACK_GRANT_BATCH];
	unsigned int i, n = 0;
	u32 off, len;
	int err;

	for (i = 0; i < nr; i++) {
		if (!virtback_gref_valid(ops[i].addr, ops[i].len))
			return -EFAULT;
		for (off = 0; off < ops[i].len; off += len) {
			u64 addr = ops[i].addr + off;

			len = virtback_gref_run(addr, ops[i].len - off);
			virtback_grant_op(&batch[n++], xd->guest->domid, addr, ops[i].buf + off,
					  len, ops[i].write);
			if (n < VIRTBACK_GRANT_BATCH)
				continue;
			err = virtback_grant_flush(xd, batch, n);
			if (err)
				return err;
			n = 0;
		}
	}
	return virtback_grant_flush(xd, batch, n);
}

static void virtback_grant_area_free(struct virtback_grant_area *ga)
{
	kvfree(ga->page);
	kvfree(ga);
}

static struct virtback_grant_area *virtback_grant_area_alloc(unsigned int nr)
{
	struct virtback_grant_area *ga = kvzalloc(struct_size(ga, handle, nr), GFP_KERNEL);

	if (!ga)
		return NULL;
	ga->nr = nr;
	ga->page = kvcalloc(nr, sizeof(*ga->page), GFP_KERNEL);
	if (!ga->page || gnttab_alloc_pages(nr, ga->page)) {
		virtback_grant_area_free(ga);
		return NULL;
	}
	return ga;
}

/* Unmap what is mapped, and give the pages back if nothing is left mapped. */
static void virtback_grant_unmap_pages(struct virtback_xen_dev *xd, struct virtback_grant_area *ga)
{
	bool lost = false;
	unsigned int i;

	if (ga->vmap)
		vunmap(ga->vmap);
	for (i = 0; i < ga->nr; i++) {
		struct gnttab_unmap_grant_ref op;

		if (ga->handle[i] == INVALID_GRANT_HANDLE)
			continue;
		gnttab_set_unmap_op(&op, (unsigned long)page_address(ga->page[i]),
				    GNTMAP_host_map, ga->handle[i]);
		if (gnttab_unmap_refs(&op, NULL, &ga->page[i], 1) || op.status != GNTST_okay)
			lost = true;
		else
			atomic64_dec(&xd->grant_pages);
	}
	if (lost)
		pr_err_ratelimited("%s: Xen refused to unmap a ring's grants; their pages are lost\n",
				   xd->vd->name);
	else
		gnttab_free_pages(ga->nr, ga->page);
	virtback_grant_area_free(ga);
}

static int virtback_grant_map_pages(struct virtback_xen_dev *xd, struct virtback_grant_area *ga,
				    grant_ref_t ref, bool write)
{
	u32 flags = GNTMAP_host_map | (write ? 0 : GNTMAP_readonly);
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ga->nr; i++) {
		struct gnttab_map_grant_ref op;

		ga->handle[i] = INVALID_GRANT_HANDLE;
		gnttab_set_map_op(&op, (unsigned long)page_address(ga->page[i]), flags, ref + i,
				  xd->guest->domid);
		if (ret || gnttab_map_refs(&op, NULL, &ga->page[i], 1) ||
		    op.status != GNTST_okay) {
			ret = -EFAULT;
			continue;
		}
		ga->handle[i] = op.handle;
		atomic64_inc(&xd->grant_pages);
	}
	return ret;
}

static int virtback_grant_map_area(struct virtback_xen_dev *xd, u64 addr, size_t len, bool write,
				   struct virtback_area *area)
{
	struct virtback_grant_area *ga;
	void *va;
	int ret;

	ga = virtback_grant_area_alloc(virtback_gref_pages(addr, len));
	if (!ga)
		return -ENOMEM;
	ret = virtback_grant_map_pages(xd, ga, virtback_gref_of(addr), write);
	trace_virtback_xen_grant_map(xd->vd, virtback_gref_of(addr), ga->nr, ret);
	if (ret)
		goto unmap;
	va = page_address(ga->page[0]);
	if (ga->nr > 1) {
		va = vmap(ga->page, ga->nr, VM_MAP, write ? PAGE_KERNEL : PAGE_KERNEL_RO);
		ga->vmap = va;
	}
	ret = -ENOMEM;
	if (!va)
		goto unmap;
	area->va = va + offset_in_page(addr);
	area->len = len;
	area->pin = ga;
	return 0;

unmap:
	virtback_grant_unmap_pages(xd, ga);
	return ret;
}

/**
 * virtback_grant_map() - see &virtback_host_ops.map
 * @vd: device with mapping=grant
 * @addr: address of granted memory
 * @len: bytes
 * @write: they will be written
 * @area: receives the mapping
 *
 * May sleep.
 *
 * Return: 0, -EFAULT when it is not granted (for this), -EINVAL or -ENOMEM.
 */
int virtback_grant_map(struct virtback_device *vd, u64 addr, size_t len, bool write,
		       struct virtback_area *area)
{
	unsigned int noio;
	int ret;

	if (!len || len > VIRTBACK_GRANT_AREA_MAX)
		return -EINVAL;
	if (!virtback_gref_valid(addr, len))
		return -EFAULT;
	/* A vCPU waits, and freeing memory could need the disk that it waits for. */
	noio = memalloc_noio_save();
	ret = virtback_grant_map_area(vd->host_priv, addr, len, write, area);
	memalloc_noio_restore(noio);
	return ret;
}

/**
 * virtback_grant_unmap() - see &virtback_host_ops.unmap
 * @vd: device with mapping=grant
 * @area: mapping
 *
 * May sleep.
 */
void virtback_grant_unmap(struct virtback_device *vd, struct virtback_area *area)
{
	virtback_grant_unmap_pages(vd->host_priv, area->pin);
	area->va = NULL;
	area->pin = NULL;
}

/**
 * virtback_grant_start() - let the data of long requests be mapped
 * @xd: device with mapping=grant and its queues
 * @map_kb: from so many KiB on, 0 for never
 *
 * Where there is no address space for it all is copied, and the log says so. May sleep.
 */
void virtback_grant_start(struct virtback_xen_dev *xd, unsigned int map_kb)
{
	struct virtback_device *vd = xd->vd;
	u16 i;

	if (!map_kb)
		return;
	xd->lenders = kcalloc(vd->nvqs, sizeof(*xd->lenders), GFP_KERNEL);
	for (i = 0; xd->lenders && i < vd->nvqs; i++) {
		if (virtback_lender_init(&xd->lenders[i], vd->name, xd->guest->domid,
					 VIRTBACK_LENDER_PAGES))
			virtback_grant_stop(xd);
	}
	if (xd->lenders)
		vd->borrow_min = map_kb << 10;
	else
		pr_info("%s: no memory to map granted pages, so all data is copied\n", vd->name);
}

/**
 * virtback_grant_stop() - undo virtback_grant_start()
 * @xd: device none of whose requests has anything mapped; nothing happens when
 *	nothing was started
 *
 * May sleep.
 */
void virtback_grant_stop(struct virtback_xen_dev *xd)
{
	u16 i;

	for (i = 0; xd->lenders && i < xd->vd->nvqs; i++)
		virtback_lender_fini(&xd->lenders[i]);
	kfree(xd->lenders);
	xd->lenders = NULL;
}

static struct virtback_lender *virtback_grant_lender(const struct virtback_vq *vq)
{
	struct virtback_xen_dev *xd = vq->vd->host_priv;

	return &xd->lenders[vq->index];
}

/**
 * virtback_grant_borrow() - see &virtback_host_ops.borrow
 * @vq: queue of a device whose borrow_min is not 0
 * @list: pieces
 * @write: they will be written
 *
 * Return: 0 or -errno, see virtback_lender_borrow().
 */
int virtback_grant_borrow(struct virtback_vq *vq, struct virtback_piece *list, bool write)
{
	return virtback_lender_borrow(virtback_grant_lender(vq), list, write);
}

/**
 * virtback_grant_busy() - see &virtback_host_ops.borrow_busy
 * @vq: queue
 * @list: pieces that are borrowed
 *
 * Return: true when some page must stay mapped.
 */
bool virtback_grant_busy(struct virtback_vq *vq, const struct virtback_piece *list)
{
	return virtback_lender_busy(list);
}

/**
 * virtback_grant_give_back() - see &virtback_host_ops.give_back
 * @vq: queue
 * @list: pieces that are borrowed
 */
void virtback_grant_give_back(struct virtback_vq *vq, struct virtback_piece *list)
{
	virtback_lender_give_back(virtback_grant_lender(vq), list);
}
