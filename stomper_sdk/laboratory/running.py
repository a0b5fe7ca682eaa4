"""Carrying out an experiment: every variant on the same files, in clones of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from stomper_sdk.api.starting import Folder, Source, absolute
from stomper_sdk.errors import UsageError, alone, machine_limits
from stomper_sdk.experiments.libraries import all_needed
from stomper_sdk.interpreter.embedding import importable, interrupt_cancels
from stomper_sdk.interpreter.opening import preparation_of, sweep
from stomper_sdk.interpreter.planner import AgentLike
from stomper_sdk.interpreter.resuming import check_own
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.journal.experiments import (
    KeptExperiment,
    Store,
    read_experiment,
)
from stomper_sdk.journal.records import Paused
from stomper_sdk.laboratory.beginning import Asked, Draft, begun, drafted, past_one, place_for
from stomper_sdk.laboratory.bench import Bench, Site
from stomper_sdk.laboratory.cells import Tried, cells_of
from stomper_sdk.laboratory.checking import checked
from stomper_sdk.laboratory.experiment import Experiment
from stomper_sdk.laboratory.progress import Watcher
from stomper_sdk.laboratory.reading import Watch, tasks_of, told, tried_runs
from stomper_sdk.laboratory.variants import Variant, loaded_variants
from stomper_sdk.model.experiment import ExperimentSpec, ExperimentStatus, Stop
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.spending import Purse
from stomper_sdk.stages.base import Selection
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, open_repository

__all__ = ["carry_out_experiment", "draft_experiment", "experiment"]

T = TypeVar("T")


def experiment(
    pipeline: Source = None,
    *,
    matrix: Mapping[str, Sequence[Any]] | None = None,
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    against: str | None = None,
    repeats: int = 1,
    sample: int = 0,
    seed: int = 0,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    stop: Stop = "never",
    name: str = "experiment",
    max_variants: int = 64,
    resume: str | None = None,
    watchers: Sequence[Watcher] = (),
    control: Control | None = None,
    progress: bool = True,
) -> Experiment:
    """Try variants of a pipeline on the same findings, and compare what they do.

    The repository stays as it is: every variant works in clones of its own, from the commit that is checked
    out now, on the same files, in an order of chance that hits all alike. The pipeline's `budget` and
    `parallelism` bound the whole experiment.

    Args:
        pipeline: as for `run`.
        matrix: dotted paths and the values to try; every combination is a variant, `level=minimal, model=x`.
        variants: further ones by name: dotted paths and values; a function may stand for an agent, as in
            `{"mine": {"agents.builtin": function}}`.
        against: the variant that the others are compared with; left out, all are compared with each other.
        repeats: how often each is tried on each file.
        sample: how many findings to draw, like the whole in codes and sizes of files; 0 for all there are.
        seed: of the sample, the order, and what variants draw.
        repo: the repository's folder, or any folder in it.
        overrides: dotted paths and values for all variants.
        agents: functions or agents by name, for all variants.
        only: narrows the findings to some checks or codes.
        stop: `sequential` ends it as soon as the answer is clear, `never` when all is done.
        name: what it is called in what is told of it.
        max_variants: refuses more than so many.
        resume: an experiment to go on with, by its name, a part of it, or `last`; all else must be as it was.
        watchers: told where it stands, whenever that changes.
        control: stops it from outside.
        progress: show it while it goes on, where this is a notebook.

    Returns:
        What was found, also where it was stopped or a variant failed: see its `status`.

    Raises:
        PipelineError: a variant is wrong; it holds every problem of every variant.
        UsageError: there is nothing to compare, or the call asks for what there is not.
        StomperError: it cannot be started: no repository, a check that crashes.
    """
    narrowed = only or Selection()
    if narrowed.agents:
        raise UsageError("an experiment cannot be narrowed to agents", "Say it in overrides or variants.")
    spec = ExperimentSpec(
        pipeline=pipeline,
        name=name,
        overrides=overrides or {},
        matrix=matrix or {},
        variants=variants or {},
        against=against,
        repeats=repeats,
        sample=sample,
        seed=seed,
        stop=stop,
        max_variants=max_variants,
        checks=narrowed.checks,
        codes=narrowed.codes,
    )
    return carry_out_experiment(
        spec, repo=repo, agents=agents, resume=resume, watchers=watchers, control=control, progress=progress
    )


def carry_out_experiment(
    spec: ExperimentSpec,
    *,
    repo: Folder = ".",
    agents: Mapping[str, AgentLike] | None = None,
    resume: str | None = None,
    watchers: Sequence[Watcher] = (),
    control: Control | None = None,
    progress: bool = False,
) -> Experiment:
    """The same, of an experiment that is declared; see `experiment`."""
    spec = checked(spec)
    with _watched(progress=progress) as watching:
        asked = Asked(spec, repo, agents or {}, resume, (*watchers, *watching), control or Control())
        with interrupt_cancels(asked.control):
            found: Experiment = trio.run(_in_repository, asked, _tried)
    return found


def draft_experiment(
    spec: ExperimentSpec,
    *,
    repo: Folder = ".",
    agents: Mapping[str, AgentLike] | None = None,
    control: Control | None = None,
) -> Draft:
    """What an experiment would try; nothing is tried, and nothing kept.

    Raises:
        StomperError: as `experiment`.
    """
    asked = Asked(checked(spec), repo, agents or {}, None, (), control or Control())
    with interrupt_cancels(asked.control):
        draft: Draft = trio.run(_in_repository, asked, _foreseen)
    return draft


@contextmanager
def _watched(*, progress: bool) -> Iterator[tuple[Watcher, ...]]:
    """The watcher that draws, where this is a notebook."""
    if not progress or "IPython" not in sys.modules:
        yield ()
        return
    # What draws stands floors above: imported where a notebook is there to draw in.
    with import_module("stomper_sdk.console.board").watched() as drawing:
        yield drawing


async def _in_repository(asked: Asked, act: Callable[[Asked, Repository], Awaitable[T]]) -> T:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        repository = await in_thread(open_repository, absolute(asked.repo))
        try:
            with importable(Path.cwd(), repository.root):
                await in_thread(repository.check_ready)
                await in_thread(check_own, repository)
                return await act(asked, repository)
        finally:
            await in_thread(repository.close)


async def _foreseen(asked: Asked, repository: Repository) -> Draft:
    variants = await in_thread(loaded_variants, asked.spec, asked.agents, repository.root)
    base = await in_thread(repository.commit_of, "HEAD")
    async with _site(asked, repository, variants, base) as site:
        return await drafted(asked, variants, site)


async def _tried(asked: Asked, repository: Repository) -> Experiment:
    spec, root = asked.spec, repository.root
    swept = await in_thread(sweep, root, repository)
    variants = await in_thread(loaded_variants, spec, asked.agents, root)
    await in_thread(all_needed)
    past = await in_thread(past_one, asked.resume, spec, variants, root)
    base = past[1].arranged.base_commit if past else await in_thread(repository.commit_of, "HEAD")
    async with _site(asked, repository, variants, base) as site:
        store, kept = past or await begun(asked, variants, site)
        with store.held():
            if past:
                await in_thread(store.journal.append, kept.arranged)
            runs = await _carried_out(asked, variants, site, store, kept, swept)
            now = await in_thread(read_experiment, store)
            return await in_thread(told, now, runs, store, os.fspath(asked.repo))


@asynccontextmanager
async def _site(
    asked: Asked, repository: Repository, variants: Sequence[Variant], base: str
) -> AsyncIterator[Site]:
    session = await in_thread(place_for, repository, variants, asked.spec.repeats, base)
    try:
        workspace = attrs.evolve(variants[0].pipeline.workspace, setup=None)
        preparation = await in_thread(preparation_of, workspace, repository.root, repository)
        yield Site(repository, session.workspaces, base, preparation)
    finally:
        with trio.CancelScope(shield=True):
            await in_thread(session.forget)


async def _carried_out(
    asked: Asked,
    variants: Sequence[Variant],
    site: Site,
    store: Store,
    kept: KeptExperiment,
    swept: tuple[str, ...],
) -> tuple[Tried, ...]:
    """Carry out what is left; all runs that have ended, in the order of their cells."""
    spec, arranged, began = asked.spec, kept.arranged, trio.current_time()
    bound = variants[0].pipeline.parallelism.max_parallel_files
    timed = any(variant.own_parallelism for variant in variants)
    purse = Purse(
        variants[0].limits,
        lambda: trio.current_time() - began,
        lambda spent: in_thread(store.journal.append, spent),
    )
    purse.remember(kept.spent)
    bench = Bench(
        site=site,
        store=store,
        variants=variants,
        plan=kept.plan,
        blocks=arranged.blocks,
        only=Selection(spec.checks, spec.codes),
        seed=spec.seed,
        repeats=spec.repeats,
        purse=purse,
        slots=None if timed else trio.CapacityLimiter(bound),
        control=asked.control,
        watchers=list(asked.watchers),
        notices=(*swept, *arranged.notices),
    )
    for run in await in_thread(tried_runs, arranged, store):
        bench.remember(run)
    decided = await _all_blocks(bench, kept, 1 if timed else bound)
    before = kept.paused or Paused("died", 0.0, 0)
    status: ExperimentStatus = "decided" if decided else "completed"
    reason = ""
    if not decided and bench.unfinished(cells_of(arranged)):
        status = "cancelled" if asked.control.draining else "stopped"
        reason = str(purse.refusal or "")
    bench.tell(status)
    peak = max(before.peak, bench.gauge.peak)
    paused = Paused(status, before.seconds + purse.clock(), peak, reason)
    with trio.CancelScope(shield=True):
        await in_thread(store.journal.append, paused)
    return tuple(sorted(bench.runs, key=lambda run: run.cell.number))


async def _all_blocks(bench: Bench, kept: KeptExperiment, at_once: int) -> bool:
    """Carry out what is left; whether the answer was clear before the end."""
    arranged, left = kept.arranged, bench.unfinished(cells_of(kept.arranged))
    if arranged.stop == "never":
        await bench.carry_out(left, at_once)
        return False
    tasks = tasks_of(kept)
    watch = Watch.of(arranged, sum(len(task.findings) for task in tasks))
    for number, paths in enumerate(arranged.blocks):
        await bench.carry_out([cell for cell in left if cell.block == number], at_once)
        if not bench.goes_on:
            return False
        runs = [run for run in bench.runs if run.cell.block == number]
        if watch.look(runs, [task for task in tasks if task.path in paths], bench.lost):
            return number + 1 < len(arranged.blocks)
    return False
