"""Two variants on the same findings: how much they differ, how surely, and what could have been seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from importlib import import_module

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments.flips import chance, in_units
from stomper_sdk.experiments.libraries import needed
from stomper_sdk.experiments.spread import (
    at_least_students,
    bootstrap,
    design_effect,
    standard_error,
    with_imagined,
)
from stomper_sdk.experiments.trial import (
    MEASURES,
    FilePair,
    Interval,
    Measure,
    Trial,
    averages,
    fraction,
    pair,
)
from stomper_sdk.model.present import counted, listed, one_line, visible

__all__ = ["Comparison", "amount", "compare", "compare_all", "of_one_variant"]

MCNEMAR = "exact McNemar test"
SIGN_FLIP = "exact sign-flip test by file"
_POWER = 0.8
_LOOK = "stomper_sdk.look.experiment"


@attrs.frozen(repr=False)
class Comparison:
    """What `a` gave more than `b`, for each finding.

    `difference` and `interval` are of `measure`: the rate of fixed findings (0.1: ten points), or the mean
    of a finding in dollars, seconds or tokens. `p_value` is of this comparison alone, `adjusted` corrected
    for the others of its family (Holm), of which there are `family`; `interval` then holds at the level
    `1 - alpha / family`, so that all of them hold together. `smallest_detectable` is what this size would
    have seen in 80 of 100 samples at that level, None where it could see nothing. `design_effect` is how much
    the files' findings hang together: so many times more findings are needed than if each stood alone.
    `discordance` is the share of findings that one variant fixed and the other did not (of repeats: the mean
    square of the difference), None where `measure` is no rate. Both are what `size` asks for. `said` is the
    text of one that was looked at while it went on, and `clear` whether the answer was; until then its
    p-value is 1.
    """

    a: str
    b: str
    measure: Measure
    difference: float
    interval: Interval
    p_value: float
    adjusted: float
    method: str
    n: int
    n_files: int
    smallest_detectable: float | None
    design_effect: float
    discordance: float | None
    alpha: float = 0.05
    family: int = 1
    clear: bool = True
    said: str = attrs.field(default="", repr=False)

    @property
    def verdict(self) -> str:
        """In two or three words."""
        if not self.clear:
            return "not clear yet"
        return "different" if self.different else "no difference seen"

    @property
    def different(self) -> bool:
        """Whether there is a difference, as far as the level lets one say so."""
        return self.adjusted <= self.alpha

    @property
    def text(self) -> str:
        """All of it in a sentence or two."""
        return self.said or f"{self._told()} ({self._proof()}). {self._reach()}".strip()

    def _told(self) -> str:
        names = f"{visible(self.a)} and {visible(self.b)}"
        level = f"{100 * (1 - self.alpha / self.family):.3g} % interval"
        low, high = (amount(it, self.measure) for it in (self.interval.low, self.interval.high))
        if not self.different:
            return f"No difference seen between {names}: {level} {low} to {high}"
        told = f"{amount(self.difference, self.measure)} for each finding"
        if self.measure == "fixed":
            told = f"{amount(abs(self.difference), self.measure, signed=False)} "
            told += "more" if self.difference > 0 else "fewer"
            return f"{visible(self.a)} fixes {told} than {visible(self.b)}: {level} {low} to {high}"
        return f"{visible(self.a)} takes {told} against {visible(self.b)}: {level} {low} to {high}"

    def _proof(self) -> str:
        corrected = (
            f", {self.adjusted:.3g} corrected for {self.family} comparisons" if self.family > 1 else ""
        )
        size = f"{counted(self.n, 'finding')} in {counted(self.n_files, 'file')}"
        return f"{self.method}, p = {self.p_value:.3g}{corrected}; {size}"

    def _reach(self) -> str:
        if self.different:
            return ""
        if self.smallest_detectable is None:
            return "So few files could have shown no difference of any size."
        least = amount(self.smallest_detectable, self.measure, signed=False)
        return f"The smallest difference that this size sees in 80 of 100 samples is {least}."

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Comparison {one_line(self.said or self._told())}>"

    def _repr_html_(self) -> str:
        return str(import_module(_LOOK).comparison_html(self))


def amount(value: float, measure: Measure, *, signed: bool = True) -> str:
    """A difference as it is read: `+10.0 points`, `-0.0012 USD`; below a second, `+0.033 s`."""
    sign = "+" if signed else ""
    if measure == "fixed":
        return f"{round(100 * value, 1) + 0.0:{sign}.1f} points"
    second = 3 if abs(value) < 1 else 1
    digits, unit = {"cost_usd": (4, "USD"), "seconds": (second, "s"), "tokens": (0, "tokens")}[measure]
    return f"{round(value, digits) + 0.0:{sign},.{digits}f} {unit}"


def compare(
    a: Iterable[Trial],
    b: Iterable[Trial],
    *,
    measure: Measure = "fixed",
    alpha: float = 0.05,
    seed: int = 0,
    resamples: int = 9_999,
) -> Comparison:
    """Compare two variants on the findings that both had.

    Args:
        a: what was seen under the one, all repeats of it.
        b: what was seen under the other.
        measure: the rate of fixed findings, or what a finding took.
        alpha: how often two equal variants may be told apart.
        seed: of the bootstrap; the p-value needs none.
        resamples: of the bootstrap.

    Raises:
        UsageError: they share no finding of which the measure was told, or what was given contradicts itself;
            or scipy is not installed.
    """
    fraction("alpha", alpha)
    _known(measure)
    first, second = list(a), list(b)
    names = of_one_variant(first), of_one_variant(second)
    files = pair(first, second, measure)
    if not files:
        told = "finding" if measure == "fixed" else f"finding of which {measure} was told"
        raise UsageError(f"{visible(names[0])} and {visible(names[1])} share no {told}")
    return _compared(names, files, measure, alpha, seed, resamples)


def compare_all(
    trials: Iterable[Trial],
    *,
    against: str | None = None,
    measure: Measure = "fixed",
    alpha: float = 0.05,
    seed: int = 0,
    resamples: int = 9_999,
) -> Sequence[Comparison]:
    """Compare all variants with each other, or with one; p-values are corrected by Holm's method.

    Args:
        trials: what was seen, of two variants or more.
        against: the variant that the others are compared with; None: all pairs.
        measure: as for `compare`, like the others.
        alpha: how often any of the comparisons may tell equal variants apart.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        UsageError: as `compare`, where no two of them can be compared; or there is one variant only, or none
            of that name.
    """
    fraction("alpha", alpha)
    _known(measure)
    variants: dict[str, list[Trial]] = {}
    for trial in trials:
        variants.setdefault(trial.variant, []).append(trial)
    if against is not None and against not in variants:
        raise UsageError(f"there is no variant {visible(against)}", f"There are: {listed(list(variants))}.")
    pairs = [(a, b) for a, b in itertools.combinations(variants, 2) if against is None or against in (a, b)]
    if not pairs:
        raise UsageError("there are no two variants to compare")
    told = {name: set(averages(of_one, measure)) for name, of_one in variants.items()}
    # Two of an experiment that was stopped may have nothing in common: that is no comparison.
    pairs = [(a, b) for a, b in pairs if not told[a].isdisjoint(told[b])] or pairs[:1]
    pairs = [(b, a) if a == against else (a, b) for a, b in pairs]
    share = alpha / len(pairs)
    found = [
        compare(variants[a], variants[b], measure=measure, alpha=share, seed=seed, resamples=resamples)
        for a, b in pairs
    ]
    multitest = needed("statsmodels.stats.multitest")
    adjusted = multitest.multipletests([it.p_value for it in found], alpha, method="holm")[1]
    return [
        attrs.evolve(it, adjusted=float(p), alpha=alpha, family=len(pairs))
        for it, p in zip(found, adjusted, strict=True)
    ]


def _known(measure: str) -> None:
    if measure not in MEASURES:
        raise UsageError(f"{measure!r} is no measure", f"There are: {', '.join(MEASURES)}.")


def of_one_variant(trials: Iterable[Trial]) -> str:
    """The variant's name.

    Raises:
        UsageError: they are of several variants, or there are none.
    """
    names = sorted({it.variant for it in trials})
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"one variant's trials are needed, not those of {listed(names)}" if names else "no trials"
    )


def _compared(
    names: tuple[str, str],
    files: Sequence[FilePair],
    measure: Measure,
    alpha: float,
    seed: int,
    resamples: int,
) -> Comparison:
    rates = measure == "fixed"
    count = sum(it.count for it in files)
    method, p_value = _tested(files, rates=rates)
    padded = with_imagined(files) if rates else files
    widest = Interval(-1.0, 1.0) if rates else Interval(-math.inf, math.inf)
    able = len(files) > 1
    found = bootstrap(padded, alpha, seed, resamples, len(files)) if able else widest
    return Comparison(
        *names,
        measure,
        difference=math.fsum(it.difference for it in files) / count,
        interval=found if rates or not able else at_least_students(found, files, alpha),
        p_value=p_value,
        adjusted=p_value,
        method=method,
        n=count,
        n_files=len(files),
        smallest_detectable=_smallest(padded, len(files), alpha, rates=rates) if able else None,
        design_effect=design_effect(files),
        discordance=math.fsum(it.squares for it in files) / count if rates else None,
        alpha=alpha,
    )


def _tested(files: Sequence[FilePair], *, rates: bool) -> tuple[str, float]:
    if rates and all(it.count == 1 and it.difference in (-1, 0, 1) for it in files):
        better = sum(it.difference > 0 for it in files)
        differing = sum(it.difference != 0 for it in files)
        p_value = needed("scipy.stats").binomtest(better, differing).pvalue if differing else 1.0
        return MCNEMAR, float(p_value)
    return SIGN_FLIP, chance(in_units([it.difference for it in files], counted=rates))


def _smallest(files: Sequence[FilePair], known: int, alpha: float, *, rates: bool) -> float | None:
    """The minimum detectable effect: (t of the level + t of the power) standard errors.

    See Bloom, Minimum Detectable Effects, Evaluation Review 19, 1995.
    """
    t = needed("scipy.stats").t
    least = float((t.ppf(1 - alpha / 2, known - 1) + t.ppf(_POWER, known - 1)) * standard_error(files))
    # The fewest files that can tell anything are those whose signs all being equal is rare enough.
    return None if 2.0 ** (1 - known) > alpha or (rates and least > 1) else least
