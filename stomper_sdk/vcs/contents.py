"""The content of many files of a commit at once, whatever lies in any checkout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stomper_sdk.vcs.git import git

__all__ = ["contents_at"]


def contents_at(
    root: Path, commit: str, wanted: Callable[[str], bool], *, largest: int, total: int
) -> dict[str, bytes]:
    """Regular files by path, in the order of git: as many as fit.

    Args:
        root: a folder of the repository.
        commit: any commit of it.
        wanted: which paths.
        largest: bytes of one file; larger ones are left out.
        total: bytes of all.
    """
    names, left = {}, total
    for line in git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        entry, _, name = line.partition(b"\t")
        mode, _, sha, size = entry.split()
        path = os.fsdecode(name)
        if mode.startswith(b"100") and int(size) <= min(largest, left) and wanted(path):
            names[path] = sha
            left -= int(size)
    asked = b"".join(sha + b"\n" for sha in names.values())
    return dict(zip(names, _blobs(git(root, "cat-file", "--batch", "--buffer", stdin=asked)), strict=True))


def _blobs(batch: bytes) -> list[bytes]:
    """What `git cat-file --batch` printed: of each a line that ends in the size, and the content."""
    blobs, at = [], 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].rpartition(b" ")[2])
        blobs.append(batch[end + 1 : end + 1 + size])
        at = end + size + 2
    return blobs
