"""What a failing test printed, shortened where it tells least."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stomper_sdk.prompts.excerpts import cut

__all__ = ["shortened"]

_LINE = 300
_HEAD, _TAIL = 3, 12
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
#: What was asserted or raised, and the statement that failed, both as pytest marks them; where it stands.
_RAISED = re.compile(r"E\s|(?:\w+\.)*\w*(?:Error|Exception|Failure)\b")
_STATEMENT = re.compile(r">\s")
_PLACE = re.compile(r"\S+:\d+: |\s*File \"|FAIL|ERROR")


def shortened(text: str, limit: int = 3000) -> str:
    """The assertion, the statement that failed, and the end of the traceback; then what else fits.

    Args:
        text: what was printed of a test, or of a whole command.
        limit: how many characters it may take; the notes on what was left out come on top.

    Returns:
        Whole lines, the longest of them cut; a note stands where lines are missing.
    """
    lines = [cut(line, _LINE) for line in _COLOURS.sub("", text).strip("\n").splitlines()]
    if sum(len(line) + 1 for line in lines) <= limit:
        return "\n".join(lines)
    kept, left = set(), limit
    for index in _by_weight(lines):
        if index not in kept and len(lines[index]) < left:
            kept.add(index)
            left -= len(lines[index]) + 1
    return "\n".join(_with_gaps(lines, kept))


def _by_weight(lines: Sequence[str]) -> Iterator[int]:
    """All lines, those that tell most first; among equals the later ones, where the failure shows."""
    last = range(len(lines) - 1, -1, -1)
    yield from last[:_TAIL]
    yield from (index for index in last if _RAISED.match(lines[index]))
    yield from (index for index in last if _STATEMENT.match(lines[index]))
    yield from range(min(_HEAD, len(lines)))
    yield from (index for index in last if _PLACE.match(lines[index]))
    yield from last


def _with_gaps(lines: Sequence[str], kept: set[int]) -> Iterator[str]:
    gap = 0
    for index, line in enumerate(lines):
        if index in kept:
            if gap:
                yield f"[... {gap} lines left out ...]"
            gap = 0
            yield line
        else:
            gap += 1
