"""How one attempt ends and the next begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import attrs

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.events import AttemptFinished, AttemptStarted
from stomper_sdk.model.finding import Delta, Finding, compare
from stomper_sdk.model.present import hide
from stomper_sdk.model.result import Attempt, AttemptOutcome, CodeTally
from stomper_sdk.stages.base import Context, FileState, Trial

__all__ = ["conclude", "next_trial", "outcome_of"]


def next_trial(
    state: FileState,
    context: Context,
    number: int,
    agent_index: int,
    *,
    round: int,  # noqa: A002
    base: Trial | None,
    portion: tuple[Finding, ...],
    why: str | None = None,
) -> FileState:
    """Begin an attempt.

    Args:
        state: the file's.
        context: holds the cascade.
        number: the attempt's, from 1.
        agent_index: the place in the cascade.
        round: its number among those at the same portion, from 1.
        base: the trial from whose tree it goes on.
        portion: what is to be fixed, as it is in that tree.
        why: the reason for that agent, where there is one.
    """
    context.emit(AttemptStarted(context.clock(), state.task.path, number))
    targets = context.cascade.tiers[agent_index].asked(portion)
    begun = Trial(number, agent_index, context.clock(), round=round, base=base, why=why)
    return attrs.evolve(state, trial=attrs.evolve(begun, portion=portion, targets=targets))


def conclude(state: FileState, context: Context) -> FileState:
    """Record the trial at work as an attempt; it becomes the best one where it leaves less than that."""
    trial = state.at_work()
    attempt = _attempt(trial, state, context.clock() - trial.started, context.pipeline.secrets)
    context.emit(AttemptFinished(context.clock(), state.task.path, attempt))
    best = trial if _improves(trial, state.best) else state.best
    return attrs.evolve(state, trial=None, last=trial, best=best, attempts=(*state.attempts, attempt))


def outcome_of(trial: Trial) -> AttemptOutcome:
    """What a trial came to: what stood against it, else what is left."""
    if trial.verdict is not None:
        return trial.verdict.outcome
    if trial.delta is None:
        return "unfixed"
    return "partial" if trial.delta.remaining or trial.delta.suppressed else "fixed"


def _improves(trial: Trial, best: Trial | None) -> bool:
    outcome = outcome_of(trial)
    if outcome not in ("fixed", "partial"):
        return False
    return best is None or _left(trial) < _left(best)


def _left(trial: Trial) -> int:
    return len(trial.delta.remaining) + len(trial.delta.suppressed) if trial.delta else 0


def _tallies(trial: Trial, state: FileState) -> tuple[CodeTally, ...]:
    """By code, what the agent was asked about, and what of it is gone where nothing stands against that."""
    fixed: Sequence[Finding] = ()
    if trial.delta is not None and trial.verdict is None:
        before = [now for _, now in state.left_by(trial.base)]
        fixed = compare(before, (*trial.delta.remaining, *trial.delta.suppressed)).fixed
    beside = compare(fixed, trial.targets).fixed
    tried = Counter((finding.check, finding.code) for finding in (*trial.targets, *beside))
    gone = Counter((finding.check, finding.code) for finding in fixed)
    return tuple(CodeTally(*code, count, gone[code]) for code, count in sorted(tried.items()))


def _attempt(trial: Trial, state: FileState, seconds: float, secrets: Collection[str]) -> Attempt:
    delta, reply = trial.delta or Delta(), trial.reply or AgentReply()
    return Attempt(
        number=trial.number,
        agent=trial.agent,
        level=trial.level,
        outcome=outcome_of(trial),
        duration_seconds=seconds,
        reason=hide(trial.verdict.reason, secrets) if trial.verdict else None,
        codes=_tallies(trial, state),
        failure=trial.verdict.failure if trial.verdict else None,
        prompt=hide(trial.prompt, secrets),
        reply=hide(reply.text, secrets),
        fixed_count=len(delta.fixed),
        remaining_count=len(delta.remaining),
        new_count=len(delta.introduced),
        suppressed_count=len(delta.suppressed),
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        cost_usd=reply.cost_usd,
        turns=reply.turns,
        model=reply.model,
        agent_session=reply.agent_session,
        why=trial.why,
        round=trial.round,
    )
