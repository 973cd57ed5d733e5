# SPDX-License-Identifier: GPL-2.0
#
# `make help` lists the targets. Kbuild describes the module; what a target does
# is in scripts/.

# Variables, in the environment or after `make`; `make help` prints these lines:
#   FILTER: kunit: only suites of this glob, or suite.case
#   KARGS: kunit: more words for the kernel's command line
#   TIMEOUT: kunit: seconds the kernel may run
#   ACCEL: demo, xen-check: accelerator of QEMU (tcg, kvm)
#   XEN: demo, xen-check: version of Xen (4.17 or 4.20)
#   DOM0_KERNEL: demo, xen-check: kernel of dom0 (6.12 or 6.1)
#   GUEST_KERNEL: demo, xen-check: kernel of the guests (6.1 or 6.12)
#   VIRTBACK_LOGS: demo, xen-check: where logs go (logs/ in the tree)
#   VIRTBACK_CACHE: all: what is fetched and built (~/.cache/virtback)
#   SOAK_MINUTES: soak: how long (60)
#   ROW: soak: rows of Documentation/reliability.rst alone (ROW="dm-error paused")
#   TIME: soak: minutes for a row (10; 5 without ROW)
#   BENCH: bench: quick (under 5 minutes), full or grants (full)
#   BASE: bench-check: commit to compare with (HEAD~1)
#   FUZZ_TIME: fuzz: for how many seconds (60)
#   FUZZ_JOBS: fuzz: so many at once (1)
#   DESTDIR: install, uninstall: a directory that everything goes below
#   PREFIX: install, uninstall: where tools and manuals go (/usr/local)

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
BASE ?= HEAD~1
export FILTER KARGS TIMEOUT ACCEL XEN SOAK_MINUTES TIME BENCH FUZZ_TIME FUZZ_JOBS

# Asked for when a recipe needs Kbuild, so that the other targets need no headers.
define kernel_check
$(if $(filter-out 1,$(words $(CURDIR))),\
	$(error Kbuild cannot build in a path with a blank: $(CURDIR)))
$(if $(filter-out 1,$(words $(KDIR))),\
	$(error Kbuild needs one path without blanks in KDIR: "$(KDIR)"))
$(if $(wildcard $(KDIR)/Makefile),,\
	$(error no kernel headers in $(KDIR): install linux-headers-$(shell uname -r) or give KDIR=))
endef

kbuild = $(strip $(kernel_check))$(MAKE) -C $(KDIR) M=$(CURDIR)

.DEFAULT_GOAL := modules
.PHONY: help modules clean clean-cache install modules_install demo check check-full soak \
	uninstall uninstall-modules install-tools uninstall-tools deb docs tools-check \
	packages-check tracing-check kernel-range kunit kunit-debug kunit-6.1 failures lint \
	checkpatch kernel-doc sparse coccicheck build-matrix clang mutants coverage costs \
	xen-check smp-check kcsan-check lockdep-check signed-check durability-check fuzz \
	fuzz-coverage fuzz-mutants bench bench-check bench-stages bench-core \
	bench-devices bench-neighbour

help: ## list the targets and the variables
	@sed -n 's/^\([a-z0-9.-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18
	@echo
	@sed -n 's/^#   \([A-Z_0-9, ]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

modules: ## build virtback.ko for KDIR= (the running kernel), ARCH=, CROSS_COMPILE=
	$(kbuild) modules

clean: ## remove what `make modules` built
	$(kbuild) clean

clean-cache: ## remove what builds and tests keep outside of the tree
	scripts/clean-cache

install: modules_install install-tools ## install the module, tools, manuals, examples

uninstall: uninstall-tools uninstall-modules ## remove what `make install` installed

# DESTDIR is as good as kbuild's own name for it.
mod_path = $(or $(INSTALL_MOD_PATH),$(DESTDIR))

modules_install: modules ## install the module alone for KDIR= (INSTALL_MOD_PATH=)
	$(kbuild) INSTALL_MOD_PATH=$(mod_path) modules_install

# The release as modules_install takes it: Debian's headers override it, others have it
# in a file. Kernels differ in where they put modules of others.
uninstall-modules: ## remove the module for KDIR=
	@release=$$($(kbuild) -s --eval='vb-release: ; @echo $$(KERNELRELEASE)' vb-release \
		2>/dev/null); \
	[ -n "$$release" ] || release=$$(cat $(KDIR)/include/config/kernel.release) || exit; \
	dir=$(mod_path)/lib/modules/$$release; \
	for d in updates extra; do \
		rm -vf "$$dir/$$d"/virtback.ko*; \
		[ ! -d "$$dir/$$d" ] || rmdir --ignore-fail-on-non-empty "$$dir/$$d"; \
	done; \
	[ -n "$(mod_path)" ] || depmod "$$release"

