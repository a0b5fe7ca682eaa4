"""The runs of an experiment in the order in which they are begun."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import attrs

from stomper_sdk.journal.records import Arranged
from stomper_sdk.model.result import RunResult

__all__ = ["Cell", "Tried", "cells_of", "ended_paths"]


@attrs.frozen
class Cell:
    """One run: a variant, for the repeat of that number, on the files of a block; all count from 0."""

    number: int
    block: int
    variant: str
    repeat: int


@attrs.frozen
class Tried:
    """A run of a cell that has ended; where it was stopped midway, another one has done the rest."""

    cell: Cell
    result: RunResult = attrs.field(repr=False)

    @property
    def paths(self) -> frozenset[str]:
        """The files that came to their end."""
        return frozenset(file.path for file in self.result.files if file.outcome != "cancelled")


def cells_of(arranged: Arranged) -> Sequence[Cell]:
    """Block by block, within each in an order of chance: what drifts meanwhile hits all variants alike."""
    cells: list[Cell] = []
    for block in range(len(arranged.blocks)):
        chance = random.Random(f"{arranged.seed} {block}")  # noqa: S311 - no secret is made of it
        arms = [(it.name, repeat) for repeat in range(arranged.repeats) for it in arranged.variants]
        chance.shuffle(arms)
        for variant, repeat in arms:
            cells.append(Cell(len(cells), block, variant, repeat))
    return cells


def ended_paths(runs: Iterable[Tried]) -> Mapping[int, frozenset[str]]:
    """By the number of the cell, the files that came to their end."""
    ended: dict[int, frozenset[str]] = defaultdict(frozenset)
    for run in runs:
        ended[run.cell.number] |= run.paths
    return ended
