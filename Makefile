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
bashdir      ?= $(prefix)/share/bash-completion/completions
# Debian's zsh reads a folder of its own.
zshdir       ?= $(prefix)/share/zsh/$(if $(wildcard $(prefix)/share/zsh/vendor-completions),vendor-completions,site-functions)
fishdir      ?= $(prefix)/share/fish/vendor_completions.d
sysusersdir  ?= $(prefix)/lib/sysusers.d
userunitdir  ?= $(prefix)/lib/systemd/user
polkitdir    ?= $(prefix)/share/polkit-1/actions
appdir       ?= $(prefix)/share/applications
autostartdir ?= $(sysconfdir)/xdg/autostart
icondir      ?= $(prefix)/share/icons/hicolor
INSTALL      ?= install
ifeq ($(origin CC),default)
CC           := gcc
endif
PKG_CONFIG   ?= pkg-config
PYTEST       ?= /usr/bin/python3 -m pytest
FUZZ_SECONDS ?= 60

# B is the folder of the results; other builds of the same tree (sanitizers, fuzzing) take another.
B            ?= build
DAEMON_LIBS  := libnetfilter_queue libmnl libnftnl inih jansson libsystemd libcap-ng libseccomp
CLI_LIBS     := jansson libmnl libnftnl libnetfilter_queue libsystemd inih
# GLib is in the desktop's agent only.
AGENT_LIBS   := libnotify gio-2.0 gio-unix-2.0 jansson inih libsystemd

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
# Of the agent the CLI has what reads its settings.
CLI_SRC      := $(sort $(wildcard cli/*.c)) cli/notify/settings.c
AGENT_SRC    := $(filter-out $(CLI_SRC),$(sort $(wildcard cli/notify/*.c)))
UNIT_SRC     := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
INTERFACE_SRC := $(sort $(wildcard tests/interface/*.c))
BENCH_SRC    := $(sort $(wildcard tests/bench/*.c))
LIBRARY_SRC  := $(filter-out daemon/main.c,$(DAEMON_SRC))
OBJECTS      = $(addprefix $(B)/,$(patsubst %.c,%.o,$(1)))
SHELL_SRC    := $(shell grep -lE '^\#!/bin/(ba)?sh' .ci/run contrib/* contrib/*/* tests/*/* 2>/dev/null)
C_FILES      := $(sort $(wildcard daemon/*.[ch] daemon/*/*.[ch] cli/*.[ch] cli/*/*.[ch] tests/*/*.[ch]))
MAN_PAGES    := $(sort $(wildcard daemon/*.[1-8] cli/*.[1-8] cli/*/*.[1-8] conf/*.[1-8]))

# What the build itself needs; the goals that install it must run without it.
ifneq ($(filter-out help deps start stop uninstall check demo clean fuzz bench lint,$(or $(MAKECMDGOALS),all)),)
MISSING      := $(shell for p in $(DAEMON_LIBS) $(AGENT_LIBS); do \
                        $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
ifneq ($(strip $(MISSING)),)
$(error missing: $(strip $(MISSING)). Install what the build needs with `make deps` (as root))
endif
DAEMON_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(DAEMON_LIBS))
DAEMON_LDLIBS := $(shell $(PKG_CONFIG) --libs $(DAEMON_LIBS)) -pthread
CLI_LDLIBS    := $(shell $(PKG_CONFIG) --libs $(CLI_LIBS))
AGENT_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(AGENT_LIBS))
AGENT_LDLIBS  := $(shell $(PKG_CONFIG) --libs $(AGENT_LIBS))
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help deps install install-desktop uninstall start stop check unit unit-programs golden system lint lint-run \
        format demo fuzz fuzz-run bench clean FORCE

all: $(B)/lhguardd $(B)/lhguard $(B)/lhguard-notify ## build the daemon, the CLI and the desktop's agent

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

$(B)/lhguardd: $(B)/daemon/main.o $(B)/liblhguardd.a | $(B)/interface.checked
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(DAEMON_LDLIBS)

# The CLI takes what it shares with the daemon (wire, text, error) out of the archive.
$(B)/lhguard: $(call OBJECTS,$(CLI_SRC)) $(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CLI_LDLIBS)

$(B)/lhguard-notify: $(B)/cli/notify/main.o $(B)/cli/notify/libagent.a $(B)/cli/libcli.a \
		$(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(AGENT_LDLIBS)

$(B)/cli/notify/libagent.a: $(call OBJECTS,$(filter-out %/main.c,$(AGENT_SRC)))
	rm -f $@
	$(AR) rcs $@ $^

$(B)/cli/notify/%.o: OWN_CFLAGS = $(AGENT_CFLAGS)

$(B)/liblhguardd.a: $(call OBJECTS,$(LIBRARY_SRC))
	rm -f $@
	$(AR) rcs $@ $^

# The daemon's methods and errors are those of the interface's definition, or there is no daemon.
$(B)/interface.checked: $(B)/tests/interface/check $(DAEMON_SRC)
	$< $(DAEMON_SRC)
	@touch $@

$(B)/tests/interface/check: $(B)/tests/interface/check.o $(B)/tests/interface/libidl.a \
		$(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(DAEMON_LDLIBS)

$(B)/tests/interface/libidl.a: $(B)/tests/interface/idl.o $(B)/tests/interface/conforms.o
	rm -f $@
	$(AR) rcs $@ $^

# Rebuild when the flags change.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(DAEMON_CFLAGS) $(OWN_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/daemon/control/introspection.o: conf/org.lhguard.varlink

# Tests. The unit tests run with the sanitizers, from a build of their own.
SANITIZE     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                -fno-sanitize-recover=undefined

# What the CLI is made of, for tests of its parts.
$(B)/cli/libcli.a: $(call OBJECTS,$(filter-out cli/lhguard.c,$(CLI_SRC)))
	rm -f $@
	$(AR) rcs $@ $^

# An archive, so that only those tests that use it take it, and what it uses, in.
$(B)/tests/unit/libfake.a: $(B)/tests/unit/fake_proc.o $(B)/tests/unit/patience.o
	rm -f $@
	$(AR) rcs $@ $^

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(B)/tests/unit/libfake.a \
		$(B)/tests/interface/libidl.a $(B)/cli/notify/libagent.a $(B)/cli/libcli.a \
		$(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(DAEMON_LDLIBS) $(UNIT_LDFLAGS) -lcmocka

# What takes long on a busy machine comes all the same; the test of that has its own time.
UNIT_LDFLAGS = -Wl,--wrap=pthread_cond_clockwait,--undefined=__wrap_pthread_cond_clockwait
$(addprefix $(B)/tests/unit/test_,patient listening): UNIT_LDFLAGS += -Wl,--wrap=clock_gettime

# Where memory runs out is said by the test.
$(B)/tests/unit/test_exceptions: UNIT_LDFLAGS += -Wl,--wrap=index_new

# Which sockets and cgroups there are.
$(B)/tests/unit/test_attribution: UNIT_LDFLAGS += -Wl,--wrap=cgroups_id,--wrap=sockets_client \
	-Wl,--wrap=sockets_client_bound,--wrap=sockets_listener

# How often a link is read, and when.
$(addprefix $(B)/tests/unit/test_,processes structure): UNIT_LDFLAGS += -Wl,--wrap=readlinkat

# And who calls.
$(B)/tests/unit/test_control: UNIT_LDFLAGS += -Wl,--wrap=getsockopt

# And what the mode is the mode of.
$(B)/tests/unit/test_mode: UNIT_LDFLAGS += -Wl,--wrap=daemon_install_table \
	-Wl,--wrap=control_status_changed -Wl,--wrap=loop_read_resolvers

# What of the agent uses GLib.
GLIB_TESTS   := $(addprefix $(B)/tests/unit/test_,channel conditions viewer wording)
$(GLIB_TESTS): UNIT_LDFLAGS += $(AGENT_LDLIBS)
$(addprefix $(B)/tests/unit/test_,channel.o viewer.o): OWN_CFLAGS = $(AGENT_CFLAGS)

# This one runs the CLI itself.
$(B)/tests/unit/test_cli: | $(B)/lhguard

unit-programs: $(patsubst %.c,$(B)/%,$(UNIT_SRC))

unit: ## build and run the unit tests under ASan and UBSan, no root needed
	$(MAKE) B=build/asan CFLAGS='$(SANITIZE)' HARDENING=-fPIE HARDEN_LINK=-pie unit-programs
	@failed=0; for t in $(patsubst tests/unit/%.c,build/asan/tests/unit/%,$(UNIT_SRC)); do \
		echo "== $$t"; $$t || failed=1; done; exit $$failed

# What doctor finds is of the machine that it runs on: this prints what is in a file.
$(B)/tests/cli/doctor_text: $(B)/tests/cli/doctor_text.o $(B)/cli/libcli.a $(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CLI_LDLIBS)

golden: all $(B)/tests/cli/doctor_text ## hold what the CLI prints against golden files and the JSON schema, no root needed
	$(MAKE) B=build/asan CFLAGS='$(SANITIZE)' HARDENING=-fPIE HARDEN_LINK=-pie build/asan/lhguard
	$(PYTEST) -q tests/cli

system: all ## run the system tests: real guests in namespaces of their own, needs root
	$(PYTEST) -q tests/system

check: ## as root: install what the tests need, build, and run all of them
	contrib/setup/deps build test
	@failed=; for t in unit golden system; do $(MAKE) $$t || failed="$$failed $$t"; done; \
		[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

fuzz: ## run each fuzz target for FUZZ_SECONDS (60)
	contrib/setup/deps build lint
	$(MAKE) B=build/fuzz CC=clang HARDENING=-fPIE HARDEN_LINK= \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined' fuzz-run

fuzz-run: $(patsubst %.c,$(B)/%,$(FUZZ_SRC))
	@for t in $^; do name=$${t##*/fuzz_}; echo "== $$name for $(FUZZ_SECONDS) s"; \
		mkdir -p $(B)/corpus/$$name; \
		$$t -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=$(B)/ \
			$(B)/corpus/$$name $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) || exit 1; \
	done

