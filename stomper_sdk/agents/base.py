"""The contract of an agent, and what agents that run a program or a function have in common."""

from __future__ import annotations

import contextlib
import os
import shutil
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs
import trio

from stomper_sdk.errors import AgentError, AgentFailure, CommandError
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.price import possible_count, possible_dollars
from stomper_sdk.process import (
    CommandLimit,
    CommandTimeout,
    Completed,
    Confinement,
    clean_environment,
    find_program,
    run_command,
)
from stomper_sdk.registry import Registry
from stomper_sdk.workspaces.patches import Patches

__all__ = [
    "AGENTS",
    "TIMEOUT",
    "Agent",
    "AgentReply",
    "AgentTask",
    "Wrapped",
    "as_argument",
    "failure_to_start",
    "hosts_in",
    "inside",
    "locate",
    "other_agent",
    "run_program",
    "said",
    "time_limit",
]

#: Seconds that an agent has unless the pipeline says otherwise.
TIMEOUT = 600.0
_SAID_LINES, _SAID_CHARACTERS = 20, 2000
MAX_OUTPUT = 1024 * 1024


@attrs.frozen
class AgentTask:
    """What an agent is asked to do.

    `workspace` is the folder to edit, and the agent's working directory; `path` is the file to fix,
    relative to it. `remaining`, `introduced` and `rejected` tell what the last attempt left, brought
    in, and was refused for. `environment` is what a program that the agent starts should run with,
    `confinement` what it is shut in. `patches` tells what is edited in the workspace; None outside a run.
    """

    workspace: Path
    path: str
    findings: tuple[Finding, ...]
    prompt: str
    attempt: int = 1
    level: str = "normal"
    pipeline: str = ""
    session_id: str = ""
    remaining: tuple[Finding, ...] = ()
    introduced: tuple[Finding, ...] = ()
    rejected: str | None = None
    environment: Mapping[str, str] = attrs.field(factory=clean_environment, repr=False)
    confinement: Confinement | None = attrs.field(default=None, repr=False)
    patches: Patches | None = attrs.field(default=None, repr=False)


@attrs.frozen
class AgentReply:
    """What an agent says of its work; None where it does not know. The edits are in the workspace.

    `tokens_cached` are those of `tokens_in` that its model had read before and bills as such. An amount that
    nobody can have used, such as one below zero, is one that is not known: a budget could not be kept by it.
    """

    text: str = ""
    tokens_in: int | None = attrs.field(default=None, converter=possible_count)
    tokens_out: int | None = attrs.field(default=None, converter=possible_count)
    cost_usd: float | None = attrs.field(default=None, converter=possible_dollars)
    turns: int | None = attrs.field(default=None, converter=possible_count)
    model: str | None = None
    agent_session: str | None = None
    tokens_cached: int | None = attrs.field(default=None, converter=possible_count)


class Agent(Protocol):
    """Edits files in a workspace. What it changed is seen in the tree, never taken from its words.

    One whose use costs money or tokens may have `at_most(task) -> Usage`, what an attempt may use at most:
    under a budget that much is reserved before it is asked. One that uses no model has a true `free`.

    One that has a true `confined` does so by programs that it starts with the task's `confinement`, or
    writes in the workspace alone what it was told and runs nothing; without it, it is refused where there is
    a sandbox. One that has `hosts`, such as `("api.example.org:443",)`, says where its program finds its
    model: there `sandbox.network: model-only` lets it out.
    """

    @property
    def name(self) -> str:
        """Its name in the pipeline."""

    @property
    def timeout(self) -> float:
        """Seconds after which it is ended."""

    @property
    def once(self) -> bool:
        """True where asking again about what it left cannot help: a fixer that went to its fixed point."""

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Edit `task.path` in `task.workspace`.

        Raises:
            AgentError: it could not do its work; the next agent of the cascade takes over.
        """


@attrs.frozen
class Wrapped:
    """An agent that another one asks, and what the pipeline declares of it.

    `root` is the top of the user's checkout; `secrets` are the values that stand in nothing that is kept.
    """

    agent: Agent = attrs.field(repr=False)
    use: str
    options: Mapping[str, Any] = attrs.field(repr=False)
    root: Path
    secrets: frozenset[str] = attrs.field(default=frozenset(), repr=False)


def other_agent(value: object) -> Any:
    """The name of another agent of the pipeline; when a run is planned, that agent takes its place."""
    if not isinstance(value, str | Wrapped) or not value:
        raise ValueError("the name of another agent")
    return value


def inside(workspace: Path, path: str) -> Path:
    """Where a path leads; links are followed, and must stay inside.

    Raises:
        ValueError: it leads out of the workspace.
    """
    target = workspace / path
    if not target.resolve().is_relative_to(workspace.resolve()):
        raise ValueError(f"{path} leads out of the workspace")
    return target


def hosts_in(url: str) -> tuple[str, ...]:
    """The host and the port in an address of the web, as `hosts` tells them; none where there is none."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return ()
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return (f"{name}:{port}",) if name else ()


