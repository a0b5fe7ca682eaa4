"""What chance makes of the difference between two variants, where there is none: sign flips by file.

If two variants do the same, nothing changes when their names are swapped in any one file, so each file's
difference is as likely to have either sign. The chance of a sum of differences is then known exactly, however
few or many the files and however their findings hang together (Fisher's randomization test, by cluster:
Gail et al., Statistics in Medicine 15, 1996). Where each file has one finding this is the exact McNemar test.
Where the variants differ by file but not on the whole it holds in large samples (Hemerik, Goeman and Finos,
JRSS B 82, 2020).

Differences are counted in whole units, so that sums of many files are few numbers. A score that is rounded
can have either sign as well, so the test stays exact.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from stomper_sdk.experiments.libraries import needed

__all__ = ["PER_FINDING", "Array", "beyond", "chance", "flipped", "in_units", "refined", "start"]

Array = Any  # numpy's, which is an extra
#: Units to a finding: the mean of up to six repeats is a whole number of them.
PER_FINDING = 60
#: Units in all, for what is not counted.
_UNITS = 20_000


def in_units(differences: Sequence[float], *, counted: bool) -> Sequence[int]:
    """The differences of files as whole numbers: findings are counted, other measures scaled to their sum."""
    if counted:
        return [round(PER_FINDING * it) for it in differences]
    total = math.fsum(map(abs, differences)) or 1.0
    return [round(it / total * _UNITS) for it in differences]


def start() -> Array:
    """The chance of each sum before any file: it is 0. The middle of such an array stands for the sum 0."""
    return needed("numpy").ones(1)


def flipped(mass: Array, sizes: Iterable[int]) -> Array:
    """The chance of each sum after more files, whose differences are of these sizes."""
    return functools.reduce(_one_more, (abs(size) for size in sizes if size), mass)


def _one_more(mass: Array, size: int) -> Array:
    wide = needed("numpy").zeros(len(mass) + 2 * size)
    wide[: len(mass)] += mass / 2
    wide[2 * size :] += mass / 2
    return wide


def refined(mass: Array, times: int) -> Array:
    """The same chances, told in units so many times smaller."""
    wide = needed("numpy").zeros((len(mass) - 1) * times + 1)
    wide[::times] = mass
    return wide


def beyond(mass: Array, score: int) -> float:
    """The chance of a sum at least so far from 0."""
    middle = len(mass) // 2
    if score <= 0:
        return float(mass.sum())
    if score > middle:
        return 0.0
    return float(mass[middle + score :].sum() + mass[: middle - score + 1].sum())


def chance(units: Sequence[int]) -> float:
    """How likely chance alone gives a sum as far from 0 as theirs: the p-value, two-sided."""
    common = math.gcd(*units) or 1
    whole = [it // common for it in units]
    return min(beyond(flipped(start(), whole), abs(sum(whole))), 1.0)
