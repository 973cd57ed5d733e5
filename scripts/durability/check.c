// SPDX-License-Identifier: GPL-2.0
/*
 * Replays a log of dm-log-writes, and looks after each flush and each mark whether all
 * is there that was acknowledged until then:
 *	check raw <start> <log> <seed> <steps> flush|through
 *	check image <start> <log> <seed> <steps> flush|through <scratch> <directory>
 *	check files <start> <log> <seed> <steps> <scratch> <directory>
 *
 * <start> holds what the logged device held before. The log has what survives a loss of
 * power at each point and no more: a write is in it when a flush after it has ended, or,
 * with FUA, when it has ended itself. For "image" and "files" the replayed device is
 * copied to <scratch>, mounted, which has the journal recovered, looked at ("image": at
 * the file "disk" in it) and given to e2fsck, which may find nothing.
 *
 * Exit status: 0 all is there, 1 something is lost, 2 the check could not be done.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stamp.h"

/* The log: a header, then entries, each a sector and, but for discards, the data. */
#define LOG_MAGIC	0x6a736677736872ull
#define LOG_FLUSH	0x1
#define LOG_FUA		0x2
#define LOG_DISCARD	0x4
#define LOG_MARK	0x8
#define LOG_END		"dm-log-writes-end"

struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sectorsize;
};

struct log_entry {
	uint64_t sector;
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
};

static char *image;
static size_t image_size;

static uint32_t steps;
static bool through;
static const char *scratch, *directory;
static char at[160];	/* where in the log we are */

#define lost(fmt, ...) \
	do { \
		printf("LOST at %s: " fmt "\n", at, ##__VA_ARGS__); \
		exit(1); \
	} while (0)

static void read_at(int fd, void *buf, size_t len, off_t pos)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, pos + done);

		if (n <= 0)
			die("read at %lld: %s", (long long)pos, n ? strerror(errno) : "end");
		done += n;
	}
}

/* The replayed device, mounted. */

static void scratch_mount(void)
{
	int fd = open(scratch, O_WRONLY | O_DIRECT);
	size_t done = 0;

	while (done < image_size) {
		ssize_t n = write(fd, image + done, image_size - done);

		if (n <= 0)
			die("%s: %s", scratch, strerror(errno));
		done += n;
	}
	close(fd);
	if (mount(scratch, directory, "ext4", 0, ""))
		lost("it cannot be mounted: %s", strerror(errno));
}

static void scratch_unmount(void)
{
	int status;
	pid_t pid;

	if (umount(directory))
		die("umount: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		execl("/sbin/e2fsck.static", "e2fsck", "-f", "-n", scratch, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 127)
		die("e2fsck does not run");
	if (WEXITSTATUS(status))
		lost("e2fsck says %d", WEXITSTATUS(status));
}

/* Load "raw": what each writer was told, and what it may have begun since. */

static struct {
	uint64_t state;
	uint32_t step;
	struct raw_step next;
	uint32_t gen[SLICE];
} writers[WRITERS];

static void raw_begin(uint32_t seed)
{
	unsigned int w;

	for (w = 0; w < WRITERS; w++) {
		writers[w].state = raw_seed(seed, w);
		raw_next(&writers[w].state, through, &writers[w].next);
	}
}

static bool raw_begun(const struct raw_step *s, uint32_t unit)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		if (unit >= s->write[i].unit && unit < s->write[i].unit + s->write[i].len)
			return true;
	}
	return false;
}

static void raw_look(const char *data)
{
	unsigned int w;
	uint32_t u;

	for (w = 0; w < WRITERS; w++) {
		for (u = 0; u < SLICE; u++) {
			const char *p = data + ((size_t)w * SLICE + u) * UNIT;

			if (stamped(p, w, u, writers[w].gen[u]))
				continue;
			if (writers[w].step < steps && raw_begun(&writers[w].next, u) &&
			    stamped(p, w, u, writers[w].step + 1))
				continue;
			lost("writer %u, sector %u: not of step %u (%u is done)", w, u,
			     writers[w].gen[u], writers[w].step);
		}
	}
}

static void raw_mark(const char *text)
{
	unsigned int w, i;
	uint32_t step, u;

	if (sscanf(text, "%u:%u", &w, &step) != 2 || w >= WRITERS ||
	    step != writers[w].step + 1)
		die("mark \"%s\" after step %u", text, w < WRITERS ? writers[w].step : 0);
	writers[w].step = step;
	for (i = 0; i < writers[w].next.nr; i++) {
		for (u = 0; u < writers[w].next.write[i].len; u++)
			writers[w].gen[writers[w].next.write[i].unit + u] = step;
	}
	raw_next(&writers[w].state, through, &writers[w].next);
}

static uint32_t raw_done(void)
{
	uint32_t least = UINT32_MAX;
	unsigned int w;

	for (w = 0; w < WRITERS; w++)
		least = writers[w].step < least ? writers[w].step : least;
	return least;
}

static void check_raw(void)
{
	raw_look(image);
}

static void check_image(void)
{
	static char data[RAW_BYTES];
	char path[PATH_MAX];
	struct stat st;
	int fd;

	scratch_mount();
	snprintf(path, sizeof(path), "%s/disk", directory);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) || st.st_size != RAW_BYTES)
		lost("no disk in it");
	read_at(fd, data, RAW_BYTES, 0);
	close(fd);
	raw_look(data);
	scratch_unmount();
}

