// SPDX-License-Identifier: GPL-2.0
/*
 * The toolstack's way to make devices: a watch on this domain's xenstore folder
 * backend/virtio_disk/<domid>/<devid>, which libxl fills for
 * "backendtype=standalone,specification=virtio".
 *
 * This is not a xenbus driver: a xenbus device needs a name shorter than 20
 * characters, so "virtio_disk-10-51712" would silently get no device at all. The
 * bus also probes from the one thread that serves all watches of this kernel.
 * Here the watch's callback only queues work, an item for each node: events of a
 * node are handled one after the other, and a node whose disk hangs holds no
 * other.
 *
 * A node is what xenstore says it is: virtback_node_work() compares that with
 * what was made and closes the gap, so that it may run at any time and any number
 * of times. States (XenbusState*) and who writes them:
 *
 *   1 Initialising  libxl; the node is free to be claimed
 *   2 InitWait      here, when the device exists; the guest then starts
 *   5 Closing       libxl, when the disk is to go
 *   6 Closed        here, when the guest cannot reach the device any more and its
 *		     disk is closed, or does not close in time
 *
 * Every write is a transaction that looks at the state first, so that it never
 * brings back a folder that was removed and never touches the next guest's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include <xen/page.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include <virtback/config.h>
#include <virtback/device.h>
#include <virtback/xen.h>

#include "xen.h"

#define VIRTBACK_NODE_DIR	"backend/virtio_disk"

/*
 * How long to wait for a disk to be closed, since the next guest's device, after a
 * reboot, opens it exclusively. libxl waits ten seconds for a state, and a disk
 * that hangs must not make it fail.
 */
#define VIRTBACK_CLOSE_TIMEOUT	(5 * HZ)

/* Keys of a node. The first four are options under another name. */
enum virtback_key {
	VIRTBACK_KEY_DOMID,
	VIRTBACK_KEY_BASE,
	VIRTBACK_KEY_IRQ,
	VIRTBACK_KEY_PARAMS,
	VIRTBACK_KEY_MODE,
	VIRTBACK_KEY_TRANSPORT,
	VIRTBACK_KEY_GRANTS,
	VIRTBACK_KEY_NR,
};

static const char *const virtback_key_names[VIRTBACK_KEY_NR] = {
	[VIRTBACK_KEY_DOMID]		= "frontend-id",
	[VIRTBACK_KEY_BASE]		= "base",
	[VIRTBACK_KEY_IRQ]		= "irq",
	[VIRTBACK_KEY_PARAMS]		= "params",
	[VIRTBACK_KEY_MODE]		= "mode",
	[VIRTBACK_KEY_TRANSPORT]	= "transport",
	[VIRTBACK_KEY_GRANTS]		= "grant_usage",
};

static const enum virtback_opt virtback_key_opts[] = {
	[VIRTBACK_KEY_DOMID]	= VIRTBACK_OPT_DOMID,
	[VIRTBACK_KEY_BASE]	= VIRTBACK_OPT_BASE,
	[VIRTBACK_KEY_IRQ]	= VIRTBACK_OPT_IRQ,
	[VIRTBACK_KEY_PARAMS]	= VIRTBACK_OPT_BACKING,
};

/**
 * struct virtback_keys - what a node says
 * @val: value of each key, NULL for one that is not there
 */
struct virtback_keys {
	char *val[VIRTBACK_KEY_NR];
};

/**
 * struct virtback_node - a node of the toolstack
 * @link: in virtback_nodes
 * @domid: guest, from the node's path
 * @devid: virtual device, from the node's path
 * @path: of the node
 * @work: virtback_node_work(), the only one to use what follows
 * @owned: this module made a device for the node
 * @warned: an incomplete node was logged
 * @name: name of the device while @owned
 */
struct virtback_node {
	struct list_head link;
	u32 domid;
	u32 devid;
	char path[sizeof(VIRTBACK_NODE_DIR) + 24];
	struct work_struct work;
	bool owned;
	bool warned;
	char name[VIRTBACK_NAME_LEN];
};

