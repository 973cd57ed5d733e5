/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What profile.c uses of QEMU's interface for plugins, as of its version 3 (QEMU 9.1; an
 * older one refuses the plugin, which says what it was made for): Debian has no package
 * with qemu-plugin.h. The arrays are GLib's, with which QEMU is linked.
 */
#ifndef VIRTBACK_BENCH_PLUGIN_H
#define VIRTBACK_BENCH_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_register;

struct qemu_info_t {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus, max_vcpus;
	} system;
};

struct qemu_plugin_reg_descriptor {
	struct qemu_plugin_register *handle;
	const char *name;
	const char *feature;
};

struct g_array {
	char *data;
	unsigned int len;
};

struct g_byte_array {
	uint8_t *data;
	unsigned int len;
};

typedef void (*init_cb)(qemu_plugin_id_t id, unsigned int vcpu);
typedef void (*vcpu_cb)(unsigned int vcpu, void *data);
typedef void (*trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exit_cb)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id, init_cb cb);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, vcpu_cb cb, int flags,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, vcpu_cb cb,
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t nr);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest, size_t len);

/* For an init_cb; the array is the caller's. */
struct g_array *qemu_plugin_get_registers(void);

/*
 * Of the processor that runs, for callbacks registered with CB_R_REGS. It appends to @value;
 * what it returns has not been the same in all versions.
 */
int qemu_plugin_read_register(struct qemu_plugin_register *handle, struct g_byte_array *value);

unsigned int g_array_get_element_size(struct g_array *array);
char *g_array_free(struct g_array *array, int free_segment);
struct g_byte_array *g_byte_array_new(void);
struct g_byte_array *g_byte_array_set_size(struct g_byte_array *array, unsigned int len);

#endif
