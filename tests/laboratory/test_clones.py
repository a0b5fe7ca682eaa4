"""A clone does what the user's own checkout does, and what the user has not committed stays out of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk.errors import RepositoryError
from tests.laboratory.conftest import PIPELINE, drops

BOTH: dict[str, dict[str, Any]] = {"a": {}, "b": {"agents.main": drops(["import os"])}}


def rates(found: stomper_sdk.Experiment) -> dict[str, float]:
    return {table.variant: table.total.rate for table in found.tables}


def test_what_is_not_committed_takes_no_part(user: Any) -> None:
    user.write({"f00.py": "import os\nimport sys\nimport re\nimport json\n", "g.py": "import os\n"})
    user.write({"ruff.toml": 'lint.ignore = ["F401"]\n'})
    before = user.status

    found = stomper_sdk.experiment(PIPELINE, variants=BOTH, repo=user.root)

    assert (found.finding_count, len(found.tasks)) == (16, 8)
    assert rates(found) == {"a": 1.0, "b": 0.5}
    assert user.status == before


def test_a_repository_s_own_settings_and_hooks_hold_in_its_clones(user: Any) -> None:
    user.git("config", "user.name", "Only Here")
    user.git("config", "user.email", "only@here.example")
    hook = user.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\ngit diff --cached --name-only | grep -q f03 && { echo no f03; exit 1; }\nexit 0\n"
    )
    hook.chmod(0o755)

    found = stomper_sdk.experiment(PIPELINE, variants=BOTH, repo=user.root)

    assert rates(found) == {"a": 0.875, "b": 0.4375}
    refused = [file for it in found.runs for file in it.result.files if file.outcome == "rejected"]
    assert [file.path for file in refused] == ["f03.py", "f03.py"]
    assert "no f03" in str(refused[0].reason)


def test_a_template_that_is_not_committed_can_be_tried(user: Any) -> None:
    asked: list[str] = []

    def agent(task: stomper_sdk.AgentTask) -> None:
        asked.append(task.prompt)
        drops()(task)

    for name in ("short", "long"):
        user.write({f"prompts/{name}.md.j2": f"A {name} word on {{{{ path }}}}.\n"})
    templates = ["prompts/short.md.j2", "prompts/long.md.j2"]
    stomper_sdk.experiment(
        PIPELINE, matrix={"prompt.template": templates}, agents={"main": agent}, repo=user.root
    )

    assert {text.split(" on ")[0] for text in asked} == {"A short word", "A long word"}


def test_each_repeat_learns_for_itself_and_goes_on_learning(user: Any) -> None:
    levels: list[tuple[str, str]] = []

    def agent(task: stomper_sdk.AgentTask) -> None:
        levels.append((task.session_id, task.level))
        drops()(task)

    found = stomper_sdk.experiment(
        PIPELINE,
        matrix={"prompt.strategy": ["adaptive", "fixed:normal"], "retry.max_attempts": [1]},
        agents={"main": agent},
        repo=user.root,
    )

    assert rates(found) == {
        "strategy=adaptive, max_attempts=1": 1.0,
        "strategy=fixed:normal, max_attempts=1": 1.0,
    }
    assert not (user.root / ".stomper" / "history.sqlite3").exists()
    why = [
        attempt.why
        for it in found.runs
        if it.cell.variant.startswith("strategy=adaptive")
        for file in it.result.files
        for attempt in file.attempts
    ]
    # Later runs of the arm know of what the first ones saw.
    assert any("nothing is learned yet" in str(text) for text in why)
    assert any("tried)" in str(text) for text in why[1:])


def test_a_secret_stands_nowhere_in_what_is_kept(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-very-secret-0123456789")
    command = {"use": "command", "run": ["true"], "prompt": "none", "env": {"KEY": "${MY_API_KEY}"}}
    variants = {
        "a": {},
        "b": {"agents.main": command},
        "c": {"agents.main.env.K": "sk-very-secret-0123456789"},
    }
    pipeline = {**PIPELINE, "agents": {"main": command}}

    found = stomper_sdk.experiment(pipeline, variants=variants, repo=user.root)

    assert found.status == "completed"
    kept = [path for path in (user.root / ".stomper").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"sk-very-secret" in path.read_bytes()]


def test_what_came_with_the_repository_is_not_believed(user: Any) -> None:
    user.write({".stomper/experiments/experiment-20260101-000000-abcd/journal": "x"})
    user.git("add", "--force", ".stomper")
    user.git("commit", "--quiet", "-m", "bring one along")
    for ask in (
        lambda: stomper_sdk.Experiment.load(repo=user.root),
        lambda: stomper_sdk.experiment(PIPELINE, variants=BOTH, repo=user.root),
    ):
        with pytest.raises(RepositoryError, match=r"git tracks \.stomper"):
            ask()


def test_a_link_in_place_of_the_experiments_is_not_written_through(user: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (user.root / ".stomper").mkdir()
    (user.root / ".stomper" / ".gitignore").write_text("*\n")
    (user.root / ".stomper" / "experiments").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RepositoryError, match="is a link"):
        stomper_sdk.experiment(PIPELINE, variants=BOTH, repo=user.root)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_interrupt_cleans_up_and_what_has_ended_is_kept(user: Any, tmp_path: Path) -> None:
    script = tmp_path / "lab.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        import stomper_sdk, trio
        from tests.laboratory.conftest import PIPELINE, drops

        async def some(task):
            if task.path == "f05.py":
                print("at it", flush=True)
                await trio.sleep_forever()
            drops(["import os"])(task)

        try:
            stomper_sdk.experiment(
                {{**PIPELINE, "parallelism": {{"max_parallel_files": 1}}}},
                variants={{"all": {{}}, "some": {{"agents.main": some}}}},
                repo={str(user.root)!r},
            )
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """)
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at it\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(60) == 0

    partial = stomper_sdk.Experiment.load(repo=user.root)
    assert (partial.status, partial.exit_code) == ("cancelled", 130)
    assert 0 < len(partial.runs) < 8
    assert user.leftovers() == []
