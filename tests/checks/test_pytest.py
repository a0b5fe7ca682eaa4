from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.pytest import PytestCheck
from stomper_sdk.errors import CheckError, PipelineError

Make = Callable[..., Any]
Write = Callable[[str, str], Path]
Script = Callable[[str], list[str]]

SUITE = """\
import pytest

@pytest.fixture
def broken():
    raise ValueError("boom")

def test_fine():
    pass

class TestFails:
    def test_fails(self):
        assert object() == 2.5

def test_error(broken):
    pass

@pytest.mark.skip(reason="not here")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected():
    assert False
"""


@pytest.mark.trio
async def test_failures_and_errors_are_findings(tree: Tree, write: Write, make: Make) -> None:
    write("tests/test_a.py", SUITE)
    write("tests/test_b.py", "import nowhere\n")
    check = make(PytestCheck)
    look = await check.look(tree, None)
    assert [(f.path, f.line, f.code, f.text, f.message) for f in look.findings] == [
        (
            "tests/test_a.py",
            11,
            "failed",
            "def test_fails(self):",
            "tests/test_a.py::TestFails::test_fails: assert <object object at 0x…> == 2.5",
        ),
        (
            "tests/test_a.py",
            14,
            "error",
            "def test_error(broken):",
            "tests/test_a.py::test_error: ValueError: boom",
        ),
        (
            "tests/test_b.py",
            None,
            "error",
            "",
            "tests/test_b.py: ModuleNotFoundError: No module named 'nowhere'",
        ),
    ]
    assert look.findings[0].scope == "class TestFails:"
    assert (check.scope, look.evidence.exit_code) == ("project", 1)
    assert (await check.look(tree, None)).findings == look.findings


@pytest.mark.trio
async def test_messages_are_the_same_in_every_tree(
    tree: Tree, write: Write, make: Make, tmp_path: Path
) -> None:
    code = "def test_a(tmp_path):\n    raise ValueError(f'{__file__} took 0.123s at {object()}')\n"
    write("test_a.py", code)
    other = tmp_path / "other"
    other.mkdir()
    (other / "test_a.py").write_text(code)
    check = make(PytestCheck)
    first, second = await check.look(tree, None), await check.look(Tree(other, tree.cache), None)
    assert first.findings == second.findings
    assert first.findings[0].message == (
        "test_a.py::test_a: ValueError: test_a.py took …s at <object object at 0x…>"
    )


@pytest.mark.trio
async def test_awkward_names(tree: Tree, write: Write, make: Make) -> None:
    names = {"test_a b.py", "test_it's.py", "test_grüße_日本.py", "-dash/test_x.py", "new\nline/test_y.py"}
    for name in names:
        write(name, "def test_a():\n    assert False\n")
    findings = (await make(PytestCheck, args=["--import-mode=importlib"]).look(tree, None)).findings
    assert {f.path for f in findings} == names
    assert {f.line for f in findings} == {1}


@pytest.mark.trio
async def test_no_tests_and_no_failures_are_no_findings(tree: Tree, write: Write, make: Make) -> None:
    assert (await make(PytestCheck).look(tree, None)).evidence.exit_code == 5
    write("test_a.py", "def test_a():\n    pass\n")
    look = await make(PytestCheck).look(tree, None)
    assert (look.findings, look.evidence.exit_code) == ((), 0)


@pytest.mark.trio
async def test_the_suite_does_not_stop_early_whatever_the_configuration_says(
    tree: Tree, write: Write, make: Make
) -> None:
    write("pytest.ini", "[pytest]\naddopts = -x --ff\n")
    write("test_a.py", "def test_a():\n    assert 0\n\ndef test_b():\n    assert 0\n")
    assert len((await make(PytestCheck).look(tree, None)).findings) == 2


@pytest.mark.trio
async def test_a_test_that_another_folder_defines(
    tree: Tree, write: Write, make: Make, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "contract.py").write_text("class Contract:\n    def test_it(self):\n        assert 0\n")
    write("conftest.py", f"import sys\nsys.path.append({str(shared)!r})\n")
    write("test_a.py", "from contract import Contract\n\nclass TestA(Contract):\n    pass\n")
    (finding,) = (await make(PytestCheck).look(tree, None)).findings
    assert (finding.path, finding.line) == ("test_a.py", None)


