"""Locks on files that the system frees when their holder dies, however it dies."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["try_lock", "unlock"]


def try_lock(path: Path, *, make: bool = True) -> int | None:
    """Take the lock on a file, made if need be; None where another holds it.

    Its holder may remove the file. Whoever opened it before would then lock what nobody finds any more,
    and somebody else the file that is new there: so it is opened until the locked one is the one there.

    Raises:
        FileNotFoundError: it is not there, nor to be made, or its folder is gone.
        OSError: it cannot be opened.
    """
    import fcntl  # not on Windows, where importing this package must still say so in words

    flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_there(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def unlock(descriptor: int) -> None:
    os.close(descriptor)
