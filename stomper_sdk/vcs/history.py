"""Commits that were made already: their order, what they say, and what takes them back."""

from __future__ import annotations

import os
from pathlib import Path

from stomper_sdk.vcs.checkout import Change, parse_changes
from stomper_sdk.vcs.git import git

__all__ = ["changed_by", "commits_between", "patch_of", "subject_of", "trailer_of", "undoing"]


def commits_between(root: Path, start: str, end: str) -> tuple[str, ...]:
    """The commits that lead from one to another, by way of first parents, the oldest first."""
    argv = ("rev-list", "--reverse", "--first-parent", f"{start}..{end}")
    return tuple(git(root, *argv).decode().split())


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
    shown = git(root, "show", "--format=", "--patch", "--no-ext-diff", "--no-textconv", "--no-color", commit)
    return shown.decode("utf-8", "replace")


def undoing(root: Path, commit: str) -> tuple[Change, ...]:
    """The changes that lead from a commit back to its parent."""
    options = ("-r", "--raw", "--numstat", "-z", "--no-renames", "--full-index")
    return tuple(parse_changes(git(root, "diff-tree", *options, commit, f"{commit}^")))
