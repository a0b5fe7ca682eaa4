"""The live picture of a run: one line for each file at work, and a bar. Plain text, fitted to a width."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from stomper_sdk.model.present import counted, visible
from stomper_sdk.progress import Progress, Work

__all__ = ["draw"]

_WIDE = 60
_BAR = 24


def draw(progress: Progress, now: float, width: int, height: int, marks: str = "━╌…") -> str:
    """The picture as text.

    Args:
        progress: where the run stands.
        now: seconds since the run began.
        width: columns of the terminal.
        height: its lines; what has no room is counted.
        marks: the bar's done and open parts, and what stands for text cut away.
    """
    works = sorted(progress.working.values(), key=lambda work: work.since)
    footer = _footer(progress, now, width, marks)
    room = max(height - len(footer) - 2, 1)
    lines = [_work_line(work, now, width, marks[2]) for work in works[:room]]
    if len(works) > room:
        lines.append(f"and {len(works) - room} more at work")
    if not works and progress.stage:
        lines.append(_fit(f"{visible(progress.stage)}  {_clock(now - progress.since)}", width, marks[2]))
    return "\n".join([*lines, *footer])


def _work_line(work: Work, now: float, width: int, gap: str) -> str:
    seconds = _clock(now - work.since)
    stage = visible(work.stage)
    if width >= _WIDE:
        attempt = f"attempt {work.attempt}" if work.attempt else ""
        right = f"  {stage:<16}  {attempt:<10}  {seconds:>5}"
    else:
        attempt = f"#{work.attempt}" if work.attempt else ""
        room = min(max(width - 20, 0), 15)
        right = f" {stage[:room]:<{room}} {attempt:<2} {seconds:>5}"
    return _fit(visible(work.path), width - len(right) - 1, gap) + right


def _footer(progress: Progress, now: float, width: int, marks: str) -> list[str]:
    if not progress.total:
        return []
    parts = [
        f"{progress.done}/{counted(progress.total, 'file')}",
        f"{progress.fixed} fixed, {progress.left} left",
        _clock(now) + _to_go(progress, now),
    ]
    lines = list(_packed(parts, width - 1))
    room = min(width - 3 - len(lines[0]), _BAR)
    return [f"{_bar(progress, room, marks)}  {lines[0]}", *lines[1:]] if room >= 6 else lines


def _bar(progress: Progress, width: int, marks: str) -> str:
    done = width * progress.done // progress.total
    return marks[0] * done + marks[1] * (width - done)


def _to_go(progress: Progress, now: float) -> str:
    """A guess from the pace so far, once there is one."""
    seconds = progress.to_go(now)
    return "" if seconds is None else f", about {_clock(seconds)} to go"


def _packed(parts: Iterable[str], width: int) -> Iterable[str]:
    line = ""
    for part in parts:
        joined = f"{line}  {part}" if line else part
        if line and len(joined) > width:
            yield line
            line = part
        else:
            line = joined
    yield line


def _fit(text: str, width: int, gap: str) -> str:
    """The text in so many cells; the end of a path says more than its start."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    tail = text
    while tail and cell_len(tail) > width - len(gap):
        tail = tail[1:]
    return set_cell_size(gap + tail, max(width, 0))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(int(seconds), 0), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
