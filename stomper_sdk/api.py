"""Running a pipeline, as a list of steps: load, resolve, open, interpret, tell."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

from stomper_sdk import config
from stomper_sdk.agents.base import AgentTask
from stomper_sdk.errors import RepositoryError, StomperError, UsageError, alone, machine_limits
from stomper_sdk.events import Listener, Notice, RunFinished, RunStarted
from stomper_sdk.faults import point
from stomper_sdk.guest import run_in_asyncio, under_asyncio
from stomper_sdk.interpreter.embedding import Listeners, hiding, importable, interrupt_cancels
from stomper_sdk.interpreter.opening import opened_context, sweep
from stomper_sdk.interpreter.past import diff_of, revert_run
from stomper_sdk.interpreter.planner import AgentLike, resolve
from stomper_sdk.interpreter.program import Block, Program
from stomper_sdk.interpreter.resuming import check_same, find_past, opened_record, run_again
from stomper_sdk.interpreter.run import Run, interpret
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.interpreter.telling import tell
from stomper_sdk.interpreter.verifying import verify_result
from stomper_sdk.journal.history import LAST, find_run, past_runs, result_of
from stomper_sdk.journal.unfinished import Unfinished, read_unfinished
from stomper_sdk.model.history import PastRun
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.result import RunResult
from stomper_sdk.model.verification import Verification
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.reports import to_dict, to_json
from stomper_sdk.stages.base import Context, RunState, Selection
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, Target, open_repository

__all__ = [
    "Control",
    "Selection",
    "clean",
    "diff",
    "load_pipeline",
    "load_run",
    "plan",
    "revert",
    "run",
    "run_async",
    "runs",
    "validate",
    "verify",
]

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
    resume: str | None = None


@attrs.frozen
class _Start:
    """Everything a run needs; `past` is the one that it goes on with."""

    context: Context
    program: Program
    notices: tuple[str, ...]
    past: Unfinished | None


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

    Returns:
        The result, also where the run was stopped or failed midway: see its `status` and `exit_code`.

    Raises:
        PipelineError: the pipeline is wrong; it holds every problem.
        UsageError: the call asks for what there is not.
        StomperError: the run cannot be started: no repository, a check or test command missing.
    """
    order = _order(pipeline, repo, overrides, agents, only, listeners, control, resume)
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
    resume: str | None = None,
) -> RunResult:
    """The same as `run`, awaited: under trio, or at the top level of a notebook (asyncio)."""
    order = _order(pipeline, repo, overrides, agents, only, listeners, control, resume)
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
    with machine_limits(permissions=True):
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


def runs(repo: Folder = ".", *, limit: int = 0) -> tuple[PastRun, ...]:
    """The runs that were made in a checkout, the newest first; a limit of 0 means all.

    Raises:
        RepositoryError: there is no such folder, or a link stands where the runs should be.
    """
    return past_runs(_root(repo), limit)


def load_run(session: str = LAST, repo: Folder = ".") -> RunResult:
    """What became of a run, without what is not kept: prompts, replies, the text of the code.

    Args:
        session: its id, a part of it that no other has, or `last`.
        repo: the checkout's folder, or any folder in it.

    Raises:
        UsageError: there is no such run, or more than one.
        StomperError: it left no result that can be read.
    """
    return result_of(find_run(_root(repo), session))


def diff(session: str = LAST, repo: Folder = ".") -> str:
    """All that the commits of a run change, one after the other, as git shows it.

    Args:
        session: its id, a part of it that no other has, or `last`.
        repo: the checkout's folder, or any folder in it.

    Raises:
        UsageError: there is no such run, or more than one.
        RepositoryError: a commit of it is not in the branch any more.
    """
    with _repository(repo) as repository:
        return diff_of(repository, session)


def revert(session: str = LAST, repo: Folder = ".") -> Mapping[str, str]:
    """Take back every commit of a run with a commit for each, all of them or none.

    Returns:
        The commits that were made, by those that they take back.

    Raises:
        UsageError: there is no such run, or more than one.
        RepositoryError: a commit of it is not in the branch any more.
        ConflictError: something that it changed was changed again since.
    """
    with machine_limits(permissions=True), _repository(repo) as repository:
        return revert_run(repository, session)


def verify(session: str = LAST, repo: Folder = ".", *, pipeline: Source = None) -> Verification:
    """Run the checks again on what a run has committed, and see whether all that its result says is true.

    They look at the commit it began from and at the last one, in workspaces; the user's tree stays as it is.

    Args:
        session: its id, a part of it that no other has, or `last`.
        repo: the checkout's folder, or any folder in it.
        pipeline: the run's own, where it was given from Python; else it is read again.

    Raises:
        UsageError: there is no such run, or more than one.
        StomperError: nothing can be compared: its commits are gone, its pipeline is another one now, a
            check crashed.
    """
    verification: Verification = trio.run(_verify, session, repo, pipeline)
    return verification


async def _verify(session: str, repo: Folder, pipeline: Source) -> Verification:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        result, past = await in_thread(_ended, _root(repo), session)
        opened, order = past.opened, _as_verified(past, repo, pipeline)
        async with _opened(order) as start:
            if config.digest_of(start.context.pipeline) != opened.digest:
                text = f"the pipeline is not the one that {past.session_id} ran"
                raise StomperError(text, "Undo what was changed in it.")
            target = Target(opened.target, opened.checked_out, opened.base_commit or "")
            return await verify_result(result, past.plan, target, start.context)


