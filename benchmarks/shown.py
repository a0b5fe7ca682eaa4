"""Run a pipeline with a display and print, as JSON, what that took.

`shown.py none|terminal|notebook PIPELINE`. `seconds` is the run's time, `share` the part of it that the
display's thread was computing, `wait` the longest that the display kept the run when told of an event, in
milliseconds. A notebook's display draws in a real kernel.
"""

from __future__ import annotations

import json
import os
import pty
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import stomper_sdk
from stomper_sdk.events import Event, Listener


def measured(pipeline: str, drawing: Any) -> dict[str, float]:
    """Run with the listeners that a context manager lends, and see what they take."""
    waits, computed = [0.0], 0.0
    with drawing as listeners:

        def listen(event: Event) -> None:
            nonlocal computed
            began = time.perf_counter()
            for listener in listeners:
                listener(event)
            waits.append(time.perf_counter() - began)
            computed = _computed() or computed

        only = stomper_sdk.Selection(agents=("bench",))
        result = stomper_sdk.run(pipeline, only=only, listeners=[listen], progress=False)
    assert result.exit_code == 0, result.error
    seconds = result.duration_seconds
    return {"seconds": seconds, "share": computed / seconds, "wait": max(waits) * 1e3}


def in_notebook(pipeline: str) -> dict[str, float]:
    """What a cell calls: the display is the one that `run` itself makes in a notebook."""
    from stomper_sdk.console.notebook import watched

    return measured(pipeline, watched())


@contextmanager
def _terminal() -> Iterator[tuple[Listener, ...]]:
    """The display of the command line, on a terminal that somebody reads."""
    from stomper_sdk.console.display import Display
    from stomper_sdk.console.screen import LiveScreen
    from stomper_sdk.console.stream import Stream

    ours, theirs = pty.openpty()
    threading.Thread(target=_read, args=(ours,), daemon=True).start()
    with (
        os.fdopen(theirs, "w", encoding="utf-8") as file,
        Display(partial(LiveScreen, Stream(file)), "live") as display,
    ):
        yield (display.listen,)


def _read(terminal: int) -> None:
    while os.read(terminal, 65536):
        pass


def _computed() -> float:
    """Processor seconds of the display's thread so far."""
    found = [it for it in threading.enumerate() if it.name.startswith("display")]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(it.ident or 0)) for it in found)


def _in_a_kernel(pipeline: str) -> str:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    told: list[str] = []

    def hear(message: Any) -> None:
        if message["msg_type"] == "stream":
            told.append(message["content"]["text"])

    cell = (
        f"import json, sys\nsys.path.insert(0, {os.fspath(Path(__file__).parent)!r})\n"
        f"import shown\nprint(json.dumps(shown.in_notebook({pipeline!r})))"
    )
    try:
        client.execute_interactive(cell, output_hook=hear, timeout=600)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(told)


def main(kind: str, pipeline: str) -> None:
    if kind == "notebook":
        print(_in_a_kernel(pipeline))
    else:
        drawing = _terminal() if kind == "terminal" else nullcontext(())
        print(json.dumps(measured(pipeline, drawing)))


if __name__ == "__main__":
    main(*sys.argv[1:])
