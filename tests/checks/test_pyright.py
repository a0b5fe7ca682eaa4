from __future__ import annotations

import os
import shelve
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.pyright import PyrightCheck
from stomper_sdk.errors import CheckError
from stomper_sdk.testing import snapshot

Make = Callable[..., Any]
Write = Callable[[str, str], Path]

WRONG = "def f(x: int) -> str:\n    return x\n"


@pytest.mark.trio
async def test_real_code_has_what_pyright_says_by_itself(tree: Tree, write: Write, make: Make) -> None:
    write("shelve.py", Path(shelve.__file__).read_text())
    before = snapshot(tree.root)
    argv = [sys.executable, "-m", "pyright", "shelve.py"]
    printed = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False).stdout
    marked = [line.strip() for line in printed.splitlines() if " - error: " in line]
    look = await make(PyrightCheck).look(tree, None)
    assert [f"{tree.root}/{f.path}:{f.line}:{f.column}" for f in look.findings] == [
        line.partition(" - ")[0] for line in marked
    ]
    assert f"{len(look.findings)} errors, 0 warnings" in printed
    assert all(f.message in " ".join(printed.split()) for f in look.findings)
    assert (len(marked) > 3, look.evidence.version[0].isdigit()) == (True, True)
    assert snapshot(tree.root) == before


@pytest.mark.trio
async def test_settings_say_where_to_look_and_how_severe_it_is(tree: Tree, write: Write, make: Make) -> None:
    levels = '"reportReturnType": "information", "reportMissingImports": "warning"'
    write("pyrightconfig.json", f'{{"exclude": ["skipped"], {levels}}}')
    for name in ("a b.py", "-x.py", "pkg/new\nline.py", "skipped/a.py"):
        write(name, WRONG)
    write("b.py", "import nowhere\n\nx: int = ''\ndef (\n")
    check = make(PyrightCheck, severity={"reportAss*": "info"})
    findings = (await check.look(tree, ["skipped/a.py"])).findings  # everything anyway
    wrong = [(name, "reportReturnType", 2, 12, "info") for name in ("-x.py", "a b.py", "pkg/new\nline.py")]
    found = [(f.path, f.code, f.line, f.column, f.severity) for f in findings]
    assert [entry for entry in found if entry[0] != "b.py"] == wrong
    assert [entry[1:] for entry in found if entry[0] == "b.py"][:3] == [
        ("reportMissingImports", 1, 8, "warning"),
        ("reportAssignmentType", 3, 10, "info"),
        ("syntax", 4, 1, "error"),
    ]
    assert {f.text for f in findings if f.path == "-x.py"} == {"return x"}


@pytest.mark.trio
async def test_what_is_installed_beside_pyright_is_installed(tree: Tree, write: Write, make: Make) -> None:
    """Also where another Python comes first on the path, unless the user has chosen an environment."""
    write("a.py", "import attr\nimport attrs\n\nx: str = attrs.own()\n")
    write("src/attrs.py", "def own() -> int:\n    return 1\n")  # comes before what is installed
    for name in ("python", "python3"):
        write(f"../bare/{name}", f'#!/bin/sh\nexec {sys.executable} -S "$@"\n').chmod(0o755)
    bare = {"PATH": f"{tree.root.parent}/bare:{os.environ['PATH']}"}
    kept = {name: value for name, value in tree.environment.items() if name != "VIRTUAL_ENV"}
    beside = attrs.evolve(tree, environment={**kept, **bare})
    (finding,) = (await make(PyrightCheck).look(beside, None)).findings
    assert (finding.code, finding.line) == ("reportAssignmentType", 4)
    chosen = attrs.evolve(tree, environment={**kept, **bare, "VIRTUAL_ENV": "elsewhere"})
    findings = (await make(PyrightCheck).look(chosen, None)).findings
    assert [(f.code, f.line) for f in findings] == [("reportMissingImports", 1), ("reportAssignmentType", 4)]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("settings", "args", "said"),
    [
        (
            '{"extends": "nowhere.json"}',
            [],
            r"exited with 3: Config file .*nowhere\.json\" could not be read",
        ),
        ('{"include": ["nowhere"]}', [], r"exited with 0: File or directory .*nowhere\" does not exist"),
        ("{}", ["--nonsense"], "exited with 4: Unexpected option --nonsense"),
    ],
)
async def test_a_broken_configuration_is_told_in_pyright_s_words(
    settings: str, args: list[str], said: str, tree: Tree, write: Write, make: Make
) -> None:
    write("a.py", WRONG)
    write("pyrightconfig.json", settings)
    with pytest.raises(CheckError, match=said):
        await make(PyrightCheck, args=args).look(tree, None)
