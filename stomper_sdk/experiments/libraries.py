"""The libraries for statistics, which are an extra: loaded when something is computed."""

from __future__ import annotations

from functools import partial

from stomper_sdk.extras import needed as _needed

__all__ = ["all_needed", "needed"]

needed = partial(_needed, what="comparing variants", extra="experiments")
_ALL = ("numpy", "scipy.stats", "statsmodels.stats.multitest", "statsmodels.stats.proportion")


def all_needed() -> None:
    """Load all of them: what cannot be computed afterwards is better known before anything is tried.

    Raises:
        UsageError: one is not installed; how to is said.
    """
    for module in _ALL:
        needed(module)
