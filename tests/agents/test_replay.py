"""Record and replay: the same question gets the same answer, and another one is told from it."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing
import yaml

import stomper_sdk
from stomper_sdk.agents.base import Agent, AgentReply, AgentTask, Wrapped
from stomper_sdk.agents.python import PythonAgent
from stomper_sdk.agents.recording import Recording, parse, render
from stomper_sdk.agents.replay import ReplayAgent
from stomper_sdk.agents.scripted import ScriptedAgent
from stomper_sdk.cli import main
from stomper_sdk.errors import AgentError, PipelineError
from stomper_sdk.options import build
from stomper_sdk.testing import AgentContract
from stomper_sdk.vcs.checkout import Checkout, Entry
from stomper_sdk.workspaces.patches import Edited, Patch, Patches
from tests.model_server import ModelServer, Reply

if TYPE_CHECKING:
    from tests.conftest import Checkout as Repository

Make = Callable[..., Any]
OURS = ("--exclude-dir=.git", "--exclude-dir=.stomper", "--exclude-dir=recordings")
STORE = Path(".stomper/recordings/inner")
KEY = "sk-" + "abcdefghij" * 3
REGEX = r"^(?P<path>[^:]+):(?P<line>\d+):(?P<message>.*(?P<code>BAD).*)$"
PIPELINE: dict[str, Any] = {
    "extends": "default",
    "checks": {
        "ruff": {
            "use": "regex",
            "command": ["grep", "-rHn", "--binary-files=text", *OURS, "BAD", "{files}"],
            "files": ["*.txt"],
            "pattern": REGEX,
        }
    },
    "agents": {"builtin": {"use": "replay", "agent": "inner"}},
    "test_validation": {"mode": "none"},
    "guard": {"scope": "repo", "forbid": []},
    "retry": {"max_attempts": 2},
}
FILES: dict[str, str | bytes] = {
    "a.txt": "one\nBAD\nthree\n",
    "b.txt": b"one\r\nBAD\r\nthree\r\n",
    "c.txt": b"BAD \xff\xfe without an end",
    "d.txt": "BAD\n",
    "e/e.txt": "BAD\n",
    "f.txt": "BAD\n",
    "g.txt": "BAD\n" + "\n \n\t\n" + "end  \n",
    "h ü.txt": "BAD\n",
    "old.md": "gone soon\n",
    ".gitignore": "*.log\n",
}


def fix(task: AgentTask) -> AgentReply:
    """Fix a file, and do besides all that a fix can do to a tree."""
    file = task.workspace / task.path
    file.write_bytes(file.read_bytes().replace(b"BAD", b"good"))
    if task.path == "d.txt":
        (task.workspace / "agent.log").write_text("ignored\n")
        (task.workspace / "old.md").unlink()
        (task.workspace / "new" / "folder").mkdir(parents=True)
        (task.workspace / "new" / "folder" / "it.bin").write_bytes(bytes(range(256)))
    if task.path == "f.txt":
        file.chmod(0o755)
        (task.workspace / "link").symlink_to("f.txt")
    return AgentReply(f"fixed {task.path}", 12, 34, 0.5, 2, "a-model", "its-session", 6)


def never(task: AgentTask) -> None:
    raise AssertionError(f"asked for {task.path}")


def run(repository: Repository, agent: Any, overrides: Mapping[str, object] | None = None) -> Any:
    return stomper_sdk.run(PIPELINE, repo=repository.root, agents={"inner": agent}, overrides=overrides)


def replay(repository: Repository, overrides: Mapping[str, object] | None = None) -> Any:
    return run(repository, never, {"agents.builtin.mode": "replay", **(overrides or {})})


def back(repository: Repository, result: Any) -> None:
    repository.git("reset", "--quiet", "--hard", result.base_commit)


def kept(repository: Repository) -> list[Path]:
    return sorted((repository.root / STORE).iterdir())


def reason(result: Any, path: str = "a.txt") -> str:
    (found,) = [file for file in result.files if file.path == path]
    assert found.outcome == "error", found
    return str(found.reason)


@pytest.mark.parametrize("parallel", [1, 4])
def test_what_was_recorded_is_replayed_to_the_same_tree(make_checkout: Make, parallel: int) -> None:
    repository = make_checkout(FILES)
    recorded = run(repository, fix, {"parallelism.max_parallel_files": 4})
    assert recorded.exit_code == 0 and len(recorded.successful_fixes) == 8
    tree, made = repository.tree, kept(repository)
    assert len(made) == 8
    back(repository, recorded)
    replayed = replay(repository, {"parallelism.max_parallel_files": parallel})
    assert replayed.exit_code == 0
    assert repository.tree == tree
    assert repository.status == "" and repository.leftovers() == []
    told = [attempt for file in replayed.files for attempt in file.attempts]
    assert {(attempt.tokens_in, attempt.cost_usd, attempt.turns, attempt.model) for attempt in told} == {
        (12, 0.5, 2, "a-model")
    }
    assert kept(repository) == made
    assert b"agent.log" not in b"".join(file.read_bytes() for file in made)


def test_a_run_in_place_is_replayed_to_the_same_files(tmp_path: Path) -> None:
    def run_in(folder: Path, agent: Any, mode: str) -> Any:
        direct = {"workspace.kind": "direct", "agents.builtin.mode": mode, "guard.scope": "file"}
        source = {**PIPELINE, "extends": "direct"}
        return stomper_sdk.run(source, repo=folder, agents={"inner": agent}, overrides=direct)

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_bytes(b"one\r\nBAD\r\n")
    assert run_in(tmp_path / "one", fix, "record").exit_code == 0
    (tmp_path / "two" / ".stomper").mkdir()
    (tmp_path / "one" / ".stomper" / "recordings").rename(tmp_path / "two" / ".stomper" / "recordings")
    assert run_in(tmp_path / "two", never, "replay").exit_code == 0
    assert (tmp_path / "two" / "a.txt").read_bytes() == b"one\r\ngood\r\n"


def test_a_second_attempt_is_replayed_as_one(make_checkout: Make) -> None:
    def twice(task: AgentTask) -> None:
        file = task.workspace / task.path
        file.write_text(file.read_text().replace("BAD" * (3 - task.attempt), "good"))

    repository = make_checkout({"a.txt": "BADBAD\nBAD\n"})
    recorded = run(repository, twice)
    assert [attempt.outcome for attempt in recorded.files[0].attempts] == ["partial", "fixed"]
    tree = repository.tree
    back(repository, recorded)
    replayed = replay(repository)
    assert [attempt.outcome for attempt in replayed.files[0].attempts] == ["partial", "fixed"]
    assert repository.tree == tree


def test_another_prompt_misses_and_says_what_is_another(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix, {"prompt.strategy": "fixed:minimal"}))
    missed = replay(repository, {"prompt.strategy": "fixed:verbose"})
    said = reason(missed)
    assert "what is asked of a.txt was not recorded; against a-txt.1." in said
    assert "\nthe prompt differs (- recorded, + asked):\n" in said
    assert "\n+" in said and "the file's content" not in said and "findings differ" not in said
    assert "Record it with `mode: auto`" in said
    assert missed.exit_code == 1 and len(missed.files[0].attempts) == 0


def test_another_file_and_other_findings_miss_and_are_told(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix))
    repository.commit({"a.txt": "new\nBAD\nBAD\n"})
    said = reason(replay(repository))
    assert "the file's content differs" in said
    assert "the findings differ (- recorded, + asked):\n-ruff BAD a.txt:1" in said
    assert "\n+ruff BAD a.txt:2" in said


def test_nothing_recorded_at_all_is_told(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    assert "has no recording of a.txt; nothing is recorded there" in reason(replay(repository))


def test_other_options_miss_but_another_time_limit_does_not(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    inner = {"use": "scripted", "replies": [{"edits": [{"find": "BAD", "replace": "good"}]}]}
    agents = {**PIPELINE["agents"], "inner": inner}

    def run_with(mode: str, **options: object) -> Any:
        source = {**PIPELINE, "agents": {**agents, "inner": {**inner, **options}}}
        return stomper_sdk.run(source, repo=repository.root, overrides={"agents.builtin.mode": mode})

    back(repository, run_with("record"))
    again = run_with("replay", timeout="7s")
    assert again.exit_code == 0
    back(repository, again)
    said = reason(run_with("replay", replies=[{"text": "another"}]))
    assert "option replies: recorded [{'edits':" in said and "asked [{'text': 'another'}]" in said


def test_auto_asks_for_what_is_missing_only(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n", "b.txt": "BAD\n"})
    back(repository, run(repository, fix))
    repository.commit({"b.txt": "BAD again\n"})
    asked: list[str] = []

    def noted(task: AgentTask) -> AgentReply:
        asked.append(task.path)
        return fix(task)

    assert run(repository, noted).exit_code == 0
    assert asked == ["b.txt"]
    assert len(kept(repository)) == 3


def test_record_asks_again_and_overwrites(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix))
    (place,) = kept(repository)

    def other(task: AgentTask) -> None:
        (task.workspace / task.path).write_text("better\n")

    back(repository, run(repository, other, {"agents.builtin.mode": "record"}))
    assert kept(repository) == [place]
    assert replay(repository).exit_code == 0
    assert repository.read("a.txt") == "better\n"


@pytest.mark.parametrize("failure", ["error", "timeout", "unavailable", "quota", "auth"])
def test_a_failure_is_recorded_and_replayed(make_checkout: Make, failure: Any) -> None:
    def fail(task: AgentTask) -> None:
        raise AgentError("no\nway", "Wait.", failure=failure, reply=AgentReply("so far", tokens_in=7))

    repository = make_checkout({"a.txt": "BAD\n"})
    ways = [run(repository, fail), replay(repository)]
    for result in ways:
        (attempt, *_) = result.files[0].attempts
        assert (attempt.failure, attempt.reason, attempt.tokens_in) == (failure, "no\nway. Wait.", 7)
    assert ways[0].exit_code == ways[1].exit_code == (4 if failure in ("quota", "auth") else 1)


def test_an_account_that_was_empty_once_is_asked_again(make_checkout: Make) -> None:
    def broke(task: AgentTask) -> None:
        raise AgentError("no quota", failure="quota")

    repository = make_checkout({"a.txt": "BAD\n"})
    assert run(repository, broke).exit_code == 4
    assert run(repository, fix).exit_code == 0


def test_no_secret_stands_in_a_recording(make_checkout: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2-hunter2")

    def careless(task: AgentTask) -> AgentReply:
        reply = fix(task)
        return attrs.evolve(reply, text=f"used hunter2-hunter2 and {KEY} in {task.workspace}")

    repository = make_checkout({"a.txt": f"BAD hunter2-hunter2 {KEY}\n" + "\n" * 9 + "BAD\n"})
    repository.commit({"a.txt": "BAD\n"})
    inner = {"use": "python", "call": careless, "timeout": 9}
    source = {**PIPELINE, "agents": {**PIPELINE["agents"], "inner": inner}}
    back(repository, run(repository, careless))
    (place,) = kept(repository)
    text = place.read_text()
    assert "used *** and *** in {workspace}" in text
    for secret in ("hunter2-hunter2", KEY, str(repository.root), "/stomper-"):
        assert secret not in text
    assert source["agents"]["inner"]["timeout"] == 9
    monkeypatch.setenv("MY_TOKEN", "another-value-0815")
    assert replay(repository).exit_code == 0


def test_options_are_recorded_without_their_secrets(tmp_path: Path) -> None:
    options = {"api_key": "short", "url": f"https://x/{KEY}", "env": {"A_TOKEN": "t", "B": "of-env-0815"}}
    inner = PythonAgent.of("inner", never)
    agent = ReplayAgent(
        name="main", agent=Wrapped(inner, "chat", options, tmp_path, frozenset({"of-env-0815"}))
    )
    task = AgentTask(tmp_path, "a.py", (), "Fix it.")
    assert agent._question(task).options == {
        "api_key": "***",
        "url": "https://x/***",
        "env": {"A_TOKEN": "***", "B": "***"},
    }


@pytest.mark.parametrize(
    "written", [f"good {KEY}\n".encode(), b"good hunter2-hunter2\n", b"\0hunter2-hunter2"]
)
def test_an_edit_with_a_secret_is_not_recorded_and_that_is_said(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch, written: bytes
) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2-hunter2")

    def leak(task: AgentTask) -> None:
        (task.workspace / task.path).write_bytes(written)

    repository = make_checkout({"a.txt": "BAD\n"})
    assert "looks like a key: it is not recorded" in reason(run(repository, leak))
    assert not (repository.root / STORE).exists()


def test_times_and_places_that_differ_from_run_to_run_do_not_miss(tmp_path: Path) -> None:
    agent = ReplayAgent(name="main", agent=Wrapped(PythonAgent.of("inner", never), "python", {}, tmp_path))
    said = "1 failed in {}s: {}/a.py at 0x{} in /x/pytest-of-me/pytest-{}/t, {}"
    tasks = [
        AgentTask(
            tmp_path / place,
            "a.py",
            (),
            said.format(time, tmp_path / place, at, n, session),
            session_id=session,
        )
        for place, time, at, n, session in (
            ("one", 0.12, "7f001122", 3, "stomper-1"),
            ("two", 1.3, "7fab3344", 44, "stomper-2"),
        )
    ]
    assert agent._question(tasks[0]) == agent._question(tasks[1])
    other = attrs.evolve(tasks[0], prompt=tasks[0].prompt.replace("1 failed", "2 failed"))
    assert agent._question(other) != agent._question(tasks[0])


def forge(repository: Repository, change: Callable[[Recording], Recording]) -> None:
    """A recording that says something else under the same question, with a sum that fits."""
    (place,) = kept(repository)
    place.write_bytes(render(change(parse(place.read_bytes(), "x"))))


def patched(*edited: tuple[str, str, bytes]) -> Callable[[Recording], Recording]:
    """The recording's edits replaced by new files: path, mode, content."""
    texts, sides = [], []
    for path, mode, content in edited:
        sha = hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()
        zeros, name = "0" * 40, path.encode()
        texts.append(
            b"diff --git a/%s b/%s\nnew file mode %s\nindex %s..%s\n"
            b"--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+%s\n"
            % (name, name, mode.encode(), zeros.encode(), sha.encode(), name, content)
            + (b"" if content.endswith(b"\n") else b"\\ No newline at end of file\n")
        )
        sides.append(Edited(path, Entry("000000", zeros), Entry(mode, sha)))
    patch = Patch(tuple(sides), b"".join(texts))
    return lambda recording: attrs.evolve(recording, answer=attrs.evolve(recording.answer, patch=patch))


