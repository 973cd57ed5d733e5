/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtqueues, device side. The ring format is behind struct virtback_ring_ops; the life
 * of a request (prepare, submit, complete) is in drivers/core/serve.c and
 * drivers/core/req.c, and what a device type sees of it in <virtback/req.h>.
 */
#ifndef VIRTBACK_VQ_H
#define VIRTBACK_VQ_H

#include <linux/atomic.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <virtback/count.h>
#include <virtback/latency.h>
#include <virtback/mem.h>
#include <virtback/req.h>

struct virtback_ahead;
struct virtback_desc;
struct virtback_device;
struct virtback_vq;

#define VIRTBACK_QUEUE_SIZE_DEFAULT	256

/*
 * A queue may be shorter than one request (a block device's has a header, data and
 * a status); its chains are then in indirect tables.
 */
#define VIRTBACK_CHAIN_MIN		4

/*
 * Most pages that one pass of a request moves. A longer request is served in
 * several passes, so that its length never decides how much memory it takes.
 */
#define VIRTBACK_ROUND_PAGES		256

/*
 * Most buffers of a chain, however large its queue is. A type promises no more to
 * the driver (seg_max of block).
 */
#define VIRTBACK_CHAIN_MAX		1024

/*
 * Most requests of a queue, however large it is; further chains wait in the ring
 * until one completes.
 */
#define VIRTBACK_REQS_MAX		1024

/* Bounce pages of a queue: four of the longest passes in flight at once. */
#define VIRTBACK_POOL_PAGES		(4 * VIRTBACK_ROUND_PAGES)

/*
 * Requests of a queue whose buffer lists may outlive prepare() at once. Requests
 * that are served in one pass need no such storage.
 */
#define VIRTBACK_KEEP_REQS		8

/* Requests that are published together, at most. */
#define VIRTBACK_ENDS		8

/* Copies of a copier that go to the host at once. */
#define VIRTBACK_COPY_BATCH	32

/* Of a request's beginning, where that is copied together with others'. */
#define VIRTBACK_HEAD_BYTES	64

/**
 * struct virtback_table - an indirect table while its chain is parsed
 * @addr: guest address
 * @nr: descriptors in it
 * @va: those within reach: in @virtback_vq.window, or copied to vq->table
 * @from: the first of them
 * @reach: how many, whole ones
 * @reads: parts that were copied so far
 */
struct virtback_table {
	u64 addr;
	u32 nr;
	const void *va;
	u32 from;
	u32 reach;
	unsigned int reads;
};

/**
 * struct virtback_window - memory where a table was found, pinned for those that follow
 * @addr: guest address of @piece
 * @gen: what vd->mem_gen was before it was pinned
 * @piece: the memory, for reading; len 0 when nothing is pinned
 */
struct virtback_window {
	u64 addr;
	u64 gen;
	struct virtback_piece piece;
};

/**
 * struct virtback_ring_ops - a ring format, split or packed
 * @map: map the ring areas and start at the beginning; -errno leaves nothing
 *	 mapped. Called with vd->lock held, may sleep.
 * @unmap: undo @map. Called with vd->lock held when no worker and no completion
 *	   uses the ring any more, may sleep.
 * @pop: take the next chain into @vq->sg. 1 when there is one, 0 when the ring
 *	 is empty, -errno when the driver broke the ring. May sleep.
 * @peek: the first descriptor of the @n-th chain that waits, if each before it takes one
 *	  descriptor of the ring; false when there is none. A hint: @pop() reads it again.
 * @unpop: give the chain taken last back, and then that before it, and so on; before @pop
 *	   is called again.
 * @push: publish one used element: @len bytes were written. Called with vq->lock
 *	  held, in any context.
 * @notify_off: ask the driver for no more kicks (a hint).
 * @notify_on: ask for kicks again; true when chains came in meanwhile, the
 *	       caller then looks again.
 * @pending: has the driver sent a chain that was not taken?
 * @want_irq: does the driver want an interrupt for what was pushed since the
 *	      last call? Called with vq->lock held, in any context.
 *
 * @pop, @peek, @unpop, @notify_off, @notify_on and @pending are called by the queue's worker with
 * vq->ring_lock held.
 */
