"""What a run borrows of the process that it runs in: Ctrl-C, the import path, the ears of listeners."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from stomper_sdk.errors import StomperError, alone
from stomper_sdk.events import Event, Listener, Notice
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.model.present import hide
from stomper_sdk.signals import Handler, handling

__all__ = ["Listeners", "hiding", "importable", "interrupt_cancels"]


@contextmanager
def interrupt_cancels(control: Control) -> Iterator[None]:
    """Let Ctrl-C cancel the run, and raise it when that has cleaned up; pressed twice, it is raised at once.

    Raised wherever the run happens to be, it could hit the clean-up itself. SIGTERM ends the process as ever,
    but after the clean-up. Who handles these signals already goes on doing so.
    """
    pressed: list[int] = []
    ended: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            signal.default_int_handler(number, frame)
        control.cancel()

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)
        control.cancel()

    ours: Mapping[signal.Signals, Handler] = {signal.SIGINT: interrupt, signal.SIGTERM: end}
    nobodys = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    try:
        with handling({it: ours[it] for it in ours if signal.getsignal(it) is nobodys[it]}):
            yield
    finally:
        if ended:
            os.kill(os.getpid(), signal.SIGTERM)
    if pressed:
        raise KeyboardInterrupt


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Let `package.module:name` in a pipeline mean the user's own modules too; installed ones come first."""
    added = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)


@contextmanager
def hiding(secrets: Collection[str]) -> Iterator[None]:
    """No error that leaves the block tells a value that came from the environment."""
    try:
        with alone():
            yield
    except StomperError as error:
        error.message, error.hint = hide(error.message, secrets), hide(error.hint, secrets)
        raise


class Listeners:
    """Those who hear of every event. One that raises is told of once and asked no more: the run goes on."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = list(listeners)

    def tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            # A listener is anybody's code; what it raises must not cost the user's fixes.
            except Exception as error:
                self._listeners.remove(listener)
                text = f"a listener raised {type(error).__name__}: {error}; it hears no more"
                self.tell(Notice(event.time, text))
