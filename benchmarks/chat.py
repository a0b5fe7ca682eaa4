"""What the chat agent adds to the bare client, and what an endpoint's faults cost: `benchmarks/chat.py`.

The endpoint is the tests' own scripted server, whose answers take no time.
"""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trio
from measure import Row, at_most, print_table, progress
from repos import ENVIRONMENT, NotDoneError, copy_repo, find_beside, make_repo, verify

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

CALLS, FILES, PARALLEL = 200, 200, 8
#: Seconds that the endpoint asks to wait for, and after which an answer that stalls is given up.
ASKED, STALL = 0.2, 0.5
ANSWER = "```\n<<<<<<< SEARCH\nimport os\n=======\n>>>>>>> REPLACE\n```\n"
PIPELINE = """
version: 1
checks: {{ruff: {{use: ruff}}}}
agents: {{model: {{use: chat, base_url: "{url}", model: m, stall_timeout: {stall}}}}}
parallelism: {{max_parallel_files: {parallel}}}
retry: {{max_attempts: 1}}
test_validation: {{mode: none}}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {{call_agent: {{use: [model]}}}}, verify_fixes, run_tests]
      - extract_diff
      - apply_to_main
      - commit_in_main
  - aggregate_results
  - cleanup
"""


def main() -> int:
    if len(sys.argv) == 3:
        print(json.dumps(trio.run(measured_calls, sys.argv[1], Path(sys.argv[2]))))
        return 0
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rows = overhead(Path(folder))
        rows += [] if sys.argv[1:] == ["overhead"] else faults(Path(folder))
    print_table(rows)
    return 0


def overhead(folder: Path) -> list[Row]:
    """Calls one after the other, by the bare client and by the agent, which reads, asks, edits and writes."""
    from tests.model_server import ModelServer, Reply

    bare, ours = [], []
    with ModelServer([Reply(ANSWER)]) as server:
        for number in range(3):
            progress(f"overhead: {number + 1} of 3")
            argv = [sys.executable, __file__, f"{server.url}/v1", str(folder)]
            done = subprocess.run(argv, check=True, capture_output=True, text=True)
            times = json.loads(done.stdout)
            bare.append(times[0] * 1000)
            ours.append(times[1] * 1000)
    more = [one - other for one, other in zip(ours, bare, strict=True)]
    return [
        Row("overhead", "a call of the bare client", bare, " ms"),
        Row("overhead", "what the agent adds to it", more, " ms", "at most 15 ms", at_most(15)),
    ]


async def measured_calls(url: str, folder: Path) -> list[float]:
    """Seconds for one call of the bare client, and of the agent: the medians of many."""
    import openai

    from stomper_sdk.agents.base import AgentTask
    from stomper_sdk.agents.chat import ChatAgent
    from stomper_sdk.model.finding import Finding

    file, agent = folder / "a.py", ChatAgent(name="model", model="m", base_url=url)
    task = AgentTask(folder, "a.py", (Finding("ruff", "F401", "unused", "a.py", 1, 8),), "Fix a.py.\n")
    bare, ours = list[float](), list[float]()
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        for _ in range(CALLS):
            with timed(bare):
                await asked(client)
            file.write_text("import os\nimport re\n\nprint(re)\n")
            with timed(ours):
                await agent.edit(task)
    return [statistics.median(bare), statistics.median(ours)]


async def asked(client: Any) -> None:
    message = {"role": "user", "content": "Fix a.py.\n" * 100}
    stream = await client.chat.completions.create(model="m", messages=[message], stream=True)
    async with stream:
        async for _ in stream:
            pass


@contextlib.contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - started)


def faults(folder: Path) -> list[Row]:
    """The same files, all at once well and with a fault for the first question about every second one."""
    from tests.model_server import Reply

    words = "word " * 50
    kinds = {
        0: Reply(status=429, headers={"Retry-After": str(ASKED)}),
        2: Reply(status=500),
        4: Reply(words, hang="stream"),
        6: Reply(words, drop_after=3),
        8: Reply(words, malformed=True),
    }
    template = make_repo(folder / "template", FILES)
    # Waits of different files pass at the same time.
    waits = FILES / 10 * (ASKED + STALL) / PARALLEL
    clean, faulty, ratios = list[float](), list[float](), list[float]()
    for number in range(3):
        progress(f"faults: {number + 1} of 3")
        clean.append(ran(copy_repo(template, folder / f"clean-{number}"), {}))
        faulty.append(ran(copy_repo(template, folder / f"faulty-{number}"), kinds))
        ratios.append((faulty[-1] - waits) / clean[-1])
    return [
        Row("faults", f"{FILES} files without faults", clean, " s"),
        Row("faults", "with a tenth of each of five", faulty, " s"),
        Row("faults", "waits that were asked for, or for stalled answers", [waits], " s"),
        Row("faults", "with faults, less the waits / without", ratios, "", "at most 1.3", at_most(1.3)),
    ]


def ran(repo: Path, kinds: dict[int, Any]) -> float:
    """Seconds for a run in which every file is fixed at its first attempt; faults by the file's number."""
    from tests.model_server import ModelServer, Reply, Request

    known: set[str] = set()

    def script(request: Request) -> Reply:
        number = re.findall(r"module_(\d+)\.py", request.said)[0]
        first = number not in known
        known.add(number)
        return kinds.get(int(number) % 10 if first else -1, Reply(ANSWER))

    with ModelServer(script) as server:
        pipeline = repo.with_suffix(".yaml")
        pipeline.write_text(PIPELINE.format(url=f"{server.url}/v1", parallel=PARALLEL, stall=STALL))
        started = time.perf_counter()
        argv = [find_beside("stomper-sdk"), "run", str(pipeline), "--output", "json", "--no-progress"]
        done = subprocess.run(argv, cwd=repo, env=ENVIRONMENT, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise NotDoneError(done.stderr[-2000:])
    verify(repo)
    attempts = [len(file["attempts"]) for file in json.loads(done.stdout)["files"]]
    if attempts != [1] * FILES or len(server.requests) < FILES + FILES // 10 * len(kinds):
        raise NotDoneError(f"{sum(attempts)} attempts, {len(server.requests)} questions")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
