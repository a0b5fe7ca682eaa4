"""One trial of a real tool: `python -m tests.agents.real.trial TOOL CASE`, where there is loopback alone.

A repository with one file to fix goes through the whole pipeline, driven by the scripted model server. What
came of it is printed as a JSON object.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import psutil

from stomper_sdk.testing import git, make_repository
from tests.agents.real.hostile import hostile_files
from tests.agents.real.install import programs, tools_folder
from tests.agents.real.tools import FILE, TOOLS, Tool
from tests.model_server import ModelServer, Reply, Request, by_turn

__all__ = ["CASES", "Outcome", "can_be_shut_in", "shut_in", "trial"]

SOURCE = "import os\n\n\ndef add(a, b):\n    return a + b\n"
FIXED = "def add(a, b):\n    return a + b\n"
_MARKER = "STOMPER_TRIAL"
_SECONDS = 100.0

_PIPELINE = """
version: 1
name: trial
checks: {{ruff: {{use: ruff}}}}
agents: {{tool: {{use: {use}, model: {model}, base_url: "{url}", timeout: {timeout}s}}}}
retry: {{max_attempts: 1}}
prompt: {{strategy: "fixed:minimal"}}
test_validation: {{mode: none}}
sandbox: {{kind: {sandbox}, network: model-only}}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt:
          - generate_prompt
          - call_agent: {{use: [tool]}}
          - verify_fixes
      - extract_diff
      - apply_to_main
      - commit_in_main
      - destroy_worktree
  - aggregate_results
  - cleanup
