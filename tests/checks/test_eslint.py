from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.eslint import EslintCheck
from stomper_sdk.errors import CheckError
from stomper_sdk.testing import snapshot

Make = Callable[..., Any]
Write = Callable[[str, str], Path]

pytestmark = pytest.mark.registry

CONFIG = """
import tseslint from "typescript-eslint";
export default [
  { ignores: ["skipped/**"] },
  ...tseslint.configs.recommended,
  { rules: { "no-var": "warn" } },
];
"""
ANY = "export const one: any = 1;\n"
FOUND = ("@typescript-eslint/no-explicit-any", 1, 19, "error")


@pytest.fixture(autouse=True)
def installed(tree: Tree, write: Write, node_modules: Path) -> None:
    (tree.root / "node_modules").symlink_to(node_modules)
    write("eslint.config.mjs", CONFIG)


@pytest.mark.trio
async def test_settings_hold_for_named_files_too(
    tree: Tree, write: Write, make: Make, awkward: tuple[str, ...]
) -> None:
    names = [name.replace(".py", ".ts") for name in awkward]
    for name in (*names, "skipped/b.ts", "c.vue", "d.txt"):
        write(name, ANY)
    before = snapshot(tree.root)
    check = make(EslintCheck)
    for paths in (None, [*names, "skipped/b.ts", "c.vue"]):
        look = await check.look(tree, paths)
        found = {f.path: (f.code, f.line, f.column, f.severity) for f in look.findings}
        assert found == dict.fromkeys(names, FOUND)
    assert (look.evidence.version[0].isdigit(), look.evidence.exit_code) == (True, 1)
    assert (check.covers("a.tsx"), check.covers("d.txt"), snapshot(tree.root) == before) == (
        True,
        False,
        True,
    )


@pytest.mark.trio
async def test_what_no_rule_said(tree: Tree, write: Write, make: Make) -> None:
    write("a.js", "let x = ;\n")
    write("b.mjs", "export const z = 1;\n// eslint-disable-next-line no-var\nexport var y = 2;\nvar x;\n")
    write("c.mjs", "// eslint-disable-next-line no-var\nexport const y = 2;\n")
    check = make(EslintCheck, severity={"directive": "info"})
    findings = (await check.look(tree, None)).findings
    assert [(f.path, f.code, f.line, f.column, f.severity) for f in findings] == [
        ("a.js", "syntax", 1, 8, "error"),
        ("b.mjs", "no-var", 4, 1, "warning"),
        ("b.mjs", "@typescript-eslint/no-unused-vars", 4, 5, "error"),
        ("c.mjs", "directive", 1, 1, "info"),
    ]


@pytest.mark.trio
async def test_real_code_has_what_eslint_says_by_itself(
    tree: Tree, write: Write, make: Make, node_modules: Path
) -> None:
    for name in ("options.js", "cli.js"):
        write(f"lib/{name}", (node_modules / "eslint" / "lib" / name).read_text())
    argv = ["node_modules/.bin/eslint", "--format", "stylish", "."]
    done = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False)
    findings = (await make(EslintCheck).look(tree, None)).findings
    assert f"✖ {len(findings)} problems ({len(findings)} errors, 0 warnings)" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    told = sorted((words[0], words[-1]) for words in lines if len(words) > 3 and ":" in words[0])
    assert sorted((f"{f.line}:{f.column}", f.code) for f in findings) == told
    assert len(told) > 10


@pytest.mark.trio
async def test_nothing_that_eslint_covers_is_no_finding(tree: Tree, write: Write, make: Make) -> None:
    write("eslint.config.mjs", 'export default [{ ignores: ["**/*.mjs", "**/*.js"] }];\n')
    write("a.js", ANY)
    for paths in (None, ["a.js"]):
        assert (await make(EslintCheck).look(tree, paths)).findings == ()


@pytest.mark.trio
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("export default [{ nonsense: 2 }];", 'Unexpected key "nonsense" found'),
        ('import x from "no-such-plugin"; export default [];', "Cannot find package 'no-such-plugin'"),
    ],
)
async def test_a_broken_configuration_is_told_in_eslint_s_words(
    config: str, said: str, tree: Tree, write: Write, make: Make
) -> None:
    write("eslint.config.mjs", config)
    with pytest.raises(CheckError, match=f"(?s)eslint exited with 2: .*{said}"):
        await make(EslintCheck).look(tree, None)


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((Path(__file__).parents[1] / "node" / "package-lock.json").read_text())
    assert len(lock["packages"]) > 50
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
