"""Where a run stands, folded from its events."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from stomper_sdk.events import (
    AttemptFinished,
    AttemptStarted,
    Event,
    FileFinished,
    FileStarted,
    PlanMade,
    StageStarted,
)
from stomper_sdk.model.price import Usage
from stomper_sdk.model.result import FileResult

__all__ = ["Progress", "Work", "advance"]


@attrs.frozen
class Work:
    """One file at work; `since` is when its present stage began."""

    path: str
    since: float
    stage: str = ""
    attempt: int = 0


@attrs.frozen
class Progress:
    """`stage` is a stage of the run itself; `planned` is when the first file could start.

    Times are seconds since the run began. `usage` is what agents have told of until now.
    """

    stage: str = ""
    since: float = 0.0
    planned: float = 0.0
    total: int = 0
    findings: int = 0
    done: int = 0
    fixed: int = 0
    usage: Usage = Usage()
    working: Mapping[str, Work] = attrs.field(factory=dict)

    @property
    def left(self) -> int:
        return max(self.findings - self.fixed, 0)

    def to_go(self, now: float) -> float | None:
        """Seconds until all files have ended, guessed from the pace so far; None where there is none yet."""
        if not 0 < self.done < self.total:
            return None
        return (now - self.planned) / self.done * (self.total - self.done)


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
        case AttemptFinished(attempt=attempt):
            return attrs.evolve(progress, usage=progress.usage.plus(attempt.usage))
        case FileStarted(path=str(path)):  # the run's stages before the files are over
            return _at_work(attrs.evolve(progress, stage=""), path, event)
        case StageStarted(path=str(path)) | AttemptStarted(path=str(path)):
            return _at_work(progress, path, event)
    return progress


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
