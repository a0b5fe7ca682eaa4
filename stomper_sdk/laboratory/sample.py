"""Which findings an experiment is tried on: drawn at random, like the whole in codes and sizes of files.

Findings are drawn, not files: those of one file share its fate, so that as many of few files tell less. Of a
file with more findings than were drawn, agents are asked about the drawn ones only.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

import attrs

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan

__all__ = ["blocks_of", "draw"]

_SIZES = 3
Stratum = tuple[str, int]


def draw(plan: Plan, sizes: Mapping[str, int], wanted: int, seed: int) -> tuple[FileTask, ...]:
    """Draw findings, and tell them by file, the files in an order of chance.

    Each stratum (a code, in files of about a size) gives as many as its share, rounded so that the sum is
    right (the method of the largest remainder).

    Args:
        plan: what there is.
        sizes: the bytes of each file.
        wanted: findings; 0 for all there are.
        seed: of what is drawn, and of the order.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret is made of it
    tasks = list(plan.tasks)
    if 0 < wanted < plan.finding_count:
        tasks = _narrowed(tasks, _drawn(tasks, sizes, wanted, chance))
    chance.shuffle(tasks)
    return tuple(attrs.evolve(task, index=number) for number, task in enumerate(tasks))


def blocks_of(tasks: Sequence[FileTask], count: int) -> tuple[tuple[str, ...], ...]:
    """The paths in so many runs of about as many findings, none empty."""
    total, seen = sum(len(task.findings) for task in tasks), 0
    blocks: dict[int, list[str]] = defaultdict(list)
    for task in tasks:
        blocks[min(seen * count // max(total, 1), count - 1)].append(task.path)
        seen += len(task.findings)
    return tuple(tuple(paths) for _, paths in sorted(blocks.items()))


def _drawn(
    tasks: Sequence[FileTask], sizes: Mapping[str, int], wanted: int, chance: random.Random
) -> set[tuple[str, int]]:
    """The findings that are drawn: the path, and the number of the finding in its task."""
    rank = {path: n * _SIZES // len(tasks) for n, path in enumerate(_by_size(tasks, sizes))}
    strata: dict[Stratum, list[tuple[str, int]]] = defaultdict(list)
    for task in tasks:
        for number, finding in enumerate(task.findings):
            strata[finding.code, rank[task.path]].append((task.path, number))
    total = sum(map(len, strata.values()))
    quota = {key: divmod(len(members) * wanted, total) for key, members in strata.items()}
    tied = {key: chance.random() for key in sorted(strata)}
    missing = wanted - sum(whole for whole, _ in quota.values())
    favoured = sorted(quota, key=lambda key: (-quota[key][1], tied[key]))[:missing]
    drawn: set[tuple[str, int]] = set()
    for key in sorted(strata):
        drawn.update(chance.sample(strata[key], quota[key][0] + (key in favoured)))
    return drawn


def _narrowed(tasks: Sequence[FileTask], drawn: set[tuple[str, int]]) -> list[FileTask]:
    narrowed = (attrs.evolve(task, findings=_kept(task, drawn)) for task in tasks)
    return [task for task in narrowed if task.findings]


def _kept(task: FileTask, drawn: set[tuple[str, int]]) -> tuple[Finding, ...]:
    return tuple(it for number, it in enumerate(task.findings) if (task.path, number) in drawn)


def _by_size(tasks: Sequence[FileTask], sizes: Mapping[str, int]) -> list[str]:
    return sorted((task.path for task in tasks), key=lambda path: (sizes.get(path, 0), path))
