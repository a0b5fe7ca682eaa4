"""Which test files must run to know whether a change broke something."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs

from stomper_sdk.model.present import listed
from stomper_sdk.validation.graph import ImportGraph
from stomper_sdk.validation.testmon import read_testmon

__all__ = ["TestSelection", "select_from", "select_tests"]


@attrs.frozen
class TestSelection:
    """The test files to run, repo-relative; None means all of them. `reason` says why these."""

    __test__ = False

    files: tuple[str, ...] | None
    how: Literal["testmon", "imports", "all"]
    reason: str

    def __str__(self) -> str:
        if not self.files:
            return f"{self.how}: {self.reason}"
        return f"{self.how}: {listed(self.files, 3)}"


def select_tests(root: Path, changed: Sequence[str], testmon: Path | None) -> TestSelection:
    """Select the tests that a change can reach.

    Args:
        root: the top of a workspace that holds the change.
        changed: the repo-relative paths that are new, different or gone.
        testmon: the `.testmondata` of the user's checkout, if it has one.
    """
    graph = ImportGraph.read(root, without=changed).with_changed(root, changed)
    return select_from(graph, root, changed, testmon)


def select_from(
    graph: ImportGraph, root: Path, changed: Sequence[str], testmon: Path | None
) -> TestSelection:
    """The same, from a graph of the tree that was read before.

    Args:
        graph: the import graph of the tree at `root`, the change included.
        root, changed, testmon: see `select_tests`.
    """
    if reason := _unlimited(graph, changed):
        return TestSelection(None, "all", reason)
    found = _by_testmon(graph, root, changed, testmon) or _by_imports(graph, changed)
    there = tuple(file for file in found.files or () if (root / file).is_file())
    return attrs.evolve(found, files=None if found.files is None else there)


def _unlimited(graph: ImportGraph, changed: Sequence[str]) -> str:
    """Why no test can be left out; an empty string where some can."""
    for path in changed:
        if not path.endswith(".py"):
            return f"{path} is no Python file"
        if posixpath.basename(path) in {"conftest.py", "setup.py"}:
            return f"{path} changed"
        if path in graph.opaque() and graph.files[path].opaque.startswith("cannot"):
            return f"{path} {graph.files[path].opaque}"
    if any(option.startswith("--doctest-glob") for option in graph.tests.settings.addopts):
        return "the suite holds doctests in text files"
    for path, found in graph.files.items():
        if found.collects and posixpath.basename(path) == "conftest.py":
            return f"{path} finds tests in a way of its own"
    return ""


def _by_testmon(
    graph: ImportGraph, root: Path, changed: Sequence[str], testmon: Path | None
) -> TestSelection | None:
    data = read_testmon(testmon) if testmon is not None else None
    if data is None or not data.known_files().issuperset(changed):
        return None
    tests = graph.test_files()
    files = (data.outdated(root) & tests) | (tests - data.ran.keys())
    reason = "the tests that ran what changed, and new ones" if files else "no test runs it"
    return TestSelection(tuple(sorted(files)), "testmon", reason)


def _by_imports(graph: ImportGraph, changed: Sequence[str]) -> TestSelection:
    """A file that may import anything, at run time, is reached by every change."""
    opaque = graph.opaque()
    tests = graph.test_files()
    files = tests & graph.reached_from([*changed, *opaque])
    if files == tests and (by_itself := tests - graph.reached_from(changed)):
        path, why = next(iter(opaque.items()))
        return TestSelection(None, "all", f"{path} {why}, and {len(by_itself)} test files reach such a file")
    if not files:
        return TestSelection((), "imports", "no test imports it")
    return TestSelection(tuple(sorted(files)), "imports", "the tests that import what changed")
