// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/virtback: "add" and "remove" for people and scripts, and what can be
 * read of each device. Documentation/ABI/testing/sysfs-class-virtback has the
 * whole list.
 *
 * Removal goes through the class and not through an attribute of the device: an
 * attribute that removes its own device waits for itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <virtback/compat.h>

#include "control.h"

/**
 * virtback_cut_reason() - is there more, or less, than what was written?
 * @buf: what sysfs hands over
 * @count: its bytes
 *
 * Sysfs hands over what is longer than a page in parts, and a part may mean something,
 * as "cpus=1" of "cpus=17" does. So does what is in front of a NUL.
 *
 * Return: the reason of a refusal, a constant; NULL if @buf is all.
 */
const char *virtback_cut_reason(const char *buf, size_t count)
{
	if (count >= PAGE_SIZE)
		return "longer than what fits into a page";
	if (strnlen(buf, count) != count)
		return "has a NUL in it";
	return NULL;
}

/* A mode lets root write, even one that has lost its rights, as in many a container. */
static int virtback_class_check(const char *attr, const char *buf, size_t count)
{
	const char *why = virtback_cut_reason(buf, count);

	if (!capable(CAP_SYS_ADMIN)) {
		pr_err_ratelimited("%s: needs CAP_SYS_ADMIN\n", attr);
		return -EPERM;
	}
	if (!why)
		return 0;
	pr_err("%s: %s\n", attr, why);
	return -EINVAL;
}

static ssize_t add_store(virtback_class_const struct class *class,
			 virtback_class_const struct class_attribute *attr,
			 const char *buf, size_t count)
{
	struct virtback_config cfg;
	int err;

	err = virtback_class_check("add", buf, count);
	if (!err)
		err = virtback_config_parse(&cfg, buf);
	if (err)
		return err;
	err = virtback_create(&cfg);
	virtback_config_free(&cfg);
	return err ?: count;
}
static CLASS_ATTR_WO(add);

/* "NAME [force=BOOL]"; cuts @str. */
static int virtback_remove_parse(char *str, char **name, bool *force)
{
	char *opt;

	str = strim(str);
	*name = strsep(&str, " \t");
	*force = false;
	if (!(*name)[0]) {
		pr_err("remove: needs the name of a device\n");
		return -EINVAL;
	}
	if (!str)
		return 0;
	opt = skip_spaces(str);
	if (strncmp(opt, "force=", 6) || virtback_parse_bool(opt + 6, force)) {
		pr_err(VIRTBACK_LOG_TEXT ": remove: " VIRTBACK_LOG_TEXT ": only force=0 or force=1 may follow the name\n",
		       virtback_log_len(*name), *name, virtback_log_len(opt), opt);
		return -EINVAL;
	}
	return 0;
}

static ssize_t remove_store(virtback_class_const struct class *class,
			    virtback_class_const struct class_attribute *attr,
			    const char *buf, size_t count)
{
	char *copy, *name;
	bool force;
	int err;

	err = virtback_class_check("remove", buf, count);
	if (err)
		return err;
	copy = kstrndup(buf, count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	err = virtback_remove_parse(copy, &name, &force);
	if (!err)
		err = virtback_remove(name, force);
	kfree(copy);
	return err ?: count;
}
static CLASS_ATTR_WO(remove);

static ssize_t version_show(virtback_class_const struct class *class,
			    virtback_class_const struct class_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", VIRTBACK_VERSION);
}
static CLASS_ATTR_RO(version);

static struct attribute *virtback_class_attrs[] = {
	&class_attr_add.attr,
	&class_attr_remove.attr,
	&class_attr_version.attr,
	NULL,
};
ATTRIBUTE_GROUPS(virtback_class);

/* Every event of a device says what it is and how far its driver is. */
static int virtback_class_uevent(virtback_uevent_const struct device *dev,
				 struct kobj_uevent_env *env)
{
	const struct virtback_device *vd = container_of_const(dev, struct virtback_device, dev);

	return virtback_uevent(vd, env);
}

struct class virtback_class = {
	.name = KBUILD_MODNAME,
	.class_groups = virtback_class_groups,
	.dev_uevent = virtback_class_uevent,
};

static struct virtback_entry *virtback_entry_of_dev(struct device *dev)
{
	return virtback_entry_of(virtback_dev_of(dev));
}

/* One attribute an option, made from the table. */
static struct device_attribute virtback_opt_attrs[VIRTBACK_OPT_NR];
static struct attribute *virtback_opt_list[VIRTBACK_OPT_NR + 1];

static ssize_t virtback_opt_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return virtback_option_show(virtback_entry_of_dev(dev), attr - virtback_opt_attrs, buf);
}

