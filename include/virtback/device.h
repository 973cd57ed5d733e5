/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's view of a virtio device, and the two ops tables that are the only
 * way between the core, a device type (block) and a host (Xen, loop).
 */
#ifndef VIRTBACK_DEVICE_H
#define VIRTBACK_DEVICE_H

#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <virtback/vq.h>

struct cpumask;
struct virtback_config;
struct virtback_device;

/* Registers 0 to 0xff, then configuration space: libxl gives 0x200 a device. */
#define VIRTBACK_WINDOW_SIZE	0x200

#define VIRTBACK_NAME_LEN	32

/**
 * enum virtback_dma - what a backing store may access
 * @VIRTBACK_DMA_BOUNCE: pages of this module only; the data is copied
 * @VIRTBACK_DMA_DIRECT: the guest's memory
 */
enum virtback_dma {
	VIRTBACK_DMA_BOUNCE,
	VIRTBACK_DMA_DIRECT,
};

/* How long a reset waits for what accesses the guest's memory (dma=direct). */
#define VIRTBACK_RESET_TIMEOUT_MS	30000

/**
 * enum virtback_prepare - what prepare() and resume() made of a request
 * @VIRTBACK_SUBMIT: hand it to submit()
 * @VIRTBACK_DONE: it is complete, virtback_req_complete() was called
 * @VIRTBACK_STALL: no pages; nothing was changed, ask again later
 * @VIRTBACK_BROKEN: the driver broke the rules, the device needs a reset
 */
enum virtback_prepare {
	VIRTBACK_SUBMIT,
	VIRTBACK_DONE,
	VIRTBACK_STALL,
	VIRTBACK_BROKEN,
};

/* Most that a type may count of a queue. */
#define VIRTBACK_TYPE_COUNTERS	12

/**
 * struct virtback_type_ops - a device type
 * @name: for people
 * @id: DeviceID, a VIRTIO_ID_* of linux/virtio_ids.h; @create may set vd->id to 0
 * @req_size: bytes of the type's own part of each request
 * @counters: names of what the type counts of each queue, with virtback_vq_count();
 *	      attributes in sysfs
 * @nr_counters: how many, at most VIRTBACK_TYPE_COUNTERS
 * @create: open what the device needs; sets vd->type_priv, vd->type_features,
 *	    vd->config and vd->config_len. May sleep for long.
 * @destroy: undo @create; no request is in flight. May sleep for long.
 * @prepare: parse a chain, reserve pages, copy what the device reads. Called by
 *	     the worker under vq->ring_lock: may sleep, must not wait for requests.
 * @fetch: name the copies of what @prepare() will read first, of a device that copies: a
 *	   header of at most VIRTBACK_HEAD_BYTES into req->head; what else, to the
 *	   request's own, if @last, which comes for all requests after the headers.
 *	   Optional. Called for several requests, then @prepare() for each, with req->head
 *	   set: with req->fetched all of them have been made, otherwise some may have been,
 *	   and it makes its own. As @prepare; 0 or -errno.
 * @unfetch: give back what @fetch() took, as @prepare() will not be called for this
 *	     request; optional. As @prepare
 * @resume: the same for the next pass of a request given to
 *	    virtback_req_resume(). Same context. Before VIRTBACK_BROKEN it gives
 *	    back what the request holds but pins.
 * @store: name the copies with which a request given to virtback_req_resume() hands its
 *	   driver what it has for it, of a device that copies; those of a status byte if
 *	   @last, which comes for all requests after the rest. Optional. Then @resume()
 *	   is called: with req->stored all of them have been made; otherwise some may
 *	   have been, and it makes its own. As @prepare; 0 or -errno.
 * @submit: start the requests on the list (linked by &virtback_req.batch).
 *	    Called by the worker with no lock held, may wait for the disk. May
 *	    not touch guest memory. Each ends in virtback_req_complete() or
 *	    virtback_req_resume(), in any context.
 * @write_config: the driver wrote configuration space (whole in bounds);
 *		  optional. Called with vd->lock held.
 * @features_ok: veto for a set of accepted features, optional. When it has none,
 *		 they are negotiated. vd->lock held.
 * @reset: give what the driver can change its initial value, optional. Called
 *	   with vd->lock held when no queue is served any more.
 * @set_backing: put cfg->backing in the place of what is behind the device, which
 *		 goes on running; optional. Logs one line when it refuses, nothing
 *		 is changed then. May sleep for long, killable; not twice at once
 *		 for a device, and not together with @destroy.
 * @check_size: look whether what is behind the device has changed its size,
 *		optional. May sleep, does not wait for a disk; as @set_backing. false
 *		when it is gone for good, so that the same path may lead to another.
 */
