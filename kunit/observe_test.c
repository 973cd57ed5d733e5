// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of a device and done to its workers while a stock driver uses it:
 * counters, uevents, processors (drivers/control/, drivers/core/worker.c).
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kobject.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../drivers/blk/blk.h"
#include "blk_fixture.h"
#include "e2e.h"

/* --- a device of the loop host --- */

static struct virtback_entry *entry_get(struct kunit *test)
{
	struct device *dev = class_find_device_by_name(&virtback_class, DEVICE);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	return virtback_entry_of(virtback_dev_of(dev));
}

static void entry_put(struct virtback_entry *entry)
{
	put_device(&entry->vd.dev);
}

static void workers_are_placed_by_options(struct kunit *test)
{
	struct e2e *e = test->priv;
	struct virtback_entry *entry;
	char *page = e2e_pages(test);

	e2e_option(test, VIRTBACK_OPT_CPUS, "0");
	e2e_option(test, VIRTBACK_OPT_PRIORITY, "-7");
	e2e_make(test);
	kfree(e->cfg.cpus);
	e->cfg.cpus = NULL;
	entry = entry_get(test);
	KUNIT_EXPECT_EQ(test, task_nice(entry->vd.vqs[0].worker->task), -7);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(entry->vd.vqs[0].worker->task->cpus_ptr,
					      cpumask_of(0)));
	virtback_option_show(entry, VIRTBACK_OPT_CPUS, page);
	KUNIT_EXPECT_STREQ(test, page, "0\n");
	virtback_option_show(entry, VIRTBACK_OPT_PRIORITY, page);
	KUNIT_EXPECT_STREQ(test, page, "-7\n");
	entry_put(entry);
}

static void workers_move_while_they_work(struct kunit *test)
{
	struct e2e *e = test->priv;
	struct virtback_entry *entry;
	u8 *buf = e2e_pages(test);

	e2e_start(test);
	entry = entry_get(test);
	KUNIT_EXPECT_EQ(test, task_nice(entry->vd.vqs[0].worker->task), 0);
	KUNIT_EXPECT_EQ(test, virtback_priority_store(entry, "19"), 0);
	KUNIT_EXPECT_EQ(test, task_nice(entry->vd.vqs[0].worker->task), 19);
	KUNIT_EXPECT_EQ(test, virtback_priority_store(entry, "20"), -EINVAL);
	KUNIT_EXPECT_EQ(test, virtback_priority_store(entry, ""), -EINVAL);
	KUNIT_EXPECT_EQ(test, task_nice(entry->vd.vqs[0].worker->task), 19);
	KUNIT_EXPECT_EQ(test, virtback_cpus_store(entry, "0"), 0);
	KUNIT_EXPECT_EQ(test, virtback_cpus_store(entry, "nonsense"), -EINVAL);
	KUNIT_EXPECT_EQ(test, virtback_cpus_store(entry, ""), -EINVAL);
	KUNIT_EXPECT_EQ(test, virtback_cpus_store(entry, "0 0"), -EINVAL);
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_WRITE, 0, buf, 1), 0);
	entry_put(entry);
}

/* The event of a state is sent within this time. */
static void wait_told(struct virtback_entry *entry, const char *state)
{
	unsigned int n;

	for (n = 0; n < 50 && strcmp(READ_ONCE(entry->told), state); n++)
		msleep(20);
}

static void state_is_told_once(struct kunit *test)
{
	struct virtback_entry *entry;
	unsigned int told, n;

	e2e_start(test);
	entry = entry_get(test);
	wait_told(entry, "driver-ok");
	KUNIT_EXPECT_STREQ(test, entry->told, "driver-ok");
	told = entry->nr_told;
	KUNIT_EXPECT_EQ(test, told, 1);
	/* A guest that changes it all the time keeps nobody busy. */
	for (n = 0; n < 1000; n++) {
		virtback_device_break(&entry->vd, "test");
		atomic_andnot(VIRTIO_CONFIG_S_NEEDS_RESET, &entry->vd.status);
	}
	msleep(200);
	KUNIT_EXPECT_EQ(test, entry->nr_told, told);
	virtback_device_break(&entry->vd, "test");
	wait_told(entry, "needs-reset");
	KUNIT_EXPECT_STREQ(test, entry->told, "needs-reset");
	KUNIT_EXPECT_EQ(test, entry->nr_told, told + 1);
	entry_put(entry);
}

/* However many devices have something to tell. */
static void events_of_all_devices_take_turns(struct kunit *test)
{
	const u64 times[] = { 0x1234567, 0x1234567 + 60 * HZ };
	u64 full = 0;
	int i, n;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		for (n = 0; n < VIRTBACK_STATE_BURST; n++)
			KUNIT_EXPECT_EQ(test, virtback_state_turn(&full, times[i]), 0);
		for (n = 1; n < 100; n++)
			KUNIT_EXPECT_EQ(test, virtback_state_turn(&full, times[i]),
					n * VIRTBACK_STATE_GAP);
	}
	/* All these were told, and time for one more has gone by. */
	KUNIT_EXPECT_EQ(test, virtback_state_turn(&full, times[1] + 100 * VIRTBACK_STATE_GAP), 0);
	KUNIT_EXPECT_EQ(test, virtback_state_turn(&full, times[1] + 100 * VIRTBACK_STATE_GAP),
			VIRTBACK_STATE_GAP);
}

static bool has_var(const struct kobj_uevent_env *env, const char *var)
{
	int i;

	for (i = 0; i < env->envp_idx; i++) {
		if (!strcmp(env->envp[i], var))
			return true;
	}
	return false;
}

