import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk import __version__, api
from stomper_sdk.cli import main
from stomper_sdk.errors import CheckError
from stomper_sdk.events import FileFinished, FileStarted, PlanMade
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan, Skipped
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult

FINDING = Finding("ruff", "F401", "`os` imported but unused", "a.py", 1, 8)
FILE = FileResult("a.py", "fixed", commit="c" * 40, duration_seconds=1.2, fixed=(FINDING,))
PLAN = Plan("b" * 40, (FileTask(0, "a.py", (FINDING,)),), (Skipped("b.py", "dirty", ()),), (FINDING,))
RESULT = RunResult(
    session_id="stomper-20260101-120000-ab12",
    pipeline="default",
    repo=".",
    base_commit="b" * 40,
    head_commit="c" * 40,
    status="completed",
    exit_code=0,
    duration_seconds=1.5,
    peak_parallel_files=1,
    reducers={"total_errors_fixed": 1},
    files=(FILE,),
    findings=(FindingEnd(FINDING, "fixed"),),
    notices=("hm",),
)


class Call:
    """The run that the command line asked for."""

    def __init__(self) -> None:
        self.source: object = "never called"
        self.options: dict[str, Any] = {}

    def __call__(self, pipeline: object, **options: Any) -> RunResult:
        self.source, self.options = pipeline, options
        for event in (PlanMade(0.0, PLAN), FileStarted(0.0, "a.py"), FileFinished(1.2, FILE)):
            for listener in options["listeners"]:
                listener(event)
        return RESULT


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    call = Call()
    monkeypatch.setattr(api, "run", call)
    monkeypatch.setattr(api, "plan", lambda *_, **__: PLAN)
    return call


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_run_tells_people_on_stderr_only(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "fixed    a.py  1 fixed  1.2 s"
    assert "git show ccccccc" in err
    assert (call.source, call.options["repo"], call.options["overrides"]) == (None, ".", {})


def test_json_is_the_only_thing_on_stdout(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--output", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == RESULT.to_dict()
    assert "1 fixed" in err


@pytest.mark.parametrize("options", [["--no-progress"], ["-q"], ["-q", "-q"]])
def test_no_line_for_each_file_where_none_is_wanted(
    options: list[str], call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *options]) == 0
    assert "a.py  1 fixed" not in capsys.readouterr().err


def test_quiet_is_silent_about_what_went_well(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_every_option_reaches_the_run(call: Call) -> None:
    arguments = (
        "run strict --repo sub --set retry.max_attempts=9 --set guard.scope=repo --max-parallel-files 8 "
        "--agent builtin --check ruff --check mypy --code F401 --since HEAD~3 --test-validation none "
        "--max-attempts 2 --fail-fast --files src/** lib/**"
    )
    assert main(arguments.split()) == 0
    assert call.source == "strict"
    assert call.options["repo"] == "sub"
    assert call.options["only"] == api.Selection(
        checks=("ruff", "mypy"), codes=("F401",), agents=("builtin",)
    )
    assert call.options["overrides"] == {
        "retry.max_attempts": 2,
        "guard.scope": "repo",
        "parallelism.max_parallel_files": 8,
        "files.since": "HEAD~3",
        "files.include": ["src/**", "lib/**"],
        "test_validation.mode": "none",
        "on_error": "abort",
    }


@pytest.mark.parametrize("arguments", [["plan"], ["run", "--dry-run"]])
def test_a_plan_is_shown_and_nothing_runs(
    arguments: list[str], call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "default", "--output", "json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["version"], document["pipeline"], document["base_commit"]) == (1, "default", "b" * 40)
    assert [file["path"] for file in document["files"]] == ["a.py"]
    assert document["skipped"] == [{"path": "b.py", "reason": "dirty", "findings": []}]
    assert "Plan of default: 1 file, 1 finding" in err
    assert call.source == "never called"


def test_valid_pipelines_are_ok(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "default", "strict"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[0] for line in err.splitlines()] == ["ok", "ok"]


def test_all_problems_of_all_pipelines_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nretri: {}\nparallelism: {max_parallel_files: many}\nstages: [initialize]\n")
    assert main(["validate", "defalt", str(wrong), "default"]) == 2
    err = capsys.readouterr().err
    assert "did you mean 'default'?" in err
    assert "did you mean 'retry'?" in err
    assert "parallelism.max_parallel_files" in err
    assert err.splitlines()[-1].startswith("ok  ")


def test_clean_tells_what_it_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api, "clean", lambda repo: (f"removed a worktree of {repo}\x1b",))
    assert main(["clean", "--repo", "there"]) == 0
    assert capsys.readouterr().err == "removed a worktree of there\\x1b\n"
    monkeypatch.setattr(api, "clean", lambda repo: ())
    assert main(["clean"]) == 0
    assert capsys.readouterr().err == "nothing to clean\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "Did you mean 'run'?"),
        (["xyzzy"], "There are: run, plan, prompt, init,"),
        (["run", "--max-atempts=3"], "unknown option --max-atempts\nDid you mean --max-attempts?"),
        (["run", "--xyzzy"], "unknown option --xyzzy\nSee stomper-sdk run --help."),
        (["run", "-x"], "unknown option -x"),
        (["run", "--res"], "--res"),
        (
            ["run", "--output", "jsno"],
            "--output: expected text, json or github, got 'jsno'; did you mean 'json'?",
        ),
        (["plan", "--output", "github"], "--output: expected text or json, got 'github'"),
        (["run", "--set", "novalue"], "expected KEY=VALUE"),
        (["run", "--max-attempts", "many"], "--max-attempts: expected a whole number, got 'many'"),
        (["run", "--max-attempts"], "--max-attempts: expected one argument\nSee stomper-sdk run --help."),
        (["run", "one.yaml", "two.yaml"], "unexpected argument 'two.yaml'"),
        (["run", "--fail-level", "warn"], "expected none, error, warning or any, got 'warn'"),
        (
            ["run", "--dry-run", "--output", "github"],
            "--output github tells of a run, and --dry-run makes none",
        ),
        (["run", "--dry-run", "--sarif", "x"], "--sarif tells of a run, and --dry-run makes none"),
        (["run", "--junit", "no/such/folder.xml"], "--junit: no/such/folder.xml cannot be written"),
        (["run", "--log-file", "."], "--log-file: . cannot be written"),
        (["completion"], "SHELL"),
        (["completion", "tcsh"], "expected bash, zsh or fish, got 'tcsh'"),
        (["schema", "reslt"], "or experiment-result, got 'reslt'; did you mean 'result'?"),
        ([], "usage: stomper-sdk"),
    ],
)
def test_what_is_mistyped_ends_with_2(
    arguments: list[str], said: str, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert call.source == "never called"


def test_an_error_of_the_users_gives_message_hint_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api, "run", raising(CheckError("ruff is\x1b[2J missing", "Install it.")))
    assert main(["run"]) == 3
    assert capsys.readouterr().err == "stomper-sdk: ruff is\\x1b[2J missing\nInstall it.\n"


