"""The check `tsc`: what the TypeScript compiler reports of the project in `tsconfig.json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import attrs

from stomper_sdk.checks.base import Scope, Tree
from stomper_sdk.checks.files import relative_to
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import one_of, option, strings
from stomper_sdk.process import Completed

__all__ = ["TscCheck"]

_FILES = ("*.ts", "*.tsx", "*.mts", "*.cts", "*.js", "*.jsx", "*.mjs", "*.cjs")
_DIAGNOSTIC = re.compile(
    r"^(?:(?P<path>.+)\((?P<line>\d+),(?P<column>\d+)\): )?"
    r"error (?P<code>TS\d+): (?P<message>.*(?:\n[ \t].*)*)\n?",
    re.MULTILINE,
)
_NOTHING = (
    "it looked at no file of the repository; where tsconfig.json only refers to other projects, "
    "name one: `args: [-p, tsconfig.app.json]`"
)


@attrs.frozen(kw_only=True)
class TscCheck(LinterCheck):
    """Runs `tsc` without output. Errors in installed packages are left out."""

    PROGRAM: ClassVar[str] = "tsc"
    INSTALL: ClassVar[str] = (
        "Install it with `npm install --save-dev typescript`; with `workspace.link: [node_modules]` "
        "a fresh workspace has it too."
    )
    FOLDER: ClassVar[str] = "node_modules/.bin"
    SINCE: ClassVar[tuple[int, ...]] = (4, 0)
    ARGUMENTS: ClassVar[tuple[str, ...]] = (
        *("--project", ".", "--noEmit", "--pretty", "false"),
        *("--listFiles", "--incremental", "--tsBuildInfoFile"),
    )
    ENDED: ClassVar[tuple[int, ...]] = (0, 1, 2)

    scope: Scope = option(one_of("project"), "project", "Types depend on other files, always.")
    files: tuple[str, ...] = option(strings, _FILES, "Globs of the file names that it looks at.")

    def arguments(self, tree: Tree) -> Sequence[str]:
        # A project that is `composite` must keep a record; it keeps it here rather than in the tree.
        return (*self.ARGUMENTS, str(tree.cache / f"{self.name}.tsbuildinfo"))

    def targets(self, tree: Tree, paths: Sequence[str] | None) -> Iterable[Sequence[str]]:
        return [()]

    def findings(self, tree: Tree, done: Completed) -> Iterator[Finding | None]:
        self._refuse_unlooked(tree, done)
        for match in _DIAGNOSTIC.finditer(done.text):
            place = (int(match["line"]), int(match["column"]))
            own = _own(tree, match["path"])
            yield self.finding(tree, match["path"], match["message"], match["code"], *place) if own else None

    def _refuse_unlooked(self, tree: Tree, done: Completed) -> None:
        """What is not about a source file is about the configuration; the rest are the files it read."""
        for match in _DIAGNOSTIC.finditer(done.text):
            if not match["path"] or match["path"].endswith(".json"):
                raise self.crash(done, match[0].strip())
        listed = _DIAGNOSTIC.sub("", done.text).splitlines()
        strange = next((line for line in listed if not line.startswith("/")), None)
        if strange is not None:
            raise ValueError(f"unexpected line {strange!r}")
        if not any(_own(tree, path) for path in listed):
            raise self.crash(done, "" if done.exit_code else _NOTHING)


def _own(tree: Tree, path: str) -> bool:
    """Whether a file belongs to the tree, and not to a package installed in it or linked into it."""
    inside = relative_to(tree.root, path)
    return inside is not None and "node_modules" not in inside.split("/")
