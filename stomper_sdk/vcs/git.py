"""One git command, and a thread to run it in.

Git is called so that nothing in a checkout decides what else runs: no hooks (they are run where the
pipeline says so), no file system monitor, no background maintenance, no prompts.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import trio

from stomper_sdk.errors import MachineError, RepositoryError, machine_error, machine_limits

__all__ = ["DAMAGED", "NO_ROOM", "GitError", "check_git", "git", "git_environment", "in_thread"]

P = ParamSpec("P")
T = TypeVar("T")

TIME_LIMIT = 300.0
_OLDEST = (2, 30)
_INSTALL = "Install git 2.30 or newer."
# One for each trio run: runs in several threads of one process must not share it.
_threads: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("git threads")
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.safecrlf=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "advice.detachedHead=false",
)
_OPTIONS = ("--literal-pathspecs", "--no-optional-locks", *(w for s in _SETTINGS for w in ("-c", s)))
DAMAGED = "The repository is damaged: see what git fsck says, or clone it afresh."
NO_ROOM = "Is there room on the disk, and may it be written?"
# What to do about what git says.
_HINTS = {
    "unable to (write|create|unlink)": NO_ROOM,
    r"filter .* failed|filter-process": "A filter of .gitattributes does not work here: is it installed?",
    r"corrupt|bad (object|index|signature)|smaller than|not a tree|unable to read|could not parse": DAMAGED,
}
# What git sets for its hooks, and what would make it look at another repository than the one it is in.
_LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REFLOG_ACTION",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)


class GitError(RepositoryError):
    """A git command failed; `said` is what it printed on standard error."""

    def __init__(self, argv: Sequence[str], exit_code: int, said: str) -> None:
        command = next(word for word in argv if not word.startswith(("-", "core.")))
        super().__init__(f"git {command} exited with {exit_code}: {said.strip()}", _hint(said))
        self.said = said


def _hint(said: str) -> str:
    return next((hint for pattern, hint in _HINTS.items() if re.search(pattern, said)), "")


def git(cwd: Path, *argv: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
    """Run a git command in a session of its own, so that Ctrl-C never ends it half-way.

    Raises:
        GitError: it exited with anything but 0.
        MachineError: for want of room or the like.
        RepositoryError: git is missing, or did not end within its time limit.
    """
    process = _started([*_OPTIONS, *argv], cwd, {**git_environment(), **(env or {})})
    try:
        output, said = process.communicate(stdin, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired as error:
        # Filters of the user's own run below git: they end with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise RepositoryError(f"git {argv[0]} did not end within {TIME_LIMIT:g} s") from error
    if process.returncode != 0:
        raise _failed(argv, process.returncode, said.decode("utf-8", "replace"))
    return output


def _failed(argv: Sequence[str], exit_code: int, said: str) -> GitError | MachineError:
    return machine_error(said) or GitError(argv, exit_code, said)


def _started(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        with machine_limits():
            return subprocess.Popen(
                [_git_program(os.environ.get("PATH")), *argv],
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                start_new_session=True,
            )
    except FileNotFoundError as error:
        text = "git is missing" if cwd.is_dir() else f"the folder {cwd} is gone"
        raise RepositoryError(text, _INSTALL) from error
    except OSError as error:
        raise RepositoryError(f"git cannot be started in {cwd}: {error.strerror}") from error


@functools.lru_cache(8)
def _git_program(path: str | None) -> str:
    """Looked up once: to try each folder of the path at each start would cost more than it seems."""
    return shutil.which("git", path=path) or "git"


def check_git() -> str:
    """See that git is there and new enough; what it calls its version is returned.

    Raises:
        RepositoryError: it is missing, broken or too old.
    """
    return _check_version(_git_program(os.environ.get("PATH")))


@functools.lru_cache(8)
def _check_version(program: str) -> str:
    # Without our options: an old one does not know them.
    asked = _started(["version"], Path("/"), git_environment())
    said = asked.communicate(timeout=TIME_LIMIT)[0].decode("utf-8", "replace").strip()
    found = re.match(r"git version (\d+)\.(\d+)", said)
    if found is None:
        raise RepositoryError(f"{program} is no git: it says {said[:80]!r}", _INSTALL)
    if (int(found[1]), int(found[2])) < _OLDEST:
        raise RepositoryError(f"{program} is too old: {said}", _INSTALL)
    return said.removeprefix("git version ")


def git_environment() -> dict[str, str]:
    """Our environment as git should see it: the user's identity and settings, no other repository's."""
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": ":", "GIT_MERGE_AUTOEDIT": "no"}


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function in a thread; a cancel waits for it, since half a git command is none."""
    return await trio.to_thread.run_sync(lambda: function(*args, **kwargs), limiter=_limiter())


def _limiter() -> trio.CapacityLimiter:
    try:
        return _threads.get()
    except LookupError:
        _threads.set(trio.CapacityLimiter(16))
        return _threads.get()
