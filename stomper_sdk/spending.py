"""What a run may spend: reserved before an agent is asked, settled when it has answered.

An attempt is begun only if what it may use at most still fits beside what is spent and what all others at
work may use, so that many at once cannot overdraw. What an attempt may use at most is what its agent says;
where agents turned out to use more, as much more; where they do not say, the most that one has used so far.

An agent of which nothing is known yet gets one attempt, alone. After that, where the budget is tight, so
many of its attempts are at work together as have ended, and one more: the slow start of TCP (RFC 5681),
for the same reason. A wrong guess is then found out by few.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Literal

import attrs
import trio

from stomper_sdk.errors import SpentError, StoppedError
from stomper_sdk.journal.records import Spent
from stomper_sdk.model.pipeline import BudgetSpec
from stomper_sdk.model.present import seconds_text
from stomper_sdk.model.price import Spending, Usage, dollars_text

__all__ = ["Booking", "Purse"]

Currency = Literal["tokens", "cost_usd"]
_CURRENCIES: tuple[Currency, ...] = ("tokens", "cost_usd")
#: While no more than this part of what is left is reserved, an error is made good by what comes later.
_AMPLE = 0.25


@attrs.define(eq=False)
class Booking:
    """An attempt that can be paid: what it may use at most and, once it has ended, what it used.

    `free`: its agent uses no model. `lenient`: it costs nothing, and need not tell its tokens. `waited` is
    how many seconds it stood in line.
    """

    path: str
    agent: str
    at_most: Usage = Usage()
    free: bool = False
    lenient: bool = False
    waited: float = attrs.field(default=0.0, init=False)
    told: Usage = attrs.field(default=Usage(), init=False)
    answered: bool = attrs.field(default=False, init=False)

    def settle(self, used: Usage, *, failed: bool = False) -> None:
        """Tell what the attempt used; of one that failed it need not be known."""
        self.told, self.answered = Usage() if self.free else used, not failed


@attrs.define
class _Experience:
    """What an agent's attempts told: how many did, the most of one, the worst excess over what was said."""

    count: int = 0
    largest: float = 0.0
    excess: float = 1.0

    def learn(self, used: float, at_most: float | None) -> None:
        self.count += 1
        self.largest = max(self.largest, used)
        if at_most:
            self.excess = max(self.excess, used / at_most)

    def expect(self, at_most: float | None) -> float | None:
        """What an attempt may use at most; None where nothing is known."""
        if at_most is not None:
            return at_most * self.excess
        return self.largest if self.count else None


@attrs.define
class _File:
    """What was spent on a file, since when, and the most that an attempt of an agent used on it."""

    began: float | None = None
    spent: dict[Currency, float] = attrs.field(factory=lambda: dict.fromkeys(_CURRENCIES, 0.0))
    largest: dict[tuple[str, Currency], float] = attrs.field(factory=dict)


async def _not_kept(_: Spent) -> None:
    pass


