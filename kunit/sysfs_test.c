// SPDX-License-Identifier: GPL-2.0
/*
 * Who may write what is in sysfs (drivers/control/sysfs.c).
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "e2e.h"

#define LINE_LEN	64

static const struct attribute *find(const struct attribute_group **groups, const char *name)
{
	struct attribute **attr;

	for (; groups && *groups; groups++) {
		for (attr = (*groups)->attrs; *attr; attr++) {
			if (!strcmp((*attr)->name, name))
				return *attr;
		}
	}
	return NULL;
}

/* What write(2) to /sys/class/virtback/@name returns. */
static ssize_t class_write(struct kunit *test, const char *name, const char *val)
{
	const struct attribute *attr = find(virtback_class.class_groups, name);
	const struct class_attribute *a;

	KUNIT_ASSERT_NOT_NULL(test, attr);
	a = container_of(attr, struct class_attribute, attr);
	return a->store(&virtback_class, (struct class_attribute *)a, val, strlen(val));
}

/* The same for an attribute of the device. */
static ssize_t device_write(struct kunit *test, const char *name, const char *val)
{
	struct device *dev = class_find_device_by_name(&virtback_class, DEVICE);
	const struct attribute *attr;
	struct device_attribute *a;
	ssize_t ret = -ENOENT;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	attr = find(dev->groups, name);
	if (attr) {
		a = container_of((struct attribute *)attr, struct device_attribute, attr);
		ret = a->store(dev, a, val, strlen(val));
	}
	put_device(dev);
	return ret;
}

/* What write(2) to /sys/module/virtback/parameters/@name returns, but for the length. */
static int param_write(struct kunit *test, const char *name, const char *val)
{
	const struct module *mod = THIS_MODULE;
	const struct kernel_param *kp;
	int ret = -ENOENT;

	kernel_param_lock(THIS_MODULE);
	for (kp = mod->kp; kp < mod->kp + mod->num_kp; kp++) {
		if (!strcmp(kp->name, name))
			ret = kp->ops->set(val, kp);
	}
	kernel_param_unlock(THIS_MODULE);
	return ret;
}

static void root_without_cap_sys_admin_changes_no_defaults(struct kunit *test)
{
	static const char * const change[][2] = {
		{ "defaults", "" }, { "map_limit_mb", "0" }, { "grant_map_kb", "0" },
		{ "latency", "1" },
	};
	struct cred *new = prepare_creds();
	const struct cred *old;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, new);
	cap_lower(new->cap_effective, CAP_SYS_ADMIN);
	for (i = 0; i < ARRAY_SIZE(change); i++) {
		old = override_creds(new);
		KUNIT_EXPECT_EQ_MSG(test, param_write(test, change[i][0], change[i][1]), -EPERM,
				    "%s", change[i][0]);
		revert_creds(old);
		KUNIT_EXPECT_EQ_MSG(test, param_write(test, change[i][0], change[i][1]), 0, "%s",
				    change[i][0]);
	}
	put_cred(new);
}

/* What is written to "add" to make the device of the suite. */
static char *add_line(struct kunit *test)
{
	struct e2e *e = test->priv;
	char *line = kunit_kzalloc(test, LINE_LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, line);
	scnprintf(line, LINE_LEN, "backing=%s", e->disk->path);
	return line;
}

static void root_without_cap_sys_admin_changes_nothing(struct kunit *test)
{
	static const char * const change[][2] = {
		{ "backing", "none" }, { "cpus", "0" }, { "priority", "5" }, { "poll_us", "10" },
	};
	struct e2e *e = test->priv;
	const char *add = add_line(test);
	const struct cred *old;
	struct cred *new;
	int i;

	new = prepare_creds();
	KUNIT_ASSERT_NOT_NULL(test, new);
	cap_lower(new->cap_effective, CAP_SYS_ADMIN);

	old = override_creds(new);
	KUNIT_EXPECT_EQ(test, class_write(test, "add", add), -EPERM);
	revert_creds(old);

	e2e_make(test);
	old = override_creds(new);
	for (i = 0; i < ARRAY_SIZE(change); i++)
		KUNIT_EXPECT_EQ_MSG(test, device_write(test, change[i][0], change[i][1]), -EPERM,
				    "%s", change[i][0]);
	KUNIT_EXPECT_EQ(test, class_write(test, "remove", DEVICE), -EPERM);
	revert_creds(old);
	put_cred(new);

	/* With it, each of these does what it should. */
	for (i = 1; i < ARRAY_SIZE(change); i++)
		KUNIT_EXPECT_GT_MSG(test, device_write(test, change[i][0], change[i][1]), 0, "%s",
				    change[i][0]);
	KUNIT_EXPECT_GT(test, class_write(test, "remove", DEVICE), 0);
	e->made = false;
	KUNIT_EXPECT_GT(test, class_write(test, "add", add), 0);
	/* As in e2e_make(). */
	flush_delayed_fput();
	KUNIT_EXPECT_GT(test, class_write(test, "remove", DEVICE), 0);
}

static struct kunit_case sysfs_cases[] = {
	KUNIT_CASE(root_without_cap_sys_admin_changes_nothing),
	KUNIT_CASE(root_without_cap_sys_admin_changes_no_defaults),
	{}
};

static struct kunit_suite sysfs_suite = {
	.name = "virtback_sysfs",
	.init = e2e_init,
	.exit = e2e_exit,
	.test_cases = sysfs_cases,
};

kunit_test_suite(sysfs_suite);
