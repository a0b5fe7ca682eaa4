"""Many files, a bounded number at work: nursery workers, results in plan order, a graceful stop."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import attrs
import trio

from stomper_sdk.errors import alone
from stomper_sdk.spending import Purse

__all__ = ["Control", "Gauge", "Share", "run_bounded"]

T = TypeVar("T")
R = TypeVar("R")


@attrs.define
class Control:
    """How a run is stopped from outside: from its own tasks, from any thread, from a signal handler."""

    draining: bool = False
    cancelled: bool = False
    _scopes: list[trio.CancelScope] = attrs.field(factory=list, repr=False)
    _token: trio.lowlevel.TrioToken | None = attrs.field(default=None, repr=False)
    _parts: list[Control] = attrs.field(factory=list, repr=False)

    def drain(self) -> None:
        """Start no further file and let those at work end."""
        self.draining = True
        for part in self._parts:
            part.drain()

    @contextlib.contextmanager
    def part(self) -> Iterator[Control]:
        """For one of several runs: stopped with all of them, while what stops itself stops no other."""
        part = Control()
        self._parts.append(part)
        # Read after it is heard: a signal between the two is not missed.
        part.draining |= self.draining
        part.cancelled |= self.cancelled
        try:
            yield part
        finally:
            self._parts = [other for other in self._parts if other is not part]

    def cancel(self) -> None:
        """End everything now; what was lent is given back."""
        self.draining = self.cancelled = True
        for part in self._parts:
            part.cancel()
        if self._token is not None:
            # A run that has just ended needs no cancel any more.
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._cancel_scopes)

    def scope(self) -> trio.CancelScope:
        """A scope that `cancel` cancels; made inside the run."""
        self._token = trio.lowlevel.current_trio_token()
        scope = trio.CancelScope()
        self._scopes.append(scope)
        if self.cancelled:
            scope.cancel()
        return scope

    def _cancel_scopes(self) -> None:
        for scope in self._scopes:
            scope.cancel()


@attrs.define
class Gauge:
    """How many items are at work now, and the most that were at once."""

    now: int = 0
    peak: int = 0

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            yield
        finally:
            self.now -= 1


@attrs.frozen
class Share:
    """What runs that go on beside each other have together.

    `slots` are as many as files may be at work in all of them, None where each keeps its own bound only;
    `purse` holds what they may spend together, and knows this one's agents by `label`.
    """

    slots: trio.CapacityLimiter | None
    purse: Purse
    label: str


async def run_bounded(
    items: Sequence[T],
    work: Callable[[T], Awaitable[R]],
    limit: int,
    control: Control,
    gauge: Gauge | None = None,
    slots: trio.CapacityLimiter | None = None,
) -> tuple[R | None, ...]:
    """Do some work on each item, at most `limit` at a time.

    The number of tasks is the number of workers, not of items, so memory does not grow with those that
    wait. An error of the work ends all of it.

    Args:
        items: in the order in which they are started.
        work: what to do; its error cancels the others and is raised, alone, from here.
        limit: at least 1.
        control: stops the starting of further items, or everything; what has ended stays.
        gauge: tells how many were at work at once.
        slots: one is taken for each item at work, where others draw from them, too.

    Returns:
        Results in the order of the items, None for those that did not end.
    """
    results: list[R | None] = [None] * len(items)
    waiting, gauge = iter(enumerate(items)), gauge or Gauge()

    async def worker() -> None:
        for index, item in waiting:
            async with slots or contextlib.nullcontext():
                if control.draining:
                    return
                with gauge.one_more():
                    results[index] = await work(item)

    with alone(), control.scope():
        async with trio.open_nursery() as nursery:
            for _ in range(min(limit, len(items))):
                nursery.start_soon(worker)
    return tuple(results)