@pytest.mark.parametrize(
    "edited",
    [
        [("../out/evil.txt", "100644", b"evil")],
        [("/tmp/evil.txt", "100644", b"evil")],
        [(".git/hooks/post-commit", "100755", b"evil")],
        [("sub/.GIT/config", "100644", b"evil")],
        [("a/../../out/evil.txt", "100644", b"evil")],
        [("way/evil.txt", "100644", b"evil")],
        [("there", "120000", b"../out"), ("there/evil.txt", "100644", b"evil")],
        [("module", "160000", b"Subproject commit " + b"1" * 40)],
    ],
)
def test_a_hostile_recording_writes_nowhere_else(
    make_checkout: Make, tmp_path: Path, edited: list[tuple[str, str, bytes]]
) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    (tmp_path / "out").mkdir()
    (repository.root / "way").symlink_to(tmp_path / "out")
    repository.commit()
    back(repository, run(repository, fix))
    forge(repository, patched(*edited))
    before = sorted(
        path for path in tmp_path.rglob("*") if ".git/" not in f"{path}/" and ".stomper" not in str(path)
    )
    assert "the recording for a.txt does not fit" in reason(replay(repository))
    after = sorted(
        path for path in tmp_path.rglob("*") if ".git/" not in f"{path}/" and ".stomper" not in str(path)
    )
    assert before == after
    assert not (repository.root / ".git" / "hooks" / "post-commit").exists()
    assert not Path("/tmp/evil.txt").exists()