@pytest.mark.trio
async def test_with_several_workers(tree: Tree, write: Write, make: Make) -> None:
    pytest.importorskip("xdist")
    write("tests/test_a.py", SUITE)
    alone = (await make(PytestCheck).look(tree, None)).findings
    assert (await make(PytestCheck, args=["-n2"]).look(tree, None)).findings == alone


@pytest.mark.trio
async def test_a_parent_s_configuration_is_not_the_tree_s(tree: Tree, write: Write, make: Make) -> None:
    (tree.root.parent / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    write("test_a.py", "def test_a():\n    assert 0\n")
    assert len((await make(PytestCheck).look(tree, None)).findings) == 1


@pytest.mark.trio
async def test_the_tree_s_own_code_is_what_is_tested(
    tree: Tree, write: Write, make: Make, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "checkout"
    elsewhere.mkdir()
    (elsewhere / "thing.py").write_text("VALUE = 1\n")
    write("src/thing.py", "VALUE = 2\n")
    write("test_a.py", "def test_a():\n    import thing\n    assert thing.VALUE == 1\n")
    environment = {**tree.environment, "PYTHONPATH": str(elsewhere)}
    look = await make(PytestCheck).look(Tree(tree.root, tree.cache, environment), None)
    assert [f.message for f in look.findings] == ["test_a.py::test_a: AssertionError: assert 2 == 1"]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("conftest", "test", "said"),
    [
        ("import nowhere", "", "exited with 4: (?s:.*)No module named 'nowhere'"),
        ("", "def test_a():\n    import os; os._exit(0)", "exited with 0: "),
        ("", "def test_a():\n    import os; os.abort()", "was killed by SIGABRT: "),
        ("", "import pytest\ndef test_a():\n    pytest.exit('enough')", "exited with 2: (?s:.*)enough"),
        (
            "def pytest_runtestloop(session):\n    session.testsfailed = 1\n    return True",
            "def test_a(): pass",
            "no test failed",
        ),
    ],
)
async def test_a_suite_that_does_not_end_is_an_error(
    tree: Tree, write: Write, make: Make, conftest: str, test: str, said: str
) -> None:
    write("conftest.py", conftest)
    write("test_a.py", test)
    with pytest.raises(CheckError, match=f"check mine: pytest {said}" if "exited" in said else said):
        await make(PytestCheck).look(tree, None)


@pytest.mark.trio
async def test_a_suite_that_hangs_is_an_error(tree: Tree, write: Write, make: Make, script: Script) -> None:
    code = "import sys, time; print('9.0') if '--version' in sys.argv else time.sleep(60)"
    with pytest.raises(CheckError, match=r"ended at its time limit of 0\.5 s"):
        await make(PytestCheck, command=script(code), timeout=0.5).look(tree, None)


@pytest.mark.trio
async def test_a_program_that_is_not_pytest_is_an_error(tree: Tree, make: Make, script: Script) -> None:
    with pytest.raises(CheckError, match=r"exited with 0: pytest 9\.0, all fine"):
        await make(PytestCheck, command=script("print('pytest 9.0, all fine')")).look(tree, None)
    with pytest.raises(CheckError, match=r"'no-pytest' is missing\n.*pip install pytest"):
        await make(PytestCheck, command="no-pytest").look(tree, None)


@pytest.mark.trio
async def test_a_command_of_several_words(tree: Tree, write: Write, make: Make) -> None:
    write("test_a.py", "def test_a():\n    assert 0\n")
    look = await make(PytestCheck, command=[sys.executable, "-m", "pytest"]).look(tree, None)
    assert len(look.findings) == 1


def test_a_suite_is_never_a_check_of_one_file(make: Make) -> None:
    with pytest.raises(PipelineError, match=r"checks.mine.scope: expected one of project"):
        make(PytestCheck, scope="file")
