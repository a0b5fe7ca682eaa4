"""Where two texts differ, in time that grows with their length and little more.

Lines that both have exactly once, in the same order, hold the two together; only what lies between is
compared closely, and what is too long for that counts as replaced as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import attrs

__all__ = ["Hunk", "hunks"]

_CLOSELY = 250_000  # pairs of lines, at most, between two that hold


@attrs.frozen
class Hunk:
    """Lines that stand in the place of others: each with its number, from 1.

    `old` and `new` say which lines they would be, also where there are none.
    """

    old: int
    new: int
    removed: tuple[tuple[int, str], ...]
    added: tuple[tuple[int, str], ...]


def hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[Hunk]:
    i = j = 0
    for at_old, at_new in (*_anchors(old, new), (len(old), len(new))):
        if at_old > i or at_new > j:
            yield from _between(old, new, (i, at_old), (j, at_new))
        i, j = at_old + 1, at_new + 1


def _between(
    old: Sequence[str], new: Sequence[str], left: tuple[int, int], right: tuple[int, int]
) -> Iterator[Hunk]:
    (i, i_end), (j, j_end) = left, right
    while i < i_end and j < j_end and old[i] == new[j]:
        i, j = i + 1, j + 1
    while i < i_end and j < j_end and old[i_end - 1] == new[j_end - 1]:
        i_end, j_end = i_end - 1, j_end - 1
    blocks = [(0, i_end - i, 0, j_end - j)]
    if 0 < (i_end - i) * (j_end - j) <= _CLOSELY:
        matcher = SequenceMatcher(None, old[i:i_end], new[j:j_end], autojunk=False)
        blocks = [block for kind, *block in matcher.get_opcodes() if kind != "equal"]  # type: ignore[misc]
    for a, b, c, d in blocks:
        if a < b or c < d:
            removed, added = (
                enumerate(old[i + a : i + b], i + a + 1),
                enumerate(new[j + c : j + d], j + c + 1),
            )
            yield Hunk(i + a + 1, j + c + 1, tuple(removed), tuple(added))


def _anchors(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[int, int]]:
    """The longest run of lines in the same order, of those that both have once."""
    counts = Counter(old), Counter(new)
    places = {line: number for number, line in enumerate(new) if counts[1][line] == 1}
    pairs = [(i, places[line]) for i, line in enumerate(old) if line in places and counts[0][line] == 1]
    ends: list[int] = []  # of the best run of each length: the place in `new`, and the pair that ends it
    ending: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(ending[length - 1] if length else -1)
        if length == len(ends):
            ends.append(j)
            ending.append(number)
        else:
            ends[length], ending[length] = j, number
    run = []
    number = ending[-1] if ending else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]