static LIST_HEAD(virtback_nodes);
/* Protects the list, and that a node on it is not freed before it is queued. */
static DEFINE_SPINLOCK(virtback_nodes_lock);

static struct workqueue_struct *virtback_node_wq;
static bool virtback_watching;

static void virtback_keys_free(struct virtback_keys *keys)
{
	int i;

	for (i = 0; i < VIRTBACK_KEY_NR; i++)
		kfree(keys->val[i]);
	memset(keys, 0, sizeof(*keys));
}

/* A key that is not there is no error. */
static int virtback_keys_read(struct virtback_keys *keys, struct xenbus_transaction t,
			      const char *path)
{
	int i;

	memset(keys, 0, sizeof(*keys));
	for (i = 0; i < VIRTBACK_KEY_NR; i++) {
		char *val = xenbus_read(t, path, virtback_key_names[i], NULL);

		if (!IS_ERR(val)) {
			keys->val[i] = val;
		} else if (PTR_ERR(val) != -ENOENT) {
			virtback_keys_free(keys);
			return PTR_ERR(val);
		}
	}
	return 0;
}

static bool virtback_keys_equal(const struct virtback_keys *a, const struct virtback_keys *b)
{
	int i;

	for (i = 0; i < VIRTBACK_KEY_NR; i++) {
		if (!a->val[i] != !b->val[i])
			return false;
		if (a->val[i] && strcmp(a->val[i], b->val[i]))
			return false;
	}
	return true;
}

static int virtback_node_state(struct xenbus_transaction t, const char *path)
{
	int state, ret;

	ret = xenbus_scanf(t, path, "state", "%d", &state);
	if (ret < 0)
		return ret;
	/* Whoever may write the node could else make us see any error. */
	return state < 0 ? -ERANGE : state;
}

/* One try of virtback_node_switch(). */
static int virtback_node_try(struct virtback_node *node, int from, int to,
			     const struct virtback_keys *keys)
{
	struct virtback_keys now = {};
	struct xenbus_transaction t;
	int err, ret;

	err = xenbus_transaction_start(&t);
	if (err)
		return err;
	ret = virtback_node_state(t, node->path);
	if (ret >= 0)
		ret = ret == from ? 0 : -ESTALE;
	if (!ret && keys) {
		ret = virtback_keys_read(&now, t, node->path);
		if (!ret && !virtback_keys_equal(&now, keys))
			ret = -ESTALE;
		virtback_keys_free(&now);
	}
	if (!ret && to)
		ret = xenbus_printf(t, node->path, "state", "%d", to);
	else if (!ret)
		ret = xenbus_rm(t, node->path, "state");
	err = xenbus_transaction_end(t, ret != 0);
	return ret ?: err;
}

/*
 * Move a node from one state to another; 0 removes the state. When @keys are
 * given the node must still say the same. Return: 0, -ENOENT or -ESTALE when the
 * node is gone or not what it was, or another error.
 */
static int virtback_node_switch(struct virtback_node *node, int from, int to,
				const struct virtback_keys *keys)
{
	int err;

	do {
		err = virtback_node_try(node, from, to, keys);
	} while (err == -EAGAIN);
	return err;
}

/*
 * The toolstack cannot have its device. libxl waits for one state and ignores all
 * others, but gives up at once when the state is removed, and then takes the rest
 * of the node away: so "xl create" fails now, not in ten seconds.
 */
static void virtback_node_fail(struct virtback_node *node, int err, const char *what,
			       const char *why)
{
	char *path = kasprintf(GFP_KERNEL, "error/%s", node->path);

	if (path)
		xenbus_printf(XBT_NIL, path, "error", "%d %s: %s", -err, what, why);
	kfree(path);
	virtback_node_switch(node, XenbusStateInitialising, 0, NULL);
}

/* The same, for a reason that nobody has logged yet. */
static int virtback_node_refuse(struct virtback_node *node, int err, const char *what,
				const char *why)
{
	pr_err("%s: %s: %s\n", node->path, what, why);
	virtback_node_fail(node, err, what, why);
	return err;
}

