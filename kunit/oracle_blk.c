// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle's requests and its disk: VIRTIO 1.2 section 5.2.6.
 */
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "oracle.h"

/* What is in memory where the device has to write a status. */
#define NO_STATUS	0xee

/* Bytes of a range to be zeroed, behind the header. */
#define ORACLE_RANGE	16

static u64 sectors_of(const struct oracle_req *r)
{
	if (r->type == ORACLE_T_WRITE_ZEROES)
		return r->zeroes;
	return DIV_ROUND_UP(r->out_len + r->in_len, ORACLE_SECTOR);
}

static bool writes(const struct oracle_req *r)
{
	return r->type == ORACLE_T_OUT || r->type == ORACLE_T_WRITE_ZEROES;
}

static bool moves_data(const struct oracle_req *r)
{
	return r->type == ORACLE_T_IN || writes(r);
}

/* May the disk be touched at all? */
static bool allowed(const struct oracle *o, const struct oracle_req *r)
{
	u64 n = sectors_of(r);

	if (r->type != ORACLE_T_WRITE_ZEROES && (r->out_len + r->in_len) % ORACLE_SECTOR)
		return false;
	if (n > o->sectors || r->sector > o->sectors - n)
		return false;
	return r->type == ORACLE_T_IN || !oracle_has(o, ORACLE_F_RO);
}

/*
 * Two requests of which one writes to what the other one uses may be served in any
 * order, so a driver sends no such two.
 */
static bool conflicts(const struct oracle *o, const struct oracle_req *r)
{
	const struct oracle_req *other;
	u32 i;

	for (i = 0; i < ORACLE_NUM; i++) {
		other = &o->reqs[i];
		if (!other->busy || other == r || !moves_data(other))
			continue;
		if (r->type == ORACLE_T_IN && other->type == ORACLE_T_IN)
			continue;
		if (r->sector < other->sector + sectors_of(other) &&
		    other->sector < r->sector + sectors_of(r))
			return true;
	}
	return false;
}

static void choose_length(struct oracle *o, struct oracle_req *r)
{
	u32 n = 1 + oracle_below(o, 8);

	if (oracle_chance(o, 15))
		n = 1 + oracle_below(o, o->max_data);
	if (oracle_chance(o, 2))
		n = 0;
	n *= ORACLE_SECTOR;
	/* A device has to bear what a driver must not do. */
	if (oracle_chance(o, 1))
		n += 1 + oracle_below(o, ORACLE_SECTOR - 1);
	if (r->type == ORACLE_T_OUT)
		r->out_len = n;
	else
		r->in_len = n;
}

static void choose_sector(struct oracle *o, struct oracle_req *r)
{
	u64 n = sectors_of(r), last = o->sectors - n;

	r->sector = oracle_below(o, last + 1);
	if (oracle_chance(o, 5))
		r->sector = last;
	if (oracle_chance(o, 1))
		r->sector = last + 1 + oracle_below(o, n + 1);
	if (oracle_chance(o, 1))
		r->sector = ~0ULL - oracle_below(o, n + 1);
}

static bool choose(struct oracle *o, struct oracle_req *r)
{
	u32 dice = oracle_below(o, 100);

	r->out_len = 0;
	r->in_len = 0;
	r->sector = 0;
	if (dice < 80) {
		r->type = dice < 40 ? ORACLE_T_IN : ORACLE_T_OUT;
		choose_length(o, r);
		choose_sector(o, r);
		return !conflicts(o, r);
	}
	if (dice < 90 && oracle_has(o, ORACLE_F_WRITE_ZEROES)) {
		r->type = ORACLE_T_WRITE_ZEROES;
		r->out_len = ORACLE_RANGE;
		r->zeroes = 1 + oracle_below(o, 64);
		choose_sector(o, r);
		return !conflicts(o, r);
	}
	if (dice < 87 && oracle_has(o, ORACLE_F_FLUSH)) {
		r->type = ORACLE_T_FLUSH;
	} else if (dice < 94) {
		r->type = ORACLE_T_GET_ID;
		r->in_len = oracle_chance(o, 70) ? ORACLE_ID : oracle_below(o, 64);
	} else {
		/* No type has these bits, whatever will be added. */
		r->type = 0x40000000 | oracle_below(o, 65536) << 8;
		r->sector = oracle_below(o, 65536);
		if (oracle_chance(o, 50))
			r->out_len = oracle_below(o, 600);
		else
			r->in_len = oracle_below(o, 600);
	}
	return true;
}

