"""Running a pipeline, as a list of steps: open, interpret, tell."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

import attrs
import trio

from stomper_sdk.api.handle import RunHandle
from stomper_sdk.api.recording import Recorder
from stomper_sdk.api.starting import (
    Folder,
    Order,
    Source,
    Start,
    absolute,
    load_pipeline,
    opened,
    order_of,
)
from stomper_sdk.errors import StomperError, alone, machine_limits
from stomper_sdk.events import Listener, Notice, RunFinished, RunStarted
from stomper_sdk.faults import point
from stomper_sdk.guest import run_in_asyncio, under_asyncio
from stomper_sdk.interpreter.embedding import importable, interrupt_cancels
from stomper_sdk.interpreter.learning import foretold
from stomper_sdk.interpreter.planner import AgentLike, resolve
from stomper_sdk.interpreter.program import Block, Program
from stomper_sdk.interpreter.resuming import opened_record, run_again
from stomper_sdk.interpreter.run import Run, interpret
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.interpreter.telling import tell
from stomper_sdk.journal.session import RESULT
from stomper_sdk.journal.spans import SPANS, spans_to_dict
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.result import RunResult
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.reports import to_dict
from stomper_sdk.stages.base import Context, RunState, Selection
from stomper_sdk.vcs.git import in_thread

__all__ = ["LAST", "carry_out", "plan", "plan_of", "planned", "run", "run_async", "start", "validate"]


@attrs.define
class Last:
    """The result of the run that ended last, also of one that an interrupt kept from returning it."""

    result: RunResult | None = None


LAST = Last()


def run(
    pipeline: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    listeners: Sequence[Listener] = (),
    control: Control | None = None,
    resume: str | None = None,
    progress: bool = True,
) -> RunResult:
    """Run a pipeline in a repository, and block until everything it started has ended.

    Works anywhere, also in a notebook cell; an interrupt cancels, cleans up, and is then raised.

    Args:
        pipeline: a path, a built-in name, YAML text, a mapping or a `Pipeline`; left out, it is the
            repository's `pipelines/default.yaml`, else the built-in `default`.
        repo: the repository's folder, or any folder in it.
        overrides: dotted paths and values, as `{"retry.max_attempts": 5}`.
        agents: functions `(task) -> AgentReply | None`, plain or async, or agents, by name; they replace
            those of the same name in the YAML.
        only: narrows the run to some checks, codes or agents.
        listeners: called with every event, in the run's own task.
        control: stops the run from outside.
        resume: a run to go on with, by its session's id, a part of it, or `last`: what has ended is not done
            again. The pipeline, overrides and `only` are those of that run unless they are given again;
            agents must be.
        progress: show the run while it goes on, where this is a notebook.

    Returns:
        The result, also where the run was stopped or failed midway: see its `status` and `exit_code`.

    Raises:
        PipelineError: the pipeline is wrong; it holds every problem.
        UsageError: the call asks for what there is not.
        StomperError: the run cannot be started: no repository, a check or test command missing.
    """
    order = order_of(pipeline, repo, overrides, agents, only, listeners, control, resume)
    with _watched(order, progress=progress) as order, interrupt_cancels(order.control):
        result: RunResult = trio.run(_run, order)
    return result


async def run_async(
    pipeline: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    listeners: Sequence[Listener] = (),
    control: Control | None = None,
    resume: str | None = None,
    progress: bool = True,
) -> RunResult:
    """The same as `run`, awaited: under trio, or at the top level of a notebook (asyncio)."""
    order = order_of(pipeline, repo, overrides, agents, only, listeners, control, resume)
    with _watched(order, progress=progress) as order:
        if under_asyncio():
            return await run_in_asyncio(partial(_run, order), order.control.cancel)
        return await _run(order)


def start(
    pipeline: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    listeners: Sequence[Listener] = (),
    control: Control | None = None,
    resume: str | None = None,
    progress: bool = True,
) -> RunHandle:
    """The same as `run`, in a thread of its own: returns at once, with what to look at it and stop it by.

    An interrupt does not reach it: `cancel` does. Python's own end waits for it.
    """
    control = control or Control()
    handle = RunHandle(control)
    heard = (*listeners, handle.listen)
    order = order_of(pipeline, repo, overrides, agents, only, heard, control, resume)
    watching = ExitStack()
    order = watching.enter_context(_watched(order, progress=progress))

    def work() -> RunResult:
        with watching:
            result: RunResult = trio.run(_run, order)
            return result

    handle.begin(work)
    return handle


@contextmanager
def _watched(order: Order, *, progress: bool) -> Iterator[Order]:
    """The order, with a listener that draws where this is a notebook."""
    if not progress or "IPython" not in sys.modules:
        yield order
        return
    # What draws stands floors above: imported where a notebook is there to draw in.
    with import_module("stomper_sdk.console.notebook").watched() as drawing:
        yield attrs.evolve(order, listeners=(*order.listeners, *drawing))


def plan(
    pipeline: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    listeners: Sequence[Listener] = (),
) -> Plan:
    """What `run` would do; nothing is changed.

    Raises:
        StomperError: as `run`; also where a check crashes.
    """
    order = order_of(pipeline, repo, overrides, agents, only, listeners, None)
    made: Plan = trio.run(planned, order)
    return made


def validate(
    source: Source = None, *, repo: Folder = ".", overrides: Mapping[str, object] | None = None
) -> Pipeline:
    """Read a pipeline and look up every name and option in it; nothing is run.

    Raises:
        PipelineError: with every problem.
    """
    folder = absolute(repo)
    pipeline = load_pipeline(source, repo=folder, overrides=overrides)
    with importable(Path.cwd(), folder):
        resolve(pipeline, Selection(), {}, folder)
    return pipeline


async def _run(order: Order) -> RunResult:
    LAST.result = await carry_out(order)
    return LAST.result


async def carry_out(order: Order) -> RunResult:
    """Run what was ordered, from the opening of the repository to the kept result."""
    recorder = Recorder()
    order = attrs.evolve(order, listeners=(recorder.listen, *order.listeners))
    with machine_limits(permissions=True), alone(), adopting_orphans():
        async with opened(order) as start:
            context = start.context
            run = await in_thread(_begun, start, order)
            context.emit(RunStarted(context.clock(), context.session.id, context.pipeline.name))
            error = await _interpreted(start.program, context, order.control, run)
            result = tell(run, context, order.control, error, os.fspath(order.repo), await _head(context))
            result = await _kept(attrs.evolve(result, spans=tuple(recorder.spans)), context)
            context.emit(RunFinished(context.clock(), result))
            return result


def _begun(start: Start, order: Order) -> Run:
    """The run before its first stage, or as far as the one came that it goes on with."""
    if start.past is not None:
        return run_again(start.past, start.context.repo(), start.context, start.notices)
    opened = opened_record(order.pipeline, order.overrides, order.only, tuple(order.agents), start.context)
    return Run(RunState(plan=order.plan, notices=start.notices), opened)


async def _kept(result: RunResult, context: Context) -> RunResult:
    """Keep the result; where that is not possible, what was done is told all the same."""
    try:
        point("result")
        await in_thread(context.session.record, SPANS, spans_to_dict(result.spans))
        await in_thread(context.session.record, RESULT, to_dict(result))
    except OSError as error:
        text = f"the result could not be kept in {context.session.folder}: {error.strerror}"
        context.emit(Notice(context.clock(), text))
        return attrs.evolve(result, notices=(*result.notices, text))
    return result


async def planned(order: Order) -> Plan:
    """The plan of what was ordered, and a forecast."""
    with machine_limits(permissions=True), alone(), adopting_orphans():
        async with opened(order) as start:
            made = await plan_of(start, order.control)
            return attrs.evolve(made, forecast=await in_thread(foretold, made, start.context))


async def plan_of(start: Start, control: Control) -> Plan:
    """The plan of a run that was opened; its stages are gone through as far as that takes."""
    run = Run(RunState(notices=start.notices))
    await interpret(_until_plan(start.program), start.context, control, run)
    return run.state.plan or Plan(start.context.base_commit or "", (), (), ())


async def _interpreted(program: Program, context: Context, control: Control, run: Run) -> StomperError | None:
    """Run the program; an error before there is a plan is the caller's, a later one is the result's."""
    try:
        with machine_limits(permissions=True), alone():
            await interpret(program, context, control, run)
    except StomperError as error:
        if run.state.plan is None:
            raise
        return error
    return None


def _until_plan(program: Program) -> Program:
    """The stages before the first file is touched."""
    steps = itertools.takewhile(lambda step: not isinstance(step, Block), program.steps)
    return Program(tuple(steps))


async def _head(context: Context) -> str | None:
    if context.repository is None or context.target is None:
        return None
    return await in_thread(context.repository.tip, context.target)
