"""Running a pipeline, as a list of steps: load, resolve, open, interpret, tell."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

from stomper_sdk import config
from stomper_sdk.errors import RepositoryError, StomperError, UsageError, alone
from stomper_sdk.events import Listener, Notice, RunFinished, RunStarted
from stomper_sdk.guest import run_in_asyncio, under_asyncio
from stomper_sdk.interpreter.embedding import Listeners, hiding, importable, interrupt_cancels
from stomper_sdk.interpreter.opening import opened_context, sweep
from stomper_sdk.interpreter.planner import AgentLike, resolve
from stomper_sdk.interpreter.program import Block, Program
from stomper_sdk.interpreter.run import Run, interpret
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.interpreter.telling import tell
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.result import RunResult
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.reports import to_dict, to_json
from stomper_sdk.stages.base import Context, RunState, Selection
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, open_repository

__all__ = ["Control", "Selection", "clean", "load_pipeline", "plan", "run", "run_async", "validate"]

Source = str | os.PathLike[str] | Mapping[str, object] | Pipeline | None
Folder = str | os.PathLike[str]


@attrs.frozen
class _Order:
    """What a caller asks for."""

    pipeline: Source
    repo: Folder
    overrides: Mapping[str, object]
    agents: Mapping[str, AgentLike]
    only: Selection
    listeners: Sequence[Listener]
    control: Control


def run(
    pipeline: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    listeners: Sequence[Listener] = (),
    control: Control | None = None,
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

    Returns:
        The result, also where the run was stopped or failed midway: see its `status` and `exit_code`.

    Raises:
        PipelineError: the pipeline is wrong; it holds every problem.
        UsageError: the call asks for what there is not.
        StomperError: the run cannot be started: no repository, a check or test command missing.
    """
    order = _order(pipeline, repo, overrides, agents, only, listeners, control)
    with interrupt_cancels(order.control):
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
) -> RunResult:
    """The same as `run`, awaited: under trio, or at the top level of a notebook (asyncio)."""
    order = _order(pipeline, repo, overrides, agents, only, listeners, control)
    if under_asyncio():
        return await run_in_asyncio(partial(_run, order), order.control.cancel)
    return await _run(order)


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
    order = _order(pipeline, repo, overrides, agents, only, listeners, None)
    made: Plan = trio.run(_plan, order)
    return made


def load_pipeline(
    source: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    extra_agents: Sequence[str] = (),
) -> Pipeline:
    """Read and check a pipeline; see `run` for what it can be given as.

    Raises:
        PipelineError: with every problem.
    """
    return config.load_pipeline(source, repo=repo, overrides=overrides or {}, extra_agents=extra_agents)


def validate(
    source: Source = None, *, repo: Folder = ".", overrides: Mapping[str, object] | None = None
) -> Pipeline:
    """Read a pipeline and look up every name and option in it; nothing is run.

    Raises:
        PipelineError: with every problem.
    """
    folder = _absolute(repo)
    pipeline = load_pipeline(source, repo=folder, overrides=overrides)
    with importable(Path.cwd(), folder):
        resolve(pipeline, Selection(), {}, folder)
    return pipeline


def clean(repo: Folder = ".") -> tuple[str, ...]:
    """Remove what sessions left behind whose process is dead; one line for each is returned.

    Raises:
        RepositoryError: there is no such folder.
    """
    folder = _absolute(repo)
    try:
        repository = open_repository(folder)
    except RepositoryError:
        if not folder.is_dir():
            raise
        return sweep(folder, None)
    try:
        return sweep(repository.root, repository)
    finally:
        repository.close()


def _order(
    pipeline: Source,
    repo: Folder,
    overrides: Mapping[str, object] | None,
    agents: Mapping[str, AgentLike] | None,
    only: Selection | None,
    listeners: Sequence[Listener],
    control: Control | None,
) -> _Order:
    narrowed, stop = only or Selection(), control or Control()
    return _Order(pipeline, repo, overrides or {}, agents or {}, narrowed, listeners, stop)