def test_a_recording_that_does_not_what_it_says_is_refused(make_checkout: Make) -> None:
    def lie(recording: Recording) -> Recording:
        patch = recording.answer.patch
        text = patch.text.replace(b"+good", b"+evil")
        return attrs.evolve(recording, answer=attrs.evolve(recording.answer, patch=Patch(patch.edited, text)))

    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix))
    forge(repository, lie)
    assert "does not fit: it does not do what it says" in reason(replay(repository))
    assert run(repository, fix).exit_code == 0
    assert repository.read("a.txt") == "good\n"


def break_by_hand(place: Path) -> None:
    place.write_text(place.read_text().replace("+good", "+bad"))


def cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-30])


def lead_elsewhere(place: Path) -> None:
    place.rename(place.with_name("moved"))
    place.symlink_to("moved")


def make_pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def rename_other(place: Path) -> None:
    place.write_bytes(
        render(
            attrs.evolve(
                parse(place.read_bytes(), "x"),
                question=attrs.evolve(parse(place.read_bytes(), "x").question, prompt="other"),
            )
        )
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (break_by_hand, ": the sum does not fit: it was changed since it was recorded"),
        (cut, ": its end is missing"),
        (lead_elsewhere, ":1: it cannot be read: "),
        (make_pipe, ":1: it is no recording"),
        (rename_other, ":1: it is the recording of another question than its name says"),
    ],
)
@pytest.mark.parametrize("mode", ["replay", "auto"])
def test_a_broken_recording_is_refused_by_name(
    make_checkout: Make, damage: Callable[[Path], None], said: str, mode: str
) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix))
    (place,) = kept(repository)
    damage(place)
    told = reason(run(repository, never, {"agents.builtin.mode": mode}))
    assert f"agent builtin: {place}:" in told and said in told


