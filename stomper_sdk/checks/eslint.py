"""The check `eslint`: what ESLint reports, with the repository's own configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import attrs

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.files import batches
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.model.finding import Finding, Severity
from stomper_sdk.options import option, strings
from stomper_sdk.process import Completed

__all__ = ["EslintCheck"]

_SEVERITIES: dict[int, Severity] = {1: "warning", 2: "error"}
_FILES = (
    *("*.js", "*.jsx", "*.mjs", "*.cjs", "*.ts", "*.tsx", "*.mts", "*.cts"),
    *("*.vue", "*.svelte", "*.astro"),
)


@attrs.frozen(kw_only=True)
class EslintCheck(LinterCheck):
    """Runs `eslint`. With rules that look at other files too, give it `scope: project`."""

    PROGRAM: ClassVar[str] = "eslint"
    INSTALL: ClassVar[str] = (
        "Install it with `npm install --save-dev eslint`; with `workspace.link: [node_modules]` "
        "a fresh workspace has it too."
    )
    FOLDER: ClassVar[str] = "node_modules/.bin"
    ARGUMENTS: ClassVar[tuple[str, ...]] = ("--format=json", "--no-error-on-unmatched-pattern")

    files: tuple[str, ...] = option(strings, _FILES, "Globs of the file names that it looks at.")

    def targets(self, tree: Tree, paths: Sequence[str] | None) -> Iterable[Sequence[str]]:
        return batches(paths)

    def findings(self, tree: Tree, done: Completed) -> Iterator[Finding | None]:
        for file in json.loads(done.stdout):
            for entry in file["messages"]:
                ignored = entry["message"].startswith("File ignored ")
                yield None if ignored else self._finding(tree, file["filePath"], entry)

    def _finding(self, tree: Tree, path: str, entry: dict[str, Any]) -> Finding:
        """What no rule said is a syntax error, or about a comment that steers ESLint."""
        code = entry["ruleId"] or ("syntax" if entry.get("fatal") else "directive")
        place = (entry.get("line"), entry.get("column"))
        return self.finding(tree, path, entry["message"], code, *place, _SEVERITIES[entry["severity"]])
