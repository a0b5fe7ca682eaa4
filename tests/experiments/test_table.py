"""What each variant did, summed up."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from statsmodels.stats.proportion import proportion_confint

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Trial, Visit, tabulate


def trial(variant: str, finding: str, fixed: bool, repeat: int = 0, code: str = "F401", **more: Any) -> Trial:
    return Trial(variant, finding, finding.partition(":")[0], fixed, repeat, code, **more)


def test_findings_are_counted_once_and_their_repeats_averaged() -> None:
    seen = [
        trial("a", "x.py:1", True, 0, seconds=2.0, cost_usd=0.1),
        trial("a", "x.py:1", False, 1, seconds=4.0, cost_usd=0.3),
        trial("a", "y.py:1", True, 0, "E501", seconds=1.0),
    ]
    (table,) = tabulate(seen)
    assert (table.variant, table.total.findings, table.total.files, table.total.fixed) == ("a", 2, 2, 1.5)
    assert table.total.rate == 0.75
    assert table.total.seconds == pytest.approx(4.0)
    assert table.total.seconds_per_fixed == pytest.approx(4.0 / 1.5)
    assert table.total.cost_usd is None and table.total.cost_per_fixed is None  # y.py told none
    assert [(it.name, it.findings, it.fixed) for it in table.codes] == [("E501", 1, 1.0), ("F401", 1, 0.5)]
    assert [(it.name, it.cost_usd) for it in table.files] == [("x.py", pytest.approx(0.2)), ("y.py", None)]
    assert table.codes[1].cost_per_fixed == pytest.approx(0.4)


def test_what_fixed_nothing_has_no_cost_of_a_fix() -> None:
    (table,) = tabulate([trial("a", "x.py:1", False, seconds=2.0)])
    assert (table.total.rate, table.total.seconds_per_fixed) == (0.0, None)


def test_one_finding_a_file_has_wilsons_interval() -> None:
    (table,) = tabulate([trial("a", f"{it}.py:1", it < 81) for it in range(263)])
    # Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263.
    assert (table.total.interval.low, table.total.interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_findings_of_a_file_that_share_its_fate_are_worth_less() -> None:
    (table,) = tabulate([trial("a", f"{it // 10}.py:{it}", it % 20 < 10) for it in range(200)])
    low, high = proportion_confint(100, 200, method="wilson")
    files = proportion_confint(10, 20, method="wilson")
    assert table.total.interval.low < low - 0.1 and table.total.interval.high > high + 0.1
    assert table.total.interval.low == pytest.approx(files[0], abs=0.03)


def test_counts_of_files_are_summed_beside() -> None:
    seen = [trial(variant, f"{file}.py:1", True) for variant in "ab" for file in "xy"]
    visits = [
        Visit("a", "x.py", 0, attempts=3, new_findings=1, guard_rejections=1, test_failures=0),
        Visit("a", "x.py", 1, attempts=1, new_findings=0, guard_rejections=0, test_failures=2),
        Visit("a", "y.py", 0, attempts=1),
    ]
    a, b = tabulate(seen, visits)
    assert (a.total.attempts, a.total.new_findings) == (3.0, 0.5)
    assert (a.total.guard_rejections, a.total.test_failures) == (0.5, 1.0)
    assert [it.attempts for it in a.files] == [2.0, 1.0]
    assert [it.attempts for it in a.codes] == [None]
    assert (b.variant, b.total.attempts) == ("b", None)
    with pytest.raises(UsageError, match=r"x\.py was given twice for one repeat of a"):
        tabulate(seen, [*visits, attrs.evolve(visits[0], attempts=2)])


def test_the_interval_of_a_rate_holds_the_truth(worlds: Any) -> None:
    world, samples = worlds.World(40), 150
    held = sum(worlds.rate_covered(world, seed) for seed in range(samples)) / samples
    assert held > 0.95 - 3 * (0.95 * 0.05 / samples) ** 0.5
