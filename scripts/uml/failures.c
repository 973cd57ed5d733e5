// SPDX-License-Identifier: GPL-2.0
/*
 * First and only process of the UML kernel with FAULT_INJECTION: does what makes,
 * changes and removes devices of the loop host again and again, and each time the next
 * allocation of the task fails, until it gets to the end without. After each failure
 * nothing may be left, or the device must go on; at the end kmemleak is asked.
 *
 * One line "ok <what>: ..." or "not ok ..." for each, through /dev/kmsg.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CLASS		"/sys/class/virtback/"
#define DEVICE		CLASS "loop.0"
#define REFCNT		"/sys/module/virtback/refcnt"
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define DISK		"/dev/vda"
#define BLOCK		65536
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* More allocations than anything here has. */
#define MOST		3000
#define WAIT_MS		10000
/* kmemleak does not report what is younger than five seconds */
#define LEAK_AGE_S	6

static int kmsg = -1, fail_nth = -1, failures;
/* The kernel's log from where it was looked at last. */
static int kernel_log = -1;
/* Allocations of a write to "add" before the module is asked. */
static unsigned int not_ours;
static const char *what = "boot";

static void say(const char *fmt, ...)
{
	char text[900] = "<5>virtback-test: ";
	size_t len = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + len, sizeof(text) - len, fmt, args);
	va_end(args);
	if (write(kmsg, text, strlen(text)) < 0)
		_exit(1);
}

static void bad(const char *fmt, ...)
{
	char text[600];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* Enough to know what it is. */
	if (failures++ < 20)
		say("not ok %s: %s", what, text);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

static char *get(const char *path)
{
	static char text[PATH_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	text[strcspn(text, "\n")] = 0;
	return text;
}

/* Wait until a path is there, or is not. */
static int appears(const char *path, int there)
{
	for (int ms = 0; ms < WAIT_MS; ms += 5) {
		if ((access(path, F_OK) == 0) == there)
			return 1;
		usleep(5000);
	}
	return 0;
}

/* No device, no reference to the module, and the disk is nobody's. */
static void expect_nothing(const char *disk, unsigned int n)
{
	int fd = -1, ms;

	if (!appears(DEVICE, 0))
		bad("%u: the device is still there", n);
	for (ms = 0; ms < WAIT_MS && strcmp(get(REFCNT), "0"); ms += 5)
		usleep(5000);
	if (strcmp(get(REFCNT), "0"))
		bad("%u: the module has %s references", n, get(REFCNT));
	for (ms = 0; ms < WAIT_MS && (fd = open(disk, O_RDWR | O_EXCL | O_CLOEXEC)) < 0; ms += 5)
		usleep(5000);
	if (fd < 0)
		bad("%u: %s: %s", n, disk, strerror(errno));
	close(fd);
}

/* What is written to the disk is on the disk behind it, and is read back. */
static void expect_io(const char *behind, unsigned int n)
{
	static char *in, *out;
	const char *const paths[] = { DISK, behind };
	int fd = appears(DISK, 1) ? open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC) : -1;

	if (!in) {
		in = aligned_alloc(4096, BLOCK);
		out = aligned_alloc(4096, BLOCK);
	}
	if (!in || !out) {
		bad("no memory");
		return;
	}
	memset(out, 1 + n % 255, BLOCK);
	if (fd < 0 || pwrite(fd, out, BLOCK, BLOCK) != BLOCK)
		bad("%u: write: %s", n, strerror(errno));
	close(fd);
	for (int i = 0; i < 2; i++) {
		fd = open(paths[i], O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (fd < 0 || pread(fd, in, BLOCK, BLOCK) != BLOCK || memcmp(in, out, BLOCK))
			bad("%u: %s has other data: %s", n, paths[i], strerror(errno));
		close(fd);
	}
}

/* Has the module said something since the last time? */
static int said(void)
{
	char record[2048];
	int found = 0;
	ssize_t n;

	/* One that was overwritten counts as EPIPE, and the next read goes on behind it. */
	while ((n = read(kernel_log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[n > 0 ? n : 0] = 0;
		found |= !!strstr(record, ";virtback: ");
	}
	return found;
}

static int add(const char *options)
{
	return put(CLASS "add", options);
}

static void removed(void)
{
	int err = 0;

	/* Who looked for partitions, or made the node, may have it open. */
	for (int ms = 0; ms < WAIT_MS && !access(DEVICE, F_OK); ms += 50) {
		err = put(CLASS "remove", "loop.0 force=1");
		if (!err)
			break;
		usleep(50000);
	}
	if (err)
		bad("remove: %s", strerror(err));
	appears(DISK, 0);
}

static int load(void)
{
	int fd = open("/virtback.ko", O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err = errno;
	close(fd);
	return err;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "virtback", O_NONBLOCK) ? errno : 0;
}

/**
 * struct task - something that is to survive the failure of any allocation
 * @name: for people
 * @begin: before, without failures
 * @act: returns 0 or an errno
 * @end: after; what it returned, and which allocation failed
 * @arg: for these
 */
struct task {
	const char *name;
	void (*begin)(const char *arg);
	int (*act)(const char *arg);
	void (*end)(const char *arg, int err, unsigned int n);
	const char *arg;
};

static void arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail_nth, text, len, 0) != len)
		bad("fail-nth: %s", strerror(errno));
}

/* How many allocations before the one that is to fail; 0: it has failed. */
static unsigned int disarm(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		bad("fail-nth: %s", strerror(errno));
	arm(0);
	return strtoul(text, NULL, 10);
}

static void run(const struct task *t)
{
	unsigned int n, left = 0, refused = 0;
	int before = failures;
	int err = 0;

	what = t->name;
	for (n = 1; !left && n < MOST && failures == before; n++) {
		t->begin(t->arg);
		arm(n);
		err = t->act(t->arg);
		left = disarm();
		refused += !!err;
		t->end(t->arg, err, n);
	}
	if (!left)
		bad("no end after %u failures", n - 1);
	else if (err)
		bad("fails without a failure: %s", strerror(err));
	if (n < 3)
		bad("nothing was made to fail");
	if (failures == before)
		say("ok %s: %u allocations failed, %u times it was refused", t->name, n - 2,
		    refused);
}

/* --- tasks --- */

static void nothing_first(const char *arg)
{
}

/*
 * Does the kernel's own driver take a device as soon as it is there? It would do so within
 * the task whose allocations fail, and a driver that does not get its queues waits for its
 * first request for ever.
 */
static void autoprobe(int on)
{
	if (put("/sys/bus/virtio/drivers_autoprobe", on ? "1" : "0"))
		bad("drivers_autoprobe");
}

static void begin_add(const char *arg)
{
	autoprobe(0);
	said();
}

static int act_insmod(const char *arg)
{
	return load();
}

static void end_insmod(const char *arg, int err, unsigned int n)
{
	if (!err && unload())
		bad("%u: rmmod: %s", n, strerror(errno));
	if (!appears("/sys/module/virtback", 0) || !appears(CLASS, 0))
		bad("%u: the module is left", n);
}

/* "backing=<path>" and perhaps more */
static const char *backing_of(const char *options)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", strstr(options, "backing=") + strlen("backing="));
	path[strcspn(path, " ")] = 0;
	return path;
}