/* Load "files". */

static struct files files;
static uint64_t files_state;
static uint32_t files_step;
static struct file_step files_now;	/* in progress, or not yet begun */

static void files_begin(uint32_t seed)
{
	files_state = seed;
	files_init(&files);
	files_next(&files, &files_state, &files_now);
}

static void files_mark(const char *text)
{
	uint32_t step = strtoul(text, NULL, 10);

	if (step != files_step + 1)
		die("mark \"%s\" after step %u", text, files_step);
	files_step = step;
	files_apply(&files, &files_now, step);
	files_next(&files, &files_state, &files_now);
}

static uint32_t files_done(void)
{
	return files_step;
}

static void file_look(const char *path, uint32_t n)
{
	static char data[FILE_UNITS * UNIT];
	struct stat st;
	int fd = open(path, O_RDONLY), u;

	if (files.len[n] < 0) {
		if (fd >= 0)
			lost("file %u is there again", n);
		return;
	}
	if (fd < 0 || fstat(fd, &st))
		lost("file %u is gone", n);
	if (st.st_size != files.len[n] * UNIT)
		lost("file %u has %lld bytes instead of %d", n, (long long)st.st_size,
		     files.len[n] * UNIT);
	read_at(fd, data, st.st_size, 0);
	close(fd);
	for (u = 0; u < files.len[n]; u++) {
		if (!stamped(data + u * UNIT, n, u, files.gen[n][u]))
			lost("file %u, sector %d: not of step %u", n, u, files.gen[n][u]);
	}
}

static void check_files(void)
{
	char path[PATH_MAX];
	uint32_t n;

	scratch_mount();
	for (n = 0; n < FILES; n++) {
		snprintf(path, sizeof(path), "%s/f%u", directory, n);
		if (n != files_now.file || files_step == steps)
			file_look(path, n);
	}
	scratch_unmount();
}

/* The replay. */

static void replay(int log, void (*marked)(const char *), void (*check)(void))
{
	static char head[4096];
	struct log_super *super = (void *)head;
	struct log_entry *e = (void *)head;
	unsigned long flushes = 0, fuas = 0, marks = 0, writes = 0, points = 0;
	bool due = false;
	uint64_t nr, i, size;
	off_t pos;

	read_at(log, head, UNIT, 0);
	if (le64toh(super->magic) != LOG_MAGIC || le64toh(super->version) != 1)
		die("not a log");
	size = le32toh(super->sectorsize);
	nr = le64toh(super->nr_entries);
	for (i = 0, pos = size; i < nr; i++) {
		uint64_t flags, begin, len;

		read_at(log, head, size, pos);
		pos += size;
		flags = le64toh(e->flags);
		begin = le64toh(e->sector) * size;
		len = le64toh(e->nr_sectors) * size;
		if (begin > image_size || len > image_size - begin)
			die("entry %llu is beyond the device", (unsigned long long)i);
		/* Before it is what was never flushed, which the removal has logged. */
		if (flags & LOG_MARK && !strcmp(head + sizeof(*e), LOG_END))
			break;
		/* A mark that follows a flush at once says more of the same. */
		if (due && !(flags & LOG_MARK)) {
			points++;
			check();
		}
		due = flags & (LOG_MARK | LOG_FLUSH);
		snprintf(at, sizeof(at), "entry %llu, %.99s", (unsigned long long)i,
			 flags & LOG_MARK ? head + sizeof(*e) : "no mark");
		if (flags & LOG_DISCARD) {
			memset(image + begin, 0, len);
			continue;
		}
		if (len)
			read_at(log, image + begin, len, pos);
		pos += len;
		writes += len != 0;
		flushes += !!(flags & LOG_FLUSH);
		fuas += !!(flags & LOG_FUA);
		if (flags & LOG_MARK) {
			marks++;
			marked(head + sizeof(*e));
		}
	}
	if (due) {
		points++;
		check();
	}
	printf("%lu writes, %lu of them FUA, %lu flushes, %lu marks: all is there at %lu points\n",
	       writes, fuas, flushes, marks, points);
}

int main(int argc, char **argv)
{
	bool files_load = argc == 8 && !strcmp(argv[1], "files");
	bool image_file = argc == 9 && !strcmp(argv[1], "image");
	int start, log;
	uint32_t done;

	if (!files_load && !image_file && !(argc == 7 && !strcmp(argv[1], "raw")))
		die("usage: see the head of check.c");
	start = open(argv[2], O_RDONLY);
	log = open(argv[3], O_RDONLY);
	if (start < 0 || log < 0)
		die("%s, %s: %s", argv[2], argv[3], strerror(errno));
	image_size = lseek(start, 0, SEEK_END);
	image = aligned_alloc(4096, image_size);
	if (!image)
		die("no memory");
	read_at(start, image, image_size, 0);
	steps = atoi(argv[5]);
	through = !files_load && !strcmp(argv[6], "through");
	scratch = argv[argc - 2];
	directory = argv[argc - 1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (files_load) {
		files_begin(atoi(argv[4]));
		replay(log, files_mark, check_files);
		done = files_done();
	} else {
		raw_begin(atoi(argv[4]));
		replay(log, raw_mark, image_file ? check_image : check_raw);
		done = raw_done();
	}
	if (done != steps)
		die("marks end with step %u of %u", done, steps);
	return 0;
}
