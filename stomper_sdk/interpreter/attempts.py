"""The retry loop: what the last attempt left, broke or was refused for goes into the next prompt."""

from __future__ import annotations

import random

import trio

from stomper_sdk.interpreter.program import Block, Step
from stomper_sdk.interpreter.steps import Journey, run_step
from stomper_sdk.model.pipeline import BackoffSpec, RetrySpec
from stomper_sdk.model.result import AttemptOutcome
from stomper_sdk.stages.base import Context, Trial
from stomper_sdk.stages.trials import conclude, next_trial, outcome_of
from stomper_sdk.workspaces.base import in_workspace

__all__ = ["backoff_seconds", "run_attempts"]


async def run_attempts(block: Block, journey: Journey, context: Context) -> None:
    """Make attempts until one fixes everything, the policy says no, or asking again cannot help."""
    retry, attempts = context.pipeline.retry, journey.state.attempts
    number = attempts[-1].number + 1 if attempts else 1
    index = min(number, len(context.cascade)) - 1
    while True:
        last = await _attempt(block, journey, context, number, index)
        if number >= retry.max_attempts or not _worth_another(last, retry, context):
            return
        number, index = number + 1, min(last.agent_index + 1, len(context.cascade) - 1)
        await trio.sleep(backoff_seconds(retry.backoff, number - 1))


async def _attempt(block: Block, journey: Journey, context: Context, number: int, index: int) -> Trial:
    state = journey.state
    start = state.best.changes if state.best and context.pipeline.retry.start_from == "best" else ()
    if state.last is not None:
        await in_workspace(state.lent().checkout.restore, start)
    journey.state = next_trial(state, context, number, index, start)
    for step in block.steps:
        assert isinstance(step, Step)
        journey.state = await run_step(step, journey.state, context, journey.state.task.path)
        if journey.state.at_work().verdict is not None:
            break
    journey.state = conclude(journey.state, context)
    assert journey.state.last is not None
    return journey.state.last


def _worth_another(last: Trial, retry: RetrySpec, context: Context) -> bool:
    outcome = outcome_of(last)
    if outcome == "fixed" or _cause(outcome) not in retry.on:
        return False
    if last.tests is not None and last.tests.state == "blind":
        return False
    if outcome == "new_findings" or last.agent_index + 1 < len(context.cascade):
        return True
    # A fixer that goes to its fixed point has nothing to add when it is asked for the same again.
    return not context.cascade[last.agent_index].once


def _cause(outcome: AttemptOutcome) -> AttemptOutcome:
    return "unfixed" if outcome == "partial" else outcome


def backoff_seconds(spec: BackoffSpec, retries: int) -> float:
    """How long to wait before the `retries`-th retry, counted from 1, with jitter."""
    seconds = min(spec.initial * spec.factor ** (retries - 1), spec.max)
    return min(seconds * (1 + random.uniform(-spec.jitter, spec.jitter)), spec.max)  # noqa: S311
