"""`clean`: what killed runs left behind is removed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stomper_sdk.commands.base import repo_argument
from stomper_sdk.model.present import visible

if TYPE_CHECKING:
    from stomper_sdk.commands.parser import Parser
    from stomper_sdk.console.console import Console

__all__ = ["declare", "perform"]


def declare(command: Parser) -> None:
    repo_argument(command)


def perform(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    removed = api.clean(options.repo)
    console.say("\n".join(visible(line) for line in removed) or "nothing to clean")
    return 0
