"""How many questions at a time: halved where it is too much, raised again by answers."""

from __future__ import annotations

import math

import pytest
import trio
import trio.testing

from stomper_sdk.endpoint.limiter import Limiter


class Busy:
    """An endpoint that takes a second for an answer, and says so where more than `most` ask at once."""

    def __init__(self, most: float) -> None:
        self.most, self.limiter = most, Limiter()
        self.at_work, self.peak, self.answered, self.refused = 0, 0, 0, 0

    async def ask(self) -> None:
        while not await self._asked():
            pass

    async def _asked(self) -> bool:
        async with self.limiter.slot() as mark:
            self.at_work += 1
            self.peak = max(self.peak, self.at_work)
            fits = self.at_work <= self.most
            await trio.sleep(1)
            self.at_work -= 1
            if fits:
                self.answered += 1
                self.limiter.answered()
            else:
                self.refused += 1
                self.limiter.overloaded(mark)
            return fits


async def askers(busy: Busy, count: int, questions: int) -> float:
    started = trio.current_time()

    async def asker() -> None:
        for _ in range(questions):
            await busy.ask()

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(asker)
    return trio.current_time() - started


async def test_there_is_no_limit_as_long_as_nothing_is_too_much(
    autojump_clock: trio.testing.MockClock,
) -> None:
    busy = Busy(math.inf)
    assert await askers(busy, 16, 3) == pytest.approx(3)
    assert (busy.peak, busy.answered, busy.limiter.limit) == (16, 48, math.inf)


async def test_it_comes_down_to_what_the_endpoint_takes(autojump_clock: trio.testing.MockClock) -> None:
    busy = Busy(4)
    seconds = await askers(busy, 16, 10)
    assert busy.answered == 160
    # Four at a time would take 40 seconds, and four at a time are not known beforehand.
    assert 40 <= seconds < 60
    assert busy.refused < busy.answered / 2


async def test_many_refusals_of_one_moment_are_one(autojump_clock: trio.testing.MockClock) -> None:
    limiter = Limiter()
    async with limiter.slot() as one, limiter.slot() as two, limiter.slot() as three, limiter.slot():
        for mark in (one, two, three):
            limiter.overloaded(mark)
        assert limiter.limit == 2


async def test_the_limit_is_never_below_one_and_goes_with_enough_answers() -> None:
    limiter = Limiter()
    for _ in range(5):
        async with limiter.slot() as mark:
            limiter.overloaded(mark)
        assert limiter.limit == 1
    limiter.peak = 3
    for _ in range(4):
        limiter.answered()
    assert limiter.limit == math.inf


async def test_who_waits_for_a_turn_can_be_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    limiter = Limiter(limit=1)
    async with limiter.slot():
        with trio.move_on_after(1) as scope:
            async with limiter.slot():
                raise AssertionError
    assert scope.cancelled_caught
    async with limiter.slot():
        assert limiter.at_work == 1
