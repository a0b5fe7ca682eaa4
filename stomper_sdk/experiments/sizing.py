"""How many findings an experiment needs."""

from __future__ import annotations

import math
from importlib import import_module

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments.flips import Array
from stomper_sdk.experiments.libraries import needed
from stomper_sdk.experiments.trial import fraction

__all__ = ["Size", "size"]

_MANY = 50_000


@attrs.frozen(repr=False)
class Size:
    """So many `findings` let a difference of `effect` be seen with the chance `power`, as far as assumed."""

    findings: int
    effect: float
    power: float
    alpha: float
    discordance: float
    design_effect: float

    @property
    def text(self) -> str:
        """In a sentence."""
        return (
            f"{self.findings} findings see a difference of {100 * self.effect:.3g} points in "
            f"{100 * self.power:.3g} of 100 experiments, at the level {self.alpha:.3g}, if the variants "
            f"differ on {self.discordance:.0%} of findings and the design effect of files is "
            f"{self.design_effect:.3g}."
        )

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Size {self.findings:,} findings>"

    def _repr_html_(self) -> str:
        return str(import_module("stomper_sdk.look.experiment").size_html(self))


def size(
    effect: float = 0.1,
    power: float = 0.8,
    *,
    alpha: float = 0.05,
    discordance: float = 0.3,
    design_effect: float = 1.5,
) -> Size:
    """How many findings are needed to see a difference between two variants on the same findings.

    The exact McNemar test's power is computed exactly (Duffy, Biometrics 40, 1984; the usual formula, Connor,
    Biometrics 43, 1987, promises a little too much of it); clustering multiplies what it needs (Kish, Survey
    Sampling, 1965).

    Args:
        effect: the difference of rates that should be seen: 0.1 is ten points.
        power: the chance to see it.
        alpha: how often two equal variants may be told apart; of a family, the level divided by its size.
        discordance: the share of findings that one variant fixes and the other does not; more of them need
            more findings. `Comparison.discordance` of a first look tells it.
        design_effect: 1 where each file has one finding. For files of m findings on average, with a
            coefficient of variation v of their number and a correlation r of the differences within a file,
            it is `1 + ((v**2 + 1) * m - 1) * r` (Eldridge, Ashby and Kerry, International Journal of
            Epidemiology 35, 2006). `Comparison.design_effect` of a first look tells it.

    Raises:
        UsageError: what was given cannot be, or scipy is not installed.
    """
    for name, value in (("effect", effect), ("power", power), ("alpha", alpha)):
        fraction(name, value)
    if not effect <= discordance <= 1:
        text = f"discordance is {discordance}: it must lie between the effect, {effect}, and 1"
        raise UsageError(text, "Variants that differ by so much differ on so many findings at least.")
    if not 0 < design_effect < math.inf:
        raise UsageError(f"design_effect is {design_effect}: it must be above 0")
    alone = _exact(effect, power, alpha, discordance)
    return Size(math.ceil(alone * design_effect), effect, power, alpha, discordance, design_effect)


def _connor(effect: float, power: float, alpha: float, discordance: float) -> float:
    norm = needed("scipy.stats").norm
    spread = math.sqrt(max(discordance - effect**2, 0.0))
    return float((norm.isf(alpha / 2) * math.sqrt(discordance) + norm.ppf(power) * spread) ** 2 / effect**2)


def _exact(effect: float, power: float, alpha: float, discordance: float) -> int:
    """The first number near the formula's with that power; it is looked for in steps of half a percent.

    Of very many the formula is close enough, with what the exact test takes beyond it.
    """
    guess = _connor(effect, power, alpha, discordance)
    if guess > _MANY:
        return math.ceil(guess + 1 / effect)
    rejected = _rejections(effect, alpha, discordance, math.ceil(2 * guess) + 50)
    step = max(math.floor(guess / 200), 1)
    count = max(math.floor(0.8 * guess), 1)
    while _power(count, rejected, discordance) < power:
        count += step
        if count >= len(rejected):
            rejected = _rejections(effect, alpha, discordance, 2 * len(rejected))
    return count


def _rejections(effect: float, alpha: float, discordance: float, most: int) -> Array:
    """For each number of findings that differ, the chance that the exact test tells the variants apart."""
    numpy, binom = needed("numpy"), needed("scipy.stats").binom
    differing = numpy.arange(most + 1)
    better = (discordance + effect) / (2 * discordance)
    # The last count in the lower tail that is rare enough; -1 where none is.
    last = binom.ppf(alpha / 2, differing, 0.5)
    last = numpy.where(binom.cdf(last, differing, 0.5) > alpha / 2, last - 1, last)
    return binom.cdf(last, differing, better) + binom.sf(differing - last - 1, differing, better)


def _power(count: int, rejected: Array, discordance: float) -> float:
    numpy, binom = needed("numpy"), needed("scipy.stats").binom
    return float(binom.pmf(numpy.arange(count + 1), count, discordance) @ rejected[: count + 1])
