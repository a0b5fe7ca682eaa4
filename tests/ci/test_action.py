"""The scripts of the action, run as GitHub runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

if TYPE_CHECKING:
    from tests.ci.conftest import Ended
    from tests.conftest import Checkout

    Make = Callable[..., Checkout]

FIXABLE = "import os\n"
LEFT = "x = unknown\n"


@attrs.frozen
class Step:
    """What a run of the action left: its log, what the runner would obey of it, outputs, summary."""

    ended: Ended
    commands: list[str]
    outputs: dict[str, str]
    summary: str


Act = Callable[..., Step]


@pytest.fixture
def action(document: Callable[[str], Any]) -> Any:
    return document("action.yml")


@pytest.fixture
def act(action: Any, bash: Callable[..., Ended], tmp_path: Path) -> Act:
    """Runs the step that fixes, with these inputs of the action."""
    (step,) = (step for step in action["runs"]["steps"] if step.get("id") == "run")

    def run(repo: Checkout, **inputs: str) -> Step:
        values = {name: str(each["default"]) for name, each in action["inputs"].items()}
        values |= {name.replace("_", "-"): value for name, value in inputs.items()}
        env = {name: filled(value, values) for name, value in step["env"].items()}
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        ended = bash(step["run"], repo.root, env | {name: str(file) for name, file in files.items()})
        outputs, summary = (file.read_text() for file in files.values())
        pairs = (line.partition("=") for line in outputs.splitlines())
        return Step(ended, obeyed(ended.log), {name: value for name, _, value in pairs}, summary)

    return run


def filled(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: values[match[1]], template)


def obeyed(log: list[str]) -> list[str]:
    """The workflow commands in a log that a runner would obey."""
    commands, token = [], ""
    for line in (line.strip() for line in log):
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        elif line.startswith("::") or "##[" in line:
            commands.append(line)
    assert not token
    return commands


def test_what_can_be_fixed_is_committed_and_what_is_left_is_annotated(make_checkout: Make, act: Act) -> None:
    repo = make_checkout({"a.py": FIXABLE, "b.py": LEFT})
    step = act(repo)
    assert repo.subjects == ["start", "fix(ruff): F401 in a.py"]
    assert (step.ended.code, step.outputs["exit-code"]) == (1, "1")
    assert step.commands == ["::error file=b.py,line=1,col=5,title=ruff F821::Undefined name `unknown`"]
    assert "### stomper_sdk" in step.summary
    assert repo.status == ""


def test_the_steps_after_it_can_tell_what_happened(make_checkout: Make, action: Any, act: Act) -> None:
    step = act(make_checkout({"a.py": FIXABLE, "b.py": LEFT}))
    assert set(step.outputs) == set(action["outputs"])
    assert (step.outputs["fixed"], step.outputs["commits"]) == ("1", "1")
    assert step.outputs["session"].startswith("stomper-")


def test_the_fail_level_decides_of_the_job(make_checkout: Make, act: Act) -> None:
    step = act(make_checkout({"b.py": LEFT}), fail_level="none")
    assert (step.ended.code, step.outputs["exit-code"], len(step.commands)) == (0, "0", 1)


@pytest.mark.parametrize(
    ("configured", "author"),
    [
        (True, "A User <user@example.org>"),
        (False, "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"),
    ],
)
def test_commits_have_an_author(configured: bool, author: str, make_checkout: Make, act: Act) -> None:
    repo = make_checkout({"a.py": FIXABLE})
    if not configured:
        repo.git("config", "--remove-section", "user")
    assert act(repo).ended.code == 0
    assert repo.git("log", "-1", "--format=%an <%ae>%n%cn <%ce>").splitlines() == [author, author]


def test_since_is_where_the_branches_parted(make_checkout: Make, act: Act) -> None:
    repo = make_checkout({"old.py": FIXABLE, "theirs.py": FIXABLE})
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.commit({"ours.py": FIXABLE}, "ours")
    repo.git("checkout", "--quiet", "main")
    repo.commit({"theirs.py": f"{FIXABLE}import re\n"}, "theirs")
    repo.git("checkout", "--quiet", "feature")
    assert act(repo, since="main").ended.code == 0
    assert repo.subjects[2:] == ["fix(ruff): F401 in ours.py"]


def test_a_pipeline_and_more_arguments(make_checkout: Make, act: Act) -> None:
    pipeline = "extends: default\nversion: 1\nchecks: {ruff: {use: ruff, select: [F, E7]}}\n"
    repo = make_checkout({"a.py": FIXABLE, "b.py": "l = 1\n" + FIXABLE, "-p.yaml": pipeline})
    act(repo, pipeline="-p.yaml", args="--code F401\n  --files b.py *.md")
    assert repo.subjects[1:] == ["fix(ruff): F401 in b.py"]


@pytest.mark.parametrize("name", ["args", "fail_level", "pipeline", "since"])
@pytest.mark.parametrize("value", ["$(touch pwned)", "`touch pwned`", "; touch pwned", '"; touch pwned; "'])
def test_no_input_becomes_a_command(name: str, value: str, make_checkout: Make, act: Act) -> None:
    repo = make_checkout({"a.py": FIXABLE})
    step = act(repo, **{name: value})
    assert step.ended.code != 0
    assert (repo.status, repo.subjects) == ("", ["start"])


def test_nothing_that_a_tool_prints_is_obeyed(make_checkout: Make, act: Act) -> None:
    script = "import sys; sys.exit('one\\n::error::forged\\n  ::add-mask::forged\\n##[error]forged')"
    pipeline = {
        "version": 1,
        "extends": "default",
        "checks": {"mine": {"use": "mypy", "command": ["python", "-c", script]}},
    }
    step = act(make_checkout({"a.py": FIXABLE, "p.yaml": json.dumps(pipeline)}), pipeline="p.yaml")
    assert (step.ended.code, step.outputs["exit-code"]) == (3, "3")
    assert "forged" in "\n".join(step.ended.log)
    assert step.ended.errors == ""
    assert all(command.startswith("::error title=stomper_sdk::") for command in step.commands)
