"""Runs with eight files at a time, killed at any moment: nothing lost, nothing doubled, nothing left.

`--kills N` says how often; each is told apart by its seed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import psutil
import pytest

from stomper_sdk import api

if TYPE_CHECKING:
    from tests.conftest import Checkout

FILES = {f"m{number:02}.py": f"import os\nimport re\n\nN = {number}\n" for number in range(12)}
OTHERS = {"mine.py": "import this\n", "notes.txt": "one\n", "ruff.toml": 'lint.select = ["F"]\n'}


@attrs.frozen
class Undisturbed:
    """What a run comes to that nobody kills, and how long it takes."""

    tree: str
    subjects: list[str]
    status: str
    seconds: float


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--kills")))


def start(repo: Checkout, *options: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "stomper_sdk",
        "run",
        "-q",
        "-j",
        "8",
        "--repo",
        str(repo.root),
        *options,
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def furnished(new_checkout: Callable[..., Checkout], root: Path) -> Checkout:
    repo = new_checkout(root, FILES | OTHERS)
    repo.write({"mine.py": "import this  # changed\n", "notes.txt": "one\ntwo\n", "new.txt": "new\n"})
    repo.git("add", "notes.txt")
    return repo


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, new_checkout: Callable[..., Checkout]
) -> Undisturbed:
    repo = furnished(new_checkout, tmp_path_factory.mktemp("undisturbed") / "repo")
    started = time.monotonic()
    process = start(repo)
    process.communicate()
    assert process.returncode == 1  # the user's own file is left
    took = time.monotonic() - started
    return Undisturbed(repo.tree, sorted(repo.subjects), repo.status, took)


def family(process: subprocess.Popen[bytes]) -> Iterator[psutil.Process]:
    """The process and all that it has started, as a cut in power would end them."""
    main = psutil.Process(process.pid)
    yield main
    yield from main.children(recursive=True)


def test_a_run_that_is_killed_goes_on_to_the_same_end(
    seed: int, undisturbed: Undisturbed, tmp_path: Path, new_checkout: Callable[..., Checkout]
) -> None:
    chance = random.Random(seed)
    repo = furnished(new_checkout, tmp_path / "repo")
    deaths = 0
    options: tuple[str, ...] = ()
    for _ in range(chance.choice((1, 1, 2))):
        process = start(repo, *options)
        time.sleep(chance.uniform(0.1, undisturbed.seconds))
        if process.poll() is None:
            for one in list(family(process)) if chance.random() < 0.5 else [psutil.Process(process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
        _, said = process.communicate()
        assert b"Traceback" not in said, said
        deaths += process.returncode == -signal.SIGKILL
        repo.git("fsck", "--connectivity-only")
        options = ("--resume", "last") if resumable(repo) else ()
    if deaths:
        process = start(repo, *options)
        _, said = process.communicate()
        assert process.returncode in (1, 2), said
        assert process.returncode == 1 or b"nothing is left to do" in said, said
    api.clean(repo.root)
    ended = Undisturbed(repo.tree, sorted(repo.subjects), repo.status, undisturbed.seconds)
    assert ended == undisturbed
    assert repo.leftovers() == []
    assert (repo.read("mine.py"), repo.read("new.txt")) == ("import this  # changed\n", "new\n")


def resumable(repo: Checkout) -> bool:
    """Whether the last run came as far as its plan; before that it is begun anew."""
    sessions = sorted((repo.root / ".stomper" / "sessions").glob("*/"), key=lambda path: path.stat().st_mtime)
    return bool(sessions) and (sessions[-1] / "journal").exists()
