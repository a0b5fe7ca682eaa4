"""What the language has and this version has not: refused by name, never accepted and ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stomper_sdk.config.document import Node, Trail, problem_at, shown
from stomper_sdk.errors import Problem

__all__ = ["NOT_YET", "not_available_problems"]


def _one_of(*names: str) -> Callable[[Any], bool]:
    return lambda value: value in names


# Where (`*` is any key), which values there, and what to do instead. The first row that matches tells.
NOT_YET: tuple[tuple[Trail, Callable[[Any], bool], str], ...] = (
    (("workspace", "kind"), _one_of("pooled", "overlay"), "use worktree or direct"),
)


def not_available_problems(root: Node) -> Iterator[Problem]:
    """Every key or value that stands in the table."""
    told: set[Trail] = set()
    for pattern, refused, instead in NOT_YET:
        for trail, node in _matching(root, pattern):
            if trail not in told and refused(node.plain()):
                yield problem_at(node, trail, f"{shown(node)} is not available yet; {instead}")
            told.add(trail)


def _matching(node: Node, pattern: Trail, trail: Trail = ()) -> Iterator[tuple[Trail, Node]]:
    if not pattern:
        yield trail, node
        return
    for key, child in node.items():
        if pattern[0] in ("*", key):
            yield from _matching(child, pattern[1:], (*trail, key))
