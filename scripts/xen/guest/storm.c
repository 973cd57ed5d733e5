// SPDX-License-Identifier: GPL-2.0
/*
 * storm - direct I/O on a disk that fails, with a memory of what was acknowledged.
 *
 *   storm run <dev> <state> <MiB> <seconds, or a file that ends it>
 *             [threads [milliseconds of pause [requests]]]
 *   storm check <dev> <state> [unknown]
 *
 * Blocks of 4 KiB are written and read at random. Each write of a block has the number
 * after the last one's, which is in every sector with what follows from it and the
 * place. An error is counted, and the next request made. A sector may have the number
 * that was acknowledged last or a later one that was tried since: an older one is a lost
 * write, any other content a wrong one. A new state begins with a write of all blocks.
 *
 * All threads do what they can for half a second; after that each pauses between two of its
 * requests. There are as many requests as is said, however long that takes. Where a file
 * ends it, something is to happen in the middle: it says when some requests have been made,
 * and makes some more once the file is there; a thread does not pause if no other has a
 * request under way.
 *
 * The state is a file, or a disk (the witness), which gets it twenty times a second, for
 * those who look after this program has died with its machine. They cannot know what was
 * tried last: "unknown" leaves that out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECTOR		512
#define BLOCK		4096
#define CHUNK		65536
#define MAX_THREADS	16
#define GOING		16	/* requests after which it says so, and that follow its end */
#define MAGIC		0x76626d726f747331ull

static struct state {
	uint64_t magic;
	uint64_t blocks;
	struct {
		uint32_t acked;
		uint32_t tried;
	} block[];
} *state;

static const char *dev, *stop_file;
static size_t state_size;
static unsigned int threads = 4;
static unsigned int pause_ms;
static double start, deadline;
static int fresh, unknown, stop;
static uint64_t writes, reads, write_errors, read_errors, bad, longest_ms, tries, least, last_try;
static unsigned int under_way;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void fill(uint64_t *buf, uint64_t sector, uint64_t number)
{
	uint64_t s = (number + 1) * 0x9e3779b97f4a7c15ull ^ (sector + 1) * 0xbf58476d1ce4e5b9ull;

	if (!s)
		s = 1;
	buf[0] = number;
	for (unsigned int i = 1; i < SECTOR / 8; i++)
		buf[i] = next_random(&s);
}

static void add(uint64_t *what, uint64_t n)
{
	__atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

static void check_sector(const uint64_t *buf, uint64_t sector)
{
	uint64_t block = sector / (BLOCK / SECTOR), want[SECTOR / 8];
	uint32_t acked = state->block[block].acked, tried = state->block[block].tried;
	const char *what = NULL;

	fill(want, sector, buf[0]);
	if (!acked && (memcmp(want, buf, SECTOR) || !buf[0]))
		return;		/* what was there before the first write */
	if (memcmp(want, buf, SECTOR))
		what = "has wrong content";
	else if (buf[0] < acked)
		what = "has lost a write";
	else if (buf[0] > tried && !unknown)
		what = "was not written by this";
	if (!what)
		return;
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 16)
		printf("storm: sector %llu %s: %llu, acknowledged %u, tried %u\n",
		       (unsigned long long)sector, what, (unsigned long long)buf[0], acked, tried);
}

static void read_block(int fd, char *buf, uint64_t block)
{
	if (pread(fd, buf, BLOCK, block * BLOCK) != BLOCK) {
		add(&read_errors, 1);
		usleep(5000);
		return;
	}
	add(&reads, 1);
	for (unsigned int o = 0; o < BLOCK; o += SECTOR)
		check_sector((uint64_t *)(buf + o), (block * BLOCK + o) / SECTOR);
}

static void write_block(int fd, char *buf, uint64_t block)
{
	uint32_t number = state->block[block].tried + 1;

	for (unsigned int o = 0; o < BLOCK; o += SECTOR)
		fill((uint64_t *)(buf + o), (block * BLOCK + o) / SECTOR, number);
	__atomic_store_n(&state->block[block].tried, number, __ATOMIC_RELEASE);
	if (pwrite(fd, buf, BLOCK, block * BLOCK) != BLOCK) {
		add(&write_errors, 1);
		usleep(5000);
		return;
	}
	__atomic_store_n(&state->block[block].acked, number, __ATOMIC_RELEASE);
	add(&writes, 1);
}

