"""Whom a finding is charged to: the fix that brought it, in whichever file it shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import stomper_sdk
from stomper_sdk import AgentTask, api

if TYPE_CHECKING:
    from tests.conftest import Checkout

pytestmark = pytest.mark.timeout(200)

#: Each has an error of its own. `main` is right as it is, and with either of two fixes, but not with both.
FILES = {
    "mypy.ini": "[mypy]\n",
    "shop/__init__.py": "",
    "shop/rate.py": 'LABEL: int = "rate"\n\n\ndef rate() -> bool:\n    return True\n',
    "shop/bill.py": 'LABEL: int = "bill"\n\n\ndef take(amount: int) -> None: ...\n',
    "shop/main.py": "from shop.bill import take\nfrom shop.rate import rate\n\ntake(rate())\n",
}
RATE, BILL, MAIN = "shop/rate.py", "shop/bill.py", "shop/main.py"
PIPELINE = {
    "version": 1,
    "extends": "mypy",
    "checks": {"mypy": {}},
    "retry": {"max_attempts": 1},
    "parallelism": {"max_parallel_files": 2},
}
GREP = {"command": ["grep", "-rnH", "--include=*.py", "BAD"], "pattern": r"^(?P<path>[^:]+):(?P<line>\d+):"}


def replaced(task: AgentTask, *pairs: tuple[str, str]) -> None:
    path = task.workspace / task.path
    text = path.read_text()
    for old, new in pairs:
        text = text.replace(old, new)
    path.write_text(text)


def test_a_finding_in_a_file_that_depends_on_the_fix_is_charged_to_it(
    make_checkout: Callable[..., Checkout], at: Path
) -> None:
    repo = make_checkout({**FILES, BILL: FILES[BILL].replace("LABEL: int", "LABEL: str")})

    def agent(task: AgentTask) -> None:
        replaced(task, ("LABEL: int", "LABEL: str"), ("def rate()", "def rate(now: str)"))

    result = stomper_sdk.run(PIPELINE, repo=repo.root, agents={"main": agent})
    (file,) = result.files
    (attempt,) = file.attempts
    assert (file.path, file.outcome, file.commit) == (RATE, "unfixed", None)
    assert (attempt.outcome, attempt.new_count, attempt.fixed_count) == ("new_findings", 1, 1)
    assert f"1 new: call-arg at {MAIN}:4" in str(file.reason)
    assert [end.status for end in result.ledger] == ["remaining"]
    assert api.verify(repo=repo.root, pipeline=PIPELINE).exit_code == 0


def wider_and_narrower(task: AgentTask) -> None:
    """`rate` returns more, `take` accepts less."""
    replaced(task, ("LABEL: int", "LABEL: str"), ("rate() -> bool", "rate() -> int"))
    replaced(task, ("amount: int", "amount: bool"))


def test_what_two_fixes_bring_together_is_charged_to_the_later_one(
    make_checkout: Callable[..., Checkout], at: Path
) -> None:
    repo = make_checkout(FILES)
    both = threading.Barrier(2, timeout=60)

    def agent(task: AgentTask) -> None:
        both.wait()
        wider_and_narrower(task)

    result = stomper_sdk.run(PIPELINE, repo=repo.root, agents={"main": agent})
    files = {file.commit: file for file in result.files}
    first, later = (files[commit] for commit in repo.git("rev-list", "--reverse", "HEAD").split()[1:])
    assert (first.outcome, first.new_count) == ("fixed", 0)
    assert (later.outcome, later.new_count) == ("partial", 1)
    assert later.reason == "with the fixes before it, it brings 1 new finding"
    (new,) = (end for end in result.ledger if end.status == "new")
    assert (new.finding.location, new.finding.code, new.commit) == (f"{MAIN}:4:6", "arg-type", later.commit)
    assert new.after is not None and new.after.commit == result.head_commit
    assert (result.exit_code, result.total_errors_fixed) == (1, 2)
    assert api.verify(repo=repo.root, pipeline=PIPELINE).exit_code == 0


def test_in_a_row_the_second_of_two_fixes_that_do_not_fit_is_refused(
    make_checkout: Callable[..., Checkout], at: Path
) -> None:
    repo = make_checkout(FILES)
    pipeline = {**PIPELINE, "parallelism": {"max_parallel_files": 1}}
    result = stomper_sdk.run(pipeline, repo=repo.root, agents={"main": wider_and_narrower})
    assert [(file.path, file.outcome) for file in result.files] == [(BILL, "fixed"), (RATE, "unfixed")]
    assert f"1 new: arg-type at {MAIN}:4" in str(result.files[1].reason)
    assert api.verify(repo=repo.root, pipeline=pipeline).exit_code == 0


def test_what_somebody_else_committed_meanwhile_is_charged_to_no_fix(
    make_checkout: Callable[..., Checkout], at: Path
) -> None:
    """The second file has no finding of mypy, so that it is judged by how everything was at the start."""
    repo = make_checkout({**FILES, BILL: FILES[BILL].replace("LABEL: int", "LABEL: str"), "z.py": "BAD\n"})
    pipeline = {
        **PIPELINE,
        "checks": {"mypy": {"args": ["shop"]}, "bad": {"use": "regex", **GREP}},
        "parallelism": {"max_parallel_files": 1},
    }

    def agent(task: AgentTask) -> None:
        if task.path == RATE:
            repo.commit({MAIN: "x: int = 'theirs'\n"}, "theirs")
        replaced(task, ("LABEL: int", "LABEL: str"), ("BAD", "GOOD = 1"))

    result = stomper_sdk.run(pipeline, repo=repo.root, agents={"main": agent})
    assert [(file.path, file.outcome) for file in result.files] == [(RATE, "fixed"), ("z.py", "fixed")]
    (new,) = (end for end in result.ledger if end.status == "new")
    theirs = repo.git("rev-list", "--reverse", "HEAD").split()[1]
    assert (new.finding.path, new.commit) == (MAIN, None)
    assert theirs[:12] in str(new.reason)
