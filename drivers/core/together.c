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

#include <virtback/device.h>

#include "core.h"

/* Name the copies of all @reqs. */
static int virtback_together_name(struct virtback_vq *vq, struct list_head *reqs,
				  struct virtback_copier *c, bool last)
{
	struct virtback_req *req;
	int err;

	list_for_each_entry(req, reqs, batch) {
		if (!virtback_req_live(req))
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
 *
 * Sets their @stored. One alone does the same itself. Called with ring_lock held, may sleep.
 *
 * Return: true when there are several, so that they end together.
 */
bool virtback_together_store(struct virtback_vq *vq, struct list_head *reqs)
{
	struct virtback_req *req;
	bool stored;

	lockdep_assert_held(&vq->ring_lock);
	if (list_empty(reqs))
		return false;
	if (list_is_singular(reqs)) {
		list_first_entry(reqs, struct virtback_req, batch)->stored = false;
		return false;
	}
	stored = !virtback_together_copy(vq, reqs);
	list_for_each_entry(req, reqs, batch)
		req->stored = stored;
	return true;
}
