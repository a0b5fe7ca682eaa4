"""Repeated measurements side by side, and the table that comes of them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Row", "at_least", "at_most", "by_pair", "interleaved", "print_table", "progress"]

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One line of the table: a value for each round, or the reason why there is none.

    `good` is None where the value is told for comparison only.
    """

    case: str
    measure: str
    values: Sequence[float]
    unit: str = ""
    target: str = ""
    good: Callable[[float], bool] | None = None
    missing: str = ""

    @property
    def verdict(self) -> str:
        """By the median: on a machine with other work a single round says little."""
        if self.good is None or not self.values:
            return ""
        return "met" if self.good(statistics.median(self.values)) else "MISSED"


def at_most(limit: float) -> Callable[[float], bool]:
    return lambda value: value <= limit


def at_least(limit: float) -> Callable[[float], bool]:
    return lambda value: value >= limit


def interleaved(
    ways: Mapping[str, Callable[[], T]], rounds: int, *, warm_up: bool = False
) -> dict[str, list[T]]:
    """Call each in turn, A B C A B C: what slows the machine down meanwhile slows all of them.

    Args:
        ways: what to call, by name.
        rounds: how often.
        warm_up: call each once more at first, uncounted: byte code and file caches are filled then.
    """
    if warm_up:
        for name, call in ways.items():
            progress(f"{name}: warm-up")
            call()
    results: dict[str, list[T]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, call in ways.items():
            progress(f"{name}: {number + 1} of {rounds}")
            results[name].append(call())
    return results


def by_pair(
    first: Sequence[float], second: Sequence[float], combine: Callable[[float, float], float]
) -> list[float]:
    """Combine what was measured in the same round."""
    return [combine(one, other) for one, other in zip(first, second, strict=True)]


def progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def print_table(rows: Sequence[Row]) -> None:
    """A Markdown table that reads well as plain text too."""
    head = ("case", "measure", "median", "min - max", "target", "")
    lines = [head, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for number, line in enumerate(lines):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def _cells(row: Row) -> tuple[str, ...]:
    if not row.values:
        return row.case, row.measure, row.missing, "", row.target, ""
    middle, low, high = statistics.median(row.values), min(row.values), max(row.values)
    spread = f"{_text(low)} - {_text(high)}"
    return row.case, row.measure, f"{_text(middle)}{row.unit}", spread, row.target, row.verdict


def _text(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
