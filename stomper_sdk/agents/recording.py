"""What an agent was asked and what it answered, as a text that people read and git compares.

The text is made of lines that no editor, hook or setting of git changes silently: what cannot be seen, and
blanks at the end of a line, are written as JSON. The last line is a sum of the others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.errors import AgentFailure, StomperError
from stomper_sdk.model.present import plain
from stomper_sdk.model.reading import made, typed
from stomper_sdk.vcs.checkout import Entry
from stomper_sdk.workspaces.patches import Edited, Patch

__all__ = ["Answer", "BrokenRecordingError", "Failure", "Question", "Recording", "parse", "render"]

VERSION = 1
_TITLE = "# What an agent answered, kept by stomper-sdk, version "
#: How bytes that are no text stand in one.
_BYTES = ("utf-8", "surrogateescape")
_HINT = "Remove the file and record again, or bring it back as it was (git checkout)."


class BrokenRecordingError(StomperError):
    """A recording is damaged, was changed by hand, or is of a newer version."""


@attrs.frozen
class Question:
    """What an answer is kept by; without secrets, and without what differs from run to run.

    `file` is the digest of the task's file as the agent finds it, `findings` are lines of text.
    """

    agent: str
    use: str
    options: Mapping[str, Any]
    path: str
    attempt: int
    file: str
    findings: tuple[str, ...]
    prompt: str

    @property
    def key(self) -> str:
        """The same for the same question, and for no other one."""
        text = json.dumps(attrs.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@attrs.frozen
class Failure:
    """How an agent failed, as its AgentError told."""

    failure: AgentFailure
    message: str
    hint: str = ""


@attrs.frozen
class Answer:
    """What came back: after how many seconds, what was said and spent, and the edits or the failure."""

    seconds: float
    reply: AgentReply = AgentReply()
    patch: Patch = Patch()
    failed: Failure | None = None


@attrs.frozen
class Recording:
    """A question and its answer."""

    question: Question
    answer: Answer


def render(recording: Recording) -> bytes:
    """The recording as text."""
    lines = [f"{_TITLE}{VERSION}", *_lines(_document(recording))]
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}sum: {_sum(text)}\n".encode()


def parse(data: bytes, name: str) -> Recording:
    """Read a recording.

    Args:
        data: what `render` made; line ends may have become CRLF since.
        name: the file's name, for messages.

    Raises:
        BrokenRecordingError: it is none of ours; with the line.
    """
    try:
        text = data.replace(b"\r\n", b"\n").decode()
    except UnicodeDecodeError as error:
        raise _broken(name, data.count(b"\n", 0, error.start) + 1, "it is no text") from None
    version = re.match(rf"{re.escape(_TITLE)}(\d{{1,9}})\n", text)
    if version is None:
        raise _broken(name, 1, "it is no recording")
    if int(version[1]) > VERSION:
        text = f"it is of version {version[1]}, made by a newer stomper-sdk; this one knows {VERSION}"
        raise BrokenRecordingError(f"{name}:1: {text}", "Install a newer one, or record again.")
    return _read(_values(_whole(text, name), name), name)


def _document(recording: Recording) -> dict[str, Any]:
    """The values by name, in order: a list is one of lines, everything else stands on a line."""
    question, answer = recording.question, recording.answer
    told = {key: value for key, value in plain(answer.reply).items() if value is not None and key != "text"}
    failed = attrs.asdict(answer.failed, filter=lambda _, value: value) if answer.failed else {}
    for key in ("message", "hint"):
        if key in failed:
            failed[key] = failed[key].split("\n")
    patch = answer.patch.text.decode(*_BYTES).split("\n") if answer.patch.edited else None
    blocks = {
        "text": answer.reply.text.split("\n") if answer.reply.text else None,
        "edited": [_edited_line(edited) for edited in answer.patch.edited] or None,
        "patch": patch,
    }
    return {
        **{key: plain(value) for key, value in attrs.asdict(question).items() if key not in _BLOCKS},
        "seconds": answer.seconds,
        **told,
        "findings": list(question.findings),
        "prompt": question.prompt.split("\n"),
        **failed,
        **{key: value for key, value in blocks.items() if value is not None},
    }


#: What is written as a block of lines.
_BLOCKS = frozenset({"edited", "findings", "hint", "message", "patch", "prompt", "text"})


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if key in _BLOCKS:
            yield f"{key}:"
            yield from map(_written, value)
        else:
            yield f"{key}: {_json(value)}"


def _written(line: str) -> str:
    if not line:
        return ""
    if line.replace("\t", "").isprintable() and line == line.rstrip():
        return f"  {line}"
    return f"! {_json(line)}"


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _whole(text: str, name: str) -> str:
    """The text without its sum, which fits."""
    body, _, told = text.removesuffix("\n").rpartition("\n")
    line = body.count("\n") + 2
    if not re.fullmatch(r"sum: [0-9a-f]{64}", told):
        raise _broken(name, line, "its end is missing")
    if told != f"sum: {_sum(body + chr(10))}":
        raise _broken(name, line, "the sum does not fit: it was changed since it was recorded, or is damaged")
    return body


@attrs.frozen
class _Value:
    """A value, and the line on which it stands."""

    line: int
    value: Any


def _values(text: str, name: str) -> dict[str, _Value]:
    values: dict[str, _Value] = {}
    block: list[str] | None = None
    for number, line in enumerate(text.split("\n")[1:], start=2):
        try:
            if not line or line[:2] in ("  ", "! "):
                if block is None:
                    raise ValueError("it belongs to nothing")
                block.append(_unwritten(line))
                continue
            key, colon, value = line.partition(":")
            if not colon or key in values:
                raise ValueError(f"{key[:40]!r} stands here twice" if colon else "it is neither key nor text")
            block = [] if key in _BLOCKS else None
            values[key] = _Value(number, _loaded(value) if block is None else block)
        except (ValueError, RecursionError) as error:
            raise _broken(name, number, f"{error}") from None
    return values


def _unwritten(line: str) -> str:
    if not line.startswith("! "):
        return line[2:]
    value = _loaded(line[2:])
    if not isinstance(value, str):
        raise ValueError("it is no text")
    return value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg}") from None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


_QUESTION = attrs.fields_dict(Question)
_REPLY = attrs.fields_dict(AgentReply)
_OTHERS = ("edited", "failure", "hint", "message", "patch", "seconds")


def _read(values: Mapping[str, _Value], name: str) -> Recording:
    for key, value in values.items():
        if key not in (*_QUESTION, *_REPLY, *_OTHERS):
            raise _broken(name, value.line, f"{key[:40]!r} is unknown")
    read = {key: value.value for key, value in values.items()}
    for key in ("hint", "message", "prompt", "text"):
        if key in read:
            read[key] = "\n".join(read[key])
    try:
        question = made(Question, {key: value for key, value in read.items() if key in _QUESTION}, "")
        reply = made(AgentReply, {key: value for key, value in read.items() if key in _REPLY}, "")
        failed = made(Failure, read, "") if "failure" in read else None
        seconds = typed(float, read.get("seconds"), "seconds")
        edited = tuple(_edited(line) for line in read.get("edited", ()))
        patch = Patch(edited, "\n".join(read.get("patch", ())).encode(*_BYTES))
    except ValueError as error:  # UnicodeEncodeError too: a text that no file can hold
        key = str(error).partition(" ")[0].partition(".")[0].partition("[")[0]
        line = values[key].line if key in values else 1
        raise _broken(name, line, str(error)) from None
    return Recording(question, Answer(seconds, reply, patch, failed))


def _edited_line(edited: Edited) -> str:
    before, after = edited.before, edited.after
    return f"{before.mode} {before.sha} {after.mode} {after.sha} {edited.path}"


_EDITED = re.compile(r"([0-7]{6}) ([0-9a-f]{40,64}) ([0-7]{6}) ([0-9a-f]{40,64}) (.+)", re.DOTALL)


def _edited(line: str) -> Edited:
    found = _EDITED.fullmatch(line)
    if found is None:
        raise ValueError(f"edited holds {line[:80]!r}")
    return Edited(found[5], Entry(found[1], found[2]), Entry(found[3], found[4]))


def _broken(name: str, line: int, text: str) -> BrokenRecordingError:
    return BrokenRecordingError(f"{name}:{line}: {text}", _HINT)
