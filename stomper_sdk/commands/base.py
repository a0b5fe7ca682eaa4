"""Options that several commands share: how they are declared, and what they mean for a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from stomper_sdk.commands.parser import Parser
from stomper_sdk.options import did_you_mean

if TYPE_CHECKING:
    from stomper_sdk.api import Selection

__all__ = [
    "OneOf",
    "format_argument",
    "narrowing_arguments",
    "overrides_argument",
    "overrides_of",
    "parallel_argument",
    "pipeline_argument",
    "pipeline_arguments",
    "repo_argument",
    "selection_arguments",
    "selection_of",
    "whole_number",
]

_KEYS = {
    "parallelism.max_parallel_files": "max_parallel_files",
    "files.since": "since",
    "files.include": "files",
    "test_validation.mode": "test_validation",
    "retry.max_attempts": "max_attempts",
}


def whole_number(text: str) -> int:
    """Read the value of an option that counts."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None


@attrs.frozen
class OneOf:
    """Reads the value of an option that takes one of some words."""

    names: Sequence[str]

    def __str__(self) -> str:
        return f"{', '.join(self.names[:-1])} or {self.names[-1]}"

    def __call__(self, text: str) -> str:
        if text in self.names:
            return text
        mean = did_you_mean(text, self.names)
        raise argparse.ArgumentTypeError(f"expected {self}, got {text!r}{mean}")


def repo_argument(command: Parser) -> None:
    command.add_argument("--repo", default=".", metavar="PATH", help="the repository (default: .)")


def pipeline_argument(command: Parser) -> None:
    command.add_argument(
        "pipeline",
        nargs="?",
        metavar="PIPELINE",
        help="a path or a built-in name; pipelines/default.yaml or the built-in default if left out",
    )


def pipeline_arguments(command: Parser) -> None:
    """Where the repository is, and what is changed in the pipeline."""
    repo_argument(command)
    overrides_argument(command)


def overrides_argument(command: Parser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="override one key of the pipeline, such as retry.max_attempts=5 (repeatable)",
    )


def narrowing_arguments(command: Parser) -> None:
    """What a run, or the plan of one, is narrowed to."""
    pipeline_argument(command)
    pipeline_arguments(command)
    parallel_argument(command)
    selection_arguments(command)
    add = command.add_argument
    add(
        "--files",
        action="extend",
        nargs="+",
        default=[],
        metavar="GLOB",
        help="only files that match one of these",
    )
    add("--since", metavar="REV", help="only files changed after this revision")
    add("--test-validation", metavar="MODE", help="full, quick, final or none")
    add("--max-attempts", type=whole_number, metavar="N", help="rounds for each file at most")
    add("--fail-fast", action="store_true", help="end the run at the first file that cannot be worked on")


def selection_arguments(command: Parser) -> None:
    """By name; see `selection_of`."""
    add = command.add_argument
    add("--agent", action="append", default=[], metavar="NAME", help="only this agent (repeatable)")
    add("--check", action="append", default=[], metavar="NAME", help="only this check (repeatable)")
    add("--code", action="append", default=[], metavar="CODE", help="only this code (repeatable)")


def parallel_argument(command: Parser) -> None:
    command.add_argument(
        *("-j", "--max-parallel-files", "--jobs"),
        type=whole_number,
        dest="max_parallel_files",
        metavar="N",
        help="files at work at a time",
    )


def format_argument(command: Parser, *formats: str) -> None:
    """`--output`: for people, or one document for programs on standard output."""
    read = OneOf(formats)
    command.add_argument(
        "--output",
        type=read,
        default=formats[0],
        metavar="FORMAT",
        help=f"{read} (default: {formats[0]})",
    )


def overrides_of(options: argparse.Namespace) -> dict[str, object]:
    """What the command line changes in the pipeline; an option of its own wins over `--set`.

    Raises:
        UsageError: a `--set` is no KEY=VALUE.
    """
    from stomper_sdk.config import parse_override

    overrides = dict(parse_override(text) for text in options.overrides)
    given: dict[str, Any] = {key: getattr(options, name, None) for key, name in _KEYS.items()}
    overrides |= {key: value for key, value in given.items() if value not in (None, [])}
    return overrides | ({"on_error": "abort"} if getattr(options, "fail_fast", False) else {})


def selection_of(options: argparse.Namespace) -> Selection:
    from stomper_sdk.api import Selection

    return Selection(checks=tuple(options.check), codes=tuple(options.code), agents=tuple(options.agent))
