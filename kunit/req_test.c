// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a request (drivers/core/serve.c, req.c): how it ends, stalls, passes.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "req_fixture.h"

static void request_is_answered_in_prepare(struct kunit *test)
{
	struct fake *f = started(test);

	f->answer_now = true;
	offer(f, 3);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 3);
	KUNIT_EXPECT_EQ(test, f->submitted, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void buffers_stay_pinned_while_in_flight(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	f->piece = 16;
	offer(f, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 4);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 2);
}

static void buffers_are_unpinned_before_they_are_used(struct kunit *test)
{
	struct fake *f = started(test);

	offer(f, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, f->used_at_unpin, 0);
}

/* The used index at each unpin. */
static u16 used_at[FAKE_QUEUE_SIZE];
static unsigned int nr_used_at;

static void note_used(struct fake *f, struct virtback_piece *p)
{
	if (nr_used_at < FAKE_QUEUE_SIZE)
		used_at[nr_used_at] = fake_used_idx(f);
	nr_used_at++;
}

static void requests_that_end_together_are_published_together(struct kunit *test)
{
	struct fake *f = started(test);
	unsigned int i;

	nr_used_at = 0;
	f->on_unpin = note_used;
	f->collect = true;
	offer(f, 12);
	f->on_unpin = NULL;
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 12);
	KUNIT_ASSERT_EQ(test, nr_used_at, 12);
	/* Not all: the driver may go on with some while the rest is copied. */
	for (i = 0; i < 12; i++)
		KUNIT_EXPECT_EQ_MSG(test, used_at[i], i < 8 ? 0 : 8, "request %u", i);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 1);
}

static void others_are_not_collected(struct kunit *test)
{
	struct fake *f = started(test);
	struct virtback_vq *vq = &f->vd.vqs[0];

	f->hold = true;
	offer(f, 1);
	/* As if its worker collected; this task is another. */
	WRITE_ONCE(vq->collector, f);
	fake_end(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	WRITE_ONCE(vq->collector, NULL);
}

static struct {
	struct timer_list timer;
	struct fake *f;
	u16 used;
	struct completion done;
} interrupt;

/* Whoever is interrupted seems to be the worker, which collects. */
static void end_in_interrupt(struct timer_list *timer)
{
	struct virtback_vq *vq = &interrupt.f->vd.vqs[0];

	WRITE_ONCE(vq->collector, current);
	fake_end(interrupt.f);
	interrupt.used = fake_used_idx(interrupt.f);
	WRITE_ONCE(vq->collector, NULL);
	complete(&interrupt.done);
}

static void interrupts_of_the_worker_are_not_collected(struct kunit *test)
{
	struct fake *f = started(test);
	struct virtback_vq *vq = &f->vd.vqs[0];

	f->hold = true;
	offer(f, 1);
	interrupt.f = f;
	init_completion(&interrupt.done);
	timer_setup(&interrupt.timer, end_in_interrupt, 0);
	mod_timer(&interrupt.timer, jiffies + 1);
	wait_for_completion(&interrupt.done);
	timer_delete_sync(&interrupt.timer);
	KUNIT_EXPECT_EQ(test, interrupt.used, 1);
	/* What should not be there would never end. */
	virtback_vq_collect(vq);
	virtback_vq_publish(vq);
}

/* --- a stop while the worker has collected, and not published --- */

static struct {
	int pins;
	int orphans;
	unsigned int unlocked;
	unsigned int unpinned;
} stop;

/* Another vCPU might do this now. */
static void reset_before_it_is_published(struct fake *f)
{
	stop.pins = atomic_read(&f->pins);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
	stop.pins -= atomic_read(&f->pins);
	stop.orphans = atomic_read(&f->vd.orphans);
	canary_set(f);
}

static void collected_is_not_published_after_a_reset(struct kunit *test)
{
	struct fake *f = started(test);

	f->collect = true;
	f->on_collected = reset_before_it_is_published;
	offer(f, 3);
	f->on_collected = NULL;
	/* The reset did not wait for the worker, and took everything back. */
	KUNIT_EXPECT_EQ(test, stop.pins, 3);
	KUNIT_EXPECT_EQ(test, stop.orphans, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	KUNIT_EXPECT_TRUE(test, canary_lives(f));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->irqs), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->vd.orphans), 0);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.dropped, 3);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.completed, 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
	/* The next driver's requests are as good as any. */
	started(test);
	offer(f, 3);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void stop_half(struct fake *f)
{
	mutex_lock(&f->vd.lock);
	virtback_vq_stop_begin(&f->vd.vqs[0]);
	mutex_unlock(&f->vd.lock);
}

