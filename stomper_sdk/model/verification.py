"""What became of a run's statements when everything was looked at again."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from stomper_sdk.model.result import FindingEnd

__all__ = ["Ruling", "Statement", "Verification"]

Ruling = Literal["confirmed", "refuted", "unknown"]


@attrs.frozen
class Statement:
    """Something that the result of a run says, and whether it holds.

    `seen` says what was seen instead, or why it cannot be known; `line` is the line of the ledger, None
    for what is said of files, commits, evidence or the whole run.
    """

    said: str
    ruling: Ruling = "confirmed"
    seen: str = ""
    line: FindingEnd | None = None


@attrs.frozen
class Verification:
    """A run's statements, those of the ledger first, each confirmed, refuted, or not to be known.

    `base_commit` and `last_commit` are the two whose trees were looked at.
    """

    session_id: str
    base_commit: str
    last_commit: str
    statements: tuple[Statement, ...]
    notices: tuple[str, ...] = ()

    def count(self, ruling: Ruling) -> int:
        return sum(statement.ruling == ruling for statement in self.statements)

    @property
    def exit_code(self) -> int:
        """0 everything is confirmed; 1 something is refuted; 3 something cannot be known."""
        if self.count("refuted"):
            return 1
        return 3 if self.count("unknown") else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `finding` is the place of a line in the run's ledger, in its order."""
        return {
            "version": 1,
            "session_id": self.session_id,
            "base_commit": self.base_commit,
            "last_commit": self.last_commit,
            "exit_code": self.exit_code,
            "confirmed": self.count("confirmed"),
            "refuted": self.count("refuted"),
            "unknown": self.count("unknown"),
            "statements": [_document(number, it) for number, it in enumerate(self.statements)],
            "notices": list(self.notices),
        }


def _document(number: int, statement: Statement) -> dict[str, Any]:
    return {
        "said": statement.said,
        "ruling": statement.ruling,
        "seen": statement.seen or None,
        "finding": None if statement.line is None else number,
    }
