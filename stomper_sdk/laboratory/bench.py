"""Where an experiment is carried out: clones, one for each variant and repeat, and what they share."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from stomper_sdk.api.running import carry_out
from stomper_sdk.api.starting import Order
from stomper_sdk.errors import StomperError
from stomper_sdk.events import Event, FileFinished, FileStarted
from stomper_sdk.interpreter.scheduler import Control, Gauge, Share
from stomper_sdk.journal.experiments import Store
from stomper_sdk.journal.records import Failed
from stomper_sdk.journal.session import session_folder, state_folder
from stomper_sdk.laboratory.cells import Cell, Tried, ended_paths
from stomper_sdk.laboratory.progress import ExperimentProgress, Tally, Watcher
from stomper_sdk.laboratory.trials import never_answered
from stomper_sdk.laboratory.variants import Variant
from stomper_sdk.learning.store import FILE
from stomper_sdk.model.experiment import VariantStatus
from stomper_sdk.model.file import FileResult
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.model.result import RunResult
from stomper_sdk.spending import Purse
from stomper_sdk.stages.base import Selection
from stomper_sdk.vcs.cloning import clone, reset
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.history import patches_of
from stomper_sdk.vcs.repository import Repository
from stomper_sdk.workspaces.base import Preparation, furnish

__all__ = ["Bench", "Site"]

#: One agent that fails once may have had a bad day; one that fails at each of so many files does not work.
_NEVER_WORKED = 3
_CACHE = "cache"


@attrs.frozen
class Site:
    """The folder in which the clones of a repository stand, and what each of them gets."""

    repository: Repository
    folder: Path
    base_commit: str
    preparation: Preparation
    _copying: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def clone(self, name: str) -> Path:
        """A new clone at the base commit, with what checks and tests know of it by now; it blocks."""
        folder = self.folder / name
        clone(self.repository, folder, self.base_commit)
        furnish(folder, self.preparation)
        self._copy(self.folder / _CACHE, state_folder(folder) / _CACHE)
        return folder

    def learn(self, folder: Path) -> None:
        """Let later clones know what checks and tests have found out of the base commit in this one."""
        self._copy(folder / ".stomper" / _CACHE, self.folder / _CACHE)

    def _copy(self, source: Path, target: Path) -> None:
        with self._copying:
            target.mkdir(exist_ok=True)
            for entry in source.iterdir() if source.is_dir() else ():
                if entry.is_dir() and not (target / entry.name).exists():
                    shutil.copytree(entry, target / entry.name, symlinks=True)

    def settled(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline for a clone: all that it lends goes when the site goes."""
        workspace = attrs.evolve(pipeline.workspace, root=str(self.folder / "workspaces"))
        return attrs.evolve(pipeline, workspace=workspace)


@attrs.define
class _Arm:
    """A variant and a repeat of it: a clone, in which one run goes on at a time."""

    name: str
    folder: Path | None = None
    lock: trio.Lock = attrs.field(factory=trio.Lock)


