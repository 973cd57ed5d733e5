// SPDX-License-Identifier: GPL-2.0
/*
 * Mutations that know what an operation is, and what an input costs.
 */
#include "mutate.h"
#undef memcpy

#define DEAR_POINTS	4000

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max);

static u32 seed_rng;

static u32 pick(u32 n)
{
	seed_rng = seed_rng * 1664525 + 1013904223;
	return (seed_rng >> 8) % n;
}

/*
 * What inputs cost. A fifth of them, long requests in many small pieces for the most part,
 * would take more than half of the time, and repeat what shorter ones do: so what comes of
 * one is mostly made shorter. The costs are points, not seconds, so that a seed always leads
 * to the same inputs; of those that share a place in the table the last one is known.
 */
static struct {
	u32 key;
	u32 points;
} costs[1 << 16];

static u32 key_of(const u8 *data, size_t size)
{
	u64 key = size, word;

	for (; size >= sizeof(word); size -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		key = (key ^ word) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}
	return key;
}

/**
 * fz_note_cost() - an input was executed
 * @data: the input
 * @size: its length
 * @points: see fz_points()
 */
void fz_note_cost(const u8 *data, size_t size, u32 points)
{
	u32 key = key_of(data, size);

	costs[key % ARRAY_SIZE(costs)].key = key;
	costs[key % ARRAY_SIZE(costs)].points = points;
}

static bool is_dear(const u8 *data, size_t size)
{
	u32 key = key_of(data, size);

	return costs[key % ARRAY_SIZE(costs)].key == key &&
	       costs[key % ARRAY_SIZE(costs)].points > DEAR_POINTS;
}

static void random_op(u8 *at)
{
	int i;

	for (i = 0; i < FZ_OP; i++)
		at[i] = pick(256);
	/* Most do all that they began, and little of the rest. */
	if (pick(4))
		at[1] &= ~(FZ_LEAVE | FZ_PREEMPT);
	if (pick(2))
		at[3] &= 0x1f;
}

/* About half of the operations go. */
static size_t shorten(u8 *data, size_t size)
{
	size_t to = FZ_HEAD, from;

	for (from = FZ_HEAD; from + FZ_OP <= size; from += FZ_OP) {
		if (pick(2))
			continue;
		memmove(data + to, data + from, FZ_OP);
		to += FZ_OP;
	}
	return to;
}

static size_t insert_op(u8 *data, size_t size, size_t max, bool copy)
{
	size_t n = (size - FZ_HEAD) / FZ_OP;
	u8 *ops = data + FZ_HEAD, op[FZ_OP];
	size_t at = pick(n + 1);

	if (size + FZ_OP > max || n >= FZ_MAX_OPS)
		return size;
	if (copy && n)
		memcpy(op, ops + pick(n) * FZ_OP, FZ_OP);
	else
		random_op(op);
	memmove(ops + (at + 1) * FZ_OP, ops + at * FZ_OP, (n - at) * FZ_OP);
	memcpy(ops + at * FZ_OP, op, FZ_OP);
	return FZ_HEAD + (n + 1) * FZ_OP;
}

static size_t remove_op(u8 *data, size_t size)
{
	size_t n = (size - FZ_HEAD) / FZ_OP, at;

	if (!n)
		return size;
	at = pick(n);
	memmove(data + FZ_HEAD + at * FZ_OP, data + FZ_HEAD + (at + 1) * FZ_OP,
		(n - at - 1) * FZ_OP);
	return FZ_HEAD + (n - 1) * FZ_OP;
}

static void swap_ops(u8 *data, size_t size)
{
	size_t n = (size - FZ_HEAD) / FZ_OP, at;
	u8 op[FZ_OP];

	if (n < 2)
		return;
	at = pick(n - 1);
	memcpy(op, data + FZ_HEAD + at * FZ_OP, FZ_OP);
	memcpy(data + FZ_HEAD + at * FZ_OP, data + FZ_HEAD + (at + 1) * FZ_OP, FZ_OP);
	memcpy(data + FZ_HEAD + (at + 1) * FZ_OP, op, FZ_OP);
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed)
{
	bool dear = is_dear(data, size);

	seed_rng = seed;
	if (max < FZ_HEAD + FZ_OP)
		return size;
	if (size < FZ_HEAD) {
		memset(data, 0, FZ_HEAD);
		size = FZ_HEAD;
	}
	size = FZ_HEAD + (size - FZ_HEAD) / FZ_OP * FZ_OP;
	if (dear && pick(8))
		size = shorten(data, size);
	do {
		size_t n = (size - FZ_HEAD) / FZ_OP;
		u8 *op = n ? data + FZ_HEAD + pick(n) * FZ_OP : NULL;

		switch (pick(10)) {
		case 0 ... 2:
			size = insert_op(data, size, max, false);
			break;
		case 3:
			size = insert_op(data, size, max, true);
			break;
		case 4:
			size = remove_op(data, size);
			break;
		case 5:
			swap_ops(data, size);
			break;
		case 6:
			data[pick(FZ_HEAD)] = pick(3) ? pick(256) : 0;
			break;
		case 7:
			if (op)
				op[pick(FZ_OP)] ^= 1 << pick(8);
			break;
		case 8:
			if (op)
				op[pick(FZ_OP)] = pick(256);
			break;
		default:
			if (n)
				LLVMFuzzerMutate(op, FZ_OP, FZ_OP);
			break;
		}
	} while (pick(3));
	return size;
}
