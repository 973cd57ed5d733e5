/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk in memory for the suites: counts what reaches it, and can hold, fail or
 * show requests.
 */
#ifndef VIRTBACK_TEST_DISK_H
#define VIRTBACK_TEST_DISK_H

#include <kunit/test.h>
#include <linux/bio.h>

#define TEST_DISK_BYTES		SZ_4M
#define TEST_DISK_SECTORS	(TEST_DISK_BYTES / SECTOR_SIZE)

/**
 * struct test_disk - the disk
 * @gd: its gendisk
 * @path: where it can be opened
 * @data: its contents
 * @shared: @data is that of another disk
 * @lock: protects @held
 * @held: bios that have come in and not ended
 * @hold: keep bios in @held
 * @fail: so many bios from now one ends with @error, 0 for none
 * @error: how
 * @bios: bios that came in
 * @reads: those that read
 * @writes: those that write data
 * @flushes: those with REQ_PREFLUSH
 * @fuas: those with REQ_FUA
 * @empty: those without data
 */
struct test_disk {
	struct gendisk *gd;
	char path[32];
	u8 *data;
	bool shared;
	spinlock_t lock;		/* held */
	struct bio_list held;
	bool hold;
	unsigned int fail;
	blk_status_t error;
	unsigned int bios;
	unsigned int reads;
	unsigned int writes;
	unsigned int flushes;
	unsigned int fuas;
	unsigned int empty;
};

struct test_disk *test_disk_create(struct kunit *test, u32 block_size, bool cache);
void test_disk_destroy(struct test_disk *disk);
void test_disk_share(struct test_disk *disk, struct test_disk *other);
unsigned int test_disk_held(struct test_disk *disk);
struct page *test_disk_page(struct test_disk *disk);
bool test_disk_end(struct test_disk *disk, bool last);

#endif
