"""Edits applied to a text, all of them or none."""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from stomper_sdk.edits.base import Edit, EditError, left_out
from stomper_sdk.edits.ladder import Change, Place, places

__all__ = ["apply"]

_SHOWN = 12


@attrs.frozen
class _Draft:
    """A text on its way. `origins` tells where each line stood in the file, -1 where it is new."""

    lines: tuple[str, ...]
    origins: tuple[int, ...]
    closed: bool
    carriage: str

    @classmethod
    def of(cls, text: str) -> _Draft:
        """A file as it is: lines without line feeds, as for git, but with their carriage returns."""
        lines = text.removesuffix("\n").split("\n") if text else []
        closed, carriage = text.endswith("\n"), _line_end(text).removesuffix("\n")
        if lines and not closed:
            lines[-1] += carriage
        return cls(tuple(lines), tuple(range(len(lines))), closed, carriage)

    @property
    def bare(self) -> list[str]:
        return [line.removesuffix("\r") for line in self.lines]

    @property
    def text(self) -> str:
        joined = "\n".join(self.lines)
        return f"{joined}\n" if self.closed and self.lines else joined.removesuffix(self.carriage)

    def changed(self, changes: Iterable[Change]) -> _Draft:
        """With some of its lines replaced; new ones end as the others do."""
        lines, origins = list(self.lines), list(self.origins)
        for change in sorted(changes, key=lambda change: (change.start, change.end), reverse=True):
            lines[change.start : change.end] = [line + self.carriage for line in change.lines]
            origins[change.start : change.end] = [-1] * len(change.lines)
        return attrs.evolve(self, lines=tuple(lines), origins=tuple(origins))

    def holding(self, change: Change) -> Change | None:
        """A change of the file as one of the draft; None where its lines are not all there side by side."""
        places = {origin: at for at, origin in enumerate(self.origins) if origin >= 0}
        found = [places.get(number, -1) for number in range(change.start, change.end)]
        if found:
            together = found[0] >= 0 and found == list(range(found[0], found[0] + len(found)))
            return Change(found[0], found[-1] + 1, change.lines) if together else None
        at = (
            places.get(change.start - 1, -2) + 1
            if change.start - 1 in places
            else places.get(change.start, -1)
        )
        return Change(at, at, change.lines) if at >= 0 else None


def apply(edits: Iterable[Edit], source: str | None) -> str:
    """The text of one file after some edits.

    Each edit sees what those before it have done. One that does not fit any more is taken for what it would
    have done to the file as it was, as long as nobody has touched the very lines that it changes. An edit
    that is written twice is one, unless its lines are there as often: then each has its place.

    Args:
        edits: those of the file.
        source: its text, with its own line ends, which are kept; None for a file that is not there.

    Raises:
        EditError: some of them have no place, or several; it tells of each, with the nearest lines.
    """
    times, refused = Counter(edits), list[str]()
    draft = None if source is None else _Draft.of(source)
    for edit, count in times.items():
        try:
            if edit.before is None:
                others = [other for other in times if other != edit]
                draft = _Draft.of(_whole(edit, source, others))
            elif draft is None:
                draft = _Draft.of(_created(edit))
            else:
                draft = _edited(edit, count, draft, source or "")
        except EditError as error:
            refused.append(str(error))
    if refused:
        raise EditError("\n".join(dict.fromkeys(refused)))
    return draft.text if draft else ""


def _whole(edit: Edit, source: str | None, others: Sequence[Edit]) -> str:
    if others:
        raise EditError(f"{edit.path} is written twice, and not alike: write it once, whole")
    known = set((source or "").splitlines())
    for line in edit.after.splitlines():
        if left_out(line, comment_only=True) and line not in known:
            raise EditError(f"{edit.path} must be written whole: {line.strip()!r} leaves a part of it out")
    return edit.after.replace("\n", _line_end(source or ""))


def _created(edit: Edit) -> str:
    if (edit.before or "").strip():
        raise EditError(f"there is no file {edit.path}, so it cannot hold the lines to replace")
    return edit.after