def test_a_store_that_leads_out_or_is_none_is_refused_before_anything_runs(
    make_checkout: Make, tmp_path: Path
) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    (tmp_path / "out").mkdir()
    (repository.root / "way").symlink_to(tmp_path / "out")
    for store, said in (("way/in", "way/in leads out of"), ("a.txt", "a.txt is no folder")):
        with pytest.raises(PipelineError, match=f"agents.builtin.store: .*{said}"):
            run(repository, fix, {"agents.builtin.store": store})
    assert list((tmp_path / "out").iterdir()) == []


def test_a_store_in_the_repository_can_be_committed(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix, {"agents.builtin.store": "recorded"}))
    repository.commit(message="recordings")
    assert replay(repository, {"agents.builtin.store": "recorded"}).exit_code == 0
    assert repository.status == ""


def test_a_store_that_cannot_be_written_is_told(make_checkout: Make) -> None:
    repository = make_checkout({"a.txt": "BAD\n"})
    back(repository, run(repository, fix))
    (place,) = kept(repository)
    place.unlink()
    (place / "in the way").mkdir(parents=True)
    result = run(repository, fix, {"agents.builtin.mode": "record"})
    assert result.exit_code == 3
    assert [path.name for path in kept(repository)] == [place.name]


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        ({"main": {"use": "replay"}}, "agents.main.agent: this option must be given"),
        ({"main": {"use": "replay", "agent": 5}}, "agents.main.agent: expected text, got 5"),
        (
            {"main": {"use": "replay", "agent": "inne"}, "inner": {"use": "ruff-fix"}},
            "got 'inne' (did you mean 'inner'?)",
        ),
        (
            {"main": {"use": "replay", "agent": "main"}},
            "agents.main.agent: an agent asks itself in the end: main -> main",
        ),
        (
            {"main": {"use": "replay", "agent": "b"}, "b": {"use": "replay", "agent": "main"}},
            "agents.b.agent: an agent asks itself in the end: main -> b -> main",
        ),
        (
            {"main": {"use": "replay", "agent": "b"}, "b": {"use": "ruff-fix", "colour": 1}},
            "agents.b.colour: unknown",
        ),
        (
            {"main": {"use": "replay", "agent": "ruff-fix", "mode": "play"}},
            "agents.main.mode: expected one of record",
        ),
    ],
)
def test_what_cannot_be_wrapped_is_refused_with_its_place(
    tmp_path: Path, agents: dict[str, Any], said: str
) -> None:
    stages = "stages: [initialize, collect_errors, {for_each_file: [create_worktree, {attempt: ["
    stages += "generate_prompt, {call_agent: {use: [main]}}, verify_fixes]}]}]"
    text = yaml.safe_dump({"version": 1, "name": "x", "checks": {"ruff": {"use": "ruff"}}, "agents": agents})
    (tmp_path / "p.yaml").write_text(f"{text}{stages}\n")
    with pytest.raises(PipelineError) as caught:
        stomper_sdk.validate(tmp_path / "p.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/p.yaml:")


