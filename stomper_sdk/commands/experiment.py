"""`experiment`: variants of a pipeline, tried on the same findings and compared."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from stomper_sdk.commands.base import (
    format_argument,
    overrides_of,
    parallel_argument,
    pipeline_arguments,
    whole_number,
)
from stomper_sdk.commands.run import refuse_unwritable
from stomper_sdk.commands.signals import interruptible
from stomper_sdk.errors import UsageError

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console
    from stomper_sdk.model.experiment import ExperimentSpec

__all__ = ["declare", "perform", "report_argument"]

_WHICH = "Name its file: stomper-sdk experiment FILE. Past ones: stomper-sdk experiments list"
_DECLARED = ("repeats", "sample", "seed")


def declare(command: Parser) -> None:
    add = command.add_argument
    add(
        "experiment",
        nargs="?",
        metavar="FILE",
        help="its declaration: what is varied, and how often it is tried",
    )
    pipeline_arguments(command)
    parallel_argument(command)
    add("--repeats", type=whole_number, metavar="N", help="how often each variant is tried on each file")
    add("--sample", type=whole_number, metavar="N", help="how many findings are drawn, 0 for all")
    add("--seed", type=whole_number, metavar="N", help="of the sample, the order, and what variants draw")
    add("--dry-run", action="store_true", help="show what would be tried, try nothing")
    add(
        "--resume",
        nargs="?",
        const="last",
        metavar="EXPERIMENT",
        help="go on with one that did not end; with the newest, where none is named",
    )
    report_argument(command)
    format_argument(command, "text", "json")
    add("--no-progress", action="store_false", dest="progress", help="only the summary")


def report_argument(command: Parser) -> None:
    """Where all that was found is written to be looked at."""
    command.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a report to look at: one HTML file with all that was found",
    )


def perform(options: argparse.Namespace, console: Console) -> int:
    refuse_unwritable(options, "report")
    if options.experiment in (None, "list", "show"):
        raise UsageError("which experiment?", _WHICH)
    from stomper_sdk.config import load_experiment_spec

    spec = _changed(load_experiment_spec(options.experiment, repo=options.repo), options)
    return _show(spec, options, console) if options.dry_run else _carry_out(spec, options, console)


def _show(spec: ExperimentSpec, options: argparse.Namespace, console: Console) -> int:
    if told := [f"--{name}" for name in ("resume", "report") if getattr(options, name)]:
        text = f"{told[0]} is for what is tried, and --dry-run tries nothing"
        raise UsageError(text, "Leave one of them out.")
    from stomper_sdk import api
    from stomper_sdk.console.experiment import draft_text
    from stomper_sdk.laboratory import draft_experiment

    control = api.Control()
    with interruptible(control, lambda: None):
        draft = draft_experiment(spec, repo=options.repo, control=control)
    if options.output == "json":
        console.document(draft.to_dict())
    else:
        console.say(draft_text(draft, console.width()))
    return 0


def _changed(spec: ExperimentSpec, options: argparse.Namespace) -> ExperimentSpec:
    """The declaration with what the command line says."""
    overrides = overrides_of(options)
    own = [spec.matrix] if spec.matrix else []
    for key in overrides:
        if all(key in variant for variant in (*own, *spec.variants.values())):
            text = f"{key} is set for all variants, and each of them says it itself"
            raise UsageError(text, "Change it in the file.")
    hidden = _places_of(overrides)
    places = {key: place for key, place in spec.places.items() if key not in hidden}
    given: dict[str, Any] = {key: getattr(options, key) for key in _DECLARED}
    said = {key: value for key, value in given.items() if value is not None}
    return attrs.evolve(spec, overrides={**spec.overrides, **overrides}, places=places, **said)


def _places_of(overrides: dict[str, object]) -> set[str]:
    from stomper_sdk.config.document import dotted

    return {dotted(("overrides", key)) for key in overrides}


def _carry_out(spec: ExperimentSpec, options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.console.experiment import experiment_text, not_tried
    from stomper_sdk.laboratory import carry_out_experiment

    control = api.Control()
    with console.watch_experiment() as board, interruptible(control, board.stopping):
        found = carry_out_experiment(
            spec, repo=options.repo, resume=options.resume, control=control, watchers=(board.see,)
        )
    details = options.loudness == "verbose"
    console.say(experiment_text(found, console.width(), details=details, file=options.experiment))
    if options.report:
        found.save_report(options.report)
    if options.loudness == "quiet":
        for line in not_tried(found):
            console.warn(line)
    if options.output == "json":
        console.document(found.to_dict())
    return found.exit_code
