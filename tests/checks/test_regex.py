from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.regex import RegexCheck
from stomper_sdk.errors import CheckError, PipelineError

Make = Callable[..., Any]
Write = Callable[[str, str], Path]
Script = Callable[[str], list[str]]

PATTERN = (
    r"^(?P<path>[^\n:]+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<severity>\w+) (?P<code>\w+) (?P<message>.*)$"
)
LISTS = "import sys\nfor p in sys.argv[1:]: print(f'{p}:1: warning X1 bad')\nprint('2 problems'); sys.exit(1)"


@pytest.mark.trio
async def test_reads_every_group(tree: Tree, write: Write, make: Make, script: Script) -> None:
    write("src/a.py", "first\nif x:\n    second\n")
    printed = f"{tree.root}/src/a.py:3:5: note X2 say so\\nsrc\\\\a.py:1: error X1 bad\\nall done"
    check = make(RegexCheck, command=script(f"print('{printed}')"), pattern=PATTERN)
    look = await check.look(tree, None)
    assert [(f.path, f.line, f.column, f.code, f.severity, f.message, f.text) for f in look.findings] == [
        ("src/a.py", 1, None, "X1", "error", "bad", "first"),
        ("src/a.py", 3, 5, "X2", "info", "say so", "second"),
    ]
    assert look.findings[1].scope == "if x:"
    assert look.evidence.version == "unknown"


@pytest.mark.trio
async def test_files_are_appended_or_take_their_place(
    tree: Tree, write: Write, make: Make, script: Script
) -> None:
    names = ["a b.py", "it's.py", "grüße.py", "-dash.py"]
    for name in names:
        write(name, "x\n")
    words = script(LISTS)
    for command in (words, [*words, "{files}"]):
        findings = (await make(RegexCheck, command=command, pattern=PATTERN).look(tree, names)).findings
        assert sorted(f.path for f in findings) == sorted(names)
    shown = make(RegexCheck, command=[*words, "{files}", "last"], pattern=PATTERN)
    assert list(shown.argvs(["a.py", "b.py"])) == [(*words, "./a.py", "./b.py", "last")]
    assert list(shown.argvs(None)) == [(*words, ".", "last")]


@pytest.mark.trio
async def test_other_files_than_asked_for_are_left_out(
    tree: Tree, write: Write, make: Make, script: Script
) -> None:
    write("a.py", "x\n")
    words = script("print('a.py:1: error X1 bad\\nb.py:1: error X1 bad\\nc.txt:1: error X1 bad')")
    check = make(RegexCheck, command=[*words], pattern=PATTERN, files=["*.py"])
    assert [f.path for f in (await check.look(tree, ["a.py"])).findings] == ["a.py"]
    assert [f.path for f in (await check.look(tree, None)).findings] == ["a.py", "b.py"]
    assert (check.covers("sub/x.py"), check.covers("c.txt")) == (True, False)


@pytest.mark.trio
async def test_a_pattern_with_a_path_only(tree: Tree, make: Make, script: Script) -> None:
    check = make(RegexCheck, command=script("print('bad: a.py')"), pattern="bad: (?P<path>.*)")
    (finding,) = (await check.look(tree, None)).findings
    assert (finding.code, finding.message, finding.line) == ("mine", "bad: a.py", None)


@pytest.mark.trio
async def test_a_program_of_the_tree_s_own(tree: Tree, write: Write, make: Make) -> None:
    write("tools/check.sh", "#!/bin/sh\necho 'a.py:1: error X1 bad'\n").chmod(0o755)
    check = make(RegexCheck, command="./tools/check.sh", pattern=PATTERN)
    assert len((await check.look(tree, None)).findings) == 1


@pytest.mark.trio
async def test_nothing_printed_is_no_finding(tree: Tree, make: Make, script: Script) -> None:
    for code in ("print('all fine')", "raise SystemExit(1)"):
        assert (await make(RegexCheck, command=script(code), pattern=PATTERN).look(tree, None)).findings == ()


@pytest.mark.trio
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "(?s)no line matches the pattern: Traceback.*ZeroDivisionError"),
        ("print('oh'); raise SystemExit(1)", "no line matches the pattern: oh"),
        ("raise SystemExit('usage')", "no line matches the pattern: usage"),
        ("raise SystemExit(2)", "exited with 2: it printed nothing"),
        ("import time; time.sleep(60)", "ended at its time limit of 0.5 s"),
        ("print('../a.py:1: error X1 bad')", r"reports on '\.\./a\.py', outside of the tree"),
    ],
)
async def test_a_program_that_misbehaves_is_an_error(
    tree: Tree, make: Make, script: Script, code: str, said: str
) -> None:
    with pytest.raises(CheckError, match=said):
        await make(RegexCheck, command=script(code), pattern=PATTERN, timeout=0.5).look(tree, None)


@pytest.mark.trio
async def test_a_line_that_is_no_number_is_an_error(tree: Tree, make: Make, script: Script) -> None:
    check = make(RegexCheck, command=script("print('a.py:x')"), pattern="(?P<path>.*):(?P<line>.*)")
    with pytest.raises(CheckError, match=r"printed what cannot be read .*'x'"):
        await check.look(tree, None)


@pytest.mark.trio
async def test_a_missing_program(tree: Tree, make: Make) -> None:
    check = make(RegexCheck, command=["no-such-linter"], pattern=PATTERN)
    with pytest.raises(CheckError, match=r"'no-such-linter' is missing\n.*option `command`"):
        await check.look(tree, None)
    with pytest.raises(CheckError, match="'no-such-linter' is missing"):
        await check.version()


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?P<path>", "expected a regular expression .missing"),
        ("x", r"expected a regular expression with a group \(\?P<path>"),
        ("(?P<path>.)(?P<row>.)", "expected groups named .*, not row"),
        (3, "expected a regular expression"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(make: Make, pattern: object, said: str) -> None:
    with pytest.raises(PipelineError, match=f"checks.mine.pattern: {said}"):
        make(RegexCheck, command="x", pattern=pattern)


def test_what_must_be_given(make: Make) -> None:
    with pytest.raises(
        PipelineError, match=r"(?s)checks.mine.command: .*checks.mine.pattern: this option must"
    ):
        make(RegexCheck)
