import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from stomper_sdk import demo
from stomper_sdk.cli import main
from stomper_sdk.demo import Look
from stomper_sdk.errors import UsageError
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FileResult, RunResult

BEFORE = Look({"F401": 3}, "9 passed", True)
AFTER = Look({"F401": 1}, "9 passed", True)
FINDING = Finding("ruff", "F401", "`os` imported but unused", "lib/a.py", 1)
RESULT = RunResult(
    session_id="stomper-20260101-120000-ab12",
    pipeline="default",
    repo=".",
    base_commit="b" * 40,
    head_commit="c" * 40,
    status="completed",
    exit_code=1,
    duration_seconds=1.5,
    peak_parallel_files=1,
    reducers={},
    files=(FileResult("lib/a.py", "fixed", fixed=(FINDING, FINDING)),),
    findings=(),
)


def git(repo: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repo), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with demo.staged(tmp_path_factory.mktemp("demo") / "repo") as repo:
        yield repo


def test_the_repository_is_whole_and_has_an_identity_of_its_own(repo: Path) -> None:
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "log", "--format=%an") == "Stomper Demo\n"
    assert git(repo, "config", "--local", "core.hooksPath").strip() == "/dev/null"
    modules = {path.stem for path in (repo / "lib").glob("*.py")}
    assert {"heapq", "textwrap"} & modules == {"textwrap"}
    assert {path.stem.removeprefix("test_") for path in (repo / "tests").glob("test_*.py")} == modules


def test_a_look_changes_nothing_and_the_tests_try_the_copies(repo: Path) -> None:
    before = demo.look(repo)
    assert before.total > 20
    assert before.tests_passed, before.tests
    broken = repo / "lib" / "textwrap.py"
    text = broken.read_text()
    broken.write_text(text.replace("def dedent(", "def tnedent("))
    assert not demo.look(repo).tests_passed
    broken.write_text(text)
    assert git(repo, "status", "--porcelain") == ""


def test_without_the_test_package_a_smoke_test_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "glob.py").write_text("import os\n")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(library))
    with demo.staged() as repo:
        assert [path.name for path in (repo / "lib").iterdir()] == ["glob.py"]
        seen = demo.look(repo)
        assert (dict(seen.codes), seen.tests, seen.tests_passed) == ({"F401": 1}, "1 passed", True)
    assert not repo.exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match="not an empty folder"), demo.staged(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("after", "result", "code"),
    [
        (AFTER, RESULT, 0),
        (attrs.evolve(AFTER, codes={}), RESULT, 1),
        (attrs.evolve(AFTER, tests_passed=False), RESULT, 1),
        (BEFORE, attrs.evolve(RESULT, files=()), 1),
    ],
)
def test_the_verdict_believes_only_its_own_counts(after: Look, result: RunResult, code: int) -> None:
    assert demo.verdict(result, BEFORE, after) == code


def test_the_demo_fixes_real_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept"
    assert main(["demo", "--keep", str(kept), "--output", "json", "--no-progress"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    commits = [file["commit"] for file in document["files"] if file["commit"]]
    log = git(kept, "log", "--format=%H", f"{document['base_commit']}..HEAD").split()
    assert sorted(log) == sorted(commits)
    assert document["reducers"]["total_errors_fixed"] > len(document["findings"]) / 2
    assert git(kept, "status", "--porcelain") == ""
    assert "Tests, before and after:" in err
    assert f"The repository is in {kept}." in err
    assert all(f"  {sha[:7]} " in err for sha in log)


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)])
def test_a_signal_ends_the_run_and_leaves_nothing(
    tmp_path: Path, numbers: tuple[signal.Signals, ...]
) -> None:
    kept = tmp_path / "kept"
    command = [sys.executable, "-m", "stomper_sdk", "demo", "-v", "--keep", str(kept)]
    with subprocess.Popen(command, text=True, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert any("generate_prompt" in line for line in process.stderr)
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.2)
        told = process.stderr.read()
    assert process.returncode == 130
    assert "cancelled after" in told
    assert ("finishing" in told) == (signal.SIGINT in numbers)
    assert len(git(kept, "worktree", "list").splitlines()) == 1
    assert git(kept, "status", "--porcelain") == ""
