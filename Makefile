# lhguard: build, install, run and test. `make help` lists the targets.
# SPDX-License-Identifier: GPL-2.0-or-later

VERSION      := 0.1.0
prefix       ?= /usr
sysconfdir   ?= /etc
sbindir      ?= $(prefix)/sbin
bindir       ?= $(prefix)/bin
mandir       ?= $(prefix)/share/man
datadir      ?= $(prefix)/share/lhguard
unitdir      ?= $(prefix)/lib/systemd/system
INSTALL      ?= install
ifeq ($(origin CC),default)
CC           := gcc
endif
PKG_CONFIG   ?= pkg-config
FUZZ_SECONDS ?= 60

# B is the folder of the results; other builds of the same tree (sanitizers, fuzzing) take another.
B            ?= build
DAEMON_LIBS  := libnetfilter_queue libmnl libnftnl inih jansson libsystemd libcap-ng libseccomp
CLI_LIBS     := jansson

WARNINGS     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
                -Wformat=2 -Wvla -Wundef -Wno-unused-parameter
CFLAGS       ?= -O2 -g
HARDENING    ?= -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection \
                -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN_LINK  ?= -pie -Wl,-z,relro,-z,now,-z,noexecstack
ALL_CFLAGS   = -std=gnu17 $(CFLAGS) $(HARDENING) $(WARNINGS) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
               -Idaemon -I. $(CPPFLAGS)
ALL_LDFLAGS  = $(HARDEN_LINK) $(LDFLAGS)

DAEMON_SRC   := $(sort $(wildcard daemon/*.c daemon/*/*.c))
CLI_SRC      := $(sort $(wildcard cli/*.c))
UNIT_SRC     := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC    := $(sort $(wildcard tests/bench/*.c))
LIBRARY_SRC  := $(filter-out daemon/main.c,$(DAEMON_SRC))
OBJECTS      = $(addprefix $(B)/,$(patsubst %.c,%.o,$(1)))
SHELL_SRC    := .ci/run $(wildcard tests/lab/deps contrib/setup/* tests/bench/run)
C_FILES      := $(sort $(wildcard daemon/*.[ch] daemon/*/*.[ch] cli/*.[ch] tests/*/*.[ch]))
MAN_PAGES    := $(sort $(wildcard daemon/*.[1-8] cli/*.[1-8] conf/*.[1-8]))

# What the build itself needs; the goals that install it must run without it.
ifneq ($(filter-out help deps start stop check demo clean fuzz bench,$(or $(MAKECMDGOALS),all)),)
MISSING      := $(shell for p in $(DAEMON_LIBS); do \
                        $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
ifneq ($(strip $(MISSING)),)
$(error missing: $(strip $(MISSING)). Install what the build needs with `make deps` (as root))
endif
DAEMON_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(DAEMON_LIBS))
DAEMON_LDLIBS := $(shell $(PKG_CONFIG) --libs $(DAEMON_LIBS)) -pthread
CLI_LDLIBS    := $(shell $(PKG_CONFIG) --libs $(CLI_LIBS))
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help deps install start stop check unit system lint format demo fuzz bench clean FORCE

all: $(B)/lhguardd $(B)/lhguard ## build the daemon and the CLI

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

$(B)/lhguardd: $(B)/daemon/main.o $(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(DAEMON_LDLIBS)

# The CLI takes what it shares with the daemon (wire, text, error) out of the archive.
$(B)/lhguard: $(call OBJECTS,$(CLI_SRC)) $(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CLI_LDLIBS)

$(B)/liblhguardd.a: $(call OBJECTS,$(LIBRARY_SRC))
	rm -f $@
	$(AR) rcs $@ $^

# Rebuild when the flags change.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(DAEMON_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/daemon/control/control.o: conf/org.lhguard.varlink

-include $(patsubst %.o,%.d,$(call OBJECTS,$(DAEMON_SRC) $(CLI_SRC) $(UNIT_SRC) $(BENCH_SRC)))
