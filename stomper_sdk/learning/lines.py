"""Lessons as lines of JSON, to carry them from one repository or machine to another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from stomper_sdk.errors import HistoryError, UsageError
from stomper_sdk.learning.lesson import Lesson
from stomper_sdk.learning.store import Store
from stomper_sdk.model.learned import Imported
from stomper_sdk.model.present import visible
from stomper_sdk.model.reading import made, mapping

__all__ = ["export_lines", "import_lines"]

_VERSION = 1
_LONGEST = 1024 * 1024
_TEXT, _NUMBER = 400, 2**53
_KEY = re.compile(r"[0-9a-f]{40}")


def export_lines(lessons: Iterable[Lesson], file: BinaryIO) -> int:
    """Write a line for each lesson; how many is returned."""
    count = 0
    for lesson in lessons:
        document = {"version": _VERSION, **attrs.asdict(lesson)}
        file.write(json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        count += 1
    return count


def import_lines(path: Path, store: Store) -> Imported:
    """Add the lessons of a file to a store, all of them or none; those that it knows stay as they are.

    Raises:
        UsageError: the file cannot be read.
        HistoryError: it was written by a newer version, or the store cannot be written.
    """
    damaged: list[int] = []
    count = 0

    def lessons(file: BinaryIO) -> Iterator[Lesson]:
        nonlocal count
        for number, line in enumerate(_lines(file), 1):
            try:
                lesson = _lesson(line, f"{path}:{number}")
            except (ValueError, RecursionError):
                damaged.append(number)
            else:
                count += 1
                yield lesson

    try:
        with path.open("rb") as file:
            added = store.add(lessons(file), keep=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return Imported(added, count - added, tuple(damaged))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """A line that is longer than any of ours comes in pieces, none of which is a lesson."""
    while line := file.readline(_LONGEST):
        yield line


def _lesson(line: bytes, place: str) -> Lesson:
    document = mapping(json.loads(line), place)
    version = document.get("version")
    if isinstance(version, int) and version > _VERSION:
        text = f"{place} is of a newer version of stomper_sdk ({version}, this one knows {_VERSION})"
        raise HistoryError(text, "Upgrade stomper_sdk; nothing was imported.")
    if version != _VERSION:
        raise ValueError(f"its version is {version!r:.20}")
    lesson: Lesson = made(Lesson, document, "")
    _see_that_it_can_be(lesson)
    return lesson


def _see_that_it_can_be(lesson: Lesson) -> None:
    """Refuse what no attempt can have been: it would be counted with the others for long."""
    values = [
        *attrs.astuple(lesson, recurse=False)[:-1],
        *(it for tally in lesson.codes for it in attrs.astuple(tally)),
    ]
    for value in values:
        if isinstance(value, str) and (len(value) > _TEXT or visible(value) != value):
            raise ValueError("a text is too long, or holds characters that are not shown")
        if isinstance(value, int | float) and not 0 <= value < _NUMBER:
            raise ValueError("a number is too large, or negative")
    if not _KEY.fullmatch(lesson.key) or any(tally.fixed > tally.tried for tally in lesson.codes):
        raise ValueError("no attempt can be like that")
