// SPDX-License-Identifier: GPL-2.0
/*
 * The fake driver: registers, rings and memory of the guest; see fake.h.
 */
#include <linux/kthread.h>
#include <linux/string.h>

#include "fake.h"

/**
 * fake_access() - any access to the window
 * @f: device
 * @offset: where
 * @size: bytes
 * @write: the driver writes
 * @data: what it writes; of a read, what the answer must overwrite
 *
 * Return: the answer
 */
u64 fake_access(struct fake *f, u32 offset, u32 size, bool write, u64 data)
{
	struct virtback_access a = {
		.data = data,
		.offset = offset,
		.size = size,
		.write = write,
	};

	virtback_mmio(&f->vd, &a);
	return a.data;
}

/**
 * fake_read() - read a register
 * @f: device
 * @offset: VIRTIO_MMIO_*
 */
u32 fake_read(struct fake *f, u32 offset)
{
	return fake_access(f, offset, 4, false, 0xdeadbeef);
}

/**
 * fake_write() - write a register
 * @f: device
 * @offset: VIRTIO_MMIO_*
 * @val: value
 */
void fake_write(struct fake *f, u32 offset, u32 val)
{
	fake_access(f, offset, 4, true, val);
}

/**
 * fake_accept() - write DriverFeatures
 * @f: device
 * @features: all 64 bits
 */
void fake_accept(struct fake *f, u64 features)
{
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES, features);
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	fake_write(f, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
}

/**
 * fake_negotiate() - the probe from the reset to FEATURES_OK
 * @f: device
 * @features: what the driver accepts, VERSION_1 among it or not
 */
void fake_negotiate(struct fake *f, u64 features)
{
	u32 status = VIRTIO_CONFIG_S_ACKNOWLEDGE;

	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	fake_write(f, VIRTIO_MMIO_STATUS, status);
	status |= VIRTIO_CONFIG_S_DRIVER;
	fake_write(f, VIRTIO_MMIO_STATUS, status);
	fake_accept(f, features);
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	fake_write(f, VIRTIO_MMIO_STATUS, status);
}

/**
 * fake_queue_addrs() - write the addresses of the selected queue
 * @f: device
 * @desc: descriptor table
 * @avail: available ring
 * @used: used ring
 */
