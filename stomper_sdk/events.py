"""What happens in a run, as it happens: frozen values given to listeners.

A listener is a plain function; it is called in the run's own task and must return at once.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from stomper_sdk.model.plan import Plan
from stomper_sdk.model.result import Attempt, FileResult, RunResult

__all__ = [
    "AttemptFinished",
    "AttemptStarted",
    "Event",
    "FileFinished",
    "FileStarted",
    "Listener",
    "Notice",
    "PlanMade",
    "RunFinished",
    "RunStarted",
    "StageFinished",
    "StageStarted",
]


@attrs.frozen
class Event:
    """`time` is in seconds on the run's own clock, from its start."""

    time: float


@attrs.frozen
class RunStarted(Event):
    session_id: str
    pipeline: str


@attrs.frozen
class PlanMade(Event):
    plan: Plan


@attrs.frozen
class FileStarted(Event):
    path: str


@attrs.frozen
class StageStarted(Event):
    """`path` is None for a stage of the run rather than of one file."""

    path: str | None
    stage: str


@attrs.frozen
class StageFinished(Event):
    path: str | None
    stage: str
    seconds: float


@attrs.frozen
class AttemptStarted(Event):
    path: str
    number: int


@attrs.frozen
class AttemptFinished(Event):
    path: str
    attempt: Attempt


@attrs.frozen
class FileFinished(Event):
    result: FileResult


@attrs.frozen
class Notice(Event):
    """Something a person should know."""

    text: str


@attrs.frozen
class RunFinished(Event):
    result: RunResult


Listener = Callable[[Event], None]
