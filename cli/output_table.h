/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How output_set() tells tables about the command line. */
#ifndef LHGUARD_CLI_OUTPUT_TABLE_H
#define LHGUARD_CLI_OUTPUT_TABLE_H

#include <stdbool.h>

/** table_set() - for all tables from now on; @no_legend: no headings */
void table_set(bool no_legend);

#endif
