"""What `package.json` says, read as data that nobody vouches for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stomper_sdk.validation.configuration import lookup

__all__ = ["package_scripts", "read_package", "runner_of"]

# The file that a package manager writes, and its program.
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}


def read_package(root: Path) -> dict[str, Any]:
    """The keys of `package.json`; none where it is missing or broken."""
    try:
        read = json.loads((root / "package.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def package_scripts(root: Path) -> dict[str, str]:
    """The scripts of `package.json` by name."""
    scripts = lookup(read_package(root), "scripts")
    items = scripts.items() if isinstance(scripts, dict) else ()
    return {name: command for name, command in items if isinstance(command, str)}


def runner_of(root: Path) -> str:
    """The package manager that runs the scripts."""
    return next((program for lock, program in _LOCKS.items() if (root / lock).is_file()), "npm")
