"""An experiment while it goes on: a line for each variant, and where all of it stands.

To see costs the experiment nothing: what it tells is kept, and a thread of the board's own draws the last of
it, at most eight times a second.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from rich.cells import cell_len, set_cell_size

from stomper_sdk.console.notebook import CellDisplay, in_kernel, used_text
from stomper_sdk.console.screen import live_picture, rich_console
from stomper_sdk.console.stream import Stream
from stomper_sdk.laboratory.progress import ExperimentProgress, Tally, Watcher
from stomper_sdk.model.present import counted, one_line, seconds_text, visible

__all__ = ["Board", "LinesEasel", "LiveEasel", "picture", "summary", "watched"]

_PERIOD = 1 / 8
_NAME, _NOTICES = 60, 3


class Easel(AbstractContextManager[Any], Protocol):
    """What a board stands on: a terminal, a notebook's cell; left when the experiment has ended."""

    def show(self, progress: ExperimentProgress, since: float) -> None:
        """Draw what was seen so many seconds ago."""

    def say(self, line: str) -> None:
        """Show a line that stays."""


@contextmanager
def watched() -> Iterator[tuple[Watcher, ...]]:
    """What draws an experiment below the cell that is at work; nothing where there is no notebook."""
    if not in_kernel():
        yield ()
        return
    easel = CellEasel()
    with Board(lambda: easel) as board:
        yield (board.see,)


class Board(AbstractContextManager["Board"]):
    """A context manager; `see` is the experiment's watcher, `stopping` answers the first interrupt."""

    def __init__(self, easel: Callable[[], Easel]) -> None:
        self._easel = easel
        self._last = ExperimentProgress("getting ready"), time.monotonic()
        self._ended = threading.Event()
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="display")
        self._painting: Future[None] | None = None

    def see(self, progress: ExperimentProgress) -> None:
        self._last = progress, time.monotonic()

    def stopping(self) -> None:
        """May be called in a signal handler."""
        working = self._last[0].working
        doing = f"finishing {counted(working, 'file')} at work" if working else "stopping"
        self._said.put(f"{doing}; press Ctrl-C again to cancel")

    def __enter__(self) -> Board:
        self._painting = self._pool.submit(self._paint)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._pool.shutdown()
        if self._painting is not None:
            self._painting.result()

    def _paint(self) -> None:
        with self._easel() as easel:
            going = True
            while going:
                going = not self._ended.wait(_PERIOD)
                while not self._said.empty():
                    easel.say(self._said.get())
                progress, seen = self._last
                easel.show(progress, time.monotonic() - seen if going else 0.0)


class LiveEasel(AbstractContextManager["LiveEasel"]):
    """A picture in a terminal; it is gone when the experiment ends. It is drawn anew only when it changed."""

    def __init__(self, stream: Stream) -> None:
        self._console = rich_console(stream)
        self._encoding = stream.encoding
        self._live = live_picture(self._console)
        self._shown = ""

    def __enter__(self) -> LiveEasel:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        self._console.print(line)

    def show(self, progress: ExperimentProgress, since: float) -> None:
        from rich.text import Text

        size = self._console.width - 1, self._console.height - 1
        drawn = picture(progress, since, *size, self._encoding)
        if drawn != self._shown:
            self._shown = drawn
            self._live.update(Text(drawn, no_wrap=True), refresh=True)


class CellEasel(AbstractContextManager["CellEasel"]):
    """One display in a notebook; it stays as one line when the experiment has ended."""

    def __init__(self) -> None:
        self._display = CellDisplay()
        self._last = ExperimentProgress()

    def __exit__(self, *_: object) -> None:
        self._display.draw(summary(self._last))

    def say(self, line: str) -> None:
        """Nobody presses Ctrl-C twice in a notebook."""

    def show(self, progress: ExperimentProgress, since: float) -> None:
        self._last = progress
        self._display.draw(picture(progress, since))


class LinesEasel(AbstractContextManager["LinesEasel"]):
    """Lines that stay: one whenever a run of a variant has ended, or a variant can be tried no further.

    `progress` says whether these are shown.
    """

    def __init__(self, stream: Stream, *, progress: bool = True) -> None:
        self._stream = stream
        self._progress = progress
        self._told: dict[str, tuple[int, str]] = {}

    def __exit__(self, *_: object) -> None:
        """Lines stay as they are."""

    def say(self, line: str) -> None:
        self._stream.write(f"{line}\n")

    def show(self, progress: ExperimentProgress, since: float) -> None:
        for name, tally in progress.variants.items() if self._progress else ():
            stands = tally.runs, tally.status
            if stands != self._told.get(name, (0, "unfinished")):
                self._told[name] = stands
                self._stream.write(f"{one_line(name, _NAME)}  {_tally_text(tally)}\n")


def picture(
    progress: ExperimentProgress,
    since: float,
    width: int = 100,
    height: int = 24,
    encoding: str = "utf-8",
) -> str:
    """All of it as text.

    Args:
        progress: where the experiment stands.
        since: how many seconds ago it was so.
        width: columns; what is longer is cut.
        height: lines; variants that have no room are counted.
        encoding: of the terminal; what it has no bytes for is escaped, before it is fitted in.
    """
    above = [_escaped(f"notice: {one_line(text)}", encoding) for text in progress.notices[-_NOTICES:]]
    below = [_footer(progress, since)]
    gap = "…" if encoding.lower().startswith("utf") else "~"
    lines = [*above, *_variants(progress, width, height - len(above) - len(below), encoding, gap), *below]
    return "\n".join(_cut(line, width, gap) for line in lines)


def summary(progress: ExperimentProgress, since: float = 0.0) -> str:
    """All of it in a line."""
    done = [f"{progress.done} of {counted(progress.total, 'run')}"] if progress.total else []
    time_text = seconds_text(progress.seconds + since)
    return "  ".join([visible(progress.stage), *done, *used_text(progress.spent), time_text])


def _footer(progress: ExperimentProgress, since: float) -> str:
    working = f"  {counted(progress.working, 'file')} at work" if progress.working else ""
    to_go = progress.to_go(since)
    about = "" if to_go is None else f"  about {seconds_text(to_go)} to go"
    return f"{summary(progress, since)}{working}{about}"


def _variants(progress: ExperimentProgress, width: int, room: int, encoding: str, gap: str) -> Iterator[str]:
    shown = list(progress.variants.items())
    if len(shown) > max(room, 1):
        shown = shown[: max(room - 1, 1)]
    told = [(_escaped(one_line(name, 200), encoding), _tally_text(tally)) for name, tally in shown]
    widest = max((cell_len(text) for _, text in told), default=0)
    names = max((cell_len(name) for name, _ in told), default=0)
    names = max(min(names, width - widest - 2), 8)
    for name, text in told:
        yield f"{set_cell_size(_cut(name, names, gap), names)}  {text}"
    if len(shown) < len(progress.variants):
        yield f"and {counted(len(progress.variants) - len(shown), 'more variant')}"


def _tally_text(tally: Tally) -> str:
    status = f"  {tally.status}" if tally.status != "unfinished" else ""
    found = f"{tally.fixed} of {counted(tally.findings, 'finding')} fixed"
    return f"{tally.runs} of {counted(tally.total, 'run')}  {found}{status}"


def _cut(text: str, width: int, gap: str) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + gap


def _escaped(text: str, encoding: str) -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)
