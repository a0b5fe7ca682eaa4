"""The guard in a run: what it refuses is rejected, with the rule and the lines, and told to the agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask

if TYPE_CHECKING:
    from tests.conftest import Checkout

SOURCE = "import os\n\n\ndef total(prices):\n    return sum(prices)\n"


@pytest.fixture
def repo(make_checkout: Callable[..., Checkout]) -> Checkout:
    return make_checkout({"a.py": SOURCE, "ruff.toml": 'lint.select = ["F"]\n'})


def run(repo: Checkout, text: str, **overrides: Any) -> tuple[Any, list[str | None]]:
    """Let an agent write a text at its first attempt, and the honest fix at its second."""
    told: list[str | None] = []

    def agent(task: AgentTask) -> None:
        told.append(task.rejected)
        honest = SOURCE.removeprefix("import os\n\n\n")
        (task.workspace / task.path).write_text(text if task.attempt == 1 else honest)

    settings = {"test_validation.mode": "none", "retry.start_from": "clean", **overrides}
    return stomper_sdk.run("default", repo=repo.root, agents={"builtin": agent}, overrides=settings), told


def test_a_cheat_is_refused_told_and_can_be_made_good(repo: Checkout) -> None:
    result, told = run(repo, SOURCE.replace("import os", "import os  # noqa: F401"))
    (file,) = result.files
    assert [(attempt.number, attempt.outcome) for attempt in file.attempts] == [(1, "guard"), (2, "fixed")]
    assert told[0] is None
    assert str(told[1]).startswith("guard.suppressions: it adds `noqa: F401` (a.py:1)")
    assert "noqa" not in repo.read("a.py")


def test_a_cheat_that_stays_one_is_rejected_with_the_rule(repo: Checkout) -> None:
    result, _ = run(repo, "def other():\n    pass\n", **{"retry.max_attempts": 1})
    (file,) = result.files
    assert (file.outcome, file.fixed_count, repo.subjects) == ("rejected", 0, ["start"])
    assert "guard.deletions: it removes total (a.py:4)" in str(file.reason)


def test_what_is_allowed_passes(repo: Checkout) -> None:
    text = "def other():\n    pass\n"
    result, _ = run(repo, text, **{"guard.allow": {"deletions": ["total"]}})
    assert (result.files[0].outcome, repo.read("a.py")) == ("fixed", text)


def test_without_rules_all_passes(repo: Checkout) -> None:
    result, _ = run(repo, "", **{"guard.forbid": []})
    assert (result.files[0].outcome, repo.read("a.py")) == ("fixed", "")


def test_the_prompt_says_what_is_forbidden(repo: Checkout) -> None:
    prompts: list[str] = []
    agents = {"builtin": lambda task: prompts.append(task.prompt)}
    stomper_sdk.run("default", repo=repo.root, agents=agents, overrides={"prompt.strategy": "fixed:normal"})
    assert "- Do not silence a finding (noqa, type: ignore and their likes)." in prompts[0].splitlines()
    assert "keys or passwords" not in prompts[0]


def test_a_file_of_unused_imports_may_be_emptied(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout({"a.py": '"""Doc."""\nimport os\nimport sys\n', "b.py": "import os\n"})
    result = stomper_sdk.run("default", repo=repo.root)
    assert (result.count("fixed"), repo.read("b.py")) == (2, "")
