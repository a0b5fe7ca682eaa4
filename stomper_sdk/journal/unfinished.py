"""How far a run came that did not end, as its journal tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from stomper_sdk.errors import StomperError
from stomper_sdk.journal.log import Journal
from stomper_sdk.journal.records import Arranged, Ended, Landed, Landing, Opened, Planned, Record, Spent
from stomper_sdk.journal.session import SESSION_ID
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.result import FileResult

__all__ = ["Unfinished", "find_unfinished", "read_unfinished", "records_of", "reverted_by"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TARGET = re.compile(r"|HEAD|refs/heads/[^\s~^:?*\[\\-][^\s~^:?*\[\\]*")


@attrs.frozen
class Unfinished:
    """A run by its session; `landings` are commits whose files did not come to their end after them.

    `undone` are commits that the run took back, with those that do so. `pending` is the commit of which
    it did not say any more whether the target got there. `spent` is what each attempt has used.
    """

    session_id: str
    opened: Opened
    plan: Plan | None
    ended: tuple[FileResult, ...]
    landings: tuple[Landing, ...]
    undone: Mapping[str, str] = attrs.field(factory=dict)
    pending: Landing | None = None
    spent: tuple[Spent, ...] = ()


def read_unfinished(folder: Path) -> Unfinished:
    """Read how far a run came.

    Raises:
        StomperError: it left no journal that can be read.
    """
    if (past := find_unfinished(folder)) is None:
        raise StomperError(f"{folder.name} left no journal that could be read", "Start a new run.")
    return past


def find_unfinished(folder: Path) -> Unfinished | None:
    """The same; None where nothing was written yet.

    Raises:
        StomperError: its journal cannot be read, or says what was done and not for what.
    """
    records = records_of(folder)
    if not records:
        return None
    opened = next((record for record in records if isinstance(record, Opened)), None)
    if opened is None:
        raise StomperError(f"{folder.name} left no journal that could be read", "Start a new run.")
    plan: Plan | None = None
    ended: dict[str, FileResult] = {}
    landings: dict[str, Landing] = {}
    undone: dict[str, str] = {}
    pending: Landing | None = None
    for record in records:
        match record:
            case Planned(plan):
                pass
            case Landing(path=str(path)):
                landings[path] = pending = record
            case Landing(undoes=str(undoes)):
                undone[undoes], pending = record.commit, record
            case Landing():
                pending = record
            case Landed():
                pending = None  # one commit lands at a time
            case Ended(result):
                ended[result.path] = result
                landings.pop(result.path, None)
                pending = None if pending and pending.path == result.path else pending
    ends = tuple(ended.values()), tuple(landings.values())
    spent = tuple(record for record in records if isinstance(record, Spent))
    return Unfinished(folder.name, opened, plan, *ends, undone, pending, spent)


def reverted_by(folder: Path) -> str | None:
    """The run whose commits a session was to take back; None for what is a run itself."""
    try:
        past = find_unfinished(folder)
    except StomperError:
        return None
    return past.opened.reverts if past else None


def _believed(record: Record) -> Record:
    """The record, if it names commits and a branch and nothing else: what it names is handed to git."""
    names = []
    if isinstance(record, Opened):
        if not _TARGET.fullmatch(record.target) or ".." in record.target:
            raise ValueError(f"{record.target!r:.50} is no branch")
        names = [record.base_commit]
        if record.reverts is not None and not SESSION_ID.fullmatch(record.reverts):
            raise ValueError(f"{record.reverts!r:.50} is no session")
    elif isinstance(record, Landing):
        names = [record.parent, record.commit, record.undoes]
    elif isinstance(record, Arranged):
        names = [record.base_commit]
    elif isinstance(record, Landed | Ended):
        names = [record.commit if isinstance(record, Landed) else record.result.commit]
    for name in names:
        if name is not None and not _COMMIT.fullmatch(name):
            raise ValueError(f"{name!r:.50} is no commit")
    return record


def records_of(folder: Path) -> list[Record]:
    """All that a journal holds.

    Raises:
        StomperError: it cannot be read, or is not to be believed.
    """
    try:
        return [_believed(record) for record in Journal(folder).records()]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise StomperError(
            f"the journal of {folder.name} cannot be read: {error}", "Start a new run."
        ) from error
