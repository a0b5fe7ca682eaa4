"""One stage, with its events; a stage of the user's own that raises is told apart from a bug of ours."""

from __future__ import annotations

from typing import TypeVar

import attrs

from stomper_sdk.errors import StageError, StomperError, alone
from stomper_sdk.events import StageFinished, StageStarted
from stomper_sdk.interpreter.program import Step
from stomper_sdk.stages.base import Context, FileState, RunState

__all__ = ["Journey", "run_step"]

State = TypeVar("State", FileState, RunState)


@attrs.define
class Journey:
    """How far a file has come, kept where an error that ends its way cannot take it along."""

    state: FileState


async def run_step(step: Step, state: State, context: Context, path: str | None) -> State:
    """Run a stage; a stage that returns None has changed nothing.

    Raises:
        StageError: a stage that is not built in raised, or returned something else than a state.
        StomperError: what the stage itself says went wrong.
    """
    started = context.clock()
    context.emit(StageStarted(started, path, step.stage.name))
    with alone():
        made = await (
            _built_in(step, state, context) if step.stage.built_in else _foreign(step, state, context)
        )
    context.emit(StageFinished(context.clock(), path, step.stage.name, context.clock() - started))
    return made


async def _built_in(step: Step, state: State, context: Context) -> State:
    made: State = await step.stage.run(state, context, **step.options)
    return made


async def _foreign(step: Step, state: State, context: Context) -> State:
    try:
        made = await step.stage.run(state, context, **step.options)
    except StomperError:
        raise
    # A stage of the user's own may raise anything; it ends its file, not the run.
    except (Exception, SystemExit) as error:
        raise StageError(f"stage {step.stage.name} raised {type(error).__name__}: {error}") from error
    if made is None:
        return state
    if not isinstance(made, type(state)):
        raise StageError(f"stage {step.stage.name} returned {made!r}, not a {type(state).__name__}")
    return made
