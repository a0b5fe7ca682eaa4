from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.mypy import MypyCheck
from stomper_sdk.errors import CheckError

Make = Callable[..., Any]
Write = Callable[[str, str], Path]
Script = Callable[[str], list[str]]

WRONG = "def f(x: int) -> str:\n    return x\n\n\nreveal_type(f(1))\n"
EXPECTED = ("return-value", 2, 12, 'Incompatible return value type (got "int", expected "str")')


@pytest.mark.trio
async def test_finds_errors_and_no_notes(tree: Tree, write: Write, make: Make) -> None:
    for name in ("a.py", "a b.py", "-dash.py", "sub dir/x.py"):
        write(name, WRONG)
    write("pkg/__init__.py", "")
    write("pkg/new\nline.py", WRONG)
    check = make(MypyCheck)
    look = await check.look(tree, ["a.py"])  # of scope project: everything anyway
    found = {f.path: (f.code, f.line, f.column, f.message) for f in look.findings}
    expected = {"a.py", "a b.py", "-dash.py", "sub dir/x.py", "pkg/new\nline.py"}
    assert found == dict.fromkeys(expected, EXPECTED)
    assert {(f.scope, f.text) for f in look.findings} == {("def f(x: int) -> str:", "return x")}
    assert (check.scope, look.evidence.exit_code) == ("project", 1)
    assert (tree.cache / "mypy").is_dir()


@pytest.mark.trio
async def test_older_versions_are_read_as_text(tree: Tree, write: Write, make: Make, script: Script) -> None:
    """The text is mypy's own; only the version that the check is told is an old one."""
    write("it's a.py", WRONG)
    code = "import sys, mypy.main as m\nm.main() if '--version' not in sys.argv else print('mypy 1.10.0')"
    check = make(MypyCheck, command=script(code))
    (finding,) = (await check.look(tree, None)).findings
    assert (finding.path, finding.code, finding.line, finding.column, finding.message) == (
        "it's a.py",
        *EXPECTED,
    )


@pytest.mark.trio
@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("mypy.ini", "[mypy]\nfiles = a.py\n"),
        ("pyproject.toml", "[tool.mypy]\nfiles = ['a.py']\n"),
        ("setup.cfg", "[mypy]\nmodules = a\n"),
    ],
)
async def test_the_configuration_says_where_to_look(
    tree: Tree, write: Write, make: Make, config: str, text: str
) -> None:
    write("a.py", WRONG)
    write("b.py", WRONG)
    write(config, text)
    assert [f.path for f in (await make(MypyCheck).look(tree, None)).findings] == ["a.py"]


@pytest.mark.trio
async def test_arguments_say_where_to_look(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", WRONG)
    write("b.py", WRONG)
    assert [f.path for f in (await make(MypyCheck, args=["b.py"]).look(tree, None)).findings] == ["b.py"]
    assert [f.path for f in (await make(MypyCheck, scope="file").look(tree, ["a.py"])).findings] == ["a.py"]


@pytest.mark.trio
async def test_nothing_wrong_is_no_finding(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "x: int = 1\n")
    look = await make(MypyCheck).look(tree, None)
    assert (look.findings, look.evidence.exit_code) == ((), 0)


@pytest.mark.trio
async def test_a_syntax_error_hides_the_other_findings_and_is_an_error(
    tree: Tree, write: Write, make: Make
) -> None:
    write("a.py", WRONG)
    write("b.py", "def (\n")
    with pytest.raises(CheckError, match=r"check mine: mypy exited with 2: b\.py:1: "):
        await make(MypyCheck).look(tree, None)


@pytest.mark.trio
async def test_a_broken_plugin_is_told_in_mypy_s_words(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", WRONG)
    write("mypy.ini", "[mypy]\nplugins = nowhere\n")
    with pytest.raises(CheckError, match=r'mypy\.ini:2: Error importing plugin "nowhere"'):
        await make(MypyCheck).look(tree, None)
    with pytest.raises(CheckError, match=r"(?s)mypy exited with 2: .*--nonsense"):
        await make(MypyCheck, args=["--nonsense"]).look(tree, None)


@pytest.mark.trio
async def test_a_missing_program_says_how_to_install_it(tree: Tree, make: Make) -> None:
    with pytest.raises(CheckError, match=r"the program 'no-mypy' is missing\n.*pip install mypy"):
        await make(MypyCheck, command="no-mypy").look(tree, None)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", "ended at its time limit of 0.5 s"),
        ("print('mypy 2.0')", "printed what cannot be read .*'mypy 2.0'"),
        ("print('mypy 1.10')", "printed what cannot be read .*unexpected line 'mypy 1.10'"),
        ("print('2.0'); sys.exit('INTERNAL' if '.' in sys.argv else 0)", "cannot be read"),
        ("print('2.0') if '.' not in sys.argv else sys.exit(4)", "exited with 4: it printed nothing"),
    ],
)
async def test_a_tool_that_misbehaves_is_an_error(
    tree: Tree, make: Make, script: Script, code: str, said: str
) -> None:
    with pytest.raises(CheckError, match=said):
        await make(MypyCheck, command=script(f"import sys; {code}"), timeout=0.5).look(tree, None)
