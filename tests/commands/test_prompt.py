"""`prompt`: what an agent would be told, with no agent asked and nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import stomper_sdk
from stomper_sdk import AgentTask, api
from stomper_sdk.cli import main

if TYPE_CHECKING:
    from tests.conftest import Checkout

Captured = pytest.CaptureFixture[str]
FILES = {
    "shop/a.py": "import os\n\n\ndef f():\n\tunused = 1\n",
    "clean.py": "x = 1\n",
    "ruff.toml": 'lint.select = ["F"]\n',
}


@pytest.fixture
def repo(make_checkout: Callable[[Mapping[str, str]], Checkout], monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = make_checkout(FILES)
    monkeypatch.chdir(made.root)
    return made


def test_it_is_what_an_agent_gets(repo: Checkout, capsys: Captured) -> None:
    prompts: list[str] = []

    def agent(task: AgentTask) -> None:
        prompts.append(task.prompt)

    before = repo.tree, repo.status
    for level in ("minimal", "normal", "detailed", "verbose"):
        assert main(["prompt", "shop/a.py", "--level", level]) == 0
        overrides = {"prompt.strategy": f"fixed:{level}", "retry.max_attempts": 1}
        stomper_sdk.run("default", repo=repo.root, agents={"builtin": agent}, overrides=overrides)
        shown = capsys.readouterr()
        assert shown.out == prompts[-1].rstrip("\n") + "\n"
        assert f"shop/a.py: attempt 1, agent builtin, level {level}, " in shown.err
    assert (repo.tree, repo.status) == before and not repo.leftovers()


def test_a_later_attempt_has_the_strategys_level_and_no_history(repo: Checkout, capsys: Captured) -> None:
    for attempt, level in enumerate(("minimal", "normal", "detailed"), start=1):
        assert main(["prompt", "shop/a.py", "--attempt", str(attempt)]) == 0
        shown = capsys.readouterr()
        assert f"attempt {attempt}, agent builtin, level {level}" in shown.err
        assert "last attempt" not in shown.out
    assert main(["prompt", "shop/a.py", "--set", "prompt.strategy=fixed:verbose", "-q"]) == 0
    shown = capsys.readouterr()
    assert "## The whole file" in shown.out and shown.err == ""


def test_the_pipeline_may_stand_behind_options(repo: Checkout, capsys: Captured) -> None:
    repo.write({"own.yaml": "extends: default\nprompt: {strategy: 'fixed:detailed'}\n"})
    assert main(["prompt", "shop/a.py", "--attempt", "2", "own.yaml"]) == 0
    assert "attempt 2, agent builtin, level detailed" in capsys.readouterr().err
    assert main(["prompt", "shop/a.py", "--attempt", "2", "own.yaml", "other.yaml"]) == 2
    assert "unexpected argument 'other.yaml'" in capsys.readouterr().err


def test_it_is_narrowed_like_a_run_and_found_from_any_folder(
    repo: Checkout, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.root / "shop")
    for name in ("a.py", "shop/a.py", str(repo.root / "shop" / "a.py")):
        assert main(["prompt", name, "--code", "F401"]) == 0
        out = capsys.readouterr().out
        assert "shop/a.py:1:8 F401" in out and "F841" not in out


def test_a_template_of_the_repository_is_used(repo: Checkout, capsys: Captured) -> None:
    repo.write(
        {
            "prompts/mine.md.j2": "{{ level }}: {{ path }}",
            "own.yaml": "extends: default\nprompt: {template: mine}\n",
        }
    )
    assert main(["prompt", "shop/a.py", "own.yaml"]) == 0
    assert capsys.readouterr().out == "minimal: shop/a.py\n"
    repo.write({"prompts/mine.md.j2": "fine\n{{ pth }}"})
    assert main(["prompt", "shop/a.py", "own.yaml"]) == 2
    assert "mine.md.j2:2:1: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["clean.py"],
            0,
            "clean.py: no agent would be asked: it has no findings that this pipeline would fix",
        ),
        (["dirty.py"], 1, "dirty.py: no agent would be asked: it is skipped: git does not track it yet"),
        (["gone.py"], 2, "there is no file gone.py in "),
        (["../outside.py"], 2, "there is no file ../outside.py in "),
        (["shop/a.py", "--level", "detailled"], 2, "there is no level 'detailled'\nDid you mean 'detailed'?"),
        (["shop/a.py", "--level", "x"], 2, "There are: minimal, normal, detailed, verbose."),
        (["shop/a.py", "--attempt", "0"], 2, "there is no attempt 0: retry.max_attempts is 3"),
        (["shop/a.py", "--attempt", "4"], 2, "there is no attempt 4: retry.max_attempts is 3"),
        (["shop/a.py", "--attempt", "one"], 2, "expected a whole number, got 'one'"),
        (["shop/a.py", "--agent", "nobody"], 2, "the pipeline has no agent 'nobody'"),
        ([], 2, "FILE"),
    ],
)
def test_where_there_is_none_it_is_said_why(
    words: list[str], code: int, said: str, repo: Checkout, capsys: Captured
) -> None:
    repo.write({"dirty.py": "import os\n", "../outside.py": "import os\n"})
    assert main(["prompt", *words]) == code
    shown = capsys.readouterr()
    assert said in shown.err and shown.out == ""


def test_agents_that_are_not_for_its_findings_are_not_asked(repo: Checkout, capsys: Captured) -> None:
    assert main(["prompt", "shop/a.py", "--set", "agents.builtin.when.codes=[E501]"]) == 1
    assert "its findings are for none of the agents" in capsys.readouterr().err


def test_from_python(repo: Checkout) -> None:
    seen = api.prompt(Path("shop/a.py"), repo=repo.root, attempt=2)
    assert (seen.path, seen.attempt, seen.agent, seen.level) == ("shop/a.py", 2, "builtin", "normal")
    assert seen.prompt and [finding.code for finding in seen.findings] == ["F401", "F841"]
