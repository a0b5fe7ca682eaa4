"""The exit code at a fail level: how bad what is left must be to fail the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stomper_sdk.model.finding import Severity
from stomper_sdk.model.result import Outcome, RunResult

__all__ = ["FailLevel", "exit_code_at"]

FailLevel = Literal["none", "error", "warning", "any"]

_COUNTED: Mapping[FailLevel, frozenset[Severity]] = {
    "none": frozenset(),
    "error": frozenset({"error"}),
    "warning": frozenset({"error", "warning"}),
}
#: Nobody could work on the file, or the fix could not be brought home; its findings do not tell.
_BROKEN: frozenset[Outcome] = frozenset({"error", "conflict"})


def exit_code_at(result: RunResult, level: FailLevel) -> int:
    """The run's exit code, where findings that are less bad than the level do not make it 1.

    Files that nobody could work on and failed tests at the end count at every level; any code but 1
    stays as it is.
    """
    if result.exit_code != 1 or level == "any":
        return result.exit_code
    broken = any(file.outcome in _BROKEN for file in result.files)
    left = any(end.is_left and end.finding.severity in _COUNTED[level] for end in result.findings)
    return int(broken or left or result.tests_failed)
