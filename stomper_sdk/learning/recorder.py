"""Remembering what a run's attempts came to; where that fails, the run goes on and says so once."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

from stomper_sdk.errors import HistoryError
from stomper_sdk.learning.lesson import lessons_of
from stomper_sdk.learning.store import Store, open_store
from stomper_sdk.model.file import FileResult

__all__ = ["Recorder"]


@attrs.define
class Recorder:
    """Writes down the attempts of one run. All methods block, and may be called from several threads.

    `kinds` is the `use` of each agent whose attempts are remembered, by its name. `problem` says why no more
    is remembered, "" as long as it is. The file is made with the first attempt.
    """

    folder: Path
    session: str
    kinds: Mapping[str, str]
    secrets: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    problem: str = ""
    _store: Store | None = attrs.field(default=None, init=False, repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def record(self, result: FileResult, lines: int | None = None) -> bool:
        """Remember the attempts of one file, all at once; those that are known already are told anew.

        Args:
            result: what became of it.
            lines: how many it had before; None where that is told already.

        Returns:
            Whether this was the first time that it could not be done.
        """
        with self._lock:
            if self.problem or not any(attempt.agent in self.kinds for attempt in result.attempts):
                return False
            try:
                self._write(result, lines)
            except HistoryError as error:
                self.problem = f"nothing more is learned in this run: {error.message}"
                return True
        return False

    def close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()

    def _write(self, result: FileResult, lines: int | None) -> None:
        if self._store is None:
            self._store = open_store(self.folder)
            assert self._store is not None
        places = range(len(result.attempts))
        keys = [self._store.key_of(self.session, result.path, place) for place in places]
        made = lessons_of(result, self.session, keys, self.kinds, time.time(), lines, self.secrets)
        self._store.add(made)
