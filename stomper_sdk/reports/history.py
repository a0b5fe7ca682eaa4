"""Runs of the past, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stomper_sdk.model.history import PastRun
from stomper_sdk.model.present import counted, one_line, seconds_text, visible
from stomper_sdk.model.result import FindingEnd, FindingStatus, RunResult
from stomper_sdk.reports.layout import table, wrapped
from stomper_sdk.reports.text import attempt_text, file_line

__all__ = ["files_text", "findings_text", "run_row", "runs_text", "runs_to_dict"]

_STATUS = 10
_HEADER = ("session", "started", "pipeline", "status", "files", "fixed", "left", "commits", "time")


def runs_text(runs: Sequence[PastRun], width: int = 80) -> str:
    """A line for each run, or two where the lines are short, and below them what cannot be read."""
    rows = [run_row(run) for run in runs]
    shown = table(_HEADER, rows, width) or "\n".join(_stacked(run, width) for run in runs)
    problems = [f"{run.session_id}: {one_line(run.problem)}" for run in runs if run.problem]
    return "\n".join([shown, *(wrapped(problem, width, indent=2) for problem in problems)])


def runs_to_dict(runs: Iterable[PastRun]) -> dict[str, Any]:
    """The runs as a document; what is not known of one is null."""
    return {"version": 1, "runs": [_document(run) for run in runs]}


def findings_text(result: RunResult, width: int = 80) -> str:
    """A line for each finding that a run saw: how it ended, where it was, what it said, who did it."""
    lines = (wrapped(f"  {_finding_line(end)}", width, indent=_STATUS + 3) for end in result.findings)
    return "\n".join(["Findings", *lines]) if result.findings else ""


def files_text(result: RunResult, width: int = 80, *, attempts: bool = False) -> str:
    """A line for each file, in the order of the plan, and for each attempt where asked for."""
    lines = []
    for file in result.files:
        lines.append(wrapped(f"  {file_line(file)}", width, indent=11))
        for it in file.attempts if attempts else ():
            lines.append(wrapped(f"    try {it.number}  {attempt_text(it)}", width, indent=11))
    return "\n".join(["Files", *lines]) if lines else ""


def run_row(run: PastRun) -> Sequence[str]:
    """The cells of a run in a list: session, start, pipeline, status, counts, time."""
    result = run.result
    if result is None:
        return (run.session_id, run.started, "", run.status, *[""] * 5)
    return (
        run.session_id,
        run.started,
        one_line(result.pipeline, 24),
        run.status,
        f"{result.count('fixed')} of {len(result.files)}",
        str(_ended(result, "fixed")),
        str(_ended(result, "remaining")),
        str(_commits(result)),
        seconds_text(result.duration_seconds),
    )


def _stacked(run: PastRun, width: int) -> str:
    lines = [f"{run.session_id}  {run.status}"]
    result = run.result
    if result is not None:
        facts = (
            one_line(result.pipeline, 24),
            f"{result.count('fixed')} of {counted(len(result.files), 'file')} fixed",
            f"{counted(_ended(result, 'fixed'), 'finding')} fixed, {_ended(result, 'remaining')} left",
            counted(_commits(result), "commit"),
            seconds_text(result.duration_seconds),
        )
        lines.append(wrapped(f"  {'; '.join(facts)}", width, indent=2))
    return "\n".join(lines)


def _document(run: PastRun) -> dict[str, Any]:
    result = run.result
    return {
        "session_id": run.session_id,
        "started": run.started,
        "status": run.status,
        "problem": run.problem or None,
        "pipeline": result and result.pipeline,
        "exit_code": result and result.exit_code,
        "files": result and len(result.files),
        "files_fixed": result and result.count("fixed"),
        "findings_fixed": result and _ended(result, "fixed"),
        "findings_left": result and _ended(result, "remaining"),
        "commits": result and _commits(result),
        "duration_seconds": result and result.duration_seconds,
    }


def _finding_line(end: FindingEnd) -> str:
    finding = end.finding
    numbers = (number for number in (finding.line, finding.column) if number is not None)
    place = ":".join([visible(finding.path), *map(str, numbers)])
    told = (place, visible(finding.code), *_doer(end), one_line(finding.message), *_reason(end))
    return f"{end.status:<{_STATUS}} {'  '.join(told)}"


def _doer(end: FindingEnd) -> Iterator[str]:
    """The commit with which it ended, and the attempt that made it."""
    if end.commit:
        yield f"{end.commit[:7]} attempt {end.attempt}" if end.attempt else end.commit[:7]


def _reason(end: FindingEnd) -> Iterator[str]:
    if end.reason:
        yield f"({one_line(end.reason, 120)})"


def _commits(result: RunResult) -> int:
    return len({file.commit for file in result.files if file.commit})


def _ended(result: RunResult, status: FindingStatus) -> int:
    return sum(end.status == status for end in result.findings)
