/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block layer as bdev.c sees it, and the disk that the fuzzer puts behind it: its
 * bios end when and how the input says.
 */
#ifndef FUZZ_BLOCK_H
#define FUZZ_BLOCK_H

struct page { struct list_head lru; };
struct file;
struct block_device;
struct bio;

extern struct page fz_pages[];

static inline void *page_address(const struct page *p)
{
	return fz_arena + (size_t)(p - fz_pages) * PAGE_SIZE;
}

struct page *virt_to_page(const void *va);
struct page *fz_page_alloc(void);
void fz_page_free(struct page *p);
#define alloc_page(gfp)		fz_page_alloc()
#define __free_page(p)		fz_page_free(p)

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

static inline void bvec_set_page(struct bio_vec *bv, struct page *p, unsigned int len,
				 unsigned int off)
{
	*bv = (struct bio_vec){ .bv_page = p, .bv_len = len, .bv_offset = off };
}

static inline void *bvec_virt(const struct bio_vec *bv)
{
	return page_address(bv->bv_page) + bv->bv_offset;
}

enum {
	REQ_OP_READ = 0,
	REQ_OP_WRITE = 1,
	REQ_OP_FLUSH = 2,
	REQ_OP_DISCARD = 3,
	REQ_OP_SECURE_ERASE = 5,
	REQ_OP_ZONE_APPEND = 7,
	REQ_OP_WRITE_ZEROES = 9,
	REQ_OP_ZONE_OPEN = 10,
	REQ_OP_ZONE_CLOSE = 11,
	REQ_OP_ZONE_FINISH = 12,
	REQ_OP_ZONE_RESET = 13,
	REQ_OP_ZONE_RESET_ALL = 15,
	REQ_OP_DRV_IN = 34,
};

#define REQ_OP_MASK	((blk_opf_t)0xff)
#define REQ_SYNC	(1U << 11)
#define REQ_FUA		(1U << 17)
#define REQ_PREFLUSH	(1U << 18)
#define REQ_IDLE	(1U << 19)
#define REQ_NOUNMAP	(1U << 20)
#define op_is_write(op)	((op) & 1)

enum {
	BLK_STS_OK,
	BLK_STS_NOTSUPP,
	BLK_STS_IOERR,
	BLK_STS_ZONE_OPEN_RESOURCE,
	BLK_STS_ZONE_ACTIVE_RESOURCE,
};

enum {
	BLK_ZONE_TYPE_CONVENTIONAL = 1,
	BLK_ZONE_TYPE_SEQWRITE_REQ = 2,
	BLK_ZONE_TYPE_SEQWRITE_PREF = 3,
};

enum {
	BLK_ZONE_COND_NOT_WP = 0,
	BLK_ZONE_COND_EMPTY = 1,
	BLK_ZONE_COND_IMP_OPEN = 2,
	BLK_ZONE_COND_EXP_OPEN = 3,
	BLK_ZONE_COND_CLOSED = 4,
	BLK_ZONE_COND_READONLY = 13,
	BLK_ZONE_COND_FULL = 14,
	BLK_ZONE_COND_OFFLINE = 15,
};

struct blk_zone {
	u64 start, len, wp, capacity;
	u8 type, cond;
};

typedef int (*report_zones_cb)(struct blk_zone *zone, unsigned int idx, void *data);

struct bvec_iter {
	sector_t bi_sector;
	unsigned int bi_size;
};

struct bio {
	struct list_head link;
	struct block_device *bi_bdev;
	blk_opf_t bi_opf;
	blk_status_t bi_status;
	struct bvec_iter bi_iter;
	void (*bi_end_io)(struct bio *bio);
	void *bi_private;
	unsigned short bi_vcnt, bi_max_vecs;
	struct bio_vec *bi_io_vec;
	bool made;
};

struct bio_set { bool made; };
struct blk_plug { unsigned short nr_ios; };

#define BIO_MAX_VECS		256
#define BIOSET_NEED_BVECS	1
#define bio_op(bio)		((bio)->bi_opf & REQ_OP_MASK)
#define blk_start_plug(p)	((void)(p))
void blk_finish_plug(struct blk_plug *plug);

int bioset_init(struct bio_set *bs, unsigned int nr, unsigned int front, int flags);
void bioset_exit(struct bio_set *bs);
struct bio *bio_alloc_bioset(struct block_device *bdev, unsigned short nr, blk_opf_t opf,
			     gfp_t gfp, struct bio_set *bs);
void __bio_add_page(struct bio *bio, struct page *p, unsigned int len, unsigned int off);
void bio_put(struct bio *bio);
void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *table,
	      unsigned short nr, blk_opf_t opf);
