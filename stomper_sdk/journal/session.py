"""A session's folder in `.stomper/`, and the proof that its process still lives.

A session is alive while its process holds a lock on a file in its folder; the system frees that lock
when the process dies, however it dies. Neither age nor a process id tells as much.
"""

from __future__ import annotations

import json
import secrets
import shutil
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
    """A session whose process is gone and which was not closed; `family` marks its processes."""

    id: str
    folder: Path
    workspaces: Path
    family: str


def state_folder(root: Path) -> Path:
    """`.stomper/` with a `.gitignore` of its own, so that the user's status stays clean.

    Raises:
        RepositoryError: it cannot be written.
    """
    folder = root / ".stomper"
    try:
        (folder / "sessions").mkdir(parents=True, exist_ok=True)
        (folder / "locks").mkdir(exist_ok=True)
        (folder / "cache").mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
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
    workspaces = parent / f"stomper-{secrets.token_hex(8)}"
    session = Session(session_id, folder, workspaces, alive)
    # Recorded before it is made: what a kill leaves can then be found.
    session.record(_RECORD, json.dumps({"family": FAMILY, "workspaces": str(workspaces)}))
    workspaces.mkdir(mode=0o700)
    return session


def dead_sessions(state: Path) -> Iterator[DeadSession]:
    """Sessions that left something and whose process is gone."""
    for record in sorted((state / "sessions").glob(f"*/{_RECORD}")):
        lock = try_lock(record.parent / _ALIVE)
        if lock is None:
            continue
        try:
            dead = _read(record)
            if dead is not None:
                yield dead
        finally:
            unlock(lock)


def bury(session: DeadSession) -> None:
    """End the processes that a dead session left and remove its folder of workspaces."""
    end_family(session.family)
    shutil.rmtree(session.workspaces, ignore_errors=True)
    (session.folder / _RECORD).unlink(missing_ok=True)
    (session.folder / _ALIVE).unlink(missing_ok=True)


def _read(record: Path) -> DeadSession | None:
    """The recorded session; None where the record is not one of ours, so that nothing else is removed."""
    try:
        read: Any = json.loads(record.read_text(encoding="utf-8"))
        folder, family = Path(read["workspaces"]), str(read["family"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not (folder.is_absolute() and folder.name.startswith("stomper-") and family):
        return None
    return DeadSession(record.parent.name, record.parent, folder, family)