/* Places where a cut is most likely to be felt. */
static u32 choose_cut(struct oracle *o, u32 total, bool write)
{
	u32 dice = oracle_below(o, 4);

	if (!dice && !write)
		return 1 + oracle_below(o, ORACLE_HEADER);
	if (!dice)
		return total - 1;
	if (dice == 1)
		return ALIGN_DOWN(oracle_below(o, total), ORACLE_SECTOR) +
		       (write ? 0 : ORACLE_HEADER);
	return oracle_below(o, total);
}

/* Cut @total bytes into at most @max buffers at random. */
static void cut(struct oracle *o, struct oracle_req *r, u32 total, bool write, u16 max)
{
	u32 at[ORACLE_NUM + 1], pos = 0;
	u16 n = 0, i, j;

	if (max > 4 && oracle_chance(o, 70))
		max = 4;
	max = 1 + oracle_below(o, max);
	for (i = 1; i < max; i++) {
		u32 c = choose_cut(o, total, write);

		for (j = 0; j < n && at[j] != c; j++)
			;
		if (j < n || !c || c >= total)
			continue;
		for (j = n++; j && at[j - 1] > c; j--)
			at[j] = at[j - 1];
		at[j] = c;
	}
	at[n++] = total;
	for (i = 0; i < n; i++) {
		r->seg[r->nseg++] = (struct oracle_seg){ .len = at[i] - pos, .write = write };
		pos = at[i];
	}
}

static void layout(struct oracle *o, struct oracle_req *r)
{
	u32 in = r->in_len + 1, out = ORACLE_HEADER + r->out_len;
	u16 max = o->num;

	r->nseg = 0;
	if (oracle_chance(o, 30)) {
		/* As the drivers of old: header and status apart. */
		r->seg[r->nseg++] = (struct oracle_seg){ .len = ORACLE_HEADER };
		if (r->out_len)
			r->seg[r->nseg++] = (struct oracle_seg){ .len = r->out_len };
		if (r->in_len)
			r->seg[r->nseg++] = (struct oracle_seg){ .len = r->in_len, .write = true };
		r->seg[r->nseg++] = (struct oracle_seg){ .len = 1, .write = true };
		if (r->nseg <= max)
			return;
		r->nseg = 0;
	}
	cut(o, r, out, false, max - 1);
	cut(o, r, in, true, max - r->nseg);
}

static bool allocate(struct oracle *o, struct oracle_req *r)
{
	u16 i;

	for (i = 0; i < r->nseg; i++) {
		r->seg[i].addr = oracle_alloc(o, r->seg[i].len, oracle_chance(o, 50) ? 16 : 1);
		if (!r->seg[i].addr) {
			r->nseg = i;
			oracle_unmake(o, r);
			return false;
		}
		oracle_scribble(o, r->seg[i].addr, r->seg[i].len);
	}
	return true;
}

/* Write bytes of the stream that the device reads, wherever they lie. */
static void put_stream(struct oracle *o, struct oracle_req *r, const u8 *from, u32 len)
{
	u32 pos = 0, n;
	u16 i;

	for (i = 0; pos < len; i++) {
		n = min(len - pos, r->seg[i].len);
		oracle_put(o, r->seg[i].addr, from + pos, n);
		pos += n;
	}
}

static void put_header(struct oracle *o, struct oracle_req *r)
{
	struct {
		__le32 type;
		__le32 reserved;
		__le64 sector;
		__le64 range_sector;
		__le32 range_sectors;
		__le32 range_flags;
	} header = {
		.type = cpu_to_le32(r->type),
		.reserved = cpu_to_le32(oracle_below(o, 8)),	/* once a priority: to be ignored */
		.sector = cpu_to_le64(r->type == ORACLE_T_WRITE_ZEROES ? 0 : r->sector),
		.range_sector = cpu_to_le64(r->sector),
		.range_sectors = cpu_to_le32(r->zeroes),
	};

	put_stream(o, r, (u8 *)&header, ORACLE_HEADER +
		   (r->type == ORACLE_T_WRITE_ZEROES ? ORACLE_RANGE : 0));
}

