"""What looking again at a run's commits has shown, for people."""

from __future__ import annotations

from collections.abc import Iterator

from stomper_sdk.model.present import counted, one_line, visible
from stomper_sdk.model.verification import Statement, Verification
from stomper_sdk.reports.layout import wrapped

__all__ = ["verification_text"]


def verification_text(verification: Verification, width: int = 80) -> str:
    """How many statements of the run hold, and each that does not."""
    span = f"{verification.base_commit[:7]}..{verification.last_commit[:7]}"
    lines = [
        wrapped(f"{verification.session_id}: {_counts(verification)}, looked at {span}", width, indent=2),
        *(wrapped(f"  {_line(it)}", width, indent=12) for it in _open(verification)),
        *(wrapped(f"  {one_line(notice)}", width, indent=4) for notice in verification.notices),
    ]
    return "\n".join(lines)


def _counts(verification: Verification) -> str:
    statements = counted(len(verification.statements), "statement")
    open_ends = [
        f"{verification.count(ruling)} {ruling}"
        for ruling in ("refuted", "unknown")
        if verification.count(ruling)
    ]
    return f"{statements}, {', '.join(open_ends) or 'all confirmed'}"


def _open(verification: Verification) -> Iterator[Statement]:
    """The statements that do not hold, and then those of which nobody knows."""
    for ruling in ("refuted", "unknown"):
        yield from (it for it in verification.statements if it.ruling == ruling)


def _line(statement: Statement) -> str:
    return f"{statement.ruling:<8}  {visible(one_line(statement.said))}: {one_line(statement.seen)}"
