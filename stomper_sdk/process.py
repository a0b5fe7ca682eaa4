"""One external command: own session, a time limit, capped output, and nothing that outlives it.

Ending a process group is not enough: tools start their children in sessions of their own, and those
survive the group's SIGKILL. Inside `adopting_orphans` Linux hands such orphans to us (subreaper,
prctl(2)), so a sweep after each command finds them among our children, told by the command's session
or by the marker that it put into their environment. Elsewhere the marker alone is searched for.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import attrs
import trio

from stomper_sdk.errors import CommandError

__all__ = [
    "CommandTimeout",
    "Completed",
    "adopting_orphans",
    "clean_environment",
    "find_program",
    "run_command",
]

MARKER = "STOMPER_COMMAND"
_GRACE_SECONDS = 2.0
_SWEEP_SECONDS = 5.0
_DRAIN_SECONDS = 1.0
_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37

_numbers = itertools.count(1)
_live: set[int] = set()


class CommandTimeout(CommandError):
    """The command was ended, with all that it started, at its time limit."""


@attrs.frozen
class Completed:
    """A command that ended by itself; `truncated` says that the middle of an output was dropped."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    truncated: bool = False

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        return self.stderr.decode("utf-8", "replace")


async def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    max_output: int = 16 * 1024 * 1024,
) -> Completed:
    """Run a command to its end, and end all that it started.

    Args:
        argv: program and arguments; never given to a shell.
        cwd: the working directory.
        timeout: seconds until the whole process tree is ended.
        env: the whole environment, as `clean_environment` makes it by default.
        stdin: what the command reads; it is closed afterwards.
        max_output: bytes kept of each of the two outputs: the first and the last half.

    Raises:
        CommandError: the program is missing or cannot be started.
        CommandTimeout: the time limit was reached.
    """
    started = trio.current_time()
    marker = f"{os.getpid()}-{next(_numbers)}"
    environment = {**(clean_environment() if env is None else env), "PWD": str(cwd)}
    environment[MARKER] = marker
    out, err = _Capped(max_output), _Capped(max_output)
    with _input_file(stdin) as source:
        process = await _start(argv, cwd, environment, source)
    assert process.stdout is not None and process.stderr is not None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read, process.stdout, out)
            nursery.start_soon(_read, process.stderr, err)
            with trio.move_on_after(timeout) as limit:
                await process.wait()
            await _end(process, marker)
            nursery.cancel_scope.deadline = trio.current_time() + _DRAIN_SECONDS
    finally:
        await _end(process, marker)
        _live.discard(process.pid)
    if limit.cancelled_caught:
        raise CommandTimeout(f"{argv[0]} was ended at its time limit of {timeout:g} s")
    return Completed(
        tuple(argv),
        process.returncode if process.returncode is not None else -signal.SIGKILL,
        out.value(),
        err.value(),
        trio.current_time() - started,
        out.truncated or err.truncated,
    )


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Become the parent of every orphan below this process while the block runs (Linux only)."""
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = ctypes.c_int(0)
    libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without what would make git look elsewhere, or tell where we came from."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and name not in {"OLDPWD", MARKER}
    }
    return {**kept, **(extra or {})}


def find_program(name: str) -> str | None:
    """Where a program is: in the active virtual environment, in our own, or on the path."""
    if os.sep in name:
        return shutil.which(name)
    active = os.environ.get("VIRTUAL_ENV")
    folders = [f"{active}/bin"] if active else []
    folders += [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return shutil.which(name, path=os.pathsep.join(folders))


class _Capped:
    """Bytes with a limit: what comes first and what comes last is kept, the middle is dropped."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.truncated = False

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._half:
            self._trim()

    def value(self) -> bytes:
        self._trim()
        gap = b"\n[... output cut ...]\n" if self.truncated else b""
        return bytes(self._head + gap + self._tail)

    def _trim(self) -> None:
        excess = len(self._tail) - self._half
        if excess > 0:
            del self._tail[:excess]
            self.truncated = True


@contextlib.contextmanager
def _input_file(content: bytes) -> Iterator[int | IO[bytes]]:
    """A file rather than a pipe, so that a command that never reads cannot block us."""
    if not content:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


async def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: int | IO[bytes]
) -> trio.Process:
    try:
        with trio.CancelScope(shield=True):
            process = await trio.lowlevel.open_process(
                list(argv),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot start {argv[0]}: {error}") from error
    _live.add(process.pid)
    return process


async def _read(stream: trio.abc.ReceiveStream, into: _Capped) -> None:
    async with stream:
        async for chunk in stream:
            into.add(bytes(chunk))


async def _end(process: trio.Process, marker: str) -> None:
    """End what is left of a command: politely, then by force, then its orphans."""
    with trio.CancelScope(shield=True):
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with trio.move_on_after(_GRACE_SECONDS):
                await process.wait()
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        with trio.move_on_after(_SWEEP_SECONDS):
            while _kill_orphans(process.pid, marker):
                await trio.sleep(0.005)


def _signal_group(pid: int, number: signal.Signals) -> None:
    # macOS says EPERM where every member of the group is a zombie.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _kill_orphans(session: int, marker: str) -> bool:
    """Kill and reap what the command left; true while something was still there."""
    found = False
    for pid in _adopted() if sys.platform == "linux" else _marked(marker):
        if pid in _live or not _belongs(pid, session, marker):
            continue
        found = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return found


def _adopted() -> Iterable[int]:
    for task in Path("/proc/self/task").iterdir():
        # A thread may end while we look.
        with contextlib.suppress(OSError):
            yield from map(int, (task / "children").read_text().split())


def _belongs(pid: int, session: int, marker: str) -> bool:
    if sys.platform != "linux":
        return True
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if int(stat[3]) == session:
            return True
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return f"{MARKER}={marker}".encode() in variables
    return False


def _marked(marker: str) -> Iterable[int]:
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARKER) == marker:
                yield process.pid
