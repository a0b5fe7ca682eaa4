"""What a sandbox lets through, what it is refused for, and that it is never less than what was asked for."""

from __future__ import annotations

import json
import os
import py_compile
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

import stomper_sdk
from stomper_sdk.errors import CommandError, MachineError, PipelineError, UsageError
from stomper_sdk.model.pipeline import SandboxSpec
from stomper_sdk.model.result import RunResult
from stomper_sdk.process import CommandLimit, Completed, adopting_orphans, run_command
from stomper_sdk.sandbox import Sandbox, find_sandbox
from stomper_sdk.sandbox import choice as choosing
from stomper_sdk.sandbox.bare import bare_python

Make = Callable[..., Any]
FIX = 'sed -i "/^import/d" "$1"'


def sandbox(kind: str, root: Path, **options: Any) -> Sandbox:
    found = trio.run(find_sandbox, SandboxSpec(kind=kind, **options), root)  # type: ignore[arg-type]
    assert found is not None
    return found


def inside(kind: str, place: Path, *words: str, **options: Any) -> Completed:
    """What a command came to that may write in a place."""
    cell = sandbox(kind, place, **options).around(place)

    async def main() -> Completed:
        with adopting_orphans():
            return await run_command(words, cwd=place, timeout=20, confinement=cell)

    return trio.run(main)


def fixed_by(script: str, user: Any, sections: dict[str, Any]) -> RunResult:
    """A run in which a shell script is the agent."""
    command = {"use": "command", "run": ["bash", "-c", script, "bash", "{file}"], "prompt": "none"}
    base = {"extends": "default", "checks": {"ruff": {"use": "ruff", "select": ["F401"]}}}
    rest = {"retry": {"max_attempts": 1}, "test_validation": {"mode": "none"}}
    return stomper_sdk.run({**base, "agents": {"builtin": command}, **rest, **sections}, repo=user.root)


@pytest.fixture
def user(make_checkout: Make) -> Any:
    return make_checkout({"a.py": "import os\n\nprint(1)\n"})


def test_a_command_outlives_the_thread_that_started_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system ends bubblewrap with that thread, and trio's threads end when they are idle."""
    monkeypatch.setattr("trio._core._thread_cache.IDLE_TIMEOUT", 0.1)
    assert inside(kind, tmp_path, "sleep", "1").exit_code == 0


def test_input_output_and_exit_code_pass(kind: str, tmp_path: Path) -> None:
    done = inside(kind, tmp_path, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.argv[0], done.exit_code, done.text, done.error_text) == ("sh", 7, "out\n", "err\n")


def test_a_missing_program_is_told_as_outside(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="the program 'no-such-program' is missing"):
        inside(kind, tmp_path, "no-such-program")


def test_home_and_temporary_folder_are_new_each_time_and_gone(kind: str, tmp_path: Path) -> None:
    script = 'ls -A "$HOME" "$TMPDIR" | grep -v /tmp: ; touch "$HOME/x" "$TMPDIR/y"; echo "$HOME"'
    for _ in range(2):
        *_, home = inside(kind, tmp_path, "sh", "-c", script).text.split()
        assert not Path(home).parent.exists()
    assert not (Path(os.environ["HOME"]) / "x").exists()


def test_what_may_be_written_is_found_in_the_private_home(kind: str, tmp_path: Path) -> None:
    state, place = Path.home() / ".agent" / "state", tmp_path / "place"
    state.mkdir(parents=True)
    place.mkdir()
    inside(kind, place, "sh", "-c", "echo 1 > ~/.agent/state/kept", writable=("~/.agent/state",))
    assert (state / "kept").read_text() == "1\n"


def test_git_reads_the_workspace_and_writes_nothing(kind: str, user: Any) -> None:
    script = (
        "set -e; echo y >> a.py; git status -s; git diff --stat; git log --oneline; ! git add a.py; " + FIX
    )
    result = fixed_by(script, user, {"sandbox": {"kind": kind}})
    assert result.files[0].outcome == "fixed" or "y" in str(result.files[0].reason), result.files[0].reason
    said = result.files[0].attempts[0].reply
    assert " M a.py" in said and "1 file changed" in said and "start" in said


