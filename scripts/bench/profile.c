// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU: which pieces of code were executed, in which order, while vbaio
 * timed its requests.
 *
 *   -plugin profile.so,out=<file>
 *
 * <file> has a 32-bit word for each translation block that was executed, its number
 * with the processor in the upper 4 bits, and ~0 at the end of each section;
 * <file>.blocks says the address and number of instructions of each block.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define PUBLIC __attribute__((visibility("default")))
#define START 0xaa1503f5	/* mov x21, x21 */
#define STOP 0xaa1603f6		/* mov x22, x22 */
#define CB_NO_REGS 0

PUBLIC int qemu_plugin_version = 3;

static FILE *out, *blocks;
static uint32_t nr_blocks;
static bool on;

static void word(uint32_t w)
{
	fwrite(&w, sizeof(w), 1, out);
}

/* One thread runs all processors (-accel tcg,thread=single), so no locks. */
static void executed(unsigned int vcpu, void *data)
{
	if (on)
		word((uint32_t)(uintptr_t)data | vcpu << 28);
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

	/* 28 bits; retranslated blocks get a new number. */
	if (nr_blocks >> 28)
		abort();
	fprintf(blocks, "%u %llx %zu\n", nr_blocks,
		(unsigned long long)qemu_plugin_tb_vaddr(tb), n);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, CB_NO_REGS,
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
		if (strncmp(argv[i], "out=", 4))
			continue;
		out = fopen(argv[i] + 4, "w");
		snprintf(name, sizeof(name), "%s.blocks", argv[i] + 4);
		blocks = fopen(name, "w");
	}
	if (!out || !blocks)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
