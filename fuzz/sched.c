// SPDX-License-Identifier: GPL-2.0
/*
 * The scheduler of the fuzzer; see sched.h. Only main() is no task: it interprets the
 * input and says which task goes on.
 */
#include <sys/mman.h>

#include "task.h"
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

struct fz_task fz_tasks[FZ_TASKS];
struct fz_task *fz_current;
bool fz_preempted;
u32 fz_countdown;
bool fz_tracing;

struct fz_task fz_boot;
u32 fz_tasks_busy;
u32 fz_tasks_waiting;
struct fz_flags *fz_flags = &fz_boot.flags;
static const void *main_stack;
static size_t main_stack_len;
static u32 steps, steps_left, preempt_at;
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

/**
 * fz_yield() - let main() go on
 */
void fz_yield(void)
{
	struct fz_task *t = fz_current;

	fiber_leave(&t->fake_stack, main_stack, main_stack_len);
	fz_switch(&t->sp, fz_boot.sp);
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
		fz_tasks_busy &= ~fz_task_bit(t);
		fz_yield();
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
	fiber_leave(&fz_boot.fake_stack, t->stack, STACK);
	fz_switch(&fz_boot.sp, t->sp);
	fiber_enter(fz_boot.fake_stack, NULL, NULL);
	fz_current = NULL;
	fz_flags = &fz_boot.flags;
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

/**
 * fz_block() - the running task waits; see fz_runnable() for what
 */
void fz_block(void)
{
	fz_current->blocked = true;
	fz_yield();
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
		fz_yield();
	}
}

/* Let those go on that wait busily, or those that do not. True when there was one. */
static bool settle_some(bool lookers)
{
	bool any = false;
	unsigned int i;

	fz_for_each_task(i, fz_tasks_busy) {
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
	return fz_tasks_busy;
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
	fz_tasks_busy |= fz_task_bit(t);
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
	fz_work_init();
}

/**
 * fz_sched_begin() - a new input
 * @most: points that it may pass altogether
 * @tick: nanoseconds between two looks at the clock
 */
void fz_sched_begin(u32 most, u32 tick)
{
	steps = most;
	fz_work_begin(tick);
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
	if (fz_busy())
		fz_bug("a task is left");
	if (fz_boot.spins || fz_boot.rcu_nest)
		fz_bug("a lock is left");
	fz_work_end();
}
