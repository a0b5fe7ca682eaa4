"""A run in a thread of its own: looked at, waited for and stopped from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any

from stomper_sdk.events import Event
from stomper_sdk.guest import wait_for
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.model.present import counted
from stomper_sdk.model.result import RunResult
from stomper_sdk.progress import Progress, advance

__all__ = ["RunHandle"]


class RunHandle:
    """A run that goes on beside you; `start` makes one. Its methods may be called from any thread.

    Awaited, under trio or in a notebook, it gives the result; to stop waiting does not stop the run.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._progress = Progress()
        self._future: Future[RunResult] = Future()

    @property
    def progress(self) -> Progress:
        """Where the run stands: files at work, findings fixed and left, tokens and cost so far."""
        return self._progress

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or another."""
        return self._future.done()

    def drain(self) -> None:
        """Start no further file, and let those at work end."""
        self._control.drain()

    def cancel(self) -> None:
        """End it now; what it lent is given back, and `result` tells how far it came."""
        self._control.cancel()

    def result(self, timeout: float | None = None) -> RunResult:
        """Wait for the run to end.

        Args:
            timeout: seconds; None for as long as it takes.

        Raises:
            TimeoutError: it has not ended yet; it goes on.
            StomperError: it could not be started.
        """
        return self._future.result(timeout)

    def listen(self, event: Event) -> None:
        """The run's own listener."""
        self._progress = advance(self._progress, event)

    def begin(self, work: Callable[[], RunResult]) -> None:
        """Do the work in a thread; its end is the end of the run."""
        threading.Thread(target=self._work, args=(work,), name="stomper-run").start()

    def _work(self, work: Callable[[], RunResult]) -> None:
        try:
            result = work()
        # Whatever ends the run is for whoever asks for its result.
        except BaseException as error:
            self._future.set_exception(error)
        else:
            self._future.set_result(result)

    def __await__(self) -> Generator[Any, Any, RunResult]:
        return wait_for(self._future).__await__()

    def __repr__(self) -> str:
        stand = self._progress
        files = f"{stand.done} of {counted(stand.total, 'file')}, {stand.fixed} fixed, {stand.left} left"
        return f"<RunHandle {'ended' if self.done else 'at work'}: {files}>"
