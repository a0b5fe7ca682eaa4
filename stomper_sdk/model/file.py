"""What became of one file: its outcome, its attempts, and what they did to its findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, get_args

import attrs

from stomper_sdk.errors import AgentFailure
from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding, compare
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.present import one_line
from stomper_sdk.model.price import Usage

__all__ = [
    "FAILED",
    "OUTCOMES",
    "SUCCEEDED",
    "Attempt",
    "AttemptOutcome",
    "CodeTally",
    "FileResult",
    "Outcome",
    "gone",
    "settled",
]

_LOOK = "stomper_sdk.look"

Outcome = Literal["fixed", "partial", "unfixed", "rejected", "conflict", "error", "skipped", "cancelled"]
AttemptOutcome = Literal[
    "fixed", "partial", "unfixed", "new_findings", "guard", "tests_failed", "agent_error", "conflict"
]

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SUCCEEDED: frozenset[Outcome] = frozenset({"fixed", "partial"})
FAILED: frozenset[Outcome] = frozenset({"unfixed", "rejected", "conflict", "error"})


@attrs.frozen
class CodeTally:
    """What an attempt did to the findings of one code: so many tried, so many of them fixed.

    Tried is what the agent was asked about, and what it fixed beyond that.
    """

    check: str
    code: str
    tried: int
    fixed: int


@attrs.frozen(repr=False)
class Attempt:
    """One round of prompt, agent, verify, test. Times are seconds.

    `reason` says why it was not taken, `failure` what kind of failure of the agent that was, if it was one.
    `used`: its edits are part of the commit. `fixed_count` and its like tell of the tree as a whole,
    `codes` of this attempt alone. `round` counts the attempts at the same findings of the file, `why` says
    why this one got its level, where that was chosen by what was learned.
    """

    number: int
    agent: str
    level: str
    outcome: AttemptOutcome
    duration_seconds: float
    reason: str | None = None
    failure: AgentFailure | None = None
    used: bool = False
    codes: tuple[CodeTally, ...] = attrs.field(default=(), repr=False)
    prompt: str = attrs.field(default="", repr=False)
    reply: str = attrs.field(default="", repr=False)
    fixed_count: int = 0
    remaining_count: int = 0
    new_count: int = 0
    suppressed_count: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    turns: int | None = None
    model: str | None = None
    agent_session: str | None = None
    why: str | None = None
    round: int = 1

    def __repr__(self) -> str:
        who = one_line(f"{self.number}, {self.agent}: {self.outcome}")
        return f"<Attempt {who}, {self.fixed_count} fixed, {self.remaining_count} left>"

    def _repr_html_(self) -> str:
        return str(import_module(_LOOK).attempt_html(self))

    @property
    def usage(self) -> Usage:
        """What the agent told of its use."""
        return Usage(self.tokens_in, self.tokens_out, self.cost_usd)


@attrs.frozen(repr=False)
class FileResult:
    """What became of one file.

    `fixed` are findings as they were before, `remaining` and `introduced` as they are in the target
    after it; a fix that was not committed fixed nothing. `also_fixed` are findings of other files that
    its commit cured, `suppressed` those that it silenced. `attempt` is the number of the one that was
    committed; `before` and `after` prove the looks by which it was judged, `before` only where that was not
    the plan's own look. `base` is the commit on which the fix was made and judged. `notes` is what the
    pipeline's own stages left.
    """

    path: str
    outcome: Outcome
    reason: str | None = None
    commit: str | None = None
    duration_seconds: float = 0.0
    fixed: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    remaining: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    introduced: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    also_fixed: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    suppressed: tuple[Finding, ...] = attrs.field(default=(), repr=False)
    attempt: int | None = None
    before: tuple[Evidence, ...] = attrs.field(default=(), repr=False)
    after: tuple[Evidence, ...] = attrs.field(default=(), repr=False)
    base: str | None = None
    lines_added: int = 0
    lines_removed: int = 0
    tests: str | None = None
    attempts: tuple[Attempt, ...] = ()
    notes: Mapping[str, Any] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        who = one_line(f"{self.path}: {self.outcome}")
        return f"<FileResult {who}, {self.fixed_count} fixed, {self.remaining_count} left>"

    def _repr_html_(self) -> str:
        return str(import_module(_LOOK).file_html(self))

    @property
    def attempt_count(self) -> int:
        return len(self.attempts)

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
    def suppressed_count(self) -> int:
        return len(self.suppressed)

    @property
    def fixed_codes(self) -> tuple[str, ...]:
        """The code of each finding that was fixed, once for each finding."""
        return tuple(finding.code for finding in self.fixed)


def settled(results: Iterable[FileResult]) -> Mapping[str, Sequence[Finding]]:
    """By path, the findings that some file's result tells to be fixed, silenced or left."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for result in results:
        for finding in (*result.fixed, *result.suppressed, *result.remaining):
            found[finding.path].append(finding)
    return found


def gone(task: FileTask, known: Mapping[str, Sequence[Finding]]) -> tuple[Finding, ...]:
    """What was planned for a file and is not settled: it vanished before the file's turn."""
    return compare(task.findings, known.get(task.path, ())).fixed
