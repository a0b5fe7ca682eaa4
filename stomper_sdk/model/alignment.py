"""Which lines of a text are which lines of a later text."""

from __future__ import annotations

import bisect
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence

__all__ = ["line_map", "split_lines"]

# Comparing every line with every other is left out above this: for 200 lines with 200 others.
_MAX_COMPARISONS = 40_000
_LINE_END = re.compile(r"\r\n|\r|\n")

_Span = tuple[int, int, int, int]


def split_lines(text: str) -> list[str]:
    """The lines as linters count them: unlike `str.splitlines`, a form feed ends none."""
    return _LINE_END.split(text)


def line_map(before: str, after: str) -> dict[int, int]:
    """The numbers, from 1, of lines that both texts share: earlier -> later, both ascending.

    A patience diff: lines that occur once in both texts anchor the others, so that it is fast on long
    files and does not align the blank lines of unlike places.
    """
    old, new = split_lines(before), split_lines(after)
    pairs: list[tuple[int, int]] = []
    pending: list[_Span] = [(0, len(old), 0, len(new))]
    while pending:
        span = _trimmed(old, new, pending.pop(), pairs)
        a, a_end, b, b_end = span
        anchors = list(_anchors(old[a:a_end], new[b:b_end]))
        if anchors:
            pending += _between(span, [(a + i, b + j) for i, j in anchors], pairs)
        elif (a_end - a) * (b_end - b) <= _MAX_COMPARISONS:
            pairs += [(a + i, b + j) for i, j in _small(old[a:a_end], new[b:b_end])]
    return {a + 1: b + 1 for a, b in sorted(pairs)}


def _trimmed(old: Sequence[str], new: Sequence[str], span: _Span, pairs: list[tuple[int, int]]) -> _Span:
    """The span without the lines that are the same at its head and tail; those go to the pairs."""
    a, a_end, b, b_end = span
    while a < a_end and b < b_end and old[a] == new[b]:
        pairs.append((a, b))
        a, b = a + 1, b + 1
    while a < a_end and b < b_end and old[a_end - 1] == new[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
        pairs.append((a_end, b_end))
    return a, a_end, b, b_end


def _anchors(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The longest run of lines, each once in both, that stand in the same order in both."""
    places = dict(_once(new))
    common = [(at, places[line]) for line, at in _once(old) if line in places]
    return _rising(common)


def _once(lines: Sequence[str]) -> list[tuple[str, int]]:
    counts = Counter(lines)
    return [(line, at) for at, line in enumerate(lines) if counts[line] == 1]


def _rising(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The longest part of the pairs, ascending by the first, that ascends by the second, too."""
    tops: list[int] = []
    tails: list[int] = []
    earlier: list[int] = []
    for index, (_, value) in enumerate(pairs):
        pile = bisect.bisect_left(tops, value)
        earlier.append(tails[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [value]
        tails[pile : pile + 1] = [index]
    chain = []
    index = tails[-1] if tails else -1
    while index >= 0:
        chain.append(pairs[index])
        index = earlier[index]
    return reversed(chain)


def _between(
    span: _Span, anchors: Sequence[tuple[int, int]], pairs: list[tuple[int, int]]
) -> Iterator[_Span]:
    """The spans between anchors, which are pairs themselves."""
    a, a_end, b, b_end = span
    pairs += anchors
    for i, j in [*anchors, (a_end, b_end)]:
        yield a, i, b, j
        a, b = i + 1, j + 1


def _small(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            yield block.a + offset, block.b + offset
