"""One external command: own session, a time limit, capped output, and nothing that outlives it.

No signal goes to a pid that may have become somebody else's: on Linux the command is reaped last, after
its group and its orphans (`orphans`) are gone. As long as it is a zombie its number, which is its
group's and its session's too, is not given away.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import IO, Protocol

import attrs
import trio

from stomper_sdk.errors import CommandError
from stomper_sdk.orphans import FAMILY, MARKER, adopting_orphans, family_of, signal_quietly, sweep
from stomper_sdk.secrets import is_secret

__all__ = [
    "CommandLimit",
    "CommandTimeout",
    "Completed",
    "Confinement",
    "adopting_orphans",
    "clean_environment",
    "find_program",
    "passed_on",
    "run_command",
    "withheld",
]

_GRACE_SECONDS = 2.0
_SWEEP_SECONDS = 5.0
_DRAIN_SECONDS = 1.0
#: How often it is seen whether a confined command takes more than it may.
_LOOK_SECONDS = 0.05

_numbers = itertools.count(1)
_programs: dict[tuple[str, str], str | None] = {}
_live: set[int] = set()


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
    def ending(self) -> str:
        """How it ended, as it follows the program's name in a message."""
        if self.exit_code >= 0:
            return f"exited with {self.exit_code}"
        try:
            return f"was killed by {signal.Signals(-self.exit_code).name}"
        except ValueError:  # a real-time signal has no name
            return f"was killed by signal {-self.exit_code}"

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        return self.stderr.decode("utf-8", "replace")


class CommandLimit(CommandError):
    """The command was ended, with all that it started, at a limit.

    `completed` holds what it had printed until then.
    """

    def __init__(self, message: str, completed: Completed) -> None:
        super().__init__(message)
        self.completed = completed


class CommandTimeout(CommandLimit):
    """That limit was its time."""


class Confinement(Protocol):
    """What a command is shut in; how is its own business."""

    def entered(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]
    ) -> AbstractAsyncContextManager[tuple[Sequence[str], Mapping[str, str]]]:
        """The words and the environment that start the command inside; what it lent is taken back."""

    def showing(self, place: Path) -> Confinement:
        """The same, in which a folder can be read too, wherever it is."""

    def at_home(self, home: Path) -> Confinement:
        """The same, in which a folder can be written too, and is the home of whatever runs inside."""

    def excess(self, pids: Iterable[int]) -> str:
        """What these processes take beyond their limit, empty where nothing; it may block."""


async def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    max_output: int = 16 * 1024 * 1024,
    confinement: Confinement | None = None,
    ending: signal.Signals = signal.SIGTERM,
) -> Completed:
    """Run a command to its end, and end all that it started.

    Args:
        argv: program and arguments; never given to a shell.
        cwd: the working directory.
        timeout: seconds until the whole process tree is ended.
        env: the whole environment, as `clean_environment` makes it by default.
        stdin: what the command reads; it is closed afterwards.
        max_output: bytes kept of each of the two outputs: the first and the last half.
        confinement: what the command and all that it starts are shut in; None for nothing.
        ending: the signal that asks it to end, before it is made to.

    Raises:
        CommandError: the program is missing or cannot be started.
        CommandTimeout: the time limit was reached.
        CommandLimit: a limit of the confinement was.
    """
    marker = f"{FAMILY}-{next(_numbers)}"
    environment = {**(clean_environment() if env is None else env), "PWD": str(cwd)}
    environment[MARKER] = ":".join(filter(None, (os.environ.get(MARKER), marker)))
    call = _Call(tuple(argv), cwd, timeout, stdin, max_output, marker, confinement, ending)
    if confinement is None:
        return await _run(call, argv, environment)
    _refuse_missing(argv, cwd, environment)
    async with confinement.entered(argv, cwd, environment) as (words, inner):
        return await _run(call, words, inner)


@attrs.frozen
class _Call:
    """What `run_command` was asked for."""

    argv: tuple[str, ...]
    cwd: Path
    timeout: float
    stdin: bytes
    max_output: int
    marker: str
    confinement: Confinement | None
    ending: signal.Signals


async def _run(call: _Call, words: Sequence[str], env: Mapping[str, str]) -> Completed:
    """Run a command by the words that start it: its own, or those of what it is shut in."""
    started, excess = trio.current_time(), ""
    out, err = _Capped(call.max_output), _Capped(call.max_output)
    with _input_file(call.stdin) as source:
        process = await _start(words, call.cwd, env, source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read, process.stdout, out)
        nursery.start_soon(_read, process.stderr, err)
        try:
            with trio.move_on_after(call.timeout) as limit:
                excess = await _within(call, process)
        finally:
            await _end(process, call.marker, call.ending)
        nursery.cancel_scope.deadline = trio.current_time() + _DRAIN_SECONDS
    code = -signal.SIGKILL if process.returncode is None else process.returncode
    took = trio.current_time() - started
    outputs = (out.value(), err.value())
    done = Completed(call.argv, code, *outputs, took, out.truncated or err.truncated)
    if limit.cancelled_caught:
        raise CommandTimeout(f"{call.argv[0]} was ended at its time limit of {call.timeout:g} s", done)
    if excess:
        raise CommandLimit(f"{call.argv[0]} was ended: {excess}", done)
    return done


