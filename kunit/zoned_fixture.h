/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of zoned disks share: a disk, a driver that knows zones. */
#ifndef VIRTBACK_ZONED_FIXTURE_H
#define VIRTBACK_ZONED_FIXTURE_H

#include "blk_fixture.h"

#define ZONED		BIT_ULL(VIRTIO_BLK_F_ZONED)
#define UNTOUCHED	0xcc
#define REPORT_LEN(n)	(64 * (1 + (n)))

#define INVALID		VIRTIO_BLK_S_ZONE_INVALID_CMD
#define UNALIGNED	VIRTIO_BLK_S_ZONE_UNALIGNED_WP
#define OK		VIRTIO_BLK_S_OK

#define FIRST		TEST_ZONES_CONV		/* sequential zone */
#define LAST		(TEST_ZONES - 1)	/* the short one */

#define ZONE(n)		((n) * TEST_ZONE_SECTORS)

struct fake *zoned_device(struct blk_test *b);
struct fake *zoned_start(struct blk_test *b);
u8 zoned_go(struct blk_test *b);
u8 zoned_request(struct blk_test *b, u32 type, u64 sector, u64 buf, u32 len);
u8 zoned_manage(struct blk_test *b, u32 type, unsigned int zone);
u32 zoned_last_len(struct blk_test *b);
u8 zoned_append(struct blk_test *b, u64 sector, u64 buf, u32 len, u64 *where);
u8 zoned_report(struct blk_test *b, u64 sector, u32 len);
void zoned_expect(struct blk_test *b, unsigned int first, unsigned int nr);

#endif
