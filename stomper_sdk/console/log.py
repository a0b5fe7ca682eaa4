"""Every event of a run as a line of JSON in a file."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from queue import SimpleQueue

import attrs

from stomper_sdk.errors import StomperError
from stomper_sdk.events import Event, Listener
from stomper_sdk.model.present import hide_in, plain
from stomper_sdk.secrets import secret_values

__all__ = ["logging_to"]


@contextlib.contextmanager
def logging_to(path: Path | None) -> Iterator[tuple[Listener, ...]]:
    """Lend the listener that writes the file, none without a path; the file is whole afterwards.

    A thread of its own writes, so that a slow disk never delays the run.

    Raises:
        StomperError: the file cannot be written. One that fails later is told when the run is over.
    """
    if path is None:
        yield ()
        return
    events: SimpleQueue[Event | None] = SimpleQueue()
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise _unwritable(path, error) from error
    with file, ThreadPoolExecutor(1, "log") as pool:
        writing = pool.submit(_write, file, events)
        try:
            yield (events.put,)
        finally:
            events.put(None)
        if failure := writing.result():
            raise _unwritable(path, failure) from failure


def _write(file: RawIOBase, events: SimpleQueue[Event | None]) -> OSError | None:
    """Write until there are no more; after a failure, events are let go rather than kept in memory."""
    failure: OSError | None = None
    while event := events.get():
        try:
            if failure is None:
                file.write(_line(event).encode())
        except OSError as error:
            failure = error
    return failure


def _line(event: Event) -> str:
    """`{"event": "file_started", "at": "2026-01-01T12:00:00.000000+00:00", "time": 0.1, "path": "a.py"}`."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    fields = {field.name: plain(getattr(event, field.name)) for field in attrs.fields(type(event))}
    document = {"event": kind, "at": datetime.now(UTC).isoformat(), **fields}
    return json.dumps(hide_in(document, secret_values())) + "\n"


def _unwritable(path: Path, error: OSError) -> StomperError:
    return StomperError(f"--log-file: {path} cannot be written: {error.strerror}")
