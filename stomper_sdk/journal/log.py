"""A session's journal: what is about to happen and what has, one record a line, checked by a sum.

Appended lines rather than a database: a record is one `write`, which the system keeps when the process is
killed; nothing has to be opened, locked or recovered; and a person can read it. A line that was torn, by a
full disk or a cut in power, does not fit its sum and is left out.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.faults import point
from stomper_sdk.journal.records import RECORDS, Record
from stomper_sdk.model.present import hide_in, plain
from stomper_sdk.model.reading import typed

__all__ = ["JOURNAL", "Journal"]

JOURNAL = "journal"
_MAX_BYTES = 1024 * 1024 * 1024


@attrs.frozen
class Journal:
    """The journal in a session's folder. All methods block."""

    folder: Path
    secrets: frozenset[str] = attrs.field(default=frozenset(), repr=False)

    def append(self, record: Record) -> None:
        """Write a record; it outlives this process from then on.

        Raises:
            OSError: it could not be written whole.
        """
        kind = type(record).__name__
        document = hide_in(plain(record), self.secrets)
        text = json.dumps([kind, document], separators=(",", ":")).encode()
        # A line feed before it, too: what was torn off before stays on a line of its own.
        line = b"\n%08x %b\n" % (zlib.crc32(text), text)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        place = self.folder / JOURNAL
        with os.fdopen(os.open(place, flags, 0o600), "ab", buffering=0) as file:
            if file.write(line) != len(line):
                os.write(file.fileno(), b"\n")
                raise OSError(28, "No space left on device", str(place))
        point(kind.lower())

    def records(self) -> Iterator[Record]:
        """Every whole record, in order; nothing of a journal that is not there.

        Raises:
            ValueError: somebody else can have written it, or a record fits its sum and is none of ours:
                another version's, or forged.
            OSError: it cannot be read.
        """
        try:
            descriptor = os.open(self.folder / JOURNAL, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        with os.fdopen(descriptor, "rb") as file:
            seen = os.fstat(descriptor)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > _MAX_BYTES:
                raise ValueError("the journal is no file of ours")
            _refuse_strangers(seen)
            for line in file:
                if (found := _read(line)) is not None:
                    yield found


def _refuse_strangers(journal: os.stat_result) -> None:
    """What a journal says is obeyed: a pipeline is run by it."""
    if journal.st_uid != os.getuid():
        raise ValueError("it belongs to another user, who may have written anything")
    if journal.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError(f"others than you can write it (mode {stat.S_IMODE(journal.st_mode):o})")


def _read(line: bytes) -> Record | None:
    total, _, text = line.rstrip(b"\n").partition(b" ")
    if not text or total != b"%08x" % zlib.crc32(text):
        return None
    read: Any = json.loads(text)
    kind, fields = read
    if kind not in RECORDS:
        raise ValueError(f"it holds {kind!r:.40}, which only a newer version of stomper_sdk can read")
    record: Record = typed(RECORDS[kind], fields, kind)
    return record
