"""`prompt`: what an agent would be told of a file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import (
    overrides_of,
    pipeline_argument,
    pipeline_arguments,
    selection_arguments,
    selection_of,
    whole_number,
)
from stomper_sdk.model.present import visible

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    add = command.add_argument
    add("file", metavar="FILE", help="the file, from here or from the top of the repository")
    pipeline_argument(command)
    pipeline_arguments(command)
    selection_arguments(command)
    add("--attempt", type=whole_number, default=1, metavar="N", help="which attempt (default: 1)")
    add("--level", metavar="LEVEL", help="a level of detail, not the one that the strategy would choose")
    add("--no-progress", action="store_false", dest="progress", help="only the prompt")


def perform(options: argparse.Namespace, console: Console) -> int:
    """Print the prompt; 1 where findings of the file would be left alone, and nobody be told of them."""
    from stomper_sdk import api

    with console.watch() as display:
        seen = api.prompt(
            options.file,
            options.pipeline,
            repo=options.repo,
            overrides=overrides_of(options),
            only=selection_of(options),
            listeners=(display.listen,),
            attempt=options.attempt,
            level=options.level,
        )
    if seen.prompt is None:
        console.say(f"{visible(seen.path)}: no agent would be asked: {visible(seen.reason)}")
        return 1 if seen.findings else 0
    why = f" ({seen.why})" if seen.why else ""
    asked = f"attempt {seen.attempt}, agent {seen.agent}, level {seen.level}{why}"
    console.say(f"{visible(seen.path)}: {asked}, {len(seen.prompt.split())} words")
    console.content(seen.prompt.rstrip("\n"))
    return 0
