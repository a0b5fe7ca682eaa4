"""What the edits of an answer do to a workspace: all of them are made, or none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from stomper_sdk.agents.base import AgentTask, inside
from stomper_sdk.edits import Edit, EditError, Source, apply, parse

__all__ = ["decoded", "make_edits"]


def make_edits(answer: str, task: AgentTask, edit_format: str) -> None:
    """Make the edits of an answer; whether the files may be touched is the guard's business.

    Raises:
        EditError: there are none, one fits nowhere, or they change nothing.
        OSError: a file cannot be read or written.
    """
    changed: dict[Path, bytes] = {}
    refused: list[str] = []
    for path, edits in _by_path(parse(edit_format, answer, task.path), task).items():
        try:
            changed |= _changed(task.workspace, path, edits)
        except EditError as error:
            refused.append(str(error))
    if refused:
        raise EditError("\n".join(refused))
    if not changed:
        raise EditError("the edits change nothing: what they take away and what they put there is the same")
    for target, content in changed.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _changed(workspace: Path, path: str, edits: Iterable[Edit]) -> dict[Path, bytes]:
    """What a file will hold; nothing where it stays as it is."""
    target = _target(workspace, path)
    known = target.read_bytes() if target.exists() else None
    source = decoded(known or b"", path)
    text = apply(edits, None if known is None else source.text)
    return {} if known is not None and text == source.text else {target: source.encode(text)}


def decoded(content: bytes, path: str) -> Source:
    """A file's text, as its kind declares its encoding."""
    return Source.decode(content, python=path.endswith((".py", ".pyi", ".pyw")))


def _by_path(edits: Iterable[Edit], task: AgentTask) -> dict[str, list[Edit]]:
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(_meant(edit.path, task), []).append(edit)
    return found


def _meant(path: str, task: AgentTask) -> str:
    """The file that a path means: models shorten and lengthen the one they were asked about."""
    parts, own = PurePosixPath(path).parts, PurePosixPath(task.path).parts
    shared = min(len(parts), len(own))
    ends_alike = shared and parts[-shared:] == own[-shared:]
    return task.path if ends_alike and not (task.workspace / path).exists() else path


def _target(workspace: Path, path: str) -> Path:
    try:
        target = inside(workspace, path)
    except ValueError as error:
        raise EditError(str(error)) from None
    if ".git" in (part.lower() for part in target.resolve().relative_to(workspace.resolve()).parts):
        raise EditError(f"{path} belongs to git, and cannot be edited")
    if target.exists() and not target.is_file():
        raise EditError(f"{path} is no file that can be edited")
    return target
