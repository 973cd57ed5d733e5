/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests: what a device type sees of one, and what it can do with it. The rings that they
 * come from are in <virtback/vq.h>.
 */
#ifndef VIRTBACK_REQ_H
#define VIRTBACK_REQ_H

#include <linux/list.h>
#include <linux/string.h>
#include <linux/types.h>

#include <virtback/mem.h>

struct virtback_vq;

/**
 * struct virtback_sg - one buffer of a chain, as read once from the descriptor
 * @addr: guest address
 * @len: bytes
 */
struct virtback_sg {
	u64 addr;
	u32 len;
};

/**
 * struct virtback_iter - a position in a list of buffers
 * @sg: the current buffer
 * @nr: buffers from @sg to the end
 * @off: bytes of *@sg already passed
 * @left: bytes from here to the end
 */
struct virtback_iter {
	const struct virtback_sg *sg;
	unsigned int nr;
	u32 off;
	u64 left;
};

/**
 * struct virtback_chain - a descriptor chain taken from the available ring
 * @id: what goes back into the used ring
 * @ndesc: descriptors of the ring that it takes, an indirect table being one; packed only
 * @out: buffers that the device reads
 * @in: buffers that the device writes; follow @out in the same array
 *
 * Points into storage of the queue; valid until prepare() has returned.
 */
struct virtback_chain {
	u16 id;
	u16 ndesc;
	struct virtback_iter out;
	struct virtback_iter in;
};

/**
 * struct virtback_req - a request from its chain being taken to its completion
 * @vq: the queue it came from
 * @idle: the next one, while it is in @vq->idle (protected by @vq->lock) or @vq->spare
 * @inflight: link in @vq->inflight (IN_ORDER), or alone; protected by @vq->lock
 * @batch: link in the list given to submit(), or in @vq->resume (protected by @vq->lock)
 * @epoch: @vq->epoch when it was taken; another value there makes it an orphan
 * @id: descriptor id for the used ring
 * @ndesc: descriptors of the ring that its chain takes, packed only
 * @submitted: when it was given to submit() for the first time, 0 when it was not;
 *	       the worker's until then, its completion's afterwards
 * @done: it has ended and waits for its turn to be published; vq->lock
 * @written: bytes of the guest's memory that the device wrote, with @done
 * @data: guest memory of the current pass
 * @status: guest memory that the type writes last (a status byte)
 * @first_data: the first piece of @data; what else it has comes from @vq->pieces
 * @first_status: that of @status
 * @dma: a device of this machine accesses @data: it stays pinned until the
 *	 request's completion. Set in prepare() or resume().
 * @borrowed: @data is mapped by &virtback_host_ops.borrow, and @dma is set; the
 *	      worker's alone, which gives it back before the request goes on
 * @head: what &virtback_type_ops.fetch was given for a header, NULL when it was not called;
 *	  the worker's, for prepare()
 * @fetched: what it named has been copied; as @head
 * @stored: what &virtback_type_ops.store named has been copied since the pass has ended; the
 *	    worker's, for resume()
 * @kept: storage of a buffer list, see virtback_req_keep()
 *
 * @data and @status belong to the request's completion while it is live and to
 * whoever holds @vq->lock once it is an orphan (its completion or
 * virtback_vq_stop(), whichever comes first; with @dma its completion alone). The type's own part
 * (&virtback_type_ops.req_size bytes) follows, see virtback_req_priv().
 */
struct virtback_req {
	struct virtback_vq *vq;
	struct virtback_req *idle;
	struct list_head inflight;
	struct list_head batch;
	u32 epoch;
	u16 id;
	u16 ndesc;
	u64 submitted;
	bool done;
	u32 written;
	struct virtback_pieces data;
	struct virtback_pieces status;
	struct virtback_piece first_data;
	struct virtback_piece first_status;
	bool dma;
	bool borrowed;
	void *head;
	bool fetched;
	bool stored;
	struct virtback_sg *kept;
};

static inline void *virtback_req_priv(struct virtback_req *req)
{
	return req + 1;
}

