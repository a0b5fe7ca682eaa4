"""The timeline of a run as SVG: a lane for each worker, a colour for each stage, and the same in words."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from stomper_sdk.look.fragments import Html, Number, line, name, table
from stomper_sdk.model.present import counted, seconds_text
from stomper_sdk.model.result import RunResult
from stomper_sdk.model.span import WHOLE, Span
from stomper_sdk.reports.lanes import lanes_of, peak_of, waits_of

__all__ = ["ticks", "timeline"]

# Units of the drawing, each a pixel at its natural size.
_LEFT, _WIDTH, _LANE, _GAP, _TOP = 64, 1080, 14, 4, 18
_COLORS = 10
_TICKS = 10
_UNITS = ((1, "s", 120), (60, "min", 7200), (3600, "h", math.inf))
_HEADER = ("stage", "times", "in all", "mean", "longest")


def timeline(result: RunResult) -> str:
    """The drawing and, below it, each stage in a table; empty where the run kept no times."""
    spans = result.spans
    if not spans:
        return ""
    # Those of files first: their colours must differ, and the run's own stand in a lane of their own.
    ordered = sorted(spans, key=lambda span: (span.path is None, span.since))
    stages = list(dict.fromkeys(span.stage for span in ordered if span.stage != WHOLE))
    waits = list(waits_of(spans))
    told = defaultdict(list)
    for span in (*spans, *waits):
        told[span.stage].append(span.until - span.since)
    rows = [_row(f"s{n % _COLORS}", stage, told[stage]) for n, stage in enumerate(stages)]
    rows += [_row("wait", "waiting", told["waiting"])] if waits else []
    at_once = f"At most {counted(result.peak_parallel_files, 'file')} at work at once"
    peak = peak_of(spans)
    when = f", for the first time after {seconds_text(peak)}" if peak is not None else ""
    note = (
        "A lane is a worker. A thin line is a file that waits: for another to leave the repository, "
        "or to be tried again."
    )
    timed = {span.path for span in spans}
    before = sum(bool(file.attempts) and file.path not in timed for file in result.files)
    if before:
        note += f" {counted(before, 'file')} ended before the run was resumed: no times of them are known."
    return f"<p>{at_once}{when}. {note}</p>{_drawing(result, stages, waits, peak)}{table(_HEADER, rows)}"


def _row(color: str, stage: str, seconds: Sequence[float]) -> Sequence[object]:
    key = f'<svg class="key" viewBox="0 0 26 12" aria-hidden="true"><path class="{color}" d="M0 6h26"/></svg>'
    total = sum(seconds)
    times = (total, total / len(seconds), max(seconds))
    return (Html(f"{key}{line(stage)}"), len(seconds), *(Number(_time_text(time)) for time in times))


def _time_text(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else seconds_text(seconds)


def _drawing(result: RunResult, stages: Sequence[str], waits: Sequence[Span], peak: float | None) -> str:
    lanes = {path: lane + 1 for path, lane in lanes_of(result.spans).items()}  # the first is the run's own
    end = max(*(span.until for span in result.spans), 0.001)
    scale = (_WIDTH - _LEFT) / end
    count = max(lanes.values(), default=0) + 1
    height = _TOP + count * (_LANE + _GAP) + 20
    parts = [
        *_grid(end, scale, count, height),
        *_bars(result.spans, stages, lanes, scale),
        _path("wait", waits, lanes, scale),
        *_ways(result, lanes, scale),
    ]
    if peak is not None:
        x = _LEFT + peak * scale
        parts.append(f'<line class="peak" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{height - 20}"/>')
        anchor = "end" if x > _WIDTH / 2 else "start"
        parts.append(f'<text x="{x:.1f}" y="11" text-anchor="{anchor}">peak</text>')
    return (
        f'<svg role="img" aria-label="Timeline of {counted(count - 1, "worker")}, told by the table, too" '
        f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">{"".join(parts)}</svg>'
    )


def _grid(end: float, scale: float, count: int, height: float) -> Iterator[str]:
    for lane in range(count):
        who = f"worker {lane}" if lane else "run"
        yield f'<rect class="lane" x="{_LEFT}" y="{_y(lane):g}" width="{_WIDTH - _LEFT}" height="{_LANE}"/>'
        yield f'<text x="0" y="{_y(lane) + 11:g}">{who}</text>'
    unit, word = next((unit, word) for unit, word, most in _UNITS if end < most)
    for amount in ticks(end / unit):
        x = _LEFT + amount * unit * scale
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - 18}"/>'
        anchor = "end" if x > _WIDTH - 40 else "middle" if amount else "start"
        yield f'<text x="{x:.1f}" y="{height - 4:g}" text-anchor="{anchor}">{amount:g} {word}</text>'


def ticks(end: float) -> Iterator[float]:
    """Round numbers from 0 to the end, about ten of them."""
    steps = (digit * 10.0**power for power in itertools.count(-6) for digit in (1, 2, 5))
    step = next(step for step in steps if end / step <= _TICKS)
    return (round(n * step, 6) for n in range(int(end / step) + 1))


def _bars(
    spans: Sequence[Span], stages: Sequence[str], lanes: Mapping[str | None, int], scale: float
) -> Iterator[str]:
    by_stage = defaultdict(list)
    for span in spans:
        by_stage[span.stage].append(span)
    return (_path(f"s{n % _COLORS}", by_stage[stage], lanes, scale) for n, stage in enumerate(stages))


def _path(kind: str, spans: Sequence[Span], lanes: Mapping[str | None, int], scale: float) -> str:
    """All bars of one kind as one path; those that would be drawn over each other are drawn once."""
    bars = dict.fromkeys(
        f"M{_LEFT + span.since * scale:.1f} {_y(lanes.get(span.path, 0)) + _LANE / 2:g}"
        f"h{max((span.until - span.since) * scale, 0.5):.1f}"
        for span in spans
        if span.path is None or span.path in lanes
    )
    return f'<path class="{kind}" d="{"".join(bars)}"/>' if bars else ""


def _ways(result: RunResult, lanes: Mapping[str | None, int], scale: float) -> Iterator[str]:
    """What says, where a pointer rests on it, which file that is."""
    outcomes = {file.path: file.outcome for file in result.files}
    for span in result.spans:
        width = (span.until - span.since) * scale
        if span.stage == WHOLE and span.path is not None and width >= 1:
            title = (
                f"{name(span.path)}: {outcomes.get(span.path, '')}, {seconds_text(span.until - span.since)}"
            )
            yield (
                f'<rect class="way" x="{_LEFT + span.since * scale:.1f}" y="{_y(lanes[span.path]):g}" '
                f'width="{width:.1f}" height="{_LANE}"><title>{title}</title></rect>'
            )


def _y(lane: int) -> float:
    return _TOP + lane * (_LANE + _GAP)
