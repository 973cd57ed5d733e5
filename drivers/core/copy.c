// SPDX-License-Identifier: GPL-2.0
/*
 * Copies from and to the guest, for devices whose memory is pinned and for those
 * whose host copies (vd->copies).
 *
 * To ask a host costs the same for one copy and for many, so a copier gathers them.
 * What it was given has been copied after virtback_copier_flush(), not before, and a
 * copier that is not flushed has copied anything between nothing and all of it.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <virtback/device.h>

#include "core.h"

/**
 * virtback_copier_ask() - ask the host for the copies that wait
 * @c: copier with some
 *
 * The worker, may sleep.
 *
 * Return: 0, or -EFAULT when some failed.
 */
int virtback_copier_ask(struct virtback_copier *c)
{
	struct virtback_vq *vq = c->vq;
	unsigned int nr = c->nr;

	c->nr = 0;
	return vq->vd->host->copy(vq->vd, vq->copy, nr);
}

/**
 * virtback_copier_name() - have the host copy a part of a piece
 * @c: copier
 * @p: piece that is only named
 * @off: first byte of it
 * @buf: our side; must stay until the copier was flushed
 * @len: bytes, at most p->len - @off
 * @write: to the guest
 *
 * The worker, may sleep.
 *
 * Return: 0, or -EFAULT when this or an earlier copy failed.
 */
int virtback_copier_name(struct virtback_copier *c, const struct virtback_piece *p, u32 off,
			 void *buf, u32 len, bool write)
{
	while (len) {
		u32 n = min_t(u32, len, PAGE_SIZE - offset_in_page(buf));

		if (c->nr == VIRTBACK_COPY_BATCH) {
			int ret = virtback_copier_flush(c);

			if (ret)
				return ret;
		}
		c->vq->copy[c->nr++] = (struct virtback_copy){
			.addr = p->addr + off,
			.buf = buf,
			.len = n,
			.write = write,
		};
		off += n;
		buf += n;
		len -= n;
	}
	return 0;
}

/**
 * virtback_copier_iter() - copy the next bytes of a list of buffers and pass them
 * @c: copier
 * @it: position; undefined after an error
 * @buf: our side; must stay until the copier was flushed
 * @len: bytes
 * @write: to the guest
 *
 * Worker context, may sleep.
 *
 * Return: 0, -ENODATA when fewer are left, or -EFAULT when this or an earlier copy
 * failed.
 */
int virtback_copier_iter(struct virtback_copier *c, struct virtback_iter *it, void *buf, u32 len,
			 bool write)
{
	struct virtback_vq *vq = c->vq;
	struct virtback_piece p;
	int ret;

	if (len > it->left)
		return -ENODATA;
	while (len) {
		ret = virtback_iter_pin(vq, it, len, write, &p);
		if (ret)
			return ret;
		ret = virtback_copier_piece(c, &p, 0, buf, p.len, write);
		virtback_piece_unpin(vq->vd, &p);
		if (ret)
			return ret;
		buf += p.len;
		len -= p.len;
	}
	return 0;
}