def _edited(edit: Edit, count: int, draft: _Draft, source: str) -> _Draft:
    if not edit.before:
        return _inserted(edit, draft)
    before, after, lines = _lines(edit.before), _lines(edit.after), draft.bare
    _refuse_gaps(edit, before, after, lines)
    found = _as_said(places(before, after, lines), edit)
    if not found:
        changes = _as_it_was(before, after, draft, source)
        if changes is None:
            raise EditError(_nowhere(edit, before, lines))
        return draft.changed(changes)
    chosen = sorted((place for way in found for place in way), key=lambda place: place.start)
    if len(found) not in (1, count) or any(
        one.end > other.start for one, other in itertools.pairwise(chosen)
    ):
        raise EditError(_ambiguous(edit, found))
    closed = _closing(edit)
    if closed is not None and chosen[-1].end == len(lines):
        draft = attrs.evolve(draft, closed=closed)
    return draft.changed(change for place in chosen for change in place.changes)


def _as_said(found: list[tuple[Place, ...]], edit: Edit) -> list[tuple[Place, ...]]:
    """Of several places, the one at which a diff says that it is."""
    exact = [way for way in found if edit.line is not None and way[0].start == edit.line - 1]
    return exact if len(found) > 1 and exact else found


def _as_it_was(
    before: Sequence[str], after: Sequence[str], draft: _Draft, source: str
) -> list[Change] | None:
    """What an edit changes, found in the file as it was; None where it is not there once, or is touched."""
    found = places(before, after, _lines(source))
    if len(found) != 1:
        return None
    moved = [draft.holding(change) for place in found[0] for change in place.changes]
    held = [change for change in moved if change is not None]
    return held if len(held) == len(moved) else None


def _inserted(edit: Edit, draft: _Draft) -> _Draft:
    """New lines, where a diff says so; in a file that has nothing, anywhere."""
    if not draft.lines:
        return _Draft.of(edit.after)
    if edit.line is None or not 1 <= edit.line <= len(draft.lines) + 1:
        raise EditError(f"an edit of {edit.path} names no lines to replace: give some that are there")
    return draft.changed([Change(edit.line - 1, edit.line - 1, tuple(_lines(edit.after)))])


def _refuse_gaps(edit: Edit, before: Sequence[str], after: Sequence[str], lines: Sequence[str]) -> None:
    """A comment that stands for code must not become a part of the file in the code's place."""
    known = {line.strip() for line in lines}
    gaps = [line for line in after if left_out(line, comment_only=True) and line.strip() not in known]
    if len(gaps) > sum(left_out(line, comment_only=True) for line in before):
        told = f"an edit of {edit.path} leaves code out at {gaps[0].strip()!r}"
        raise EditError(f"{told}: write the lines that are to stand there")


def _closing(edit: Edit) -> bool | None:
    """Whether an edit says how the file's last line ends: diffs alone have a word for it."""
    opened, closed = (edit.before or "").endswith("\n"), edit.after.endswith("\n")
    return None if opened == closed or not edit.after else closed


def _lines(text: str) -> list[str]:
    """The lines without their ends; no other sign than a line feed ends one, as for git."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _line_end(text: str) -> str:
    """The line end that most lines have."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _ambiguous(edit: Edit, found: Sequence[Sequence[Place]]) -> str:
    where = ", ".join(str(way[0].start + 1) for way in found[:5])
    return (
        f"the lines to replace in {edit.path} are there {len(found)} times, at the lines {where}:"
        f" take in more lines around, until they are there once\n{_quoted(edit.before or '')}"
    )


def _nowhere(edit: Edit, before: Sequence[str], lines: Sequence[str]) -> str:
    told = f"the lines to replace are not in {edit.path}:\n{_quoted(edit.before or '')}"
    if edit.after.strip() and places(_lines(edit.after), [], lines):
        return f"{told}\nWhat should come instead is there already."
    near = _nearest(before, lines)
    return f"{told}\nThe nearest lines that are there:\n{_quoted(near)}" if near else told


def _nearest(before: Sequence[str], lines: Sequence[str]) -> str:
    """The lines of the file that are most like those that were looked for; empty where none are."""
    longest = max(range(len(before)), key=lambda number: len(before[number].strip()))
    matcher = difflib.SequenceMatcher(None, "", before[longest].strip(), False)
    best, at = 0.5, None
    for number, line in enumerate(lines):
        matcher.set_seq1(line.strip())
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
            best, at = matcher.ratio(), number
    if at is None:
        return ""
    start = max(0, at - longest)
    return "\n".join(lines[start : start + len(before)])


def _quoted(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    more = [f"  ... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*(f"  {line}" for line in lines[:_SHOWN]), *more])
