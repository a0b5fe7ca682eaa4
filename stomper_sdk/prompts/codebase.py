"""The Python files of a repository, held in memory so that a name is found in them at once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import attrs

from stomper_sdk.prompts.outline import Definition, Import, Outline, outline
from stomper_sdk.validation.graph import python_files
from stomper_sdk.validation.roots import import_roots
from stomper_sdk.vcs.contents import contents_at

__all__ = ["Codebase", "commit_texts", "folder_texts"]

_FILE_BYTES = 200_000
_ALL_BYTES = 48_000_000
_HOPS = 4
_INSTALLED = ("node_modules", "site-packages")


@attrs.frozen(eq=False)
class Codebase:
    """Texts by repo-relative path, those of tests last, and the folders from which they are imported."""

    texts: Mapping[str, bytes] = attrs.field(repr=False)
    roots: tuple[str, ...]

    @classmethod
    def of(cls, texts: Mapping[str, bytes], root: Path) -> Codebase:
        """Texts with the folders from which they are imported, as a checkout's settings name them."""
        ordered = sorted(texts, key=lambda path: (_is_test(path), path))
        return cls({path: texts[path] for path in ordered}, import_roots(root))

    def outline(self, path: str) -> Outline:
        return outline(self.texts[path])

    def may_call(self, name: str, home: str) -> Iterator[str]:
        """The other files whose text has a call of that name, and the name of a file or that of its folder.

        To look for words in a text is a hundred times faster than to parse it.
        """
        call, place = f"{name}(".encode(), PurePosixPath(home)
        homes = [word.encode() for word in (place.stem, place.parent.name) if word]
        for path, text in self.texts.items():
            if call in text and path != home and any(word in text for word in homes):
                yield path

    def meant(self, imported: Import, importer: str) -> tuple[str, str] | None:
        """The file that an import leads to and the name in it, "" for the file itself; None for no file."""
        module = self._absolute(imported, importer)
        if not imported.name:
            found = self._file(module)
            return (found, "") if found else None
        inner = self._file(f"{module}.{imported.name}".lstrip("."))
        if inner:
            return inner, ""
        found = self._file(module)
        return (found, imported.name) if found else None

    def defined(self, path: str, name: str) -> tuple[str, str, Definition] | None:
        """Where a qualified name of a file is defined: also elsewhere, where the file imports it itself."""
        for _ in range(_HOPS):
            seen = self.outline(path)
            if name in seen.definitions:
                return path, name, seen.definitions[name]
            first, _, rest = name.partition(".")
            target = self.meant(seen.imports[first], path) if first in seen.imports else None
            if target is None:
                return None
            path, name = target[0], ".".join(filter(None, (target[1], rest)))
        return None

    def _absolute(self, imported: Import, importer: str) -> str:
        """The module's name from the folder that its file is imported from, or from the top."""
        if imported.level == 0:
            return imported.module
        folder = importer
        for _ in range(imported.level):
            folder = posixpath.dirname(folder)
        return "/".join(filter(None, (folder, imported.module.replace(".", "/")))).replace("/", ".")

    def _file(self, module: str) -> str | None:
        place = module.replace(".", "/")
        for root in self.roots:
            for name in (f"{place}.py", f"{place}/__init__.py"):
                path = posixpath.normpath(posixpath.join(root, name))
                if path in self.texts:
                    return path
        return None


def _is_test(path: str) -> bool:
    return PurePosixPath(path).name.startswith(("test_", "conftest")) or "tests/" in path


def commit_texts(root: Path, commit: str) -> dict[str, bytes]:
    """The Python files of a commit: 48 MB at most, none larger than 200 kB."""
    return contents_at(root, commit, _is_own, largest=_FILE_BYTES, total=_ALL_BYTES)


def folder_texts(root: Path) -> dict[str, bytes]:
    """Those of a folder that no repository holds; no link is followed."""
    texts, left = {}, _ALL_BYTES
    for path in sorted(python_files(root)):
        text = _text(root / path)
        if text and len(text) <= left:
            texts[path] = text
            left -= len(text)
    return texts


def _is_own(path: str) -> bool:
    *folders, name = path.split("/")
    foreign = (each in _INSTALLED or each.startswith(".") for each in folders)
    return name.endswith(".py") and not any(foreign)


def _text(file: Path) -> bytes:
    try:
        if file.is_symlink() or file.stat().st_size > _FILE_BYTES:
            return b""
        return file.read_bytes()
    except OSError:
        return b""
