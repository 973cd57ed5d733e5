/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers that one context at a time changes and anyone reads.
 */
#ifndef VIRTBACK_COUNT_H
#define VIRTBACK_COUNT_H

#include <linux/compiler.h>

/**
 * virtback_add_once() - add to a number that others read without the writers' lock
 * @var: the number, evaluated twice
 * @n: how much
 *
 * Its writers exclude each other (a lock, or there is one of them); readers use
 * READ_ONCE() and learn nothing else from it. Any context.
 */
#define virtback_add_once(var, n)	WRITE_ONCE(var, (var) + (n))

/**
 * virtback_sub_once() - subtract from such a number
 * @var: the number, evaluated twice
 * @n: how much
 *
 * As virtback_add_once(), to which a negated unsigned int would be a large number. Any
 * context.
 */
#define virtback_sub_once(var, n)	WRITE_ONCE(var, (var) - (n))

#endif
