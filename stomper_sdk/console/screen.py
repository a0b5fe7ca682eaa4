"""Two ways to show a run: lines that stay, or a picture that moves below them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Protocol, cast

from stomper_sdk.console.stream import Stream
from stomper_sdk.progress import Progress
from stomper_sdk.reports.layout import wrapped

if TYPE_CHECKING:
    import rich.console
    import rich.live
    import rich.text

__all__ = ["STYLES", "LiveScreen", "PlainScreen", "Screen", "rich_console"]

_INDENT = 9
STYLES = {
    "fixed": "green",
    "partial": "yellow",
    "unfixed": "yellow",
    "rejected": "red",
    "conflict": "red",
    "error": "red",
    "cancelled": "yellow",
    "notice": "bold",
}


def rich_console(stream: Stream) -> rich.console.Console:
    """A console that prints text as it is and decides about colour (NO_COLOR, FORCE_COLOR, a terminal)."""
    from rich.console import Console

    return Console(file=cast(IO[str], stream), highlight=False, markup=False, emoji=False, soft_wrap=True)


class Screen(AbstractContextManager["Screen"], Protocol):
    """What draws: entered and left in the thread in which it draws."""

    def show(self, lines: Sequence[str], progress: Progress, now: float) -> None:
        """Draw, if there is anything new: lines that stay, and where the run stands after some seconds."""


class PlainScreen(AbstractContextManager["PlainScreen"]):
    """Lines only."""

    def __init__(self, stream: Stream) -> None:
        self._console = rich_console(stream)

    def __exit__(self, *_: object) -> None:
        """Lines stay as they are."""

    def show(self, lines: Sequence[str], progress: Progress, now: float) -> None:
        if lines:
            self._console.print(_styled(lines, self._console))


def live_picture(console: rich.console.Console) -> rich.live.Live:
    """A place for a picture that is drawn when it is told to, and gone when it ends."""
    from rich.live import Live

    return Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    )


class LiveScreen(AbstractContextManager["LiveScreen"]):
    """A picture below the lines; it is gone when the run ends. It is drawn anew only when it changed."""

    def __init__(self, stream: Stream) -> None:
        self._console = rich_console(stream)
        self._live = live_picture(self._console)
        self._marks = "━╌…" if stream.encoding.lower().startswith("utf") else "#-~"
        self._shown = ""

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, lines: Sequence[str], progress: Progress, now: float) -> None:
        from rich.text import Text

        from stomper_sdk.console.frame import draw

        if lines:
            self._console.print(_styled(lines, self._console))
        picture = draw(progress, now, self._console.width, self._console.height, self._marks)
        if picture != self._shown:
            self._shown = picture
            self._live.update(Text(picture, no_wrap=True), refresh=True)


def _styled(lines: Sequence[str], console: rich.console.Console) -> rich.text.Text:
    """The lines, the word that begins each in its colour; wrapped where they are not for programs."""
    from rich.text import Text

    text, width = Text(), console.width if console.is_terminal else 0
    for number, line in enumerate(wrapped(line, width, _INDENT) for line in lines):
        word, _, rest = line.partition(" ")
        text.append("\n" if number else "").append(word, style=STYLES.get(word, "")).append(f" {rest}")
    return text
