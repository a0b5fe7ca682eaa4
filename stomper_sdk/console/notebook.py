"""A run in a notebook while it goes on: one display that is updated, in JupyterLab, VS Code and classic."""

from __future__ import annotations

import contextvars
import html
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

from stomper_sdk.console.display import Display
from stomper_sdk.events import Listener
from stomper_sdk.model.present import counted, one_line, seconds_text, visible
from stomper_sdk.model.price import Spending, Usage, dollars_text
from stomper_sdk.progress import Progress, Work

__all__ = ["CellDisplay", "NotebookScreen", "in_kernel", "used_text", "watched"]

_WORKS, _LINES = 20, 3
_STYLE = "font: 13px/1.4 var(--jp-code-font-family, monospace); white-space: pre-wrap; margin: 0"


@contextmanager
def watched() -> Iterator[tuple[Listener, ...]]:
    """The listener that draws a run below the cell that is at work; none where there is no notebook."""
    if not in_kernel():
        yield ()
        return
    screen = NotebookScreen()
    with Display(lambda: screen, "live") as display:
        yield (display.listen,)


def in_kernel() -> bool:
    """Whether this is a kernel that shows what it displays; a terminal's IPython is none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class CellDisplay:
    """One display below the cell that is at work, updated by any thread.

    It is made in the thread in which the cell is at work: the cell is known by a context of that thread.
    """

    def __init__(self) -> None:
        ipython: Any = import_module("IPython.display")
        self._html = ipython.HTML
        self._shown = ""
        self._context = contextvars.copy_context()
        self._handle = ipython.display(ipython.HTML(""), display_id=True)

    def draw(self, text: str) -> None:
        """Show a text in place of the last one, if it is another; who gives it has made it fit to be seen."""
        if text != self._shown:
            self._shown = text
            shown = self._html(f'<pre style="{_STYLE}">{html.escape(text)}</pre>')
            self._context.run(self._handle.update, shown)


class NotebookScreen(AbstractContextManager["NotebookScreen"]):
    """A run in one display; it stays as one line when the run has ended."""

    def __init__(self) -> None:
        self._display = CellDisplay()
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._last = Progress(), 0.0

    def __exit__(self, *_: object) -> None:
        self._display.draw(_summary(*self._last))

    def show(self, lines: Sequence[str], progress: Progress, now: float) -> None:
        self._lines.extend(line for line in lines if line.startswith("notice"))
        self._last = progress, now
        self._display.draw("\n".join([*map(visible, self._lines), *_picture(progress, now)]))


def _picture(progress: Progress, now: float) -> Iterator[str]:
    works = sorted(progress.working.values(), key=lambda work: work.since)
    yield from (_work_line(work, now) for work in works[:_WORKS])
    if len(works) > _WORKS:
        yield f"and {len(works) - _WORKS} more at work"
    if not works and progress.stage:
        yield f"{visible(progress.stage)}  {seconds_text(now - progress.since)}"
    if progress.total:
        to_go = progress.to_go(now)
        more = "" if to_go is None else f", about {seconds_text(to_go)} to go"
        yield f"{_summary(progress, now)}{more}"


def _work_line(work: Work, now: float) -> str:
    attempt = f"  attempt {work.attempt}" if work.attempt else ""
    return f"{one_line(work.path, 80)}  {visible(work.stage)}{attempt}  {seconds_text(now - work.since)}"


def _summary(progress: Progress, now: float) -> str:
    parts = [
        f"{progress.done} of {counted(progress.total, 'file')}",
        f"{progress.fixed} fixed, {progress.left} left",
        *used_text(progress.usage),
        seconds_text(now),
    ]
    return "  ".join(parts)


def used_text(usage: Usage | Spending) -> Iterator[str]:
    """Tokens and dollars, as far as they are known."""
    if usage.tokens is not None:
        yield f"{usage.tokens:,} tokens"
    if usage.cost_usd is not None:
        yield dollars_text(usage.cost_usd)
