"""What is to know of a coding-agent tool to drive it, and what its output told."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from stomper_sdk.agents.base import AgentReply

__all__ = [
    "Output",
    "Preset",
    "Said",
    "amount",
    "events",
    "number",
    "read_object",
    "total",
    "under",
    "words_of",
]


@attrs.frozen
class Output:
    """What a tool printed, and the report that it wrote where it writes one."""

    stdout: str = ""
    stderr: str = ""
    report: str = ""


@attrs.frozen
class Said:
    """What an output tells.

    `finished` is true where the tool's own last word was there. `error` is the tool's word on what went
    wrong, never the model's, and `status` the HTTP status that stood with it.
    """

    reply: AgentReply = AgentReply()
    finished: bool = False
    error: str = ""
    status: int | None = None


@attrs.frozen(kw_only=True)
class Preset:
    """A tool, as data and a parser.

    In `words`, `environment` and `home` stand `{model}`, `{base_url}`, `{home}` (the job's private home),
    `{file}` and `{prompt_file}`; other braces are left as they are.

    Attributes:
        name: as in a pipeline.
        title: as its makers call it.
        program: what its program is called.
        install: the command that installs it.
        version: the arguments with which it tells its version.
        words: its arguments in any case.
        free: further ones where no sandbox holds it: its own means limit it to the workspace.
        confined: further ones inside a sandbox, which limits it better.
        with_model: further ones where a model is given.
        with_base_url: those in their place where an endpoint is given too; None where it takes none.
        last: what ends the command.
        prompt: how it gets the prompt: `stdin`, `argument` (the last one), or `file`.
        prompt_file: the name of that file.
        prompt_text: what stands in it, from the prompt.
        environment: variables that it runs with.
        confined_environment: further ones inside a sandbox.
        base_url_environment: further ones where an endpoint is given.
        hosts: where it finds its model without an endpoint, for a sandbox that lets it out there alone.
        keys: the variables with keys that are passed on to it where they are set.
        aliases: variables that get the value of another where they are not set themselves.
        home: files that it finds in its home: path -> content.
        report: the file in its home that holds what it has to tell.
        withholds: files and folders of a workspace's top that would tell it to start something, or to send
            its key elsewhere; they are not there while it works.
        drops: globs of what it may leave in a workspace's top folder, removed unless it was there before.
        git_drops: the same in the repository's own folder.
        ending: the signal that it is asked to end with.
        parse: reads its output; it raises nothing, whatever the output is.
    """

    name: str
    title: str
    program: str
    install: str
    words: tuple[str, ...]
    parse: Callable[[Output], Said]
    version: tuple[str, ...] = ("--version",)
    free: tuple[str, ...] = ()
    confined: tuple[str, ...] = ()
    with_model: tuple[str, ...] = ("--model", "{model}")
    with_base_url: tuple[str, ...] | None = None
    last: tuple[str, ...] = ()
    prompt: str = "stdin"
    prompt_file: str = "prompt.md"
    prompt_text: Callable[[str], str] = str
    environment: Mapping[str, str] = attrs.field(factory=dict)
    confined_environment: Mapping[str, str] = attrs.field(factory=dict)
    base_url_environment: Mapping[str, str] = attrs.field(factory=dict)
    hosts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    aliases: Mapping[str, str] = attrs.field(factory=dict)
    home: Mapping[str, str] = attrs.field(factory=dict)
    report: str = ""
    withholds: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    git_drops: tuple[str, ...] = ()
    ending: signal.Signals = signal.SIGTERM


def events(text: str) -> Iterator[Mapping[str, Any]]:
    """The objects that stand one to a line; what is cut off or something else is passed over."""
    for line in text.splitlines():
        if line.startswith("{"):
            found = read_object(line)
            if found:
                yield found


def read_object(text: str) -> Mapping[str, Any]:
    """A JSON object; an empty one where the text is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def under(value: Any, *keys: str) -> Any:
    """What stands at a path of keys; None where there is no such path."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def amount(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < math.inf and value < 1e9 else None


def words_of(value: Any) -> str:
    """A text that can be written anywhere; empty where the value is none."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def total(*values: int | None) -> int | None:
    """The sum of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
