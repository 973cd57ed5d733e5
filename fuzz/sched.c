// SPDX-License-Identifier: GPL-2.0
/*
 * The scheduler of the fuzzer; see sched.h. Only main() is no task: it interprets the
 * input and says which task goes on.
 */
#include <stdarg.h>
#include <sys/mman.h>

#include "shim.h"
#undef memcpy

/*
 * Whose stack it is the sanitizer wants to know for what it prints (and for its fake stacks,
 * which are off): a replay tells it.
 */
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define fiber_leave(save, stack, len)					\
	do { if (fz_verbose) __sanitizer_start_switch_fiber(save, stack, len); } while (0)
#define fiber_enter(saved, stack, len)					\
	do { if (fz_verbose) __sanitizer_finish_switch_fiber(saved, stack, len); } while (0)
#else
#define fiber_leave(save, stack, len)	((void)(stack), (void)(len))
#define fiber_enter(saved, stack, len)	((void)(stack), (void)(len))
#endif

#define STACK		(128 * 1024)
#define WORKERS		2

struct workqueue_struct {
	struct fz_task *tasks[WORKERS];
	struct work_struct *now[WORKERS];
	int nr;
	struct list_head works;
	wait_queue_head_t done;
};

struct fz_task fz_tasks[FZ_TASKS];
struct fz_task *fz_current;
bool fz_preempted;
u32 fz_countdown;
unsigned long jiffies;
bool fz_tracing;
struct workqueue_struct *system_wq;

static struct fz_task boot;
struct fz_flags *fz_flags = &boot.flags;
static const void *main_stack;
static size_t main_stack_len;
static u32 steps, steps_left, preempt_at;
static u64 clock_ns;
static u32 clock_tick;
static LIST_HEAD(timers);
static struct timer_list *timer_now;
static wait_queue_head_t timer_done;
static unsigned int workers_made;
static u32 busy;		/* tasks that have not ended, by number */
static u32 waiting;		/* those with a wait queue */
static_assert(FZ_TASKS == 32);

/* --- switching --- */

/* Keeps what a call keeps, and goes on where @to is the stack pointer. */
void fz_switch(void **from, void *to);
#ifdef __x86_64__
#define SWITCH_WORDS	7	/* on a stack that waits */
#define SWITCH_PC	6	/* where it goes on, among them */
__asm__(".text\n"
	".globl fz_switch\n"
	"fz_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n");
#elif defined(__aarch64__)
#define SWITCH_WORDS	20
#define SWITCH_PC	1
__asm__(".text\n"
	".globl fz_switch\n"
	"fz_switch:\n"
	"	stp x29, x30, [sp, #-160]!\n"
	"	stp x19, x20, [sp, #16]\n"
	"	stp x21, x22, [sp, #32]\n"
	"	stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n"
	"	stp x27, x28, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #16]\n"
	"	ldp x21, x22, [sp, #32]\n"
	"	ldp x23, x24, [sp, #48]\n"
	"	ldp x25, x26, [sp, #64]\n"
	"	ldp x27, x28, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	ldp x29, x30, [sp], #160\n"
	"	ret\n");
#else
#error "no switch of stacks for this processor"
#endif

/* 0 for main() */
static u32 task_bit(const struct fz_task *t)
{
	return t == &boot ? 0 : BIT(t - fz_tasks);
}

/* The first of @mask that is no earlier than the @from-th, FZ_TASKS when there is none. */
static unsigned int task_next(u32 mask, unsigned int from)
{
	mask = from < FZ_TASKS ? mask >> from << from : 0;
	return mask ? __builtin_ctz(mask) : FZ_TASKS;
}

static void yield(void)
{
	struct fz_task *t = fz_current;

	fiber_leave(&t->fake_stack, main_stack, main_stack_len);
	fz_switch(&t->sp, boot.sp);
	fiber_enter(t->fake_stack, &main_stack, &main_stack_len);
}

static void task_main(void)
{
	fiber_enter(NULL, &main_stack, &main_stack_len);
	for (;;) {
		struct fz_task *t = fz_current;

		t->fn(t->arg);
		if (t->spins || t->rcu_nest)
			fz_bug("%s ends with a lock held", t->name);
		t->fn = NULL;
		busy &= ~task_bit(t);
		yield();
	}
}

/**
 * fz_run() - let a task go on
 * @t: task that is runnable
 *
 * Until it ends, waits or is preempted.
 */
