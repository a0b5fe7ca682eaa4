"""The check `mypy`: what mypy reports, with the repository's own configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs

from stomper_sdk.checks.base import Look, Scope, ToolCheck, Tree, version_numbers
from stomper_sdk.checks.files import batches, relative_to
from stomper_sdk.errors import BlockedError
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import one_of, option, strings
from stomper_sdk.process import Completed
from stomper_sdk.validation.configuration import lookup, read_ini, read_toml

__all__ = ["MypyCheck"]

_TEXT = ("--show-column-numbers", "--show-error-codes", "--no-pretty", "--no-color-output")
_QUIET = ("--no-error-summary", "--hide-error-context")
_JSON_SINCE = (1, 11)
_LINE = re.compile(
    r"(?P<file>.+?):(?:(?P<line>\d+):(?:(?P<column>\d+):)?)? (?P<severity>error|note|warning): "
    r"(?P<message>.*?)(?:  \[(?P<code>[\w-]+)\])?"
)
_BROKEN_SETTINGS = re.compile(r"^\S*(mypy\.ini|pyproject\.toml|setup\.cfg): (?!\[|No \[mypy\])", re.MULTILINE)
_SYNTAX = re.compile(r"\[syntax\]$|\"code\": \"syntax\"", re.MULTILINE)
_TARGET_OPTIONS = frozenset({"-p", "--package", "-m", "--module", "-c", "--command"})
_TARGET_SETTINGS = ("files", "packages", "modules")


@attrs.frozen(kw_only=True)
class MypyCheck(ToolCheck):
    """Runs mypy over what its configuration or `args` name, or else over everything.

    Its cache is `<tree.cache>/mypy`: a copy of a warm one there is used. Notes are no findings, and
    errors in files outside the tree, as in stubs kept elsewhere, are left out.
    """

    PROGRAM: ClassVar[str] = "mypy"
    INSTALL: ClassVar[str] = "Install it with `pip install mypy`, or give `command`, as in `uvx mypy`."
    SINCE: ClassVar[tuple[int, ...]] = (0, 971)

    scope: Scope = option(one_of("file", "project"), "project", "Whether other files matter.")
    files: tuple[str, ...] = option(strings, ("*.py", "*.pyi"), "Globs of the file names that it looks at.")

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every error of mypy.

        Raises:
            BlockedError: a syntax error stopped mypy: the other files' errors are unknown then.
            CheckError: mypy is missing or crashed.
        """
        as_json = version_numbers(await self.version(tree)) >= _JSON_SINCE
        style = ("--output=json",) if as_json else _TEXT
        options = [*style, *_QUIET, f"--cache-dir={tree.cache / 'mypy'}", *self.args]
        targets = list(batches(paths)) if self.scope == "file" and paths is not None else [self._all(tree)]
        runs = [await self.run(tree, [*self.words, *options, *part], ok=(0, 1, 2)) for part in targets]
        read = _json_entries if as_json else _text_entries
        for done in runs:
            self._refuse_unfinished(done)

        def findings(tree: Tree, done: Completed) -> Iterator[Finding]:
            inside = (entry for entry in read(done) if relative_to(tree.root, entry["file"]))
            return (self._finding(tree, entry) for entry in inside if entry["severity"] != "note")

        return await self.seen(tree, paths, runs, findings)

    def _all(self, tree: Tree) -> tuple[str, ...]:
        named = any(word in _TARGET_OPTIONS or (tree.root / word).exists() for word in self.args)
        return () if named or _configured(tree.root) else (".",)

    def _refuse_unfinished(self, done: Completed) -> None:
        """Exit code 2 means that mypy stopped: its command line, its plug-ins, or a syntax error.

        With a settings file that it cannot read it goes on, by other rules than the user's.
        """
        if _BROKEN_SETTINGS.search(done.error_text):
            raise self.crash(done)
        if done.exit_code == 2:
            lines = f"{done.text}\n{done.error_text}".splitlines()
            error = self.crash(done, "\n".join(map(_readable, filter(str.strip, lines)))[:2000])
            raise BlockedError(error.message) if _SYNTAX.search(done.text) else error

    def _finding(self, tree: Tree, entry: Mapping[str, Any]) -> Finding:
        line, column = int(entry["line"] or -1), int(entry["column"] or 0)
        return self.finding(
            tree,
            entry["file"],
            entry["message"],
            entry["code"] or "misc",
            line if line > 0 else None,
            column if line > 0 and column > 0 else None,
        )


def _readable(line: str) -> str:
    try:
        entry = json.loads(line)
        return f"{entry['file']}:{entry['line']}: {entry['message']}"
    except (ValueError, TypeError, LookupError, RecursionError):
        return line


def _json_entries(done: Completed) -> Iterator[dict[str, Any]]:
    """One JSON document per line; its columns count from 0, those of the text from 1."""
    for line in filter(str.strip, done.text.splitlines()):
        entry = json.loads(line)
        yield {**entry, "column": entry["column"] + 1}


def _text_entries(done: Completed) -> Iterator[dict[str, Any]]:
    for line in done.text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"unexpected line {line!r}")
        yield match.groupdict()


def _configured(root: Path) -> bool:
    """Whether the configuration, the first file that has a section for mypy, says where to look."""
    settings = next(filter(None, _sections(root)), {})
    return any(name in settings for name in _TARGET_SETTINGS)


def _sections(root: Path) -> Iterable[Mapping[str, Any]]:
    for name in ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg"):
        if name == "pyproject.toml":
            table = lookup(read_toml(root / name), "tool.mypy")
            yield table if isinstance(table, dict) else {}
        else:
            parser = read_ini(root / name)
            yield dict(parser["mypy"]) if parser.has_section("mypy") else {}
