"""Where git says that a repository is, and words for what it says where there is none to work in."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import attrs

from stomper_sdk.errors import RepositoryError
from stomper_sdk.vcs.git import GitError, check_git, git

__all__ = ["Place", "discover"]

_QUESTIONS = ("--absolute-git-dir", "--git-common-dir", "--show-object-format", "--show-toplevel")


@attrs.frozen
class Place:
    """The folders of a repository with a checkout; see `Repository` for what they are."""

    root: Path
    git_dir: Path
    common_dir: Path
    hooks_dir: Path


def discover(path: Path) -> Place:
    """Find the repository that holds a folder.

    Raises:
        RepositoryError: as for `open_repository`.
    """
    if not path.is_dir():
        raise RepositoryError(f"there is no folder {path}")
    check_git()
    try:
        git_dir, common_dir, names, root = _answers(path)
    except GitError as error:
        raise _not_found(path, error) from error
    if names != "sha1":
        raise RepositoryError(f"{root} uses {names} object names, which cannot be handled yet")
    if os.path.expandvars(root) != root:
        # GitPython would look at the folder that comes of it.
        text = f"{root} has the name of a variable in it, which would be replaced"
        raise RepositoryError(text, "Rename it.")
    common = (path / common_dir).resolve()
    return Place(Path(root), Path(git_dir), common, _hooks_dir(path) or common / "hooks")


def _answers(path: Path) -> list[str]:
    """What git says to the questions, asked one by one where a folder's name has a line feed in it."""
    raw = git(path, "rev-parse", *_QUESTIONS)
    if raw.count(b"\n") == len(_QUESTIONS):
        return os.fsdecode(raw).split("\n")[:-1]
    return [os.fsdecode(git(path, "rev-parse", question)).removesuffix("\n") for question in _QUESTIONS]


def _hooks_dir(path: Path) -> Path | None:
    """Where the user's settings say that hooks are, read as git reads them; None where they say nothing."""
    raw = git(path, "config", "--type=path", "--get-all", "-z", "core.hooksPath")
    # The last that git lists is what we ourselves give to each command, so that none of ours runs hooks.
    *_, configured = ["", *os.fsdecode(raw).split("\0")[:-2]]
    return Path(configured) if configured else None


def _not_found(path: Path, error: GitError) -> RepositoryError:
    if "not a git repository (or any" in error.said:
        hint = "Make one: git init && git add . && git commit -m start; or set workspace.kind: direct."
        return RepositoryError(f"{path} is not in a git repository", hint)
    if "must be run in a work tree" in error.said:
        hint = "Run in a checkout of it: git worktree add, or git clone."
        return RepositoryError(f"{path} is a bare repository, or inside a .git folder", hint)
    if found := re.search("dubious ownership in repository at '(.*)'", error.said):
        hint = f"If you trust it: git config --global --add safe.directory {shlex.quote(found[1])}"
        return RepositoryError(f"{found[1]} belongs to somebody else, so git does not work there", hint)
    if "not a git repository" in error.said or "invalid gitfile" in error.said:
        hint = "Mend it with git worktree repair or git submodule update, or remove that file."
        return RepositoryError(f"the file .git of {path} leads nowhere: {error.said.strip()}", hint)
    return error
