"""The runs of an experiment in the order in which they are begun."""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from stomper_sdk.journal.records import Arranged
from stomper_sdk.model.result import RunResult

__all__ = ["Cell", "Tried", "cells_of"]


@attrs.frozen
class Cell:
    """One run: a variant, for the repeat of that number, on the files of a block; all count from 0."""

    number: int
    block: int
    variant: str
    repeat: int


@attrs.frozen
class Tried:
    """A run that has ended."""

    cell: Cell
    result: RunResult = attrs.field(repr=False)


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
