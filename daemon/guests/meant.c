// SPDX-License-Identifier: GPL-2.0-or-later
/* Is a source's runtime one that there is, and if not, which is meant? No state. */
#include "guests/meant.h"

#include "guests/catalogue.h"
#include "util/error.h"
#include "util/near.h"
#include "util/text.h"

#include <errno.h>

static const char *nearest(const struct catalogue *catalogue, const char *word)
{
	struct near near = near_start(word);
	const char *other;

	for (int kind = 0; kind < KIND_COUNT; kind++)
		near_offer(&near, kind_text((enum kind)kind));
	near_offer(&near, "any");
	for (size_t i = 0; (other = catalogue_runtime_word(catalogue, i)); i++)
		near_offer(&near, other);
	return near.best;
}

int meant_check(const struct catalogue *catalogue, const char *runtime, const char *name,
		struct error *error)
{
	char instead[RUNTIME_SIZE + NAME_SIZE + 2] = "";
	const char *near;

	if (catalogue_knows_runtime(catalogue, runtime))
		return 0;
	near = nearest(catalogue, runtime);
	if (near)
		text_append(instead, sizeof(instead), "%s%s%s", near, *name ? ":" : "", name);
	return meant_refuse(runtime, instead, error);
}

int meant_refuse(const char *runtime, const char *instead, struct error *error)
{
	if (*instead)
		return error_set(error, -EINVAL, "no runtime is called \"%s\": do you mean %s?",
				 runtime, instead);
	return error_set(error, -EINVAL,
			 "no runtime is called \"%s\": write e.g. vm:devbox, container:web or "
			 "podman:*; lhguard guests shows who runs",
			 runtime);
}
