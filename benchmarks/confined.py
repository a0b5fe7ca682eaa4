"""A command that does nothing, outside of a sandbox and inside of each kind that works here.

Prints what one takes in milliseconds, the median of some, as JSON; a kind that does not work is left out.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, get_args, get_type_hints

import trio

from stomper_sdk.errors import MachineError
from stomper_sdk.model.pipeline import SandboxSpec
from stomper_sdk.process import adopting_orphans, run_command
from stomper_sdk.sandbox import find_sandbox


async def _timed(folder: Path, confinement: Any, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        await run_command(["true"], cwd=folder, timeout=60, confinement=confinement)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


async def main(folder: Path, rounds: int) -> None:
    told = {}
    with adopting_orphans():
        for kind in get_args(get_type_hints(SandboxSpec)["kind"]):
            try:
                sandbox = await find_sandbox(SandboxSpec(kind=kind), folder)
            except MachineError:
                continue
            told[kind] = await _timed(folder, sandbox and sandbox.around(folder), rounds)
    print(json.dumps(told))


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
