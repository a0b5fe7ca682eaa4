"""Which of a file's findings an attempt is about."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.pipeline import ProcessingSpec

__all__ = ["next_portion"]

_ALL: Callable[[Finding], object] = lambda finding: None  # noqa: E731
_SAME: Mapping[str, Callable[[Finding], object]] = {
    "batch": _ALL,
    "one_code_at_a_time": lambda finding: (finding.check, finding.code),
    "one_finding_at_a_time": lambda finding: finding,
}


def next_portion(findings: Iterable[Finding], spec: ProcessingSpec) -> frozenset[Finding]:
    """The findings that are worked on together next: the first one, by place, and those that go with it.

    Args:
        findings: what is open and was not given up.
        spec: what goes together, and how many at most.
    """
    ordered = sorted(findings, key=_place)
    if not ordered:
        return frozenset()
    same = _SAME[spec.strategy]
    alike = (finding for finding in ordered if same(finding) == same(ordered[0]))
    return frozenset(itertools.islice(alike, spec.max_findings_per_attempt or None))


def _place(finding: Finding) -> tuple[int, int, str, str]:
    return finding.line or 0, finding.column or 0, finding.check, finding.code