def as_argument(path: str) -> str:
    """A path that no program takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def locate(program: str, environment: Mapping[str, str]) -> str:
    """Where a program is: on the environment's path, else where our own are; itself where nowhere.

    A name with a slash is left as it is, and then means a file of the workspace.
    """
    if os.sep in program:
        return program
    return shutil.which(program, path=environment.get("PATH")) or find_program(program) or program


async def run_program(
    name: str,
    argv: Sequence[str],
    task: AgentTask,
    *,
    timeout: float,
    ok: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    max_output: int = MAX_OUTPUT,
) -> Completed:
    """Run a program in a task's workspace.

    Args:
        name: the agent's name, for messages.
        argv: program and arguments.
        task: says where, and with which environment.
        timeout: seconds until its whole process tree is ended.
        ok: the exit codes of success.
        env: variables on top of the task's environment.
        stdin: what it reads.
        max_output: bytes kept of each of its outputs.

    Raises:
        AgentError: it is missing, was ended at a limit, or failed; with the end of its output.
    """
    environment = {**task.environment, **(env or {})}
    try:
        done = await run_command(
            [locate(argv[0], environment), *argv[1:]],
            cwd=task.workspace,
            timeout=timeout,
            env=environment,
            stdin=stdin,
            max_output=max_output,
            confinement=task.confinement,
        )
    except CommandLimit as error:
        text = f"agent {name}: {error.message}{said(error.completed)}"
        in_time = not isinstance(error, CommandTimeout)
        raise AgentError(text, failure="error" if in_time else "timeout") from error
    except CommandError as error:
        failure = failure_to_start(argv[0], environment)
        raise AgentError(f"agent {name}: {error.message}", error.hint, failure=failure) from error
    if done.exit_code not in ok:
        raise AgentError(f"agent {name}: {argv[0]} {done.ending}{said(done)}")
    return done


def failure_to_start(program: str, environment: Mapping[str, str]) -> AgentFailure:
    """The kind of failure that it is when a program could not be started: often it is not there."""
    return "unavailable" if find_program(locate(program, environment)) is None else "error"


def said(done: Completed) -> str:
    """The last lines of what a program printed, errors last, as the end of a message."""
    text = "\n".join(filter(None, (done.text.strip(), done.error_text.strip())))
    lines = "\n".join(text.splitlines()[-_SAID_LINES:])[-_SAID_CHARACTERS:]
    return f"; it said:\n{lines}" if lines else " without a word"


@contextlib.contextmanager
def time_limit(name: str, seconds: float, error: type[AgentError] = AgentError) -> Iterator[None]:
    """Cancel the block after some seconds, and say so as an error."""
    with trio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise error(f"agent {name} was ended at its time limit of {seconds:g} s", failure="timeout")


_PRESETS = {
    "aider": "aider:AiderAgent",
    "claude-code": "claude_code:ClaudeCodeAgent",
    "codex": "codex:CodexAgent",
    "cursor": "cursor:CursorAgent",
    "gemini": "gemini:GeminiAgent",
    "mini-swe-agent": "mini_swe_agent:MiniSweAgent",
    "opencode": "opencode:OpencodeAgent",
}
#: A plug-in is an attrs class whose fields are its options, or a function `(task) -> AgentReply | None`.
AGENTS: Registry[Any] = Registry(
    "agent",
    {
        **{name: f"stomper_sdk.agents.presets.{module}" for name, module in _PRESETS.items()},
        "chat": "stomper_sdk.agents.chat:ChatAgent",
        "command": "stomper_sdk.agents.command:CommandAgent",
        "python": "stomper_sdk.agents.python:PythonAgent",
        "replay": "stomper_sdk.agents.replay:ReplayAgent",
        "ruff-fix": "stomper_sdk.agents.ruff_fix:RuffFixAgent",
        "scripted": "stomper_sdk.agents.scripted:ScriptedAgent",
    },
)