struct virtback_ring_ops {
	int (*map)(struct virtback_vq *vq);
	void (*unmap)(struct virtback_vq *vq);
	int (*pop)(struct virtback_vq *vq, struct virtback_chain *chain);
	bool (*peek)(const struct virtback_vq *vq, u16 n, struct virtback_desc *head);
	void (*unpop)(struct virtback_vq *vq, const struct virtback_chain *chain);
	void (*push)(struct virtback_vq *vq, const struct virtback_req *req, u32 len);
	void (*notify_off)(struct virtback_vq *vq);
	bool (*notify_on)(struct virtback_vq *vq);
	bool (*pending)(const struct virtback_vq *vq);
	bool (*want_irq)(struct virtback_vq *vq);
};

extern const struct virtback_ring_ops virtback_split_ops;
extern const struct virtback_ring_ops virtback_packed_ops;

/**
 * struct virtback_vq_stats - counts since the device was made
 * @requests: chains taken; counted by the worker alone, without a lock and with
 *	      virtback_add_once(), as are @bounced and @direct
 * @bounced: bytes of data that a type copied between the guest's memory and its own
 * @direct: bytes of the guest's memory that a device of this machine accessed
 * @completed: used elements published
 * @dropped: requests that a reset orphaned, or that had ended and waited for their
 *	     turn (IN_ORDER)
 * @irqs: completions for which the driver wanted an interrupt
 * @irqs_saved: completions for which it wanted none, or that shared one (IN_ORDER)
 * @stalls: times the worker waited for a request or pages to come back
 * @poll_hits: times the worker looked on and a chain came; counted by it alone, as
 *	       are the next two
 * @poll_misses: times it looked on and none came in time
 * @poll_ns: nanoseconds that it looked on
 */
struct virtback_vq_stats {
	u64 requests;
	u64 bounced;
	u64 direct;
	u64 completed;
	u64 dropped;
	u64 irqs;
	u64 irqs_saved;
	u64 stalls;
	u64 poll_hits;
	u64 poll_misses;
	u64 poll_ns;
};

/**
 * struct virtback_poll - what a worker knows of its driver's habits
 * @gap: averages of how long the driver takes for its next chain, nanoseconds:
 *	 [0] with nothing in flight, [1] with something. Read without a lock.
 * @since: when the ring was found empty or the last request ended, whichever is
 *	   later; 0 while it is not empty. Nanoseconds of the monotonic clock
 * @idle_since: when the last request ended, as above; written under vq->lock
 * @busy: something was in flight at @since
 * @wait: the worker is to look on
 * @polled: the worker has looked on since @since
 * @running: the worker is at work, and need not be woken. Read without a lock.
 */
struct virtback_poll {
	u64 gap[2];
	u64 since;
	u64 idle_since;
	bool busy;
	bool wait;
	bool polled;
	bool running;
};

/**
 * struct virtback_ack - does a driver acknowledge its interrupts soon?
 * @work: stay for it, when the worker has nothing else to do
 * @limit: how long the worker stays, nanoseconds
 * @expected: an interrupt was raised since the worker last stayed. Without a lock.
 * @skip: interrupts that still go by without. Without a lock; one that is lost counts
 *	  one interrupt wrong.
 * @missed: what @skip begins with after an acknowledgment that did not come; the
 *	    worker's
 */
struct virtback_ack {
	struct kthread_work work;
	u64 limit;
	bool expected;
	unsigned int skip;
	unsigned int missed;
};

/**
 * struct virtback_place - where its kicks come to; see drivers/core/place.c
 * @idle: the processor of the last kick had nothing else to do, and the worker has not
 *	  counted it yet. Without a lock; a kick that is lost is one less.
 * @cpu: that processor, when the worker last looked; as @kicks
 * @kicks: how often it was another one than the worker's, and idle; the worker's
 * @next: when the worker may move again, jiffies; as @kicks
 */
