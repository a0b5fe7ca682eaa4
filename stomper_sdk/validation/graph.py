"""Which tests a change can reach, by the imports of a tree's files."""

from __future__ import annotations

import fnmatch
import itertools
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from stomper_sdk.validation.configuration import PytestSettings, lookup, pytest_settings, read_toml
from stomper_sdk.validation.layout import Layout, parents
from stomper_sdk.validation.roots import import_roots
from stomper_sdk.validation.scanner import FileImports, Import, scan

__all__ = ["ImportGraph", "TestFiles", "python_files"]

_SUPPORT_FOLDERS = frozenset({"test", "tests", "testing"})


@attrs.frozen
class TestFiles:
    """What counts as a test file: pytest's patterns, as the repository sets them."""

    __test__ = False

    settings: PytestSettings = PytestSettings()

    def is_test(self, path: str) -> bool:
        return self._named(path) and self._under(path) and not self._shunned(path)

    def is_support(self, path: str) -> bool:
        """Whether a file serves tests: then its strings may name what the tests run."""
        folders = path.split("/")
        return self._named(path) or folders.pop() == "conftest.py" or not _SUPPORT_FOLDERS.isdisjoint(folders)

    def _named(self, path: str) -> bool:
        if "--doctest-modules" in self.settings.addopts:
            return True
        name = posixpath.basename(path)
        patterns = self.settings.python_files
        return any(fnmatch.fnmatchcase(f"/{path}" if "/" in p else name, _anywhere(p)) for p in patterns)

    def _under(self, path: str) -> bool:
        places = [place.rstrip("/").removeprefix("./") for place in self.settings.testpaths]
        above = (path, *parents(path))
        return not places or any(fnmatch.fnmatchcase(one or ".", place) for one in above for place in places)

    def _shunned(self, path: str) -> bool:
        folders = path.split("/")[:-1]
        return any(fnmatch.fnmatchcase(one, p) for one in folders for p in self.settings.norecursedirs)


def _anywhere(pattern: str) -> str:
    """A pattern with folders in it may match below any folder."""
    return f"*/{pattern}" if "/" in pattern else pattern


@attrs.frozen
class ImportGraph:
    """The Python files of a tree, read once, and what each may import.

    `files` holds what was read; `ambient` are modules that every test run loads (plugins of pytest that
    the project ships or names); `scripts` maps the commands that the project installs to their modules.
    """

    files: Mapping[str, FileImports]
    roots: frozenset[str]
    tests: TestFiles
    ambient: tuple[str, ...] = ()
    scripts: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def read(cls, root: Path, without: Iterable[str] = ()) -> ImportGraph:
        """Read a tree.

        Args:
            root: its top; a fresh checkout, so that what lies in it is what is tracked.
            without: files not to read, as they are not those of the base commit; `with_changed` reads
                them from the tree that it is given.
        """
        settings = pytest_settings(root)
        tests = TestFiles(settings)
        skipped = frozenset(without)
        files = {path: _read(root, path, tests) for path in python_files(root) if path not in skipped}
        project = read_toml(root / "pyproject.toml")
        entries = lookup(project, "project.entry-points.pytest11")
        ambient = (*_modules(entries).values(), *_loaded(settings.addopts))
        roots = frozenset("" if name == "." else name for name in import_roots(root))
        return cls(files, roots, tests, ambient, _modules(lookup(project, "project.scripts")))

    def with_changed(self, root: Path, changed: Sequence[str]) -> ImportGraph:
        """The graph of another tree of the same commit, of which some files were changed.

        Args:
            root: its top.
            changed: what is new, different or gone in it. A file that is gone stays in the graph: what
                imported it is reached.
        """
        paths = {path for path in changed if path.endswith(".py")}
        paths |= {path for path in python_files(root) if path not in self.files}
        return attrs.evolve(self, files={**self.files, **{p: _read(root, p, self.tests) for p in paths}})

    def test_files(self) -> frozenset[str]:
        return frozenset(filter(self.tests.is_test, self.files))

    def reached_from(self, changed: Iterable[str]) -> frozenset[str]:
        """The files whose run may run one of the changed files; they themselves among them."""
        importers: dict[str, set[str]] = defaultdict(set)
        for path, targets in self._edges():
            for target in targets:
                importers[target].add(path)
        reached: set[str] = set()
        pending = [path for path in changed if path in self.files]
        while pending:
            path = pending.pop()
            if path not in reached:
                reached.add(path)
                pending += importers[path]
        return frozenset(reached)

    def opaque(self) -> dict[str, str]:
        """The files that may import anything, and why."""
        return {path: found.opaque for path, found in self.files.items() if found.opaque}

    def _edges(self) -> Iterator[tuple[str, set[str]]]:
        layout = self._layout()
        for path, found in self.files.items():
            targets = set(layout.packages(path))
            for wanted in (*found.imports, *self._mentioned(found.words)):
                targets.update(layout.targets(path, wanted))
            for word in found.words:
                targets.update(layout.scripts(word))
            if self.tests.is_test(path):
                targets.update(self._around(path, layout))
            yield path, targets

    def _layout(self) -> Layout:
        """Pytest puts the folder of a test or its topmost package on the import path as well."""
        bases = set(self.roots)
        for path in self.files:
            if self.tests.is_support(path):
                bases.add(
                    next(f for f in parents(path) if posixpath.join(f, "__init__.py") not in self.files)
                )
        moved = any(found.moves_path for found in self.files.values())
        return Layout(frozenset(self.files), frozenset(bases), moved)

    def _mentioned(self, words: Iterable[str]) -> Iterator[Import]:
        for word in words:
            name = self.scripts.get(word, word)
            yield Import(0, name, ("__main__",))

    def _around(self, test: str, layout: Layout) -> Iterator[str]:
        """What pytest loads whenever this test runs."""
        for folder in parents(test):
            conftest = posixpath.join(folder, "conftest.py")
            if conftest in self.files:
                yield conftest
        for module in self.ambient:
            yield from layout.targets("conftest.py", Import(0, module))


def python_files(root: Path) -> Iterator[str]:
    """Every Python file but those of hidden folders, installed packages and virtual environments."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _foreign(folder, name)]
        relative = Path(folder).relative_to(root)
        yield from ((relative / name).as_posix() for name in names if name.endswith(".py"))


def _foreign(folder: str, name: str) -> bool:
    installed = name in {"node_modules", "site-packages"}
    return installed or name.startswith(".") or Path(folder, name, "pyvenv.cfg").exists()


def _read(root: Path, path: str, tests: TestFiles) -> FileImports:
    try:
        return scan((root / path).read_bytes(), test_support=tests.is_support(path))
    except FileNotFoundError:
        return FileImports()
    except OSError as error:
        return FileImports(opaque=f"cannot be read ({error.strerror})")


def _modules(entries: object) -> dict[str, str]:
    """Entry points as name to module: `pkg.cli:main` is in `pkg.cli`."""
    table = entries if isinstance(entries, dict) else {}
    return {str(name): str(value).partition(":")[0].strip() for name, value in table.items()}


def _loaded(addopts: Sequence[str]) -> Iterator[str]:
    """The modules after `-p` in pytest's options."""
    for option, value in itertools.pairwise((*addopts, "")):
        if option.startswith("-p"):
            yield option[2:] or value
