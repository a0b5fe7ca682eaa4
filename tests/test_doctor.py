"""The doctor tells what a run would stumble over, and what mends it; it changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.cli import main
from stomper_sdk.doctor import Remark, examine, remarks_text
from stomper_sdk.doctor import pipeline as doctors_pipeline
from stomper_sdk.flock import unlock
from stomper_sdk.journal.session import open_session, state_folder
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.stages.base import STAGES
from stomper_sdk.testing import snapshot
from tests.conftest import Checkout

Make = Callable[..., Checkout]
PLACE = "pipelines/default.yaml"
FILES = {"app.py": "x = 1\n"}
TESTS = {"tests/test_app.py": "from app import x\n\n\ndef test_x():\n    assert x == 1\n"}


def told(folder: Path, source: str | None = None, **overrides: object) -> dict[str, Remark]:
    """What is said, by what it is about; of several, the last."""
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    return {remark.what: remark for remark in examine(source, folder, dotted)}


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(capsys.readouterr().out)
    return read


@pytest.fixture
def user(make_checkout: Make) -> Checkout:
    return make_checkout(FILES)


def test_where_all_is_well_it_says_so_and_touches_nothing(
    make_checkout: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    user = make_checkout({**FILES, **TESTS})
    before = snapshot(user.root)
    assert main(["doctor", "--repo", str(user.root / "tests")]) == 0
    out, err = capsys.readouterr()
    states = {line.split()[0] for line in out.splitlines() if line and line[0] != " "}
    assert out.endswith("\nnothing is in the way\n")
    assert (states, err) == ({"ok", "nothing"}, "")
    about = ("python", "git", "repository", "identity", "pipeline", "check ruff", "agent builtin", "tests")
    assert all(re.search(rf"^ok +{what}( |$)", out, re.MULTILINE) for what in (*about, "workspaces", "disk"))
    assert snapshot(user.root) == before
    assert user.leftovers() == []


def test_a_document_for_programs(user: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    user.git("config", "user.email", "")
    user.git("config", "user.useConfigOnly", "true")
    user.git("config", "--unset", "user.email")
    assert main(["doctor", "--repo", str(user.root), "--output", "json"]) == 1
    read = document(capsys)
    (identity,) = (remark for remark in read["remarks"] if remark["what"] == "identity")
    assert (read["version"], read["exit_code"], identity["state"]) == (1, 1, "problem")
    assert "git config user.name" in identity["remedy"]


def merging(user: Checkout) -> None:
    (user.root / ".git" / "MERGE_HEAD").write_text(user.head)


def without_commit(user: Checkout) -> None:
    user.git("checkout", "--quiet", "--orphan", "new")


def gone(user: Checkout) -> None:
    shutil.rmtree(user.root / ".git")


@pytest.mark.parametrize(
    ("spoil", "said", "remedy"),
    [
        (merging, "in the middle of a merge", "git merge --continue"),
        (without_commit, "no commit yet", "Commit something"),
        (gone, "not in a git repository", "git init"),
    ],
)
def test_a_repository_in_which_nothing_can_be_committed(
    user: Checkout, spoil: Callable[[Checkout], None], said: str, remedy: str
) -> None:
    spoil(user)
    remark = told(user.root)["repository"]
    assert remark.state == "problem"
    assert said in remark.said
    assert remedy in remark.remedy


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--repo", str(tmp_path / "nowhere")]) == 1
    assert "there is no folder" in capsys.readouterr().out


def test_a_folder_that_is_fixed_in_place_needs_no_repository(tmp_path: Path, user: Checkout) -> None:
    (tmp_path / "plain").mkdir()
    assert told(tmp_path / "plain", "direct")["repository"].state == "ok"
    assert told(user.root, "direct")["repository"].state == "problem"


def test_every_mistake_of_the_pipeline_with_its_place(user: Checkout) -> None:
    user.write({PLACE: "extends: default\nretry: {max_atempts: 1}\naccept: perhaps\n"})
    said = [remark.said for remark in examine(None, user.root, {}) if remark.what == "pipeline"]
    assert len(said) == 2
    assert all(f"{PLACE}:{line}:" in text for line, text in zip((2, 3), said, strict=True))


def test_a_mistake_is_looked_at_in_the_pipeline_that_has_it(user: Checkout) -> None:
    user.write({"own.yaml": "extends: default\naccept: perhaps\n"})
    (found,) = [remark for remark in examine("own.yaml", user.root, {}) if remark.what == "pipeline"]
    assert found.remedy == "stomper-sdk validate own.yaml"


@pytest.mark.parametrize(
    ("sections", "what", "said", "remedy"),
    [
        ({"checks": {"flake8": {"command": "no-such-tool"}}}, "check flake8", "is missing", "pip install"),
        (
            {"agents": {"builtin": {"use": "command", "run": "no-such-tool"}}},
            "agent builtin",
            "is missing",
            "",
        ),
        (
            {"agents": {"builtin": {"use": "command", "run": "./fix"}}},
            "agent builtin",
            "'./fix' is missing",
            "",
        ),
        ({"test_validation": {"command": "no-such-tool"}}, "tests", "is missing", "Install it"),
        ({"workspace": {"link": ["node_modules"]}}, "workspaces", "there is no node_modules", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_pipeline_asks_for_and_is_missing(
    user: Checkout, sections: Mapping[str, object], what: str, said: str, remedy: str
) -> None:
    user.write({PLACE: json.dumps({"extends": "default", **sections})})
    found = [remark for remark in examine(None, user.root, {}) if remark.what == what]
    assert found[0].state == "problem"
    assert said in found[0].said
    assert remedy in found[0].remedy


def test_tools_are_asked_where_they_will_run(user: Checkout) -> None:
    """An ignored folder that a workspace does not have holds programs that a run would not find."""
    user.commit({".gitignore": "tools\n"})
    user.write({"tools/fix": "#!/bin/sh\n"})
    (user.root / "tools/fix").chmod(0o755)
    agents = {"builtin": {"use": "command", "run": "tools/fix"}}
    user.write({PLACE: json.dumps({"extends": "default", "agents": agents})})
    assert told(user.root)["agent builtin"].state == "problem"
    assert told(user.root, workspace__link=["tools"])["agent builtin"].state == "ok"


def test_a_tool_that_hangs_is_not_waited_for(user: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctors_pipeline, "_SECONDS", 0.3)
    started = time.monotonic()
    remark = told(user.root, checks__ruff={"command": ["sh", "-c", "sleep 60"]})["check ruff"]
    assert time.monotonic() - started < 30
    assert (remark.state, "within 0.3 s" in remark.said) == ("problem", True)


def test_tests_that_a_fresh_checkout_cannot_collect(user: Checkout) -> None:
    user.commit({**TESTS, ".gitignore": "settings.py\n", "tests/test_more.py": "import settings\n"})
    user.write({"settings.py": "", ".worktreeinclude": ""})
    remark = told(user.root)["tests"]
    assert (remark.state, "workspace.include" in remark.remedy) == ("warning", True)
    assert re.search(r"1 test file .*tests/test_more\.py: .*No module named 'settings'", remark.said)
    user.write({".worktreeinclude": "settings.py\n"})
    assert told(user.root)["tests"].state == "ok"


def test_no_test_is_run_to_find_out(user: Checkout, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    user.commit({"tests/test_mark.py": f"def test():\n    open({str(mark)!r}, 'w').close()\n"})
    assert told(user.root)["tests"].state == "ok"
    assert not mark.exists()


@pytest.mark.parametrize(
    ("mode", "state", "said"),
    [("none", "ok", "the pipeline wants none"), ("quick", "warning", "no test files")],
)
def test_where_fixes_are_not_tested(make_checkout: Make, mode: str, state: str, said: str) -> None:
    remark = told(make_checkout({"a.py": ""}).root, test_validation__mode=mode)["tests"]
    assert remark.state == state
    assert said in remark.said


def test_a_place_for_workspaces_that_cannot_be_used(user: Checkout, tmp_path: Path) -> None:
    place = tmp_path / "place"
    assert told(user.root, workspace__root=str(place))["workspaces"].state == "ok"
    assert not place.exists()
    (tmp_path / "pyproject.toml").write_text("")
    assert "pyproject.toml" in told(user.root, workspace__root=str(place))["workspaces"].said


def test_sessions_that_were_killed(user: Checkout, tmp_path: Path) -> None:
    session = open_session(state_folder(user.root), tmp_path)
    assert "leftovers" not in told(user.root)
    unlock(session._alive)
    remark = told(user.root)["leftovers"]
    assert (remark.state, remark.remedy) == ("warning", "stomper-sdk clean")
    assert session.id in remark.said
    assert session.workspaces.is_dir()


def test_a_plug_in_that_cannot_be_imported(
    user: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1.0\n")
    points = "[stomper_sdk.check]\nbroken = no_such_module:check\n"
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(CHECKS, "_installed", None)
    for registry in (AGENTS, CHECKS, REDUCERS, STAGES):  # what other tests have registered in this process
        monkeypatch.setattr(registry, "_registered", {})
    remark = told(user.root)["plug-ins"]
    assert remark.state == "warning"
    assert "no_such_module" in remark.said


@pytest.mark.parametrize("version", ["git version 2.20.1", "hello"])
def test_a_git_that_will_not_do(
    user: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    remark = told(user.root)["git"]
    assert (remark.state, remark.remedy) == ("problem", "Install git 2.30 or newer.")


@pytest.mark.parametrize("width", [40, 80])
def test_lines_are_wrapped_between_words(width: int) -> None:
    path = "/a" * 60
    remarks = (
        Remark("ok", "git", "2.39.5"),
        Remark("problem", "check flake8", "the program 'flake8' is missing, " * 5, "pip install flake8"),
        Remark("warning", "tests", f"some \x1b[31m text {path}"),
    )
    lines = remarks_text(remarks, width).splitlines()
    assert "         -> pip install flake8" in lines
    assert [line.split()[-1] for line in lines if len(line) > width] == [path]
    wide = width > 40
    assert (lines[0] == "ok       git           2.39.5") == wide
    assert (lines[0] == "ok       git: 2.39.5") != wide
    assert lines[-1] == "1 problem, 1 warning"
    assert "\x1b" not in "".join(lines)


def test_a_terminal_that_is_narrow(user: Checkout) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stomper_sdk", "doctor", "--repo", user.root],
        env={**os.environ, "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^ok       check ruff: ruff \d", done.stdout, re.MULTILINE)
