"""Throw-away repositories with one finding a file, and a look from outside at whether the job was done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ENVIRONMENT", "NotDoneError", "copy_repo", "find_beside", "git", "make_repo", "verify"]

_UNUSED = "import os\n"
_FILES_A_FOLDER = 10
_SETTINGS = {
    "user.name": "Benchmark",
    "user.email": "benchmark@example.org",
    # Nobody's time is to hold somebody else's housekeeping.
    "gc.auto": "0",
    "maintenance.auto": "false",
}
#: Everybody runs with git as it comes: what a user's own settings sign or run is no part of the job.
#: Byte code is kept, as it is where a package is installed, or each start would compile our sources anew.
ENVIRONMENT: Mapping[str, str] = {
    **{
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and name != "PYTHONDONTWRITEBYTECODE"
    },
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


class NotDoneError(Exception):
    """A run came to its end without having done the job."""


def find_beside(name: str) -> str:
    """A program of this Python's own environment, else the one on the path."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is missing: install the project (pip install -e .) into this environment")
    return found


def git(repo: Path, *argv: str) -> str:
    done = subprocess.run(
        ["git", *argv], cwd=repo, env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make_repo(folder: Path, files: int) -> Path:
    """A repository of so many modules, each with one unused import and nothing else to find."""
    folder.mkdir(parents=True)
    for number in range(files):
        path = folder / f"package_{number // _FILES_A_FOLDER:03}" / f"module_{number:04}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_module(number, _UNUSED))
    # Settings of its own, so that none of a parent folder's count.
    (folder / "ruff.toml").write_text('[lint]\nselect = ["F"]\n')
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, value in _SETTINGS.items():
        git(folder, "config", name, value)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "start")
    git(folder, "tag", "base")
    return folder


def copy_repo(template: Path, folder: Path) -> Path:
    """A copy that nobody has worked in, with an index that knows its files."""
    shutil.copytree(template, folder)
    git(folder, "update-index", "-q", "--refresh")
    return folder


def verify(repo: Path) -> None:
    """See from outside that each file was fixed in a commit of its own and nothing was left behind.

    Raises:
        NotDoneError: something is missing, or too much.
    """
    tracked = git(repo, "ls-tree", "-r", "--name-only", "base").splitlines()
    files = [path for path in tracked if path.endswith(".py")]
    commits = git(repo, "log", "--format=", "--name-only", "base..HEAD").splitlines()
    _expect("one commit for each file", Counter(files) == Counter(filter(None, commits)))
    count = int(git(repo, "rev-list", "--count", "base..HEAD"))
    _expect(f"{len(files)} commits, not {count}", count == len(files))
    for number, path in enumerate(sorted(files)):
        _expect(f"nothing else changed in {path}", (repo / path).read_text() == _module(number, ""))
    look = [find_beside("ruff"), "check", "--no-cache", "--quiet"]
    done = subprocess.run(look, cwd=repo, capture_output=True, text=True)
    _expect(f"ruff finds nothing: {done.stdout[-500:]}", done.returncode == 0)
    _expect("a clean status", git(repo, "status", "--porcelain", "--untracked-files=all") == "")
    _expect("no worktree left", git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1)
    _expect("no branch left", git(repo, "branch", "--format=%(refname)") == "refs/heads/main")


def _module(number: int, imports: str) -> str:
    return (
        f'"""Module {number}."""\n\n{imports}import math\n\n\n'
        f"def area(radius: float) -> float:\n    return math.pi * radius**2 + {number}\n"
    )


def _expect(what: str, holds: bool) -> None:
    if not holds:
        raise NotDoneError(f"expected: {what}")
