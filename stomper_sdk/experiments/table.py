"""What each variant did, on the whole, by code and by file: what one round over its findings comes to.

Repeats are averaged, so that a variant that was repeated is told beside one that was not.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments.libraries import needed
from stomper_sdk.experiments.spread import design_effect
from stomper_sdk.experiments.trial import FilePair, Interval, Measure, Trial, Visit, averages, fraction
from stomper_sdk.model.present import visible

__all__ = ["Row", "Table", "tabulate"]


@attrs.frozen
class Row:
    """Some findings under a variant. `name` is the code, the file or, of all of them, the variant.

    `interval` is of the rate. `seconds`, `tokens` and `cost_usd` are None where they were
    not told of every finding. The counts below belong to files, so they are None in a row of one code.
    """

    name: str
    findings: int
    files: int
    fixed: float
    interval: Interval
    seconds: float | None
    tokens: float | None
    cost_usd: float | None
    attempts: float | None = None
    new_findings: float | None = None
    guard_rejections: float | None = None
    test_failures: float | None = None

    @property
    def rate(self) -> float:
        """The share of findings that was fixed."""
        return self.fixed / self.findings

    @property
    def seconds_per_fixed(self) -> float | None:
        """What a fixed finding took; None where nothing was fixed or told."""
        return self.seconds / self.fixed if self.seconds is not None and self.fixed else None

    @property
    def cost_per_fixed(self) -> float | None:
        """What a fixed finding cost in dollars; None where nothing was fixed or told."""
        return self.cost_usd / self.fixed if self.cost_usd is not None and self.fixed else None


@attrs.frozen
class Table:
    """One variant: all of it, each code, each file; codes and files are in order of their names."""

    variant: str
    total: Row
    codes: tuple[Row, ...]
    files: tuple[Row, ...]


def tabulate(
    trials: Iterable[Trial], visits: Iterable[Visit] = (), *, alpha: float = 0.05
) -> Sequence[Table]:
    """Sum up each variant, in the order in which they first come.

    Args:
        trials: what was seen of findings.
        visits: what was seen of files; counts of a variant without any are None.
        alpha: the part of samples whose interval misses.

    Raises:
        UsageError: what was given contradicts itself, or statsmodels is not installed.
    """
    fraction("alpha", alpha)
    seen: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        seen[trial.variant].append(trial)
    beside: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        beside[visit.variant].append(visit)
    return [_table(name, of_one, beside[name], alpha) for name, of_one in seen.items()]


def _table(variant: str, trials: Sequence[Trial], visits: Sequence[Visit], alpha: float) -> Table:
    by_file: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        by_file[visit.file].append(visit)
    total = _row(variant, trials, alpha)
    files = [_row(name, some, alpha) for name, some in _grouped(trials, lambda it: it.file).items()]
    codes = [_row(name, some, alpha) for name, some in _grouped(trials, lambda it: it.code).items()]
    return Table(
        variant,
        _with_counts(total, by_file) if visits else total,
        tuple(codes),
        tuple(_with_counts(it, {it.name: by_file[it.name]}) if it.name in by_file else it for it in files),
    )


def _grouped(trials: Iterable[Trial], key: Callable[[Trial], str]) -> Mapping[str, Sequence[Trial]]:
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[key(trial)].append(trial)
    return dict(sorted(groups.items()))


def _row(name: str, trials: Sequence[Trial], alpha: float) -> Row:
    fixed = averages(trials, "fixed")
    return Row(
        name,
        findings=len(fixed),
        files=len({file for file, _ in fixed}),
        fixed=math.fsum(fixed.values()),
        interval=_wilson(fixed, alpha),
        seconds=_sum(trials, "seconds", len(fixed)),
        tokens=_sum(trials, "tokens", len(fixed)),
        cost_usd=_sum(trials, "cost_usd", len(fixed)),
    )


def _sum(trials: Sequence[Trial], measure: Measure, findings: int) -> float | None:
    told = averages(trials, measure)
    return math.fsum(told.values()) if len(told) == findings else None


def _wilson(fixed: Mapping[tuple[str, str], float], alpha: float) -> Interval:
    """Wilson's interval, of as many findings as they are worth when those of a file share its fate.

    See Franco, Little, Louis and Slud, Comparative Study of Confidence Intervals for Proportions in Complex
    Sample Surveys, Journal of Survey Statistics and Methodology 7, 2019. For few files
    the quantile is Student's.
    """
    by_file: dict[str, list[float]] = defaultdict(list)
    for (file, _), value in fixed.items():
        by_file[file].append(value)
    files = [
        FilePair(file, len(values), math.fsum(values), math.fsum(it * it for it in values))
        for file, values in by_file.items()
    ]
    clustered = 1 < len(files) < len(fixed)
    effect = max(design_effect(files), 1.0) if clustered else 1.0
    stats = needed("scipy.stats")
    if clustered and effect > 1:
        alpha = float(2 * stats.norm.cdf(stats.t.ppf(alpha / 2, len(files) - 1)))
    worth = len(fixed) / effect
    return _confint(math.fsum(fixed.values()) / len(fixed) * worth, worth, alpha)


@functools.lru_cache(maxsize=4_096)
def _confint(count: float, worth: float, alpha: float) -> Interval:
    """Remembered, since there are thousands of files of few findings."""
    proportion = needed("statsmodels.stats.proportion")
    low, high = proportion.proportion_confint(count, worth, alpha, method="wilson")
    return Interval(float(low), float(high))


def _with_counts(row: Row, visits: Mapping[str, Sequence[Visit]]) -> Row:
    """The row with what happened to its files: each file's mean over its repeats, summed up."""
    for file, of_file in visits.items():
        if len({it.repeat for it in of_file}) < len(of_file):
            name = visible(of_file[0].variant)
            raise UsageError(f"{visible(file)} was given twice for one repeat of {name}")

    def total(count: Callable[[Visit], int]) -> float:
        return math.fsum(sum(map(count, of_file)) / len(of_file) for of_file in visits.values())

    return attrs.evolve(
        row,
        attempts=total(lambda it: it.attempts),
        new_findings=total(lambda it: it.new_findings),
        guard_rejections=total(lambda it: it.guard_rejections),
        test_failures=total(lambda it: it.test_failures),
    )
