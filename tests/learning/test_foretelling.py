"""A forecast: ranges from past attempts, and none where there is nothing to learn from."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stomper_sdk.learning import Lesson, foretell
from stomper_sdk.model.forecast import Forecast, Span

KINDS = {"mine": "command"}


def forecast(lessons: Sequence[Lesson], **changes: Any) -> Forecast | None:
    asked = {"kinds": KINDS, "free": (), "files": 10, "max_attempts": 3, "parallel": 4, **changes}
    return foretell(lessons, **asked)


def test_without_enough_to_learn_from_there_is_none(lesson: Callable[..., Lesson]) -> None:
    assert forecast([]) is None
    assert forecast([lesson()] * 4) is None
    assert forecast([lesson()] * 5) is not None
    assert forecast([lesson(agent="other")] * 50) is None
    assert forecast([lesson(kind="python")] * 50) is None, "another agent had that name"
    assert forecast([lesson(failure="quota", outcome="agent_error")] * 50) is None
    assert forecast([lesson()] * 50, files=0) is None


def test_what_was_always_so_will_be_so(lesson: Callable[..., Lesson]) -> None:
    assert forecast([lesson(cost_usd=0.5)] * 20) == Forecast(
        learned=20,
        files=20,
        attempts=Span(10, 10),
        seconds=Span(15 / 4, 15 / 4),
        tokens=Span(1200, 1200),
        cost_usd=Span(5, 5),
    )


def test_what_nobody_told_is_not_foretold_and_free_agents_use_none(lesson: Callable[..., Lesson]) -> None:
    silent = forecast([lesson(tokens_in=None, tokens_out=None)] * 20)
    assert silent is not None
    assert (silent.tokens, silent.cost_usd) == (None, None)
    free = lesson(agent="ruff", kind="ruff-fix", tokens_in=None, tokens_out=None)
    both = [free, lesson(number=2)] * 20
    made = forecast(both, kinds={"ruff": "ruff-fix", **KINDS}, free=["ruff"])
    assert made is not None
    assert made.attempts == Span(20, 20)
    assert made.tokens is not None
    assert (made.tokens.low + made.tokens.high) / 2 == pytest.approx(1200)


def test_an_agent_that_handed_over_makes_no_second_file(lesson: Callable[..., Lesson]) -> None:
    failed = lesson(agent="first", outcome="agent_error")
    made = forecast([failed, lesson()] * 20, kinds={"first": "command", **KINDS})
    assert made is not None
    assert (made.files, made.attempts) == (20, Span(20, 20))


def test_nine_runs_in_ten_end_within_the_range(lesson: Callable[..., Lesson]) -> None:
    """Files of one to three attempts, of very different sizes: what is foretold of 30 from 40 others."""
    chance = random.Random(11)

    def attempts() -> list[Lesson]:
        count = chance.choice([1, 1, 1, 2, 3])
        sizes = [int(chance.lognormvariate(7, 0.7)) for _ in range(count)]
        return [
            lesson(number=number + 1, tokens_in=size, tokens_out=0, seconds=size / 100)
            for number, size in enumerate(sizes)
        ]

    inside = {"tokens": 0, "attempts": 0, "seconds": 0}
    for _ in range(300):
        made = forecast([it for _ in range(40) for it in attempts()], files=30, parallel=1)
        real = [it for _ in range(30) for it in attempts()]
        assert made is not None
        assert made.tokens is not None
        inside["tokens"] += made.tokens.low <= sum(it.tokens or 0 for it in real) <= made.tokens.high
        inside["attempts"] += made.attempts.low <= len(real) <= made.attempts.high
        inside["seconds"] += made.seconds.low <= sum(it.seconds for it in real) <= made.seconds.high
    assert all(0.84 < count / 300 < 0.97 for count in inside.values()), inside