void fz_run(struct fz_task *t)
{
	if (fz_current)
		fz_bug("a task runs a task");
	if (t->blocked) {
		t->blocked = false;
		t->mutex = NULL;
		t->rcu = NULL;
	}
	fz_current = t;
	fz_flags = &t->flags;
	fiber_leave(&boot.fake_stack, t->stack, STACK);
	fz_switch(&boot.sp, t->sp);
	fiber_enter(boot.fake_stack, NULL, NULL);
	fz_current = NULL;
	fz_flags = &boot.flags;
}

/**
 * fz_runnable() - can a task go on?
 * @t: task
 */
bool fz_runnable(const struct fz_task *t)
{
	if (!t->fn)
		return false;
	if (!t->blocked)
		return true;
	if (t->mutex)
		return !t->mutex->held;
	if (t->rcu)
		return !t->rcu->rcu_nest || t->rcu->rcu_done != t->rcu_nr;
	return t->woken || (t->killable && t->killed) ||
	       (t->deadline && (long)(jiffies - t->deadline) >= 0);
}

static void block(void)
{
	fz_current->blocked = true;
	yield();
}

static void arm(void)
{
	fz_countdown = preempt_at && preempt_at < steps_left ? preempt_at : steps_left;
}

/**
 * fz_preempt_after() - the running task is interrupted after so many points
 * @points: at which that could be; 0: not at all
 */
void fz_preempt_after(u32 points)
{
	u32 gone = (preempt_at && preempt_at < steps_left ? preempt_at : steps_left) - fz_countdown;

	steps_left -= gone;
	preempt_at = points;
	arm();
}

/**
 * fz_points() - how many points has this input passed?
 */
u32 fz_points(void)
{
	u32 gone = (preempt_at && preempt_at < steps_left ? preempt_at : steps_left) - fz_countdown;

	return steps - steps_left + gone;
}

/* fz_point() has counted to 0. */
void fz_countdown_end(void)
{
	u32 n = preempt_at && preempt_at < steps_left ? preempt_at : steps_left;

	steps_left -= n;
	if (!steps_left)
		fz_bug("no end of it: a loop over guest data?");
	preempt_at = 0;
	if (fz_current && fz_current->spins)
		preempt_at = 1;		/* as soon as it holds none */
	arm();
	if (fz_current && !fz_current->spins) {
		fz_preempted = true;
		yield();
	}
}

/* Let those go on that wait busily, or those that do not. True when there was one. */
static bool settle_some(bool lookers)
{
	bool any = false;
	unsigned int i;

	for (i = task_next(busy, 0); i < FZ_TASKS; i = task_next(busy, i + 1)) {
		if (fz_runnable(&fz_tasks[i]) && fz_tasks[i].looking == lookers) {
			fz_run(&fz_tasks[i]);
			any = true;
		}
	}
	return any;
}

/**
 * fz_settle() - let all tasks go on until none can
 */
void fz_settle(void)
{
	while (settle_some(false) || settle_some(true))
		;
}

/**
 * fz_settle_but_lookers() - the same, but leave those that wait busily at it
 *
 * Each of them looks for a while, as time passes.
 */
void fz_settle_but_lookers(void)
{
	while (settle_some(false))
		;
	settle_some(true);
	while (settle_some(false))
		;
}

/**
 * fz_busy() - has some task not ended?
 */
bool fz_busy(void)
{
	return busy;
}

/**
 * fz_start() - give an idle task something to do
 * @t: task
 * @fn: what
 * @arg: for @fn
 */
void fz_start(struct fz_task *t, void (*fn)(void *arg), void *arg)
{
	if (t->fn)
		fz_bug("%s is busy", t->name);
	t->arg = arg;
	t->fn = fn;
	busy |= task_bit(t);
	t->killed = false;
	t->looking = false;
	t->looks = false;
	t->req = NULL;
}

