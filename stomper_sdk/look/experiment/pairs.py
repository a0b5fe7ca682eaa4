"""What tells two variants apart, however that was found: after the end, or looked at while it went on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from stomper_sdk.experiments import Comparison, Decision, Interval, Measure
from stomper_sdk.laboratory import Experiment

__all__ = ["Pair", "pair_of", "pairs_told"]


@attrs.frozen
class Pair:
    """What `a` gave more than `b`.

    `p_value` is None before the answer is clear. `smallest` is the smallest difference that could be seen,
    infinite where none could, None where nothing is told of that.
    """

    a: str
    b: str
    measure: Measure
    difference: float
    interval: Interval
    different: bool
    clear: bool
    p_value: float | None
    n: int
    smallest: float | None
    text: str

    @property
    def verdict(self) -> str:
        """In two or three words."""
        if not self.clear:
            return "not clear yet"
        return "different" if self.different else "no difference seen"


def pairs_told(experiment: Experiment, measure: Measure = "fixed", alpha: float = 0.05) -> Sequence[Pair]:
    """All pairs; of rates that were looked at while it went on, what the looks decided.

    A test that does not know of the looks would find too much.

    Raises:
        UsageError: as `Experiment.comparisons`.
    """
    if measure == "fixed" and experiment.decisions:
        return list({(it.a, it.b): _decided(it) for it in experiment.decisions}.values())
    return [pair_of(it) for it in experiment.comparisons(measure, alpha)]


def pair_of(it: Comparison) -> Pair:
    """The same of a comparison."""
    smallest = math.inf if it.smallest_detectable is None else it.smallest_detectable
    return Pair(
        *(it.a, it.b, it.measure, it.difference, it.interval, it.different, True, it.adjusted, it.n),
        *(smallest, it.text),
    )


def _decided(it: Decision) -> Pair:
    return Pair(
        it.a,
        it.b,
        "fixed",
        it.difference,
        it.interval,
        it.different,
        it.stop,
        it.p_value,
        it.n,
        None,
        it.text,
    )
