"""Landlock: a program gives up the right to write elsewhere, and so does all that it starts.

It needs no right to make name spaces, and holds less than bubblewrap: everything can be read, other processes
are seen, though not signalled, and modes, owners and times of the user's own files can still be changed.
"""

from __future__ import annotations

from pathlib import Path

from stomper_sdk.sandbox import launcher
from stomper_sdk.sandbox.bare import bare_python
from stomper_sdk.sandbox.base import Cell

__all__ = ["landlock_prefix"]


def landlock_prefix(cell: Cell, own: Path, cwd: Path) -> list[str]:
    """The words before those of a command that is to run in a cell; see `bubblewrap_prefix`."""
    sandbox = cell.sandbox
    network = "allow" if sandbox.network == "allow" else str(cell.proxy or "deny")
    paths = map(str, (*sandbox.writable, *cell.places, own))
    return [*bare_python(launcher), network, str(sandbox.limits.memory), *paths, "--"]
