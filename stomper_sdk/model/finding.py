"""A finding, and what makes two findings the same after the code around them has moved.

Line numbers never decide: an inserted line moves every finding below it. Two looks at a tree are
compared as multisets, from the most telling likeness to the least: the same unchanged line (by a diff
of the two texts), then the same enclosing text and message, and so on down to the same message alone.
What finds no partner is fixed (before) or new (after).
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Literal

import attrs

__all__ = ["Delta", "Finding", "Fingerprint", "Severity", "compare", "enclose", "fingerprints"]

Severity = Literal["error", "warning", "info"]


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

    `remaining` holds the later look's findings, `kept` the earlier look's partners of them.
    """

    fixed: tuple[Finding, ...] = ()
    remaining: tuple[Finding, ...] = ()
    introduced: tuple[Finding, ...] = ()
    kept: tuple[Finding, ...] = ()


def enclose(findings: Iterable[Finding], sources: Mapping[str, str]) -> tuple[Finding, ...]:
    """Fill in `scope` and `text` from the sources, a mapping of path to the file's text.

    A finding of a file without source, or of no line, is left as it is.
    """
    lines = {path: text.splitlines() for path, text in sources.items()}
    return tuple(_enclosed(finding, lines.get(finding.path, [])) for finding in findings)


def fingerprints(findings: Iterable[Finding]) -> tuple[Fingerprint, ...]:
    """The fingerprint of each finding, in the order given."""
    seen: Counter[Fingerprint] = Counter()
    prints = []
    for finding in findings:
        first = Fingerprint(finding.check, finding.code, finding.path, finding.scope, finding.text, 0)
        prints.append(attrs.evolve(first, occurrence=seen[first]))
        seen[first] += 1
    return tuple(prints)


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
    left_before, left_after = _in_order(before), _in_order(after)
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

    def unmoved(*names: str) -> _Key:
        rest = same(*names)

        def key(finding: Finding, earlier: bool) -> Hashable:
            if finding.line is None or finding.path not in lines:
                return None
            mapped = lines[finding.path].get(finding.line) if earlier else finding.line
            return None if mapped is None else (mapped, rest(finding, earlier))

        return key

    return (
        unmoved("message", "column"),
        unmoved("message"),
        unmoved("column"),
        unmoved(),
        same("scope", "text", "message"),
        same("text", "message"),
        same("scope", "text"),
        same("text"),
        same("message"),
    )


def _pair(
    before: Sequence[Finding], after: Sequence[Finding], key: _Key
) -> tuple[list[Finding], list[Finding], list[tuple[Finding, Finding]]]:
    waiting: dict[Hashable, list[Finding]] = defaultdict(list)
    for finding in after:
        waiting[key(finding, False)].append(finding)
    waiting.pop(None, None)
    alone, pairs = [], []
    for finding in before:
        partners = waiting.get(key(finding, True))
        if partners:
            pairs.append((finding, partners.pop(0)))
        else:
            alone.append(finding)
    taken = {id(partner) for _, partner in pairs}
    return alone, [finding for finding in after if id(finding) not in taken], pairs


def _line_maps(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, dict[int, int]]:
    return {path: _line_map(before[path], after[path]) for path in before.keys() & after.keys()}


def _line_map(before: str, after: str) -> dict[int, int]:
    """Line numbers, from 1, of the lines that both texts share, by the longest matching blocks."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return {
        block.a + offset + 1: block.b + offset + 1
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }


def _enclosed(finding: Finding, lines: Sequence[str]) -> Finding:
    if finding.line is None or not 1 <= finding.line <= len(lines):
        return finding
    flagged = lines[finding.line - 1]
    return attrs.evolve(finding, text=flagged.strip(), scope=_scope(lines, finding.line - 1))


def _scope(lines: Sequence[str], index: int) -> str:
    """The lines above that enclose the line at `index`, outermost first: each less indented."""
    indent, headers = _indent(lines[index]), []
    for line in reversed(lines[:index]):
        if indent == 0:
            break
        if line.strip() and _indent(line) < indent:
            indent = _indent(line)
            headers.append(line.strip())
    return "\n".join(reversed(headers))


def _indent(line: str) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=_place)


def _place(finding: Finding) -> tuple[str, int, int, str, str, str]:
    return (
        finding.path,
        finding.line or 0,
        finding.column or 0,
        finding.check,
        finding.code,
        finding.message,
    )
