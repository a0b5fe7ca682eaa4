"""`schema`: the JSON Schema of what is read and of what is printed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import OneOf

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    command.add_argument(
        "document",
        nargs="?",
        type=OneOf(("pipeline", "result", "experiment", "experiment-result")),
        default="pipeline",
        metavar="DOCUMENT",
        help="pipeline or experiment: what is read; result or experiment-result: what --output json prints "
        "(default: pipeline)",
    )


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk.config import load_schema

    console.document(load_schema(options.document))
    return 0
