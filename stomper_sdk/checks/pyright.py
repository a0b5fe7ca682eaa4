"""The check `pyright`: what pyright reports, with the repository's own configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs

from stomper_sdk.checks.base import Scope, Tree
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.model.finding import Finding, Severity
from stomper_sdk.options import one_of, option, strings
from stomper_sdk.process import Completed

__all__ = ["PyrightCheck"]

_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "information": "info"}


@attrs.frozen(kw_only=True)
class PyrightCheck(LinterCheck):
    """Runs `pyright` over what its configuration names; files on its command line would replace that."""

    PROGRAM: ClassVar[str] = "pyright"
    INSTALL: ClassVar[str] = "Install it with `pip install 'pyright[nodejs]'`, or give `command`."
    ARGUMENTS: ClassVar[tuple[str, ...]] = ("--outputjson",)

    scope: Scope = option(one_of("project"), "project", "Types depend on other files, always.")
    files: tuple[str, ...] = option(strings, ("*.py", "*.pyi"), "Globs of the file names that it looks at.")

    def variables(self, tree: Tree) -> Mapping[str, str]:
        """Pyright asks the first `python` on the path what is installed: as for mypy, that beside it."""
        beside = Path(self.program(tree)).parent
        settings = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}  # which cost a look at the network
        if (beside.parent / "pyvenv.cfg").is_file() and "VIRTUAL_ENV" not in tree.environment:
            settings["PATH"] = f"{beside}{os.pathsep}{tree.environment.get('PATH', os.defpath)}"
        return settings

    def targets(self, tree: Tree, paths: Sequence[str] | None) -> Iterable[Sequence[str]]:
        return [()]

    def findings(self, tree: Tree, done: Completed) -> Iterator[Finding]:
        report = json.loads(done.stdout)
        # An `include` that leads nowhere is no error to pyright.
        if not report["summary"]["filesAnalyzed"] and done.stderr.strip():
            raise self.crash(done)
        for entry in report["generalDiagnostics"]:
            yield self._finding(tree, entry)

    def _finding(self, tree: Tree, entry: dict[str, Any]) -> Finding:
        start = entry["range"]["start"] if "range" in entry else None
        line, column = (start["line"] + 1, start["character"] + 1) if start else (None, None)
        code, severity = entry.get("rule", "syntax"), _SEVERITIES[entry["severity"]]
        return self.finding(tree, entry["file"], entry["message"], code, line, column, severity)
