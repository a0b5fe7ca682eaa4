"""A purse: what cannot be paid is not begun, however many are at work and whatever they use."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from stomper_sdk.errors import SpentError, StoppedError
from stomper_sdk.journal.records import Spent
from stomper_sdk.model.pipeline import BudgetSpec, PerFileSpec
from stomper_sdk.model.price import Spending, Usage
from stomper_sdk.spending import Booking, Purse


@attrs.define
class Crowd:
    """Attempts that work at once under one purse, each for as long as it uses tokens."""

    purse: Purse
    used: list[int] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)
    now: int = 0
    peak: int = 0

    async def attempt(
        self, number: int, tokens: int, at_most: int | None = None, agent: str = "main"
    ) -> None:
        booking = Booking(f"{number}.py", agent, Usage(at_most))
        try:
            async with self.purse.reserved(booking):
                self.now += 1
                self.peak = max(self.peak, self.now)
                await trio.sleep(1 + tokens / 1e6)
                self.now -= 1
                booking.settle(Usage(tokens))
                self.used.append(tokens)
        except StoppedError as error:
            self.refused.append(error.message)

    async def all(self, tokens: Sequence[int], at_most: Sequence[int | None], parallel: int = 16) -> None:
        """As many files as there are, so many at a time."""
        waiting = iter(enumerate(zip(tokens, at_most, strict=True)))

        async def worker() -> None:
            for number, (used, most) in waiting:
                await self.attempt(number, used, most)

        async with trio.open_nursery() as nursery:
            for _ in range(parallel):
                nursery.start_soon(worker)


def crowd(limit: int, tokens: Sequence[int], at_most: Sequence[int | None], parallel: int = 16) -> Crowd:
    async def main() -> Crowd:
        made = Crowd(Purse(BudgetSpec(tokens=limit)))
        await made.all(tokens, at_most, parallel)
        return made

    return trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 500)), min_size=1, max_size=60),
    st.integers(1, 20_000),
    st.integers(1, 16),
)
def test_with_true_upper_bounds_nothing_is_ever_overdrawn(
    attempts: list[tuple[int, int]], limit: int, parallel: int
) -> None:
    tokens = [used for used, _ in attempts]
    at_most = [used + slack for used, slack in attempts]
    done = crowd(limit, tokens, at_most, parallel)
    assert sum(done.used) <= limit
    # And nobody is refused without need: what ended first and what was refused is all there is.
    assert len(done.used) + len(done.refused) == len(attempts)
    if not done.refused:
        return
    assert limit - sum(done.used) < max(at_most)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=100), st.integers(1, 20_000))
def test_with_guesses_that_are_up_to_half_too_small_the_overrun_is_one_attempts_error(
    tokens: list[int], limit: int
) -> None:
    done = crowd(limit, tokens, [150] * len(tokens))
    assert sum(done.used) <= limit + max(0, max(tokens) - 150)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(100, 200), min_size=1, max_size=100), st.integers(1, 20_000))
def test_where_nothing_is_said_the_overrun_is_one_attempt(tokens: list[int], limit: int) -> None:
    done = crowd(limit, tokens, [None] * len(tokens))
    assert sum(done.used) <= limit + max(tokens)


def test_an_agent_of_which_nothing_is_known_begins_alone_and_is_trusted_step_by_step() -> None:
    peaks = [crowd(1000 * n, [1000] * 100, [None] * 100).peak for n in (1, 4, 40, 10**6)]
    assert peaks == [1, 2, 11, 16]


def test_an_agent_that_says_what_it_needs_is_believed_where_the_budget_is_ample() -> None:
    async def main(limit: int) -> float:
        made = Crowd(Purse(BudgetSpec(tokens=limit)))
        await made.all([1000] * 16, [1000] * 16)
        assert len(made.used) == 16
        return trio.current_time()

    assert trio.run(main, 10**6, clock=MockClock(autojump_threshold=0)) < 1.5
    assert trio.run(main, 16_000, clock=MockClock(autojump_threshold=0)) > 4


def test_one_that_needs_more_than_is_left_ends_the_run_and_those_at_work_end_as_ever() -> None:
    async def main() -> Crowd:
        made = Crowd(Purse(BudgetSpec(tokens=1000)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.attempt, 1, 300, 300)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(made.attempt, 2, 2000, 2000)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(made.attempt, 3, 1, 1)
        return made

    done = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert done.used == [300]
    assert (
        done.refused
        == [
            "an attempt of main may use 2,000 tokens, and budget.tokens has 1,000 tokens left",
        ]
        * 2
    )


def test_one_that_may_fit_when_others_have_ended_waits_and_can_be_cancelled() -> None:
    async def main() -> Crowd:
        made = Crowd(Purse(BudgetSpec(tokens=1000)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.attempt, 1, 100, 900)
            await trio.testing.wait_all_tasks_blocked()
            with trio.move_on_after(0.5) as waiting:
                await made.attempt(2, 400, 400)
            assert waiting.cancelled_caught
            await made.attempt(3, 800, 800)
        return made

    done = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert (done.used, done.refused, done.peak) == ([100, 800], [], 1)


def test_a_limit_in_dollars_and_one_in_tokens_hold_together() -> None:
    async def main() -> tuple[int, str]:
        purse, begun = Purse(BudgetSpec(tokens=100, cost_usd=1.0)), 0
        with pytest.raises(StoppedError) as stopped:
            while True:
                async with purse.reserved(Booking("a.py", "main", Usage(10, 0, 0.3))) as booking:
                    booking.settle(Usage(10, 0, 0.3))
                    begun += 1
        return begun, f"{stopped.value.message} ({stopped.value.key})"

    assert trio.run(main) == (
        3,
        "an attempt of main may use $0.30, and budget.cost_usd has $0.10 left (budget.cost_usd)",
    )


def test_when_the_time_is_up_nothing_is_begun_and_nobody_waits_longer() -> None:
    async def main() -> tuple[Crowd, float]:
        made = Crowd(Purse(BudgetSpec(time=10, tokens=100)))
        async with trio.open_nursery() as nursery:
            booking = Booking("a.py", "main", Usage(100))
            async with made.purse.reserved(booking):
                nursery.start_soon(made.attempt, 1, 10, 10)
                await trio.sleep(9)
                assert not made.refused
                await trio.sleep(11)
                booking.settle(Usage(10))
            refused_at = trio.current_time()
        return made, refused_at

    done, _ = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert (done.used, done.refused) == ([], ["budget.time of 10 s is used up"])


def test_a_files_own_budget_ends_that_file_alone() -> None:
    async def spend(purse: Purse, path: str, tokens: int, said: int | None) -> str:
        try:
            async with purse.reserved(Booking(path, "main", Usage(said))) as booking:
                await trio.sleep(4)
                booking.settle(Usage(tokens))
        except SpentError as error:
            return error.message
        return ""

    async def main() -> list[str]:
        purse = Purse(BudgetSpec(per_file=PerFileSpec(time=10, tokens=100)))
        asked = [("a", 60, None), ("a", 1, None), ("a", 1, 70), ("b", 90, 100), ("b", 1, 20), ("c", 1, 101)]
        told = [await spend(purse, *one) for one in asked]
        return [*told, await spend(purse, "a", 1, 1), await spend(purse, "a", 1, 1)]

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) == [
        "",
        "an attempt of main may use 60 tokens, and budget.per_file.tokens has 40 tokens left",
        "an attempt of main may use 70 tokens, and budget.per_file.tokens has 40 tokens left",
        "",
        "an attempt of main may use 20 tokens, and budget.per_file.tokens has 10 tokens left",
        "an attempt of main may use 101 tokens, and budget.per_file.tokens has 100 tokens left",
        "",
        "budget.per_file.time of 10 s is used up",  # its first attempt began 12 s before
    ]


def test_an_agent_that_does_not_tell_what_it_uses_is_not_asked_on_under_a_limit() -> None:
    async def main(**kind: bool) -> str:
        purse = Purse(BudgetSpec(tokens=100))
        for _ in range(3):
            async with purse.reserved(Booking("a.py", "main", **kind)) as booking:
                booking.settle(Usage())
        return "asked three times"

    with pytest.raises(
        StoppedError, match=r"does not tell how many tokens it uses, so budget\.tokens cannot"
    ):
        trio.run(main)
    assert trio.run(lambda: main(free=True)) == "asked three times"
    assert trio.run(lambda: main(lenient=True)) == "asked three times"


def test_what_is_not_told_counts_as_expected_and_is_told_apart() -> None:
    async def main() -> tuple[Spending, list[Spent]]:
        kept: list[Spent] = []

        async def keep(spent: Spent) -> None:
            kept.append(spent)

        purse = Purse(BudgetSpec(tokens=100), keep=keep)
        async with purse.reserved(Booking("a.py", "main", Usage(30, 10))) as booking:
            booking.settle(Usage(25, 5, 0.5))
        with trio.move_on_after(1):
            async with purse.reserved(Booking("b.py", "main", Usage(30, 10))):
                await trio.sleep_forever()
        async with purse.reserved(Booking("c.py", "ruff", free=True)) as booking:
            booking.settle(Usage(1000, 1000, 10.0))
        return purse.spending, kept

    spending, kept = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert spending == Spending(25, 5, 0.5, attempts_without_tokens=1, attempts_without_cost=1)
    assert [(one.path, one.tokens) for one in kept] == [("a.py", 30), ("b.py", 40)]


def test_what_an_earlier_part_of_the_run_has_spent_counts() -> None:
    async def main(limit: int) -> str:
        purse = Purse(BudgetSpec(tokens=limit, time=100))
        told = Usage(60, 20, 0.1)
        purse.remember([Spent("a.py", "main", Usage(), told, 80, 0.1, 90.0)])
        assert purse.spending == Spending(60, 20, 0.1)
        if purse.refusal:
            return purse.refusal.message
        await trio.sleep(11)
        return str(purse.refusal)

    clock = MockClock(autojump_threshold=0)
    assert trio.run(main, 80, clock=clock) == "budget.tokens is used up: 80 tokens of 80 tokens"
    clock = MockClock(autojump_threshold=0)
    assert trio.run(main, 1000, clock=clock) == "budget.time of 1:40 min is used up"
