"""Other checks than ruff and mypy: a test suite, a tool that writes SARIF, one that prints lines, several."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask

if TYPE_CHECKING:
    from tests.integration.conftest import Project

pytestmark = pytest.mark.timeout(200)

CALC = "def double(number):\n    return number + 2\n\n\ndef half(number):\n    return number / 2\n"
TESTS = (
    "from calc import double, half\n\n\n"
    "def test_double():\n    assert double(3) == 6\n\n\n"
    "def test_half():\n    assert half(4) == 2\n"
)


def scripted(*edits: tuple[str, str, str]) -> dict[str, Any]:
    """An agent that makes edits: path, what to find, what to put there."""
    keys = ("path", "find", "replace")
    found = [
        {key: value for key, value in zip(keys, edit, strict=True) if value or key != "path"}
        for edit in edits
    ]
    return {"main": {"use": "scripted", "replies": [{"edits": found}]}}


def test_a_failing_test_is_a_finding_that_a_fix_of_the_source_cures(
    make_project: Callable[..., Project],
) -> None:
    project = make_project({"calc.py": CALC, "tests/test_calc.py": TESTS}).dirty()
    before, tests = project.look(), project.tests("HEAD", "--import-mode=importlib", "-o", "pythonpath=.")
    assert sorted(tests.values()) == ["failure", "passed"]
    sections = {
        "checks": {"pytest": {}},
        "agents": scripted(("calc.py", "number + 2", "number * 2")),
        "guard": {"scope": "repo"},
    }
    ran = project.run(project.pipeline(sections))
    after = project.look()
    project.left_alone(before, after, ran)
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (0, 1, {"tests/test_calc.py": "fixed"})
    assert project.git("show", "--format=", "--name-only", "HEAD").split() == ["calc.py"]
    tests = project.tests("HEAD", "--import-mode=importlib", "-o", "pythonpath=.")
    assert sorted(tests.values()) == ["passed", "passed"]


def test_a_cure_that_breaks_another_test_is_none(make_project: Callable[..., Project]) -> None:
    project = make_project({"calc.py": CALC, "tests/test_calc.py": TESTS})
    before = project.look()
    sections = {
        "checks": {"pytest": {}},
        "agents": scripted(("calc.py", "number + 2", "number * 2"), ("calc.py", "number / 2", "number")),
        "guard": {"scope": "repo"},
        "retry": {"max_attempts": 1},
    }
    ran = project.run(project.pipeline(sections))
    project.left_alone(before, project.look(), ran)
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (1, 0, {"tests/test_calc.py": "unfixed"})
    assert project.read("calc.py") == CALC


WITHOUT_TODO = """
import pathlib, sys
path = pathlib.Path(sys.argv[1])
lines = path.read_text().splitlines(keepends=True)
path.write_text("".join(line for line in lines if "TODO" not in line))
"""
UNUSED = "import os\n\n\ndef one():\n    return 1\n"


def test_a_tool_that_writes_sarif(make_project: Callable[..., Project]) -> None:
    project = make_project({"one.py": UNUSED, "pack/two.py": UNUSED, "fine.py": "ONE = 1\n"}).dirty()
    before = project.look()
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "sarif"]
    sections = {
        "checks": {"lint": {"use": "sarif", "command": command}},
        "agents": scripted(("", "import os\n", "")),
    }
    ran = project.run(project.pipeline(sections))
    after = project.hold(before, ran)
    assert (ran.exit_code, ran.outcomes) == (0, {"one.py": "fixed", "pack/two.py": "fixed"})
    assert (before.total, after.total) == (before.total, before.total - ran.fixed)
    assert {(end["check"], end["path"]) for end in ran.ends("fixed")} == {
        ("lint", "one.py"),
        ("lint", "pack/two.py"),
    }


def test_a_tool_that_prints_lines(make_project: Callable[..., Project]) -> None:
    files = {"one.txt": "fine\nTODO this\nTODO that\n", "sub/two.md": "TODO more\n", "three.txt": "fine\n"}
    project = make_project(files).dirty()

    def grep() -> Counter[tuple[str, str, str]]:
        lines = project.call("git", "grep", "-n", "TODO", ok=(0, 1)).stdout.splitlines()
        return Counter((line.split(":")[0], "todo", line.split(":", 2)[2]) for line in lines)

    before = project.look(grep)
    check = {
        "use": "regex",
        "command": ["grep", "-rnI", "--exclude-dir=.git", "--exclude-dir=.stomper", "TODO", "{files}"],
        "pattern": r"^(?P<path>[^:\n]+):(?P<line>\d+):(?P<message>.*)$",
    }
    agent = {"use": "command", "run": [sys.executable, "-c", WITHOUT_TODO, "{file}"], "prompt": "none"}
    ran = project.run(project.pipeline({"checks": {"todo": check}, "agents": {"main": agent}}))
    after = project.hold(before, ran, grep)
    assert (before.total, after.total, ran.fixed, ran.exit_code) == (3, 0, 3, 0)
    assert ran.outcomes == {"one.txt": "fixed", "sub/two.md": "fixed"}
    assert project.read("one.txt") == "fine\n"


def test_several_checks_in_one_pipeline(make_project: Callable[..., Project]) -> None:
    """A file is done when each of them is content; a fix may not trade one's findings for another's."""
    good = "import os\n\n\ndef size(name: str) -> int:\n    return str(len(name))\n"
    project = make_project({"good.py": good, "trade.py": "import os\n\nTOTAL: int = 3\n"}).dirty()
    before, types = project.look(), project.mypy()

    def agent(task: AgentTask) -> None:
        path = task.workspace / task.path
        text = path.read_text().replace("import os\n", "").replace("str(len(name))", "len(name)")
        path.write_text(text.replace("int = 3", "int = 'three'"))

    pipeline = project.pipeline({"checks": {"ruff": {"args": ["--select", "F"]}, "mypy": {}}})
    result = stomper_sdk.run(
        pipeline, repo=project.root, agents={"main": agent}, overrides={"retry.max_attempts": 1}
    )
    outcomes = {file.path: file.outcome for file in result.files}
    assert outcomes == {"good.py": "fixed", "trade.py": "unfixed"}
    assert {(finding.check, finding.code) for finding in result.files[0].fixed} == {
        ("ruff", "F401"),
        ("mypy", "return-value"),
    }
    fixed = (before.findings - project.ruff()).total() + (types - project.mypy()).total()
    assert (result.total_errors_fixed, fixed, result.exit_code) == (2, 2, 1)


ANY = "var total: any = 1;\nvar more = total;\n\nexport { more, total };\n"
NUMBERS = """
import pathlib, subprocess, sys
path = pathlib.Path(sys.argv[1])
path.write_text(path.read_text().replace(": any", ": number"))
sys.exit(subprocess.run(["node_modules/.bin/eslint", "--fix", path]).returncode)
"""
ESLINT = """
import tseslint from "typescript-eslint";
export default [...tseslint.configs.recommended, { rules: { "no-var": "error", "prefer-const": "warn" } }];
"""


@pytest.mark.registry
def test_a_tool_that_lives_in_a_linked_folder(
    make_project: Callable[..., Project], node_modules: Path
) -> None:
    """ESLint with its plug-ins and settings, in the user's folder and in each workspace."""
    files = {"one.ts": ANY, "src/two three.ts": ANY, "src/fine.ts": "export const one = 1;\n"}
    project = make_project({**files, "eslint.config.mjs": ESLINT, ".gitignore": "node_modules\n"})
    (project.root / "node_modules").symlink_to(node_modules)
    project.dirty()

    def eslint() -> Counter[tuple[str, str, str]]:
        printed = project.call("node_modules/.bin/eslint", "--format", "json", ".", ok=(0, 1)).stdout
        entries = ((file["filePath"], entry) for file in json.loads(printed) for entry in file["messages"])
        return project.counted((path, entry["ruleId"], entry["message"]) for path, entry in entries)

    before = project.look(eslint)
    agent = {"use": "command", "run": [sys.executable, "-c", NUMBERS, "{file}"], "prompt": "none"}
    sections = {
        "checks": {"eslint": {}},
        "agents": {"main": {**agent, "ok_exit_codes": [0, 1]}},
        "workspace": {"link": ["node_modules"]},
    }
    ran = project.run(project.pipeline(sections))
    after = project.hold(before, ran, eslint)
    assert (before.total, after.total, ran.fixed, ran.exit_code) == (6, 0, 6, 0)
    assert ran.outcomes == {"one.ts": "fixed", "src/two three.ts": "fixed"}
    assert project.read("one.ts") == ANY.replace("var", "const").replace("any", "number")
