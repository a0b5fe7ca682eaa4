"""What a command leaves behind, found and ended.

Ending a process group is not enough: tools start their children in sessions of their own, and those
survive the group's SIGKILL. Inside `adopting_orphans` Linux hands such orphans to us (subreaper,
prctl(2)), so a sweep after each command finds them among our children, told by the command's session
or by the marker that it put into their environment. Elsewhere the marker alone is searched for.

An orphan is signalled only while it is listed as our child, that is before we reaped it: until then
its pid is nobody else's. What lives and carries neither session nor marker is never touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import attrs
import trio

__all__ = ["FAMILY", "MARKER", "adopting_orphans", "end_family", "family_of", "signal_quietly", "sweep"]

MARKER = "STOMPER_COMMAND"
#: The first half of every marker that this process gives out; unlike a pid, never given to another.
FAMILY = secrets.token_hex(8)
#: A process that is about to be a zombie, and has no environment any more (proc(5), linux/sched.h).
_PF_EXITING = 0x4
_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37


@attrs.define
class _Adoption:
    """Who counts on this process to adopt orphans.

    That is one setting of the whole process, while runs overlap in threads and within each other: the first
    one remembers how it was and sets it, the last one brings that back.
    """

    users: int = 0
    before: int = 0
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def enter(self) -> None:
        with self.lock:
            if self.users == 0:
                self.before = _adopts()
                _set_adopts(1)
            self.users += 1

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                _set_adopts(self.before)


_adoption = _Adoption()


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Become the parent of every orphan below this process while any such block runs (Linux only)."""
    if sys.platform != "linux":
        yield
        return
    _adoption.enter()
    try:
        yield
    finally:
        _adoption.leave()


def _adopts() -> int:
    value = ctypes.c_int(0)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(value), 0, 0, 0)
    return value.value


def _set_adopts(value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)


def signal_quietly(send: Callable[[int, int], None], pid: int, number: int) -> None:
    """Send a signal by `os.kill` or `os.killpg`; nobody there is no error."""
    # macOS says EPERM where every member of the group is a zombie.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)


async def sweep(session: int, marker: str, live: Collection[int]) -> None:
    """Kill and reap what a command left, until nothing is found: each orphan hands us its own.

    Args:
        session: the pid of the command, which must not have been reaped yet.
        marker: what stands in the environment of all that it started.
        live: the pids of the commands that are at work, or are still to be reaped.
    """
    owned, pause = set[int](), 0.0002
    while found := _left_by(session, marker, live, owned):
        for pid in found:
            signal_quietly(os.kill, pid, signal.SIGKILL)
        owned = {pid for pid in found if not _reaped(pid)}
        await trio.sleep(pause)
        pause = min(2 * pause, 0.002)


def family_of(pid: int, marker: str, live: Collection[int]) -> Iterator[int]:
    """A command that runs, all that is below it, and its orphans with all that is below them (Linux only).

    They are told one by one, since whoever counts them need not hear of all.
    """
    pending, found = [pid], {pid}
    while pending:
        yield (parent := pending.pop())
        below = _left_by(pid, marker, live, ()) if parent == pid else set()
        pending += (below | _below(parent)) - found
        found.update(pending)


def _below(pid: int) -> set[int]:
    """The children of all threads of a process; none where it is gone."""
    children: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children.update(map(int, (task / "children").read_text().split()))
    return children


def end_family(family: str) -> int:
    """Kill what commands of another, dead process left; the number of processes is returned."""
    found = _marked(lambda marker: marker.startswith(f"{family}-"))
    for pid in found:
        signal_quietly(os.kill, pid, signal.SIGKILL)
    return len(found)


def _left_by(session: int, marker: str, live: Collection[int], owned: Collection[int]) -> set[int]:
    """The orphans of a command; `owned` are known ones, since a dying process has no environment."""
    if sys.platform != "linux":
        return _marked(lambda other: other == marker)
    return {pid for pid in _children().difference(live) if pid in owned or _belongs(pid, session, marker)}


def _children() -> set[int]:
    """Our main thread's children; orphans that we adopt are given to it whoever started them."""
    try:
        return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))
    except OSError:  # a kernel without this file
        import psutil

        return {child.pid for child in psutil.Process().children()}


def _belongs(pid: int, session: int, marker: str) -> bool:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        state, of, flags = stat[0], stat[3], int(stat[6])
        if int(of) == session:
            return True
        if state == "Z" or flags & _PF_EXITING:
            return int(of) != os.getsid(0) and _unclaimed(pid)
        return _carries(Path(f"/proc/{pid}/environ").read_bytes(), marker)
    return False


def _unclaimed(pid: int) -> bool:
    """Whether nobody but us will ever reap a dead child.

    It has no environment left that would tell whose it was: ours were orphans when we got them, so no
    `Popen` of this Python knows them. They are found by their class, and not among all objects there are:
    whoever holds those, holds tuples that other threads are about to make, which fails there (SystemError).
    """
    kinds = list(_kinds_of(subprocess.Popen))
    every = (each for each in gc.get_referrers(*kinds) if type(each) in kinds)
    return all(getattr(each, "pid", None) != pid for each in every)


def _kinds_of(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds_of(below)


def _carries(environ: bytes, marker: str) -> bool:
    """True where the marker, or a chain of markers with it, stands in an environment."""
    values = [item for item in environ.split(b"\0") if item.startswith(f"{MARKER}=".encode())]
    return any(marker.encode() in value.partition(b"=")[2].split(b":") for value in values)


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _marked(wanted: Callable[[str], bool]) -> set[int]:
    """The processes of this user in whose chain of markers a wanted one stands."""
    import psutil

    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(map(wanted, process.environ().get(MARKER, "").split(":"))):
                found.add(process.pid)
    return found
