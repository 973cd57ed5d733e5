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

/*
 * What is whole in one buffer, as a header is, up to the end of the piece that it begins
 * in. Returns how much was read, 0 when it is not, or -EFAULT.
 */
static int virtback_iter_glance(struct virtback_vq *vq, struct virtback_iter *it, void *buf,
				u32 len)
{
	struct virtback_device *vd = vq->vd;
	struct virtback_piece *p = &vq->glance;
	int ret;

	if (vd->copies || !len || len > it->left)
		return 0;
	virtback_iter_step(it, 0);
	if (len > it->sg->len - it->off)
		return 0;
	ret = vd->host->pin(vd, it->sg->addr + it->off, len, false, p);
	if (ret)
		return ret;
	len = p->len;
	memcpy(buf, p->va, len);
	/* The driver may be writing it: nothing reads it again instead of @buf. */
	barrier();
	virtback_piece_unpin(vd, p);
	virtback_iter_step(it, len);
	return len;
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
	struct virtback_copier c;
	int ret;

	ret = virtback_iter_glance(vq, it, buf, len);
	if (ret < 0)
		return ret;
	if (ret == len)
		return 0;
	buf += ret;
	len -= ret;
	virtback_copier_init(&c, vq);
	ret = virtback_copier_iter(&c, it, buf, len, false);
	return ret ?: virtback_copier_flush(&c);
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
	struct virtback_copier c;
	int ret;

	virtback_copier_init(&c, vq);
	ret = virtback_copier_iter(&c, it, (void *)buf, len, true);
	return ret ?: virtback_copier_flush(&c);
}
