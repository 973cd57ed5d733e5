/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the block suites share: the block type on a test disk, with the fake guest
 * as its driver.
 */
#ifndef VIRTBACK_BLK_FIXTURE_H
#define VIRTBACK_BLK_FIXTURE_H

#include <linux/virtio_blk.h>
#include <linux/workqueue.h>

#include <virtback/compat.h>
#include <virtback/config.h>

#include "disk.h"
#include "fake.h"

#define BLK_MEM		SZ_4M

/* Where a request is in guest memory. */
#define HDR		FAKE_DATA
#define STATUS		(FAKE_DATA + 0x100)
#define TABLE		(FAKE_DATA + 0x200)
#define BUF		(FAKE_DATA + 0x1000)
#define HDR_LEN		16
#define NO_STATUS	0xee

#define FLUSH		BIT_ULL(VIRTIO_BLK_F_FLUSH)
#define RO		BIT_ULL(VIRTIO_BLK_F_RO)
#define WCE		BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)
#define MIB		SZ_1M

/**
 * struct blk_test - a disk, a device and its guest
 * @test: the running test
 * @disk: backing device; NULL before blk_test_disk() or blk_device()
 * @cfg: of the device
 * @queue_size: of the device, 0 for FAKE_QUEUE_SIZE
 * @f: device and guest; NULL before blk_start()
 * @later: what a case has someone else do while it waits
 */
struct blk_test {
	struct kunit *test;
	struct test_disk *disk;
	struct virtback_config cfg;
	u16 queue_size;
	struct fake *f;
	struct delayed_work later;
};

int blk_test_init(struct kunit *test);
void blk_test_exit(struct kunit *test);
void blk_test_disk(struct blk_test *b, u32 block_size, bool cache);
void blk_test_disk_ranges(struct blk_test *b, u32 block_size, bool cache,
			  const struct virtback_test_ranges *ranges);
u64 blk_config(struct fake *f, u32 off, u32 size);
struct fake *blk_device(struct blk_test *b);
struct fake *blk_start(struct blk_test *b, u64 features);

void blk_header(struct fake *f, u32 type, u64 sector);
void blk_chain(struct fake *f, u32 type, u64 sector, u64 buf, u32 len);
void blk_go(struct fake *f);
u8 blk_status_of(struct fake *f);
u8 blk_request(struct fake *f, u32 type, u64 sector, u64 buf, u32 len);
void blk_fill(struct fake *f, u64 buf, u32 len, u32 seed);
bool blk_same(struct blk_test *b, u64 buf, u64 sector, u32 len);

#endif
