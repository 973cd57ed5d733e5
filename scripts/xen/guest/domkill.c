// SPDX-License-Identifier: GPL-2.0
/*
 * domkill - have Xen destroy a domain, and tell no one.
 *
 *   domkill <domid>
 *
 * What "xl destroy" does last (Xen's public/domctl.h, Linux's uapi/xen/privcmd.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define HYPERVISOR_DOMCTL	36
#define DOMCTL_DESTROYDOMAIN	2
#define DOMID_END		0x7ff0
/* It goes up with each version of Xen whose layouts differ; of this operation none does. */
#define VERSION_FIRST		0x12
#define VERSION_LAST		0x40

struct hypercall {
	uint64_t op;
	uint64_t arg[5];
};

#define IOCTL_HYPERCALL		_IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))

struct domctl {
	uint32_t cmd;
	uint32_t version;
	uint16_t domid;
	uint16_t pad[3];
	uint64_t rest[16];
};

int main(int argc, char **argv)
{
	struct domctl op = { .cmd = DOMCTL_DESTROYDOMAIN };
	struct hypercall call = {
		.op = HYPERVISOR_DOMCTL,
		.arg = { (uintptr_t)&op },
	};
	unsigned long domid = 0;
	char *end = NULL;
	int fd, ret = -1;

	if (argc == 2)
		domid = strtoul(argv[1], &end, 10);
	op.domid = domid;
	if (!domid || domid >= DOMID_END || *end) {
		fprintf(stderr, "usage: domkill <domid>\n");
		return 2;
	}
	fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror("/dev/xen/privcmd");
		return 1;
	}
	errno = EACCES;
	for (op.version = VERSION_FIRST; ret && op.version < VERSION_LAST; op.version++) {
		ret = ioctl(fd, IOCTL_HYPERCALL, &call);
		if (ret && errno != EACCES)
			break;
	}
	if (ret) {
		fprintf(stderr, "domkill: %u: %s\n", op.domid, strerror(errno));
		return 1;
	}
	return 0;
}
