from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.checks.base import Tree
from stomper_sdk.checks.ruff import RuffCheck
from stomper_sdk.checks.sarif import SarifCheck
from stomper_sdk.errors import CheckError, PipelineError

Make = Callable[..., Any]
Write = Callable[[str, str], Path]
Script = Callable[[str], list[str]]

RUFF = "ruff check --output-format sarif --no-cache --select F --exit-zero"


def located(uri: str, line: int | None = 1, **more: Any) -> dict[str, Any]:
    region = {} if line is None else {"region": {"startLine": line, "startColumn": 2}}
    place = {"artifactLocation": {"uri": uri, **more.pop("artifact", {})}, **region}
    return {"ruleId": "R", "message": {"text": "bad"}, "locations": [{"physicalLocation": place}], **more}


def log(*results: dict[str, Any], **run: Any) -> dict[str, Any]:
    driver = {"name": "tool", "rules": run.pop("rules", [])}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results), **run}]}


@pytest.fixture
def check(make: Make, script: Script) -> Callable[..., Any]:
    """A check whose program prints a log."""
    return lambda document: make(SarifCheck, command=script(f"print({json.dumps(document)!r})"))


@pytest.mark.trio
async def test_real_sarif_agrees_with_the_tool_s_own_format(
    tree: Tree, write: Write, make: Make, awkward: tuple[str, ...]
) -> None:
    for name in awkward:
        write(name, "def f():\n    import os\n")
    ours = (await make(RuffCheck, select=["F"]).look(tree, None)).findings
    for paths in (None, awkward):
        assert (await make(SarifCheck, command=RUFF).look(tree, paths)).findings == ours
    assert len(ours) == len(awkward)


@pytest.mark.trio
async def test_a_log_in_a_file(tree: Tree, write: Write, make: Make) -> None:
    write("a.py", "import os\n")
    options = {"command": f"{RUFF} --output-file {{output}} {{files}}", "output": "report.sarif"}
    assert [f.code for f in (await make(SarifCheck, **options).look(tree, ["a.py"])).findings] == ["F401"]
    assert [path.name for path in tree.root.iterdir()] == ["a.py"]
    with pytest.raises(CheckError, match=r"it wrote no report.sarif; is \{output\} in its command"):
        await make(SarifCheck, command="ruff --version", output="report.sarif").look(tree, None)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("artifact", "run"),
    [
        ({"uri": "sub%20dir/a%C3%A9.py"}, {}),
        ({"uri": "./sub dir/aé.py"}, {}),
        ({"uri": "ROOT/sub%20dir/a%C3%A9.py"}, {}),
        (
            {"uri": "a%C3%A9.py", "uriBaseId": "SUB"},
            {"originalUriBaseIds": {"SUB": {"uri": "ROOT/sub%20dir/"}}},
        ),
        (
            {"uri": "a%C3%A9.py", "uriBaseId": "SUB"},
            {
                "originalUriBaseIds": {
                    "SUB": {"uri": "sub%20dir/", "uriBaseId": "SRC"},
                    "SRC": {"uri": "ROOT/"},
                }
            },
        ),
        ({"uri": "sub%20dir/a%C3%A9.py", "uriBaseId": "%SRCROOT%"}, {}),
        ({"index": 0}, {"artifacts": [{"location": {"uri": "sub%20dir/a%C3%A9.py"}}]}),
    ],
)
async def test_every_way_to_name_a_file(
    tree: Tree, write: Write, check: Any, artifact: dict[str, Any], run: dict[str, Any]
) -> None:
    write("sub dir/aé.py", "x\n")
    result = located("")
    result["locations"][0]["physicalLocation"]["artifactLocation"] = artifact
    document = json.loads(json.dumps(log(result, **run)).replace("ROOT/", f"{tree.root.as_uri()}/"))
    (finding,) = (await check(document).look(tree, None)).findings
    assert (finding.path, finding.line, finding.column, finding.text) == ("sub dir/aé.py", 1, 2, "x")


