// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps of the policy in words, for those who want to know what it considers. */
#include "policy/steps.h"

const struct decision_step decision_steps[DECISION_STEPS] = {
	{REASON_HOST, "a program of the host"},
	{REASON_MARTIAN, "a loopback address from anywhere but lo"},
	{REASON_DENY_EXCEPTION, "an exception that denies"},
	{REASON_ALLOW_EXCEPTION, "an exception that allows"},
	{REASON_OWN_SERVICE, "a service of the guest's own"},
	{REASON_INFRASTRUCTURE, "what guests need to run (DHCP, DNS, ping, neighbour discovery)"},
	{REASON_DEFAULT, "the default for its source"},
};
