"""What `run` leaves for programs: files, lines on standard output, an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from stomper_sdk import api
from stomper_sdk.cli import main
from stomper_sdk.errors import CheckError

if TYPE_CHECKING:
    from tests.conftest import Checkout

FILES = {
    "good.py": "import os\n\nprint(1)\n",
    "left.py": "import sys\n\nprint(undefined)\n",
    "ruff.toml": 'lint.select = ["F"]\n',
}
RUN = ("run", "--test-validation", "none", "--no-progress")


@pytest.fixture
def repo(make_checkout: Callable[..., Checkout]) -> Checkout:
    """Two unused imports that are fixed, and an undefined name that is left."""
    return make_checkout(FILES)


def run(repo: Checkout, *options: str) -> int:
    return main([*RUN, "--repo", str(repo.root), *options])


def test_reports_are_files_of_their_own(repo: Checkout, tmp_path: Path) -> None:
    sarif, junit = tmp_path / "out.sarif", tmp_path / "out.xml"
    assert run(repo, "--sarif", str(sarif), "--junit", str(junit)) == 1
    [tool] = json.loads(sarif.read_text())["runs"]
    assert [found["ruleId"] for found in tool["results"]] == ["F821"]
    assert ElementTree.parse(junit).getroot().tag.startswith("testsuite")


def test_a_report_is_a_page_of_the_run(repo: Checkout, tmp_path: Path) -> None:
    file, again = tmp_path / "report.html", tmp_path / "again.html"
    assert run(repo, "--report", str(file)) == 1
    page = file.read_text()
    assert "Undefined name `undefined`" in page
    assert "<del>-import os</del>" in page
    assert main(["runs", "show", "--repo", str(repo.root), "--report", str(again)]) == 0
    assert "<del>-import os</del>" in again.read_text()


def test_a_report_that_cannot_be_written_is_told_before_anything_is_done(
    repo: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing" / "report.html"
    for command in (RUN, ("runs", "resume"), ("runs", "show")):
        assert main([*command, "--repo", str(repo.root), "--report", str(missing)]) == 2
        assert f"--report: {missing} cannot be written" in capsys.readouterr().err
    assert run(repo, "--dry-run", "--report", str(tmp_path / "report.html")) == 2
    assert "--report tells of a run, and --dry-run makes none" in capsys.readouterr().err
    assert len(repo.subjects) == 1


def test_github_gets_annotations_a_summary_and_outputs(
    repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    assert run(repo, "--output", "github") == 1
    out, err = capsys.readouterr()
    [line] = out.splitlines()
    assert line.startswith("::error file=left.py,line=2,")
    assert "F821" in line
    assert "completed" in err
    assert summary.read_text().startswith("before\n")
    assert "F821" in summary.read_text()
    assert "fixed=2" in outputs.read_text().splitlines()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["--fail-level", "error"], 1),
        (["--fail-level", "none"], 0),
        (["--exit-zero"], 0),
        (["--set", "checks.ruff.severity={F821: warning}", "--fail-level", "error"], 0),
        (["--set", "checks.ruff.severity={F821: warning}", "--fail-level", "warning"], 1),
    ],
)
def test_the_exit_code_is_what_was_asked_for(
    options: list[str], code: int, repo: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(repo, *options, "--output", "json") == code
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


def test_exit_zero_hides_no_failure_of_ours(tmp_path: Path) -> None:
    assert main([*RUN, "--repo", str(tmp_path), "--exit-zero"]) == 3


def test_the_log_has_every_event(repo: Checkout, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    run(repo, "--log-file", str(log))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    kinds = [event["event"] for event in events]
    assert (kinds[-1], kinds.count("file_finished")) == ("run_finished", 2)
    assert {"run_started", "plan_made", "stage_started", "stage_finished", "attempt_finished"} <= set(kinds)
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert {event["path"] for event in events if event["event"] == "file_started"} == {"good.py", "left.py"}


@pytest.mark.parametrize("option", ["--log-file", "--sarif", "--report"])
def test_a_full_disk_is_told_and_the_fixes_stay(
    option: str, repo: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(repo, option, "/dev/full") == 3
    assert "/dev/full cannot be written: No space left on device" in capsys.readouterr().err
    assert len(repo.subjects) == 3
    assert not repo.leftovers()


def test_colour_is_asked_for_or_refused(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    options = ("run", "--repo", str(repo.root), "--test-validation", "none")
    main([*options, "--set", "files.include=[good.py]"])
    assert "\x1b[32mfixed\x1b[0m" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    main(options)
    assert "\x1b[" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("actions", "told"), [("true", ": :error::a\n  : :b\n## [c]\n"), ("", "::error::a\n  ::b\n##[c]\n")]
)
def test_the_runner_of_github_finds_no_command_in_what_a_tool_says(
    actions: str, told: str, at: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise CheckError("it says", "::error::a\n  ::b\n##[c]")

    monkeypatch.setattr(api, "run", fail)
    monkeypatch.setenv("GITHUB_ACTIONS", actions)
    assert main(["run"]) == 3
    assert capsys.readouterr().err == f"stomper-sdk: it says\n{told}"
