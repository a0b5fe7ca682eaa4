"""`runs`: what past runs did, as their own summaries told it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk import api
from stomper_sdk.cli import main
from stomper_sdk.model.history import result_from_dict
from stomper_sdk.reports import result_text

Captured = pytest.CaptureFixture[str]
BAD = "import os\nimport sys\n\n\ndef f():\n    return undefined\n"


@pytest.fixture
def user(make_checkout: Callable[..., Any], at: Path) -> Any:
    """A checkout in which one run was made."""
    made = make_checkout({"a.py": "import os\n", "pkg/b.py": BAD, "c.py": ""})
    made.result = stomper_sdk.run("ruff", repo=made.root)
    return made


def test_a_real_result_comes_back_from_what_was_kept(user: Any) -> None:
    kept = json.loads((user.root / ".stomper/sessions" / user.result.session_id / "result.json").read_text())
    assert kept == user.result.to_dict()
    assert result_from_dict(kept).to_dict() == kept
    assert result_text(api.load_run("last", user.root)) == result_text(user.result)


def test_the_list_has_a_line_for_each_run(
    user: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    again = stomper_sdk.run("ruff", repo=user.root)
    assert main(["runs", "--repo", str(user.root / "pkg")]) == 0
    out, err = capsys.readouterr()
    header, newest, oldest = out.splitlines()
    assert (
        "  ".join(header.split()) == "session  started  pipeline  status  files  fixed  left  commits  time"
    )
    assert newest.split()[0] == again.session_id
    assert oldest.split()[0] == user.result.session_id
    assert "completed  1 of 2  3      1     2" in oldest
    assert err == ""


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_list_keeps_its_width(
    columns: int, user: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["runs", "list", "--repo", str(user.root)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert "1 of 2 files fixed; 3 findings fixed, 1 left; 2 commits" in " ".join(out.split())


def test_the_list_as_a_document(user: Any, capsys: Captured) -> None:
    assert main(["runs", "list", "--output", "json", "--repo", str(user.root), "--limit", "1"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["session_id"], run["status"], run["problem"]) == (user.result.session_id, "completed", None)
    assert [run[key] for key in ("files", "files_fixed", "findings_fixed", "findings_left", "commits")] == [
        *(2, 1, 3, 1, 2)
    ]


def test_a_broken_run_is_told_under_the_list(
    user: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    (user.root / ".stomper/sessions" / user.result.session_id / "result.json").write_text("\x1b[2J")
    assert main(["runs", "list", "--repo", str(user.root)]) == 0
    _, row, problem = capsys.readouterr().out.splitlines()
    assert row.split() == [user.result.session_id, *row.split()[1:3], "broken"]
    assert problem.startswith(f"{user.result.session_id}: Expecting value")
    assert main(["runs", "show", "--repo", str(user.root)]) == 3
    assert "cannot be read: Expecting value" in capsys.readouterr().err


def test_no_runs_is_no_error(make_checkout: Callable[..., Any], capsys: Captured) -> None:
    assert main(["runs", "--repo", str(make_checkout({"a.py": ""}).root)]) == 0
    assert capsys.readouterr() == ("", "no runs yet\n")


def test_a_run_is_shown_as_it_was_told(user: Any, capsys: Captured) -> None:
    assert main(["runs", "show", user.result.session_id[-4:], "--repo", str(user.root)]) == 0
    assert capsys.readouterr().out == f"{result_text(user.result)}\n"


def test_the_next_steps_are_for_where_one_is_now(
    user: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(user.root)
    assert main(["runs", "show"]) == 0
    assert "\n  git log --oneline" in capsys.readouterr().out


def test_files_and_findings_are_shown_on_demand(
    user: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["runs", "show", "--by-file", "--findings", "--repo", str(user.root)]) == 0
    files, findings = capsys.readouterr().out.split("\n\nFiles\n")[1].split("\n\nFindings\n")
    assert [line.split()[:2] for line in files.splitlines()] == [["fixed", "a.py"], ["partial", "pkg/b.py"]]
    one, other = (file.commit[:7] for file in user.result.files)
    assert findings.splitlines() == [
        f"  fixed      a.py:1:8  F401  {one} attempt 1  `os` imported but unused",
        f"  fixed      pkg/b.py:1:8  F401  {other} attempt 1  `os` imported but unused",
        f"  fixed      pkg/b.py:2:8  F401  {other} attempt 1  `sys` imported but unused",
        f"  remaining  pkg/b.py:4:12  F821  {other} attempt 1  Undefined name `undefined`",
    ]


def test_a_run_as_a_document_is_what_was_kept(user: Any, capsys: Captured) -> None:
    assert main(["runs", "show", "last", "--output", "json", "--repo", str(user.root)]) == 0
    assert json.loads(capsys.readouterr().out) == user.result.to_dict()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("shwo", "unknown command 'runs shwo'\nDid you mean 'show'?"),
        ("list last", "unexpected argument 'last'"),
        ("list --by-file", "unknown option --by-file"),
        ("show --limit 3", "unknown option --limit"),
        ("--findings", "unknown option --findings"),
        ("diff nonsense", "there is no run 'nonsense'"),
        ("revert nonsense", "there is no run 'nonsense'"),
        ("resume nonsense", "there is no run 'nonsense'"),
        ("list --limit -1", "--limit: expected 0 or more, got -1"),
        ("show nonsense", "there is no run 'nonsense'"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: str, said: str, make_checkout: Callable[..., Any], capsys: Captured
) -> None:
    assert main(["runs", *words.split(), "--repo", str(make_checkout({"a.py": ""}).root)]) == 2
    assert said in capsys.readouterr().err


def test_a_worktree_has_runs_of_its_own(user: Any, tmp_path: Path) -> None:
    user.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "pkg" / "deep").mkdir()
    result = stomper_sdk.run("ruff", repo=tmp_path / "side")
    assert [run.session_id for run in api.runs(tmp_path / "side" / "pkg" / "deep")] == [result.session_id]
    assert [run.session_id for run in api.runs(user.root)] == [user.result.session_id]


def test_a_folder_outside_of_any_repository_has_runs_too(at: Path) -> None:
    (at / "a.py").write_text("import os\n")
    result = stomper_sdk.run("direct")
    assert api.load_run().to_dict() == result.to_dict()
