"""Where an experiment stands, as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from stomper_sdk.model.experiment import VariantStatus
from stomper_sdk.model.price import Spending

__all__ = ["ExperimentProgress", "Tally", "Watcher"]


@attrs.frozen
class Tally:
    """One variant until now: runs that have ended of those there are, files and findings tried, fixed."""

    runs: int = 0
    total: int = 0
    files: int = 0
    findings: int = 0
    fixed: int = 0
    status: VariantStatus = "unfinished"


@attrs.frozen
class ExperimentProgress:
    """`stage` says what it is at, `seconds` since when it goes on; `spent` is of all its variants."""

    stage: str = ""
    seconds: float = 0.0
    working: int = 0
    variants: Mapping[str, Tally] = attrs.field(factory=dict)
    spent: Spending = Spending()
    notices: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """Runs that have ended."""
        return sum(tally.runs for tally in self.variants.values())

    @property
    def total(self) -> int:
        """Runs in all."""
        return sum(tally.total for tally in self.variants.values())


Watcher = Callable[[ExperimentProgress], None]
