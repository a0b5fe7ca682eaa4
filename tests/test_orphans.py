"""What commands leave behind: real trees of processes, checked by pid."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from stomper_sdk import orphans, process
from stomper_sdk.process import CommandTimeout, adopting_orphans, clean_environment, run_command

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
PYTHON = sys.executable


@pytest.fixture(autouse=True)
def _adopting() -> Iterator[None]:
    """Whatever a test starts, no child is left when it ends, dead or alive."""
    with adopting_orphans():
        before = children()
        yield
        assert children() <= before


def children() -> set[str]:
    tasks = Path("/proc/self/task").iterdir() if sys.platform == "linux" else ()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


def python(code: str, *args: str) -> list[str]:
    return [PYTHON, "-c", textwrap.dedent(code), *args]


def importing() -> dict[str, str]:
    """The environment of a Python that imports this package."""
    return clean_environment({"PYTHONPATH": str(Path(process.__file__).parents[1])})


def alive(pid: int) -> bool:
    """True also for a zombie: nobody reaped it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def eventually(holds: Callable[[], object]) -> None:
    with trio.fail_after(10):
        while not holds():
            await trio.sleep(0.01)


def pids(folder: Path, *names: str) -> list[int]:
    return [int((folder / name).read_text()) for name in names]


def written(folder: Path, *names: str) -> bool:
    return all((folder / name).is_file() and (folder / name).read_text() for name in names)


@pytest.mark.trio
async def test_a_child_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.3)
    script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"
    with pytest.raises(CommandTimeout):
        await run_command(["sh", "-c", script], cwd=tmp_path, timeout=0.5)
    assert not alive(*pids(tmp_path, "pid"))


# A leader, a child in its group, a child in a session of its own with a child there, and a daemon.
TREE = """
    import os, subprocess, sys, time
    def child(name):
        code = f"import os, time; open({name!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        return [sys.executable, "-c", code]
    subprocess.Popen(child("same-group"))
    subprocess.Popen(child("own-session"), start_new_session=True)
    start = f"subprocess.Popen({child('nested')!r}, start_new_session=True)"
    nested = f"import subprocess, time; {start}; time.sleep(60)"
    subprocess.Popen([sys.executable, "-c", nested], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open("daemon", "w").write(str(os.getpid()))
            time.sleep(60)
        os._exit(0)
    names = ["same-group", "own-session", "nested", "daemon"]
    while not all(os.path.isfile(name) and open(name).read() for name in names):
        time.sleep(0.01)
    open("leader", "w").write(str(os.getpid()))
"""
TREE_NAMES = ("leader", "same-group", "own-session", "nested", "daemon")


@linux
@pytest.mark.trio
async def test_the_time_limit_ends_sessions_and_daemons_too(tmp_path: Path) -> None:
    with pytest.raises(CommandTimeout):
        await run_command(python(TREE + "    time.sleep(60)"), cwd=tmp_path, timeout=1.5)
    assert written(tmp_path, *TREE_NAMES)
    assert not [pid for pid in pids(tmp_path, *TREE_NAMES) if alive(pid)]


@linux
@pytest.mark.trio
async def test_what_a_command_leaves_when_it_exits_by_itself_is_ended(tmp_path: Path) -> None:
    started = time.monotonic()
    done = await run_command(python(TREE), cwd=tmp_path, timeout=30)
    assert done.exit_code == 0
    assert time.monotonic() - started < 10
    assert not [pid for pid in pids(tmp_path, *TREE_NAMES) if alive(pid)]


