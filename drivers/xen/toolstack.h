/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIRTBACK_TOOLSTACK_H
#define VIRTBACK_TOOLSTACK_H

int virtback_toolstack_init(void);
void virtback_toolstack_exit(void);

#endif
