"""A ledger is looked at again: what is true is confirmed, and what somebody has written into it is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import api
from stomper_sdk.errors import StomperError
from stomper_sdk.model.verification import Verification
from stomper_sdk.reports.verification import verification_text

if TYPE_CHECKING:
    from tests.conftest import Checkout

FILES = {
    "a.py": "import os\n",
    "b.py": "import re\nimport sys\n\n\ndef f():\n    return undefined\n",
    "mine.py": "import this\n",
    "ruff.toml": 'lint.select = ["F"]\n',
}
Tamper = Callable[[dict[str, Any]], None]


@pytest.fixture
def user(make_checkout: Callable[..., Checkout], at: Path) -> Checkout:
    """A checkout in which a run has fixed three findings, left one and skipped one."""
    repo = make_checkout(FILES)
    repo.write({"mine.py": "import this  # changed\n", "new.txt": "new\n"})
    stomper_sdk.run("ruff", repo=repo.root)
    return repo


def kept(repo: Checkout) -> Path:
    (file,) = (repo.root / ".stomper" / "sessions").glob("*/result.json")
    return file


def told(repo: Checkout) -> Any:
    return json.loads(kept(repo).read_text())


def tampered(repo: Checkout, change: Tamper) -> Verification:
    document = told(repo)
    change(document)
    kept(repo).write_text(json.dumps(document))
    return api.verify(repo=repo.root)


def held(verification: Verification, ruling: str) -> list[str]:
    return [f"{it.said}: {it.seen}" for it in verification.statements if it.ruling == ruling]


def test_a_true_ledger_is_confirmed_line_by_line_and_the_user_notices_nothing(user: Checkout) -> None:
    before = (user.head, user.status, user.read("mine.py"), user.git("diff"))
    verification = api.verify(repo=user.root)
    assert [it.said for it in verification.statements if it.line] == [
        "fixed a.py:1:8 F401",
        "fixed b.py:1:8 F401",
        "fixed b.py:2:8 F401",
        "remaining b.py:4:12 F821",
        "skipped mine.py:1:8 F401",
    ]
    assert (held(verification, "refuted"), held(verification, "unknown")) == ([], [])
    assert (verification.exit_code, verification.notices) == (0, ())
    assert "all confirmed" in verification_text(verification)
    assert (user.head, user.status, user.read("mine.py"), user.git("diff")) == before
    assert user.leftovers() == []
    assert len(list(kept(user).parent.parent.iterdir())) == 1


def test_every_line_names_its_proof(user: Checkout) -> None:
    document = told(user)
    fixed, _, _, left, skipped = document["findings"]
    before, after = (document["evidence"][fixed[key]] for key in ("before", "after"))
    assert (before["commit"], before["paths"]) == (document["base_commit"], None)
    assert (after["commit"], after["paths"], after["command"][-1]) == (None, ["a.py"], "./a.py")
    assert before["digest"] != after["digest"]
    assert {before["version"], after["version"]} == {document["checks"]["ruff"]}
    assert (fixed["attempt"], fixed["commit"]) == (1, document["files"][0]["commit"])
    assert (left["status"], left["commit"]) == ("remaining", document["files"][1]["commit"])
    assert (skipped["commit"], skipped["after"]) == (None, None)
    assert skipped["reason"] == "it has changes that are not committed"
    assert str(user.root) not in json.dumps(document["evidence"])


def left_told_as_fixed(document: dict[str, Any]) -> None:
    document["findings"][3]["status"] = "fixed"
    document["files"][1] |= {"fixed_count": 3, "remaining_count": 0, "outcome": "fixed"}
    document["reducers"]["total_errors_fixed"] = 4
    document["reducers"]["fixed_by_code"] = {"F401": 3, "F821": 1}


def skipped_told_as_fixed(document: dict[str, Any]) -> None:
    document["findings"][4] |= {"status": "fixed", "commit": document["files"][0]["commit"]}
    document["files"][0]["fixed_count"] = 2
    document["files"][2]["remaining_count"] = 0


def left_told_as_skipped(document: dict[str, Any]) -> None:
    document["findings"][3] |= {"status": "skipped", "commit": None, "gone": True}


def commits_swapped(document: dict[str, Any]) -> None:
    one, other = (file["commit"] for file in document["files"][:2])
    swap = {one: other, other: one}
    for item in (*document["files"], *document["findings"]):
        item["commit"] = swap.get(item["commit"])


def commit_of_another_time(document: dict[str, Any]) -> None:
    for item in (document["files"][0], document["findings"][0]):
        item["commit"] = document["base_commit"]


def line_left_out(document: dict[str, Any]) -> None:
    del document["findings"][3]
    document["files"][1] |= {"remaining_count": 0, "outcome": "fixed"}


def count_changed(document: dict[str, Any]) -> None:
    document["files"][1]["fixed_count"] = 1


def sum_changed(document: dict[str, Any]) -> None:
    document["reducers"]["total_errors_fixed"] = 30


def digest_changed(document: dict[str, Any]) -> None:
    document["evidence"][document["findings"][0]["after"]]["digest"] = "0" * 64


def success_claimed(document: dict[str, Any]) -> None:
    document["exit_code"] = 0


def never_there(document: dict[str, Any]) -> None:
    document["findings"][0] |= {"code": "E999", "message": "something terrible"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (left_told_as_fixed, "fixed b.py:4:12 F821: still reported at "),
        (skipped_told_as_fixed, "fixed mine.py:1:8 F401: still reported at "),
        (left_told_as_skipped, "skipped b.py:4:12 F821: still reported at "),
        (commits_swapped, "that commit is of b.py"),
        (commits_swapped, "fixed a.py:1:8 F401: "),
        (commit_of_another_time, "a.py: committed as "),
        (line_left_out, "every finding is in the ledger: the run planned 5, and the ledger tells of 4"),
        (count_changed, "b.py: 1 finding fixed: the ledger has 2 of its commit"),
        (sum_changed, "total_errors_fixed: 30: the files give 3"),
        (digest_changed, "ruff looked at a.py and saw 000000000000: it sees "),
        (success_claimed, "exit code 0: from the ledger follows 1"),
        (never_there, "fixed a.py:1:8 E999: not reported at "),
    ],
)
def test_what_somebody_wrote_into_the_ledger_is_refuted(change: Tamper, said: str, user: Checkout) -> None:
    verification = tampered(user, change)
    assert [text for text in held(verification, "refuted") if said in text], held(verification, "refuted")
    assert verification.exit_code == 1
    assert "refuted" in verification_text(verification)


def test_a_commit_that_is_gone_leaves_its_lines_unknown(user: Checkout) -> None:
    def gone(document: dict[str, Any]) -> None:
        for item in (document["files"][0], document["findings"][0]):
            item["commit"] = "f" * 40

    verification = tampered(user, gone)
    assert held(verification, "unknown") == [
        "fixed a.py:1:8 F401: the commit ffffffffffff is gone",
        "a.py: committed as ffffffffffff: the commit is gone",
    ]
    assert verification.exit_code == 3
    assert verification.notices == ("1 commit gone from the repository, as ffffffffffff",)


def test_commits_that_were_rewritten_are_told_and_still_looked_at(user: Checkout) -> None:
    last = user.head
    user.git("commit", "--quiet", "--amend", "-m", "Reworded", "--only")
    verification = api.verify(repo=user.root)
    assert verification.exit_code == 0
    (notice,) = verification.notices
    assert notice == f"1 commit not in main any more, as {last[:12]}"


def test_another_version_of_a_check_confirms_nothing_and_refutes_nothing(user: Checkout) -> None:
    def older(document: dict[str, Any]) -> None:
        document["checks"]["ruff"] = "0.0.1"

    verification = tampered(user, older)
    lines = [it for it in verification.statements if it.line]
    assert {it.ruling for it in lines} == {"unknown"}
    assert all("and was of 0." in it.seen for it in lines)
    assert verification.exit_code == 3


def test_agents_from_python_are_not_needed(make_checkout: Callable[..., Checkout], at: Path) -> None:
    repo = make_checkout({"a.py": "import os\n", "ruff.toml": 'lint.select = ["F"]\n'})
    source = {"version": 1, "extends": "ruff"}

    def fix(task: stomper_sdk.AgentTask) -> None:
        (task.workspace / task.path).write_text("")

    stomper_sdk.run(source, repo=repo.root, agents={"builtin": fix}, overrides={"accept": "all"})
    with pytest.raises(StomperError, match="was given its pipeline from Python") as caught:
        api.verify(repo=repo.root)
    assert caught.value.exit_code == 3
    assert api.verify(repo=repo.root, pipeline=source).exit_code == 0


def test_another_pipeline_than_the_runs_own_is_refused(
    make_checkout: Callable[..., Checkout], at: Path
) -> None:
    repo = make_checkout({"a.py": "import os\n"})
    pipeline = at / "mine.yaml"
    pipeline.write_text("version: 1\nextends: ruff\n")
    stomper_sdk.run(pipeline, repo=repo.root)
    pipeline.write_text("version: 1\nextends: ruff\nchecks: {ruff: {select: [E]}}\n")
    with pytest.raises(StomperError, match="the pipeline is not the one that stomper-") as caught:
        api.verify(repo=repo.root)
    assert caught.value.exit_code == 3


def test_a_run_in_place_has_nothing_to_look_at(at: Path) -> None:
    (at / "a.py").write_text("import os\n")
    stomper_sdk.run("direct", repo=at)
    with pytest.raises(StomperError, match="fixed in place: there are no commits to look at"):
        api.verify(repo=at)


def test_as_a_document_it_names_the_lines_of_the_ledger(user: Checkout) -> None:
    document = tampered(user, left_told_as_fixed).to_dict()
    refuted = [it for it in document["statements"] if it["ruling"] == "refuted"]
    assert [it["finding"] for it in refuted if it["finding"] is not None] == [3]
    assert (document["exit_code"], document["refuted"]) == (1, len(refuted))
    assert json.loads(json.dumps(document)) == document


def test_findings_that_a_fix_has_reordered_are_all_in_the_ledger(
    make_checkout: Callable[..., Checkout],
) -> None:
    """Sorted imports: lines move past each other, and what is left is told where it stands then."""
    imports = (
        "from toolz import (\n    thread_last,\n    zip_it,\n    apply,\n    merge,\n)\n"
        "from . import operator\nfrom .exceptions import merge_with, merge\nimport os\n"
    )
    rules = 'lint.select = ["F401", "I001", "F811"]\n'
    repo = make_checkout({"pkg/__init__.py": imports, "ruff.toml": rules})
    result = stomper_sdk.run("default", repo=repo.root, overrides={"test_validation.mode": "none"})
    assert (result.count("partial"), result.total_errors_fixed) == (1, 1)
    verification = api.verify(repo=repo.root)
    assert (verification.exit_code, len(result.ledger)) == (0, 9)


def test_what_was_fixed_and_taken_back_since_is_not_confirmed(user: Checkout) -> None:
    fix = user.git("log", "--format=%H", "--grep=a.py", "-1").strip()
    user.git("stash", "--quiet")
    user.git("revert", "--no-edit", fix)
    result = told(user)
    result["head_commit"] = user.head
    kept(user).write_text(json.dumps(result))
    verification = api.verify(repo=user.root)
    assert verification.exit_code == 3
    assert any("another commit has changed the file" in it for it in held(verification, "unknown"))