@linux
@pytest.mark.trio
async def test_cancel_leaves_nothing(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        command = python(TREE + "    time.sleep(60)")
        nursery.start_soon(lambda: run_command(command, cwd=tmp_path, timeout=60))
        await eventually(lambda: written(tmp_path, *TREE_NAMES))
        nursery.cancel_scope.cancel()
    assert not [pid for pid in pids(tmp_path, *TREE_NAMES) if alive(pid)]


@linux
@pytest.mark.trio
async def test_daemons_that_ended_by_themselves_are_reaped(tmp_path: Path) -> None:
    code = """
        import os
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open("daemon", "w").write(str(os.getpid()))
            os._exit(0)
        while not os.path.exists("daemon"): pass
        import time; time.sleep(0.2)
    """
    await run_command(python(code), cwd=tmp_path, timeout=10)
    assert not alive(*pids(tmp_path, "daemon"))


@linux
@pytest.mark.trio
async def test_processes_that_are_not_the_commands_are_left_alone(tmp_path: Path) -> None:
    """Ours that run, ours that ended and wait for our poll, and those of another command at work."""
    own = [subprocess.Popen(["sleep", "60"], start_new_session=flag) for flag in (False, True)]
    ended = [subprocess.Popen(["sh", "-c", "exit 7"], start_new_session=flag) for flag in (False, True)]
    left = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)"
    other = f"{left}; open('ready', 'w').close(); import time; time.sleep(0.7); print('done')"
    results = []

    async def run_other() -> None:
        results.append(await run_command(python(other), cwd=tmp_path, timeout=30))

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_other)
            await eventually((tmp_path / "ready").exists)
            for _ in range(5):
                await run_command(python(left), cwd=tmp_path, timeout=30)
        assert [child.poll() for child in own] == [None, None]
        assert [child.wait() for child in ended] == [7, 7]
        assert results[0].text == "done\n"
    finally:
        for child in own:
            child.kill()
            child.wait()


@linux
@pytest.mark.trio
async def test_commands_of_a_nested_run_are_found_by_the_outer_one(tmp_path: Path) -> None:
    """The inner run marks its commands for itself and is killed before it can sweep."""
    inner = f"""
        import os, signal, subprocess, sys, trio
        from pathlib import Path
        from stomper_sdk.process import run_command
        async def main():
            command = ["sh", "-c", "echo $$ > inner.tmp; mv inner.tmp inner; sleep 60"]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: run_command(command, cwd=Path({str(tmp_path)!r}), timeout=60))
                while not os.path.exists("inner"):
                    await trio.sleep(0.01)
                os.kill(os.getpid(), signal.SIGKILL)
        trio.run(main)
    """
    done = await run_command(python(inner), cwd=tmp_path, timeout=30, env=importing())
    assert done.exit_code == -9, done.error_text
    assert not alive(*pids(tmp_path, "inner"))


@linux
@pytest.mark.trio
async def test_commands_overlap(tmp_path: Path) -> None:
    """Each waits until all ten have begun."""
    met = 'touch "$0"; while [ $(ls | wc -l) -lt 10 ]; do sleep 0.05; done'
    ended = []

    async def meet(name: str) -> None:
        ended.append(await run_command(["sh", "-c", met, name], cwd=tmp_path, timeout=60))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(meet, str(number))
    assert [one.exit_code for one in ended] == [0] * 10


@linux
@pytest.mark.trio
async def test_a_run_in_another_thread_adopts_and_ends_orphans_too(tmp_path: Path) -> None:
    """As in a notebook, where trio does not run in the main thread."""

    async def main() -> None:
        await run_command(python(TREE), cwd=tmp_path, timeout=30)

    await trio.to_thread.run_sync(trio.run, main)
    assert not [pid for pid in pids(tmp_path, *TREE_NAMES) if alive(pid)]


@linux
def test_overlapping_runs_adopt_until_the_last_has_ended() -> None:
    """In a process of its own, since this one adopts already; the order is not that of nested blocks."""
    code = """
        import ctypes, threading
        from stomper_sdk.process import adopting_orphans

        def adopts():
            value = ctypes.c_int(0)
            ctypes.CDLL(None).prctl(37, ctypes.byref(value), 0, 0, 0)
            return value.value

        def second():
            with adopting_orphans():
                entered.set()
                first_ended.wait()
                print(adopts())

        entered, first_ended = threading.Event(), threading.Event()
        thread = threading.Thread(target=second)
        with adopting_orphans():
            thread.start()
            entered.wait()
            with adopting_orphans():
                pass
            print(adopts())
        first_ended.set()
        thread.join()
        print(adopts())
    """
    done = subprocess.run(
        python(code), env=importing(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["1", "1", "0"], "")


@linux
def test_who_a_dead_child_belongs_to_is_looked_up_beside_other_threads() -> None:
    """A tuple that another thread was making at that moment, slowly, was one no more."""
    process = subprocess.Popen(["true"])
    process.wait()

    class Other(subprocess.Popen[bytes]): ...

    other = Other(["true"])
    other.wait()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            assert orphans._unclaimed(0)

    def slowly() -> Iterator[int]:
        for number in range(40):
            time.sleep(0.0005)
            yield number

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(2):
            assert tuple(slowly()) == tuple(range(40))
    finally:
        stop.set()
        looking.join()
    assert not orphans._unclaimed(process.pid)
    assert not orphans._unclaimed(other.pid)