/* The options that can change while a device is there. */
static int virtback_opt_change(struct virtback_entry *entry, enum virtback_opt opt,
			       const char *val)
{
	switch (opt) {
	case VIRTBACK_OPT_BACKING:
		return virtback_backing_store(entry, val);
	case VIRTBACK_OPT_CPUS:
		return virtback_cpus_store(entry, val);
	case VIRTBACK_OPT_POLL_US:
		return virtback_poll_us_store(entry, val);
	case VIRTBACK_OPT_PRIORITY:
		return virtback_priority_store(entry, val);
	default:
		return -EIO;	/* as for an attribute without a store() */
	}
}

static ssize_t virtback_opt_store(struct device *dev, struct device_attribute *attr,
				  const char *buf, size_t count)
{
	struct virtback_entry *entry = virtback_entry_of_dev(dev);
	const char *why = virtback_cut_reason(buf, count);
	char *copy;
	int err;

	if (!capable(CAP_SYS_ADMIN)) {
		pr_err_ratelimited("%s: %s: needs CAP_SYS_ADMIN\n", entry->vd.name,
				   attr->attr.name);
		return -EPERM;
	}
	if (why) {
		pr_err("%s: %s: %s\n", entry->vd.name, attr->attr.name, why);
		return -EINVAL;
	}
	copy = kstrndup(buf, count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	err = virtback_opt_change(entry, attr - virtback_opt_attrs, strim(copy));
	kfree(copy);
	return err ?: count;
}

/* What has no default is not there unless it was given. */
static umode_t virtback_opt_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct virtback_entry *entry = virtback_entry_of_dev(kobj_to_dev(kobj));

	switch (n) {
	case VIRTBACK_OPT_DOMID:
	case VIRTBACK_OPT_BASE:
	case VIRTBACK_OPT_IRQ:
	case VIRTBACK_OPT_MAP_LIMIT_MB:
		return test_bit(n, &entry->cfg.set) ? attr->mode : 0;
	case VIRTBACK_OPT_MAPPING:
		return test_bit(VIRTBACK_OPT_DOMID, &entry->cfg.set) ? attr->mode : 0;
	default:
		return attr->mode;
	}
}

static const struct attribute_group virtback_opt_group = {
	.attrs = virtback_opt_list,
	.is_visible = virtback_opt_visible,
};

static bool virtback_opt_writable(enum virtback_opt opt)
{
	return opt == VIRTBACK_OPT_BACKING || opt == VIRTBACK_OPT_CPUS ||
	       opt == VIRTBACK_OPT_PRIORITY || opt == VIRTBACK_OPT_POLL_US;
}

static void virtback_opt_attrs_init(void)
{
	int i;

	for (i = 0; i < VIRTBACK_OPT_NR; i++) {
		struct device_attribute *attr = &virtback_opt_attrs[i];

		sysfs_attr_init(&attr->attr);
		attr->attr.name = virtback_option_name(i);
		attr->attr.mode = 0444;
		attr->show = virtback_opt_show;
		if (virtback_opt_writable(i)) {
			attr->attr.mode = 0644;
			attr->store = virtback_opt_store;
		}
		virtback_opt_list[i] = &attr->attr;
	}
}

static ssize_t type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", virtback_dev_of(dev)->type->name);
}
static DEVICE_ATTR_RO(type);

static ssize_t host_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", virtback_dev_of(dev)->host->name);
}
static DEVICE_ATTR_RO(host);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", virtback_state_name(virtback_dev_of(dev)));
}
static DEVICE_ATTR_RO(state);

