"""Carrying out an experiment: every variant on the same files, in clones of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from stomper_sdk.api.running import planned
from stomper_sdk.api.starting import Folder, Source, absolute, order_of
from stomper_sdk.errors import UsageError, alone, machine_limits
from stomper_sdk.interpreter.embedding import importable, interrupt_cancels
from stomper_sdk.interpreter.opening import declared_place, preparation_of, sweep
from stomper_sdk.interpreter.planner import AgentLike
from stomper_sdk.interpreter.resuming import check_own
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.journal.experiments import (
    KeptExperiment,
    Store,
    find_experiment,
    new_store,
    read_experiment,
)
from stomper_sdk.journal.records import Arranged, Paused, Planned
from stomper_sdk.journal.session import Session, open_session, state_folder
from stomper_sdk.laboratory.bench import Bench, Site
from stomper_sdk.laboratory.cells import cells_of
from stomper_sdk.laboratory.experiment import Experiment
from stomper_sdk.laboratory.progress import Watcher
from stomper_sdk.laboratory.reading import Watch, tasks_of, told, tried_runs
from stomper_sdk.laboratory.sample import blocks_of, draw
from stomper_sdk.laboratory.variants import Variant, budget_of, loaded_variants
from stomper_sdk.laboratory.watching import watched
from stomper_sdk.model.experiment import ExperimentSpec, ExperimentStatus, Stop
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import counted, plain
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.spending import Purse
from stomper_sdk.stages.base import Selection
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, open_repository
from stomper_sdk.workspaces.place import choose_folder

__all__ = ["carry_out_experiment", "experiment"]

#: So many parts let the order hit all variants alike, or a sequential experiment look often enough. Each
#: costs a last look of checks and tests for every variant.
_BLOCKS = {"never": 4, "sequential": 10}


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
        matrix={key: tuple(values) for key, values in (matrix or {}).items()},
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
    _check(spec)
    with watched(progress=progress) as watching:
        asked = _Asked(spec, repo, agents or {}, resume, (*watchers, *watching), control or Control())
        with interrupt_cancels(asked.control):
            found: Experiment = trio.run(_experiment, asked)
    return found


@attrs.frozen
class _Asked:
    spec: ExperimentSpec
    repo: Folder
    agents: Mapping[str, AgentLike]
    resume: str | None
    watchers: Sequence[Watcher]
    control: Control


def _check(spec: ExperimentSpec) -> None:
    for key, least in (("repeats", 1), ("sample", 0), ("max_variants", 2)):
        if getattr(spec, key) < least:
            raise UsageError(f"{key} is {getattr(spec, key)}: it must be {least} or more")
    if spec.stop not in ("never", "sequential"):
        raise UsageError(f"stop is {spec.stop!r}: there are never and sequential")


async def _experiment(asked: _Asked) -> Experiment:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        repository = await in_thread(open_repository, absolute(asked.repo))
        try:
            with importable(Path.cwd(), repository.root):
                return await _in_repository(asked, repository)
        finally:
            await in_thread(repository.close)


async def _in_repository(asked: _Asked, repository: Repository) -> Experiment:
    spec, root = asked.spec, repository.root
    await in_thread(repository.check_ready)
    await in_thread(check_own, repository)
    swept = await in_thread(sweep, root, repository)
    variants = await in_thread(loaded_variants, spec, asked.agents, root)
    past = await in_thread(_past, asked.resume, spec, variants, root)
    base = past[1].arranged.base_commit if past else await in_thread(repository.commit_of, "HEAD")
    session = await in_thread(_place, repository, variants, spec.repeats, base)
    try:
        preparation = await in_thread(
            preparation_of, attrs.evolve(variants[0].pipeline.workspace, setup=None), root, repository
        )
        site = Site(repository, session.workspaces, base, preparation)
        store, kept = past or await _begun(asked, variants, site)
        with store.held():
            if past:
                await in_thread(store.journal.append, kept.arranged)
            await _carried_out(asked, variants, site, store, kept, swept)
            return await in_thread(_told, store, os.fspath(asked.repo))
    finally:
        with trio.CancelScope(shield=True):
            await in_thread(session.forget)


def _past(
    name: str | None, spec: ExperimentSpec, variants: Sequence[Variant], root: Path
) -> tuple[Store, KeptExperiment] | None:
    """The experiment to go on with.

    Raises:
        UsageError: it is another one than what is asked for now, or has ended.
    """
    if name is None:
        return None
    store = find_experiment(root, name)
    kept = read_experiment(store)
    before = kept.arranged
    now = (tuple(plain(it.kept) for it in variants), {it.name: it.digest for it in variants})
    then = (tuple(plain(it) for it in before.variants), dict(before.digests))
    rest = ("against", "repeats", "sample", "seed", "stop")
    if now != then or any(getattr(spec, key) != getattr(before, key) for key in rest):
        text = f"this is not the experiment that {store.id} began with"
        raise UsageError(text, "Undo what was changed in it, or start a new one.")
    if kept.paused and kept.paused.status in ("completed", "decided") and not kept.failed:
        raise UsageError(f"{store.id} has ended: nothing is left to do", "Start a new one.")
    return store, kept


def _place(repository: Repository, variants: Sequence[Variant], repeats: int, base: str) -> Session:
    """A folder for clones and workspaces, which is found and removed should this process be killed."""
    pipeline, root = variants[0].pipeline, repository.root
    state = state_folder(root)
    declared = declared_place(pipeline, root)
    trees = len(variants) * repeats + pipeline.parallelism.max_parallel_files + 2
    needed = 0 if declared else repository.size_of(base) * trees
    secrets = frozenset().union(*(variant.pipeline.secrets for variant in variants))
    return open_session(state, choose_folder(declared, needed), hidden=secrets)


async def _begun(asked: _Asked, variants: Sequence[Variant], site: Site) -> tuple[Store, KeptExperiment]:
    """A new experiment: what there is to fix, and what is drawn of it."""
    spec, first = asked.spec, variants[0]
    folder = await in_thread(site.clone, "plan")
    only = Selection(spec.checks, spec.codes)
    order = order_of(site.settled(first.pipeline), folder, {}, first.agents, only, (), asked.control)
    plan = await planned(order)
    await in_thread(site.learn, folder)
    if asked.control.draining:
        raise KeyboardInterrupt
    if not plan.tasks:
        raise UsageError("there is nothing to fix, hence nothing to compare", "\n".join(plan.notices))
    sizes = await in_thread(_sizes, folder, plan)
    tasks = draw(plan, sizes, spec.sample, spec.seed)
    arranged = Arranged(
        name=spec.name,
        pipeline=first.pipeline.name,
        base_commit=site.base_commit,
        variants=tuple(variant.kept for variant in variants),
        digests={variant.name: variant.digest for variant in variants},
        against=spec.against,
        repeats=spec.repeats,
        sample=spec.sample,
        available=plan.finding_count,
        seed=spec.seed,
        stop=spec.stop,
        blocks=blocks_of(tasks, _block_count(spec, variants, len(tasks))),
        notices=(*plan.notices, *_notices(spec, plan.finding_count)),
    )
    return await in_thread(_written, arranged, attrs.evolve(plan, tasks=tasks), site, variants)


def _written(
    arranged: Arranged, plan: Plan, site: Site, variants: Sequence[Variant]
) -> tuple[Store, KeptExperiment]:
    secrets = frozenset().union(*(variant.pipeline.secrets for variant in variants))
    store = new_store(site.repository.root, secrets)
    store.journal.append(arranged)
    store.journal.append(Planned(plan))
    return store, KeptExperiment(store.id, arranged, plan, {}, (), None)


def _block_count(spec: ExperimentSpec, variants: Sequence[Variant], files: int) -> int:
    """How many parts: one where the whole run is timed, else as many as keep the workers busy."""
    if any(variant.own_parallelism for variant in variants):
        return 1
    busy = 1 if spec.stop == "sequential" else variants[0].pipeline.parallelism.max_parallel_files
    return max(1, min(_BLOCKS[spec.stop], files // busy))


def _notices(spec: ExperimentSpec, available: int) -> tuple[str, ...]:
    if spec.sample <= available:
        return ()
    wanted = counted(spec.sample, "finding")
    return (f"sample: {wanted} were wanted, and there are {available:,}: all were taken",)


def _sizes(folder: Path, plan: Plan) -> dict[str, int]:
    return {task.path: (folder / task.path).lstat().st_size for task in plan.tasks}


async def _carried_out(
    asked: _Asked,
    variants: Sequence[Variant],
    site: Site,
    store: Store,
    kept: KeptExperiment,
    swept: tuple[str, ...],
) -> None:
    spec, arranged, began = asked.spec, kept.arranged, trio.current_time()
    bound = variants[0].pipeline.parallelism.max_parallel_files
    timed = any(variant.own_parallelism for variant in variants)
    budget = await in_thread(budget_of, spec, site.repository.root, tuple(asked.agents))
    purse = Purse(
        budget,
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
        bench.add(run)
    decided = await _all_blocks(bench, kept, 1 if timed else bound)
    before = kept.paused or Paused("died", 0.0, 0)
    status: ExperimentStatus = "decided" if decided else "completed"
    if asked.control.draining:
        status = "cancelled"
    elif purse.refusal is not None:
        status = "stopped"
    bench.tell(status)
    paused = Paused(status, before.seconds + purse.clock(), max(before.peak, bench.gauge.peak))
    with trio.CancelScope(shield=True):
        await in_thread(store.journal.append, paused)


async def _all_blocks(bench: Bench, kept: KeptExperiment, at_once: int) -> bool:
    """Carry out what is left; whether the answer was clear before the end."""
    arranged, left = kept.arranged, [it for it in cells_of(kept.arranged) if not bench.store.has(it.number)]
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


def _told(store: Store, repo: str) -> Experiment:
    return told(read_experiment(store), store, repo)
