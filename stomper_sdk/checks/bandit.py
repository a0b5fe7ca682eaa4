"""The check `bandit`: security problems in Python code, with what a `.bandit` file at the top says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.model.finding import Finding, Severity
from stomper_sdk.options import option, strings
from stomper_sdk.process import Completed

__all__ = ["BanditCheck"]

_SEVERITIES: dict[str, Severity] = {
    "UNDEFINED": "info",
    "LOW": "info",
    "MEDIUM": "warning",
    "HIGH": "error",
}


@attrs.frozen(kw_only=True)
class BanditCheck(LinterCheck):
    """Runs `bandit`. A file that it could not parse has a finding `unread`: nobody knows what is in it."""

    PROGRAM: ClassVar[str] = "bandit"
    INSTALL: ClassVar[str] = "Install it with `pip install bandit`, or give `command`, as in `uvx bandit`."
    ARGUMENTS: ClassVar[tuple[str, ...]] = ("--quiet", "--format=json", "--recursive")

    files: tuple[str, ...] = option(strings, ("*.py",), "Globs of the file names that it looks at.")

    def arguments(self, tree: Tree) -> Sequence[str]:
        # By itself bandit finds its settings in a folder that it is asked for, and not for a file.
        settings = ".bandit" if (tree.root / ".bandit").is_file() else os.devnull
        return (*self.ARGUMENTS, f"--ini={settings}")

    def findings(self, tree: Tree, done: Completed) -> Iterator[Finding]:
        report = json.loads(done.stdout)
        for entry in report["errors"]:
            yield self.finding(tree, entry["filename"], entry["reason"], "unread")
        for entry in report["results"]:
            severity = _SEVERITIES[entry["issue_severity"]]
            place = (entry["line_number"], entry.get("col_offset", -1) + 1)
            yield self.finding(
                tree, entry["filename"], entry["issue_text"], entry["test_id"], *place, severity
            )
