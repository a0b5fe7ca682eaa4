"""The check `ruff`: what `ruff check` reports, with the repository's own configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import attrs

from stomper_sdk.checks.base import Look, ToolCheck, Tree
from stomper_sdk.checks.files import batches
from stomper_sdk.checks.notebook import notebook_line
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import option, strings
from stomper_sdk.process import Completed

__all__ = ["RuffCheck"]

_OWN_SUFFIXES = frozenset({".py", ".pyi", ".ipynb"})
# Without the cache, which fails at names that are not UTF-8 and gains a run little.
_ARGUMENTS = (
    "check",
    "--output-format=json",
    "--exit-zero",
    "--no-fix",
    "--no-fix-only",
    "--force-exclude",
    "--no-cache",
)


@attrs.frozen(kw_only=True)
class RuffCheck(ToolCheck):
    """Runs `ruff check`. `select` and `ignore` replace and add to what the configuration says."""

    PROGRAM: ClassVar[str] = "ruff"
    INSTALL: ClassVar[str] = "Install it with `pip install ruff`, or give `command`, as in `uvx ruff`."
    SINCE: ClassVar[tuple[int, ...]] = (0, 1)

    select: tuple[str, ...] = option(strings, (), "Rules to look for, in place of the configured ones.")
    ignore: tuple[str, ...] = option(strings, (), "Rules to leave out.")

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every finding of ruff in the tree, or in some files.

        Raises:
            CheckError: ruff is missing, crashed, refused its configuration, or could not read a file
                that it was asked for.
        """
        await self.version(tree)
        options = [*_ARGUMENTS, *self._rules(), *self.args, "--"]
        asked = None if paths is None else [_argument(path) for path in paths]
        runs = [await self.run(tree, [*self.words, *options, *part], ok=(0,)) for part in batches(asked)]
        for done in runs:
            self._refuse_unread(done, asked is not None)
        return await self.seen(tree, paths, runs, self._findings)

    def _rules(self) -> Iterator[str]:
        if self.select:
            yield f"--select={','.join(self.select)}"
        if self.ignore:
            yield f"--extend-ignore={','.join(self.ignore)}"

    def _refuse_unread(self, done: Completed, by_name: bool) -> None:
        """Ruff exits with 0, and finds nothing, where it panicked or could not read a file."""
        said = done.error_text
        if "panicked" in said or (by_name and "Failed to lint" in said):
            raise self.crash(done)

    def _findings(self, tree: Tree, done: Completed) -> Iterator[Finding]:
        for entry in json.loads(done.stdout):
            yield self._finding(tree, done, entry)

    def _finding(self, tree: Tree, done: Completed, entry: dict[str, Any]) -> Finding:
        code = entry["code"] or "invalid-syntax"
        if code == "panic":
            raise self.crash(done, entry["message"])
        place = entry["location"] or {}
        line, column = place.get("row"), place.get("column")
        if line and entry.get("cell"):
            line, column = notebook_line(Path(entry["filename"]), entry["cell"], line), None
        message = entry["message"].removeprefix("SyntaxError: ")
        return self.finding(tree, entry["filename"], message, code, line, column)


def _argument(path: str) -> str:
    """A file as ruff is asked for it.

    Ruff takes any file that it is given for Python. Of others than Python's own it is asked for the
    folder, so that its configuration decides, as it does when it looks at everything.
    """
    pure = PurePosixPath(path)
    return path if pure.suffix in _OWN_SUFFIXES else pure.parent.as_posix()
