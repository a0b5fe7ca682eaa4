"""What Ctrl-C, SIGTERM and SIGHUP do to a command."""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stomper_sdk.api import Control

__all__ = ["interruptible", "unwinding"]

_Handler = Callable[[int, FrameType | None], object]


def interruptible(control: Control, draining: Callable[[], None]) -> AbstractContextManager[None]:
    """Ctrl-C drains, the second one cancels, as SIGTERM and SIGHUP do at once.

    Args:
        control: stops the run.
        draining: called when the run begins to drain.
    """
    presses = itertools.count()

    def interrupt(*_: object) -> None:
        if next(presses):
            control.cancel()
        else:
            control.drain()
            draining()

    def end(*_: object) -> None:
        control.cancel()

    return _handling({signal.SIGINT: interrupt, signal.SIGTERM: end, signal.SIGHUP: end})


def unwinding() -> AbstractContextManager[None]:
    """SIGTERM and SIGHUP leave as Ctrl-C does, by way of every clean-up."""
    return _handling(dict.fromkeys((signal.SIGTERM, signal.SIGHUP), signal.default_int_handler))


@contextlib.contextmanager
def _handling(handlers: Mapping[signal.Signals, _Handler]) -> Iterator[None]:
    """Handle signals while the block runs; one that our parent made us ignore (nohup) stays ignored."""
    former = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                former[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in former.items():
            signal.signal(number, handler_before)
