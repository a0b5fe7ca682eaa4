"""From two looks at the code to a plan: one task a file, and what is left alone with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from stomper_sdk.guard import matches
from stomper_sdk.model.finding import Finding, compare
from stomper_sdk.model.plan import FileTask, Plan, Skipped
from stomper_sdk.model.present import counted
from stomper_sdk.stages.base import Context

__all__ = ["Surroundings", "make_plan"]

_DIRTY = {
    "staged": "it has staged changes that are not committed",
    "changed": "it has changes that are not committed",
    "untracked": "git does not track it yet",
}
_ONLY_HERE = "reported in your tree, but not in a fresh checkout of the commit: settings or files outside it?"


@attrs.frozen
class Surroundings:
    """What git says of the user's tree; None where there is no repository or no revision was given.

    `tracked` maps each path to its mode.
    """

    dirty: Mapping[str, str] = attrs.field(factory=dict)
    tracked: Mapping[str, str] | None = None
    since: frozenset[str] | None = None


def make_plan(
    context: Context, tree: Sequence[Finding], base: Sequence[Finding], surroundings: Surroundings
) -> Plan:
    """Plan the run.

    Args:
        context: the pipeline and what it was narrowed to.
        tree: what the checks report in the user's tree.
        base: what they report in a fresh workspace of the base commit.
        surroundings: what git says of the user's tree.
    """
    wanted = _wanted(context, surroundings)
    skipped: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    clean: list[Finding] = []
    for finding in filter(wanted, tree):
        reason = _reason(finding.path, surroundings)
        if reason:
            skipped[finding.path, reason].append(finding)
        else:
            clean.append(finding)
    theirs = [f for f in base if wanted(f) and not _reason(f.path, surroundings)]
    delta = compare(clean, theirs)
    for finding in delta.fixed:
        skipped[finding.path, _ONLY_HERE].append(finding)
    tasks, beyond = _tasks(delta.remaining, context.pipeline.files.max_files)
    return Plan(
        base_commit=context.base_commit or "",
        tasks=tasks,
        skipped=(*_skips(skipped), *beyond),
        baseline=tuple(base),
        notices=_notices(delta.fixed, delta.introduced),
    )


def _wanted(context: Context, surroundings: Surroundings) -> Callable[[Finding], bool]:
    files, only = context.pipeline.files, context.selection
    included, excluded = matches(files.include), matches(files.exclude)

    def wanted(finding: Finding) -> bool:
        path = finding.path
        if only.codes and finding.code not in only.codes:
            return False
        if surroundings.since is not None and path not in surroundings.since:
            return False
        return included(path) and not excluded(path)

    return wanted


def _reason(path: str, surroundings: Surroundings) -> str:
    if path in surroundings.dirty:
        return _DIRTY[surroundings.dirty[path]]
    if surroundings.tracked is None:
        return ""
    mode = surroundings.tracked.get(path)
    if mode is None:
        return "git does not track it"
    return "" if mode.startswith("100") else "it is a symbolic link or a submodule"


def _tasks(findings: Iterable[Finding], max_files: int) -> tuple[tuple[FileTask, ...], tuple[Skipped, ...]]:
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_path[finding.path].append(finding)
    files = sorted(by_path.items())
    now = files[:max_files] if max_files else files
    tasks = tuple(FileTask(index, path, tuple(found)) for index, (path, found) in enumerate(now))
    beyond = (Skipped(path, "beyond files.max_files", tuple(found)) for path, found in files[len(now) :])
    return tasks, tuple(beyond)


def _skips(skipped: Mapping[tuple[str, str], Sequence[Finding]]) -> tuple[Skipped, ...]:
    return tuple(Skipped(path, why, tuple(found)) for (path, why), found in sorted(skipped.items()))


def _notices(only_tree: Sequence[Finding], only_base: Sequence[Finding]) -> tuple[str, ...]:
    notices = []
    if only_tree:
        notices.append(f"skipped: {counted(len(only_tree), 'finding')} {_ONLY_HERE}")
    if only_base:
        notices.append(
            f"left alone: {counted(len(only_base), 'finding')} reported in a fresh checkout only: "
            "does a workspace lack something that your tree has (workspace.include, link, setup)?"
        )
    return tuple(notices)
