"""Installs the real tools: `python -m tests.agents.real.install [TOOL...]`, by default all of them.

Each version has a folder of its own, which is kept from one run of the tests to the next. This needs nothing
but Python and npm, so that it can come first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["PACKAGES", "install", "programs", "tools_folder"]


class Package(NamedTuple):
    """What a registry has: a package of npm's, or with `pip` of PyPI's, and what must stand beside it."""

    name: str
    version: str
    pip: bool = False
    beside: tuple[str, ...] = ()


PACKAGES: Mapping[str, Package] = {
    "claude-code": Package("@anthropic-ai/claude-code", "2.1.197"),
    "codex": Package("@openai/codex", "0.169.0"),
    "mini-swe-agent": Package("mini-swe-agent", "2.4.6", pip=True, beside=("mcp",)),
    "gemini": Package("@google/gemini-cli", "0.61.0"),
    "aider": Package("aider-chat", "0.86.2", pip=True),
    "opencode": Package("opencode-ai", "1.18.33"),
}
_DONE = ".installed"


def tools_folder() -> Path:
    """Where the tools are: `STOMPER_TEST_TOOLS`, else a folder of the user's cache."""
    given = os.environ.get("STOMPER_TEST_TOOLS")
    return Path(given) if given else Path.home() / ".cache" / "stomper-sdk-tests"


def programs(tool: str, folder: Path) -> Path | None:
    """The folder in which a tool's program is, None where it is not installed."""
    place, inside = _place(tool, folder), "bin" if PACKAGES[tool].pip else "node_modules/.bin"
    return place / inside if (place / _DONE).exists() else None


def install(tool: str, folder: Path) -> None:
    """Install a tool, unless it is there; what was cut short is not taken for it.

    Raises:
        subprocess.CalledProcessError: the registry, or what it gave, did not work.
    """
    place, package = _place(tool, folder), PACKAGES[tool]
    if (place / _DONE).exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if package.pip:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        pip = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{package.name}=={package.version}", *package.beside], check=True)
    else:
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", place]
        argv = [*npm, f"{package.name}@{package.version}"]
        subprocess.run(argv, cwd=tempfile.gettempdir(), check=True)
    (place / _DONE).touch()


def _place(tool: str, folder: Path) -> Path:
    return folder / f"{tool}-{PACKAGES[tool].version}"


if __name__ == "__main__":
    for wanted in sys.argv[1:] or PACKAGES:
        install(wanted, tools_folder())
        print(f"{wanted} {PACKAGES[wanted].version}: {programs(wanted, tools_folder())}")
