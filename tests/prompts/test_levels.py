"""Which attempt gets which level."""

from __future__ import annotations

import pytest

from stomper_sdk.errors import PipelineError
from stomper_sdk.prompts import choose_level

LEVELS = ("minimal", "normal", "detailed")


def test_escalate_takes_the_next_level_each_time_and_stays_at_the_last() -> None:
    chosen = [choose_level("escalate", LEVELS, attempt).level for attempt in (1, 2, 3, 4)]
    assert chosen == ["minimal", "normal", "detailed", "detailed"]
    assert choose_level("escalate", ["only"], 7).level == "only"


def test_fixed_takes_one_level_always() -> None:
    assert {choose_level("fixed:normal", LEVELS, attempt).level for attempt in (1, 2, 9)} == {"normal"}


@pytest.mark.parametrize(
    ("strategy", "suggestion"), [("fixed:norml", "normal"), ("escalte", "escalate"), ("fixed", "")]
)
def test_unknown_strategies_and_levels_are_refused(strategy: str, suggestion: str) -> None:
    with pytest.raises(PipelineError) as caught:
        choose_level(strategy, LEVELS, 1)
    assert caught.value.problems[0].suggestion == suggestion
