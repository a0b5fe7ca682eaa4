from __future__ import annotations

from collections.abc import Sequence

import attrs

from stomper_sdk.errors import BlockedError, CheckError
from stomper_sdk.guard import refusals
from stomper_sdk.model.finding import Delta, Finding, compare
from stomper_sdk.model.present import counted
from stomper_sdk.stages.base import Context, FileState, Verdict, define_stage
from stomper_sdk.stages.looking import look_at, read_text
from stomper_sdk.vcs.checkout import Change, Checkout
from stomper_sdk.workspaces.base import in_workspace

__all__ = ["verify_fixes"]


@define_stage("verify_fixes", block="attempt", needs=["edits"], gives=["verified"])
async def verify_fixes(state: FileState, context: Context) -> FileState:
    """See what was changed, refuse what the guard refuses, and look afresh at what is left and new."""
    changes = await in_workspace(_seen, state.lent().checkout)
    trial = attrs.evolve(state.at_work(), changes=changes)
    verdict = _before_looking(changes, state, context)
    if verdict is None:
        try:
            delta = await _judge(state, context, changes)
        except CheckError as error:
            verdict = await _blame(error, state, context)
        else:
            own, also = _targeted(delta, state.task.findings), _elsewhere(delta, state, context)
            trial, verdict = attrs.evolve(trial, delta=own, also_fixed=also), _after_looking(own)
    return attrs.evolve(state, trial=attrs.evolve(trial, verdict=verdict))


def _seen(checkout: Checkout) -> tuple[Change, ...]:
    checkout.sweep()
    return checkout.snapshot()


async def _blame(error: CheckError, state: FileState, context: Context) -> Verdict:
    """The fix keeps a check from looking, unless the check cannot look without the fix either.

    Raises:
        CheckError: the check is broken, whatever the fix.
    """
    if not isinstance(error, BlockedError):
        await in_workspace(state.lent().checkout.restore)
        await look_at(state.lent(), context, [state.task.path])
    return Verdict("new_findings", f"with this fix a check cannot look any more: {error.message}")


def _before_looking(changes: Sequence[Change], state: FileState, context: Context) -> Verdict | None:
    if not changes:
        return Verdict("unfixed", "the agent changed nothing")
    refused = refusals(changes, state.task.path, context.pipeline.guard)
    return Verdict("guard", "; ".join(refused)) if refused else None


def _after_looking(delta: Delta) -> Verdict | None:
    if delta.introduced:
        named = ", ".join(f"{found.code} at {found.path}:{found.line}" for found in delta.introduced[:5])
        return Verdict("new_findings", f"{len(delta.introduced)} new: {named}")
    if not delta.fixed:
        return Verdict("unfixed", f"still there: {counted(len(delta.remaining), 'finding')}")
    return None


async def _judge(state: FileState, context: Context, changes: Sequence[Change]) -> Delta:
    workspace, path = state.lent(), state.task.path
    changed = [change.path for change in changes]
    after = await look_at(workspace, context, sorted({path, *changed}))
    then, now = await in_workspace(_sources, state, changes)
    return compare([*state.before, *_around(state, context, changed)], after, then, now)


def _around(state: FileState, context: Context, changed: Sequence[str]) -> tuple[Finding, ...]:
    """What was there before in other files that the fix has changed, and `state.before` does not know."""
    known = {finding.path for finding in state.before} | {state.task.path}
    others = [path for path in changed if path not in known]
    return context.plan.baseline_of(others) if context.plan else ()


def _targeted(delta: Delta, findings: Sequence[Finding]) -> Delta:
    """The part of a comparison that speaks of the file's own findings, and everything new."""
    wanted = set(findings)
    pairs = [pair for pair in zip(delta.kept, delta.remaining, strict=True) if pair[0] in wanted]
    return Delta(
        fixed=tuple(finding for finding in delta.fixed if finding in wanted),
        remaining=tuple(after for _, after in pairs),
        introduced=delta.introduced,
        kept=tuple(before for before, _ in pairs),
    )


def _elsewhere(delta: Delta, state: FileState, context: Context) -> tuple[Finding, ...]:
    """Findings of other files that are gone: a type error can vanish by a fix of what it depends on."""
    others = [finding for finding in delta.fixed if finding.path != state.task.path]
    tasks = context.plan.tasks if context.plan and others else ()
    targeted = [finding for task in tasks for finding in task.findings]
    return compare(targeted, others).remaining


def _sources(state: FileState, changes: Sequence[Change]) -> tuple[dict[str, str], dict[str, str]]:
    """The text of changed files as they were and as they are, for those that were there at both times."""
    checkout = state.lent().checkout
    then = {
        change.path: checkout.text_of(change.before) for change in changes if change.path != state.task.path
    }
    then[state.task.path] = state.source
    now = {path: text for path in then if (text := read_text(checkout.root / path)) is not None}
    return then, now
