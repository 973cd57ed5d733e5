// SPDX-License-Identifier: GPL-2.0
/*
 * Writes each line of the standard input to a file and says how long that took.
 *
 * usage: stopwatch <file>
 *	  stopwatch --seed
 *
 * Prints a line of key=value; times in nanoseconds. --seed gives the kernel's random
 * numbers a beginning: without one, which an emulated machine does not get from anywhere,
 * it computes them at great length for each slab.
 */
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MOST	1024

/* As in ../guest/vbaio.c, for ../profile.c. */
static void recording(int on)
{
#ifdef __aarch64__
	if (on)
		__asm__ volatile("mov x21, x21" ::: "memory");
	else
		__asm__ volatile("mov x22, x22" ::: "memory");
#endif
}

static unsigned long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const unsigned long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int seed(void)
{
	struct {
		struct rand_pool_info info;
		unsigned int bits[16];
	} pool = { .info = { .entropy_count = 512, .buf_size = 64 } };
	int fd = open("/dev/urandom", O_WRONLY);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool.info)) {
		perror("/dev/urandom");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static unsigned long took[MOST];
	static char line[MOST][512];
	unsigned int nr = 0, n;

	if (argc != 2) {
		fprintf(stderr, "usage: stopwatch <file>|--seed\n");
		return 2;
	}
	if (!strcmp(argv[1], "--seed"))
		return seed();
	/* All of it first: who writes the lines is not to be counted. */
	while (nr < MOST && fgets(line[nr], sizeof(line[nr]), stdin))
		nr++;
	for (n = 0; n < nr; n++) {
		int fd = open(argv[1], O_WRONLY);
		size_t len = strlen(line[n]);
		unsigned long begin;
		ssize_t put;

		if (fd < 0) {
			perror(argv[1]);
			return 1;
		}
		recording(1);
		begin = now();
		put = write(fd, line[n], len);
		took[n] = now() - begin;
		recording(0);
		close(fd);
		if (put != (ssize_t)len) {
			perror(line[n]);
			return 1;
		}
	}
	if (!n)
		return 1;
	qsort(took, n, sizeof(took[0]), compare);
	printf("n=%u min=%lu p50=%lu max=%lu\n", n, took[0], took[n / 2], took[n - 1]);
	return 0;
}