"""


@attrs.frozen
class Outcome:
    """What came of a trial; `started` are the seconds until the tool first asked the model.

    `left` are the processes, and `dropped` the files, that were there afterwards and should not; `obeyed` is
    what the tool did because a file of the repository said so.
    """

    exit_code: int
    outcome: str
    failure: str | None
    reason: str
    fixed: bool
    tokens_in: int | None
    tokens_out: int | None
    turns: int | None
    requests: int
    started: float | None
    seconds: float
    left: int
    dropped: tuple[str, ...]
    obeyed: tuple[str, ...]


def _failing(reply: Reply) -> Callable[[Tool, Callable[[], None]], Callable[[Request], Reply]]:
    return lambda tool, kill: lambda request: reply


def _escaping(tool: Tool, traces: Path) -> Callable[[Request], Reply]:
    """The model writes a file that is not in the workspace."""
    assert tool.escape is not None
    return by_turn(Reply("Writing.", (tool.escape(str(traces / "escaped")),)), Reply("Done."))


def _hanging(tool: Tool, kill: Callable[[], None]) -> Callable[[Request], Reply]:
    """The model starts a program that never ends, or, where none may be started, never answers."""
    reply = Reply("Waiting.", (tool.shell,)) if tool.shell else Reply(hang="headers")
    return lambda request: reply


def _killing(tool: Tool, kill: Callable[[], None]) -> Callable[[Request], Reply]:
    def decide(request: Request) -> Reply:
        kill()
        return Reply(hang="headers")

    return decide


SANDBOXES = ("bubblewrap", "landlock")
CASES: Mapping[str, Callable[[Tool, Callable[[], None]], Callable[[Request], Reply]]] = {
    "fix": lambda tool, kill: tool.fix,
    **dict.fromkeys(SANDBOXES, lambda tool, kill: tool.fix),
    "refused": _failing(Reply(status=401, message="invalid api key")),
    "limited": _failing(Reply(status=429, message="rate limit reached", headers={"Retry-After": "1"})),
    "quota": lambda tool, kill: lambda request: tool.used_up,
    "hung": _hanging,
    "killed": _killing,
}


def trial(tool: Tool, case: str, folder: Path) -> Outcome:
    """Let a tool fix a file, or fail to."""
    with tempfile.TemporaryDirectory(prefix="trial-") as scratch:
        traces = Path(scratch) / "traces"
        traces.mkdir()
        root = make_repository(Path(scratch) / "repo", {FILE: SOURCE, **hostile_files(traces)})
        before = _git_files(root)
        run: list[subprocess.Popen[bytes]] = []
        kill = partial(_kill_run, run)
        decide = _escaping(tool, traces) if case == "escape" else CASES[case](tool, kill)
        with ModelServer(decide) as server:
            seen: list[float] = []
            server.decide = lambda request: (seen.append(time.monotonic()), decide(request))[1]
            text = _PIPELINE.format(
                use=tool.name,
                model=tool.model,
                url=server.url + tool.path,
                sandbox=case if case in SANDBOXES else "none",
                timeout=tool.patience if case == "hung" else _SECONDS,
            )
            (Path(scratch) / "pipeline.yaml").write_text(text)
            begun, mark = time.monotonic(), uuid.uuid4().hex
            document = _run(tool, Path(scratch), folder, mark, run)
            took = time.monotonic() - begun
            left = _left(mark)
        (file,), code = document["files"], document["exit_code"]
        (attempt,) = file["attempts"]
        extra = sorted((_git_files(root) - before) & {".git/opencode"})
        status = git(root, "status", "--porcelain", "--ignored").split("\n")
        dropped = [line for line in status if line and ".stomper" not in line]
        return Outcome(
            exit_code=code,
            outcome=file["outcome"],
            failure=attempt["failure"],
            reason=str(file["reason"] or ""),
            fixed=git(root, "show", f"HEAD:{FILE}") == FIXED,
            tokens_in=attempt["tokens_in"],
            tokens_out=attempt["tokens_out"],
            turns=attempt["turns"],
            requests=len(server.requests),
            started=round(seen[0] - begun, 2) if seen else None,
            seconds=round(took, 2),
            left=left,
            dropped=(*extra, *dropped),
            obeyed=tuple(sorted(path.name for path in traces.iterdir())),
        )


def _run(
    tool: Tool, scratch: Path, folder: Path, mark: str, started: list[subprocess.Popen[bytes]]
) -> dict[str, Any]:
    place = programs(tool.name, folder)
    assert place is not None, f"{tool.name} is not installed"
    (scratch / "home").mkdir()
    env = {
        "PATH": f"{place}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        _MARKER: mark,
        tool.key: "test-key-of-no-use",
    }
    argv = [sys.executable, "-m", "stomper_sdk", "run", str(scratch / "pipeline.yaml")]
    process = subprocess.Popen(
        [*argv, "--output", "json", "--no-progress"],
        cwd=scratch / "repo",
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    started.append(process)
    out, err = process.communicate(timeout=2 * _SECONDS)
    assert out, err.decode()
    document: dict[str, Any] = json.loads(out)
    assert document["files"], (document, err.decode())
    return document


def _kill_run(run: Sequence[subprocess.Popen[bytes]]) -> None:
    """End, by force, what a run has started: at this moment that is the tool."""
    for child in psutil.Process(run[0].pid).children():
        child.kill()


def _left(mark: str) -> int:
    """The processes, zombies aside, that come from a trial and still run."""
    count = 0
    for process in psutil.process_iter():
        try:
            count += process.environ().get(_MARKER) == mark and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
    return count


def _git_files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in (root / ".git").iterdir()}


def _loopback_up() -> None:
    """`ip link set lo up`, by ioctl(2), SIOCGIFFLAGS and SIOCSIFFLAGS, IFF_UP and IFF_RUNNING."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, 0x8913, asked))[1]
        fcntl.ioctl(handle, 0x8914, struct.pack("16sh14x", b"lo", flags | 0x1 | 0x40))


def shut_in(tool: str, case: str, folder: Path) -> Outcome:
    """A trial in a name space of its own, in which there is nothing but loopback.

    Raises:
        subprocess.CalledProcessError: the trial itself did not work.
    """
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    argv = [*unshare, sys.executable, "-m", __name__, tool, case, str(folder)]
    root = Path(__file__).parents[3]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False, timeout=3 * _SECONDS)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
    found = json.loads(done.stdout)
    return Outcome(**{**found, "dropped": tuple(found["dropped"]), "obeyed": tuple(found["obeyed"])})


def can_be_shut_in() -> bool:
    """Whether there are name spaces without a network here."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    try:
        return subprocess.run(["unshare", "--net", *user, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("case", choices=[*CASES, "escape"])
    parser.add_argument("tools", type=Path, nargs="?", default=tools_folder())
    options = parser.parse_args()
    _loopback_up()
    print(json.dumps(attrs.asdict(trial(TOOLS[options.tool], options.case, options.tools))))


if __name__ == "__main__":
    main()
