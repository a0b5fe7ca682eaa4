"""What Ctrl-C, SIGTERM and SIGHUP do to a command."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from stomper_sdk.signals import handling

if TYPE_CHECKING:
    from stomper_sdk.api import Control

__all__ = ["interruptible", "unwinding"]


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

    return handling({signal.SIGINT: interrupt, signal.SIGTERM: end, signal.SIGHUP: end})


def unwinding() -> AbstractContextManager[None]:
    """SIGTERM and SIGHUP leave as Ctrl-C does, by way of every clean-up."""
    return handling(dict.fromkeys((signal.SIGTERM, signal.SIGHUP), signal.default_int_handler))