static void task_init(struct fz_task *t)
{
	void **sp;

	t->stack = mmap(NULL, STACK + PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (t->stack == MAP_FAILED || mprotect(t->stack, PAGE_SIZE, PROT_NONE))
		abort();
	t->stack += PAGE_SIZE;
	/* task_main() finds its stack aligned, as after a call. */
	sp = (void **)(t->stack + STACK) - (SWITCH_WORDS + 1) / 2 * 2;
	memset(sp, 0, SWITCH_WORDS * sizeof(*sp));
	sp[SWITCH_PC] = task_main;
	t->sp = sp;
}

/**
 * fz_task_get() - take a task that nobody uses
 * @name: for people
 */
struct fz_task *fz_task_get(const char *name)
{
	int i;

	for (i = 0; i < FZ_TASKS; i++) {
		struct fz_task *t = &fz_tasks[i];

		if (!t->name[0]) {
			snprintf(t->name, sizeof(t->name), "%s", name);
			t->vq = -1;
			t->irq = false;
			return t;
		}
	}
	abort();
}

/**
 * fz_task_put() - undo fz_task_get()
 * @t: idle task
 */
void fz_task_put(struct fz_task *t)
{
	if (t->fn)
		fz_bug("%s is freed and runs", t->name);
	t->name[0] = 0;
}

/**
 * fz_sched_init() - once for the process
 */
void fz_sched_init(void)
{
	int i;

	for (i = 0; i < FZ_TASKS; i++)
		task_init(&fz_tasks[i]);
	steps_left = U32_MAX;
	arm();
	system_wq = alloc_workqueue("events", 0, 1);
}

/**
 * fz_sched_begin() - a new input
 * @most: points that it may pass altogether
 * @tick: nanoseconds between two looks at the clock
 */
void fz_sched_begin(u32 most, u32 tick)
{
	steps = most;
	jiffies = 1000;
	clock_ns = 0;
	clock_tick = tick;
	workers_made = 0;
	steps_left = most;
	preempt_at = 0;
	fz_preempted = false;
	arm();
}

/**
 * fz_sched_end() - nothing may be left of an input
 */
void fz_sched_end(void)
{
	if (!list_empty(&timers))
		fz_bug("a timer is left");
	if (fz_busy())
		fz_bug("a task is left");
	if (boot.spins || boot.rcu_nest)
		fz_bug("a lock is left");
}

/* --- locks --- */

static struct fz_task *self(void)
{
	return fz_current ?: &boot;
}

bool fz_holds(const struct fz_task *owner, bool held)
{
	return held && owner == self();
}

void fz_may_sleep(const char *what)
{
	struct fz_task *t = self();

	if (t->irq || t->spins || t->rcu_nest || t->preempt)
		fz_bug("%s in atomic context (%s)", what, t->name);
}

void mutex_init(struct mutex *m)
{
	m->held = false;
	m->owner = NULL;
}

void fz_mutex_destroy(struct mutex *m)
{
	if (m->held)
		fz_bug("a mutex is destroyed that is held");
}

void mutex_lock(struct mutex *m)
{
	fz_may_sleep("mutex_lock()");
	fz_point();
	if (m->held && m->owner == self())
		fz_bug("a mutex is taken twice");
	while (m->held) {
		if (!fz_current)
			fz_bug("main would wait for a mutex");
		fz_current->mutex = m;
		block();
	}
	m->held = true;
	m->owner = self();
}

bool mutex_trylock(struct mutex *m)
{
	fz_point();
	if (m->held)
		return false;
	m->held = true;
	m->owner = self();
	return true;
}

void mutex_unlock(struct mutex *m)
{
	if (!fz_holds(m->owner, m->held))
		fz_bug("a mutex is unlocked that is not held");
	m->held = false;
	fz_point();
}

void spin_lock_init(spinlock_t *l)
{
	l->held = false;
}

void spin_lock_irq(spinlock_t *l)
{
	fz_point();
	/* Nobody is preempted with one. */
	if (l->held)
		fz_bug("a spinlock is taken twice");
	l->held = true;
	l->owner = self();
	self()->spins++;
}

void spin_unlock_irq(spinlock_t *l)
{
	if (!fz_holds(l->owner, l->held))
		fz_bug("a spinlock is unlocked that is not held");
	l->held = false;
	self()->spins--;
	fz_point();
}

void rcu_read_lock(void)
{
	fz_point();
	self()->rcu_nest++;
}

void rcu_read_unlock(void)
{
	struct fz_task *t = self();

	if (!t->rcu_nest)
		fz_bug("rcu_read_unlock() without a lock");
	if (!--t->rcu_nest)
		t->rcu_done++;
	fz_point();
}

void synchronize_rcu(void)
{
	unsigned int nr[FZ_TASKS];
	bool in[FZ_TASKS];
	int i;

	fz_may_sleep("synchronize_rcu()");
	fz_point();
	for (i = 0; i < FZ_TASKS; i++) {
		in[i] = fz_tasks[i].rcu_nest;
		nr[i] = fz_tasks[i].rcu_done;
	}
	for (i = 0; i < FZ_TASKS; i++) {
		while (in[i] && fz_tasks[i].rcu_nest && fz_tasks[i].rcu_done == nr[i]) {
			if (!fz_current)
				fz_bug("main would wait for RCU");
			fz_current->rcu = &fz_tasks[i];
			fz_current->rcu_nr = nr[i];
			block();
		}
	}
}

/* --- waiting --- */

void fz_wait_prepare(wait_queue_head_t *wq)
{
	struct fz_task *t = self();

	t->wq = wq;
	waiting |= task_bit(t);
	t->woken = false;
}

int fz_wait_sleep(wait_queue_head_t *wq, enum fz_wait how, long timeout)
{
	struct fz_task *t = fz_current;

	if (!t)
		fz_bug("main would wait");
	if (timeout && !t->deadline)
		t->deadline = jiffies + timeout;
	if (how == FZ_WAIT_KILLABLE && t->killed)
		return -ERESTARTSYS;
	t->killable = how == FZ_WAIT_KILLABLE;
	if (!t->woken)
		block();
	t->killable = false;
	if (t->woken)
		return 0;
	if (how == FZ_WAIT_KILLABLE && t->killed)
		return -ERESTARTSYS;
	return -ETIME;
}

void fz_wait_end(void)
{
	struct fz_task *t = self();

	t->wq = NULL;
	waiting &= ~task_bit(t);
	t->deadline = 0;
}

void wake_up(wait_queue_head_t *wq)
{
	unsigned int i;

	fz_point();
	for (i = task_next(waiting, 0); i < FZ_TASKS; i = task_next(waiting, i + 1)) {
		if (fz_tasks[i].wq == wq)
			fz_tasks[i].woken = true;
	}
}

/* Who waits busily does so between two of these. */
void cond_resched(void)
{
	struct fz_task *t = self();

	fz_may_sleep("cond_resched()");
	fz_point();
	if (!t->looks || !fz_current)
		return;
	t->looks = false;
	t->looking = true;
	yield();
	t->looking = false;
}

/* Who looks in vain is to let others run. */
bool need_resched(void)
{
	return fz_current && self()->looks;
}

void preempt_disable(void)
{
	self()->preempt++;
}

void preempt_enable(void)
{
	self()->preempt--;
}

void cpu_relax(void)
{
	self()->looks = true;
	clock_ns += 1000;
}

/* For what the kernel waits for in ways of its own. */
static void let_others(void)
{
	if (!fz_current)
		fz_bug("main would wait for a task");
	fz_point();
	yield();
}

/* --- work --- */

static void worker_run(void *arg)
{
	struct kthread_worker *w = arg;

	while (!list_empty(&w->works)) {
		w->now = list_first_entry(&w->works, struct kthread_work, node);
		list_del_init(&w->now->node);
		w->now->pending = false;
		w->now->func(w->now);
		w->now = NULL;
		wake_up(&w->done);
	}
}

void kthread_init_work(struct kthread_work *work, void (*func)(struct kthread_work *work))
{
	INIT_LIST_HEAD(&work->node);
	work->worker = NULL;
	work->pending = false;
	work->func = func;
}

struct kthread_worker *kthread_create_worker(unsigned int flags, const char *fmt, ...)
{
	struct kthread_worker *w = fz_alloc(1, sizeof(*w), true);

	if (!w)
		return ERR_PTR(-ENOMEM);
	w->task = &w->thread;
	w->run = fz_task_get("worker");
	w->run->vq = workers_made++;
	INIT_LIST_HEAD(&w->works);
	return w;
}

static void worker_flush(struct kthread_worker *w, struct kthread_work *work)
{
	wait_event(w->done, work ? !work->pending && w->now != work :
				   list_empty(&w->works) && !w->now);
	/* wake_up() is the last that the task does, but it may be preempted there. */
	while (!work && w->run->fn)
		let_others();
}

void kthread_destroy_worker(struct kthread_worker *w)
{
	worker_flush(w, NULL);
	fz_task_put(w->run);
	fz_free(w);
}

bool kthread_queue_work(struct kthread_worker *w, struct kthread_work *work)
{
	fz_point();
	if (work->pending)
		return false;
	work->pending = true;
	work->worker = w;
	list_add_tail(&work->node, &w->works);
	if (!w->run->fn)
		fz_start(w->run, worker_run, w);
	return true;
}

void kthread_flush_work(struct kthread_work *work)
{
	fz_may_sleep("kthread_flush_work()");
	if (work->worker)
		worker_flush(work->worker, work);
}

static void wq_run(void *arg)
{
	struct workqueue_struct *wq = arg;
	struct work_struct *work;
	int i = 0;

	while (i < wq->nr - 1 && wq->tasks[i] != fz_current)
		i++;
	while (!list_empty(&wq->works)) {
		work = list_first_entry(&wq->works, struct work_struct, link);
		list_del(&work->link);
		work->pending = false;
		wq->now[i] = work;
		/* May free it, or queue it again. */
		work->func(work);
		wq->now[i] = NULL;
		wake_up(&wq->done);
	}
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq = fz_alloc(1, sizeof(*wq), true);
	int i;

	if (!wq)
		return NULL;
	wq->nr = max_active == 1 ? 1 : WORKERS;
	for (i = 0; i < wq->nr; i++)
		wq->tasks[i] = fz_task_get("wq");
	INIT_LIST_HEAD(&wq->works);
	return wq;
}

static bool wq_idle(const struct workqueue_struct *wq)
{
	return list_empty(&wq->works) && !wq->now[0] && !wq->now[1];
}

void flush_workqueue(struct workqueue_struct *wq)
{
	wait_event(wq->done, wq_idle(wq));
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	int i;

	flush_workqueue(wq);
	for (i = 0; i < wq->nr; i++) {
		while (wq->tasks[i]->fn)
			let_others();
		fz_task_put(wq->tasks[i]);
	}
	fz_free(wq);
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	int i;

	fz_point();
	if (work->pending)
		return false;
	work->pending = true;
	work->wq = wq;
	list_add_tail(&work->link, &wq->works);
	for (i = 0; i < wq->nr; i++) {
		if (!wq->tasks[i]->fn) {
			fz_start(wq->tasks[i], wq_run, wq);
			break;
		}
	}
	return true;
}

void fz_delayed_work_timer(struct timer_list *t)
{
	struct delayed_work *dw = container_of(t, struct delayed_work, timer);

	queue_work(dw->wq ?: system_wq, &dw->work);
}

bool schedule_delayed_work(struct delayed_work *dw, unsigned long delay)
{
	if (dw->work.pending || dw->timer.pending)
		return false;
	mod_timer(&dw->timer, jiffies + delay);
	return true;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw, unsigned long delay)
{
	if (dw->work.pending)
		return true;
	if (delay) {
		mod_timer(&dw->timer, jiffies + delay);
		return true;
	}
	if (dw->timer.pending) {
		list_del(&dw->timer.link);
		dw->timer.pending = false;
	}
	return queue_work(wq, &dw->work);
}

bool cancel_delayed_work_sync(struct delayed_work *dw)
{
	struct workqueue_struct *wq = system_wq;

	timer_delete_sync(&dw->timer);
	if (dw->work.pending) {
		list_del(&dw->work.link);
		dw->work.pending = false;
	}
	wait_event(wq->done, wq->now[0] != &dw->work);
	/* It may have armed itself meanwhile, which the kernel prevents. */
	timer_delete_sync(&dw->timer);
	return true;
}

/* --- time --- */

u64 ktime_get_ns(void)
{
	clock_ns += clock_tick;
	return jiffies * (NSEC_PER_SEC / HZ) + clock_ns;
}

int mod_timer(struct timer_list *t, unsigned long expires)
{
	fz_point();
	if (!t->pending)
		list_add_tail(&t->link, &timers);
	t->pending = true;
	t->expires = expires;
	return 0;
}

int timer_reduce(struct timer_list *t, unsigned long expires)
{
	if (t->pending && (long)(t->expires - expires) <= 0)
		return 1;
	return mod_timer(t, expires);
}

int timer_delete_sync(struct timer_list *t)
{
	fz_may_sleep("timer_delete_sync()");
	for (;;) {
		if (t->pending) {
			list_del(&t->link);
			t->pending = false;
		}
		if (timer_now != t)
			return 0;
		wait_event(timer_done, timer_now != t);
	}
}

static void timer_run(void *arg)
{
	timer_now->func(timer_now);
	timer_now = NULL;
	wake_up(&timer_done);
}

/**
 * fz_advance() - time passes
 * @by: jiffies
 */
void fz_advance(unsigned long by)
{
	jiffies += by;
}

/**
 * fz_timer_fire() - start a timer that is due
 * @irq: task for it
 *
 * Return: false when none is due
 */
bool fz_timer_fire(struct fz_task *irq)
{
	struct timer_list *t;

	if (irq->fn || timer_now)
		return false;
	list_for_each_entry(t, &timers, link) {
		if ((long)(jiffies - t->expires) < 0)
			continue;
		list_del(&t->link);
		t->pending = false;
		timer_now = t;
		fz_start(irq, timer_run, NULL);
		return true;
	}
	return false;
}

/**
 * fz_next_deadline() - let the time pass that a task waits for
 *
 * Return: false when none waits for time
 */
bool fz_next_deadline(void)
{
	unsigned int i;

	for (i = task_next(waiting, 0); i < FZ_TASKS; i = task_next(waiting, i + 1)) {
		struct fz_task *t = &fz_tasks[i];

		if (t->fn && t->blocked && t->deadline) {
			jiffies = t->deadline;
			return true;
		}
	}
	return false;
}
