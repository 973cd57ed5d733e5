// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/virtback/<device>/latency: the histograms of a device. The format
 * is described in Documentation/ABI/testing/debugfs-virtback.
 *
 * Where there is no debugfs nothing of this exists, and no caller has to care.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "control.h"

static struct dentry *virtback_debugfs;

/* Protects the bases of all histograms: people read and reset them, rarely. */
static DEFINE_MUTEX(virtback_latency_lock);

static const char *const virtback_latency_names[VIRTBACK_LATENCY_NR] = {
	[VIRTBACK_LATENCY_TRAP]		= "trap",
	[VIRTBACK_LATENCY_SUBMIT]	= "submit",
	[VIRTBACK_LATENCY_COMPLETE]	= "complete",
	[VIRTBACK_LATENCY_INTERRUPT]	= "interrupt",
};

static void virtback_latency_print(struct seq_file *m, const char *queue,
				   enum virtback_latency_stage stage,
				   const struct virtback_latency *l)
{
	u64 count[VIRTBACK_LATENCY_BUCKETS];
	unsigned int i;

	lockdep_assert_held(&virtback_latency_lock);
	virtback_latency_read(l, count);
	for (i = 0; i < VIRTBACK_LATENCY_BUCKETS; i++) {
		if (count[i])
			seq_printf(m, "%s %s %llu %llu\n", queue, virtback_latency_names[stage],
				   virtback_latency_bound(i), count[i]);
	}
}

/**
 * virtback_latency_show() - print the histograms of a device
 * @m: where to; its private data is the device
 * @unused: what seq_file has to offer
 *
 * May sleep.
 *
 * Return: 0
 */
int virtback_latency_show(struct seq_file *m, void *unused)
{
	struct virtback_device *vd = m->private;
	enum virtback_latency_stage stage;
	char queue[8];
	u16 i;

	mutex_lock(&virtback_latency_lock);
	seq_puts(m, "# unit: ns\n");
	virtback_latency_print(m, "-", VIRTBACK_LATENCY_TRAP, &vd->traps);
	for (i = 0; i < vd->nvqs; i++) {
		snprintf(queue, sizeof(queue), "%u", i);
		for (stage = VIRTBACK_LATENCY_SUBMIT; stage < VIRTBACK_LATENCY_NR; stage++)
			virtback_latency_print(m, queue, stage, &vd->vqs[i].latency[stage]);
	}
	mutex_unlock(&virtback_latency_lock);
	return 0;
}

static int virtback_latency_open(struct inode *inode, struct file *file)
{
	return single_open(file, virtback_latency_show, inode->i_private);
}

/**
 * virtback_latency_clear() - set all histograms of a device to 0
 * @vd: the device
 *
 * May sleep.
 */
void virtback_latency_clear(struct virtback_device *vd)
{
	enum virtback_latency_stage stage;
	u16 i;

	mutex_lock(&virtback_latency_lock);
	virtback_latency_reset(&vd->traps);
	for (i = 0; i < vd->nvqs; i++) {
		for (stage = VIRTBACK_LATENCY_SUBMIT; stage < VIRTBACK_LATENCY_NR; stage++)
			virtback_latency_reset(&vd->vqs[i].latency[stage]);
	}
	mutex_unlock(&virtback_latency_lock);
}

/* Whatever is written, as with ftrace's "trace". */
static ssize_t virtback_latency_write(struct file *file, const char __user *buf, size_t count,
				      loff_t *pos)
{
	struct seq_file *m = file->private_data;

	virtback_latency_clear(m->private);
	return count;
}

static const struct file_operations virtback_latency_fops = {
	.owner = THIS_MODULE,
	.open = virtback_latency_open,
	.read = seq_read,
	.write = virtback_latency_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * virtback_debugfs_add() - show a device in debugfs
 * @entry: the device; its queues exist
 *
 * May sleep.
 */
void virtback_debugfs_add(struct virtback_entry *entry)
{
	struct virtback_device *vd = &entry->vd;

	entry->debugfs = debugfs_create_dir(vd->name, virtback_debugfs);
	debugfs_create_file("latency", 0644, entry->debugfs, vd, &virtback_latency_fops);
}

/**
 * virtback_debugfs_del() - undo virtback_debugfs_add(); waits for readers
 * @entry: the device
 *
 * May sleep.
 */
void virtback_debugfs_del(struct virtback_entry *entry)
{
	debugfs_remove(entry->debugfs);
	entry->debugfs = NULL;
}

/**
 * virtback_debugfs_init() - make the directory of all devices
 */
void virtback_debugfs_init(void)
{
	virtback_debugfs = debugfs_create_dir(KBUILD_MODNAME, NULL);
}

/**
 * virtback_debugfs_exit() - undo virtback_debugfs_init()
 */
void virtback_debugfs_exit(void)
{
	debugfs_remove(virtback_debugfs);
}