install-tools: ## install virtbackctl, manuals, completion and examples alone
	scripts/install-tools "$(DESTDIR)$(PREFIX)"

uninstall-tools: ## remove them
	scripts/install-tools --remove "$(DESTDIR)$(PREFIX)"

deb: ## build the Debian packages virtback-dkms and virtback-tools into build/
	scripts/deb

docs: ## build the book of Documentation/ as HTML into Documentation/_build/html
	scripts/docs

tools-check: ## test virtbackctl and the manuals, without Xen
	scripts/tools-test

packages-check: ## install and remove the Debian packages in a clean Debian
	scripts/packages-test

tracing-check: ## run the book's examples of trace-cmd, perf and bpftrace in QEMU
	scripts/tracing-test

kernel-range: ## build against the newest kernels of Debian, and check README's table
	scripts/kernel-range

demo: ## boot Xen under QEMU: a guest makes a file system on a disk of this module
	scripts/demo

check: ## what CI runs: static checks, tools, builds, KUnit, Xen scenarios
	scripts/check

check-full: ## check and all that is slow: every kernel and compiler, packages, mutants
	scripts/check full

soak: ## KUnit, races, Xen, rows again and again for SOAK_MINUTES= (60), or ROW= for TIME=
	$(if $(and $(filter-out undefined,$(origin ROW)),$(if $(strip $(ROW)),,1)),$(error ROW= names no row))
	scripts/soak $(ROW)

kunit: ## KUnit in UML 6.12 (FILTER=virtback_vring*)
	scripts/uml/kunit 6.12 plain

kunit-debug: ## the same with KASAN, UBSAN, lockdep, kmemleak
	scripts/uml/kunit 6.12 debug

kunit-6.1: ## the same in UML 6.1
	scripts/uml/kunit 6.1 plain

failures: ## let each allocation of making and removing devices fail, in UML
	scripts/uml/failures

lint: ## all static checks but coccicheck
	scripts/lint/run

checkpatch: ## checkpatch --strict
	scripts/lint/run checkpatch

kernel-doc: ## comments of public functions and structures
	scripts/lint/run kernel-doc

sparse: ## sparse with endian checks, for four kernels
	scripts/lint/run sparse

coccicheck: ## the kernel's semantic patches
	scripts/lint/run coccicheck

build-matrix: ## W=1 builds for 6.1 and 6.12, amd64 and arm64, and UML
	scripts/build-matrix

clang: ## W=1 builds with clang
	scripts/build-matrix 6.12-amd64-clang14 6.12-arm64-clang14

mutants: ## every patch of kunit/mutants must turn a test red
	scripts/mutants

coverage: ## which lines of the module the KUnit suites do not reach
	scripts/coverage

costs: ## count what a request costs on Xen, into Documentation/costs.rst
	scripts/xen/costs

xen-check: ## boot Xen under QEMU and run its scenarios
	scripts/xen/run

smp-check: ## look for races on four processors, in QEMU
	scripts/smp/run

kcsan-check: ## the same with a kernel that finds data races (KCSAN)
	scripts/smp/run kcsan

lockdep-check: ## the same with a kernel that checks locks and where one may sleep
	scripts/smp/run lockdep

signed-check: ## what works where modules have to be signed, and under lockdown
	scripts/smp/run signed

durability-check: ## is all that was acknowledged there after a loss of power?
	scripts/durability/run

bench: ## measure on Xen in a machine that counts instructions, beside xen-blkback
	scripts/bench/run

bench-stages: ## where the instructions of a request go, into Documentation/
	scripts/bench/profile

bench-core: ## count the instructions of core and blk alone, into Documentation/
	scripts/bench/core

bench-devices: ## what many devices take, and what they do while idle, into Documentation/
	scripts/bench/devices

bench-neighbour: ## what a guest that does its worst costs another, into Documentation/
	scripts/bench/neighbour

bench-check: ## fail if the module is more than 3 % slower than that of BASE=
	scripts/bench/check "$(BASE)"

fuzz: ## fuzz core and blk in user space for FUZZ_TIME= seconds (60)
	scripts/fuzz run

fuzz-coverage: ## which lines of core and blk the fuzzer's corpus runs
	scripts/fuzz coverage

fuzz-mutants: ## every patch of fuzz/mutants must be seen by the fuzzer
	scripts/fuzz mutants
