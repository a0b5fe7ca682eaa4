"""`demo`: the default pipeline on real code, in a repository that is thrown away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import format_argument, parallel_argument
from stomper_sdk.commands.signals import interruptible, unwinding

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    command.add_argument("--keep", type=Path, metavar="DIR", help="make the repository there and leave it")
    parallel_argument(command)
    format_argument(command, "text", "json")
    command.add_argument("--no-progress", action="store_false", dest="progress", help="only the summary")


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api, demo

    control = api.Control()
    with unwinding(), demo.staged(options.keep) as repo:
        before = demo.look(repo)
        console.say(demo.opening(repo, before))
        with console.watch() as display, interruptible(control, display.stopping):
            result = demo.perform(repo, options.max_parallel_files, control, (display.listen,))
        if result.status == "completed":
            after = demo.look(repo)
            console.say(demo.closing(repo, result, before, after, kept=options.keep is not None))
        else:
            console.summary(result, display.notices)
    if options.output == "json":
        console.document(result.to_dict())
    return demo.verdict(result, before, after) if result.status == "completed" else result.exit_code
