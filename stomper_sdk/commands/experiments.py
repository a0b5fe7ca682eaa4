"""`experiments`: what past experiments found."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import format_argument, repo_argument
from stomper_sdk.commands.experiment import report_argument
from stomper_sdk.commands.run import refuse_unwritable

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    """Each thing to do with experiments is a command of its own; none means `list`."""
    command.implied = "list"
    below = command.add_commands("commands", "COMMAND")
    listing = below.add("list", "list them, the newest first", what="list")
    showing = below.add("show", "show what one found; with --verbose, by code and file too", what="show")
    showing.add_argument(
        "experiment",
        nargs="?",
        default="last",
        metavar="EXPERIMENT",
        help="its name, or a part of it that no other has (default: last)",
    )
    report_argument(showing)
    for command in (listing, showing):
        repo_argument(command)
        format_argument(command, "text", "json")


def perform(options: argparse.Namespace, console: Console) -> int:
    return _list(options, console) if options.what == "list" else _show(options, console)


def _list(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk.console.experiment import experiments_text
    from stomper_sdk.laboratory.reading import experiments

    past = experiments(options.repo)
    if options.output == "json":
        console.document({"version": 1, "experiments": [it.to_dict() for it in past]})
    elif past:
        console.product(experiments_text(past, console.width()))
    else:
        console.say("no experiments yet")
    return 0


def _show(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk.console.experiment import experiment_text
    from stomper_sdk.laboratory import load_experiment

    refuse_unwritable(options, "report")
    experiment = load_experiment(options.experiment, options.repo)
    if options.report:
        experiment.save_report(options.report)
    if options.output == "json":
        console.document(experiment.to_dict())
    else:
        details = options.loudness == "verbose"
        console.product(experiment_text(experiment, console.width(), details=details))
    return 0