struct virtback_place {
	bool idle;
	int cpu;
	unsigned int kicks;
	unsigned long next;
};

/**
 * struct virtback_share - how much of a processor a worker has, and how nice it is for that
 * @next: when it looks again, jiffies; the worker's
 * @looked: when it last did, jiffies. Written by the worker, read by those of its guest.
 * @use: nanoseconds that it wanted to run, a jiffy, when it last looked; as @looked
 * @wanted: nanoseconds that it had wanted to run then, in all; the worker's
 * @turn: nanoseconds that it goes on while others wait for its processor; the worker's
 * @extra: what is added to the device's nice value; see drivers/core/worker.c
 */
struct virtback_share {
	unsigned long next;
	unsigned long looked;
	u32 use;
	u64 wanted;
	u32 turn;
	int extra;
};

/**
 * struct virtback_vq - a virtqueue
 * @vd: its device
 * @index: its number
 * @num_max: QueueNumMax
 * @chain_max: buffers of the longest chain that an indirect table may hold: @num_max
 *	       within VIRTBACK_CHAIN_MIN and VIRTBACK_CHAIN_MAX
 * @num: QueueNum as the driver set it, 0 when unset; vd->lock
 * @ready: QueueReady. Written under vd->lock, read by anyone with READ_ONCE().
 * @stopping: between the two halves of a stop; vd->lock
 * @desc_addr: QueueDesc, guest address; vd->lock
 * @driver_addr: QueueDriver (available ring; packed: driver event suppression),
 *		 guest address; vd->lock
 * @device_addr: QueueDevice (used ring; packed: device event suppression), guest
 *		 address; vd->lock
 * @ring: ring format, set when the queue becomes ready
 * @desc: mapping of the descriptor table, or the packed ring
 * @avail: mapping of what @driver_addr names
 * @used: mapping of what @device_addr names
 * @in_order: VIRTIO_F_IN_ORDER was negotiated, set when it becomes ready
 * @event_idx: VIRTIO_F_EVENT_IDX was negotiated, set when it becomes ready
 * @indirect: VIRTIO_F_INDIRECT_DESC was negotiated, set when it becomes ready
 * @ring_lock: held by the worker while it reads the ring or copies from the
 *	       guest, never while it waits for a disk; virtback_vq_stop() takes
 *	       it to get the worker out of the guest's memory. Inside vd->lock.
 * @last_avail: next index of the available ring, packed: next offset; ring_lock
 * @avail_flags: AVAIL and USED of a descriptor that is available at @last_avail, packed
 *		 only; ring_lock
 * @spare: requests not in use, for the worker, who takes all of @idle at once; the one
 *	   used last comes first; ring_lock
 * @nr_taken: requests that were taken; wraps around. Written with ring_lock held.
 * @chain: the chain taken last; ring_lock. Not on the worker's stack, which a kernel may
 *	   be built to clear for each.
 * @walk: the place in its indirect table; as @chain
 * @window: where that table is, unless vd->copies: drivers have their tables in the same
 *	    few pages. The worker's, who lets go of it before ring_lock
 * @glance: what is pinned to be read at once; as @chain
 * @sg: storage of the chain being parsed; ring_lock
 * @table: for a copy of an indirect table, if vd->copies; otherwise of one descriptor that
 *	   cannot be pinned at once; ring_lock
 * @table_len: bytes of it: a table that is no longer than a chain may be
 * @ahead: chains that were taken and are copied together, if vd->copies, otherwise NULL;
 *	   ring_lock
 * @lock: the completion side: everything from here to @stats. Taken in
 *	  interrupt context. Inside ring_lock.
 * @used_idx: next index of the used ring, packed: next offset; set under
 *	      @ring_lock alone by a start, when no completion is live
 * @used_flags: AVAIL and USED of a descriptor that is used at @used_idx, packed only; as
 *		@used_idx
 * @signalled: @used_idx at the last interrupt decision
 * @signalled_valid: @signalled says something (false right after a start)
 * @epoch: bumped by every stop. Read without the lock under RCU by completions
 *	   (pairs with synchronize_rcu_expedited() of a stop).
 * @idle: requests that were retired since the worker looked, the last one first
 * @idle_tail: the first one of them, while there are some
 * @inflight: with IN_ORDER, requests between being taken and being published, in the
 *	      order in which they were taken
 * @nr_retired: requests that were in flight and are not any more; wraps around. Read
 *		without the lock, too.
 * @nr_orphans: requests in flight with an old epoch
 * @resume: requests waiting for their next pass
 * @busy: those of which someone still uses pages that were borrowed; the worker's
 *	  alone, which looks again when @look_again says so
 * @look_again: wakes the worker for @busy; while it is pending nobody looks at those
 * @collector: current, of the task that collects what ends, NULL for none; the worker
 *	       alone sets it. Read without a lock: is this the task?
 * @ended: what it has collected; @collector's alone
 * @nr_ended: how many are in @ended
 * @nr_borrowed: requests that have borrowed. Written by the worker alone, read
 *		 without a lock by virtback_device_exposed().
 * @stalled: the worker ran out of requests or pages; the next completion wakes it
 * @drained: woken under @lock when nothing is in flight
 * @stats: counters
 * @kicks: QueueNotify writes for this queue; any context
 * @irqs_sent: interrupts that the host was asked for because of this queue; any context
 * @kicked: when the first of those came that the worker has not seen yet, 0 for none.
 *	    Kicks set it where it is 0 and the worker takes it, both without a lock:
 *	    what two of them do at once costs a measurement.
 * @kick_cpu: the processor that handled the last kick. Without a lock.
 * @counters: what the type counts, one number for each of its names and each CPU
 * @latency: how long its stages took, from VIRTBACK_LATENCY_SUBMIT on
 * @worker: the thread that serves the queue
 * @work: queued on @worker by a kick
 * @poll: busy waiting; the worker's
 * @ack: waiting for acknowledgments
 * @place: where the worker should be
 * @share: what the worker has of a processor
 * @turn: since when it has had it without a look at others, local_clock()
 * @copy: the copies that wait in a copier, if vd->copies; the worker's
 * @pages: bounce pages
 * @pieces: stock of struct virtback_piece, for those that requests do not bring along
 * @max_pins: pieces that requests can have at once; constant
 * @keep: storage for buffer lists, see virtback_req_keep()
 * @reqs: storage of all requests
 * @req_size: bytes of one, with the type's part
 */
