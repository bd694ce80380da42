// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the programs that belong to the agent are. */
#include "installed.h"

#include <glib.h>

char *installed_program(const char *name)
{
	char *self = g_file_read_link("/proc/self/exe", NULL);
	char *folder = self ? g_path_get_dirname(self) : g_strdup("/usr/bin");
	char *path = g_build_filename(folder, name, NULL);

	g_free(self);
	g_free(folder);
	if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
		return path;
	g_free(path);
	path = g_find_program_in_path(name);
	return path ? path : g_strdup(name);
}
