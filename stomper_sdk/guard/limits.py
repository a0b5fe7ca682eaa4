"""What a fix may touch, and how much of it. Each limit says what is wrong with the changes, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pathspec

from stomper_sdk.model.pipeline import GuardSpec
from stomper_sdk.model.present import listed
from stomper_sdk.vcs.checkout import ABSENT, Change

__all__ = ["exceeded", "matches", "scope_text"]


def exceeded(changes: Sequence[Change], path: str, spec: GuardSpec) -> tuple[str, ...]:
    """Why the changes may not be taken, one sentence a limit; empty where they may."""
    return tuple(said for limit in _LIMITS if (said := limit(changes, path, spec)))


def scope_text(path: str, spec: GuardSpec) -> str:
    """The scope in words, for a prompt."""
    if spec.scope == "file":
        return f"only {path}"
    return (
        "any file of the repository" if spec.scope == "repo" else f"only {path} and {', '.join(spec.scope)}"
    )


def matches(globs: Sequence[str]) -> Callable[[str], bool]:
    """A test of repo-relative paths against gitignore-style globs."""
    lines = pathspec.GitIgnoreSpec.from_lines(globs)
    return lambda path: bool(lines.match_file(path))


def _scope(changes: Sequence[Change], path: str, spec: GuardSpec) -> str:
    if spec.scope == "repo":
        return ""
    also = matches(() if spec.scope == "file" else spec.scope)
    outside = [change.path for change in changes if change.path != path and not also(change.path)]
    if not outside:
        return ""
    return f"guard.scope: it changed {listed(outside)}; allowed is {scope_text(path, spec)}"


def _max_changed_lines(changes: Sequence[Change], path: str, spec: GuardSpec) -> str:
    count = sum(change.lines_added + change.lines_removed for change in changes)
    if count <= spec.max_changed_lines:
        return ""
    return f"guard.max_changed_lines: it changed {count} lines; allowed are {spec.max_changed_lines}"


def _regular(changes: Sequence[Change], path: str, spec: GuardSpec) -> str:
    """The file itself must still be one, or no check could look at it."""
    after = next((change.after for change in changes if change.path == path), None)
    if after is None or after.mode.startswith("100"):
        return ""
    return f"guard: {path} was removed" if after == ABSENT else f"guard: {path} is no regular file any more"


_LIMITS = (_scope, _max_changed_lines, _regular)