struct virtback_type_ops {
	const char *name;
	u32 id;
	size_t req_size;
	const char *const *counters;
	unsigned int nr_counters;
	int (*create)(struct virtback_device *vd, const struct virtback_config *cfg);
	void (*destroy)(struct virtback_device *vd);
	enum virtback_prepare (*prepare)(struct virtback_req *req, struct virtback_chain *chain);
	int (*fetch)(struct virtback_req *req, struct virtback_chain *chain,
		     struct virtback_copier *c, bool last);
	void (*unfetch)(struct virtback_req *req);
	enum virtback_prepare (*resume)(struct virtback_req *req);
	int (*store)(struct virtback_req *req, struct virtback_copier *c, bool last);
	void (*submit)(struct virtback_vq *vq, struct list_head *reqs);
	void (*write_config)(struct virtback_device *vd, u32 off, u32 len, u64 val);
	bool (*features_ok)(struct virtback_device *vd, u64 features);
	void (*reset)(struct virtback_device *vd);
	int (*set_backing)(struct virtback_device *vd, const struct virtback_config *cfg);
	bool (*check_size)(struct virtback_device *vd);
};

/**
 * struct virtback_host_ops - how a guest is reached
 * @name: for people
 * @check: is the configuration complete and possible here? Logs the option and
 *	   the reason, returns -errno. Names the device (vd->name). May sleep.
 * @attach: claim the window; register accesses may arrive before it returns.
 *	    May sleep. After an error nothing is left, @release is not called.
 * @detach: give the window back; when it returns no access is being served any
 *	    more and none will come. The worker and completions may still pin,
 *	    unpin and raise interrupts until @release. May sleep, does not wait
 *	    for a disk (but the loop host's stock driver, which ends its requests
 *	    first).
 * @release: free @host_priv; the core has let go of all pins and mappings and
 *	     raises no more interrupts. Follows @detach,
 *	     virtback_device_quiesce() and, while a disk accesses the guest's
 *	     memory, its end. May sleep, never waits for a disk.
 * @pin: make the byte at @addr and as many as possible of the @len bytes from
 *	 there reachable; sets p->va, p->len (1..@len) and p->pin. -EFAULT when
 *	 it is not guest memory. Worker context, may sleep.
 * @unpin: undo @pin of a list of pieces, which are linked by their next and of one or
 *	   several requests. Any context, vq->lock may be held.
 * @copy: copy bytes from and to the guest, in any order; for devices whose
 *	  vd->copies @attach has set, which then are never asked to @pin. 0, or
 *	  -EFAULT when not all were copied. Process context, may sleep.
 * @borrow: map the pieces of a list, each of which lies within a page and is only
 *	    named, until @give_back; sets va and pin of each. For devices whose
 *	    vd->borrow_min is not 0. -errno when one of them cannot be mapped, or
 *	    there is no room now: none is mapped then. Worker context, may sleep.
 * @borrow_busy: does anyone else still use a page of the list? Worker context.
 * @give_back: undo @borrow of one list, or of several that were put together, at
 *	       once; va of each is NULL then. Worker context, may sleep.
 * @map: map a whole ring area contiguously. May sleep.
 * @unmap: undo @map. May sleep.
 * @raise_irq: tell the driver that InterruptStatus is not 0. Any context.
 * @lower_irq: InterruptStatus fell to 0, or did until another bit came; for level
 *	       interrupts, optional. Such a host sets its line, here and in
 *	       @raise_irq, to whether vd->isr is 0 under a lock of its own. Any
 *	       context.
 * @watch: from now on the caller looks for the accesses with which the driver answers an
 *	   interrupt, without sleeping, instead of the host being told of them; optional.
 *	   Returns what to give to @look and @unwatch, or NULL: the host is told. Worker
 *	   context, preemption disabled.
 * @look: answer such an access if there is one; true when it is left to a thread, which
 *	  is to have the processor. As @watch.
 * @unwatch: undo @watch. As @watch.
 * @in_use: would taking the device away harm a running guest? Removal is then
 *	    refused unless forced. May sleep.
 * @nr_cpus: how many CPUs has the guest? A hint for the number of queues, asked
 *	     after @check and before @attach; optional (1). May sleep.
 * @group: what the host shows in the device's directory in sysfs, from after
 *	   @attach to before @detach; named, optional
 * @reinject: the host may drop an interrupt while the target is offline, so the
 *	      core repeats it while InterruptStatus is not acknowledged
 */