/* What only the toolstack's nodes have. */
static int virtback_node_check(struct virtback_node *node, const struct virtback_keys *keys,
			       struct virtback_config *cfg)
{
	const char *grants = keys->val[VIRTBACK_KEY_GRANTS];
	const char *mode = keys->val[VIRTBACK_KEY_MODE];

	if (cfg->domid != node->domid)
		return virtback_node_refuse(node, -EINVAL, "frontend-id",
					    "not the guest of the path");
	if (strcmp(keys->val[VIRTBACK_KEY_TRANSPORT], "mmio"))
		return virtback_node_refuse(node, -EOPNOTSUPP, "transport",
					    "only mmio is supported");
	if (strcmp(mode, "r") && strcmp(mode, "w"))
		return virtback_node_refuse(node, -EINVAL, "mode", "neither r nor w");
	/* Xen 4.17's toolstack does not write it, and has no guest use grants for us. */
	if (grants && strcmp(grants, "0") && strcmp(grants, "1"))
		return virtback_node_refuse(node, -EINVAL, "grant_usage", "neither 0 nor 1");
	if (grants && grants[0] == '1')
		cfg->mapping = VIRTBACK_MAPPING_GRANT;
	set_bit(VIRTBACK_OPT_MAPPING, &cfg->set);
	cfg->readonly = mode[0] == 'r';
	set_bit(VIRTBACK_OPT_READONLY, &cfg->set);
	return 0;
}

/* Return: 0, or -errno after the node was refused. */
static int virtback_node_config(struct virtback_node *node, const struct virtback_keys *keys,
				struct virtback_config *cfg)
{
	const char *why = NULL;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(virtback_key_opts); i++) {
		err = virtback_option_set(cfg, virtback_key_opts[i], keys->val[i], &why);
		if (err)
			return virtback_node_refuse(node, err, virtback_key_names[i], why);
	}
	return virtback_node_check(node, keys, cfg);
}

/* Say so once; but a node that went away while its keys were read misses nothing. */
static void virtback_node_warn(struct virtback_node *node, const char *key)
{
	if (node->warned || virtback_node_state(XBT_NIL, node->path) != XenbusStateInitialising)
		return;
	pr_warn("%s: %s: missing, waiting for it\n", node->path, key);
	node->warned = true;
}

/* libxl writes all keys at once, but a person with xenstore-write does not. */
static bool virtback_node_complete(struct virtback_node *node, const struct virtback_keys *keys)
{
	int i;

	for (i = 0; i < VIRTBACK_KEY_NR; i++) {
		if (keys->val[i] || i == VIRTBACK_KEY_GRANTS)
			continue;
		virtback_node_warn(node, virtback_key_names[i]);
		return false;
	}
	return true;
}

/*
 * The guest, if it still lives, cannot reach the device any more afterwards. Waits
 * @timeout for the disk as well.
 */
static void virtback_node_detach(struct virtback_node *node, unsigned long timeout)
{
	if (!node->owned)
		return;
	if (virtback_detach(node->name, timeout) == -ETIMEDOUT)
		pr_warn("%s: its disk is not closed yet\n", node->name);
	node->owned = false;
}

/* Make the device that a complete node asks for. */
static void virtback_node_create(struct virtback_node *node, const struct virtback_keys *keys)
{
	struct virtback_config cfg = {};
	int err;

	if (virtback_node_config(node, keys, &cfg))
		goto out;
	virtback_config_name(&cfg, node->name, sizeof(node->name));
	/* A guest that was destroyed, and not shut down, went without waiting. */
	virtback_wait_closed(cfg.backing, VIRTBACK_CLOSE_TIMEOUT);
	err = virtback_create(&cfg);
	if (err) {
		virtback_node_fail(node, err, node->name, "cannot be made, see the kernel's log");
		goto out;
	}
	node->owned = true;
	/*
	 * Opening the disk may have taken long: this node may be gone, or be another
	 * guest's. That one does not run before it sees InitWait.
	 */
	err = virtback_node_switch(node, XenbusStateInitialising, XenbusStateInitWait, keys);
	if (err) {
		pr_warn("%s: the toolstack took it back (%d), removing %s\n", node->path, err,
			node->name);
		virtback_node_detach(node, 0);
	}
out:
	virtback_config_free(&cfg);
}

