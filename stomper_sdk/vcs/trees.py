"""Trees made from trees: a commit's files with some entries replaced, without an index or a checkout.

Only the trees on the way to the changed paths are read and written, by GitPython's object database.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

from git import Repo
from gitdb import IStream, LooseObjectDB

from stomper_sdk.vcs.checkout import ABSENT, Entry

__all__ = ["entry_at", "replace_entries", "store"]

_TREE_MODE = b"40000"
_Entries = dict[bytes, tuple[bytes, bytes]]  # name -> (mode, binary object name)


def entry_at(repo: Repo, tree: str, path: str) -> Entry:
    """What stands at a path of a tree; ABSENT where nothing does."""
    sha: bytes | None = bytes.fromhex(tree)
    *folders, name = os.fsencode(path).split(b"/")
    for folder in folders:
        mode, sha = _read(repo, sha).get(folder, (b"", None))
        if mode != _TREE_MODE:
            return ABSENT
    mode, found = _read(repo, sha).get(name, (b"", b""))
    return Entry(mode.decode().zfill(6), found.hex()) if found else ABSENT


def replace_entries(repo: Repo, tree: str, entries: Mapping[str, Entry]) -> str:
    """The tree with each path set to its entry, or removed where that is ABSENT; folders come and go."""
    parts = [(os.fsencode(path).split(b"/"), entry) for path, entry in entries.items()]
    return (_replaced(repo, bytes.fromhex(tree), parts) or _write(repo, {})).hex()


def _replaced(repo: Repo, sha: bytes | None, changes: Iterable[tuple[list[bytes], Entry]]) -> bytes | None:
    """The new tree's name; None where nothing is left in it."""
    entries = _read(repo, sha)
    below: dict[bytes, list[tuple[list[bytes], Entry]]] = {}
    for (first, *rest), entry in changes:
        if rest:
            below.setdefault(first, []).append((rest, entry))
        elif entry == ABSENT:
            entries.pop(first, None)
        else:
            entries[first] = (entry.mode.lstrip("0").encode(), bytes.fromhex(entry.sha))
    for folder, inner in below.items():
        mode, old = entries.pop(folder, (b"", None))
        made = _replaced(repo, old if mode == _TREE_MODE else None, inner)
        if made is not None:
            entries[folder] = (_TREE_MODE, made)
    return _write(repo, entries) if entries else None


def _read(repo: Repo, sha: bytes | None) -> _Entries:
    return {} if sha is None else dict(_parse(repo.odb.stream(sha).read()))


def _parse(data: bytes) -> Iterator[tuple[bytes, tuple[bytes, bytes]]]:
    position = 0
    while position < len(data):
        space = data.index(b" ", position)
        end = data.index(b"\0", space)
        yield data[space + 1 : end], (data[position:space], data[end + 1 : end + 21])
        position = end + 21


def _write(repo: Repo, entries: _Entries) -> bytes:
    # Git sorts a folder as if its name ended in a slash.
    def order(name: bytes) -> bytes:
        return name + b"/" if entries[name][0] == _TREE_MODE else name

    data = b"".join(
        entries[name][0] + b" " + name + b"\0" + entries[name][1] for name in sorted(entries, key=order)
    )
    return store(repo, b"tree", data)


def store(repo: Repo, kind: bytes, data: bytes) -> bytes:
    """Write an object and return its binary name; GitPython's own database would start a process for it."""
    stored: Any = LooseObjectDB(repo.odb.root_path()).store(IStream(kind, len(data), BytesIO(data)))
    return bytes(stored.binsha)
