/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks, and what of the kernel makes them wait: locks, RCU, wait queues, work items,
 * timers. All tasks are coroutines of one thread. One runs until it ends, has to
 * wait or comes to the point where the input has it preempted, so that an input always
 * does the same.
 */
#ifndef FUZZ_SCHED_H
#define FUZZ_SCHED_H

struct mutex;
struct fz_task;

/* --- locks --- */

typedef struct { struct fz_task *owner; bool held; } spinlock_t;
struct mutex { struct fz_task *owner; bool held; };

#define DEFINE_MUTEX(m)		struct mutex m
#define mutex_destroy(m)	fz_mutex_destroy(m)
void mutex_init(struct mutex *m);
void fz_mutex_destroy(struct mutex *m);
void mutex_lock(struct mutex *m);
int mutex_lock_killable(struct mutex *m);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);

void spin_lock_init(spinlock_t *l);
void spin_lock_irq(spinlock_t *l);
void spin_unlock_irq(spinlock_t *l);
#define DEFINE_SPINLOCK(l)		spinlock_t l
#define spin_lock(l)			spin_lock_irq(l)
#define spin_unlock(l)			spin_unlock_irq(l)
#define spin_lock_irqsave(l, f)		do { (f) = 0; spin_lock_irq(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { (void)(f); spin_unlock_irq(l); } while (0)

bool fz_holds(const struct fz_task *owner, bool held);
#ifdef FZ_BARE
#define lockdep_assert_held(l)		((void)(l))
#else
#define lockdep_assert_held(l) do {					\
	if (!fz_holds((l)->owner, (l)->held))				\
		fz_bug("%s:%d: %s is not held", __FILE__, __LINE__, #l); \
} while (0)
#endif

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
#define synchronize_rcu_expedited()	synchronize_rcu()

void fz_may_sleep(const char *what);
#ifdef FZ_BARE
#define might_sleep()		((void)0)
#else
#define might_sleep()		fz_may_sleep("might_sleep()")
#endif
void cond_resched(void);
#define cond_resched_tasks_rcu_qs()	cond_resched()
#define schedule()			cond_resched()
#define local_clock()			ktime_get_ns()
void cpu_relax(void);
/* One processor runs everything. */
#define raw_smp_processor_id()	0
#define smp_processor_id()	0
void preempt_disable(void);
void preempt_enable(void);
bool need_resched(void);
bool single_task_running(void);

/* --- waiting --- */

typedef struct wait_queue_head { int unused; } wait_queue_head_t;

#define init_waitqueue_head(wq)	((void)(wq))
void wake_up(wait_queue_head_t *wq);
#ifdef FZ_BARE
#define wq_has_sleeper(wq)	false
#else
#define wq_has_sleeper(wq)	({ smp_mb(); true; })
#endif
#define wake_up_all(wq)		wake_up(wq)

enum fz_wait { FZ_WAIT, FZ_WAIT_KILLABLE };

void fz_wait_prepare(wait_queue_head_t *wq);
/* 0 after a wake-up, -ETIME after the time, -ERESTARTSYS when killed. */
int fz_wait_sleep(wait_queue_head_t *wq, enum fz_wait how, long timeout);
void fz_wait_end(void);

#define fz_wait_event(wq, cond, how, timeout) ({			\
	int _ret = 0;							\
	fz_may_sleep("wait_event()");					\
	for (;;) {							\
		fz_wait_prepare(&(wq));					\
		if (cond) {						\
			_ret = 0;					\
			break;						\
		}							\
		if (_ret)						\
			break;						\
		_ret = fz_wait_sleep(&(wq), how, timeout);		\
	}								\
	fz_wait_end();							\
	_ret;								\
})
#define wait_event(wq, cond)		((void)fz_wait_event(wq, cond, FZ_WAIT, 0))
#define wait_event_idle(wq, cond)	wait_event(wq, cond)
#define wait_event_killable(wq, cond)	fz_wait_event(wq, cond, FZ_WAIT_KILLABLE, 0)
/* The time that is left is looked at for being 0 alone. */
#define wait_event_idle_timeout(wq, cond, t)	(fz_wait_event(wq, cond, FZ_WAIT, t) ? 0L : 1L)

/* --- work --- */

struct kthread_work;
struct workqueue_struct;
/* One processor. */
struct cpumask { int none; };
#define cpu_online(cpu)			true
#define cpus_read_lock()		((void)0)
#define cpus_read_trylock()		true
#define cpus_read_unlock()		((void)0)
#define cpumask_of(cpu)			NULL
#define cpumask_test_cpu(cpu, mask)	true
#define cpumask_copy(to, from)		((void)(to))
#define cpumask_equal(a, b)		true
#define is_idle_task(t)			false

/* What the scheduler keeps of a thread for others to see. */
struct task_struct {
	const struct cpumask *cpus_ptr;
	int nice;
};

#define set_cpus_allowed_ptr(t, mask)	({ (t)->cpus_ptr = (mask); 0; })
#define MAX_NICE			19
#define MIN_NICE			(-20)
#define set_user_nice(t, n)		((void)((t)->nice = (n)))
#define task_nice(t)			((t)->nice)

struct kthread_worker {
	struct task_struct *task;
	struct task_struct thread;
	struct fz_task *run;
	struct list_head works;
	struct kthread_work *now;
	wait_queue_head_t done;
};

struct kthread_work {
	struct list_head node;
	struct kthread_worker *worker;
	bool pending;
	void (*func)(struct kthread_work *work);
};

struct work_struct {
	struct list_head link;
	bool pending;
	struct workqueue_struct *wq;
	void (*func)(struct work_struct *work);
};

typedef void (*work_func_t)(struct work_struct *work);

