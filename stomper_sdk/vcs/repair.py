"""After a process has died while it moved the user's checkout: all of the move, or none of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from stomper_sdk.errors import RepositoryError
from stomper_sdk.vcs.forward import take_back
from stomper_sdk.vcs.git import git
from stomper_sdk.vcs.repository import Repository, Target

__all__ = ["repair"]

_WAIT_SECONDS = 5.0
#: How long after its announcement a move of the checkout has its locks by.
_MOMENT_SECONDS = 120.0
#: The same for its index, sooner than anybody could stage something.
_INDEX_SECONDS = 3.0


def repair(repository: Repository, target: Target, parent: str, commit: str, announced: float) -> bool:
    """See to it that the target is at a commit with its checkout, or before it with its checkout.

    To be called by who holds the lock of commits, and when no process of the dead one lives any more. Only
    a lock that git left, or its index of that moment, proves that it was ended midway; without one, nothing
    is touched.

    Args:
        repository: the one that was being changed.
        target: where the commit was to land.
        parent: where the target was.
        commit: what it was moved to.
        announced: when that began, in seconds since the epoch.

    Returns:
        Whether anything was taken back.

    Raises:
        RepositoryError: a git is at work there.
    """
    locks = _locks(repository, target, announced)
    until = time.monotonic() + _WAIT_SECONDS
    while locks and _git_is_at_work(repository.root):
        if time.monotonic() > until:
            text = f"a git command is still at work in {repository.root}"
            raise RepositoryError(text, "Try again when it has ended.")
        time.sleep(0.05)
        locks = _locks(repository, target, announced)
    for lock in locks:
        lock.unlink(missing_ok=True)
    # Between its index and its branch, git has no lock; then the index is from that very moment.
    indexed = not locks and _is_of(repository.git_dir / "index", announced, 0.0, _INDEX_SECONDS)
    if not (locks or indexed) or repository.has_reached(target, commit):
        return False
    if not target.checked_out or repository.current_target() != target or repository.tip(target) != parent:
        return False
    take_back(repository.root, commit, frozenset() if indexed else _staged(repository.root))
    return True


def _locks(repository: Repository, target: Target, announced: float) -> list[Path]:
    """The locks that git had for the move: whoever took one at another time may have it still."""
    names = [repository.git_dir / "index.lock", repository.git_dir / "HEAD.lock"]
    if target.ref.startswith("refs/heads/"):
        names.append(repository.common_dir / f"{target.ref}.lock")
    return [lock for lock in names if _is_of(lock, announced, -1.0, _MOMENT_SECONDS)]


def _is_of(file: Path, announced: float, earliest: float, latest: float) -> bool:
    """Whether a file was written in the seconds from one to another after the announcement."""
    try:
        return earliest <= file.lstat().st_mtime - announced <= latest
    except OSError:
        return False


def _staged(root: Path) -> frozenset[str]:
    """What the user has staged: as long as git has its lock, it has staged nothing itself."""
    raw = git(root, "diff", "--cached", "--name-only", "--no-renames", "-z", "HEAD")
    return frozenset(os.fsdecode(path) for path in raw.split(b"\0")[:-1])


def _git_is_at_work(root: Path) -> bool:
    return any(folder == root or root in folder.parents for folder in _folders_of_git())


def _folders_of_git() -> Iterator[Path]:
    """Where the git processes of this machine are, as far as we may see."""
    import psutil  # late: few runs need it, and each would wait for it

    for process in psutil.process_iter(["name", "cwd"]):
        if str(process.info["name"]).startswith("git") and process.info["cwd"]:
            yield Path(process.info["cwd"])
