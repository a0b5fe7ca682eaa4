"""How much faster more files at work make a run: an experiment over the bound, with agents of known delay.

python benchmarks/speedup.py             # three minutes
python benchmarks/speedup.py figure.png  # and draw the last
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import trio

import stomper_sdk
from stomper_sdk.look.experiment.speedup import speeds_of
from stomper_sdk.testing import make_repository

FILES, LIMITS, REPEATS = 16, [1, 2, 4, 8, 16], 2
OVERRIDES = {"test_validation.mode": "none", "checks.ruff.select": ["F401"]}


def main() -> None:
    print("| agent | at most | peak | seconds | times as fast | of ideal |")
    print("| --- | --- | --- | --- | --- | --- |")
    for delay in (0.5, 2.0):
        found = tried(delay)
        speeds = speeds_of(found)
        for speed in speeds:
            times = speeds[0].mean / speed.mean
            seconds = " ".join(f"{it:.2f}" for it in speed.seconds)
            ideal = f"{times / speed.limit:.2f}"
            print(
                f"| {delay} s | {speed.limit} | {speed.peak} | {seconds} | {times:.2f} | {ideal} |",
                flush=True,
            )
    if len(sys.argv) > 1:
        found.plot_speedup().savefig(sys.argv[1])


def tried(delay: float) -> stomper_sdk.Experiment:
    async def waits(task: stomper_sdk.AgentTask) -> None:
        await trio.sleep(delay)
        place = task.workspace / task.path
        place.write_text(place.read_text().replace("import os\n", ""))

    with tempfile.TemporaryDirectory(prefix="stomper-speedup-") as folder:
        texts = {f"f{number:02}.py": f"import os\n\nN = {number}\n" for number in range(FILES)}
        return stomper_sdk.experiment(
            "default",
            matrix={"parallelism.max_parallel_files": LIMITS},
            agents={"builtin": waits},
            overrides=OVERRIDES,
            repeats=REPEATS,
            repo=make_repository(Path(folder, "repo"), texts),
            progress=False,
        )


if __name__ == "__main__":
    main()
