/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites with stock drivers share: a disk of the loop host, from end to end. */
#ifndef VIRTBACK_E2E_H
#define VIRTBACK_E2E_H

#include <linux/blkdev.h>

#include <virtback/compat.h>
#include <virtback/config.h>
#include <virtback/loop.h>

#include "../drivers/control/control.h"
#include "disk.h"

#define DEVICE	"loop.0"
#define PAGES	64

/**
 * struct e2e - a backing device and what the stock driver made of it
 * @disk: backing device
 * @cfg: of the device
 * @made: the device exists
 * @handle: the stock driver's disk, open
 * @bdev: the same
 */
struct e2e {
	struct test_disk *disk;
	struct virtback_config cfg;
	bool made;
	virtback_bdev_handle handle;
	struct block_device *bdev;
};

extern const struct virtback_test_ranges e2e_can;

int e2e_init(struct kunit *test);
void e2e_close(struct e2e *e);
void e2e_exit(struct kunit *test);
int e2e_open(struct e2e *e);
void e2e_make(struct kunit *test);
void e2e_start(struct kunit *test);
int e2e_remove(struct e2e *e, bool force);
int e2e_io(struct e2e *e, blk_opf_t opf, u64 sector, void *buf, unsigned int nr);
void *e2e_pages(struct kunit *test);
void e2e_option(struct kunit *test, enum virtback_opt opt, const char *val);

#endif
