"""A lock among the tasks of this run and among the processes on this repository."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.errors import RepositoryError
from stomper_sdk.flock import try_lock, unlock

__all__ = ["SharedLock", "held"]

_WAIT_SECONDS = 600.0
_BLOCKING_SECONDS = 60.0
_MOMENT_SECONDS = 2.0
_POLL_SECONDS = 0.02


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for a lock among processes and hold it, where no tasks are yet.

    Raises:
        RepositoryError: another process held it for a minute.
    """
    until = time.monotonic() + _BLOCKING_SECONDS
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > until:
            raise _taken(path, _BLOCKING_SECONDS)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        unlock(descriptor)


@attrs.define
class SharedLock:
    """Held by one task of one process at a time; the system frees it when the process dies.

    `waiting` is called once where another process holds it for more than a moment.
    """

    path: Path
    waiting: Callable[[], None] = lambda: None
    _inside: trio.Lock = attrs.field(factory=trio.Lock)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for the lock and hold it.

        Raises:
            RepositoryError: another process held it for ten minutes, or its folder is gone.
        """
        async with self._inside:
            descriptor = await self._acquire()
            try:
                yield
            finally:
                unlock(descriptor)

    async def _acquire(self) -> int:
        with trio.move_on_after(_WAIT_SECONDS):
            told = trio.current_time() + _MOMENT_SECONDS
            try:
                while (descriptor := try_lock(self.path)) is None:
                    if trio.current_time() > told:
                        self.waiting()
                        told = math.inf
                    await trio.sleep(_POLL_SECONDS)
                return descriptor
            except FileNotFoundError as error:
                text = f"{self.path.parent} was removed while the run was at work"
                raise RepositoryError(text, "Run again: what was committed stays.") from error
        raise _taken(self.path, _WAIT_SECONDS)


def _taken(path: Path, seconds: float) -> RepositoryError:
    text = f"another process held {path} for {seconds:g} s"
    return RepositoryError(text, "See which run is at work here.")
