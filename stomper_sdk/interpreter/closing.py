"""What is settled once, when every file has ended: what fixes did to other files, and the whole suite."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from stomper_sdk.checks.base import Check
from stomper_sdk.events import Notice
from stomper_sdk.model.finding import Finding, compare
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.present import counted, visible
from stomper_sdk.model.result import FileResult
from stomper_sdk.stages.base import Context, RunState
from stomper_sdk.stages.looking import look_everywhere
from stomper_sdk.stages.trees import BaseTree
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import in_workspace, workspace_name
from stomper_sdk.workspaces.direct import Direct

__all__ = ["close_run", "credit"]


async def close_run(state: RunState, context: Context) -> RunState:
    """Credit each fix with what it cured elsewhere, and see that the fixes fit together."""
    assert context.plan is not None
    if isinstance(context.lender, Direct):
        return await _tell_strangers(state, context, context.lender)
    state = attrs.evolve(state, results=credit(context.plan.tasks, state.results))
    commits = [result.path for result in state.results if result.commit]
    if len(commits) > 1:
        state = await _look_at_the_end(state, context)
    mode = context.pipeline.test_validation.mode
    if context.tests is not None and (len(commits) > 1 or (commits and mode == "final")):
        state = await _final_tests(state, context, commits)
    return state


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
    return tuple(credited)


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
    named = ", ".join(visible(path) for path in paths[:5]) + (" …" if len(paths) > 5 else "")
    count = counted(len(paths), "file")
    text = f"{count} changed meanwhile by no fix, by you or by an agent, and left so: {named}"
    return _noticed(state, context, text)


async def _look_at_the_end(state: RunState, context: Context) -> RunState:
    """Two fixes that are right alone can be wrong together, for checks that see several files at once."""
    checks = tuple(check for check in context.checks if check.scope == "project")
    if not checks or context.plan is None:
        return state
    head = await in_thread(context.repo().tip, context.commits_to())
    async with context.lender.lend(workspace_name(context.session.id, "end"), head) as workspace:
        seen = await look_everywhere(checks, workspace.path, workspace.scratch / "cache", context.warm)
    found = compare(_expected(state, context, checks), seen).introduced
    if not found:
        return state
    text = f"together, the fixes bring {counted(len(found), 'new finding')} that no single one brought"
    return _noticed(attrs.evolve(state, introduced=found), context, text)


def _expected(state: RunState, context: Context, checks: Sequence[Check]) -> list[Finding]:
    """What the files' results say is left, and what was never asked for."""
    assert context.plan is not None
    names = {check.name for check in checks}
    targeted = {finding for task in context.plan.tasks for finding in task.findings}
    left = [finding for result in state.results for finding in (*result.remaining, *result.introduced)]
    others = [finding for finding in context.plan.baseline if finding not in targeted]
    return [finding for finding in (*left, *others) if finding.check in names]


async def _final_tests(state: RunState, context: Context, changed: Sequence[str]) -> RunState:
    """Each fix was tested alone; what counts is that they pass together, at the end of the branch."""
    assert context.tests is not None
    mode = "quick" if context.pipeline.test_validation.mode == "quick" else "full"
    head = await in_thread(context.repo().tip, context.commits_to())
    async with context.lender.lend(workspace_name(context.session.id, "final"), head) as workspace:
        base = BaseTree(context, context.base_commit)
        tests = await context.tests.validate(workspace.path, changed, mode=mode, base=base)
    if tests.state not in ("failed", "blind"):
        return attrs.evolve(state, tests=tests)
    text = f"together, the fixes do not pass the tests: {tests.summary}"
    return _noticed(attrs.evolve(state, tests=tests), context, text)


def _noticed(state: RunState, context: Context, text: str) -> RunState:
    """Say something now, and keep it for the result."""
    context.emit(Notice(context.clock(), text))
    return attrs.evolve(state, notices=(*state.notices, text))
