"""Landlock: a program gives up the right to write elsewhere, and so does all that it starts.

It needs no right to make name spaces, and holds less than bubblewrap: everything can be read, other processes
are seen, though not signalled, and modes, owners and times of the user's own files can still be changed.
"""

from __future__ import annotations

import os
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.sandbox import launcher

if TYPE_CHECKING:
    from stomper_sdk.sandbox.base import Cell

__all__ = ["landlock_prefix"]

_LAUNCHER = launcher.__file__
# Where there is byte code of it, since we import it too: Python makes none of a file that it runs.
_COMPILED = cache_from_source(_LAUNCHER)
# Not that of a virtual environment, which would only look for its own.
_PYTHON = os.path.realpath(sys.executable)


def landlock_prefix(cell: Cell, own: Path, cwd: Path) -> list[str]:
    """The words before those of a command that is to run in a cell; see `bubblewrap_prefix`."""
    sandbox = cell.sandbox
    network = "allow" if sandbox.network else "deny"
    program = _COMPILED if os.access(_COMPILED, os.R_OK) else _LAUNCHER
    paths = map(str, (*sandbox.writable, *cell.places, own))
    return [_PYTHON, "-I", "-S", program, network, str(sandbox.limits.memory), *paths, "--"]
