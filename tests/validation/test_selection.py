from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stomper_sdk.validation import ImportGraph, select_tests
from stomper_sdk.validation.selection import select_from
from tests.growth import fourfold

Write = Callable[[Path, Mapping[str, str]], Path]

FLAT = {
    "heapq.py": "",
    "bisect.py": "",
    "statistics.py": "from bisect import bisect_left\n",
    "test_heapq.py": "m = import_helper.import_fresh_module('heapq', blocked=['_heapq'])\n",
    "test_bisect.py": "import bisect\n",
    "test_statistics.py": "import statistics\n",
}
PACKAGE = {
    "pkg/__init__.py": "from .a import one\n",
    "pkg/a.py": "from . import c\n",
    "pkg/b.py": "",
    "pkg/c.py": "",
    "pkg/tests/__init__.py": "",
    "pkg/tests/test_a.py": "from pkg.a import one\n",
    "pkg/tests/test_b.py": "from ..b import two\n",
    "tests/test_none.py": "import os\n",
}
SRC = {
    "src/pkg/__init__.py": "",
    "src/pkg/a.py": "from pkg.b import x\n",
    "src/pkg/b.py": "",
    "tests/helper.py": "import pkg.a\n",
    "tests/test_a.py": "import helper\n",
    "tests/test_b.py": "from pkg import b\n",
}
NAMESPACE = {
    "space/one/__init__.py": "",
    "space/one/mod.py": "",
    "space/two/mod.py": "from space.one import mod\n",
    "tests/test_one.py": "from space.one import mod\n",
    "tests/test_two.py": "import space.two.mod\n",
    "tests/test_other.py": "import space.three\n",
}


GAP = {
    "pkg/__init__.py": "",
    "pkg/plugins/one.py": "from .. import name\n",
    "tests/test_one.py": "import plugins.one\n",
}


def selected(root: Path, *changed: str) -> tuple[str, ...] | None:
    return select_tests(root, changed, None).files


@pytest.mark.parametrize(
    ("files", "changed", "expected"),
    [
        (FLAT, "heapq.py", ("test_heapq.py",)),
        (FLAT, "bisect.py", ("test_bisect.py", "test_statistics.py")),
        (FLAT, "test_heapq.py", ("test_heapq.py",)),
        (PACKAGE, "pkg/b.py", ("pkg/tests/test_b.py",)),
        (PACKAGE, "pkg/c.py", ("pkg/tests/test_a.py", "pkg/tests/test_b.py")),
        (PACKAGE, "pkg/tests/__init__.py", ("pkg/tests/test_a.py", "pkg/tests/test_b.py")),
        (SRC, "src/pkg/a.py", ("tests/test_a.py",)),
        (SRC, "src/pkg/b.py", ("tests/test_a.py", "tests/test_b.py")),
        (SRC, "tests/helper.py", ("tests/test_a.py",)),
        (NAMESPACE, "space/one/mod.py", ("tests/test_one.py", "tests/test_two.py")),
        (NAMESPACE, "space/two/mod.py", ("tests/test_two.py",)),
        (GAP, "pkg/__init__.py", ("tests/test_one.py",)),
    ],
)
def test_what_a_change_reaches(
    tmp_path: Path, write: Write, files: dict[str, str], changed: str, expected: tuple[str, ...]
) -> None:
    assert selected(write(tmp_path, files), changed) == expected


def test_a_change_that_no_test_reaches_says_so(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {**FLAT, "lonely.py": ""})
    found = select_tests(tmp_path, ["lonely.py"], None)
    assert (found.files, found.how, found.reason) == ((), "imports", "no test imports it")


@pytest.mark.parametrize(
    ("extra", "changed", "reason"),
    [
        ({"conftest.py": ""}, "conftest.py", "conftest.py changed"),
        ({"data.json": "{}"}, "data.json", "no Python file"),
        ({"conftest.py": "def pytest_collect_file(): ..."}, "heapq.py", "finds tests in a way of its own"),
        ({"pytest.ini": "[pytest]\naddopts = --doctest-glob=*.md"}, "heapq.py", "doctests"),
        ({"conftest.py": "pytest_plugins = find()"}, "heapq.py", "pytest_plugins"),
        ({"conftest.py": "__import__(name)"}, "heapq.py", "run time"),
    ],
)
def test_all_tests_where_the_reach_is_not_known(
    tmp_path: Path, write: Write, extra: dict[str, str], changed: str, reason: str
) -> None:
    found = select_tests(write(tmp_path, {**FLAT, **extra}), [changed], None)
    assert (found.files, found.how) == (None, "all")
    assert reason in found.reason


def test_a_test_that_reaches_a_dynamic_import_is_always_selected(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {**FLAT, "loader.py": "import_module(name)", "test_loader.py": "import loader\n"})
    assert selected(tmp_path, "heapq.py") == ("test_heapq.py", "test_loader.py")


