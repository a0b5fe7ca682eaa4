"""What variants took against what they fixed, and which of them no other beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Table
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.experiment.page import notes_of
from stomper_sdk.options import did_you_mean

__all__ = ["AMOUNTS", "Amount", "Point", "front_of", "points_of", "tables_of"]

Amount = Literal["cost_usd", "tokens", "seconds"]
#: How much of it, and the share that was fixed.
Point = tuple[float, float]
AMOUNTS: Mapping[Amount, str] = {"cost_usd": "US dollars", "tokens": "tokens", "seconds": "seconds"}


def points_of(
    experiment: Experiment, amount: Amount | None = None
) -> tuple[Amount, Mapping[str, Point], Sequence[str]]:
    """What each variant took for a finding and the share that it fixed, and the variants that did not tell.

    Without an `amount`, the first that all of them have told; seconds are always told.

    Raises:
        UsageError: there is no such amount, or no variant has told it, or none was tried.
    """
    if amount is None:
        for each in AMOUNTS:
            points, untold = _points(experiment, each)
            if points and not untold:
                return each, points, untold
        amount = "seconds"
    if amount not in AMOUNTS:
        mean = did_you_mean(amount, AMOUNTS)
        raise UsageError(f"nothing is measured in {amount!r}{mean}", f"There are: {', '.join(AMOUNTS)}.")
    points, untold = _points(experiment, amount)
    if not points:
        raise UsageError(f"no variant told its {AMOUNTS[amount]}", "Seconds are always known: seconds.")
    return amount, points, untold


def tables_of(experiment: Experiment) -> Sequence[Table]:
    """What each variant came to, of those that were tried.

    Raises:
        UsageError: none was, or what computes is not installed.
    """
    if not experiment.tables:
        raise UsageError("no variant was tried to any end", "\n".join(notes_of(experiment)))
    return experiment.tables


def front_of(points: Mapping[str, Point]) -> frozenset[str]:
    """Those that no other beats: none fixes as many for less, or more for as little (Pareto)."""
    return frozenset(
        name
        for name, (taken, rate) in points.items()
        if not any(
            other[0] <= taken and other[1] >= rate and other != (taken, rate) for other in points.values()
        )
    )


def _points(experiment: Experiment, amount: Amount) -> tuple[Mapping[str, Point], Sequence[str]]:
    points: dict[str, Point] = {}
    untold: list[str] = []
    for table in tables_of(experiment):
        taken = getattr(table.total, amount)
        if taken is None:
            untold.append(table.variant)
        else:
            points[table.variant] = (taken / table.total.findings, table.total.rate)
    return points, untold
