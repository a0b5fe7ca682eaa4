from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.ruff import RuffCheck
from stomper_sdk.errors import CheckError, PipelineError

Make = Callable[..., Any]
Write = Callable[[str, str], Path]
Script = Callable[[str], list[str]]


@pytest.mark.trio
async def test_finds_with_place_and_enclosing_text(tree: Tree, write: Write, make: Make) -> None:
    write("pkg/a.py", "def f():\n    import os\n")
    look = await make(RuffCheck, select=["F"]).look(tree, None)
    (finding,) = look.findings
    assert (finding.check, finding.code, finding.path, finding.line, finding.column) == (
        "mine",
        "F401",
        "pkg/a.py",
        2,
        12,
    )
    assert (finding.scope, finding.text, finding.severity) == ("def f():", "import os", "error")
    assert (look.evidence.exit_code, look.evidence.check) == (0, "mine")
    assert look.evidence.version[0].isdigit()


@pytest.mark.trio
async def test_awkward_names_by_name_and_in_the_whole_tree(
    tree: Tree, write: Write, make: Make, awkward: tuple[str, ...]
) -> None:
    for name in awkward:
        write(name, "import os\n")
    check = make(RuffCheck, select=["F401"])
    assert {f.path for f in (await check.look(tree, None)).findings} == set(awkward)
    assert {f.path for f in (await check.look(tree, awkward)).findings} == set(awkward)
    for name in awkward:
        assert [f.path for f in (await check.look(tree, [name])).findings] == [name]


@pytest.mark.trio
async def test_nothing_to_look_at_is_not_everything(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "import os\n")
    look = await make(RuffCheck).look(tree, [])
    assert (look.findings, look.evidence.command) == ((), ())


@pytest.mark.trio
async def test_a_root_behind_a_link(tree: Tree, write: Write, make: Make, tmp_path: Path) -> None:
    write("a.py", "import os\n")
    link = tmp_path / "link"
    link.symlink_to(tree.root)
    for paths in (None, ["a.py"]):
        look = await make(RuffCheck, select=["F"]).look(Tree(link, tree.cache), paths)
        assert [f.path for f in look.findings] == ["a.py"]


@pytest.mark.trio
async def test_a_syntax_error_is_a_finding(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "def (\n")
    findings = (await make(RuffCheck, select=["F"]).look(tree, ["a.py"])).findings
    assert {f.code for f in findings} == {"invalid-syntax"}


@pytest.mark.trio
async def test_older_formats(tree: Tree, write: Write, make: Make, script: Script) -> None:
    write("a.py", "def (\n")
    entry = {"code": None, "filename": str(tree.root / "a.py"), "message": "SyntaxError: Expected x"}
    printed = json.dumps([{**entry, "location": {"row": 1, "column": 5}, "cell": None}])
    command = script(f"import sys; print('ruff 0.6.0' if '--version' in sys.argv else {printed!r})")
    (finding,) = (await make(RuffCheck, command=command).look(tree, None)).findings
    assert (finding.code, finding.message, finding.line) == ("invalid-syntax", "Expected x", 1)


@pytest.mark.trio
async def test_a_notebook_s_finding_stands_at_its_line_in_the_file(
    tree: Tree, write: Write, make: Make
) -> None:
    def cell(kind: str, *source: str) -> dict[str, Any]:
        extra = {"execution_count": None, "outputs": [{"text": list(source)}]} if kind == "code" else {}
        return {"cell_type": kind, "metadata": {}, **extra, "source": list(source)}

    cells = [cell("markdown", "import os\n"), cell("code", "x = 'é'\n"), cell("code", "y = 2\n", "import os")]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    file = write("n.ipynb", json.dumps(notebook, indent=1))
    (finding,) = (await make(RuffCheck, select=["F401"]).look(tree, ["n.ipynb"])).findings
    assert finding.line is not None
    assert finding.text == '"import os"'
    assert file.read_text().splitlines()[finding.line - 2].strip() == '"y = 2\\n",'


@pytest.mark.trio
async def test_other_languages_are_not_taken_for_python(tree: Tree, write: Write, make: Make) -> None:
    write("web/a.js", "let x = ;\n")
    write("web/b.tpl", "import os\n")
    assert (await make(RuffCheck).look(tree, ["web/a.js"])).findings == ()
    write("ruff.toml", 'extend-include = ["*.tpl"]\nlint.select = ["F"]\n')
    assert [f.code for f in (await make(RuffCheck).look(tree, ["web/b.tpl"])).findings] == ["F401"]


