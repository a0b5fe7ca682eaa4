"""The command line, declared.

An option or a command of a later version is known by name and refused, never taken silently.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from stomper_sdk import __version__
from stomper_sdk.errors import UsageError
from stomper_sdk.options import nearest

if TYPE_CHECKING:
    from stomper_sdk.api import Selection

__all__ = ["overrides_of", "parse", "selection_of"]

_LATER_COMMANDS = (
    *("agents", "checks", "doctor", "experiment", "graph", "init"),
    *("reducers", "runs", "schema", "stages", "stats"),
)
_LATER_OPTIONS = ("--resume", "--sarif", "--junit", "--report")


class _NotYet(argparse.Action):
    """An option of a later version: known by name, so that nobody believes that it did something."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        parser.error(f"{self.option_strings[0]} is not available yet")


def parse(arguments: Sequence[str], into: argparse.Namespace) -> None:
    """Read the arguments into a namespace; its `command` stays empty if none is named.

    Raises:
        UsageError: there is no such command, or not yet.
        SystemExit: argparse has refused them, or printed what was asked for.
    """
    _refuse_unknown(next((word for word in arguments if not word.startswith("-")), ""))
    parser = _parser()
    parser.parse_args(arguments, into)
    if not into.command:
        parser.print_help(sys.stderr)


def _refuse_unknown(command: str) -> None:
    if command in _LATER_COMMANDS:
        raise UsageError(f"the command {command!r} is not available yet")
    if command and command not in _COMMANDS:
        near = nearest(command, [*_COMMANDS, *_LATER_COMMANDS])
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(_COMMANDS)}"
        raise UsageError(f"unknown command {command!r}", hint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stomper-sdk",
        description="Turn code findings into trusted commits: one isolated worktree per file, verified, "
        "tested, committed.",
        epilog="Exit codes: 0 nothing left to fix, 1 something remains, 2 usage or pipeline error, "
        "3 could not be carried out, 4 stopped by budget, 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"stomper-sdk {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (meaning, declare) in _COMMANDS.items():
        command = commands.add_parser(name, help=meaning, description=meaning, allow_abbrev=False)
        command.set_defaults(command=name)
        declare(command)
        loudness = command.add_mutually_exclusive_group()
        loudness.add_argument("-v", "--verbose", action="store_true", help="stages and attempts as well")
        loudness.add_argument("-q", "--quiet", action="store_true", help="errors only")
    return parser


def _run_arguments(command: argparse.ArgumentParser) -> None:
    _plan_arguments(command)
    command.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    for name in _LATER_OPTIONS:
        command.add_argument(name, action=_NotYet, nargs="?", help=argparse.SUPPRESS)


def _plan_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "pipeline",
        nargs="?",
        metavar="PIPELINE",
        help="a path or a built-in name; pipelines/default.yaml or the built-in default if left out",
    )
    _pipeline_arguments(command)
    add = command.add_argument
    add("--max-parallel-files", type=int, metavar="N", help="files at work at a time")
    add("--agent", action="append", default=[], metavar="NAME", help="only this agent (repeatable)")
    add("--check", action="append", default=[], metavar="NAME", help="only this check (repeatable)")
    add("--code", action="append", default=[], metavar="CODE", help="only this code (repeatable)")
    add("--files", action="extend", nargs="+", metavar="GLOB", help="only files that match one of these")
    add("--since", metavar="REV", help="only files changed after this revision")
    add("--test-validation", metavar="MODE", help="full, quick, final or none")
    add("--max-attempts", type=int, metavar="N", help="rounds for each file at most")
    add("--fail-fast", action="store_true", help="end the run at the first file that cannot be worked on")
    _output_arguments(command)


def _validate_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("pipelines", nargs="*", metavar="PIPELINE", help="paths or built-in names")
    _pipeline_arguments(command)


def _demo_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--keep", type=Path, metavar="DIR", help="make the repository there and leave it")
    command.add_argument("--max-parallel-files", type=int, metavar="N", help="files at work at a time")
    _output_arguments(command)


def _clean_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--repo", default=".", metavar="PATH", help="the repository (default: .)")


def _pipeline_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--repo", default=".", metavar="PATH", help="the repository (default: .)")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="override one key of the pipeline, such as retry.max_attempts=5 (repeatable)",
    )


def _output_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--output", type=_output, default="text", metavar="FORMAT", help="text, or json on standard output"
    )
    command.add_argument("--no-progress", action="store_false", dest="progress", help="only the summary")


def _output(name: str) -> str:
    if name == "github":
        raise argparse.ArgumentTypeError("github is not available yet")
    if name not in {"text", "json"}:
        raise argparse.ArgumentTypeError(f"expected text or json, got {name!r}")
    return name


def overrides_of(options: argparse.Namespace) -> dict[str, object]:
    """What the command line changes in the pipeline; an option of its own wins over `--set`."""
    from stomper_sdk.config import parse_override

    named = {
        "parallelism.max_parallel_files": "max_parallel_files",
        "files.since": "since",
        "files.include": "files",
        "test_validation.mode": "test_validation",
        "retry.max_attempts": "max_attempts",
    }
    overrides = dict(parse_override(text) for text in options.overrides)
    given = {key: getattr(options, name, None) for key, name in named.items()}
    overrides |= {key: value for key, value in given.items() if value is not None}
    return overrides | ({"on_error": "abort"} if getattr(options, "fail_fast", False) else {})


def selection_of(options: argparse.Namespace) -> Selection:
    from stomper_sdk.api import Selection

    return Selection(checks=tuple(options.check), codes=tuple(options.code), agents=tuple(options.agent))


_Declared = tuple[str, Callable[[argparse.ArgumentParser], None]]
_COMMANDS: dict[str, _Declared] = {
    "run": ("fix what the checks report, and commit it", _run_arguments),
    "plan": ("show what a run would do, change nothing", _plan_arguments),
    "validate": ("check pipelines, run nothing", _validate_arguments),
    "demo": ("fix real code in a throw-away repository, offline", _demo_arguments),
    "clean": ("remove what a killed run left behind", _clean_arguments),
}