def test_prompt_and_findings_can_be_read(kind: str, user: Any) -> None:
    words = [
        "bash",
        "-c",
        f"cat $2 $3 | grep -c F401; {FIX}",
        "bash",
        "{file}",
        "{prompt_file}",
        "{findings_json}",
    ]
    agent = {"use": "command", "run": words, "prompt": "file"}
    result = fixed_by("", user, {"agents": {"builtin": agent}, "sandbox": {"kind": kind}})
    assert (result.files[0].outcome, result.files[0].attempts[0].reply > "0") == ("fixed", True)


def test_ruff_fixes_inside(kind: str, user: Any) -> None:
    result = stomper_sdk.run(repo=user.root, overrides={"sandbox": {"kind": kind}})
    assert (result.exit_code, user.shown("HEAD", "a.py")) == (0, "\nprint(1)\n")


def test_hooks_run_inside(kind: str, user: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    hook = user.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"git diff --cached --stat; touch {out}/hooked 2>/dev/null; test ! -e {out}/hooked")
    hook.chmod(0o755)
    result = fixed_by(f"rm -f .git; git init -q .; {FIX}", user, {"sandbox": {"kind": kind}})
    assert (result.files[0].outcome, list(out.iterdir())) == ("fixed", []), result.files[0].reason


def test_the_hook_that_writes_the_message_writes_it(kind: str, user: Any) -> None:
    hook = user.root / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\necho "Checked: yes" >> "$1"\n')
    hook.chmod(0o755)
    fixed_by(FIX, user, {"sandbox": {"kind": kind}})
    assert user.git("log", "-1", "--format=%b").rstrip().endswith("Checked: yes")


def test_the_disk_is_not_filled(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((4096, 4096, 1000, 20, 20, 0, 0, 0, 0, 255))
    monkeypatch.setattr("stomper_sdk.sandbox.limits.os.statvfs", lambda place: full)
    with pytest.raises(CommandLimit, match=r"the disk that holds .* is nearly full"):
        inside(kind, tmp_path, "sleep", "20")


def test_a_limit_that_is_not_of_time_is_no_timeout(kind: str, user: Any) -> None:
    script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 20 & done; wait"
    result = fixed_by(script, user, {"sandbox": {"kind": kind, "processes": 8}})
    attempt = result.files[0].attempts[0]
    assert (attempt.outcome, attempt.failure) == ("agent_error", "error")
    assert "more than 8 processes (sandbox.processes)" in str(attempt.reason)


def test_a_small_disk_is_not_filled(kind: str, user: Any, tmp_path: Path) -> None:
    """On a file system of its own, mounted for this run alone; the next file finds room again."""
    small, path = tmp_path / "small", tmp_path / "pipeline.yaml"
    small.mkdir()
    user.commit({"b.py": "import os\n"}, "more")
    script = f"test $1 = b.py || (dd if=/dev/zero of=big bs=64K; sleep 20); {FIX}"
    agent = {"use": "command", "run": ["sh", "-c", script, "sh", "{file}"], "prompt": "none"}
    rest = {
        "retry": {"max_attempts": 1},
        "test_validation": {"mode": "none"},
        "workspace": {"root": str(small)},
    }
    checks = {"ruff": {"use": "ruff", "select": ["F401"]}}
    limited = {"sandbox": {"kind": kind}, "parallelism": {"max_parallel_files": 1}}
    path.write_text(
        json.dumps({"extends": "default", "checks": checks, "agents": {"builtin": agent}, **rest, **limited})
    )
    run = [
        sys.executable,
        "-m",
        "stomper_sdk",
        "run",
        str(path),
        "--repo",
        str(user.root),
        "--output",
        "json",
    ]
    mount = ["unshare", "--mount", "sh", "-ec", f'mount -t tmpfs -o size=400m none {small}; exec "$@"', "sh"]
    done = subprocess.run([*mount, *run], capture_output=True, text=True, timeout=60, check=False)
    if "ermission denied" in done.stderr or "not permitted" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    files = {file["path"]: file for file in json.loads(done.stdout)["files"]}
    assert (files["a.py"]["outcome"], files["b.py"]["outcome"]) == ("error", "fixed")
    assert "is nearly full" in files["a.py"]["reason"]


# What is refused


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole search path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "git", "ls", "sed", "bash", "ruff"):
        found = choosing.shutil.which(name) or str(Path(sys.executable).parent / name)
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "the program bwrap is missing"),
        ("#!/bin/sh\necho bwrap: No permissions to create new namespace >&2; exit 1\n", "No permissions"),
        ('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n', "inside can write outside"),
    ],
)
def test_a_kind_that_does_not_hold_is_refused(script: str, said: str, bare: Path, user: Any) -> None:
    if script:
        (bare / "bwrap").write_text(script)
        (bare / "bwrap").chmod(0o755)
    with pytest.raises(MachineError) as caught:
        fixed_by(FIX, user, {"sandbox": {"kind": "bubblewrap"}})
    assert "sandbox.kind: bubblewrap does not work here" in caught.value.message
    assert said in caught.value.message and "apt-get install bubblewrap" in caught.value.hint
    assert (user.subjects, user.leftovers()) == (["start"], [])