@attrs.define
class Bench:
    """Carries out runs, and keeps those that end.

    `slots` bound the files at work, None where that is what the variants are about. `failed` are the
    variants that cannot be tried any further. `plan` has the tasks that were drawn, `blocks` their paths.
    """

    site: Site
    store: Store
    variants: Sequence[Variant]
    plan: Plan
    blocks: Sequence[Sequence[str]]
    only: Selection
    seed: int
    repeats: int
    purse: Purse
    slots: trio.CapacityLimiter | None
    control: Control
    watchers: list[Watcher]
    notices: tuple[str, ...] = ()
    runs: list[Tried] = attrs.field(factory=list)
    failed: dict[str, Failed] = attrs.field(factory=dict)
    gauge: Gauge = attrs.field(factory=Gauge)
    _arms: dict[tuple[str, int], _Arm] = attrs.field(factory=dict)
    _tallies: dict[str, Tally] = attrs.field(factory=dict)
    _before: float = 0.0

    def __attrs_post_init__(self) -> None:
        total, planned = len(self.blocks) * self.repeats, self.plan.finding_count * self.repeats
        for number, variant in enumerate(self.variants):
            self._tallies[variant.name] = Tally(total=total, planned=planned)
            for repeat in range(self.repeats):
                self._arms[variant.name, repeat] = _Arm(f"{number}-{repeat}")

    @property
    def lost(self) -> frozenset[str]:
        """The variants that failed or were stopped."""
        return frozenset(self.failed)

    def add(self, run: Tried) -> None:
        """Count a run that has ended."""
        self.runs.append(run)
        name, ended = run.cell.variant, not self.left(run.cell)
        tally = self._tallies[name]
        tally = attrs.evolve(tally, runs=tally.runs + ended)
        self._tallies[name] = attrs.evolve(tally, status="completed") if tally.runs == tally.total else tally

    def left(self, cell: Cell) -> Sequence[str]:
        """The files of a cell that have not come to their end."""
        ended = ended_paths(run for run in self.runs if run.cell == cell)[cell.number]
        return [path for path in self.blocks[cell.block] if path not in ended]

    def unfinished(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        """Those that have files left, of variants that can be tried."""
        return [cell for cell in cells if cell.variant not in self.failed and self.left(cell)]

    def remember(self, run: Tried) -> None:
        """Count a run that had ended before the experiment was gone on with."""
        for file in run.result.files:
            self._count(run.cell.variant, file)
        self._before = sum(tally.seconds for tally in self._tallies.values())
        self.add(run)

    async def carry_out(self, cells: Sequence[Cell], at_once: int) -> None:
        """Run some cells, so many at a time, in their order."""
        waiting = iter(cells)

        async def worker() -> None:
            for cell in waiting:
                if self._goes_on(cell):
                    arm = self._arms[cell.variant, cell.repeat]
                    async with arm.lock:
                        await self._run(cell, arm)

        async with trio.open_nursery() as nursery:
            for _ in range(min(at_once, len(cells))):
                nursery.start_soon(worker)

    def tell(self, stage: str) -> None:
        """Let those who watch know."""
        progress = ExperimentProgress(
            stage,
            self.purse.clock(),
            self.gauge.now,
            dict(self._tallies),
            self.purse.spending,
            self.notices,
            self._before,
        )
        for watcher in tuple(self.watchers):
            try:
                watcher(progress)
            # A watcher is anybody's code; what it raises must not cost what was found.
            except Exception as error:
                self.watchers.remove(watcher)
                told = f"a watcher raised {type(error).__name__}: {error}; it is told no more"
                self.notices = (*self.notices, told)

    @property
    def goes_on(self) -> bool:
        """Whether nothing has ended the experiment as a whole."""
        return not self.control.draining and self.purse.refusal is None

    def _goes_on(self, cell: Cell) -> bool:
        return self.goes_on and cell.variant not in self.failed

    async def _run(self, cell: Cell, arm: _Arm) -> None:
        if not self._goes_on(cell):
            return
        variant = next(it for it in self.variants if it.name == cell.variant)
        try:
            folder = await in_thread(self._cleared, arm)
            with self.control.part() as control:
                result = await carry_out(self._order(cell, variant, folder, control))
        except StomperError as error:
            await self._fail(Failed(cell.variant, str(error)))
            return
        if failure := self._failure(cell, result):
            await self._fail(failure)
        if Tried(cell, result).paths and self._counts(cell, result):
            self.add(Tried(cell, await in_thread(self._keep, cell, arm, folder, result)))
            if self._never_worked(cell.variant):
                await self._drop(cell.variant)
        self.tell("at work")

    def _counts(self, cell: Cell, result: RunResult) -> bool:
        """Whether a run came so far that checks and tests had their last look at what it did."""
        failure = self.failed.get(cell.variant)
        return (
            result.status != "failed" and not self.control.cancelled and not (failure and not failure.stopped)
        )

    def _cleared(self, arm: _Arm) -> Path:
        """The arm's clone, as it was when it was made; what it has learned stays."""
        if arm.folder is not None:
            reset(arm.folder, self.site.base_commit)
            return arm.folder
        folder, learned = self.site.clone(arm.name), self.store.learned(arm.name)
        if learned.is_file():
            shutil.copyfile(learned, state_folder(folder) / FILE)
        arm.folder = folder
        return folder

    def _order(self, cell: Cell, variant: Variant, folder: Path, control: Control) -> Order:
        pipeline = self.site.settled(variant.pipeline)
        if not any(key.startswith("learning") for key in variant.overrides):
            # Repeats that draw the same would be no repeats.
            learning = attrs.evolve(pipeline.learning, seed=pipeline.learning.seed + self.seed + cell.repeat)
            pipeline = attrs.evolve(pipeline, learning=learning)
        return Order(
            pipeline=pipeline,
            repo=folder,
            overrides={},
            agents=variant.agents,
            only=self.only,
            listeners=(self._hear(cell.variant),),
            control=control,
            plan=self._part(self.left(cell)),
            share=Share(self.slots, self.purse, cell.variant),
        )

    def _part(self, paths: Sequence[str]) -> Plan:
        by_path = {task.path: task for task in self.plan.tasks}
        tasks = tuple(FileTask(n, path, by_path[path].findings) for n, path in enumerate(paths))
        return attrs.evolve(self.plan, tasks=tasks, skipped=(), notices=(), forecast=None)

    def _hear(self, variant: str) -> Any:
        def listen(event: Event) -> None:
            match event:
                case FileStarted():
                    self.gauge.now += 1
                    self.gauge.peak = max(self.gauge.peak, self.gauge.now)
                case FileFinished(result=result):
                    self.gauge.now -= 1
                    self._count(variant, result)
                case _:
                    return
            self.tell("at work")

        return listen

    def _count(self, variant: str, file: FileResult) -> None:
        if file.outcome == "cancelled":
            return
        tally = self._tallies[variant]
        self._tallies[variant] = attrs.evolve(
            tally,
            files=tally.files + 1,
            findings=tally.findings + file.fixed_count + file.remaining_count,
            fixed=tally.fixed + file.fixed_count,
            seconds=tally.seconds + file.duration_seconds,
        )

    def _failure(self, cell: Cell, result: RunResult) -> Failed | None:
        """Why the variant can go no further; None where it can, or nothing can."""
        if result.status == "failed":
            return Failed(cell.variant, result.error or "its run failed")
        if result.status == "stopped" and self.purse.refusal is None:
            told = (text for text in result.notices if text.startswith("stopped: "))
            why = next(told, "its run was stopped").removeprefix("stopped: ")
            return Failed(cell.variant, why, stopped=result.exit_code == 4)
        return None

    async def _fail(self, failure: Failed) -> None:
        self.failed[failure.variant] = failure
        tally = self._tallies[failure.variant]
        status: VariantStatus = "stopped" if failure.stopped else "failed"
        self._tallies[failure.variant] = attrs.evolve(tally, status=status)
        await in_thread(self.store.journal.append, failure)

    def _never_worked(self, variant: str) -> bool:
        files = [it for run in self.runs if run.cell.variant == variant for it in run.result.files]
        tried = [file for file in files if file.attempts]
        enough = len(tried) >= min(_NEVER_WORKED, len(self.plan.tasks))
        return enough and all(map(never_answered, tried))

    async def _drop(self, variant: str) -> None:
        """Count nothing of a variant whose agent never did anything but fail."""
        mine = [run for run in self.runs if run.cell.variant == variant]
        attempts = (it for run in mine for file in run.result.files for it in file.attempts)
        reasons = [attempt.reason for attempt in attempts if attempt.reason]
        for run in mine:
            self.runs.remove(run)
            await in_thread(self.store.drop, run.cell.number)
        why = f"its agent failed at every file: {reasons[0]}" if reasons else "its agent failed at every file"
        await self._fail(Failed(variant, why))

    def _keep(self, cell: Cell, arm: _Arm, folder: Path, result: RunResult) -> RunResult:
        commits = {file.path: file.commit for file in result.files if file.commit}
        by_commit = patches_of(folder, commits.values())
        patches = {path: by_commit[commit] for path, commit in commits.items()}
        if (folder / ".stomper" / FILE).is_file():
            shutil.copyfile(folder / ".stomper" / FILE, self.store.learned(arm.name))
        self.site.learn(folder)
        return self.store.keep(cell.number, session_folder(folder, result.session_id), patches)
