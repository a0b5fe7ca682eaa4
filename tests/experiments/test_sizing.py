"""How many findings are needed, against published examples and the exact test itself."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import size


def connor(effect: float, power: float, discordance: float) -> float:
    z = stats.norm.ppf
    spread = z(0.975) * math.sqrt(discordance) + z(power) * math.sqrt(discordance - effect**2)
    return float(spread**2 / effect**2)


@pytest.mark.parametrize(
    ("effect", "power", "discordance"),
    [(0.1, 0.8, 0.3), (0.15, 0.8, 0.3), (0.1, 0.9, 0.2), (0.05, 0.8, 0.25), (0.2, 0.95, 0.5)],
)
def test_it_is_a_little_more_than_the_usual_formula(effect: float, power: float, discordance: float) -> None:
    needed = size(effect, power, discordance=discordance, design_effect=1).findings
    usual = connor(effect, power, discordance)
    # The exact test is conservative: about 1 / effect findings more.
    assert usual < needed < usual + 3 / effect


def test_the_exact_test_has_that_power(worlds: Any) -> None:
    """Every number of findings that differ, and every split of them, by scipy's own test."""
    told = size(0.25, 0.8, discordance=0.4, design_effect=1)
    assert power_of(told.findings, 0.25, 0.4) >= 0.8
    assert power_of(told.findings - 5, 0.25, 0.4) < 0.8


def power_of(count: int, effect: float, discordance: float) -> float:
    better = (discordance + effect) / (2 * discordance)
    power = 0.0
    for differing in range(1, count + 1):
        for first in range(differing + 1):
            chance = stats.binom.pmf(differing, count, discordance) * stats.binom.pmf(
                first, differing, better
            )
            if chance > 1e-7 and stats.binomtest(first, differing).pvalue <= 0.05:
                power += chance
    return power


def test_files_that_hang_together_need_more() -> None:
    alone = size(design_effect=1)
    assert size(design_effect=2).findings == 2 * alone.findings
    assert size().findings > alone.findings > size(0.15, design_effect=1).findings
    assert size(alpha=0.05 / 3).findings > size().findings


def test_it_says_what_it_assumed() -> None:
    assert str(size(design_effect=1)) == (
        "249 findings see a difference of 10 points in 80 of 100 experiments, at the level 0.05, if the "
        "variants differ on 30% of findings and the design effect of files is 1."
    )


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"effect": 0}, "effect is 0: it must lie between 0 and 1"),
        ({"effect": 10}, "effect is 10"),
        ({"power": 1}, "power is 1"),
        (
            {"effect": 0.4, "discordance": 0.3},
            "discordance is 0.3: it must lie between the effect, 0.4, and 1",
        ),
        ({"design_effect": 0}, "design_effect is 0"),
        ({"alpha": math.nan}, "alpha is nan"),
    ],
)
def test_what_cannot_be_is_refused(words: dict[str, float], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        size(**words)


def test_small_effects_take_no_time_and_fit_the_others() -> None:
    assert size(1e-5, design_effect=1).findings == pytest.approx(connor(1e-5, 0.8, 0.3), rel=1e-3)
    exact, formula = (size(it, design_effect=1).findings * it**2 for it in (0.007, 0.0067))
    assert exact == pytest.approx(formula, rel=0.01)


def test_everything_differs_in_one_direction() -> None:
    assert size(0.3, discordance=0.3, design_effect=1).findings < 40


def test_clustered_experiments_of_that_size_see_it(worlds: Any) -> None:
    world = worlds.World(1, 0.25, mean=2)
    needed = size(0.25, design_effect=world.design_effect).findings
    samples = 150
    world = worlds.World(round(needed / 2), 0.25, mean=2)
    found = sum(worlds.told_apart(world, seed) for seed in range(samples)) / samples
    assert found > 0.8 - 3 * math.sqrt(0.8 * 0.2 / samples)
