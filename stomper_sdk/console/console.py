"""What a command has to say, and to whom."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from stomper_sdk.console.display import Display
from stomper_sdk.console.lines import Verbosity
from stomper_sdk.console.screen import LiveScreen, PlainScreen
from stomper_sdk.console.stream import Stream
from stomper_sdk.errors import StomperError
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import visible
from stomper_sdk.model.result import RunResult
from stomper_sdk.reports import plan_text, result_text, to_json

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
        on_terminal = self._people.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
        live = on_terminal and self._progress and not self._quiet
        screen = LiveScreen if live else PlainScreen
        return Display(partial(screen, self._people), self._verbosity(live))

    def plan(self, plan: Plan, pipeline: Pipeline) -> None:
        self.say(plan_text(plan, pipeline, self.width()))

    def summary(self, result: RunResult, shown_notices: frozenset[str] = frozenset()) -> None:
        """Tell what became of the run; to those who want errors only, what ended it."""
        if not self._quiet:
            self.warn(result_text(result, self.width(), hidden=shown_notices))
        elif result.error:
            self.warn(result.error)

    def _verbosity(self, live: bool) -> Verbosity:
        if self._quiet:
            return "quiet"
        if self._verbose:
            return "verbose"
        return "lines" if self._progress and not live else "live"

    def width(self) -> int:
        """The columns to wrap at."""
        return min(shutil.get_terminal_size().columns, 120)
