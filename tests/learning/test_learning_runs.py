"""What runs remember, and what `adaptive` makes of it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask
from stomper_sdk.cli import main
from stomper_sdk.learning import Lesson, open_store

if TYPE_CHECKING:
    from tests.conftest import Checkout

FILES = {
    "pkg/secret_name.py": "import os\nimport sys\nX = undefined_word\n",
    "ruff.toml": 'lint.select = ["F"]\n',
}


@pytest.fixture
def repo(make_checkout: Callable[..., Checkout]) -> Checkout:
    return make_checkout(FILES)


def by_level(task: AgentTask) -> AgentReply:
    """An agent that mends imports at once, and undefined names where it is told in detail."""
    path = task.workspace / task.path
    text = re.sub(r"^import .*\n", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(text.replace("undefined_word", "1") if task.level in ("detailed", "verbose") else text)
    return AgentReply("a secret reply", tokens_in=100, tokens_out=10, model="m-1")


def run(repo: Checkout, agent: Callable[..., Any] = by_level, **overrides: Any) -> Any:
    settings = {
        "test_validation.mode": "none",
        **{key.replace("__", "."): it for key, it in overrides.items()},
    }
    return stomper_sdk.run("default", repo=repo.root, agents={"builtin": agent}, overrides=settings)


def lessons(root: Path) -> list[Lesson]:
    store = open_store(root / ".stomper", create=False)
    if store is None:
        return []
    try:
        return list(store.lessons())[::-1]
    finally:
        store.close()


def told(lesson: Lesson) -> dict[str, tuple[int, int]]:
    return {it.code: (it.tried, it.fixed) for it in lesson.codes}


def test_each_attempt_is_remembered_with_what_it_alone_did(repo: Checkout) -> None:
    result = run(repo, prompt__strategy="escalate")
    assert result.files[0].outcome == "fixed"
    first, second, third = lessons(repo.root)
    assert [told(it) for it in (first, second, third)] == [
        {"F401": (2, 2), "F821": (1, 0)},
        {"F821": (1, 0)},
        {"F821": (1, 1)},
    ]
    assert [it.level for it in (first, second, third)] == ["minimal", "normal", "detailed"]
    assert [it.outcome for it in (first, second, third)] == ["partial", "partial", "fixed"]
    assert {(it.session, it.agent, it.model, it.tokens) for it in (first, second, third)} == {
        (result.session_id, "builtin", "m-1", 110)
    }
    assert (first.lines, first.findings, first.suffix, first.seconds > 0) == (3, 3, ".py", True)


def test_nothing_of_code_paths_messages_or_words_is_kept(repo: Checkout) -> None:
    run(repo, prompt__strategy="escalate")
    kept = b"".join(path.read_bytes() for path in (repo.root / ".stomper").glob("history.sqlite3*"))
    for word in (b"F401", b"minimal"):
        assert word in kept
    for word in (b"secret_name", b"pkg", b"undefined_word", b"imported but", b"a secret reply", b"import "):
        assert word not in kept


def test_a_second_run_adds_to_what_is_known(repo: Checkout) -> None:
    run(repo)
    count = len(lessons(repo.root))
    repo.commit({"pkg/other.py": "import os\n"})
    run(repo)
    assert len(lessons(repo.root)) == count + 1


def test_worktrees_of_one_repository_learn_together(repo: Checkout, tmp_path: Path) -> None:
    other = type(repo)(tmp_path / "other")
    repo.git("worktree", "add", "--quiet", "-b", "side", str(other.root))
    run(other)
    assert lessons(repo.root)
    assert not (other.root / ".stomper" / "history.sqlite3").exists()


def test_a_fix_that_the_tests_at_the_end_take_back_has_fixed_nothing(
    make_checkout: Callable[..., Checkout],
) -> None:
    test = "from a import os\n\n\ndef test_a():\n    assert os\n"
    files = {"a.py": "import os\n", "test_a.py": test, "ruff.toml": 'lint.select = ["F"]\n'}
    repo = make_checkout(files)
    result = run(repo, test_validation__mode="final")
    assert [file.outcome for file in result.files] == ["rejected"]
    (lesson,) = lessons(repo.root)
    assert (lesson.outcome, told(lesson), lesson.lines) == ("rejected", {"F401": (1, 0)}, 1)


def test_a_run_that_was_killed_and_is_resumed_counts_each_attempt_once(repo: Checkout) -> None:
    repo.commit({"pkg/other.py": "import os\n"})
    control = stomper_sdk.Control()

    def stop(task: AgentTask) -> AgentReply:
        control.drain()
        return by_level(task)

    settings = {"test_validation.mode": "none", "parallelism.max_parallel_files": 1}
    agents = {"builtin": stop}
    first = stomper_sdk.run("default", repo=repo.root, agents=agents, overrides=settings, control=control)
    assert first.status == "cancelled"
    before = lessons(repo.root)
    assert before
    agents = {"builtin": by_level}
    second = stomper_sdk.run("default", repo=repo.root, agents=agents, resume=first.session_id)
    assert {file.outcome for file in second.files} == {"fixed"}
    after = lessons(repo.root)
    assert after[: len(before)] == before
    assert len(after) == sum(len(file.attempts) for file in second.files)


@pytest.mark.parametrize("what", ["damaged", "newer", "tracked", "locked"])
def test_a_run_goes_on_without_a_history_and_says_so(
    what: str, repo: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(repo)
    path = repo.root / ".stomper" / "history.sqlite3"
    repo.commit({"pkg/other.py": "import os\n", "pkg/third.py": "import os\n"})
    if what == "damaged":
        path.write_bytes(b"not a database, whatever its name says" * 99)
    elif what == "newer":
        _execute(path, "PRAGMA user_version = 9")
    elif what == "tracked":
        repo.git("add", "--force", str(path))
        repo.commit()
    before = path.read_bytes()
    holder = sqlite3.connect(path, isolation_level=None) if what == "locked" else None
    if holder:
        monkeypatch.setattr("stomper_sdk.learning.store._BUSY_SECONDS", 0.05)
        holder.execute("BEGIN IMMEDIATE")
    result = run(repo)
    if holder:
        holder.close()
    assert {file.outcome for file in result.files} == {"fixed"}
    said = {
        "damaged": "is damaged",
        "newer": "of a newer version",
        "tracked": "git tracks .stomper",
        "locked": "was locked by another process",
    }[what]
    assert sum(said in notice for notice in result.notices) == 1
    assert path.read_bytes() == before


def _execute(path: Path, command: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(command)
    connection.commit()
    connection.close()


def test_nothing_is_remembered_where_that_is_not_wanted(repo: Checkout) -> None:
    result = run(repo, learning__record="none")
    assert result.files[0].attempts
    assert not (repo.root / ".stomper" / "history.sqlite3").exists()


def test_a_plan_remembers_nothing(repo: Checkout) -> None:
    stomper_sdk.plan("default", repo=repo.root)
    assert not (repo.root / ".stomper" / "history.sqlite3").exists()


def test_adaptive_says_why_and_repeats_no_level_that_failed_while_there_is_another(repo: Checkout) -> None:
    result = run(repo, lambda task: None, prompt__strategy="adaptive", retry__max_attempts=5)
    levels = [attempt.level for attempt in result.files[0].attempts]
    assert sorted(levels[:4]) == sorted(["minimal", "normal", "detailed", "verbose"])
    whys = [attempt["why"] for attempt in result.to_dict()["files"][0]["attempts"]]
    assert whys[0] == f"nothing is learned yet, so {levels[0]} is a guess"
    assert whys[1] == f"after {levels[0]}: nothing is learned yet, so {levels[1]} is a guess"


def test_adaptive_learns_which_level_pays(repo: Checkout) -> None:
    """Undefined names are mended in detail only; after some files it begins there."""
    files = {f"m{n:02}.py": "X = undefined_word\n" for n in range(30)}
    repo.commit({**files, "pkg/secret_name.py": ""})
    run(repo, prompt__strategy="adaptive", retry__max_attempts=4)
    repo.commit({f"n{n:02}.py": "X = undefined_word\n" for n in range(20)})
    result = run(repo, prompt__strategy="adaptive", retry__max_attempts=4)
    first = [file.attempts[0] for file in result.files if file.path.startswith("n")]
    assert len(first) == 20
    assert sum(it.level in ("detailed", "verbose") for it in first) >= 17
    assert all(
        re.match(r"(detailed|verbose|minimal|normal) \d+% of F821 expected ", str(it.why)) for it in first
    )


def test_two_runs_from_one_history_choose_alike_whatever_the_parallelism(
    make_checkout: Callable[..., Checkout],
) -> None:
    chosen = []
    for name, parallel in (("one", 1), ("two", 4)):
        repo = make_checkout({**{f"m{n}.py": "X = undefined_word\n" for n in range(8)}, **FILES}, name)
        result = run(repo, prompt__strategy="adaptive", parallelism__max_parallel_files=parallel)
        chosen.append([[it.level for it in file.attempts] for file in result.files])
    assert chosen[0] == chosen[1]
    assert len({levels[0] for levels in chosen[0]}) > 1, "all alike without a chance in it"
    other = run(make_checkout(repo_files(), "three"), prompt__strategy="adaptive", learning__seed=7)
    assert [[it.level for it in file.attempts] for file in other.files] != chosen[0]


def repo_files() -> dict[str, str]:
    return {**{f"m{n}.py": "X = undefined_word\n" for n in range(8)}, **FILES}


def test_agents_that_are_replayed_or_not_told_anything_are_asked_as_by_escalate(
    make_checkout: Callable[..., Checkout],
) -> None:
    fix = "python -c \"import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('')\" {file}"
    agents = {
        "live": {"use": "command", "run": fix, "prompt": "none"},
        "again": {"use": "replay", "agent": "live"},
        "ruff": {"use": "ruff-fix"},
    }
    for agent in ("again", "ruff"):
        repo = make_checkout({f"m{n}.py": "import os\n" for n in range(6)}, agent)
        stages = ["generate_prompt", {"call_agent": {"use": [agent]}}, "verify_fixes"]
        fan = ["create_worktree", {"attempt": stages}, "extract_diff", "apply_to_main", "commit_in_main"]
        pipeline = {
            "version": 1,
            "checks": {"ruff": {"use": "ruff"}},
            "agents": agents,
            "stages": ["initialize", "collect_errors", {"for_each_file": fan}, "aggregate_results"],
        }
        for _ in range(2):
            result = stomper_sdk.run(pipeline, repo=repo.root)
            assert {it.level for file in result.files for it in file.attempts} == {"minimal"}
            repo.git("reset", "--quiet", "--hard", repo.git("rev-list", "--max-parents=0", "HEAD").strip())
        kinds = {lesson.kind for lesson in lessons(repo.root)}
        assert kinds == ({"ruff-fix"} if agent == "ruff" else set())


def test_a_past_run_tells_why_its_attempts_got_their_levels(
    repo: Checkout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    run(repo, prompt__strategy="adaptive")
    assert main(["runs", "show", "--verbose", "--repo", str(repo.root)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"try 1 builtin, \w+: \w+ [\d.]+ s \(level: nothing is learned yet, so \w+ is a guess\)", out
    )
    assert main(["runs", "show", "--by-file", "--repo", str(repo.root)]) == 0
    assert "try 1" not in capsys.readouterr().out


@pytest.mark.parametrize("amount", [10**30, -5, float("inf"), float("nan")])
def test_what_nobody_can_have_used_is_not_believed(amount: Any, repo: Checkout) -> None:
    def agent(task: AgentTask) -> AgentReply:
        return attrs.evolve(by_level(task), tokens_in=amount, tokens_out=9.5, cost_usd=amount)

    result = run(repo, agent, prompt__strategy="fixed:detailed")
    assert result.files[0].outcome == "fixed"
    (lesson,) = lessons(repo.root)
    assert (lesson.tokens_in, lesson.tokens_out, lesson.cost_usd) == (None, 9, None)


@pytest.mark.parametrize(
    "agent",
    [
        "{use: command, run: no-such-agent}",
        "{use: chat, model: m, base_url: 'http://127.0.0.1:9/v1', max_retries: 0}",
    ],
)
def test_an_agent_that_is_not_there_teaches_nothing(repo: Checkout, agent: str) -> None:
    pipeline = f"extends: default\nagents: {{absent: {agent}}}\ntest_validation: {{mode: none}}\n"
    only = stomper_sdk.Selection(agents=("absent",))
    result = stomper_sdk.run(pipeline, repo=repo.root, only=only)
    assert {attempt.failure for attempt in result.files[0].attempts} == {"unavailable"}
    assert [lesson.is_telling for lesson in lessons(repo.root)] == [False] * len(result.files[0].attempts)
    assert stomper_sdk.stats(repo.root).codes == ()