static ssize_t features_offered_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0x%016llx\n", virtback_device_offered(virtback_dev_of(dev)));
}
static DEVICE_ATTR_RO(features_offered);

static ssize_t features_negotiated_show(struct device *dev, struct device_attribute *attr,
					char *buf)
{
	/* No lock: a reader must not wait for a reset. Zero or the final value. */
	return sysfs_emit(buf, "0x%016llx\n", READ_ONCE(virtback_dev_of(dev)->features));
}
static DEVICE_ATTR_RO(features_negotiated);

static ssize_t virtback_names_show(u64 features, char *buf)
{
	int len = virtback_features_show(features, ' ', buf);

	return len + sysfs_emit_at(buf, len, "\n");
}

static ssize_t features_offered_names_show(struct device *dev, struct device_attribute *attr,
					   char *buf)
{
	return virtback_names_show(virtback_device_offered(virtback_dev_of(dev)), buf);
}
static DEVICE_ATTR_RO(features_offered_names);

static ssize_t features_negotiated_names_show(struct device *dev, struct device_attribute *attr,
					      char *buf)
{
	return virtback_names_show(READ_ONCE(virtback_dev_of(dev)->features), buf);
}
static DEVICE_ATTR_RO(features_negotiated_names);

static ssize_t bad_accesses_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", atomic_read(&virtback_dev_of(dev)->bad_accesses));
}
static DEVICE_ATTR_RO(bad_accesses);

static ssize_t orphans_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", atomic_read(&virtback_dev_of(dev)->orphans));
}
static DEVICE_ATTR_RO(orphans);

static struct attribute *virtback_dev_attrs[] = {
	&dev_attr_type.attr,
	&dev_attr_host.attr,
	&dev_attr_state.attr,
	&dev_attr_features_offered.attr,
	&dev_attr_features_negotiated.attr,
	&dev_attr_features_offered_names.attr,
	&dev_attr_features_negotiated_names.attr,
	&dev_attr_bad_accesses.attr,
	&dev_attr_orphans.attr,
	NULL,
};

static const struct attribute_group virtback_dev_group = {
	.attrs = virtback_dev_attrs,
};

/* Accesses by register, of this device: a directory of their own. */
static ssize_t virtback_reg_show(struct device *dev, struct device_attribute *attr, char *buf);

#define VIRTBACK_REG_ATTR(_reg, _name)					\
	[VIRTBACK_REG_##_reg] = __ATTR(_name, 0444, virtback_reg_show, NULL)

static struct device_attribute virtback_reg_attrs[VIRTBACK_REG_NR] = {
	VIRTBACK_REG_ATTR(QUEUE_NOTIFY, queue_notify),
	VIRTBACK_REG_ATTR(INTERRUPT_STATUS, interrupt_status),
	VIRTBACK_REG_ATTR(INTERRUPT_ACK, interrupt_ack),
	VIRTBACK_REG_ATTR(STATUS, status),
	VIRTBACK_REG_ATTR(FEATURES, features),
	VIRTBACK_REG_ATTR(QUEUE, queue),
	VIRTBACK_REG_ATTR(CONFIG, config),
	VIRTBACK_REG_ATTR(OTHER, other),
};

static ssize_t virtback_reg_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", virtback_device_reg_count(virtback_dev_of(dev),
								   attr - virtback_reg_attrs));
}

static struct attribute *virtback_reg_list[] = {
	&virtback_reg_attrs[VIRTBACK_REG_QUEUE_NOTIFY].attr,
	&virtback_reg_attrs[VIRTBACK_REG_INTERRUPT_STATUS].attr,
	&virtback_reg_attrs[VIRTBACK_REG_INTERRUPT_ACK].attr,
	&virtback_reg_attrs[VIRTBACK_REG_STATUS].attr,
	&virtback_reg_attrs[VIRTBACK_REG_FEATURES].attr,
	&virtback_reg_attrs[VIRTBACK_REG_QUEUE].attr,
	&virtback_reg_attrs[VIRTBACK_REG_CONFIG].attr,
	&virtback_reg_attrs[VIRTBACK_REG_OTHER].attr,
	NULL,
};