struct virtback_host_ops {
	const char *name;
	int (*check)(struct virtback_device *vd, const struct virtback_config *cfg);
	int (*attach)(struct virtback_device *vd, const struct virtback_config *cfg);
	void (*detach)(struct virtback_device *vd);
	void (*release)(struct virtback_device *vd);
	int (*pin)(struct virtback_device *vd, u64 addr, u32 len, bool write,
		   struct virtback_piece *p);
	void (*unpin)(struct virtback_device *vd, struct virtback_piece *p);
	int (*copy)(struct virtback_device *vd, struct virtback_copy *ops, unsigned int nr);
	int (*borrow)(struct virtback_vq *vq, struct virtback_piece *list, bool write);
	bool (*borrow_busy)(struct virtback_vq *vq, const struct virtback_piece *list);
	void (*give_back)(struct virtback_vq *vq, struct virtback_piece *list);
	int (*map)(struct virtback_device *vd, u64 addr, size_t len, bool write,
		   struct virtback_area *area);
	void (*unmap)(struct virtback_device *vd, struct virtback_area *area);
	void (*raise_irq)(struct virtback_device *vd);
	void (*lower_irq)(struct virtback_device *vd);
	void *(*watch)(struct virtback_device *vd);
	bool (*look)(struct virtback_device *vd, void *watch);
	void (*unwatch)(struct virtback_device *vd, void *watch);
	bool (*in_use)(struct virtback_device *vd);
	unsigned int (*nr_cpus)(struct virtback_device *vd, const struct virtback_config *cfg);
	const struct attribute_group *group;
	bool reinject;
};

/**
 * enum virtback_reg - kinds of registers, for those who count accesses
 * @VIRTBACK_REG_QUEUE_NOTIFY: QueueNotify
 * @VIRTBACK_REG_INTERRUPT_STATUS: InterruptStatus
 * @VIRTBACK_REG_INTERRUPT_ACK: InterruptACK
 * @VIRTBACK_REG_STATUS: Status
 * @VIRTBACK_REG_FEATURES: features of device and driver, and their selectors
 * @VIRTBACK_REG_QUEUE: those that set a queue up
 * @VIRTBACK_REG_CONFIG: configuration space and its generation
 * @VIRTBACK_REG_OTHER: the rest, and what is no register
 * @VIRTBACK_REG_NR: number of kinds
 */
enum virtback_reg {
	VIRTBACK_REG_QUEUE_NOTIFY,
	VIRTBACK_REG_INTERRUPT_STATUS,
	VIRTBACK_REG_INTERRUPT_ACK,
	VIRTBACK_REG_STATUS,
	VIRTBACK_REG_FEATURES,
	VIRTBACK_REG_QUEUE,
	VIRTBACK_REG_CONFIG,
	VIRTBACK_REG_OTHER,
	VIRTBACK_REG_NR,
};

