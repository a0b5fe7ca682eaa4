"""Where workspaces live: fast, and below no folder whose settings the tools would pick up."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stomper_sdk.errors import WorkspaceError

__all__ = ["choose_folder", "find_folder"]

#: What linters, type checkers, test runners and git climb to parent folders for.
_SETTINGS = (
    ".editorconfig",
    ".eslintrc.json",
    ".flake8",
    ".git",
    ".mypy.ini",
    ".pylintrc",
    ".ruff.toml",
    "biome.json",
    "conftest.py",
    "eslint.config.cjs",
    "eslint.config.js",
    "eslint.config.mjs",
    "eslint.config.ts",
    "mypy.ini",
    "package.json",
    "pylintrc",
    "pyproject.toml",
    "pyrightconfig.json",
    "pytest.ini",
    "ruff.toml",
    "setup.cfg",
    "tox.ini",
    "tsconfig.json",
)
_MEMORY = Path("/dev/shm")  # noqa: S108 - only as a parent of folders made with an unguessable name
_SHARE = 0.25


def choose_folder(declared: str | None, bytes_needed: int) -> Path:
    """The folder under which a session makes a folder of its own; a declared one is made.

    Raises:
        WorkspaceError: the declared folder cannot be used, or none can.
    """
    folder = find_folder(declared, bytes_needed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"workspace.root: {folder} cannot be made: {error.strerror}") from error
    return folder


def find_folder(declared: str | None, bytes_needed: int) -> Path:
    """The same folder, not made yet where it is declared.

    Without a declared one that is memory where it holds a quarter more than enough and runs programs,
    else the system's folder for temporary files, else the user's cache folder.

    Raises:
        WorkspaceError: the declared folder cannot be used, or none can.
    """
    if declared is not None:
        return _declared(Path(declared).expanduser().absolute())
    for folder in (_MEMORY, Path(tempfile.gettempdir()), Path.home() / ".cache"):
        if folder == _MEMORY and not _fits(folder, bytes_needed):
            continue
        if os.access(folder, os.W_OK | os.X_OK) and settings_above(folder) is None:
            return folder
    raise WorkspaceError(
        "no folder for workspaces is free of settings files above it", "Name one with workspace.root."
    )


def settings_above(folder: Path) -> Path | None:
    """The first settings file in a folder or its parents that tools would climb to."""
    real = folder.resolve()
    places = (place / name for place in (real, *real.parents) for name in _SETTINGS)
    return next((place for place in places if place.exists()), None)


def _declared(folder: Path) -> Path:
    found = settings_above(folder)
    if found is not None:
        raise WorkspaceError(
            f"workspace.root: tools that run below {folder} would read {found}",
            "Choose a folder that has no settings above it.",
        )
    return folder


def _fits(folder: Path, bytes_needed: int) -> bool:
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return not room.f_flag & os.ST_NOEXEC and bytes_needed <= room.f_bavail * room.f_frsize * _SHARE
