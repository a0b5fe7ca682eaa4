"""How a finding is told to be silent, by tool and language; and where in a text that counts.

A mark that takes codes is silent about these, or without any about everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

import attrs

__all__ = ["EVERYTHING", "Mark", "marks"]

EVERYTHING = "*"
_CODED = (
    r"(?:ruff|flake8)\s*:\s*noqa", r"noqa", r"ruff:\s*(?:disable|ignore)", r"type:\s*ignore",
    r"ty:\s*ignore", r"pyright:\s*ignore", r"pyre-(?:ignore|fixme)(?:-all-errors)?", r"pytype:\s*disable",
    r"mypy:\s*disable-error-code", r"pylint:\s*disable(?:-next|-line)?", r"nosec(?!\w)", r"nosemgrep",
    r"noinspection", r"eslint-disable(?:-next-line|-line)?", r"oxlint-disable(?:-next-line|-line)?",
    r"deno-lint-ignore(?:-file)?", r"biome-ignore(?:-all|-start)?", r"tslint:disable(?:-next-line|-line)?",
    r"stylelint-disable(?:-next-line|-line)?", r"NOLINT(?:NEXTLINE|BEGIN)?(?![a-z])", r"nolint(?!\w)",
    r"lint:ignore", r"cppcheck-suppress", r"rubocop:\s*(?:disable|todo)", r"shellcheck\s+disable",
    r"phpcs:\s*(?:ignore|disable)", r"@phpstan-ignore[\w-]*", r"@psalm-suppress",
    r"swiftlint:\s*disable(?::\w+)?", r"yamllint\s+disable(?:-line)?", r"hadolint\s+(?:global\s+)?ignore",
    r"markdownlint-disable[\w-]*", r"tfsec:ignore", r"checkov:skip", r"trivy:ignore", r"ktlint-disable",
)  # fmt: skip
_PLAIN = (
    r"mypy:\s*(?!disable-error-code)[\w-]+", r"pyright:\s*(?!ignore|strict)\w+", r"pytype:\s*skip-file",
    r"pylint:\s*skip-file", r"pragma:\s*(?:no\s*cover|no\s*branch)", r"fmt:\s*(?:off|skip)",
    r"yapf:\s*disable", r"isort:\s*(?:skip_file|skip|off)", r"NOSONAR", r"NOPMD", r"codespell:ignore",
    r"@ts-(?:ignore|nocheck|expect-error)", r"prettier-ignore", r"jshint\s+ignore",
    r"eslint\s[^*\n]{0,500}?:\s*\[?\s*(?:0|['\"]?off)\b", r"\$Flow(?:FixMe|Ignore|ExpectedError)",
    r"jscpd:ignore", r"(?:istanbul|c8|v8)\s+ignore", r"deno-fmt-ignore(?:-file)?", r"rustfmt::skip",
    r"CHECKSTYLE:OFF", r"scalastyle:off", r"gitleaks:allow", r"pragma:\s*allowlist\s+secret",
    r"credo:disable[\w-]*", r"lint-ignore", r"clang-format\s+off",
)  # fmt: skip
# What is no comment: decorators, attributes and pragmas of the languages.
_CODE = re.compile(
    r"(?P<mark>@(?:typing\.|t\.)?no_type_check(?:_decorator)?\b"
    r"|warnings\.(?:simplefilter|filterwarnings)\(\s*['\"]ignore['\"]"
    r"|@(?:file:)?Suppress(?:Warnings|FBWarnings|Lint)?\b|@nowarn\b|#!?\[\s*(?:allow|expect)|#\[\s*rustfmt::skip"
    r"|#pragma\s+(?:warning\s+(?:\(\s*)?disable|(?:GCC|clang)\s+diagnostic\s+ignored)|\[SuppressMessage"
    r"|error_reporting\(0\))(?P<rest>[^\n]{0,500})"
)

_HASH, _SLASH, _DASH, _MARKUP = "#", r"//!?|/\*+!?|^\s*\*?", "--", "<!--"
_LANGUAGES = {
    _MARKUP: (".md", ".markdown", ".html", ".htm", ".xml", ".svg"),
    _HASH: (".py", ".pyi", ".rb", ".sh", ".bash", ".yml", ".yaml", ".toml", ".ini", ".cfg", ".tf", ".ex"),
    _SLASH: (
        *(".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".go", ".rs", ".java", ".kt", ".cs"),
        *(".c", ".h", ".cc", ".cpp", ".hpp", ".swift", ".scala", ".css", ".scss", ".less"),
    ),
    _DASH: (".sql", ".lua", ".hs"),
}
_OPENINGS = {suffix: opening for opening, suffixes in _LANGUAGES.items() for suffix in suffixes}
_ANY_OPENING = "|".join((_HASH, _SLASH, _DASH, _MARKUP, "[;%]"))
_PROSE = frozenset({".rst", ".txt", ".adoc", ".org", ".tex", ".json", ".csv", ".lock"})

_MARK = f"(?:(?P<coded>{'|'.join(_CODED)})|(?P<plain>{'|'.join(_PLAIN)}))"
_ANYWHERE = re.compile(_MARK, re.IGNORECASE)
_WORD = r"[@\w][\w/.:*-]*"
_CODES = re.compile(
    rf"(?:\s*[:=(\[]|\s(?=\S*[\d/@-]\w))[\s\"']*(?P<codes>{_WORD}(?:\s*,\s*{_WORD}|\s+[A-Z]+\d+\b)*)"
)
# Strings are passed over; so is an escape outside of one, or text full of `\"` would be slow to search.
_STRING = r"\\.|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_LONG_STRING = r"(?s:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3})"
_PYTHON = re.compile(rf"{_LONG_STRING}|{_STRING}|(?P<comment>#.*)|\n")


@attrs.frozen
class Mark:
    """One suppression: its kind, as `noqa`, and a code or `*` for everything."""

    kind: str
    code: str

    def __str__(self) -> str:
        return self.kind if self.code == EVERYTHING else f"{self.kind}: {self.code}"


def marks(path: str, lines: Sequence[str], numbers: Iterable[int]) -> Mapping[int, Sequence[Mark]]:
    """The suppressions in the lines of those numbers, counted from 1."""
    suffix = PurePosixPath(path).suffix
    given = {number: lines[number - 1] for number in numbers}
    asked = {number: line for number, line in given.items() if _ANYWHERE.search(line) or _CODE.search(line)}
    if not asked or suffix in _PROSE:
        return {}
    opening = _OPENINGS.get(suffix, _ANY_OPENING)
    if suffix in (".py", ".pyi"):
        every = _python_comments(lines)
        comments = {number: every.get(number, "") for number in asked}
    else:
        comments = {number: _comment(line, opening) for number, line in asked.items()}
    return {n: [*_in_code(line), *_in_comment(comments[n], opening)] for n, line in asked.items()}


def _python_comments(lines: Sequence[str]) -> Mapping[int, str]:
    found, number = {}, 1
    for match in _PYTHON.finditer("\n".join(lines)):
        if match["comment"]:
            found[number] = match["comment"]
        number += match[0].count("\n")
    return found


def _comment(line: str, opening: str) -> str:
    """What stands behind the first opening of a comment outside of strings; all of a line within one."""
    if _marked(opening).match(line):
        return line
    return next((match["comment"] for match in _commented(opening).finditer(line) if match["comment"]), "")


@cache
def _commented(opening: str) -> re.Pattern[str]:
    return re.compile(rf"{_STRING}|`[^`]*`|(?P<comment>(?:{opening}).+)")


@cache
def _marked(opening: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{opening})\s*{_MARK}(?P<rest>.{{0,300}})", re.IGNORECASE)


def _in_comment(comment: str, opening: str) -> Iterator[Mark]:
    start = 0
    while match := _marked(opening).search(comment, start):
        kind = re.sub(r"\s+", " ", (match["coded"] or match["plain"]).lower())
        codes = _CODES.match(match["rest"]) if match["coded"] else None
        for code in re.split(r"[\s,]+", codes["codes"]) if codes else [EVERYTHING]:
            yield Mark(kind, code)
        start = match.start("rest")


def _in_code(line: str) -> Iterator[Mark]:
    """Decorators, attributes and pragmas; what they are about is what follows, as it is written."""
    for match in _CODE.finditer(line):
        kind = re.sub(r"[\s('\"]+", " ", match["mark"]).strip("@#![ ")
        about = match["rest"].strip(" ()[]\"'") if "warnings." not in kind else ""
        yield Mark(kind, about or EVERYTHING)
