// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU: which pieces of code were executed, in which order, while vbaio
 * timed its requests.
 *
 *   -plugin profile.so,out=<file>[,cpu=<register>]
 *
 * <file> has a 32-bit word for each translation block that was executed, its number
 * with the processor in the upper 4 bits, and ~0 at the end of each section;
 * <file>.blocks says the address and number of instructions of each block.
 *
 * <register> tells the processors of a machine with more than one apart: it has another
 * value on each. 0 is the first processor's, others are numbered as they appear. QEMU
 * gives callbacks an index of the processor, too, but while one thread runs all of them
 * that is (since QEMU 10.0) a constant in the translated block: the index of who
 * translated it. Xen's code, which is the same for all, would be attributed to whoever
 * came along first.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugin.h"

#define PUBLIC __attribute__((visibility("default")))
#define START 0xaa1503f5	/* mov x21, x21 */
#define STOP 0xaa1603f6		/* mov x22, x22 */
#define CB_NO_REGS 0
#define CB_R_REGS 1
#define BLOCK_BITS 28
#define MAX_CPUS 15		/* the 16th would make ~0 ambiguous */

PUBLIC int qemu_plugin_version = 3;

static FILE *out, *blocks;
static uint32_t nr_blocks;
static bool on;

static const char *cpu_register;
static struct qemu_plugin_register *cpu_handle;
static struct g_byte_array *cpu_value;
static uint64_t cpu_values[MAX_CPUS];
static unsigned int nr_cpus = 1;

/* The console's reader shows a person what begins with @fail. */
static int failed(const char *why)
{
	fprintf(stderr, "@fail profile.c: %s%s%s\n", why, cpu_register ? ": " : "",
		cpu_register ?: "");
	return -1;
}

static void die(const char *why)
{
	failed(why);
	exit(1);
}

static void vcpu_init(qemu_plugin_id_t id, unsigned int vcpu)
{
	struct g_array *registers;
	unsigned int i, size;

	if (cpu_handle)
		return;
	registers = qemu_plugin_get_registers();
	if (!registers)
		die("QEMU lets a plugin see no registers of this processor");
	/* It may be more than the members that are known here. */
	size = g_array_get_element_size(registers);
	for (i = 0; i < registers->len && !cpu_handle; i++) {
		const struct qemu_plugin_reg_descriptor *reg =
			(const void *)(registers->data + (size_t)i * size);

		if (!strcasecmp(reg->name, cpu_register))
			cpu_handle = reg->handle;
	}
	g_array_free(registers, true);
	if (!cpu_handle)
		die("QEMU lets a plugin see no such register of this processor");
	cpu_value = g_byte_array_new();
}

/* The number of the processor that runs. */
static uint32_t cpu_now(void)
{
	uint64_t value;
	unsigned int i;

	if (!cpu_register)
		return 0;
	g_byte_array_set_size(cpu_value, 0);
	qemu_plugin_read_register(cpu_handle, cpu_value);
	if (cpu_value->len != sizeof(value))
		die("the register cannot be read, or does not have 64 bits");
	memcpy(&value, cpu_value->data, sizeof(value));
	for (i = 0; i < nr_cpus; i++)
		if (cpu_values[i] == value)
			return i;
	if (nr_cpus == MAX_CPUS)
		die("the register has more values than there can be processors");
	cpu_values[nr_cpus] = value;
	return nr_cpus++;
}

static void word(uint32_t w)
{
	fwrite(&w, sizeof(w), 1, out);
}

/* One thread runs all processors (-accel tcg,thread=single), so no locks. */
static void executed(unsigned int vcpu, void *data)
{
	if (on)
		word((uint32_t)(uintptr_t)data | cpu_now() << BLOCK_BITS);
}

static void start(unsigned int vcpu, void *data)
{
	on = true;
}

static void stop(unsigned int vcpu, void *data)
{
	if (on)
		word(~0U);
	on = false;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	/* Retranslated blocks get a new number. */
	if (nr_blocks >> BLOCK_BITS)
		abort();
	fprintf(blocks, "%u %llx %zu\n", nr_blocks,
		(unsigned long long)qemu_plugin_tb_vaddr(tb), n);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, cpu_register ? CB_R_REGS : CB_NO_REGS,
					     (void *)(uintptr_t)nr_blocks);
	nr_blocks++;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t code = 0;

		qemu_plugin_insn_data(insn, &code, sizeof(code));
		if (code == START)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, CB_NO_REGS, NULL);
		else if (code == STOP)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, CB_NO_REGS, NULL);
	}
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
	fclose(out);
	fclose(blocks);
}

PUBLIC int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
			       char **argv)
{
	char name[4096];
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "cpu=", 4))
			cpu_register = argv[i] + 4;
		if (strncmp(argv[i], "out=", 4))
			continue;
		out = fopen(argv[i] + 4, "w");
		snprintf(name, sizeof(name), "%s.blocks", argv[i] + 4);
		blocks = fopen(name, "w");
	}
	if (!out || !blocks)
		return failed("out=<file> is missing, or cannot be written");
	if (info->system.smp_vcpus > 1 && !cpu_register)
		return failed("cpu=<register> is missing, which tells the processors apart");
	if (cpu_register)
		qemu_plugin_register_vcpu_init_cb(id, vcpu_init);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
