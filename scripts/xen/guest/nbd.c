// SPDX-License-Identifier: GPL-2.0
/*
 * nbd - the least that a disk on the network needs, for tests on the loopback interface.
 *
 *   nbd serve <file> <port>
 *   nbd connect <number> <port> <bytes> <seconds>	(/dev/nbd<number>)
 *   nbd reconnect <number> <port> <seconds>
 *
 * Client and server know each other, so there is no negotiation. When the connection
 * is lost, requests wait so many seconds for a reconnect and then fail.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/nbd.h>
#include <linux/nbd-netlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST	33554432	/* bytes of a request */

static void die(const char *what)
{
	printf("nbd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address(const char *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return a;
}

/* ------------------------------------------------------------------ server */

static int all(int fd, void *buf, size_t len, int out)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = out ? write(fd, buf + done, len - done) : read(fd, buf + done, len - done);
		if (n <= 0)
			return 0;
		done += n;
	}
	return 1;
}

static int answer(int sock, int file, const struct nbd_request *req, char *buf)
{
	struct nbd_reply reply = { .magic = htonl(NBD_REPLY_MAGIC) };
	uint32_t type = ntohl(req->type) & 0xffff, len = ntohl(req->len);
	uint64_t from = be64toh(req->from);
	ssize_t n = len;

	if (ntohl(req->magic) != NBD_REQUEST_MAGIC || len > MOST || type == NBD_CMD_DISC)
		return 0;
	memcpy(&reply.handle, &req->handle, sizeof(reply.handle));
	if (type == NBD_CMD_WRITE) {
		if (!all(sock, buf, len, 0))
			return 0;
		n = pwrite(file, buf, len, from);
	} else if (type == NBD_CMD_READ) {
		n = pread(file, buf, len, from);
	} else if (type == NBD_CMD_FLUSH) {
		n = fsync(file) ? -1 : (ssize_t)len;
	} else {
		n = -1;
	}
	if (n != (ssize_t)len)
		reply.error = htonl(EIO);
	if (!all(sock, &reply, sizeof(reply), 1))
		return 0;
	return type != NBD_CMD_READ || reply.error || all(sock, buf, len, 1);
}

static void serve(const char *path, const char *port)
{
	int file = open(path, O_RDWR), s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = address(port);
	char *buf = malloc(MOST);

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (file < 0 || !buf || bind(s, (void *)&a, sizeof(a)) || listen(s, 4))
		die(path);
	for (;;) {
		int c = accept(s, NULL, NULL);
		struct nbd_request req;

		if (c < 0)
			die("accept");
		setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while (all(c, &req, sizeof(req), 0) && answer(c, file, &req, buf))
			;
		close(c);
	}
}

/* ------------------------------------------------------------------ client */

static struct {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	char data[512];
} msg;

static void begin(uint16_t type, uint8_t cmd)
{
	memset(&msg, 0, sizeof(msg));
	msg.nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	msg.nl.nlmsg_type = type;
	msg.nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	msg.genl.cmd = cmd;
	msg.genl.version = 1;
}

static struct nlattr *attr(uint16_t type, const void *data, uint16_t len)
{
	struct nlattr *a = (void *)&msg + msg.nl.nlmsg_len;

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((void *)a + NLA_HDRLEN, data, len);
	msg.nl.nlmsg_len += NLA_ALIGN(a->nla_len);
	return a;
}

static void nest_end(struct nlattr *a)
{
	a->nla_len = (void *)&msg + msg.nl.nlmsg_len - (void *)a;
	a->nla_type |= NLA_F_NESTED;
}

/* The answer's attributes are in @reply; it is an error or an acknowledgment at last. */
static void talk(int s, char *reply, size_t size)
{
	struct nlmsghdr *h = (void *)reply;
	ssize_t n;

	if (send(s, &msg, msg.nl.nlmsg_len, 0) < 0)
		die("netlink");
	n = recv(s, reply, size, 0);
	if (n < (ssize_t)NLMSG_LENGTH(0))
		die("netlink");
	if (h->nlmsg_type != NLMSG_ERROR)
		return;
	errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
	if (errno)
		die("the kernel");
}

static uint16_t family(int s)
{
	char reply[4096] = "", rest[512];
	struct nlmsghdr *h = (void *)reply;
	char *a = reply + NLMSG_LENGTH(GENL_HDRLEN);

	begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	attr(CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME, sizeof(NBD_GENL_FAMILY_NAME));
	talk(s, reply, sizeof(reply));
	recv(s, rest, sizeof(rest), 0);		/* the acknowledgment */
	while (a < reply + h->nlmsg_len) {
		struct nlattr *n = (void *)a;

		if (n->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(a + NLA_HDRLEN);
		a += NLA_ALIGN(n->nla_len);
	}
	errno = ENOENT;
	die("the kernel has no nbd");
	return 0;
}

static void client(int again, char **argv)
{
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	int sock = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = address(argv[1]);
	struct nlattr *socks, *item;
	uint32_t index = atoi(argv[0]), fd = sock;
	char reply[4096];
	uint64_t n;

	if (connect(sock, (void *)&a, sizeof(a)))
		die("connect");
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	begin(family(s), again ? NBD_CMD_RECONFIGURE : NBD_CMD_CONNECT);
	attr(NBD_ATTR_INDEX, &index, sizeof(index));
	if (!again) {
		n = strtoull(argv[2], NULL, 0);
		attr(NBD_ATTR_SIZE_BYTES, &n, sizeof(n));
		n = 512;
		attr(NBD_ATTR_BLOCK_SIZE_BYTES, &n, sizeof(n));
		n = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH;
		attr(NBD_ATTR_SERVER_FLAGS, &n, sizeof(n));
		/* Seconds, then what was sent over the lost connection is sent again. */
		n = 2;
		attr(NBD_ATTR_TIMEOUT, &n, sizeof(n));
	}
	n = strtoull(argv[again ? 2 : 3], NULL, 0);
	attr(NBD_ATTR_DEAD_CONN_TIMEOUT, &n, sizeof(n));
	socks = attr(NBD_ATTR_SOCKETS, NULL, 0);
	item = attr(NBD_SOCK_ITEM, NULL, 0);
	attr(NBD_SOCK_FD, &fd, sizeof(fd));
	nest_end(item);
	nest_end(socks);
	talk(s, reply, sizeof(reply));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		serve(argv[2], argv[3]);
	else if (argc == 6 && !strcmp(argv[1], "connect"))
		client(0, argv + 2);
	else if (argc == 5 && !strcmp(argv[1], "reconnect"))
		client(1, argv + 2);
	else
		return 2;
	return 0;
}