$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/interface/libidl.a \
		$(B)/cli/notify/libagent.a $(B)/cli/libcli.a $(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(DAEMON_LDLIBS)

bench: ## as root: measure against a bare loopback and a minimal NFQUEUE listener, and beside 1,000 guests
	contrib/setup/deps build test
	$(MAKE) all $(patsubst %.c,$(B)/%,$(BENCH_SRC))
	tests/bench/run $(BENCH_OPTIONS)

# Of the libraries only what each needs: the bench starts some of them a thousand times.
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/liblhguardd.a
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(DAEMON_LDLIBS)

demo: ## as root: the whole story in under a minute, in namespaces of its own
	contrib/setup/deps build demo
	$(MAKE) all
	contrib/demo

lint: ## clang-format, clang-tidy, shellcheck, mandoc
	contrib/setup/deps build lint
	$(MAKE) lint-run

lint-run:
	clang-format --dry-run -Werror $(C_FILES)
	clang-tidy --quiet $(DAEMON_SRC) $(CLI_SRC) -- $(ALL_CFLAGS) $(DAEMON_CFLAGS)
	clang-tidy --quiet $(AGENT_SRC) -- $(ALL_CFLAGS) $(DAEMON_CFLAGS) $(AGENT_CFLAGS)
	shellcheck $(SHELL_SRC)
	mandoc -T lint -W warning $(MAN_PAGES)

format: ## let clang-format put the sources in order
	clang-format -i $(C_FILES)

# Installation and running.

deps: ## as root: install what the build needs
	contrib/setup/deps

install: all install-desktop ## install into $(DESTDIR)$(prefix)
	$(INSTALL) -D -m 755 $(B)/lhguardd $(DESTDIR)$(sbindir)/lhguardd
	$(INSTALL) -D -m 755 $(B)/lhguard $(DESTDIR)$(bindir)/lhguard
	$(INSTALL) -m 755 $(B)/lhguard-notify $(DESTDIR)$(bindir)/lhguard-notify
	$(INSTALL) -D -m 644 conf/org.lhguard.varlink $(DESTDIR)$(datadir)/org.lhguard.varlink
	$(INSTALL) -m 644 conf/guests.conf $(DESTDIR)$(datadir)/guests.conf
	$(INSTALL) -m 644 conf/services.conf $(DESTDIR)$(datadir)/services.conf
	$(INSTALL) -m 644 conf/lhguard.schema.json $(DESTDIR)$(datadir)/lhguard.schema.json
	$(INSTALL) -D -m 644 contrib/completions/lhguard.bash $(DESTDIR)$(bashdir)/lhguard
	$(INSTALL) -D -m 644 contrib/completions/_lhguard $(DESTDIR)$(zshdir)/_lhguard
	$(INSTALL) -D -m 644 contrib/completions/lhguard.fish $(DESTDIR)$(fishdir)/lhguard.fish
	$(INSTALL) -m 644 contrib/completions/lhguard-notify.bash $(DESTDIR)$(bashdir)/lhguard-notify
	$(INSTALL) -m 644 contrib/completions/_lhguard-notify $(DESTDIR)$(zshdir)/_lhguard-notify
	$(INSTALL) -m 644 contrib/completions/lhguard-notify.fish $(DESTDIR)$(fishdir)/lhguard-notify.fish
	$(INSTALL) -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusersdir)
	sed 's,@sbindir@,$(sbindir),' conf/lhguardd.service.in > $(DESTDIR)$(unitdir)/lhguardd.service
	$(INSTALL) -D -m 644 conf/lhguard.sysusers $(DESTDIR)$(sysusersdir)/lhguard.conf
	for page in $(MAN_PAGES); do $(INSTALL) -D -m 644 $$page \
		$(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/} || exit 1; done
	$(INSTALL) -d -m 755 $(DESTDIR)$(sysconfdir)/lhguard/exceptions.d \
		$(DESTDIR)$(sysconfdir)/lhguard/guests.d $(DESTDIR)$(sysconfdir)/lhguard/services.d
	test -e $(DESTDIR)$(sysconfdir)/lhguard/lhguard.conf || \
		$(INSTALL) -m 644 conf/lhguard.conf $(DESTDIR)$(sysconfdir)/lhguard/lhguard.conf

