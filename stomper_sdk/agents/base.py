"""The contract of an agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from stomper_sdk.model.finding import Finding
from stomper_sdk.process import clean_environment

__all__ = ["Agent", "AgentReply", "AgentTask"]


@attrs.frozen
class AgentTask:
    """What an agent is asked to do.

    `workspace` is the folder to edit, and the agent's working directory; `path` is the file to fix,
    relative to it. `remaining`, `introduced` and `rejected` tell what the last attempt left, brought
    in, and was refused for. `environment` is what a program that the agent starts should run with.
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


@attrs.frozen
class AgentReply:
    """What an agent says of its work; None where it does not know. The edits are in the workspace."""

    text: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    turns: int | None = None
    model: str | None = None
    agent_session: str | None = None


class Agent(Protocol):
    """Edits files in a workspace. What it changed is seen in the tree, never taken from its words."""

    #: Its name in the pipeline.
    name: str
    #: Seconds after which it is ended.
    timeout: float
    #: True where asking again about what it left cannot help: a fixer that went to its fixed point.
    once: bool

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Edit `task.path` in `task.workspace`.

        Raises:
            AgentError: it could not do its work; the next agent of the cascade takes over.
        """
