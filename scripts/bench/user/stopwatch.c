// SPDX-License-Identifier: GPL-2.0
/*
 * Writes each line of the standard input to a file and says how long that took.
 *
 * usage: stopwatch <file>
 *
 * Prints a line of key=value; times in nanoseconds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST	1024

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

int main(int argc, char **argv)
{
	static unsigned long took[MOST];
	unsigned int n = 0;
	char line[512];

	if (argc != 2) {
		fprintf(stderr, "usage: stopwatch <file>\n");
		return 2;
	}
	while (n < MOST && fgets(line, sizeof(line), stdin)) {
		int fd = open(argv[1], O_WRONLY);
		size_t len = strlen(line);
		unsigned long begin;
		ssize_t put;

		if (fd < 0) {
			perror(argv[1]);
			return 1;
		}
		begin = now();
		put = write(fd, line, len);
		took[n++] = now() - begin;
		close(fd);
		if (put != (ssize_t)len) {
			perror(line);
			return 1;
		}
	}
	if (!n)
		return 1;
	qsort(took, n, sizeof(took[0]), compare);
	printf("n=%u min=%lu p50=%lu max=%lu\n", n, took[0], took[n / 2], took[n - 1]);
	return 0;
}
