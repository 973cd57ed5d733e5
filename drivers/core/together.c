// SPDX-License-Identifier: GPL-2.0
/*
 * What a host copies for several requests with one call (vd->copies).
 *
 * A type says for each request what is to be copied, then all of it is, and then each
 * request is served as ever: what was copied need not be any more. When a copy fails
 * none of them counts, and each request makes its own, so that only those fail whose
 * driver gave us an address that is none.
 */
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/sizes.h>

#include <virtback/device.h>

#include "core.h"

/* What is copied together, more or less: whoever wants ring_lock or the processor waits. */
#define VIRTBACK_TOGETHER_BYTES	SZ_256K

static u64 virtback_together_bytes(const struct virtback_req *req)
{
	const struct virtback_piece *p;
	u64 bytes = 0;

	/* An orphan's pieces are not the worker's. */
	if (!virtback_req_live(req))
		return 0;
	for (p = req->data.head; p; p = p->next)
		bytes += p->len;
	return bytes;
}

/* What is too much at once goes to @rest. */
static void virtback_together_bound(struct list_head *reqs, struct list_head *rest)
{
	struct virtback_req *req, *next;
	u64 bytes = 0;

	list_for_each_entry_safe(req, next, reqs, batch) {
		if (bytes >= VIRTBACK_TOGETHER_BYTES)
			list_move_tail(&req->batch, rest);
		else
			bytes += virtback_together_bytes(req);
	}
}

/* Name the copies of all @reqs. */
static int virtback_together_name(struct virtback_vq *vq, struct list_head *reqs,
				  struct virtback_copier *c, bool last)
{
	struct virtback_req *req;
	int err;

	list_for_each_entry(req, reqs, batch) {
		/* It was put off when all that was left to do was to tell its driver. */
		if (req->stored || !virtback_req_live(req))
			continue;
		err = vq->vd->type->store(req, c, last);
		if (err)
			return err;
	}
	return 0;
}

/* All or none; 0 when it was all. */
static int virtback_together_copy(struct virtback_vq *vq, struct list_head *reqs)
{
	struct virtback_copier c;
	int err;

	if (!vq->vd->type->store)
		return -ENODATA;
	virtback_copier_init(&c, vq);
	err = virtback_together_name(vq, reqs, &c, false);
	if (!err)
		err = virtback_together_name(vq, reqs, &c, true);
	return err ?: virtback_copier_flush(&c);
}

/**
 * virtback_together_store() - copy what ended requests have for their driver
 * @vq: queue of a device that copies
 * @reqs: requests given to virtback_req_resume(), linked by &virtback_req.batch
 * @rest: those that are too much to copy at once are moved here
 *
 * Sets their @stored. One alone does the same itself. Called with ring_lock held, may sleep.
 *
 * Return: true when there are several, so that they end together.
 */
bool virtback_together_store(struct virtback_vq *vq, struct list_head *reqs,
			     struct list_head *rest)
{
	struct virtback_req *req;
	bool stored;

	lockdep_assert_held(&vq->ring_lock);
	if (list_empty(reqs))
		return false;
	if (!list_is_singular(reqs))
		virtback_together_bound(reqs, rest);
	if (list_is_singular(reqs))
		return false;
	stored = !virtback_together_copy(vq, reqs);
	list_for_each_entry(req, reqs, batch)
		req->stored |= stored;
	return true;
}
