"""What the statistics are made from: each finding, once for each time that a variant was tried on it."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from stomper_sdk.errors import AWAY
from stomper_sdk.experiments import Trial, Visit
from stomper_sdk.model.file import Attempt, FileResult
from stomper_sdk.model.finding import Finding, fingerprints
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.price import Usage
from stomper_sdk.model.result import RunResult

__all__ = ["by_likeness", "by_place", "never_answered", "trials_of", "visits_of"]

#: A name for each finding, in the order given; equal ones mean the same finding.
Naming = Callable[[Sequence[Finding]], Sequence[str]]


def by_place(findings: Sequence[Finding]) -> Sequence[str]:
    """Where each stands: the same in all looks at one commit."""
    return _unique(f"{it.location} {it.check} {it.code}" for it in findings)


def by_likeness(findings: Sequence[Finding]) -> Sequence[str]:
    """What stays of each when lines move, for looks at different commits."""
    prints = (
        f"{it.path} {it.check} {it.code} {it.text!r} #{it.occurrence} {_sum_of(it.scope)}"
        for it in fingerprints(findings)
    )
    return _unique(prints)


def _sum_of(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}"


def _unique(names: Iterable[str]) -> Sequence[str]:
    seen: Counter[str] = Counter()
    made = []
    for name in names:
        made.append(f"{name} ({seen[name] + 1})" if seen[name] else name)
        seen[name] += 1
    return made


def trials_of(
    result: RunResult,
    tasks: Iterable[FileTask],
    variant: str,
    repeat: int = 0,
    named: Naming = by_place,
) -> Iterator[Trial]:
    """Each planned finding of the files that were tried, and whether it ended as fixed.

    What was cured by another file's commit is fixed. A file that never came to its turn, was left alone, had
    no workspace, or whose agent was not there to be asked tells nothing. What a file took is shared among its
    findings.
    """
    files = {file.path: file for file in result.files if _was_tried(file)}
    fixed = Counter(_key(end.finding) for end in result.findings if end.status == "fixed" or end.gone)
    for task in tasks:
        file = files.get(task.path)
        if file is None:
            continue
        share, usage = len(task.findings), used_by(file.attempts)
        for finding, name in zip(task.findings, named(task.findings), strict=True):
            key = _key(finding)
            fixed[key] -= 1
            yield Trial(
                variant,
                name,
                task.path,
                fixed=fixed[key] >= 0,
                repeat=repeat,
                code=finding.code,
                seconds=file.duration_seconds / share,
                tokens=None if usage.tokens is None else usage.tokens / share,
                cost_usd=None if usage.cost_usd is None else usage.cost_usd / share,
            )


def visits_of(result: RunResult, variant: str, repeat: int = 0) -> Iterator[Visit]:
    """What happened to each file that was tried."""
    for file in result.files:
        if _was_tried(file):
            outcomes = [attempt.outcome for attempt in file.attempts]
            yield Visit(
                variant,
                file.path,
                repeat,
                attempts=len(outcomes),
                new_findings=file.new_count,
                guard_rejections=outcomes.count("guard"),
                test_failures=outcomes.count("tests_failed"),
            )


def used_by(attempts: Sequence[Attempt]) -> Usage:
    """What attempts used together; None where one of them did not tell."""
    told = [attempt.usage for attempt in attempts]
    tokens = all(usage.tokens is not None for usage in told)
    dollars = all(usage.cost_usd is not None for usage in told)
    total = Usage()
    for usage in told:
        total = total.plus(usage)
    return Usage(
        total.tokens_in if tokens else None,
        total.tokens_out if tokens else None,
        total.cost_usd if dollars else None,
    )


def never_answered(file: FileResult) -> bool:
    """Whether every attempt at a file ended with its agent, before there was anything to judge."""
    return bool(file.attempts) and all(attempt.outcome == "agent_error" for attempt in file.attempts)


def _was_tried(file: FileResult) -> bool:
    if file.outcome in ("cancelled", "skipped") or (file.outcome == "error" and not file.attempts):
        return False
    away = [attempt.failure in AWAY for attempt in file.attempts]
    return not (away and all(away))


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.check, finding.code, finding.path, finding.line, finding.column, finding.message
