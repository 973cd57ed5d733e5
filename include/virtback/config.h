/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a user can say about one device. The toolstack, sysfs and the module's
 * parameters all fill this structure and call virtback_create().
 */
#ifndef VIRTBACK_CONFIG_H
#define VIRTBACK_CONFIG_H

#include <linux/string.h>
#include <linux/types.h>

#include <virtback/device.h>

struct virtback_device;

/* VIRTIO_BLK_ID_BYTES: what GET_ID can return. */
#define VIRTBACK_SERIAL_LEN	20

/* Each queue has a thread, and 4 MiB of bounce pages once a driver uses it. */
#define VIRTBACK_QUEUES_MAX	64

/* More queues than this must be asked for. */
#define VIRTBACK_QUEUES_DEFAULT	4U

/* Most that the ring formats know (VIRTIO 1.2 sections 2.7 and 2.8). */
#define VIRTBACK_QUEUE_SIZE_MAX	32768

/**
 * enum virtback_mapping - how the memory of a Xen guest is reached
 * @VIRTBACK_MAPPING_FOREIGN: all of it is within reach, and mapped when needed
 * @VIRTBACK_MAPPING_GRANT: what its driver grants
 */
enum virtback_mapping {
	VIRTBACK_MAPPING_FOREIGN,
	VIRTBACK_MAPPING_GRANT,
};

/**
 * struct virtback_config - options of one device; a name there is a name here
 * @set: bit VIRTBACK_OPT_* of each option that was given
 * @domid: guest; without it the device is for this kernel itself (loop host)
 * @base: guest physical address of the register window
 * @irq: Arm: INTID as libxl writes it (33 is SPI 1)
 * @backing: path of the block device or file, or "none"; owned by the structure
 * @direct_io: past the page cache of a file; not set means yes
 * @readonly: offer a read-only disk
 * @serial: what GET_ID returns; empty: the device's name
 * @queues: number of virtqueues
 * @queue_size: QueueNumMax of each; split rings get the power of 2 below
 * @features_off: feature bits that are not offered, never VERSION_1
 * @dma: what the backing store may access
 * @reset_timeout_ms: how long a reset waits for that; 0: the default
 * @poll_us: how long a worker looks on for the driver's next chain; 0: not at all
 * @mapping: how the guest's memory is reached
 * @map_limit_mb: MiB of the guest that may be mapped, of all its devices together;
 *		  0: virtback_map_limit_mb
 * @cpus: list of the processors that the queues' workers may run on; owned by the
 *	  structure, NULL for all
 * @priority: nice value of the workers
 *
 * virtback_config_complete() gives @queues, @queue_size and @features_off their
 * defaults.
 */
struct virtback_config {
	unsigned long set;
	u32 domid;
	u64 base;
	u32 irq;
	char *backing;
	bool direct_io;
	bool readonly;
	char serial[VIRTBACK_SERIAL_LEN + 1];
	u16 queues;
	u16 queue_size;
	u64 features_off;
	enum virtback_dma dma;
	u32 reset_timeout_ms;
	u32 map_limit_mb;
	u32 poll_us;
	enum virtback_mapping mapping;
	char *cpus;
	int priority;
};

enum virtback_opt {
	VIRTBACK_OPT_DOMID,
	VIRTBACK_OPT_BASE,
	VIRTBACK_OPT_IRQ,
	VIRTBACK_OPT_BACKING,
	VIRTBACK_OPT_DIRECT_IO,
	VIRTBACK_OPT_READONLY,
	VIRTBACK_OPT_SERIAL,
	VIRTBACK_OPT_QUEUES,
	VIRTBACK_OPT_QUEUE_SIZE,
	VIRTBACK_OPT_FEATURES_OFF,
	VIRTBACK_OPT_DMA,
	VIRTBACK_OPT_RESET_TIMEOUT_MS,
	VIRTBACK_OPT_MAP_LIMIT_MB,
	VIRTBACK_OPT_MAPPING,
	VIRTBACK_OPT_POLL_US,
	VIRTBACK_OPT_CPUS,
	VIRTBACK_OPT_PRIORITY,
	VIRTBACK_OPT_NR,
};

/* What backing= says for a device that is to get its backing store later. */
#define VIRTBACK_NO_BACKING	"none"

static inline bool virtback_config_no_backing(const struct virtback_config *cfg)
{
	return cfg->backing && !strcmp(cfg->backing, VIRTBACK_NO_BACKING);
}

/* drivers/main.c: for devices that give none; 0: the host chooses */
extern unsigned int virtback_map_limit_mb;

/* drivers/main.c: KiB from which on data is mapped with mapping=grant; 0: never */
extern unsigned int virtback_grant_map_kb;

/* A pass has no more. */
#define VIRTBACK_GRANT_MAP_KB_MAX	1024

/* drivers/control/options.c */
int virtback_option_set(struct virtback_config *cfg, enum virtback_opt opt, const char *val,
			const char **why);
int virtback_parse_grant_map_kb(const char *val, unsigned int *kb, const char **why);
int virtback_parse_map_limit_mb(const char *val, unsigned int *mb, const char **why);
int virtback_config_parse(struct virtback_config *cfg, const char *str);
void virtback_config_free(struct virtback_config *cfg);

/* drivers/control/control.c */
int virtback_create(const struct virtback_config *cfg);
int virtback_detach(const char *name, unsigned long timeout);
void virtback_wait_closed(const char *backing, unsigned long timeout);
void virtback_config_name(const struct virtback_config *cfg, char *buf, size_t len);
void virtback_device_lost(struct virtback_device *vd);

#endif
