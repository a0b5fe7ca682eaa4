"""What a command has to say, and to whom."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stomper_sdk.console.display import Display
from stomper_sdk.console.lines import Verbosity
from stomper_sdk.console.screen import LiveScreen, PlainScreen, rich_console
from stomper_sdk.console.stream import Stream
from stomper_sdk.errors import StomperError
from stomper_sdk.model.history import PastRun
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import visible
from stomper_sdk.model.result import RunResult
from stomper_sdk.reports import plan_text, result_text, to_json
from stomper_sdk.reports.history import files_text, findings_text, runs_text

if TYPE_CHECKING:
    import rich.console

    from stomper_sdk.console.board import Board

__all__ = ["Console"]


class Console:
    """The two standard streams of one command.

    Args:
        quiet: errors only.
        verbose: stages and attempts as well.
        progress: whether a run is shown while it goes on.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, progress: bool = True) -> None:
        self._people = Stream(sys.stderr)
        self._programs = Stream(sys.stdout, strict=True)
        self._quiet = quiet
        self._verbose = verbose
        self._progress = progress

    def say(self, text: str) -> None:
        if not self._quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Say it also to those who want errors only."""
        self._people.write(f"{text}\n")

    def document(self, document: Mapping[str, Any]) -> None:
        """Print the one JSON document of the command.

        Raises:
            StomperError: it cannot be written, but for a reader who has gone.
        """
        self._programs.write(f"{to_json(document)}\n")

    def product(self, text: str) -> None:
        """Print what the command was asked for, for people or for another program, on standard output.

        Raises:
            StomperError: it cannot be written, but for a reader who has gone.
        """
        self._programs.write(f"{text}\n" if text else "")

    def runs(self, runs: Sequence[PastRun]) -> None:
        """List past runs.

        Raises:
            StomperError: it cannot be written, but for a reader who has gone.
        """
        if (terminal := self._terminal()) is None:
            self.product(runs_text(runs, self.width()))
            return
        from stomper_sdk.console.past import runs_shown

        width = self.width()
        terminal.print(runs_shown(runs, terminal, width), soft_wrap=False, width=width)

    def past(self, result: RunResult, *, files: bool, attempts: bool, findings: bool) -> None:
        """Show a past run, with each of its files, attempts and findings where that is asked for.

        Raises:
            StomperError: it cannot be written, but for a reader who has gone.
        """
        width = self.width()
        if (terminal := self._terminal()) is None:
            parts = [result_text(result, width)]
            parts += [files_text(result, width, attempts=attempts)] if files or attempts else []
            parts += [findings_text(result, width)] if findings else []
            self.product("\n\n".join(filter(None, parts)))
            return
        from stomper_sdk.console.past import run_shown

        asked = {"files": files or attempts, "attempts": attempts, "findings": findings}
        shown = run_shown(result, width, **asked, plain_signs=terminal.options.ascii_only)
        terminal.print(shown, soft_wrap=False, width=width)

    def content(self, text: str) -> None:
        """Print a text that is not all ours: to a program as it is, on a terminal without what commands it.

        Raises:
            StomperError: it cannot be written, but for a reader who has gone.
        """
        lines = text.split("\n") if self._programs.isatty() else []
        shown = ("\t".join(map(visible, line.split("\t"))) for line in lines)
        self.product("\n".join(shown) if lines else text)

    def file(self, path: Path, text: str, *, append: bool = False) -> None:
        """Write a report that goes to a file of its own, or to the end of one.

        Raises:
            StomperError: it cannot be written.
        """
        try:
            with path.open("a" if append else "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{text}\n")
        except OSError as error:
            raise StomperError(f"{path} cannot be written: {error.strerror}") from error

    def watch(self) -> Display:
        """The display of a run."""
        live = self._is_live()
        screen = LiveScreen if live else PlainScreen
        return Display(partial(screen, self._people), self._verbosity(live))

    def watch_experiment(self) -> Board:
        """The display of an experiment."""
        from stomper_sdk.console.board import Board, LinesEasel, LiveEasel

        if self._is_live():
            return Board(partial(LiveEasel, self._people))
        return Board(partial(LinesEasel, self._people, progress=self._progress and not self._quiet))

    def plan(self, plan: Plan, pipeline: Pipeline) -> None:
        self.say(plan_text(plan, pipeline, self.width()))

    def summary(self, result: RunResult, shown_notices: frozenset[str] = frozenset()) -> None:
        """Tell what became of the run; to those who want errors only, what ended it."""
        if not self._quiet:
            self.warn(result_text(result, self.width(), hidden=shown_notices))
        elif result.error:
            self.warn(result.error)

    def _terminal(self) -> rich.console.Console | None:
        """What draws on standard output; None where that is for programs, or cannot show more than text."""
        if not (self._programs.isatty() or os.environ.get("FORCE_COLOR")):
            return None
        terminal = rich_console(self._programs)
        return terminal if terminal.is_terminal and not terminal.is_dumb_terminal else None

    def _is_live(self) -> bool:
        on_terminal = self._people.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
        return on_terminal and self._progress and not self._quiet

    def _verbosity(self, live: bool) -> Verbosity:
        if self._quiet:
            return "quiet"
        if self._verbose:
            return "verbose"
        return "lines" if self._progress and not live else "live"

    def width(self) -> int:
        """The columns to wrap at."""
        return min(shutil.get_terminal_size().columns, 120)
