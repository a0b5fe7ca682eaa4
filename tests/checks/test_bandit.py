from __future__ import annotations

import csv
import shelve
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.bandit import BanditCheck
from stomper_sdk.checks.base import Tree
from stomper_sdk.errors import CheckError
from stomper_sdk.testing import CheckContract

Make = Callable[..., Any]
Write = Callable[[str, str], Path]

ASSERT = "x = 1\nif x:\n    assert x\n"
SHELL = "import subprocess as s\n\nfor name in 'ab':\n    s.call(f'rm {name}', shell=True)\n"


class TestContract(CheckContract):
    @pytest.fixture
    def check(self, make: Make) -> BanditCheck:
        return make(BanditCheck)  # type: ignore[no-any-return]

    @pytest.fixture
    def broken_check(self, make: Make) -> BanditCheck:
        return make(BanditCheck, command="no-bandit")  # type: ignore[no-any-return]

    @pytest.fixture
    def files(self) -> Mapping[str, str]:
        return {"a.py": ASSERT, "pkg/b.py": SHELL}

    @pytest.fixture
    def clean_files(self) -> Mapping[str, str]:
        return {"a.py": "x = 1\n", "b.txt": ASSERT}


@pytest.mark.trio
async def test_real_code_has_what_bandit_says_by_itself(tree: Tree, write: Write, make: Make) -> None:
    write("shelve.py", Path(shelve.__file__).read_text())
    argv = [sys.executable, "-m", "bandit", "-q", "-f", "csv", "shelve.py"]
    printed = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False).stdout
    rows = csv.DictReader(printed.splitlines())
    told = [(row["test_id"], int(row["line_number"]), int(row["col_offset"]) + 1) for row in rows]
    findings = (await make(BanditCheck).look(tree, None)).findings
    assert [(f.code, f.line, f.column) for f in findings] == told
    assert len(told) > 3


@pytest.mark.trio
async def test_severities_are_bandit_s_own(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", SHELL)
    write("b.py", "import hashlib\n\nhashlib.md5(b'')\nexec(input())\n")
    findings = (await make(BanditCheck, severity={"B404": "error"}).look(tree, None)).findings
    assert [(f.code, f.line, f.column, f.severity) for f in findings] == [
        ("B404", 1, 1, "error"),
        ("B602", 4, 5, "error"),
        ("B324", 3, 1, "error"),
        ("B102", 4, 1, "warning"),
    ]
    assert (findings[1].scope, findings[1].text) == ("for name in 'ab':", "s.call(f'rm {name}', shell=True)")


@pytest.mark.trio
async def test_what_cannot_be_parsed_is_a_finding(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "def (\n")
    for paths in (None, ["a.py"]):
        (finding,) = (await make(BanditCheck).look(tree, paths)).findings
        assert (finding.path, finding.code, finding.line) == ("a.py", "unread", None)
        assert finding.message == "syntax error while parsing AST from file"


@pytest.mark.trio
async def test_settings_hold_for_named_files_too(tree: Tree, write: Write, make: Make) -> None:
    write(".bandit", "[bandit]\nexclude = ./skipped\nskips = B602\n")
    write("skipped/.bandit", "[bandit]\nskips = B101\n")
    for name, text in (("a.py", ASSERT), ("b.py", SHELL), ("skipped/c.py", ASSERT)):
        write(name, text)
    for paths in (None, ["a.py", "b.py", "skipped/c.py"]):
        findings = (await make(BanditCheck).look(tree, paths)).findings
        assert [(f.path, f.code) for f in findings] == [("a.py", "B101"), ("b.py", "B404")]


@pytest.mark.trio
async def test_awkward_names(tree: Tree, write: Write, make: Make, awkward: tuple[str, ...]) -> None:
    for name in awkward:
        write(name, ASSERT)
    for paths in (None, awkward):
        findings = (await make(BanditCheck).look(tree, paths)).findings
        assert {(f.path, f.code) for f in findings} == {(name, "B101") for name in awkward}


@pytest.mark.trio
async def test_a_broken_configuration_is_told_in_bandit_s_words(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", ASSERT)
    with pytest.raises(CheckError, match=r"(?s)bandit exited with 2: .*nowhere.toml : Could not read"):
        await make(BanditCheck, args=["-c", "nowhere.toml"]).look(tree, None)
    with pytest.raises(CheckError, match="Unknown test found in profile: B000"):
        await make(BanditCheck, args=["--tests", "B000"]).look(tree, None)