def test_the_wrapped_agent_is_no_tier_of_its_own() -> None:
    pipeline = stomper_sdk.load_pipeline(
        {
            "extends": "default",
            "agents": {"builtin": {"use": "replay", "agent": "fixer"}, "fixer": {"use": "ruff-fix"}},
            "stages": [
                "initialize",
                "collect_errors",
                {
                    "for_each_file": [
                        "create_worktree",
                        {"attempt": ["generate_prompt", "call_agent", "verify_fixes"]},
                    ]
                },
            ],
        }
    )
    call = pipeline.stage("call_agent")
    assert call is not None and call.options["use"] == ["builtin"]


def made(tmp_path: Path, inner: Agent, **options: object) -> ReplayAgent:
    agent: ReplayAgent = build(
        ReplayAgent, "main", {"agent": Wrapped(inner, "scripted", {}, tmp_path), **options}, "agents.main"
    )
    return agent


@attrs.frozen
class NoPatches(Patches):
    """A workspace in which nothing is ever edited."""

    async def tree(self) -> str:
        return "tree"


@pytest.mark.parametrize(("delays", "took"), [("recorded", 90.0), ("none", 0.0)])
def test_an_answer_takes_as_long_as_it_took_where_that_is_wanted(
    tmp_path: Path, delays: str, took: float
) -> None:
    inner = ScriptedAgent(name="inner", replies=[{"delay": 90, "text": "done"}])
    (tmp_path / "workspace").mkdir()
    patches = NoPatches(Checkout(tmp_path, "HEAD"), lambda: None)
    task = AgentTask(tmp_path / "workspace", "a.py", (), "Fix it.", patches=patches)

    async def timed(mode: str) -> float:
        started = trio.current_time()
        reply = await made(tmp_path, inner, mode=mode, delays=delays).edit(task)
        assert reply is not None and reply.text == "done"
        return trio.current_time() - started

    clock = trio.testing.MockClock(autojump_threshold=0.05)
    assert trio.run(timed, "record", clock=clock) == 90
    assert trio.run(timed, "replay", clock=trio.testing.MockClock(autojump_threshold=0.05)) == took


