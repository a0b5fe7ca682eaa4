"""`doctor`: what a run would need, looked at, and what mends what is missing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import format_argument, overrides_of, pipeline_argument, pipeline_arguments

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    pipeline_argument(command)
    pipeline_arguments(command)
    format_argument(command, "text", "json")


def perform(options: argparse.Namespace, console: Console) -> int:
    """Exit code 1 where something would keep a run from getting through, 0 where nothing does."""
    from stomper_sdk.doctor import examine, remarks_text, remarks_to_dict

    remarks = examine(options.pipeline, Path(options.repo).absolute(), overrides_of(options))
    exit_code = int(any(remark.state == "problem" for remark in remarks))
    if options.output == "json":
        console.document(remarks_to_dict(remarks, exit_code))
    else:
        console.product(remarks_text(remarks, console.width()))
    return exit_code
