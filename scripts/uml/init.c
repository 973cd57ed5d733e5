// SPDX-License-Identifier: GPL-2.0
/*
 * First and only process of the UML test kernel: loads virtback.ko, whose KUnit
 * suites run while it loads, unloads it, asks kmemleak what is left, copies what gcov
 * counted to the host, powers off.
 *
 * It speaks through /dev/kmsg: then its lines and the kernel's are in one order
 * and cannot cut each other, and the verdict reads a single log.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULE		"virtback"
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define GCOV		"/sys/kernel/debug/gcov"
/* kmemleak does not report what is younger than five seconds */
#define LEAK_AGE_S	6

static int kmsg = -1;

static char text[900];

/* one write() makes one line of the log; dprintf() would seek, which kmsg refuses */
#define say(fmt, ...) \
	say_line(snprintf(text, sizeof(text), "<5>virtback-test: " fmt, ##__VA_ARGS__))

static void say_line(int len)
{
	if (len > (int)sizeof(text) - 1)
		len = sizeof(text) - 1;
	if (write(kmsg, text, len) < 0)
		_exit(1);	/* init's death is a panic: the run fails */
}

static void mount_at(const char *fs, const char *dir)
{
	mkdir(dir, 0755);
	if (mount(fs, dir, fs, 0, "") && errno != EBUSY)
		say("mount %s: %s", dir, strerror(errno));
}

/* The suites find files on ramfs, which is the root, on ext4 in a RAM disk. */
static void mount_ext4(void)
{
	static char buf[65536];
	int from = open("/ext4.img", O_RDONLY | O_CLOEXEC);
	int to = open("/dev/ram15", O_WRONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (from >= 0 && to >= 0 && (n = read(from, buf, sizeof(buf))) > 0) {
		if (write(to, buf, n) != n)
			break;
	}
	if (n)
		say("copy of ext4.img: %s", strerror(errno));
	close(from);
	close(to);
	mkdir("/ext4", 0755);
	if (mount("/dev/ram15", "/ext4", "ext4", 0, ""))
		say("mount /ext4: %s", strerror(errno));
}

/* And on a file system whose files are on another one. */
static void mount_overlay(void)
{
	mkdir("/lower", 0755);
	mkdir("/overlay", 0755);
	mkdir("/ext4/upper", 0755);
	mkdir("/ext4/work", 0755);
	if (mount("overlay", "/overlay", "overlay", 0,
		  "lowerdir=/lower,upperdir=/ext4/upper,workdir=/ext4/work"))
		say("mount /overlay: %s", strerror(errno));
}

static int load(const char *path)
{
	/* unknown key=value words of the kernel's command line arrive here */
	const char *args = getenv("MODARGS") ?: "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, args, 0)) {
		say("Bail out! insmod: %s", strerror(errno));
		return -1;
	}
	close(fd);
	return 0;
}

static int unload(void)
{
	if (syscall(SYS_delete_module, MODULE, O_NONBLOCK)) {
		say("Bail out! rmmod: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void report_leaks(void)
{
	FILE *f = fopen(KMEMLEAK, "r+");
	char line[800];
	int i;

	if (!f)
		return;		/* not a debug kernel */
	sleep(LEAK_AGE_S);
	for (i = 0; i < 2; i++) {	/* the first scan only marks candidates */
		if (fputs("scan", f) < 0 || fflush(f))
			say("Bail out! kmemleak: %s", strerror(errno));
	}
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		say("%s", line);
	}
	fclose(f);
	say("kmemleak scanned");
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char buf[4096];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0) {
		if (write(out, buf, n) != n)
			break;
	}
	if (in < 0 || out < 0 || n)
		say("Bail out! %s: %s", to, strerror(errno));
	close(in);
	close(out);
}

/* The counts of all objects below @dir; their paths become names in @to. */
static void copy_counts(const char *dir, const char *to)
{
	char path[PATH_MAX], name[PATH_MAX], *slash;
	struct dirent *e;
	DIR *d = opendir(dir);
	size_t len, i;

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		len = strlen(path);
		if (e->d_type == DT_DIR) {
			copy_counts(path, to);
		} else if (len > 5 && !strcmp(path + len - 5, ".gcda")) {
			i = strlen(to) + 1;
			snprintf(name, sizeof(name), "%s/%s", to, path + strlen(GCOV) + 1);
			while ((slash = strchr(name + i, '/')))
				*slash = '#';
			copy_file(path, name);
		}
	}
	if (d)
		closedir(d);
}

static void report_coverage(void)
{
	const char *dir = getenv("COVERAGE");

	if (!dir)
		return;
	mkdir("/coverage", 0755);
	if (mount("coverage", "/coverage", "hostfs", 0, dir))
		say("Bail out! mount %s: %s", dir, strerror(errno));
	else
		copy_counts(GCOV, "/coverage");
}

int main(void)
{
	int loaded, unloaded = -1;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (kmsg < 0)
		return 1;
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("debugfs", "/sys/kernel/debug");

	mount_ext4();
	mount_overlay();

	say("BEGIN");
	loaded = load("/" MODULE ".ko");
	if (!loaded)
		unloaded = unload();
	report_leaks();
	report_coverage();
	say("END insmod=%d rmmod=%d", loaded, unloaded);
	reboot(RB_POWER_OFF);
	return 1;
}
