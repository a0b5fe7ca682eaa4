"""A file's result, derived from what its stages did and saw."""

from __future__ import annotations

import attrs

from stomper_sdk.errors import ConflictError, RefusedError, StomperError, StoppedError
from stomper_sdk.model.finding import Delta
from stomper_sdk.model.present import counted
from stomper_sdk.model.result import Attempt, FileResult, Outcome
from stomper_sdk.stages.base import FileState, Trial

__all__ = ["derive_result"]

_REJECTED = frozenset({"guard", "tests_failed"})


def derive_result(
    state: FileState, error: StomperError | None, seconds: float, *, direct: bool
) -> FileResult:
    """What became of a file.

    Args:
        state: as its last stage left it.
        error: what ended it early, if anything did.
        seconds: how long it took.
        direct: the fix stays where it was made; there is no commit to prove it.
    """
    landed = state.commit is not None or (direct and state.best is not None and error is None)
    best = state.best if landed else None
    delta = best.delta if best else None
    fixed = delta.fixed if delta else ()
    outcome, reason = _outcome(state, error, landed=landed)
    counts = [(change.lines_added, change.lines_removed) for change in (best.changes if best else ())]
    return FileResult(
        path=state.task.path,
        outcome=outcome,
        reason=reason,
        commit=state.commit,
        duration_seconds=seconds,
        fixed=fixed,
        remaining=delta.remaining if delta else state.task.findings,
        introduced=delta.introduced if delta else (),
        also_fixed=best.also_fixed if best else (),
        suppressed=delta.suppressed if delta else (),
        attempt=best.number if best else None,
        before=state.evidence,
        after=best.evidence if best else (),
        base=state.base,
        lines_added=sum(added for added, _ in counts),
        lines_removed=sum(removed for _, removed in counts),
        tests=best.tests.summary if best and best.tests else None,
        attempts=_told(state.attempts, best),
        notes=state.notes,
    )


def _told(attempts: tuple[Attempt, ...], best: Trial | None) -> tuple[Attempt, ...]:
    """The attempts, and which of them have edits in the commit."""
    numbers = best.numbers if best else ()
    # An agent that handed over shares its number with the one that came after it.
    return tuple(
        attrs.evolve(it, used=it.number in numbers and it.outcome in ("fixed", "partial")) for it in attempts
    )


def _outcome(state: FileState, error: StomperError | None, *, landed: bool) -> tuple[Outcome, str | None]:
    if error is not None:
        return _of_error(error), error.reason
    if landed:
        return _of_delta(state.best.delta if state.best and state.best.delta else Delta(), state.stopped)
    if not state.task.findings:
        return "skipped", "its findings are gone: another commit has fixed them meanwhile"
    if state.best is not None:
        return "unfixed", "the pipeline has no stage that commits the fix"
    return ("unfixed", str(state.stopped)) if state.stopped else _of_attempts(state.attempts)


def _of_delta(delta: Delta, stopped: StomperError | None) -> tuple[Outcome, str | None]:
    counts = ((len(delta.remaining), "left"), (len(delta.suppressed), "suppressed, not fixed"))
    told = ", ".join(f"{counted(count, 'finding')} {what}" for count, what in counts if count)
    if not told:
        return "fixed", None
    return "partial", f"{told}; {stopped.message}" if stopped else told


def _of_error(error: StomperError) -> Outcome:
    if isinstance(error, ConflictError):
        return "conflict"
    if isinstance(error, StoppedError):
        return "cancelled"
    return "rejected" if isinstance(error, RefusedError) else "error"


def _of_attempts(attempts: tuple[Attempt, ...]) -> tuple[Outcome, str | None]:
    if not attempts:
        return "unfixed", "nobody was asked: the pipeline has no attempt, or no agent for these findings"
    last = attempts[-1]
    if last.outcome in _REJECTED:
        return "rejected", last.reason
    if last.outcome == "agent_error":
        return "error", last.reason
    if last.outcome == "partial":
        left = last.remaining_count + last.suppressed_count
        return "unfixed", f"{counted(left, 'finding')} left, and accept is all"
    return "unfixed", last.reason