void fake_queue_addrs(struct fake *f, u64 desc, u64 avail, u64 used)
{
	fake_write(f, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
	fake_write(f, VIRTIO_MMIO_QUEUE_DESC_HIGH, desc >> 32);
	fake_write(f, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail);
	fake_write(f, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, avail >> 32);
	fake_write(f, VIRTIO_MMIO_QUEUE_USED_LOW, used);
	fake_write(f, VIRTIO_MMIO_QUEUE_USED_HIGH, used >> 32);
}

/**
 * fake_queue() - set a queue up with cleared rings
 * @f: device after FEATURES_OK
 * @q: queue
 * @num: its size
 */
void fake_queue(struct fake *f, u16 q, u16 num)
{
	memset(fake_va(f, FAKE_RING(q)), 0, 0x10000);
	f->avail_idx[q] = 0;
	f->num[q] = num;
	fake_write(f, VIRTIO_MMIO_QUEUE_SEL, q);
	fake_write(f, VIRTIO_MMIO_QUEUE_NUM, num);
	fake_queue_addrs(f, FAKE_DESC(q), FAKE_AVAIL(q), FAKE_USED(q));
	fake_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
}

/**
 * fake_start() - the whole probe, with queue 0
 * @f: device
 * @features: what the driver accepts beside VERSION_1
 */
void fake_start(struct fake *f, u64 features)
{
	fake_negotiate(f, features | BIT_ULL(VIRTIO_F_VERSION_1));
	fake_queue(f, 0, FAKE_QUEUE_SIZE);
	fake_write(f, VIRTIO_MMIO_STATUS,
		   VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	fake_settle(f);
	KUNIT_ASSERT_FALSE(f->test, fake_broken(f));
	KUNIT_ASSERT_EQ(f->test, fake_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
}

/**
 * fake_broken() - does the device need a reset?
 * @f: device
 */
bool fake_broken(struct fake *f)
{
	return fake_read(f, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/**
 * fake_va() - where the test finds guest memory
 * @f: device
 * @addr: guest address, valid
 */
void *fake_va(struct fake *f, u64 addr)
{
	return f->mem + (addr - FAKE_BASE);
}

/**
 * fake_indirect() - write a descriptor of any table
 * @f: device
 * @table: guest address of the table
 * @i: index in it
 * @addr: buffer
 * @len: its bytes
 * @flags: VRING_DESC_F_*
 * @next: next descriptor
 */
void fake_indirect(struct fake *f, u64 table, u16 i, u64 addr, u32 len, u16 flags, u16 next)
{
	struct vring_desc *desc = fake_va(f, table + i * sizeof(*desc));

	desc->addr = (__force __virtio64)cpu_to_le64(addr);
	desc->len = (__force __virtio32)cpu_to_le32(len);
	desc->flags = (__force __virtio16)cpu_to_le16(flags);
	desc->next = (__force __virtio16)cpu_to_le16(next);
}

/**
 * fake_desc() - write a descriptor of queue 0
 * @f: device
 * @i: index
 * @addr: buffer
 * @len: its bytes
 * @flags: VRING_DESC_F_*
 * @next: next descriptor
 */
void fake_desc(struct fake *f, u16 i, u64 addr, u32 len, u16 flags, u16 next)
{
	fake_indirect(f, FAKE_DESC(0), i, addr, len, flags, next);
}

/**
 * fake_offer_to() - put a chain into an available ring, without a kick
 * @f: device
 * @q: queue
 * @head: first descriptor
 */
void fake_offer_to(struct fake *f, u16 q, u16 head)
{
	struct vring_avail *avail = fake_va(f, FAKE_AVAIL(q));

	avail->ring[f->avail_idx[q] % f->num[q]] = (__force __virtio16)cpu_to_le16(head);
	f->avail_idx[q]++;
	/* The entry before the index. */
	virt_store_release(&avail->idx, (__force __virtio16)cpu_to_le16(f->avail_idx[q]));
}

/**
 * fake_offer() - put a chain into the available ring of queue 0
 * @f: device
 * @head: first descriptor
 */
void fake_offer(struct fake *f, u16 head)
{
	fake_offer_to(f, 0, head);
}

static bool fake_works(struct virtback_vq *vq)
{
	bool works;

	raw_spin_lock_irq(&vq->worker->lock);
	works = !list_empty(&vq->work.node) || vq->worker->current_work == &vq->work;
	raw_spin_unlock_irq(&vq->worker->lock);
	return works;
}

/**
 * fake_settle() - wait until the workers rest
 * @f: device
 *
 * A worker may wake itself, or that of another queue, by what it completes.
 */
void fake_settle(struct fake *f)
{
	bool again;
	u16 q;

	do {
		for (q = 0; q < f->vd.nvqs; q++)
			kthread_flush_worker(f->vd.vqs[q].worker);
		for (again = false, q = 0; q < f->vd.nvqs; q++)
			again |= fake_works(&f->vd.vqs[q]);
	} while (again);
}

/**
 * fake_kick() - notify queue 0 and wait until its worker rests
 * @f: device
 */
void fake_kick(struct fake *f)
{
	fake_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	fake_settle(f);
}

/**
 * fake_avail() - the available ring of queue 0
 * @f: device
 */
struct vring_avail *fake_avail(struct fake *f)
{
	return fake_va(f, FAKE_AVAIL(0));
}

/**
 * fake_used() - the used ring of queue 0
 * @f: device
 */
struct vring_used *fake_used(struct fake *f)
{
	return fake_va(f, FAKE_USED(0));
}

/**
 * fake_used_idx() - the used index of queue 0
 * @f: device
 */
u16 fake_used_idx(struct fake *f)
{
	return le16_to_cpu((__force __le16)READ_ONCE(fake_used(f)->idx));
}

/**
 * fake_used_id() - the chain of a used element
 * @f: device
 * @i: which element, counted from the start of the queue
 */
u32 fake_used_id(struct fake *f, u16 i)
{
	return le32_to_cpu((__force __le32)fake_used(f)->ring[i % f->num[0]].id);
}

/**
 * fake_used_len() - the length of a used element
 * @f: device
 * @i: which element, counted from the start of the queue
 */
u32 fake_used_len(struct fake *f, u16 i)
{
	return le32_to_cpu((__force __le32)fake_used(f)->ring[i % f->num[0]].len);
}

/**
 * fake_set_used_event() - ask for an interrupt when the used index passes @val
 * @f: device with EVENT_IDX
 * @val: used_event
 */
void fake_set_used_event(struct fake *f, u16 val)
{
	fake_avail(f)->ring[f->num[0]] = (__force __virtio16)cpu_to_le16(val);
}

/**
 * fake_avail_event() - when does the device want a kick?
 * @f: device with EVENT_IDX
 */
u16 fake_avail_event(struct fake *f)
{
	__le16 *event = (__force __le16 *)&fake_used(f)->ring[f->num[0]];

	return le16_to_cpu(*event);
}
