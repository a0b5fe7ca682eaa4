"""`run`: the pipeline in the repository, with what is told of it to people and to programs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from stomper_sdk.commands import plan
from stomper_sdk.commands.base import (
    OneOf,
    format_argument,
    narrowing_arguments,
    overrides_of,
    selection_of,
)
from stomper_sdk.commands.signals import interruptible
from stomper_sdk.errors import UsageError

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console
    from stomper_sdk.model.result import RunResult

__all__ = ["carry_out", "declare", "file_argument", "perform", "refuse_unwritable", "reporting_arguments"]

_FILES = {
    "sarif": "write what is left as SARIF",
    "junit": "write what is left as JUnit XML",
    "report": "write a report to look at: one HTML file with all that is known of the run",
}


def declare(command: Parser) -> None:
    narrowing_arguments(command)
    add = command.add_argument
    add("--dry-run", action="store_true", help="show the plan, change nothing")
    add("--resume", metavar="SESSION", help="go on with a run that did not end; last is the newest")
    reporting_arguments(command)


def reporting_arguments(command: Parser) -> None:
    """How a run is told, while it goes on and afterwards."""
    format_argument(command, "text", "json", "github")
    add = command.add_argument
    add("--no-progress", action="store_false", dest="progress", help="only the summary")
    add(
        "--fail-level",
        type=OneOf(("none", "error", "warning", "any")),
        default="any",
        metavar="LEVEL",
        help="exit with 1 for findings left from this severity up: none, error, warning or any (the default)",
    )
    add("--exit-zero", action="store_true", help="exit with 0 in place of 1, whatever is left")
    for name in _FILES:
        file_argument(command, name)
    add("--log-file", type=Path, metavar="FILE", help="write every event as a line of JSON")


def file_argument(command: Parser, name: str) -> None:
    """A file that tells of a run."""
    command.add_argument(f"--{name}", type=Path, metavar="FILE", help=_FILES[name])


def perform(options: argparse.Namespace, console: Console) -> int:
    if options.dry_run:
        _refuse_beside_plan(options)
        return plan.perform(options, console)
    return carry_out(
        options,
        console,
        pipeline=options.pipeline,
        repo=options.repo,
        overrides=overrides_of(options),
        only=selection_of(options),
        resume=options.resume,
    )


def carry_out(options: argparse.Namespace, console: Console, **asked: Any) -> int:
    """Run what is asked for, as `api.run` takes it, and tell it as the options say."""
    refuse_unwritable(options, *_FILES, "log_file")
    from stomper_sdk import api
    from stomper_sdk.console.log import logging_to

    control = api.Control()
    with (
        console.watch() as display,
        logging_to(options.log_file) as log,
        interruptible(control, display.stopping),
    ):
        result = api.run(**asked, listeners=(display.listen, *log), control=control)
    result = _judged(result, options)
    console.summary(result, display.notices)
    _write(result, options, console)
    return result.exit_code


def _judged(result: RunResult, options: argparse.Namespace) -> RunResult:
    """The result with the exit code that the caller asked for."""
    from stomper_sdk.reports import exit_code_at

    code = exit_code_at(result, options.fail_level)
    return attrs.evolve(result, exit_code=0 if code == 1 and options.exit_zero else code)


def _write(result: RunResult, options: argparse.Namespace, console: Console) -> None:
    from stomper_sdk import reports

    if options.sarif:
        console.file(options.sarif, reports.to_json(reports.sarif_log(result)))
    if options.junit:
        console.file(options.junit, reports.junit_xml(result))
    if options.report:
        result.save_report(options.report)
    if options.output == "json":
        console.document(result.to_dict())
    if options.output == "github":
        console.product(reports.github_annotations(result))
        texts = {"GITHUB_STEP_SUMMARY": reports.github_summary, "GITHUB_OUTPUT": reports.github_outputs}
        for variable, text in texts.items():
            if file := os.environ.get(variable):
                console.file(Path(file), text(result), append=True)


def refuse_unwritable(options: argparse.Namespace, *names: str) -> None:
    """What cannot be written afterwards is better known before anything is done."""
    for name in names:
        file: Path | None = getattr(options, name)
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option}: {file} cannot be written", "Name a file in a folder that is there."
            )


def _refuse_beside_plan(options: argparse.Namespace) -> None:
    given = [f"--{name}" for name in ("resume", *_FILES) if getattr(options, name)]
    given += ["--output github"] if options.output == "github" else []
    if given:
        raise UsageError(f"{given[0]} tells of a run, and --dry-run makes none", "Leave one of them out.")
