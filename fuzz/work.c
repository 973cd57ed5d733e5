// SPDX-License-Identifier: GPL-2.0
/*
 * Work items, timers and the clock of the fuzzer; see sched.h.
 */
#include <stdarg.h>

#include "task.h"

#define WORKERS		2

struct workqueue_struct {
	struct fz_task *tasks[WORKERS];
	struct work_struct *now[WORKERS];
	int nr;
	struct list_head works;
	wait_queue_head_t done;
};

unsigned long jiffies;
struct workqueue_struct *system_wq;

static u64 clock_ns;
static u32 clock_tick;
static LIST_HEAD(timers);
static struct timer_list *timer_now;
static wait_queue_head_t timer_done;
static unsigned int workers_made;

/* For what the kernel waits for in ways of its own. */
static void let_others(void)
{
	if (!fz_current)
		fz_bug("main would wait for a task");
	fz_point();
	fz_yield();
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

void cpu_relax(void)
{
	fz_self()->looks = true;
	clock_ns += 1000;
}

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

	fz_for_each_task(i, fz_tasks_waiting) {
		struct fz_task *t = &fz_tasks[i];

		if (t->fn && t->blocked && t->deadline) {
			jiffies = t->deadline;
			return true;
		}
	}
	return false;
}

/* --- an input --- */

/**
 * fz_work_init() - once for the process
 */
void fz_work_init(void)
{
	system_wq = alloc_workqueue("events", 0, 1);
}

/**
 * fz_work_begin() - a new input
 * @tick: nanoseconds between two looks at the clock
 */
void fz_work_begin(u32 tick)
{
	jiffies = 1000;
	clock_ns = 0;
	clock_tick = tick;
	workers_made = 0;
}

/**
 * fz_work_end() - nothing may be left of an input
 */
void fz_work_end(void)
{
	if (!list_empty(&timers))
		fz_bug("a timer is left");
}