static int act_add(const char *arg)
{
	return add(arg);
}

static void end_add(const char *arg, int err, unsigned int n)
{
	if (!err)
		removed();
	else if (n > not_ours && !said())
		bad("%u: refused without a word (%s)", n, strerror(err));
	expect_nothing(backing_of(arg), n);
}

/* What is too long is refused before the module allocates anything. */
static void count_not_ours(void)
{
	static char text[4097];
	unsigned int n, left = 0;

	memset(text, 'x', sizeof(text) - 1);
	for (n = 1; !left && n < MOST; n++) {
		arm(n);
		add(text);
		left = disarm();
	}
	not_ours = n - 2;
	say("%u allocations before the module is asked", not_ours);
}

static void begin_remove(const char *arg)
{
	int err;

	autoprobe(1);
	err = add(arg);
	if (err)
		bad("add: %s", strerror(err));
	appears(DISK, 1);
}

static int act_remove(const char *arg)
{
	return put(CLASS "remove", "loop.0 force=1");
}

static void end_remove(const char *arg, int err, unsigned int n)
{
	if (err && access(DEVICE, F_OK))
		bad("%u: it was refused, but the device is gone", n);
	removed();
	expect_nothing(backing_of(arg), n);
}

static char now[PATH_MAX], next[PATH_MAX];

static void begin_swap(const char *arg)
{
	snprintf(now, sizeof(now), "%s", get(DEVICE "/backing"));
	snprintf(next, sizeof(next), "/dev/ram%d", strcmp(now, "/dev/ram1") ? 1 : 0);
}

static int act_swap(const char *arg)
{
	return put(DEVICE "/backing", next);
}

static void end_swap(const char *arg, int err, unsigned int n)
{
	const char *want = err ? now : next;

	if (strcmp(get(DEVICE "/backing"), want))
		bad("%u: backing is %s, not %s", n, get(DEVICE "/backing"), want);
	expect_io(want, n);
}

