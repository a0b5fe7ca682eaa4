"""What is settled once, when every file has ended: what fixes did to other files, and the whole suite."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from stomper_sdk.checks.base import Check
from stomper_sdk.errors import ConflictError
from stomper_sdk.events import Notice
from stomper_sdk.interpreter.guilty import reject_guilty, rejected, run_suite
from stomper_sdk.model.evidence import View
from stomper_sdk.model.finding import Finding, compare
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.present import counted, listed
from stomper_sdk.model.result import FileResult, FindingEnd
from stomper_sdk.stages.base import Context, RunState
from stomper_sdk.stages.looking import look_everywhere
from stomper_sdk.validation import TestVerdict
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.history import commits_between
from stomper_sdk.workspaces.base import in_workspace, workspace_name
from stomper_sdk.workspaces.direct import Direct

__all__ = ["close_run", "credit"]

#: Two fixes that are right alone can be wrong together.
_SEVERAL = 2


async def close_run(state: RunState, context: Context) -> RunState:
    """Credit each fix with what it cured elsewhere, and see that the fixes fit together."""
    assert context.plan is not None
    if isinstance(context.lender, Direct):
        return await _tell_strangers(state, context, context.lender)
    state = await _final_tests(state, context)
    state = attrs.evolve(state, results=credit(context.plan.tasks, state.results))
    return await _look_at_the_end(state, context)


def credit(tasks: Sequence[FileTask], results: Sequence[FileResult]) -> tuple[FileResult, ...]:
    """Count what a fix cured in other files with that fix, each finding once.

    A type error can vanish because of another file's commit; the file in which it stood is then left
    with less to fix, or with nothing.
    """
    credited = list(results)
    for index in (index for index, result in enumerate(results) if result.also_fixed):
        paths = {finding.path for finding in results[index].also_fixed}
        for other, task in enumerate(tasks):
            if task.path not in paths or credited[other].commit is not None:
                continue
            already = [found for result in credited for found in result.fixed if found.path == task.path]
            open_findings = compare(task.findings, already).fixed
            cured = compare(open_findings, results[index].also_fixed).kept
            fixed = (*credited[index].fixed, *cured)
            credited[index] = attrs.evolve(credited[index], fixed=fixed)
            credited[other] = _relieved(credited[other], cured, results[index].path)
    return _without_suppressed(credited)


def _without_suppressed(results: Sequence[FileResult]) -> tuple[FileResult, ...]:
    """What a fix suppressed in another file stands with that fix, and not with what is left there."""
    for path in {
        found.path for result in results for found in result.suppressed if found.path != result.path
    }:
        gone = [found for result in results for found in result.suppressed if found.path == path]
        results = [
            attrs.evolve(it, remaining=compare(it.remaining, gone).fixed) if it.path == path else it
            for it in results
        ]
    return tuple(results)


def _relieved(result: FileResult, cured: Sequence[Finding], by: str) -> FileResult:
    if not cured:
        return result
    remaining = compare(result.remaining, cured).fixed
    if remaining:
        return attrs.evolve(result, remaining=remaining)
    reason = f"its findings are gone: the commit of {by} has fixed them"
    return attrs.evolve(result, remaining=(), outcome="skipped", reason=reason)


async def _tell_strangers(state: RunState, context: Context, lender: Direct) -> RunState:
    """Say what changed in a folder in use that no fix was allowed to change."""
    paths = await in_workspace(lender.strangers)
    if not paths:
        return state
    count = counted(len(paths), "file")
    text = f"{count} changed meanwhile by no fix, by you or by an agent, and left so: {listed(paths)}"
    return _noticed(state, context, text)


async def _look_at_the_end(state: RunState, context: Context) -> RunState:
    """Two fixes that are right alone can be wrong together, for checks that see several files at once."""
    checks = tuple(check for check in context.checks if check.scope == "project")
    if not checks or context.plan is None or len(_committed(state)) < _SEVERAL:
        return state
    head = await in_thread(context.repo().tip, context.commits_to())
    async with context.lender.lend(workspace_name(context.session.id, "end"), head) as workspace:
        cache = workspace.scratch / "cache"
        view = await look_everywhere(checks, context, workspace.path, cache, context.warm, head)
    found = compare(_expected(state, context, checks), view.findings).introduced
    if not found:
        return state
    text = f"together, the fixes bring {counted(len(found), 'new finding')} that no single one brought"
    commits = await in_thread(_untried, state.results, context, head)
    return _noticed(_charge(state, View(found, view.evidence), commits), context, text)


def _untried(results: Sequence[FileResult], context: Context, head: str) -> Sequence[str]:
    """The commits that no look has seen as they landed: somebody else's, and fixes judged on another one."""
    base = context.base_commit or head
    judged_on = {result.commit: result.base for result in results if result.commit}
    made = commits_between(context.root, base, head)
    return [
        commit for parent, commit in zip((base, *made), made, strict=False) if judged_on.get(commit) != parent
    ]


