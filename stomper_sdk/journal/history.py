"""The runs that a `.stomper/` folder tells of, read without trust: a clone may bring one along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from stomper_sdk.errors import RepositoryError, StomperError, UsageError
from stomper_sdk.journal.kept import chosen, content_of, newest_first
from stomper_sdk.journal.session import RESULT, SESSION_ID, is_alive, sessions_folder
from stomper_sdk.journal.unfinished import reverted_by
from stomper_sdk.model.history import PastRun, result_from_dict
from stomper_sdk.model.result import RunResult

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
    return _run(sessions_folder(root) / chosen(name, [folder.name for folder in folders], "run"))


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
        return [sessions / name for name in newest_first(sessions, SESSION_ID)]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise RepositoryError(f"{sessions} cannot be read: {error.strerror}") from error


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
    return result_from_dict(json.loads(content_of(file, _MAX_BYTES)))
