"""Options that stand elsewhere than on the command line: in `STOMPER_…` variables, in `pyproject.toml`."""

from __future__ import annotations

import argparse
import shlex
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.options import nearest

__all__ = ["NEVER_IN_PROJECT", "Option", "from_environment", "from_project", "unknown_variables"]

_PREFIX = "STOMPER_"
#: No options: what our child processes are marked with (`orphans.MARKER`), and the fault points of tests.
_NO_OPTIONS = {"STOMPER_COMMAND", "STOMPER_FAULTS"}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
#: What is for whoever calls alone: which repository and session, where files go, whether a failure shows.
NEVER_IN_PROJECT = {
    *("repo", "session", "resume", "dry_run", "exit_zero", "keep", "force", "file", "attempt", "level"),
    *("sarif", "junit", "report", "log_file"),
    "experiment",
}


@attrs.frozen
class Option:
    """Something that a command takes; `default` counts where nobody says anything."""

    action: argparse.Action
    default: Any

    @property
    def dest(self) -> str:
        return self.action.dest

    @property
    def flags(self) -> Sequence[str]:
        return self.action.option_strings

    @property
    def names(self) -> Sequence[str]:
        """Its names in a project's settings, the first the one to teach: `max_parallel_files`, `jobs`."""
        long = [flag.removeprefix("--") for flag in self.flags if flag.startswith("--")] or [self.dest]
        return [name.replace("-", "_") for name in long]

    @property
    def variables(self) -> Sequence[str]:
        """Its names in the environment: `STOMPER_MAX_PARALLEL_FILES`, `STOMPER_JOBS`."""
        return [_PREFIX + name.upper() for name in self.names]

    @property
    def repeatable(self) -> bool:
        return isinstance(self.default, list)

    def read(self, text: str) -> Any:
        """The value that the text means; a repeatable option takes several, split as a shell splits words.

        Raises:
            ValueError: it takes no such value.
        """
        if self.action.nargs == 0:
            return self._switched(text)
        read: Callable[[str], Any] = self.action.type or str  # type: ignore[assignment]
        try:
            return [read(word) for word in shlex.split(text)] if self.repeatable else read(text)
        except argparse.ArgumentTypeError as error:
            raise ValueError(str(error)) from None

    def _switched(self, text: str) -> Any:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(f"expected true or false, got {text!r}")
        return self.action.const if text.lower() in _TRUE else self.default


def from_environment(options: Sequence[Option], environment: Mapping[str, str]) -> dict[str, Any]:
    """What the environment says of some options.

    Raises:
        UsageError: a variable holds what its option does not take.
    """
    return {
        option.dest: _read(option, environment[variable], f"the environment variable {variable}")
        for option in options
        for variable in option.variables
        if variable in environment
    }


def unknown_variables(variables: Collection[str], known: Callable[[], Collection[str]]) -> Iterator[str]:
    """A line for each variable that looks like a mistyped option.

    Args:
        variables: names from the environment, without those of the command's own options.
        known: tells the names of the options of all commands; asked only if there is anything to compare.
    """
    ours = sorted(name for name in variables if name.startswith(_PREFIX) and name not in _NO_OPTIONS)
    options = {name.upper() for name in known()} if ours else set()
    for variable in ours:
        name = variable.removeprefix(_PREFIX)
        if name not in options and (near := nearest(name, options)):
            text = f"the environment variable {variable} is no option and does nothing"
            yield f"{text}; did you mean {_PREFIX}{near}?"


def from_project(
    options: Sequence[Option], folder: Path, known: Callable[[], Collection[str]]
) -> dict[str, Any]:
    """What `[tool.stomper_sdk]` says of some options, in the `pyproject.toml` nearest to a folder.

    Args:
        options: those of the command.
        folder: a folder of the repository; what lies above the repository is not asked.
        known: tells the names of the options of all commands, for those that this one does not have.

    Raises:
        UsageError: a key is no option, or holds what its option does not take.
    """
    file = _project_file(folder)
    table = _table(file) if file else {}
    if not table:
        return {}
    names = known()
    by_name = {name: option for option in options for name in option.names}
    values = {}
    for key, value in table.items():
        name, where = key.replace("-", "_"), f"{file}: [tool.stomper_sdk] {key}"
        if name not in names or name in NEVER_IN_PROJECT:
            near = nearest(name, set(names) - NEVER_IN_PROJECT)
            raise UsageError(f"{where}: no such option", f"Did you mean {near!r}?" if near else "")
        if name in by_name:
            option = by_name[name]
            values[option.dest] = _read(option, _as_text(value, option, where), where)
    return values


def _project_file(folder: Path) -> Path | None:
    try:
        start = folder.absolute()
    except FileNotFoundError:  # the current folder is gone: the command itself will tell
        return None
    for place in (start, *start.parents):
        if (place / "pyproject.toml").is_file():
            return place / "pyproject.toml"
        if (place / ".git").exists():
            return None
    return None


def _table(file: Path) -> Mapping[str, Any]:
    """The section; a file that is no TOML is for its owner's other tools to complain about."""
    try:
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        table = tool.get("stomper_sdk", {})
    except (OSError, ValueError, AttributeError):
        return {}
    if not isinstance(table, dict):
        raise UsageError(f"{file}: tool.stomper_sdk: expected a table of options")
    return table


def _as_text(value: Any, option: Option, where: str) -> str:
    """A value of TOML as one would write it in the environment."""
    if isinstance(value, list) and option.repeatable:
        return shlex.join(str(item) for item in value)
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "a table"
        raise UsageError(f"{where}: expected one value, got {kind}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(option: Option, text: str, where: str) -> Any:
    try:
        return option.read(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