def _ended(root: Path, session: str) -> tuple[RunResult, Unfinished]:
    """What a run said of itself at its end, and what its journal says.

    Raises:
        StomperError: one of them is not there, or nothing was committed to look at.
    """
    run = find_run(root, session)
    result = result_of(run)
    past = read_unfinished(root / ".stomper" / "sessions" / run.session_id)
    if past.opened.base_commit is None:
        raise StomperError(f"{run.session_id} fixed in place: there are no commits to look at")
    return result, past


def _as_verified(past: Unfinished, repo: Folder, pipeline: Source) -> _Order:
    """The run's own pipeline, with somebody in the place of agents who are not needed."""
    if past.opened.nameless and pipeline is None:
        text = f"{past.session_id} was given its pipeline from Python"
        raise StomperError(text, "Give it again: stomper_sdk.api.verify(session, pipeline=...).")
    nobody = dict.fromkeys(past.opened.given, _nobody)
    return _as_before(_order(pipeline, repo, {}, nobody, None, (), None), past)


def _nobody(task: AgentTask) -> None:
    raise AssertionError("nobody is asked to fix anything")


@contextmanager
def _repository(repo: Folder) -> Iterator[Repository]:
    repository = open_repository(_absolute(repo))
    try:
        sweep(repository.root, repository)
        yield repository
    finally:
        repository.close()


def _root(repo: Folder) -> Path:
    """The top of a checkout; a folder that is in no repository is its own."""
    folder = _absolute(repo)
    try:
        repository = open_repository(folder)
    except RepositoryError:
        if not folder.is_dir():
            raise
        return folder
    repository.close()
    return repository.root


def _order(
    pipeline: Source,
    repo: Folder,
    overrides: Mapping[str, object] | None,
    agents: Mapping[str, AgentLike] | None,
    only: Selection | None,
    listeners: Sequence[Listener],
    control: Control | None,
    resume: str | None = None,
) -> _Order:
    narrowed, stop = only or Selection(), control or Control()
    return _Order(pipeline, repo, overrides or {}, agents or {}, narrowed, listeners, stop, resume)


async def _run(order: _Order) -> RunResult:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        async with _opened(order) as start:
            context = start.context
            run = await in_thread(_begun, start, order)
            context.emit(RunStarted(context.clock(), context.session.id, context.pipeline.name))
            error = await _interpreted(start.program, context, order.control, run)
            result = tell(run, context, order.control, error, os.fspath(order.repo), await _head(context))
            result = await _kept(result, context)
            context.emit(RunFinished(context.clock(), result))
            return result


def _begun(start: _Start, order: _Order) -> Run:
    """The run before its first stage, or as far as the one came that it goes on with."""
    if start.past is not None:
        return run_again(start.past, start.context.repo(), start.context, start.notices)
    opened = opened_record(order.pipeline, order.overrides, order.only, tuple(order.agents), start.context)
    return Run(RunState(notices=start.notices), opened)


async def _kept(result: RunResult, context: Context) -> RunResult:
    """Keep the result; where that is not possible, what was done is told all the same."""
    try:
        point("result")
        await in_thread(context.session.record, "result.json", to_json(to_dict(result)))
    except OSError as error:
        text = f"the result could not be kept in {context.session.folder}: {error.strerror}"
        context.emit(Notice(context.clock(), text))
        return attrs.evolve(result, notices=(*result.notices, text))
    return result


async def _plan(order: _Order) -> Plan:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        async with _opened(order) as start:
            run = Run(RunState(notices=start.notices))
            await interpret(_until_plan(start.program), start.context, order.control, run)
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


@asynccontextmanager
async def _opened(order: _Order) -> AsyncIterator[_Start]:
    """Everything a run needs, every name resolved before the first side effect."""
    if sys.platform == "win32":
        raise UsageError("Windows is not supported", "Run it in WSL, the Windows Subsystem for Linux.")
    folder = _absolute(order.repo)
    repository = await in_thread(_try_repository, folder)
    try:
        root = folder if isinstance(repository, RepositoryError) else repository.root
        past = await in_thread(find_past, root, order.resume) if order.resume is not None else None
        order = _as_before(order, past) if past else order
        pipeline = await in_thread(_loaded, order, root)
        if past:
            check_same(past, pipeline)
        usable = await in_thread(_usable, repository, pipeline, root)
        with importable(Path.cwd(), root), hiding(pipeline.secrets):
            resolved = resolve(pipeline, order.only, order.agents, root)
            swept = await in_thread(sweep, root, usable)
            clock, emit = _clock(), Listeners(order.listeners).tell
            opening = opened_context(pipeline, resolved, order.only, root, usable, emit, clock, past)
            async with opening as (context, notices):
                for text in (*swept, *notices):
                    emit(Notice(clock(), text))
                yield _Start(context, resolved.program, (*swept, *notices), past)
    finally:
        if isinstance(repository, Repository):
            repository.close()


def _as_before(order: _Order, past: Unfinished) -> _Order:
    """What the run that is resumed was asked for, where it is not asked for anew.

    Raises:
        UsageError: its pipeline was given from Python, and is not given again.
    """
    before = past.opened
    if before.nameless and order.pipeline is None:
        text = f"{past.session_id} was given its pipeline from Python"
        raise UsageError(text, "Give it again: stomper_sdk.run(pipeline, resume=...).")
    return attrs.evolve(
        order,
        pipeline=before.source if order.pipeline is None else order.pipeline,
        overrides={**before.overrides, **order.overrides},
        only=Selection(before.checks, before.codes, before.agents)
        if order.only == Selection()
        else order.only,
    )


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
