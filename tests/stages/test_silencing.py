"""A finding that was only silenced is not fixed: counted apart, and a reason to exit with 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask, RunResult, api

if TYPE_CHECKING:
    from tests.conftest import Checkout

PIPELINE: Mapping[str, Any] = {
    "version": 1,
    "extends": "ruff",
    "retry": {"max_attempts": 1},
    "guard": {"forbid": []},
}
SETTINGS = {"ruff.toml": 'lint.select = ["F"]\n'}


@pytest.fixture
def run(make_checkout: Callable[..., Checkout], at: Path) -> Callable[..., tuple[Checkout, RunResult]]:
    """Runs an agent that puts one text in the place of another in `a.py`."""

    def run(before: str, after: str, **settings: Any) -> tuple[Checkout, RunResult]:
        def agent(task: AgentTask) -> None:
            (task.workspace / task.path).write_text(after)

        repo = make_checkout({"a.py": before, **SETTINGS})
        return repo, stomper_sdk.run({**PIPELINE, **settings}, repo=repo.root, agents={"builtin": agent})

    return run


def test_a_file_whose_findings_are_only_suppressed_is_unfixed(
    run: Callable[..., tuple[Checkout, RunResult]],
) -> None:
    repo, result = run("import os\n", "import os  # noqa: F401\n")
    (file,) = result.files
    assert (file.outcome, file.commit, repo.subjects) == ("unfixed", None, ["start"])
    assert file.reason == "1 finding suppressed, not fixed: F401 at a.py:1:8"
    assert [end.status for end in result.ledger] == ["remaining"]
    assert (result.total_errors_fixed, result.exit_code) == (0, 1)


def test_what_was_fixed_beside_it_is_committed_and_counted_apart(
    run: Callable[..., tuple[Checkout, RunResult]],
) -> None:
    repo, result = run("import os\nimport re\n", "import re  # noqa: F401\n")
    (file,) = result.files
    assert (file.outcome, file.reason) == ("partial", "1 finding suppressed, not fixed")
    assert [(end.status, end.finding.line) for end in result.ledger] == [("fixed", 1), ("suppressed", 2)]
    assert (result.total_errors_fixed, result.exit_code, file.commit) == (1, 1, repo.head)
    assert result.to_dict()["files"][0]["suppressed_count"] == 1
    assert api.verify(repo=repo.root, pipeline=PIPELINE).exit_code == 0


def test_without_the_finding_there_is_nothing_to_suppress(
    run: Callable[..., tuple[Checkout, RunResult]],
) -> None:
    _, result = run("import os\n", "print(1)  # noqa: E501\n")
    assert ([end.status for end in result.ledger], result.exit_code) == (["fixed"], 0)


def test_where_all_is_asked_for_a_suppressed_finding_keeps_the_fix_out(
    run: Callable[..., tuple[Checkout, RunResult]],
) -> None:
    repo, result = run("import os\nimport re\n", "import re  # noqa: F401\n", accept="all")
    assert (result.files[0].outcome, repo.subjects) == ("unfixed", ["start"])
    assert result.files[0].reason == "1 finding left, and accept is all"


def test_a_suppressed_finding_that_is_told_as_fixed_is_refuted(
    run: Callable[..., tuple[Checkout, RunResult]],
) -> None:
    repo, result = run("import os\nimport re\n", "import re  # noqa: F401\n")
    kept = repo.root / ".stomper" / "sessions" / result.session_id / "result.json"
    document = json.loads(kept.read_text())
    document["findings"][1]["status"] = "fixed"
    document["files"][0] |= {"fixed_count": 2, "suppressed_count": 0}
    kept.write_text(json.dumps(document))
    verification = api.verify(repo=repo.root, pipeline=PIPELINE)
    lines = [it for it in verification.statements if it.line and it.ruling == "refuted"]
    assert [(it.said, it.seen) for it in lines] == [("fixed a.py:2:8 F401", "suppressed, not fixed")]