#: What tells where we came from, or makes us fail in tests.
_OURS = frozenset({"OLDPWD", "STOMPER_FAULTS"})


def clean_environment(extra: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Our environment without secrets, nor what would make git look elsewhere or tell where we came from.

    Args:
        extra: variables on top of that; None as a value passes on our own, be it secret or not.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and name not in _OURS and not is_secret(name, value)
    }
    return {**kept, **passed_on(extra or {})}


def withheld(passed: Collection[str] = ()) -> frozenset[str]:
    """The names of our variables that are secret, and kept from programs but for those passed on."""
    return frozenset(name for name, value in os.environ.items() if is_secret(name, value)) - set(passed)


def passed_on(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables with our own values where none is given; those that we do not have are left out."""
    values = {name: os.environ.get(name) if value is None else value for name, value in variables.items()}
    return {name: value for name, value in values.items() if value is not None}


def find_program(name: str) -> str | None:
    """Where a program is: in the active virtual environment, in our own, or on the path."""
    if os.sep in name:
        return shutil.which(name)
    active = os.environ.get("VIRTUAL_ENV")
    folders = [f"{active}/bin"] if active else []
    folders += [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return _found(name, os.pathsep.join(folders))


def _found(name: str, path: str) -> str | None:
    """What was found once is looked for again only when it is gone."""
    known = _programs.get((name, path))
    if known is None or not os.access(known, os.X_OK):
        known = _programs[name, path] = shutil.which(name, path=path)
    return known


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
        return b"".join((self._head, gap, self._tail))

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
        raise _cannot_start(argv, cwd, error) from error
    _live.add(process.pid)
    return process


def _cannot_start(argv: Sequence[str], cwd: Path, error: OSError | ValueError) -> CommandError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.E2BIG:
        size = max(len(os.fsencode(word)) for word in argv)
        hint = f"The longest has {size} bytes. Give long text by standard input or in a file."
        return CommandError(f"cannot start {argv[0]}: its arguments are too long for this system", hint)
    if not cwd.is_dir():
        return CommandError(f"cannot start {argv[0]}: there is no folder {cwd}")
    if number == errno.ENOENT and shutil.which(argv[0]) is None:
        return CommandError(f"the program {argv[0]!r} is missing", "Install it, or give its path.")
    return CommandError(f"cannot start {argv[0]}: {error}")


async def _read(stream: trio.abc.ReceiveStream | None, into: _Capped) -> None:
    assert stream is not None, "both outputs are pipes"
    async with stream:
        async for chunk in stream:
            into.add(bytes(chunk))


def _refuse_missing(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
    """Inside, something else would be started first, and tell less clearly what is missing."""
    program = str(cwd / argv[0]) if os.sep in argv[0] else argv[0]
    if cwd.is_dir() and shutil.which(program, path=env.get("PATH")) is None:
        raise _cannot_start(argv, cwd, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0]))


async def _within(call: _Call, process: trio.Process) -> str:
    """Wait until a command ends by itself, or takes more than it may: then what that is."""
    confinement, excess = call.confinement, ""
    if confinement is None:
        await _exited(process)
        return ""

    def look() -> str:
        return confinement.excess(family_of(process.pid, call.marker, _live))

    while not excess:
        with trio.move_on_after(_LOOK_SECONDS) as pause:
            await _exited(process)
        if not pause.cancelled_caught:
            return ""
        excess = await trio.to_thread.run_sync(look)
    return excess


async def _exited(process: trio.Process) -> None:
    """Wait until a command has ended, where the system can tell (pidfd) without reaping it."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # macOS, Linux before 5.3, no descriptor left
        await process.wait()
        return
    try:
        await trio.lowlevel.wait_readable(handle)
    finally:
        os.close(handle)


async def _end(process: trio.Process, marker: str, ending: signal.Signals) -> None:
    """End what is left of a command: politely, then by force, then its orphans; reap it last."""
    with trio.CancelScope(shield=True):
        if not _has_exited(process):
            signal_quietly(os.killpg, process.pid, ending)
            with trio.move_on_after(_GRACE_SECONDS):
                await _exited(process)
        signal_quietly(os.killpg, process.pid, signal.SIGKILL)
        with trio.move_on_after(_SWEEP_SECONDS):
            if not _has_exited(process):
                await _exited(process)
            await sweep(process.pid, marker, _live)
        if _has_exited(process):
            await process.wait()
        _live.discard(process.pid)


def _has_exited(process: trio.Process) -> bool:
    if sys.platform != "linux":
        return process.returncode is not None
    try:
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, process.pid, look) is not None
    except ChildProcessError:
        return True
