"""How what a call takes grows with what it is given: a ratio, which is the same on a slow machine."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["fourfold"]

_FLOOR = 0.02
_TRIES = 3


def fourfold(prepare: Callable[[int], Callable[[], object]], size: int) -> float:
    """By what factor the processor time of a call grows when the size does by four.

    It is about 4 where the time is in proportion to the size, and 16 where it is to its square: 9 tells one
    from the other. The least of some tries counts, and times too short to compare are taken for equal.

    Args:
        prepare: makes the call for a size.
        size: the smaller one.
    """
    factors = []
    while len(factors) < _TRIES and (not factors or factors[-1] >= 6):
        small, large = (_seconds(prepare(one)) for one in (size, 4 * size))
        factors.append(large / max(small, _FLOOR))
    return min(factors)


def _seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
