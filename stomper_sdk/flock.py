"""Locks on files that the system frees when their holder dies, however it dies."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["try_lock", "unlock"]


def try_lock(path: Path) -> int | None:
    """Take the lock on a file, made if need be; None where another holds it."""
    import fcntl  # not on Windows, where importing this package must still say so in words

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def unlock(descriptor: int) -> None:
    os.close(descriptor)