static void virtback_node_claim(struct virtback_node *node)
{
	struct virtback_keys keys;
	int err;

	/* What we have was made for a node that is gone. */
	virtback_node_detach(node, 0);
	/* A module that leaves must leave the node to the next one, unharmed. */
	if (!try_module_get(THIS_MODULE))
		return;
	err = virtback_keys_read(&keys, XBT_NIL, node->path);
	if (err) {
		virtback_node_refuse(node, err, "node", "cannot be read");
		goto put;
	}
	if (virtback_node_complete(node, &keys))
		virtback_node_create(node, &keys);
	virtback_keys_free(&keys);
put:
	/* The module's exit waits for this work, so its text stays. */
	module_put(THIS_MODULE);
}

/* Forget a node that xenstore does not have, unless an event came meanwhile. */
static void virtback_node_forget(struct virtback_node *node)
{
	bool idle;

	spin_lock(&virtback_nodes_lock);
	idle = !work_pending(&node->work);
	if (idle)
		list_del(&node->link);
	spin_unlock(&virtback_nodes_lock);
	if (idle)
		kfree(node);
}

static void virtback_node_work(struct work_struct *work)
{
	struct virtback_node *node = container_of(work, struct virtback_node, work);
	int state = virtback_node_state(XBT_NIL, node->path);

	switch (state) {
	case XenbusStateInitialising:
		virtback_node_claim(node);
		break;
	case XenbusStateClosing:
		/* Not owned: a user-space back end has it. */
		if (!node->owned)
			break;
		virtback_node_detach(node, VIRTBACK_CLOSE_TIMEOUT);
		virtback_node_switch(node, XenbusStateClosing, XenbusStateClosed, NULL);
		break;
	case XenbusStateClosed:
		virtback_node_detach(node, 0);
		break;
	case -ENOENT:
		virtback_node_detach(node, 0);
		virtback_node_forget(node);
		break;
	default:
		/* Running, or xenstore has no answer now: the next event may help. */
		break;
	}
}

static struct virtback_node *virtback_node_find(u32 domid, u32 devid)
{
	struct virtback_node *node;

	lockdep_assert_held(&virtback_nodes_lock);
	list_for_each_entry(node, &virtback_nodes, link) {
		if (node->domid == domid && node->devid == devid)
			return node;
	}
	return NULL;
}

/* Have a look at a node soon. In a watch's callback: allocates without I/O. */
static void virtback_node_queue(u32 domid, u32 devid)
{
	struct virtback_node *node, *new;

	new = kzalloc(sizeof(*new), GFP_NOIO);
	if (new) {
		new->domid = domid;
		new->devid = devid;
		snprintf(new->path, sizeof(new->path), VIRTBACK_NODE_DIR "/%u/%u", domid, devid);
		INIT_WORK(&new->work, virtback_node_work);
	}
	spin_lock(&virtback_nodes_lock);
	node = virtback_node_find(domid, devid);
	if (!node && new) {
		node = new;
		new = NULL;
		list_add_tail(&node->link, &virtback_nodes);
	}
	if (node)
		queue_work(virtback_node_wq, &node->work);
	spin_unlock(&virtback_nodes_lock);
	if (!node)
		pr_err(VIRTBACK_NODE_DIR "/%u/%u: no memory, not served\n", domid, devid);
	kfree(new);
}

/* Nodes that we know, of one guest (or of all, 0): their folder has changed. */
static void virtback_nodes_requeue(u32 domid)
{
	struct virtback_node *node;

	spin_lock(&virtback_nodes_lock);
	list_for_each_entry(node, &virtback_nodes, link) {
		if (!domid || node->domid == domid)
			queue_work(virtback_node_wq, &node->work);
	}
	spin_unlock(&virtback_nodes_lock);
}

