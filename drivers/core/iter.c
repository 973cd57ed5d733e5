// SPDX-License-Identifier: GPL-2.0
/*
 * Positions in the buffers of a chain, and copies from and to them.
 *
 * The guest can change its memory at any time, so what is read here is a copy
 * and only the copy is ever looked at.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <virtback/device.h>

#include "core.h"

/* Pass @len bytes, which lie within the current buffer, and empty buffers. */
static void virtback_iter_step(struct virtback_iter *it, u32 len)
{
	it->left -= len;
	it->off += len;
	while (it->nr && it->off == it->sg->len) {
		it->sg++;
		it->nr--;
		it->off = 0;
	}
}

/**
 * virtback_iter_skip() - pass @len bytes
 * @it: position
 * @len: bytes, at most it->left
 */
void virtback_iter_skip(struct virtback_iter *it, u64 len)
{
	virtback_iter_step(it, 0);
	while (len) {
		u32 n = min_t(u64, len, it->sg->len - it->off);

		virtback_iter_step(it, n);
		len -= n;
	}
}

/**
 * virtback_iter_pin() - pin the next bytes and pass them
 * @vq: queue whose guest it is
 * @it: position
 * @len: bytes wanted, 1 to it->left
 * @write: the device will write them
 * @p: receives the piece; its length may be less than @len
 *
 * Worker context, may sleep.
 *
 * Return: 0, or -EFAULT when it is not guest memory.
 */
int virtback_iter_pin(struct virtback_vq *vq, struct virtback_iter *it, u32 len, bool write,
		      struct virtback_piece *p)
{
	struct virtback_device *vd = vq->vd;
	int ret;

	virtback_iter_step(it, 0);
	ret = vd->host->pin(vd, it->sg->addr + it->off, min(len, it->sg->len - it->off), write, p);
	if (!ret)
		virtback_iter_step(it, p->len);
	return ret;
}

/**
 * virtback_iter_read() - copy the next @len bytes from the guest and pass them
 * @vq: queue whose guest it is
 * @it: position
 * @buf: where to
 * @len: bytes
 *
 * Worker context, may sleep.
 *
 * Return: 0, -ENODATA when fewer are left, or
 * -EFAULT when they are not guest memory; @it is then undefined.
 */
int virtback_iter_read(struct virtback_vq *vq, struct virtback_iter *it, void *buf, u32 len)
{
	struct virtback_piece p;
	int ret;

	if (len > it->left)
		return -ENODATA;
	while (len) {
		ret = virtback_iter_pin(vq, it, len, false, &p);
		if (ret)
			return ret;
		memcpy(buf, p.va, p.len);
		vq->vd->host->unpin(vq->vd, &p);
		buf += p.len;
		len -= p.len;
	}
	return 0;
}

/**
 * virtback_iter_write() - copy @len bytes to the guest and pass them
 * @vq: queue whose guest it is
 * @it: position
 * @buf: where from
 * @len: bytes
 *
 * Worker context, may sleep.
 *
 * Return: 0, -ENODATA when fewer are left, or
 * -EFAULT when they are not guest memory; @it is then undefined.
 */
int virtback_iter_write(struct virtback_vq *vq, struct virtback_iter *it, const void *buf, u32 len)
{
	struct virtback_piece p;
	int ret;

	if (len > it->left)
		return -ENODATA;
	while (len) {
		ret = virtback_iter_pin(vq, it, len, true, &p);
		if (ret)
			return ret;
		memcpy(p.va, buf, p.len);
		vq->vd->host->unpin(vq->vd, &p);
		buf += p.len;
		len -= p.len;
	}
	return 0;
}

/**
 * virtback_pieces_write() - copy to the start of pinned memory
 * @list: pieces, of at least @len bytes
 * @buf: where from
 * @len: bytes
 *
 * Any context.
 */
void virtback_pieces_write(const struct virtback_pieces *list, const void *buf, u32 len)
{
	const struct virtback_piece *p;

	for (p = list->head; p && len; p = p->next) {
		u32 n = min(len, p->len);

		memcpy(p->va, buf, n);
		buf += n;
		len -= n;
	}
}
