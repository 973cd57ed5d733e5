/* SPDX-License-Identifier: GPL-2.0 */
/* Files for the suites, and disks on them. */
#ifndef VIRTBACK_FILE_FIXTURE_H
#define VIRTBACK_FILE_FIXTURE_H

#include "blk_fixture.h"

#define EXT4_FILE	"/ext4/disk"
/* Its pages are on ext4. */
#define OVERLAY_FILE	"/overlay/disk"
#define RAMFS_FILE	"/virtback-disk"

bool file_can(const char *path);
void file_make(struct blk_test *b, const char *path, loff_t size);
void file_truncate(struct blk_test *b, const char *path, loff_t size);
bool file_has(struct blk_test *b, const char *path, u64 buf, loff_t pos, u32 len);
unsigned long file_cached(struct blk_test *b, const char *path);
bool file_dirty(struct blk_test *b, const char *path);

void file_buffered(struct blk_test *b);
struct fake *file_open_start(struct blk_test *b, const char *path, u64 features);
struct fake *file_start(struct blk_test *b, const char *path, loff_t size, u64 features);
struct fake *file_start_odd(struct blk_test *b, const char *path, loff_t size, u64 features,
			    void (*change)(struct file_operations *fops));
u8 file_request(struct fake *f, u32 type, u64 sector, u64 buf, u32 len);
u64 file_sectors(struct fake *f);
int file_second(struct blk_test *b, const char *path, bool readonly, bool direct);

#endif
