"""A lock among the tasks of this run and among the processes on this repository."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.errors import RepositoryError
from stomper_sdk.flock import try_lock, unlock

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
            descriptor = await self._acquire()
            try:
                yield
            finally:
                unlock(descriptor)

    async def _acquire(self) -> int:
        with trio.move_on_after(_WAIT_SECONDS):
            while (descriptor := try_lock(self.path)) is None:
                await trio.sleep(_POLL_SECONDS)
            return descriptor
        raise RepositoryError(
            f"another process held {self.path} for {_WAIT_SECONDS:g} s", "See which run is at work here."
        )
