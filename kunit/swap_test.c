// SPDX-License-Identifier: GPL-2.0
/*
 * Another backing store under a running guest (drivers/blk/store.c, and the pause
 * in drivers/core/device.c), and devices that have none yet.
 */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "blk_fixture.h"
#include "file_fixture.h"

/* Far longer than anything takes that does not hang. */
#define PATIENCE	(10 * HZ)
/* How long to wait for what should not happen. */
#define A_WHILE		(HZ / 10)

/**
 * struct swap_test - a device, and what is to take its disk's place
 * @b: the device and its first disk
 * @other: the second
 * @cfg: configuration with the second disk
 * @done: the replacement has ended
 * @err: how
 * @task: who replaces
 */
struct swap_test {
	struct blk_test b;
	struct test_disk *other;
	struct virtback_config cfg;
	struct completion done;
	int err;
	struct task_struct *task;
};

static struct swap_test *swap_of(struct kunit *test)
{
	return container_of(test->priv, struct swap_test, b);
}

static int swap_init(struct kunit *test)
{
	struct swap_test *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->b.test = test;
	init_completion(&s->done);
	test->priv = &s->b;
	return 0;
}

static void swap_exit(struct kunit *test)
{
	struct swap_test *s;

	if (!test->priv)
		return;
	s = swap_of(test);
	if (s->other)
		s->other->hold = false;
	while (s->other && test_disk_end(s->other, false))
		;
	blk_test_exit(test);
	if (s->other)
		test_disk_destroy(s->other);
}

/* A started device on one disk, and another disk whose contents differ. */
static struct fake *swap_start(struct swap_test *s, bool cache)
{
	struct kunit *test = s->b.test;

	blk_test_disk(&s->b, 512, cache);
	s->other = test_disk_create(test, 512, cache);
	memset(s->other->data, 0x3c, TEST_DISK_BYTES);
	s->cfg.backing = s->other->path;
	return blk_start(&s->b, cache ? FLUSH : 0);
}

static int swap_now(struct swap_test *s)
{
	struct virtback_device *vd = &s->b.f->vd;

	return vd->type->set_backing(vd, &s->cfg);
}

static int swap_thread(void *data)
{
	struct swap_test *s = data;

	allow_signal(SIGKILL);
	s->err = swap_now(s);
	complete(&s->done);
	return 0;
}

static void swap_begin(struct swap_test *s)
{
	s->task = kthread_create(swap_thread, s, "swap_test");
	KUNIT_ASSERT_FALSE(s->b.test, IS_ERR(s->task));
	wake_up_process(s->task);
}

static bool swap_ended(struct swap_test *s, unsigned long within)
{
	return wait_for_completion_timeout(&s->done, within);
}

static bool on_other(struct swap_test *s)
{
	struct fake *f = s->b.f;
	u8 status = blk_request(f, VIRTIO_BLK_T_IN, 8, BUF, 512);

	KUNIT_EXPECT_EQ(s->b.test, status, VIRTIO_BLK_S_OK);
	return !memchr_inv(fake_va(f, BUF), 0x3c, 512);
}

static void requests_go_to_the_new_disk(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, false);

	KUNIT_EXPECT_FALSE(test, on_other(s));
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_TRUE(test, on_other(s));
	blk_fill(f, BUF, 512, 1);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 9, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, s->b.disk->writes, 0);
	KUNIT_EXPECT_EQ(test, s->other->writes, 1);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void old_disk_is_let_go(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	swap_start(s, false);
	KUNIT_EXPECT_EQ(test, file_second(&s->b, s->b.disk->path, false, true), -EBUSY);
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_EQ(test, file_second(&s->b, s->b.disk->path, false, true), 0);
	KUNIT_EXPECT_EQ(test, file_second(&s->b, s->other->path, false, true), -EBUSY);
	/* And back. */
	s->cfg.backing = s->b.disk->path;
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_FALSE(test, on_other(s));
}

static void requests_in_flight_are_waited_for(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, false);

	s->b.disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 8, BUF, 512);
	blk_go(f);
	swap_begin(s);
	KUNIT_EXPECT_FALSE(test, swap_ended(s, A_WHILE));
	/* One that comes meanwhile is neither begun nor lost. */
	fake_desc(f, 3, HDR, HDR_LEN, F_NEXT, 4);
	fake_desc(f, 4, BUF + 4096, 512, F_NEXT | F_WRITE, 5);
	fake_desc(f, 5, STATUS + 1, 1, F_WRITE, 0);
	fake_offer(f, 3);
	fake_kick(f);
	KUNIT_EXPECT_EQ(test, test_disk_held(s->b.disk), 1);
	KUNIT_EXPECT_EQ(test, s->other->reads, 0);
	s->b.disk->hold = false;
	test_disk_end(s->b.disk, false);
	KUNIT_ASSERT_TRUE(test, swap_ended(s, PATIENCE));
	KUNIT_EXPECT_EQ(test, s->err, 0);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 2);
	KUNIT_EXPECT_TRUE(test, blk_same(&s->b, BUF, 8, 512));
	KUNIT_EXPECT_NULL(test, memchr_inv(fake_va(f, BUF + 4096), 0x3c, 512));
}

