"""The timeline of a run in letters: a line for each worker, a letter for each stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import attrs

from stomper_sdk.model.present import visible
from stomper_sdk.model.span import WHOLE, Span
from stomper_sdk.reports.lanes import lanes_of, waits_of

__all__ = ["WAITING", "Lettered", "lettered"]

WAITING = "waiting"
_SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@attrs.frozen
class Lettered:
    """Lanes of equal length, each place a letter or a blank, and what the letters mean, in order."""

    lanes: tuple[str, ...]
    letters: Mapping[str, str]
    seconds: float


def lettered(spans: Sequence[Span], columns: int) -> Lettered:
    """Each place stands for a part of the run's time, and has the letter of the stage that took most of it.

    Args:
        spans: when which stage was at work.
        columns: how many places a lane has.
    """
    lanes = lanes_of(spans)
    waits = (attrs.evolve(span, stage=WAITING) for span in waits_of(spans))
    own = sorted((span for span in spans if span.path in lanes), key=lambda span: span.since)
    bars = [*(span for span in own if span.stage != WHOLE), *waits]
    seconds = max((span.until for span in spans), default=0.0)
    letters = _letters(span.stage for span in bars)
    shares: dict[tuple[int, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for span in bars:
        for column, share in _columns(span, seconds, columns):
            shares[lanes[span.path], column][letters[span.stage]] += share
    count = max(lanes.values(), default=-1) + 1
    return Lettered(
        tuple("".join(_most(shares.get((lane, n))) for n in range(columns)) for lane in range(count)),
        letters,
        seconds,
    )


def _letters(stages: Iterable[str]) -> Mapping[str, str]:
    """For each stage a letter of its own, of its name where one is left."""
    letters: dict[str, str] = {WAITING: "."}
    for stage in stages:
        if stage not in letters:
            found = (char for char in (*visible(stage).lower(), *_SPARE) if char.isalnum())
            letters[stage] = next((char for char in found if char not in letters.values()), "?")
    return {**{stage: letters[stage] for stage in letters if stage != WAITING}, WAITING: "."}


def _columns(span: Span, seconds: float, columns: int) -> Iterable[tuple[int, float]]:
    """The places that a span has a part in, with that part in places."""
    since, until = (time / seconds * columns if seconds else 0.0 for time in (span.since, span.until))
    for column in range(max(int(since), 0), min(int(until) + 1, columns)):
        if (share := min(until, column + 1) - max(since, column)) > 0:
            yield column, share


def _most(shares: Mapping[str, float] | None) -> str:
    return max(shares, key=lambda letter: shares[letter]) if shares else " "
