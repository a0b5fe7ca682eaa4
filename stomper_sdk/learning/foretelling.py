"""From past attempts to what the files of a plan are going to take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from stomper_sdk.learning.lesson import Lesson
from stomper_sdk.model.forecast import Forecast, Span

__all__ = ["FEWEST", "foretell"]

#: Of fewer files nothing is foretold: their scatter is not known.
FEWEST = 5
#: So many standard deviations to each side hold nine in ten.
_NINE_IN_TEN = 1.645


@attrs.frozen
class _Moments:
    """Mean and variance of one file."""

    mean: float
    variance: float

    def of_files(self, count: int, seen: int) -> Span:
        """The sum of so many new files, after so many were seen: what is unsure of the mean adds up.

        The usual prediction interval (Hahn and Meeker, Statistical Intervals, chapter 4), with the normal
        distribution's quantile.
        """
        spread = _NINE_IN_TEN * math.sqrt(self.variance * count * (1 + count / seen))
        return Span(max(count * self.mean - spread, 0.0), count * self.mean + spread)


def foretell(
    lessons: Iterable[Lesson],
    kinds: Mapping[str, str],
    free: Collection[str],
    files: int,
    max_attempts: int,
    parallel: int,
) -> Forecast | None:
    """What some files are going to take, None where too little was learned.

    Args:
        lessons: past attempts.
        kinds: the `use` of each agent of the cascade, by its name, in order.
        free: the names of those that use no model, and so no tokens.
        files: how many there are to fix.
        max_attempts: how often one may be tried.
        parallel: how many are at work at a time.
    """
    past = [it for it in lessons if kinds.get(it.agent) == it.kind and it.is_telling]
    # Who failed and handed over shares its number with the one that came after it.
    last = list(kinds)[-1] if kinds else ""
    told = [it for it in past if it.outcome != "agent_error" or it.agent == last]
    counts = Counter(it.number for it in told)
    seen = counts[1]
    if seen < FEWEST or not files:
        return None
    attempts = _attempts_of_a_file(counts, len(past) / len(told))
    made = attempts.of_files(files, seen)
    seconds = _compound(attempts, [it.seconds for it in past]).of_files(files, seen)
    at_once = min(parallel, files)
    asked = [it for it in past if it.agent not in free]
    share = len(asked) / len(past)
    return Forecast(
        learned=len(past),
        files=seen,
        attempts=Span(max(made.low, files), min(made.high, files * max(max_attempts, 1))),
        seconds=Span(seconds.low / at_once, seconds.high / at_once),
        tokens=_of_what_is_told([it.tokens for it in asked], share, attempts, files, seen),
        cost_usd=_of_what_is_told([it.cost_usd for it in asked], share, attempts, files, seen),
    )


def _attempts_of_a_file(counts: Mapping[int, int], each: float) -> _Moments:
    """From how many files came to a first, a second, a third attempt; `each` is how many agents one asked."""
    came = [min(counts[number] / counts[1], 1.0) for number in range(1, max(counts) + 1)]
    mean = sum(came)
    square = sum((2 * place + 1) * share for place, share in enumerate(came))
    return _Moments(mean * each, (square - mean**2) * each**2)


def _compound(attempts: _Moments, values: Sequence[float]) -> _Moments:
    """A sum of so many values of that kind (Wald's and Blackwell and Girshick's equations)."""
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    return _Moments(attempts.mean * mean, attempts.mean * variance + attempts.variance * mean**2)


def _of_what_is_told(
    values: Iterable[float | None], share: float, attempts: _Moments, files: int, seen: int
) -> Span | None:
    """The same of amounts that not every attempt told; `share` is the part of attempts that could."""
    told = [value for value in values if value is not None]
    if not told:
        return None
    part = _Moments(attempts.mean * share, attempts.mean * share * (1 - share) + attempts.variance * share**2)
    return _compound(part, told).of_files(files, seen)
