"""Another agent's answers, recorded and given again."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import trio

from stomper_sdk.agents.base import AgentReply, AgentTask, Wrapped, other_agent
from stomper_sdk.agents.recording import Answer, BrokenRecordingError, Failure, Question, Recording
from stomper_sdk.agents.recordings import Recordings
from stomper_sdk.errors import (
    FINAL,
    AbandonedError,
    AgentError,
    PipelineError,
    Problem,
    UnrecordedError,
    WorkspaceError,
)
from stomper_sdk.model.present import hide, plain
from stomper_sdk.options import one_of, option, optional, text
from stomper_sdk.secrets import LOOKS_SECRET, is_secret
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.patches import MisfitError, Patch, Patches

__all__ = ["ReplayAgent"]

_GRACE_SECONDS = 10.0
_RECORD = "Record it with `mode: auto`, or all afresh with `mode: record`."
_NO_SECRETS = "Move the secret out of the file, or let the agent work without being recorded."
#: A value that is shorter may stand in any code, and is no key.
_SHORTEST_KEY = 8
#: Options that decide how long or how often an agent is asked, and not what it answers.
_NOT_ASKED = frozenset({"max_retries", "timeout"})
#: What differs from run to run in what is asked, and how it is written instead.
_UNSTEADY = (
    (re.compile(r"\b\d+(?:\.\d+)? ?(ms|s|seconds)\b"), r"# \1"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x#"),
    (re.compile(r"\bpytest-of-([^/\s]+)/pytest-\d+"), r"pytest-of-\1/pytest-#"),
    (re.compile(r"/(tmp|stomper-)[a-z0-9_]{8,}"), r"/\1#"),
)


@attrs.frozen(kw_only=True)
class ReplayAgent:
    """Records what another agent answers, and answers the same when the same is asked again.

    What is asked are the prompt, the task's file and findings, the number of the attempt, and the agent with
    its options. `record` always asks, `replay` never does, `auto` asks for what is missing.
    """

    name: str
    agent: Wrapped = option(other_agent, meaning="The agent whose answers are recorded, by its name.")
    mode: str = option(
        one_of("record", "replay", "auto"), "auto", "Ask always, never, or for what is not recorded."
    )
    store: str | None = option(
        optional(text), None, "The recordings' folder, seen from the repository's top."
    )
    delays: str = option(one_of("none", "recorded"), "none", "Whether an answer takes as long as it took.")
    recordings: Recordings = attrs.field(init=False, repr=False)

    @recordings.default
    def _recordings(self) -> Recordings:
        """By default in `.stomper/`, which git ignores; one that is to be committed is named."""
        top, name = self.agent.root, _as_folder(self.agent.agent.name)
        place = Path(f".stomper/recordings/{name}" if self.store is None else self.store).expanduser()
        inside = not place.is_absolute() and ".." not in place.parts
        recordings = Recordings(top / place, top if inside else None)
        wrong = recordings.wrong()
        if wrong:
            raise PipelineError([Problem(wrong, f"agents.{self.name}.store")])
        return recordings

    @property
    def timeout(self) -> float:
        """Seconds: those of the other agent, and some to record."""
        return self.agent.agent.timeout + _GRACE_SECONDS

    @property
    def once(self) -> bool:
        return self.agent.agent.once

    @property
    def confined(self) -> bool:
        """What is replayed is written by git, in the workspace and nowhere else."""
        return self.mode == "replay" or bool(getattr(self.agent.agent, "confined", False))

    @property
    def program(self) -> str | None:
        """What must be there to be run."""
        return None if self.mode == "replay" else getattr(self.agent.agent, "program", None)

    @property
    def free(self) -> bool:
        return self.mode == "replay" or bool(getattr(self.agent.agent, "free", False))

    def __getattr__(self, name: str) -> Any:
        """What else the other agent can tell of itself, such as what an attempt costs at most."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.agent.agent, name)

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Answer as recorded, or ask.

        Raises:
            AgentError: as it was recorded.
            UnrecordedError: nothing was recorded for this, and what has changed; or a recording is broken.
            MachineError: what was answered cannot be written.
            RepositoryError: git must not be called any more.
        """
        if task.patches is None:
            raise AgentError(f"agent {self.name} works in the workspace of a run only")
        try:
            return await self._edit(task, task.patches)
        except WorkspaceError as error:
            raise AgentError(f"agent {self.name}: {error.message}", error.hint) from error

    async def _edit(self, task: AgentTask, patches: Patches) -> AgentReply | None:
        asked = await in_thread(self._question, task)
        tree = await patches.tree()
        found = None if self.mode == "record" else await self._found(asked)
        if found is not None and (self.mode == "replay" or not _is_passing(found)):
            try:
                return await self._answered(found, patches, tree)
            except MisfitError as error:
                if self.mode == "replay":
                    text = f"the recording for {task.path} does not fit: {error.message}"
                    raise UnrecordedError(f"agent {self.name}: {text}", _RECORD) from error
        if self.mode == "replay":
            missing = await in_thread(self.recordings.missing, asked)
            raise UnrecordedError(f"agent {self.name}: {missing}", _RECORD)
        return await self._ask(asked, task, patches, tree)

    async def _found(self, asked: Question) -> Answer | None:
        try:
            found = await in_thread(self.recordings.find, asked)
        except BrokenRecordingError as error:
            raise UnrecordedError(f"agent {self.name}: {error.message}", error.hint) from error
        return found.answer if found else None

    async def _answered(self, answer: Answer, patches: Patches, tree: str) -> AgentReply:
        if self.delays == "recorded":
            await trio.sleep(answer.seconds)
        if answer.failed is not None:
            failed = answer.failed
            raise AgentError(failed.message, failed.hint, failure=failed.failure, reply=answer.reply)
        await patches.apply(tree, answer.patch)
        return answer.reply

    async def _ask(self, asked: Question, task: AgentTask, patches: Patches, tree: str) -> AgentReply | None:
        """Ask, and record what comes back, a failure too; not where it was left alone and may still write."""
        started, failed, reply = trio.current_time(), None, None
        try:
            reply = await self._in_time(task)
        except AbandonedError:
            raise
        except AgentError as error:
            failed, reply = error, error.reply
        seconds = round(trio.current_time() - started, 3)
        patch = await patches.since(tree) if failed is None else Patch()
        await self._refuse_secrets(patch, patches, task, reply)
        answer = Answer(seconds, self._shown(reply, task), patch, self._failure(failed, task))
        await in_thread(self.recordings.keep, Recording(asked, answer))
        if failed is not None:
            raise failed
        return reply

    async def _in_time(self, task: AgentTask) -> AgentReply | None:
        """An agent that does not keep its own limit is recorded as ended at it."""
        agent = self.agent.agent
        with trio.move_on_after(agent.timeout + _GRACE_SECONDS / 2):
            return await agent.edit(task)
        text = f"agent {agent.name} was ended at its time limit of {agent.timeout:g} s"
        raise AgentError(text, failure="timeout")

    def _question(self, task: AgentTask) -> Question:
        findings = (f"{item.check} {item.code} {item.location}: {item.message}" for item in task.findings)
        return Question(
            agent=self.agent.agent.name,
            use=self.agent.use,
            options=_declared(self.agent.options, self.agent.secrets),
            path=task.path,
            attempt=task.attempt,
            file=_digest(task.workspace / task.path),
            findings=tuple(sorted(_steady(self._clean(line, task), task) for line in findings)),
            prompt=_steady(self._clean(task.prompt, task), task),
        )

    def _clean(self, said: str, task: AgentTask) -> str:
        """A text without secrets, nor the place where the workspace happens to be."""
        shown = hide(said, self.agent.secrets).replace(str(task.workspace), "{workspace}")
        return LOOKS_SECRET.sub("***", shown)

    def _shown(self, reply: AgentReply | None, task: AgentTask) -> AgentReply:
        values = attrs.asdict(reply or AgentReply(), recurse=False)
        for key, value in values.items():
            values[key] = self._clean(value, task) if isinstance(value, str) else value
        return AgentReply(**values)

    def _failure(self, error: AgentError | None, task: AgentTask) -> Failure | None:
        if error is None:
            return None
        return Failure(error.failure, self._clean(error.message, task), self._clean(error.hint, task))

    async def _refuse_secrets(
        self, patch: Patch, patches: Patches, task: AgentTask, reply: AgentReply | None
    ) -> None:
        """A secret among what is recorded could be hidden only by recording something else."""
        texts = [patch.text, *(text for text in await patches.contents(patch) if b"\0" in text)]
        keys = [os.fsencode(key) for key in self.agent.secrets if len(key) >= _SHORTEST_KEY]
        if any(key in text for key in keys for text in texts) or _looks_secret(texts):
            asked = self.agent.agent.name
            text = f"what {asked} changed for {task.path} holds, or stands beside, what looks like a key"
            raise UnrecordedError(f"agent {self.name}: {text}: it is not recorded", _NO_SECRETS, reply=reply)


def _is_passing(answer: Answer) -> bool:
    """Whether an answer tells of the account, and not of what was asked."""
    return answer.failed is not None and answer.failed.failure in FINAL


def _looks_secret(texts: Iterable[bytes]) -> bool:
    return any(LOOKS_SECRET.search(text.decode("utf-8", "replace")) for text in texts)


def _declared(options: Mapping[str, Any], secrets: frozenset[str]) -> Mapping[str, Any]:
    """An agent's options but for secrets, and for those that decide nothing about an answer."""
    return {key: _open(key, value, secrets) for key, value in options.items() if key not in _NOT_ASKED}


def _open(key: str, value: object, secrets: frozenset[str]) -> Any:
    if isinstance(value, str):
        return "***" if is_secret(key, value) else LOOKS_SECRET.sub("***", hide(value, secrets))
    if isinstance(value, Mapping):
        return {name: _open(str(name), item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_open("", item, secrets) for item in value]
    return plain(value)


def _steady(text: str, task: AgentTask) -> str:
    """A text without what differs from run to run: times, addresses, temporary folders, the session."""
    for pattern, instead in _UNSTEADY:
        text = pattern.sub(instead, text)
    return text.replace(task.session_id, "{session}") if task.session_id else text


def _digest(place: Path) -> str:
    """What a file holds, or where a link leads."""
    try:
        content = os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()
    except OSError:
        return "absent"
    return hashlib.sha256(content).hexdigest()


def _as_folder(name: str) -> str:
    """An agent's name as that of a folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "agent"
