// SPDX-License-Identifier: GPL-2.0
/*
 * The fixture of the block suites; see blk_fixture.h.
 */
#include <linux/string.h>

#include "blk_fixture.h"

/**
 * blk_test_init() - a fixture for each test
 * @test: the test, whose priv becomes a struct blk_test
 */
int blk_test_init(struct kunit *test)
{
	struct blk_test *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->test = test;
	test->priv = b;
	return 0;
}

/**
 * blk_test_exit() - the counterpart of blk_test_init()
 * @test: the test
 */
void blk_test_exit(struct kunit *test)
{
	struct blk_test *b = test->priv;

	if (!b)
		return;
	if (b->f)
		fake_destroy(b->f);
	if (b->disk)
		test_disk_destroy(b->disk);
}

/**
 * blk_test_disk() - take a disk that is not the plain one
 * @b: fixture without a device
 * @block_size: logical block
 * @cache: has it a volatile cache?
 */
void blk_test_disk(struct blk_test *b, u32 block_size, bool cache)
{
	b->disk = test_disk_create(b->test, block_size, cache);
	b->cfg.backing = b->disk->path;
}

/**
 * blk_test_disk_ranges() - take a disk that discards and so on
 * @b: fixture without a device
 * @block_size: logical block
 * @cache: has it a volatile cache?
 * @ranges: what it can
 */
void blk_test_disk_ranges(struct blk_test *b, u32 block_size, bool cache,
			  const struct virtback_test_ranges *ranges)
{
	b->disk = test_disk_create_ranges(b->test, block_size, cache, ranges);
	b->cfg.backing = b->disk->path;
}

static void blk_end_all(struct fake *f)
{
	struct blk_test *b = f->priv;

	b->disk->hold = false;
	if (b->disk->report_gate)
		complete_all(b->disk->report_gate);
	while (test_disk_end(b->disk, false))
		;
}

/*
 * Let no bounce page follow another in memory, so that whoever goes on past the
 * end of one does not find the next.
 */
static void blk_scatter_pages(struct virtback_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->nr / 2; i++)
		swap(pool->free[i], pool->free[pool->nr - 1 - i]);
	for (i = 0; i + 3 < pool->nr; i += 4)
		swap(pool->free[i], pool->free[i + 2]);
}

/**
 * blk_device() - make the device
 * @b: fixture, which gets a plain disk if it has none
 */
struct fake *blk_device(struct blk_test *b)
{
	if (!b->disk)
		blk_test_disk(b, 512, false);
	b->f = fake_create(b->test, &virtback_blk_type, &b->cfg, BLK_MEM,
			   b->queue_size ?: FAKE_QUEUE_SIZE);
	b->f->priv = b;
	b->f->before_drain = blk_end_all;
	blk_scatter_pages(&b->f->vd.vqs[0].pages);
	b->disk->bios = 0;
	b->disk->reads = 0;
	return b->f;
}

/**
 * blk_start() - make the device and let a driver start it
 * @b: fixture
 * @features: what the driver accepts beside VERSION_1
 */
struct fake *blk_start(struct blk_test *b, u64 features)
{
	fake_start(blk_device(b), features);
	return b->f;
}

/**
 * blk_config() - read configuration space
 * @f: device
 * @off: from its start
 * @size: bytes, of a width that can be accessed
 */
u64 blk_config(struct fake *f, u32 off, u32 size)
{
	return fake_access(f, VIRTIO_MMIO_CONFIG + off, size, false, ~0ULL);
}

/**
 * blk_header() - write a request's header
 * @f: device
 * @type: VIRTIO_BLK_T_*
 * @sector: first sector
 */
void blk_header(struct fake *f, u32 type, u64 sector)
{
	struct virtio_blk_outhdr *hdr = fake_va(f, HDR);

	hdr->type = (__force __virtio32)cpu_to_le32(type);
	hdr->ioprio = 0;
	hdr->sector = (__force __virtio64)cpu_to_le64(sector);
	*(u8 *)fake_va(f, STATUS) = NO_STATUS;
}

/**
 * blk_chain() - write a request as a stock driver lays it out
 * @f: device
 * @type: VIRTIO_BLK_T_*
 * @sector: first sector
 * @buf: its data
 * @len: bytes of data, 0 for no buffer
 */
void blk_chain(struct fake *f, u32 type, u64 sector, u64 buf, u32 len)
{
	bool in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;

	blk_header(f, type, sector);
	fake_desc(f, 0, HDR, HDR_LEN, F_NEXT, len ? 1 : 2);
	fake_desc(f, 1, buf, len, F_NEXT | (in ? F_WRITE : 0), 2);
	fake_desc(f, 2, STATUS, 1, F_WRITE, 0);
}

/**
 * blk_go() - offer the chain at descriptor 0 and wait for the workers
 * @f: device
 */
void blk_go(struct fake *f)
{
	fake_offer(f, 0);
	fake_kick(f);
}

/**
 * blk_status_of() - the status byte
 * @f: device
 */
u8 blk_status_of(struct fake *f)
{
	return *(u8 *)fake_va(f, STATUS);
}

/**
 * blk_request() - one request of a stock driver's layout
 * @f: device
 * @type: VIRTIO_BLK_T_*
 * @sector: first sector
 * @buf: its data
 * @len: bytes of data
 *
 * Return: the status byte
 */
u8 blk_request(struct fake *f, u32 type, u64 sector, u64 buf, u32 len)
{
	u16 used = fake_used_idx(f);

	blk_chain(f, type, sector, buf, len);
	blk_go(f);
	KUNIT_EXPECT_EQ(f->test, fake_used_idx(f), (u16)(used + 1));
	return blk_status_of(f);
}

/**
 * blk_fill() - fill guest memory with something to recognise
 * @f: device
 * @buf: where
 * @len: bytes
 * @seed: another one gives other bytes
 */
void blk_fill(struct fake *f, u64 buf, u32 len, u32 seed)
{
	u8 *p = fake_va(f, buf);
	u32 i;

	for (i = 0; i < len; i++)
		p[i] = (i * 31 + (i >> 9) * 7 + seed) & 0xff;
}

/**
 * blk_same() - are guest memory and the disk the same?
 * @b: fixture with a device
 * @buf: in guest memory
 * @sector: on the disk
 * @len: bytes
 */
bool blk_same(struct blk_test *b, u64 buf, u64 sector, u32 len)
{
	return !memcmp(fake_va(b->f, buf), b->disk->data + sector * SECTOR_SIZE, len);
}