static void uevents_say_what_it_is(struct kunit *test)
{
	struct kobj_uevent_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);
	struct virtback_entry *entry;

	KUNIT_ASSERT_NOT_NULL(test, env);
	e2e_start(test);
	entry = entry_get(test);
	wait_told(entry, "driver-ok");
	/* What has not been told yet has an event of its own. */
	atomic_or(VIRTIO_CONFIG_S_NEEDS_RESET, &entry->vd.status);
	KUNIT_EXPECT_EQ(test, virtback_class.dev_uevent(&entry->vd.dev, env), 0);
	atomic_andnot(VIRTIO_CONFIG_S_NEEDS_RESET, &entry->vd.status);
	KUNIT_EXPECT_EQ(test, env->envp_idx, 3);
	KUNIT_EXPECT_TRUE(test, has_var(env, "VIRTBACK_TYPE=blk"));
	KUNIT_EXPECT_TRUE(test, has_var(env, "VIRTBACK_HOST=loop"));
	KUNIT_EXPECT_TRUE(test, has_var(env, "VIRTBACK_STATE=driver-ok"));
	entry_put(entry);
}

static void accesses_are_counted_by_register(struct kunit *test)
{
	struct e2e *e = test->priv;
	struct virtback_entry *entry;
	u64 before[VIRTBACK_REG_NR];
	u8 *buf = e2e_pages(test);
	enum virtback_reg i;

	e2e_start(test);
	entry = entry_get(test);
	for (i = 0; i < VIRTBACK_REG_NR; i++) {
		before[i] = virtback_device_reg_count(&entry->vd, i);
		/* A probe has used these; the others are for requests. */
		if (i != VIRTBACK_REG_QUEUE_NOTIFY && i != VIRTBACK_REG_INTERRUPT_STATUS &&
		    i != VIRTBACK_REG_INTERRUPT_ACK)
			KUNIT_EXPECT_GT_MSG(test, before[i], 0, "register %d", i);
	}
	KUNIT_EXPECT_EQ(test, e2e_io(e, REQ_OP_READ, 0, buf, 1), 0);
	for (i = 0; i < VIRTBACK_REG_NR; i++)
		KUNIT_EXPECT_EQ_MSG(test, virtback_device_reg_count(&entry->vd, i) - before[i],
				    i <= VIRTBACK_REG_INTERRUPT_ACK, "register %d", i);
	entry_put(entry);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(workers_are_placed_by_options),
	KUNIT_CASE(workers_move_while_they_work),
	KUNIT_CASE(state_is_told_once),
	KUNIT_CASE(events_of_all_devices_take_turns),
	KUNIT_CASE(uevents_say_what_it_is),
	KUNIT_CASE(accesses_are_counted_by_register),
	{}
};

static struct kunit_suite suite = {
	.name = "virtback_observe",
	.init = e2e_init,
	.exit = e2e_exit,
	.test_cases = cases,
};

/* --- what the block type counts --- */

static void expect_counts(struct blk_test *b, const u64 *want)
{
	unsigned int i;

	for (i = 0; i < BLK_COUNTERS; i++)
		KUNIT_EXPECT_EQ_MSG(b->test, virtback_vq_counter(&b->f->vd.vqs[0], i), want[i],
				    "%s", virtback_blk_type.counters[i]);
}

static void disk_work_is_counted(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 want[BLK_COUNTERS] = {};
	struct fake *f;

	blk_test_disk(b, 512, true);
	f = blk_start(b, FLUSH);
	expect_counts(b, want);
	blk_request(f, VIRTIO_BLK_T_IN, 5, BUF, 1024);
	want[BLK_SECTORS_READ] = 2;
	expect_counts(b, want);
	/* In several passes. */
	blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 2 * MIB);
	want[BLK_SECTORS_WRITTEN] = 2 * MIB / 512;
	expect_counts(b, want);
	blk_request(f, VIRTIO_BLK_T_FLUSH, 0, BUF, 0);
	want[BLK_FLUSHES] = 1;
	expect_counts(b, want);
}

static void errors_are_counted_by_kind(struct kunit *test)
{
	struct blk_test *b = test->priv;
	u64 want[BLK_COUNTERS] = {};
	struct fake *f = blk_start(b, 0);

	b->disk->fail = 1;
	b->disk->error = BLK_STS_IOERR;
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 5, BUF, 1024), VIRTIO_BLK_S_IOERR);
	want[BLK_ERRORS_IO] = 1;
	expect_counts(b, want);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, BUF, 512),
			VIRTIO_BLK_S_IOERR);
	want[BLK_ERRORS_REFUSED] = 1;
	expect_counts(b, want);
	KUNIT_EXPECT_EQ(test, blk_request(f, 4711, 0, BUF, 512), VIRTIO_BLK_S_UNSUPP);
	want[BLK_ERRORS_UNSUPP] = 1;
	expect_counts(b, want);
	/* The place of a request that failed is used again. */
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 5, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, BUF, 512),
			VIRTIO_BLK_S_IOERR);
	want[BLK_SECTORS_READ] = 1;
	want[BLK_ERRORS_REFUSED] = 2;
	expect_counts(b, want);
}

static struct kunit_case blk_cases[] = {
	KUNIT_CASE(disk_work_is_counted),
	KUNIT_CASE(errors_are_counted_by_kind),
	{}
};

static struct kunit_suite blk_suite = {
	.name = "virtback_observe_blk",
	.init = blk_test_init,
	.exit = blk_test_exit,
	.test_cases = blk_cases,
};

kunit_test_suites(&suite, &blk_suite);
