// SPDX-License-Identifier: GPL-2.0
/*
 * The disks of the fuzzer; see block.h. Of what is written the first 64 KiB are kept,
 * the rest reads as a pattern.
 */
#include "shim.h"
#include "fuzz.h"
#undef memcpy

bool fz_disks_answer;
bool fz_disks_answered;
struct block_device fz_disks[FZ_DISKS];
u8 fz_io_now, fz_io_error;

static u8 stores[2 * FZ_DISKS][FZ_DISK_BYTES];
static u32 dirty[2 * FZ_DISKS];

/**
 * fz_store_reset() - forget what was written
 */
void fz_store_reset(void)
{
	int i;

	for (i = 0; i < 2 * FZ_DISKS; i++) {
		fz_fill(stores[i], 0, dirty[i]);
		dirty[i] = 0;
	}
}

static void move_some(unsigned int store, bool write, u64 pos, u8 *page, u32 len)
{
	static u8 pattern[PAGE_SIZE];

	if (pos >= FZ_DISK_BYTES) {
		if (write)
			return;
		fz_fill(pattern, 0x40 + store + (pos >> SECTOR_SHIFT) % 64, len);
		fz_memcpy(page, pattern, len);
		return;
	}
	len = min_t(u64, len, FZ_DISK_BYTES - pos);
	if (write) {
		fz_memcpy(stores[store] + pos, page, len);
		dirty[store] = max_t(u32, dirty[store], pos + len);
	} else {
		fz_memcpy(page, stores[store] + pos, len);
	}
}

/**
 * fz_store_move() - read or write a store
 * @store: which one
 * @write: to the store
 * @pos: byte of it
 * @bv: memory
 * @nr: parts of @bv
 * @skip: bytes of @bv to pass first
 * @len: bytes
 */
void fz_store_move(unsigned int store, bool write, u64 pos, const struct bio_vec *bv,
		   unsigned int nr, u32 skip, u32 len)
{
	for (; nr && len; nr--, bv++) {
		u32 n = bv->bv_len;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		n = min_t(u32, n - skip, len);
		move_some(store, write, pos, (u8 *)bvec_virt(bv) + skip, n);
		skip = 0;
		pos += n;
		len -= n;
	}
}

/**
 * fz_bytes() - how long is this?
 * @bv: memory
 * @nr: parts of it
 */
u32 fz_bytes(const struct bio_vec *bv, unsigned int nr)
{
	u32 sum = 0;

	while (nr--)
		sum += bv++->bv_len;
	return sum;
}

/* --- zones --- */

static struct blk_zone *zone_of(struct block_device *b, u64 sector)
{
	u64 n = b->zone_sectors ? sector / b->zone_sectors : FZ_ZONES;

	return n < FZ_ZONES && sector < b->top ? &b->zones[n] : NULL;
}

static void zone_reset(struct blk_zone *z)
{
	if (z->type == BLK_ZONE_TYPE_CONVENTIONAL)
		return;
	z->wp = z->start;
	z->cond = BLK_ZONE_COND_EMPTY;
}

static u8 zone_write(struct blk_zone *z, struct bio *bio)
{
	u64 sectors = bio->bi_iter.bi_size >> SECTOR_SHIFT;

	if (z->type == BLK_ZONE_TYPE_CONVENTIONAL)
		return bio_op(bio) == REQ_OP_ZONE_APPEND ? BLK_STS_IOERR : BLK_STS_OK;
	if (bio_op(bio) == REQ_OP_ZONE_APPEND)
		bio->bi_iter.bi_sector = z->wp;
	if (z->cond >= BLK_ZONE_COND_READONLY || bio->bi_iter.bi_sector != z->wp ||
	    z->wp + sectors > z->start + z->capacity)
		return BLK_STS_IOERR;
	z->wp += sectors;
	z->cond = z->wp == z->start + z->capacity ? BLK_ZONE_COND_FULL : BLK_ZONE_COND_IMP_OPEN;
	return BLK_STS_OK;
}

static u8 zone_apply(struct bio *bio)
{
	struct blk_zone *z = zone_of(bio->bi_bdev, bio->bi_iter.bi_sector);

	if (!z)
		return BLK_STS_OK;
	switch (bio_op(bio)) {
	case REQ_OP_WRITE:
	case REQ_OP_ZONE_APPEND:
		return bio->bi_iter.bi_size ? zone_write(z, bio) : BLK_STS_OK;
	case REQ_OP_ZONE_RESET:
		zone_reset(z);
		return BLK_STS_OK;
	case REQ_OP_ZONE_FINISH:
		z->wp = z->start + z->len;
		z->cond = BLK_ZONE_COND_FULL;
		return BLK_STS_OK;
	case REQ_OP_ZONE_OPEN:
		z->cond = BLK_ZONE_COND_EXP_OPEN;
		return BLK_STS_OK;
	case REQ_OP_ZONE_CLOSE:
		z->cond = BLK_ZONE_COND_CLOSED;
		return BLK_STS_OK;
	default:
		return BLK_STS_OK;
	}
}

