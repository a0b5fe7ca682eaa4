"""Agents that misbehave: the file fails with the reason, the run goes on, the repository is as before."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask
from stomper_sdk.agents.python import PythonAgent
from stomper_sdk.errors import PipelineError

Pipeline = Callable[[str], Path]
ONCE = {"retry.max_attempts": 1, "test_validation.mode": "none"}
CURE = 'sed -i "/^import/d" "$1"'


def settings(script: str, timeout: str) -> str:
    words = json.dumps(["bash", "-c", script, "bash", "{file}"])
    return (
        "extends: default\nretry: {max_attempts: 1}\ntest_validation: {mode: none}\n"
        f"agents: {{builtin: {{use: command, run: {words}, prompt: none, timeout: {timeout}}}}}\n"
    )


@pytest.fixture
def ask(command: Any, checkout: Any, pipeline: Pipeline) -> Callable[..., tuple[int, str, str]]:
    """Let a shell script be the agent of the one file; tells exit code, outcome and reason."""

    def ask(script: str, timeout: str = "60s") -> tuple[int, str, str]:
        path = pipeline(settings(script, timeout))
        shown = command("run", path, "--repo", checkout.root, "--output", "json", "--quiet")
        outcome, reason = shown.files["a.py"]
        return shown.code, outcome, reason or ""

    return ask


@pytest.mark.parametrize(
    ("script", "outcome", "said"),
    [
        ("echo I cannot; exit 1", "error", "bash exited with 1; it said:\nI cannot"),
        (r"printf '\xff caf\xe9'; exit 1", "error", "it said:\n\ufffd caf\ufffd"),
        ("true", "unfixed", "the agent changed nothing"),
        ("kill -9 0", "error", "bash was killed by SIGKILL without a word"),
        ("kill -TERM 0; sleep 60", "error", "bash was killed by SIGTERM without a word"),
        ('rm "$1"', "rejected", "guard: a.py was removed"),
        ('rm "$1"; mkdir "$1"; touch "$1/x"', "rejected", "guard: a.py was removed"),
        ('rm "$1"; ln -s /etc/passwd "$1"', "rejected", "guard: a.py is no regular file any more"),
        ('echo "def (" > "$1"', "unfixed", "invalid-syntax at a.py:1"),
        (r'printf "\0\1\2\377" > "$1"', "rejected", "guard.deletions: it "),
        ("echo y > other.py; " + CURE, "rejected", "guard.scope: it changed other.py"),
        (CURE + "; git stash -q", "unfixed", "the agent changed nothing"),
        ('rm -rf "$PWD"', "error", "the workspace cannot be read any more"),
        ('d=$PWD; cd /; rm -rf "$d"', "error", "the workspace cannot be read any more"),
        ('rm "$1"; mkfifo "$1"', "error", "the workspace cannot be read any more"),
        ('touch "$(git rev-parse --git-dir)/index.lock"', "error", "index.lock"),
        ("seq 20000 | xargs touch", "rejected", "and 19995 more; allowed is only a.py"),
    ],
)
def test_what_cannot_be_taken_leaves_the_branch_alone(
    script: str, outcome: str, said: str, ask: Any, checkout: Any
) -> None:
    before = checkout.head
    assert ask(script)[:2] == (1, outcome)
    assert checkout.head == before
    assert said in last_reason(checkout)


def last_reason(checkout: Any) -> str:
    (result,) = (checkout.root / ".stomper" / "sessions").glob("*/result.json")
    return str(json.loads(result.read_text())["files"][0]["reason"])


@pytest.mark.parametrize(
    "script",
    [
        CURE + "; git commit -qam mine",
        CURE
        + "; git checkout -q -b mine; git commit -qam mine; git checkout -q --detach; git branch -D mine",
        "rm .git; " + CURE,
        "rm .git; ln -s / .git; " + CURE,
        CURE + '; git rm -q --cached "$1"',
        "echo x > /dev/tty; read x < /dev/tty; " + CURE,
        r"printf '\xff\xfe'; " + CURE,
    ],
)
def test_the_fix_counts_whatever_git_was_told_meanwhile(script: str, ask: Any, checkout: Any) -> None:
    assert ask(script) == (0, "fixed", "")
    assert checkout.subjects == ["start", "fix(ruff): F401 in a.py"]
    assert checkout.shown("HEAD", "a.py") == "\nprint(1)\n"


def test_at_the_limit_all_that_it_started_is_gone(ask: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    started = time.monotonic()
    told = ask(
        f"trap '' TERM; setsid sleep 300 & echo $! >> {pids}; sleep 300 & echo $! >> {pids}; wait", "1s"
    )
    assert told[:2] == (1, "error") and "was ended at its time limit of 1 s" in told[2]
    assert time.monotonic() - started < 20
    assert len(pids.read_text().split()) == 2
    assert [pid for pid in pids.read_text().split() if Path("/proc", pid).exists()] == []


class Stray(BaseException):
    """As pytest's own `skip` raises it."""


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def strays(task: AgentTask) -> None:
    raise Stray("lost")


async def strays_late(task: AgentTask) -> None:
    raise Stray("lost")


def leaves(task: AgentTask) -> None:
    sys.exit(0)


def says_nothing(task: AgentTask) -> Any:
    return Silent()


def generates(task: AgentTask) -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (strays, "Stray: lost\nat "),
        (strays_late, "Stray: lost"),
        (leaves, "agent builtin failed: SystemExit: 0"),
        (says_nothing, "agent builtin returned <Silent instance at "),
        (generates, "agent builtin returned <generator ob"),
        (lambda task: True, "agent builtin returned True (bool)"),
    ],
)
def test_a_function_that_goes_astray_fails_its_file(function: Any, said: str, checkout: Any) -> None:
    result = stomper_sdk.run("default", repo=checkout.root, agents={"builtin": function}, overrides=ONCE)
    assert (result.status, result.exit_code, result.files[0].outcome) == ("completed", 1, "error")
    assert said in (result.files[0].reason or "")


async def yields(task: AgentTask) -> AsyncIterator[int]:
    yield 1


class Halfway:
    name = "builtin"

    async def edit(self, task: AgentTask) -> None: ...


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "agents.builtin.call: expected package.module:function"),
        (5, "agents.builtin.call: expected package.module:function"),
        (json, "agents.builtin.call: expected package.module:function"),
        (lambda: None, r"expected a function of (task), got one of ()"),
        (lambda task, other: None, r"expected a function of (task), got one of (task, other)"),
        (Halfway, "expected a function of (task), got a class"),
        (yields, "expected a function of (task), got an async generator"),
        (Halfway(), "Halfway is no agent: it lacks timeout, once"),
    ],
)
def test_what_is_no_agent_is_refused_before_anything_runs(given: Any, said: str, checkout: Any) -> None:
    with pytest.raises(PipelineError) as caught:
        stomper_sdk.run("default", repo=checkout.root, agents={"builtin": given})
    assert said in str(caught.value)
    assert not (checkout.root / ".stomper").exists()


def test_a_function_that_blocks_holds_up_neither_the_run_nor_its_end(checkout: Any) -> None:
    agent = PythonAgent.of("builtin", lambda task: time.sleep(300), timeout=0.2)
    result = stomper_sdk.run("default", repo=checkout.root, agents={"builtin": agent}, overrides=ONCE)
    (file,) = result.files
    assert (file.outcome, file.reason) == ("error", "agent builtin was ended at its time limit of 0.2 s")
