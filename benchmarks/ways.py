"""The three ways to do the job, each a whole process that starts in a fresh repository."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repos import ENVIRONMENT, NotDoneError, copy_repo, find_beside, verify

__all__ = [
    "FIX",
    "LANGGRAPH",
    "OURS",
    "OURS_SPAN",
    "PLAIN",
    "Cost",
    "Job",
    "Way",
    "has_langgraph",
    "run_once",
    "shown",
    "spent",
]

#: An agent that takes no time; the file comes after it.
FIX = ("sed", "-i", "/^import os$/d")
_HERE = Path(__file__).parent
_LIMIT = 900


@dataclass(frozen=True)
class Job:
    """What is to be done; the agent's command gets the file as its last argument."""

    template: Path
    agent: tuple[str, ...]
    parallel: int


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of both processors together, children included."""

    seconds: float
    cpu: float
    output: str


@dataclass(frozen=True)
class Way:
    """A way to do the job: the command, made from the job and two folders of its own.

    The first folder is for worktrees, the second for whatever it needs to read.
    """

    name: str
    command: Callable[[Job, Path, Path], Sequence[str]]


def run_once(way: Way, job: Job) -> Cost:
    """Do the job in a fresh copy of its repository, and see from outside that it was done.

    Raises:
        NotDoneError: it was not.
    """
    with _folder(None) as folder, _folder(_fast_folder()) as trees:
        repo = copy_repo(job.template, folder / "repo")
        cost = spent(way.command(job, trees, folder), repo)
        try:
            verify(repo)
        except NotDoneError as error:
            raise NotDoneError(f"{way.name}: {error}\n{cost.output[-3000:]}") from None
        return cost


def spent(argv: Sequence[str], cwd: Path) -> Cost:
    """Run a command to its end.

    Raises:
        NotDoneError: it failed, or took too long.
    """
    programs = {"RUFF": find_beside("ruff"), "PYTHON": sys.executable}
    path = os.pathsep.join((str(Path(sys.executable).parent), ENVIRONMENT.get("PATH", os.defpath)))
    before, started = _cpu(), time.perf_counter()
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**ENVIRONMENT, **programs, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
        )
    except subprocess.TimeoutExpired as error:
        raise NotDoneError(f"{argv[0]} did not end within {_LIMIT} s") from error
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise NotDoneError(f"{argv[0]} exited with {done.returncode}: {done.stdout}{done.stderr}")
    return Cost(seconds, _cpu() - before, done.stdout)


def has_langgraph() -> bool:
    return importlib.util.find_spec("langgraph") is not None


def shown(kind: str) -> Way:
    """Ours with a display: `terminal`, `notebook` or `none`; it prints what the display took."""

    def command(job: Job, trees: Path, folder: Path) -> Sequence[str]:
        return (sys.executable, str(_HERE / "shown.py"), kind, str(_written(job, folder)))

    return Way(f"shown: {kind}", command)


def _ours(job: Job, trees: Path, folder: Path) -> Sequence[str]:
    pipeline = _written(job, folder)
    return (find_beside("stomper-sdk"), "run", str(pipeline), "--agent", "bench", "--no-progress")


def _ours_span(job: Job, trees: Path, folder: Path) -> Sequence[str]:
    return (sys.executable, str(_HERE / "spans.py"), str(_written(job, folder)))


def _plain(job: Job, trees: Path, folder: Path) -> Sequence[str]:
    return (str(_HERE / "plain.sh"), str(job.parallel), str(trees), *job.agent)


def _langgraph(job: Job, trees: Path, folder: Path) -> Sequence[str]:
    peer = str(_HERE / "langgraph_peer.py")
    return (sys.executable, peer, "fix", str(job.parallel), str(trees), *job.agent)


def _written(job: Job, folder: Path) -> Path:
    """Our pipeline: the default one with the job's agent, and like the others without tests."""
    path = folder / "bench.yaml"
    pipeline = {
        "version": 1,
        "name": "bench",
        "extends": "default",
        "agents": {"bench": {"use": "command", "run": [*job.agent, "{file}"], "prompt": "none"}},
        "parallelism": {"max_parallel_files": job.parallel},
        "test_validation": {"mode": "none"},
    }
    path.write_text(json.dumps(pipeline))
    return path


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fast_folder() -> Path | None:
    """Memory where there is some, as our own workspaces choose it: nobody has a faster disk than others."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK | os.X_OK) else None


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="benchmark-", dir=parent))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


OURS = Way("stomper-sdk", _ours)
OURS_SPAN = Way("stomper_sdk.run", _ours_span)
PLAIN = Way("plain loop", _plain)
LANGGRAPH = Way("LangGraph", _langgraph)
