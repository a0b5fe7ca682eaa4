"""The check `pylint`: what pylint 3 or later reports, with the repository's own configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import attrs

from stomper_sdk.checks.base import Scope, Tree
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.model.finding import Finding, Severity
from stomper_sdk.options import one_of, option, strings
from stomper_sdk.process import Completed

__all__ = ["PylintCheck"]

_SEVERITIES: dict[str, Severity] = {
    "info": "info",
    "convention": "info",
    "refactor": "info",
    "warning": "warning",
    "error": "error",
}
_UNLOADED = "E0013"


@attrs.frozen(kw_only=True)
class PylintCheck(LinterCheck):
    """Runs `pylint` on everything: what it says of a file depends on the files that this one imports.

    Without `duplicate-code` and `cyclic-import`, which it reports on whatever file it read last.
    """

    PROGRAM: ClassVar[str] = "pylint"
    INSTALL: ClassVar[str] = "Install it with `pip install pylint`, or give `command`, as in `uvx pylint`."
    SINCE: ClassVar[tuple[int, ...]] = (3, 0)
    ARGUMENTS: ClassVar[tuple[str, ...]] = (
        "--output-format=json2",
        "--recursive=y",
        "--disable=duplicate-code,cyclic-import",
    )
    ENDED: ClassVar[range] = range(32)  # a bit for each kind of message; 32 is a usage error

    scope: Scope = option(one_of("project"), "project", "A file's messages depend on others, always.")
    files: tuple[str, ...] = option(strings, ("*.py", "*.pyi"), "Globs of the file names that it looks at.")

    def findings(self, tree: Tree, done: Completed) -> Iterator[Finding]:
        for entry in json.loads(done.stdout)["messages"]:
            yield self._finding(tree, done, entry)

    def _finding(self, tree: Tree, done: Completed, entry: dict[str, Any]) -> Finding:
        """A fatal message says that pylint gave up on a file; then what else is in it is unknown."""
        if entry["type"] == "fatal" or entry["messageId"] == _UNLOADED:
            raise self.crash(done, f"{entry['path']}: {entry['message']}")
        place = (entry["line"], entry["column"] + 1)
        severity = _SEVERITIES[entry["type"]]
        return self.finding(tree, entry["path"], entry["message"], entry["symbol"], *place, severity)
