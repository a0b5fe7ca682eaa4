"""An experiment in a notebook while it goes on: one display, a line for each variant."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from threading import Event
from typing import Any

from stomper_sdk.laboratory.progress import ExperimentProgress, Tally, Watcher
from stomper_sdk.model.present import counted, one_line, seconds_text, visible

__all__ = ["watched"]

_PERIOD = 1 / 8
_VARIANTS, _NOTICES = 20, 3


@contextmanager
def watched(*, progress: bool) -> Iterator[tuple[Watcher, ...]]:
    """The watcher that draws an experiment below the cell at work; none where there is no notebook."""
    # What draws is imported where a notebook is there to draw in.
    notebook: Any = import_module("stomper_sdk.console.notebook") if "IPython" in sys.modules else None
    if not progress or notebook is None or not notebook.in_kernel():
        yield ()
        return
    board = _Board(notebook.CellDisplay(), notebook.used_text)
    with ThreadPoolExecutor(1, thread_name_prefix="display") as pool:
        painting = pool.submit(board.paint)
        try:
            yield (board.see,)
        finally:
            board.ended.set()
            painting.result()


class _Board:
    """The last that was seen, drawn eight times a second at most: to see costs the experiment nothing."""

    def __init__(self, display: Any, used_text: Any) -> None:
        self.ended = Event()
        self._display, self._used_text = display, used_text
        self._last = ExperimentProgress("looking for what there is to fix"), time.monotonic()

    def see(self, progress: ExperimentProgress) -> None:
        self._last = progress, time.monotonic()

    def paint(self) -> None:
        while not self.ended.wait(_PERIOD):
            progress, seen = self._last
            self._display.draw("\n".join(self._picture(progress, time.monotonic() - seen)))
        self._display.draw(self._summary(self._last[0], 0))

    def _picture(self, progress: ExperimentProgress, since: float) -> Iterator[str]:
        """Everything, so many seconds after it was seen."""
        yield from (f"notice: {one_line(text)}" for text in progress.notices[-_NOTICES:])
        shown = list(progress.variants.items())[:_VARIANTS]
        names = {name: one_line(name, 60) for name, _ in shown}
        width = max(map(len, names.values()), default=0)
        yield from (f"{names[name]:<{width}}  {_tally_text(tally)}" for name, tally in shown)
        if len(progress.variants) > _VARIANTS:
            yield f"and {counted(len(progress.variants) - _VARIANTS, 'more variant')}"
        working = f", {counted(progress.working, 'file')} at work" if progress.working else ""
        yield f"{self._summary(progress, since)}{working}{_to_go(progress, since)}"

    def _summary(self, progress: ExperimentProgress, since: float) -> str:
        done = [f"{progress.done} of {counted(progress.total, 'run')}"] if progress.total else []
        used = self._used_text(progress.spent)
        time_text = seconds_text(progress.seconds + since)
        return "  ".join([visible(progress.stage), *done, *used, time_text])


def _tally_text(tally: Tally) -> str:
    status = f"  {tally.status}" if tally.status != "unfinished" else ""
    found = f"{tally.fixed} of {counted(tally.findings, 'finding')} fixed"
    return f"{tally.runs} of {counted(tally.total, 'run')}  {found}{status}"


def _to_go(progress: ExperimentProgress, since: float) -> str:
    """A guess from the pace so far, once there is one."""
    if not 0 < progress.done < progress.total:
        return ""
    seconds = (progress.seconds + since) / progress.done * (progress.total - progress.done)
    return f", about {seconds_text(seconds)} to go"
