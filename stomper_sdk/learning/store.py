"""Lessons on disk: one SQLite file beside the sessions, which several processes read and write at once.

A write-ahead log lets readers and one writer work together, and is replayed by whoever opens the file next
where its writer was killed: a file's attempts are there whole, or not at all.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import secrets
import sqlite3
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs

from stomper_sdk.errors import HistoryError
from stomper_sdk.faults import point
from stomper_sdk.learning.lesson import Lesson
from stomper_sdk.model.file import CodeTally
from stomper_sdk.model.reading import made

__all__ = ["FILE", "VERSION", "Store", "open_store"]

FILE = "history.sqlite3"
VERSION = 1

T = TypeVar("T")

_ROOM = "See whether there is room, and whether it may be written."
_BUSY_SECONDS = 5.0
_POLL_SECONDS = 0.02
_CHUNK = 500
_COLUMNS = tuple(field.name for field in attrs.fields(Lesson) if field.name != "codes")
_TABLES = (
    "CREATE TABLE salt (value BLOB NOT NULL)",
    "CREATE TABLE attempt (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
    '"when" REAL NOT NULL, session TEXT NOT NULL, number INTEGER NOT NULL, '
    "round INTEGER NOT NULL, agent TEXT NOT NULL, "
    "kind TEXT NOT NULL, model TEXT, level TEXT NOT NULL, outcome TEXT NOT NULL, failure TEXT, "
    "seconds REAL NOT NULL, tokens_in INTEGER, tokens_out INTEGER, cost_usd REAL, lines INTEGER, "
    "findings INTEGER, suffix TEXT NOT NULL)",
    "CREATE INDEX by_session ON attempt (session)",
    "CREATE TABLE tally (attempt INTEGER NOT NULL, place INTEGER NOT NULL, "
    '"check" TEXT NOT NULL, code TEXT NOT NULL, tried INTEGER NOT NULL, fixed INTEGER NOT NULL, '
    "PRIMARY KEY (attempt, place)) WITHOUT ROWID",
)


@attrs.define
class Store:
    """An open history. All methods block, and may be called from several threads."""

    path: Path
    _connection: sqlite3.Connection = attrs.field(repr=False)
    _salt: bytes = attrs.field(repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def key_of(self, *words: object) -> str:
        """A name for what some words name; without this store's salt nobody can try words out on it."""
        text = "\0".join(map(str, words)).encode(errors="surrogateescape")
        return hmac.new(self._salt, text, hashlib.sha256).hexdigest()[:40]

    def add(self, lessons: Iterable[Lesson], *, keep: bool = False) -> int:
        """Remember some lessons, all or none.

        Args:
            lessons: of one that is known, the last word counts,
            keep: unless what is known stays as it is.

        Returns:
            How many were not known.

        Raises:
            HistoryError: the file is locked for long, damaged, or cannot be written.
        """
        with self._at_work() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = _count(connection)
                for lesson in lessons:
                    _put(connection, lesson, keep)
                point("history")
                added = _count(connection) - before
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        return added

    def lessons(self, limit: int | None = None, until: str = "") -> Iterator[Lesson]:
        """What is remembered, the newest first.

        Args:
            limit: how many at most.
            until: a session's id: only what had been remembered before that session's first attempt.

        Raises:
            HistoryError: the file is damaged.
        """
        below = None
        if until:
            with self._at_work() as connection:
                query = "SELECT min(id) FROM attempt WHERE session = ?"
                below = connection.execute(query, (until,)).fetchone()[0]
        return itertools.islice(self._paged(_NEWEST, 2**63 - 1 if below is None else below), limit)

    def oldest(self) -> Iterator[Lesson]:
        """The same, all of it, the oldest first."""
        return self._paged(_OLDEST, 0)

    def _paged(self, query: str, place: int) -> Iterator[Lesson]:
        """Lessons from a place on, some at a time: nobody who writes waits for whoever reads."""
        while True:
            with self._at_work() as connection:
                rows = connection.execute(query, (place, _CHUNK)).fetchall()
                codes = _codes(connection, [row[0] for row in rows])
                found = [_lesson(row, codes[row[0]]) for row in rows]
            yield from found
            if len(rows) < _CHUNK:
                return
            place = rows[-1][0]

    def check(self) -> None:
        """Read the file from end to end.

        Raises:
            HistoryError: it is damaged.
        """
        with self._at_work() as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise _damaged(self.path, said)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _at_work(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _told(self.path):
            yield self._connection


def open_store(folder: Path, *, create: bool = True) -> Store | None:
    """The history in a state folder; None where there is none and none is to be made.

    Raises:
        HistoryError: it is damaged, of a newer version, no file of ours, or cannot be opened.
    """
    path = folder / FILE
    try:
        seen = path.lstat()
    except FileNotFoundError:
        if not create:
            return None
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}") from error
    else:
        if not stat.S_ISREG(seen.st_mode) or _is_strange(seen):
            text = f"{path} is no file of yours alone: anybody could have written it"
            raise HistoryError(text, "Remove it, or make it yours alone: chmod 600.")
    for name in (f"{FILE}-wal", f"{FILE}-shm", f"{FILE}-journal"):
        if (folder / name).is_symlink():
            raise HistoryError(f"{folder / name} is a link", "Remove it: nothing is written through it.")
    with _told(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            salt = _patiently(lambda: _prepared(connection, path))
        except BaseException:
            connection.close()
            raise
    return Store(path, connection, salt)


def _is_strange(seen: os.stat_result) -> bool:
    return seen.st_uid != os.getuid() or bool(seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _prepared(connection: sqlite3.Connection, path: Path) -> bytes:
    """Make the tables if need be, and believe those that are there only if they are as we make them."""
    connection.execute("PRAGMA trusted_schema = OFF")
    if not _version(connection, path):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not _version(connection, path):
                _make(connection, path)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    # Without a wait for the disk: what a cut in power takes are the last lessons, never the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    if sorted(row[0] for row in found) != sorted(_TABLES):
        raise _damaged(path, "its tables are not those of a history")
    salt = connection.execute("SELECT value FROM salt").fetchone()
    if salt is None or not isinstance(salt[0], bytes):
        raise _damaged(path, "it has lost its salt")
    return salt[0]


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        text = f"{path} is of a newer version of stomper_sdk ({version}, this one knows {VERSION})"
        raise HistoryError(text, "Upgrade stomper_sdk; the file is left as it is.")
    return version


def _make(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _damaged(path, "its tables are not those of a history")
    for table in _TABLES:
        connection.execute(table)
    connection.execute("INSERT INTO salt VALUES (?)", (secrets.token_bytes(32),))
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _count(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM attempt").fetchone()[0]
    return count


_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
#: What was counted in the file before is told with the first word only.
_LATER = ", ".join(
    f'"{name}" = coalesce(excluded."{name}", "{name}")'
    for name in _COLUMNS
    if name not in ("key", "when", "session")
)
_INSERT = (
    f"INSERT INTO attempt ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT (key) DO UPDATE SET {_LATER}"
)
_FIND = "SELECT id FROM attempt WHERE key = ?"
_NEWEST = f"SELECT id, {_NAMES} FROM attempt WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
_TALLIES = (
    'SELECT attempt, "check", code, tried, fixed FROM tally WHERE attempt BETWEEN ? AND ? '
    "ORDER BY attempt, place"
)
_OLDEST = f"SELECT id, {_NAMES} FROM attempt WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608


def _put(connection: sqlite3.Connection, lesson: Lesson, keep: bool) -> None:
    values = [getattr(lesson, name) for name in _COLUMNS]
    if keep and connection.execute(_FIND, (lesson.key,)).fetchone():
        return
    connection.execute(_INSERT, values)
    number = connection.execute(_FIND, (lesson.key,)).fetchone()[0]
    connection.execute("DELETE FROM tally WHERE attempt = ?", (number,))
    rows = [(number, place, *attrs.astuple(tally)) for place, tally in enumerate(lesson.codes)]
    connection.executemany("INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?)", rows)


def _codes(connection: sqlite3.Connection, attempts: Sequence[int]) -> Mapping[int, tuple[CodeTally, ...]]:
    """What some attempts did, by the attempt."""
    found: dict[int, tuple[CodeTally, ...]] = defaultdict(tuple)
    span = (min(attempts, default=0), max(attempts, default=0))
    for attempt, *row in connection.execute(_TALLIES, span):
        if tuple(map(type, row)) != (str, str, int, int):
            raise ValueError(f"a tally is {row!r:.50}")
        found[attempt] += (CodeTally(*row),)
    return found


def _lesson(row: Sequence[Any], codes: tuple[CodeTally, ...]) -> Lesson:
    fields = dict(zip(_COLUMNS, row[1:], strict=True))
    lesson: Lesson = made(Lesson, fields, "attempt", codes=codes)
    return lesson


def _damaged(path: Path, what: str) -> HistoryError:
    text = f"{path} is damaged: {what}"
    hint = f"Nothing in it was changed. Move it away, and learning starts anew: mv '{path}' ."
    return HistoryError(text, hint)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in words what SQLite says."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            text = f"{path} was locked by another process for {_BUSY_SECONDS:g} s"
            raise HistoryError(text, "See which process holds it.") from error
        raise HistoryError(f"{path} cannot be used: {error}", _ROOM) from error
    except (sqlite3.DatabaseError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise HistoryError(f"{path} cannot be used: {error.strerror}", _ROOM) from error


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _patiently(function: Callable[[], T]) -> T:
    """Wait for others who make the same file: changing its journal asks nobody to wait by itself."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return function()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(_POLL_SECONDS)
