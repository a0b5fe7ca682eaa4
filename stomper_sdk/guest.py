"""A trio run as a guest of an asyncio loop: what makes `await run_async(...)` work in a notebook."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sniffio
import trio

__all__ = ["run_in_asyncio", "under_asyncio", "wait_for"]

T = TypeVar("T")


def under_asyncio() -> bool:
    """Whether the current task is asyncio's."""
    try:
        return sniffio.current_async_library() == "asyncio"
    except sniffio.AsyncLibraryNotFoundError:
        return False


async def run_in_asyncio(main: Callable[[], Awaitable[T]], cancel: Callable[[], None]) -> T:
    """Run a trio function to its end from an asyncio task.

    A cancel of that task calls `cancel`, waits until the run has cleaned up, and is then raised; another
    one meanwhile changes nothing, since a run that nobody waits for would leave its workspaces.
    """
    # Here, since to load it costs more than all of ours, and most runs never need it.
    import asyncio

    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=lambda call: loop.call_soon_threadsafe(call),
        run_sync_soon_not_threadsafe=lambda call: loop.call_soon(call),
        done_callback=done.set_result,
        host_uses_signal_set_wakeup_fd=True,
    )
    try:
        ended: Any = await asyncio.shield(done)
    except asyncio.CancelledError:
        while not done.done():
            cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([done])
        raise
    result: T = ended.unwrap()
    return result


async def wait_for(future: Future[T]) -> T:
    """What a thread comes to, awaited under asyncio or trio; to be cancelled here does not end the thread."""
    if under_asyncio():
        import asyncio

        return await asyncio.shield(asyncio.wrap_future(future))
    return await trio.to_thread.run_sync(future.result, abandon_on_cancel=True)
