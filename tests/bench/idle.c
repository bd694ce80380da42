// SPDX-License-Identifier: GPL-2.0-or-later
/* A process that does nothing; a copy's name says what the guard takes it for. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
