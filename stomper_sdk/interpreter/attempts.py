"""The retry loop: what the last attempt left, broke or was refused for goes into the next prompt."""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs
import trio

from stomper_sdk.errors import FINAL, SpentError, StoppedError
from stomper_sdk.interpreter.portions import next_portion
from stomper_sdk.interpreter.program import Block, Step
from stomper_sdk.interpreter.steps import Journey, run_step
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.pipeline import BackoffSpec, RetrySpec
from stomper_sdk.model.result import AttemptOutcome
from stomper_sdk.stages.base import Context, FileState, Trial
from stomper_sdk.stages.leading import Lead, lead_of
from stomper_sdk.stages.trials import conclude, next_trial, outcome_of
from stomper_sdk.workspaces.base import in_workspace

__all__ = ["backoff_seconds", "run_attempts"]


async def run_attempts(block: Block, journey: Journey, context: Context) -> None:
    """Work on the file's findings, portion by portion; after one that is not mended comes the next.

    Raises:
        StoppedError: nobody can be asked any more in this run, and there is nothing to commit yet.
    """
    try:
        await _work(block, journey, context)
    except (SpentError, StoppedError) as error:
        journey.state = attrs.evolve(journey.state, trial=None, stopped=error)
    best = journey.state.best
    if best is not None and context.pipeline.accept == "all" and outcome_of(best) != "fixed":
        journey.state = attrs.evolve(journey.state, best=None)
    if journey.state.best is None and isinstance(journey.state.stopped, StoppedError):
        raise journey.state.stopped


async def _work(block: Block, journey: Journey, context: Context) -> None:
    done: set[Finding] = set()
    first = journey.state.rounds + 1
    while portion := next_portion(_open(journey.state) - done, context.pipeline.processing):
        blind = await _work_on(portion, block, journey, context, first)
        if blind:
            break
        done |= portion
        first = 1


async def _work_on(
    portion: frozenset[Finding], block: Block, journey: Journey, context: Context, first: int
) -> bool:
    """Make attempts until one fixes the portion, the policy says no, or asking again cannot help.

    Returns:
        Whether nothing can be tested here, so that no further attempt could be believed either.
    """
    retry, floor, last = context.pipeline.retry, journey.state.best, None
    for number in range(first, retry.max_attempts + 1):
        if not _open(journey.state) & portion:
            return False
        base = journey.state.best if retry.start_from == "best" else floor
        left = [now for then, now in journey.state.left_by(base) if then in portion]
        lead = lead_of(left, journey.state, context) if last is None else Lead(last.agent_index + 1)
        place = context.cascade.pick(lead.place + (number - 1 if last is None else 0), left)
        if place is None or (last is not None and not _worth_another(last, place, retry, context)):
            return False
        if last is not None:
            await trio.sleep(backoff_seconds(retry.backoff, number - 1))
        last = await _attempt(block, journey, context, place, number, base, left, lead.why)
        if last.verdict is not None and last.verdict.failure in FINAL:
            context.cascade.pick(place, left)
        if last.tests is not None and last.tests.state == "blind":
            return True
    return False


def _open(state: FileState) -> frozenset[Finding]:
    return frozenset(then for then, _ in state.left_by(state.best))


async def _attempt(
    block: Block,
    journey: Journey,
    context: Context,
    place: int,
    number: int,
    base: Trial | None,
    portion: Sequence[Finding],
    why: str | None,
) -> Trial:
    state = journey.state
    if state.last is not None:
        await in_workspace(state.lent().checkout.restore, base.changes if base else ())
    journey.state = next_trial(
        state, context, state.next_number, place, round=number, base=base, portion=tuple(portion), why=why
    )
    for step in block.steps:
        assert isinstance(step, Step)
        journey.state = await run_step(step, journey.state, context, journey.state.task.path)
        if journey.state.stopped is not None:
            raise journey.state.stopped
        if journey.state.at_work().verdict is not None:
            break
    journey.state = conclude(journey.state, context)
    assert journey.state.last is not None
    return journey.state.last


def _worth_another(last: Trial, place: int, retry: RetrySpec, context: Context) -> bool:
    """Whether the policy wants another attempt after this one, with the agent at a place of the cascade."""
    outcome = outcome_of(last)
    if outcome == "fixed" or _cause(outcome) not in retry.on:
        return False
    # A fixer that goes to its fixed point has nothing to add when it is asked for the same again.
    again = place == last.agent_index and context.cascade.tiers[place].agent.once
    return outcome == "new_findings" or not again


def _cause(outcome: AttemptOutcome) -> AttemptOutcome:
    return "unfixed" if outcome == "partial" else outcome


def backoff_seconds(spec: BackoffSpec, retries: int) -> float:
    """How long to wait before the `retries`-th retry, counted from 1, with jitter."""
    seconds = min(spec.initial * spec.factor ** (retries - 1), spec.max)
    return min(seconds * (1 + random.uniform(-spec.jitter, spec.jitter)), spec.max)  # noqa: S311
