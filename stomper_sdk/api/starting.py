"""What a caller asks for, and everything that a run needs before its first stage: load, resolve, open."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import attrs

from stomper_sdk import config
from stomper_sdk.errors import RepositoryError, UsageError
from stomper_sdk.events import Listener, Notice
from stomper_sdk.interpreter.embedding import Listeners, hiding, importable
from stomper_sdk.interpreter.opening import opened_context, sweep
from stomper_sdk.interpreter.planner import AgentLike, resolve
from stomper_sdk.interpreter.program import Program
from stomper_sdk.interpreter.resuming import check_own, check_same, find_past
from stomper_sdk.interpreter.scheduler import Control, Share
from stomper_sdk.journal.unfinished import Unfinished
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.stages.base import Context, Selection
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, try_repository

__all__ = [
    "Folder",
    "Order",
    "Source",
    "Start",
    "absolute",
    "as_before",
    "checkout_of",
    "load_pipeline",
    "opened",
    "order_of",
]


Source = str | os.PathLike[str] | Mapping[str, object] | Pipeline | None
Folder = str | os.PathLike[str]


@attrs.frozen
class Order:
    """What a caller asks for; `plan` where it was made before, `share` where several runs go on together."""

    pipeline: Source
    repo: Folder
    overrides: Mapping[str, object]
    agents: Mapping[str, AgentLike]
    only: Selection
    listeners: Sequence[Listener]
    control: Control
    resume: str | None = None
    plan: Plan | None = None
    share: Share | None = None


@attrs.frozen
class Start:
    """Everything a run needs; `past` is the one that it goes on with."""

    context: Context
    program: Program
    notices: tuple[str, ...]
    past: Unfinished | None


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


def order_of(
    pipeline: Source,
    repo: Folder,
    overrides: Mapping[str, object] | None,
    agents: Mapping[str, AgentLike] | None,
    only: Selection | None,
    listeners: Sequence[Listener],
    control: Control | None,
    resume: str | None = None,
) -> Order:
    narrowed, stop = only or Selection(), control or Control()
    return Order(pipeline, repo, overrides or {}, agents or {}, narrowed, listeners, stop, resume)


@asynccontextmanager
async def opened(order: Order) -> AsyncIterator[Start]:
    """Everything a run needs, every name resolved before the first side effect."""
    if sys.platform == "win32":
        raise UsageError("Windows is not supported", "Run it in WSL, the Windows Subsystem for Linux.")
    folder = absolute(order.repo)
    repository = await in_thread(try_repository, folder)
    try:
        root = folder if isinstance(repository, RepositoryError) else repository.root
        past = await in_thread(_past, order, root, repository)
        order = as_before(order, past) if past else order
        pipeline = await in_thread(_loaded, order, root)
        if past:
            check_same(past, pipeline)
        usable = await in_thread(_usable, repository, pipeline, root)
        with importable(Path.cwd(), root), hiding(pipeline.secrets):
            resolved = resolve(pipeline, order.only, order.agents, root)
            swept = await in_thread(sweep, root, usable)
            clock, emit = _clock(), Listeners(order.listeners).tell
            opening = opened_context(
                pipeline, resolved, order.only, root, usable, emit, clock, past, order.share
            )
            async with opening as (context, notices):
                for text in (*swept, *notices):
                    emit(Notice(clock(), text))
                yield Start(context, resolved.program, (*swept, *notices), past)
    finally:
        if isinstance(repository, Repository):
            repository.close()


def as_before(order: Order, past: Unfinished) -> Order:
    """What the run that is resumed was asked for, where it is not asked for anew.

    Raises:
        UsageError: its pipeline was given from Python, or an override held a secret, and is not given again.
    """
    before = past.opened
    _refuse_withheld(past, order)
    selection = Selection(before.checks, before.codes, before.agents)
    if order.only not in (Selection(), selection):
        text = f"{past.session_id} was not narrowed to these checks, codes or agents"
        raise UsageError(text, "Leave them out: a run is resumed as it was asked for.")
    if before.nameless and order.pipeline is None:
        text = f"{past.session_id} was given its pipeline from Python, or by a text with a secret in it"
        raise UsageError(text, "Give it again: stomper_sdk.run(pipeline, resume=...).")
    return attrs.evolve(
        order,
        pipeline=before.source if order.pipeline is None else order.pipeline,
        overrides={**before.overrides, **order.overrides},
        only=selection,
    )


def _refuse_withheld(past: Unfinished, order: Order) -> None:
    """What was not kept for being secret has to be given again: nothing runs with `***` in its place."""
    for key in past.opened.withheld:
        if key not in order.overrides:
            text = f"{past.session_id} was given a secret for {key}, which is not kept"
            raise UsageError(text, f"Give it again: --set {key}=VALUE, or overrides={{{key!r}: ...}}.")


def absolute(folder: Folder) -> Path:
    try:
        return Path(folder).absolute()
    except FileNotFoundError as error:
        raise RepositoryError("the current folder is gone", "Change to one that is there.") from error


def _past(order: Order, root: Path, found: Repository | RepositoryError) -> Unfinished | None:
    if order.resume is None:
        return None
    check_own(found if isinstance(found, Repository) else None)
    return find_past(root, order.resume)


def _loaded(order: Order, root: Path) -> Pipeline:
    names = tuple(order.agents)
    return load_pipeline(order.pipeline, repo=root, overrides=order.overrides, extra_agents=names)


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


@contextmanager
def checkout_of(folder: Path) -> Iterator[tuple[Path, Repository | None]]:
    """The top of a checkout and its repository; a folder that is in none is its own top."""
    found = try_repository(folder)
    if isinstance(found, Repository):
        try:
            yield found.root, found
        finally:
            found.close()
    elif folder.is_dir():
        yield folder, None
    else:
        raise found
