"""Runs in a folder that is no repository, while its user goes on working in it."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask, Finding, RunResult
from stomper_sdk.checks.base import CHECKS, Tree
from stomper_sdk.errors import PipelineError, RepositoryError

PIPELINE = """
version: 1
checks: {words: {use: words}}
test_validation: {mode: none}
workspace: {kind: direct}
parallelism: {max_parallel_files: 1}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - attempt: [generate_prompt, {call_agent: {use: [main]}}, verify_fixes, run_tests]
  - aggregate_results
  - cleanup
reducers:
  total_errors_fixed: {reduce: sum, from: fixed_count}
"""
CRLF = b"one\r\nBAD two\r\nthree\r\n"
Agent = Callable[[AgentTask], None]


def words(tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
    """Every line that begins with BAD is a finding."""
    found = (path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*.txt"))
    names = sorted(name for name in found if not name.startswith("."))
    for name in names if paths is None else paths:
        for number, line in enumerate((tree.root / name).read_text().splitlines(), 1):
            if line.startswith("BAD"):
                yield Finding("", "BAD", f"{line} is bad", name, number, 1, text=line)


@pytest.fixture(autouse=True)
def words_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS._registered, "words", words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files to fix and two that are the user's."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(CRLF)
    (folder / "sub/b.txt").write_text("BAD b\n")
    (folder / "notes.md").write_bytes(b"mine\r\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o750)
    return folder


def cured(task: AgentTask) -> None:
    path = task.workspace / task.path
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if not line.startswith(b"BAD")))


def spoilt(task: AgentTask) -> None:
    (task.workspace / task.path).write_text("BAD 1\nBAD 2\nBAD 3\n")


def run(folder: Path, agent: Agent = cured, **overrides: Any) -> RunResult:
    dotted = {name.replace("__", "."): value for name, value in overrides.items()}
    return stomper_sdk.run(PIPELINE, repo=folder, agents={"main": agent}, overrides=dotted)


def look(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every path with its mode and its content, or where it leads."""
    paths = [path for path in folder.rglob("*") if ".stomper" not in path.parts]
    return {path.relative_to(folder).as_posix(): _entry(path) for path in paths}