/**
 * oracle_make() - make up a request and lay it out in memory
 * @o: oracle
 * @r: a request that is not in use
 *
 * Return: false when this one is not possible now.
 */
bool oracle_make(struct oracle *o, struct oracle_req *r)
{
	const struct oracle_seg *s;
	const u8 none = NO_STATUS;

	r->fail = false;
	r->table_len = 0;
	if (!choose(o, r))
		return false;
	layout(o, r);
	if (!allocate(o, r))
		return false;
	put_header(o, r);
	s = &r->seg[r->nseg - 1];
	oracle_put(o, s->addr + s->len - 1, &none, 1);
	if (moves_data(r) && allowed(o, r) && sectors_of(r) && sectors_of(r) <= 64 &&
	    !o->nr_busy && !o->holding && oracle_chance(o, 5)) {
		o->world->fail_next(o);
		r->fail = true;
	}
	return true;
}

/**
 * oracle_unmake() - take a request's memory back
 * @o: oracle
 * @r: request
 */
void oracle_unmake(struct oracle *o, struct oracle_req *r)
{
	u16 i;

	for (i = 0; i < r->nseg; i++)
		oracle_free(o, r->seg[i].addr, r->seg[i].len);
	if (r->table_len)
		oracle_free(o, r->table, r->table_len);
	r->table_len = 0;
}

static u8 right_status(const struct oracle *o, const struct oracle_req *r)
{
	switch (r->type) {
	case ORACLE_T_IN:
	case ORACLE_T_OUT:
	case ORACLE_T_WRITE_ZEROES:
		return allowed(o, r) && !r->fail ? ORACLE_S_OK : ORACLE_S_IOERR;
	case ORACLE_T_FLUSH:
	case ORACLE_T_GET_ID:
		return ORACLE_S_OK;
	default:
		return ORACLE_S_UNSUPP;
	}
}

/*
 * The length counts from the first byte that the device may write, and all that it
 * counts must have been written (section 2.7.8.2): the status byte is in it only when
 * all data before it is.
 */
static u32 right_len(const struct oracle_req *r, u8 status)
{
	bool whole = !r->in_len;

	if (status == ORACLE_S_OK)
		whole = r->type != ORACLE_T_GET_ID || r->in_len <= ORACLE_ID;
	if (whole)
		return r->in_len + 1;
	return status == ORACLE_S_OK ? ORACLE_ID : 0;
}

/* Is what was read from @at of the disk right? */
static bool disk_has(const struct oracle *o, u64 at, const u8 *data, u32 len)
{
	u32 n;

	if (!o->in_limbo)
		return !memcmp(o->disk + at, data, len);
	for (; len; len -= n, at += n, data += n) {
		n = min_t(u32, len, ORACLE_SECTOR - at % ORACLE_SECTOR);
		if (!memcmp(o->disk + at, data, n))
			continue;
		if (!test_bit(at / ORACLE_SECTOR, o->limbo) || memcmp(o->alt + at, data, n))
			return false;
	}
	return true;
}

/* The @len bytes at @pos of the data that was read. */
static bool data_right(struct oracle *o, struct oracle_req *r, u32 pos, const u8 *data, u32 len)
{
	if (r->type == ORACLE_T_IN)
		return disk_has(o, r->sector * ORACLE_SECTOR + pos, data, len);
	if (pos >= ORACLE_ID)
		return true;
	return !memcmp(o->serial + pos, data, min_t(u32, len, ORACLE_ID - pos));
}

static bool judge_data(struct oracle *o, struct oracle_req *r)
{
	u32 pos = 0, n;
	u16 i;

	for (i = 0; i < r->nseg; i++) {
		const struct oracle_seg *s = &r->seg[i];

		if (!s->write)
			continue;
		n = min(s->len, r->in_len - pos);
		if (n && !data_right(o, r, pos, oracle_real(o, s->addr, n), n))
			return oracle_fail(o, "type %u sector %llu: wrong data in buffer %u of %u, byte %u on",
					   r->type, r->sector, i, r->nseg, pos);
		pos += n;
	}
	return true;
}

