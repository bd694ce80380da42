// SPDX-License-Identifier: GPL-2.0-or-later
/* What notification servers are known to do that their capabilities do not tell. */
#include "habits.h"

#include <string.h>

struct habits habits_of(const char *name, const char *version)
{
	return (struct habits){
		.draws_default = !strncmp(name, "Xfce", strlen("Xfce")),
		.hides_buttons = !strcmp(name, "dunst") || !strcmp(name, "mako"),
	};
}