# What a desktop needs to show alerts by name, without a command: a unit for each user's graphical session, or
# autostart; icons; and the actions that polkit is asked for. Plasma 5 and 6 have a folder each.
install-desktop:
	$(INSTALL) -d $(DESTDIR)$(userunitdir)/graphical-session.target.wants
	sed 's,@bindir@,$(bindir),' conf/lhguard-notify.service.in > $(DESTDIR)$(userunitdir)/lhguard-notify.service
	ln -sf ../lhguard-notify.service $(DESTDIR)$(userunitdir)/graphical-session.target.wants/
	$(INSTALL) -D -m 644 conf/lhguard-notify.desktop $(DESTDIR)$(appdir)/lhguard-notify.desktop
	$(INSTALL) -D -m 644 conf/lhguard-notify-autostart.desktop $(DESTDIR)$(autostartdir)/lhguard-notify.desktop
	for n in 5 6; do $(INSTALL) -D -m 644 conf/lhguard-notify.notifyrc \
		$(DESTDIR)$(prefix)/share/knotifications$$n/lhguard-notify.notifyrc || exit 1; done
	$(INSTALL) -D -m 644 conf/icons/lhguard.svg $(DESTDIR)$(icondir)/scalable/apps/lhguard.svg
	$(INSTALL) -D -m 644 conf/icons/lhguard-symbolic.svg $(DESTDIR)$(icondir)/symbolic/apps/lhguard-symbolic.svg
	touch $(DESTDIR)$(icondir) # or an icon cache from before hides them
	$(INSTALL) -D -m 644 conf/org.lhguard.policy $(DESTDIR)$(polkitdir)/org.lhguard.policy
	$(INSTALL) -D -m 644 conf/notify.conf $(DESTDIR)$(datadir)/notify.conf