static void long_request_is_not_split(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, false);

	s->b.disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 0, BUF, 2 * MIB);
	blk_go(f);
	swap_begin(s);
	KUNIT_EXPECT_FALSE(test, swap_ended(s, A_WHILE));
	s->b.disk->hold = false;
	test_disk_end(s->b.disk, false);
	KUNIT_ASSERT_TRUE(test, swap_ended(s, PATIENCE));
	KUNIT_EXPECT_TRUE(test, blk_same(&s->b, BUF, 0, 2 * MIB));
	KUNIT_EXPECT_EQ(test, s->other->reads, 0);
}

static void reset_does_not_wait_for_a_replacement(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, false);

	s->b.disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 8, BUF, 512);
	blk_go(f);
	swap_begin(s);
	KUNIT_EXPECT_FALSE(test, swap_ended(s, A_WHILE));
	/* If it did, this would never return. */
	fake_start(f, 0);
	KUNIT_EXPECT_EQ(test, file_sectors(f), TEST_DISK_SECTORS);
	blk_chain(f, VIRTIO_BLK_T_IN, 8, BUF, 512);
	blk_go(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 0);
	s->b.disk->hold = false;
	test_disk_end(s->b.disk, false);
	KUNIT_ASSERT_TRUE(test, swap_ended(s, PATIENCE));
	KUNIT_EXPECT_EQ(test, s->err, 0);
	fake_settle(f);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(fake_va(f, BUF), 0x3c, 512));
}

static void replacement_gives_up(struct kunit *test, bool kill, int err)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, false);

	s->b.disk->hold = true;
	blk_chain(f, VIRTIO_BLK_T_IN, 8, BUF, 512);
	blk_go(f);
	swap_begin(s);
	KUNIT_EXPECT_FALSE(test, swap_ended(s, A_WHILE));
	if (kill)
		send_sig(SIGKILL, s->task, 1);
	else
		virtback_device_leave(&f->vd);
	KUNIT_EXPECT_TRUE(test, swap_ended(s, PATIENCE));
	KUNIT_EXPECT_EQ(test, s->err, err);
	/* The old one serves on, the other one is free. */
	s->b.disk->hold = false;
	test_disk_end(s->b.disk, false);
	KUNIT_EXPECT_EQ(test, fake_used_idx(f), 1);
	KUNIT_EXPECT_FALSE(test, on_other(s));
	KUNIT_EXPECT_EQ(test, file_second(&s->b, s->other->path, false, true), 0);
}

static void killed_replacement_changes_nothing(struct kunit *test)
{
	replacement_gives_up(test, true, -ERESTARTSYS);
}

static void removal_ends_a_replacement(struct kunit *test)
{
	replacement_gives_up(test, false, -ENODEV);
}

static void old_disk_is_flushed(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, true);

	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 512), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, s->b.disk->flushes, 0);
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_GE(test, s->b.disk->flushes, 1);
}

static void disk_that_cannot_be_flushed_stays(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	swap_start(s, true);
	s->b.disk->fail = 1;
	s->b.disk->error = BLK_STS_IOERR;
	KUNIT_EXPECT_EQ(test, swap_now(s), -EIO);
	KUNIT_EXPECT_FALSE(test, on_other(s));
}

/* As del_gendisk() leaves one that is open. */
static void disk_that_is_gone_is_given_up(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct gendisk *gd;

	swap_start(s, true);
	gd = s->b.disk->gd;
	s->b.disk->fail = 1;
	s->b.disk->error = BLK_STS_IOERR;
	set_bit(GD_DEAD, &gd->state);
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	clear_bit(GD_DEAD, &gd->state);
	KUNIT_EXPECT_TRUE(test, on_other(s));
}

static void expect_refused(struct swap_test *s, int err)
{
	KUNIT_EXPECT_EQ(s->b.test, swap_now(s), err);
	KUNIT_EXPECT_FALSE(s->b.test, on_other(s));
	KUNIT_EXPECT_EQ(s->b.test, file_second(&s->b, s->b.disk->path, false, true), -EBUSY);
}

static void other_size_is_refused(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	swap_start(s, false);
	set_capacity(s->other->gd, TEST_DISK_SECTORS / 2);
	expect_refused(s, -EINVAL);
}

static void disk_takes_the_place_of_one_that_is_gone(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, false);

	set_capacity(s->b.disk->gd, 0);
	f->vd.type->check_size(&f->vd);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_4K), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, SZ_4K), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_NULL(test, memchr_inv(fake_va(f, BUF), 0x3c, SZ_4K));
}

