/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data that says where it belongs and when it was written, and the histories that the
 * loads write and the check repeats: both are a function of a seed.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT		512
#define UNIT_WORDS	(UNIT / 8)

/* Load "raw": each writer has sectors of its own. */
#define WRITERS		4
#define SLICE		1024
#define RAW_BYTES	((size_t)WRITERS * SLICE * UNIT)
#define MAX_WRITES	6
#define MAX_LEN		48

/* Load "files". */
#define FILES		24
#define FILE_UNITS	96

#define die(fmt, ...) \
	do { \
		fprintf(stderr, fmt "\n", ##__VA_ARGS__); \
		exit(2); \
	} while (0)

static inline uint32_t below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % n;
}

static inline uint64_t stamp_word(uint32_t owner, uint32_t unit, uint32_t gen, unsigned int i)
{
	return ((uint64_t)owner << 56 | (uint64_t)unit << 32 | gen) * 0x9e3779b97f4a7c15ull + i;
}

static inline void stamp(void *p, uint32_t owner, uint32_t unit, uint32_t gen)
{
	uint64_t *w = p;
	unsigned int i;

	for (i = 0; i < UNIT_WORDS; i++)
		w[i] = gen ? stamp_word(owner, unit, gen, i) : 0;
}

/* Generation 0 was never written and is all zeroes. */
static inline bool stamped(const void *p, uint32_t owner, uint32_t unit, uint32_t gen)
{
	uint64_t want[UNIT_WORDS];

	stamp(want, owner, unit, gen);
	return !memcmp(p, want, UNIT);
}

/* One step of a writer of "raw": some writes, after which all are acknowledged. */
struct raw_step {
	unsigned int nr;
	struct {
		uint32_t unit;
		uint32_t len;
	} write[MAX_WRITES];
};

static inline void raw_next(uint64_t *state, bool through, struct raw_step *s)
{
	unsigned int i;

	s->nr = through ? 1 : 1 + below(state, MAX_WRITES);
	for (i = 0; i < s->nr; i++) {
		s->write[i].len = 1 + below(state, MAX_LEN);
		s->write[i].unit = below(state, SLICE - s->write[i].len + 1);
	}
}

static inline uint64_t raw_seed(uint32_t seed, unsigned int writer)
{
	return (uint64_t)seed << 8 | writer;
}

/* One step of "files": something is done to a file and made durable. */
enum file_op { REPLACE, APPEND, OVERWRITE, REMOVE };

struct file_step {
	enum file_op op;
	uint32_t file;
	uint32_t unit;
	uint32_t len;
};

/* What the files are: of each its length, -1 if there is none, and its units' generations. */
struct files {
	int len[FILES];
	uint32_t gen[FILES][FILE_UNITS];
};

static inline void files_init(struct files *f)
{
	int i;

	for (i = 0; i < FILES; i++)
		f->len[i] = -1;
}

static inline void files_next(const struct files *f, uint64_t *state, struct file_step *s)
{
	int len;

	s->file = below(state, FILES);
	s->op = below(state, 8) ? below(state, 3) : REMOVE;
	len = f->len[s->file];
	if (len < 0 || (s->op == APPEND && len == FILE_UNITS))
		s->op = REPLACE;
	if (s->op == APPEND)
		s->unit = len;
	else if (s->op == OVERWRITE)
		s->unit = below(state, len);
	else
		s->unit = 0;
	s->len = 1 + below(state, (s->op == OVERWRITE ? len : FILE_UNITS) - s->unit);
}

static inline void files_apply(struct files *f, const struct file_step *s, uint32_t gen)
{
	uint32_t i;

	if (s->op == REMOVE) {
		f->len[s->file] = -1;
		return;
	}
	if (s->op == REPLACE)
		f->len[s->file] = s->len;
	else if (s->op == APPEND)
		f->len[s->file] += s->len;
	for (i = 0; i < s->len; i++)
		f->gen[s->file][s->unit + i] = gen;
}

#endif
