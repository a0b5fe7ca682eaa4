"""How many questions an endpoint gets at a time: as many as there are, until it says that it is too much."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator

import attrs
import trio

__all__ = ["Limiter"]


@attrs.define
class Limiter:
    """Additive increase, multiplicative decrease, as TCP does it (RFC 5681).

    There is no limit at first. Each time that the endpoint is overloaded the limit becomes half of what was
    at work; questions that were asked before that do not halve it again. As many answers as the limit is
    raise it by one, until it is what the callers once had at work by themselves, and is none any more.
    """

    limit: float = math.inf
    at_work: int = 0
    peak: int = 0
    _halvings: int = 0
    _waiting: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Wait for a turn, and keep it for the block; yields the mark to give to `overloaded`."""
        while self.at_work >= int(self.limit if math.isfinite(self.limit) else self.at_work + 1):
            await self._waiting.park()
        self.at_work += 1
        self.peak = max(self.peak, self.at_work)
        try:
            yield self._halvings
        finally:
            self.at_work -= 1
            self._waiting.unpark_all()

    def overloaded(self, mark: int) -> None:
        """Halve the limit, unless that was done since the question got its slot; call it within the slot."""
        if mark == self._halvings:
            self.limit = max(1.0, self.at_work / 2)
            self._halvings += 1

    def answered(self) -> None:
        """Raise the limit a little."""
        self.limit += 1 / self.limit
        if self.limit >= self.peak:
            self.limit = math.inf
