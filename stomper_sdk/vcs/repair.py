"""After a process has died while it moved the user's checkout: all of the move, or none of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from stomper_sdk.vcs.forward import take_back
from stomper_sdk.vcs.repository import Repository, Target

__all__ = ["repair"]

_WAIT_SECONDS = 5.0


def repair(repository: Repository, target: Target, parent: str, commit: str) -> bool:
    """See to it that the target is at a commit with its checkout, or before it with its checkout.

    To be called by who holds the lock of commits, and when no process of the dead one lives any more.

    Args:
        repository: the one that was being changed.
        target: where the commit was to land.
        parent: where the target was.
        commit: what it was moved to.

    Returns:
        Whether the commit is in the target.
    """
    _remove_locks(repository, target)
    if repository.has_reached(target, commit):
        return True
    if target.checked_out and repository.current_target() == target and repository.tip(target) == parent:
        take_back(repository.root, commit)
    return False


def _remove_locks(repository: Repository, target: Target) -> None:
    """Remove the lock files of git that nobody holds any more: its own does so when it ends, however."""
    names = [repository.git_dir / "index.lock", repository.git_dir / "HEAD.lock"]
    left = [lock for lock in (*names, repository.common_dir / f"{target.ref}.lock") if lock.exists()]
    until = time.monotonic() + _WAIT_SECONDS
    while left and _git_is_at_work(repository.root) and time.monotonic() < until:
        time.sleep(0.05)
    if left and not _git_is_at_work(repository.root):
        for lock in left:
            lock.unlink(missing_ok=True)


def _git_is_at_work(root: Path) -> bool:
    return any(folder == root or root in folder.parents for folder in _folders_of_git())


def _folders_of_git() -> Iterator[Path]:
    """Where the git processes of this machine are, as far as we may see."""
    for process in psutil.process_iter(["name", "cwd"]):
        if str(process.info["name"]).startswith("git") and process.info["cwd"]:
            yield Path(process.info["cwd"])
