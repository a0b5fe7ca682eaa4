"""What was seen of a finding under a variant, and two variants paired by the findings that both had.

A finding that was tried several times is one finding with the mean of its repeats. Findings of one file share
its fate, so what is independent is the file: all that is inferred here is inferred from sums over files.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.model.present import visible

__all__ = ["MEASURES", "FilePair", "Interval", "Measure", "Trial", "Visit", "averages", "fraction", "pair"]

Measure = Literal["fixed", "cost_usd", "seconds", "tokens"]
MEASURES: tuple[Measure, ...] = ("fixed", "cost_usd", "seconds", "tokens")


def _amount(trial: Any, field: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{field.name} of a trial is {value}: it must be a number from 0 up")


def fraction(name: str, value: float) -> None:
    """Refuse what is not between 0 and 1.

    Raises:
        UsageError: it is not.
    """
    if not 0 < value < 1:
        raise UsageError(f"{name} is {value}: it must lie between 0 and 1")


@attrs.frozen
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@attrs.frozen
class Trial:
    """One finding, once, under one variant.

    `finding` and `file` mean the same under every variant. `fixed` says whether it ended as fixed. What
    several findings of a file took together is shared among them: `seconds`, `tokens` and `cost_usd` are this
    one's part, None where nobody told.
    """

    variant: str
    finding: str
    file: str
    fixed: bool
    repeat: int = 0
    code: str = ""
    seconds: float | None = attrs.field(default=None, validator=_amount)
    tokens: float | None = attrs.field(default=None, validator=_amount)
    cost_usd: float | None = attrs.field(default=None, validator=_amount)


@attrs.frozen
class Visit:
    """What happened to one file, once, under one variant, that belongs to no finding of it: counts."""

    variant: str
    file: str
    repeat: int = 0
    attempts: int = attrs.field(default=0, validator=_amount)
    new_findings: int = attrs.field(default=0, validator=_amount)
    guard_rejections: int = attrs.field(default=0, validator=_amount)
    test_failures: int = attrs.field(default=0, validator=_amount)


@attrs.frozen
class FilePair:
    """A file that two variants had: so many shared findings, the sums of their differences and squares."""

    file: str
    count: int
    difference: float
    squares: float


def averages(trials: Iterable[Trial], measure: Measure) -> Mapping[tuple[str, str], float]:
    """Each finding's mean over its repeats, by file and finding, of those of which anything was told.

    Raises:
        UsageError: a finding was given twice for one repeat, or in two files.
    """
    seen: dict[tuple[str, str], dict[int, float | None]] = defaultdict(dict)
    home: dict[str, str] = {}
    for trial in trials:
        repeats, name = seen[trial.file, trial.finding], visible(trial.finding)
        if trial.repeat in repeats:
            raise UsageError(f"{name} was given twice for repeat {trial.repeat} of {visible(trial.variant)}")
        if home.setdefault(trial.finding, trial.file) != trial.file:
            files = f"{visible(home[trial.finding])} and {visible(trial.file)}"
            raise UsageError(f"{name} was given in two files, {files}", "Give each finding an id of its own.")
        repeats[trial.repeat] = getattr(trial, measure)
    told = {key: [it for it in repeats.values() if it is not None] for key, repeats in sorted(seen.items())}
    return {key: math.fsum(values) / len(values) for key, values in told.items() if values}


def pair(a: Iterable[Trial], b: Iterable[Trial], measure: Measure) -> Sequence[FilePair]:
    """The files of the findings that both had, in order of their names; a difference is a's less b's."""
    first, second = averages(a, measure), averages(b, measure)
    files: dict[str, list[float]] = defaultdict(list)
    for (file, finding), value in first.items():
        if (file, finding) in second:
            files[file].append(value - second[file, finding])
    return [
        FilePair(file, len(values), math.fsum(values), math.fsum(it * it for it in values))
        for file, values in files.items()
    ]
