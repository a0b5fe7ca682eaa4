"""How one attempt ends and the next begins."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.events import AttemptFinished, AttemptStarted
from stomper_sdk.model.finding import Delta
from stomper_sdk.model.present import hide
from stomper_sdk.model.result import Attempt, AttemptOutcome
from stomper_sdk.stages.base import Context, FileState, Trial
from stomper_sdk.vcs.checkout import Change

__all__ = ["conclude", "next_trial", "outcome_of"]


def next_trial(
    state: FileState, context: Context, number: int, agent_index: int, start: tuple[Change, ...] = ()
) -> FileState:
    """Begin an attempt: its number from 1, its place in the cascade, and the changes it starts with."""
    context.emit(AttemptStarted(context.clock(), state.task.path, number))
    return attrs.evolve(state, trial=Trial(number, agent_index, context.clock(), start))


def conclude(state: FileState, context: Context) -> FileState:
    """Record the trial at work as an attempt; it becomes the best one where it leaves less than that."""
    trial = state.at_work()
    attempt = _attempt(trial, context.clock() - trial.started, context.pipeline.secrets)
    context.emit(AttemptFinished(context.clock(), state.task.path, attempt))
    best = trial if _improves(trial, state.best, context) else state.best
    return attrs.evolve(state, trial=None, last=trial, best=best, attempts=(*state.attempts, attempt))


def outcome_of(trial: Trial) -> AttemptOutcome:
    """What a trial came to: what stood against it, else what is left."""
    if trial.verdict is not None:
        return trial.verdict.outcome
    if trial.delta is None:
        return "unfixed"
    return "partial" if trial.delta.remaining or trial.delta.suppressed else "fixed"


def _improves(trial: Trial, best: Trial | None, context: Context) -> bool:
    outcome = outcome_of(trial)
    if outcome == "partial" and context.pipeline.accept == "all":
        return False
    if outcome not in ("fixed", "partial"):
        return False
    return best is None or _left(trial) < _left(best)


def _left(trial: Trial) -> int:
    return len(trial.delta.remaining) + len(trial.delta.suppressed) if trial.delta else 0


def _attempt(trial: Trial, seconds: float, secrets: Collection[str]) -> Attempt:
    delta, reply = trial.delta or Delta(), trial.reply or AgentReply()
    return Attempt(
        number=trial.number,
        agent=trial.agent,
        level=trial.level,
        outcome=outcome_of(trial),
        duration_seconds=seconds,
        reason=hide(trial.verdict.reason, secrets) if trial.verdict else None,
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
    )