def _charge(state: RunState, new: View, commits: Sequence[str]) -> RunState:
    """Charge new findings to the one fix that can have brought them, or else name all that can have."""
    ours = {result.commit for result in state.results if result.commit}
    if len(commits) == 1 and commits[0] in ours:
        results = (_charged(it, new) if it.commit == commits[0] else it for it in state.results)
        return attrs.evolve(state, results=tuple(results))
    reason = f"brought by one of these commits, or together: {' '.join(commit[:12] for commit in commits)}"
    proof = {evidence.check: evidence for evidence in new.evidence}
    ends = (FindingEnd(it, "new", reason=reason, after=proof[it.check]) for it in new.findings)
    return attrs.evolve(state, introduced=tuple(ends))


def _charged(result: FileResult, new: View) -> FileResult:
    """The result of a fix with which new findings came when it landed."""
    looked = {evidence.check for evidence in new.evidence}
    return attrs.evolve(
        result,
        outcome="partial",
        reason=f"with the fixes before it, it brings {counted(len(new.findings), 'new finding')}",
        introduced=(*result.introduced, *new.findings),
        after=(*(it for it in result.after if it.check not in looked), *new.evidence),
    )


def _expected(state: RunState, context: Context, checks: Sequence[Check]) -> list[Finding]:
    """What the files' results say is left, and what was never asked for."""
    assert context.plan is not None
    names = {check.name for check in checks}
    targeted = {finding for task in context.plan.tasks for finding in task.findings}
    left = [finding for result in state.results for finding in (*result.remaining, *result.introduced)]
    others = [finding for finding in context.plan.baseline if finding not in targeted]
    return [finding for finding in (*left, *others) if finding.check in names]


async def _final_tests(state: RunState, context: Context) -> RunState:
    """Each fix was tested alone; what counts is that they pass together, at the end of the branch."""
    mode, changed = context.pipeline.test_validation.mode, _committed(state)
    if context.tests is None or len(changed) < (1 if mode == "final" else _SEVERAL):
        return state
    head = await in_thread(context.repo().tip, context.commits_to())
    tests = await run_suite(context, head, changed, mode="quick" if mode == "quick" else "full")
    state = attrs.evolve(state, tests=tests)
    if not tests.refuses:
        return state
    state = _noticed(state, context, f"together, the fixes do not pass the tests: {tests.summary}")
    return (
        await _without_guilty(state, context, tests) if (mode, tests.state) == ("final", "failed") else state
    )


async def _without_guilty(state: RunState, context: Context, failed: TestVerdict) -> RunState:
    """Take back the commits that break the tests, and leave the others."""
    assert context.plan is not None
    context.emit(Notice(context.clock(), "looking for the commits that break the tests"))
    try:
        rejection = await reject_guilty(state.results, failed, context)
    except ConflictError as error:
        return _noticed(state, context, f"the commits that break the tests stay: {error.message}")
    if not rejection.reverts:
        return _noticed(state, context, "the tests fail whichever commits are left out, so all of them stay")
    results, paths = list(state.results), []
    for place, (task, result) in enumerate(zip(context.plan.tasks, results, strict=True)):
        if revert := rejection.reverts.get(result.commit or ""):
            results[place] = rejected(result, task, revert)
            paths.append(result.path)
    text = f"reverted, since the tests fail with them: {listed(paths)}"
    return _noticed(attrs.evolve(state, results=tuple(results), tests=rejection.tests), context, text)


def _committed(state: RunState) -> list[str]:
    return [result.path for result in state.results if result.commit]


def _noticed(state: RunState, context: Context, text: str) -> RunState:
    """Say something now, and keep it for the result."""
    context.emit(Notice(context.clock(), text))
    return attrs.evolve(state, notices=(*state.notices, text))
