from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.tsc import TscCheck
from stomper_sdk.errors import CheckError, PipelineError
from stomper_sdk.testing import snapshot

Make = Callable[..., Any]
Write = Callable[[str, str], Path]

pytestmark = pytest.mark.registry

WRONG = "export function text(n: number): string {\n  return n;\n}\n"
FOUND = ("TS2322", 2, 3, "Type 'number' is not assignable to type 'string'.")
SETTINGS = {"strict": True, "lib": ["es2020"], "module": "nodenext", "types": [], "skipDefaultLibCheck": True}


@pytest.fixture(autouse=True)
def installed(tree: Tree, node_modules: Path) -> None:
    (tree.root / "node_modules").symlink_to(node_modules)


def settings(*, include: tuple[str, ...] = ("src",), **more: Any) -> str:
    return json.dumps({"compilerOptions": {**SETTINGS, **more}, "include": include})


@pytest.mark.trio
async def test_finds_what_the_project_has_and_leaves_nothing(tree: Tree, write: Write, make: Make) -> None:
    write("tsconfig.json", settings(composite=True, outDir="dist"))
    names = ["src/a b.ts", "src/a(1,2): error TS1.ts", "src/grüße.ts", "src/-x.ts"]
    for name in (*names, "elsewhere.ts"):
        write(name, WRONG)
    before = snapshot(tree.root)
    check = make(TscCheck)
    for _ in range(2):  # what it keeps of the first look does not hide anything from the second
        look = await check.look(tree, ["elsewhere.ts"])  # of scope project: everything anyway
        found = {f.path: (f.code, f.line, f.column, f.message) for f in look.findings}
        assert found == dict.fromkeys(names, FOUND)
    assert {(f.scope, f.text, f.severity) for f in look.findings} == {
        ("export function text(n: number): string {", "return n;", "error")
    }
    assert (look.evidence.version[0].isdigit(), snapshot(tree.root) == before) == (True, True)
    with pytest.raises(PipelineError, match="expected one of project"):
        make(TscCheck, scope="file")


@pytest.mark.trio
async def test_real_code_has_what_tsc_says_by_itself(
    tree: Tree, write: Write, make: Make, node_modules: Path
) -> None:
    write("tsconfig.json", settings(allowJs=True, checkJs=True, noEmit=True))
    for name in ("estraverse/estraverse.js", "esutils/lib/code.js"):
        write(f"src/{name}", (node_modules / name).read_text())
    argv = ["node_modules/.bin/tsc", "--pretty", "true"]
    done = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False)
    look = await make(TscCheck, severity={"TS7*": "warning"}).look(tree, None)
    assert f"Found {len(look.findings)} errors in 2 files" in done.stdout
    assert len(look.findings) > 50
    assert {f.severity for f in look.findings if f.code.startswith("TS7")} == {"warning"}
    assert not any("\n" in f.message for f in look.findings)


@pytest.mark.trio
async def test_installed_packages_and_longer_messages(
    tree: Tree, write: Write, make: Make, node_modules: Path
) -> None:
    (tree.root / "node_modules").unlink()
    write("node_modules/pkg/index.d.ts", "export const n: Missing;\n")
    write("node_modules/pkg/package.json", '{"name": "pkg", "types": "index.d.ts"}')
    write("tsconfig.json", settings())
    write("src/a.ts", 'import "pkg";\n')
    check = make(TscCheck, command=str(node_modules / ".bin" / "tsc"))
    assert (await check.look(tree, None)).findings == ()
    text = "export const a: { b: { c: string } } = { b: { c: 1 } as { c: 1 } };\n"
    write("src/a.ts", 'import { n } from "pkg";\n' + text)
    (finding,) = (await check.look(tree, None)).findings
    assert (finding.path, finding.code, finding.line) == ("src/a.ts", "TS2322", 2)
    assert finding.message.endswith("Type 'number' is not assignable to type 'string'.")


@pytest.mark.trio
@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, r"exited with 1: error TS5057: Cannot find a tsconfig\.json"),
        (
            '{"compilerOptions": {"nonsense": 1}}',
            r"tsconfig\.json\(1,22\): error TS5023: Unknown compiler opt",
        ),
        ('{"include": ["nowhere"]}', "error TS18003: No inputs were found"),
        ('{"files": [], "references": [{"path": "./app"}]}', r"no file of the repository; .*args: \[-p, "),
    ],
)
async def test_a_configuration_with_which_nothing_is_looked_at(
    config: str | None, said: str, tree: Tree, write: Write, make: Make
) -> None:
    write("src/a.ts", WRONG)
    write("app/tsconfig.json", "{}")
    if config:
        write("tsconfig.json", config)
    with pytest.raises(CheckError, match=said):
        await make(TscCheck).look(tree, None)


@pytest.mark.trio
async def test_another_project_can_be_named(tree: Tree, write: Write, make: Make) -> None:
    write("src/a.ts", WRONG)
    write("app/tsconfig.json", '{"compilerOptions": {"lib": ["es5"], "types": []}, "include": ["../src"]}')
    findings = (await make(TscCheck, args=["-p", "app"]).look(tree, None)).findings
    assert [f.path for f in findings] == ["src/a.ts"]