/* drivers/core/req.c: what device types do with a request */
void virtback_vq_collect(struct virtback_vq *vq);
void virtback_vq_publish(struct virtback_vq *vq);
void virtback_req_complete(struct virtback_req *req, u32 written);
void virtback_req_resume(struct virtback_req *req);
int virtback_req_pin(struct virtback_req *req, struct virtback_pieces *list,
		     struct virtback_iter *it, u32 len, bool write);
const void *virtback_req_pin_both(struct virtback_req *req, struct virtback_pieces *list,
				  const struct virtback_iter *last, struct virtback_iter *it,
				  u32 len);
void virtback_req_unpin(struct virtback_req *req, struct virtback_pieces *list);
int virtback_req_borrow(struct virtback_req *req, struct virtback_iter *it, u32 len, u32 mask,
			bool write);
int virtback_req_keep(struct virtback_req *req, struct virtback_iter *it);
void virtback_req_unkeep(struct virtback_req *req);

/**
 * struct virtback_copier - copies from and to the guest, gathered where the host makes
 *			    them
 * @vq: queue; what waits is in its @copy, so of its copiers one at a time has something
 * @nr: copies that wait for virtback_copier_flush()
 */
struct virtback_copier {
	struct virtback_vq *vq;
	unsigned int nr;
};

/* drivers/core/copy.c */
int virtback_copier_name(struct virtback_copier *c, const struct virtback_piece *p, u32 off,
			 void *buf, u32 len, bool write);
int virtback_copier_iter(struct virtback_copier *c, struct virtback_iter *it, void *buf, u32 len,
			 bool write);
int virtback_copier_ask(struct virtback_copier *c);

/**
 * virtback_copier_init() - start with nothing to copy
 * @c: copier, on the stack: what waits is not in it, since compilers clear what is there
 * @vq: queue whose guest it is
 *
 * Any context.
 */
static inline void virtback_copier_init(struct virtback_copier *c, struct virtback_vq *vq)
{
	c->vq = vq;
	c->nr = 0;
}

/**
 * virtback_copier_flush() - make the copies that wait
 * @c: copier
 *
 * Any context; the worker, may sleep, if vd->copies.
 *
 * Return: 0, or -EFAULT when some failed.
 */
static inline int virtback_copier_flush(struct virtback_copier *c)
{
	return c->nr ? virtback_copier_ask(c) : 0;
}

/**
 * virtback_copier_piece() - copy a part of a piece
 * @c: copier
 * @p: piece
 * @off: first byte of it
 * @buf: our side; must stay until the copier was flushed
 * @len: bytes, at most p->len - @off
 * @write: to the guest
 *
 * Any context; the worker, may sleep, if vd->copies.
 *
 * Return: 0, or -EFAULT when this or an earlier copy failed.
 */
static inline int virtback_copier_piece(struct virtback_copier *c, const struct virtback_piece *p,
					u32 off, void *buf, u32 len, bool write)
{
	if (!p->va)
		return virtback_copier_name(c, p, off, buf, len, write);
	if (write)
		memcpy(p->va + off, buf, len);
	else
		memcpy(buf, p->va + off, len);
	return 0;
}

/* drivers/core/iter.c: positions in a chain */
int virtback_iter_read(struct virtback_vq *vq, struct virtback_iter *it, void *buf, u32 len);
int virtback_iter_write(struct virtback_vq *vq, struct virtback_iter *it, const void *buf, u32 len);
void virtback_iter_skip(struct virtback_iter *it, u64 len);

/**
 * virtback_iter_last() - go to the last byte
 * @it: position with something left
 *
 * As virtback_iter_skip() to there, but for a chain of many buffers without a look at
 * each.
 */
static inline void virtback_iter_last(struct virtback_iter *it)
{
	const struct virtback_sg *sg = it->sg + it->nr - 1;

	/* There is one with a byte, if not the last. */
	while (!sg->len)
		sg--;
	it->nr -= sg - it->sg;
	it->sg = sg;
	it->off = sg->len - 1;
	it->left = 1;
}

#endif
