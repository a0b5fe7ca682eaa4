"""What sessions and experiments have kept, listed, chosen by name and read without trust."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from stomper_sdk.errors import UsageError
from stomper_sdk.model.present import listed
from stomper_sdk.options import nearest

__all__ = ["chosen", "content_of", "newest_first"]


def newest_first(parent: Path, names: re.Pattern[str]) -> tuple[str, ...]:
    """The folders of such names: these tell the second, the folders' own times the rest.

    Raises:
        FileNotFoundError: there is no such parent.
        OSError: it cannot be read.
    """
    entries = [entry for entry in os.scandir(parent) if names.fullmatch(entry.name)]
    folders = sorted((_age(entry) for entry in entries if entry.is_dir(follow_symlinks=False)), reverse=True)
    return tuple(name for _, _, name in folders)


def _age(entry: os.DirEntry[str]) -> tuple[str, int, str]:
    return entry.name.rpartition("-")[0], entry.stat(follow_symlinks=False).st_mtime_ns, entry.name


def chosen(name: str, names: Sequence[str], thing: str) -> str:
    """The one of that name, or that has it as a part.

    Args:
        name: as a user gives it.
        names: what there is.
        thing: what that is, for messages: `run`.

    Raises:
        UsageError: there is none, or more than one.
    """
    found = [it for it in names if it == name] or [it for it in names if name and name in it]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name!r} names {len(found)} {thing}s", f"They are: {listed(found)}.")
    near = nearest(name, names)
    if not names:
        hint = "There are none yet."
    else:
        hint = f"Did you mean {near!r}?" if near else f"The newest are: {listed(names)}."
    raise UsageError(f"there is no {thing} {name!r}", hint)


def content_of(file: Path, most: int) -> bytes:
    """The content of a file of so many bytes at most.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no file, or larger.
    """
    # Neither through a link, nor waiting for somebody to write into a pipe.
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is no file")
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most} bytes")
    return content
