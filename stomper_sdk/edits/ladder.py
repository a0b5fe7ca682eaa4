"""Where an edit belongs: five rules, from the strictest to the loosest.

1. exact: the lines are there as written; how they end does not matter.
2. blanks: at the ends of lines blanks may differ, and blank lines may surround the edit.
3. numbers: every line begins with the number that the prompt shows it with (`12 | `), which is taken away.
4. indentation: every line is off by the same blanks; what comes instead is moved by as much.
5. ellipsis: a line `...` or `# ... existing code ...` stands for any lines, and stands in both parts.

The first rule under which the lines are anywhere decides, and only where that is one place: what fits at
several is refused. Lines that the edit does not change stay as the file has them, whatever rule found it.
After aider, which tries about the same in turn and takes the first place that it finds
(https://aider.chat/docs/more/edit-formats.html); one place only is a rule of ours.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from stomper_sdk.edits.base import left_out

__all__ = ["Change", "Place", "places"]

Lines = Sequence[str]
#: More parts than that are no edit that anybody means.
_MOST_PARTS = 20
_NUMBER = re.compile(r"\s*\d+ \|(?: |$)")


@attrs.frozen
class Change:
    """Lines `start` up to `end` of a file, counted from 0, none for an insertion; and what comes instead."""

    start: int
    end: int
    lines: tuple[str, ...]


@attrs.frozen
class Place:
    """Lines `start` up to `end` of a file, where an edit was found, and what it changes of them."""

    start: int
    end: int
    changes: tuple[Change, ...]


Places = list[tuple[Place, ...]]


def places(before: Lines, after: Lines, lines: Lines) -> Places:
    """Each way in which an edit fits a file, by the first rule under which it does; none where none does.

    Args:
        before: the lines to replace, at least one.
        after: what comes instead.
        lines: the file's.
    """
    for rule in _RULES:
        found = rule(before, after, lines)
        if found:
            return found
    return []


def _exact(before: Lines, after: Lines, lines: Lines) -> Places:
    return _replaced(_starts(before, lines, operator.eq), before, after, lines)


def _blanks(before: Lines, after: Lines, lines: Lines) -> Places:
    found = _replaced(_starts(before, lines, _alike), before, after, lines)
    if found:
        return found
    before, after = _stripped(before, after)
    return _replaced(_starts(before, lines, _alike), before, after, lines) if before else []


def _numbers(before: Lines, after: Lines, lines: Lines) -> Places:
    if not all(_NUMBER.match(line) for line in before if line.strip()):
        return []
    bare = [[_NUMBER.sub("", line, count=1) for line in part] for part in (before, after)]
    return _blanks(bare[0], bare[1], lines)


def _indentation(before: Lines, after: Lines, lines: Lines) -> Places:
    before, after = _stripped(before, after)
    starts = _starts(before, lines, lambda one, other: one.strip() == other.strip()) if before else ()
    found: Places = []
    for start in starts:
        moved = _moved(before, after, lines[start : start + len(before)])
        found += _replaced([start], *moved, lines) if moved else []
    return found


def _ellipsis(before: Lines, after: Lines, lines: Lines) -> Places:
    parts, others = _split(before), _split(after)
    if len(parts) != len(others) or not 1 < len(parts) <= _MOST_PARTS:
        return []
    pairs = [(part, other) for part, other in zip(parts, others, strict=True) if part or other]
    if not all(any(line.strip() for line in part) for part, _ in pairs):
        return []
    found = [_strictly(part, other, lines) for part, other in pairs]
    # Each part as early as it can be, and each as late: where these agree, there is one way.
    ways = dict.fromkeys((_earliest(found), _latest(found)))
    return [way for way in ways if way is not None]


_RULES: tuple[Callable[[Lines, Lines, Lines], Places], ...] = (
    _exact,
    _blanks,
    _numbers,
    _indentation,
    _ellipsis,
)


def _starts(part: Lines, lines: Lines, same: Callable[[str, str], bool]) -> Iterator[int]:
    for start in range(len(lines) - len(part) + 1):
        if all(same(line, lines[start + at]) for at, line in enumerate(part)):
            yield start


def _alike(one: str, other: str) -> bool:
    return one.rstrip() == other.rstrip()


def _replaced(starts: Iterable[int], before: Lines, after: Lines, lines: Lines) -> Places:
    """The places, where what both parts of the edit have in common stays as the file has it."""
    starts = list(starts)
    codes = difflib.SequenceMatcher(None, before, after, False).get_opcodes() if starts else []
    other = [(at, end, tuple(after[first:last])) for tag, at, end, first, last in codes if tag != "equal"]
    return [
        (
            Place(
                start,
                start + len(before),
                tuple(Change(start + at, start + end, new) for at, end, new in other),
            ),
        )
        for start in starts
    ]


def _stripped(before: Lines, after: Lines) -> tuple[Lines, Lines]:
    """Both parts without the blank lines that surround them."""
    return _without_blank_ends(before), _without_blank_ends(after)


def _without_blank_ends(lines: Lines) -> Lines:
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _moved(before: Lines, after: Lines, window: Lines) -> tuple[Lines, Lines] | None:
    """Both parts, moved by what all lines are off by; None where that is not the same for all."""
    written, real = _first_indents(before, window)
    if real.endswith(written):
        added = real[: len(real) - len(written)]
        taken = ""
    elif written.endswith(real):
        added, taken = "", written[: len(written) - len(real)]
    else:
        return None
    if not all(line.startswith(taken) for line in (*before, *after) if line.strip()):
        return None
    moved = [
        [added + line.removeprefix(taken) if line.strip() else line for line in part]
        for part in (before, after)
    ]
    return (moved[0], moved[1]) if all(map(_alike, moved[0], window)) else None


def _first_indents(before: Lines, window: Lines) -> tuple[str, str]:
    pairs = ((line, real) for line, real in zip(before, window, strict=True) if line.strip())
    return next((line[: -len(line.lstrip())], real[: -len(real.lstrip())]) for line, real in pairs)


def _split(lines: Lines) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if left_out(line):
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _strictly(part: Lines, other: Lines, lines: Lines) -> list[Place]:
    """Where a part is by the first of the stricter rules under which it is anywhere."""
    for rule in (_exact, _blanks, _numbers, _indentation):
        found = [place for (place,) in rule(part, other, lines)]
        if found:
            return found
    return []


def _earliest(found: Sequence[Sequence[Place]]) -> tuple[Place, ...] | None:
    way: list[Place] = []
    for part in found:
        behind = [place for place in part if not way or place.start >= way[-1].end]
        if not behind:
            return None
        way.append(behind[0])
    return tuple(way)


def _latest(found: Sequence[Sequence[Place]]) -> tuple[Place, ...] | None:
    way: list[Place] = []
    for part in reversed(found):
        ahead = [place for place in part if not way or place.end <= way[0].start]
        if not ahead:
            return None
        way.insert(0, ahead[-1])
    return tuple(way)
