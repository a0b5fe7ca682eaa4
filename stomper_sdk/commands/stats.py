"""`stats`: what was learned from past runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import format_argument, repo_argument
from stomper_sdk.errors import UsageError
from stomper_sdk.model.present import counted, listed, visible

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    repo_argument(command)
    add = command.add_argument
    add("--check", action="append", default=[], metavar="NAME", help="only this check (repeatable)")
    add("--code", action="append", default=[], metavar="CODE", help="only this code (repeatable)")
    add("--agent", action="append", default=[], metavar="NAME", help="only this agent (repeatable)")
    add("--export", metavar="FILE", help="write all of it to a file, as lines of JSON")
    add("--import", dest="import_file", metavar="FILE", help="add what another history has exported")
    format_argument(command, "text", "json")


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.reports.learned import learned_text

    if options.export and options.import_file:
        raise UsageError("--export and --import do not go together", "Give one of them.")
    if options.export:
        count = api.export_history(options.export, options.repo)
        console.say(f"{counted(count, 'attempt')} written to {visible(options.export)}")
        return 0
    if options.import_file:
        return _import(options, console)
    learned = api.stats(options.repo, checks=options.check, codes=options.code, agents=options.agent)
    if options.output == "json":
        console.document(learned.to_dict())
    elif learned.attempts:
        console.product(learned_text(learned, console.width()))
    else:
        narrowed = options.check or options.code or options.agent
        console.say(f"{learned.headline} of what was asked for" if narrowed else learned.headline)
    return 0


def _import(options: argparse.Namespace, console: Console) -> int:
    """Exit code 1 where lines were left out."""
    from stomper_sdk import api

    imported = api.import_history(options.import_file, options.repo)
    console.say(f"{counted(imported.added, 'attempt')} added, {imported.known} known before")
    if imported.damaged:
        lines = listed([str(number) for number in imported.damaged], 10)
        console.warn(f"left out, since they are no attempts: lines {lines} of {visible(options.import_file)}")
    return 1 if imported.damaged else 0