int blkdev_report_zones(struct block_device *b, sector_t sector, unsigned int nr,
			report_zones_cb cb, void *data)
{
	unsigned int i = 0;
	int err;

	fz_may_sleep("blkdev_report_zones()");
	fz_point();
	if (fz_chance(fz_io_error))
		return -EIO;
	if (sector >= b->top)
		return 0;
	for (i = 0; i < nr; i++) {
		u64 n = sector / b->zone_sectors + i;
		struct blk_zone copy;

		if (n >= FZ_ZONES || n * b->zone_sectors >= b->top)
			break;
		copy = b->zones[n];
		err = cb(&copy, i, data);
		if (err)
			return err;
	}
	return i;
}

int blkdev_zone_mgmt(struct block_device *b, int op, sector_t sector, sector_t nr)
{
	int i;

	fz_may_sleep("blkdev_zone_mgmt()");
	fz_point();
	if (fz_chance(fz_io_error))
		return -EIO;
	for (i = 0; i < FZ_ZONES; i++)
		zone_reset(&b->zones[i]);
	return 0;
}

/* --- bios --- */

int bioset_init(struct bio_set *bs, unsigned int nr, unsigned int front, int flags)
{
	void *p = fz_alloc(1, 1, false);

	if (!p)
		return -ENOMEM;
	fz_free(p);
	bs->made = true;
	return 0;
}

void bioset_exit(struct bio_set *bs)
{
	if (!bs->made)
		fz_bug("a set of bios is freed that was not made");
	bs->made = false;
}

struct bio *bio_alloc_bioset(struct block_device *bdev, unsigned short nr, blk_opf_t opf,
			     gfp_t gfp, struct bio_set *bs)
{
	struct bio *bio;
	u32 fail = fz_fail_alloc;

	fz_may_sleep("bio_alloc_bioset()");
	if (!bs->made)
		fz_bug("a bio from no set");
	/* A set has a reserve. */
	fz_fail_alloc = 0;
	bio = fz_alloc(1, sizeof(*bio) + nr * sizeof(struct bio_vec), true);
	fz_fail_alloc = fail;
	bio_init(bio, bdev, (struct bio_vec *)(bio + 1), nr, opf);
	return bio;
}

void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *table,
	      unsigned short nr, blk_opf_t opf)
{
	if (bio->made)
		fz_bug("a bio is made twice");
	*bio = (struct bio){
		.bi_bdev = bdev, .bi_opf = opf, .bi_io_vec = table, .bi_max_vecs = nr,
		.made = true,
	};
}

void bio_uninit(struct bio *bio)
{
	if (!bio->made)
		fz_bug("a bio ends twice");
	bio->made = false;
}

void __bio_add_page(struct bio *bio, struct page *p, unsigned int len, unsigned int off)
{
	if (bio->bi_vcnt >= bio->bi_max_vecs)
		fz_bug("a bio has more parts than it was made for");
	if (!len || off + len > PAGE_SIZE)
		fz_bug("a part of a bio is not within a page");
	bvec_set_page(&bio->bi_io_vec[bio->bi_vcnt++], p, len, off);
	bio->bi_iter.bi_size += len;
}

void bio_put(struct bio *bio)
{
	bio_uninit(bio);
	fz_free(bio);
}

static bool writes(const struct bio *bio)
{
	return bio_op(bio) != REQ_OP_READ;
}

