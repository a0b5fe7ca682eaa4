"""One file through its stages: the exit stack, the critical section of the user's repository, and the only
place where an error becomes a result."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial

import attrs
import trio

from stomper_sdk.errors import (
    AgentError,
    CommandError,
    ConflictError,
    RefusedError,
    StageError,
    StomperError,
    StoppedError,
    WorkspaceError,
)
from stomper_sdk.events import FileFinished, FileStarted
from stomper_sdk.interpreter.attempts import run_attempts
from stomper_sdk.interpreter.learning import remember
from stomper_sdk.interpreter.outcome import derive_result
from stomper_sdk.interpreter.program import Block, Step
from stomper_sdk.interpreter.steps import Journey, run_step
from stomper_sdk.journal.records import Ended
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.present import hide
from stomper_sdk.model.result import Attempt, FileResult
from stomper_sdk.stages.base import Context, FileState
from stomper_sdk.stages.create_worktree import enter_workspace
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.direct import Direct

__all__ = ["run_file"]

_MAIN_SECONDS = 900.0
#: Errors of one file. Any other ends the run: a check that crashed says nothing true of the next file.
_OF_FILE = (AgentError, CommandError, ConflictError, RefusedError, StageError, StoppedError, WorkspaceError)


async def run_file(
    task: FileTask,
    block: Block,
    context: Context,
    ended: Callable[[FileResult, StomperError | None], None],
    before: tuple[Attempt, ...] = (),
) -> None:
    """Take a file through the stages of `for_each_file`, afresh where the target moved under its fix.

    Args:
        task: the file.
        block: the stages.
        context: what they need.
        ended: gets the result, and the error that ended the file early; also where the run ends while a fix
            is committed already.
        before: the attempts that were made before the run was stopped; it begins afresh after them.
    """
    started = context.clock()
    context.emit(FileStarted(started, task.path))
    journey = Journey(FileState(task, attempts=before))
    result_of = partial(_result, started=started, context=context)
    context = attrs.evolve(context, outcome=result_of)
    error: StomperError | None = None
    try:
        error = await _travel(journey, block, context)
        while _worth_another(journey.state, error, context):
            last = journey.state.last
            journey.state = FileState(
                task,
                attempts=_conflicted(journey.state.attempts, error),
                rounds=last.round if last else 0,
            )
            error = await _travel(journey, block, context)
    except BaseException:
        if journey.state.commit is not None:
            await _tell(journey.state, result_of(journey.state), None, ended, context)
        raise
    if isinstance(error, ConflictError):
        attempts = _conflicted(journey.state.attempts, error)
        journey.state = attrs.evolve(journey.state, attempts=attempts)
    stopped = error or journey.state.stopped
    await _tell(journey.state, result_of(journey.state, error), stopped, ended, context)


def _result(
    state: FileState, error: StomperError | None = None, *, started: float, context: Context
) -> FileResult:
    seconds = context.clock() - started
    result = derive_result(state, error, seconds, direct=isinstance(context.lender, Direct))
    reason = result.reason and hide(result.reason, context.pipeline.secrets)
    return attrs.evolve(result, reason=reason)


async def _tell(
    state: FileState,
    result: FileResult,
    error: StomperError | None,
    ended: Callable[[FileResult, StomperError | None], None],
    context: Context,
) -> None:
    """Let everybody know the result, and what is kept for later, also while the run is being cancelled."""
    ended(result, error)
    context.emit(FileFinished(context.clock(), result))
    with trio.CancelScope(shield=True):
        await in_thread(context.session.journal.append, Ended(result))
        await remember(result, context, len(state.source.splitlines()))


async def _travel(journey: Journey, block: Block, context: Context) -> StomperError | None:
    """Go through all stages; the error that ended the way early, if one of this file did."""
    try:
        async with AsyncExitStack() as stack:
            context = attrs.evolve(context, stack=stack)
            if isinstance(context.lender, Direct):
                journey.state = await enter_workspace(journey.state, context, None)
            for in_main, steps in itertools.groupby(block.steps, key=_in_main):
                await (_through_main if in_main else _through)(steps, journey, context)
            if isinstance(context.lender, Direct) and journey.state.best is not None:
                await context.lender.keep(journey.state.best.changes, journey.state.task.path)
    except _OF_FILE as error:
        return error
    return None


async def _through(steps: Iterable[Step | Block], journey: Journey, context: Context) -> None:
    for step in steps:
        if isinstance(step, Block):
            await run_attempts(step, journey, context)
        else:
            journey.state = await run_step(step, journey.state, context, journey.state.task.path)
        if not journey.state.task.findings:
            return


async def _through_main(steps: Iterable[Step | Block], journey: Journey, context: Context) -> None:
    """Consecutive stages in the user's repository, as one: nobody commits between an apply and its commit."""
    async with context.main.hold():
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _MAIN_SECONDS) as scope:
            await _through(steps, journey, context)
        if scope.cancelled_caught:
            raise StageError(f"the stages in the main repository did not end within {_MAIN_SECONDS:g} s")


def _in_main(step: Step | Block) -> bool:
    return isinstance(step, Step) and step.stage.scope == "main"


def _worth_another(state: FileState, error: StomperError | None, context: Context) -> bool:
    retry = context.pipeline.retry
    if not isinstance(error, ConflictError) or not error.retryable or "conflict" not in retry.on:
        return False
    return state.last is not None and state.last.round < retry.max_attempts


def _conflicted(attempts: tuple[Attempt, ...], error: StomperError | None) -> tuple[Attempt, ...]:
    """The last attempt did not land, whatever it had come to."""
    if not attempts:
        return attempts
    last = attrs.evolve(attempts[-1], outcome="conflict", reason=error.reason if error else None)
    return (*attempts[:-1], last)
