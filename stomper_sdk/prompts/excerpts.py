"""Parts of a file as a prompt shows them: numbered lines, fenced so that no content ends the fence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from stomper_sdk.model.alignment import split_lines
from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts.enclosing import enclosing

__all__ = ["capped", "cut", "excerpts", "fenced", "inline", "place", "span", "without_example"]

_AROUND = 3
_FILE_CHARACTERS = 60_000
_EXCERPT_CHARACTERS = 40_000
_MESSAGE, _LINE = 1_000, 500


def place(finding: Finding) -> str:
    """`path:line:column code message` in one line; what the check does not tell is left out."""
    where = ":".join(str(part) for part in (finding.path, finding.line, finding.column) if part is not None)
    return cut(inline(f"{where} {finding.code} {finding.message}"), _MESSAGE)


def inline(text: str) -> str:
    return " ".join(text.split())


def fenced(text: str, language: str = "") -> str:
    """A Markdown fence that is longer than any run of backticks inside."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def span(text: str) -> str:
    """The text in backticks, in one line and likewise safe."""
    line = inline(text)
    ticks = "`" * (_longest_run(line) + 1)
    return (
        f"{ticks} {line} {ticks}" if line.startswith("`") or line.endswith("`") else f"{ticks}{line}{ticks}"
    )


def _longest_run(text: str) -> int:
    """How many backticks stand side by side at most."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def capped(text: str, limit: int = _FILE_CHARACTERS) -> str:
    """A text up to a number of characters, at the end of a line; it says where it was cut."""
    if len(text) <= limit:
        return text
    kept = text[:limit].rpartition("\n")[0] or text[:limit]
    return f"{kept}\n[... cut: {len(text) - len(kept)} more characters ...]"


def cut(line: str, limit: int) -> str:
    """A line without its middle, where it is longer than some characters; it says how many are missing."""
    if len(line) <= limit:
        return line
    half = limit // 2
    return f"{line[:half]} [... {len(line) - 2 * half} characters ...] {line[-half:]}"


def without_example(explanation: str) -> str:
    """What a tool says of a code without its example, for where the prompt has one of ours."""
    return explanation.partition("\n\nExample\n")[0]


def excerpts(source: str, findings: Iterable[Finding], path: str, scopes: bool = False) -> list[str]:
    """The lines around findings, numbered; parts that touch become one. As many as fit in 40,000 characters.

    Args:
        source: the text of the file.
        findings: those of other files, or without a line, are passed over.
        path: the file.
        scopes: show the enclosing definition too, as far as it is short enough.
    """
    lines = split_lines(source.removesuffix("\n"))
    scope = enclosing(path, source) if scopes else None
    spans = []
    for finding in findings:
        if finding.path == path and finding.line and finding.line <= len(lines):
            index = finding.line - 1
            spans.append((max(0, index - _AROUND), min(len(lines), index + _AROUND + 1)))
            spans += [scope(index)] if scope else []
    return _fitting([_numbered(lines, start, end) for start, end in _merged(spans)])


def _fitting(parts: Sequence[str]) -> list[str]:
    sums = itertools.accumulate(len(part) for part in parts)
    shown = [part for part, size in zip(parts, sums, strict=True) if size <= _EXCERPT_CHARACTERS]
    more = len(parts) - len(shown)
    return [*shown, f"[... {more} more parts ...]"] if more else shown


def _numbered(lines: Sequence[str], start: int, end: int) -> str:
    width = len(str(len(lines)))
    return "\n".join(f"{number + 1:{width}} | {cut(lines[number], _LINE)}" for number in range(start, end))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
