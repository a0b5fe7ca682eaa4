"""Python alone: to run a file of ours inside of a sandbox, fast, and with nothing of the user's in it."""

from __future__ import annotations

import os
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import ModuleType

__all__ = ["bare_python"]

# Not that of a virtual environment, which would only look for its own.
_PYTHON = os.path.realpath(sys.executable)


def bare_python(module: ModuleType) -> list[str]:
    """The words that run a module as a program; it must need nothing but what comes with Python."""
    source = str(module.__file__)
    # Where there is byte code of it, since we import it too: Python makes none of a file that it runs.
    compiled = cache_from_source(source)
    return [_PYTHON, "-I", "-S", compiled if _is_of(compiled, source) else source]


def _is_of(compiled: str, source: str) -> bool:
    """Whether byte code is that of a source as it is now: nobody asks when byte code is run by its name."""
    try:
        seen = Path(source).stat()
        with Path(compiled).open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    words = (0, int(seen.st_mtime) & 0xFFFFFFFF, seen.st_size & 0xFFFFFFFF)
    return head == MAGIC_NUMBER + b"".join(word.to_bytes(4, "little") for word in words)