/* A write is on the disk. */
static void wrote(struct oracle *o, struct oracle_req *r, u8 *disk)
{
	u64 to = r->sector * ORACLE_SECTOR;
	u32 pos = 0;
	u16 i;

	if (r->type == ORACLE_T_WRITE_ZEROES) {
		memset(disk + to, 0, r->zeroes * ORACLE_SECTOR);
		return;
	}
	for (i = 0; i < r->nseg && !r->seg[i].write; i++) {
		const struct oracle_seg *s = &r->seg[i];
		u32 skip = pos < ORACLE_HEADER ? min(s->len, ORACLE_HEADER - pos) : 0;

		memcpy(disk + to + pos + skip - ORACLE_HEADER,
		       oracle_want(o, s->addr + skip, s->len - skip), s->len - skip);
		pos += s->len;
	}
}

/**
 * oracle_judge() - is a completed request right?
 * @o: oracle
 * @r: request
 * @len: length that the device told
 * @len_told: it did; it says nothing of those in a batch but of the last
 */
bool oracle_judge(struct oracle *o, struct oracle_req *r, u32 len, bool len_told)
{
	const struct oracle_seg *last = &r->seg[r->nseg - 1];
	u8 want = right_status(o, r), status;
	u16 i;

	status = *(u8 *)oracle_real(o, last->addr + last->len - 1, 1);
	if (status != want)
		return oracle_fail(o, "type %u sector %llu, %u bytes: status %u instead of %u",
				   r->type, r->sector, r->out_len + r->in_len, status, want);
	if (!len_told)
		len = r->in_len + 1;
	if (len != right_len(r, status))
		return oracle_fail(o, "type %u, %u bytes to write, status %u: length %u instead of %u",
				   r->type, r->in_len + 1, status, len, right_len(r, status));
	if (status == ORACLE_S_OK && !judge_data(o, r))
		return false;
	for (i = 0; i < r->nseg; i++) {
		if (r->seg[i].write)
			oracle_accept(o, r->seg[i].addr, r->seg[i].len);
	}
	if (status == ORACLE_S_OK && writes(r)) {
		wrote(o, r, o->disk);
		if (o->in_limbo)
			bitmap_clear(o->limbo, r->sector, sectors_of(r));
	}
	o->done[min(r->type, 15U)]++;
	return true;
}

/**
 * oracle_cut_off() - a reset came while a request was under way
 * @o: oracle; nothing is in limbo from before
 * @r: request
 *
 * A write may or may not have reached the disk, each sector for itself.
 */
void oracle_cut_off(struct oracle *o, struct oracle_req *r)
{
	if (!writes(r) || !allowed(o, r) || r->fail || !sectors_of(r))
		return;
	wrote(o, r, o->alt);
	bitmap_set(o->limbo, r->sector, sectors_of(r));
	o->in_limbo = true;
}

/**
 * oracle_check_disk() - is the disk as it has to be?
 * @o: oracle; nothing is under way
 */
bool oracle_check_disk(struct oracle *o)
{
	const u8 *now = o->world->disk(o);
	u64 s;

	for_each_set_bit(s, o->limbo, o->in_limbo ? o->sectors : 0) {
		if (!memcmp(now + s * ORACLE_SECTOR, o->alt + s * ORACLE_SECTOR, ORACLE_SECTOR))
			memcpy(o->disk + s * ORACLE_SECTOR, o->alt + s * ORACLE_SECTOR,
			       ORACLE_SECTOR);
	}
	if (o->in_limbo)
		bitmap_zero(o->limbo, o->sectors);
	o->in_limbo = false;
	if (!memcmp(now, o->disk, o->sectors * ORACLE_SECTOR))
		return true;
	for (s = 0; s < o->sectors; s++) {
		if (memcmp(now + s * ORACLE_SECTOR, o->disk + s * ORACLE_SECTOR, ORACLE_SECTOR))
			break;
	}
	return oracle_fail(o, "sector %llu of the disk is wrong", s);
}