/* vq->lock is held with interrupts off. */
static void note_unlocked(struct fake *f, struct virtback_piece *p)
{
	stop.unpinned++;
	stop.unlocked += !irqs_disabled();
}

/* From here on the pins are those of who stops the queue, or of who holds vq->lock. */
static void collected_is_unpinned_with_the_lock_once_a_stop_began(struct kunit *test)
{
	struct fake *f = started(test);
	struct virtback_vq *vq = &f->vd.vqs[0];

	stop.unpinned = 0;
	stop.unlocked = 0;
	f->collect = true;
	f->on_collected = stop_half;
	f->on_unpin = note_unlocked;
	offer(f, 3);
	f->on_collected = NULL;
	KUNIT_EXPECT_EQ(test, stop.unpinned, 3);
	KUNIT_EXPECT_EQ(test, stop.unlocked, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	/* The ring is still mapped, and nothing comes into it. */
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, vq->stats.dropped, 3);
	mutex_lock(&f->vd.lock);
	virtback_vq_stop_finish(vq);
	mutex_unlock(&f->vd.lock);
	f->on_unpin = NULL;
	KUNIT_EXPECT_EQ(test, stop.unpinned, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->maps), 0);
	fake_write(f, VIRTIO_MMIO_STATUS, 0);
}

static void buffer_outside_memory_leaves_nothing_pinned(struct kunit *test)
{
	struct fake *f = started(test);

	f->piece = 16;
	fake_desc(f, 0, FAKE_BASE + FAKE_MEM - 40, 64, F_WRITE, 0);
	offer(f, 1);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
}

static void refused_request_breaks_the_device(struct kunit *test)
{
	struct fake *f = started(test);

	f->broken = true;
	offer(f, 2);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
}

static void more_requests_than_a_batch_are_served(struct kunit *test)
{
	struct fake *f = test->priv;
	int i;

	fake_exit(test);
	f = fake_create(test, &fake_type, NULL, FAKE_MEM, 128);
	test->priv = f;
	fake_negotiate(f, BIT_ULL(VIRTIO_F_VERSION_1));
	fake_queue(f, 0, 128);
	for (i = 0; i < 128; i++) {
		fake_desc(f, i, FAKE_DATA + i * 64, 8, F_WRITE, 0);
		fake_offer(f, i);
	}
	fake_write(f, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER_OK);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 128);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.requests, 128);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.completed, 128);
}

static bool no_io;

static void look_at_flags(struct fake *f)
{
	no_io = current->flags & PF_MEMALLOC_NOIO;
}

/* It may be written to the disk that this request is of. */
static void memory_for_a_request_waits_for_no_disk(struct kunit *test)
{
	struct fake *f = started(test);

	no_io = false;
	f->on_prepare = look_at_flags;
	offer(f, 1);
	KUNIT_EXPECT_TRUE(test, no_io);
}

/* --- stalls --- */

static void stall_is_tried_again_at_once(struct kunit *test)
{
	struct fake *f = started(test);

	f->stalls = 1;
	offer(f, 1);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.stalls, 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.requests, 1);
}

static void stalled_chain_waits_for_a_completion(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	offer(f, 1);
	f->stalls = 2;
	fake_offer(f, 7);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->stalls, 0);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 2);
	KUNIT_EXPECT_EQ(test, f->last.id, 7);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 1), 7);
}

/* Longer than the worker may hold ring_lock, so that each try is a step of its own. */
static void slow_chain_that_stalls_is_left_alone(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	offer(f, 1);
	f->slow_ms = 2;
	f->stalls = 20;
	fake_offer(f, 7);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->stalls, 18);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	f->stalls = 0;
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 2);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 1), 7);
}

