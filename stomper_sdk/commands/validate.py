"""`validate`: whether pipelines are right, without running anything."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import overrides_of, pipeline_arguments
from stomper_sdk.errors import StomperError
from stomper_sdk.model.present import visible, visible_lines

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]

_WRONG = 2


def declare(command: Parser) -> None:
    command.add_argument(
        "pipelines", nargs="*", default=[], metavar="PIPELINE", help="paths or built-in names"
    )
    pipeline_arguments(command)


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    wrong = 0
    for source in options.pipelines or [None]:
        try:
            pipeline = api.validate(source, repo=options.repo, overrides=overrides_of(options))
        except StomperError as error:
            console.warn(visible_lines(str(error)))
            wrong += 1
        else:
            console.say(f"ok  {visible(pipeline.origin or pipeline.name)}")
    return _WRONG if wrong else 0