@attrs.frozen
class InARun:
    """A replay agent that is given what a run gives it, in whatever workspace."""

    agent: ReplayAgent
    name: str = "main"
    timeout: float = 60.0
    once: bool = False

    async def edit(self, task: AgentTask) -> AgentReply | None:
        patches = Patches(Checkout(task.workspace, "HEAD"), lambda: None)
        return await self.agent.edit(attrs.evolve(task, patches=patches))


class TestReplay(AgentContract):
    """The contract of all agents, kept while it records."""

    @pytest.fixture
    def agent(self, tmp_path_factory: pytest.TempPathFactory) -> Agent:
        replies = [{"edits": [{"find": "import os\n", "replace": ""}], "delay": "50ms"}]
        inner = ScriptedAgent(name="inner", replies=replies)
        return InARun(made(tmp_path_factory.mktemp("top"), inner, mode="record"))


def test_outside_a_run_it_says_so(tmp_path: Path) -> None:
    agent = made(tmp_path, ScriptedAgent(name="inner", replies=[{}]))
    with pytest.raises(AgentError, match="agent main works in the workspace of a run only"):
        trio.run(agent.edit, AgentTask(tmp_path, "a.py", (), "Fix it."))


def test_it_is_shut_in_as_the_other_agent_is_and_needs_its_program(tmp_path: Path) -> None:
    inner = PythonAgent.of("inner", never)
    assert not made(tmp_path, inner, mode="auto").confined
    assert made(tmp_path, inner, mode="replay").confined
    assert made(tmp_path, inner, mode="replay").free
    assert not made(tmp_path, inner, mode="record").free