static void other_block_size_is_refused(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	blk_test_disk(&s->b, 512, false);
	s->other = test_disk_create(test, 4096, false);
	s->cfg.backing = s->other->path;
	blk_start(&s->b, 0);
	expect_refused(s, -EINVAL);
}

static void other_abilities_are_refused(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	blk_test_disk(&s->b, 512, false);
	s->other = test_disk_create(test, 512, true);
	s->cfg.backing = s->other->path;
	blk_start(&s->b, 0);
	expect_refused(s, -EINVAL);
}

static void read_only_disk_is_refused(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	swap_start(s, false);
	set_disk_ro(s->other->gd, true);
	expect_refused(s, -EINVAL);
}

static void absent_disk_is_refused(struct kunit *test)
{
	struct swap_test *s = swap_of(test);

	swap_start(s, false);
	s->cfg.backing = "/dev/absent";
	expect_refused(s, -ENOENT);
	/* It has it itself. */
	s->cfg.backing = s->b.disk->path;
	expect_refused(s, -EBUSY);
}

static void file_takes_the_place_of_a_disk(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = swap_start(s, true);

	file_make(&s->b, RAMFS_FILE, TEST_DISK_BYTES);
	s->cfg.backing = RAMFS_FILE;
	set_bit(VIRTBACK_OPT_DIRECT_IO, &s->cfg.set);
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_EQ(test, file_request(f, VIRTIO_BLK_T_IN, 3, BUF, 8192), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, file_has(&s->b, RAMFS_FILE, BUF, 3 * 512, 8192));
	KUNIT_EXPECT_EQ(test, s->b.disk->reads, 0);
	s->cfg.backing = s->b.disk->path;
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_FALSE(test, on_other(s));
}

/* --- placeholders --- */

static struct fake *placeholder(struct swap_test *s)
{
	struct blk_test *b = &s->b;

	b->cfg.backing = VIRTBACK_NO_BACKING;
	b->f = fake_create(b->test, &virtback_blk_type, &b->cfg, BLK_MEM, FAKE_QUEUE_SIZE);
	return b->f;
}

static void placeholder_is_no_device(struct kunit *test)
{
	struct fake *f = placeholder(swap_of(test));

	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	KUNIT_EXPECT_EQ(test, file_sectors(f), 0);
	f->vd.type->check_size(&f->vd);
	KUNIT_EXPECT_EQ(test, file_sectors(f), 0);
}

static void driver_of_a_placeholder_gets_errors(struct kunit *test)
{
	struct fake *f = placeholder(swap_of(test));

	fake_start(f, 0);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 0, BUF, 512), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_OUT, 0, BUF, 0), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	KUNIT_EXPECT_FALSE(test, fake_broken(f));
}

static void placeholder_becomes_a_disk(struct kunit *test)
{
	struct swap_test *s = swap_of(test);
	struct fake *f = placeholder(s);

	blk_test_disk(&s->b, 512, true);
	s->cfg.backing = s->b.disk->path;
	KUNIT_EXPECT_EQ(test, swap_now(s), 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	KUNIT_EXPECT_EQ(test, file_sectors(f), TEST_DISK_SECTORS);
	KUNIT_EXPECT_EQ(test, f->vd.type_features & (FLUSH | RO), FLUSH);
	fake_start(f, FLUSH);
	KUNIT_EXPECT_EQ(test, blk_request(f, VIRTIO_BLK_T_IN, 7, BUF, 4096), VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_TRUE(test, blk_same(&s->b, BUF, 7, 4096));
}

static struct kunit_case swap_cases[] = {
	KUNIT_CASE(requests_go_to_the_new_disk),
	KUNIT_CASE(old_disk_is_let_go),
	KUNIT_CASE(requests_in_flight_are_waited_for),
	KUNIT_CASE(long_request_is_not_split),
	KUNIT_CASE(reset_does_not_wait_for_a_replacement),
	KUNIT_CASE(killed_replacement_changes_nothing),
	KUNIT_CASE(removal_ends_a_replacement),
	KUNIT_CASE(old_disk_is_flushed),
	KUNIT_CASE(disk_that_cannot_be_flushed_stays),
	KUNIT_CASE(disk_that_is_gone_is_given_up),
	KUNIT_CASE(other_size_is_refused),
	KUNIT_CASE(disk_takes_the_place_of_one_that_is_gone),
	KUNIT_CASE(other_block_size_is_refused),
	KUNIT_CASE(other_abilities_are_refused),
	KUNIT_CASE(read_only_disk_is_refused),
	KUNIT_CASE(absent_disk_is_refused),
	KUNIT_CASE(file_takes_the_place_of_a_disk),
	KUNIT_CASE(placeholder_is_no_device),
	KUNIT_CASE(driver_of_a_placeholder_gets_errors),
	KUNIT_CASE(placeholder_becomes_a_disk),
	{}
};

static struct kunit_suite swap_suite = {
	.name = "virtback_swap",
	.init = swap_init,
	.exit = swap_exit,
	.test_cases = swap_cases,
};

kunit_test_suite(swap_suite);