# The mirror of install and install-desktop. In a DESTDIR nothing runs that could be stopped.
uninstall: ## as root: stop guarding, remove what install brought; PURGE=1: settings and exceptions, too
	$(if $(DESTDIR),,contrib/setup/stop)
	rm -f $(DESTDIR)$(sbindir)/lhguardd $(addprefix $(DESTDIR)$(bindir)/,lhguard lhguard-notify) \
		$(addprefix $(DESTDIR)$(datadir)/,org.lhguard.varlink guests.conf services.conf notify.conf \
			lhguard.schema.json) \
		$(addprefix $(DESTDIR)$(bashdir)/,lhguard lhguard-notify) \
		$(addprefix $(DESTDIR)$(zshdir)/,_lhguard _lhguard-notify) \
		$(addprefix $(DESTDIR)$(fishdir)/,lhguard.fish lhguard-notify.fish) \
		$(DESTDIR)$(unitdir)/lhguardd.service $(DESTDIR)$(sysusersdir)/lhguard.conf \
		$(foreach page,$(MAN_PAGES),$(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(page)))/$(notdir $(page))) \
		$(addprefix $(DESTDIR)$(userunitdir)/,lhguard-notify.service \
			graphical-session.target.wants/lhguard-notify.service) \
		$(DESTDIR)$(appdir)/lhguard-notify.desktop $(DESTDIR)$(autostartdir)/lhguard-notify.desktop \
		$(foreach n,5 6,$(DESTDIR)$(prefix)/share/knotifications$(n)/lhguard-notify.notifyrc) \
		$(addprefix $(DESTDIR)$(icondir)/,scalable/apps/lhguard.svg symbolic/apps/lhguard-symbolic.svg) \
		$(DESTDIR)$(polkitdir)/org.lhguard.policy
	for folder in $(DESTDIR)$(datadir) $(DESTDIR)$(userunitdir)/graphical-session.target.wants; do \
		[ ! -d $$folder ] || rmdir --ignore-fail-on-non-empty $$folder; done
	$(if $(PURGE),rm -rf $(DESTDIR)$(sysconfdir)/lhguard $(DESTDIR)/var/lib/lhguard $(DESTDIR)/var/log/lhguardd.log, \
		@echo 'kept: $(DESTDIR)$(sysconfdir)/lhguard and $(DESTDIR)/var/lib/lhguard (PURGE=1 removes them)')
	$(if $(DESTDIR),,if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi)

start: ## as root: install dependencies, build, install, and guard this host
	contrib/setup/deps
	$(MAKE) install
	contrib/setup/start $(sbindir) $(bindir)

stop: ## as root: stop guarding this host
	contrib/setup/stop

clean: ## remove the results
	rm -rf build

-include $(patsubst %.o,%.d,$(call OBJECTS,$(DAEMON_SRC) $(CLI_SRC) $(AGENT_SRC) $(UNIT_SRC) $(BENCH_SRC) $(INTERFACE_SRC) tests/unit/fake_proc.c tests/unit/patience.c tests/cli/doctor_text.c))