def test_on_the_command_line(make_checkout: Make, capsys: pytest.CaptureFixture[str]) -> None:
    repository = make_checkout({"a.txt": "BAD\n", "b.txt": "BAD\n"})
    program = repository.root.parent / "fixer.py"
    program.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\n"
        "p.write_text(p.read_text().replace('BAD', 'good'))\n"
    )
    pipeline = repository.root.parent / "recorded.yaml"
    pipeline.write_text(
        f"""
extends: default
checks:
  ruff: {{use: regex, command: [grep, -rHn, {", ".join(OURS)}, BAD, "{{files}}"], files: ["*.txt"],
         pattern: '{REGEX}'}}
agents:
  builtin: {{use: replay, agent: sed, mode: auto, store: recordings}}
  sed: {{use: command, run: [{sys.executable}, {program}, "{{file}}"]}}
test_validation: {{mode: none}}
"""
    )
    argv = ["run", str(pipeline), "--repo", str(repository.root), "--no-progress"]
    start = repository.head
    assert main(argv) == 0
    tree = repository.tree
    repository.git("reset", "--quiet", "--hard", start)
    program.write_text("raise SystemExit('I was asked')\n")
    assert main([*argv, "--set", "agents.builtin.mode=replay"]) == 0
    assert repository.tree == tree
    repository.git("reset", "--quiet", "--hard", start)
    repository.commit({"a.txt": "BAD, and more\n"})
    capsys.readouterr()
    assert main([*argv, "--set", "agents.builtin.mode=replay"]) == 1
    told = capsys.readouterr().err
    assert "what is asked of a.txt was not recorded" in told and "I was asked" not in told
    assert repository.read("b.txt") == "good\n"


def test_a_models_answers_are_replayed_without_endpoint_and_key(
    make_checkout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "Done.\n\n```\n<<<<<<< SEARCH\nBAD\n=======\ngood\n>>>>>>> REPLACE\n```\n"
    repository = make_checkout({f"{name}.txt": "BAD\n" for name in "abc"})

    def run_at(url: str, mode: str) -> Any:
        model = {"use": "chat", "base_url": url, "model": "m", "api_key": "${MY_MODEL_KEY:-none}"}
        main_agent = {"use": "replay", "agent": "model", "mode": mode}
        source = {**PIPELINE, "agents": {"builtin": main_agent, "model": model}}
        return stomper_sdk.run(source, repo=repository.root)

    monkeypatch.setenv("MY_MODEL_KEY", KEY)
    with ModelServer(lambda request: Reply(answer, tokens_in=500, tokens_out=40)) as server:
        recorded = run_at(f"{server.url}/v1", "auto")
        assert len(server.requests) == 3
    tree = repository.tree
    assert recorded.exit_code == 0
    back(repository, recorded)
    monkeypatch.delenv("MY_MODEL_KEY")
    replayed = run_at(f"{server.url}/v1", "replay")
    assert (replayed.exit_code, repository.tree) == (0, tree)
    assert [file.attempts[0].tokens_in for file in replayed.files] == [500, 500, 500]
    texts = [place.read_text() for place in (repository.root / ".stomper/recordings/model").iterdir()]
    assert len(texts) == 3 and not any(KEY in text for text in texts)
