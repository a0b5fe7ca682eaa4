"""What became of a run: one result for each file, every finding's end, and the reducers' values.

An outcome is derived from what was proved, never set by a stage.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

import attrs

from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.file import (
    FAILED,
    OUTCOMES,
    SUCCEEDED,
    Attempt,
    AttemptOutcome,
    CodeTally,
    FileResult,
    Outcome,
    gone,
    settled,
)
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.present import counted, one_line, plain, seconds_text
from stomper_sdk.model.price import Spending
from stomper_sdk.model.span import Span
from stomper_sdk.model.tiers import Tier, tiers_of

__all__ = [
    "FAILED",
    "OUTCOMES",
    "SUCCEEDED",
    "Attempt",
    "AttemptOutcome",
    "CodeTally",
    "FileResult",
    "FindingEnd",
    "Outcome",
    "RunResult",
    "RunStatus",
    "gone",
    "settled",
]

_FACE, _LOOK = "stomper_sdk.api", "stomper_sdk.look"

RunStatus = Literal["completed", "stopped", "cancelled", "failed"]
FindingStatus = Literal["fixed", "remaining", "skipped", "new", "suppressed"]


@attrs.frozen
class FindingEnd:
    """A line of the ledger: a finding that the run saw, how it ended, and what proves it.

    `before` and `after` are the looks of its check before and after the fix, `attempt` and `commit` those of
    the fix; where nothing was committed, there is only `before`. `reason` says why it was skipped, or who
    brought a new one; `gone`: somebody else's commit has fixed it meanwhile.
    """

    finding: Finding
    status: FindingStatus
    gone: bool = False
    reason: str | None = None
    attempt: int | None = None
    commit: str | None = None
    before: Evidence | None = None
    after: Evidence | None = None

    @property
    def is_left(self) -> bool:
        """Whether there is still something to fix."""
        return self.status != "fixed" and not self.gone


@attrs.frozen(repr=False)
class RunResult:
    """A whole run. Reducers are attributes by their names: `result.total_errors_fixed`.

    `files` are in plan order, those that were left alone after them. `checks` tells each check's tool
    version, `tests` the verdict of the tests at the end, `tests_failed` whether it is a bad one, `notices`
    what a person should know. `spent` is what its agents have used, as far as they told; `spans` tell when
    what was at work.
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
    tests_failed: bool = False
    notices: tuple[str, ...] = ()
    error: str | None = None
    spent: Spending = Spending()
    spans: tuple[Span, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.reducers:
            return self.reducers[name]
        raise AttributeError(f"no field or reducer {name!r}; the reducers are: {', '.join(self.reducers)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.reducers]

    @property
    def ledger(self) -> tuple[FindingEnd, ...]:
        """Every finding that the run saw, each once, with its end and its proof; the same as `findings`."""
        return self.findings

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """What each agent came to, and what it took, in the order of the cascade."""
        return tiers_of(self.files)

    def count(self, outcome: Outcome) -> int:
        """How many files ended so."""
        return sum(file.outcome == outcome for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The document that `--output json` prints: plain data, as `schema/result.schema.json` tells."""
        proofs = {proof: None for end in self.findings for proof in (end.before, end.after) if proof}
        places = {proof: place for place, proof in enumerate(proofs)}
        return {
            "version": 1,
            **_picked(self, _RUN_KEYS),
            "files": [_file_document(file) for file in self.files],
            "findings": [_finding_document(end, places) for end in self.findings],
            "evidence": [plain(proof) for proof in proofs],
            "tiers": [plain(tier) for tier in self.tiers],
            **_picked(self, _NOTE_KEYS),
        }

    def __repr__(self) -> str:
        return f"<RunResult {one_line(self.headline)}>"

    def _repr_html_(self) -> str:
        return str(_look().result_html(self))

    def to_frame(
        self,
        kind: Literal["files", "findings", "attempts", "events"] = "files",
        library: Literal["pandas", "polars"] = "pandas",
    ) -> Any:
        """A table of pandas or polars: `files`, `findings` (the ledger), `attempts`, `events`.

        Raises:
            UsageError: there is no such table, or the library is not installed.
        """
        return _look().to_frame(self, kind, library)

    def plot_timeline(self) -> Any:
        """When which file was at work and at what, a lane for each worker; a figure of matplotlib."""
        return _look().plot_timeline(self)

    def plot_outcomes(self) -> Any:
        """How many files ended how; a figure of matplotlib."""
        return _look().plot_outcomes(self)

    def plot_codes(self) -> Any:
        """How many findings of each code were fixed and left; a figure of matplotlib."""
        return _look().plot_codes(self)

    def diff(self, path: str) -> Any:
        """What was committed for one file.

        Raises:
            StomperError: the run had no such file, or its commit is gone.
        """
        return _look().diff_of(self, path)

    def explain(self, path: str) -> Any:
        """The story of one file: prompts, replies, what each attempt fixed, broke, and was refused for.

        Raises:
            StomperError: the run had no such file, or what it kept cannot be read.
        """
        return _look().explain(self, path)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write a report of the run: one HTML file with outcomes, timeline, findings, diffs and stories.

        Args:
            path: the file; one that is there is replaced.

        Raises:
            StomperError: it cannot be written.
        """
        _look().save_report(self, path)

    @staticmethod
    def load(session: str = "last", repo: str | os.PathLike[str] = ".") -> RunResult:
        """A past run by its session's id, by a part that no other has, or the `last` one.

        Raises:
            StomperError: there is no such run, or it left no result that can be read.
        """
        loaded: RunResult = import_module(_FACE).load_run(session, repo)
        return loaded

    @property
    def headline(self) -> str:
        """The run in one line: its name and status, what became of files and findings, the time."""
        ends = [end.status for end in self.findings]
        findings = f"{counted(ends.count('fixed'), 'finding')} fixed, {ends.count('remaining')} left"
        if suppressed := ends.count("suppressed"):
            findings += f", {suppressed} suppressed"
        time = seconds_text(self.duration_seconds)
        return f"{self.session_id} {self.status}: {self._outcomes()}; {findings}; {time}"

    def _outcomes(self) -> str:
        counts = [(self.count(outcome), outcome) for outcome in OUTCOMES if self.count(outcome)]
        texts = [f"{counted(count, 'file')} {outcome}" for count, outcome in counts[:1]]
        texts += [f"{count} {outcome}" for count, outcome in counts[1:]]
        return ", ".join(texts) or "no files"


_RUN_KEYS = (
    "session_id",
    "pipeline",
    "repo",
    "base_commit",
    "head_commit",
    "status",
    "exit_code",
    "duration_seconds",
    "peak_parallel_files",
    "reducers",
)
_NOTE_KEYS = ("checks", "tests", "tests_failed", "notices", "error", "spent")
_FILE_KEYS = (
    "path",
    "outcome",
    "reason",
    "commit",
    "duration_seconds",
    "fixed_count",
    "remaining_count",
    "new_count",
    "suppressed_count",
    "lines_added",
    "lines_removed",
    "tests",
)
_ATTEMPT_KEYS = (
    "number",
    "agent",
    "level",
    "why",
    "outcome",
    "failure",
    "reason",
    "duration_seconds",
    "fixed_count",
    "remaining_count",
    "new_count",
    "suppressed_count",
    "used",
    "codes",
    "model",
    "turns",
    "tokens_in",
    "tokens_out",
    "cost_usd",
)
_END_KEYS = ("status", "gone", "reason", "attempt", "commit")
_FINDING_KEYS = ("check", "code", "path", "line", "column", "severity", "message")


def _file_document(file: FileResult) -> dict[str, Any]:
    attempts = [_picked(attempt, _ATTEMPT_KEYS) for attempt in file.attempts]
    return {**_picked(file, _FILE_KEYS), "attempts": attempts}


def _finding_document(end: FindingEnd, places: Mapping[Evidence, int]) -> dict[str, Any]:
    """A line of the ledger; what proves it is told by its place among the evidence."""
    proofs = {"before": end.before and places[end.before], "after": end.after and places[end.after]}
    return {**_picked(end.finding, _FINDING_KEYS), **_picked(end, _END_KEYS), **proofs}


def _picked(value: object, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: plain(getattr(value, key)) for key in keys}


def _look() -> Any:
    # To show a run takes what stands floors above: imported when somebody looks.
    return import_module(_LOOK)
