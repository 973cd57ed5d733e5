// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that is mapped for one pass of a request, where the host else copies
 * (vd->copies, vd->borrow_min): what accesses the data gets the guest's own pages.
 *
 *	virtback_req_borrow()	worker, in prepare() or resume(): map the buffers
 *	virtback_req_resume()	any context: the pass has ended
 *	virtback_give_back()	worker: unmap what several requests borrowed, at once
 *
 * A driver that finds its memory still in use when it gets its buffers back gives up
 * the device, so nothing else happens to a request in between: its used element is
 * published, and its next pass begun, only after that. Nor is a page unmapped under
 * someone who still holds it, as a network connection does that sends it again; the
 * worker then looks again later (vq->busy).
 *
 * All of this is the worker's alone, but req->dma: with it set virtback_vq_stop_finish()
 * leaves the pieces of an orphan alone. What is mapped stays so until the pass has ended,
 * whatever becomes of the device, see virtback_device_exposed().
 */
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include <virtback/device.h>

#include "core.h"

/* Name the next bytes, each piece within a page. */
static int virtback_borrow_name(struct virtback_req *req, struct virtback_iter *it, u32 len,
				u32 mask, bool write)
{
	unsigned int n;
	int err;

	for (n = 0; len; n++) {
		u64 addr;
		u32 run;

		virtback_iter_skip(it, 0);
		addr = it->sg->addr + it->off;
		run = min3(len, it->sg->len - it->off, (u32)(PAGE_SIZE - offset_in_page(addr)));
		if (n == VIRTBACK_ROUND_PAGES || (addr | run) & mask)
			return -EINVAL;
		err = virtback_req_pin(req, &req->data, it, run, write);
		if (err)
			return err;
		len -= run;
	}
	return 0;
}

/**
 * virtback_req_borrow() - map the next bytes of a buffer list for a pass
 * @req: request being prepared or resumed, of a device with vd->borrow_min
 * @it: position, passes the bytes; where it was after an error
 * @len: bytes, at most it->left
 * @mask: bits that must be 0 in addresses and lengths
 * @write: the device will write them
 *
 * Sets @req->dma; @req->data are the mapped pieces, each within a page and at most
 * VIRTBACK_ROUND_PAGES, until the worker gives them back after virtback_req_resume(),
 * with which the pass has to end. Context of prepare(), may sleep.
 *
 * Return: 0, or -errno: nothing is mapped, and the bytes should be copied, which finds
 * out what is wrong with them, if anything is.
 */
int virtback_req_borrow(struct virtback_req *req, struct virtback_iter *it, u32 len, u32 mask,
			bool write)
{
	struct virtback_vq *vq = req->vq;
	struct virtback_iter pos = *it;
	int err;

	lockdep_assert_held(&vq->ring_lock);
	err = virtback_borrow_name(req, &pos, len, mask, write);
	if (!err)
		err = vq->vd->host->borrow(vq, req->data.head, write);
	if (err) {
		virtback_req_unpin(req, &req->data);
		return err;
	}
	req->borrowed = true;
	req->dma = true;
	/* A stop that follows takes ring_lock and so sees it. */
	virtback_add_once(vq->nr_borrowed, 1);
	*it = pos;
	return 0;
}

/**
 * virtback_req_busy() - does anyone still use what a request borrowed?
 * @req: request whose pass has ended
 *
 * Worker context.
 *
 * Return: true when it cannot be given back yet.
 */
bool virtback_req_busy(const struct virtback_req *req)
{
	const struct virtback_vq *vq = req->vq;

	return req->borrowed && vq->vd->host->borrow_busy(req->vq, req->data.head);
}

/* Put the lists of those that borrowed together. Returns how many did. */
static unsigned int virtback_borrow_join(struct list_head *reqs, struct virtback_piece **all)
{
	struct virtback_piece **end = all;
	struct virtback_req *req;
	unsigned int n = 0;

	list_for_each_entry(req, reqs, batch) {
		if (!req->borrowed)
			continue;
		*end = req->data.head;
		end = &req->data.tail->next;
		n++;
	}
	return n;
}

/**
 * virtback_give_back() - give back what requests borrowed
 * @vq: their queue
 * @reqs: requests, linked by &virtback_req.batch, whose passes have ended and whose
 *	  pages nobody uses
 *
 * Their pieces are only named afterwards. Worker context, may sleep.
 */
void virtback_give_back(struct virtback_vq *vq, struct list_head *reqs)
{
	struct virtback_piece *all;
	struct virtback_req *req;
	unsigned int n;

	n = virtback_borrow_join(reqs, &all);
	if (!n)
		return;
	vq->vd->host->give_back(vq, all);
	/* From here on a stop may unpin an orphan's pieces. */
	spin_lock_irq(&vq->lock);
	list_for_each_entry(req, reqs, batch) {
		if (!req->borrowed)
			continue;
		req->data.tail->next = NULL;
		req->borrowed = false;
		req->dma = false;
	}
	spin_unlock_irq(&vq->lock);
	/* Pairs with virtback_device_exposed(): the host may then let go of the guest. */
	smp_store_release(&vq->nr_borrowed, vq->nr_borrowed - n);
	/* Who waits in virtback_device_settle() need not wait for what was copied. */
	if (!vq->nr_borrowed)
		wake_up(&vq->vd->orphans_gone);
}
