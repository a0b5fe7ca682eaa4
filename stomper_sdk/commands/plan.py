"""`plan`: what a run would do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import format_argument, narrowing_arguments, overrides_of, selection_of

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    narrowing_arguments(command)
    format_argument(command, "text", "json")
    command.add_argument("--no-progress", action="store_false", dest="progress", help="only the plan")


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.reports import plan_to_dict

    pipeline = api.load_pipeline(options.pipeline, repo=options.repo, overrides=overrides_of(options))
    with console.watch() as display:
        plan = api.plan(pipeline, repo=options.repo, only=selection_of(options), listeners=(display.listen,))
    console.plan(plan, pipeline)
    if options.output == "json":
        console.document(plan_to_dict(plan, pipeline.name))
    return 0
