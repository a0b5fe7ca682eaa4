"""Where an experiment stands, as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from stomper_sdk.model.experiment import VariantStatus
from stomper_sdk.model.price import Spending

__all__ = ["ExperimentProgress", "Tally", "Watcher"]


@attrs.frozen
class Tally:
    """One variant until now: runs that have ended of those there are, files and findings tried, fixed.

    `planned` are the findings to try in all, each as often as it is repeated; `seconds` is what the files
    took.
    """

    runs: int = 0
    total: int = 0
    files: int = 0
    findings: int = 0
    fixed: int = 0
    planned: int = 0
    seconds: float = 0.0
    status: VariantStatus = "unfinished"


@attrs.frozen
class ExperimentProgress:
    """`stage` says what it is at, `seconds` since when it goes on; `spent` is of all its variants.

    `before` is what the files took that had ended before it was gone on with.
    """

    stage: str = ""
    seconds: float = 0.0
    working: int = 0
    variants: Mapping[str, Tally] = attrs.field(factory=dict)
    spent: Spending = Spending()
    notices: tuple[str, ...] = ()
    before: float = 0.0

    @property
    def done(self) -> int:
        """Runs that have ended."""
        return sum(tally.runs for tally in self.variants.values())

    @property
    def total(self) -> int:
        """Runs in all."""
        return sum(tally.total for tally in self.variants.values())

    def to_go(self, since: float = 0.0) -> float | None:
        """Seconds until the last finding was tried, guessed from the pace so far; None where there is none.

        Args:
            since: how many seconds ago this was so.
        """
        tallies = self.variants.values()
        tried, took = sum(it.findings for it in tallies), sum(it.seconds for it in tallies)
        left = 0.0
        for tally in tallies:
            if tally.status == "unfinished" and tried:
                # A variant is as slow as it was; one that was not tried yet, as they all are.
                each = tally.seconds / tally.findings if tally.findings else took / tried
                left += each * max(tally.planned - tally.findings, 0)
        fresh = took - self.before
        return (self.seconds + since) * left / fresh if left and fresh > 0 else None


Watcher = Callable[[ExperimentProgress], None]
