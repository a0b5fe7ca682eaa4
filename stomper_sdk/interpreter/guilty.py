"""Which commits of a run break the tests, found by bisection; just those are reverted.

Only the run's own commits are tried. Each step runs the suite in a workspace, on a commit that no branch
leads to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.journal.records import Landing
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.result import FileResult
from stomper_sdk.stages.base import Context
from stomper_sdk.stages.landing import land
from stomper_sdk.stages.message import revert_message
from stomper_sdk.stages.trees import BaseTree
from stomper_sdk.validation import TestSuite, TestVerdict
from stomper_sdk.vcs.checkout import Change
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.history import commits_between, undoing
from stomper_sdk.vcs.repository import Repository
from stomper_sdk.workspaces.base import workspace_name

__all__ = ["Rejection", "find_guilty", "reject_guilty", "rejected", "run_suite"]

#: Whether the suite passes with the first so many commits, but without some of them.
Passes = Callable[[int, Sequence[int]], Awaitable[bool]]


@attrs.frozen
class Rejection:
    """What came of it: reverting commits by the commit they take back, and the tests without those."""

    reverts: Mapping[str, str]
    tests: TestVerdict


async def find_guilty(count: int, passes: Passes) -> tuple[int, ...]:
    """The commits without which the suite passes, as few as bisection finds.

    Args:
        count: how many commits there are, with all of which the suite fails.
        passes: runs the suite; with 2 guilty commits among 64 it is asked at most 14 times.

    Returns:
        Their places, counted from 0; none where the suite fails whatever is left out.
    """
    guilty: list[int] = []
    good = 0
    while good < count:
        bad = count
        while bad - good > 1:
            middle = (good + bad) // 2
            if await passes(middle, guilty):
                good = middle
            else:
                bad = middle
        guilty.append(bad - 1)
        if await passes(count, guilty):
            return tuple(guilty)
        good = bad
    return ()


async def reject_guilty(results: Sequence[FileResult], failed: TestVerdict, context: Context) -> Rejection:
    """Find the commits with which the tests fail, and revert them on the target.

    Args:
        results: those of the run's files.
        failed: the verdict at the target's end.
        context: what the run works with.

    Raises:
        ConflictError: a guilty commit cannot be taken back alone, or the user is changing its file.
    """
    paths = {result.commit: result.path for result in results if result.commit}
    suite = await in_thread(_suite, context, paths, failed)
    guilty = [suite.commits[place] for place in await find_guilty(len(suite.commits), suite.passes)]
    reverts = {
        commit: await _revert(commit, paths[commit], suite.undo[commit], context)
        for commit in reversed(guilty)
    }
    return Rejection(reverts, suite.last if guilty else failed)


def rejected(result: FileResult, task: FileTask, revert: str) -> FileResult:
    """The result of a file whose commit was reverted: it fixed nothing."""
    reason = (
        f"the tests fail at the end with its commit {str(result.commit)[:12]}, which {revert[:12]} reverts"
    )
    return FileResult(
        path=result.path,
        outcome="rejected",
        reason=reason,
        duration_seconds=result.duration_seconds,
        remaining=task.findings,
        before=result.before,
        tests=result.tests,
        attempts=result.attempts,
        notes=result.notes,
    )


@asynccontextmanager
async def _at_commit(context: Context, commit: str) -> AsyncIterator[tuple[TestSuite, Path]]:
    """The tests, and a workspace of a commit to run them in."""
    assert context.tests is not None
    async with context.lender.lend(workspace_name(context.session.id, "final"), commit) as workspace:
        yield context.tests, workspace.path


async def run_suite(context: Context, commit: str, changed: Sequence[str], mode: str = "full") -> TestVerdict:
    """Run the tests on a commit, compared with how they were at the base."""
    async with _at_commit(context, commit) as (tests, tree):
        return await tests.validate(tree, changed, mode=mode, base=BaseTree(context, context.base_commit))


@attrs.define
class _Suite:
    """The run's commits in order, what takes each back, and what the whole suite said last.

    Halfway, no more than the tests that fail at the end are run; with all commits, all tests are.
    """

    context: Context
    commits: Sequence[str]
    undo: Mapping[str, Sequence[Change]]
    paths: Sequence[str]
    last: TestVerdict

    async def passes(self, count: int, without: Sequence[int]) -> bool:
        tip = self.commits[count - 1]
        for place in reversed(without):
            if place < count:
                tip = await in_thread(_without, self.context.repo(), tip, self.undo[self.commits[place]])
        if count == len(self.commits):
            self.last = await run_suite(self.context, tip, self.paths)
            return not self.last.refuses
        async with _at_commit(self.context, tip) as (tests, tree):
            return not await tests.still_fail(tree, self.last.failures)


def _suite(context: Context, paths: Mapping[str, str], failed: TestVerdict) -> _Suite:
    repository = context.repo()
    tip = repository.tip(context.commits_to())
    made = commits_between(repository.root, context.base_commit or tip, tip)
    ours = [commit for commit in made if commit in paths]
    undo = {commit: undoing(repository.root, commit) for commit in ours}
    return _Suite(context, ours, undo, tuple(paths.values()), failed)


def _without(repository: Repository, tip: str, undo: Sequence[Change]) -> str:
    return repository.draft(
        repository.on_top(tip, undo, "again after the commit to leave out"), "Leave out\n"
    )


async def _revert(commit: str, path: str, undo: Sequence[Change], context: Context) -> str:
    """Commit what takes a commit back, on the target, as one step."""
    message = await in_thread(revert_message, commit, path, context)
    async with context.main.hold():
        with trio.CancelScope(shield=True):
            applied = await in_thread(context.repo().apply, context.commits_to(), undo)
            sign = context.pipeline.apply.commit.sign
            made = await in_thread(context.repo().draft, applied, message, sign=sign)
            await in_thread(land, Landing(applied.parent, made, undoes=commit), context)
    return made