def _entry(path: Path) -> tuple[int, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode, os.fsencode(path.readlink())
    return mode, path.read_bytes() if stat.S_ISREG(mode) else b""


def outcomes(result: RunResult) -> dict[str, str]:
    return {file.path: file.outcome for file in result.files}


def test_a_fix_stays_and_nothing_else_changes(folder: Path) -> None:
    before = look(folder)
    result = run(folder)
    assert (result.exit_code, result.total_errors_fixed) == (0, 2)
    after = look(folder)
    assert after["a.txt"] == (before["a.txt"][0], b"one\r\nthree\r\n")
    assert {path for path in before if before[path] != after.get(path)} == {"a.txt", "sub/b.txt"}
    assert before.keys() == after.keys()


@pytest.mark.parametrize("attributes", ["", "*.txt text eol=lf working-tree-encoding=UTF-16LE\n"])
def test_a_failed_fix_leaves_every_byte_and_mode(folder: Path, attributes: str) -> None:
    settings = Path(os.environ["HOME"]) / ".gitconfig"
    settings.write_text("[core]\n\tautocrlf = input\n\tsafecrlf = true\n[commit]\n\tgpgSign = true\n")
    (folder / ".gitattributes").write_text(attributes)
    (folder / "a.txt").chmod(0o640)
    (folder / "sub/b.txt").chmod(0o444)

    def replaces(task: AgentTask) -> None:
        (task.workspace / task.path).unlink()
        spoilt(task)
        (task.workspace / task.path).chmod(0o777)

    before = look(folder)
    result = run(folder, replaces)
    assert outcomes(result) == {"a.txt": "unfixed", "sub/b.txt": "unfixed"}
    assert look(folder) == before


def test_a_file_that_only_lost_its_permissions_gets_them_back(folder: Path) -> None:
    (folder / "a.txt").chmod(0o600)
    before = look(folder)
    assert run(folder, lambda task: (task.workspace / task.path).chmod(0o644)).exit_code == 1
    assert look(folder)["a.txt"] == before["a.txt"]


def _deleted(place: Path) -> None:
    place.unlink()


def _linked(place: Path) -> None:
    place.unlink()
    place.symlink_to("notes.md")


def _a_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()
    (place / "more").write_text("more")


@pytest.mark.parametrize("change", [_deleted, _linked, _a_folder])
def test_whatever_became_of_the_file_it_comes_back(folder: Path, change: Callable[[Path], None]) -> None:
    before = look(folder)
    result = run(folder, lambda task: change(task.workspace / task.path), files__include=["a.txt"])
    assert (outcomes(result), look(folder)) == ({"a.txt": "rejected"}, before)


def test_a_folder_that_is_gone_is_made_again_and_what_stands_there_moved_aside(folder: Path) -> None:
    def moves(task: AgentTask) -> None:
        sub = task.workspace / "sub"
        (sub / "b.txt").unlink()
        sub.rmdir()
        sub.write_text("in the way")

    run(folder, moves, files__include=["sub/"], retry__max_attempts=1)
    assert (folder / "sub/b.txt").read_text() == "BAD b\n"
    assert (folder / "sub.aside1").read_text() == "in the way"


@pytest.mark.parametrize(("agent", "outcome"), [(cured, "fixed"), (spoilt, "unfixed")])
def test_what_the_user_does_meanwhile_survives(folder: Path, agent: Agent, outcome: str) -> None:
    (folder / ".gitignore").write_text("venv/\n*.log\n")

    def meanwhile(task: AgentTask) -> None:
        agent(task)
        (folder / "new.md").write_text("new")
        (folder / "notes.md").write_text("edited")
        (folder / "run.sh").unlink(missing_ok=True)
        (folder / "venv").mkdir(exist_ok=True)
        (folder / "venv/made").write_text("made")
        (folder / "an.log").write_text("log")

    assert set(outcomes(run(folder, meanwhile)).values()) == {outcome}
    kept = {name: (folder / name).read_text() for name in ("new.md", "notes.md", "venv/made", "an.log")}
    assert kept == {"new.md": "new", "notes.md": "edited", "venv/made": "made", "an.log": "log"}
    assert not (folder / "run.sh").exists()


def test_a_file_that_the_user_changed_before_its_turn_is_left_alone(folder: Path) -> None:
    def meanwhile(task: AgentTask) -> None:
        (folder / "sub/b.txt").write_text("BAD b\nand mine\n")
        cured(task)

    result = run(folder, meanwhile)
    assert outcomes(result) == {"a.txt": "fixed", "sub/b.txt": "conflict"}
    assert (folder / "sub/b.txt").read_text() == "BAD b\nand mine\n"


def test_a_new_file_out_of_scope_is_no_part_of_the_fix(folder: Path) -> None:
    def more(task: AgentTask) -> None:
        (task.workspace / "extra.md").write_text("1\n2\n")
        cured(task)

    result = run(folder, more, files__include=["a.txt"])
    assert (outcomes(result), result.files[0].lines_added) == ({"a.txt": "fixed"}, 0)
    assert (folder / "extra.md").exists()


@pytest.mark.parametrize("scope", [{"files": ["*.md", "made/"]}, "repo"])
def test_a_wider_scope_is_judged_and_brought_back_whole(folder: Path, scope: object) -> None:
    (folder / "link.md").symlink_to("notes.md")

    def wide(task: AgentTask) -> None:
        (task.workspace / "notes.md").write_text("agent")
        (task.workspace / "link.md").unlink()
        (task.workspace / "made").mkdir()
        (task.workspace / "made/new.md").write_text("agent")

    before = look(folder)
    result = run(folder, wide, guard__scope=scope, guard__forbid=[])
    assert (outcomes(result), look(folder)) == ({"a.txt": "unfixed", "sub/b.txt": "unfixed"}, before)


def test_a_fix_of_several_files_stays_and_the_next_begins_with_it(folder: Path) -> None:
    def both(task: AgentTask) -> None:
        if task.path != "a.txt":
            spoilt(task)
            return
        cured(task)
        (task.workspace / "notes.md").write_text("agent")

    result = run(folder, both, guard__scope={"files": ["*.md"]})
    assert outcomes(result) == {"a.txt": "fixed", "sub/b.txt": "unfixed"}
    assert ((folder / "notes.md").read_text(), (folder / "sub/b.txt").read_text()) == ("agent", "BAD b\n")


@pytest.mark.parametrize(("start_from", "seen"), [("best", "BAD 2\n"), ("clean", "BAD 1\nBAD 2\n")])
def test_the_best_attempt_stays(folder: Path, start_from: str, seen: str) -> None:
    (folder / "a.txt").write_text("BAD 1\nBAD 2\n")
    starts: list[str] = []

    def half(task: AgentTask) -> None:
        place = task.workspace / task.path
        starts.append(place.read_text())
        place.write_text("BAD 2\n" if task.attempt == 1 else "BAD 5\nBAD 6\nBAD 7\n")

    options = {"files__include": ["a.txt"], "retry__start_from": start_from, "retry__max_attempts": 2}
    result = run(folder, half, **options)
    assert starts == ["BAD 1\nBAD 2\n", seen]
    assert (outcomes(result), (folder / "a.txt").read_text()) == ({"a.txt": "partial"}, "BAD 2\n")


def test_what_git_ignores_is_fixed_and_brought_back_too(folder: Path) -> None:
    (folder / ".gitignore").write_text("*.txt\n")
    assert run(folder, spoilt, files__include=["a.txt"]).exit_code == 1
    assert (folder / "a.txt").read_bytes() == CRLF
    assert run(folder).total_errors_fixed == 2


def test_a_link_is_not_fixed_through(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("BAD\n")
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to("../elsewhere.txt")
    result = run(folder)
    assert outcomes(result) == {"a.txt": "error", "sub/b.txt": "fixed"}
    assert (tmp_path / "elsewhere.txt").read_text() == "BAD\n"


def test_a_repository_inside_the_folder_is_left_alone(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", folder / "sub"], check=True)
    before = look(folder)
    assert run(folder, spoilt, guard__scope="repo").exit_code == 1
    assert look(folder) == before


@pytest.mark.parametrize("below", ["", "sub"])
def test_a_repository_is_refused(folder: Path, below: str) -> None:
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    before = look(folder)
    with pytest.raises(RepositoryError, match="worktree"):
        run(folder / below)
    assert look(folder) == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("workspace.setup", "uv sync"),
        ("workspace.link", ["node_modules"]),
        ("workspace.include", ".other"),
        ("files.since", "HEAD~1"),
        ("apply.target", "branch"),
        ("apply.branch", "other"),
        ("apply.commit.hooks", "skip"),
        ("apply.commit.trailers", False),
        ("test_validation.mode", "final"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(folder: Path, path: str, value: Any) -> None:
    with pytest.raises(PipelineError, match="nothing where workspace") as caught:
        run(folder, **{path: value})
    assert [problem.path for problem in caught.value.problems] == [path]


def test_nothing_is_left_outside_the_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, places = tmp_path / "tmp", tmp_path / "places"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    seen: list[list[Path]] = []

    def agent(task: AgentTask) -> None:
        seen.append(list(places.iterdir()))
        cured(task)

    run(folder, agent, workspace__root=str(places))
    assert all(seen)
    assert (list(places.iterdir()), list(temporary.iterdir())) == ([], [])
