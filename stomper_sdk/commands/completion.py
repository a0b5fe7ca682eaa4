"""`completion`: a script for the shell, made from the parser by shtab."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import OneOf

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


#: What a shell completes, by the word that stands for it in the help.
_PLACES = {"FILE": "FILE", "PIPELINE": "FILE", "PATH": "DIRECTORY", "DIR": "DIRECTORY"}


def declare(command: Parser) -> None:
    command.add_argument(
        "shell",
        type=OneOf(("bash", "zsh", "fish")),
        default=None,
        metavar="SHELL",
        help='bash, zsh or fish; in bash: eval "$(stomper-sdk completion bash)"',
    )


def perform(options: argparse.Namespace, console: Console) -> int:
    import shtab

    from stomper_sdk.commands.parser import all_options, full_parser

    parser = full_parser()
    for option in all_options(parser):
        action = option.action
        if isinstance(action.type, OneOf):
            action.choices = action.type.names
        if action.metavar in _PLACES:
            action.complete = getattr(shtab, _PLACES[action.metavar])  # type: ignore[attr-defined]
    console.product(shtab.complete(parser, shell=options.shell))
    return 0