static void virtback_nodes_scan_guest(const char *guest)
{
	char **dir, *path;
	unsigned int n, i;
	u32 domid, devid;

	if (kstrtou32(guest, 10, &domid))
		return;
	path = kasprintf(GFP_KERNEL, VIRTBACK_NODE_DIR "/%u", domid);
	if (!path)
		return;
	dir = xenbus_directory(XBT_NIL, path, "", &n);
	kfree(path);
	if (IS_ERR(dir))
		return;
	for (i = 0; i < n; i++) {
		if (!kstrtou32(dir[i], 10, &devid))
			virtback_node_queue(domid, devid);
	}
	kfree(dir);
}

/* Guests that were made before the watch was. */
static void virtback_nodes_scan(struct work_struct *work)
{
	unsigned int n, i;
	char **dir;

	virtback_nodes_requeue(0);
	dir = xenbus_directory(XBT_NIL, VIRTBACK_NODE_DIR, "", &n);
	if (IS_ERR(dir))
		return;
	for (i = 0; i < n; i++)
		virtback_nodes_scan_guest(dir[i]);
	kfree(dir);
}

static DECLARE_WORK(virtback_scan, virtback_nodes_scan);

/*
 * In the thread of all watches, which must not wait: one event fires for each key
 * written and for each folder removed.
 */
static void virtback_watch_event(struct xenbus_watch *watch, const char *path, const char *token)
{
	u32 domid, devid;
	int n;

	n = sscanf(path, VIRTBACK_NODE_DIR "/%u/%u", &domid, &devid);
	if (n == 2)
		virtback_node_queue(domid, devid);
	else if (n == 1)
		virtback_nodes_requeue(domid);
	else	/* at least once, when the watch is made */
		queue_work(virtback_node_wq, &virtback_scan);
}

static struct xenbus_watch virtback_watch = {
	.node = VIRTBACK_NODE_DIR,
	.callback = virtback_watch_event,
};

static void virtback_watch_start(struct work_struct *work)
{
	int err = register_xenbus_watch(&virtback_watch);

	if (err)
		pr_err("cannot watch " VIRTBACK_NODE_DIR " in xenstore: %d\n", err);
	else
		virtback_watching = true;
}

static DECLARE_WORK(virtback_start, virtback_watch_start);

/* xenstored answers, which in dom0 it may do long after this module was loaded. */
static int virtback_xenstore_up(struct notifier_block *nb, unsigned long event, void *data)
{
	queue_work(virtback_node_wq, &virtback_start);
	return NOTIFY_DONE;
}

static struct notifier_block virtback_xenstore = {
	.notifier_call = virtback_xenstore_up,
};

/**
 * virtback_toolstack_init() - serve the toolstack's nodes, now and to come
 *
 * Does not wait for xenstore. Does nothing where there is no Xen, or where this
 * kernel's pages are not Xen's.
 *
 * Return: 0 or -ENOMEM
 */
int virtback_toolstack_init(void)
{
	/* No other kernel can serve a guest: the nodes are for someone else. */
	if (!virtback_xen_possible() || PAGE_SIZE != XEN_PAGE_SIZE)
		return 0;
	virtback_node_wq = alloc_workqueue("virtback_nodes", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!virtback_node_wq)
		return -ENOMEM;
	register_xenstore_notifier(&virtback_xenstore);
	return 0;
}

/**
 * virtback_toolstack_exit() - undo virtback_toolstack_init()
 *
 * Devices made for nodes stay what they are (and hold the module).
 */
void virtback_toolstack_exit(void)
{
	struct virtback_node *node, *next;

	if (!virtback_node_wq)
		return;
	unregister_xenstore_notifier(&virtback_xenstore);
	flush_work(&virtback_start);
	if (virtback_watching)
		unregister_xenbus_watch(&virtback_watch);
	/* Before the nodes' own work, which it queues. */
	flush_work(&virtback_scan);
	destroy_workqueue(virtback_node_wq);
	list_for_each_entry_safe(node, next, &virtback_nodes, link) {
		list_del(&node->link);
		kfree(node);
	}
}
