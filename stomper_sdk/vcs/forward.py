"""Moving the user's checkout forward to a commit, whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path

from stomper_sdk.errors import ConflictError, MachineError, RepositoryError
from stomper_sdk.vcs.git import NO_ROOM, GitError, git

__all__ = ["fast_forward", "take_back"]

_LOCK_WAIT_SECONDS = 10.0
_MERGE = (
    "merge",
    "--ff-only",
    "--quiet",
    "--no-stat",
    "--no-autostash",
    "--no-overwrite-ignore",
    "--no-verify-signatures",
)


def fast_forward(root: Path, commit: str) -> None:
    """Let git move branch, index and files; where it breaks off midway, all are as they were.

    Raises:
        ConflictError: git refuses: the user has changed one of the files, or the branch has moved.
        RepositoryError: the files cannot be written.
    """
    until = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            git(root, *_MERGE, commit, env={"GIT_REFLOG_ACTION": "stomper"})
            return
        except MachineError:
            take_back(root, commit)
            raise
        except GitError as error:
            # An editor or a status line may hold the index for a moment.
            if "index.lock" not in error.said or time.monotonic() > until:
                raise _refused(error) or _broken_off(root, commit, error) from error
        time.sleep(0.05)


def _refused(error: GitError) -> ConflictError | None:
    """What git says before it touches anything; None where it broke off."""
    if "would be overwritten" in error.said or "not uptodate" in error.said:
        return ConflictError("the file was changed in your working tree meanwhile", retryable=False)
    if "index.lock" in error.said and "File exists" in error.said:
        return ConflictError("another program holds the index of your checkout", retryable=False)
    if "Not possible to fast-forward" in error.said or "Diverging branches" in error.said:
        return ConflictError("the branch was moved meanwhile")
    return None


def _broken_off(root: Path, commit: str, error: GitError) -> RepositoryError:
    take_back(root, commit)
    said = " ".join(error.said.split())
    text = f"a fix could not be written into {root}, which is as it was: {said}"
    return RepositoryError(text, NO_ROOM)


def take_back(root: Path, commit: str, spared: Collection[str] = ()) -> None:
    """Undo half a fast-forward: git had seen that the user has no changes in these files.

    `spared` are paths that are left as they are, whatever stands there.
    """
    raw = git(root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "HEAD", commit)
    changed = [path for path in _paths(raw) if path not in spared and not _is_below_link(root, path)]
    half = [path for path in changed if _is_half_written(root, commit, path)]
    for path in half:
        (root / path).unlink(missing_ok=True)
    old = _paths(git(root, "ls-tree", "-z", "--name-only", "HEAD", "--", *half)) if half else []
    if old:
        git(root, "restore", "--source=HEAD", "--staged", "--worktree", "--", *old)
    if new := set(half).difference(old):
        git(root, "rm", "--cached", "--quiet", "--ignore-unmatch", "--", *new)


def _is_below_link(root: Path, path: str) -> bool:
    return any((root / folder).is_symlink() for folder in list(Path(path).parents)[:-1])


def _is_half_written(root: Path, commit: str, path: str) -> bool:
    """Whether a file is missing, or a beginning of what the commit has: anything else is the user's."""
    place = root / path
    try:
        there = os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()
        return git(root, "cat-file", "--filters", f"{commit}:{path}").startswith(there)
    except FileNotFoundError:
        return True
    except (OSError, GitError):  # a folder stands there now, or the commit removes the file
        return False


def _paths(raw: bytes) -> list[str]:
    return [os.fsdecode(path) for path in raw.split(b"\0")[:-1]]
