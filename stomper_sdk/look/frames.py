"""A run as tables of pandas or polars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from stomper_sdk.errors import UsageError
from stomper_sdk.extras import needed
from stomper_sdk.model.result import RunResult
from stomper_sdk.options import did_you_mean

__all__ = ["Columns", "Kind", "Library", "encodable", "framed", "to_frame"]

Kind = Literal["files", "findings", "attempts", "events"]
Library = Literal["pandas", "polars"]
Columns = Mapping[str, Sequence[Any]]

_EXTRAS = {"pandas": "notebook", "polars": "polars"}
_FILE = (
    *("path", "outcome", "reason", "commit", "duration_seconds", "fixed_count", "remaining_count"),
    *("new_count", "suppressed_count", "lines_added", "lines_removed", "attempt_count", "tests"),
)
_ATTEMPT = (
    *("number", "agent", "level", "outcome", "failure", "reason", "duration_seconds", "fixed_count"),
    *("remaining_count", "new_count", "suppressed_count", "used", "model", "turns", "tokens_in"),
    *("tokens_out", "cost_usd"),
)
_FINDING = ("check", "code", "path", "line", "column", "severity", "message")
_END = ("status", "gone", "reason", "attempt", "commit")


def to_frame(result: RunResult, kind: Kind = "files", library: Library = "pandas") -> Any:
    """A table of the run.

    Args:
        result: the run.
        kind: `files`, `findings` (the ledger), `attempts`, or `events` (when which stage was at work).
        library: `pandas` or `polars`.

    Raises:
        UsageError: there is no such table or library, or the library is not installed.
    """
    return framed(_TABLES, result, kind, library)


def framed(tables: Mapping[str, Callable[[Any], Columns]], of: Any, kind: str, library: Library) -> Any:
    """One of the tables that there are of something.

    Raises:
        UsageError: there is no such table or library, or the library is not installed.
    """
    for value, known in ((kind, tuple(tables)), (library, get_args(Library))):
        if value not in known:
            mean = did_you_mean(value, known)
            raise UsageError(f"there is no {value!r}{mean}", f"There are: {', '.join(known)}.")
    return needed(library, "to_frame", _EXTRAS[library]).DataFrame(encodable(tables[kind](of)))


def encodable(columns: Columns) -> Columns:
    """The columns with what is no text, in names of files that are not UTF-8, written as escapes."""
    return {
        name: [_text(it) if isinstance(it, str) and not it.isascii() else it for it in values]
        for name, values in columns.items()
    }


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()


def _files(result: RunResult) -> Columns:
    return _picked(result.files, _FILE)


def _attempts(result: RunResult) -> Columns:
    made = [(file.path, attempt) for file in result.files for attempt in file.attempts]
    return {"path": [path for path, _ in made], **_picked([attempt for _, attempt in made], _ATTEMPT)}


def _findings(result: RunResult) -> Columns:
    return {**_picked([end.finding for end in result.findings], _FINDING), **_picked(result.findings, _END)}


def _events(result: RunResult) -> Columns:
    return _picked(result.spans, ("path", "stage", "since", "until"))


def _picked(values: Sequence[Any], names: Sequence[str]) -> Columns:
    return {name: [getattr(value, name) for value in values] for name in names}


_TABLES = {"files": _files, "findings": _findings, "attempts": _attempts, "events": _events}