struct virtback_vq {
	struct virtback_device *vd;
	u16 index;
	u16 num_max;
	u16 chain_max;
	u16 num;
	bool ready;
	bool stopping;
	u64 desc_addr;
	u64 driver_addr;
	u64 device_addr;

	const struct virtback_ring_ops *ring;
	struct virtback_area desc;
	struct virtback_area avail;
	struct virtback_area used;
	bool in_order;
	bool event_idx;
	bool indirect;

	struct mutex ring_lock;		/* the worker's use of guest memory */
	u16 last_avail;
	u16 avail_flags;
	struct virtback_req *spare;
	unsigned int nr_taken;
	struct virtback_chain chain;
	struct virtback_table walk;
	struct virtback_window window;
	struct virtback_piece glance;
	struct virtback_sg *sg;
	u8 *table;
	u32 table_len;
	struct virtback_ahead *ahead;

	spinlock_t lock;		/* the completion side */
	u16 used_idx;
	u16 used_flags;
	u16 signalled;
	bool signalled_valid;
	u32 epoch;
	struct virtback_req *idle;
	struct virtback_req *idle_tail;
	struct list_head inflight;
	unsigned int nr_retired;
	unsigned int nr_orphans;
	struct list_head resume;
	struct list_head busy;
	struct timer_list look_again;
	const void *collector;
	struct virtback_req *ended[VIRTBACK_ENDS];
	unsigned int nr_ended;
	unsigned int nr_borrowed;
	bool stalled;
	wait_queue_head_t drained;
	struct virtback_vq_stats stats;
	atomic_long_t kicks;
	atomic_long_t irqs_sent;
	u64 kicked;
	int kick_cpu;
	u64 __percpu *counters;
	struct virtback_latency latency[VIRTBACK_LATENCY_NR];

