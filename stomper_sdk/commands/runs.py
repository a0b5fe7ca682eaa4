"""`runs`: what past runs did; and going on with one, or taking it back."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from stomper_sdk.commands import run
from stomper_sdk.commands.base import (
    format_argument,
    overrides_argument,
    overrides_of,
    repo_argument,
    whole_number,
)
from stomper_sdk.errors import UsageError

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]

_SHOWN = 20


def declare(command: Parser) -> None:
    """Each thing to do with runs is a command of its own; none means `list`."""
    command.implied = "list"
    below = command.add_commands("commands", "COMMAND")
    for name, (meaning, declared, _) in _BELOW.items():
        declared(below.add(name, meaning, what=name))


def perform(options: argparse.Namespace, console: Console) -> int:
    _, _, performed = _BELOW[options.what]
    return performed(options, console)


def _declare_list(command: Parser) -> None:
    repo_argument(command)
    add = command.add_argument
    add(
        "--limit",
        type=whole_number,
        default=_SHOWN,
        metavar="N",
        help=f"the newest N, 0 for all (default: {_SHOWN})",
    )
    format_argument(command, "text", "json")


def _list(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.reports.history import runs_to_dict

    if options.limit < 0:
        raise UsageError(f"--limit: expected 0 or more, got {options.limit}")
    runs = api.runs(options.repo, limit=options.limit)
    if options.output == "json":
        console.document(runs_to_dict(runs))
    elif runs:
        console.runs(runs)
    else:
        console.say("no runs yet")
    return 0


def _declare_show(command: Parser) -> None:
    _declare_one(command)
    meaning = "what became of each file, too; with --verbose, of each attempt"
    command.add_argument("--by-file", action="store_true", help=meaning)
    command.add_argument("--findings", action="store_true", help="how each finding ended, too")
    run.file_argument(command, "report")
    format_argument(command, "text", "json")


def _show(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    run.refuse_unwritable(options, "report")
    result = api.load_run(options.session, options.repo)
    if options.report:
        result.save_report(options.report)
    # What to do next is said for where we are now, not for where the run was started.
    shown = attrs.evolve(result, repo=options.repo)
    if options.output == "json":
        console.document(result.to_dict())
        return 0
    attempts = options.loudness == "verbose"
    console.past(shown, files=options.by_file, attempts=attempts, findings=options.findings)
    return 0


def _declare_resume(command: Parser) -> None:
    _declare_one(command)
    overrides_argument(command)
    run.reporting_arguments(command)


def _resume(options: argparse.Namespace, console: Console) -> int:
    overrides = overrides_of(options)
    return run.carry_out(options, console, repo=options.repo, overrides=overrides, resume=options.session)


def _diff(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    console.product(api.diff(options.session, options.repo).rstrip("\n"))
    return 0


def _revert(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    made = api.revert(options.session, options.repo)
    lines = [f"{commit[:7]}  reverts {reverted[:7]}" for reverted, commit in made.items()]
    console.say("\n".join(lines) or "no commit of it is left to take back")
    return 0


def _declare_verify(command: Parser) -> None:
    _declare_one(command)
    overrides_argument(command)
    format_argument(command, "text", "json")


def _verify(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.reports.verification import verification_text

    verification = api.verify(options.session, options.repo, overrides=overrides_of(options))
    if options.output == "json":
        console.document(verification.to_dict())
    else:
        console.product(verification_text(verification, console.width()))
    return verification.exit_code


def _declare_one(command: Parser) -> None:
    command.add_argument(
        "session",
        nargs="?",
        default="last",
        metavar="SESSION",
        help="its name, or a part of it that no other has (default: last)",
    )
    repo_argument(command)


_Below = tuple[str, Callable[["Parser"], None], Callable[[argparse.Namespace, "Console"], int]]
_BELOW: Mapping[str, _Below] = {
    "list": ("list them, the newest first", _declare_list, _list),
    "show": ("show what became of one", _declare_show, _show),
    "diff": ("show all that one has changed", _declare_one, _diff),
    "verify": ("look again at its commits, and confirm or refute all that it told", _declare_verify, _verify),
    "resume": ("go on with one that did not end", _declare_resume, _resume),
    "revert": ("take back the commits of one", _declare_one, _revert),
}
