"""Which file of a tree an import leads to, without importing anything."""

from __future__ import annotations

import posixpath
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator

import attrs

from stomper_sdk.validation.scanner import Import

__all__ = ["Layout", "parents"]


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first; the last is the root, an empty string."""
    while path:
        path = posixpath.dirname(path)
        yield path


def _folders(files: Iterable[str]) -> frozenset[str]:
    return frozenset(folder for file in files for folder in parents(file))


def _homes(layout: Layout) -> dict[str, frozenset[str]]:
    """By the first part of a module's name: every folder in which something of that name lies."""
    homes: dict[str, set[str]] = defaultdict(set)
    for path in (*layout.files, *layout.folders - {""}):
        folder, name = posixpath.split(path)
        homes[name.removesuffix(".py")].add(folder)
    return {name: frozenset(folders) for name, folders in homes.items()}


def _scripts(layout: Layout) -> dict[str, frozenset[str]]:
    named: dict[str, set[str]] = defaultdict(set)
    for path in layout.files:
        named[posixpath.basename(path)].add(path)
    return {name: frozenset(paths) for name, paths in named.items()}


@attrs.frozen
class Layout:
    """The Python files of a tree (repo-relative POSIX paths) and the folders they are imported from.

    `moves_path` says that some file changes the import path, so that any folder may be on it.
    """

    files: frozenset[str]
    roots: frozenset[str]
    moves_path: bool = False
    folders: frozenset[str] = attrs.field(
        default=attrs.Factory(lambda self: _folders(self.files), takes_self=True), init=False
    )
    _by_name: dict[str, frozenset[str]] = attrs.field(
        default=attrs.Factory(_homes, takes_self=True), init=False, eq=False
    )
    _scripts: dict[str, frozenset[str]] = attrs.field(
        default=attrs.Factory(_scripts, takes_self=True), init=False, eq=False
    )

    def targets(self, importer: str, wanted: Import) -> Iterator[str]:
        """The files that run when a file imports something; none where it leads out of the tree.

        Where more than one file could be meant, all are: which comes first on the path is not known.
        """
        if wanted.level:
            folder = importer
            for _ in range(wanted.level):
                folder = posixpath.dirname(folder)
            yield from self._inside(folder, wanted)
            return
        for home in self._where(importer, wanted.module.partition(".")[0]):
            yield from self._inside(home, wanted)

    def scripts(self, word: str) -> frozenset[str]:
        """The files that a path in a string, such as `tools/make.py`, could mean."""
        name = posixpath.basename(word)
        return self._scripts.get(name, frozenset()) if name.endswith(".py") else frozenset()

    def packages(self, file: str) -> Iterator[str]:
        """The `__init__` files of the packages that a file lies in."""
        for folder in parents(file):
            init = posixpath.join(folder, "__init__.py")
            if init not in self.files:
                return
            yield init

    def _where(self, importer: str, name: str) -> frozenset[str]:
        everywhere = self._by_name.get(name, frozenset())
        usual = everywhere & (self.roots | {posixpath.dirname(importer)})
        if usual and not self.moves_path:
            return usual
        known_elsewhere = name in sys.stdlib_module_names and not self.moves_path
        return usual if known_elsewhere else everywhere

    def _inside(self, folder: str, wanted: Import) -> Iterator[str]:
        """What runs on the way down from a folder, and the members that are modules themselves."""
        if wanted.level:
            yield from self._present(posixpath.join(folder, "__init__.py"))
        for part in filter(None, wanted.module.split(".")):
            folder = posixpath.join(folder, part)
            yield from self._module(folder)
        for member in wanted.members:
            yield from (
                self._children(folder) if member == "*" else self._module(posixpath.join(folder, member))
            )

    def _module(self, stem: str) -> Iterator[str]:
        yield from self._present(f"{stem}.py")
        yield from self._present(f"{stem}/__init__.py")

    def _children(self, folder: str) -> Iterator[str]:
        """The modules that `import *` from a package may load, by its `__all__`."""
        if f"{folder}/__init__.py" in self.files:
            yield from (file for file in self.files if posixpath.dirname(file) == folder)

    def _present(self, file: str) -> Iterator[str]:
        if file in self.files:
            yield file
