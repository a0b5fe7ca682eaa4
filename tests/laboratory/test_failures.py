"""Variants that fail, budgets that end, kills: the others go on, nothing is told as zero, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

import stomper_sdk
import stomper_sdk.laboratory
from stomper_sdk.errors import PipelineError, UsageError
from tests.laboratory.conftest import PIPELINE, drops, files


def crashes(task: stomper_sdk.AgentTask) -> None:
    raise ZeroDivisionError("not today")


def paid(tokens: int) -> Callable[[stomper_sdk.AgentTask], stomper_sdk.AgentReply]:
    """An agent that fixes everything and tells what it used."""

    def agent(task: stomper_sdk.AgentTask) -> stomper_sdk.AgentReply:
        drops()(task)
        return stomper_sdk.AgentReply(tokens_in=tokens, tokens_out=0)

    return agent


def status(found: stomper_sdk.Experiment) -> dict[str, str]:
    return {variant.name: variant.status for variant in found.variants}


def test_a_variant_that_crashes_is_told_as_failed_and_the_others_go_on(user: Any) -> None:
    found = stomper_sdk.experiment(
        PIPELINE, variants={"good": {}, "broken": {"agents.main": crashes}}, repo=user.root
    )

    assert (found.status, found.exit_code) == ("completed", 1)
    assert status(found) == {"good": "completed", "broken": "failed"}
    reason = next(it.reason for it in found.variants if it.name == "broken")
    assert reason is not None
    assert "not today" in reason
    assert [table.variant for table in found.tables] == ["good"]
    with pytest.raises(UsageError, match="not today"):
        found.compare("good", "broken")
    assert user.leftovers() == []


def test_an_agent_that_fails_now_and_then_is_counted_with_what_it_left(user: Any) -> None:
    def moody(task: stomper_sdk.AgentTask) -> None:
        if task.path in ("f00.py", "f01.py"):
            crashes(task)
        drops()(task)

    found = stomper_sdk.experiment(
        PIPELINE, variants={"good": {}, "moody": {"agents.main": moody}}, repo=user.root
    )

    assert status(found) == {"good": "completed", "moody": "completed"}
    assert found.table("moody").total.rate == 0.75


def test_one_budget_holds_for_all_variants_and_the_experiment_goes_on_with_more(user: Any) -> None:
    asked: list[str] = []

    def counted(name: str) -> Callable[[stomper_sdk.AgentTask], stomper_sdk.AgentReply]:
        def agent(task: stomper_sdk.AgentTask) -> stomper_sdk.AgentReply:
            asked.append(name)
            return paid(100)(task)

        return agent

    def carried_out(tokens: int, **more: Any) -> stomper_sdk.Experiment:
        return stomper_sdk.experiment(
            {**PIPELINE, "parallelism": {"max_parallel_files": 1}, "budget": {"tokens": tokens}},
            variants={"a": {"agents.main": counted("a")}, "b": {"agents.main": counted("b")}},
            repo=user.root,
            seed=3,
            **more,
        )

    stopped = carried_out(900)

    assert (stopped.status, stopped.exit_code, len(asked)) == ("stopped", 4, 9)
    assert stopped.spent.tokens == 900
    assert sum(table.total.fixed for table in stopped.tables) == 18
    assert user.leftovers() == []

    done = carried_out(3000, resume=stopped.id)

    assert (done.id, done.status, done.exit_code) == (stopped.id, "completed", 0)
    assert {table.total.rate for table in done.tables} == {1.0}
    # Nothing that had ended was asked again, and what was spent before counts.
    assert done.spent.tokens == 100 * len(asked)
    assert len(asked) == 16
    with pytest.raises(UsageError, match="nothing is left to do"):
        carried_out(3000, resume="last")


def test_an_agent_out_of_quota_stops_its_variant_alone(user: Any) -> None:
    from stomper_sdk.errors import AgentError

    def poor(task: stomper_sdk.AgentTask) -> None:
        if task.path > "f03.py":
            raise AgentError("no credit left", failure="quota")
        drops()(task)

    found = stomper_sdk.experiment(
        PIPELINE, variants={"rich": {}, "poor": {"agents.main": poor}}, repo=user.root
    )

    assert status(found) == {"rich": "completed", "poor": "stopped"}
    assert found.exit_code == 4
    assert "no credit left" in str(found.variants[1].reason)
    assert found.table("rich").total.rate == 1.0


def test_no_more_files_are_at_work_than_in_one_run(
    new_checkout: Callable[[Path, Mapping[str, str]], Any], tmp_path: Path
) -> None:
    import threading

    at_work, peak, lock = 0, 0, threading.Lock()
    both = threading.Barrier(3, timeout=20)

    def agent(task: stomper_sdk.AgentTask) -> None:
        nonlocal at_work, peak
        with lock:
            at_work += 1
            peak = max(peak, at_work)
        both.wait()
        drops()(task)
        with lock:
            at_work -= 1

    user = new_checkout(tmp_path / "repo", files(6, 1))
    names = {name: {"agents.main": agent} for name in "abcde"}
    found = stomper_sdk.experiment(
        {**PIPELINE, "parallelism": {"max_parallel_files": 3}}, variants=names, repo=user.root
    )

    assert status(found) == dict.fromkeys("abcde", "completed")
    assert (peak, found.peak_parallel_files) == (3, 3)


def test_where_parallelism_is_what_differs_each_has_its_own_and_none_disturbs_another(user: Any) -> None:
    running: list[str] = []
    met: set[frozenset[str]] = set()

    async def agent(task: stomper_sdk.AgentTask) -> None:
        running.append(task.session_id)
        met.add(frozenset(running))
        await trio.sleep(0.05)
        drops()(task)
        running.remove(task.session_id)

    found = stomper_sdk.experiment(
        PIPELINE, matrix={"parallelism.max_parallel_files": [4, 2, 1]}, agents={"main": agent}, repo=user.root
    )

    peaks = {it.cell.variant: it.result.peak_parallel_files for it in found.runs}
    assert peaks == {f"max_parallel_files={number}": number for number in (1, 2, 4)}
    assert len(found.runs) == 3
    assert met == {frozenset({run.result.session_id}) for run in found.runs}


def test_a_clear_answer_ends_a_sequential_experiment_early(
    new_checkout: Callable[[Path, Mapping[str, str]], Any], tmp_path: Path
) -> None:
    user = new_checkout(tmp_path / "repo", files(40, 1))
    variants = {"all": {}, "none": {"agents.main": drops([])}}
    found = stomper_sdk.experiment(PIPELINE, variants=variants, stop="sequential", repo=user.root)

    assert (found.status, found.exit_code) == ("decided", 0)
    last = found.decisions[-1]
    assert last.stop
    assert last.different
    assert last.difference == 1.0
    assert last.n < 40
    assert {table.total.findings for table in found.tables} == {last.n}
    # A test that does not know of the looks would be surer than it may be.
    told, turned = found.compare("all", "none"), found.compare("none", "all")
    assert repr(told) == f"<Comparison {last.text}>"
    assert (told.text, told.interval, told.p_value) == (last.text, last.interval, last.p_value)
    assert (told.different, told.method) == (True, f"exact sign-flip test by file, {last.look} looks")
    assert (turned.difference, turned.interval.high) == (-1.0, -last.interval.low)
    assert found.comparisons() == (told,)
    assert stomper_sdk.Experiment.load(repo=user.root).decisions == found.decisions


def test_a_sequential_experiment_goes_on_where_nothing_is_left_to_compare(user: Any) -> None:
    variants = {"good": {}, "broken": {"agents.main": crashes}}
    found = stomper_sdk.experiment(PIPELINE, variants=variants, stop="sequential", repo=user.root)
    assert (found.status, status(found)) == ("completed", {"good": "completed", "broken": "failed"})
    assert found.table("good").total.findings == 16


def test_a_watcher_that_raises_costs_nothing_but_its_own_ears(user: Any) -> None:
    told: list[stomper_sdk.laboratory.ExperimentProgress] = []

    def deaf(progress: stomper_sdk.laboratory.ExperimentProgress) -> None:
        raise ZeroDivisionError("cannot hear")

    found = stomper_sdk.experiment(
        PIPELINE, variants={"a": {}, "b": {}}, repo=user.root, watchers=[deaf, told.append]
    )

    assert found.status == "completed"
    last = told[-1]
    assert (last.done, last.total, last.working) == (4, 4, 0)
    assert [(it.files, it.fixed, it.status) for it in last.variants.values()] == [(8, 16, "completed")] * 2
    assert sum("cannot hear" in text for text in last.notices) == 1


def test_what_is_killed_goes_on_and_ends_as_if_nothing_had_been(user: Any, tmp_path: Path) -> None:
    script = tmp_path / "lab.py"
    script.write_text(
        textwrap.dedent(f"""
        import json, os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        import stomper_sdk
        from tests.laboratory.conftest import PIPELINE, drops

        def some(task):
            if os.environ.get("DIE") and task.path == "f05.py":
                os.kill(os.getpid(), signal.SIGKILL)
            drops(["import os"])(task)

        found = stomper_sdk.experiment(
            {{**PIPELINE, "parallelism": {{"max_parallel_files": 1}}}},
            variants={{"all": {{}}, "some": {{"agents.main": some}}}},
            repo={str(user.root)!r},
            resume=os.environ.get("RESUME"),
        )
        rows = [(t.variant, t.total.findings, t.total.fixed) for t in found.tables]
        print(json.dumps([found.status, sorted(rows), len(found.runs)]))
        """)
    )

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        asked = {**os.environ, **environment}
        return subprocess.run(
            [sys.executable, str(script)], env=asked, capture_output=True, text=True, timeout=100, check=False
        )

    before = (user.head, user.status)
    killed = run(DIE="1")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    dead = stomper_sdk.Experiment.load(repo=user.root)
    assert dead.status == "died"
    kept = len(dead.runs)

    done = run(RESUME="last")

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '["completed", [["all", 16, 16.0], ["some", 16, 8.0]], 8]'
    assert kept < 8
    assert (user.head, user.status) == before
    assert user.leftovers() == []
    assert not list((user.root / ".stomper" / "sessions").iterdir())


def test_another_experiment_is_not_taken_for_the_one_to_go_on_with(user: Any) -> None:
    variants: dict[str, dict[str, Any]] = {"a": {}, "b": {"agents.main": crashes}}
    first = stomper_sdk.experiment(PIPELINE, variants=variants, repo=user.root)
    assert status(first)["b"] == "failed"
    other = {**variants, "a": {"retry.max_attempts": 2}}
    with pytest.raises(UsageError, match="is not the experiment"):
        stomper_sdk.experiment(PIPELINE, variants=other, repo=user.root, resume="last")
    # The same again: what failed is tried afresh.
    mended = {**variants, "b": {"agents.main": drops()}}
    again = stomper_sdk.experiment(PIPELINE, variants=mended, repo=user.root, resume="last")
    assert (again.id, status(again)) == (first.id, {"a": "completed", "b": "completed"})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "no variants"),
        ({"variants": {"one": {}}}, "one variant"),
        ({"matrix": {"retry.max_attempts": []}}, "has no values"),
        ({"matrix": {f"a.b{n}": list(range(10)) for n in range(4)}}, "max_variants"),
        ({"matrix": {"checks.ruff.select": [["F"], ["E"]]}}, "must be the same for all"),
        ({"matrix": {"budget.tokens": [1, 2]}}, "must be the same for all"),
        ({"matrix": {"budget": [{"tokens": 1}, {}]}}, "must be the same for all"),
        ({"variants": {"a": {}, "b": {}}, "against": "c"}, "there is no variant 'c'"),
        ({"variants": {"a": {}, "b": {}}, "repeats": 0}, "repeats is 0"),
        ({"variants": {"a": {}, "b": {}}, "sample": -1}, "sample is -1"),
        ({"variants": {"a": {}, "b": {}}, "resume": "x"}, "no experiments"),
    ],
)
def test_what_makes_no_experiment_is_refused_before_anything_runs(
    user: Any, asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        stomper_sdk.experiment(PIPELINE, repo=user.root, **asked)
    assert not (user.root / ".stomper" / "experiments").exists()


def test_every_problem_of_every_variant_is_told_at_once(user: Any) -> None:
    with pytest.raises(PipelineError) as told:
        stomper_sdk.experiment(
            PIPELINE, matrix={"retry.max_atempts": [1, 2]}, variants={"x": {"accept": "some"}}, repo=user.root
        )
    text = str(told.value)
    assert "max_attempts" in text
    assert "(variants max_atempts=1, max_atempts=2)" in text
    assert "(variant x)" in text


def test_a_sample_larger_than_there_is_takes_all_and_says_so(user: Any) -> None:
    found = stomper_sdk.experiment(PIPELINE, variants={"a": {}, "b": {}}, sample=500, repo=user.root)
    assert found.finding_count == found.available == 16
    assert any("500 findings were wanted, and there are 16" in text for text in found.notices)
