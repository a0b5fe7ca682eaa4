"""From two looks at the code to a plan: one task a file, and what is left alone with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import attrs

from stomper_sdk.guard.limits import matches
from stomper_sdk.model.finding import Finding, compare
from stomper_sdk.model.plan import FileTask, Plan, Skipped
from stomper_sdk.model.present import counted
from stomper_sdk.stages.base import Context

__all__ = ["CHANGED", "Surroundings", "make_plan"]

#: Why a file is left alone that the user is working on.
CHANGED = "it has changes that are not committed"
_DIRTY = {
    "staged": "it has staged changes that are not committed",
    "changed": CHANGED,
    "untracked": "git does not track it yet",
}
_UNSETTLED = "git would rewrite all of it, by its attributes: commit git add --renormalize first"
_INNER = "it is in a submodule, or a repository of its own: run there"
_UNNAMED = "its name is not UTF-8, so the check cannot say which file it is"
_ONLY_HERE = "reported in your tree, but not in a fresh checkout of the commit: settings or files outside it?"


@attrs.frozen
class Surroundings:
    """What git says of the user's tree; None where there is no repository or no revision was given.

    `tracked` maps each path to its mode; `left_out` are those that a sparse checkout does not hold.
    `unsettled` are files that differ from the commit as soon as they are checked out, since line ends or
    a filter would make another file of them.
    """

    dirty: Mapping[str, str] = attrs.field(factory=dict)
    tracked: Mapping[str, str] | None = None
    since: frozenset[str] | None = None
    left_out: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()


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
    left_out = [f for f in base if wanted(f) and f.path in surroundings.left_out]
    delta = compare(clean, theirs)
    for finding in delta.fixed:
        skipped[finding.path, _ONLY_HERE].append(finding)
    tasks, beyond = _tasks(delta.remaining, context.pipeline.files.max_files)
    return Plan(
        base_commit=context.base_commit or "",
        tasks=tasks,
        skipped=(*_skips(skipped), *beyond),
        baseline=tuple(base),
        notices=(*_nothing_asked(context, tree), *_notices(delta.fixed, delta.introduced, left_out)),
        unsettled=surroundings.unsettled,
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
    if path in surroundings.unsettled:
        return _UNSETTLED
    if path in surroundings.left_out:
        return "your sparse checkout leaves it out"
    if path in surroundings.dirty:
        return _DIRTY[surroundings.dirty[path]]
    if surroundings.tracked is None:
        return ""
    mode = surroundings.tracked.get(path)
    if mode is None:
        return _untracked(path, surroundings.tracked, surroundings.dirty)
    return "" if mode.startswith("100") else "it is a symbolic link or a submodule"


def _untracked(path: str, tracked: Mapping[str, str], dirty: Mapping[str, str]) -> str:
    folders = [str(folder) for folder in PurePosixPath(path).parents]
    # Git tells of a submodule by its mode, of any other repository as one untracked folder.
    if any(folder in tracked or f"{folder}/" in dirty for folder in folders):
        return _INNER
    return _UNNAMED if "\ufffd" in path else "git does not track it"


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


def _nothing_asked(context: Context, tree: Sequence[Finding]) -> tuple[str, ...]:
    """A code or a glob that is mistyped lets nothing through, and would read as "nothing to fix"."""
    codes, included = context.selection.codes, matches(context.pipeline.files.include)
    if not tree or any(included(f.path) and (not codes or f.code in codes) for f in tree):
        return ()
    return (
        f"left out: {counted(len(tree), 'finding')}, none of them in the files and of the codes asked for",
    )


def _notices(
    only_tree: Sequence[Finding], only_base: Sequence[Finding], left_out: Sequence[Finding]
) -> tuple[str, ...]:
    notices = []
    if left_out:
        found = counted(len(left_out), "finding")
        notices.append(f"left alone: {found} in files that your sparse checkout leaves out")
    if only_tree:
        notices.append(f"skipped: {counted(len(only_tree), 'finding')} {_ONLY_HERE}")
    if only_base:
        notices.append(
            f"left alone: {counted(len(only_base), 'finding')} reported in a fresh checkout only: "
            "does a workspace lack something that your tree has (workspace.include, link, setup)?"
        )
    return tuple(notices)