static int act_read(const char *arg)
{
	char text[4096];
	int fd = open(arg, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

static void end_read(const char *arg, int err, unsigned int n)
{
}

/* The queue's thread: requests go on whatever it does not get. */
static void requests(void)
{
	unsigned int n, left = 0;
	int before = failures;
	int own = fail_nth;
	char path[64];

	what = "request";
	snprintf(path, sizeof(path), "/proc/%s/fail-nth", get(DEVICE "/vq0/pid"));
	fail_nth = open(path, O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		bad("%s: %s", path, strerror(errno));
	for (n = 1; fail_nth >= 0 && !left && n < 100 && failures == before; n++) {
		arm(n);
		expect_io(get(DEVICE "/backing"), n);
		left = disarm();
	}
	close(fail_nth);
	fail_nth = own;
	if (failures == before)
		say("ok %s: %u allocations of the worker failed, no request did", what, n - 2);
}

/* --- the whole --- */

static void mount_at(const char *fs, const char *dir)
{
	mkdir(dir, 0755);
	if (mount(fs, dir, fs, 0, "") && errno != EBUSY)
		bad("mount %s: %s", dir, strerror(errno));
}

/* All kinds of allocations, of this task alone, without a line for each. */
static void set_up(void)
{
	static const char * const settings[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		int err = put(settings[i][0], settings[i][1]);

		if (err)
			bad("%s: %s", settings[i][0], strerror(err));
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		bad("fail-nth: %s", strerror(errno));
}

/* An image file, whole, on the file system that the tests' own kernel mounts. */
static void make_files(void)
{
	static char buf[65536];
	int from = open("/ext4.img", O_RDONLY | O_CLOEXEC);
	int to = open("/dev/ram15", O_WRONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0 && write(to, buf, n) == n)
		;
	close(from);
	close(to);
	mkdir("/ext4", 0755);
	if (n || mount("/dev/ram15", "/ext4", "ext4", 0, ""))
		bad("/ext4: %s", strerror(errno));
	/* RAM disks allocate what is written for the first time. */
	memset(buf, 0, sizeof(buf));
	for (int i = 0; i < 3; i++) {
		const char *const paths[] = { "/dev/ram0", "/dev/ram1", "/ext4/disk.img" };

		to = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		for (int k = 0; k < 16; k++)
			if (write(to, buf, sizeof(buf)) != sizeof(buf))
				bad("%s: %s", paths[i], strerror(errno));
		fsync(to);
		close(to);
	}
}

static void leaks(void)
{
	int before = failures;
	char line[800];
	FILE *f = fopen(KMEMLEAK, "r+");

	what = "kmemleak";
	if (!f) {
		bad("%s", strerror(errno));
		return;
	}
	sleep(LEAK_AGE_S);
	for (int i = 0; i < 2; i++) {	/* the first scan only marks candidates */
		if (fputs("scan", f) < 0 || fflush(f))
			bad("scan: %s", strerror(errno));
	}
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		failures++;
		say("%s %s", failures == before + 1 ? "not ok kmemleak:" : "#", line);
	}
	fclose(f);
	if (failures == before)
		say("ok kmemleak: nothing leaked");
}

#define OPTIONS	"backing=/dev/ram0 queues=2"

int main(void)
{
	static const struct task insmod = { "insmod", nothing_first, act_insmod, end_insmod };
	static const struct task tasks[] = {
		{ "add", begin_add, act_add, end_add, OPTIONS },
		{ "add-file", begin_add, act_add, end_add, "backing=/ext4/disk.img queues=1" },
		{ "add-zoned", begin_add, act_add, end_add, "backing=/dev/nullb0 queues=1" },
		{ "remove", begin_remove, act_remove, end_remove, OPTIONS },
	};
	static const struct task living[] = {
		{ "swap", begin_swap, act_swap, end_swap },
		{ "latency", nothing_first, act_read, end_read,
			"/sys/kernel/debug/virtback/loop.0/latency" },
	};
	unsigned int i;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || kernel_log < 0)
		return 1;
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("debugfs", "/sys/kernel/debug");
	set_up();
	make_files();

	run(&insmod);
	if (load())
		bad("insmod: %s", strerror(errno));
	count_not_ours();
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		run(&tasks[i]);
	autoprobe(1);
	if (add(OPTIONS))
		bad("add: %s", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(living); i++)
		run(&living[i]);
	requests();
	what = "end";
	removed();
	expect_nothing("/dev/ram0", 0);
	if (unload())
		bad("rmmod: %s", strerror(errno));
	leaks();
	say("END");
	reboot(RB_POWER_OFF);
	return 1;
}