def test_auto_takes_what_there_is_and_says_so(bare: Path, user: Any, refusal: Callable[[str], str]) -> None:
    if reason := refusal("landlock"):
        pytest.skip(reason)
    result = fixed_by(FIX, user, {"sandbox": {"kind": "auto"}})
    assert result.files[0].outcome == "fixed"
    assert any("the sandbox is landlock" in notice for notice in result.notices)


def test_auto_is_refused_where_nothing_works(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "landlock_version", lambda: 5)
    with pytest.raises(MachineError, match=r"bwrap is missing; landlock .* Linux 6\.12 or newer"):
        sandbox("auto", tmp_path)


def test_landlock_is_refused_where_it_cannot_hold_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Callable[[str], str]
) -> None:
    if reason := refusal("landlock"):
        pytest.skip(reason)
    monkeypatch.setattr(choosing.platform, "machine", lambda: "riscv64")
    with pytest.raises(MachineError, match="from the network"):
        sandbox("landlock", tmp_path)
    assert sandbox("landlock", tmp_path, network="allow").network


@pytest.mark.parametrize(
    ("writable", "said"),
    [("missing", "there is no "), (".", "would open"), (".git/hooks", "would open"), ("/", "would open")],
)
def test_what_would_open_the_repository_is_refused(writable: str, said: str, user: Any) -> None:
    with pytest.raises(UsageError, match=f"sandbox.writable: .*{said}"):
        fixed_by(FIX, user, {"sandbox": {"kind": "auto", "writable": [writable]}})
    assert user.leftovers() == []


def test_a_function_is_refused_before_anything_runs(user: Any) -> None:
    given = {"agents": {"builtin": lambda task: None}, "overrides": {"sandbox": {"kind": "auto"}}}
    with pytest.raises(PipelineError, match=r"agents\.builtin: it runs in this process"):
        stomper_sdk.run(repo=user.root, **given)
    assert not (user.root / ".stomper").exists()


def test_memory_is_read_in_every_unit() -> None:
    written = {"512M": 512 * 2**20, "1.5G": 3 * 2**29, 2**21: 2**21}
    for text, size in written.items():
        pipeline = json.dumps({"extends": "default", "sandbox": {"kind": "auto", "memory": text}})
        assert stomper_sdk.load_pipeline(pipeline).sandbox.memory == size


def test_byte_code_of_another_time_is_not_run(tmp_path: Path) -> None:
    """As an upgrade leaves it where Python may write none."""
    source = tmp_path / "told.py"
    source.write_text("print('old')\n")
    module = ModuleType("told")
    module.__file__ = str(source)

    def said() -> tuple[str, bool]:
        words = bare_python(module)
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout, words[-1] == str(
            source
        )

    assert said() == ("old\n", True)
    py_compile.compile(str(source))
    assert said() == ("old\n", False)
    source.write_text("print('newer')\n")
    assert said() == ("newer\n", True)
    py_compile.compile(str(source))
    assert said() == ("newer\n", False)
