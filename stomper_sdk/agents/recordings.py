"""A folder of recordings: one file for each answer, found again by what was asked."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.agents.recording import BrokenRecordingError, Question, Recording, parse, render
from stomper_sdk.errors import RepositoryError, machine_limits
from stomper_sdk.model.present import counted, visible

__all__ = ["Recordings"]

_SUFFIX = ".recording"
_MAX_BYTES = 64 * 1024 * 1024
_LOOKED_AT = 200
_SHOWN_LINES = 20


@attrs.frozen
class Recordings:
    """The recordings in a folder; all methods block.

    `root` is a folder that none of its links may lead out of, None where it is not in one.
    """

    folder: Path
    root: Path | None = None

    def find(self, question: Question) -> Recording | None:
        """The recording of a question; None where there is none.

        Raises:
            BrokenRecordingError: it cannot be believed.
            RepositoryError: the folder is none, or leads out of the repository.
        """
        self._see_folder()
        place = self.folder / _name(question)
        data = _content(place)
        if data is None:
            return None
        found = parse(data, str(place))
        if found.question.key != question.key:
            text = f"{place}:1: it is the recording of another question than its name says"
            raise BrokenRecordingError(text, "Remove the file and record again.")
        return found

    def keep(self, recording: Recording) -> Path:
        """Write a recording, whole or not at all, over one of the same question.

        Raises:
            MachineError: there is no room, or nobody may write there.
            RepositoryError: the folder is none, or leads out of the repository.
        """
        self._see_folder()
        place = self.folder / _name(recording.question)
        draft = place.with_name(f".{secrets.token_hex(8)}.draft")
        try:
            with machine_limits(permissions=True):
                self.folder.mkdir(parents=True, exist_ok=True)
                _write(draft, place, render(recording))
        except OSError as error:
            raise RepositoryError(f"{place} cannot be written: {error.strerror}") from error
        return place

    def missing(self, question: Question) -> str:
        """Why there is no recording of a question: in what the nearest one differs."""
        known = [self._known(place) for place in self._near(question)]
        alike = [found for found in known if found and found.question.path == question.path]
        if not alike:
            count = sum(1 for _ in self._files("*"))
            kept = f"it holds {counted(count, 'recording')}" if count else "nothing is recorded there"
            return f"{self.folder} has no recording of {visible(question.path)}; {kept}"
        nearest = min(alike, key=lambda found: _distance(found.question, question))
        told = "\n".join(_differences(nearest.question, question))
        place = self.folder / _name(nearest.question)
        return f"what is asked of {visible(question.path)} was not recorded; against {place.name},\n{told}"

    def _near(self, question: Question) -> Iterator[Path]:
        return itertools.islice(self._files(f"{_slug(question.path)}.*"), _LOOKED_AT)

    def _files(self, pattern: str) -> Iterator[Path]:
        return iter(sorted(self.folder.glob(f"{pattern}{_SUFFIX}")))

    def _known(self, place: Path) -> Recording | None:
        with contextlib.suppress(BrokenRecordingError):
            data = _content(place)
            return None if data is None else parse(data, str(place))
        return None

    def _see_folder(self) -> None:
        wrong = self.wrong()
        if wrong:
            raise RepositoryError(wrong, "Name another place for the recordings.")

    def wrong(self) -> str:
        """What keeps recordings from being kept in the folder; empty if nothing does."""
        if self.root is not None and not self.folder.resolve().is_relative_to(self.root.resolve()):
            return f"{self.folder} leads out of {self.root}"
        return "" if self.folder.is_dir() or not self.folder.exists() else f"{self.folder} is no folder"


def _name(question: Question) -> str:
    return f"{_slug(question.path)}.{question.attempt}.{question.key[:16]}{_SUFFIX}"


def _slug(path: str) -> str:
    """The end of a path, which tells most, in letters that mean nothing to a shell, a glob or a system."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", path)[-80:].strip("-") or "file"


def _write(draft: Path, place: Path, data: bytes) -> None:
    try:
        with draft.open("xb") as file:
            file.write(data)
        draft.replace(place)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _content(place: Path) -> bytes | None:
    """A regular file of some size, read without following a link."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokenRecordingError(f"{place}:1: it cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > _MAX_BYTES:
            raise BrokenRecordingError(f"{place}:1: it is no recording")
        return file.read(_MAX_BYTES + 1)


_PARTS = ("agent", "use", "options", "attempt", "file", "findings", "prompt")


def _distance(one: Question, other: Question) -> int:
    """How unlike two questions on a path are: whom and when they ask weighs more than what of."""
    weights = (16, 8, 4, 32, 1, 1, 1)
    pairs = zip(_PARTS, weights, strict=True)
    return sum(weight for part, weight in pairs if getattr(one, part) != getattr(other, part))


def _differences(recorded: Question, asked: Question) -> Iterator[str]:
    """In what two questions on one path differ, in lines for people."""
    for part in ("agent", "use", "attempt"):
        then, now = getattr(recorded, part), getattr(asked, part)
        if then != now:
            yield f"{part}: recorded {visible(str(then))}, asked {visible(str(now))}"
    yield from _changed_options(recorded.options, asked.options)
    if recorded.file != asked.file:
        yield "the file's content differs"
    if recorded.findings != asked.findings:
        yield from _compared("the findings differ", recorded.findings, asked.findings)
    if recorded.prompt != asked.prompt:
        then, now = recorded.prompt.split("\n"), asked.prompt.split("\n")
        yield from _compared("the prompt differs", then, now)


def _changed_options(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*recorded, *asked}):
        then, now = recorded.get(key), asked.get(key)
        if then != now:
            yield f"option {visible(key)}: recorded {then!r:.200}, asked {now!r:.200}"


def _compared(title: str, then: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """The first lines of the difference of two texts: `-` was recorded, `+` is asked."""
    yield f"{title} (- recorded, + asked):"
    lines = list(difflib.unified_diff(then, now, n=0, lineterm=""))[2:]
    changed = [line for line in lines if not line.startswith("@@")]
    yield from (visible(line[:200]) for line in changed[:_SHOWN_LINES])
    if len(changed) > _SHOWN_LINES:
        yield f"... and {len(changed) - _SHOWN_LINES} more lines"