struct timer_list {
	struct list_head link;
	bool pending;
	unsigned long expires;
	void (*func)(struct timer_list *t);
};

struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
	struct workqueue_struct *wq;
};

void kthread_init_work(struct kthread_work *work, void (*func)(struct kthread_work *work));
struct kthread_worker *kthread_create_worker(unsigned int flags, const char *fmt, ...)
	__printf(2, 3);
void kthread_destroy_worker(struct kthread_worker *w);
bool kthread_queue_work(struct kthread_worker *w, struct kthread_work *work);
void kthread_flush_work(struct kthread_work *work);

#define WQ_UNBOUND	1
#define WQ_MEM_RECLAIM	2
extern struct workqueue_struct *system_wq;

#define INIT_WORK(w, f)	(*(w) = (struct work_struct){ .func = (f) })
struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
	__printf(1, 4);
void destroy_workqueue(struct workqueue_struct *wq);
void flush_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);

void fz_delayed_work_timer(struct timer_list *t);
#define DECLARE_DEFERRABLE_WORK(n, f) struct delayed_work n = {		\
	.work.func = (f), .timer.func = fz_delayed_work_timer,		\
}
bool schedule_delayed_work(struct delayed_work *dw, unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw, unsigned long delay);
bool cancel_delayed_work_sync(struct delayed_work *dw);

/* --- time --- */

extern unsigned long jiffies;
u64 ktime_get_ns(void);

#define timer_setup(t, f, flags)	(*(t) = (struct timer_list){ .func = (f) })
#define timer_pending(t)		({ fz_point(); (t)->pending; })
int mod_timer(struct timer_list *t, unsigned long expires);
int timer_reduce(struct timer_list *t, unsigned long expires);
int timer_delete_sync(struct timer_list *t);
#define time_after(a, b)		((long)((b) - (a)) < 0)
#define time_before(a, b)		time_after(b, a)
#define time_after_eq(a, b)		((long)((a) - (b)) >= 0)
#define msecs_to_jiffies(ms)		((ms) / 4UL + 1)

struct ratelimit_state { unsigned int left; };

#define DEFAULT_RATELIMIT_INTERVAL	(5 * HZ)
#define DEFAULT_RATELIMIT_BURST		10
#define RATELIMIT_MSG_ON_RELEASE	1
#define ratelimit_state_init(rs, i, b)	((rs)->left = (b))
#define ratelimit_set_flags(rs, f)	((void)(f))
#define __ratelimit(rs)			((rs)->left && (rs)->left--)

#define PF_LOCAL_THROTTLE	1
#define PF_MEMALLOC_NOIO	2
struct fz_flags {
	unsigned int flags;
	const struct cpumask *cpus_ptr;
	struct {
		u64 sum_exec_runtime;
	} se;
};
extern struct fz_flags *fz_flags;
#define current			fz_flags
#define in_task()		(!fz_current->irq)

static inline unsigned int memalloc_noio_save(void)
{
	unsigned int old = current->flags & PF_MEMALLOC_NOIO;

	current->flags |= PF_MEMALLOC_NOIO;
	return old;
}

static inline void memalloc_noio_restore(unsigned int old)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOIO) | old;
}

/* --- for the harness --- */

/**
 * struct fz_task - a coroutine
 * @name: for people
 * @sp: where it stopped
 * @stack: its stack
 * @fn: what it does, NULL when it is idle
 * @arg: for @fn
 * @vq: queue of a queue's worker, -1 else
 * @irq: it stands for an interrupt: may not sleep
 * @blocked: it waits
 * @mutex: for this one
 * @wq: for a wake-up of this one
 * @woken: which has come
 * @rcu: and for a read-side section of this task, which was its @rcu_nr-th
 * @rcu_nr: see @rcu
 * @killable: it may be killed
 * @killed: it was
 * @deadline: jiffies when it has waited long enough, 0 for never
 * @spins: spinlocks that it holds
 * @rcu_nest: RCU read-side sections that it is in
 * @rcu_done: those it left
 * @flags: current->flags
 * @looking: it waits busily
 * @preempt: calls of preempt_disable() that are not undone
 * @looks: it did nothing else since it called cond_resched()
 * @req: request that the block type prepares or resumes
 */
struct fz_task {
	char name[16];
	void *sp;
	u8 *stack;
	void *fake_stack;
	void (*fn)(void *arg);
	void *arg;
	int vq;
	bool irq;
	bool blocked;
	struct mutex *mutex;
	wait_queue_head_t *wq;
	bool woken;
	struct fz_task *rcu;
	unsigned int rcu_nr;
	bool killable;
	bool killed;
	unsigned long deadline;
	unsigned int spins;
	unsigned int rcu_nest;
	unsigned int rcu_done;
	struct fz_flags flags;
	bool looking;
	int preempt;
	bool looks;
	void *req;
};

#define FZ_TASKS	32
extern struct fz_task fz_tasks[FZ_TASKS];
extern struct fz_task *fz_current;
extern bool fz_preempted;

void fz_sched_init(void);
void fz_sched_begin(u32 most, u32 tick);
void fz_sched_end(void);
struct fz_task *fz_task_get(const char *name);
void fz_task_put(struct fz_task *t);
void fz_start(struct fz_task *t, void (*fn)(void *arg), void *arg);
bool fz_runnable(const struct fz_task *t);
void fz_run(struct fz_task *t);
void fz_settle(void);
void fz_settle_but_lookers(void);
void fz_preempt_after(u32 points);
u32 fz_points(void);
bool fz_busy(void);
void fz_advance(unsigned long by);
bool fz_next_deadline(void);
bool fz_timer_fire(struct fz_task *irq);

#endif
