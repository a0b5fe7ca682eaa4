"""Python alone: to run a file of ours inside of a sandbox, fast, and with nothing of the user's in it."""

from __future__ import annotations

import os
import sys
from importlib.util import cache_from_source
from types import ModuleType

__all__ = ["bare_python"]

# Not that of a virtual environment, which would only look for its own.
_PYTHON = os.path.realpath(sys.executable)


def bare_python(module: ModuleType) -> list[str]:
    """The words that run a module as a program; it must need nothing but what comes with Python."""
    source = str(module.__file__)
    # Where there is byte code of it, since we import it too: Python makes none of a file that it runs.
    compiled = cache_from_source(source)
    return [_PYTHON, "-I", "-S", compiled if os.access(compiled, os.R_OK) else source]
