"""Stopping as soon as the answer is clear: its limits, its refusals, and how often it is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from scipy import stats

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Decision, Sequential, Trial, compare, size

Paired = Callable[..., tuple[list[Trial], list[Trial]]]
A, B, NEITHER = [(1, 0)], [(0, 1)], [(0, 0)]


def looked(paired: Paired, files: Sequence[Any], looks: int, findings: int) -> list[Decision]:
    a, b = paired(*files)
    experiment = Sequential("a", "b", findings)
    told: list[Decision] = []
    each = len(a) // looks
    while not (told and told[-1].stop):
        here = slice(len(told) * each, (len(told) + 1) * each)
        told.append(experiment.update([*a[here], *b[here]]))
    return told


def test_looked_at_once_it_is_the_exact_test(paired: Paired) -> None:
    for better in (15, 16, 20):
        files = [A] * better + [B] * (30 - better) + [NEITHER] * 10
        (told,) = looked(paired, files, 1, 40)
        whole = compare(*paired(*files), resamples=50)
        assert told.p_value == pytest.approx(whole.p_value)
        assert told.different == whole.different
        assert told.stop


def test_a_clear_difference_stops_it_early(paired: Paired) -> None:
    told = looked(paired, [A] * 100, 10, 100)
    # Each look may spend 0.05 t**2 less what was spent: 2**-9 by all of 10 is the first that fits.
    assert [it.stop for it in told] == [False, True]
    assert (told[-1].n, told[-1].n_files, told[-1].look) == (20, 20, 2)
    assert told[-1].different and told[-1].p_value == pytest.approx(2**-19, rel=1e-6)
    assert 0 < told[-1].interval.low < told[-1].interval.high == 1.0
    assert told[-1].text.startswith("a fixes 100.0 points more than b: +")
    assert (
        told[0].text
        == "Not clear yet between a and b: -100.0 points to +100.0 points (look 1, 10 findings in 10 files)."
    )


def test_what_is_spent_never_passes_what_is_permitted_and_no_difference_is_said(paired: Paired) -> None:
    told = looked(paired, [A, B, NEITHER] * 100, 10, 300)
    assert len(told) == 10 and not told[-1].different
    for number, decision in enumerate(told, 1):
        assert decision.spent <= 0.05 * (number / 10) ** 2
        assert (decision.p_value is None) == (number < 10)
        assert 0.0 in decision.interval
    assert told[-1].spent > 0.03
    assert told[-1].text.startswith("No difference seen between a and b: ")


def test_the_limits_are_those_of_the_normal_distribution_in_large_samples(paired: Paired) -> None:
    """Two looks, the half and the whole: 1.25 % are spent at the first, so its limit is 2.4977."""
    first = stats.norm.isf(0.05 * 0.5**2 / 2)
    told = looked(paired, [A, B] * 2000, 2, 4000)
    reach = told[0].interval.high - told[0].difference
    assert reach * 2000 / math.sqrt(2000) == pytest.approx(first, rel=0.02)
    # The second, from the bivariate normal distribution with the correlation of the root of a half.
    both = stats.multivariate_normal([0, 0], [[1, 0.5**0.5], [0.5**0.5, 1]])
    low, high = 1.5, 3.0
    for _ in range(30):
        middle = (low + high) / 2
        inside = both.cdf([first, middle], lower_limit=[-first, -middle])
        low, high = (middle, high) if inside < 0.95 else (low, middle)
    reach = told[1].interval.high - told[1].difference
    assert reach * 4000 / math.sqrt(4000) == pytest.approx(low, rel=0.02)


def test_findings_of_one_file_are_one_witness(paired: Paired) -> None:
    told = looked(paired, [[(1, 0)] * 25] * 4, 1, 100)
    assert not told[-1].different
    assert told[-1].p_value == pytest.approx(2 * 0.5**4)


def test_it_does_not_matter_in_which_units_differences_came(paired: Paired) -> None:
    """Whole findings first, then thirds: as nothing could be spent before, it is the exact test."""
    a, b = paired(A, A, B, NEITHER)
    files = [(str(it), repeat, it) for it in range(20) for repeat in range(3)]
    more_a = [Trial("a", name, name, it % 3 > 0 or repeat < 1, repeat) for name, repeat, it in files]
    more_b = [Trial("b", name, name, it % 4 > 2 and repeat < 2, repeat) for name, repeat, it in files]
    experiment = Sequential("a", "b", 24)
    assert experiment.update([*a, *b]).spent == 0
    told = experiment.update([*more_a, *more_b])
    whole = compare([*a, *more_a], [*b, *more_b], resamples=50)
    assert told.stop and told.p_value == pytest.approx(whole.p_value, rel=1e-9)
    assert told.difference == pytest.approx(whole.difference)
    assert told.p_value < 0.05 and told.different and told.interval.low >= 0


def test_where_nothing_differs_the_end_has_an_interval(paired: Paired) -> None:
    told = looked(paired, [NEITHER] * 200, 4, 200)
    assert (told[-1].p_value, told[-1].different) == (1.0, False)
    assert -0.05 < told[-1].interval.low < 0 < told[-1].interval.high < 0.05


def test_a_look_that_would_spoil_the_answer_is_refused(paired: Paired) -> None:
    a, b = paired(*[A] * 30)
    experiment = Sequential("a", "b", 30)
    experiment.update([*a[:5], *b[:5]])
    with pytest.raises(UsageError, match=r"4\.py has come in an earlier batch") as caught:
        experiment.update([*a[4:8], *b[4:8]])
    assert caught.value.hint == "Give all findings and repeats of a file in one batch."
    with pytest.raises(UsageError, match="c is neither a nor b"):
        experiment.update([attrs.evolve(a[9], variant="c")])
    assert experiment.update([*a[5:], *b[5:]]).stop
    with pytest.raises(UsageError, match="has stopped"):
        experiment.update([])


def test_batches_may_be_empty_or_have_one_variant_only(paired: Paired) -> None:
    a, _ = paired(*[A] * 5)
    experiment = Sequential("a", "b", 30)
    assert experiment.update([]).n == 0
    told = experiment.update(a)
    assert (told.n, told.look, told.stop) == (0, 2, False)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("a", "b", 0), "findings is 0"),
        (("a", "a", 5), "compared with itself"),
        (("a", "b", 5, 1.5), "alpha is 1.5"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(words: tuple[Any, ...], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        Sequential(*words)


def simulated(worlds: Any, difference: float, samples: int) -> tuple[float, float, int]:
    world = worlds.World(220, difference, mean=2)
    findings = size(0.1, design_effect=world.design_effect).findings
    assert findings < 400
    world = attrs.evolve(world, files=findings)
    told = [worlds.stopped(world, findings, 10, seed) for seed in range(samples)]
    return sum(it[0] for it in told) / samples, sum(it[1] for it in told) / samples, findings


def test_equal_variants_are_told_apart_in_five_of_a_hundred_experiments_at_most(worlds: Any) -> None:
    samples = 150
    found, _, _ = simulated(worlds, 0.0, samples)
    assert found < 0.05 + 3 * math.sqrt(0.05 * 0.95 / samples)


def test_a_difference_of_15_points_takes_60_percent_of_a_fixed_size_at_most(worlds: Any) -> None:
    found, mean, findings = simulated(worlds, 0.15, 60)
    assert found > 0.9
    assert mean < 0.6 * findings
    # A fixed size with the same power at 15 points needs no less than nine tenths of it.
    same = size(0.15, 0.95, design_effect=worlds.World(1, mean=2).design_effect)
    assert mean < 0.75 * same.findings
