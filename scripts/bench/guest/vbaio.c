// SPDX-License-Identifier: GPL-2.0
/*
 * vbaio - a fixed number of direct, asynchronous requests, timed.
 *
 *   vbaio <dev> [key=value]...
 *
 *   op=read|write|mixed	what the requests are (mixed: 70 % reads); read
 *   order=random|seq		where; random (a fixed sequence)
 *   bs=4096			bytes of a request
 *   qd=1			requests in flight, of each thread
 *   n=1000			requests that are timed, of each thread
 *   warm=n/10			requests before these, at least 64
 *   sync=0			after so many requests an fdatasync(), in between
 *   threads=1			each on a CPU of its own
 *
 * A count instead of a time, and no random source: the same run executes the same
 * instructions. Prints one line of key=value; times are in nanoseconds. A sync counts
 * in the elapsed time and not as a request.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 16
#define HUGE_PAGE (2ULL << 20)

/* What the profiler looks for (profile.c); they do nothing. */
static inline void mark_start(void)
{
#ifdef __aarch64__
	__asm__ volatile("mov x21, x21" ::: "memory");
#endif
}

static inline void mark_stop(void)
{
#ifdef __aarch64__
	__asm__ volatile("mov x22, x22" ::: "memory");
#endif
}

static const char *dev;
static enum { READ, WRITE, MIXED } op;
static int seq;
static uint64_t bs = 4096, qd = 1, n = 1000, warm, sync_every, threads = 1;
static uint64_t blocks;
static pthread_barrier_t barrier;

struct job {
	pthread_t thread;
	unsigned int nr;
	uint64_t rnd, pos, errors, start, end;
	uint64_t *latency;		/* of each timed request, in ns */
};