/**
 * struct virtback_device - a virtio device
 * @dev: in /sys/class/virtback; its release frees this structure
 * @name: "dom<domid>.<base in hex>" or "loop.<n>"
 * @type: device type
 * @id: DeviceID; 0 for a placeholder, which drivers leave alone; @lock
 * @type_priv: the type's own data
 * @type_features: features of the type, as offered; written under @lock, read by
 *		   anyone
 * @host_features: features that the host offers in addition, VIRTIO_F_ACCESS_PLATFORM
 *		   for one; set before or in its attach()
 * @features_off: features that are not offered; not VERSION_1 nor those of
 *		  @required. Set before the host's attach(), changed by tests under
 *		  @lock.
 * @required: features without which the host or type cannot serve a driver: those
 *	      that do not accept all of them get no FEATURES_OK. Offered by whoever
 *	      sets them, before or in attach().
 * @config: configuration space, little endian; vd->lock
 * @config_len: bytes of it
 * @host: host
 * @host_priv: the host's own data
 * @guest: whose device this is, a number of its own for each guest; 0 for one that has no
 *	   other. Written before virtback_device_init().
 * @peers: links the devices of a guest, without a head; see drivers/core/worker.c
 * @all: among the devices of all guests
 * @nice: of the workers, as virtback_device_set_nice() was told
 * @dma: what a backing store may access
 * @reset_timeout_ms: how long a reset, of the device or a queue, waits for it when
 *		      that is the guest's memory
 * @poll_us: microseconds that a worker looks on for the driver's next chain, 0 for not
 *	     at all; changes at any time, read without a lock
 * @copies: nothing of the guest but the rings is mapped, @host->copy() moves all
 *	    else; so whoever touches the guest's buffers is a worker. Set in
 *	    @host->attach(), before the first access.
 * @borrow_min: with @copies: bytes from which on the data of a pass is mapped for it
 *		and given to what accesses it (&virtback_host_ops.borrow), 0 for never.
 *		As @copies.
 * @mem_gen: a number that the host changes when what an address means has changed: what
 *	     was pinned before must not be taken for that address any more. NULL where
 *	     that never happens. As @copies; read without a lock, after the ring was.
 * @lock: serialises register accesses that may sleep and everything they change;
 *	  outermost, then vq->ring_lock, then vq->lock
 * @accepted: feature bits as written by the driver; @lock
 * @features: the negotiated bits, 0 before FEATURES_OK; written under @lock,
 *	      constant while a queue is ready. virtback_mmio_fast() reads it with
 *	      READ_ONCE() and no lock.
 * @device_features_sel: DeviceFeaturesSel; @lock
 * @driver_features_sel: DriverFeaturesSel; @lock
 * @queue_sel: QueueSel; @lock
 * @config_generation: ConfigGeneration; @lock
 * @status: Status. Bits are set under @lock, but DEVICE_NEEDS_RESET, set by
 *	    virtback_device_break() in any context.
 * @isr: InterruptStatus. atomic_fetch_or() after the used index was stored
 *	 pairs with atomic_fetch_andnot() of InterruptACK before its reply.
 * @orphans: requests of before the last reset whose I/O has not ended; while not
 *	     0 no queue takes new chains (an old write must not land after a new)
 * @paused: no queue takes new chains, see virtback_device_pause(). Written by it
 *	    without a lock; a worker reads it with vq->ring_lock held.
 * @leaving: the device is being removed, so nobody waits for its disk for another
 *	     purpose. Only ever set; read without a lock, the wake-up of
 *	     vq->drained orders it.
 * @orphans_gone: woken when @orphans falls to 0, and when a queue has nothing borrowed
 *		  any more
 * @reinject: repeats an interrupt, see &virtback_host_ops.reinject
 * @log: rate limit of what a guest can make us log
 * @bad_accesses: register accesses of a wrong width, alignment or offset, with a
 *		  value or at a time that is not allowed
 * @regs: accesses by register, see enum virtback_reg
 * @state_changed: called when what the driver did, or an error, may have changed the
 *		   device's state, in any context; optional
 * @traps: how long register accesses took, from the trap to the reply
 * @nvqs: number of queues
 * @vqs: the queues
 */
