"""Plain text in columns: wrapped at spaces, aligned where there is room."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

__all__ = ["columns_of", "table", "wrapped"]

_GAP = 2


def wrapped(text: str, width: int, indent: int) -> str:
    """The text wrapped at spaces; a width of 0 leaves it whole, as what is to be copied needs it."""
    if not width:
        return text
    lines = textwrap.wrap(
        text, max(width, 30), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str | None:
    """Rows under a header, each column as wide as its widest cell; None where that is wider than allowed."""
    cells = [header, *rows]
    widths = [max(columns_of(row[n]) for row in cells) for n in range(len(header))]
    if sum(widths) + _GAP * (len(widths) - 1) > width:
        return None
    lines = (_aligned(row, widths) for row in cells)
    return "\n".join(lines)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for one that combines."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    gap = " " * _GAP
    padded = (cell + " " * (wide - columns_of(cell)) for cell, wide in zip(row, widths, strict=True))
    return gap.join(padded).rstrip()
