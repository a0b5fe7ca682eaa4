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
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.clearing import clear_away
from stomper_sdk.errors import RepositoryError
from stomper_sdk.faults import point
from stomper_sdk.flock import try_lock, unlock
from stomper_sdk.journal.log import JOURNAL, Journal
from stomper_sdk.model.present import hide_in
from stomper_sdk.orphans import FAMILY, end_family
from stomper_sdk.reports.json import to_json

__all__ = [
    "RESULT",
    "SESSION_ID",
    "DeadSession",
    "Session",
    "bury",
    "dead_sessions",
    "is_alive",
    "open_session",
    "session_folder",
    "sessions_folder",
    "state_folder",
]

_RECORD = "session.json"
RESULT = "result.json"
_ALIVE = "alive"
#: The file in the folder of workspaces that says whose it is.
_OWNER = ".session"
SESSION_ID = re.compile(r"stomper-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
_FOLDER_NAME = re.compile(r"stomper-[0-9a-f]{16}")
_FAMILY = re.compile(r"[0-9a-f]{16}")


@attrs.frozen
class Session:
    """One run: its id, its folder in `.stomper/sessions/`, and the folder of its workspaces."""

    id: str
    folder: Path
    workspaces: Path
    _alive: int = attrs.field(repr=False)
    _hidden: frozenset[str] = attrs.field(default=frozenset(), repr=False)

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, self._hidden)

    def record(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document as JSON in the session's folder, whole or not at all."""
        draft = self.folder / f".{name}"
        text = to_json(hide_in(document, self._hidden))
        try:
            draft.write_text(text, encoding="utf-8", errors="surrogateescape")
            draft.replace(self.folder / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def forget(self) -> None:
        """Close it, and keep nothing of it."""
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Remove the workspaces' folder and stop being alive; a session that kept nothing goes whole."""
        clear_away(self.workspaces)
        (self.folder / _RECORD).unlink(missing_ok=True)
        (self.folder / _ALIVE).unlink(missing_ok=True)
        unlock(self._alive)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


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


def sessions_folder(root: Path) -> Path:
    """Where the sessions of a checkout are; it need not be there."""
    return root / ".stomper" / "sessions"


def session_folder(root: Path, session_id: str) -> Path:
    return sessions_folder(root) / session_id


def state_folder(root: Path) -> Path:
    """`.stomper/` with a `.gitignore` of its own, so that the user's status stays clean.

    Raises:
        RepositoryError: it cannot be written, or a link in its place would lead somewhere else.
    """
    folder = root / ".stomper"
    try:
        for place in (folder, sessions_folder(root), folder / "locks", folder / "cache"):
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


def open_session(
    state: Path, parent: Path, session_id: str | None = None, hidden: frozenset[str] = frozenset()
) -> Session:
    """Start a session whose workspaces live in a new folder below `parent`, or go on with one that ended.

    `hidden` are values that stand in nothing which it keeps.

    Raises:
        RepositoryError: another process goes on with it already.
    """
    folder = _new_folder(state) if session_id is None else session_folder(state.parent, session_id)
    session_id, alive = folder.name, try_lock(folder / _ALIVE)
    if alive is None:
        raise RepositoryError(f"{session_id} is at work in another process", "Wait for it to end.")
    workspaces, token = parent / f"stomper-{secrets.token_hex(8)}", secrets.token_hex(16)
    session = Session(session_id, folder, workspaces, alive, hidden)
    # Recorded before it is made: what a kill leaves can then be found.
    record = {"id": session_id, "family": FAMILY, "workspaces": str(workspaces), "token": token}
    try:
        (folder / RESULT).unlink(missing_ok=True)  # of a run that goes on, and has none yet
        session.record(_RECORD, record)
        workspaces.mkdir(mode=0o700)
        (workspaces / _OWNER).write_text(token)
        point("session")
    except OSError:
        session.close()
        raise
    return session


def _new_folder(state: Path) -> Path:
    while True:
        folder = session_folder(state.parent, new_session_id())
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder


def dead_sessions(state: Path) -> Iterator[DeadSession]:
    """Sessions that left something, whose process is gone, and whose record is proven to be ours."""
    sessions = sessions_folder(state.parent)
    if state.is_symlink() or sessions.is_symlink():
        return
    for record in sorted(sessions.glob(f"*/{_RECORD}")):
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
        clear_away(session.workspaces)
    else:
        # Killed before it could say whose it is: only an empty one goes.
        with contextlib.suppress(OSError):
            session.workspaces.rmdir()
    (session.folder / _RECORD).unlink(missing_ok=True)
    (session.folder / _ALIVE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it has kept something
        session.folder.rmdir()


def is_alive(folder: Path) -> bool:
    """Whether the session of that folder has a process that still lives."""
    alive = folder / _ALIVE
    if folder.is_symlink() or alive.is_symlink() or not (alive.is_file() and (folder / _RECORD).is_file()):
        return False
    try:
        lock = try_lock(alive, make=False)
    except OSError:  # somebody else's, whom we cannot ask
        return False
    if lock is not None:
        unlock(lock)
    return lock is None


def _lock_of(folder: Path) -> int | None:
    """The lock of a dead session; None where it lives, or the folder is not one of a session.

    A session has its file to lock before it has a record, so none is made here, nor through a link.
    """
    alive = folder / _ALIVE
    if folder.is_symlink() or alive.is_symlink() or not alive.is_file():
        return None
    if not SESSION_ID.fullmatch(folder.name):
        return None
    with contextlib.suppress(FileNotFoundError):  # closed at this moment
        return try_lock(alive, make=False)
    return None


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
