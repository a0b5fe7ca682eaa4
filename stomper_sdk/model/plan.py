"""What a run is going to do: one task for each file, and what is left alone with the reason."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module

import attrs

from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.forecast import Forecast
from stomper_sdk.model.present import counted

__all__ = ["FileTask", "Plan", "Skipped"]

_LOOK = "stomper_sdk.look"


@attrs.frozen
class FileTask:
    """One file to fix; `index` is its place in the plan, from 0."""

    index: int
    path: str
    findings: tuple[Finding, ...]


@attrs.frozen
class Skipped:
    """Findings that the run sees and leaves alone."""

    path: str
    reason: str
    findings: tuple[Finding, ...]


@attrs.frozen(repr=False)
class Plan:
    """The tasks in order; `baseline` is every finding of the base commit, targeted or not.

    Fixes are judged against the baseline, so that a finding which was not asked for but was there
    before is not taken for a new one. `unsettled` are files that differ from the commit before anybody
    has edited them. `evidence` proves the look at the base commit, `tree_evidence` the one at the user's
    tree, in which what is skipped was seen. `forecast` says what it is going to take, where that was asked
    for and enough was learned.
    """

    base_commit: str
    tasks: tuple[FileTask, ...]
    skipped: tuple[Skipped, ...]
    baseline: tuple[Finding, ...]
    notices: tuple[str, ...] = ()
    unsettled: frozenset[str] = frozenset()
    evidence: tuple[Evidence, ...] = ()
    tree_evidence: tuple[Evidence, ...] = ()
    forecast: Forecast | None = None

    def __repr__(self) -> str:
        return f"<Plan {counted(len(self.tasks), 'file')}, {counted(self.finding_count, 'finding')}>"

    def _repr_html_(self) -> str:
        return str(import_module(_LOOK).plan_html(self))

    def baseline_of(self, paths: Collection[str]) -> tuple[Finding, ...]:
        """The baseline's findings in some files."""
        return tuple(finding for path in paths for finding in self._by_path.get(path, ()))

    @functools.cached_property
    def _by_path(self) -> Mapping[str, Sequence[Finding]]:
        found: dict[str, list[Finding]] = {}
        for finding in self.baseline:
            found.setdefault(finding.path, []).append(finding)
        return found

    @property
    def finding_count(self) -> int:
        return sum(len(task.findings) for task in self.tasks)
