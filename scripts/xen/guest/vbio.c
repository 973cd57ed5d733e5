// SPDX-License-Identifier: GPL-2.0
/*
 * vbio - direct I/O with contents that can be verified.
 *
 * Every 512-byte sector is filled from its own number and a seed, so that a
 * sector that went to a wrong place, was lost or is from an earlier pass is
 * told apart.  Runs in the guest and in dom0.
 *
 *   vbio write  <dev> <MiB> <seed> [block size [threads]]
 *   vbio verify <dev> <MiB> <seed> [block size [threads]]
 *   vbio mix    <dev> <MiB> <seconds> [block size [threads]]  (destroys data)
 *   vbio exclusive <dev>     (fails while another holds it exclusively)
 *   vbio zero|punch <dev> <MiB from> <MiB>	(punch lets the disk give blocks back)
 *
 * A size with a K is in KiB.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512
#define MAX_THREADS 32

static enum { WRITE, VERIFY, MIX } mode;
static const char *dev;
static uint64_t total_blocks, seed;
static size_t bs = 65536;
static unsigned int threads = 4;
static double deadline;
static uint64_t done_blocks, bad;

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

static void fill(uint64_t *buf, uint64_t sector)
{
	uint64_t s = (seed + 1) * 0x9e3779b97f4a7c15ull ^
		     (sector + 1) * 0xbf58476d1ce4e5b9ull;

	if (!s)
		s = 1;
	for (unsigned int i = 0; i < SECTOR / 8; i++)
		buf[i] = next_random(&s);
}

static void fill_block(char *buf, uint64_t block)
{
	for (size_t o = 0; o < bs; o += SECTOR)
		fill((uint64_t *)(buf + o), (block * bs + o) / SECTOR);
}

static void check_block(const char *buf, uint64_t block)
{
	uint64_t want[SECTOR / 8];

	for (size_t o = 0; o < bs; o += SECTOR) {
		uint64_t sector = (block * bs + o) / SECTOR;

		fill(want, sector);
		if (!memcmp(want, buf + o, SECTOR))
			continue;
		if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 4)
			printf("vbio: sector %llu differs: %016llx, not %016llx\n",
			       (unsigned long long)sector,
			       *(unsigned long long *)(buf + o),
			       (unsigned long long)want[0]);
	}
}

static void do_block(int fd, char *buf, uint64_t block, int write)
{
	ssize_t n;

	if (write && mode == WRITE)
		fill_block(buf, block);
	if (write)
		n = pwrite(fd, buf, bs, block * bs);
	else
		n = pread(fd, buf, bs, block * bs);
	if (n != (ssize_t)bs) {
		printf("vbio: %s of %zu at %llu: %s\n", write ? "write" : "read",
		       bs, (unsigned long long)(block * bs),
		       n < 0 ? strerror(errno) : "short");
		exit(1);
	}
	if (mode == VERIFY)
		check_block(buf, block);
}

/* Each thread takes every threads-th block, in an order with large jumps. */
static void *worker(void *arg)
{
	uint64_t first = (uintptr_t)arg, n, rnd = first + 88172645463325252ull;
	int fd = open(dev, (mode == VERIFY ? O_RDONLY : O_RDWR) | O_DIRECT);
	char *buf = aligned_alloc(4096, bs < 4096 ? 4096 : bs);

	if (fd < 0 || !buf) {
		printf("vbio: %s: %s\n", dev, strerror(errno));
		exit(1);
	}
	if (mode == MIX) {
		memset(buf, 0x5a, bs);
		for (n = 0; now() < deadline; n++) {
			uint64_t r = next_random(&rnd);

			do_block(fd, buf, (r >> 8) % total_blocks, r & 1);
		}
	} else {
		uint64_t mine = (total_blocks - first + threads - 1) / threads;
		uint64_t step = mine / 3 * 2 + 1;

		/* Only a step without a common divisor reaches all blocks. */
		for (;; step++) {
			uint64_t a = mine, b = step, t;

			while (b) {
				t = a % b;
				a = b;
				b = t;
			}
			if (a == 1)
				break;
		}
		for (n = 0; n < mine; n++)
			do_block(fd, buf, first + (n * step % mine) * threads,
				 mode == WRITE);
	}
	__atomic_fetch_add(&done_blocks, n, __ATOMIC_RELAXED);
	if (mode != VERIFY && fsync(fd)) {
		printf("vbio: fsync: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	free(buf);
	return NULL;
}

/* The kernel sends the disk one command for it, if the disk knows one. */
static int zero(const char *path, const char *from, const char *len, int punch)
{
	int fd = open(path, O_RDWR);
	int how = punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	if (fd < 0 || fallocate(fd, how | FALLOC_FL_KEEP_SIZE, strtoull(from, NULL, 0) << 20,
				strtoull(len, NULL, 0) << 20)) {
		printf("vbio: %s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char * const names[] = { "write", "verify", "mix" };
	pthread_t t[MAX_THREADS];
	double start;
	char *end;

	if (argc == 3 && !strcmp(argv[1], "exclusive"))
		return open(argv[2], O_RDWR | O_EXCL) < 0;
	if (argc == 5 && (!strcmp(argv[1], "zero") || !strcmp(argv[1], "punch")))
		return zero(argv[2], argv[3], argv[4], argv[1][0] == 'p');
	if (argc < 5 || argc > 7)
		goto usage;
	for (mode = WRITE; strcmp(argv[1], names[mode]); mode++)
		if (mode == MIX)
			goto usage;
	dev = argv[2];
	if (argc > 5)
		bs = strtoul(argv[5], NULL, 0);
	if (argc > 6)
		threads = strtoul(argv[6], NULL, 0);
	if (!bs || bs % SECTOR || !threads || threads > MAX_THREADS)
		goto usage;
	total_blocks = strtoull(argv[3], &end, 0);
	total_blocks = (*end == 'K' ? total_blocks << 10 : total_blocks << 20) / bs;
	seed = strtoull(argv[4], NULL, 0);
	if (total_blocks < threads)
		goto usage;

	start = now();
	deadline = start + seed;
	for (uintptr_t i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	start = now() - start;
	printf("vbio: %s %llu blocks of %zu, %u threads, %.2f s, %.1f MiB/s, %.0f IOPS, %llu bad sectors\n",
	       names[mode], (unsigned long long)done_blocks, bs, threads, start,
	       done_blocks * bs / 1048576.0 / start, done_blocks / start,
	       (unsigned long long)bad);
	return bad ? 1 : 0;
usage:
	printf("usage: vbio write|verify|mix <dev> <MiB> <seed or seconds> [block size [threads]]\n");
	return 2;
}
