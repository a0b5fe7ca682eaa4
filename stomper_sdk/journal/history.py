"""The runs that a `.stomper/` folder tells of, read without trust: a clone may bring one along."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from stomper_sdk.errors import RepositoryError, StomperError, UsageError
from stomper_sdk.journal.session import RESULT, SESSION_ID, is_alive, sessions_folder
from stomper_sdk.journal.unfinished import reverted_by
from stomper_sdk.model.history import PastRun, result_from_dict
from stomper_sdk.model.present import listed
from stomper_sdk.model.result import RunResult
from stomper_sdk.options import nearest

__all__ = ["LAST", "find_run", "past_runs", "read_result", "result_of"]

#: Names the newest run that has ended.
LAST = "last"
_MAX_BYTES = 64 * 1024 * 1024


def past_runs(root: Path, limit: int = 0) -> tuple[PastRun, ...]:
    """The newest runs in a checkout, the newest first; a limit of 0 means all.

    Raises:
        RepositoryError: a link stands where the runs should be.
    """
    folders = _folders(root)
    return tuple(_run(folder) for folder in folders[: limit or None])


def find_run(root: Path, name: str) -> PastRun:
    """A run by its session's id, by a part that only one has, or the last one that has ended.

    Raises:
        RepositoryError: a link stands where the runs should be.
        UsageError: there is no such run, or more than one.
    """
    folders = _folders(root)
    if name == LAST:
        ended = next((it for it in folders if not is_alive(it) and not _taking_back(it)), None)
        if ended is None:
            raise UsageError(f"no run has ended yet in {root}", "Start one: stomper-sdk run")
        return _run(ended)
    found = [folder for folder in folders if folder.name == name]
    found = found or [folder for folder in folders if name and name in folder.name]
    if len(found) != 1:
        _refuse(name, [folder.name for folder in found or folders], several=bool(found))
    return _run(found[0])


def result_of(run: PastRun) -> RunResult:
    """What became of a run.

    Raises:
        StomperError: it left no result that can be read.
    """
    if run.result is not None:
        return run.result
    if run.status == "running":
        raise StomperError(f"{run.session_id} is still running", "Its result is there when it has ended.")
    if run.status == "died":
        text = f"{run.session_id} died before it could tell its result"
        raise StomperError(text, "What it left behind goes with: stomper-sdk clean")
    raise StomperError(f"the result of {run.session_id} cannot be read: {run.problem}")


def _folders(root: Path) -> Sequence[Path]:
    """The sessions' folders, the newest first: their names tell the second, their own times the rest."""
    sessions = sessions_folder(root)
    for place in (sessions.parent, sessions):
        if place.is_symlink():
            raise RepositoryError(f"{place} is a link, and would be read through", "Remove the link.")
    try:
        entries = [entry for entry in os.scandir(sessions) if SESSION_ID.fullmatch(entry.name)]
        folders = sorted(
            (_age(entry) for entry in entries if entry.is_dir(follow_symlinks=False)), reverse=True
        )
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise RepositoryError(f"{sessions} cannot be read: {error.strerror}") from error
    return [sessions / name for _, _, name in folders]


def _age(entry: os.DirEntry[str]) -> tuple[str, int, str]:
    return entry.name.rpartition("-")[0], entry.stat(follow_symlinks=False).st_mtime_ns, entry.name


def _run(folder: Path) -> PastRun:
    try:
        result = _read(folder / RESULT, folder.name)
    except FileNotFoundError:
        return _without_result(folder)
    except RecursionError:
        return PastRun(folder.name, "broken", problem="it is nested too deep")
    except OSError as error:
        return PastRun(folder.name, "broken", problem=error.strerror or str(error))
    except ValueError as error:
        return PastRun(folder.name, "broken", problem=str(error))
    return PastRun(folder.name, result.status, result)


def _without_result(folder: Path) -> PastRun:
    if is_alive(folder):
        return PastRun(folder.name, "running")
    other = _taking_back(folder)
    text = f"it was to take back {other}: stomper-sdk runs revert {other} does what is left of that"
    return PastRun(folder.name, "died", problem=text if other else "")


def _taking_back(folder: Path) -> str | None:
    return None if (folder / RESULT).is_file() else reverted_by(folder)


def _read(file: Path, session_id: str) -> RunResult:
    result = read_result(file)
    if result.session_id != session_id:
        raise ValueError(f"it is of another session, {result.session_id!r:.50}")
    return result


def read_result(file: Path) -> RunResult:
    """A kept result.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no file of ours.
    """
    # Neither through a link, nor waiting for somebody to write into a pipe.
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is no file")
        content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
    return result_from_dict(json.loads(content))


def _refuse(name: str, names: Sequence[str], *, several: bool) -> NoReturn:
    if several:
        raise UsageError(f"{name!r} names {len(names)} runs", f"They are: {listed(names)}.")
    near = nearest(name, names)
    if not names:
        hint = "There are none yet."
    else:
        hint = f"Did you mean {near!r}?" if near else f"The newest are: {listed(names)}."
    raise UsageError(f"there is no run {name!r}", hint)