def test_an_interrupt_before_the_run_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api, "load_pipeline", raising(KeyboardInterrupt()))
    assert main(["plan"]) == 130
    assert capsys.readouterr().err == "stomper-sdk: interrupted\n"


@pytest.mark.parametrize("kept", [".stomper", None])
def test_a_bug_of_ours_leaves_a_log_and_no_traceback(
    kept: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo, elsewhere = tmp_path / "repo", tmp_path / "elsewhere"
    (repo / "sub").mkdir(parents=True)
    elsewhere.mkdir()
    if kept:
        (repo / kept).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    monkeypatch.setattr(api, "run", raising(LookupError("nobody expects this")))
    assert main(["run", "--repo", str(repo / "sub")]) == 3
    first, second = capsys.readouterr().err.splitlines()
    assert first == "stomper-sdk: this is a bug in stomper-sdk, sorry: LookupError"
    log = Path(second.removeprefix("What happened is in ").removesuffix(": please report it with that file."))
    assert log.parent == (repo / ".stomper" / "logs" if kept else elsewhere)
    assert "nobody expects this" in log.read_text()
    assert f"stomper_sdk {__version__}" in log.read_text()


def test_a_full_disk_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(api, "run", raising(OSError(errno.ENOSPC, "No space left on device", "x.py")))
    assert main(["run"]) == 3
    assert capsys.readouterr().err == "stomper-sdk: [Errno 28] No space left on device: 'x.py'\n"


def test_windows_is_told_the_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["run"]) == 3
    assert "WSL" in capsys.readouterr().err


class Stopped:
    """A run that is interrupted by real signals."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self.numbers = numbers

    def __call__(self, **options: Any) -> RunResult:
        control = options["control"]
        self.seen = []
        for number in self.numbers:
            signal.raise_signal(number)
            self.seen.append((control.draining, control.cancelled))
        return RESULT


DRAINING, CANCELLED = (True, False), (True, True)


@pytest.mark.parametrize(
    ("numbers", "seen"),
    [
        ((signal.SIGINT, signal.SIGINT), [DRAINING, CANCELLED]),
        ((signal.SIGTERM,), [CANCELLED]),
        ((signal.SIGHUP,), [CANCELLED]),
    ],
)
def test_signals_drain_or_cancel_and_are_given_back(
    numbers: tuple[signal.Signals, ...],
    seen: list[tuple[bool, bool]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Stopped(*numbers)
    monkeypatch.setattr(api, "run", run)
    before = [signal.getsignal(number) for number in numbers]
    main(["run"])
    assert run.seen == seen
    assert [signal.getsignal(number) for number in numbers] == before
    assert ("press Ctrl-C again" in capsys.readouterr().err) == (numbers[0] == signal.SIGINT)


@pytest.fixture
def hang_up_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up_ignored")
def test_under_nohup_a_hang_up_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Stopped(signal.SIGHUP)
    monkeypatch.setattr(api, "run", run)
    main(["run"])
    assert run.seen == [(False, False)]


def test_a_run_in_a_thread_touches_no_signal(call: Call) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["run", "-q"])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom stomper_sdk.cli import main\nassert main(['--help']) == 0\n"
        "heavy = {'trio', 'git', 'rich', 'yaml', 'jsonschema', 'jinja2', 'psutil', 'asyncio'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("usage: stomper-sdk")
    assert ended.stderr == "set()\n"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"stomper-sdk {__version__}\n"


@pytest.mark.parametrize(
    ("closed", "arguments"), [("stdout", ["--help"]), ("stderr", ["validate", "default"])]
)
def test_a_reader_who_has_gone_gets_no_traceback(closed: str, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, closed: writing}
    command = [sys.executable, "-m", "stomper_sdk", *arguments]
    with subprocess.Popen(command, text=True, **streams) as process:
        os.close(writing)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert not out
    assert not err


def test_a_current_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir '{gone}'; exec '{sys.executable}' -m stomper_sdk run"
    done = subprocess.run(["sh", "-c", script], cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the current folder is gone" in done.stderr
    assert "Traceback" not in done.stderr
