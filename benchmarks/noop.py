"""Many files with nothing to do, through the interpreter as a run takes them, journal and all, but git.

Prints the seconds and the peak memory of this process as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
import trio

from stomper_sdk.events import Event
from stomper_sdk.interpreter.program import Block, Program, Step
from stomper_sdk.interpreter.run import Run, interpret
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.journal.session import Session
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.spending import Purse
from stomper_sdk.stages.base import STAGES, Context, FileState, RunState, define_stage


@define_stage("noop", block="file")
async def noop(state: FileState, context: Context) -> FileState:
    """Do nothing, and let others do nothing meanwhile."""
    await trio.lowlevel.checkpoint()
    return state


def _task(index: int) -> FileTask:
    path = f"package/module_{index:05}.py"
    return FileTask(index, path, (Finding("ruff", "F401", "`os` imported but unused", path, 1, 8),))


def _context(pipeline: Pipeline, events: list[int], folder: Path) -> Context:
    """What a run has, with nothing behind that a trivial stage never asks for."""

    def emit(event: Event) -> None:
        events[0] += 1

    absent: dict[str, Any] = {field.name: None for field in attrs.fields(Context) if field.name != "stack"}
    given = {"pipeline": pipeline, "emit": emit, "clock": time.monotonic, "checks": (), "cascade": ()}
    session = Session("stomper-20260101-000000-0000", folder, folder, -1)
    return Context(**{**absent, **given, "purse": Purse(), "session": session})


def main() -> int:
    from stomper_sdk import load_pipeline

    tasks = tuple(map(_task, range(int(sys.argv[1]))))
    baseline = tuple(finding for task in tasks for finding in task.findings)
    run = Run(RunState(plan=Plan("0" * 40, tasks, (), baseline)))
    each = Block("for_each_file", (Step(noop, {}),))
    program = Program((each, Step(STAGES.get("aggregate_results", "stages"), {})))
    events = [0]
    with tempfile.TemporaryDirectory() as folder:
        context = _context(load_pipeline("default", repo=Path(__file__).parent), events, Path(folder))
        started = time.perf_counter()
        trio.run(interpret, program, context, Control(), run)
        seconds = time.perf_counter() - started
    assert len(run.state.results) == len(tasks) and events[0] >= 4 * len(tasks) and run.gauge.peak == 4
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
