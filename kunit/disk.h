/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk in memory for the suites: counts what reaches it, and can hold, fail or
 * show requests.
 */
#ifndef VIRTBACK_TEST_DISK_H
#define VIRTBACK_TEST_DISK_H

#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>

struct virtback_test_ranges;

#define TEST_DISK_BYTES		SZ_4M
#define TEST_DISK_SECTORS	(TEST_DISK_BYTES / SECTOR_SIZE)

/* What is left where a range was discarded or erased. */
#define TEST_DISK_DISCARDED	0xd1
#define TEST_DISK_ERASED	0xe5

#define TEST_DISK_SEEN		8

/**
 * struct test_bio - a bio that came in
 * @opf: operation and flags
 * @sector: the first
 * @sectors: how many
 */
struct test_bio {
	blk_opf_t opf;
	u64 sector;
	u32 sectors;
};

/*
 * The zones of a zoned one: the last is shorter, the first are conventional, and
 * the others cannot be written to their ends.
 */
#define TEST_ZONE_SECTORS	1024
#define TEST_ZONES		8
#define TEST_ZONES_CONV		2
#define TEST_ZONES_SECTORS	(TEST_ZONES * TEST_ZONE_SECTORS - 512)
#define TEST_ZONE_CAPACITY	896
#define TEST_ZONES_OPEN		2
#define TEST_ZONES_ACTIVE	3
#define TEST_ZONE_GRANULARITY	4096
#define TEST_ZONE_APPEND	68	/* sectors; no multiple of the granularity */

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
 * @empty: those of no length
 * @discards: those that discard
 * @zeroes: those that zero
 * @erases: those that erase
 * @seen: the first of all since @bios was 0
 * @zones: its zones, NULL when it is not zoned
 * @reports: reports of zones that were asked for
 * @report_error: how they end, 0 when well
 * @report_gate: what they wait for first, NULL for nothing
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
	unsigned int discards;
	unsigned int zeroes;
	unsigned int erases;
	struct test_bio seen[TEST_DISK_SEEN];
	struct blk_zone *zones;
	unsigned int reports;
	int report_error;
	struct completion *report_gate;
};

struct test_disk *test_disk_create(struct kunit *test, u32 block_size, bool cache);
struct test_disk *test_disk_create_ranges(struct kunit *test, u32 block_size, bool cache,
					  const struct virtback_test_ranges *ranges);
struct test_disk *test_disk_create_zoned(struct kunit *test);
void test_disk_copy(struct test_disk *disk, struct bio *bio);
void test_disk_destroy(struct test_disk *disk);
void test_disk_share(struct test_disk *disk, struct test_disk *other);
unsigned int test_disk_held(struct test_disk *disk);
struct page *test_disk_page(struct test_disk *disk);
bool test_disk_end(struct test_disk *disk, bool last);

/* kunit/zones.c */
void test_zones_init(struct kunit *test, struct test_disk *disk);
blk_status_t test_zones_bio(struct test_disk *disk, struct bio *bio);
int test_zones_report(struct gendisk *gd, sector_t sector, unsigned int nr, report_zones_cb cb,
		      void *data);

#endif
