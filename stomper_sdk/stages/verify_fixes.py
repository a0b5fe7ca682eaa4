from __future__ import annotations

from collections.abc import Sequence

import attrs

from stomper_sdk.errors import BlockedError, CheckError
from stomper_sdk.faults import point
from stomper_sdk.guard import refused, told
from stomper_sdk.guard.limits import exceeded
from stomper_sdk.model.finding import Delta
from stomper_sdk.model.pipeline import GuardSpec
from stomper_sdk.model.present import counted
from stomper_sdk.stages.base import Context, FileState, Verdict, define_stage
from stomper_sdk.stages.edits import edits_of
from stomper_sdk.stages.judging import judged
from stomper_sdk.stages.looking import look_at
from stomper_sdk.vcs.checkout import Change, Checkout
from stomper_sdk.workspaces.base import in_workspace

__all__ = ["verify_fixes"]


@define_stage("verify_fixes", block="attempt", needs=["edits"], gives=["verified"])
async def verify_fixes(state: FileState, context: Context) -> FileState:
    """See what was changed, refuse what the guard refuses, and look afresh at what is left and new."""
    changes = await in_workspace(_seen, state.lent().checkout)
    state = attrs.evolve(state, trial=attrs.evolve(state.at_work(), changes=changes))
    verdict = _before_looking(changes, state, context) or await _guarded(state, context)
    if verdict is None:
        try:
            state = await judged(state, context)
        except CheckError as error:
            verdict = await _blame(error, state, context)
        else:
            verdict = _after_looking(state.at_work().delta or Delta())
    point("verified")
    return attrs.evolve(state, trial=attrs.evolve(state.at_work(), verdict=verdict))


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
    beyond = exceeded(changes, state.task.path, context.pipeline.guard)
    return Verdict("guard", "; ".join(beyond)) if beyond else None


async def _guarded(state: FileState, context: Context) -> Verdict | None:
    """What the rules of `guard.forbid` have against the fix."""
    spec = context.pipeline.guard
    if not spec.forbid:
        return None
    said = await in_workspace(_against, state, spec)
    return Verdict("guard", "; ".join(said)) if said else None


def _against(state: FileState, spec: GuardSpec) -> tuple[str, ...]:
    return told(refused(edits_of(state), spec.forbid, spec.allow))


def _after_looking(delta: Delta) -> Verdict | None:
    if delta.introduced:
        named = ", ".join(f"{found.code} at {found.path}:{found.line}" for found in delta.introduced[:5])
        return Verdict("new_findings", f"{len(delta.introduced)} new: {named}")
    if delta.fixed:
        return None
    if delta.suppressed:
        named = ", ".join(f"{found.code} at {found.location}" for found in delta.suppressed[:5])
        count = counted(len(delta.suppressed), "finding")
        return Verdict("unfixed", f"{count} suppressed, not fixed: {named}")
    return Verdict("unfixed", f"still there: {counted(len(delta.remaining), 'finding')}")