static void pieces_run_out_and_come_back(struct kunit *test)
{
	struct fake *f = started(test);
	struct virtback_vq *vq = &f->vd.vqs[0];
	unsigned int i, n;
	void **taken;

	f->hold = true;
	offer(f, 1);
	/* All of the stock; the request needs one beside its own. */
	n = vq->pieces.nr;
	taken = kunit_kzalloc(test, n * sizeof(*taken), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	for (i = 0; i < n; i++)
		taken[i] = virtback_pool_get(&vq->pieces);
	fake_desc(f, 1, FAKE_DATA, 32, F_WRITE | F_NEXT, 2);
	fake_offer(f, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 1);
	KUNIT_EXPECT_EQ(test, vq->pieces.nr, 0);
	while (i)
		virtback_pool_put(&vq->pieces, taken[--i]);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

/* --- passes --- */

static void passes_end_in_one_used_element(struct kunit *test)
{
	struct fake *f = started(test);

	f->passes = 3;
	offer(f, 1);
	KUNIT_EXPECT_EQ(test, f->submitted, 3);
	KUNIT_EXPECT_EQ(test, f->resumed, 2);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.requests, 1);
	KUNIT_EXPECT_EQ(test, f->vd.vqs[0].stats.completed, 1);
}

static void pass_unpins_its_data(struct kunit *test)
{
	struct fake *f = started(test);

	f->passes = 2;
	f->hold = true;
	offer(f, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pins), 0);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
}

static void stalled_pass_waits_for_a_completion(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	f->passes = 2;
	offer(f, 2);
	f->stalls = 2;
	fake_release(f);		/* first pass of the first: stalls twice */
	KUNIT_EXPECT_EQ(test, f->resumed, 0);
	f->passes = 1;
	fake_release(f);		/* the second ends */
	KUNIT_EXPECT_EQ(test, f->resumed, 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
}

static void pass_goes_before_new_chains(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	f->passes = 2;
	offer(f, 1);
	f->stalls = 2;
	fake_release(f);
	/* The stalled pass holds what the new chain would take. */
	fake_offer(f, 1);
	f->stalls = 2;
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->prepared, 1);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, f->resumed, 1);
	KUNIT_EXPECT_EQ(test, f->prepared, 2);
}

static void stalled_pass_holds_nobody_up(struct kunit *test)
{
	struct fake *f = started(test);

	f->hold = true;
	f->passes = 2;
	offer(f, 2);
	f->stall_first = true;
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_held(f), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, f->resumed, 1);
	KUNIT_EXPECT_EQ(test, fake_held(f), 1);
	f->stall_first = false;
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_id(f, 0), 1);
	fake_release(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
}

static void pass_that_breaks_ends_the_device(struct kunit *test)
{
	struct fake *f = started(test);

	f->passes = 2;
	f->hold = true;
	offer(f, 1);
	f->broken = true;
	fake_release(f);
	KUNIT_EXPECT_TRUE(test, fake_broken(f));
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	KUNIT_EXPECT_EQ(test, virtback_vq_inflight(&f->vd.vqs[0]), 0);
}

static struct kunit_case req_cases[] = {
	FAKE_CASE(request_is_answered_in_prepare),
	KUNIT_CASE(buffers_stay_pinned_while_in_flight),
	KUNIT_CASE(buffers_are_unpinned_before_they_are_used),
	KUNIT_CASE(requests_that_end_together_are_published_together),
	KUNIT_CASE(others_are_not_collected),
	KUNIT_CASE(interrupts_of_the_worker_are_not_collected),
	KUNIT_CASE(collected_is_not_published_after_a_reset),
	KUNIT_CASE(collected_is_unpinned_with_the_lock_once_a_stop_began),
	FAKE_CASE(buffer_outside_memory_leaves_nothing_pinned),
	FAKE_CASE(refused_request_breaks_the_device),
	FAKE_CASE(more_requests_than_a_batch_are_served),
	KUNIT_CASE(memory_for_a_request_waits_for_no_disk),
	FAKE_CASE(stall_is_tried_again_at_once),
	FAKE_CASE(stalled_chain_waits_for_a_completion),
	FAKE_CASE(slow_chain_that_stalls_is_left_alone),
	FAKE_CASE(pieces_run_out_and_come_back),
	FAKE_CASE(passes_end_in_one_used_element),
	KUNIT_CASE(pass_unpins_its_data),
	FAKE_CASE(stalled_pass_waits_for_a_completion),
	FAKE_CASE(pass_goes_before_new_chains),
	FAKE_CASE(stalled_pass_holds_nobody_up),
	FAKE_CASE(pass_that_breaks_ends_the_device),
	{}
};

static struct kunit_suite req_suite = {
	.name = "virtback_request",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = req_cases,
};

kunit_test_suite(req_suite);
