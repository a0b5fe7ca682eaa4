"""How an experiment begins: what there is to fix, what is drawn of it, and where it will be carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.api.running import planned
from stomper_sdk.api.starting import Folder, order_of
from stomper_sdk.errors import UsageError
from stomper_sdk.interpreter.opening import declared_place
from stomper_sdk.interpreter.planner import AgentLike
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.journal.experiments import (
    KeptExperiment,
    Store,
    find_experiment,
    new_store,
    read_experiment,
)
from stomper_sdk.journal.records import Arranged, Planned
from stomper_sdk.journal.session import Session, open_session, state_folder
from stomper_sdk.laboratory.bench import Site
from stomper_sdk.laboratory.progress import Watcher
from stomper_sdk.laboratory.sample import blocks_of, draw
from stomper_sdk.laboratory.variants import Variant
from stomper_sdk.model.experiment import ExperimentSpec
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import counted, listed, plain, visible
from stomper_sdk.stages.base import Selection
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository
from stomper_sdk.workspaces.place import choose_folder

__all__ = ["Asked", "Draft", "begun", "drafted", "past_one", "place_for"]

#: So many parts let the order hit all variants alike, or a sequential experiment look often enough. Each
#: costs a last look of checks and tests for every variant.
_BLOCKS = {"never": 4, "sequential": 10}
_SHOWN = 3
_TOLD = ("name", "pipeline", "base_commit", "against", "repeats", "sample", "available", "seed", "stop")


@attrs.frozen
class Asked:
    """What a caller asks for."""

    spec: ExperimentSpec
    repo: Folder
    agents: Mapping[str, AgentLike]
    resume: str | None
    watchers: Sequence[Watcher]
    control: Control


@attrs.frozen
class Draft:
    """What would be tried: `arranged` and, in `plan`, the files that were drawn."""

    arranged: Arranged
    plan: Plan

    @property
    def runs(self) -> int:
        """How many runs that takes."""
        return len(self.arranged.blocks) * len(self.arranged.variants) * self.arranged.repeats

    def to_dict(self) -> dict[str, Any]:
        """The document that `--dry-run --output json` prints: plain data."""
        arranged = self.arranged
        return {
            "version": 1,
            **{key: getattr(arranged, key) for key in _TOLD},
            "finding_count": self.plan.finding_count,
            "runs": self.runs,
            "variants": [plain(variant) for variant in arranged.variants],
            "files": {task.path: len(task.findings) for task in self.plan.tasks},
            "notices": list(arranged.notices),
        }


def past_one(
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
    if changed := list(_changes(spec, variants, before)):
        text = f"this is not the experiment that {store.id} began with: {'; '.join(changed[:_SHOWN])}"
        raise UsageError(text, "Undo what was changed in it, or start a new one.")
    if kept.paused and kept.paused.status in ("completed", "decided") and not kept.failed:
        raise UsageError(f"{store.id} has ended: nothing is left to do", "Start a new one.")
    return store, kept


def _changes(spec: ExperimentSpec, variants: Sequence[Variant], before: Arranged) -> Iterator[str]:
    """What is another experiment, in words."""
    for key in ("against", "repeats", "sample", "seed", "stop", "checks", "codes"):
        now, then = (_said(getattr(it, key)) for it in (spec, before))
        if now != then:
            yield f"{key} is {now}, and was {then}"
    now_kept = {it.name: (plain(it.kept), it.digest) for it in variants}
    then_kept = {it.name: (plain(it), before.digests.get(it.name)) for it in before.variants}
    for name in {**now_kept, **then_kept}:
        if now_kept.get(name) != then_kept.get(name):
            word = "changed" if name in now_kept and name in then_kept else "new"
            yield f"variant {visible(name)} is {word if name in now_kept else 'gone'}"
    if list(now_kept) != list(then_kept) and set(now_kept) == set(then_kept):
        yield "the variants are in another order"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return listed(value) or "all"
    return "none" if value is None else visible(str(value))


def place_for(repository: Repository, variants: Sequence[Variant], repeats: int, base: str) -> Session:
    """A folder for clones and workspaces, which is found and removed should this process be killed."""
    pipeline, root = variants[0].pipeline, repository.root
    state = state_folder(root)
    declared = declared_place(pipeline, root)
    trees = len(variants) * repeats + pipeline.parallelism.max_parallel_files + 2
    needed = 0 if declared else repository.size_of(base) * trees
    return open_session(state, choose_folder(declared, needed), hidden=_secrets(variants))


async def begun(asked: Asked, variants: Sequence[Variant], site: Site) -> tuple[Store, KeptExperiment]:
    """A new experiment, written down."""
    draft = await drafted(asked, variants, site)
    return await in_thread(_written, draft, site, variants)


async def drafted(asked: Asked, variants: Sequence[Variant], site: Site) -> Draft:
    """What there is to fix, and what is drawn of it."""
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
    uncommitted = await in_thread(_uncommitted, site.repository)
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
        checks=spec.checks,
        codes=spec.codes,
        notices=(*plan.notices, *_notices(spec, plan.finding_count), *uncommitted),
    )
    return Draft(arranged, attrs.evolve(plan, tasks=tasks))


def _written(draft: Draft, site: Site, variants: Sequence[Variant]) -> tuple[Store, KeptExperiment]:
    arranged, plan = draft.arranged, draft.plan
    store = new_store(site.repository.root, _secrets(variants))
    store.journal.append(arranged)
    store.journal.append(Planned(plan))
    return store, KeptExperiment(store.id, arranged, plan, {}, (), None)


def _secrets(variants: Sequence[Variant]) -> frozenset[str]:
    return frozenset().union(*(variant.pipeline.secrets for variant in variants))


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


def _uncommitted(repository: Repository) -> tuple[str, ...]:
    """A notice on tracked files that the user has changed: clones have them as they were committed."""
    changed = sorted(path for path, how in repository.status().dirty.items() if how != "untracked")
    return (f"what is not committed takes no part: {listed(changed)}",) if changed else ()


def _sizes(folder: Path, plan: Plan) -> dict[str, int]:
    return {task.path: (folder / task.path).lstat().st_size for task in plan.tasks}
