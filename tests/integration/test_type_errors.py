"""Mypy as the check, which sees the whole project: an error that moves to another file is not fixed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask

if TYPE_CHECKING:
    from tests.integration.conftest import Project

pytestmark = pytest.mark.timeout(200)

FILES = {
    "mypy.ini": "[mypy]\nwarn_unreachable = true\n",
    "shop/__init__.py": "",
    "shop/price.py": "def price(count: int) -> str:\n    return count * 2\n",
    "shop/bill.py": "from shop.price import price\n\n\ndef bill() -> str:\n    return 'EUR ' + price(3)\n",
}
PRICE, BILL = "shop/price.py", "shop/bill.py"


def edit(find: str, replace: str, path: str = "") -> dict[str, str]:
    return {"find": find, "replace": replace, **({"path": path} if path else {})}


def scripted(replies: object) -> dict[str, Any]:
    return {
        "checks": {"mypy": {}},
        "agents": {"main": {"use": "scripted", "replies": replies}},
        "retry": {"max_attempts": 2},
    }


def replaced(task: AgentTask, find: str, replace: str) -> None:
    path = task.workspace / task.path
    path.write_text(path.read_text().replace(find, replace))


def test_an_error_is_fixed_by_the_shipped_pipeline_with_a_function(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(FILES).dirty()
    before = project.look(project.mypy)

    def agent(task: AgentTask) -> None:
        assert [finding.code for finding in task.findings] == ["return-value"]
        replaced(task, "count * 2", "str(count * 2)")

    result = stomper_sdk.run("mypy", repo=project.root, agents={"main": agent})
    after = project.look(project.mypy)
    assert (before.total, after.total, result.total_errors_fixed, result.exit_code) == (1, 0, 1, 0)
    assert project.git("show", "--format=", "--name-only", "HEAD").split() == [PRICE]
    assert (after.status, after.dirt, after.files.keys()) == (before.status, before.dirt, before.files.keys())


def test_the_shipped_pipeline_takes_a_command(make_project: Callable[..., Project]) -> None:
    project = make_project(FILES)
    before = project.look(project.mypy)
    agent = project.beside / "agent.sh"
    agent.write_text("grep -q return-value && sed -i.old 's/count \\* 2/str(count * 2)/' shop/price.py\n")
    agent.write_text(agent.read_text() + "rm shop/price.py.old\n")
    project.environment["STOMPER_AGENT_COMMAND"] = f"sh {agent}"
    ran = project.run("mypy")
    project.hold(before, ran, project.mypy)
    assert (ran.exit_code, ran.fixed) == (0, 1)


def test_an_error_that_moves_to_another_file_is_not_fixed(make_project: Callable[..., Project]) -> None:
    project = make_project(FILES)
    before = project.look(project.mypy)
    ran = project.run(project.pipeline(scripted([{"edits": [edit("-> str", "-> int")]}])))
    project.hold(before, ran, project.mypy)
    attempts = [attempt["outcome"] for attempt in ran.files[PRICE]["attempts"]]
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (1, 0, {PRICE: "unfixed"})
    assert set(attempts) == {"new_findings"}
    assert BILL in ran.files[PRICE]["reason"]


WRONG = {
    "mypy.ini": FILES["mypy.ini"],
    "shop/__init__.py": "",
    "shop/amount.py": "def amount(count: int) -> int:\n    return str(count * 2)\n",
    "shop/bill.py": "from shop.amount import amount\n\n\ndef bill() -> str:\n    return 'EUR ' + amount(3)\n",
}
AMOUNT = "shop/amount.py"


@pytest.mark.parametrize("parallel", [1, 4])
def test_both_files_of_an_error_with_two_ends(make_project: Callable[..., Project], parallel: int) -> None:
    """`amount` is wrong in its own file and, as what it returns, in the other; either cure is right."""
    project = make_project(WRONG)
    before = project.look(project.mypy)
    assert {path for path, _, _ in before.findings} == {AMOUNT, BILL}
    replies = {
        AMOUNT: [{"edits": [edit("-> int", '-> "str"')]}],
        BILL: [{"edits": [edit("amount(3)", "str(amount(3))")]}],
    }
    ran = project.run(project.pipeline(scripted(replies)), "--max-parallel-files", parallel)
    after = project.hold(before, ran, project.mypy)
    assert (before.total, after.total, ran.fixed, ran.exit_code) == (2, 0, 2, 0)


def test_a_fix_that_cures_another_file_before_its_turn_is_counted(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(WRONG)
    before = project.look(project.mypy)
    replies = {AMOUNT: [{"edits": [edit("-> int", '-> "str"')]}], BILL: [{"error": "nobody should ask"}]}
    ran = project.run(project.pipeline(scripted(replies)), "--max-parallel-files", 1)
    after = project.hold(before, ran, project.mypy)
    assert (before.total, after.total, ran.fixed, ran.exit_code) == (2, 0, 2, 0)
    assert ran.outcomes == {AMOUNT: "fixed", BILL: "skipped"}


def test_an_edit_of_the_same_size_in_the_same_second_is_seen(make_project: Callable[..., Project]) -> None:
    """By these two mypy's cache tells whether a file is as it was."""
    project = make_project({**WRONG, BILL: "from shop.amount import amount\n\nTOTAL = amount(3)\n"})
    before = project.look(project.mypy)

    def agent(task: AgentTask) -> None:
        """Wrong at first, then right."""
        replaced(task, "-> int", "-> set" if task.attempt == 1 else "-> str")
        os.utime(task.workspace / task.path, (1_700_000_000, 1_700_000_000))

    result = stomper_sdk.run("mypy", repo=project.root, agents={"main": agent})
    after = project.look(project.mypy)
    assert (before.total, after.total, result.total_errors_fixed, result.exit_code) == (1, 0, 1, 0)
    assert [attempt.outcome for attempt in result.files[0].attempts] == ["unfixed", "fixed"]
