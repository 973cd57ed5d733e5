// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the device that logs, and writes to the disk above it:
 *	load create <name> <data> <log>	a dm-log-writes device; prints its node
 *	load remove <name>
 *	load raw <name> <disk> <seed> <steps> flush|through
 *	load files <name> <directory> <seed> <steps>
 *
 * When all of a step was acknowledged as durable, and before the next one begins, the
 * load writes a mark into the log of <name>: "<writer>:<step>" or "<step>". With
 * "through" each write is a step and nothing is flushed; otherwise steps end in fsync().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/dm-ioctl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stamp.h"

/* Device mapper. */

static union {
	struct dm_ioctl io;
	char bytes[4096];
} dm;

static void dm_begin(const char *name)
{
	memset(&dm, 0, sizeof(dm));
	dm.io.version[0] = DM_VERSION_MAJOR;
	dm.io.data_size = sizeof(dm);
	dm.io.data_start = sizeof(dm.io);
	snprintf(dm.io.name, sizeof(dm.io.name), "%s", name);
}

static void dm_do(unsigned long cmd, const char *what)
{
	static int control = -1;

	if (control < 0)
		control = open("/dev/mapper/control", O_RDWR);
	if (control < 0)
		die("/dev/mapper/control: %s", strerror(errno));
	if (ioctl(control, cmd, &dm))
		die("%s: %s", what, strerror(errno));
}

static uint64_t sectors_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	return end / UNIT;
}

static void dm_create(const char *name, const char *data, const char *log)
{
	struct dm_target_spec *t = (void *)(dm.bytes + sizeof(dm.io));
	char *params = (char *)(t + 1);

	dm_begin(name);
	dm_do(DM_DEV_CREATE, "create");
	dm_begin(name);
	dm.io.target_count = 1;
	t->length = sectors_of(data);
	snprintf(t->target_type, sizeof(t->target_type), "log-writes");
	snprintf(params, 256, "%s %s", data, log);
	dm_do(DM_TABLE_LOAD, "load");
	dm_begin(name);
	dm_do(DM_DEV_SUSPEND, "resume");
	printf("/dev/dm-%u\n", minor(dm.io.dev));
}

static void dm_remove(const char *name)
{
	dm_begin(name);
	dm_do(DM_DEV_REMOVE, "remove");
}

static void put_mark(const char *name, const char *fmt, ...)
{
	struct dm_target_msg *m = (void *)(dm.bytes + sizeof(dm.io));
	va_list ap;
	int len;

	dm_begin(name);
	len = sprintf(m->message, "mark ");
	va_start(ap, fmt);
	vsnprintf(m->message + len, 64, fmt, ap);
	va_end(ap);
	dm_do(DM_TARGET_MSG, "mark");
}

/* Load "raw". */

static void raw_write(int fd, unsigned int writer, uint32_t unit, uint32_t len, uint32_t gen)
{
	static char *buf;
	off_t at = ((off_t)writer * SLICE + unit) * UNIT;
	uint32_t i;

	/* As direct I/O wants it. */
	if (!buf)
		buf = aligned_alloc(4096, MAX_LEN * UNIT);
	for (i = 0; i < len; i++)
		stamp(buf + i * UNIT, writer, unit + i, gen);
	if (pwrite(fd, buf, len * UNIT, at) != (ssize_t)len * UNIT)
		die("write: %s", strerror(errno));
}

static void raw_writer(const char *name, const char *disk, uint32_t seed, uint32_t steps,
		       bool through, unsigned int writer)
{
	uint64_t state = raw_seed(seed, writer);
	int fd = open(disk, O_RDWR | O_DIRECT);
	struct raw_step s;
	uint32_t step;
	unsigned int i;

	if (fd < 0)
		die("%s: %s", disk, strerror(errno));
	for (step = 1; step <= steps; step++) {
		raw_next(&state, through, &s);
		for (i = 0; i < s.nr; i++)
			raw_write(fd, writer, s.write[i].unit, s.write[i].len, step);
		if (!through && fdatasync(fd))
			die("%s: fdatasync: %s", disk, strerror(errno));
		put_mark(name, "%u:%u", writer, step);
	}
	exit(0);
}

static void raw_load(const char *name, const char *disk, uint32_t seed, uint32_t steps,
		     bool through)
{
	unsigned int i;
	int status, bad = 0;

	for (i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %s", strerror(errno));
		if (!pid)
			raw_writer(name, disk, seed, steps, through, i);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	if (bad)
		exit(2);
}

/* Load "files". */

static void durable(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0 || fsync(fd))
		die("fsync %s: %s", path, strerror(errno));
	close(fd);
}

static void file_write(const char *path, int flags, const struct file_step *s, uint32_t gen)
{
	static char buf[FILE_UNITS * UNIT];
	int fd = open(path, O_WRONLY | flags, 0644);
	uint32_t i;

	for (i = 0; i < s->len; i++)
		stamp(buf + i * UNIT, s->file, s->unit + i, gen);
	if (fd < 0 ||
	    pwrite(fd, buf, s->len * UNIT, (off_t)s->unit * UNIT) != (ssize_t)s->len * UNIT)
		die("write %s: %s", path, strerror(errno));
	if (gen % 2 ? fsync(fd) : fdatasync(fd))
		die("fsync %s: %s", path, strerror(errno));
	close(fd);
}

static void file_step(const char *dir, const struct file_step *s, uint32_t gen)
{
	char path[PATH_MAX], new[PATH_MAX];

	snprintf(path, sizeof(path), "%s/f%u", dir, s->file);
	snprintf(new, sizeof(new), "%s/new", dir);
	switch (s->op) {
	case REPLACE:
		file_write(new, O_CREAT | O_TRUNC, s, gen);
		if (rename(new, path))
			die("rename: %s", strerror(errno));
		durable(dir, O_RDONLY | O_DIRECTORY);
		break;
	case REMOVE:
		if (unlink(path))
			die("unlink: %s", strerror(errno));
		durable(dir, O_RDONLY | O_DIRECTORY);
		break;
	case APPEND:
	case OVERWRITE:
		file_write(path, 0, s, gen);
		break;
	}
}

static void files_load(const char *name, const char *dir, uint32_t seed, uint32_t steps)
{
	static struct files f;
	uint64_t state = seed;
	struct file_step s;
	uint32_t step;

	files_init(&f);
	for (step = 1; step <= steps; step++) {
		files_next(&f, &state, &s);
		file_step(dir, &s, step);
		files_apply(&f, &s, step);
		put_mark(name, "%u", step);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "create"))
		dm_create(argv[2], argv[3], argv[4]);
	else if (argc == 3 && !strcmp(argv[1], "remove"))
		dm_remove(argv[2]);
	else if (argc == 7 && !strcmp(argv[1], "raw"))
		raw_load(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]),
			 !strcmp(argv[6], "through"));
	else if (argc == 6 && !strcmp(argv[1], "files"))
		files_load(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	else
		die("usage: see the head of load.c");
	return 0;
}
