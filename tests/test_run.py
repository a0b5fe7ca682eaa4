"""What a run does to a repository, looked at from outside: behaviours that need no particular tool."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

import stomper_sdk
from stomper_sdk import AgentTask, Control, Finding, RunResult
from stomper_sdk.agents.python import PythonAgent
from stomper_sdk.checks.base import CHECKS, Tree
from stomper_sdk.errors import CheckError, UsageError
from stomper_sdk.events import AttemptFinished, FileFinished, FileStarted, Notice, StageFinished, StageStarted

Make = Callable[..., Any]
STAGES = """
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {call_agent: {use: [main]}}, verify_fixes, run_tests]
      - extract_diff
      - apply_to_main
      - commit_in_main
      - destroy_worktree
  - aggregate_results
  - cleanup
"""
PIPELINE = f"""
version: 1
checks: {{words: {{use: words}}}}
test_validation: {{mode: none}}
{STAGES}
reducers:
  successful_fixes: {{reduce: append, from: path, where: succeeded}}
  failed_fixes: {{reduce: append, from: path, where: failed}}
  total_errors_fixed: {{reduce: sum, from: fixed_count}}
"""


def words(tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
    """Every line that begins with BAD is a finding; its first word is the code."""
    if paths is None:
        tops = [path for path in tree.root.iterdir() if path.name not in (".git", ".stomper")]
        found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
        paths = sorted(path.relative_to(tree.root).as_posix() for path in found if path.suffix == ".txt")
    for name in paths:
        for number, line in enumerate((tree.root / name).read_text().splitlines(), 1):
            if line.startswith("BAD"):
                yield Finding("", line.split()[0], f"{line} is bad", name, number, 1, text=line)


@pytest.fixture(autouse=True)
def words_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS._registered, "words", words)


def cured(task: AgentTask) -> None:
    path = task.workspace / task.path
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("BAD")))


def run(repo: Any, agent: Any = cured, pipeline: str = PIPELINE, **more: Any) -> RunResult:
    return stomper_sdk.run(pipeline, repo=repo.root, agents={"main": agent}, **more)


def files(count: int) -> dict[str, str]:
    return {f"f{number:02}.txt": f"one {number}\nBAD thing\ntwo\n" for number in range(count)}


def test_every_file_gets_one_commit_with_exactly_its_fix(make_checkout: Make) -> None:
    user = make_checkout({**files(5), "good.txt": "fine\n"})
    result = run(user)
    assert (result.exit_code, result.status, result.total_errors_fixed) == (0, "completed", 5)
    assert sorted(user.subjects) == ["fix(words): BAD in " + name for name in sorted(files(5))] + ["start"]
    for file in result.files:
        assert user.git("show", "--format=", "--name-only", file.commit).split() == [file.path]
        assert f"Stomper-Session: {result.session_id}" in user.git("show", "-s", "--format=%B", file.commit)
    assert not list(words(Tree(user.root, user.root), None))
    assert (user.status, user.leftovers(), result.head_commit) == ("", [], user.head)


def test_the_same_tree_whatever_the_parallelism(make_checkout: Make) -> None:
    trees, values = set(), []
    for parallel in (1, 4, 16):
        user = make_checkout(files(16), f"repo{parallel}")
        result = run(user, overrides={"parallelism.max_parallel_files": parallel})
        trees.add(user.tree)
        values.append(result.reducers)
        assert result.peak_parallel_files <= parallel
        assert [file.path for file in result.files] == sorted(files(16))
    assert len(trees) == 1
    assert values[0] == values[1] == values[2]


def test_one_file_at_a_time_commits_in_the_order_of_the_plan(make_checkout: Make) -> None:
    user = make_checkout(files(4))
    run(user, overrides={"parallelism.max_parallel_files": 1})
    assert user.subjects[1:] == [f"fix(words): BAD in {name}" for name in sorted(files(4))]


def test_slow_agents_overlap_and_the_peak_is_what_was_seen(make_checkout: Make) -> None:
    together = threading.Barrier(6, timeout=30)

    def waits_for_five_others(task: AgentTask) -> None:
        together.wait()
        cured(task)

    result = run(
        make_checkout(files(6)), waits_for_five_others, overrides={"parallelism.max_parallel_files": 6}
    )
    assert (result.exit_code, result.peak_parallel_files) == (0, 6)


def test_async_agents_overlap_too(make_checkout: Make) -> None:
    arrived, all_there = [], trio.Event()

    async def waits(task: AgentTask) -> None:
        arrived.append(task.path)
        if len(arrived) == 4:
            all_there.set()
        with trio.fail_after(30):
            await all_there.wait()
        cured(task)

    assert run(make_checkout(files(4)), waits).exit_code == 0


def test_an_agent_that_does_nothing_fixes_nothing(make_checkout: Make) -> None:
    user = make_checkout(files(1))
    result = run(user, lambda task: None, overrides={"retry.max_attempts": 2})
    assert (result.exit_code, result.total_errors_fixed, result.failed_fixes) == (1, 0, ["f00.txt"])
    assert [attempt.outcome for attempt in result.files[0].attempts] == ["unfixed", "unfixed"]
    assert result.files[0].reason == "the agent changed nothing"
    assert user.subjects == ["start"]


def test_a_finding_that_only_moved_is_not_fixed(make_checkout: Make) -> None:
    def moves(task: AgentTask) -> None:
        path = task.workspace / task.path
        path.write_text("new\nnew\nnew\n" + path.read_text())

    user = make_checkout(files(1))
    result = run(user, moves)
    assert (result.files[0].outcome, result.files[0].fixed_count) == ("unfixed", 0)
    assert user.subjects == ["start"]


def test_a_new_finding_is_refused(make_checkout: Make) -> None:
    def swaps(task: AgentTask) -> None:
        path = task.workspace / task.path
        path.write_text(path.read_text().replace("BAD thing", "BADDER idea"))

    result = run(make_checkout(files(1)), swaps, overrides={"retry.max_attempts": 1})
    assert result.files[0].outcome == "unfixed"
    assert result.files[0].attempts[0].outcome == "new_findings"
    assert "1 new: BADDER at f00.txt:2" in str(result.files[0].reason)


TWO = {"two.txt": "BAD one\nok\nBAD two\n"}


def fixes_one(task: AgentTask) -> None:
    """Removes the first bad line there is."""
    path = task.workspace / task.path
    lines = path.read_text().splitlines(keepends=True)
    lines.remove(next(line for line in lines if line.startswith("BAD")))
    path.write_text("".join(lines))


def test_the_next_attempt_goes_on_from_the_best_tree(make_checkout: Make) -> None:
    seen: list[AgentTask] = []

    def agent(task: AgentTask) -> None:
        seen.append(task)
        fixes_one(task)

    user = make_checkout(TWO)
    result = run(user, agent)
    assert result.files[0].outcome == "fixed"
    assert [attempt.outcome for attempt in result.files[0].attempts] == ["partial", "fixed"]
    assert [finding.message for finding in seen[1].findings] == ["BAD two is bad"]
    assert [(finding.message, finding.line) for finding in seen[1].remaining] == [("BAD two is bad", 2)]
    assert user.read("two.txt") == "ok\n"
    assert result.total_errors_fixed == 2


def test_or_from_a_clean_one(make_checkout: Make) -> None:
    user = make_checkout(TWO)
    result = run(user, fixes_one, overrides={"retry.start_from": "clean"})
    assert [attempt.outcome for attempt in result.files[0].attempts] == ["partial"] * 3
    assert (result.files[0].outcome, result.exit_code) == ("partial", 1)
    assert user.read("two.txt") == "ok\nBAD two\n"
    assert [end.status for end in result.findings] == ["fixed", "remaining"]


def test_accept_all_commits_no_partial_fix(make_checkout: Make) -> None:
    user = make_checkout(TWO)
    more = {"retry.start_from": "clean", "accept": "all"}
    result = run(user, fixes_one, overrides=more)
    assert (result.files[0].outcome, result.total_errors_fixed) == ("unfixed", 0)
    assert "accept is all" in str(result.files[0].reason)
    assert user.subjects == ["start"]


def test_a_worse_attempt_does_not_spoil_the_best_one(make_checkout: Make) -> None:
    def agent(task: AgentTask) -> None:
        if task.attempt == 1:
            fixes_one(task)
        else:
            (task.workspace / task.path).write_text("BADDER\nBADDER\n")

    user = make_checkout(TWO)
    result = run(user, agent, overrides={"retry.max_attempts": 2})
    assert result.files[0].outcome == "partial"
    assert user.read("two.txt") == "ok\nBAD two\n"


def test_the_policy_says_what_is_retried(make_checkout: Make) -> None:
    result = run(make_checkout(TWO), fixes_one, overrides={"retry.on": ["agent_error"]})
    assert len(result.files[0].attempts) == 1


def test_an_agent_that_errors_hands_over_to_the_next_at_once(make_checkout: Make) -> None:
    def breaks(task: AgentTask) -> None:
        (task.workspace / task.path).write_text("half done")
        raise ValueError("no more paper")

    user = make_checkout(files(1))
    text = PIPELINE.replace("[main]", "[first, second]")
    result = stomper_sdk.run(text, repo=user.root, agents={"first": breaks, "second": cured})
    tries = [(attempt.number, attempt.agent, attempt.outcome) for attempt in result.files[0].attempts]
    assert tries == [(1, "first", "agent_error"), (1, "second", "fixed")]
    assert "no more paper" in str(result.files[0].attempts[0].reason)
    assert user.read("f00.txt") == "one 0\ntwo\n"


def test_attempt_n_goes_to_agent_n_and_later_ones_to_the_last(make_checkout: Make) -> None:
    asked: list[str] = []

    def lazy(name: str) -> Callable[[AgentTask], None]:
        return lambda task: asked.append(name)

    text = PIPELINE.replace("[main]", "[first, second]")
    agents = {"first": lazy("first"), "second": lazy("second")}
    stomper_sdk.run(text, repo=make_checkout(files(1)).root, agents=agents)
    assert asked == ["first", "second", "second"]


def test_an_agent_that_always_errors_is_a_failed_file_not_a_failed_run(make_checkout: Make) -> None:
    def breaks(task: AgentTask) -> None:
        raise ValueError("no")

    result = run(make_checkout(files(3)), breaks, overrides={"retry.max_attempts": 1})
    assert (result.exit_code, result.status) == (1, "completed")
    assert [file.outcome for file in result.files] == ["error"] * 3


def test_on_error_abort_starts_nothing_further(make_checkout: Make) -> None:
    def breaks(task: AgentTask) -> None:
        raise ValueError("no")

    more = {"retry.max_attempts": 1, "on_error": "abort", "parallelism.max_parallel_files": 1}
    result = run(make_checkout(files(3)), breaks, overrides=more)
    assert (result.status, result.exit_code) == ("stopped", 1)
    assert [file.outcome for file in result.files] == ["error", "cancelled", "cancelled"]


def test_an_agent_is_ended_at_its_time_limit(make_checkout: Make) -> None:
    text = PIPELINE.replace(
        "checks:", "agents: {main: {use: command, run: sleep 60, prompt: none, timeout: 200ms}}\nchecks:"
    )
    started = time.monotonic()
    result = stomper_sdk.run(text, repo=make_checkout(files(1)).root, overrides={"retry.max_attempts": 1})
    assert time.monotonic() - started < 30
    assert "time limit of 0.2 s" in str(result.files[0].reason)


def test_a_fix_may_not_touch_other_files(make_checkout: Make) -> None:
    said: list[str | None] = []

    def wanders(task: AgentTask) -> None:
        said.append(task.rejected)
        cured(task)
        (task.workspace / "other.txt").write_text("mine now\n")

    user = make_checkout({**files(1), "other.txt": "theirs\n"})
    result = run(user, wanders, overrides={"retry.max_attempts": 2})
    assert (result.files[0].outcome, result.exit_code) == ("rejected", 1)
    assert said == [None, "guard.scope: it changed other.txt; allowed is only f00.txt"]
    assert "guard.scope: it changed other.txt" in result.files[0].attempts[1].prompt
    assert (user.read("other.txt"), user.subjects) == ("theirs\n", ["start"])


@pytest.mark.parametrize("scope", ["repo", {"files": ["*.md"]}])
def test_unless_the_guard_allows_it(scope: Any, make_checkout: Make) -> None:
    def documents(task: AgentTask) -> None:
        cured(task)
        (task.workspace / "notes.md").write_text("done\n")

    user = make_checkout({**files(1)})
    allowed = scope if scope == "repo" else {"files": ["*.md", "*.txt"]}
    assert run(user, documents, overrides={"guard.scope": allowed}).files[0].outcome == "fixed"
    assert user.git("show", "--format=", "--name-only").split() == ["f00.txt", "notes.md"]


def test_a_fix_may_not_be_too_long(make_checkout: Make) -> None:
    def rambles(task: AgentTask) -> None:
        (task.workspace / task.path).write_text("line\n" * 50)

    result = run(
        make_checkout(files(1)), rambles, overrides={"guard.max_changed_lines": 20, "retry.max_attempts": 1}
    )
    assert result.files[0].reason == "guard.max_changed_lines: it changed 53 lines; allowed are 20"


def test_what_the_user_has_not_committed_is_skipped_with_the_reason_and_untouched(
    make_checkout: Make,
) -> None:
    user = make_checkout(files(4))
    user.write({"f01.txt": "BAD typing\n", "f02.txt": "BAD staged\n", "new.txt": "BAD new\n"})
    user.git("add", "f02.txt")
    status = user.status
    result = run(user)
    assert [(file.path, file.outcome, file.reason) for file in result.files] == [
        ("f00.txt", "fixed", None),
        ("f03.txt", "fixed", None),
        ("f01.txt", "skipped", "it has changes that are not committed"),
        ("f02.txt", "skipped", "it has staged changes that are not committed"),
        ("new.txt", "skipped", "git does not track it yet"),
    ]
    ends = Counter(end.status for end in result.findings)
    assert (ends, result.exit_code, user.status) == ({"fixed": 2, "skipped": 3}, 1, status)
    assert [user.read(name) for name in ("f01.txt", "f02.txt", "new.txt")] == [
        "BAD typing\n",
        "BAD staged\n",
        "BAD new\n",
    ]


def test_a_commit_of_the_users_meanwhile_makes_the_attempt_repeat_on_it(make_checkout: Make) -> None:
    user = make_checkout(files(1))

    def agent(task: AgentTask) -> None:
        if task.attempt == 1:
            user.commit({"f00.txt": "theirs\nBAD other\n"}, "theirs")
        cured(task)

    result = run(user, agent)
    assert [attempt.outcome for attempt in result.files[0].attempts] == ["conflict", "fixed"]
    assert (user.read("f00.txt"), user.subjects[:2]) == ("theirs\n", ["start", "theirs"])
    assert user.leftovers() == []


def test_a_commit_of_the_users_that_fixes_it_leaves_nothing_to_do(make_checkout: Make) -> None:
    user = make_checkout(files(1))

    def agent(task: AgentTask) -> None:
        user.commit({"f00.txt": "theirs\n"}, "theirs")
        cured(task)

    result = run(user, agent)
    assert (result.files[0].outcome, result.total_errors_fixed) == ("skipped", 0)
    assert [end.status for end in result.findings] == ["skipped"]


def test_a_commit_of_the_users_elsewhere_is_no_conflict(make_checkout: Make) -> None:
    user = make_checkout({**files(1), "other.md": "old\n"})

    def agent(task: AgentTask) -> None:
        user.commit({"other.md": "theirs\n"}, "theirs")
        cured(task)

    assert run(user, agent).files[0].outcome == "fixed"
    assert user.subjects == ["start", "theirs", "fix(words): BAD in f00.txt"]
    assert user.read("other.md") == "theirs\n"


def test_the_user_typing_in_the_file_is_a_conflict_and_keeps_every_byte(make_checkout: Make) -> None:
    user = make_checkout(files(1))

    def agent(task: AgentTask) -> None:
        user.write({"f00.txt": "being typed\n"})
        cured(task)

    result = run(user, agent)
    assert (result.files[0].outcome, len(result.files[0].attempts)) == ("conflict", 1)
    assert (user.read("f00.txt"), user.subjects) == ("being typed\n", ["start"])


def test_a_branch_of_its_own_leaves_the_checkout_alone(make_checkout: Make) -> None:
    user = make_checkout(files(2))
    head = user.head
    result = run(user, overrides={"apply.target": "branch"})
    assert (user.head, user.status, result.exit_code) == (head, "", 0)
    branch = f"stomper/{result.session_id}"
    assert user.git("log", "--format=%s", f"{head}..{branch}").count("fix(words)") == 2
    assert user.git("rev-parse", branch).strip() == result.head_commit


def test_a_branch_that_got_no_commit_is_not_left(make_checkout: Make) -> None:
    user = make_checkout(files(1))
    run(user, lambda task: None, overrides={"apply.target": "branch", "retry.max_attempts": 1})
    assert user.leftovers() == []


def test_draining_ends_what_is_at_work_and_starts_nothing(make_checkout: Make) -> None:
    control, user = Control(), make_checkout(files(6))

    def agent(task: AgentTask) -> None:
        control.drain()
        cured(task)

    result = run(user, agent, control=control, overrides={"parallelism.max_parallel_files": 2})
    outcomes = Counter(file.outcome for file in result.files)
    assert outcomes == {"fixed": 2, "cancelled": 4}
    assert (result.status, result.exit_code, result.total_errors_fixed) == ("cancelled", 130, 2)
    assert (len(user.subjects), user.leftovers()) == (3, [])


def test_cancelling_leaves_nothing_behind(make_checkout: Make) -> None:
    control, user = Control(), make_checkout(files(6))

    async def agent(task: AgentTask) -> None:
        control.cancel()
        await trio.sleep_forever()

    result = run(user, agent, control=control)
    assert {file.outcome for file in result.files} == {"cancelled"}
    assert (result.status, result.exit_code) == ("cancelled", 130)
    assert (user.subjects, user.status, user.leftovers()) == (["start"], "", [])


def test_a_check_that_crashes_midway_ends_the_run_with_what_was_done(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(tree: Tree, paths: Sequence[str] | None) -> Iterator[Finding]:
        if paths == ["f01.txt"]:
            raise ValueError("segmentation fault")
        yield from words(tree, paths)

    monkeypatch.setitem(CHECKS._registered, "words", fragile)
    user = make_checkout(files(3))
    result = run(user, overrides={"parallelism.max_parallel_files": 1})
    assert (result.status, result.exit_code) == ("failed", 3)
    assert "segmentation fault" in str(result.error)
    assert [file.outcome for file in result.files] == ["fixed", "cancelled", "cancelled"]
    assert [end.status for end in result.findings] == ["fixed", "remaining", "remaining"]
    assert user.leftovers() == []


def test_a_check_that_crashes_at_once_is_an_error_not_no_findings(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
        raise ValueError("no license")

    monkeypatch.setitem(CHECKS._registered, "words", broken)
    user = make_checkout(files(1))
    with pytest.raises(CheckError, match="no license"):
        run(user)
    assert user.leftovers() == []


def test_every_step_has_its_event(make_checkout: Make) -> None:
    events: list[Any] = []
    run(make_checkout(files(1)), listeners=[events.append])
    assert [event.stage for event in events if isinstance(event, StageStarted)] == [
        "initialize", "collect_errors", "create_worktree", "generate_prompt", "call_agent",
        "verify_fixes", "run_tests", "extract_diff", "apply_to_main", "commit_in_main",
        "destroy_worktree", "aggregate_results", "cleanup",
    ]  # fmt: skip
    counts = Counter(type(event) for event in events)
    assert counts[StageStarted] == counts[StageFinished] == 13
    assert counts[FileStarted] == counts[FileFinished] == counts[AttemptFinished] == 1
    times = [event.time for event in events]
    assert times == sorted(times)


def test_a_stage_and_a_reducer_of_ones_own(make_checkout: Make, at: Path) -> None:
    (at / "mine_of_the_test.py").write_text(
        "import attrs\n"
        "async def note(state, context, *, text):\n"
        "    return attrs.evolve(state, notes={**state.notes, text: len(state.attempts)})\n"
        "@attrs.frozen\n"
        "class Stamp:\n"
        "    name: str\n"
        "    mark: str = attrs.field(default='x')\n"
        "    async def run(self, state, context):\n"
        "        return attrs.evolve(state, notes={**state.notes, 'mark': self.mark})\n"
        "def longest(values):\n"
        "    return max(values, key=len)\n"
    )
    text = PIPELINE.replace(
        "      - extract_diff\n",
        "      - mine_of_the_test:note: {text: tries}\n"
        "      - mine_of_the_test:Stamp: {mark: y}\n"
        "      - extract_diff\n",
    ).replace(
        "reducers:\n",
        "reducers:\n"
        "  longest: {reduce: 'mine_of_the_test:longest', from: path}\n"
        "  notes: {reduce: merge, from: notes}\n",
    )
    result = run(make_checkout(files(2)), pipeline=text)
    assert (result.longest, result.notes) == ("f00.txt", {"tries": 1, "mark": "y"})


def test_a_stage_of_ones_own_that_raises_ends_its_file_only(make_checkout: Make) -> None:
    @stomper_sdk.stage("raises-on-f01", block="file")
    async def raises(state: Any, context: Any) -> Any:
        if state.task.path == "f01.txt":
            raise KeyError("oops")
        return state

    text = PIPELINE.replace("      - extract_diff\n", "      - raises-on-f01\n      - extract_diff\n")
    user = make_checkout(files(3))
    result = run(user, pipeline=text)
    assert [file.outcome for file in result.files] == ["fixed", "error", "fixed"]
    assert "stage raises-on-f01 raised KeyError: 'oops'" in str(result.files[1].reason)
    assert user.leftovers() == []


def test_a_reducer_that_raises_fails_the_run_after_its_commits(make_checkout: Make) -> None:
    @stomper_sdk.reducer("raising")
    def raising(values: Sequence[Any]) -> Any:
        raise ValueError("cannot count")

    user = make_checkout(files(1))
    result = run(
        user, pipeline=PIPELINE.replace("reducers:\n", "reducers:\n  bad: {reduce: raising, from: path}\n")
    )
    assert (result.status, result.exit_code, result.files[0].outcome) == ("failed", 3, "fixed")
    assert "cannot count" in str(result.error)


def test_an_agent_that_the_pipeline_does_not_use_is_refused(make_checkout: Make) -> None:
    with pytest.raises(UsageError, match="'other' is given, but the pipeline's call_agent uses main"):
        stomper_sdk.run(PIPELINE, repo=make_checkout(files(1)).root, agents={"main": cured, "other": cured})


def test_narrowing_a_run(make_checkout: Make) -> None:
    user = make_checkout({"a.txt": "BAD x\nBADDER y\n", "b.txt": "BAD z\n"})

    def agent(task: AgentTask) -> None:
        path = task.workspace / task.path
        path.write_text(path.read_text().replace("BADDER y\n", ""))

    result = run(user, agent, only=stomper_sdk.Selection(codes=("BADDER",)))
    assert [(file.path, file.outcome) for file in result.files] == [("a.txt", "fixed")]
    assert user.read("a.txt") == "BAD x\n"
    with pytest.raises(UsageError, match="no check 'wrods'; did you mean 'words'"):
        run(user, only=stomper_sdk.Selection(checks=("wrods",)))


def test_a_plan_changes_nothing(make_checkout: Make) -> None:
    user = make_checkout(files(3))
    user.write({"f02.txt": "BAD typing\n"})
    status = user.status
    plan = stomper_sdk.plan(
        PIPELINE, repo=user.root, agents={"main": cured}, overrides={"apply.target": "branch"}
    )
    assert [task.path for task in plan.tasks] == ["f00.txt", "f01.txt"]
    assert [(skipped.path, skipped.reason) for skipped in plan.skipped] == [
        ("f02.txt", "it has changes that are not committed")
    ]
    assert (user.subjects, user.status, user.leftovers()) == (["start"], status, [])


def test_files_limits_and_since(make_checkout: Make) -> None:
    user = make_checkout({**files(4), "old/f.txt": "BAD\n"})
    user.commit({"f03.txt": "BAD changed\n"}, "later")

    def planned(**more: Any) -> list[str]:
        overrides = {f"files.{key}": value for key, value in more.items()}
        plan = stomper_sdk.plan(PIPELINE, repo=user.root, agents={"main": cured}, overrides=overrides)
        return [task.path for task in plan.tasks]

    assert planned(since="HEAD~1") == ["f03.txt"]
    assert planned(include=["old/"]) == ["old/f.txt"]
    assert planned(exclude=["f0[0-2].txt", "old/**"]) == ["f03.txt"]
    assert planned(max_files=2) == ["f00.txt", "f01.txt"]


def test_since_a_branch_means_since_they_parted(make_checkout: Make) -> None:
    user = make_checkout(files(3))
    user.git("switch", "--quiet", "--create", "work")
    user.commit({"f00.txt": "BAD mine\n"})
    user.git("switch", "--quiet", "main")
    user.commit({"f01.txt": "BAD theirs\n"})
    user.git("switch", "--quiet", "work")

    def planned(revision: str) -> list[str]:
        plan = stomper_sdk.plan(
            PIPELINE, repo=user.root, agents={"main": cured}, overrides={"files.since": revision}
        )
        return [task.path for task in plan.tasks]

    assert planned("main") == ["f00.txt"]
    alone = user.git("commit-tree", "-m", "alone", "HEAD^{tree}").strip()
    with pytest.raises(UsageError, match="have no commit in common"):
        planned(alone)


def test_a_repository_that_is_clean_has_nothing_to_do(make_checkout: Make) -> None:
    result = run(make_checkout({"a.txt": "fine\n"}))
    assert (result.exit_code, result.files, result.total_errors_fixed) == (0, (), 0)


def test_workspaces_are_where_the_pipeline_says_and_gone_afterwards(
    make_checkout: Make, tmp_path: Path
) -> None:
    seen: list[Path] = []

    def agent(task: AgentTask) -> None:
        seen.append(task.workspace)
        cured(task)

    user = make_checkout({"dir/same.txt": "BAD\n", "same.txt": "BAD\n"})
    result = run(user, agent, overrides={"workspace.root": str(tmp_path / "places")})
    assert len({place.name for place in seen}) == 2
    for place in seen:
        assert place.is_relative_to(tmp_path / "places")
        assert place.name.startswith(f"{result.session_id}_same_")
    assert list((tmp_path / "places").iterdir()) == []


def test_ignored_files_links_and_setup_reach_the_workspace_and_never_the_fix(make_checkout: Make) -> None:
    user = make_checkout({**files(1), ".gitignore": ".env\nheavy/\nsecret\n", ".worktreeinclude": ".env\n"})
    user.write({".env": "KEY=1\n", "secret": "s\n", "heavy/big.bin": "big\n"})

    def agent(task: AgentTask) -> None:
        assert (task.workspace / ".env").read_text() == "KEY=1\n"
        assert (task.workspace / "heavy/big.bin").read_text() == "big\n"
        assert (task.workspace / "made.by.setup").exists()
        assert not (task.workspace / "secret").exists()
        cured(task)

    more = {"workspace.link": ["heavy"], "workspace.setup": "touch made.by.setup"}
    result = run(user, agent, overrides=more)
    assert result.files[0].reason is None
    assert user.git("show", "--format=", "--name-only").split() == ["f00.txt"]


def test_a_setup_that_fails_is_said_before_anything_is_done(make_checkout: Make) -> None:
    user = make_checkout(files(1))
    with pytest.raises(stomper_sdk.StomperError, match=r"workspace\.setup: false exited with 1"):
        run(user, overrides={"workspace.setup": "false"})
    assert user.leftovers() == []


def test_no_absolute_path_of_the_repository_reaches_an_agent(make_checkout: Make) -> None:
    tasks: list[AgentTask] = []

    def agent(task: AgentTask) -> None:
        tasks.append(task)
        if task.attempt == 4:
            cured(task)

    user = make_checkout(files(1))
    run(user, agent, overrides={"retry.max_attempts": 4})
    assert sorted(task.level for task in tasks) == ["detailed", "minimal", "normal", "verbose"]
    for task in tasks:
        assert str(user.root) not in task.prompt
        assert not task.path.startswith("/")


def test_settings_that_are_not_committed_are_told_and_not_believed(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_settings(tree: Tree, paths: Sequence[str] | None) -> Iterator[Finding]:
        strict = (tree.root / "strict.cfg").exists()
        yield from (finding for finding in words(tree, paths) if strict or finding.code != "BADDER")

    monkeypatch.setitem(CHECKS._registered, "words", by_settings)
    user = make_checkout({"a.txt": "BAD\nBADDER\n"})
    user.write({"strict.cfg": ""})

    def agent(task: AgentTask) -> None:
        (task.workspace / task.path).write_text("BADDER\n")

    result = run(user, agent)
    assert [(end.finding.code, end.status) for end in result.findings] == [
        ("BAD", "fixed"),
        ("BADDER", "skipped"),
    ]
    assert any("not in a fresh checkout" in notice for notice in result.notices)


def test_hooks_of_the_repository_decide(make_checkout: Make) -> None:
    user = make_checkout(files(2))
    hook = user.root / ".git/hooks/pre-commit"
    hook.write_text(
        "#!/bin/sh\n"
        "git diff --cached --name-only | grep -q f01 && echo 'not this one' >&2 && exit 1\n"
        "exit 0\n"
    )
    hook.chmod(0o755)
    message = user.root / ".git/hooks/commit-msg"
    message.write_text("#!/bin/sh\necho 'Signed-off-by: hook' >> \"$1\"\n")
    message.chmod(0o755)
    result = run(user)
    assert [(file.outcome, file.reason and "not this one" in file.reason) for file in result.files] == [
        ("fixed", None),
        ("rejected", True),
    ]
    assert "Signed-off-by: hook" in user.git("log", "-1", "--format=%B")
    assert run(user, overrides={"apply.commit.hooks": "skip"}).exit_code == 0
    assert "Signed-off-by" not in user.git("log", "-1", "--format=%B")


def test_the_commit_message_is_as_declared(make_checkout: Make) -> None:
    user = make_checkout(files(1))
    template = "mend {{ path }}: {{ codes | join('+') }} ({{ count }}) by {{ agent }}"
    run(user, overrides={"apply.commit.template": template, "apply.commit.trailers": False})
    assert user.git("log", "-1", "--format=%B").strip() == "mend f00.txt: BAD (1) by main"


def test_runs_in_one_kernel_leave_nothing(make_checkout: Make) -> None:
    user = make_checkout({})
    threads = threading.active_count()
    for round_ in range(3):
        user.commit({f"r{round_}.txt": "BAD\n"}, "more")
        assert run(user).exit_code == 0
    assert threading.active_count() <= threads + 20
    assert user.leftovers() == []


def test_a_settings_file_that_git_ignores_decides_nothing(make_checkout: Make) -> None:
    def hides(task: AgentTask) -> None:
        folder = task.workspace / "p"
        (folder / ".gitignore").write_text("*")
        (folder / "ruff.toml").write_text('[lint]\nper-file-ignores = {"*" = ["F401"]}\n')
        (folder / "a.py").write_text("import os\nz = 1\n")

    user = make_checkout({"p/a.py": "import os\n"})
    result = stomper_sdk.run("default", repo=user.root, agents={"builtin": hides})
    assert (result.total_errors_fixed, result.files[0].outcome, user.subjects) == (0, "unfixed", ["start"])


@pytest.mark.parametrize("act", ["link", "remove"])
def test_a_file_that_is_none_any_more_is_not_fixed(act: str, make_checkout: Make) -> None:
    def evades(task: AgentTask) -> None:
        path = task.workspace / task.path
        path.unlink()
        if act == "link":
            path.symlink_to("/etc/hostname")

    user = make_checkout(files(1))
    result = run(user, evades, overrides={"retry.max_attempts": 1})
    assert (result.files[0].outcome, user.subjects) == ("rejected", ["start"])


def test_an_agent_that_breaks_its_checkout_fails_its_file_only(make_checkout: Make) -> None:
    def breaks(task: AgentTask) -> None:
        cured(task)
        if task.path == "f01.txt":
            shutil.rmtree(task.workspace)

    user = make_checkout(files(3))
    result = run(user, breaks, overrides={"parallelism.max_parallel_files": 1})
    assert [file.outcome for file in result.files] == ["fixed", "error", "fixed"]
    assert (result.status, user.leftovers()) == ("completed", [])


def test_an_agent_that_leads_git_elsewhere_changes_nothing_there(make_checkout: Make) -> None:
    user, other = make_checkout(files(1)), make_checkout({"x.txt": "x\n"}, "other")

    def misleads(task: AgentTask) -> None:
        cured(task)
        (task.workspace / ".git").write_text(f"gitdir: {other.root}/.git\n")

    before = other.head, other.git("ls-files", "--stage"), other.git("count-objects")
    assert run(user, misleads).files[0].outcome == "fixed"
    assert (other.head, other.git("ls-files", "--stage"), other.git("count-objects")) == before
    assert user.leftovers() == []


def test_a_plain_function_that_outlives_its_limit_ends_its_file(make_checkout: Make) -> None:
    late = threading.Event()

    def slow(task: AgentTask) -> None:
        late.wait(20)

    agent = PythonAgent.of("main", slow, timeout=0.1)
    result = run(make_checkout(files(1)), agent)
    late.set()
    assert (result.files[0].outcome, len(result.files[0].attempts)) == ("error", 0)
    assert "time limit of 0.1 s" in str(result.files[0].reason)


def test_a_fix_that_blinds_a_check_is_refused_and_a_broken_check_still_ends_the_run(
    make_checkout: Make,
) -> None:
    def invalid(task: AgentTask) -> None:
        (task.workspace / task.path).write_bytes(b"BAD \xff\n")

    user = make_checkout(files(1))
    result = run(user, invalid, overrides={"retry.max_attempts": 1})
    assert result.error is None
    assert (result.status, result.exit_code, result.files[0].attempts[0].outcome) == (
        "completed",
        1,
        "new_findings",
    )
    assert "with this fix a check cannot look any more" in str(result.files[0].reason)


def test_a_cancel_after_a_commit_still_tells_of_it(make_checkout: Make) -> None:
    control = Control()

    @stomper_sdk.stage("cancels-after-commit", block="file", needs=["commit"])
    async def cancels(state: Any, context: Any) -> Any:
        control.cancel()
        await trio.sleep_forever()

    text = PIPELINE.replace(
        "      - destroy_worktree\n", "      - cancels-after-commit\n      - destroy_worktree\n"
    )
    user = make_checkout(files(1))
    result = run(user, pipeline=text, control=control)
    assert (result.files[0].outcome, result.files[0].commit) == ("fixed", user.head)
    assert (result.status, result.total_errors_fixed) == ("cancelled", 1)


def test_a_run_that_fails_midway_still_has_its_reducers(make_checkout: Make, monkeypatch: Any) -> None:
    def fragile(tree: Tree, paths: Sequence[str] | None) -> Iterator[Finding]:
        if paths == ["f01.txt"]:
            raise ValueError("segmentation fault")
        yield from words(tree, paths)

    monkeypatch.setitem(CHECKS._registered, "words", fragile)
    result = run(make_checkout(files(2)), overrides={"parallelism.max_parallel_files": 1})
    assert (result.status, result.total_errors_fixed, result.peak_parallel_files) == ("failed", 1, 1)


def test_links_are_there_in_every_attempt(make_checkout: Make) -> None:
    user = make_checkout({**TWO, ".gitignore": "deps/\n"})
    user.write({"deps/lib.txt": "lib\n"})
    seen: list[bool] = []

    def agent(task: AgentTask) -> None:
        seen.append((task.workspace / "deps/lib.txt").exists())
        fixes_one(task)

    result = run(user, agent, overrides={"workspace.link": ["deps"]})
    assert (seen, result.files[0].outcome, user.status) == ([True, True], "fixed", "")


def test_two_fixes_that_do_not_fit_together_are_told(make_checkout: Make) -> None:
    def swaps(task: AgentTask) -> None:
        path = task.workspace / task.path
        path.write_text("def value():\n    return 2\n" if path.name == "a.py" else "WANTED = 0\n")

    user = make_checkout(
        {
            "a.py": "import os\ndef value():\n    return 1\n",
            "b.py": "import os\nWANTED = 1\n",
            "test_both.py": "import a\nimport b\n\n\ndef test(): assert (a.value(), b.WANTED) != (2, 0)\n",
        }
    )
    together = threading.Barrier(2, timeout=60)

    def agent(task: AgentTask) -> None:
        together.wait()
        swaps(task)

    result = stomper_sdk.run("default", repo=user.root, agents={"builtin": agent})
    assert [file.outcome for file in result.files] == ["fixed", "fixed"]
    assert (result.exit_code, "1 failed" in str(result.tests)) == (1, True)
    assert any("together, the fixes do not pass the tests" in notice for notice in result.notices)
    assert result.tests_failed


def test_ctrl_c_cancels_cleans_up_and_is_raised(make_checkout: Make) -> None:
    async def agent(task: AgentTask) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await trio.sleep_forever()

    user = make_checkout(files(3))
    with pytest.raises(KeyboardInterrupt):
        run(user, agent)
    assert (user.leftovers(), user.subjects, user.status) == ([], ["start"], "")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_listener_that_raises_is_told_of_and_costs_nothing(make_checkout: Make) -> None:
    texts: list[str] = []

    def raises(event: Any) -> None:
        raise ValueError("no ink")

    def hears(event: Any) -> None:
        texts.extend([event.text] if isinstance(event, Notice) else [])

    result = run(make_checkout(files(2)), listeners=[raises, hears])
    assert (result.exit_code, result.total_errors_fixed) == (0, 2)
    assert [text for text in texts if "listener" in text] == [
        "a listener raised ValueError: no ink; it hears no more"
    ]


def test_values_from_the_environment_are_shown_nowhere(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "sekret-value")
    agent = "{use: command, run: [sh, -c, 'echo $K; exit 3'], env: {K: '${KEY}'}, prompt: none}"
    text = PIPELINE.replace("checks:", f"agents: {{main: {agent}}}\nchecks:")
    user = make_checkout(files(1))
    result = stomper_sdk.run(text, repo=user.root, overrides={"retry.max_attempts": 1})
    assert "exited with 3" in str(result.files[0].reason)
    kept = [path.read_bytes() for path in (user.root / ".stomper").rglob("*") if path.is_file()]
    assert "sekret-value" not in repr(result.to_dict()) + repr(result.files)
    assert b"sekret-value" not in b"".join(kept)


def test_a_cache_that_came_with_the_repository_is_left_alone(make_checkout: Callable[..., Any]) -> None:
    user = make_checkout({"a.py": "x: int = 'one'\n"})
    mypy = {"extends": "default", "checks": {"ruff": {"use": "mypy"}}}
    assert len(stomper_sdk.plan(mypy, repo=user.root).tasks) == 1
    for file in (user.root / ".stomper/cache/mypy").rglob("*.json"):
        file.write_text("planted")
    user.git("add", "--force", ".stomper/cache")
    user.git("commit", "--quiet", "--message", "Bring a cache along")
    assert len(stomper_sdk.plan(mypy, repo=user.root).tasks) == 1
    assert user.status == ""
