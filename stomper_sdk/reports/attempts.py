"""An attempt in words: who made it, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from stomper_sdk.model.file import Attempt, FileResult
from stomper_sdk.model.present import seconds_text, visible
from stomper_sdk.model.price import dollars_text

__all__ = ["counts", "took", "who"]


def who(attempt: Attempt) -> str:
    """`attempt 1, builtin (normal)`."""
    level = f" ({visible(attempt.level)})" if attempt.level else ""
    return f"attempt {attempt.number}, {visible(attempt.agent)}{level}"


def counts(of: Attempt | FileResult) -> Sequence[str]:
    """What became of findings: `1 fixed`, `2 new`; what there is none of is left out."""
    told = (
        (of.fixed_count, "fixed"),
        (of.remaining_count, "left"),
        (of.new_count, "new"),
        (of.suppressed_count, "suppressed"),
    )
    return [f"{count} {word}" for count, word in told if count]


def took(attempt: Attempt) -> str:
    """What came of an attempt and what it took: `1 fixed, 2 new, 1,234 tokens, $0.25, 0.3 s`."""
    parts = [*counts(attempt)]
    if attempt.usage.tokens is not None:
        parts.append(f"{attempt.usage.tokens:,} tokens")
    if attempt.cost_usd is not None:
        parts.append(dollars_text(attempt.cost_usd))
    return ", ".join([*parts, seconds_text(attempt.duration_seconds)])
