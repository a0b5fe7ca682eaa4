"""Two variants on the same findings: against known data sets, against scipy, and in worlds of known truth."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Trial, compare, compare_all
from stomper_sdk.experiments.comparing import amount
from stomper_sdk.experiments.flips import chance, in_units

Paired = Callable[..., tuple[list[Trial], list[Trial]]]


def four_fold(both: int, only_a: int, only_b: int, neither: int) -> list[list[tuple[int, int]]]:
    """Files of one finding each, by what became of it."""
    counts = {(1, 1): both, (1, 0): only_a, (0, 1): only_b, (0, 0): neither}
    return [[ends] for ends, count in counts.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("table", "p_value"),
    [
        ((794, 86, 150, 570), 3.716e-05),  # Agresti, Categorical Data Analysis: approval of a prime minister
        ((101, 121, 59, 33), 4.434e-06),  # statsmodels' own example of disease before and after a treatment
        ((20, 5, 16, 9), 0.02660),  # 5 against 16: the binomial tail by hand, twice 27,896 of 2**21
        ((3, 0, 6, 3), 0.03125),  # six of six
        ((9, 0, 0, 9), 1.0),
    ],
)
def test_one_finding_a_file_is_the_exact_mcnemar_test(
    paired: Paired, table: tuple[int, int, int, int], p_value: float
) -> None:
    told = compare(*paired(*four_fold(*table)), resamples=50)
    assert told.method == "exact McNemar test"
    assert told.p_value == pytest.approx(p_value, rel=2e-3)
    known = mcnemar([table[:2], table[2:]], exact=True).pvalue
    assert told.p_value == pytest.approx(known, rel=1e-9)
    assert (told.n, told.n_files) == (sum(table), sum(table))
    assert told.difference == pytest.approx((table[1] - table[2]) / sum(table))
    assert told.discordance == pytest.approx((table[1] + table[2]) / sum(table))


small = st.lists(st.integers(-6, 6), min_size=1, max_size=9)


@given(small)
def test_the_sign_flip_test_counts_every_flip(sums: list[int]) -> None:
    flips = [sum(s * it for s, it in zip(signs, sums, strict=True)) for signs in every_sign(len(sums))]
    expected = sum(abs(it) >= abs(sum(sums)) for it in flips) / len(flips)
    assert chance(in_units(sums, counted=True)) == pytest.approx(expected, abs=1e-12)


def every_sign(count: int) -> list[tuple[int, ...]]:
    return list(itertools.product((-1, 1), repeat=count))


def test_the_sign_flip_test_is_scipys(paired: Paired) -> None:
    files = [[(1, 0)] * 3, [(1, 0), (0, 1)], [(0, 1)], [(1, 0)] * 2, [(1, 0)], [(1, 1)] * 4, [(1, 0)] * 2]
    told = compare(*paired(*files), resamples=50)
    known = stats.permutation_test(
        ([3, 0, -1, 2, 1, 0, 2],), lambda it, axis: it.sum(axis), permutation_type="samples", vectorized=True
    )
    assert told.method == "exact sign-flip test by file"
    assert told.p_value == pytest.approx(known.pvalue)


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=40))
def test_a_p_value_is_a_chance_and_the_same_whichever_variant_is_named_first(values: list[float]) -> None:
    p_value = chance(in_units(values, counted=False))
    assert 0 < p_value <= 1
    assert p_value == chance(in_units([-it for it in values], counted=False))


ends = st.tuples(st.integers(0, 1), st.integers(0, 1))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(ends, min_size=1, max_size=4), min_size=1, max_size=12))
def test_whatever_was_seen_what_is_told_fits_together(files: list[list[tuple[int, int]]]) -> None:
    seen = [
        (f"{number}.py", place, pair) for number, them in enumerate(files) for place, pair in enumerate(them)
    ]
    a, b = (
        [Trial("ab"[side], f"{file}:{place}", file, bool(pair[side])) for file, place, pair in seen]
        for side in (0, 1)
    )
    told, other = compare(a, b, resamples=50), compare(b, a, resamples=50)
    assert told.difference == -other.difference
    assert told.p_value == pytest.approx(other.p_value)
    assert -1 <= told.interval.low <= told.interval.high <= 1
    assert told.n == len(seen) and told.n_files == len(files)
    assert told.smallest_detectable is None or 0 < told.smallest_detectable <= 1
    assert told.different == (told.p_value <= 0.05)


def test_repeats_are_not_more_findings(paired: Paired) -> None:
    a, b = paired(*four_fold(4, 5, 1, 4))
    once = compare(a, b)
    again = [[attrs.evolve(it, repeat=number) for it in side for number in range(5)] for side in (a, b)]
    assert compare(*again) == once


def test_repeats_that_differ_are_averaged() -> None:
    def of(variant: str, *repeats: int) -> list[Trial]:
        return [Trial(variant, "f", "f.py", bool(it), number) for number, it in enumerate(repeats)]

    told = compare(of("a", 1, 1, 0), of("b", 0, 1), resamples=50)
    assert told.n == 1
    assert told.difference == pytest.approx(2 / 3 - 1 / 2)


def test_only_findings_that_both_had_are_compared(paired: Paired) -> None:
    a, b = paired(*four_fold(2, 3, 1, 2))
    told = compare([*a, Trial("a", "more", "more.py", True)], b[:-1], resamples=50)
    assert (told.n, told.n_files) == (7, 7)


def test_one_file_tells_nothing(paired: Paired) -> None:
    told = compare(*paired([(1, 0)] * 20))
    assert (told.p_value, told.interval.low, told.interval.high) == (1.0, -1.0, 1.0)
    assert told.smallest_detectable is None
    assert told.text.endswith("So few files could have shown no difference of any size.")


def test_no_difference_is_said_with_what_could_have_been_seen(paired: Paired) -> None:
    told = compare(*paired(*four_fold(80, 12, 10, 98)))
    assert told.smallest_detectable == pytest.approx(2.817 * math.sqrt((22 + 2 - 4 / 200) / 200**2), rel=0.02)
    assert told.text == (
        "No difference seen between a and b: 95 % interval -4.0 points to +5.9 points (exact McNemar test, "
        "p = 0.832; 200 findings in 200 files). The smallest difference that this size sees in 80 of 100 "
        "samples is 6.8 points."
    )


def test_a_sample_without_any_difference_is_not_sure_that_there_is_none(paired: Paired) -> None:
    told = compare(*paired(*four_fold(30, 0, 0, 30)))
    assert told.interval.low < -0.02 and told.interval.high > 0.02
    assert told.smallest_detectable is not None and told.smallest_detectable > 0.02


def test_a_difference_is_said_with_its_size(paired: Paired) -> None:
    told = compare(*paired(*four_fold(80, 40, 10, 70)))
    assert told.different
    assert told.text.startswith("a fixes 15.0 points more than b: 95 % interval +")
    assert "b fixes" not in told.text
    assert compare(*paired(*four_fold(80, 10, 40, 70))).text.startswith("a fixes 15.0 points fewer than b")


def test_the_same_seed_gives_the_same_interval(worlds: Any) -> None:
    sample = worlds.World(30, 0.1).sample(1)
    assert compare(*sample, seed=3).interval == compare(*sample, seed=3).interval
    assert compare(*sample, seed=3).interval != compare(*sample, seed=4).interval


def test_costs_are_compared_where_both_told_them() -> None:
    chance = random.Random(5)

    def of(variant: str, dearer: float) -> list[Trial]:
        return [
            Trial(variant, str(it), str(it // 2), True, cost_usd=dearer + chance.random() if it else None)
            for it in range(41)
        ]

    told = compare(of("a", 0.5), of("b", 0.0), measure="cost_usd")
    assert told.n == 40
    assert told.difference == pytest.approx(0.5, abs=0.15)
    assert told.difference in told.interval and told.interval.low > 0.3
    assert told.text.startswith(
        f"a takes +{told.difference:.4f} USD for each finding against b: 95 % interval"
    )
    with pytest.raises(UsageError, match="share no finding of which seconds was told"):
        compare(of("a", 0.5), of("b", 0.0), measure="seconds")


def test_many_variants_are_corrected_by_holm(worlds: Any) -> None:
    a, b = worlds.World(60, 0.2).sample(1)
    c = [attrs.evolve(it, variant="c") for it in worlds.World(60, 0.2).sample(1)[1]]
    told = compare_all([*a, *b, *c], resamples=999)
    assert [(it.a, it.b) for it in told] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [it.p_value for it in told]
    assert [it.adjusted for it in told] == pytest.approx(list(multipletests(raw, method="holm")[1]))
    alone = compare(a, b, resamples=999)
    assert told[0].p_value == alone.p_value
    assert told[0].interval.low < alone.interval.low and told[0].interval.high > alone.interval.high
    assert "98.3 % interval" in told[0].text and "corrected for 3 comparisons" in told[0].text
    against = compare_all([*a, *b, *c], against="b", resamples=50)
    assert [(it.a, it.b, it.family) for it in against] == [("a", "b", 2), ("c", "b", 2)]


def test_what_cannot_be_compared_is_refused(paired: Paired) -> None:
    a, b = paired(*four_fold(2, 2, 2, 2))
    with pytest.raises(UsageError, match="there is no variant d"):
        compare_all([*a, *b], against="d")
    with pytest.raises(UsageError, match="no two variants"):
        compare_all(a)
    with pytest.raises(UsageError, match="not those of a, b"):
        compare([*a, *b], b)
    with pytest.raises(UsageError, match="no trials"):
        compare([], b)
    with pytest.raises(UsageError, match="given twice for repeat 0 of a"):
        compare([*a, a[0]], b)
    with pytest.raises(UsageError, match=r"given in two files, 0\.py and x\.py"):
        compare([*a, Trial("a", a[0].finding, "x.py", True)], b)
    with pytest.raises(UsageError, match="share no finding"):
        compare(a, [Trial("b", "other", "x.py", True)])
    with pytest.raises(UsageError, match="'speed' is no measure"):
        compare(a, b, measure="speed")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="alpha is 5: it must lie between 0 and 1"):
        compare(a, b, alpha=5)
    with pytest.raises(UsageError, match="cost_usd of a trial is nan"):
        Trial("a", "f", "f.py", True, cost_usd=math.nan)


def test_without_scipy_the_extra_is_named(paired: Paired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(UsageError, match="comparing variants needs scipy, which is not installed") as caught:
        compare(*paired(*four_fold(2, 2, 2, 2)))
    assert caught.value.hint == "Install it: pip install 'stomper_sdk[experiments]'"


# In worlds of known truth. The bounds are three standard errors of the simulation about what was promised.


def error(share: float, samples: int) -> float:
    return 3 * math.sqrt(share * (1 - share) / samples)


def test_equal_variants_are_told_apart_in_five_of_a_hundred_samples_at_most(worlds: Any) -> None:
    world, samples = worlds.World(30, mean=6, correlation=0.5), 200
    found = sum(worlds.told_apart(world, seed) for seed in range(samples)) / samples
    wrong = sum(worlds.mcnemar(world, seed) for seed in range(60)) / 60
    assert 0.005 < found < 0.05 + error(0.05, samples)
    assert wrong > 0.25  # what the test by finding would do


def test_the_interval_holds_the_truth_in_95_of_a_hundred_samples(worlds: Any) -> None:
    world, samples = worlds.World(40, 0.1), 200
    held = sum(worlds.covered(world, seed) for seed in range(samples)) / samples
    assert 0.95 - error(0.95, samples) < held < 1


def test_the_extra_is_loaded_only_when_something_is_computed() -> None:
    script = (
        "import sys\nfrom stomper_sdk.experiments import Trial, compare\nTrial('a', 'f', 'f.py', True)\n"
        "print({'numpy', 'scipy', 'statsmodels', 'pandas'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


@pytest.mark.parametrize(
    ("value", "told"), [(0.0331, "+0.033 s"), (-2.34, "-2.3 s"), (0.0, "+0.000 s"), (61.0, "+61.0 s")]
)
def test_small_times_are_told_in_milliseconds(value: float, told: str) -> None:
    assert amount(value, "seconds") == told
