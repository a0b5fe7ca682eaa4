"""What a person sees while a run goes on.

The listener only puts the event into a queue. A thread of the display's own wakes eight times a second, takes
out what has come and draws: a slow or stopped terminal never delays the run, nor does each event wake it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

import attrs

from stomper_sdk.console.lines import Verbosity, lines_of, stopping_line
from stomper_sdk.console.screen import Screen
from stomper_sdk.events import Event, Notice, RunStarted
from stomper_sdk.progress import Progress, advance

__all__ = ["Display"]

_PERIOD = 1 / 8


@attrs.frozen
class _Stopping:
    """The first interrupt has come."""


@attrs.frozen
class _End:
    """Nothing more will happen."""


class Display(AbstractContextManager["Display"]):
    """A context manager; `listen` is the run's listener.

    Args:
        screen: makes what draws: a terminal's, a notebook's.
        verbosity: which events are worth a line.
    """

    def __init__(self, screen: Callable[[], Screen], verbosity: Verbosity) -> None:
        self.notices: frozenset[str] = frozenset()
        self._screen = screen
        self._verbosity = verbosity
        self._happened: queue.SimpleQueue[Event | _Stopping | _End] = queue.SimpleQueue()
        self._progress = Progress()
        self._origin = time.monotonic()
        self._ended = False
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="display")
        self._painting: Future[None] | None = None

    def listen(self, event: Event) -> None:
        self._happened.put(event)

    def stopping(self) -> None:
        """Answer the first interrupt; may be called in a signal handler."""
        self._happened.put(_Stopping())

    def __enter__(self) -> Display:
        self._painting = self._pool.submit(self._paint)
        return self

    def __exit__(self, *_: object) -> None:
        self._happened.put(_End())
        self._over.set()
        self._pool.shutdown()
        if self._painting is not None:
            self._painting.result()

    def _paint(self) -> None:
        with self._screen() as screen:
            while not self._ended:
                lines = list(self._round())
                screen.show(lines, self._progress, time.monotonic() - self._origin)

    def _round(self) -> Iterator[str]:
        """What one period is worth in lines."""
        self._over.wait(_PERIOD)
        with contextlib.suppress(queue.Empty):
            while not self._ended:
                yield from self._take(self._happened.get_nowait())

    def _take(self, happened: Event | _Stopping | _End) -> Iterable[str]:
        if isinstance(happened, _Stopping):
            return (stopping_line(self._progress),)
        if isinstance(happened, _End):
            self._ended = True
            return ()
        if isinstance(happened, RunStarted):
            self._origin = time.monotonic() - happened.time
        if isinstance(happened, Notice) and self._verbosity != "quiet":
            self.notices |= {happened.text}
        self._progress = advance(self._progress, happened)
        return lines_of(happened, self._verbosity)
