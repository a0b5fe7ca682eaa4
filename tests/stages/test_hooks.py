"""The repository's own commit hooks: found, shown the fix and believed as by git."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask, RunResult
from stomper_sdk.events import Notice
from stomper_sdk.interpreter import file_run
from stomper_sdk.stages import hooks

Make = Callable[..., Any]
REFUSE = "#!/bin/sh\necho refused by it >&2\nexit 1\n"


@pytest.fixture
def user(make_checkout: Make) -> Any:
    return make_checkout({"a.py": "import os\n"})


def clears(task: AgentTask) -> None:
    (task.workspace / task.path).write_text("")


def run(user: Any, agent: Callable[[AgentTask], None] = clears, **more: Any) -> RunResult:
    overrides = {"retry.max_attempts": 1, **more.pop("overrides", {})}
    return stomper_sdk.run("default", repo=user.root, agents={"builtin": agent}, overrides=overrides, **more)


def add_hook(path: Path, text: str | bytes = REFUSE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o755)


def program(name: str) -> bytes:
    return Path(shutil.which(name) or "").read_bytes()


def refused(result: RunResult) -> bool:
    assert len(result.files) == 1
    return result.files[0].outcome == "rejected" and "refused by it" in str(result.files[0].reason)


def global_file(user: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "settings").write_text(f"[core]\n\thooksPath = {folder}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "settings"))


def environment(user: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(folder))


def of_the_checkout(user: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user.git("config", "extensions.worktreeConfig", "true")
    user.git("config", "--worktree", "core.hooksPath", str(folder))


def below_home(user: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    user.git("config", "core.hooksPath", f"~/{folder.name}")


def the_last_of_several(user: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user.git("config", "core.hooksPath", "/nowhere")
    user.git("config", "--add", "core.hooksPath", str(folder))


@pytest.mark.parametrize(
    "configure", [global_file, environment, of_the_checkout, below_home, the_last_of_several]
)
def test_the_folder_of_hooks_is_read_as_git_reads_it(
    configure: Callable[..., None], user: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_hook(tmp_path / "my hooks" / "pre-commit")
    configure(user, tmp_path / "my hooks", monkeypatch)
    add_hook(user.root / ".git/hooks/commit-msg", "#!/bin/sh\nexit 9\n")
    assert refused(run(user))
    assert (user.subjects, user.leftovers()) == (["start"], [])


def test_a_relative_folder_that_git_ignores_is_found_in_the_users_checkout(user: Any) -> None:
    """As husky keeps its hooks."""
    user.git("config", "core.hooksPath", ".husky/_")
    add_hook(user.root / ".husky/_/.gitignore", "*\n")
    add_hook(user.root / ".husky/_/pre-commit")
    assert user.status == ""
    assert refused(run(user))


def test_a_relative_folder_of_the_workspace_comes_first(user: Any) -> None:
    add_hook(user.root / "hooks/pre-commit")
    user.commit()
    user.git("config", "core.hooksPath", "hooks")
    add_hook(user.root / "hooks/pre-commit", "#!/bin/sh\nexit 0\n")
    assert refused(run(user))


def test_what_an_agent_drops_in_the_folder_of_hooks_is_none(user: Any) -> None:
    user.git("config", "core.hooksPath", "hooks")
    user.commit({".gitignore": "hooks/\n"})
    add_hook(user.root / "hooks/pre-commit", "#!/bin/sh\nexit 0\n")

    def drops(task: AgentTask) -> None:
        add_hook(task.workspace / "hooks/commit-msg", "#!/bin/sh\nexit 1\n")
        clears(task)

    assert run(user, drops).files[0].outcome == "fixed"


@pytest.mark.parametrize("branch", [False, True])
def test_hooks_see_the_fix_staged_also_where_the_agent_committed_it(branch: bool, user: Any) -> None:
    add_hook(user.root / ".git/hooks/pre-commit", "#!/bin/sh\ngit diff --cached --name-status >&2\nexit 1\n")

    def commits(task: AgentTask) -> None:
        clears(task)
        if branch:
            subprocess.run(["git", "checkout", "-q", "-b", "mine"], cwd=task.workspace, check=True)
        subprocess.run(["git", "commit", "-qam", "mine", "-n"], cwd=task.workspace, check=True)

    result = run(user, commits)
    assert "M\ta.py" in str(result.files[0].reason)
    assert (user.subjects, user.git("symbolic-ref", "HEAD").strip()) == (["start"], "refs/heads/main")


def test_a_hook_without_a_shebang_is_run_by_a_shell(user: Any) -> None:
    add_hook(user.root / ".git/hooks/commit-msg", "echo 'Signed-off-by: hook' >> \"$1\"\n")
    assert run(user).files[0].outcome == "fixed"
    assert "Signed-off-by: hook" in user.git("log", "-1", "--format=%B")


def test_a_hook_that_is_a_program_is_run_as_it_is(user: Any) -> None:
    add_hook(user.root / ".git/hooks/pre-commit", program("false"))
    assert "pre-commit hook refused" in str(run(user).files[0].reason)
    add_hook(user.root / ".git/hooks/pre-commit", program("true"))
    assert run(user).files[0].outcome == "fixed"


def test_a_hook_before_the_commit_whose_interpreter_is_missing_refuses(user: Any) -> None:
    add_hook(user.root / ".git/hooks/pre-commit", "#!/no/such/interpreter\n")
    result = run(user)
    assert (result.files[0].outcome, user.subjects) == ("rejected", ["start"])
    assert "the pre-commit hook: cannot start" in str(result.files[0].reason)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho no mail >&2\nexit 3\n", "the post-commit hook exited with 3: no mail"),
        ("#!/no/such/interpreter\n", "the post-commit hook: cannot start"),
        ("#!/bin/sh\nsleep 60\n", "was ended at its time limit"),
    ],
)
def test_a_hook_after_the_commit_changes_no_result(
    text: str, said: str, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is left when the stages in the main repository must end, or less.
    monkeypatch.setattr(file_run, "_MAIN_SECONDS", 20)
    monkeypatch.setattr(hooks, "_ENDING_SECONDS", 17)
    add_hook(user.root / ".git/hooks/post-commit", text)
    events: list[Any] = []
    result = run(user, listeners=[events.append])
    assert (result.exit_code, result.files[0].outcome, result.files[0].commit) == (0, "fixed", user.head)
    assert any(said in event.text for event in events if isinstance(event, Notice))
    assert (user.status, user.leftovers()) == ("", [])


def test_a_hook_after_the_commit_runs_only_where_the_checkout_follows(user: Any, tmp_path: Path) -> None:
    add_hook(
        user.root / ".git/hooks/post-commit", f"#!{sys.executable}\nopen({str(tmp_path / 'ran')!r}, 'w')\n"
    )
    assert run(user, overrides={"apply.target": "branch"}).files[0].outcome == "fixed"
    assert not (tmp_path / "ran").exists()
    assert run(user).files[0].outcome == "fixed"
    assert (tmp_path / "ran").exists()
