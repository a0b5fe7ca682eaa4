"""The agent that runs a coding-agent tool as its preset says."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import attrs
import trio

from stomper_sdk.agents.base import (
    TIMEOUT,
    AgentReply,
    AgentTask,
    as_argument,
    failure_to_start,
    hosts_in,
    locate,
)
from stomper_sdk.agents.command import MAX_ARGUMENT
from stomper_sdk.agents.presets.base import Output, Preset, Said
from stomper_sdk.agents.presets.drops import Drops
from stomper_sdk.agents.presets.sorting import failure_of
from stomper_sdk.agents.presets.withheld import withheld
from stomper_sdk.clearing import clear_away
from stomper_sdk.errors import AgentError, CommandError, PipelineError, Problem
from stomper_sdk.options import env_variables, option, optional, seconds, strings
from stomper_sdk.process import CommandLimit, CommandTimeout, Completed, passed_on, run_command

__all__ = ["PLACES", "ToolAgent", "filled", "tool_agent"]

_MAX_OUTPUT = 16 * 1024 * 1024
_SAID = 600
_PLACEHOLDER = re.compile(r"\{(model|base_url|home|file|prompt_file)\}")
#: All that a tool keeps is gone with the job, and nothing of the user's is found.
PLACES = {
    "HOME": "{home}",
    "TMPDIR": "{home}/tmp",
    "XDG_CACHE_HOME": "{home}/.cache",
    "XDG_CONFIG_HOME": "{home}/.config",
    "XDG_DATA_HOME": "{home}/.local/share",
    "XDG_STATE_HOME": "{home}/.local/state",
}


def one_word(value: object) -> str:
    """A text that can stand in a command and in a settings file as it is."""
    if not isinstance(value, str) or not re.fullmatch(r"[^\s\"'\\{}$`-][^\s\"'\\{}$`]*", value):
        raise ValueError("a text without blanks, quotes and braces that does not begin with a dash")
    return value


@attrs.frozen(kw_only=True)
class ToolAgent:
    """Runs a tool in the workspace, with a home of its own for each job, and reads what it reports."""

    preset: ClassVar[Preset]
    confined: ClassVar[bool] = True
    needs_network: ClassVar[bool] = True

    name: str
    model: str | None = option(optional(one_word), None, "The model, as the tool names it.")
    base_url: str | None = option(
        optional(one_word), None, "Where another endpoint is; the model is then named as that one does."
    )
    timeout: float = option(seconds, TIMEOUT, "Its time limit; all that it started is ended with it.")
    args: tuple[str, ...] = option(strings, (), "Further arguments.")
    env: Mapping[str, str | None] = option(
        env_variables, attrs.Factory(dict), "Variables to add, or the names of secret ones to pass on."
    )
    once: bool = attrs.field(default=False, init=False)
    _drops: Drops = attrs.field(
        default=attrs.Factory(lambda self: Drops(self.preset.drops, self.preset.git_drops), takes_self=True),
        init=False,
        repr=False,
        eq=False,
    )

    def __attrs_post_init__(self) -> None:
        """Refuse an endpoint for which the tool, or its model, is not known."""
        if self.base_url is None:
            return
        path = f"agents.{self.name}.base_url"
        if self.preset.with_base_url is None:
            raise PipelineError([Problem(f"{self.preset.title} takes no endpoint", path)])
        if self.model is None:
            raise PipelineError([Problem("another endpoint has other models: give `model` too", path)])

    @property
    def program(self) -> str:
        """What must be there to be run."""
        return self.preset.program

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where its model is, as far as that is known."""
        return hosts_in(self.base_url) if self.base_url else self.preset.hosts

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Run the tool once.

        Raises:
            AgentError: it is missing, ran out of time, or did not come to a good end.
        """
        async with (
            _private_home() as home,
            self._drops.kept_out(task.workspace),
            withheld(task.workspace, self.preset.withholds, task.path),
        ):
            values = self._values(home, task)
            await trio.to_thread.run_sync(self._furnish, home, values, task.prompt)
            if task.confinement is not None:
                task = attrs.evolve(task, confinement=task.confinement.at_home(home))
            try:
                done = await self._run(task, values)
            except CommandLimit as error:
                said = await self._read(error.completed, home)
                told = error.message.replace(error.completed.argv[0], self.program, 1)
                in_time = not isinstance(error, CommandTimeout)
                raise AgentError(
                    f"agent {self.name}: {told}", failure="error" if in_time else "timeout", reply=said.reply
                ) from error
            except CommandError as error:
                failure = failure_to_start(self.program, task.environment)
                hint = f"Install it: {self.preset.install}" if failure == "unavailable" else error.hint
                raise AgentError(f"agent {self.name}: {error.message}", hint, failure=failure) from error
            return self._judged(await self._read(done, home), done)

    async def _run(self, task: AgentTask, values: Mapping[str, str]) -> Completed:
        environment = {**task.environment, **self._environment(task, values)}
        argument = [task.prompt] if self.preset.prompt == "argument" else []
        size = max((len(os.fsencode(word)) for word in argument), default=0)
        if size > MAX_ARGUMENT:
            text = f"a prompt of {size} bytes is longer than an argument can be ({MAX_ARGUMENT})"
            raise AgentError(f"agent {self.name}: {text}", "Use a lower level of the prompt for this agent.")
        return await run_command(
            [locate(self.program, environment), *self._words(task, values), *argument],
            cwd=task.workspace,
            timeout=self.timeout,
            env=environment,
            stdin=os.fsencode(task.prompt) if self.preset.prompt == "stdin" else b"",
            max_output=_MAX_OUTPUT,
            confinement=task.confinement,
            ending=self.preset.ending,
        )

    def _words(self, task: AgentTask, values: Mapping[str, str]) -> list[str]:
        preset = self.preset
        model = preset.with_base_url if self.base_url else preset.with_model if self.model else ()
        limits = preset.free if task.confinement is None else preset.confined
        words = (*preset.words, *limits, *(model or ()))
        return [filled(word, values) for word in (*words, *self.args, *preset.last)]

    def _environment(self, task: AgentTask, values: Mapping[str, str]) -> dict[str, str]:
        """What it runs with on top of the task's: its own, the keys it may have, and the pipeline's."""
        preset = self.preset
        set_up = {**PLACES, **preset.environment}
        set_up |= preset.base_url_environment if self.base_url else {}
        set_up |= preset.confined_environment if task.confinement is not None else {}
        keys = passed_on(dict.fromkeys(preset.keys))
        given = {
            **{name: filled(value, values) for name, value in set_up.items()},
            **keys,
            **passed_on(self.env),
        }
        for name, other in preset.aliases.items():
            if name not in given and other in given:
                given[name] = given[other]
        return given

    def _values(self, home: Path, task: AgentTask) -> dict[str, str]:
        return {
            "model": self.model or "",
            "base_url": self.base_url or "",
            "home": str(home),
            "file": as_argument(task.path),
            "prompt_file": str(home / self.preset.prompt_file),
        }

    def _furnish(self, home: Path, values: Mapping[str, str], prompt: str) -> None:
        files = {name: filled(content, values) for name, content in self.preset.home.items()}
        if self.preset.prompt == "file":
            files[self.preset.prompt_file] = self.preset.prompt_text(prompt)
        (home / "tmp").mkdir()
        for name, content in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(os.fsencode(content))

    async def _read(self, done: Completed, home: Path) -> Said:
        report = self.preset.report
        written = await trio.to_thread.run_sync(_read_file, home / report) if report else ""
        said = self.preset.parse(Output(done.text, done.error_text, written))
        return attrs.evolve(said, reply=attrs.evolve(said.reply, model=said.reply.model or self.model))

    def _judged(self, said: Said, done: Completed) -> AgentReply:
        """Exit code 0 proves nothing: the tool's own last word must be there too, and be a good one."""
        if done.exit_code == 0 and said.finished and not said.error:
            return said.reply
        told = said.error or _last_lines(done.error_text) or _last_lines(done.text)
        failure = failure_of(told, said.status)
        how = done.ending if done.exit_code else "failed" if said.error else "ended without its last word"
        keys = " or ".join(self.preset.keys)
        raise AgentError(
            f"agent {self.name}: {self.program} {how}{f': {told}' if told else ''}",
            f"Set {keys}." if failure == "auth" else "",
            failure=failure,
            reply=said.reply,
        )


def tool_agent(preset: Preset) -> type[ToolAgent]:
    """The plug-in of a preset: a class, since a plug-in is one, that differs by the preset alone."""
    title = "".join(word.capitalize() for word in preset.name.split("-"))
    about = f"Runs {preset.title} in the workspace, with a home of its own."
    return type(f"{title}Agent", (ToolAgent,), {"preset": preset, "__doc__": about, "__slots__": ()})


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with the values of its placeholders; any other braces stay."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


@contextlib.asynccontextmanager
async def _private_home() -> AsyncIterator[Path]:
    home = Path(await trio.to_thread.run_sync(lambda: tempfile.mkdtemp(prefix="stomper-home-")))
    try:
        yield home
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(clear_away, home)


def _read_file(path: Path) -> str:
    """A file that a tool wrote, and not one that a link leads to; empty where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        regular = stat.S_ISREG(os.fstat(handle).st_mode)
        return file.read(_MAX_OUTPUT).decode("utf-8", "replace") if regular else ""


def _last_lines(text: str) -> str:
    """What is for people at the end of an output: lines that are no events."""
    lines = (line for line in text.splitlines() if not line.startswith("{"))
    return "\n".join(lines).strip()[-_SAID:]
