"""What a fix did to findings: those of its own file, those of others, and new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from stomper_sdk.model.evidence import View
from stomper_sdk.model.finding import Delta, Finding, compare
from stomper_sdk.stages.base import Context, FileState
from stomper_sdk.stages.looking import look_at, read_text
from stomper_sdk.stages.silencing import told_apart
from stomper_sdk.vcs.checkout import Change
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import in_workspace

__all__ = ["judged"]

_Texts = Mapping[str, str]


async def judged(state: FileState, context: Context) -> FileState:
    """Look afresh at what the trial changed, and tell what is gone, left and new.

    Raises:
        CheckError: a check cannot look.
    """
    changes = state.at_work().changes
    changed = [change.path for change in changes]
    after = await look_at(state.lent(), context, sorted({state.task.path, *changed}))
    then, now = await in_workspace(_sources, state, changes)
    delta = compare(_known(state, context, changed), after.findings, then, now)
    if delta.introduced and _is_stale(state, context):
        state = _seen_before(state, await _look_back(state, context, changes))
        delta = compare(state.before, after.findings, then, now)
    delta = await in_thread(told_apart, delta, then, now)
    trial = attrs.evolve(
        state.at_work(),
        delta=_targeted(delta, state, context),
        also_fixed=_elsewhere(delta.fixed, state, context),
        evidence=after.evidence,
    )
    return attrs.evolve(state, trial=trial)


def _known(state: FileState, context: Context, changed: Sequence[str]) -> tuple[Finding, ...]:
    """What was there before, also in other files that the fix has changed."""
    known = {finding.path for finding in state.before} | {state.task.path}
    others = [path for path in changed if path not in known]
    return (*state.before, *(context.plan.baseline_of(others) if context.plan else ()))


def _is_stale(state: FileState, context: Context) -> bool:
    """Whether what was there before was seen at another commit than the fix was made on."""
    return not state.evidence and state.lent().base != context.base_commit


async def _look_back(state: FileState, context: Context, changes: Sequence[Change]) -> View:
    """Look without the fix: what other commits brought is not charged to this one."""
    workspace, paths = state.lent(), sorted({state.task.path, *(change.path for change in changes)})
    await in_workspace(workspace.checkout.restore)
    try:
        return await look_at(workspace, context, paths, workspace.base)
    finally:
        await in_workspace(workspace.checkout.restore, changes)


def _seen_before(state: FileState, view: View) -> FileState:
    """The state as if it had been looked at afresh; what is targeted are the same findings, seen again."""
    targeted = compare(state.task.findings, view.findings).remaining
    task = attrs.evolve(state.task, findings=targeted)
    return attrs.evolve(state, task=task, before=view.findings, evidence=view.evidence)


def _targeted(delta: Delta, state: FileState, context: Context) -> Delta:
    """The part of a comparison that speaks of the file's own findings; and all that is new or suppressed."""
    wanted = set(state.task.findings)
    own = tuple(finding for finding in delta.suppressed if finding in wanted)
    pairs = [pair for pair in zip(delta.kept, delta.remaining, strict=True) if pair[0] in wanted]
    return Delta(
        fixed=tuple(finding for finding in delta.fixed if finding in wanted),
        remaining=tuple(after for _, after in pairs),
        introduced=delta.introduced,
        kept=tuple(before for before, _ in pairs),
        suppressed=(*own, *_elsewhere(delta.suppressed, state, context)),
    )


def _elsewhere(gone: Sequence[Finding], state: FileState, context: Context) -> tuple[Finding, ...]:
    """Targeted findings of other files that are gone: a fix can cure an error in what depends on it."""
    others = [finding for finding in gone if finding.path != state.task.path]
    tasks = context.plan.tasks if context.plan and others else ()
    targeted = [finding for task in tasks for finding in task.findings]
    return compare(targeted, others).remaining


def _sources(state: FileState, changes: Sequence[Change]) -> tuple[_Texts, _Texts]:
    """The text of changed files as they were and as they are, for those that were there at both times."""
    checkout = state.lent().checkout
    then = {
        change.path: checkout.text_of(change.before) for change in changes if change.path != state.task.path
    }
    then[state.task.path] = state.source
    now = {path: text for path in then if (text := read_text(checkout.root / path)) is not None}
    return then, now
