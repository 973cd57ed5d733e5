/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to the control plane (drivers/main.c, drivers/control/): the options by
 * name, and what the registry knows of a device beyond the core's view.
 */
#ifndef VIRTBACK_CONTROL_H
#define VIRTBACK_CONTROL_H

#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/workqueue.h>

#include <virtback/config.h>
#include <virtback/device.h>

struct dentry;
struct seq_file;

#define VIRTBACK_VERSION	"0.1"

/*
 * A text that somebody wrote, in a line of the log; its argument is preceded by its
 * virtback_log_len(). What a terminal or a reader of lines would act on is escaped.
 */
#define VIRTBACK_LOG_TEXT	"%*pE"

/* Jiffies between uevents of all devices together, in the long run: 20 a second. */
#define VIRTBACK_STATE_GAP	(HZ / 20)

/* So many may come at once: those of a few guests that start. */
#define VIRTBACK_STATE_BURST	32

/**
 * enum virtback_stage - where a device is between its name and its end
 * @VIRTBACK_CREATING: the name is taken, the device is being made
 * @VIRTBACK_LIVE: complete, may be removed
 * @VIRTBACK_REMOVING: someone takes it down, or its disk has yet to finish
 */
enum virtback_stage {
	VIRTBACK_CREATING,
	VIRTBACK_LIVE,
	VIRTBACK_REMOVING,
};

/**
 * struct virtback_entry - a device in the registry
 * @vd: the device; its reference count is that of the entry
 * @cfg: what was asked for. cfg.backing changes with @backing_lock held and is
 *	 read under the registry's lock, too
 * @backing_lock: one change of cfg.backing at a time. Held across waiting for a
 *		  disk, so only writers of the attribute take it
 * @link: in the registry, from the choice of the name until the disk is closed
 * @stage: protected by the registry's lock
 * @released: the host has released it; whoever takes it down
 * @doomed: must go, whoever holds it now; the holder looks before it lets go.
 *	    Protected by the registry's lock.
 * @detached: completed when the guest cannot reach the device any more
 * @gone: completed when the disk is closed
 * @lost: forced removal on behalf of virtback_device_lost()
 * @finish: the part of the removal that waits for the disk
 * @groups: attribute groups, ended by NULL
 * @vq_groups: storage of the queues' groups
 * @state: looks whether the driver's state is another than the one told last
 * @told: the state that a uevent told last; changed by @state alone
 * @turn: it has its turn to send one, at the time that it is queued for; @state alone
 * @nr_told: how many did, beside those of adding and removing; @state alone
 * @telling: the device is in sysfs, so that uevents can be sent; written by who adds
 *	     or removes it
 * @debugfs: its directory in debugfs, NULL or an error when it has none
 */
struct virtback_entry {
	struct virtback_device vd;
	struct virtback_config cfg;
	struct mutex backing_lock;	/* changes of cfg.backing */
	struct list_head link;
	enum virtback_stage stage;
	bool doomed;
	bool released;
	struct completion detached;
	struct completion gone;
	struct work_struct lost;
	struct work_struct finish;
	const struct attribute_group **groups;
	struct virtback_vq_group *vq_groups;
	struct delayed_work state;
	const char *told;
	bool turn;
	unsigned int nr_told;
	bool telling;
	struct dentry *debugfs;
};

#define virtback_entry_of(d) container_of(d, struct virtback_entry, vd)

/* options.c */
const char *virtback_option_name(enum virtback_opt opt);
int virtback_log_len(const char *text);
int virtback_poll_us_store(struct virtback_entry *entry, const char *val);
int virtback_option_find(const char *name, size_t len);
ssize_t virtback_option_show(struct virtback_entry *entry, enum virtback_opt opt, char *buf);
int virtback_config_copy(struct virtback_config *to, const struct virtback_config *from);
int virtback_defaults_parse(struct virtback_config *cfg, const char *str);
char *virtback_config_next(char **list);
int virtback_parse_bool(const char *val, bool *res);
int virtback_parse_cpus(const char *val, struct cpumask *mask, const char **why);
int virtback_parse_priority(const char *val, int *res, const char **why);
int virtback_config_complete(struct virtback_config *cfg, unsigned int nr_cpus, const char **why);

/* defaults.c */
int virtback_defaults_set(const char *val);
int virtback_defaults_show(char *buf);
int virtback_defaults_apply(struct virtback_config *cfg, const char *who);
void virtback_defaults_exit(void);

/* features.c */
int virtback_features_parse(const char *val, u64 *res, const char **why);
int virtback_features_show(u64 features, char sep, char *buf);

/* control.c */
int virtback_control_init(void);
void virtback_control_exit(void);
void virtback_control_stop(void);
int virtback_remove(const char *name, bool force);
ssize_t virtback_backing_show(struct virtback_entry *entry, char *buf);
void virtback_backing_record(struct virtback_entry *entry, struct virtback_config *cfg);

/* worker.c */
int virtback_workers_place(struct virtback_entry *entry);
int virtback_cpus_store(struct virtback_entry *entry, const char *val);
int virtback_priority_store(struct virtback_entry *entry, const char *val);

/* backing.c */
int virtback_backing_store(struct virtback_entry *entry, const char *val);

void virtback_control_queue(struct delayed_work *work, unsigned long delay);

/* state.c */
const char *virtback_state_name(const struct virtback_device *vd);
int virtback_uevent(const struct virtback_device *vd, struct kobj_uevent_env *env);
unsigned long virtback_state_turn(u64 *full, u64 now);
void virtback_state_look(struct virtback_entry *entry);
void virtback_state_init(struct virtback_entry *entry);
void virtback_state_begin(struct virtback_entry *entry);
void virtback_state_end(struct virtback_entry *entry);
void virtback_state_fini(struct virtback_entry *entry);

/* debugfs.c */
int virtback_latency_show(struct seq_file *m, void *unused);
void virtback_latency_clear(struct virtback_device *vd);
void virtback_debugfs_init(void);
void virtback_debugfs_exit(void);
void virtback_debugfs_add(struct virtback_entry *entry);
void virtback_debugfs_del(struct virtback_entry *entry);

/* sysfs.c */
extern struct class virtback_class;
const char *virtback_cut_reason(const char *buf, size_t count);
int virtback_sysfs_init(void);
void virtback_sysfs_exit(void);
int virtback_sysfs_groups(struct virtback_entry *entry);
void virtback_sysfs_groups_free(struct virtback_entry *entry);
int virtback_sysfs_hold(struct virtback_entry *entry);
void virtback_sysfs_unhold(struct virtback_entry *entry);

#endif
