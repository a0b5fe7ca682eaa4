"""Words in, options out: the command line, then `STOMPER_…` variables, then `[tool.stomper_sdk]`.

Messages are in our own voice, with the nearest name of what was mistyped.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs

from stomper_sdk import __version__
from stomper_sdk.commands import COMMANDS
from stomper_sdk.commands.settings import Option, from_environment, from_project, unknown_variables
from stomper_sdk.errors import UsageError
from stomper_sdk.options import nearest

__all__ = ["Parser", "all_options", "full_parser", "parse"]


class _Help(argparse.HelpFormatter):
    """Every option's meaning in the same column, also where the option is a long word."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)
        self._action_max_length = 14  # argparse forgets that the names of commands are indented


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting, and remembers what it takes.

    What it reads holds only what was given: defaults come last, after the environment and the project.
    `implied` is the command below that is meant where none is named.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.options: list[Option] = []
        self.below: Mapping[str, Parser] = {}
        self.implied = ""
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Help, **kwargs})

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        action = super().add_argument(*args, **kwargs)
        if action.default != argparse.SUPPRESS:  # as it is for --help and --version
            self.options.append(Option(action, action.default))
            action.default = argparse.SUPPRESS if action.option_strings else None
        return action

    def add_commands(self, title: str, metavar: str) -> Commands:
        """Let there be commands below this one."""
        made = Commands(self.add_subparsers(title=title, metavar=metavar))
        self.below = made.parsers
        return made

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), f"See {self.prog} --help.")


@attrs.frozen
class Commands:
    """The commands below one."""

    _action: Any

    @property
    def parsers(self) -> Mapping[str, Parser]:
        parsers: Mapping[str, Parser] = self._action.choices
        return parsers

    def add(self, name: str, meaning: str, **known: str) -> Parser:
        """Add one; `known` are options that naming it sets."""
        description = f"{meaning[0].upper()}{meaning[1:]}."
        command: Parser = self._action.add_parser(name, help=meaning, description=description)
        command.set_defaults(parser=command, **known)
        return command


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Read the arguments of one command; the namespace's `command` is empty if none is named.

    Args:
        arguments: the words after the program's name.
        environment: holds options as `STOMPER_MAX_ATTEMPTS=5`; the command line wins over it, and it
            wins over `[tool.stomper_sdk]` in the repository's `pyproject.toml`.

    Returns:
        The options by their names, and `doubts`: lines on variables that look like mistyped options.

    Raises:
        UsageError: there is no such command or option, or it does not take such a value.
        SystemExit: argparse has printed what was asked for.
    """
    name = next((word for word in arguments if not word.startswith("-")), "")
    _refuse_unknown(name, COMMANDS)
    parser = _parser([name])
    read, extra = parser.parse_known_args(_completed(arguments, name, parser))
    chosen: Parser = read.parser
    if extra := _placed(extra, read, chosen):
        _refuse_extra(extra[0], chosen)
    if not read.command:
        parser.print_help(sys.stderr)
        return read
    given = {key: value for key, value in vars(read).items() if value not in (None, []) and key != "parser"}
    said = from_environment(chosen.options, environment) | given
    options = {option.dest: option.default for option in chosen.options} | said
    if "repo" in options:
        project = from_project(chosen.options, Path(options["repo"]), _option_names)
        options |= {dest: value for dest, value in project.items() if dest not in said}
    return argparse.Namespace(**options, doubts=_doubts(chosen, environment))


def full_parser() -> Parser:
    """The whole command line, for what must know all of it: its reference, and completion."""
    return _parser(COMMANDS)


def _parser(declared: Collection[str]) -> Parser:
    """A parser that knows every command by name, and the options of some."""
    parser = Parser(
        prog="stomper-sdk",
        description="Turn code findings into trusted commits: one isolated worktree per file, verified, "
        "tested, committed.",
        epilog="Exit codes: 0 nothing left to fix, 1 something remains, 2 usage or pipeline error, "
        "3 could not be carried out, 4 stopped by budget or quota, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"stomper-sdk {__version__}")
    parser.set_defaults(command="", parser=parser)
    commands = parser.add_commands("commands", "COMMAND")
    for name, entry in COMMANDS.items():
        command = commands.add(name, entry.meaning, command=name)
        if name in declared:
            importlib.import_module(f"stomper_sdk.commands.{entry.module}").declare(command)
            for leaf in command.below.values() or [command]:
                _loudness(leaf)
    return parser


def _loudness(command: Parser) -> None:
    switch: dict[str, Any] = {"action": "store_const", "dest": "loudness"}
    command.add_argument("-v", "--verbose", const="verbose", help="stages and attempts as well", **switch)
    command.add_argument("-q", "--quiet", const="quiet", help="errors only", **switch)


def _completed(arguments: Sequence[str], name: str, parser: Parser) -> Sequence[str]:
    """The words, with the command below that is implied where it is not named."""
    command = parser.below.get(name)
    if command is None or not command.below:
        return arguments
    at = arguments.index(name) + 1
    early = next((word for word in arguments[at:] if word in command.below), "")
    if early:  # options may come before it
        others = list(arguments[at:])
        others.remove(early)
        return [*arguments[:at], early, *others]
    following = arguments[at] if at < len(arguments) else ""
    if following in ("-h", "--help"):
        return arguments
    if following and not following.startswith("-"):
        _refuse_unknown(following, command.below, f"{name} ")
        return arguments
    return [*arguments[:at], command.implied, *arguments[at:]]


def _refuse_unknown(word: str, names: Collection[str], before: str = "") -> None:
    if word and word not in names:
        near = nearest(word, names)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(names)}."
        raise UsageError(f"unknown command {before + word!r}", hint)


def _placed(extra: Sequence[str], read: argparse.Namespace, chosen: Parser) -> list[str]:
    """The words that have no place; Python before 3.13 finds none for a second argument behind options."""
    words = list(extra)
    for option in chosen.options:
        if words and not words[0].startswith("-") and not option.flags and not getattr(read, option.dest):
            setattr(read, option.dest, words.pop(0))
    return words


def _refuse_extra(word: str, chosen: Parser) -> None:
    if not word.startswith("-"):
        raise UsageError(f"unexpected argument {word!r}", f"See {chosen.prog} --help.")
    name = word.partition("=")[0]
    near = nearest(name, [flag for option in chosen.options for flag in option.flags])
    raise UsageError(
        f"unknown option {name}", f"Did you mean {near}?" if near else f"See {chosen.prog} --help."
    )


def _doubts(chosen: Parser, environment: Mapping[str, str]) -> tuple[str, ...]:
    known = {variable for option in chosen.options for variable in option.variables}
    return tuple(unknown_variables(environment.keys() - known, _option_names))


def _option_names() -> Collection[str]:
    """The names of all options, of whatever command."""
    return {name for option in all_options(full_parser()) for name in option.names}


def all_options(parser: Parser) -> Iterator[Option]:
    """The options of a parser and of the commands below it."""
    yield from parser.options
    for below in parser.below.values():
        yield from all_options(below)