@attrs.define(eq=False)
class Purse:
    """A run's money and time. All of it happens in one trio thread.

    Args:
        limits: what the run may take; a purse without limits lets everything through and keeps count.
        clock: seconds since the run, or the part of it that is at work now, began.
        keep: writes down what an attempt spent, so that it outlives the process.
        outer: what this run and others may spend together; every attempt must be paid from both.
        label: how the outer one tells this run's agents from others of the same name.
    """

    limits: BudgetSpec = BudgetSpec()
    clock: Callable[[], float] = trio.current_time
    keep: Callable[[Spent], Awaitable[None]] = _not_kept
    outer: Purse | None = None
    label: str = ""
    spending: Spending = attrs.field(default=Spending(), init=False)
    _spent: dict[Currency, float] = attrs.field(factory=lambda: dict.fromkeys(_CURRENCIES, 0.0), init=False)
    _before: float = attrs.field(default=0.0, init=False)
    _known: dict[tuple[str, Currency], _Experience] = attrs.field(
        factory=lambda: defaultdict(_Experience), init=False
    )
    _silent: set[str] = attrs.field(factory=set, init=False)
    _files: dict[str, _File] = attrs.field(factory=lambda: defaultdict(_File), init=False)
    _at_work: list[Booking] = attrs.field(factory=list, init=False)
    _line: deque[Booking] = attrs.field(factory=deque, init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)
    _shut: StoppedError | None = attrs.field(default=None, init=False)

    def remember(self, past: Iterable[Spent]) -> None:
        """Count what an earlier part of the same run has spent."""
        for record in past:
            booking = Booking(record.path, record.agent, record.at_most, free=record.free)
            booking.settle(record.told, failed=True)
            self._count(booking, {"tokens": record.tokens, "cost_usd": record.cost_usd})
            self._before = max(self._before, record.seconds)

    @property
    def is_limited(self) -> bool:
        """Whether it matters what attempts use."""
        each = self.limits.per_file
        limits = (self.limits.tokens, self.limits.cost_usd, each.tokens, each.cost_usd)
        limited = any(limit is not None for limit in limits)
        return limited or (self.outer is not None and self.outer.is_limited)

    def learn(self, agent: str, used: Usage) -> None:
        """Know what an attempt of another run used; of this one's budget it takes nothing."""
        for currency in _CURRENCIES:
            amount = getattr(used, currency)
            if amount is not None:
                self._known[agent, currency].learn(amount, None)

    @property
    def refusal(self) -> StoppedError | None:
        """Why nothing more is begun in this run, if that is so."""
        if self._shut is None:
            self._shut = self._out_of_time() or self._out_of_money()
        return self._shut or (self.outer.refusal if self.outer else None)

    @asynccontextmanager
    async def reserved(self, booking: Booking) -> AsyncIterator[Booking]:
        """Wait until an attempt can be paid, and hold for it what it may use, until it has ended.

        It must be settled inside; what is not is taken to have used what it was expected to.

        Raises:
            SpentError: its file's own budget does not allow it.
            StoppedError: the run's does not; nothing more is begun in this run.
        """
        async with self._paid_outside(booking):
            await self._admit(booking)
            try:
                yield booking
            finally:
                record = self._settled(booking)
                if record is not None:
                    with trio.CancelScope(shield=True):
                        await self.keep(record)

    @asynccontextmanager
    async def _paid_outside(self, booking: Booking) -> AsyncIterator[None]:
        if self.outer is None:
            yield
            return
        agent = f"{self.label}: {booking.agent}"
        twin = Booking(booking.path, agent, booking.at_most, booking.free, booking.lenient)
        async with self.outer.reserved(twin):
            booking.waited = twin.waited
            try:
                yield
            finally:
                twin.told, twin.answered = booking.told, booking.answered

    async def _admit(self, booking: Booking) -> None:
        """First come, first served: who needs much is not overtaken for ever by those who need little."""
        self._refuse_of_file(booking)
        came = self.clock()
        self._line.append(booking)
        try:
            while not self._has_turn(booking):
                with trio.move_on_after(self._seconds_left()):
                    await self._news.wait()
            self._at_work.append(booking)
        finally:
            self._line.remove(booking)
            self._wake()
        booking.waited += self.clock() - came
        file = self._files[booking.path]
        file.began = self.clock() if file.began is None else file.began

    def _has_turn(self, booking: Booking) -> bool:
        """Whether it can begin; false where that may change when others end.

        Raises:
            StoppedError: it never can.
        """
        if self.refusal is not None:
            raise copy.copy(self.refusal)
        if booking.free:
            return True
        if self._line[0] is not booking:
            return False
        fits = [self._fits(booking, currency) for currency in self._limited()]
        if self._shut is not None:
            raise copy.copy(self._shut)
        return all(fits)

    def _limited(self) -> Iterable[Currency]:
        return (currency for currency in _CURRENCIES if getattr(self.limits, currency) is not None)

    def _fits(self, booking: Booking, currency: Currency) -> bool:
        left = getattr(self.limits, currency) - self._spent[currency]
        expected = self._expected(booking, currency)
        if (left <= 0 and expected is None) or (expected is not None and expected > left):
            self._shut = self._too_much(booking, currency, expected, left)
            return False
        others = [one for one in self._at_work if not one.free]
        amounts = [expected, *(self._expected(one, currency) for one in others)]
        known = [amount for amount in amounts if amount is not None]
        if len(known) < len(amounts):
            return not others  # nobody knows what it will use: alone, or not now
        beside = sum(one.agent == booking.agent for one in others)
        proven = beside <= self._known[booking.agent, currency].count or sum(known) <= left * _AMPLE
        return proven and bool(2 * sum(known) - min(known) <= left)

    def _expected(self, booking: Booking, currency: Currency) -> float | None:
        if booking.agent in self._silent:
            return 0.0
        return self._known[booking.agent, currency].expect(getattr(booking.at_most, currency))

    def _settled(self, booking: Booking) -> Spent | None:
        """Count what an attempt has used; what is to be kept of it."""
        self._at_work.remove(booking)
        counted = {}
        for currency in _CURRENCIES:
            told, expected = getattr(booking.told, currency), self._expected(booking, currency)
            if told is None and expected is None and booking.answered and not booking.free:
                self._not_told(booking, currency)
            counted[currency] = told if told is not None else 0.0 if booking.free else expected or 0.0
        self._count(booking, counted)
        self._wake()
        if booking.told == Usage() and not any(counted.values()) and self.limits.time is None:
            return None
        amounts = counted["tokens"], counted["cost_usd"]
        told, free = booking.told, booking.free
        return Spent(booking.path, booking.agent, booking.at_most, told, *amounts, self._elapsed(), free)

    def _count(self, booking: Booking, counted: dict[Currency, float]) -> None:
        if not booking.free:
            self.spending = self.spending.plus(booking.told)
        for currency, amount in counted.items():
            told = getattr(booking.told, currency)
            if told is not None:
                self._known[booking.agent, currency].learn(told, getattr(booking.at_most, currency))
            self._spent[currency] += amount
            file, key = self._files[booking.path], (booking.agent, currency)
            file.spent[currency] += amount
            file.largest[key] = max(file.largest.get(key, 0.0), amount)

    def _not_told(self, booking: Booking, currency: Currency) -> None:
        """An agent that has done its work and does not tell what it used cannot be held by a limit."""
        keys = [f"budget.{currency}", f"budget.per_file.{currency}"]
        limits = (getattr(self.limits, currency), getattr(self.limits.per_file, currency))
        key = next((key for key, limit in zip(keys, limits, strict=True) if limit is not None), "")
        if booking.lenient:
            self._silent.add(booking.agent)
        elif key:
            what = "how many tokens it uses" if currency == "tokens" else "what it costs"
            name = booking.agent.rpartition(": ")[2]
            hint = f"Leave {key} out, or say agents.{name}.price: 0 if it uses no model."
            text = f"agent {booking.agent} does not tell {what}, so {key} cannot be kept"
            self._shut = self._shut or StoppedError(text, hint)

    def _refuse_of_file(self, booking: Booking) -> None:
        limits, file = self.limits.per_file, self._files[booking.path]
        if limits.time is not None and file.began is not None and self.clock() - file.began >= limits.time:
            raise SpentError(f"budget.per_file.time of {seconds_text(limits.time)} is used up")
        for currency in _CURRENCIES if not booking.free else ():
            limit: float | None = getattr(limits, currency)
            if limit is None:
                continue
            said = getattr(booking.at_most, currency)
            expected = file.largest.get((booking.agent, currency)) if said is None else said
            left = limit - file.spent[currency]
            if left <= 0 or (expected or 0) > left:
                raise SpentError(
                    _why(f"budget.per_file.{currency}", booking, currency, expected, left, limit)
                )

    def _too_much(
        self, booking: Booking, currency: Currency, expected: float | None, left: float
    ) -> StoppedError:
        key, limit = f"budget.{currency}", getattr(self.limits, currency)
        return StoppedError(_why(key, booking, currency, expected, left, limit), key=key)

    def _out_of_time(self) -> StoppedError | None:
        if self._seconds_left() > 0:
            return None
        text = f"budget.time of {seconds_text(self.limits.time or 0)} is used up"
        return StoppedError(text, key="budget.time")

    def _out_of_money(self) -> StoppedError | None:
        for currency in self._limited():
            limit, spent = getattr(self.limits, currency), self._spent[currency]
            if spent > 0 and spent >= limit:
                text = f"budget.{currency} is used up: {_shown(spent, currency)} of {_shown(limit, currency)}"
                return StoppedError(text, key=f"budget.{currency}")
        return None

    def _elapsed(self) -> float:
        return self._before + self.clock()

    def _seconds_left(self) -> float:
        return math.inf if self.limits.time is None else self.limits.time - self._elapsed()

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()


def _why(
    key: str, booking: Booking, currency: Currency, expected: float | None, left: float, limit: float
) -> str:
    if left <= 0:
        return f"{key} of {_shown(limit, currency)} is used up"
    may = f"an attempt of {booking.agent} may use {_shown(expected or 0, currency, math.ceil)}"
    return f"{may}, and {key} has {_shown(left, currency, math.floor)} left"


def _shown(amount: float, currency: Currency, rounded: Callable[[float], int] = round) -> str:
    """An amount for people; what does not fit is rounded away from what there is, so that it shows."""
    if currency == "tokens":
        return f"{rounded(amount):,} tokens"
    unit = 10_000 if amount < 1 else 100
    return dollars_text(rounded(round(amount * unit, 6)) / unit)
