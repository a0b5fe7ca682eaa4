"""`graph`: a pipeline as a drawing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import OneOf, overrides_of, pipeline_argument, pipeline_arguments

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    pipeline_argument(command)
    pipeline_arguments(command)
    command.add_argument(
        "--format",
        type=OneOf(("mermaid", "svg")),
        default="mermaid",
        metavar="FORMAT",
        help="mermaid (for Markdown) or svg (an image) (default: mermaid)",
    )


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.interpreter.drawing import as_mermaid, as_svg

    pipeline = api.load_pipeline(options.pipeline, repo=options.repo, overrides=overrides_of(options))
    draw = as_svg if options.format == "svg" else as_mermaid
    console.product(draw(pipeline, Path.cwd(), Path(options.repo).absolute()))
    return 0
