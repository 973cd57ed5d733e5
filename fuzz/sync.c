// SPDX-License-Identifier: GPL-2.0
/*
 * Locks, RCU and wait queues of the fuzzer; see sched.h.
 */
#include "task.h"

/* --- locks --- */

bool fz_holds(const struct fz_task *owner, bool held)
{
	return held && owner == fz_self();
}

void fz_may_sleep(const char *what)
{
	struct fz_task *t = fz_self();

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
	if (m->held && m->owner == fz_self())
		fz_bug("a mutex is taken twice");
	while (m->held) {
		if (!fz_current)
			fz_bug("main would wait for a mutex");
		fz_current->mutex = m;
		fz_block();
	}
	m->held = true;
	m->owner = fz_self();
}

/* Nobody is killed who waits for a lock. */
int mutex_lock_killable(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}

bool mutex_trylock(struct mutex *m)
{
	fz_point();
	if (m->held)
		return false;
	m->held = true;
	m->owner = fz_self();
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
	l->owner = fz_self();
	fz_self()->spins++;
}

void spin_unlock_irq(spinlock_t *l)
{
	if (!fz_holds(l->owner, l->held))
		fz_bug("a spinlock is unlocked that is not held");
	l->held = false;
	fz_self()->spins--;
	fz_point();
}

void rcu_read_lock(void)
{
	fz_point();
	fz_self()->rcu_nest++;
}

void rcu_read_unlock(void)
{
	struct fz_task *t = fz_self();

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
			fz_block();
		}
	}
}

/* --- waiting --- */

void fz_wait_prepare(wait_queue_head_t *wq)
{
	struct fz_task *t = fz_self();

	t->wq = wq;
	fz_tasks_waiting |= fz_task_bit(t);
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
		fz_block();
	t->killable = false;
	if (t->woken)
		return 0;
	if (how == FZ_WAIT_KILLABLE && t->killed)
		return -ERESTARTSYS;
	return -ETIME;
}

void fz_wait_end(void)
{
	struct fz_task *t = fz_self();

	t->wq = NULL;
	fz_tasks_waiting &= ~fz_task_bit(t);
	t->deadline = 0;
}

void wake_up(wait_queue_head_t *wq)
{
	unsigned int i;

	fz_point();
	fz_for_each_task(i, fz_tasks_waiting) {
		if (fz_tasks[i].wq == wq)
			fz_tasks[i].woken = true;
	}
}

/* Who waits busily does so between two of these. */
void cond_resched(void)
{
	struct fz_task *t = fz_self();

	fz_may_sleep("cond_resched()");
	fz_point();
	if (!t->looks || !fz_current)
		return;
	t->looks = false;
	t->looking = true;
	fz_yield();
	t->looking = false;
}

/* Who looks in vain is to let others run. */
bool need_resched(void)
{
	return fz_current && fz_self()->looks;
}

/* Others always want the processor; but for who counts, whose computer does nothing else. */
bool single_task_running(void)
{
#ifdef FZ_BARE
	return true;
#else
	return false;
#endif
}

void preempt_disable(void)
{
	fz_self()->preempt++;
}

void preempt_enable(void)
{
	fz_self()->preempt--;
}
