"""What git obeys in a repository's own folder, and whether it is as it was when the run began.

Without a sandbox an agent can write there: a filter, a hook, another place for objects. Nobody can tell its
hand from the user's, so a change of what decides ends the run before git obeys it, whoever made it. What git
notes of branches (`git push -u`) decides nothing here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from stomper_sdk.errors import RepositoryError

__all__ = ["Settings", "read_settings"]

_OBEYED = (
    *("config", "config.worktree", "info/attributes", "info/exclude", "info/grafts"),
    *("info/sparse-checkout", "objects/info/alternates"),
)
_SECTION, _BRANCH = re.compile(rb"\s*\["), re.compile(rb'\s*\[branch "[^"\\\[\]]*"\]\s*')
_HINT = (
    "See what was changed there, and by whom, before you call git again. "
    "Agents write there only where there is no sandbox (sandbox.kind)."
)
_Mark = tuple[int, int, int]


@attrs.frozen
class Settings:
    """The files as they were: inode, size and time of the last change of each, and what `config` says."""

    folders: tuple[Path, ...]
    hooks: Path
    marks: Mapping[Path, _Mark] = attrs.field(repr=False)
    decisive: Mapping[Path, list[bytes]] = attrs.field(repr=False)

    def check(self) -> None:
        """See that they are as they were.

        Raises:
            RepositoryError: one is not; it is named.
        """
        now = _marks(self.folders, self.hooks)
        for path in sorted(self.marks.keys() | now.keys()):
            if self.marks.get(path) == now.get(path):
                continue
            if path.name != "config" or _decisive(path) != self.decisive.get(path):
                raise RepositoryError(f"{path} was changed while the run was at work", _HINT)


def read_settings(git_dir: Path, common_dir: Path, hooks: Path) -> Settings:
    """The settings of a repository as they are now; `hooks` is the folder of its hooks."""
    folders = tuple(dict.fromkeys((git_dir, common_dir)))
    marks = _marks(folders, hooks)
    return Settings(folders, hooks, marks, {path: _decisive(path) for path in marks if path.name == "config"})


def _marks(folders: tuple[Path, ...], hooks: Path) -> dict[Path, _Mark]:
    return {path: mark for path in _paths(folders, hooks) if (mark := _mark(path)) is not None}


def _paths(folders: tuple[Path, ...], hooks: Path) -> Iterator[Path]:
    yield from (folder / name for folder in folders for name in _OBEYED)
    # One that is no absolute path is in each checkout, and looked at with the rest of a fix.
    if hooks.is_absolute() and hooks.is_dir():
        yield from (hooks / name for name in os.listdir(hooks) if not name.endswith(".sample"))  # noqa: PTH208


def _mark(path: Path) -> _Mark | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_ctime_ns


def _decisive(config: Path) -> list[bytes]:
    """The lines of a `config` but for sections of branches, as far as these are plainly no more than that."""
    lines, skipping = [], False
    for line in config.read_bytes().splitlines() if config.is_file() else ():
        if _SECTION.match(line):
            skipping = _BRANCH.fullmatch(line) is not None
        if not skipping or line.endswith(b"\\"):
            lines.append(line)
    return lines
