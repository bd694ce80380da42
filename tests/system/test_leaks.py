# SPDX-License-Identifier: GPL-2.0-or-later
"""Without the guard every route leaks: the attacks are real, so that refusing them means something."""

from __future__ import annotations

from routes import Route, every_route


@every_route
def test_leaks_without_guard(lab, unguarded, route: Route) -> None:
    """The guest's token arrives at the host's service: nothing but the guard is in its way."""
    route.arrives(lab)
