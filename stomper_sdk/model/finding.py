"""A finding, and what makes two findings the same after the code around them has moved.

Line numbers never decide: an inserted line moves every finding below it. Two looks at a tree are
compared as multisets, from the most telling likeness to the least: the same unchanged line (by a diff
of the two texts), then the same enclosing text and message, and so on down to the same message alone.
What finds no partner is fixed (before) or new (after).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Literal

import attrs

from stomper_sdk.model.alignment import line_map, split_lines

__all__ = ["Delta", "Finding", "Fingerprint", "Severity", "compare", "enclose", "fingerprints", "in_order"]

Severity = Literal["error", "warning", "info"]
_NUMBER = re.compile(r"\d+")


@attrs.frozen
class Finding:
    """One problem that a check reports.

    `path` is relative to the repository's root, POSIX; `line` and `column` count from 1, None where the
    check names no place. `text` is the flagged line and `scope` the lines that enclose it by
    indentation, both without surrounding blanks; `enclose` fills them in.
    """

    check: str
    code: str
    message: str
    path: str
    line: int | None = None
    column: int | None = None
    severity: Severity = "error"
    scope: str = ""
    text: str = ""

    @property
    def location(self) -> str:
        """Path, line and column as far as they are known: `a.py:3:8`."""
        column = self.column if self.line else None
        return ":".join(str(part) for part in (self.path, self.line, column) if part)


@attrs.frozen
class Fingerprint:
    """What stays of a finding when lines move; `occurrence` counts equal ones from the top."""

    check: str
    code: str
    path: str
    scope: str
    text: str
    occurrence: int


@attrs.frozen
class Delta:
    """What became of the findings of one look in another: each finding stands in one place only.

    `remaining` holds the later look's findings, `kept` the earlier look's partners of them. `suppressed`
    are gone from the look and still in the code: something was added there that silences them.
    """

    fixed: tuple[Finding, ...] = ()
    remaining: tuple[Finding, ...] = ()
    introduced: tuple[Finding, ...] = ()
    kept: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()


def enclose(findings: Iterable[Finding], sources: Mapping[str, str]) -> tuple[Finding, ...]:
    """Fill in `scope` and `text` from the sources, a mapping of path to the file's text.

    A finding of a file without source, or of no line, is left as it is.
    """
    by_path: dict[str, set[int]] = defaultdict(set)
    chosen = tuple(findings)
    for finding in chosen:
        if finding.line is not None:
            by_path[finding.path].add(finding.line)
    places = {path: _places(sources[path], by_path[path]) for path in by_path.keys() & sources.keys()}
    return tuple(_enclosed(finding, places.get(finding.path, {})) for finding in chosen)


def fingerprints(findings: Iterable[Finding]) -> tuple[Fingerprint, ...]:
    """The fingerprint of each finding, in the order given."""
    chosen = list(findings)
    seen: Counter[tuple[str, ...]] = Counter()
    prints: dict[int, Fingerprint] = {}
    for index in sorted(range(len(chosen)), key=lambda index: _place(chosen[index])):
        finding = chosen[index]
        alike = (finding.check, finding.code, finding.path, finding.scope, finding.text)
        prints[index] = Fingerprint(*alike, occurrence=seen[alike])
        seen[alike] += 1
    return tuple(prints[index] for index in range(len(chosen)))


def compare(
    before: Iterable[Finding],
    after: Iterable[Finding],
    before_sources: Mapping[str, str] | None = None,
    after_sources: Mapping[str, str] | None = None,
) -> Delta:
    """Pair the findings of two looks.

    Args:
        before: the findings of the earlier look.
        after: the findings of the later look.
        before_sources: path -> text of the changed files as the earlier look saw them.
        after_sources: the same as the later look saw them; without the two, unchanged lines are told
            by their enclosing text only.
    """
    lines = _line_maps(before_sources or {}, after_sources or {})
    left_before, left_after = list(in_order(before)), list(in_order(after))
    pairs: list[tuple[Finding, Finding]] = []
    for key in _likenesses(lines):
        left_before, left_after, found = _pair(left_before, left_after, key)
        pairs += found
    pairs.sort(key=lambda pair: _place(pair[1]))
    return Delta(
        fixed=tuple(left_before),
        remaining=tuple(after for _, after in pairs),
        introduced=tuple(left_after),
        kept=tuple(before for before, _ in pairs),
    )


_Key = Callable[[Finding, bool], Hashable]


def _likenesses(lines: Mapping[str, Mapping[int, int]]) -> Sequence[_Key]:
    """Keys from the most telling to the least; None means "cannot be told by this one"."""

    def same(*names: str) -> _Key:
        fields = ("check", "code", "path", *names)
        return lambda finding, _: tuple(getattr(finding, name) for name in fields)

    def told_by(*names: str) -> _Key:
        rest = same(*names)
        return lambda finding, earlier: rest(finding, earlier) if finding.text else None

    def unmoved(*names: str) -> _Key:
        rest = same(*names)

        def key(finding: Finding, earlier: bool) -> Hashable:
            if finding.line is None or finding.path not in lines:
                return None
            mapped = lines[finding.path].get(finding.line) if earlier else finding.line
            return None if mapped is None else (mapped, rest(finding, earlier))

        return key

    def alike(finding: Finding, _: bool) -> Hashable:
        """The last resort: a line that was edited, and is still too long, by another number."""
        shape = _NUMBER.sub("#", finding.message)
        return (finding.check, finding.code, finding.path, finding.scope, shape)

    return (
        unmoved("message", "column"),
        unmoved("message"),
        same("scope", "text", "message"),
        same("text", "message"),
        unmoved("column"),
        unmoved(),
        told_by("scope", "text"),
        told_by("text"),
        same("scope", "message"),
        same("message"),
        alike,
    )


def _pair(
    before: Sequence[Finding], after: Sequence[Finding], key: _Key
) -> tuple[list[Finding], list[Finding], list[tuple[Finding, Finding]]]:
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for index, finding in enumerate(after):
        waiting[key(finding, False)].append(index)
    waiting.pop(None, None)
    alone, pairs, taken = [], [], set()
    for finding in before:
        partners = waiting.get(key(finding, True))
        if partners:
            index = partners.popleft()
            taken.add(index)
            pairs.append((finding, after[index]))
        else:
            alone.append(finding)
    return alone, [finding for index, finding in enumerate(after) if index not in taken], pairs


def _line_maps(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, dict[int, int]]:
    return {path: line_map(before[path], after[path]) for path in before.keys() & after.keys()}


def _enclosed(finding: Finding, places: Mapping[int, tuple[str, str]]) -> Finding:
    if finding.line is None or finding.line not in places:
        return finding
    scope, text = places[finding.line]
    return attrs.evolve(finding, scope=scope, text=text)


def _places(source: str, wanted: Collection[int]) -> dict[int, tuple[str, str]]:
    """Scope and text of some lines, by their numbers, in one pass from the top.

    The scope is the chain of lines above, each less indented than the next: what encloses the line in
    Python, and in other languages that are laid out with care.
    """
    found = {}
    above: list[tuple[int, str]] = []
    lines = split_lines(source)
    for number, line in enumerate(lines[: max(wanted)], start=1):
        text = line.strip()
        indent = _indent(line)
        if number in wanted:
            found[number] = ("\n".join(header for depth, header in above if depth < indent), text)
        if text:
            while above and above[-1][0] >= indent:
                above.pop()
            above.append((indent, text))
    return found


def _indent(line: str) -> int:
    start = line[: len(line) - len(line.lstrip())]
    return len(start.expandtabs())


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by path and place, in an order that is always the same."""
    return tuple(sorted(findings, key=_place))


def _place(finding: Finding) -> tuple[str, int, int, str, str, str]:
    return (
        finding.path,
        finding.line or 0,
        finding.column or 0,
        finding.check,
        finding.code,
        finding.message,
    )
