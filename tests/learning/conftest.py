"""Lessons to learn from, and the history of a checkout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from stomper_sdk.learning import Lesson
from stomper_sdk.model.file import CodeTally

LESSON = Lesson(
    key="k",
    when=1_700_000_000.0,
    session="stomper-20260101-120000-ab12",
    number=1,
    round=1,
    agent="mine",
    kind="command",
    model=None,
    level="minimal",
    outcome="fixed",
    failure=None,
    seconds=1.5,
    tokens_in=100,
    tokens_out=20,
    cost_usd=None,
    lines=10,
    findings=2,
    suffix=".py",
    codes=(CodeTally("ruff", "F401", 2, 1),),
)


@pytest.fixture
def lesson() -> Callable[..., Lesson]:
    """Makes a lesson; `codes` are tuples of code, tried, fixed."""

    def make(**changes: Any) -> Lesson:
        if codes := changes.pop("codes", None):
            changes["codes"] = tuple(CodeTally("ruff", *code) for code in codes)
        return attrs.evolve(LESSON, **changes)

    return make
