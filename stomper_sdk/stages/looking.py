"""How checks look at a workspace: at the files that a fix can have changed, with caches of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import trio

from stomper_sdk.checks.base import Check, Tree
from stomper_sdk.model.finding import Finding
from stomper_sdk.stages.base import Context
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import Workspace

__all__ = ["findings_of", "look_at", "look_everywhere", "read_text", "relevant"]


def findings_of(check: Check, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.check == check.name)


def relevant(path: str, context: Context, changed: Iterable[str] = ()) -> tuple[Finding, ...]:
    """The base commit's findings that a look at some files must be compared with."""
    assert context.plan is not None
    paths = {path, *changed}
    project = {check.name for check in context.checks if check.scope == "project"}
    return tuple(
        finding for finding in context.plan.baseline if finding.path in paths or finding.check in project
    )


async def look_everywhere(checks: Sequence[Check], root: Path, cache: Path) -> tuple[Finding, ...]:
    """Every finding of some checks in a tree."""
    return await _look(checks, Tree(root, cache), None)


async def look_at(workspace: Workspace, context: Context, paths: Sequence[str]) -> tuple[Finding, ...]:
    """The findings of some files, and for checks of scope `project` of all files."""
    present = await in_thread(_regular, workspace.path, paths)
    cache = workspace.scratch / "cache"
    if any(check.scope == "project" for check in context.checks):
        await in_thread(_seed, context.state / "cache" / "base", cache)
    return await _look(context.checks, Tree(workspace.path, cache), present)


async def _look(checks: Sequence[Check], tree: Tree, paths: Sequence[str] | None) -> tuple[Finding, ...]:
    found: dict[str, tuple[Finding, ...]] = {}

    async def one(check: Check) -> None:
        covered = None if paths is None else [path for path in paths if check.covers(path)]
        if covered is None or covered or check.scope == "project":
            found[check.name] = (await check.look(tree, covered)).findings

    async with trio.open_nursery() as nursery:
        for check in checks:
            nursery.start_soon(one, check)
    return tuple(finding for check in checks for finding in found.get(check.name, ()))


def read_text(path: Path) -> str | None:
    """A file's text; None where there is no regular file, so that no link is followed out of a workspace."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="replace")


def _regular(root: Path, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if (root / path).is_file() and not (root / path).is_symlink()]


def _seed(warm: Path, cache: Path) -> None:
    """Start from the base commit's caches, so that a type checker reads again only what changed."""
    if warm.is_dir() and not cache.exists():
        shutil.copytree(warm, cache)
