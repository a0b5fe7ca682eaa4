"""The check `flake8`: what flake8 and its plug-ins report, with the repository's own configuration."""

from __future__ import annotations

import ast
import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import ClassVar

import attrs

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.files import batches, top_level
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import option, strings
from stomper_sdk.process import Completed

__all__ = ["Flake8Check"]

_TOTAL = re.compile(r"\d+(\s.*)?")  # what the settings `count` and `statistics` add


@attrs.frozen(kw_only=True)
class Flake8Check(LinterCheck):
    """Runs `flake8`. A file that it cannot read or parse has the finding E902 or E999."""

    PROGRAM: ClassVar[str] = "flake8"
    INSTALL: ClassVar[str] = "Install it with `pip install flake8`, or give `command`, as in `uvx flake8`."
    SINCE: ClassVar[tuple[int, ...]] = (5, 0)
    # Each line is a tuple of Python, in which no name can be mistaken for something else.
    ARGUMENTS: ClassVar[tuple[str, ...]] = (
        "--format=(%(path)r, %(row)d, %(col)d, %(code)r, %(text)r)",
        "--color=never",
        "--no-show-source",
        "--output-file=",
    )

    files: tuple[str, ...] = option(strings, ("*.py",), "Globs of the file names that it looks at.")

    def targets(self, tree: Tree, paths: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Folders at the top, and which names in them: a file that is named itself is never excluded."""
        for part in batches(top_level(tree.root, self.covers) if paths is None else paths):
            tops = dict.fromkeys(PurePosixPath(path).parts[0] for path in part)
            wanted = self.files if paths is None else map(glob.escape, part)
            yield (f"--filename={','.join(map(_name, wanted))}", *(f"./{top}" for top in tops))

    def findings(self, tree: Tree, done: Completed) -> Iterator[Finding]:
        for text in filter(None, done.text.split("\n")):
            if not _TOTAL.fullmatch(text):
                path, line, column, code, message = ast.literal_eval(text)
                yield self.finding(tree, path, message, code, line, column)


def _name(path: str) -> str:
    """A pattern for whole paths that end as this one, in lists that commas and blanks take apart."""
    return "*" + re.sub(r"[,\s]", "?", PurePosixPath(path).name)
