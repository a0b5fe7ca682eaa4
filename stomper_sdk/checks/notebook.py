"""Where a line of a notebook's cell stands in the notebook's file, which is what agents edit."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["notebook_line"]


def notebook_line(file: Path, cell: int, row: int) -> int | None:
    """The line in the file, from 1, of one row of a cell, both counted from 1.

    Args:
        file: the notebook.
        cell: the cell's place among all cells, those of text included.
        row: the row in the cell.

    Returns:
        None where the file is not written as Jupyter writes it, one row of a cell per line.
    """
    text = file.read_text("utf-8", "replace")
    at = 0
    for number, entry in enumerate(json.loads(text)["cells"], start=1):
        # A quote within a string is escaped, so that this is a key, and never what a cell holds.
        at = text.find('"source":', at)
        for index, part in enumerate(_parts(entry["source"]), start=1):
            at = _find(text, part, at)
            if at < 0:
                return None
            if (number, index) == (cell, row):
                return text.count("\n", 0, at) + 1
            at += 1
    return None


def _parts(source: list[str] | str) -> list[str]:
    return [source] if isinstance(source, str) else source


def _find(text: str, part: str, start: int) -> int:
    """Where a string stands in JSON text, written with or without escapes for what is not ASCII."""
    places = [text.find(json.dumps(part, ensure_ascii=ascii_only), start) for ascii_only in (False, True)]
    return min((place for place in places if place >= 0), default=-1)
