"""Commits that were made already: their order, what they say, and what takes them back."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from stomper_sdk.vcs.checkout import Change, parse_changes
from stomper_sdk.vcs.git import git

__all__ = [
    "branches_with",
    "changed_by",
    "commits_between",
    "in_order",
    "patch_of",
    "patches_of",
    "subject_of",
    "taken_back",
    "trailer_of",
    "undoing",
]

_PATCH = ("--patch", "--no-ext-diff", "--no-textconv", "--no-color")
# No line of a patch begins so: those of a file have a sign before them, and names are quoted.
_COMMIT = re.compile(r"^commit ([0-9a-f]{40,64})\n", re.MULTILINE)
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{40})", re.MULTILINE)


def commits_between(root: Path, start: str, end: str) -> tuple[str, ...]:
    """The commits that lead from one to another, by way of first parents, the oldest first."""
    argv = ("rev-list", "--reverse", "--first-parent", f"{start}..{end}")
    return tuple(git(root, *argv).decode().split())


def in_order(root: Path, base: str, commits: Collection[str]) -> tuple[str, ...]:
    """Commits that were made since another one, each after those that it was made on.

    Raises:
        GitError: one of them is gone.
    """
    asked = "\n".join([*commits, f"^{base}", ""]).encode()
    found = git(root, "rev-list", "--topo-order", "--reverse", "--stdin", stdin=asked).decode().split()
    return tuple(commit for commit in found if commit in commits)


def taken_back(root: Path, start: str, end: str) -> frozenset[str]:
    """The commits that others between two took back, by what `git revert` writes into its message."""
    argv = ("log", "-z", "--first-parent", "--no-show-signature", "--format=%H%n%B", f"{start}..{end}")
    gone: set[str] = set()
    # The newest first: one that was itself taken back took back nothing.
    for entry in git(root, *argv).decode("utf-8", "replace").split("\0"):
        commit, _, message = entry.partition("\n")
        if commit not in gone:
            gone.update(_REVERTS.findall(message))
    return frozenset(gone)


def branches_with(root: Path, commit: str) -> tuple[str, ...]:
    """The names of the branches that a commit is in."""
    argv = ("for-each-ref", f"--contains={commit}", "--format=%(refname:lstrip=2)", "refs/heads")
    return tuple(git(root, *argv).decode("utf-8", "surrogateescape").split())


def subject_of(root: Path, commit: str) -> str:
    """The first line of a commit's message."""
    shown = git(root, "show", "--no-patch", "--no-show-signature", "--format=%s", commit)
    return shown.decode("utf-8", "surrogateescape").strip()


def trailer_of(root: Path, commit: str, key: str) -> str:
    """What a commit's trailer of that name says; empty where it has none."""
    said = git(
        root, "show", "--no-patch", "--no-show-signature", f"--format=%(trailers:key={key},valueonly)", commit
    )
    return said.decode("utf-8", "surrogateescape").strip()


def changed_by(root: Path, commit: str) -> frozenset[str]:
    """The paths that a commit changes, against its first parent."""
    raw = git(root, "diff-tree", "-r", "--name-only", "-z", "--no-renames", f"{commit}^", commit)
    return frozenset(os.fsdecode(path) for path in raw.split(b"\0")[:-1])


def patch_of(root: Path, commit: str) -> str:
    """What a commit changes, as git shows it."""
    return git(root, "show", "--format=", *_PATCH, commit).decode("utf-8", "replace")


def patches_of(root: Path, commits: Collection[str]) -> Mapping[str, str]:
    """What each of some commits changes, asked for at once; those that are gone are left out."""
    argv = ("show", "--ignore-missing", "--stdin", "--no-show-signature", "--format=commit %H", *_PATCH)
    if not commits:  # git would take none for the newest
        return {}
    shown = git(root, *argv, stdin="\n".join([*commits, ""]).encode()).decode("utf-8", "replace")
    parts = iter(_COMMIT.split(shown)[1:])
    return {commit: patch.removeprefix("\n") for commit, patch in zip(parts, parts, strict=True)}


def undoing(root: Path, commit: str) -> tuple[Change, ...]:
    """The changes that lead from a commit back to its parent."""
    options = ("-r", "--raw", "--numstat", "-z", "--no-renames", "--full-index")
    return tuple(parse_changes(git(root, "diff-tree", *options, commit, f"{commit}^")))
