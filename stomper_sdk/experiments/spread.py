"""How sure a mean over files is: its standard error, and intervals by bootstrapping whole files."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stomper_sdk.experiments.libraries import needed
from stomper_sdk.experiments.trial import FilePair, Interval

__all__ = ["at_least_students", "bootstrap", "design_effect", "expanded", "standard_error", "with_imagined"]


def with_imagined(files: Sequence[FilePair]) -> Sequence[FilePair]:
    """The files with two more of one finding each, which only the one variant fixed, and only the other.

    Without them a sample without a difference would be told as sure to have none, and intervals of rates that
    differ seldom cover too little (Agresti and Min, Statistics in Medicine 24, 2005).
    """
    return [*files, FilePair("", 1, 1.0, 1.0), FilePair("", 1, -1.0, 1.0)]


def standard_error(files: Sequence[FilePair]) -> float:
    """The standard error of the mean difference of a finding: the usual one of a ratio, by cluster.

    See Cochran, Sampling Techniques, 3rd ed., chapter 6. It grows with whatever findings of a file have in
    common, so the design effect is in it.
    """
    count = sum(it.count for it in files)
    mean = math.fsum(it.difference for it in files) / count
    squares = math.fsum((it.difference - mean * it.count) ** 2 for it in files)
    return math.sqrt(len(files) / (len(files) - 1) * squares) / count


def design_effect(files: Sequence[FilePair]) -> float:
    """How many times the variance is what it would be if each finding were a file of its own.

    See Kish, Survey Sampling, 1965, section 8.2. 1 where there is too little to tell.
    """
    count = sum(it.count for it in files)
    mean = math.fsum(it.difference for it in files) / count
    alone = (math.fsum(it.squares for it in files) / count - mean**2) / max(count - 1, 1)
    return standard_error(files) ** 2 / alone if len(files) > 1 and alone > 1e-12 else 1.0


def expanded(alpha: float, files: int) -> float:
    """The part to leave out of a bootstrap distribution, so that few files are covered as many are.

    A percentile interval is too short by two things that vanish with the number of files: it takes normal
    quantiles for Student's, and divides by the number of files for that less one (Hesterberg, What Teachers
    Should Know About the Bootstrap, American Statistician 69, 2015, section 5.3).
    """
    stats = needed("scipy.stats")
    return float(2 * stats.norm.cdf(math.sqrt(files / (files - 1)) * stats.t.ppf(alpha / 2, files - 1)))


def at_least_students(found: Interval, files: Sequence[FilePair], alpha: float) -> Interval:
    """The interval, and Student's where that reaches further.

    Costs and times have a few values that are far out; a sample of few files mostly lacks them, and
    resampling it knows nothing of them. By simulation, either interval alone
    holds too seldom in some worlds.
    """
    count = sum(it.count for it in files)
    mean = math.fsum(it.difference for it in files) / count
    reach = float(needed("scipy.stats").t.isf(alpha / 2, len(files) - 1)) * standard_error(files)
    return Interval(min(found.low, mean - reach), max(found.high, mean + reach))


def bootstrap(
    files: Sequence[FilePair], alpha: float, seed: int, resamples: int, known: int | None = None
) -> Interval:
    """The interval of the mean difference of a finding: expanded percentiles over resampled files.

    Args:
        files: two or more.
        alpha: the part of samples whose interval misses.
        seed: of what is drawn.
        resamples: how often.
        known: how many of the files were seen, if some are imagined.
    """
    numpy, stats = needed("numpy"), needed("scipy.stats")
    sums = numpy.array([it.difference for it in files], dtype=float)
    counts = numpy.array([it.count for it in files], dtype=float)
    if not numpy.ptp(sums / counts):
        return Interval(float(sums[0] / counts[0]), float(sums[0] / counts[0]))
    told = stats.bootstrap(
        (sums, counts),
        lambda sums, counts, axis: sums.sum(axis) / counts.sum(axis),
        n_resamples=resamples,
        batch=max(2_000_000 // len(files), 1),
        paired=True,
        vectorized=True,
        confidence_level=1 - expanded(alpha, known or len(files)),
        method="percentile",
        rng=numpy.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(told.low), float(told.high))