def test_what_a_conftest_imports_reaches_the_tests_below_it(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {**SRC, "tests/conftest.py": "pytest_plugins = ['fixtures']\n", "tests/fixtures.py": ""})
    assert selected(tmp_path, "tests/fixtures.py") == ("tests/test_a.py", "tests/test_b.py")


def test_plugins_that_the_project_ships_reach_every_test(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {**SRC, "src/pkg/plugin.py": ""})
    write(tmp_path, {"pyproject.toml": '[project.entry-points.pytest11]\nmine = "pkg.plugin"'})
    assert selected(tmp_path, "src/pkg/plugin.py") == ("tests/test_a.py", "tests/test_b.py")


@pytest.mark.parametrize(
    "text",
    ["run(['mytool', '--help'])", "run([python, '-m', 'tool'])", "run([python, ROOT / 'tool/cli.py'])"],
)
def test_what_a_test_starts_as_a_program_is_reached(tmp_path: Path, write: Write, text: str) -> None:
    write(tmp_path, {"tool/__init__.py": "", "tool/cli.py": "", "tool/__main__.py": "from tool import cli"})
    write(tmp_path, {"pyproject.toml": '[project.scripts]\nmytool = "tool.cli:main"', "test_it.py": text})
    assert selected(tmp_path, "tool/cli.py") == ("test_it.py",)


def test_a_moved_import_path_makes_every_folder_a_root(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {"deep/lib/heapq.py": "", "tests/test_heapq.py": "import heapq\n"})
    assert selected(tmp_path, "deep/lib/heapq.py") == ()
    write(tmp_path, {"tests/conftest.py": "import sys\nsys.path.insert(0, 'deep/lib')\n"})
    assert selected(tmp_path, "deep/lib/heapq.py") == ("tests/test_heapq.py",)


def test_test_files_are_what_pytest_is_told(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {"a.py": "", "checks/check_a.py": "import a\n", "other/check_b.py": "import a\n"})
    write(tmp_path, {"checks/build/check_c.py": "import a\n", "checks/test_d.py": "import a\n"})
    write(tmp_path, {"pytest.ini": "[pytest]\npython_files = check_*.py\ntestpaths = checks\n"})
    assert selected(tmp_path, "a.py") == ("checks/check_a.py",)


def test_patterns_with_folders_and_missing_test_paths_are_read_as_pytest_reads_them(
    tmp_path: Path, write: Write
) -> None:
    write(tmp_path, {"a.py": "", "deep/checks/check_a.py": "import a\n", "other/check_b.py": "import a\n"})
    write(tmp_path, {"pytest.ini": "[pytest]\npython_files = checks/check_*.py\ntestpaths = gone\n"})
    assert selected(tmp_path, "a.py") == ("deep/checks/check_a.py",)


def test_importers_of_a_module_that_is_gone_are_reached(tmp_path: Path, write: Write) -> None:
    write(tmp_path, FLAT)
    (tmp_path / "bisect.py").unlink()
    (tmp_path / "test_bisect.py").unlink()
    assert selected(tmp_path, "bisect.py", "test_bisect.py") == ("test_statistics.py",)


def test_a_file_in_another_version_of_python_hides_nothing(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {"a.py": "", "b.py": "print 'old'\nimport a\n", "test_b.py": "import b\n"})
    assert selected(tmp_path, "a.py") == ("test_b.py",)


def test_a_graph_serves_other_workspaces_of_its_commit(tmp_path: Path, write: Write) -> None:
    first = write(tmp_path / "first", {**FLAT, "heapq.py": "import bisect\n"})
    second = write(tmp_path / "second", {**FLAT, "textwrap.py": "", "bisect.py": "import textwrap\n"})
    graph = ImportGraph.read(first, without=["heapq.py"])
    one = graph.with_changed(first, ["heapq.py"])
    other = graph.with_changed(second, ["bisect.py", "textwrap.py"])
    assert "test_heapq.py" in (select_from(one, first, ["bisect.py"], None).files or ())
    assert select_from(other, second, ["textwrap.py"], None).files == ("test_bisect.py", "test_statistics.py")


def test_the_time_is_in_proportion_to_the_files(tmp_path: Path, write: Write) -> None:
    body = "def function(argument):\n    return argument + 1\n\n\n" * 60
    found = {}

    def choice(files: int) -> Callable[[], None]:
        root, tests = tmp_path / str(files), files // 10
        write(root, {f"pkg/m{n}.py": f"from pkg.m{n // 2} import x\n{body}" for n in range(1, files - tests)})
        write(root, {f"tests/test_{n}.py": f"import pkg.m{n}\n{body}" for n in range(1, tests + 1)})
        return lambda: found.update({files: len(selected(root, "pkg/m20.py") or ())})

    assert fourfold(choice, 250) < 9
    assert found == {250: 1, 1000: 7}