static const struct attribute_group virtback_reg_group = {
	.name = "traps",
	.attrs = virtback_reg_list,
};

/**
 * struct virtback_counter_attr - one counter of one queue
 * @attr: the file
 * @vq: the queue
 * @index: of those of the device type
 */
struct virtback_counter_attr {
	struct device_attribute attr;
	struct virtback_vq *vq;
	unsigned int index;
};

static struct virtback_vq *virtback_counter_vq(struct device_attribute *attr)
{
	return container_of(attr, struct virtback_counter_attr, attr)->vq;
}

/* Of the thread; 0 where readers have another name space of processes. */
static ssize_t pid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct task_struct *task = virtback_counter_vq(attr)->worker->task;

	return sysfs_emit(buf, "%d\n", task_pid_vnr(task));
}

static ssize_t kicks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%ld\n", atomic_long_read(&virtback_counter_vq(attr)->kicks));
}

static ssize_t irqs_sent_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%ld\n", atomic_long_read(&virtback_counter_vq(attr)->irqs_sent));
}

#define VIRTBACK_STAT_SHOW(_name)					\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{									\
	struct virtback_vq *vq = virtback_counter_vq(attr);		\
	u64 val;							\
									\
	/* Some are counted under this lock, some by the worker without. */ \
	spin_lock_irq(&vq->lock);					\
	val = READ_ONCE(vq->stats._name);				\
	spin_unlock_irq(&vq->lock);					\
	return sysfs_emit(buf, "%llu\n", val);				\
}

VIRTBACK_STAT_SHOW(requests)
VIRTBACK_STAT_SHOW(bounced)
VIRTBACK_STAT_SHOW(direct)
VIRTBACK_STAT_SHOW(completed)
VIRTBACK_STAT_SHOW(dropped)
VIRTBACK_STAT_SHOW(irqs)
VIRTBACK_STAT_SHOW(irqs_saved)
VIRTBACK_STAT_SHOW(stalls)
VIRTBACK_STAT_SHOW(poll_hits)
VIRTBACK_STAT_SHOW(poll_misses)
VIRTBACK_STAT_SHOW(poll_ns)

/* What every queue's directory has; copied for each queue. */
static const struct device_attribute virtback_counters[] = {
	__ATTR_RO(pid),
	__ATTR_RO(kicks),
	__ATTR_RO(requests),
	__ATTR_RO(bounced),
	__ATTR_RO(direct),
	__ATTR_RO(completed),
	__ATTR_RO(dropped),
	__ATTR_RO(irqs),
	__ATTR_RO(irqs_sent),
	__ATTR_RO(irqs_saved),
	__ATTR_RO(stalls),
	__ATTR_RO(poll_hits),
	__ATTR_RO(poll_misses),
	__ATTR_RO(poll_ns),
};

/* What the device type counts of a queue. */
static ssize_t virtback_type_counter_show(struct device *dev, struct device_attribute *attr,
					  char *buf)
{
	struct virtback_counter_attr *ca = container_of(attr, struct virtback_counter_attr, attr);

	return sysfs_emit(buf, "%llu\n", virtback_vq_counter(ca->vq, ca->index));
}

#define VIRTBACK_NR_COUNTERS	(ARRAY_SIZE(virtback_counters) + VIRTBACK_TYPE_COUNTERS)

/**
 * struct virtback_vq_group - the directory of a queue
 * @group: for sysfs
 * @name: "vq<n>"
 * @attrs: the files
 * @list: the same, as sysfs wants it
 */
struct virtback_vq_group {
	struct attribute_group group;
	char name[8];
	struct virtback_counter_attr attrs[VIRTBACK_NR_COUNTERS];
	struct attribute *list[VIRTBACK_NR_COUNTERS + 1];
};