void bio_uninit(struct bio *bio);
void submit_bio(struct bio *bio);
int blkdev_issue_flush(struct block_device *bdev);
int blkdev_report_zones(struct block_device *bdev, sector_t sector, unsigned int nr,
			report_zones_cb cb, void *data);
int blkdev_zone_mgmt(struct block_device *bdev, int op, sector_t sector, sector_t nr);

#define FZ_ZONES	16

/* The fuzzer's disks do not vanish. */
#define GD_DEAD		2

struct gendisk {
	unsigned long state;
};

/**
 * struct block_device - the fuzzer's disk
 * @bd_dev: its number
 * @bd_disk: whether it is gone
 * @capacity: sectors
 * @top: the most that it ever had
 * @read_only: it cannot be written to
 * @opens: times that it is open
 * @holder: who has it
 * @cache: a volatile one
 * @stable: data must not change while it is written
 * @block_size: logical blocks
 * @physical: physical ones
 * @offset: alignment offset
 * @dma_mask: bits of addresses that must be 0
 * @discard: sectors that it discards at once
 * @granularity: bytes that it discards at least
 * @zeroes: sectors that it zeroes at once
 * @erase: sectors that it erases at once
 * @zone_sectors: of a zone, 0 when it has none
 * @append: sectors that it appends at once
 * @zones: the zones
 * @bios: on their way
 * @nr: length of @bios
 */
struct block_device {
	dev_t bd_dev;
	struct gendisk bd_disk[1];
	u64 capacity;
	u64 top;
	bool read_only;
	int opens;
	void *holder;
	bool cache;
	bool stable;
	u32 block_size;
	u32 physical;
	int offset;
	u32 dma_mask;
	u32 discard;
	u32 granularity;
	u32 zeroes;
	u32 erase;
	u32 zone_sectors;
	u32 append;
	struct blk_zone zones[FZ_ZONES];
	struct list_head bios;
	unsigned int nr;
};

#define BLK_OPEN_READ		1
#define BLK_OPEN_WRITE		2
struct file *bdev_file_open_by_path(const char *path, unsigned int mode, void *holder,
				    const void *hops);
struct block_device *file_bdev(struct file *f);

#define bdev_read_only(b)		((b)->read_only)
#define bdev_nr_sectors(b)		READ_ONCE((b)->capacity)
#define bdev_write_cache(b)		READ_ONCE((b)->cache)
#define bdev_stable_writes(b)		((b)->stable)
#define bdev_logical_block_size(b)	((b)->block_size)
#define bdev_physical_block_size(b)	((b)->physical)
#define bdev_alignment_offset(b)	((b)->offset)
#define bdev_io_min(b)			((b)->physical)
#define bdev_io_opt(b)			((b)->physical * 4)
#define bdev_dma_alignment(b)		((b)->dma_mask)
#define bdev_max_discard_sectors(b)	READ_ONCE((b)->discard)
#define bdev_discard_granularity(b)	((b)->granularity)
#define bdev_write_zeroes_sectors(b)	READ_ONCE((b)->zeroes)
#define bdev_max_secure_erase_sectors(b) READ_ONCE((b)->erase)
#define bdev_is_zoned(b)		((b)->zone_sectors != 0)
#define bdev_zone_sectors(b)		((b)->zone_sectors)
#define bdev_max_open_zones(b)		4
#define bdev_max_active_zones(b)	6
#define bdev_max_zone_append_sectors(b)	READ_ONCE((b)->append)
#define bdev_max_segments(b)		64U
#define bdev_zone_write_granularity(b)	((b)->block_size)

/* --- for the harness --- */

#define FZ_DISKS	2
#define FZ_DISK_BYTES	(64 * 1024)		/* what is remembered of each store */
/* Do they answer while they are asked, as memory does? */
extern bool fz_disks_answer;
/* One has, since this was cleared. */
extern bool fz_disks_answered;

extern struct block_device fz_disks[FZ_DISKS];

/* How I/O ends: what the input has chosen. */
extern u8 fz_io_now;			/* of 256, end while they are submitted */
extern u8 fz_io_error;			/* how those end; also short, also try again */

void fz_store_reset(void);
void fz_store_move(unsigned int store, bool write, u64 pos, const struct bio_vec *bv,
		   unsigned int nr, u32 skip, u32 len);
u32 fz_bytes(const struct bio_vec *bv, unsigned int nr);
void fz_bio_end(struct bio *bio, u8 how);
struct bio *fz_bio_take(unsigned int n);

#endif
