"""What was only silenced, told apart from what was fixed."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from stomper_sdk.guard import Edit, Side
from stomper_sdk.model.finding import Delta

__all__ = ["told_apart"]

_REGULAR = "100644"


def told_apart(delta: Delta, then: Mapping[str, str], now: Mapping[str, str]) -> Delta:
    """A comparison in which nothing counts as fixed that something new silences.

    Args:
        delta: what the looks say.
        then: path -> text of changed files as they were.
        now: the same as they are.
    """
    if not delta.fixed:
        return delta
    from stomper_sdk.guard.suppressed import suppressed_by  # as late as the rules, whose patterns it needs

    edits = [
        Edit(path, Side(_REGULAR, then[path]), Side(_REGULAR, now[path]))
        for path in then.keys() & now.keys()
        if then[path] != now[path]
    ]
    silent = set(suppressed_by(edits, delta.fixed))
    fixed = tuple(finding for finding in delta.fixed if finding not in silent)
    suppressed = tuple(finding for finding in delta.fixed if finding in silent)
    return attrs.evolve(delta, fixed=fixed, suppressed=suppressed)
