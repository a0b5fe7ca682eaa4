"""What a tree of processes takes, seen from outside, as often as it is looked at."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs

__all__ = ["Limits", "excess_of"]

_OWN = re.compile(r"^Rss(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
_SHARED_OUT = re.compile(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
#: What is left to others of a disk that is nearly full: a part of it, and no more than some bytes.
_PART, _BYTES = 0.03, 256 * 1024**2


@attrs.frozen
class Limits:
    """The most that a command takes with all that it started: bytes of memory, and processes."""

    memory: int
    processes: int


def excess_of(family: Iterable[int], limits: Limits, place: Path) -> str:
    """What some processes take beyond a limit, in words; empty where they keep to them.

    Memory is what is theirs alone, files that are mapped left out. `place` is a folder that they write in.
    """
    pids = tuple(itertools.islice(family, limits.processes + 1))
    if len(pids) > limits.processes:
        return f"it had more than {limits.processes} processes (sandbox.processes)"
    # What is shared is counted in each at first: to tell whose it is takes time.
    most = limits.memory // 1024
    if _kilobytes(pids, "status", _OWN) > most and _kilobytes(pids, "smaps_rollup", _SHARED_OUT) > most:
        return f"it took more than {in_words(limits.memory)} of memory (sandbox.memory)"
    if _nearly_full(place):
        return f"the disk that holds {place} is nearly full"
    return ""


def _kilobytes(pids: Iterable[int], file: str, pattern: re.Pattern[str]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            total += sum(map(int, pattern.findall(Path(f"/proc/{pid}/{file}").read_text())))
    return total


def _nearly_full(place: Path) -> bool:
    with contextlib.suppress(OSError):
        room = os.statvfs(place)
        return room.f_bavail * room.f_frsize < min(room.f_blocks * room.f_frsize * _PART, _BYTES)
    return False


def in_words(size: int) -> str:
    """`2G`, `512M`, or bytes: as it is written in a pipeline."""
    for unit, power in (("G", 30), ("M", 20), ("K", 10)):
        if size % 2**power == 0:
            return f"{size >> power}{unit}"
    return str(size)
