"""A lock among the tasks of this run and among the processes on this repository."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio
from filelock import FileLock, Timeout

from stomper_sdk.errors import RepositoryError

__all__ = ["SharedLock"]

_WAIT_SECONDS = 600.0
_POLL_SECONDS = 0.02


@attrs.define
class SharedLock:
    """Held by one task of one process at a time; the system frees it when the process dies."""

    path: Path
    _inside: trio.Lock = attrs.field(factory=trio.Lock)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for the lock and hold it.

        Raises:
            RepositoryError: another process held it for ten minutes.
        """
        async with self._inside:
            outside = FileLock(self.path, thread_local=False)
            await _acquire(outside)
            try:
                yield
            finally:
                outside.release()


async def _acquire(lock: FileLock) -> None:
    with trio.move_on_after(_WAIT_SECONDS):
        while True:
            try:
                lock.acquire(blocking=False)
                return
            except Timeout:
                await trio.sleep(_POLL_SECONDS)
    raise RepositoryError(
        f"another process held {lock.lock_file} for {_WAIT_SECONDS:g} s", "See which run is at work here."
    )
