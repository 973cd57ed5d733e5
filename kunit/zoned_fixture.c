// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to a zoned disk; see zoned_fixture.h.
 */
#include <linux/workqueue.h>

#include "../drivers/blk/zoned.h"
#include "zoned_fixture.h"

struct fake *zoned_device(struct blk_test *b)
{
	b->disk = test_disk_create_zoned(b->test);
	b->cfg.backing = b->disk->path;
	return blk_device(b);
}

struct fake *zoned_start(struct blk_test *b)
{
	fake_start(zoned_device(b), ZONED);
	b->disk->reports = 0;
	return b->f;
}

/* Offer the chain at descriptor 0 and wait for all that it starts. */
u8 zoned_go(struct blk_test *b)
{
	struct virtback_blk *blk = b->f->vd.type_priv;
	u16 used = fake_used_idx(b->f);

	blk_go(b->f);
	if (blk->zones)
		flush_workqueue(blk->zones->wq);
	fake_settle(b->f);
	KUNIT_EXPECT_EQ(b->test, fake_used_idx(b->f), (u16)(used + 1));
	return blk_status_of(b->f);
}

u8 zoned_request(struct blk_test *b, u32 type, u64 sector, u64 buf, u32 len)
{
	blk_chain(b->f, type, sector, buf, len);
	return zoned_go(b);
}

u8 zoned_manage(struct blk_test *b, u32 type, unsigned int zone)
{
	return zoned_request(b, type, ZONE(zone), 0, 0);
}

u32 zoned_last_len(struct blk_test *b)
{
	return fake_used_len(b->f, fake_used_idx(b->f) - 1);
}

/* As the specification lays it out: the sector and the status are all. */
u8 zoned_append(struct blk_test *b, u64 sector, u64 buf, u32 len, u64 *where)
{
	struct fake *f = b->f;
	__le64 at;

	blk_header(f, VIRTIO_BLK_T_ZONE_APPEND, sector);
	memset(fake_va(f, STATUS - 8), UNTOUCHED, 8);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, len ? 1 : 2);
	fake_desc(f, 1, buf, len, F_NEXT, 2);
	fake_desc(f, 2, STATUS - 8, 9, F_WRITE, 0);
	zoned_go(b);
	memcpy(&at, fake_va(f, STATUS - 8), sizeof(at));
	if (where)
		*where = le64_to_cpu(at);
	return blk_status_of(f);
}

u8 zoned_report(struct blk_test *b, u64 sector, u32 len)
{
	struct fake *f = b->f;

	blk_header(f, VIRTIO_BLK_T_ZONE_REPORT, sector);
	memset(fake_va(f, BUF), UNTOUCHED, len + 64);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, 1);
	fake_desc(f, 1, BUF, len, F_NEXT | F_WRITE, 2);
	fake_desc(f, 2, STATUS, 1, F_WRITE, 0);
	return zoned_go(b);
}

/* The report at BUF has @nr zones from @first on, and nothing was written behind. */
void zoned_expect(struct blk_test *b, unsigned int first, unsigned int nr)
{
	struct virtio_blk_zone_report *r = fake_va(b->f, BUF);
	struct virtio_blk_zone_report head = { .nr_zones = __cpu_to_virtio64(true, nr) };
	unsigned int i;

	KUNIT_EXPECT_EQ(b->test, memcmp(r, &head, sizeof(head)), 0);
	for (i = 0; i < nr; i++) {
		const struct blk_zone *z = &b->disk->zones[first + i];
		struct virtio_blk_zone_descriptor d = {
			.z_cap = __cpu_to_virtio64(true, z->capacity),
			.z_start = __cpu_to_virtio64(true, z->start),
			.z_wp = __cpu_to_virtio64(true, z->wp),
			.z_type = z->type,
			.z_state = z->cond,
		};

		KUNIT_EXPECT_EQ_MSG(b->test, memcmp(&r->zones[i], &d, sizeof(d)), 0,
				    "zone %u", first + i);
	}
	KUNIT_EXPECT_EQ(b->test, *((u8 *)fake_va(b->f, BUF) + REPORT_LEN(nr)), UNTOUCHED);
}
