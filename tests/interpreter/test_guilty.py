"""Which commits break the suite: found by bisection, reverted, and nothing else with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import stomper_sdk
from stomper_sdk import AgentTask, Finding, RunResult
from stomper_sdk.checks.base import CHECKS, Tree
from stomper_sdk.events import Notice
from stomper_sdk.interpreter.guilty import find_guilty

if TYPE_CHECKING:
    from tests.conftest import Checkout

SUITE = "#!/bin/sh\necho ran >> {log}\n! grep --quiet BROKEN *.txt{also}\n"
PIPELINE = """
version: 1
checks: {bad: {use: bad}}
test_validation: {mode: final, command: ./suite, flaky_reruns: 0}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {call_agent: {use: [main]}}, verify_fixes, run_tests]
      - extract_diff
      - apply_to_main
      - commit_in_main
  - aggregate_results
"""


class Suite:
    """A suite that fails with any of some commits; it counts how often it is asked."""

    def __init__(self, guilty: Iterable[int]) -> None:
        self.guilty = set(guilty)
        self.asked = 0

    async def passes(self, count: int, without: Sequence[int]) -> bool:
        self.asked += 1
        return not {place for place in self.guilty if place < count} - set(without)


@given(st.data())
def test_every_guilty_commit_is_found_and_no_other(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 64))
    guilty = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=5))
    suite = Suite(guilty)
    assert trio.run(find_guilty, count, suite.passes) == tuple(sorted(guilty))
    assert suite.asked <= len(guilty) * 7


def test_none_is_accused_where_the_suite_fails_without_all() -> None:
    async def never(count: int, without: Sequence[int]) -> bool:
        return False

    assert trio.run(find_guilty, 8, never) == ()


@attrs.frozen
class Case:
    """A repository whose suite fails where a file says BROKEN, and the log of how often it ran."""

    repo: Checkout
    log: Path

    def run(self, broken: Iterable[str], **more: Any) -> RunResult:
        def main(task: AgentTask) -> None:
            (task.workspace / task.path).write_text("BROKEN\n" if task.path in broken else "good\n")

        return stomper_sdk.run(PIPELINE, repo=self.repo.root, agents={"main": main}, **more)

    @property
    def suite_runs(self) -> int:
        return len(self.log.read_text().splitlines())


def bad(tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
    for path in sorted(tree.root.glob("*.txt")):
        if (paths is None or path.name in paths) and "BAD" in path.read_text():
            yield Finding("", "BAD", "it is bad", path.name, 1, 1, text="BAD")


@pytest.fixture
def make_case(
    make_checkout: Callable[..., Checkout], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Case]:
    monkeypatch.setitem(CHECKS._registered, "bad", bad)

    def make(count: int, also: str = "") -> Case:
        log = tmp_path / "log"
        repo = make_checkout({f"f{number:02}.txt": "BAD\n" for number in range(count)})
        repo.write({"suite": SUITE.format(log=log, also=also)})
        (repo.root / "suite").chmod(0o755)
        repo.commit(message="suite")
        return Case(repo, log)

    return make


def test_two_guilty_commits_among_64_cost_at_most_16_runs_of_the_suite(
    make_case: Callable[..., Case],
) -> None:
    case, broken = make_case(64), {"f17.txt", "f51.txt"}
    result = case.run(broken)
    assert case.suite_runs <= 16
    assert {file.path for file in result.files if file.outcome == "rejected"} == broken
    assert (result.count("fixed"), result.exit_code, result.tests_failed) == (62, 1, False)
    subjects = case.repo.subjects[2:]
    assert (len(subjects), sum(subject.startswith("Revert ") for subject in subjects)) == (66, 2)
    assert {name for name in broken if case.repo.read(name) == "BAD\n"} == broken
    assert case.repo.read("f00.txt") == "good\n"
    assert (case.repo.status, case.repo.leftovers()) == ("", [])


def test_a_revert_says_what_it_takes_back_and_the_finding_is_left(make_case: Callable[..., Case]) -> None:
    case = make_case(2)
    result = case.run({"f00.txt"})
    guilty, good = result.files
    assert (guilty.outcome, guilty.commit, guilty.fixed_count, guilty.remaining_count) == (
        "rejected",
        None,
        0,
        1,
    )
    assert (good.outcome, good.fixed_count) == ("fixed", 1)
    assert [end.status for end in result.findings] == ["remaining", "fixed"]
    head = case.repo.git("show", "--no-patch", "--format=%H%n%B", "HEAD").splitlines()
    assert head[0] == result.head_commit
    assert str(guilty.reason).endswith(f"which {head[0][:12]} reverts")
    broken = case.repo.git("log", "--format=%H", "--grep=f00.txt", "--reverse").split()[0]
    assert f"This reverts commit {broken}:" in head
    assert head[-3:-1] == [f"Stomper-Session: {result.session_id}", "Stomper-File: f00.txt"]
    assert "reverted, since the tests fail with them: f00.txt" in result.notices


def test_the_only_commit_can_be_the_guilty_one(make_case: Callable[..., Case]) -> None:
    case = make_case(1)
    assert case.run({"f00.txt"}).files[0].outcome == "rejected"
    assert case.repo.read("f00.txt") == "BAD\n"


def test_commits_that_fail_only_together_lose_the_later_one(make_case: Callable[..., Case]) -> None:
    case = make_case(4, also=" || ! grep --quiet BROKEN f00.txt || ! grep --quiet BROKEN f02.txt")
    result = case.run({"f00.txt", "f02.txt"}, overrides={"parallelism.max_parallel_files": 1})
    assert [file.outcome for file in result.files] == ["fixed", "fixed", "rejected", "fixed"]


def test_halfway_only_what_fails_at_the_end_is_run(make_case: Callable[..., Case]) -> None:
    case = make_case(8)
    write = f"open({str(case.log)!r}, 'a').write(f'{{len(session.items)}}\\n')"
    counting = f"def pytest_collection_finish(session):\n    {write}\n"
    fails = "def test_it():\n    assert 'BROKEN' not in open('f05.txt').read()\n"
    case.repo.commit({"conftest.py": counting, "test_a.py": fails, "test_b.py": "def test_it():\n    pass\n"})
    result = case.run({"f05.txt"}, overrides={"test_validation.command": "pytest"})
    assert [file.path for file in result.files if file.outcome == "rejected"] == ["f05.txt"]
    assert case.log.read_text().split() == ["2", "1", "1", "1", "1", "2"]


def test_a_file_that_the_user_is_changing_is_not_reverted(make_case: Callable[..., Case]) -> None:
    case = make_case(2)

    def edit(event: object) -> None:
        if isinstance(event, Notice) and "looking for" in event.text:
            case.repo.write({"f00.txt": "mine\n"})

    result = case.run({"f00.txt"}, listeners=(edit,))
    assert case.repo.read("f00.txt") == "mine\n"
    assert (result.exit_code, result.tests_failed) == (1, True)
    assert any("the commits that break the tests stay: " in notice for notice in result.notices)
