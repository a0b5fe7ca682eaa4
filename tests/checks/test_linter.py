"""What holds for all checks that read a tool's own report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.bandit import BanditCheck
from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.eslint import EslintCheck
from stomper_sdk.checks.files import top_level
from stomper_sdk.checks.flake8 import Flake8Check
from stomper_sdk.checks.linter import LinterCheck
from stomper_sdk.checks.pylint import PylintCheck
from stomper_sdk.checks.pyright import PyrightCheck
from stomper_sdk.checks.tsc import TscCheck
from stomper_sdk.errors import CheckError

Make = Callable[..., Any]
Write = Callable[[str, str], Path]
Script = Callable[[str], list[str]]

ALL = (BanditCheck, EslintCheck, Flake8Check, PylintCheck, PyrightCheck, TscCheck)
BY_FILE = (BanditCheck, EslintCheck, Flake8Check)


@pytest.mark.trio
@pytest.mark.parametrize("plugin", ALL)
async def test_a_missing_program_says_how_to_install_it(
    plugin: type[LinterCheck], tree: Tree, write: Write, make: Make
) -> None:
    write("a.py", "")
    hint = (
        r"install .*(typescript|eslint).*workspace\.link: \[node_modules\]"
        if plugin.FOLDER
        else "pip install"
    )
    with pytest.raises(CheckError, match=rf"check mine: the program 'no-tool' is missing\n.*{hint}"):
        await make(plugin, command="no-tool").look(tree, None)


@pytest.mark.trio
@pytest.mark.parametrize("plugin", ALL)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('hello')", "cannot be read .*'hello'"),
        ("print('{\"a\": 1}')", "cannot be read"),
        ("sys.exit('Traceback: no')", "(exited with 1|cannot be read).*Traceback: no"),
        ("sys.exit(1)", "it printed nothing"),
        ("sys.exit(32)", "exited with 32: it printed nothing"),
    ],
)
async def test_a_tool_that_misbehaves_is_an_error(
    plugin: type[LinterCheck], code: str, said: str, tree: Tree, write: Write, make: Make, script: Script
) -> None:
    write("a.py", "")
    command = script(f"import sys\nif '--version' in sys.argv: sys.exit(print('9.9'))\n{code}")
    with pytest.raises(CheckError, match=f"(?s)check mine: .*{said}"):
        await make(plugin, command=command).look(tree, None)


@pytest.mark.trio
@pytest.mark.parametrize("plugin", BY_FILE)
async def test_files_are_named_so_that_none_is_taken_for_an_option(
    plugin: type[LinterCheck], tree: Tree, make: Make, script: Script
) -> None:
    look = await make(plugin, command=script("print('9.9')")).look(tree, [])
    assert (look.findings, look.evidence.command) == ((), ())
    shown = script("import sys; print('9.9') if '--version' in sys.argv else sys.exit(repr(sys.argv[-2:]))")
    with pytest.raises(CheckError, match=r"\['\./-x\.py', '\./@b\.py'\]"):
        await make(plugin, command=shown).look(tree, ["-x.py", "@b.py"])


@pytest.mark.trio
@pytest.mark.parametrize("plugin", ALL)
async def test_of_scope_project_every_look_is_at_everything(
    plugin: type[LinterCheck], tree: Tree, write: Write, make: Make, script: Script
) -> None:
    write("pkg/a.py", "")
    shown = script("import sys; print('9.9') if '--version' in sys.argv else sys.exit(repr(sys.argv))")
    said = []
    for paths in (None, ["pkg/a.py"]):
        with pytest.raises(CheckError) as caught:
            await make(plugin, command=shown, scope="project").look(tree, paths)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_everything_is_not_what_others_have_installed(tree: Tree, write: Write) -> None:
    for name in ("pkg/a.py", "a.py", "b.txt", "-c.py", ".github/x.py", "venv/lib/x.py", "node_modules/x.py"):
        write(name, "")
    write("venv/pyvenv.cfg", "")
    (tree.root / "link").symlink_to(tree.root / "pkg")
    (tree.root / "link.py").symlink_to(tree.root / "a.py")
    (tree.root / "gone.py").symlink_to(tree.root / "nowhere.py")
    found = top_level(tree.root, lambda name: name.endswith(".py"))
    assert found == ["-c.py", ".github", "a.py", "link.py", "pkg"]


@pytest.mark.trio
@pytest.mark.parametrize("plugin", [EslintCheck, TscCheck])
async def test_a_program_of_the_tree_s_own_comes_first(
    plugin: type[LinterCheck], tree: Tree, write: Write, make: Make
) -> None:
    write(f"node_modules/.bin/{plugin.PROGRAM}", "#!/bin/sh\necho 7.8.9\n").chmod(0o755)
    assert await make(plugin).version(tree) == "7.8.9"