static void virtback_vq_group_init(struct virtback_vq_group *g, struct virtback_vq *vq)
{
	const struct virtback_type_ops *type = vq->vd->type;
	const int common = ARRAY_SIZE(virtback_counters);
	int i;

	snprintf(g->name, sizeof(g->name), "vq%u", vq->index);
	for (i = 0; i < common + type->nr_counters; i++) {
		struct virtback_counter_attr *ca = &g->attrs[i];

		if (i < common) {
			ca->attr = virtback_counters[i];
		} else {
			ca->index = i - common;
			ca->attr.attr.name = type->counters[ca->index];
			ca->attr.attr.mode = 0444;
			ca->attr.show = virtback_type_counter_show;
		}
		sysfs_attr_init(&ca->attr.attr);
		ca->vq = vq;
		g->list[i] = &ca->attr.attr;
	}
	g->group.name = g->name;
	g->group.attrs = g->list;
}

/**
 * virtback_sysfs_groups() - prepare all that device_add() shows of a device
 * @entry: the device; its queues exist
 *
 * Freed with the device, by virtback_sysfs_groups_free().
 *
 * Return: 0 or -ENOMEM
 */
int virtback_sysfs_groups(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;
	unsigned int n = 0;
	u16 i;

	entry->vq_groups = kcalloc(vd->nvqs, sizeof(*entry->vq_groups), GFP_KERNEL);
	/* Options, device, registers, host, and NULL. */
	entry->groups = kcalloc(vd->nvqs + 5, sizeof(*entry->groups), GFP_KERNEL);
	if (!entry->vq_groups || !entry->groups)
		return -ENOMEM;
	entry->groups[n++] = &virtback_opt_group;
	entry->groups[n++] = &virtback_dev_group;
	entry->groups[n++] = &virtback_reg_group;
	if (vd->host->group)
		entry->groups[n++] = vd->host->group;
	for (i = 0; i < vd->nvqs; i++) {
		virtback_vq_group_init(&entry->vq_groups[i], &vd->vqs[i]);
		entry->groups[n++] = &entry->vq_groups[i].group;
	}
	vd->dev.groups = entry->groups;
	return 0;
}

/**
 * virtback_sysfs_groups_free() - undo virtback_sysfs_groups(), or its half
 * @entry: the device, not in sysfs
 */
void virtback_sysfs_groups_free(struct virtback_entry *entry)
{
	kfree(entry->groups);
	kfree(entry->vq_groups);
}

#ifdef MODULE
/*
 * rmmod prints the names in the module's "holders" folder when it refuses, but
 * reads each up to its first dot, as it does for files of modules.
 */
static void virtback_holder_name(const struct virtback_entry *entry, char *buf, size_t len)
{
	strscpy(buf, entry->vd.name, len);
	strreplace(buf, '.', ':');
}

/**
 * virtback_sysfs_hold() - let rmmod name the device that it is refused for
 * @entry: the device, in sysfs
 *
 * Return: 0 or -errno
 */
int virtback_sysfs_hold(struct virtback_entry *entry)
{
	char name[VIRTBACK_NAME_LEN];

	virtback_holder_name(entry, name, sizeof(name));
	return sysfs_create_link(THIS_MODULE->holders_dir, &entry->vd.dev.kobj, name);
}

/**
 * virtback_sysfs_unhold() - undo virtback_sysfs_hold()
 * @entry: the device, still in sysfs
 */
void virtback_sysfs_unhold(struct virtback_entry *entry)
{
	char name[VIRTBACK_NAME_LEN];

	virtback_holder_name(entry, name, sizeof(name));
	sysfs_remove_link(THIS_MODULE->holders_dir, name);
}
#else
int virtback_sysfs_hold(struct virtback_entry *entry)
{
	return 0;
}

void virtback_sysfs_unhold(struct virtback_entry *entry)
{
}
#endif

/**
 * virtback_sysfs_init() - make the class
 *
 * "add" works from here on.
 *
 * Return: 0 or -errno
 */
int virtback_sysfs_init(void)
{
	virtback_opt_attrs_init();
	return class_register(&virtback_class);
}

/**
 * virtback_sysfs_exit() - undo virtback_sysfs_init(); waits for writers
 */
void virtback_sysfs_exit(void)
{
	class_unregister(&virtback_class);
}