@pytest.mark.trio
async def test_levels_rules_and_messages(tree: Tree, check: Any) -> None:
    rules = [
        {"id": "D", "defaultConfiguration": {"level": "note"}, "messageStrings": {"m": {"text": "say {0}"}}},
        {"id": "E"},
    ]
    by_index = located("a.py", 4, ruleIndex=0, message={"id": "m", "arguments": ["it"]})
    del by_index["ruleId"]
    document = log(
        located("a.py", 1, level="error"),
        located("a.py", 2, level="none"),
        located("a.py", 3, ruleId="E"),
        by_index,
        located("a.py", None),
        rules=rules,
    )
    findings = (await check(document).look(tree, None)).findings
    assert [(f.line, f.code, f.severity, f.message) for f in findings] == [
        (None, "R", "warning", "bad"),
        (1, "R", "error", "bad"),
        (2, "R", "info", "bad"),
        (3, "E", "warning", "bad"),
        (4, "D", "info", "say it"),
    ]


@pytest.mark.trio
async def test_what_is_no_problem_is_left_out(tree: Tree, check: Any) -> None:
    document = log(
        located("a.py", 1, suppressions=[{"kind": "inSource"}]),
        located("a.py", 2, suppressions=[{"kind": "external", "status": "rejected"}]),
        located("a.py", 3, suppressions=[]),
        located("a.py", 4, kind="pass"),
        located("a.py", 5, baselineState="absent"),
    )
    assert [f.line for f in (await check(document).look(tree, None)).findings] == [2, 3]
    assert (await check(log()).look(tree, None)).findings == ()


@pytest.mark.trio
@pytest.mark.parametrize(
    ("document", "said"),
    [
        (log(located("file:///elsewhere/a.py")), "reports on '/elsewhere/a.py', outside of the tree"),
        (log(located("https://example.org/a.py")), "https://example.org/a.py is no file"),
        (log({"ruleId": "R", "message": {"text": "bad"}}), "its result 'R' names no file: bad"),
        (log({**located("a.py"), "message": {}}), "a result without a message"),
        (log({**located("a.py"), "level": "loud"}), "KeyError: 'loud'"),
        ({"version": "1.0.0", "runs": []}, "SARIF of version 1.0.0"),
        ({}, "KeyError: 'version'"),
        ([], "printed what cannot be read"),
        (
            log(
                invocations=[
                    {
                        "executionSuccessful": False,
                        "toolExecutionNotifications": [{"message": {"text": "no licence"}}],
                    }
                ]
            ),
            "the tool says that it failed: no licence",
        ),
    ],
)
async def test_a_log_that_cannot_be_trusted_is_an_error(
    tree: Tree, check: Any, document: Any, said: str
) -> None:
    with pytest.raises(CheckError, match=said):
        await check(document).look(tree, None)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "(?s)printed what cannot be read.*ZeroDivisionError"),
        ("", "printed nothing, where findings were expected"),
        ("raise SystemExit(2)", "exited with 2"),
        ("import time; time.sleep(60)", "ended at its time limit of 0.5 s"),
    ],
)
async def test_a_program_that_misbehaves_is_an_error(
    tree: Tree, make: Make, script: Script, code: str, said: str
) -> None:
    with pytest.raises(CheckError, match=said):
        await make(SarifCheck, command=script(code), timeout=0.5).look(tree, None)


@pytest.mark.trio
async def test_a_missing_program(tree: Tree, make: Make) -> None:
    with pytest.raises(CheckError, match="'no-such-linter' is missing"):
        await make(SarifCheck, command="no-such-linter --sarif").look(tree, None)


def test_the_command_must_be_given(make: Make) -> None:
    with pytest.raises(PipelineError, match=r"checks\.mine\.command: this option must be given"):
        make(SarifCheck)
