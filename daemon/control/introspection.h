/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface definitions that this service describes itself with. */
#ifndef LHGUARD_CONTROL_INTROSPECTION_H
#define LHGUARD_CONTROL_INTROSPECTION_H

#define INTERFACE_OWN	  "org.lhguard"
#define INTERFACE_SERVICE "org.varlink.service"

/** interface_text() - the definition of an interface, as GetInterfaceDescription answers; or NULL.
 */
const char *interface_text(const char *name);

#endif
