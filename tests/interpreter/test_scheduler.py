from __future__ import annotations

import gc
import tracemalloc

import pytest
import trio
from trio.testing import MockClock

from stomper_sdk.errors import CheckError
from stomper_sdk.interpreter.scheduler import Control, Gauge, run_bounded


async def test_results_come_in_the_order_of_the_items(autojump_clock: MockClock) -> None:
    async def work(number: int) -> int:
        await trio.sleep(10 - number)
        return number * number

    done = await run_bounded(range(10), work, 4, Control())
    assert done == tuple(number * number for number in range(10))


@pytest.mark.parametrize(("limit", "seconds"), [(1, 12), (4, 3), (12, 1), (100, 1)])
async def test_never_more_than_the_limit_at_work(limit: int, seconds: int, autojump_clock: MockClock) -> None:
    now = most = 0

    async def work(_: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await trio.sleep(1)
        now -= 1

    started = trio.current_time()
    gauge = Gauge()
    await run_bounded(range(12), work, limit, Control(), gauge)
    assert trio.current_time() - started == seconds
    assert gauge.peak == most == min(limit, 12)


async def test_draining_lets_those_at_work_end_and_starts_no_other(autojump_clock: MockClock) -> None:
    control = Control()

    async def work(number: int) -> int:
        if number == 2:
            control.drain()
        await trio.sleep(1)
        return number

    done = await run_bounded(range(10), work, 3, control)
    assert done == (0, 1, 2, *[None] * 7)


async def test_cancelling_keeps_what_has_ended_and_lets_the_rest_clean_up(autojump_clock: MockClock) -> None:
    control, cleaned = Control(), []

    async def work(number: int) -> int:
        try:
            await trio.sleep(number)
        finally:
            cleaned.append(number)
        return number

    async with trio.open_nursery() as nursery:

        async def stop() -> None:
            await trio.sleep(1.5)
            control.cancel()

        nursery.start_soon(stop)
        done = await run_bounded(range(5), work, 3, control)
    assert done == (0, 1, None, None, None)
    assert sorted(cleaned) == [0, 1, 2, 3, 4]


async def test_an_error_ends_the_others_and_comes_alone(autojump_clock: MockClock) -> None:
    async def work(number: int) -> None:
        await trio.sleep(number)
        if number == 1:
            raise CheckError("it crashed")

    with pytest.raises(CheckError, match="it crashed"):
        await run_bounded(range(5), work, 5, Control())
    assert trio.current_time() == 1


async def test_a_run_that_was_cancelled_before_it_began_starts_nothing() -> None:
    control = Control()
    control.cancel()

    async def work(number: int) -> int:
        return number

    assert await run_bounded(range(3), work, 2, control) == (None, None, None)


async def test_memory_does_not_grow_with_what_waits() -> None:
    async def work(_: int) -> None:
        await trio.lowlevel.checkpoint()

    async def peak(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        await run_bounded(range(count), work, 4, Control())
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    few, many = await peak(1_000), await peak(20_000)
    # A slot of the results is 8 bytes, and the tuple made of them as much again.
    assert many - few < 20_000 * 8 * 2 + 100_000
