"""Which level of detail an attempt gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.options import nearest

__all__ = ["choose_level"]

#: Called with what stands after the colon, the levels, the attempt's number and the history.
Strategy = Callable[[str, Sequence[str], int, object], str]


def choose_level(strategy: str, levels: Sequence[str], attempt: int, history: object = None) -> str:
    """The level of an attempt.

    Args:
        strategy: `escalate` (attempt n gets level n, the last one repeats) or `fixed:<level>`.
        levels: from the shortest to the most detailed.
        attempt: its number, from 1.
        history: what was learned; for strategies that look at it.

    Raises:
        PipelineError: there is no such strategy, or no such level.
    """
    name, _, argument = strategy.partition(":")
    if name not in _STRATEGIES:
        text = f"unknown strategy {strategy!r}; there are {', '.join(_STRATEGIES)}"
        raise PipelineError([Problem(text, "prompt.strategy", suggestion=nearest(name, _STRATEGIES))])
    return _STRATEGIES[name](argument, levels, attempt, history)


def _escalate(_: str, levels: Sequence[str], attempt: int, history: object) -> str:
    return levels[min(attempt, len(levels)) - 1]


def _fixed(level: str, levels: Sequence[str], attempt: int, history: object) -> str:
    if level not in levels:
        text = f"the level {level!r} is not one of {', '.join(levels)}"
        raise PipelineError([Problem(text, "prompt.strategy", suggestion=nearest(level, levels))])
    return level


_STRATEGIES: Mapping[str, Strategy] = {"escalate": _escalate, "fixed": _fixed}
