"""`agents`, `checks`, `reducers`, `stages`: what a pipeline can name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import format_argument

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME", help="show only this one, with its options")
    format_argument(command, "text", "json")


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk.interpreter.catalogue import catalogue, describe, with_tools
    from stomper_sdk.interpreter.embedding import importable
    from stomper_sdk.reports.catalogue import catalogue_text, catalogue_to_dict

    with importable(Path.cwd()):
        named, kind = options.name, options.command
        plugins = describe(kind, named) if named else catalogue(kind)
    if kind == "agents":
        plugins = with_tools(plugins)
    if options.output == "json":
        console.document(catalogue_to_dict(kind, plugins))
    else:
        whole = bool(named) or options.loudness == "verbose"
        console.product(catalogue_text(plugins, console.width(), whole=whole))
    return 0