static void die(const char *what)
{
	printf("vbaio: %s: %s: %s\n", dev, what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void prepare(struct job *j, struct iocb *cb, int fd, char *buf, uint64_t slot)
{
	uint64_t r = next_random(&j->rnd);
	uint64_t block = seq ? (j->pos++ * threads + j->nr) % blocks : (r >> 8) % blocks;
	int write = op == WRITE || (op == MIXED && r % 10 >= 7);

	memset(cb, 0, sizeof(*cb));
	cb->aio_fildes = fd;
	cb->aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
	cb->aio_buf = (uintptr_t)(buf + bs * slot);
	cb->aio_nbytes = bs;
	cb->aio_offset = block * bs;
	cb->aio_data = slot;
}

/* `count` requests, with qd in flight while there are so many. */
static void requests(struct job *j, aio_context_t ctx, int fd, char *buf, uint64_t count,
		     uint64_t *latency)
{
	struct iocb *cb = calloc(qd, sizeof(*cb)), **list = calloc(qd, sizeof(*list));
	uint64_t *began = calloc(qd, sizeof(*began)), *idle = calloc(qd, sizeof(*idle));
	struct io_event *event = calloc(qd, sizeof(*event));
	uint64_t sent = 0, done = 0, nr_idle = qd, i;

	for (i = 0; i < qd; i++)
		idle[i] = qd - 1 - i;
	while (done < count) {
		long nr = 0, got, k;
		uint64_t t;

		while (nr_idle && sent < count) {
			uint64_t slot = idle[--nr_idle];

			prepare(j, &cb[slot], fd, buf, slot);
			list[nr++] = &cb[slot];
			sent++;
		}
		if (nr) {
			t = now();
			for (k = 0; k < nr; k++)
				began[list[k]->aio_data] = t;
			for (k = 0; k < nr; k += got) {
				got = syscall(SYS_io_submit, ctx, nr - k, list + k);
				if (got < 0)
					die("io_submit");
			}
		}
		got = syscall(SYS_io_getevents, ctx, 1L, (long)qd, event, NULL);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			die("io_getevents");
		}
		t = now();
		for (k = 0; k < got; k++) {
			uint64_t slot = event[k].data;

			if (event[k].res != (long long)bs)
				j->errors++;
			if (latency)
				latency[done] = t - began[slot];
			idle[nr_idle++] = slot;
			done++;
			if (sync_every && done % sync_every == 0 && fdatasync(fd))
				die("fdatasync");
		}
	}
	free(cb);
	free(list);
	free(began);
	free(idle);
	free(event);
}

/*
 * On huge pages, so that where its pages lie in memory is the same in each run: how many
 * parts a long request has follows from it, and each part costs everybody something.
 */
static char *buffer(void)
{
	uint64_t len = (bs * qd + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	char *buf = aligned_alloc(HUGE_PAGE, len);

	/* A kernel without huge pages says EINVAL: then all backends have small ones. */
	if (buf && madvise(buf, len, MADV_HUGEPAGE) && errno != EINVAL)
		die("madvise");
	return buf;
}

static void *job(void *arg)
{
	struct job *j = arg;
	aio_context_t ctx = 0;
	cpu_set_t cpu;
	char *buf;
	int fd;

	if (threads > 1) {
		CPU_ZERO(&cpu);
		CPU_SET(j->nr, &cpu);
		if (sched_setaffinity(0, sizeof(cpu), &cpu))
			die("sched_setaffinity");
	}
	fd = open(dev, (op == READ ? O_RDONLY : O_RDWR) | O_DIRECT);
	if (fd < 0)
		die("open");
	if (syscall(SYS_io_setup, (unsigned int)qd, &ctx))
		die("io_setup");
	buf = buffer();
	j->latency = calloc(n, sizeof(*j->latency));
	if (!buf || !j->latency)
		die("memory");
	memset(buf, 0x5a, bs * qd);
	memset(j->latency, 0xff, n * sizeof(*j->latency));
	j->rnd = 88172645463325252ULL + j->nr;
	requests(j, ctx, fd, buf, warm, NULL);
	pthread_barrier_wait(&barrier);
	j->start = now();
	if (!j->nr)
		mark_start();
	requests(j, ctx, fd, buf, n, j->latency);
	if (!j->nr)
		mark_stop();
	j->end = now();
	close(fd);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(struct job *jobs)
{
	uint64_t start = ~0ULL, end = 0, errors = 0, total = n * threads, sum = 0, i;
	uint64_t *all = malloc(total * sizeof(*all));

	for (i = 0; i < threads; i++) {
		start = jobs[i].start < start ? jobs[i].start : start;
		end = jobs[i].end > end ? jobs[i].end : end;
		errors += jobs[i].errors;
		memcpy(all + i * n, jobs[i].latency, n * sizeof(*all));
	}
	qsort(all, total, sizeof(*all), compare);
	for (i = 0; i < total; i++)
		sum += all[i];
	printf("requests=%llu bytes=%llu errors=%llu warm=%llu elapsed=%llu mean=%llu min=%llu p50=%llu p90=%llu p99=%llu max=%llu\n",
	       (unsigned long long)total, (unsigned long long)(total * bs),
	       (unsigned long long)errors, (unsigned long long)(warm * threads),
	       (unsigned long long)(end - start), (unsigned long long)(sum / total),
	       (unsigned long long)all[0], (unsigned long long)all[total / 2],
	       (unsigned long long)all[total * 9 / 10],
	       (unsigned long long)all[total * 99 / 100],
	       (unsigned long long)all[total - 1]);
	if (errors)
		exit(1);
}

static void option(const char *arg)
{
	static const struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{ "bs=", &bs }, { "qd=", &qd }, { "n=", &n }, { "warm=", &warm },
		{ "sync=", &sync_every }, { "threads=", &threads },
	};
	const char *value = strchr(arg, '=');

	if (value && !strncmp(arg, "op=", 3)) {
		op = !strcmp(value, "=write") ? WRITE : !strcmp(value, "=mixed") ? MIXED : READ;
		return;
	}
	if (value && !strncmp(arg, "order=", 6)) {
		seq = !strcmp(value, "=seq");
		return;
	}
	for (unsigned int i = 0; value && i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (!strncmp(arg, numbers[i].key, value - arg + 1)) {
			*numbers[i].value = strtoull(value + 1, NULL, 0);
			return;
		}
	}
	printf("vbaio: what is %s?\n", arg);
	exit(2);
}

int main(int argc, char **argv)
{
	static struct job jobs[MAX_THREADS];
	uint64_t size, i;
	int fd;

	if (argc < 2) {
		printf("usage: vbaio <dev> [op=|order=|bs=|qd=|n=|warm=|sync=|threads=]...\n");
		return 2;
	}
	dev = argv[1];
	for (i = 2; i < (uint64_t)argc; i++)
		option(argv[i]);
	if (!bs || !qd || !n || !threads || threads > MAX_THREADS) {
		printf("vbaio: a number is out of range\n");
		return 2;
	}
	if (!warm)
		warm = n / 10 > 64 ? n / 10 : 64;
	fd = open(dev, O_RDONLY);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		die("size");
	close(fd);
	blocks = size / bs;
	pthread_barrier_init(&barrier, NULL, threads);
	for (i = 0; i < threads; i++)
		jobs[i].nr = i;
	/* One alone runs here: threads cost the scheduler something. */
	for (i = 1; i < threads; i++) {
		if (pthread_create(&jobs[i].thread, NULL, job, &jobs[i]))
			die("pthread_create");
	}
	job(&jobs[0]);
	for (i = 1; i < threads; i++)
		pthread_join(jobs[i].thread, NULL);
	print(jobs);
	return 0;
}
