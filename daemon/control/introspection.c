// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface definitions that this service describes itself with. */
#include "control/introspection.h"

#include <stddef.h>
#include <string.h>

/* conf/org.lhguard.varlink with a NUL behind it, out of the file itself. */
extern const char interface_own[];
__asm__(".pushsection .rodata.interface_own, \"a\", %progbits\n"
	".globl interface_own\n"
	".hidden interface_own\n"
	".type interface_own, %object\n"
	"interface_own:\n"
	".incbin \"conf/org.lhguard.varlink\"\n"
	".byte 0\n"
	".size interface_own, . - interface_own\n"
	".popsection\n");

/* https://varlink.org/Service */
static const char interface_service[] =
	"# What every varlink service can be asked about itself.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"\tvendor: string,\n"
	"\tproduct: string,\n"
	"\tversion: string,\n"
	"\turl: string,\n"
	"\tinterfaces: []string\n"
	")\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

const char *interface_text(const char *name)
{
	if (!strcmp(name, INTERFACE_OWN))
		return interface_own;
	return strcmp(name, INTERFACE_SERVICE) ? NULL : interface_service;
}
