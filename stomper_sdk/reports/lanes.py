"""Spans laid out for a timeline: which worker a file was at, and when it waited."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from stomper_sdk.model.span import WHOLE, Span

__all__ = ["lanes_of", "peak_of", "waits_of"]

#: A shorter gap between two stages is the interpreter's own.
_GAP_SECONDS = 0.005


def lanes_of(spans: Iterable[Span]) -> Mapping[str | None, int]:
    """The lane of each file: the first that is free when it begins, as a bounded set of workers takes it."""
    lanes: dict[str | None, int] = {}
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for span in sorted((span for span in spans if span.stage == WHOLE), key=lambda span: span.since):
        while busy and busy[0][0] <= span.since:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        lanes[span.path] = lane
        heapq.heappush(busy, (span.until, lane))
    return lanes


def peak_of(spans: Iterable[Span]) -> float | None:
    """When for the first time as many files were at work as ever; None where none was."""
    whole = [span for span in spans if span.stage == WHOLE]
    changes = sorted([(span.since, 1) for span in whole] + [(span.until, -1) for span in whole])
    at_work = list(itertools.accumulate(change for _, change in changes))
    return changes[at_work.index(max(at_work))][0] if changes else None


def waits_of(spans: Iterable[Span]) -> Iterator[Span]:
    """The time of a file in which none of its stages was at work: it waited for a lock, or to try again."""
    by_path: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if span.path is not None:
            by_path[span.path].append(span)
    for path, own in by_path.items():
        whole = next((span for span in own if span.stage == WHOLE), None)
        if whole is None:
            continue
        now = whole.since
        for span in sorted((span for span in own if span is not whole), key=lambda span: span.since):
            if span.since - now > _GAP_SECONDS:
                yield Span(path, "waiting", now, span.since)
            now = max(now, span.until)
        if whole.until - now > _GAP_SECONDS:
            yield Span(path, "waiting", now, whole.until)