/* Whether the caller may pause after it. */
static int timed(void (*what)(int, char *, uint64_t), int fd, char *buf, uint64_t block)
{
	double begin = now();
	uint64_t ms, old;
	int last = 0;

	__atomic_add_fetch(&under_way, 1, __ATOMIC_RELAXED);
	what(fd, buf, block);
	if (!__atomic_sub_fetch(&under_way, 1, __ATOMIC_RELAXED) && stop_file)
		last = 1;
	if (__atomic_add_fetch(&tries, 1, __ATOMIC_RELAXED) == GOING && stop_file)
		printf("storm: going\n");
	ms = (now() - begin) * 1000;
	old = __atomic_load_n(&longest_ms, __ATOMIC_RELAXED);
	while (ms > old && !__atomic_compare_exchange_n(&longest_ms, &old, ms, 0,
							__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return !last;
}

static int goes_on(void)
{
	uint64_t made = __atomic_load_n(&tries, __ATOMIC_RELAXED), last;

	if (!stop_file)
		return now() < deadline || made < least;
	last = __atomic_load_n(&last_try, __ATOMIC_RELAXED);
	if (!last && access(stop_file, F_OK))
		return 1;
	/* Some more: what went before may be older than what has happened meanwhile. */
	if (!last && __atomic_compare_exchange_n(&last_try, &last, made + GOING, 0,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 1;
	return made < last;
}

/* A block is one thread's, so that nobody writes it while it is read. */
static void *worker(void *arg)
{
	uint64_t me = (uintptr_t)arg, rnd = me * 7919 + 88172645463325252ull + (uint64_t)now();
	int fd = open(dev, O_RDWR | O_DIRECT);
	char *buf = aligned_alloc(4096, BLOCK);

	if (fd < 0 || !buf) {
		printf("storm: %s: %s\n", dev, strerror(errno));
		exit(1);
	}
	for (uint64_t b = me; fresh && b < state->blocks; b += threads)
		timed(write_block, fd, buf, b);
	while (goes_on()) {
		uint64_t r = next_random(&rnd);
		uint64_t b = (r >> 8) % (state->blocks / threads) * threads + me;

		if (timed(r & 1 ? write_block : read_block, fd, buf, b) && pause_ms &&
		    now() - start > 0.5)
			usleep(pause_ms * 1000);
	}
	close(fd);
	free(buf);
	return NULL;
}

static int save(const char *path)
{
	struct stat st;
	int disk = !stat(path, &st) && S_ISBLK(st.st_mode);
	int fd = open(path, disk ? O_RDWR | O_DIRECT : O_RDWR | O_CREAT, 0600);
	int ok = fd >= 0 && pwrite(fd, state, state_size, 0) == (ssize_t)state_size;

	if (!ok)
		printf("storm: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* What is written here is at least what was acknowledged before. */
static void *witness(void *arg)
{
	const char *path = arg;
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return NULL;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!save(path))
			exit(1);
		usleep(50000);
	}
	return NULL;
}

static int load(const char *path, uint64_t blocks)
{
	struct state head = {};
	int fd = open(path, O_RDONLY), known = 0;

	if (fd >= 0 && pread(fd, &head, sizeof(head), 0) == sizeof(head))
		known = head.magic == MAGIC && (!blocks || head.blocks == blocks);
	if (known)
		blocks = head.blocks;
	state_size = (sizeof(*state) + blocks * sizeof(state->block[0]) + 4095) / 4096 * 4096;
	state = aligned_alloc(4096, state_size);
	if (!state)
		exit(1);
	memset(state, 0, state_size);
	if (known)
		known = pread(fd, state, state_size, 0) == (ssize_t)state_size;
	if (!known)
		state->blocks = blocks;
	state->magic = MAGIC;
	if (fd >= 0)
		close(fd);
	return known;
}

static int run(const char *path, uint64_t mib, const char *until)
{
	pthread_t t[MAX_THREADS], w;

	fresh = !load(path, mib * (1048576 / BLOCK));
	if (*until == '/')
		stop_file = until;
	start = now();
	deadline = start + strtod(until, NULL);
	pthread_create(&w, NULL, witness, (void *)path);
	for (uintptr_t i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(w, NULL);
	return save(path);
}

static int check(const char *path)
{
	char *buf = aligned_alloc(4096, CHUNK);
	int fd = open(dev, O_RDONLY | O_DIRECT);
	uint64_t at = 0, end;
	ssize_t n;

	if (fd < 0 || !buf || !load(path, 0)) {
		printf("storm: %s, %s: %s\n", dev, path, strerror(errno));
		return 0;
	}
	for (end = state->blocks * BLOCK; at < end; at += n) {
		n = pread(fd, buf, CHUNK, at);
		if (n <= 0 || n % BLOCK) {
			read_errors++;
			break;
		}
		for (ssize_t o = 0; o < n && at + o < end; o += SECTOR)
			check_sector((uint64_t *)(buf + o), (at + o) / SECTOR);
		reads++;
	}
	return !read_errors;
}

int main(int argc, char **argv)
{
	int ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 4 && !strcmp(argv[1], "check")) {
		dev = argv[2];
		unknown = argc == 5 && !strcmp(argv[4], "unknown");
		ok = check(argv[3]);
	} else if (argc >= 6 && argc <= 9 && !strcmp(argv[1], "run")) {
		dev = argv[2];
		if (argc > 6)
			threads = strtoul(argv[6], NULL, 0);
		if (argc > 7)
			pause_ms = strtoul(argv[7], NULL, 0);
		if (argc > 8)
			least = strtoull(argv[8], NULL, 0);
		if (!threads || threads > MAX_THREADS)
			goto usage;
		ok = run(argv[3], strtoull(argv[4], NULL, 0), argv[5]);
	} else {
usage:
		printf("usage: storm run <dev> <state> <MiB> <seconds|file> [threads [ms [requests]]] | check <dev> <state> [unknown]\n");
		return 2;
	}
	printf("storm: %s: %llu writes, %llu reads, %llu failed writes, %llu failed reads, %llu bad, %llu ms at most\n",
	       argv[1], (unsigned long long)writes, (unsigned long long)reads,
	       (unsigned long long)write_errors, (unsigned long long)read_errors,
	       (unsigned long long)bad, (unsigned long long)longest_ms);
	return !ok || bad;
}