struct virtback_device {
	struct device dev;
	char name[VIRTBACK_NAME_LEN];
	const struct virtback_type_ops *type;
	u32 id;
	void *type_priv;
	u64 type_features;
	u64 host_features;
	u64 features_off;
	u64 required;
	void *config;
	u32 config_len;
	const struct virtback_host_ops *host;
	void *host_priv;
	u32 guest;
	struct list_head peers;
	struct list_head all;
	int nice;
	enum virtback_dma dma;
	u32 reset_timeout_ms;
	u32 poll_us;
	bool copies;
	u32 borrow_min;
	const u64 *mem_gen;

	struct mutex lock;		/* registers and what they change */
	u64 accepted;
	u64 features;
	u32 device_features_sel;
	u32 driver_features_sel;
	u32 queue_sel;
	u32 config_generation;

	atomic_t status;
	atomic_t isr;
	atomic_t orphans;
	bool paused;
	bool leaving;
	wait_queue_head_t orphans_gone;
	struct timer_list reinject;
	struct ratelimit_state log;
	atomic_t bad_accesses;
	u64 __percpu *regs;
	void (*state_changed)(struct virtback_device *vd);
	struct virtback_latency traps;

	u16 nvqs;
	struct virtback_vq *vqs;
};

extern const struct virtback_type_ops virtback_blk_type;
extern const struct virtback_host_ops virtback_loop_host;
extern const struct virtback_host_ops virtback_xen_host;

#define virtback_dev_of(d) container_of(d, struct virtback_device, dev)

/* A line about what the guest did: names the device, cannot flood the log. */
#define virtback_guest_err(vd, fmt, ...)				\
do {									\
	struct virtback_device *__vd = (vd);				\
									\
	if (__ratelimit(&__vd->log))					\
		pr_warn("%s: guest: " fmt, __vd->name, ##__VA_ARGS__);	\
} while (0)

/* drivers/core/device.c */
int virtback_device_init(struct virtback_device *vd, u16 nvqs, u16 queue_size);
void virtback_device_quiesce(struct virtback_device *vd);
void virtback_device_drain(struct virtback_device *vd);
int virtback_device_pause(struct virtback_device *vd);
void virtback_device_unpause(struct virtback_device *vd);
void virtback_device_leave(struct virtback_device *vd);
void virtback_device_fini(struct virtback_device *vd);
void virtback_device_lock(struct virtback_device *vd);
void virtback_device_reset(struct virtback_device *vd);
void virtback_device_break(struct virtback_device *vd, const char *why);
void virtback_device_set_status(struct virtback_device *vd, u8 val);
void virtback_device_config_changed(struct virtback_device *vd);
bool virtback_device_interrupt(struct virtback_device *vd, u32 bit);
u64 virtback_device_offered(const struct virtback_device *vd);
bool virtback_device_running(const struct virtback_device *vd);
bool virtback_device_exposed(const struct virtback_device *vd);

/* drivers/core/stats.c */
u64 virtback_device_reg_count(const struct virtback_device *vd, enum virtback_reg reg);

/* drivers/core/worker.c */
int virtback_device_set_cpus(struct virtback_device *vd, const struct cpumask *mask);
const struct cpumask *virtback_device_cpus(const struct virtback_device *vd);
void virtback_device_set_nice(struct virtback_device *vd, int nice);
int virtback_device_nice(const struct virtback_device *vd);
int virtback_share_nice(unsigned int nr);

#endif
