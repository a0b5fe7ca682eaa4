from __future__ import annotations

import shelve
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.pylint import PylintCheck
from stomper_sdk.errors import CheckError, PipelineError
from stomper_sdk.testing import snapshot

Make = Callable[..., Any]
Write = Callable[[str, str], Path]

LEAN = "[MAIN]\ndisable = all\nenable = E,unused-import,{}\n"


@pytest.mark.trio
async def test_real_code_has_what_pylint_says_by_itself(tree: Tree, write: Write, make: Make) -> None:
    write("shelve.py", Path(shelve.__file__).read_text())
    before = snapshot(tree.root)
    argv = [sys.executable, "-m", "pylint", "--msg-template={path}:{line}:{column} {symbol} {C}", "shelve.py"]
    printed = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False).stdout
    check = make(PylintCheck, severity={"missing-*": "error"})
    look = await check.look(tree, None)
    severities = {"C": "info", "R": "info", "W": "warning", "E": "error"}
    told = [line.split() for line in printed.splitlines() if line.startswith("shelve.py:")]
    expected = [
        (place, code, "error" if code.startswith("missing-") else severities[kind])
        for place, code, kind in told
    ]
    found = [(f"{f.path}:{f.line}:{(f.column or 0) - 1}", f.code, f.severity) for f in look.findings]
    assert sorted(found) == sorted(expected)
    assert len(found) > 10
    assert (look.evidence.version[0].isdigit(), snapshot(tree.root)) == (True, before)
    assert (tree.cache / "pylint").is_dir()


@pytest.mark.trio
async def test_all_files_but_those_that_the_settings_leave_out(
    tree: Tree, write: Write, make: Make, awkward: tuple[str, ...]
) -> None:
    write(".pylintrc", LEAN.format("C0103") + "ignore = skipped\n")
    names = {*awkward, "pkg/b.py"}
    for name in (*names, "skipped/c.py", "venv/lib/d.py"):
        write(name, "import os\n")
    for name in ("pkg/__init__.py", "venv/pyvenv.cfg"):
        write(name, "")
    findings = (await make(PylintCheck).look(tree, ["skipped/c.py"])).findings  # everything anyway
    assert {f.path for f in findings if f.code == "unused-import"} == names


@pytest.mark.trio
async def test_other_files_of_the_tree_matter(tree: Tree, write: Write, make: Make) -> None:
    """They are found from `src` too; what is found of several files together has no place of its own."""
    write(".pylintrc", LEAN.format("duplicate-code,cyclic-import"))
    write("src/pkg/__init__.py", "")
    write("src/pkg/a.py", "from pkg import b\n\ndef f(x):\n    return b.g(x)\n")
    write("src/pkg/b.py", "from pkg import a\n\nprint(a.f, a.nothing)\n")
    findings = (await make(PylintCheck).look(tree, None)).findings
    assert [(f.path, f.code, f.line, f.column) for f in findings] == [
        ("src/pkg/a.py", "no-member", 4, 12),
        ("src/pkg/b.py", "no-member", 3, 12),
    ]
    with pytest.raises(PipelineError, match="expected one of project"):
        make(PylintCheck, scope="file")


@pytest.mark.trio
async def test_a_syntax_error_hides_no_other_file(tree: Tree, write: Write, make: Make) -> None:
    write(".pylintrc", LEAN.format("C0103"))
    write("a.py", "def (\n")
    write("b.py", "import os\n")
    findings = (await make(PylintCheck).look(tree, None)).findings
    assert [(f.path, f.code) for f in findings] == [("a.py", "syntax-error"), ("b.py", "unused-import")]


BROKEN = """
from pylint.checkers import BaseChecker
class Broken(BaseChecker):
    name = "broken"
    msgs = {"W9999": ("x", "broken-x", "x")}
    def visit_import(self, node): raise RuntimeError("no luck")
def register(linter): linter.register_checker(Broken(linter))
"""


@pytest.mark.trio
@pytest.mark.parametrize(
    ("settings", "args", "said"),
    [
        ("", ["nowhere.py"], r"exited with \d+: nowhere.py: No module named nowhere.py"),
        ("", ["--nonsense"], "(?s)exited with 32: .*Unrecognized option found: nonsense"),
        ("load-plugins = nowhere", [], "Plugin 'nowhere' is impossible to load"),
        (
            "init-hook = import sys; sys.path[:0] = ['.']\nload-plugins = broken",
            [],
            "a.py: a.py: Fatal error",
        ),
        ("jobs = many", [], "(?s)exited with 32: .*invalid int value"),
    ],
)
async def test_what_keeps_pylint_from_looking_is_told(
    settings: str, args: list[str], said: str, tree: Tree, write: Write, make: Make
) -> None:
    write(".pylintrc", f"[MAIN]\n{settings}\n")
    write("a.py", "import os\n")
    write("broken.py", BROKEN)
    with pytest.raises(CheckError, match=said):
        await make(PylintCheck, args=args).look(tree, None)


@pytest.mark.trio
async def test_a_setting_that_pylint_does_not_know_is_no_finding(
    tree: Tree, write: Write, make: Make
) -> None:
    write(".pylintrc", LEAN.format("C0103") + "nonsense = 1\n")
    write("a.py", "import os\n")
    findings = (await make(PylintCheck).look(tree, None)).findings
    assert [(f.path, f.code) for f in findings] == [("a.py", "unused-import")]


@pytest.mark.trio
async def test_an_old_pylint_is_refused(tree: Tree, make: Make, script: Callable[[str], list[str]]) -> None:
    with pytest.raises(CheckError, match=r"pylint 2\.17\.4 is too old, 3\.0 or newer is needed"):
        await make(PylintCheck, command=script("print('pylint 2.17.4\\nastroid 2.15.5')")).look(tree, None)