async def _run(order: _Order) -> RunResult:
    with alone(), adopting_orphans():
        async with _opened(order) as (context, program, notices):
            run = Run(RunState(notices=notices))
            context.emit(RunStarted(context.clock(), context.session.id, context.pipeline.name))
            error = await _interpreted(program, context, order.control, run)
            result = tell(run, context, order.control, error, os.fspath(order.repo), await _head(context))
            await in_thread(context.session.record, "result.json", to_json(to_dict(result)))
            context.emit(RunFinished(context.clock(), result))
            return result


async def _plan(order: _Order) -> Plan:
    with alone(), adopting_orphans():
        async with _opened(order) as (context, program, notices):
            run = Run(RunState(notices=notices))
            await interpret(_until_plan(program), context, order.control, run)
            return run.state.plan or Plan(context.base_commit or "", (), (), ())


async def _interpreted(program: Program, context: Context, control: Control, run: Run) -> StomperError | None:
    """Run the program; an error before there is a plan is the caller's, a later one is the result's."""
    try:
        with alone():
            await interpret(program, context, control, run)
    except StomperError as error:
        if run.state.plan is None:
            raise
        return error
    return None


@asynccontextmanager
async def _opened(order: _Order) -> AsyncIterator[tuple[Context, Program, tuple[str, ...]]]:
    """Everything a run needs, every name resolved before the first side effect."""
    if sys.platform == "win32":
        raise UsageError("Windows is not supported", "Run it in WSL, the Windows Subsystem for Linux.")
    folder = _absolute(order.repo)
    repository = await in_thread(_try_repository, folder)
    try:
        root = folder if isinstance(repository, RepositoryError) else repository.root
        pipeline = await in_thread(_loaded, order, root)
        usable = await in_thread(_usable, repository, pipeline, root)
        with importable(Path.cwd(), root), hiding(pipeline.secrets):
            resolved = resolve(pipeline, order.only, order.agents, root)
            swept = await in_thread(sweep, root, usable)
            clock, emit = _clock(), Listeners(order.listeners).tell
            opening = opened_context(pipeline, resolved, order.only, root, usable, emit, clock)
            async with opening as (context, notices):
                for text in (*swept, *notices):
                    emit(Notice(clock(), text))
                yield context, resolved.program, (*swept, *notices)
    finally:
        if isinstance(repository, Repository):
            repository.close()


def _absolute(folder: Folder) -> Path:
    try:
        return Path(folder).absolute()
    except FileNotFoundError as error:
        raise RepositoryError("the current folder is gone", "Change to one that is there.") from error


def _loaded(order: _Order, root: Path) -> Pipeline:
    names = tuple(order.agents)
    return load_pipeline(order.pipeline, repo=root, overrides=order.overrides, extra_agents=names)


def _try_repository(folder: Path) -> Repository | RepositoryError:
    try:
        return open_repository(folder)
    except RepositoryError as error:
        return error


def _usable(found: Repository | RepositoryError, pipeline: Pipeline, root: Path) -> Repository | None:
    """The repository to commit to, or None for a pipeline whose fixes stay in the folder."""
    if pipeline.workspace.kind == "direct":
        _refuse_repository(found, root)
        return None
    if isinstance(found, RepositoryError):
        raise found
    found.check_ready()
    return found


def _refuse_repository(found: Repository | RepositoryError, root: Path) -> None:
    """Fixing in place is for folders that nothing else looks after, also nothing that cannot be opened."""
    if isinstance(found, Repository):
        text = f"{root} is a git repository: workspace.kind: direct is for folders outside of any"
        raise RepositoryError(text, "Set workspace.kind: worktree, as the built-in pipeline default does.")
    if not root.is_dir():
        raise RepositoryError(f"there is no folder {root}")
    if "is not in a git repository" not in found.message:
        raise found


def _clock() -> Callable[[], float]:
    started = time.monotonic()
    return lambda: time.monotonic() - started


def _until_plan(program: Program) -> Program:
    """The stages before the first file is touched."""
    steps = itertools.takewhile(lambda step: not isinstance(step, Block), program.steps)
    return Program(tuple(steps))


async def _head(context: Context) -> str | None:
    if context.repository is None or context.target is None:
        return None
    return await in_thread(context.repository.tip, context.target)
