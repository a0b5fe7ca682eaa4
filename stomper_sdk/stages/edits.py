"""What a trial changed, as the guard looks at it."""

from __future__ import annotations

import os
from pathlib import Path

from stomper_sdk.guard import Edit, Side
from stomper_sdk.stages.base import FileState
from stomper_sdk.vcs.checkout import ABSENT, Change

__all__ = ["edits_of"]

_LINK = "120000"
#: Git takes a file for binary that has a zero byte so early.
_LOOKED_AT = 8000


def edits_of(state: FileState) -> tuple[Edit, ...]:
    """The changes of the trial at work, with the texts before and after; it blocks."""
    return tuple(_edit(change, state) for change in state.at_work().changes)


def _edit(change: Change, state: FileState) -> Edit:
    checkout = state.lent().checkout
    before = after = None
    if change.before != ABSENT:
        known = change.path == state.task.path and change.before.mode != _LINK and state.source
        text = state.source if known else _text(checkout.content_of(change.before))
        before = Side(change.before.mode, text)
    if change.after != ABSENT:
        after = Side(change.after.mode, _text(_content(checkout.root / change.path, change.after.mode)))
    return Edit(change.path, before, after)


def _content(place: Path, mode: str) -> bytes:
    """What git has of a path now, read without following a link."""
    if mode == _LINK:
        return os.fsencode(place.readlink())
    return place.read_bytes() if mode.startswith("100") and not place.is_symlink() else b""


def _text(content: bytes) -> str | None:
    return None if b"\0" in content[:_LOOKED_AT] else content.decode("utf-8", "replace")
