from __future__ import annotations

import shelve
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.flake8 import Flake8Check
from stomper_sdk.errors import CheckError
from stomper_sdk.testing import CheckContract

Make = Callable[..., Any]
Write = Callable[[str, str], Path]

UNUSED = "import os\n"


class TestContract(CheckContract):
    @pytest.fixture
    def check(self, make: Make) -> Flake8Check:
        return make(Flake8Check)  # type: ignore[no-any-return]

    @pytest.fixture
    def broken_check(self, make: Make) -> Flake8Check:
        return make(Flake8Check, command="no-flake8")  # type: ignore[no-any-return]

    @pytest.fixture
    def files(self) -> Mapping[str, str]:
        return {"a.py": UNUSED, "pkg/b.py": "x = 1 \n", "pkg/c.pyi": UNUSED}

    @pytest.fixture
    def clean_files(self) -> Mapping[str, str]:
        return {"a.py": "x = 1\n", "b.pyi": UNUSED, "c.txt": UNUSED}


@pytest.mark.trio
async def test_real_code_has_what_flake8_says_by_itself(tree: Tree, write: Write, make: Make) -> None:
    write("shelve.py", Path(shelve.__file__).read_text())
    argv = [sys.executable, "-m", "flake8", "shelve.py"]
    printed = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False).stdout
    findings = (await make(Flake8Check).look(tree, None)).findings
    assert [f"{f.path}:{f.line}:{f.column}: {f.code} {f.message}" for f in findings] == printed.splitlines()
    assert len(findings) > 2


@pytest.mark.trio
async def test_awkward_names(tree: Tree, write: Write, make: Make, awkward: tuple[str, ...]) -> None:
    for name in awkward:
        write(name, UNUSED)
    check = make(Flake8Check)
    for paths in (None, awkward):
        look = await check.look(tree, paths)
        assert {(f.path, f.code, f.line, f.column) for f in look.findings} == {
            (name, "F401", 1, 1) for name in awkward
        }


@pytest.mark.trio
async def test_settings_hold_for_named_files_too(tree: Tree, write: Write, make: Make) -> None:
    settings = "exclude = skipped\nper-file-ignores = b.py:F401\nformat = pylint\noutput-file = out\n"
    write(".flake8", f"[flake8]\n{settings}show-source = true\nstatistics = true\ncount = true\n")
    names = ["a.py", "b.py", "skipped/c.py", "pkg/d [x], y.py"]
    for name in names:
        write(name, UNUSED)
    check = make(Flake8Check, severity={"F4*": "info"})
    for paths in (None, names):
        findings = (await check.look(tree, paths)).findings
        assert [(f.path, f.severity) for f in findings] == [("a.py", "info"), ("pkg/d [x], y.py", "info")]
    assert not (tree.root / "out").exists()


@pytest.mark.trio
async def test_what_cannot_be_parsed_is_a_finding(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "def (\n")
    write("b.py", UNUSED)
    findings = (await make(Flake8Check).look(tree, None)).findings
    assert [(f.path, f.code) for f in findings] == [("a.py", "E999"), ("b.py", "F401")]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("extend-ignore = E5 # x", r"Error code '#' supplied to 'extend-ignore'"),
        ("quiet = 2", "exited with 1: it printed nothing"),
        ("[flake8:local-plugins]\nextension = X1 = nowhere:Plugin", "failed to load plugin"),
    ],
)
async def test_settings_with_which_nothing_is_told(
    settings: str, said: str, tree: Tree, write: Write, make: Make
) -> None:
    write(".flake8", f"[flake8]\n{settings}\n")
    write("a.py", UNUSED)
    with pytest.raises(CheckError, match=said):
        await make(Flake8Check).look(tree, ["a.py"])