	struct kthread_worker *worker;
	struct kthread_work work;
	struct virtback_poll poll;
	struct virtback_ack ack;
	struct virtback_place place;
	struct virtback_share share;
	u64 turn;
	struct virtback_copy copy[VIRTBACK_COPY_BATCH];
	struct virtback_pool pages;
	struct virtback_pool pieces;
	unsigned int max_pins;
	struct virtback_pool keep;
	void *reqs;
	size_t req_size;
};

/**
 * virtback_vq_inflight() - how many requests are in flight?
 * @vq: queue
 *
 * Any context.
 *
 * Return: those that were taken and neither published nor dropped; exact with ring_lock
 * and vq->lock held, and while none is taken never too few.
 */
static inline unsigned int virtback_vq_inflight(const struct virtback_vq *vq)
{
	/* In this order a request that is taken and retired meanwhile is not counted as -1. */
	unsigned int retired = smp_load_acquire(&vq->nr_retired);

	return READ_ONCE(vq->nr_taken) - retired;
}

/**
 * virtback_vq_count() - add to a counter of the device type
 * @vq: queue
 * @i: index in &virtback_type_ops.counters
 * @n: how much
 *
 * Any context.
 */
static inline void virtback_vq_count(struct virtback_vq *vq, unsigned int i, u64 n)
{
	this_cpu_add(vq->counters[i], n);
}

/**
 * virtback_req_live() - may the request still touch the guest's memory?
 * @req: request
 *
 * The answer holds until the end of the RCU read-side section it was given in,
 * or, in prepare() and resume(), until they return. Any context.
 *
 * Return: false for an orphan.
 */
static inline bool virtback_req_live(const struct virtback_req *req)
{
	/* Pairs with the store in virtback_vq_orphan(). */
	return READ_ONCE(req->vq->epoch) == req->epoch;
}

/* drivers/core/stats.c */
u64 virtback_vq_counter(const struct virtback_vq *vq, unsigned int i);

/* drivers/core/vq.c: life of a queue */
int virtback_vq_init(struct virtback_vq *vq, struct virtback_device *vd, u16 index, u16 num_max);
void virtback_vq_destroy(struct virtback_vq *vq);
int virtback_vq_start(struct virtback_vq *vq);
void virtback_vq_stop(struct virtback_vq *vq);
void virtback_vq_forget(struct virtback_vq *vq);
void virtback_vq_drain(struct virtback_vq *vq);
int virtback_vq_quiet(struct virtback_vq *vq);

/* drivers/core/serve.c */
void virtback_vq_kick(struct virtback_vq *vq, u64 now);

/* drivers/core/worker.c: turns of a worker */
void virtback_turn_begin(struct virtback_vq *vq);
bool virtback_turn_long(const struct virtback_vq *vq);
void virtback_turn_end(struct virtback_vq *vq);

/**
 * virtback_turn_over() - is it time to let others have the processor?
 * @vq: queue of the worker that runs
 *
 * The scheduler takes a processor away when its tick finds that one has had too much of it,
 * some milliseconds later than it ought to. Who waits that long for a turn of 50 µs does not
 * see a fair share but a disk that stands still now and then.
 *
 * Return: true when virtback_turn_end() is due
 */
static inline bool virtback_turn_over(const struct virtback_vq *vq)
{
	return need_resched() || (!single_task_running() && virtback_turn_long(vq));
}

#endif
