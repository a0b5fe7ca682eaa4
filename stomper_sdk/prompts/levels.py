"""Which level of detail an attempt gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.learning import Choice, Situation, choose
from stomper_sdk.options import nearest

__all__ = ["choose_level"]

#: Called with what stands after the colon, the levels, the attempt's number and what it is for.
Strategy = Callable[[str, Sequence[str], int, Situation], Choice]

_NOWHERE = Situation()


def choose_level(
    strategy: str, levels: Sequence[str], attempt: int, situation: Situation = _NOWHERE
) -> Choice:
    """The level of an attempt.

    Args:
        strategy: `escalate` (attempt n gets level n, the last one repeats), `fixed:<level>`, or `adaptive`
            (the level with the most expected fixes for its cost, as far as that was learned).
        levels: from the shortest to the most detailed.
        attempt: its number among those at the same findings, from 1.
        situation: what it is for, and what was learned; for strategies that look at it.

    Raises:
        PipelineError: there is no such strategy, or no such level.
    """
    name, _, argument = strategy.partition(":")
    if name not in _STRATEGIES:
        text = f"unknown strategy {strategy!r}; there are {', '.join(_STRATEGIES)}"
        raise PipelineError([Problem(text, "prompt.strategy", suggestion=nearest(name, _STRATEGIES))])
    return _STRATEGIES[name](argument, levels, attempt, situation)


def _escalate(_: str, levels: Sequence[str], attempt: int, situation: Situation) -> Choice:
    return Choice(levels[min(attempt, len(levels)) - 1])


def _fixed(level: str, levels: Sequence[str], attempt: int, situation: Situation) -> Choice:
    if level not in levels:
        text = f"the level {level!r} is not one of {', '.join(levels)}"
        raise PipelineError([Problem(text, "prompt.strategy", suggestion=nearest(level, levels))])
    return Choice(level)


def _adaptive(_: str, levels: Sequence[str], attempt: int, situation: Situation) -> Choice:
    return choose(situation, levels)


_STRATEGIES: Mapping[str, Strategy] = {"escalate": _escalate, "fixed": _fixed, "adaptive": _adaptive}
