// SPDX-License-Identifier: GPL-2.0
/*
 * The fake driver of packed rings, for queue 0; see fake.h. The worker rests
 * while it writes, so descriptors are written in the order of their places.
 */
#include <linux/string.h>

#include "fake.h"

#define AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define USED	BIT(VRING_PACKED_DESC_F_USED)

/**
 * fake_packed_queue() - set queue 0 up with a cleared packed ring
 * @f: device after FEATURES_OK, with RING_PACKED
 * @num: its size
 *
 * The ring is at FAKE_PACKED_RING(num), the event suppression of the driver and
 * of the device where the rings of the other format would be.
 */
void fake_packed_queue(struct fake *f, u16 num)
{
	struct fake_packed *p = &f->packed;

	*p = (struct fake_packed){ .ring = FAKE_PACKED_RING(num), .wrap = true, .used_wrap = true };
	f->num[0] = num;
	memset(fake_va(f, p->ring), 0, num * sizeof(struct vring_packed_desc));
	memset(fake_va(f, FAKE_AVAIL(0)), 0, 8);
	memset(fake_va(f, FAKE_USED(0)), 0, 8);
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, 0);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, num);
	fake_queue_addrs(f, p->ring, FAKE_AVAIL(0), FAKE_USED(0));
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
}

/**
 * fake_packed_start() - the whole probe, with a packed queue 0
 * @f: device
 * @features: what the driver accepts beside VERSION_1 and RING_PACKED
 * @num: size of the queue
 */
void fake_packed_start(struct fake *f, u64 features, u16 num)
{
	fake_negotiate(f, features | BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_RING_PACKED));
	fake_packed_queue(f, num);
	fake_write(f, VIRTIO_MMIO_STATUS,
		   VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	fake_settle(f);
	KUNIT_ASSERT_FALSE(f->test, fake_broken(f));
	KUNIT_ASSERT_EQ(f->test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
}

/**
 * fake_packed_desc() - write a descriptor of any table in the packed format
 * @f: device
 * @table: guest address of the table
 * @i: index in it
 * @addr: buffer
 * @len: its bytes
 * @flags: all flags
 * @id: buffer id
 */
void fake_packed_desc(struct fake *f, u64 table, u16 i, u64 addr, u32 len, u16 flags, u16 id)
{
	struct vring_packed_desc *desc = fake_va(f, table + i * sizeof(*desc));

	desc->addr = cpu_to_le64(addr);
	desc->len = cpu_to_le32(len);
	desc->id = cpu_to_le16(id);
	desc->flags = cpu_to_le16(flags);
}

/**
 * fake_packed_add() - make the next descriptor available, without a kick
 * @f: device
 * @addr: buffer
 * @len: its bytes
 * @flags: F_NEXT, F_WRITE, F_INDIRECT; AVAIL and USED are added
 * @id: buffer id
 */
void fake_packed_add(struct fake *f, u64 addr, u32 len, u16 flags, u16 id)
{
	struct fake_packed *p = &f->packed;

	fake_packed_desc(f, p->ring, p->next, addr, len, flags | (p->wrap ? AVAIL : USED), id);
	if (++p->next == f->num[0]) {
		p->next = 0;
		p->wrap = !p->wrap;
	}
}

/**
 * fake_packed_used() - take the next used element, if there is one
 * @f: device
 * @id: receives the buffer id
 * @len: receives the length
 * @ndesc: descriptors of the chain that is expected
 *
 * The WRITE flag must say whether bytes were written.
 *
 * Return: there was one
 */
bool fake_packed_used(struct fake *f, u16 ndesc, u16 *id, u32 *len)
{
	struct fake_packed *p = &f->packed;
	struct vring_packed_desc *desc = fake_va(f, p->ring);
	u16 flags;

	desc += p->used;
	flags = le16_to_cpu(desc->flags);
	if (!!(flags & AVAIL) != p->used_wrap || !!(flags & USED) != p->used_wrap)
		return false;
	*id = le16_to_cpu(desc->id);
	*len = le32_to_cpu(desc->len);
	KUNIT_EXPECT_EQ(f->test, flags & ~(AVAIL | USED), *len ? F_WRITE : 0);
	p->used += ndesc;
	if (p->used >= f->num[0]) {
		p->used -= f->num[0];
		p->used_wrap = !p->used_wrap;
	}
	return true;
}

/**
 * fake_packed_wish() - when does the driver want interrupts?
 * @f: device
 * @flags: VRING_PACKED_EVENT_FLAG_*
 * @off: offset
 * @wrap: its wrap counter
 */
void fake_packed_wish(struct fake *f, u16 flags, u16 off, bool wrap)
{
	struct vring_packed_desc_event *event = fake_va(f, FAKE_AVAIL(0));

	event->off_wrap = cpu_to_le16(off | wrap << VRING_PACKED_EVENT_F_WRAP_CTR);
	event->flags = cpu_to_le16(flags);
}

/**
 * fake_packed_asked() - when does the device want kicks?
 * @f: device
 *
 * Return: the flags in the high half, offset and wrap counter in the low half
 */
u32 fake_packed_asked(struct fake *f)
{
	return le32_to_cpu(READ_ONCE(*(__le32 *)fake_va(f, FAKE_USED(0))));
}
