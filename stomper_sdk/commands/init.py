"""`init`: a pipeline that fits the repository, to begin with."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import repo_argument
from stomper_sdk.model.present import counted, visible

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console
    from stomper_sdk.survey import Survey

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    repo_argument(command)
    command.add_argument("--print", action="store_true", help="show the pipeline, write nothing")
    command.add_argument("--force", action="store_true", help="replace the pipeline that is there")


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk.starter import make_starter, write_starter

    starter = make_starter(Path(options.repo).absolute())
    if options.print:
        console.product(starter.text.rstrip("\n"))
        return 0
    write_starter(starter, replace=options.force)
    console.say("\n".join([*_found(starter.survey), *_next(options.repo)]))
    return 0


def _found(survey: Survey) -> Iterator[str]:
    languages = ", ".join(f"{name} ({counted(number, 'file')})" for name, number in survey.languages.items())
    checks = ", ".join(tool.name for tool in survey.tools if tool.program)
    tests = {"none": "none", "pytest": "pytest", "script": " ".join(survey.tests.command)}[survey.tests.kind]
    yield f"found  {languages}; checks: {checks}; tests: {tests}"
    missing = [f"{tool.name} ({tool.install})" for tool in survey.tools if not tool.program]
    if missing:
        yield f"       configured, but missing: {', '.join(missing)}"
    yield from (f"       {note}" for note in survey.tests.notes)


def _next(repo: str) -> Iterator[str]:
    where = "" if repo == "." else f" --repo {visible(shlex.quote(repo))}"
    yield "wrote  pipelines/default.yaml, which is yours to edit"
    yield f"next   stomper-sdk plan{where}   says what would be done"
    yield f"       stomper-sdk run{where}    does it, one commit a file"
