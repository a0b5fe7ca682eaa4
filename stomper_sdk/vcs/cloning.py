"""A clone of a checkout at one commit, in which git does what it does in the user's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from stomper_sdk.vcs.git import git
from stomper_sdk.vcs.repository import Repository

__all__ = ["clone", "reset"]

_BRANCH = "main"
#: The settings of a repository's own that decide how files are read, written and committed.
_SECTIONS = ("commit.", "core.", "filter.", "gpg.", "user.")
_OWN = ("core.bare", "core.repositoryformatversion", "core.worktree")
_FILES = ("info/attributes", "info/exclude")


def clone(repository: Repository, folder: Path, commit: str) -> None:
    """Clone into a new folder and check out the commit, on a branch; what is not committed stays behind.

    Raises:
        RepositoryError: git does not do it.
    """
    source = os.fspath(repository.root)
    # Objects are read where they are: nothing is copied, and nothing is written there.
    quietly = ("clone", "--quiet", "--shared", "--no-checkout", "--no-tags")
    git(folder.parent, *quietly, "--", source, os.fspath(folder))
    for key, value in _settings(repository):
        git(folder, "config", "--local", "--add", key, value)
    _copy_files(repository, folder / ".git")
    git(folder, "remote", "remove", "origin")
    git(folder, "checkout", "--quiet", "--force", "-B", _BRANCH, commit)


def reset(folder: Path, commit: str) -> None:
    """Bring a clone back to a commit, as it was when it was made."""
    git(folder, "checkout", "--quiet", "--force", "-B", _BRANCH, commit)
    git(folder, "clean", "--quiet", "-d", "--force")


def _settings(repository: Repository) -> list[tuple[str, str]]:
    raw = git(repository.root, "config", "--local", "--includes", "--list", "--null")
    pairs = (entry.partition("\n") for entry in os.fsdecode(raw).split("\0")[:-1])
    return [(key, value) for key, _, value in pairs if key.startswith(_SECTIONS) and key not in _OWN]


def _copy_files(repository: Repository, git_dir: Path) -> None:
    for name in _FILES:
        if (repository.common_dir / name).is_file():
            (git_dir / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(repository.common_dir / name, git_dir / name)
    hooks = repository.common_dir / "hooks"
    if hooks.is_dir():
        shutil.copytree(hooks, git_dir / "hooks", symlinks=True, dirs_exist_ok=True)
