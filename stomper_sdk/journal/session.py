"""A session's folder in `.stomper/`, and the proof that its process still lives.

A session is alive while its process holds a lock on a file in its folder; the system frees that lock
when the process dies, however it dies. Neither age nor a process id tells as much.

What a record says may be a lie: a repository that was cloned may hold one. So nothing is removed on its
word alone: the folder that it names must hold the same token, which only the process that made it knew.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.errors import RepositoryError
from stomper_sdk.flock import try_lock, unlock
from stomper_sdk.orphans import FAMILY, end_family

__all__ = ["DeadSession", "Session", "bury", "dead_sessions", "open_session", "state_folder"]

_RECORD = "session.json"
_ALIVE = "alive"
#: The file in the folder of workspaces that says whose it is.
_OWNER = ".session"
_SESSION_ID = re.compile(r"stomper-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
_FOLDER_NAME = re.compile(r"stomper-[0-9a-f]{16}")
_FAMILY = re.compile(r"[0-9a-f]{16}")


@attrs.frozen
class Session:
    """One run: its id, its folder in `.stomper/sessions/`, and the folder of its workspaces."""

    id: str
    folder: Path
    workspaces: Path
    _alive: int = attrs.field(repr=False)

    def record(self, name: str, text: str) -> None:
        """Write a file in the session's folder, whole or not at all."""
        draft = self.folder / f".{name}"
        draft.write_text(text, encoding="utf-8", errors="surrogateescape")
        draft.replace(self.folder / name)

    def close(self) -> None:
        """Remove the workspaces' folder and stop being alive."""
        shutil.rmtree(self.workspaces, ignore_errors=True)
        (self.folder / _RECORD).unlink(missing_ok=True)
        (self.folder / _ALIVE).unlink(missing_ok=True)
        unlock(self._alive)


@attrs.frozen
class DeadSession:
    """A session whose process is gone and which was not closed.

    `family` marks its processes, `token` its folder of workspaces.
    """

    id: str
    folder: Path
    workspaces: Path
    family: str
    token: str = attrs.field(repr=False)


def state_folder(root: Path) -> Path:
    """`.stomper/` with a `.gitignore` of its own, so that the user's status stays clean.

    Raises:
        RepositoryError: it cannot be written, or a link in its place would lead somewhere else.
    """
    folder = root / ".stomper"
    try:
        for place in (folder, folder / "sessions", folder / "locks", folder / "cache"):
            if place.is_symlink():
                raise RepositoryError(f"{place} is a link, and would be written through", "Remove the link.")
            place.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), (folder / ".gitignore").open("x") as ignore:
            ignore.write("*\n")
    except OSError as error:
        raise RepositoryError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def new_session_id() -> str:
    return f"stomper-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def open_session(state: Path, parent: Path) -> Session:
    """Start a session whose workspaces live in a new folder below `parent`."""
    while True:
        session_id = new_session_id()
        folder = state / "sessions" / session_id
        try:
            folder.mkdir()
            break
        except FileExistsError:
            continue
    alive = try_lock(folder / _ALIVE)
    assert alive is not None
    workspaces, token = parent / f"stomper-{secrets.token_hex(8)}", secrets.token_hex(16)
    session = Session(session_id, folder, workspaces, alive)
    # Recorded before it is made: what a kill leaves can then be found.
    record = {"id": session_id, "family": FAMILY, "workspaces": str(workspaces), "token": token}
    session.record(_RECORD, json.dumps(record))
    workspaces.mkdir(mode=0o700)
    (workspaces / _OWNER).write_text(token)
    return session


def dead_sessions(state: Path) -> Iterator[DeadSession]:
    """Sessions that left something, whose process is gone, and whose record is proven to be ours."""
    if state.is_symlink() or (state / "sessions").is_symlink():
        return
    for record in sorted((state / "sessions").glob(f"*/{_RECORD}")):
        lock = _lock_of(record.parent)
        if lock is None:
            continue
        try:
            dead = _read(record)
            if dead is not None and _may_go(dead):
                yield dead
        finally:
            unlock(lock)


def bury(session: DeadSession) -> None:
    """End the processes that a dead session left and remove its folder of workspaces."""
    end_family(session.family)
    if _holds_token(session):
        shutil.rmtree(session.workspaces, ignore_errors=True)
    else:
        # Killed before it could say whose it is: only an empty one goes.
        with contextlib.suppress(OSError):
            session.workspaces.rmdir()
    (session.folder / _RECORD).unlink(missing_ok=True)
    (session.folder / _ALIVE).unlink(missing_ok=True)


def _lock_of(folder: Path) -> int | None:
    """The lock of a dead session; None where it lives, or the folder is not one of a session.

    A session has its file to lock before it has a record, so none is made here, nor through a link.
    """
    alive = folder / _ALIVE
    if folder.is_symlink() or alive.is_symlink() or not alive.is_file():
        return None
    return try_lock(alive) if _SESSION_ID.fullmatch(folder.name) else None


def _read(record: Path) -> DeadSession | None:
    """The recorded session; None where the record is not as we write them."""
    try:
        read: Any = json.loads(record.read_text(encoding="utf-8"))
        id_, place, family, token = (str(read[key]) for key in ("id", "workspaces", "family", "token"))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    folder = Path(place)
    ours = _FOLDER_NAME.fullmatch(folder.name) and _FAMILY.fullmatch(family) and token
    if id_ != record.parent.name or not folder.is_absolute() or not ours:
        return None
    return DeadSession(id_, record.parent, folder, family, token)


def _may_go(session: DeadSession) -> bool:
    """Whether the folder of workspaces is proven to be the session's, or there is nothing in it to lose.

    It may be gone, say after a reboot: what else the session left is then still to be cleaned.
    """
    try:
        session.workspaces.lstat()
        return _holds_token(session) or (_owned(session.workspaces) and not any(session.workspaces.iterdir()))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False


def _holds_token(session: DeadSession) -> bool:
    owner = session.workspaces / _OWNER
    with contextlib.suppress(OSError, ValueError):
        if _owned(session.workspaces) and not owner.is_symlink():
            return secrets.compare_digest(owner.read_bytes(), session.token.encode())
    return False


def _owned(folder: Path) -> bool:
    """Whether it is a real folder, no link to one, and of this user."""
    seen = folder.lstat()
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()
