"""What became of a run: one result for each file, every finding's end, and the reducers' values.

An outcome is derived from what was proved, never set by a stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import attrs

from stomper_sdk.model.finding import Finding

__all__ = [
    "FAILED",
    "OUTCOMES",
    "SUCCEEDED",
    "Attempt",
    "AttemptOutcome",
    "FileResult",
    "FindingEnd",
    "Outcome",
    "RunResult",
    "RunStatus",
]

Outcome = Literal["fixed", "partial", "unfixed", "rejected", "conflict", "error", "skipped", "cancelled"]
AttemptOutcome = Literal[
    "fixed", "partial", "unfixed", "new_findings", "guard", "tests_failed", "agent_error", "conflict"
]
RunStatus = Literal["completed", "stopped", "cancelled", "failed"]
FindingStatus = Literal["fixed", "remaining", "skipped", "new"]

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SUCCEEDED: frozenset[Outcome] = frozenset({"fixed", "partial"})
FAILED: frozenset[Outcome] = frozenset({"unfixed", "rejected", "conflict", "error"})


@attrs.frozen
class Attempt:
    """One round of prompt, agent, verify, test. Times are seconds; `reason` says why it was not taken."""

    number: int
    agent: str
    level: str
    outcome: AttemptOutcome
    duration_seconds: float
    reason: str | None = None
    prompt: str = attrs.field(default="", repr=False)
    reply: str = attrs.field(default="", repr=False)
    fixed_count: int = 0
    remaining_count: int = 0
    new_count: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    turns: int | None = None
    model: str | None = None
    agent_session: str | None = None


@attrs.frozen
class FileResult:
    """What became of one file.

    `fixed` are findings as they were before, `remaining` and `introduced` as they are in the target
    after it; a fix that was not committed fixed nothing.
    """

    path: str
    outcome: Outcome
    reason: str | None = None
    commit: str | None = None
    duration_seconds: float = 0.0
    fixed: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    remaining: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    introduced: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    lines_added: int = 0
    lines_removed: int = 0
    tests: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def fixed_count(self) -> int:
        return len(self.fixed)

    @property
    def remaining_count(self) -> int:
        return len(self.remaining)

    @property
    def new_count(self) -> int:
        return len(self.introduced)

    @property
    def fixed_codes(self) -> tuple[str, ...]:
        """The code of each finding that was fixed, once for each finding."""
        return tuple(finding.code for finding in self.fixed)


@attrs.frozen
class FindingEnd:
    """A finding that the run saw, and how it ended; a suspended judgement is never `fixed`."""

    finding: Finding
    status: FindingStatus


@attrs.frozen(repr=False)
class RunResult:
    """A whole run. Reducers are attributes by their names: `result.total_errors_fixed`.

    `files` are in plan order. `checks` tells each check's tool version, `tests` the verdict of the
    final test run where the mode is `final`, `notices` what a person should know.
    """

    session_id: str
    pipeline: str
    repo: str
    base_commit: str | None
    head_commit: str | None
    status: RunStatus
    exit_code: int
    duration_seconds: float
    peak_parallel_files: int
    reducers: Mapping[str, Any]
    files: tuple[FileResult, ...]
    findings: tuple[FindingEnd, ...]
    checks: Mapping[str, str] = attrs.field(factory=dict)
    tests: str | None = None
    notices: tuple[str, ...] = ()
    error: str | None = None

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.reducers:
            return self.reducers[name]
        raise AttributeError(f"no field or reducer {name!r}; the reducers are: {', '.join(self.reducers)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.reducers]

    def count(self, outcome: Outcome) -> int:
        """How many files ended so."""
        return sum(file.outcome == outcome for file in self.files)
