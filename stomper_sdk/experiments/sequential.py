"""Stopping an experiment as soon as its answer is clear, and still being wrong as seldom as was promised.

Looking often and stopping at the first small p-value finds a difference where there is none. Here the
permitted chance of that is spent look by look (Lan and DeMets, Biometrika 70, 1983), in proportion to the
square of the part of the sample that was seen (Kim and DeMets, Biometrika 74, 1987). What a look may spend is
turned into a limit by the exact distribution of sign flips by file, of all that would not have stopped before
(Mehta, Patel, Senchaudhuri and Tsiatis, Exact Permutational Group Sequential Tests, Biometrics 50, 1994): it
holds for few files as for many, and however their findings hang together.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments.comparing import SIGN_FLIP, Comparison, amount
from stomper_sdk.experiments.flips import PER_FINDING, Array, beyond, flipped, in_units, refined, start
from stomper_sdk.experiments.libraries import needed
from stomper_sdk.experiments.spread import standard_error, with_imagined
from stomper_sdk.experiments.trial import FilePair, Interval, Trial, fraction, pair
from stomper_sdk.model.present import counted, visible

__all__ = ["Decision", "Sequential"]


@attrs.frozen
class Decision:
    """What is known after a look.

    `stop` says that no more is to be tried: a difference was found, or the sample is used up. `interval`
    holds at all looks together (a repeated confidence interval: Jennison and Turnbull, JRSS B 51, 1989).
    `p_value` is that of the stage-wise ordering (Tsiatis, Rosner and Mehta, Biometrics 40, 1984); None before
    the stop. `spent` is the part of the level that is used up.
    """

    a: str
    b: str
    stop: bool
    different: bool
    difference: float
    interval: Interval
    p_value: float | None
    look: int
    n: int
    n_files: int
    spent: float

    @property
    def text(self) -> str:
        """In a sentence."""
        names = f"{visible(self.a)} and {visible(self.b)}"
        low, high = (amount(it, "fixed") for it in (self.interval.low, self.interval.high))
        seen = f"look {self.look}, {counted(self.n, 'finding')} in {counted(self.n_files, 'file')}"
        if not self.stop:
            return f"Not clear yet between {names}: {low} to {high} ({seen})."
        if not self.different:
            return f"No difference seen between {names}: {low} to {high} (p = {self.p_value:.3g}; {seen})."
        more = "more" if self.difference > 0 else "fewer"
        told = amount(abs(self.difference), "fixed", signed=False)
        return (
            f"{visible(self.a)} fixes {told} {more} than {visible(self.b)}: {low} to {high} "
            f"(p = {self.p_value:.3g}; {seen})."
        )

    def __str__(self) -> str:
        return self.text

    @property
    def turned(self) -> Decision:
        """The same with the names swapped."""
        interval = Interval(-self.interval.high, -self.interval.low)
        return attrs.evolve(self, a=self.b, b=self.a, difference=-self.difference, interval=interval)

    def told(self, at_the_end: Comparison, alpha: float, family: int) -> Comparison:
        """The comparison as it holds for one that was looked at: a test that does not know of the looks
        would find too much.

        Args:
            at_the_end: the same pair, compared as if nobody had looked.
            alpha: the level of all pairs together.
            family: how many pairs there are.
        """
        p_value = 1.0 if self.p_value is None else self.p_value
        return attrs.evolve(
            at_the_end,
            difference=self.difference,
            interval=self.interval,
            p_value=p_value,
            adjusted=min(p_value * family, 1.0),
            method=f"{SIGN_FLIP}, {counted(self.look, 'look')}",
            n=self.n,
            n_files=self.n_files,
            alpha=alpha,
            family=family,
            clear=self.stop,
            said=self.text,
        )


@attrs.define
class Sequential:
    """An experiment of two variants that is looked at while it goes on.

    `a` and `b` are their names. `findings` is how many it takes if it is never stopped, as `size` tells;
    `alpha` is how often two equal variants may be told apart, over all looks (of several pairs, the level
    divided by their number). After each batch `update` says whether to go on; ten batches are enough.
    """

    a: str
    b: str
    findings: int
    alpha: float = 0.05
    decision: Decision | None = attrs.field(default=None, init=False)
    _files: dict[str, FilePair] = attrs.field(factory=dict, init=False, repr=False)
    # The chance of each sum of differences, of what would not have stopped before; and the units of the sums,
    # the greatest that all differences are whole numbers of.
    _mass: Array = attrs.field(factory=start, init=False, repr=False)
    _unit: int = attrs.field(default=0, init=False, repr=False)
    _spent: float = attrs.field(default=0.0, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        fraction("alpha", self.alpha)
        if self.findings < 1:
            raise UsageError(f"findings is {self.findings}: it must be 1 or more")
        if self.a == self.b:
            raise UsageError(f"{visible(self.a)} cannot be compared with itself")

    def update(self, batch: Iterable[Trial]) -> Decision:
        """Look at what has come, and decide.

        Args:
            batch: trials of both variants: all findings and repeats of files that did not come before. Those
                that only one variant had are left out.

        Raises:
            UsageError: it is decided already; or a file comes again, or a variant that is not one of the two.
        """
        if self.decision is not None and self.decision.stop:
            raise UsageError("the experiment has stopped: a later look would spoil its answer")
        new = self._new_files(list(batch))
        self._files |= {it.file: it for it in new}
        mass = self._after(_units(new))
        score = abs(sum(_units(self._files.values()))) // (self._unit or 1)
        seen = sum(it.count for it in self._files.values())
        permitted = self.alpha * min(seen / self.findings, 1.0) ** 2 - self._spent
        limit = _limit(mass, permitted)
        crossed = limit is not None and score >= limit
        p_value = min(self._spent + beyond(mass, score), 1.0)
        if limit is not None:
            self._spent += beyond(mass, limit)
            middle = len(mass) // 2
            mass[middle + limit :] = 0.0
            mass[: middle - limit + 1] = 0.0
        self._mass = mass
        self.decision = self._decided(crossed, p_value, self._interval(limit, permitted))
        return self.decision

    def _new_files(self, batch: Sequence[Trial]) -> Sequence[FilePair]:
        wrong = sorted({it.variant for it in batch} - {self.a, self.b})
        if wrong:
            text = f"{visible(wrong[0])} is neither {visible(self.a)} nor {visible(self.b)}"
            raise UsageError(text)
        again = sorted({it.file for it in batch} & set(self._files))
        if again:
            text = f"{visible(again[0])} has come in an earlier batch"
            raise UsageError(text, "Give all findings and repeats of a file in one batch.")
        first, second = ([it for it in batch if it.variant == name] for name in (self.a, self.b))
        return pair(first, second, "fixed")

    def _after(self, sizes: Sequence[int]) -> Array:
        unit = math.gcd(self._unit, *sizes)
        mass = refined(self._mass, self._unit // unit) if 0 < unit < self._unit else self._mass
        self._unit = unit
        return flipped(mass, [size // unit for size in sizes if size])

    def _decided(self, crossed: bool, p_value: float, interval: Interval) -> Decision:
        seen = sum(it.count for it in self._files.values())
        stop = crossed or seen >= self.findings
        return Decision(
            self.a,
            self.b,
            stop=stop,
            different=crossed,
            difference=_mean(self._files.values()),
            interval=interval,
            p_value=p_value if stop else None,
            look=1 if self.decision is None else self.decision.look + 1,
            n=seen,
            n_files=len(self._files),
            spent=self._spent,
        )

    def _interval(self, limit: int | None, permitted: float) -> Interval:
        """As far to each side as the look's limit is from 0, which it leaves out where the limit is passed.

        Where the variants seldom differ, two imagined files keep it from being too short; at the end there
        may be so few differences that no limit is known: then the normal distribution's stands for it.
        """
        files = list(self._files.values())
        seen = sum(it.count for it in files)
        last = seen >= self.findings and len(files) > 1
        spread = math.sqrt(math.fsum(it.difference**2 for it in files)) * PER_FINDING
        if limit is not None:
            errors, reach = limit * self._unit / spread, limit * self._unit / PER_FINDING / seen
        elif last:
            errors, reach = float(needed("scipy.stats").norm.isf(permitted / 2)), 0.0
        else:
            return Interval(-1.0, 1.0)
        reach = max(reach, errors * standard_error(with_imagined(files)))
        mean = _mean(files)
        return Interval(max(mean - reach, -1.0), min(mean + reach, 1.0))


def _mean(files: Collection[FilePair]) -> float:
    count = sum(it.count for it in files)
    return math.fsum(it.difference for it in files) / count if count else 0.0


def _units(files: Iterable[FilePair]) -> Sequence[int]:
    return in_units([it.difference for it in files], counted=True)


def _limit(mass: Array, permitted: float) -> int | None:
    """The nearest sum to 0 beyond which lies no more than what is permitted; None where nothing does."""
    middle = len(mass) // 2
    both = mass[middle + 1 :] + mass[:middle][::-1]
    tails = both[::-1].cumsum()[::-1]
    few = (tails <= permitted) & (tails > 0)
    return int(few.argmax()) + 1 if few.any() else None