@pytest.mark.trio
async def test_the_configuration_s_own_fixes_stay_off(tree: Tree, write: Write, make: Make) -> None:
    write("ruff.toml", "fix = true\nfix-only = true\nunsafe-fixes = true\nshow-fixes = true\n")
    file = write("a.py", "import os\n")
    findings = (await make(RuffCheck, select=["F"]).look(tree, ["a.py"])).findings
    assert [f.code for f in findings] == ["F401"]
    assert file.read_text() == "import os\n"


@pytest.mark.trio
async def test_excluded_files_stay_excluded_by_name(tree: Tree, write: Write, make: Make) -> None:
    write("ruff.toml", 'exclude = ["a.py"]\n')
    write("a.py", "import os\n")
    assert (await make(RuffCheck).look(tree, ["a.py"])).findings == ()


@pytest.mark.trio
async def test_options_of_rules_and_severity(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "import os\nx = undefined\n")
    options = {"select": ["F"], "ignore": "F401", "severity": {"F*": "error", "F82*": "warning"}}
    findings = (await make(RuffCheck, **options).look(tree, None)).findings
    assert [(f.code, f.severity) for f in findings] == [("F821", "warning")]


@pytest.mark.trio
async def test_a_warning_of_ruff_is_no_crash(tree: Tree, write: Write, make: Make) -> None:
    write("ruff.toml", 'select = ["F"]\n')  # the old place, of which ruff warns
    write("a.py", "import os\n")
    assert len((await make(RuffCheck).look(tree, None)).findings) == 1


@pytest.mark.trio
async def test_long_lists_are_split(tree: Tree, write: Write, make: Make) -> None:
    names = [f"{'x' * 200}{number}.py" for number in range(600)]
    for name in names:
        write(name, "import os\n")
    look = await make(RuffCheck, select=["F401"]).look(tree, names)
    assert sorted(f.path for f in look.findings) == sorted(names)


@pytest.mark.trio
async def test_a_broken_configuration_is_told_in_ruff_s_words(tree: Tree, write: Write, make: Make) -> None:
    write("ruff.toml", "nonsense = 1\n")
    with pytest.raises(CheckError, match=r"(?s)check mine: ruff exited with 2: .*unknown field `nonsense`"):
        await make(RuffCheck).look(tree, None)


@pytest.mark.trio
async def test_a_missing_program_says_how_to_install_it(tree: Tree, make: Make) -> None:
    with pytest.raises(CheckError, match=r"check mine: the program 'no-ruff' is missing\n.*pip install ruff"):
        await make(RuffCheck, command="no-ruff").look(tree, None)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", "ended at its time limit of 0.5 s"),
        ("print('ruff 1.0')", "printed what cannot be read .*'ruff 1.0'"),
        ("print('{}' if sys.argv[1] == 'check' else '1.0'); raise SystemExit(3)", "exited with 3"),
        ("print('[{}]' if sys.argv[1] == 'check' else '1.0')", "cannot be read .KeyError"),
        ("print('[]' if sys.argv[1] == 'check' else 'hello')", "it reports no version: 'hello'"),
        (
            "print('[]' if sys.argv[1] == 'check' else '1.0'); sys.stderr.write('panicked at x')",
            "panicked at x",
        ),
    ],
)
async def test_a_tool_that_misbehaves_is_an_error(
    tree: Tree, make: Make, script: Script, code: str, said: str
) -> None:
    with pytest.raises(CheckError, match=said):
        await make(RuffCheck, command=script(f"import sys; {code}"), timeout=0.5).look(tree, None)


@pytest.mark.trio
async def test_a_finding_outside_of_the_tree_is_an_error(tree: Tree, make: Make, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("import os\n")
    with pytest.raises(CheckError, match=r"it reports on .*outside.py', outside of the tree"):
        await make(RuffCheck, args=[str(outside)]).look(tree, None)


@pytest.mark.trio
async def test_an_unreadable_file_is_an_error_where_it_was_asked_for(
    tree: Tree, write: Write, make: Make
) -> None:
    write("a.py", "").write_bytes(b"x = '\xff'\n")
    with pytest.raises(CheckError, match="Failed to lint"):
        await make(RuffCheck, select=["F"]).look(tree, ["a.py"])


@pytest.mark.trio
async def test_the_version_costs_one_process(tree: Tree, make: Make, script: Script, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = script(
        f"import sys; open({str(log)!r}, 'a').write('x'); print('[]' if sys.argv[1] == 'check' else '1.2')"
    )
    check = make(RuffCheck, command=command)
    assert (await check.version(), await check.version()) == ("1.2", "1.2")
    await check.look(tree, None)
    assert log.read_text() == "xx"


def test_unknown_options_are_refused(make: Make) -> None:
    with pytest.raises(PipelineError, match="did you mean 'select'"):
        make(RuffCheck, selct=["F"])
