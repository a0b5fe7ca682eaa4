"""Answers from a list: edits, delays and errors, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import attrs
import pathspec
import trio

from stomper_sdk.agents.base import TIMEOUT, AgentReply, AgentTask, inside, time_limit
from stomper_sdk.errors import AgentError
from stomper_sdk.options import nearest, option, seconds, text

__all__ = ["ScriptedAgent", "ScriptedEdit", "ScriptedReply"]


@attrs.frozen
class ScriptedEdit:
    """Replace a text by another, everywhere or the first `count` times; path "" is the task's file."""

    find: str
    replace: str
    path: str = ""
    count: int = -1


@attrs.frozen
class ScriptedReply:
    """One answer: wait, write, edit, delete, and fail if there is an `error`, in this order."""

    edits: tuple[ScriptedEdit, ...] = ()
    write: Mapping[str, str] = attrs.field(factory=dict)
    delete: tuple[str, ...] = ()
    delay: float = 0.0
    error: str = ""
    text: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


def replies(value: object) -> Mapping[str, tuple[ScriptedReply, ...]]:
    """Glob of paths -> the answers for each file that matches; a list alone answers for every file."""
    if not isinstance(value, Mapping):
        return {"**": _answers(value, "replies")}
    if not value:
        raise ValueError("a reply at least")
    return {_as_text(glob, "a glob"): _answers(item, f"replies.{glob}") for glob, item in value.items()}


@attrs.frozen(kw_only=True)
class ScriptedAgent:
    """Answers from a list: attempt n of a file gets reply n, and the last one repeats.

    The first glob that matches the file decides.
    """

    name: str
    replies: Mapping[str, tuple[ScriptedReply, ...]] = option(
        replies, meaning="The replies in order, or such lists by glob of the path."
    )
    timeout: float = option(seconds, TIMEOUT, "The time limit of one reply.")
    once: bool = attrs.field(default=False, init=False)
    confined: ClassVar[bool] = True

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Do what this attempt's reply says.

        Raises:
            AgentError: the reply says so, is none for this file, or does not fit the tree.
        """
        reply = self._reply(task)
        with time_limit(self.name, self.timeout):
            await trio.sleep(reply.delay)
        try:
            _apply(reply, task)
        except (OSError, ValueError) as error:
            raise AgentError(f"agent {self.name}: {error}") from error
        if reply.error:
            raise AgentError(f"agent {self.name}: {reply.error}")
        return AgentReply(reply.text, reply.tokens_in, reply.tokens_out, reply.cost_usd)

    def _reply(self, task: AgentTask) -> ScriptedReply:
        for glob, answers in self.replies.items():
            if pathspec.GitIgnoreSpec.from_lines([glob]).match_file(task.path):
                return answers[min(task.attempt, len(answers)) - 1]
        raise AgentError(
            f"agent {self.name} has no reply for {task.path}; it has some for {', '.join(self.replies)}"
        )


def _apply(reply: ScriptedReply, task: AgentTask) -> None:
    for path, content in reply.write.items():
        target = inside(task.workspace, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode())
    for edit in reply.edits:
        _replace(edit, edit.path or task.path, task.workspace)
    for path in reply.delete:
        inside(task.workspace, path).unlink()


def _replace(edit: ScriptedEdit, path: str, workspace: Path) -> None:
    """As bytes, so that line ends and undecodable text stay what they are."""
    target = inside(workspace, path)
    content = target.read_bytes()
    if edit.find.encode() not in content:
        raise ValueError(f"{path} does not contain {edit.find!r}")
    target.write_bytes(content.replace(edit.find.encode(), edit.replace.encode(), edit.count))


_Reader = Callable[[object, str], Any]


def _answers(value: object, where: str) -> tuple[ScriptedReply, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{where} to be a list of replies, not empty")
    return tuple(_answer(item, f"{where}[{index}]") for index, item in enumerate(value))


def _answer(value: object, where: str) -> ScriptedReply:
    return value if isinstance(value, ScriptedReply) else _object(ScriptedReply, _REPLY, value, where)


def _edits(value: object, where: str) -> tuple[ScriptedEdit, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where} to be a list")
    return tuple(_object(ScriptedEdit, _EDIT, item, f"{where}[{i}]") for i, item in enumerate(value))


def _object(kind: type[Any], readers: Mapping[str, _Reader], value: object, where: str) -> Any:
    """One of our values from a mapping; every key has a reader."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} to be a mapping with {', '.join(readers)}")
    for key in value:
        if key not in readers:
            near = nearest(str(key), readers)
            mean = f" (did you mean {near!r}?)" if near else ""
            raise ValueError(f"only {', '.join(readers)} in {where}, got {key!r}{mean}")
    for field in attrs.fields(kind):
        if field.default is attrs.NOTHING and field.name not in value:
            raise ValueError(f"{where} to have {field.name!r}")
    return kind(**{key: readers[key](item, f"{where}.{key}") for key, item in value.items()})


def _as_text(value: object, where: str) -> str:
    return str(_told(text, value, where))


def _found_text(value: object, where: str) -> str:
    if value == "":
        raise ValueError(f"{where} not to be empty")
    return _as_text(value, where)


def _told(reader: Callable[[Any], Any], value: object, where: str) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{where} to be {error}") from None


def _path(value: object, where: str) -> str:
    path = PurePosixPath(_as_text(value, where))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{where} to be a path inside the workspace, got {str(value)!r}")
    return str(path)


def _paths(value: object, where: str) -> tuple[str, ...]:
    items: Sequence[object] = [value] if isinstance(value, str) else value  # type: ignore[assignment]
    if not isinstance(items, list | tuple):
        raise ValueError(f"{where} to be a list of paths")
    return tuple(_path(item, f"{where}[{index}]") for index, item in enumerate(items))


def _contents(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} to be a mapping of path to text")
    return {_path(key, where): _as_text(item, f"{where}.{key}") for key, item in value.items()}


def _whole(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{where} to be a whole number")
    return value


def _times(value: object, where: str) -> int:
    if _whole(value, where) == 0:
        raise ValueError(f"{where} to be at least 1")
    return _whole(value, where)


def _amount(value: object, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{where} to be a number")
    return float(value)


_EDIT: Mapping[str, _Reader] = {
    "find": _found_text,
    "replace": _as_text,
    "path": _path,
    "count": _times,
}
_REPLY: Mapping[str, _Reader] = {
    "edits": _edits,
    "write": _contents,
    "delete": _paths,
    "delay": lambda value, where: _told(seconds, value, where),
    "error": _as_text,
    "text": _as_text,
    "tokens_in": _whole,
    "tokens_out": _whole,
    "cost_usd": _amount,
}