/* What the block layer would warn about, or silently do to the wrong place. */
static void bio_check(const struct bio *bio)
{
	struct block_device *b = bio->bi_bdev;
	u64 sector = bio->bi_iter.bi_sector, bytes = bio->bi_iter.bi_size, sum = 0;
	int i;

	if (!b->opens)
		fz_bug("a bio for a disk that is closed");
	if (writes(bio) && (b->read_only || !fz_bdev_writable(b)))
		fz_bug("a bio writes to a disk that is read-only");
	if (bytes & (b->block_size - 1) || sector & ((b->block_size - 1) >> SECTOR_SHIFT))
		fz_bug("a bio of parts of blocks");
	if (sector > b->top || bytes >> SECTOR_SHIFT > b->top - sector)
		fz_bug("a bio past the end: sector %llu, %llu bytes", sector, bytes);
	if (bio->bi_vcnt != bio->bi_max_vecs)
		fz_bug("a bio with %u parts of %u", bio->bi_vcnt, bio->bi_max_vecs);
	for (i = 0; i < bio->bi_vcnt; i++) {
		const struct bio_vec *bv = &bio->bi_io_vec[i];

		if (!bv->bv_len || bv->bv_offset + bv->bv_len > PAGE_SIZE)
			fz_bug("a part of a bio is not within a page");
		sum += bv->bv_len;
		if (bv->bv_len & (SECTOR_SIZE - 1) || bv->bv_offset & b->dma_mask)
			fz_bug("a part of a bio that the disk cannot access");
		if (!fz_is_guest(bvec_virt(bv)))
			continue;
		if (bv->bv_len & b->dma_mask && i + 1 < bio->bi_vcnt)
			fz_bug("a part of a bio that ends where the disk cannot");
		if (b->stable)
			fz_bug("data that can change while it is written");
	}
	if (bio->bi_vcnt && sum != bytes)
		fz_bug("a bio of %llu bytes with parts of %llu", bytes, sum);
	if (bio_op(bio) == REQ_OP_ZONE_APPEND && bytes > (u64)b->append << SECTOR_SHIFT)
		fz_bug("an append that would have to be split");
}

void submit_bio(struct bio *bio)
{
	struct block_device *b = bio->bi_bdev;

	fz_may_sleep("submit_bio()");
	fz_point();
	bio_check(bio);
	fz_submitted(bio->bi_private);
	if (fz_chance(fz_io_now)) {
		fz_bio_end(bio, fz_chance(fz_io_error));
		return;
	}
	list_add_tail(&bio->link, &b->bios);
	b->nr++;
}

/**
 * fz_bio_take() - take a bio that is on its way
 * @n: which one, modulo those that are
 *
 * Return: NULL when there is none
 */
struct bio *fz_bio_take(unsigned int n)
{
	unsigned int all = 0;
	struct bio *bio;
	int i;

	for (i = 0; i < FZ_DISKS; i++)
		all += fz_disks[i].nr;
	if (!all)
		return NULL;
	n %= all;
	for (i = 0; n >= fz_disks[i].nr; i++)
		n -= fz_disks[i].nr;
	list_for_each_entry(bio, &fz_disks[i].bios, link) {
		if (!n--)
			break;
	}
	list_del(&bio->link);
	fz_disks[i].nr--;
	return bio;
}

/**
 * fz_bio_end() - a bio ends
 * @bio: bio
 * @how: 0: well; 1 to 4: with an error; 5: the disk has not what it said
 */
void fz_bio_end(struct bio *bio, u8 how)
{
	static const u8 status[] = {
		BLK_STS_OK, BLK_STS_IOERR, BLK_STS_NOTSUPP,
		BLK_STS_ZONE_OPEN_RESOURCE, BLK_STS_ZONE_ACTIVE_RESOURCE, BLK_STS_IOERR,
	};
	struct block_device *b = bio->bi_bdev;
	u64 pos = bio->bi_iter.bi_sector << SECTOR_SHIFT;

	bio->bi_status = status[how % ARRAY_SIZE(status)];
	if (bio->bi_status == BLK_STS_OK)
		bio->bi_status = zone_apply(bio);
	if (how == 5) {
		b->discard = 0;
		b->zeroes = 0;
	}
	if (bio->bi_status == BLK_STS_OK)
		fz_store_move(b - fz_disks, writes(bio), pos, bio->bi_io_vec, bio->bi_vcnt, 0,
			      bio->bi_iter.bi_size);
	else if (bio_op(bio) == REQ_OP_READ)
		/* A disk may have written some of it before it failed. */
		fz_store_move(b - fz_disks, false, pos, bio->bi_io_vec, bio->bi_vcnt, 0,
			      bio->bi_iter.bi_size / 2);
	bio->bi_end_io(bio);
}

/* All that is on its way ends here, in the task that sent it, if it is that kind of disk. */
void blk_finish_plug(struct blk_plug *plug)
{
	struct bio *bio;

	while (fz_disks_answer && (bio = fz_bio_take(0))) {
		fz_disks_answered = true;
		fz_bio_end(bio, 0);
	}
}

int blkdev_issue_flush(struct block_device *b)
{
	fz_may_sleep("blkdev_issue_flush()");
	fz_point();
	return fz_chance(fz_io_error) ? -EIO : 0;
}
