"""The lines that an event is worth."""

from __future__ import annotations

from typing import Literal

from stomper_sdk.events import (
    AttemptFinished,
    Event,
    FileFinished,
    Notice,
    StageFinished,
)
from stomper_sdk.model.present import counted, one_line, seconds_text, visible
from stomper_sdk.model.result import FileResult
from stomper_sdk.progress import Progress
from stomper_sdk.reports import attempt_text, file_line

__all__ = ["Verbosity", "lines_of", "stopping_line"]

Verbosity = Literal["quiet", "live", "lines", "verbose"]


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
            return (f"  try {attempt.number}  {visible(path)}  {attempt_text(attempt)}",)
    return ()


def stopping_line(progress: Progress) -> str:
    """What the first interrupt is answered with."""
    if not progress.working:
        return "stopping; press Ctrl-C again to cancel"
    return f"finishing {counted(len(progress.working), 'file')} at work; press Ctrl-C again to cancel"


def _is_told(result: FileResult, verbosity: Verbosity) -> bool:
    if verbosity in {"lines", "verbose"}:
        return True
    return verbosity == "quiet" and result.outcome == "error"
