"""A run that is killed: what it leaves, and how that is found and removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import stomper_sdk

Make = Callable[..., Any]
# Waits in a session of its own, as the tools of coding agents do.
AGENT = "import os, subprocess, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(300)"


@pytest.fixture
def at_work(make_checkout: Make, tmp_path: Path) -> Iterator[tuple[Any, subprocess.Popen[str], Path]]:
    """A repository, a run in it whose two agents hang, and the file with the agents' pids."""
    user = make_checkout({"a.py": "import os\n", "b.py": "import os\n", "c.py": "import os\n"})
    pids = tmp_path / "pids"
    (tmp_path / "agent.py").write_text(AGENT)
    agent = f"{{use: command, run: [{sys.executable}, {tmp_path}/agent.py, {pids}], prompt: none}}"
    (tmp_path / "p.yaml").write_text(f"extends: default\nagents: {{slow: {agent}}}\n")
    command = [sys.executable, "-m", "stomper_sdk", "run", str(tmp_path / "p.yaml"), "--repo", str(user.root)]
    run = subprocess.Popen(
        [*command, "--agent", "slow", "--max-parallel-files", "2"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        yield user, run, pids
    finally:
        run.kill()
        run.communicate()
        stomper_sdk.clean(user.root)


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def alive(pids: Path) -> list[int]:
    def runs(pid: int) -> bool:
        return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    return [pid for pid in map(int, pids.read_text().split()) if runs(pid)]


def test_clean_removes_what_a_killed_run_left(at_work: tuple[Any, subprocess.Popen[str], Path]) -> None:
    user, run, pids = at_work
    assert stomper_sdk.clean(user.root) == ()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert len(user.leftovers()) > 2
    assert len(alive(pids)) == 2
    said = stomper_sdk.clean(user.root)
    assert len(said) == 1
    assert "removed 2 workspaces" in said[0]
    assert (user.leftovers(), user.status, user.subjects) == ([], "", ["start"])
    wait_until(lambda: alive(pids) == [])
    assert stomper_sdk.clean(user.root) == ()


def test_the_next_run_removes_it_too_and_says_so(at_work: tuple[Any, subprocess.Popen[str], Path]) -> None:
    user, run, pids = at_work
    run.send_signal(signal.SIGKILL)
    run.wait()
    result = stomper_sdk.run("default", repo=user.root)
    assert (result.exit_code, result.total_errors_fixed) == (0, 3)
    assert any("removed 2 workspaces" in notice for notice in result.notices)
    assert user.leftovers() == []
    wait_until(lambda: alive(pids) == [])


def test_a_run_that_lives_is_left_alone_by_another(at_work: tuple[Any, subprocess.Popen[str], Path]) -> None:
    user, run, pids = at_work
    result = stomper_sdk.run("default", repo=user.root)
    assert (result.exit_code, result.total_errors_fixed) == (0, 3)
    assert len(alive(pids)) == 2
    assert run.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_and_leaves_nothing(
    number: signal.Signals, at_work: tuple[Any, subprocess.Popen[str], Path]
) -> None:
    user, run, pids = at_work
    run.send_signal(number)
    assert run.wait(30) == 130
    assert (alive(pids), user.leftovers(), user.subjects, user.status) == ([], [], ["start"], "")


def test_one_interrupt_drains_and_two_cancel(at_work: tuple[Any, subprocess.Popen[str], Path]) -> None:
    user, run, pids = at_work
    run.send_signal(signal.SIGINT)
    wait_until(lambda: "again" in run.stderr.readline() if run.stderr else False)
    assert run.poll() is None
    assert len(alive(pids)) == 2
    run.send_signal(signal.SIGINT)
    assert run.wait(30) == 130
    assert (alive(pids), user.leftovers(), user.subjects) == ([], [], ["start"])


def test_one_interrupt_lets_those_at_work_end(at_work: tuple[Any, subprocess.Popen[str], Path]) -> None:
    user, run, pids = at_work
    run.send_signal(signal.SIGINT)
    wait_until(lambda: "again" in run.stderr.readline() if run.stderr else False)
    for pid in alive(pids):
        os.kill(pid, signal.SIGKILL)
    # Their attempts failed; no other attempt of theirs is cut short, and no other file begins.
    wait_until(lambda: len(pids.read_text().split()) == 4)
    for pid in alive(pids):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(pids.read_text().split()) == 6)
    for pid in alive(pids):
        os.kill(pid, signal.SIGKILL)
    assert run.wait(30) == 130
    assert (user.leftovers(), len(pids.read_text().split())) == ([], 6)


def test_a_killed_run_in_place_leaves_the_way_back(tmp_path: Path) -> None:
    folder, pids = tmp_path / "folder", tmp_path / "pids"
    folder.mkdir()
    (folder / "a.py").write_text("import os\n")
    spoils = "open('a.py', 'w').write('half an edit'); " + AGENT
    (tmp_path / "agent.py").write_text(spoils)
    agent = f"{{use: command, run: [{sys.executable}, {tmp_path}/agent.py, {pids}], prompt: none}}"
    (tmp_path / "p.yaml").write_text(f"extends: direct\nagents: {{slow: {agent}}}\n")
    command = ["run", str(tmp_path / "p.yaml"), "--repo", str(folder), "--agent", "slow", "--quiet"]
    run = subprocess.Popen([sys.executable, "-m", "stomper_sdk", *command])
    wait_until(lambda: pids.exists() and bool(pids.read_text()))
    run.kill()
    run.wait()
    assert (folder / "a.py").read_text() == "half an edit"
    (said,) = stomper_sdk.clean(folder)
    subprocess.run(
        said.partition("as it was: ")[2].replace("FILE", "a.py"), shell=True, cwd=folder, check=True
    )
    assert (folder / "a.py").read_text() == "import os\n"
    wait_until(lambda: alive(pids) == [])


def test_a_program_that_runs_a_pipeline_is_ended_after_the_clean_up(
    make_checkout: Make, tmp_path: Path
) -> None:
    user, begun = make_checkout({"a.py": "import os\n"}), tmp_path / "begun"
    script = (
        "import pathlib, sys, trio, stomper_sdk\n"
        "async def slow(task):\n"
        "    pathlib.Path(sys.argv[2]).touch()\n"
        "    await trio.sleep_forever()\n"
        "stomper_sdk.run('default', repo=sys.argv[1], agents={'builtin': slow})\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script, str(user.root), str(begun)])
    try:
        wait_until(begun.exists)
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == -signal.SIGTERM
    finally:
        run.kill()
    assert (user.leftovers(), user.status, user.subjects) == ([], "", ["start"])
