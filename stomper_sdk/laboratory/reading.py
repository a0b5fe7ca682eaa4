"""An experiment told from what it has kept: the one that has just ended, and any past one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs

from stomper_sdk.api.starting import Folder, absolute, checkout_of
from stomper_sdk.errors import StomperError
from stomper_sdk.experiments import Decision, Sequential
from stomper_sdk.interpreter.resuming import check_own
from stomper_sdk.journal.experiments import (
    KeptExperiment,
    Store,
    find_experiment,
    past_experiments,
    read_experiment,
)
from stomper_sdk.journal.records import Arranged, Paused
from stomper_sdk.laboratory.cells import Tried, cells_of, ended_paths
from stomper_sdk.laboratory.experiment import Experiment, TriedVariant
from stomper_sdk.laboratory.trials import trials_of
from stomper_sdk.laboratory.variants import paired_with
from stomper_sdk.model.experiment import ALPHA, ExperimentStatus, VariantStatus
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.price import Spending

__all__ = ["PastExperiment", "Watch", "experiments", "load_experiment", "tasks_of", "told", "tried_runs"]


@attrs.frozen
class PastExperiment:
    """An experiment in a list of them; `problem` says why one cannot be read."""

    id: str
    status: ExperimentStatus | Literal["running", "broken"]
    name: str = ""
    variants: int = 0
    findings: int = 0
    seconds: float = 0.0
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return attrs.asdict(self)


@attrs.define
class Watch:
    """Looks at the pairs of an experiment after each block, to stop as soon as all of them are clear."""

    pairs: list[Sequential]
    decisions: list[Decision] = attrs.field(factory=list)

    @classmethod
    def of(cls, arranged: Arranged, findings: int) -> Watch:
        names = [variant.name for variant in arranged.variants]
        pairs = paired_with(names, arranged.against)
        return cls([Sequential(a, b, findings, ALPHA / len(pairs)) for a, b in pairs])

    def look(self, runs: Sequence[Tried], tasks: Sequence[FileTask], lost: frozenset[str]) -> bool:
        """Look at one block that has ended; whether nothing more needs to be tried."""
        trials = [
            trial for run in runs for trial in trials_of(run.result, tasks, run.cell.variant, run.cell.repeat)
        ]
        for pair in self.pairs:
            both = {pair.a, pair.b}
            if both & lost or (pair.decision and pair.decision.stop):
                continue
            batch = [trial for trial in trials if trial.variant in both]
            if {trial.variant for trial in batch} == both:
                self.decisions.append(pair.update(batch))
        left = [pair for pair in self.pairs if not {pair.a, pair.b} & lost]
        return bool(left) and all(pair.decision is not None and pair.decision.stop for pair in left)


def experiments(repo: Folder = ".") -> tuple[PastExperiment, ...]:
    """The experiments that a checkout has kept, the newest first.

    Raises:
        StomperError: this is no repository, or what it keeps is not to be believed.
    """
    with checkout_of(absolute(repo)) as (root, repository):
        check_own(repository)
        return tuple(_listed(find_experiment(root, name)) for name in past_experiments(root))


def _listed(store: Store) -> PastExperiment:
    alive = store.is_alive
    try:
        kept = read_experiment(store)
    except StomperError as error:
        return (
            PastExperiment(store.id, "running")
            if alive
            else PastExperiment(store.id, "broken", problem=str(error))
        )
    paused = kept.paused or Paused("died", 0.0, 0)
    return PastExperiment(
        store.id,
        "running" if alive else paused.status,
        kept.arranged.name,
        len(kept.arranged.variants),
        sum(len(task.findings) for task in tasks_of(kept)),
        paused.seconds,
    )


def load_experiment(name: str = "last", repo: Folder = ".") -> Experiment:
    """A past experiment; see `Experiment.load`."""
    with checkout_of(absolute(repo)) as (root, repository):
        check_own(repository)
        store = find_experiment(root, name)
    if store.is_alive:
        raise StomperError(f"{store.id} is still at work", "What it has found is there when it has ended.")
    kept = read_experiment(store)
    return told(kept, tried_runs(kept.arranged, store), store, os.fspath(repo))


def told(kept: KeptExperiment, runs: tuple[Tried, ...], store: Store, repo: str) -> Experiment:
    """The experiment as far as it came; `runs` are in the order of their cells."""
    arranged = kept.arranged
    tasks, lost = tasks_of(kept), frozenset(kept.failed)
    paused = kept.paused
    return Experiment(
        id=kept.id,
        name=arranged.name,
        pipeline=arranged.pipeline,
        repo=repo,
        base_commit=arranged.base_commit,
        status=paused.status if paused else "died",
        variants=tuple(_variants(kept, runs)),
        against=arranged.against,
        repeats=arranged.repeats,
        sample=arranged.sample,
        available=arranged.available,
        seed=arranged.seed,
        stop=arranged.stop,
        tasks=tasks,
        runs=runs,
        decisions=_decisions(arranged, runs, tasks, lost),
        spent=_spent(kept),
        duration_seconds=paused.seconds if paused else 0.0,
        peak_parallel_files=paused.peak if paused else 0,
        notices=_notices(kept, runs),
        store=store,
    )


def tried_runs(arranged: Arranged, store: Store) -> tuple[Tried, ...]:
    """The runs that have ended."""
    cells = cells_of(arranged)
    return tuple(Tried(cell, result) for cell in cells for result in store.results(cell.number))


def tasks_of(kept: KeptExperiment) -> tuple[FileTask, ...]:
    """The files that were drawn, in order."""
    by_path = {task.path: task for task in kept.plan.tasks}
    return tuple(by_path[path] for block in kept.arranged.blocks for path in block if path in by_path)


def _variants(kept: KeptExperiment, runs: Sequence[Tried]) -> Iterator[TriedVariant]:
    wanted = sum(map(len, kept.arranged.blocks)) * kept.arranged.repeats
    for spec in kept.arranged.variants:
        ended = sum(len(run.paths) for run in runs if run.cell.variant == spec.name)
        failure = kept.failed.get(spec.name)
        status: VariantStatus = "completed" if ended == wanted else "unfinished"
        if failure is not None:
            status = "stopped" if failure.stopped else "failed"
        reason = failure.reason if failure else None
        yield TriedVariant(spec.name, spec.overrides, spec.functions, status, reason)


def _notices(kept: KeptExperiment, runs: Sequence[Tried]) -> tuple[str, ...]:
    """Those of the experiment, and what its runs had to say, each once; why it was stopped."""
    said = (notice for run in runs for notice in run.result.notices if not notice.startswith("stopped: "))
    stopped = [f"stopped: {kept.paused.reason}"] if kept.paused and kept.paused.reason else []
    return tuple(dict.fromkeys((*kept.arranged.notices, *said, *stopped)))


def _decisions(
    arranged: Arranged, runs: Sequence[Tried], tasks: Sequence[FileTask], lost: frozenset[str]
) -> tuple[Decision, ...]:
    """What was decided follows from what was seen, and is not kept."""
    if arranged.stop == "never":
        return ()
    watch = Watch.of(arranged, sum(len(task.findings) for task in tasks))
    ended = ended_paths(runs)
    cells = [cell for cell in cells_of(arranged) if cell.variant not in lost]
    for number, paths in enumerate(arranged.blocks):
        if not all(ended[cell.number] >= set(paths) for cell in cells if cell.block == number):
            break
        of_block = [run for run in runs if run.cell.block == number and run.cell.variant not in lost]
        if watch.look(of_block, [task for task in tasks if task.path in paths], lost):
            break
    return tuple(watch.decisions)


def _spent(kept: KeptExperiment) -> Spending:
    spending = Spending()
    for record in kept.spent:
        if not record.free:
            spending = spending.plus(record.told)
    return spending
