"""Edits applied to a text, all of them or none."""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from stomper_sdk.edits.base import Edit, EditError, left_out
from stomper_sdk.edits.ladder import Place, places

__all__ = ["apply"]

_SHOWN = 12


def apply(edits: Iterable[Edit], source: str | None) -> str:
    """The text of one file after some edits, each of which sees what those before it have done.

    An edit that is written twice is one, unless its lines are there as often: then each has its place.

    Args:
        edits: those of the file.
        source: its text, with its own line ends, which are kept; None for a file that is not there.

    Raises:
        EditError: some of them have no place, or several; it tells of each, with the nearest lines.
    """
    text, times, refused = source, Counter(edits), list[str]()
    for edit, count in times.items():
        try:
            if edit.before is None:
                text = _whole(edit, source, [other for other in times if other != edit])
            else:
                text = _created(edit) if text is None else _edited(edit, count, text)
        except EditError as error:
            refused.append(str(error))
    if refused:
        raise EditError("\n".join(dict.fromkeys(refused)))
    return text or ""


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


def _edited(edit: Edit, count: int, text: str) -> str:
    assert edit.before is not None
    if not edit.before:
        return _inserted(edit, text)
    lines, before, after = _lines(text), _lines(edit.before), _lines(edit.after)
    _refuse_gaps(edit, before, after, lines)
    found = _as_said(places(before, after, lines), edit)
    if not found:
        raise EditError(_nowhere(edit, before, lines))
    chosen = sorted((place for way in found for place in way), key=lambda place: place.start)
    if len(found) not in (1, count) or any(
        one.end > other.start for one, other in itertools.pairwise(chosen)
    ):
        raise EditError(_ambiguous(edit, found))
    return _put(text, chosen, _final_end(edit))


def _as_said(found: list[tuple[Place, ...]], edit: Edit) -> list[tuple[Place, ...]]:
    """Of several places, the one at which a diff says that it is."""
    exact = [way for way in found if edit.line is not None and way[0].start == edit.line - 1]
    return exact if len(found) > 1 and exact else found


def _inserted(edit: Edit, text: str) -> str:
    """New lines, where a diff says so; in a file that has nothing, anywhere."""
    if not text:
        return edit.after
    if edit.line is None or not 1 <= edit.line <= len(_lines(text)) + 1:
        raise EditError(f"an edit of {edit.path} names no lines to replace: give some that are there")
    at = edit.line - 1
    return _put(text, [Place(at, at, tuple(_lines(edit.after)))], None)


def _refuse_gaps(edit: Edit, before: Sequence[str], after: Sequence[str], lines: Sequence[str]) -> None:
    """A comment that stands for code must not become a part of the file in the code's place."""
    known = {line.strip() for line in lines}
    gaps = [line for line in after if left_out(line, comment_only=True) and line.strip() not in known]
    if len(gaps) > sum(left_out(line, comment_only=True) for line in before):
        told = f"an edit of {edit.path} leaves code out at {gaps[0].strip()!r}"
        raise EditError(f"{told}: write the lines that are to stand there")


def _put(text: str, chosen: Sequence[Place], final: bool | None) -> str:
    """The text with some of its lines replaced; `final` says whether its last line ends, None: as it did."""
    carriage = _line_end(text).removesuffix("\n")
    closed = text.endswith("\n")
    old = text.removesuffix("\n").split("\n")
    if not closed:
        old[-1] += carriage
    new = list(old)
    for place in sorted(chosen, key=lambda place: place.start, reverse=True):
        new[place.start : place.end] = _with_ends(place, old[place.start : place.end], carriage)
    if not new:
        return ""
    touched = any(place.end == len(old) for place in chosen)
    ends = closed if final is None or not touched else final
    return "\n".join(new) + "\n" if ends else "\n".join(new).removesuffix(carriage)


def _with_ends(place: Place, old: Sequence[str], carriage: str) -> list[str]:
    """New lines with the file's line end; those that were there keep their own."""
    bare = [line.removesuffix("\r") for line in old]
    matcher = difflib.SequenceMatcher(None, bare, place.lines, False)
    new: list[str] = []
    for tag, at, until, first, last in matcher.get_opcodes():
        new += old[at:until] if tag == "equal" else [line + carriage for line in place.lines[first:last]]
    return new


def _final_end(edit: Edit) -> bool | None:
    """Whether the edit says how the file's last line ends: diffs alone have a word for it."""
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
