"""Where a run stands, folded from its events; and the lines that an event is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from stomper_sdk.events import (
    AttemptFinished,
    AttemptStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    PlanMade,
    StageFinished,
    StageStarted,
)
from stomper_sdk.model.present import counted, one_line, seconds_text, visible
from stomper_sdk.model.result import Attempt, FileResult
from stomper_sdk.reports import file_line

__all__ = ["Progress", "Verbosity", "Work", "advance", "lines_of", "stopping_line"]

Verbosity = Literal["quiet", "live", "lines", "verbose"]


@attrs.frozen
class Work:
    """One file at work; `since` is when its present stage began."""

    path: str
    since: float
    stage: str = ""
    attempt: int = 0


@attrs.frozen
class Progress:
    """`stage` is a stage of the run itself; `planned` is when the first file could start."""

    stage: str = ""
    since: float = 0.0
    planned: float = 0.0
    total: int = 0
    findings: int = 0
    done: int = 0
    fixed: int = 0
    working: Mapping[str, Work] = attrs.field(factory=dict)

    @property
    def left(self) -> int:
        return max(self.findings - self.fixed, 0)


def advance(progress: Progress, event: Event) -> Progress:
    """Where the run stands after the event."""
    match event:
        case PlanMade(plan=plan):
            return attrs.evolve(
                progress, planned=event.time, total=len(plan.tasks), findings=plan.finding_count
            )
        case StageStarted(path=None, stage=stage):
            return attrs.evolve(progress, stage=stage, since=event.time)
        case FileFinished(result=result):
            return _finished(progress, result)
        case FileStarted(path=str(path)) | StageStarted(path=str(path)) | AttemptStarted(path=str(path)):
            return _at_work(progress, path, event)
    return progress


def lines_of(event: Event, verbosity: Verbosity) -> tuple[str, ...]:
    """What is printed when the event happens."""
    match event:
        case FileFinished(result=result):
            return (file_line(result),) if _is_told(result, verbosity) else ()
        case Notice(text=text) if verbosity != "quiet":
            return (f"notice   {one_line(text, 600)}",)
        case StageFinished(path=path, stage=stage, seconds=seconds) if verbosity == "verbose":
            return (f"  stage  {visible(path or 'run')}  {stage}  {seconds_text(seconds)}",)
        case AttemptFinished(path=path, attempt=attempt) if verbosity == "verbose":
            return (f"  try {attempt.number}  {visible(path)}  {_attempt_text(attempt)}",)
    return ()


def stopping_line(progress: Progress) -> str:
    """What the first interrupt is answered with."""
    if not progress.working:
        return "stopping; press Ctrl-C again to cancel"
    return f"finishing {counted(len(progress.working), 'file')} at work; press Ctrl-C again to cancel"


def _finished(progress: Progress, result: FileResult) -> Progress:
    return attrs.evolve(
        progress,
        done=progress.done + 1,
        fixed=progress.fixed + result.fixed_count,
        working={path: work for path, work in progress.working.items() if path != result.path},
    )


def _at_work(progress: Progress, path: str, event: Event) -> Progress:
    work = progress.working.get(path, Work(path, event.time))
    if isinstance(event, StageStarted):
        work = attrs.evolve(work, stage=event.stage, since=event.time)
    if isinstance(event, AttemptStarted):
        work = attrs.evolve(work, attempt=event.number)
    return attrs.evolve(progress, working={**progress.working, path: work})


def _is_told(result: FileResult, verbosity: Verbosity) -> bool:
    if verbosity in {"lines", "verbose"}:
        return True
    return verbosity == "quiet" and result.outcome == "error"


def _attempt_text(attempt: Attempt) -> str:
    reason = f"  {one_line(attempt.reason)}" if attempt.reason else ""
    time = seconds_text(attempt.duration_seconds)
    return f"{visible(attempt.agent)}, {attempt.level}: {attempt.outcome}  {time}{reason}"
