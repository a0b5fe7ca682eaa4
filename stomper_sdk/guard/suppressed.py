"""Which findings are gone because something was added that silences them, and not because they were fixed.

A check does not say why it is silent. A finding counts as suppressed where a mark was added that speaks of
its code, or of everything, and stands where such a mark takes effect: on its line, above it, or for the
whole file. In doubt it is suppressed: what was fixed can be shown to be, without the mark.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence

import attrs

from stomper_sdk.guard.base import Edit, Hunk, changes
from stomper_sdk.guard.configs import silenced
from stomper_sdk.guard.marks import EVERYTHING, Mark
from stomper_sdk.guard.suppressions import added_marks
from stomper_sdk.model.alignment import line_map
from stomper_sdk.model.finding import Finding

__all__ = ["suppressed_by"]

#: Marks that say nothing to a check: they are for formatters, coverage, spelling.
_ELSEWHERE = re.compile(r"pragma:|fmt:|yapf:|codespell|prettier|istanbul|c8 |v8 |clang-format|rustfmt|jscpd")
_OF_ITS_LINE = re.compile(
    r"(?:ruff: ?|flake8: ?)?noqa$|(?:type|ty|pyright|pytype|pyre-)\W*(?:ignore|fixme|disable)|nosec|nosemgrep"
    r"|.*-line$|nolint$|nosonar|nopmd|gitleaks|yamllint disable-line"
)
_OF_THE_NEXT = re.compile(
    r".*next|@ts-(?:ignore|expect-error)|biome-ignore$|deno-lint-ignore$|noinspection|lint-ignore"
)
_WHOLE_FILE = re.compile(r"(?:ruff|flake8): ?noqa$|.*(?:-file|-all)$")
#: What these silence when they name no code: `noqa` says nothing to a type checker, nor the other way round.
_LINTERS = re.compile(r".*noqa|nosec")
_TYPES = re.compile(r"(?:type|ty|pyright|pytype|mypy|pyre-)")
_NUMBERED = re.compile(r"[A-Z]+\d+")


_COMMENT = re.compile(r"\s(?:#|//|/\*|--)")
_OPENINGS = frozenset("#/*<-;%@")


@attrs.frozen
class _Added:
    """A mark that came.

    `first` to `line` is what it stands on, more than a line behind a long string; `replaced` are the old
    lines in whose place that is; a mark that is `alone` has no code beside it.
    """

    mark: Mark
    first: int
    line: int
    replaced: frozenset[int]
    alone: bool


def suppressed_by(edits: Sequence[Edit], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those of some findings that a fix has silenced.

    Args:
        edits: all that the fix changed.
        findings: what is gone with the fix, as it was before.
    """
    settings = [entry for edit in edits for entry in silenced(edit)]
    by_path = {edit.path: tuple(_added(edit, hunks)) for edit, hunks in changes(edits)}
    lines = {edit.path: line_map(edit.old, edit.new) for edit in edits if by_path.get(edit.path)}
    return tuple(
        finding
        for finding in findings
        if any(_speaks_of(entry, finding) for entry in settings)
        or any(_silences(it, finding, lines[finding.path]) for it in by_path.get(finding.path, ()))
    )


def _added(edit: Edit, hunks: Sequence[Hunk]) -> Iterator[_Added]:
    for hunk, number, mark in added_marks(edit, hunks):
        if not _ELSEWHERE.match(mark.kind):
            text, first = edit.new_lines[number - 1], _string_starts(edit).get(number, number)
            yield _Added(mark, first, number, _replaced(text, hunk), text.strip()[:1] in _OPENINGS)


def _string_starts(edit: Edit) -> Mapping[int, int]:
    """Where the long strings of Python begin, by the line on which they end."""
    if not edit.path.endswith((".py", ".pyi")):
        return {}
    try:
        tokens = tokenize.generate_tokens(io.StringIO(edit.new).readline)
        return {it.end[0]: it.start[0] for it in tokens if it.type == tokenize.STRING and "\n" in it.string}
    except (tokenize.TokenError, SyntaxError):
        return {}


def _replaced(text: str, hunk: Hunk) -> frozenset[int]:
    """The old lines that may have become a line: those with the same code, or else all of its hunk."""
    same = frozenset(number for number, line in hunk.removed if _code(line) == _code(text))
    return same or frozenset(number for number, _ in hunk.removed)


def _code(line: str) -> str:
    return _COMMENT.split(line, maxsplit=1)[0].strip()


def _speaks_of(entry: str, finding: Finding) -> bool:
    """Whether an entry of a configuration, as `ruff.ignore E501`, names the finding's code or its file."""
    words = re.split(r"[\s,=:\"'\[\]]+", entry)
    return finding.code in words or finding.path in words


def _silences(added: _Added, finding: Finding, lines: Mapping[int, int]) -> bool:
    mark = added.mark
    if not _is_about(mark, finding):
        return False
    if _reaches_far(added) or finding.line is None:
        return True
    now = lines.get(finding.line)
    if now is None:
        return finding.line in added.replaced
    if _OF_THE_NEXT.match(mark.kind):
        return now == added.line + 1
    return added.first <= now <= added.line


def _reaches_far(added: _Added) -> bool:
    """Whether it silences more than its line or the next one: the file, a block, the rest of it."""
    kind = added.mark.kind
    if _OF_THE_NEXT.match(kind):
        return False
    if _OF_ITS_LINE.match(kind):
        return added.alone and (_WHOLE_FILE.match(kind) is not None or _TYPES.match(kind) is not None)
    return not kind.startswith("pylint: disable") or added.alone


def _is_about(mark: Mark, finding: Finding) -> bool:
    """Whether a mark speaks of a finding's code: by its name, the beginning of it, or of everything."""
    if mark.code != EVERYTHING:
        named, code = mark.code.lower(), finding.code.lower()
        same_words = bool(_NUMBERED.fullmatch(mark.code)) == bool(_NUMBERED.fullmatch(finding.code))
        return code.startswith(named) or (mark.kind.startswith("pylint") and not same_words)
    if _LINTERS.match(mark.kind):
        return _NUMBERED.fullmatch(finding.code) is not None
    return not (_TYPES.match(mark.kind) and _NUMBERED.fullmatch(finding.code))
